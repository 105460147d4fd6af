"""A healthy cluster, piece by piece: each test states only how its own differs.

The cluster ``shop`` runs Kubernetes 1.35 in three zones of eu-west-1, with one managed node group ``web`` of three
nodes, one a zone, at the recommended release of Amazon Linux 2023, and with every tag that EKS sets.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from eks_auditor.model.capacity import (
    KINDS,
    CapacityReservation,
    FailedLaunch,
    FargateProfile,
    GroupInstance,
    InstanceType,
    Interface,
    LaunchConfig,
    ManagedNodeGroup,
    Node,
    NodegroupUpdate,
    NodePool,
    ScalingGroup,
    SelfManagedGroup,
    StandaloneNodes,
    TemplateUse,
)
from eks_auditor.model.cluster import Cluster, ClusterId, Egress, KubernetesVersion, Subnet
from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Ancestor, Image, ImageScan, Release, ReleaseHistory, ReleaseLine
from eks_auditor.model.snapshot import Snapshot

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ZONES = ("euw1-az1", "euw1-az2", "euw1-az3")
CLUSTER_ID = ClusterId("aws", "111122223333", "eu-west-1", "shop")
LINE = ReleaseLine("al2023", "standard", "x86_64", "1.35")
RECOMMENDED_AGE = 5.0
"""Days since AWS recommended the release that healthy capacity runs."""


def gap(action: str = "ec2:DescribeImages", resource: str = "ami-1", error: str = "UnauthorizedOperation: no") -> Gap:
    """A read that failed."""
    return Gap(action, resource, error)


def days_ago(days: float) -> datetime:
    """An instant before now."""
    return NOW - timedelta(days=days)


def cluster(**deviations: Any) -> Cluster:  # noqa: ANN401  any field of it
    """The cluster ``shop``."""
    healthy: dict[str, Any] = {
        "id": CLUSTER_ID,
        "version": "1.35",
        "status": "ACTIVE",
        "created_at": days_ago(400),
        "version_updated_at": days_ago(120),
        "subnet_ids": tuple(subnet(zone).id for zone in ZONES),
        "vpc_id": "vpc-1",
    }
    return Cluster(**healthy | deviations)


def subnet(zone_id: str = "euw1-az1", **deviations: Any) -> Subnet:  # noqa: ANN401  any field of it
    """A private subnet of the cluster's VPC with room."""
    healthy: dict[str, Any] = {
        "id": f"subnet-{zone_id}",
        "vpc_id": "vpc-1",
        "zone_id": zone_id,
        "zone_name": f"eu-west-1{'abcdef'[int(zone_id[-1]) - 1]}",
        "free_addresses": 1000,
        "public": False,
    }
    return Subnet(**healthy | deviations)


def egress(zone_id: str = "euw1-az1", **deviations: Any) -> Egress:  # noqa: ANN401  any field of it
    """The default route of a private subnet, to the NAT gateway of its own zone."""
    healthy: dict[str, Any] = {"target": f"nat-{zone_id}", "zone_id": zone_id, "route_table": f"rtb-{zone_id}"}
    return Egress(**healthy | deviations)


def instance_type(name: str = "m7i.large", **deviations: Any) -> InstanceType:  # noqa: ANN401  any field of it
    """A small general-purpose type."""
    healthy: dict[str, Any] = {"name": name, "architecture": "x86_64", "vcpus": 2, "memory_mib": 8192}
    healthy["addresses_per_interface"] = 10
    return InstanceType(**healthy | deviations)


def image_id(version: str) -> str:
    """The image of a release, as all builders here know it."""
    return f"ami-{''.join(c for c in version if c.isalnum()):0>17}"


def version(days: float = RECOMMENDED_AGE) -> str:
    """The version of an Amazon Linux release built on the day that is ``days`` ago."""
    return f"{days_ago(days):%Y%m%d}"


def release_version(days: float = RECOMMENDED_AGE) -> str:
    """The same as a node group's ``releaseVersion``."""
    return f"1.35.2-{version(days)}"


def release(days: float = RECOMMENDED_AGE, **deviations: Any) -> Release:  # noqa: ANN401  any field of it
    """A release that AWS published ``days`` ago."""
    name = deviations.get("version", version(days))
    healthy: dict[str, Any] = {"version": name, "image_id": image_id(name), "published_at": days_ago(days)}
    return Release(**healthy | deviations)


def history(*days: float, **deviations: Any) -> ReleaseHistory:  # noqa: ANN401  any field of it
    """A line's releases by their ages in days, oldest first; the last one is recommended."""
    releases = tuple(release(age) for age in days or (40.0, 20.0, RECOMMENDED_AGE))
    healthy: dict[str, Any] = {
        "parameter": "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended",
        "recommended": releases[-1],
        "releases": releases,
    }
    return ReleaseHistory(**healthy | deviations)


def image(release_day: str | None = None, **deviations: Any) -> Image:  # noqa: ANN401  any field of it
    """The Amazon Linux 2023 image of a release (``20261118``), the recommended one unless told."""
    day = release_day or version()
    healthy: dict[str, Any] = {
        "id": image_id(day),
        "name": f"amazon-eks-node-al2023-x86_64-standard-1.35-v{day}",
        "owner_id": "602401143452",
        "owner_alias": "amazon",
        "description": "EKS-optimized Kubernetes node based on Amazon Linux 2023, (k8s: 1.35.2, containerd: 2.1.*)",
        "created_at": days_ago(RECOMMENDED_AGE),
        "architecture": "x86_64",
    }
    return Image(**healthy | deviations)


def own_image(**deviations: Any) -> Image:  # noqa: ANN401  any field of it
    """An image of the account's own, two days old."""
    healthy: dict[str, Any] = {
        "id": "ami-0c0ffee0c0ffee000",
        "name": "ours",
        "owner_id": CLUSTER_ID.account,
        "owner_alias": None,
        "description": "",
        "created_at": days_ago(2),
    }
    return image(**healthy | deviations)


def ancestor(of: Image | None = None, **deviations: Any) -> Ancestor:  # noqa: ANN401  any field of it
    """What an image was built on: the recommended one, unless told."""
    seen = of or image()
    healthy: dict[str, Any] = {
        "id": seen.id,
        "region": CLUSTER_ID.region,
        "owner_alias": seen.owner_alias,
        "created_at": seen.created_at,
        "image": seen,
    }
    return Ancestor(**healthy | deviations)


def scan(**deviations: Any) -> ImageScan:  # noqa: ANN401  any field of it
    """A scan of yesterday that found nothing with a fix."""
    healthy: dict[str, Any] = {"scanned_at": days_ago(1), "critical_fix_since": None, "high_fix_since": None}
    return ImageScan(**healthy | deviations)


def node(number: int = 1, zone_id: str = "euw1-az1", **deviations: Any) -> Node:  # noqa: ANN401  any field of it
    """An instance of the cluster at the recommended release, launched two days ago."""
    healthy: dict[str, Any] = {
        "id": f"i-{number:017x}",
        "image_id": image_id(version()),
        "instance_type": "m7i.large",
        "zone_id": zone_id,
        "launched_at": days_ago(2),
        "tags": {"aws:eks:cluster-name": "shop"},
        "interfaces": (interface(zone_id),),
    }
    return Node(**healthy | deviations)


def interface(zone_id: str = "euw1-az1", **deviations: Any) -> Interface:  # noqa: ANN401  any field of it
    """A node's only network interface, as the VPC CNI fills it: all of its addresses taken."""
    healthy: dict[str, Any] = {"subnet_id": f"subnet-{zone_id}", "primary": True, "addresses": 10}
    return Interface(**healthy | deviations)


def autoscaler_tags(cluster_name: str = "shop") -> dict[str, str]:
    """The tags of a group that joins a cluster and that Cluster Autoscaler discovers."""
    return {
        f"kubernetes.io/cluster/{cluster_name}": "owned",
        "k8s.io/cluster-autoscaler/enabled": "true",
        f"k8s.io/cluster-autoscaler/{cluster_name}": "owned",
    }


def eks_tags(nodegroup: str = "web", cluster_name: str = "shop") -> dict[str, str]:
    """The tags that EKS sets on a managed group's Auto Scaling group."""
    return {"eks:cluster-name": cluster_name, "eks:nodegroup-name": nodegroup} | autoscaler_tags(cluster_name)


def template_use(**deviations: Any) -> TemplateUse:  # noqa: ANN401  any field of it
    """The default version of a launch template, in use."""
    healthy: dict[str, Any] = {
        "id": "lt-0a1b2c3d4e5f60718",
        "name": "shop-nodes",
        "version": "4",
        "default_version": "4",
    }
    return TemplateUse(**healthy | deviations)


def nodegroup_update(**deviations: Any) -> NodegroupUpdate:  # noqa: ANN401  any field of it
    """A version update of a node group that succeeded ten days ago."""
    healthy: dict[str, Any] = {
        "id": "0f1e2d3c-0000-4000-8000-000000000001",
        "kind": "VersionUpdate",
        "status": "Successful",
        "created_at": days_ago(10),
    }
    return NodegroupUpdate(**healthy | deviations)


def launch(**deviations: Any) -> LaunchConfig:  # noqa: ANN401  any field of it
    """A launch of the recommended image."""
    healthy: dict[str, Any] = {"image_ids": (image_id(version()),), "instance_types": ("m7i.large",)}
    return LaunchConfig(**healthy | deviations)


def failed_launch(zone_id: str | None = "euw1-az1", **deviations: Any) -> FailedLaunch:  # noqa: ANN401  any field of it
    """A launch that failed an hour ago, as EC2 had no capacity."""
    healthy: dict[str, Any] = {
        "zone_id": zone_id,
        "at": NOW - timedelta(hours=1),
        "message": "We currently do not have sufficient m7i.large capacity in the Availability Zone you requested.",
    }
    return FailedLaunch(**healthy | deviations)


def reservation(**deviations: Any) -> CapacityReservation:  # noqa: ANN401  any field of it
    """A capacity reservation in use that has no end."""
    healthy: dict[str, Any] = {"id": "cr-0a1b2c3d4e5f60718", "zone_id": "euw1-az1", "state": "active"}
    return CapacityReservation(**healthy | deviations)


def instances(zones: Sequence[str], *, first: int = 1, lifecycle_state: str = "InService") -> tuple[GroupInstance, ...]:
    """One instance in each zone named, as a group lists them."""
    return tuple(
        GroupInstance(id=f"i-{number:017x}", zone_id=zone, lifecycle_state=lifecycle_state)
        for number, zone in enumerate(zones, start=first)
    )


def scaling_group(
    name: str = "batch",
    *,
    zones: Sequence[str] = ZONES,
    size: int = 3,
    **deviations: Any,  # noqa: ANN401  any field
) -> ScalingGroup:
    """An Auto Scaling group over ``zones`` with ``size`` instances in service, dealt out evenly."""
    healthy: dict[str, Any] = {
        "name": name,
        "arn": f"arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:1:autoScalingGroupName/{name}",
        "created_at": days_ago(90),
        "min_size": 1,
        "max_size": 2 * size + 2,
        "desired": size,
        "tags": autoscaler_tags(),
        "subnets": tuple(subnet(zone) for zone in zones),
        "zone_names": tuple(subnet(zone).zone_name for zone in zones),
        "instances": instances([zones[i % len(zones)] for i in range(size)]),
        "suspended": frozenset(),
        "launch": launch(),
    }
    return ScalingGroup(**healthy | deviations)


def managed(
    name: str = "web",
    *,
    zones: Sequence[str] = ZONES,
    size: int = 3,
    group: Mapping[str, Any] | None = None,
    **deviations: Any,  # noqa: ANN401  any field of it
) -> ManagedNodeGroup:
    """A managed node group; ``group`` are deviations of its Auto Scaling group, such as ``{"max_size": 3}``."""
    own = {"tags": eks_tags(name)} | dict(group or {})
    scaling = scaling_group(f"eks-{name}-0a1b2c3d", zones=zones, size=size, **own)
    healthy: dict[str, Any] = {
        "name": name,
        "arn": f"arn:aws:eks:eu-west-1:111122223333:nodegroup/shop/{name}/0a1b2c3d",
        "nodes": nodes_of(scaling),
        "status": "ACTIVE",
        "version": "1.35",
        "ami_type": "AL2023_x86_64_STANDARD",
        "release_version": release_version(),
        "modified_at": days_ago(3),
        "labels": {},
        "taints": (),
        "health_issues": (),
        "groups": (scaling,),
        "min_size": scaling.min_size,
        "max_size": scaling.max_size,
    }
    return ManagedNodeGroup(**healthy | deviations)


def self_managed(
    name: str = "batch",
    *,
    zones: Sequence[str] = ZONES,
    size: int = 3,
    group: Mapping[str, Any] | None = None,
    **deviations: Any,  # noqa: ANN401  any field of it
) -> SelfManagedGroup:
    """A self-managed group whose labels and taints were read; ``group`` as in :func:`managed`."""
    scaling = scaling_group(name, zones=zones, size=size, **(group or {}))
    healthy: dict[str, Any] = {
        "name": name,
        "arn": scaling.arn,
        "nodes": nodes_of(scaling),
        "group": scaling,
        "labels": {},
        "taints": (),
    }
    return SelfManagedGroup(**healthy | deviations)


def node_pool(name: str = "default", **deviations: Any) -> NodePool:  # noqa: ANN401  any field of it
    """A Karpenter node pool with a node in each zone; ``kind="auto-mode"`` for Auto Mode's."""
    healthy: dict[str, Any] = {
        "name": name,
        "arn": f"{CLUSTER_ID.arn}/karpenter/{name}",
        "kind": "karpenter",
        "nodes": tuple(node(100 + number, zone) for number, zone in enumerate(ZONES)),
    }
    return NodePool(**healthy | deviations)


def fargate(name: str = "serverless", **deviations: Any) -> FargateProfile:  # noqa: ANN401  any field of it
    """A Fargate profile over all zones."""
    healthy: dict[str, Any] = {
        "name": name,
        "arn": f"arn:aws:eks:eu-west-1:111122223333:fargateprofile/shop/{name}/0a1b2c3d",
        "status": "ACTIVE",
        "subnets": tuple(subnet(zone) for zone in ZONES),
    }
    return FargateProfile(**healthy | deviations)


def standalone(**deviations: Any) -> StandaloneNodes:  # noqa: ANN401  any field of it
    """One joined instance that no group owns."""
    healthy: dict[str, Any] = {"name": "standalone", "arn": f"{CLUSTER_ID.arn}/standalone", "nodes": (node(200),)}
    return StandaloneNodes(**healthy | deviations)


def nodes_of(group: ScalingGroup) -> tuple[Node, ...]:
    """The nodes that a group's instances are."""
    images = () if isinstance(group.launch, Gap) else group.launch.image_ids
    runs = images[0] if images else image_id(version())
    return tuple(node(zone_id=i.zone_id, id=i.id, image_id=runs) for i in group.instances)


def snapshot(*capacities: Any, **deviations: Any) -> Snapshot:  # noqa: ANN401  any capacity, any field
    """The cluster as it was read just now; with the capacities named, or the node group ``web``."""
    healthy: dict[str, Any] = {
        "taken_at": NOW,
        "cluster": cluster(),
        "capacities": capacities or (managed(),),
        "complete": dict.fromkeys(KINDS, True),
        "gaps": (),
        "live_clusters": frozenset({"shop"}),
        "versions": kubernetes_versions(),
        "vpc_subnets": tuple(subnet(zone) for zone in ZONES),
        "images": {image_id(version()): image()},
        "releases": {str(LINE): history()},
        "instance_types": {"m7i.large": instance_type()},
        "offered_zones": {"m7i.large": frozenset(ZONES)},
        "egress": {f"subnet-{zone}": egress(zone) for zone in ZONES},
    }
    return Snapshot(**healthy | deviations)


def kubernetes_versions() -> tuple[KubernetesVersion, ...]:
    """The versions that EKS knows on :data:`NOW`."""
    status = {
        "1.30": "UNSUPPORTED",
        "1.31": "EXTENDED_SUPPORT",
        "1.32": "EXTENDED_SUPPORT",
        "1.33": "EXTENDED_SUPPORT",
        "1.34": "STANDARD_SUPPORT",
        "1.35": "STANDARD_SUPPORT",
        "1.36": "STANDARD_SUPPORT",
    }
    return tuple(KubernetesVersion(minor=minor, status=word) for minor, word in status.items())
