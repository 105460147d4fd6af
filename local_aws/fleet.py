"""The fleet description: what `fleet.yaml` may say, what it leaves unsaid, and the sentence for what it says wrongly.

Every age (`90d`, `12h`, `30m`, `2w`) counts back from the instant at which the fleet is loaded.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from local_aws.errors import FleetError
from local_aws.geography import DEFAULT_REGIONS, OPT_IN_REGIONS
from local_aws.images import PUBLISHED_AMI_TYPES

SHIPPED = Path(__file__).with_name("fleet.yaml")

_AGE = re.compile(r"(\d+)([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_TAINT = re.compile(r"[^=:]+(=[^:]*)?:(NoSchedule|NoExecute|PreferNoSchedule)")


def _age(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    found = _AGE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        message = f"{value!r} is no age; write 30m, 12h, 90d or 2w"
        raise ValueError(message)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _taint(value: str) -> str:
    if not _TAINT.fullmatch(value):
        message = f"{value!r} is no taint; write key=value:NoSchedule"
        raise ValueError(message)
    return value


def _ami_type(value: str) -> str:
    if value not in PUBLISHED_AMI_TYPES:
        message = f"{value!r} is no AMI type with published releases"
        raise ValueError(message)
    return value


type Age = Annotated[timedelta, BeforeValidator(_age)]
type Taint = Annotated[str, BeforeValidator(_taint)]
type PublishedAmiType = Annotated[str, BeforeValidator(_ami_type)]
type Letter = Annotated[str, Field(pattern=r"^[a-f]$")]
type Minor = Annotated[str, Field(pattern=r"^1\.\d+$")]
type CheckId = Annotated[str, Field(pattern=r"^[A-Z]+\d{3}$")]
type AccountId = Annotated[str, Field(pattern=r"^\d{12}$")]


class _Described(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Judged(_Described):
    """Something a check may find fault with."""

    wrong: list[CheckId] = []
    why: str = ""


class KubernetesVersion(_Described):
    """A Kubernetes minor on EKS: 14 months of standard support from its release, then 12 of extended support."""

    released: Age
    patch: int = 0


class Releases(_Described):
    """Releases that some AMI types share on some Kubernetes minors; a later entry overrides an earlier one."""

    ami_types: list[PublishedAmiType]
    kubernetes: list[Minor]
    published: list[Age] = Field(min_length=1)
    recommended: Age | None = None
    """Which of them AWS recommends; left out: the newest. Another one means that AWS has rolled back."""

    @model_validator(mode="after")
    def _recommended_was_published(self) -> Self:
        if self.recommended is not None and self.recommended not in self.published:
            message = "the recommended release is none of the published ones"
            raise ValueError(message)
        return self


class HealthIssue(_Described):
    """An issue as EKS lists it on a cluster or a node group."""

    code: str
    message: str
    resources: list[str] = []


class NodeGroupUpdate(_Described):
    """An update of a node group in EKS's list of updates."""

    type: str = "VersionUpdate"
    status: Literal["InProgress", "Failed", "Cancelled", "Successful"] = "Successful"
    started: Age
    error: str | None = None


class Image(_Described):
    """An image that the account has built itself."""

    created: Age = timedelta(days=20)
    description: str = ""
    architecture: Literal["x86_64", "arm64"] = "x86_64"


class Nodes(_Judged):
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
    labels: dict[str, str] = {}
    taints: list[Taint] = []

    @field_validator("ami")
    @classmethod
    def _known(cls, value: str) -> str:
        return value if value == "CUSTOM" else _ami_type(value)

    @model_validator(mode="after")
    def _one_image(self) -> Self:
        if sum(said is not None for said in (self.release, self.superseded, self.image)) > 1:
            message = "say only one of release, superseded and image"
            raise ValueError(message)
        if self.ami == "CUSTOM" and self.image is None:
            message = "a CUSTOM AMI type needs an image"
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
    failed_launches: dict[Letter, str] = {}
    """Zone to the message of launches that fail there now."""

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
    eks_tags: dict[str, str] = {}
    """The node group's own tags, which EKS hands on to nothing."""
    max_unavailable: int = 1
    node_repair: bool = True
    launch_template: str | None = None
    """A launch template of the user's own; EKS copies it, and the copy is what the Auto Scaling group uses."""

    @model_validator(mode="after")
    def _own_image_is_custom(self) -> Self:
        if self.image is not None and self.ami != "CUSTOM":
            message = "a node group with an image of its own has the AMI type CUSTOM"
            raise ValueError(message)
        return self


class SelfManagedGroup(ScalingGroup):
    """An Auto Scaling group that joins nodes by user data, tagged as eksctl tags it."""

    discovery: bool = True
    """Whether it carries Cluster Autoscaler's two discovery tags."""
    user_data: bool = True
    """Whether its launch template says how the nodes join."""


class Pool(Nodes):
    """Nodes without an Auto Scaling group: Karpenter's, Auto Mode's, or launched by hand."""

    scaler: Literal["karpenter", "auto-mode", "standalone"] = "karpenter"


class FargateProfile(_Judged):
    """A Fargate profile."""

    zones: list[Letter] | None = None
    namespaces: list[str] = ["default"]


class Cluster(_Judged):
    """An EKS cluster and all sources of its nodes."""

    version: Minor = "1.35"
    created: Age = timedelta(days=400)
    updated: Age = timedelta(days=180)
    """When its Kubernetes version was last updated."""
    status: Literal["CREATING", "ACTIVE", "DELETING", "FAILED", "UPDATING", "PENDING"] = "ACTIVE"
    control_plane_zones: list[Letter] | None = None
    """Zones of the cluster's own subnets; left out: all of the VPC."""
    zones: list[Letter] | None = None
    """Zones its capacities launch in unless they say otherwise; left out: all of the VPC."""
    cluster_autoscaler: bool = False
    """Whether a Pod Identity association shows that Cluster Autoscaler runs."""
    auto_mode: bool = False
    zonal_shift: bool = True
    support: Literal["STANDARD", "EXTENDED"] = "EXTENDED"
    health: list[HealthIssue] = []
    tags: dict[str, str] = {}
    node_groups: dict[str, NodeGroup] = {}
    self_managed: dict[str, SelfManagedGroup] = {}
    pools: dict[str, Pool] = {}
    fargate: dict[str, FargateProfile] = {}

    def capacities(self) -> Iterator[tuple[str, _Judged]]:
        """Yield every capacity with its name."""
        yield from self.node_groups.items()
        yield from self.self_managed.items()
        yield from self.pools.items()
        yield from self.fargate.items()


class Zone(_Described):
    """An Availability Zone as one account sees it, with the one private subnet that the VPC has there."""

    id: str | None = None
    free: int = 8000
    """Free addresses of the subnet."""


class Region(_Described):
    """One Region of one account: a VPC, a Security Hub, clusters."""

    security_hub: bool = True
    zones: dict[Letter, Zone] = {"a": Zone(), "b": Zone(), "c": Zone()}
    not_offered: dict[str, list[Letter]] = {}
    """Instance type to the zones that do not offer it, beyond what AWS says."""
    images: dict[str, Image] = {}
    clusters: dict[str, Cluster] = {}


class Role(_Described):
    """A role that other accounts may assume; no `trusts` means that everyone may."""

    trusts: list[AccountId] = []
    external_id: str | None = None


class Account(_Described):
    """An AWS account."""

    opted_in: list[str] = []
    roles: dict[str, Role] = {}
    regions: dict[str, Region] = {}

    @field_validator("regions", "opted_in")
    @classmethod
    def _exist[Named: (dict[str, Region], list[str])](cls, value: Named) -> Named:
        unknown = sorted(set(value) - DEFAULT_REGIONS - OPT_IN_REGIONS)
        if unknown:
            message = f"{', '.join(unknown)} is no Region"
            raise ValueError(message)
        return value


def _calendar() -> dict[Minor, KubernetesVersion]:
    days = {"1.30": 914, "1.31": 788, "1.32": 669, "1.33": 543, "1.34": 417, "1.35": 300, "1.36": 174}
    return {minor: KubernetesVersion(released=timedelta(days=age), patch=4) for minor, age in days.items()}


def _history() -> list[Releases]:
    published = [timedelta(days=age) for age in (88, 74, 61, 47, 33, 20, 9)]
    return [Releases(ami_types=list(PUBLISHED_AMI_TYPES), kubernetes=list(_calendar()), published=published)]


class Fleet(_Described):
    """Everything the local AWS shows."""

    now: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)
    kubernetes: dict[Minor, KubernetesVersion] = Field(default_factory=_calendar)
    releases: list[Releases] = Field(default_factory=_history)
    accounts: dict[AccountId, Account]

    def clusters(self) -> Iterator[tuple[str, str, str, Cluster]]:
        """Yield account, Region, name and description of every cluster."""
        for account, owned in self.accounts.items():
            for region, described in owned.regions.items():
                for name, cluster in described.clusters.items():
                    yield account, region, name, cluster


def load_fleet(source: Path | dict[str, Any] = SHIPPED, *, now: datetime) -> Fleet:
    """Load a fleet from a YAML file or a dict; its ages count back from `now`."""
    where = "the fleet"
    try:
        if isinstance(source, Path):
            where = source.name
            described = yaml.safe_load(source.read_text(encoding="utf-8"))
        else:
            described = source
        if not isinstance(described, dict):
            message = f"{where}: a fleet is a mapping that begins with `accounts:`"
            raise FleetError(message)
        return Fleet.model_validate({**described, "now": now.astimezone(UTC).replace(microsecond=0)})
    except OSError as error:
        message = f"{where}: cannot be read: {error.strerror}"
        raise FleetError(message) from error
    except yaml.YAMLError as error:
        message = f"{where}: is not YAML: {' '.join(str(error).split())}"
        raise FleetError(message) from error
    except ValidationError as error:
        first = error.errors()[0]
        path = [str(step) for step in first["loc"]]
        if first["type"] == "extra_forbidden":
            *parents, key = path
            message = f"{where}: {'.'.join(parents) or 'the top level'}: unknown key {key!r}"
        else:
            message = f"{where}: {'.'.join(path) or 'the top level'}: {first['msg'].removeprefix('Value error, ')}"
        raise FleetError(message) from error
