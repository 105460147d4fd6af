"""Empty answers that other answers contradict: what AWS leaves out of one list and tells elsewhere is not gone.

An empty list is evidence, as a rule: so AWS tells that there is nothing. It is none where something that was read
beside it cannot be without what the list lacks. Then the list is a gap, what needs it is UNKNOWN, and the last word on
it stands. None of these gaps is retryable: should AWS mean it, an audit that waits would never be saved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.assignment import NODEGROUP, is_own_group

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from eks_auditor.model.cluster import ClusterId
    from eks_auditor.snapshot.autoscaling import DescribedGroup

_IN_SERVICE = "InService"


def leaves_itself_out(cluster: ClusterId, live: frozenset[str] | Gap) -> Gap | None:
    """Doubt a list of clusters without the one that has just been described."""
    if isinstance(live, Gap) or cluster.name in live:
        return None
    said = f"UnexpectedAnswer: it leaves out {cluster.name}, which DescribeCluster finds"
    return Gap("eks:ListClusters", cluster.region, said)


def of_node_groups(groups: Iterable[DescribedGroup], cluster: str) -> tuple[DescribedGroup, ...]:
    """Return the Auto Scaling groups with instances that EKS's tags give to node groups of a cluster."""
    return tuple(
        group for group in groups if group.instances and NODEGROUP in group.tags and is_own_group(group.tags, cluster)
    )


def no_node_group(cluster: ClusterId, listed: tuple[str, ...] | Gap, of_eks: Collection[DescribedGroup]) -> Gap | None:
    """Doubt that a cluster has no node group, while an Auto Scaling group of one runs instances."""
    if isinstance(listed, Gap) or listed or not of_eks:
        return None
    first = min(of_eks, key=lambda group: group.name)
    said = f"UnexpectedAnswer: it lists none, and {first.name} is the Auto Scaling group of {first.tags[NODEGROUP]}"
    return Gap("eks:ListNodegroups", cluster.arn, said)


def no_instance(cluster: ClusterId, found: Collection[object], of_eks: Collection[DescribedGroup]) -> Gap | None:
    """Doubt that a cluster has no node at all, while an Auto Scaling group of EKS's has some in service."""
    serving = [group for group in of_eks if any(each.lifecycle_state == _IN_SERVICE for each in group.instances)]
    if found or not serving:
        return None
    first = min(serving, key=lambda group: group.name)
    said = f"UnexpectedAnswer: it tells no node, and {first.name} has {len(first.instances)} instances"
    return Gap("ec2:DescribeInstances", cluster.name, said)


def no_group(cluster: ClusterId, named: Collection[str]) -> Gap:
    """Doubt that not one Auto Scaling group exists, while running nodes name some."""
    said = f"UnexpectedAnswer: it tells no group, and nodes name {len(named)}, such as {min(named)}"
    return Gap("autoscaling:DescribeAutoScalingGroups", cluster.name, said)
