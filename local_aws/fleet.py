"""The fleet description: what `fleet.yaml` may say, what it leaves unsaid, and the sentence for what it says wrongly.

Every age (`90d`, `12h`, `30m`, `2w`) counts back from the instant at which the fleet is loaded.
`fleet_nodes.py` has what may be said of node groups and pools, `fleet_network.py` of VPCs and reservations.
"""

# ruff: noqa: RUF012 - these are pydantic models, which give every instance a copy of its defaults

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from local_aws.errors import FleetError
from local_aws.fleet_network import Egress, Reservation, Vpc, Zone, demand_zones
from local_aws.fleet_nodes import FargateProfile, HealthIssue, NodeGroup, Pool, SelfManagedGroup
from local_aws.fleet_words import AccountId, Age, Described, Judged, Letter, Minor, PublishedAmiType
from local_aws.geography import DEFAULT_REGIONS, OPT_IN_REGIONS, partition_of
from local_aws.images import PUBLISHED_AMI_TYPES

SHIPPED = Path(__file__).with_name("fleet.yaml")


class KubernetesVersion(Described):
    """A Kubernetes minor on EKS: 14 months of standard support from its release, then 12 of extended support."""

    released: Age
    patch: int = 0


class Releases(Described):
    """Releases that some AMI types share on some Kubernetes minors; a later entry overrides an earlier one."""

    ami_types: list[PublishedAmiType]
    kubernetes: list[Minor]
    published: list[Age] = Field(min_length=1)
    recommended: Age | None = None
    """Which of them AWS recommends; left out: the newest. Another one means that AWS has rolled back."""
    withdrawn: list[Age] = []
    """Those of them whose images are not to be had any more: deregistered, or (Windows) made private."""

    @model_validator(mode="after")
    def _were_published(self) -> Self:
        if self.recommended is not None and self.recommended not in self.published:
            message = "the recommended release is none of the published ones"
            raise ValueError(message)
        if not set(self.withdrawn) <= set(self.published):
            message = "a withdrawn release is none of the published ones"
            raise ValueError(message)
        return self


class EksRelease(Described):
    """A release of EKS's own images; by default the recommended one."""

    ami: PublishedAmiType = "AL2023_x86_64_STANDARD"
    kubernetes: Minor = "1.35"
    release: Age | None = None
    superseded: Age | None = None
    region: str | None = None
    """Where; left out: in the same Region."""


class Image(Described):
    """An image that the account has built itself, or that somebody shares with it."""

    created: Age = timedelta(days=20)
    description: str = ""
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    built_on: EksRelease | str | None = None
    """The release, or by name another image of the Region, that it was built from, as EC2 remembers it."""
    owner: AccountId | None = None
    """The account that shares it; left out: the account itself owns it."""
    state: Literal["available", "disabled", "deregistered", "pending", "failed", "error"] = "available"
    deprecated: Age | None = None
    """How long ago its deprecation time passed."""
    scanned: Age | None = None
    """When Amazon Inspector last looked at it; left out: never."""
    critical_fix: Age | None = None
    """Since when a critical vulnerability in it has had a fix."""
    high_fix: Age | None = None
    tags: dict[str, str] = {}


class AllowedImages(Described):
    """The setting Allowed AMIs, with one criterion; an account's own images are always allowed."""

    state: Literal["disabled", "audit-mode", "enabled"] = "disabled"
    providers: list[str] = ["amazon"]
    names: list[str] = []


class Cluster(Judged):
    """An EKS cluster and all sources of its nodes."""

    version: Minor = "1.35"
    created: Age = timedelta(days=400)
    updated: Age = timedelta(days=180)
    """When its Kubernetes version was last updated."""
    status: Literal["CREATING", "ACTIVE", "DELETING", "FAILED", "UPDATING", "PENDING"] = "ACTIVE"
    vpc: str | None = None
    """The one of the Region's `vpcs` that it is in; left out: the Region's own."""
    ip_family: Literal["ipv4", "ipv6"] = "ipv4"
    custom_networking: bool = False
    """Whether the VPC CNI takes pods' addresses from the VPC's subnets for pods."""
    prefix_delegation: bool = False
    """Whether the VPC CNI takes addresses in prefixes (/28) instead of one by one."""
    control_plane_zones: list[Letter] | None = None
    """Zones of the cluster's own subnets; left out: all of the VPC."""
    zones: list[Letter] | None = None
    """Zones its capacities launch in unless they say otherwise; left out: all of the VPC."""
    cluster_autoscaler: bool | None = None
    """Whether a Pod Identity association shows that Cluster Autoscaler runs; left out: where there are groups, and
    neither Auto Mode nor Karpenter, for a cluster that nothing scales is not in order."""
    auto_mode: bool = False
    zonal_shift: bool = True
    support: Literal["STANDARD", "EXTENDED"] = "EXTENDED"
    health: list[HealthIssue] = []
    tags: dict[str, str] = {}
    node_groups: dict[str, NodeGroup] = {}
    self_managed: dict[str, SelfManagedGroup] = {}
    pools: dict[str, Pool] = {}
    fargate: dict[str, FargateProfile] = {}
    subjects: dict[str, Judged] = {}
    """What else checks judge, by its name in findings: sibling sets of several groups, zones by their ids."""

    @property
    def has_cluster_autoscaler(self) -> bool:
        """Say whether Cluster Autoscaler runs here."""
        if self.cluster_autoscaler is not None:
            return self.cluster_autoscaler
        scaled = self.auto_mode or any(pool.scaler == "karpenter" for pool in self.pools.values())
        return not scaled and bool(self.node_groups or self.self_managed)

    def judged(self, name: str) -> Iterator[tuple[str, Judged]]:
        """Yield everything that may have something wrong, by its name: the cluster of this name, and what is in it."""
        yield name, self
        yield from self.capacities()
        yield from self.subjects.items()

    def capacities(self) -> Iterator[tuple[str, Judged]]:
        """Yield every capacity with its name."""
        yield from self.node_groups.items()
        yield from self.self_managed.items()
        yield from self.pools.items()
        yield from self.fargate.items()


class Region(Described):
    """One Region of one account: its own VPC and further ones, a Security Hub, clusters."""

    security_hub: bool = True
    zones: dict[Letter, Zone] = {"a": Zone(), "b": Zone(), "c": Zone()}
    egress: Egress = "every-zone"
    """Where the private subnets of the Region's own VPC lead; see `Vpc`."""
    vpcs: dict[str, Vpc] = {}
    reservations: dict[str, Reservation] = {}
    not_offered: dict[str, list[Letter]] = {}
    """Instance type to the zones that do not offer it, beyond what AWS says."""
    images: dict[str, Image] = {}
    allowed_images: AllowedImages = AllowedImages()
    clusters: dict[str, Cluster] = {}

    @model_validator(mode="after")
    def _gateways_are_in_its_zones(self) -> Self:
        demand_zones(self.egress, self.zones)
        return self

    @model_validator(mode="after")
    def _reservations_are_in_its_zones(self) -> Self:
        zones = {*self.zones, *(letter for vpc in self.vpcs.values() for letter in vpc.zones)}
        missing = sorted({each.zone for each in self.reservations.values()} - zones)
        if missing:
            message = f"no VPC has the zone {', '.join(missing)} of a reservation"
            raise ValueError(message)
        return self


class Role(Described):
    """A role that other accounts may assume; no `trusts` means that everyone may."""

    trusts: list[AccountId] = []
    external_id: str | None = None


class Account(Described):
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

    @model_validator(mode="after")
    def _in_one_partition(self) -> Self:
        partitions = sorted({partition_of(region) for region in [*self.regions, *self.opted_in]})
        if len(partitions) > 1:
            message = f"an account is in one partition, not in {' and '.join(partitions)}"
            raise ValueError(message)
        return self


def _calendar() -> dict[Minor, KubernetesVersion]:
    days = {"1.30": 914, "1.31": 788, "1.32": 669, "1.33": 543, "1.34": 417, "1.35": 300, "1.36": 174}
    return {minor: KubernetesVersion(released=timedelta(days=age), patch=4) for minor, age in days.items()}


def _history() -> list[Releases]:
    published = [timedelta(days=age) for age in (88, 74, 61, 47, 33, 20, 9)]
    return [Releases(ami_types=list(PUBLISHED_AMI_TYPES), kubernetes=list(_calendar()), published=published)]


class Fleet(Described):
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
