"""Why there is no snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eks_auditor.model.cluster import ClusterId
    from eks_auditor.model.gap import Gap


class ClusterGoneError(Exception):
    """The cluster does not exist, and a successful ListClusters beside it does not list it: evidence of deletion."""

    def __init__(self, cluster: ClusterId) -> None:
        """Name it."""
        super().__init__(f"{cluster.arn} does not exist any more: neither DescribeCluster nor ListClusters finds it")
        self.cluster = cluster


class ClusterUnreadableError(Exception):
    """The cluster could not be described, which says nothing about whether it exists."""

    def __init__(self, cluster: ClusterId, gap: Gap) -> None:
        """Carry what was in the way; ``gap.retryable`` says whether trying again may help."""
        super().__init__(f"{cluster.arn} could not be read: {gap}")
        self.cluster = cluster
        self.gap = gap
