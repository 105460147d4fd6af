"""Subnets by id and zones by name: what turns AWS's references into a snapshot's subnets and zone ids."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.reading import for_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mypy_boto3_ec2 import EC2Client

    from eks_auditor.model.cluster import Subnet
    from eks_auditor.snapshot.reads import Reads


@dataclass(frozen=True, slots=True)
class Network:
    """The subnets that were read.

    Attributes:
        vpc_id: The cluster's VPC.
        listed: All subnets of the account and Region, by id.
        asked_for: Subnets that were asked for by id because they were not listed; a gap for one that could not be read.
    """

    vpc_id: str
    listed: Mapping[str, Subnet] | Gap
    asked_for: Mapping[str, Subnet | Gap] = field(default_factory=dict)

    @property
    def vpc(self) -> tuple[Subnet, ...] | Gap:
        """The subnets of the cluster's VPC."""
        if isinstance(self.listed, Gap):
            return self.listed
        return tuple(subnet for subnet in self.listed.values() if subnet.vpc_id == self.vpc_id)

    def missing(self, subnet_ids: Iterable[str]) -> frozenset[str]:
        """Return the ids that are not listed; none while the list itself could not be read."""
        return frozenset() if isinstance(self.listed, Gap) else frozenset(subnet_ids) - self.listed.keys()

    def subnet(self, subnet_id: str) -> Subnet | Gap:
        """Return a subnet."""
        if isinstance(self.listed, Gap):
            return self.listed
        unread = Gap("ec2:DescribeSubnets", subnet_id, "InvalidSubnetID.NotFound: the subnet does not exist")
        return self.listed.get(subnet_id) or self.asked_for.get(subnet_id, unread)

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
        listed = () if isinstance(self.listed, Gap) else self.listed.values()
        asked_for = (subnet for subnet in self.asked_for.values() if not isinstance(subnet, Gap))
        return next((subnet.zone_id for subnet in (*listed, *asked_for) if subnet.zone_name == zone), zone)


def with_subnets(
    reads: Reads,
    network: Network,
    subnet_ids: Iterable[str],
    ask: Callable[[EC2Client, tuple[str, ...]], Mapping[str, Subnet | Gap] | Gap],
) -> Network:
    """Ask for what is not listed: the list may be older than a subnet, and must not make one missing that is there."""
    missing = tuple(sorted(network.missing(subnet_ids)))
    if not missing:
        return network
    found = reads.start(ask, reads.clients.ec2, missing).result()
    answers = for_each(found, missing) if isinstance(found, Gap) else found
    return replace(network, asked_for={**network.asked_for, **answers})
