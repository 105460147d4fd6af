"""The VPCs of a Region: their zones, and in each zone subnets for nodes, pods, the control plane and NAT gateways."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from local_aws.fleet import Region
from local_aws.fleet_network import Egress, Subnets
from local_aws.geography import zone_id
from local_aws.identity import resource_id
from local_aws.images import Document
from local_aws.world import RegionState, tags_of

_FREE_IN_PUBLIC: Final = 240
_INTERNAL: Mapping[str, str] = {"Key": "kubernetes.io/role/internal-elb", "Value": "1"}
_FACING_OUT: Mapping[str, str] = {"Key": "kubernetes.io/role/elb", "Value": "1"}


class Purpose(StrEnum):
    """What a subnet is for; subnets are named after it, such as `pods-a`."""

    PRIVATE = "private"
    PODS = "pods"
    CONTROL_PLANE = "control-plane"
    PUBLIC = "public"


_BLOCKS: Mapping[Purpose, tuple[str, int]] = {
    Purpose.PRIVATE: ("10.{}.0.0/16", 0),
    Purpose.PUBLIC: ("10.{}.0.0/24", 100),
    Purpose.CONTROL_PLANE: ("10.{}.0.0/28", 200),
    # What AWS's guide to custom networking takes: addresses that are routed inside of the VPC only.
    Purpose.PODS: ("100.{}.0.0/18", 64),
}
"""Purpose to the CIDR block of its subnets, and the number that it has in the first zone."""


@dataclass(frozen=True, slots=True)
class BuiltVpc:
    """A VPC of a Region: its id, and what the fleet says of it."""

    id: str
    zones: Mapping[str, Subnets]
    egress: Egress

    @property
    def gateway_zones(self) -> list[str]:
        """The letters of the zones in which it has a public subnet: for a NAT gateway that is bound to the zone."""
        if isinstance(self.egress, list):
            return self.egress
        return list(self.zones) if self.egress == "every-zone" else []


def vpc_id(state: RegionState, name: str | None) -> str:
    """Return the id of one of the Region's `vpcs`, or of the Region's own."""
    return resource_id("vpc", state.account, state.region, *([] if name is None else [name]))


def vpcs_of(state: RegionState, region: Region) -> list[BuiltVpc]:
    """Return the Region's own VPC and its further ones."""
    own = BuiltVpc(vpc_id(state, None), region.zones, region.egress)
    return [own, *(BuiltVpc(vpc_id(state, name), vpc.zones, vpc.egress) for name, vpc in region.vpcs.items())]


def subnets_for(state: RegionState, vpc: str, purpose: Purpose) -> dict[str, Document]:
    """Return the subnets of a VPC that serve a purpose, by the letters of their zones: found by their names."""
    return {
        subnet["AvailabilityZone"][-1]: subnet
        for subnet in state.subnets.values()
        if subnet["VpcId"] == vpc and tags_of(subnet).get("Name", "").rpartition("-")[0] == purpose
    }


def add_network(state: RegionState, region: Region) -> None:
    """Create the zones of a Region, and in them the subnets of its VPCs."""
    for letter, zone in region.zones.items():
        state.zones[f"{state.region}{letter}"] = zone.id or zone_id(state.region, letter)
    for vpc in vpcs_of(state, region):
        for index, (letter, described) in enumerate(vpc.zones.items()):
            state.zones.setdefault(f"{state.region}{letter}", zone_id(state.region, letter))
            free = {
                Purpose.PRIVATE: described.free,
                Purpose.PODS: described.pods,
                Purpose.CONTROL_PLANE: described.control_plane,
                Purpose.PUBLIC: _FREE_IN_PUBLIC if letter in vpc.gateway_zones else None,
            }
            for purpose, count in free.items():
                if count is not None:
                    _add_subnet(state, vpc.id, purpose, (index, letter), count)
    for instance_type, letters in region.not_offered.items():
        state.not_offered |= {(instance_type, state.zones[f"{state.region}{letter}"]) for letter in letters}


def _add_subnet(state: RegionState, vpc: str, purpose: Purpose, zone: tuple[int, str], free: int) -> None:
    index, letter = zone
    name, (block, first) = f"{state.region}{letter}", _BLOCKS[purpose]
    identifier = resource_id("subnet", vpc, name, purpose)
    state.subnets[identifier] = {
        "SubnetId": identifier,
        "SubnetArn": state.arn("ec2", f"subnet/{identifier}"),
        "VpcId": vpc,
        "OwnerId": state.account,
        "State": "available",
        "CidrBlock": block.format(first + index),
        "AvailabilityZone": name,
        "AvailabilityZoneId": state.zones[name],
        "AvailableIpAddressCount": free,
        "MapPublicIpOnLaunch": purpose is Purpose.PUBLIC,
        "DefaultForAz": False,
        "Ipv6Native": False,
        "Tags": [
            {"Key": "Name", "Value": f"{purpose}-{letter}"},
            dict(_FACING_OUT if purpose is Purpose.PUBLIC else _INTERNAL),
        ],
    }
