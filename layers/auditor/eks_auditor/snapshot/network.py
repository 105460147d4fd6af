"""Subnets by id and zones by name: what turns AWS's references into a snapshot's subnets and zone ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eks_auditor.model.gap import Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eks_auditor.model.cluster import Subnet


@dataclass(frozen=True, slots=True)
class Network:
    """The subnets that were read.

    Attributes:
        vpc: All subnets of the cluster's VPC.
        others: Subnets of other VPCs that groups launch in, by id; a gap for one that does not exist.
    """

    vpc: tuple[Subnet, ...] | Gap
    others: Mapping[str, Subnet | Gap] = field(default_factory=dict)

    def missing(self, subnet_ids: Iterable[str]) -> frozenset[str]:
        """Return the ids that are none of the VPC's; none while the VPC itself could not be read."""
        if isinstance(self.vpc, Gap):
            return frozenset()
        return frozenset(subnet_ids) - {subnet.id for subnet in self.vpc}

    def subnet(self, subnet_id: str) -> Subnet | Gap:
        """Return a subnet."""
        if isinstance(self.vpc, Gap):
            return self.vpc
        for subnet in self.vpc:
            if subnet.id == subnet_id:
                return subnet
        unread = "InvalidSubnetID.NotFound: the subnet does not exist"
        return self.others.get(subnet_id, Gap("ec2:DescribeSubnets", subnet_id, unread))

    def subnets(self, subnet_ids: Iterable[str]) -> tuple[Subnet, ...] | Gap:
        """Return subnets, or the gap of the first that could not be read."""
        found = []
        for subnet_id in subnet_ids:
            subnet = self.subnet(subnet_id)
            if isinstance(subnet, Gap):
                return subnet
            found.append(subnet)
        return tuple(found)

    def zone_id(self, zone: str) -> str:
        """Return the id of a zone that is given by id or by this account's name for it.

        A zone without a subnet that was read keeps its name: nothing can be compared with it then.
        """
        vpc = () if isinstance(self.vpc, Gap) else self.vpc
        others = (subnet for subnet in self.others.values() if not isinstance(subnet, Gap))
        return next((subnet.zone_id for subnet in (*vpc, *others) if subnet.zone_name == zone), zone)
