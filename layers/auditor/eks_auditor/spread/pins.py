"""Why a group may be bound to one zone on purpose."""

from collections.abc import Iterable

from eks_auditor.model.capacity import ScalingGroup
from eks_auditor.model.cluster import is_availability_zone
from eks_auditor.model.gap import Gap, known
from eks_auditor.model.snapshot import Snapshot


def excuse(groups: Iterable[ScalingGroup], snapshot: Snapshot) -> str | None:
    """Return what ties groups to one zone on purpose, in words, or None.

    Raises:
        UnreadableError: If their launches, or where their types are offered, could not be read.
    """
    groups = tuple(groups)
    if all(group.max_size <= 1 for group in groups):
        return "it never has more than one node"
    launches = [known(group.launch) for group in groups]
    pins = sorted({pin for launch in launches for pin in launch.pins})
    if pins:
        return ", ".join(pins)
    types = {name for launch in launches for name in launch.instance_types}
    zones = {zone for name in types for zone in _offered(name, snapshot) if is_availability_zone(zone)}
    return f"only {zones.pop()} offers its instance types" if len(zones) == 1 else None


def accelerated(groups: Iterable[ScalingGroup], snapshot: Snapshot) -> bool:
    """Whether groups launch instances with GPUs or Neuron devices, by the first type of each.

    Raises:
        UnreadableError: If their launches or types could not be read.
    """
    first = {name for group in groups for name in known(group.launch).instance_types[:1]}
    missing = {name: Gap("ec2:DescribeInstanceTypes", name, "not read") for name in first}
    return any(known(snapshot.instance_types.get(name, missing[name])).accelerators > 0 for name in sorted(first))


def _offered(name: str, snapshot: Snapshot) -> frozenset[str]:
    return known(snapshot.offered_zones.get(name, Gap("ec2:DescribeInstanceTypeOfferings", name, "not read")))
