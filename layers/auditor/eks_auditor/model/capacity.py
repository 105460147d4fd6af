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
    """A taint in Kubernetes' words: effect ``NoSchedule``, ``NoExecute`` or ``PreferNoSchedule``.

    Attributes:
        key: Its key.
        value: Its value; empty where it has none.
        effect: What it does.
        has_value: False only where EKS tells no value at all, which is another thing than an empty one to Cluster
            Autoscaler; to a node it is the same.
    """

    key: str
    value: str
    effect: str
    has_value: bool = field(default=True, compare=False)


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
        gpus: GPUs, whoever made them.
        gpu_maker: Who made them, as EC2 writes it (``NVIDIA``, ``AMD``); empty without a GPU.
        neuron_devices: Inferentia and Trainium devices.
        neuron_cores: Their cores, all devices together.
    """

    name: str
    architecture: str
    vcpus: int
    memory_mib: int
    accelerators: int = 0
    addresses_per_interface: int | None = None
    gpus: int = 0
    gpu_maker: str = ""
    neuron_devices: int = 0
    neuron_cores: int = 0


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


UNRESOLVED = "resolve:ssm:"
"""What the name of a configured image begins with where it stands in a parameter that could not be resolved."""

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
class Bounds:
    """The least and the greatest number that is wanted of something; None where there is no greatest."""

    least: int
    greatest: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRequirements:
    """What a group wants of its instances instead of naming their types.

    Attributes:
        vcpus: How many.
        memory_mib: How much memory, in MiB.
        accelerators: How many accelerators; None where nothing is said of them.
        types: The types that EC2 matches, by name; a gap where it was not told.
        accelerator_makers: Who may have made the accelerators, as EC2 writes it here (``nvidia``); none for anyone.
        accelerator_kinds: What they may be (``gpu``, ``inference``); none for anything.
        sets: How many overrides or templates ask for something, each by requirements of its own; the bounds are the
            widest of them.
    """

    vcpus: Bounds
    memory_mib: Bounds
    accelerators: Bounds | None = None
    types: tuple[str, ...] | Gap = ()
    accelerator_makers: tuple[str, ...] = ()
    accelerator_kinds: tuple[str, ...] = ()
    sets: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """How a group buys its instances.

    Attributes:
        on_demand_base: Its first instances that are On-Demand.
        on_demand_percentage: How much of the rest is.
        spot_strategy: ``price-capacity-optimized``, ``lowest-price`` and so on; None where no policy says so.
    """

    on_demand_base: int = 0
    on_demand_percentage: int = 100
    spot_strategy: str | None = None

    @property
    def spot(self) -> bool:
        """Whether any instance may be Spot."""
        return self.on_demand_percentage < 100  # noqa: PLR2004  per cent


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
        weights: The ``WeightedCapacity`` of each type that has one, by its name.
        requirements: What it wants instead of types; None where it names types.
        purchase: How it buys them.
        base_type: The type that a mixed instances policy's own launch template names, where the autoscaler goes by
            that template (a group's ``policy`` is ``template``); else None.
    """

    image_ids: tuple[str, ...]
    instance_types: tuple[str, ...]
    pins: tuple[str, ...] = ()
    templates: tuple[TemplateUse, ...] = ()
    configuration: str | None = None
    missing: tuple[MissingReference, ...] | Gap = ()
    reservations: tuple[str, ...] = ()
    weights: Mapping[str, int] = field(default_factory=dict)
    requirements: InstanceRequirements | None = None
    purchase: Purchase = Purchase()
    base_type: str | None = None


type MixedPolicy = Literal["types", "requirements", "template"]
"""What Cluster Autoscaler goes by in a mixed instances policy: the types of its overrides if any names one, the
requirements of its only override, else its own launch template. Source: kubernetes/autoscaler,
``auto_scaling_groups.go``, ``buildAsgFromAWS``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingPolicy:
    """A scaling policy of a group.

    Attributes:
        name: Its name.
        kind: ``TargetTrackingScaling``, ``StepScaling``, ``SimpleScaling`` or ``PredictiveScaling``.
        enabled: Whether it acts.
        mode: Of a predictive one: ``ForecastOnly`` or ``ForecastAndScale``; None of others.
    """

    name: str
    kind: str
    enabled: bool = True
    mode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledAction:
    """A scheduled action of a group; a size that it leaves alone is None.

    Attributes:
        name: Its name.
        recurrence: When it comes again, as cron writes it; None for one that happens once.
        starts_at: When it happens, or happens first; None where the recurrence alone says so.
        ends_at: When it happens no more.
    """

    name: str
    recurrence: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    min_size: int | None = None
    max_size: int | None = None
    desired: int | None = None


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
        hand_scalings: How often in 14 days somebody (the autoscaler, as a rule) raised the desired capacity by request.
        refresh: The status of an instance refresh that is not over, or None.
        zone_names: Its zones in Auto Scaling's order, by the account's names for them.
        policy: What the autoscaler goes by in its mixed instances policy; None without one.
        lost_template: Why that policy's own launch template, not one of an override, could not be read; None if it was.
        policies: Its scaling policies.
        scheduled: Its scheduled actions.
        capacity_rebalance: Whether it replaces Spot instances that are at risk.
        scaled_at: When its desired capacity last changed, by its activities of 14 days; None where it did not.
        wished_at: When somebody last raised its desired capacity by request, likewise.
        hand_scaling_days: On how many days of the 14 somebody raised it.
        wished_size: The greatest size that was asked for within 24 hours; None where none was.
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
    zone_names: tuple[str, ...] = ()
    policy: MixedPolicy | None = None
    lost_template: Gap | None = None
    policies: tuple[ScalingPolicy, ...] | Gap = ()
    scheduled: tuple[ScheduledAction, ...] | Gap = ()
    capacity_rebalance: bool = False
    scaled_at: datetime | Gap | None = None
    wished_at: datetime | Gap | None = None
    hand_scaling_days: int = 0
    wished_size: int | None = None

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
        update_strategy: ``DEFAULT`` (an update launches new nodes first) or ``MINIMAL`` (it terminates old ones first).
        tags: Its own tags, which its Auto Scaling group does not get.
        min_size: The least size that EKS was told; None where it does not tell.
        max_size: The greatest, likewise.
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
    update_strategy: str = "DEFAULT"
    tags: Mapping[str, str] = field(default_factory=dict)
    min_size: int | None = None
    max_size: int | None = None


UNDECLARED = "NotDeclared"
"""How the gap begins of labels and taints of a self-managed group that its user data does not tell, or not readably.

No read failed there, and another audit will not know more: the verdict tells it, the audit's gaps do not.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfManagedGroup(Capacity):
    """An Auto Scaling group whose instances join the cluster by themselves.

    Attributes:
        kind: Always ``self-managed``.
        group: The Auto Scaling group.
        labels: What its kubelets register with, by the user data of its launch template; a gap where that is
            unreadable.
        taints: Likewise.
        declared_in: The form of that user data, such as ``bootstrap.sh`` or ``NodeConfig``; empty where none is known.
    """

    kind: Literal["self-managed"] = "self-managed"
    group: ScalingGroup
    labels: Mapping[str, str] | Gap
    taints: tuple[Taint, ...] | Gap
    declared_in: str = ""

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
