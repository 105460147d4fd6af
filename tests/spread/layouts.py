"""Sets of nodes by how many there are in each zone, in the layouts that people make of them."""

from collections.abc import Callable, Sequence

from eks_auditor.model.capacity import ManagedNodeGroup
from eks_auditor.model.finding import Finding
from eks_auditor.model.snapshot import Snapshot
from tests.builders import instances, managed, snapshot, subnet

AZ_REBALANCE_SUSPENDED = frozenset({"AZRebalance"})

type Layout = Callable[[Sequence[int], int], Snapshot]
"""Makes a cluster of these nodes by zone, which may grow by that many: each group that it has may."""


def one_group(counts: Sequence[int], headroom: int = 9, suspended: frozenset[str] = frozenset()) -> Snapshot:
    """A cluster with one group that spans all zones."""
    found = instances([zone for zone, count in zip(_zones(counts), counts, strict=True) for _ in range(count)])
    sizes = {"min_size": 1, "desired": len(found), "max_size": most(len(found), headroom)}
    return _cluster([managed(zones=_zones(counts), group={"instances": found, "suspended": suspended} | sizes)], counts)


def one_group_not_rebalanced(counts: Sequence[int], headroom: int = 9) -> Snapshot:
    """The same, with ``AZRebalance`` suspended."""
    return one_group(counts, headroom, AZ_REBALANCE_SUSPENDED)


def most(count: int, headroom: int) -> int:
    """The maximum size of a group; EKS makes none of less than one."""
    return max(1, count + headroom)


def sibling_groups(counts: Sequence[int], headroom: int = 9) -> Snapshot:
    """A cluster with a group for each zone, none of which may be scaled to zero if it has nodes."""
    groups = []
    for number, (zone, count) in enumerate(zip(_zones(counts), counts, strict=True)):
        sizes = {"min_size": min(1, count), "desired": count, "max_size": most(count, headroom)}
        found = instances([zone] * count, first=1 + 1000 * number)
        groups.append(managed(f"web-{zone[-1]}", zones=[zone], group={"instances": found} | sizes))
    return _cluster(groups, counts)


def of_the_set(findings: Sequence[Finding]) -> Finding:
    """The finding about the one sibling set."""
    (finding,) = (each for each in findings if each.subject.kind == "sibling-set")
    return finding


def _cluster(groups: Sequence[ManagedNodeGroup], counts: Sequence[int]) -> Snapshot:
    zones = _zones(counts)
    return snapshot(
        *groups,
        vpc_subnets=tuple(subnet(zone) for zone in zones),
        offered_zones={"m7i.large": frozenset(zones)},
    )


def _zones(counts: Sequence[int]) -> list[str]:
    return [f"euw1-az{number}" for number in range(1, len(counts) + 1)]
