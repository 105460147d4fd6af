"""One cluster as it was read: everything that the checks may look at, and nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from eks_auditor.model.capacity import AnyCapacity, CapacityReservation, InstanceType, Kind
from eks_auditor.model.cluster import Cluster, Egress, KubernetesVersion, Subnet
from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Ancestor, Image, ReleaseHistory

SCHEMA_VERSION = 1

LISTED_BY: Mapping[Kind, tuple[str, ...]] = {
    "managed": ("eks:ListNodegroups", "eks:DescribeNodegroup"),
    "self-managed": ("autoscaling:DescribeAutoScalingGroups", "ec2:DescribeInstances"),
    "karpenter": ("ec2:DescribeInstances",),
    "auto-mode": ("ec2:DescribeInstances",),
    "fargate": ("eks:ListFargateProfiles", "eks:DescribeFargateProfile"),
    "standalone": ("ec2:DescribeInstances",),
}
"""The IAM actions whose failure leaves a kind of capacity incomplete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A cluster and its data plane at one instant.

    Attributes:
        schema_version: Of this shape.
        taken_at: The instant before the oldest changeable read in here, shared ones included.
        cluster: The cluster.
        capacities: Its sources of nodes, by kind and name.
        complete: Per kind of capacity: whether every one of that kind was listed and described.
        gaps: Every read that failed.
        live_clusters: The names of all clusters of this account and Region.
        versions: The Kubernetes versions that EKS knows.
        vpc_subnets: All subnets of the cluster's VPC.
        images: The images that capacities and nodes name, by id; ``resolve:ssm:NAME`` where it was not resolved.
        releases: The history of every release line in use, by its text.
        instance_types: The types that groups and nodes name, by name.
        offered_zones: Zone ids that offer a type, by its name; for all types that groups name, and those that match
            their requirements where these are few.
        ancestors: For each configured image that EKS did not publish, by its id: what it descends from, nearest first.
        allowed_images: Allowed AMIs of this account and Region: ``enabled``, ``audit-mode`` or ``disabled``.
        egress: Where the default route of each subnet leads that groups launch in or nodes run in, by its id.
        reservations: The capacity reservations that groups launch into by name, by id.
    """

    schema_version: int = SCHEMA_VERSION
    taken_at: datetime
    cluster: Cluster
    capacities: tuple[AnyCapacity, ...]
    complete: Mapping[Kind, bool]
    gaps: tuple[Gap, ...]
    live_clusters: frozenset[str] | Gap
    versions: tuple[KubernetesVersion, ...] | Gap
    vpc_subnets: tuple[Subnet, ...] | Gap
    images: Mapping[str, Image | Gap]
    releases: Mapping[str, ReleaseHistory | Gap]
    instance_types: Mapping[str, InstanceType | Gap]
    offered_zones: Mapping[str, frozenset[str] | Gap]
    ancestors: Mapping[str, tuple[Ancestor, ...] | Gap] = field(default_factory=dict)
    allowed_images: str | Gap = "disabled"
    egress: Mapping[str, Egress | Gap] = field(default_factory=dict)
    reservations: Mapping[str, CapacityReservation | Gap] = field(default_factory=dict)

    def unseen(self, kinds: Iterable[Kind]) -> Gap | None:
        """Return the gap that hides capacities of these kinds, or None if every one of them was read."""
        for kind in kinds:
            if not self.complete.get(kind, False):
                actions = LISTED_BY[kind]
                found = (gap for gap in self.gaps if gap.action in actions)
                return next(found, Gap(actions[0], self.cluster.id.arn, f"not every {kind} capacity could be read"))
        return None
