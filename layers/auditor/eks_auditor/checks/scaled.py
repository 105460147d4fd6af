"""Which groups Cluster Autoscaler scales, and so which its checks judge; and since when one stands at its maximum."""

from collections.abc import Iterable
from datetime import datetime

from eks_auditor.autoscaler.scaler import Scaler
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, ScalingGroup
from eks_auditor.model.gap import UnreadableError, known
from eks_auditor.model.verdict import Verdict, not_applicable, settling
from eks_auditor.policy.thresholds import Threshold, days

LOOKED_BACK = 14
"""Days of scaling activities that a snapshot knows of: of what was before, it cannot tell since when it lasts."""


def at_rest_for(what: str) -> Threshold:
    """Declare how long a size has to stand unchanged; ``what`` happens then."""
    return days(7, what, greatest=LOOKED_BACK)


def no_group(capacity: GroupCapacity) -> Verdict:
    """Say that there is no group to judge."""
    return not_applicable(f"{capacity.name} has no Auto Scaling group")


def left_out(capacity: GroupCapacity, group: ScalingGroup, scaler: Scaler) -> Verdict | None:
    """Say why a group is not judged: nothing scales it by tags, or it is switched off for now; None where it is.

    Raises:
        UnreadableError: If what would decide it could not be read.
    """
    unjudged = not_scaled(capacity, group, scaler)
    if unjudged is None and switched_off(group):
        return settling(f"{group.name} may have no node now: its maximum is 0, so it is switched off")
    return unjudged


def not_scaled(capacity: GroupCapacity, group: ScalingGroup, scaler: Scaler) -> Verdict | None:
    """Say why the autoscaler is not taken to scale a group; None where it is.

    Raises:
        UnreadableError: If what would decide it could not be read.
    """
    if scaler.certainty == "proof":
        return None
    meant = scaler.certainty == "intent" and not scaler.rivals
    if meant and not fixed(capacity, group):
        if scaler.rival_gap is not None:
            raise UnreadableError(scaler.rival_gap)
        return None
    if scaler.gap is not None:
        raise UnreadableError(scaler.gap)
    if meant:
        return not_applicable(
            f"{group.name} has the fixed size {group.max_size}, and no proof that the autoscaler runs"
        )
    if scaler.certainty == "intent":
        return not_applicable(f"no proof that Cluster Autoscaler runs, and something else does ({scaler.because})")
    return not_applicable(f"Cluster Autoscaler is not seen to scale this cluster ({scaler.because})")


def all_left_out(groups: Iterable[tuple[GroupCapacity, ScalingGroup]], scaler: Scaler) -> Verdict | None:
    """Say why none of these groups is judged; None where one is, or where there is none.

    Raises:
        UnreadableError: If what would decide it could not be read.
    """
    unjudged = [left_out(capacity, group, scaler) for capacity, group in groups]
    said = [verdict for verdict in unjudged if verdict is not None]
    if len(said) < len(unjudged):
        return None
    return min(said, key=lambda verdict: not verdict.settling, default=None)


def fixed(capacity: GroupCapacity, group: ScalingGroup) -> bool:
    """Whether a group has one size on purpose, as EKS was told of a managed one.

    EKS itself raises the maximum of the Auto Scaling group while it updates nodes. What is switched off has no size.
    """
    if switched_off(group):
        return False
    if isinstance(capacity, ManagedNodeGroup) and None not in (capacity.min_size, capacity.max_size):
        return capacity.min_size == capacity.max_size
    return group.min_size == group.max_size


def switched_off(group: ScalingGroup) -> bool:
    """Whether a group may have no node at all, as schedules have it for the night: nothing is meant by its sizes."""
    return group.max_size == 0


def at_max(group: ScalingGroup) -> bool:
    """Whether it wants all the instances that it may have."""
    return group.desired >= group.max_size


def at_rest_since(group: ScalingGroup) -> datetime:
    """Return when its size last changed, or it was made; 14 days are looked back on.

    Raises:
        UnreadableError: If its activities could not be read.
    """
    scaled_at = known(group.scaled_at)
    return group.created_at if scaled_at is None else max(group.created_at, scaled_at)
