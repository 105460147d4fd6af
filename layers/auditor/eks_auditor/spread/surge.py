"""How many nodes an update of a managed group replaces at once, and how many it launches for that."""

from eks_auditor.model.capacity import ManagedNodeGroup
from eks_auditor.model.gap import Gap

MOST_AT_ONCE = 100
"""The most nodes that EKS replaces at once, whatever is configured.

Source: https://docs.aws.amazon.com/eks/latest/APIReference/API_NodegroupUpdateConfig.html
"""

PER_ZONE = 2
"""Nodes that EKS launches in each zone, so that each zone's new ones come before its old ones go."""


def most_at_once(group: ManagedNodeGroup) -> int:
    """Return how many nodes an update of a group replaces at once: one where nothing says otherwise."""
    if group.max_unavailable is not None:
        wanted = group.max_unavailable
    else:
        wanted = size(group) * (group.max_unavailable_percentage or 0) // 100
    return min(max(wanted, 1), MOST_AT_ONCE)


def surge(group: ManagedNodeGroup, zones: int) -> int:
    """Return how many nodes an update launches before it takes the first one away, in all zones of the group.

    None with the strategy ``MINIMAL``, which terminates nodes first and launches the new ones in their place.
    Sources: https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html, "Scale up phase", and
    https://docs.aws.amazon.com/eks/latest/APIReference/API_NodegroupUpdateConfig.html
    """
    if group.update_strategy == "MINIMAL":
        return 0
    return max(PER_ZONE * zones, most_at_once(group))


def size(group: ManagedNodeGroup) -> int:
    """Return how many nodes a group has: the Auto Scaling groups may hold some that are not seen as nodes yet."""
    groups = () if isinstance(group.groups, Gap) else group.groups
    return max(len(group.nodes), sum(len(scaling.instances) for scaling in groups))
