"""Sources of nodes: what launches them, what they are, and the nodes themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from eks_auditor.model.cluster import Subnet
from eks_auditor.model.gap import Gap

type Kind = Literal["managed", "self-managed", "karpenter", "auto-mode", "fargate", "standalone"]
KINDS: tuple[Kind, ...] = ("managed", "self-managed", "karpenter", "auto-mode", "fargate", "standalone")


ADDRESSES_OF_A_PREFIX = 16
"""An IPv4 prefix of an interface is a ``/28``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A network interface of a node.

    Attributes:
        subnet_id: Where it takes its addresses.
        primary: Whether it is the node's first one; what else a node has is for its pods.
        addresses: IPv4 addresses that it holds one by one, its own included.
        prefixes: IPv4 prefixes that it holds.
    """

    subnet_id: str
    primary: bool
    addresses: int
    prefixes: int = 0

    @property
    def taken(self) -> int:
        """All IPv4 addresses that the subnet cannot give to another."""
        return self.addresses + ADDRESSES_OF_A_PREFIX * self.prefixes


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An EC2 instance of the cluster.

    Attributes:
        id: ``i-…``.
        image_id: What it runs.
        instance_type: ``m7g.large``.
        zone_id: The physical zone.
        launched_at: When it was launched.
        tags: Its tags.
        interfaces: Its network interfaces, the primary one first; none where EC2 tells none.
    """

    id: str
    image_id: str
    instance_type: str
    zone_id: str
    launched_at: datetime
    tags: Mapping[str, str] = field(default_factory=dict)
    interfaces: tuple[Interface, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """A taint in Kubernetes' words: effect ``NoSchedule``, ``NoExecute`` or ``PreferNoSchedule``."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthIssue:
    """One entry of a node group's ``health.issues``."""

    code: str
    message: str
    resource_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceType:
    """An instance type's shape.

    Attributes:
        name: ``m7g.large``.
        architecture: ``arm64`` or ``x86_64``.
        vcpus: Its default number of vCPUs.
        memory_mib: In MiB.
        accelerators: GPUs and Neuron devices.
        addresses_per_interface: IPv4 addresses that one network interface can hold; None where EC2 does not tell.
    """

    name: str
    architecture: str
    vcpus: int
    memory_mib: int
    accelerators: int = 0
    addresses_per_interface: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupInstance:
    """An instance as its Auto Scaling group lists it, with the group's lifecycle state."""

    id: str
    zone_id: str
    lifecycle_state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedLaunch:
    """A launch, as a scaling activity, that ended ``Failed`` or ``Cancelled`` in the last 24 hours.

    Attributes:
        zone_id: Where, when the activity says.
        at: When it began.
        message: The cause as Auto Scaling words it.
    """

    zone_id: str | None
    at: datetime
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUse:
    """A launch template's version that a group launches from.

    Attributes:
        id: ``lt-…``.
        name: What people call it.
        version: The number of the version in use, ``$Default`` and ``$Latest`` resolved.
        default_version: The number of the template's default version.
        created_at: When the version in use was made; None where only EKS's description of a node group names it.
    """

    id: str
    name: str
    version: str
    default_version: str | Gap
    created_at: datetime | None = None


LAUNCH_TEMPLATE_GONE = frozenset(
    {
        "InvalidLaunchTemplateId.NotFound",
        "InvalidLaunchTemplateId.VersionNotFound",
        "InvalidLaunchTemplateName.NotFoundException",
    }
)
"""EC2's codes for a launch template, or a version of one, that does not exist ("Error codes for the EC2 API")."""


def is_gone(gap: Gap) -> bool:
    """Say whether a group's launch is a gap because its launch template or the version in use does not exist.

    EC2 ends one of its three codes on ``Exception`` and two not: both spellings of each count.
    """
    code = gap.error.partition(":")[0]
    return code.removesuffix("Exception") in {known.removesuffix("Exception") for known in LAUNCH_TEMPLATE_GONE}


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingReference:
    """What a launch names and EC2 or IAM does not know.

    Attributes:
        what: ``security group``, ``instance profile``, ``key pair``, ``subnet`` or ``placement group``.
        id: How the launch names it.
    """

    what: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityReservation:
    """A capacity reservation or Capacity Block as ``ec2:DescribeCapacityReservations`` tells it.

    Attributes:
        id: ``cr-…``.
        zone_id: The only zone that it reserves capacity in.
        state: ``active``, ``scheduled``, ``expired``, ``cancelled``, ``failed`` and so on.
        ends_at: When it ends by itself; None for one without an end.
        capacity_block: Whether it is a Capacity Block for ML.
    """

    id: str
    zone_id: str
    state: str
    ends_at: datetime | None = None
    capacity_block: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchConfig:
    """What the next instance of a group would be launched from, over all of its templates and overrides.

    Attributes:
        image_ids: The configured images; ``resolve:ssm:NAME`` where the parameter could not be resolved.
        instance_types: In the order the group lists them; empty for instance requirements.
        pins: What ties it to one zone on purpose, in words ("a cluster placement group", "EFA").
        templates: The launch template versions in use; none with a launch configuration.
        configuration: The launch configuration's name; None with templates.
        missing: What it names and does not exist, or the gap that hides whether something is missing.
        reservations: What it launches into by name, and nowhere else: ids of capacity reservations and Capacity Blocks
            (``cr-…``), and ARNs of resource groups of such, whose members are not visible.
    """

    image_ids: tuple[str, ...]
    instance_types: tuple[str, ...]
    pins: tuple[str, ...] = ()
    templates: tuple[TemplateUse, ...] = ()
    configuration: str | None = None
    missing: tuple[MissingReference, ...] | Gap = ()
    reservations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingGroup:
    """An Auto Scaling group.

    Attributes:
        name: Its name.
        arn: Its ARN.
        created_at: When it was made.
        min_size: Its least number of instances.
        max_size: Its greatest.
        desired: The number it wants now.
        tags: All of its tags.
        subnets: Where it may launch.
        instances: What it holds, whatever the lifecycle state.
        suspended: Suspended processes, such as ``AZRebalance``.
        launch: What it launches.
        failed_launches: Of the last 24 hours.
        hand_scalings: How often in 14 days somebody (the autoscaler, as a rule) set the desired capacity by request.
        refresh: The status of an instance refresh that is not over, or None.
    """

    name: str
    arn: str
    created_at: datetime
    min_size: int
    max_size: int
    desired: int
    tags: Mapping[str, str]
    subnets: tuple[Subnet, ...] | Gap
    instances: tuple[GroupInstance, ...]
    suspended: frozenset[str]
    launch: LaunchConfig | Gap
    failed_launches: tuple[FailedLaunch, ...] | Gap = ()
    hand_scalings: int | Gap = 0
    refresh: str | Gap | None = None

    @property
    def in_service(self) -> tuple[GroupInstance, ...]:
        """The instances that are capacity: ``InService`` only, never warm, standby or leaving."""
        return tuple(i for i in self.instances if i.lifecycle_state == "InService")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """One source of nodes in a cluster.

    Attributes:
        name: The node group's, Auto Scaling group's, node pool's or profile's name.
        arn: Its ARN; a documented synthetic one below the cluster's where AWS has none.
        nodes: The instances assigned to it.
    """

    name: str
    arn: str
    nodes: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateError:
    """One entry of an update's ``errors``."""

    code: str
    message: str
    resource_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodegroupUpdate:
    """One update of a node group.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedNodeGroup(Capacity):
    """An EKS managed node group.

    Attributes:
        kind: Always ``managed``.
        status: ``ACTIVE``, ``UPDATING`` and so on.
        version: Its Kubernetes minor; None where EKS gives none (custom images).
        ami_type: As EKS names it.
        release_version: As EKS gives it; an image id for ``CUSTOM``.
        modified_at: When EKS last changed it.
        labels: Declared labels.
        taints: Declared taints.
        health_issues: What EKS reports.
        groups: Its Auto Scaling groups (one, as EKS makes them; none yet while creating).
        capacity_type: ``ON_DEMAND``, ``SPOT`` or ``CAPACITY_BLOCK``.
        template: The user's own launch template as the node group names it; None where EKS's own is all there is.
        updates: Its updates that were described, in no order.
        max_unavailable: How many nodes an update takes at once, or None where a percentage says so.
        max_unavailable_percentage: That percentage.
    """

    kind: Literal["managed"] = "managed"
    status: str
    version: str | None
    ami_type: str
    release_version: str | None
    modified_at: datetime
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    health_issues: tuple[HealthIssue, ...]
    groups: tuple[ScalingGroup, ...] | Gap
    capacity_type: str = "ON_DEMAND"
    template: TemplateUse | None = None
    updates: tuple[NodegroupUpdate, ...] | Gap = ()
    max_unavailable: int | None = None
    max_unavailable_percentage: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfManagedGroup(Capacity):
    """An Auto Scaling group whose instances join the cluster by themselves.

    Attributes:
        kind: Always ``self-managed``.
        group: The Auto Scaling group.
        labels: What its kubelets register with; a gap while user data is not read.
        taints: Likewise.
    """

    kind: Literal["self-managed"] = "self-managed"
    group: ScalingGroup
    labels: Mapping[str, str] | Gap
    taints: tuple[Taint, ...] | Gap

    @property
    def groups(self) -> tuple[ScalingGroup, ...]:
        """Its one group, in the shape that managed node groups have."""
        return (self.group,)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePool(Capacity):
    """The instances of one Karpenter node pool or one Auto Mode node pool."""

    kind: Literal["karpenter", "auto-mode"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FargateProfile(Capacity):
    """A Fargate profile."""

    kind: Literal["fargate"] = "fargate"
    status: str
    subnets: tuple[Subnet, ...] | Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class StandaloneNodes(Capacity):
    """All joined instances that no group and no pool owns, together."""

    kind: Literal["standalone"] = "standalone"


type GroupCapacity = ManagedNodeGroup | SelfManagedGroup
type AnyCapacity = ManagedNodeGroup | SelfManagedGroup | NodePool | FargateProfile | StandaloneNodes
