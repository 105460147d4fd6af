"""Whether a capacity is just changing: what its size and spread say then is not what its owner meant."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from eks_auditor.model.capacity import AnyCapacity, ManagedNodeGroup, NodePool, ScalingGroup, SelfManagedGroup
from eks_auditor.model.gap import Gap, known
from eks_auditor.model.snapshot import Snapshot

CHANGING = frozenset({"CREATING", "UPDATING", "DELETING"})
SETTLING = timedelta(minutes=30)
YOUNG = timedelta(minutes=30)
CHURN_PERCENT = 20
"""A pool of which more than this share is young is being replaced."""


@dataclass(frozen=True, slots=True)
class Update:
    """A change under way, or just over.

    Attributes:
        reason: What changes, in words.
        due_at: When it is over by time alone; None where nobody knows.
    """

    reason: str
    due_at: datetime | None = None


def updating(capacity: AnyCapacity, snapshot: Snapshot) -> Update | None:
    """Say whether a capacity is updating, or settles after it.

    The end of an update is taken from ``modifiedAt``; of an instance refresh and a zonal shift AWS names no end that
    this snapshot holds, so they count while they run.

    Raises:
        UnreadableError: If that could not be read.
    """
    match capacity:
        case ManagedNodeGroup():
            return _status(capacity, snapshot.taken_at) or _of_groups(capacity, snapshot)
        case SelfManagedGroup():
            return _of_groups(capacity, snapshot)
        case NodePool():
            return _shifted(capacity, snapshot) or _churn(capacity, snapshot.taken_at)
        case _:
            return None


def joined(capacities: Iterable[AnyCapacity], snapshot: Snapshot) -> Update | None:
    """Join the updates under way of several capacities; they are over when the last one is.

    Raises:
        UnreadableError: If that could not be read of one of them.
    """
    return together(update for capacity in capacities if (update := updating(capacity, snapshot)) is not None)


def together(changes: Iterable[Update]) -> Update | None:
    """Make one update of several, or None of none."""
    updates = tuple(changes)
    if not updates:
        return None
    ends = [update.due_at for update in updates if update.due_at is not None]
    reasons = dict.fromkeys(update.reason for update in updates)
    return Update("; ".join(reasons), max(ends) if len(ends) == len(updates) else None)


def _status(nodegroup: ManagedNodeGroup, now: datetime) -> Update | None:
    if nodegroup.status in CHANGING:
        return Update(f"{nodegroup.name} is {nodegroup.status}")
    settled_at = nodegroup.modified_at + SETTLING
    if now < settled_at:
        minutes = int((now - nodegroup.modified_at) / timedelta(minutes=1))
        return Update(f"{nodegroup.name} was changed {minutes} min ago and settles", settled_at)
    return None


def _of_groups(capacity: ManagedNodeGroup | SelfManagedGroup, snapshot: Snapshot) -> Update | None:
    for group in known(capacity.groups):
        refresh = known(group.refresh)
        if refresh is not None:
            return Update(f"an instance refresh of {group.name} is {refresh}")
    return _shifted(capacity, snapshot)


def _shifted(capacity: AnyCapacity, snapshot: Snapshot) -> Update | None:
    """Tell an active zonal shift by the trace that EKS leaves: a suspended ``AZRebalance``.

    A managed group shows it itself. For all else, every managed group of the cluster must show it: one alone may
    have been suspended by hand. Source: https://docs.aws.amazon.com/eks/latest/userguide/zone-shift.html
    """
    if not snapshot.cluster.zonal_shift:
        return None
    managed = [c for c in snapshot.capacities if isinstance(c, ManagedNodeGroup)]
    witnesses = [capacity] if isinstance(capacity, ManagedNodeGroup) else managed
    groups = [group for witness in witnesses for group in _readable(witness)]
    if groups and all("AZRebalance" in group.suspended for group in groups):
        return Update("a zonal shift seems to be active: EKS may shift this cluster, and AZRebalance is suspended")
    return None


def _readable(nodegroup: ManagedNodeGroup) -> tuple[ScalingGroup, ...]:
    return () if isinstance(nodegroup.groups, Gap) else nodegroup.groups


def _churn(pool: NodePool, now: datetime) -> Update | None:
    """Find the last time at which more than a fifth of the pool was young, and settle from its end.

    ``burst`` launches within :data:`YOUNG` make such a time; it is over when the first of them is no longer young.
    """
    launches = sorted(node.launched_at for node in pool.nodes)
    burst = len(launches) * CHURN_PERCENT // 100 + 1
    bursts = zip(launches, launches[burst - 1 :], strict=False)
    ends = [first + YOUNG + SETTLING for first, last in bursts if last - first < YOUNG and last <= now]
    if ends and now < max(ends):
        return Update(f"more than {CHURN_PERCENT} % of the nodes of {pool.name} are new and settle", max(ends))
    return None
