"""Whether a group's instance types can start in a zone at all."""

from collections.abc import Iterable

from eks_auditor.model.gap import Gap, known
from eks_auditor.model.snapshot import Snapshot


def offers_none(zone: str, types: Iterable[str], snapshot: Snapshot) -> bool:
    """Whether a zone offers none of these instance types.

    Raises:
        UnreadableError: If none is seen to be offered there, and where one of them is offered could not be read.
    """
    offered = [_zones_of(name, snapshot) for name in types]
    if any(zone in zones for zones in offered if not isinstance(zones, Gap)):
        return False
    return bool(tuple(map(known, offered)))


def _zones_of(name: str, snapshot: Snapshot) -> frozenset[str] | Gap:
    return snapshot.offered_zones.get(name, Gap("ec2:DescribeInstanceTypeOfferings", name, "not read"))
