"""Which groups of a capacity can launch a node: only those can take the pods of a zone that fails."""

from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, ScalingGroup
from eks_auditor.model.gap import Gap


def launching(capacity: GroupCapacity) -> tuple[ScalingGroup, ...] | Gap:
    """Return a capacity's groups that can launch, or what hides them.

    None can of a managed group that is being deleted, or that failed to be made or deleted and has nothing in
    service; nor can a group of maximum size 0, nor one whose ``Launch`` process is suspended.
    """
    if isinstance(capacity, ManagedNodeGroup) and capacity.status == "DELETING":
        return ()
    if isinstance(capacity.groups, Gap):
        return capacity.groups
    failed = isinstance(capacity, ManagedNodeGroup) and capacity.status.endswith("_FAILED")
    if failed and not any(group.in_service for group in capacity.groups):
        return ()
    return tuple(group for group in capacity.groups if group.max_size > 0 and "Launch" not in group.suspended)
