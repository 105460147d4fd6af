"""A cluster, where it lives, and the network it lives in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from eks_auditor.model.gap import Gap


@dataclass(frozen=True, slots=True, order=True)
class ClusterId:
    """A cluster's name in the world; also the ledger's partition key, as its ARN."""

    partition: str
    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """``arn:<partition>:eks:<region>:<account>:cluster/<name>``."""
        return f"arn:{self.partition}:eks:{self.region}:{self.account}:cluster/{self.name}"

    @classmethod
    def from_arn(cls, arn: str) -> Self:
        """Parse a cluster's ARN.

        Raises:
            ValueError: If it is not the ARN of an EKS cluster.
        """
        match arn.split(":", 5):
            case ["arn", partition, "eks", region, account, resource] if (
                partition and region and account and resource.startswith("cluster/") and resource != "cluster/"
            ):
                return cls(partition, account, region, resource.removeprefix("cluster/"))
        message = f"{arn!r} is not the ARN of an EKS cluster (arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME)"
        raise ValueError(message)


def is_availability_zone(zone_id: str) -> bool:
    """Tell an Availability Zone from a Local or Wavelength zone by its id.

    It is ``<region code>-az<n>`` for the former only (Local: ``usw2-lax1-az1``, Wavelength: ``use1-wl1-…``).
    """
    parts = zone_id.split("-")
    return len(parts) == 2 and parts[1].startswith("az")  # noqa: PLR2004  region code and zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A subnet with its zone.

    Attributes:
        id: ``subnet-…``.
        vpc_id: ``vpc-…``.
        zone_id: The physical zone, such as ``euw1-az1``; zones are compared by it.
        zone_name: The account's name for it, such as ``eu-west-1a``.
        free_addresses: Free IPv4 addresses.
        public: Whether instances get a public address by default.
    """

    id: str
    vpc_id: str
    zone_id: str
    zone_name: str
    free_addresses: int
    public: bool

    @property
    def regular(self) -> bool:
        """Whether the zone is an Availability Zone, not a Local, Wavelength or Outpost zone."""
        return is_availability_zone(self.zone_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """Where a subnet's default IPv4 route leads.

    Attributes:
        target: The route's target, such as ``nat-…``, ``igw-…``, ``tgw-…`` or ``vpce-…``; None without such a route.
        zone_id: The one zone that a zonal NAT gateway is in; None for every other target.
        route_table: ``rtb-…``: the one that is associated with the subnet, or else the VPC's main one.
        private: Whether the target is a private NAT gateway, which leads to other networks and not to the internet.
        given_zones: The zones that a regional NAT gateway was given by hand; none where it provides for all by itself.
    """

    target: str | None
    zone_id: str | None = None
    route_table: str = ""
    private: bool = False
    given_zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesVersion:
    """One row of ``eks:DescribeClusterVersions``.

    Attributes:
        minor: ``1.35``.
        status: ``STANDARD_SUPPORT``, ``EXTENDED_SUPPORT`` or ``UNSUPPORTED``.
    """

    minor: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """An EKS cluster as ``eks:DescribeCluster`` and its neighbours tell it.

    Attributes:
        id: Where it lives.
        version: The control plane's Kubernetes minor.
        status: ``ACTIVE``, ``UPDATING`` and so on.
        created_at: A cluster created again under its name has another one.
        version_updated_at: When the last successful version update began; None if there was none.
        subnet_ids: The cluster's own subnets.
        vpc_id: Its VPC.
        auto_mode: Whether EKS Auto Mode runs its capacity.
        outpost: Whether it lives on an Outpost.
        zonal_shift: Whether EKS may shift it away from a zone.
        autoscaler_identity: A Pod Identity association whose service account names the autoscaler, or None.
        ip_family: Of the addresses that pods and services get: ``ipv4`` or ``ipv6``.
        tags: All of its tags.
    """

    id: ClusterId
    version: str
    status: str
    created_at: datetime
    version_updated_at: datetime | Gap | None
    subnet_ids: tuple[str, ...]
    vpc_id: str
    auto_mode: bool = False
    outpost: bool = False
    zonal_shift: bool = False
    autoscaler_identity: str | Gap | None = None
    ip_family: str = "ipv4"
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name."""
        return self.id.name
