"""What keeps nodes out of a zone, as far as AWS shows it."""

from collections.abc import Iterable, Iterator

from eks_auditor.model.capacity import ScalingGroup
from eks_auditor.model.gap import Gap, known
from eks_auditor.model.snapshot import Snapshot

FEW_ADDRESSES = 16
"""Less than the one prefix (``/28``) that a node with prefix delegation needs to run pods."""

STOPPING = ("AZRebalance", "Launch")
"""Suspended processes without which Auto Scaling brings no node into a zone that lacks one."""

MESSAGE_SHOWN = 160


def launches_failed(zone: str, groups: Iterable[ScalingGroup]) -> bool:
    """Whether a launch failed in this zone within the last 24 hours.

    Raises:
        UnreadableError: If the activities of a group could not be read.
    """
    return any(launch.zone_id == zone for group in groups for launch in known(group.failed_launches))


def causes(zone: str, groups: Iterable[ScalingGroup], snapshot: Snapshot) -> tuple[str, ...]:
    """Return the visible causes, in words; what could not be read is no cause."""
    return tuple(cause for group in groups for cause in _of_group(zone, group, snapshot))


def _of_group(zone: str, group: ScalingGroup, snapshot: Snapshot) -> Iterator[str]:
    for process in STOPPING:
        if process in group.suspended:
            yield f"{process} of {group.name} is suspended"
    yield from _failed_launches(zone, group)
    if not isinstance(group.subnets, Gap):
        there = sorted((s.id, s.free_addresses) for s in group.subnets if s.zone_id == zone)
        if there and all(free < FEW_ADDRESSES for _, free in there):
            yield from (f"{subnet} has {free} free addresses" for subnet, free in there)
    if _not_offered(zone, group, snapshot):
        yield f"{zone} offers none of the instance types of {group.name}"


def _failed_launches(zone: str, group: ScalingGroup) -> Iterator[str]:
    if isinstance(group.failed_launches, Gap):
        return
    there = [launch for launch in group.failed_launches if launch.zone_id == zone]
    if there:
        last = max(there, key=lambda launch: (launch.at, launch.message))
        message = " ".join(last.message.split())[:MESSAGE_SHOWN]
        yield f"{len(there)} launches of {group.name} failed there in 24 hours, the last with: {message}"


def _not_offered(zone: str, group: ScalingGroup, snapshot: Snapshot) -> bool:
    types = () if isinstance(group.launch, Gap) else group.launch.instance_types
    offered = [snapshot.offered_zones.get(name) for name in types]
    read = [zones for zones in offered if zones is not None and not isinstance(zones, Gap)]
    return bool(types) and len(read) == len(types) and not any(zone in zones for zones in read)
