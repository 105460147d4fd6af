"""What keeps nodes out of a zone, as far as AWS shows it."""

from collections.abc import Iterable, Iterator

from eks_auditor.model.capacity import ScalingGroup
from eks_auditor.model.gap import Gap, UnreadableError
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.spread.failed_launches import failed_by_zone
from eks_auditor.spread.offerings import offers_none

FEW_ADDRESSES = 16
"""Less than the one prefix (``/28``) that a node with prefix delegation needs to run pods."""

STOPPING = ("AZRebalance", "Launch")
"""Suspended processes without which Auto Scaling brings no node into a zone that lacks one."""


def launches_failed(zone: str, groups: Iterable[ScalingGroup]) -> bool:
    """Whether a launch failed in this zone within the last 24 hours.

    Raises:
        UnreadableError: If the activities of a group could not be read.
    """
    return any(failed.zone_id == zone for group in groups for failed in failed_by_zone(group))


def causes(zone: str, groups: Iterable[ScalingGroup], snapshot: Snapshot) -> tuple[str, ...]:
    """Return the visible causes, in words; what could not be read is no cause."""
    return tuple(cause for group in groups for cause in _of_group(zone, group, snapshot))


def _of_group(zone: str, group: ScalingGroup, snapshot: Snapshot) -> Iterator[str]:
    yield from _stopped(group, snapshot)
    yield from _failed_launches(zone, group)
    if not isinstance(group.subnets, Gap):
        there = sorted((s.id, s.free_addresses) for s in group.subnets if s.zone_id == zone)
        if there and all(free < FEW_ADDRESSES for _, free in there):
            yield from (f"{subnet} has {free} free addresses" for subnet, free in there)
    if _not_offered(zone, group, snapshot):
        yield f"{zone} offers none of the instance types of {group.name}"


def _stopped(group: ScalingGroup, snapshot: Snapshot) -> Iterator[str]:
    for process in STOPPING:
        if process in group.suspended:
            # What EKS leaves of a zonal shift; where it is sure to be one, nothing is judged that asks for causes.
            shifted = process == "AZRebalance" and snapshot.cluster.zonal_shift
            yield f"{process} of {group.name} is suspended{', by hand or by a zonal shift' if shifted else ''}"


def _failed_launches(zone: str, group: ScalingGroup) -> Iterator[str]:
    if not isinstance(group.failed_launches, Gap):
        yield from (str(failed) for failed in failed_by_zone(group) if failed.zone_id == zone)


def _not_offered(zone: str, group: ScalingGroup, snapshot: Snapshot) -> bool:
    types = () if isinstance(group.launch, Gap) else group.launch.instance_types
    try:
        return bool(types) and offers_none(zone, types, snapshot)
    except UnreadableError:
        return False
