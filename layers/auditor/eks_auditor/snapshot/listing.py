"""What there is to audit: the clusters of an account and Region, and the Regions of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eks_auditor.model.gap import Gap
from eks_auditor.snapshot import eks
from eks_auditor.snapshot.reading import read

if TYPE_CHECKING:
    from eks_auditor.model.cluster import ClusterId
    from eks_auditor.snapshot.clients import Clients

ACTIONS = frozenset({"eks:ListClusters"})
"""What planning needs."""

REGION_ACTIONS = frozenset({"ec2:DescribeRegions"})
"""What the command line's ``--region all`` needs."""


def list_clusters(clients: Clients) -> tuple[ClusterId, ...] | Gap:
    """Return the clusters of the clients' account and Region by name, or why they cannot be listed."""
    names = eks.list_clusters(clients.eks, clients.region)
    return names if isinstance(names, Gap) else tuple(clients.cluster(name) for name in sorted(names))


def enabled_regions(clients: Clients) -> tuple[str, ...] | Gap:
    """Return the names of the Regions that are enabled for the clients' account; every account has some."""
    action = "ec2:DescribeRegions"

    def call() -> tuple[str, ...]:
        return tuple(sorted(region["RegionName"] for region in clients.ec2.describe_regions()["Regions"]))

    return read(action, clients.account, call) or Gap(action, clients.account, "UnexpectedAnswer: it tells no Region")
