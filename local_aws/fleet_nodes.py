"""What a fleet description says of nodes: the groups and pools they come from, and what these launch from."""

# ruff: noqa: RUF012 - these are pydantic models, which give every instance a copy of its defaults

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from local_aws.fleet_scaling import Mixed, ScalingPolicy, Schedule, Sizes
from local_aws.fleet_words import Age, Described, Judged, Letter, Minor, Taint, published_ami_type


class HealthIssue(Described):
    """An issue as EKS lists it on a cluster or a node group."""

    code: str
    message: str
    resources: list[str] = []


class NodeGroupUpdate(Described):
    """An update of a node group in EKS's list of updates."""

    type: str = "VersionUpdate"
    status: Literal["InProgress", "Failed", "Cancelled", "Successful"] = "Successful"
    started: Age
    error: str | None = None
    message: str = ""
    """What EKS says of the error; left out: the error's code."""
    resources: list[str] = []
    """What the error is about; left out: the Auto Scaling group."""


class OlderNodes(Described):
    """Nodes, of those desired, that were launched from something older than what their capacity launches now.

    Without `release`, `superseded` and `image` they run the same image and are only older.
    """

    nodes: int = Field(default=1, ge=1)
    release: Age | None = None
    superseded: Age | None = None
    image: str | None = None
    version: int | None = None
    """Version of the launch template they came from; left out: the one in use."""
    launched: Age = timedelta(days=40)

    @model_validator(mode="after")
    def _one_image(self) -> Self:
        _demand_one_image(self)
        return self


class Override(Described):
    """An instance type with an image of its own in a mixed instances policy; nodes take the overrides in turn."""

    type: str
    ami: str = "AL2023_x86_64_STANDARD"
    release: Age | None = None
    superseded: Age | None = None
    image: str | None = None
    by: Literal["template", "image"] = "template"
    """Whether the override names a launch template of its own or only an image."""

    @model_validator(mode="after")
    def _one_image(self) -> Self:
        _demand_one_image(self)
        return self


class Versions(Described):
    """The versions of a launch template."""

    used: int | Literal["$Default", "$Latest"] = 1
    default: int | None = None
    """Left out: the one in use."""
    latest: int | None = None
    """Left out: the highest that is used or default."""

    @property
    def default_number(self) -> int:
        """Return the number of the default version."""
        if self.default is not None:
            return self.default
        return self.used if isinstance(self.used, int) else self.latest or 1

    @property
    def latest_number(self) -> int:
        """Return the number of the latest version."""
        return self.latest or max(self.default_number, self.used if isinstance(self.used, int) else 1)

    @property
    def used_number(self) -> int:
        """Return the number of the version that nodes are launched from."""
        if isinstance(self.used, int):
            return self.used
        return self.default_number if self.used == "$Default" else self.latest_number


class Nodes(Judged):
    """What all sources of nodes share; by default three healthy nodes, one a zone, on the recommended release."""

    ami: str = "AL2023_x86_64_STANDARD"
    kubernetes: Minor | None = None
    release: Age | None = None
    superseded: Age | None = None
    image: str | None = None
    types: list[str] = Field(default=["m6i.large"], min_length=1)
    zones: list[Letter] | None = None
    spread: dict[Letter, int] | None = None
    desired: int = 3
    launched: Age = timedelta(days=5)
    older: list[OlderNodes] = []
    labels: dict[str, str] = {}
    taints: list[Taint] = []

    @field_validator("ami")
    @classmethod
    def _known(cls, value: str) -> str:
        return value if value == "CUSTOM" else published_ami_type(value)

    @model_validator(mode="after")
    def _one_image(self) -> Self:
        if self.ami == "CUSTOM" and self.image is None:
            message = "a CUSTOM AMI type needs an image"
            raise ValueError(message)
        _demand_one_image(self)
        return self

    @model_validator(mode="after")
    def _older_are_nodes(self) -> Self:
        older = sum(each.nodes for each in self.older)
        if older > self.desired:
            message = f"{older} older nodes are more than the {self.desired} desired"
            raise ValueError(message)
        return self


class ScalingGroup(Nodes):
    """Nodes of an Auto Scaling group."""

    min: int = 1
    max: int = 6
    spot: bool = False
    created: Age = timedelta(days=120)
    tags: dict[str, str] = {}
    """Further tags of the Auto Scaling group; none of them reach the nodes."""
    without_tags: list[str] = []
    """Tags that were taken off the Auto Scaling group."""
    suspended: list[str] = []
    policies: dict[str, ScalingPolicy] = {}
    """Scaling policies by name."""
    schedules: dict[str, Schedule] = {}
    """Scheduled actions by name."""
    asked_for: list[Age] = []
    """When somebody set the desired capacity by request, as Cluster Autoscaler does."""
    failed_launches: dict[Letter, str] = {}
    """Zone to the message of launches that fail there now."""
    versions: Versions = Versions()
    """Of its launch template; of a managed group, of the user's own that it names."""
    reservation: str | None = None
    """A capacity reservation of the Region, by its name there, that it launches into."""
    missing: list[
        Literal[
            "template",
            "template-version",
            "security-group",
            "instance-profile",
            "key-pair",
            "subnet",
            "placement-group",
        ]
    ] = []
    """What it launches from, or what that names, and nobody has any more."""

    @model_validator(mode="after")
    def _sizes(self) -> Self:
        if not self.min <= self.desired <= self.max:
            message = f"desired {self.desired} is not between min {self.min} and max {self.max}"
            raise ValueError(message)
        return self


class NodeGroup(ScalingGroup):
    """A managed node group."""

    status: Literal["CREATING", "ACTIVE", "UPDATING", "DELETING", "CREATE_FAILED", "DELETE_FAILED", "DEGRADED"] = (
        "ACTIVE"
    )
    modified: Age = timedelta(days=5)
    health: list[HealthIssue] = []
    updates: list[NodeGroupUpdate] = []
    edited: Sizes = Sizes()
    eks_tags: dict[str, str] = {}
    """The node group's own tags, which EKS hands on to nothing."""
    max_unavailable: int = 1
    max_unavailable_percentage: int | None = None
    """Instead of a number."""
    node_repair: bool = True
    launch_template: str | None = None
    """A launch template of the user's own; EKS copies it, and the copy is what the Auto Scaling group uses."""

    @model_validator(mode="after")
    def _own_image_is_custom(self) -> Self:
        if self.image is not None and self.ami != "CUSTOM":
            message = "a node group with an image of its own has the AMI type CUSTOM"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _versions_are_of_a_template(self) -> Self:
        if self.launch_template is None and self.versions != Versions():
            message = "versions are those of a launch_template, and none is named"
            raise ValueError(message)
        if not isinstance(self.versions.used, int):
            message = "EKS keeps the number of the version it was given, not an alias"
            raise ValueError(message)  # noqa: TRY004 - pydantic takes no other
        return self

    @model_validator(mode="after")
    def _edited_sizes_hold_its_nodes(self) -> Self:
        least = self.min if self.edited.min is None else self.edited.min
        most = self.max if self.edited.max is None else self.edited.max
        if not least <= self.desired <= most:
            message = f"desired {self.desired} is not between the edited min {least} and max {most}"
            raise ValueError(message)
        return self


class SelfManagedGroup(ScalingGroup):
    """An Auto Scaling group that joins nodes by user data, tagged as eksctl tags it."""

    discovery: bool = True
    """Whether it carries Cluster Autoscaler's two discovery tags."""
    user_data: bool = True
    """Whether its launch template says how the nodes join."""
    joins_by: Literal["bootstrap.sh", "NodeConfig", "Bottlerocket", "PowerShell"] | None = None
    """The form in which it says so; left out: that of its AMI type's operating system."""
    secret: bool = False
    """Whether its user data holds a password as well, as that of many people does."""
    launch_configuration: bool = False
    """Whether it launches from a launch configuration instead of a template."""
    by_parameter: bool = False
    """Whether its template names the image by the public parameter of the recommended one: `resolve:ssm:…`."""
    overrides: list[Override] = []
    mixed: Mixed | None = None
    """How it mixes types and ways to buy; left out: it launches the first type, from a template alone."""
    rebalance: bool | None = None
    """Whether it replaces Spot instances that are at risk; left out: as a Spot group."""
    reserved_by: Literal["template", "group"] = "template"
    """Whether its launch template names the reservation or the Auto Scaling group itself."""

    @model_validator(mode="after")
    def _configurations_reserve_nothing(self) -> Self:
        if self.launch_configuration and self.reservation is not None and self.reserved_by == "template":
            message = "a launch configuration names no reservation: say reserved_by: group"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _launches_in_one_way(self) -> Self:
        if self.mixed is not None and (self.overrides or self.launch_configuration):
            message = "mixed types are launched from one template: say no overrides and no launch_configuration"
            raise ValueError(message)
        return self


class Pool(Nodes):
    """Nodes without an Auto Scaling group: Karpenter's, Auto Mode's, or launched by hand."""

    scaler: Literal["karpenter", "auto-mode", "standalone"] = "karpenter"


class FargateProfile(Judged):
    """A Fargate profile."""

    zones: list[Letter] | None = None
    namespaces: list[str] = ["default"]


def _demand_one_image(chosen: OlderNodes | Override | Nodes) -> None:
    if sum(said is not None for said in (chosen.release, chosen.superseded, chosen.image)) > 1:
        message = "say only one of release, superseded and image"
        raise ValueError(message)
