"""Reads of EKS: the cluster, its node groups, Fargate profiles and updates, and the Kubernetes versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eks_auditor.model.capacity import FargateProfile, HealthIssue, ManagedNodeGroup, Taint, UpdateError
from eks_auditor.model.cluster import Cluster, ClusterId, KubernetesVersion
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.reading import one_line, read, utc

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_eks import EKSClient
    from mypy_boto3_eks.type_defs import (
        ClusterTypeDef,
        ClusterVersionInformationTypeDef,
        DescribeUpdateRequestTypeDef,
        ListUpdatesRequestPaginateTypeDef,
        NodegroupTypeDef,
        UpdateTypeDef,
    )

ACTIONS = frozenset(
    {
        "eks:DescribeCluster",
        "eks:DescribeClusterVersions",
        "eks:DescribeFargateProfile",
        "eks:DescribeNodegroup",
        "eks:DescribeUpdate",
        "eks:ListClusters",
        "eks:ListFargateProfiles",
        "eks:ListNodegroups",
        "eks:ListPodIdentityAssociations",
        "eks:ListUpdates",
    }
)
"""The IAM actions that the calls in here need."""

AUTOSCALER = "cluster-autoscaler"
"""What the service account of Cluster Autoscaler contains in its chart, its manifests and eksctl's policies."""

_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


@dataclass(frozen=True, slots=True)
class NodegroupTemplate:
    """The user's own launch template as a node group names it; EKS makes a number of ``$Latest`` and ``$Default``."""

    id: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class DescribedNodegroup:
    """A node group, and what of it is yet to be read: its Auto Scaling groups by name, and the user's own template."""

    capacity: ManagedNodeGroup
    group_names: tuple[str, ...]
    template: NodegroupTemplate | None = None


@dataclass(frozen=True, slots=True)
class DescribedFargateProfile:
    """A Fargate profile, and the ids of its subnets, which are yet to be read."""

    capacity: FargateProfile
    subnet_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One update of a cluster or of a node group.

    Attributes:
        id: Its id.
        kind: ``VersionUpdate``, ``ConfigUpdate`` and so on.
        status: ``InProgress``, ``Failed``, ``Cancelled`` or ``Successful``.
        created_at: When it began.
        errors: Why it failed.
    """

    id: str
    kind: str
    status: str
    created_at: datetime
    errors: tuple[UpdateError, ...] = ()

    @property
    def over(self) -> bool:
        """Whether it will not change any more."""
        return self.status != "InProgress"


def list_clusters(client: EKSClient, region: str) -> frozenset[str] | Gap:
    """Return the names of all EKS clusters of the account and Region, registered external ones left out."""

    def call() -> frozenset[str]:
        pages = client.get_paginator("list_clusters").paginate()
        return frozenset(name for page in pages for name in page["clusters"])

    return read("eks:ListClusters", region, call)


def describe_cluster(client: EKSClient, cluster: ClusterId) -> Cluster | Gap:
    """Describe the cluster; its last version update and the autoscaler's identity are read apart."""

    def call() -> Cluster | Gap:
        described = client.describe_cluster(name=cluster.name)["cluster"]
        if "connectorConfig" in described:
            said = "ExternalCluster: it is registered from elsewhere and EKS does not run it; leave it out"
            return Gap("eks:DescribeCluster", cluster.arn, said)
        return _cluster(cluster, described)

    return read("eks:DescribeCluster", cluster.arn, call)


def _cluster(cluster: ClusterId, described: ClusterTypeDef) -> Cluster:
    network = described["resourcesVpcConfig"]
    return Cluster(
        id=cluster,
        version=described["version"],
        status=described["status"],
        created_at=utc(described["createdAt"]),
        version_updated_at=None,
        subnet_ids=tuple(network["subnetIds"]),
        vpc_id=network["vpcId"],
        auto_mode=described.get("computeConfig", {}).get("enabled", False),
        outpost="outpostConfig" in described,
        zonal_shift=described.get("zonalShiftConfig", {}).get("enabled", False),
        ip_family=described.get("kubernetesNetworkConfig", {}).get("ipFamily", "ipv4"),
        tags=dict(described.get("tags", {})),
    )


def describe_cluster_versions(client: EKSClient, region: str) -> tuple[KubernetesVersion, ...] | Gap:
    """Return the Kubernetes versions that EKS knows, those out of support included; none at all is no answer."""
    action = "eks:DescribeClusterVersions"

    def call() -> tuple[KubernetesVersion, ...]:
        pages = client.get_paginator("describe_cluster_versions").paginate(includeAll=True)
        return tuple(_version(version) for page in pages for version in page["clusterVersions"])

    return read(action, region, call) or Gap(action, region, "UnexpectedAnswer: it tells no version")


def _version(described: ClusterVersionInformationTypeDef) -> KubernetesVersion:
    return KubernetesVersion(minor=described["clusterVersion"], status=described["versionStatus"])


def find_autoscaler_identity(client: EKSClient, cluster: ClusterId) -> str | Gap | None:
    """Return ``namespace/service-account`` of a Pod Identity association made for Cluster Autoscaler, or None."""

    def call() -> str | None:
        pages = client.get_paginator("list_pod_identity_associations").paginate(clusterName=cluster.name)
        found = sorted(
            f"{association['namespace']}/{association['serviceAccount']}"
            for page in pages
            for association in page["associations"]
            if AUTOSCALER in association["serviceAccount"]
        )
        return found[0] if found else None

    return read("eks:ListPodIdentityAssociations", cluster.arn, call)


def list_nodegroups(client: EKSClient, cluster: ClusterId) -> tuple[str, ...] | Gap:
    """Return the names of the cluster's node groups."""

    def call() -> tuple[str, ...]:
        pages = client.get_paginator("list_nodegroups").paginate(clusterName=cluster.name)
        return tuple(name for page in pages for name in page["nodegroups"])

    return read("eks:ListNodegroups", cluster.arn, call)


def describe_nodegroup(client: EKSClient, cluster: ClusterId, name: str) -> DescribedNodegroup | Gap:
    """Describe one node group."""

    def call() -> DescribedNodegroup:
        described = client.describe_nodegroup(clusterName=cluster.name, nodegroupName=name)["nodegroup"]
        groups = described.get("resources", {}).get("autoScalingGroups", [])
        return DescribedNodegroup(_nodegroup(described), tuple(group["name"] for group in groups), _template(described))

    return read("eks:DescribeNodegroup", f"{cluster.name}/{name}", call)


def _template(described: NodegroupTypeDef) -> NodegroupTemplate | None:
    named = described.get("launchTemplate")
    return NodegroupTemplate(named["id"], named["name"], named["version"]) if named else None


def _nodegroup(described: NodegroupTypeDef) -> ManagedNodeGroup:
    update, sizes = described.get("updateConfig", {}), described.get("scalingConfig", {})
    return ManagedNodeGroup(
        name=described["nodegroupName"],
        arn=described["nodegroupArn"],
        status=described["status"],
        version=described.get("version"),
        ami_type=described["amiType"],
        release_version=described.get("releaseVersion"),
        modified_at=utc(described["modifiedAt"]),
        labels=dict(described.get("labels", {})),
        taints=tuple(
            Taint(
                key=taint["key"],
                value=taint.get("value", ""),
                # One that nobody knows yet is told as EKS words it.
                effect=_EFFECTS.get(taint["effect"], taint["effect"]),
                has_value="value" in taint,
            )
            for taint in described.get("taints", [])
        ),
        health_issues=tuple(
            HealthIssue(
                code=issue["code"],
                message=one_line(issue.get("message", "")),
                resource_ids=tuple(issue.get("resourceIds", [])),
            )
            for issue in described.get("health", {}).get("issues", [])
        ),
        groups=(),
        capacity_type=described.get("capacityType", "ON_DEMAND"),
        max_unavailable=update.get("maxUnavailable"),
        max_unavailable_percentage=update.get("maxUnavailablePercentage"),
        update_strategy=update.get("updateStrategy", "DEFAULT"),
        tags=dict(described.get("tags", {})),
        min_size=sizes.get("minSize"),
        max_size=sizes.get("maxSize"),
    )


def list_fargate_profiles(client: EKSClient, cluster: ClusterId) -> tuple[str, ...] | Gap:
    """Return the names of the cluster's Fargate profiles."""

    def call() -> tuple[str, ...]:
        pages = client.get_paginator("list_fargate_profiles").paginate(clusterName=cluster.name)
        return tuple(name for page in pages for name in page["fargateProfileNames"])

    return read("eks:ListFargateProfiles", cluster.arn, call)


def describe_fargate_profile(client: EKSClient, cluster: ClusterId, name: str) -> DescribedFargateProfile | Gap:
    """Describe one Fargate profile."""

    def call() -> DescribedFargateProfile:
        answer = client.describe_fargate_profile(clusterName=cluster.name, fargateProfileName=name)
        described = answer["fargateProfile"]
        capacity = FargateProfile(
            name=described["fargateProfileName"],
            arn=described["fargateProfileArn"],
            status=described["status"],
            subnets=(),
        )
        return DescribedFargateProfile(capacity, tuple(described.get("subnets", [])))

    return read("eks:DescribeFargateProfile", f"{cluster.name}/{name}", call)


def list_updates(client: EKSClient, cluster: ClusterId, nodegroup: str | None = None) -> tuple[str, ...] | Gap:
    """Return the ids of the cluster's own updates, or of a node group's; EKS gives them in no order."""
    wanted: ListUpdatesRequestPaginateTypeDef = {"name": cluster.name}
    if nodegroup is not None:
        wanted["nodegroupName"] = nodegroup

    def call() -> tuple[str, ...]:
        pages = client.get_paginator("list_updates").paginate(**wanted)
        return tuple(name for page in pages for name in page["updateIds"])

    return read("eks:ListUpdates", cluster.arn if nodegroup is None else f"{cluster.name}/{nodegroup}", call)


def describe_update(
    client: EKSClient, cluster: ClusterId, update_id: str, nodegroup: str | None = None
) -> Update | Gap:
    """Describe one of the cluster's own updates, or of a node group's."""
    wanted: DescribeUpdateRequestTypeDef = {"name": cluster.name, "updateId": update_id}
    if nodegroup is not None:
        wanted["nodegroupName"] = nodegroup
    resource = "/".join(part for part in (cluster.name, nodegroup, update_id) if part is not None)
    return read("eks:DescribeUpdate", resource, lambda: _update(client.describe_update(**wanted)["update"]))


def _update(described: UpdateTypeDef) -> Update:
    return Update(
        id=described["id"],
        kind=described["type"],
        status=described["status"],
        created_at=utc(described["createdAt"]),
        errors=tuple(
            UpdateError(
                code=error.get("errorCode", "Unknown"),
                message=one_line(error.get("errorMessage", "")),
                resource_ids=tuple(error.get("resourceIds", [])),
            )
            for error in described.get("errors", [])
        ),
    )
