"""Reads of EC2 Auto Scaling: groups, what they launch, and whether their instances are being refreshed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from eks_auditor.model.capacity import GroupInstance, Purchase
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.joining import joining_of
from eks_auditor.snapshot.reading import for_each, read, utc
from eks_auditor.snapshot.references import INSTANCE_PROFILE, KEY_PAIR, SECURITY_GROUP, Reference
from eks_auditor.snapshot.requirements import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_autoscaling.type_defs import (
        AutoScalingGroupTypeDef,
        FilterTypeDef,
        LaunchConfigurationTypeDef,
        LaunchTemplateOverridesOutputTypeDef,
        LaunchTemplateSpecificationTypeDef,
    )

    from eks_auditor.model.capacity import MixedPolicy
    from eks_auditor.userdata import Joining

ACTIONS = frozenset(
    {
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeInstanceRefreshes",
        "autoscaling:DescribeLaunchConfigurations",
    }
)
"""The IAM actions that the calls in here need."""

NAMES_A_CALL = 50
"""Names a DescribeAutoScalingGroups or DescribeLaunchConfigurations call takes without asking for larger pages."""

_LARGEST_PAGE = 100
RESERVED_ONLY = "capacity-reservations-only"
"""The preference with which a launch that finds no room in its reservation fails; also that of a target alone."""

_OPEN_REFRESHES = frozenset({"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"})


@dataclass(frozen=True, slots=True)
class TemplateRef:
    """A launch template's version as a group refers to it: a number, ``$Default`` or ``$Latest``."""

    template: str
    by_id: bool
    version: str

    def __str__(self) -> str:
        """Read like ``lt-0123:4``."""
        return f"{self.template}:{self.version}"

    @property
    def numbered(self) -> bool:
        """Whether it always means the same version."""
        return self.version.isdigit()


@dataclass(frozen=True, slots=True)
class Source:
    """One way a group launches: a template, and what the override says itself.

    Attributes:
        template: What it launches from.
        image_id: The override's own image.
        instance_type: Its own type.
        weight: How many of the group's units an instance of that type counts for.
        requirements: Its instance requirements, as :func:`eks_auditor.snapshot.requirements.canonical` writes them.
    """

    template: TemplateRef
    image_id: str | None = None
    instance_type: str | None = None
    weight: int | None = None
    requirements: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedGroup:
    """An Auto Scaling group as it is described; subnets, templates and activities are read apart.

    Attributes:
        instances: Their ``zone_id`` is the zone's name where Auto Scaling gives no id.
        sources: What it launches from, in its order; empty with a launch configuration.
        placement_group: The group's own placement group.
        reservations: The capacity reservations, and resource groups of such, that the group itself launches into.
        zone_names: Its zones as listed.
        purchase: How its mixed instances policy buys instances; None without a policy.
        policy: What the autoscaler goes by in that policy; None likewise.
        base: The policy's own launch template, whatever its overrides name; None likewise.
        capacity_rebalance: Whether it replaces Spot instances that are at risk.
    """

    name: str
    arn: str
    created_at: datetime
    min_size: int
    max_size: int
    desired: int
    tags: Mapping[str, str]
    subnet_ids: tuple[str, ...]
    instances: tuple[GroupInstance, ...]
    suspended: frozenset[str]
    sources: tuple[Source, ...]
    launch_configuration: str | None
    placement_group: str | None
    reservations: tuple[str, ...]
    zone_names: tuple[str, ...]
    purchase: Purchase | None
    policy: MixedPolicy | None
    base: TemplateRef | None
    capacity_rebalance: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchConfiguration:
    """A launch configuration.

    Attributes:
        image_id: Its image.
        instance_type: Its type.
        references: What it names that has to exist for a launch.
        spot: Whether it asks for Spot instances.
        joining: How its instances join a cluster.
    """

    image_id: str
    instance_type: str
    references: frozenset[Reference]
    spot: bool
    joining: Joining | Gap


def name_batches(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Cut names into what one call takes."""
    return list(batched(sorted(names), NAMES_A_CALL, strict=False))


def describe_groups(client: AutoScalingClient, names: tuple[str, ...]) -> dict[str, DescribedGroup | Gap]:
    """Describe groups by name; those that do not exist are left out."""

    def call() -> dict[str, DescribedGroup | Gap]:
        pages = client.get_paginator("describe_auto_scaling_groups").paginate(
            AutoScalingGroupNames=names, PaginationConfig={"PageSize": _LARGEST_PAGE}
        )
        groups = (_group(group) for page in pages for group in page["AutoScalingGroups"])
        return {group.name: group for group in groups}

    found = read("autoscaling:DescribeAutoScalingGroups", ", ".join(names), call)
    return {**for_each(found, names)} if isinstance(found, Gap) else found


def find_groups(client: AutoScalingClient, key: str, value: str | None = None) -> tuple[DescribedGroup, ...] | Gap:
    """Describe all groups that carry a tag, whatever its value unless one is given."""
    wanted: FilterTypeDef = (
        {"Name": "tag-key", "Values": [key]} if value is None else {"Name": f"tag:{key}", "Values": [value]}
    )

    def call() -> tuple[DescribedGroup, ...]:
        pages = client.get_paginator("describe_auto_scaling_groups").paginate(
            Filters=[wanted], PaginationConfig={"PageSize": _LARGEST_PAGE}
        )
        return tuple(_group(group) for page in pages for group in page["AutoScalingGroups"])

    return read("autoscaling:DescribeAutoScalingGroups", f"tag {key}", call)


def list_empty_groups(client: AutoScalingClient, region: str) -> tuple[DescribedGroup, ...] | Gap:
    """Describe all groups of the account and Region that have no instances."""

    def call() -> tuple[DescribedGroup, ...]:
        pages = client.get_paginator("describe_auto_scaling_groups").paginate(
            PaginationConfig={"PageSize": _LARGEST_PAGE}
        )
        empty = (group for page in pages for group in page["AutoScalingGroups"] if not group.get("Instances"))
        return tuple(_group(group) for group in empty)

    return read("autoscaling:DescribeAutoScalingGroups", region, call)


def _group(described: AutoScalingGroupTypeDef) -> DescribedGroup:
    return DescribedGroup(
        name=described["AutoScalingGroupName"],
        arn=described["AutoScalingGroupARN"],
        created_at=utc(described["CreatedTime"]),
        min_size=described["MinSize"],
        max_size=described["MaxSize"],
        desired=described["DesiredCapacity"],
        tags={tag["Key"]: tag.get("Value", "") for tag in described.get("Tags", [])},
        subnet_ids=tuple(part for part in described.get("VPCZoneIdentifier", "").replace(" ", "").split(",") if part),
        instances=tuple(
            GroupInstance(
                id=instance["InstanceId"],
                zone_id=instance.get("AvailabilityZoneId") or instance["AvailabilityZone"],
                lifecycle_state=instance["LifecycleState"],
            )
            for instance in described.get("Instances", [])
        ),
        suspended=frozenset(process["ProcessName"] for process in described.get("SuspendedProcesses", [])),
        sources=tuple(_sources(described)),
        launch_configuration=described.get("LaunchConfigurationName"),
        placement_group=described.get("PlacementGroup"),
        reservations=_reservations(described),
        zone_names=tuple(described.get("AvailabilityZones", [])),
        purchase=_purchase(described),
        policy=_policy(described),
        base=_base(described),
        capacity_rebalance=described.get("CapacityRebalance", False),
    )


def _purchase(described: AutoScalingGroupTypeDef) -> Purchase | None:
    """Return how a mixed instances policy buys instances, with Auto Scaling's defaults for what it does not say.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_InstancesDistribution.html
    """
    if "MixedInstancesPolicy" not in described:
        return None
    said = described["MixedInstancesPolicy"].get("InstancesDistribution", {})
    return Purchase(
        on_demand_base=said.get("OnDemandBaseCapacity", 0),
        on_demand_percentage=said.get("OnDemandPercentageAboveBaseCapacity", 100),
        spot_strategy=said.get("SpotAllocationStrategy", "lowest-price"),
    )


def _policy(described: AutoScalingGroupTypeDef) -> MixedPolicy | None:
    """Say what the autoscaler goes by: it heeds requirements of an override only where that is the only one."""
    if "MixedInstancesPolicy" not in described:
        return None
    overrides = described["MixedInstancesPolicy"]["LaunchTemplate"].get("Overrides", [])
    if any("InstanceType" in override for override in overrides):
        return "types"
    return "requirements" if len(overrides) == 1 and "InstanceRequirements" in overrides[0] else "template"


def _base(described: AutoScalingGroupTypeDef) -> TemplateRef | None:
    if "MixedInstancesPolicy" not in described:
        return None
    return _template(described["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"])


def _reservations(described: AutoScalingGroupTypeDef) -> tuple[str, ...]:
    """Return what a launch goes into and nowhere else: with any other preference it may run as On-Demand."""
    said = described.get("CapacityReservationSpecification", {})
    if said.get("CapacityReservationPreference", RESERVED_ONLY) != RESERVED_ONLY:
        return ()
    target = said.get("CapacityReservationTarget", {})
    ids, groups = target.get("CapacityReservationIds", []), target.get("CapacityReservationResourceGroupArns", [])
    return (*ids, *groups)


def _sources(described: AutoScalingGroupTypeDef) -> Iterator[Source]:
    if "LaunchTemplate" in described:
        yield Source(_template(described["LaunchTemplate"]))
    if "MixedInstancesPolicy" in described:
        policy = described["MixedInstancesPolicy"]["LaunchTemplate"]
        base = _template(policy["LaunchTemplateSpecification"])
        overrides = policy.get("Overrides", [])
        yield from (_override(base, override) for override in overrides)
        if not overrides:
            yield Source(base)


def _override(base: TemplateRef, override: LaunchTemplateOverridesOutputTypeDef) -> Source:
    own = override.get("LaunchTemplateSpecification")
    return Source(
        template=_template(own) if own else base,
        image_id=override.get("ImageId"),
        instance_type=override.get("InstanceType"),
        weight=int(override["WeightedCapacity"]) if "WeightedCapacity" in override else None,
        requirements=canonical(override["InstanceRequirements"]) if "InstanceRequirements" in override else None,
    )


def _template(specification: LaunchTemplateSpecificationTypeDef) -> TemplateRef:
    identifier = specification.get("LaunchTemplateId")
    return TemplateRef(
        template=identifier or specification["LaunchTemplateName"],
        by_id=identifier is not None,
        version=specification.get("Version", "$Default"),
    )


def describe_launch_configurations(
    client: AutoScalingClient, names: tuple[str, ...]
) -> dict[str, LaunchConfiguration | Gap]:
    """Describe launch configurations by name; those that do not exist are left out."""

    def call() -> dict[str, LaunchConfiguration | Gap]:
        pages = client.get_paginator("describe_launch_configurations").paginate(
            LaunchConfigurationNames=names, PaginationConfig={"PageSize": _LARGEST_PAGE}
        )
        described = (each for page in pages for each in page["LaunchConfigurations"])
        return {each["LaunchConfigurationName"]: _launch_configuration(each) for each in described}

    found = read("autoscaling:DescribeLaunchConfigurations", ", ".join(names), call)
    return {**for_each(found, names)} if isinstance(found, Gap) else found


def _launch_configuration(described: LaunchConfigurationTypeDef) -> LaunchConfiguration:
    name, action = described["LaunchConfigurationName"], "autoscaling:DescribeLaunchConfigurations"
    return LaunchConfiguration(
        image_id=described["ImageId"],
        instance_type=described["InstanceType"],
        references=frozenset(_references(described)),
        spot="SpotPrice" in described,
        joining=joining_of(described.get("UserData", ""), action, name),
    )


def _references(described: LaunchConfigurationTypeDef) -> Iterator[Reference]:
    """Yield what a launch needs to exist; security groups may stand there by name, which nothing can be asked by."""
    for group in described.get("SecurityGroups", []):
        if group.startswith("sg-"):
            yield Reference(SECURITY_GROUP, group)
    if profile := described.get("IamInstanceProfile"):
        yield Reference(INSTANCE_PROFILE, profile)
    if key := described.get("KeyName"):
        yield Reference(KEY_PAIR, key)


def find_open_refresh(client: AutoScalingClient, group: str) -> str | Gap | None:
    """Return the status of the group's instance refresh that is not over, or None."""

    def call() -> str | None:
        answer = client.describe_instance_refreshes(AutoScalingGroupName=group, MaxRecords=_LARGEST_PAGE)
        while True:  # boto3 has no paginator for it
            for refresh in answer["InstanceRefreshes"]:
                if refresh["Status"] in _OPEN_REFRESHES:
                    return refresh["Status"]
            token = answer.get("NextToken")
            if not token:
                return None
            answer = client.describe_instance_refreshes(
                AutoScalingGroupName=group, MaxRecords=_LARGEST_PAGE, NextToken=token
            )

    return read("autoscaling:DescribeInstanceRefreshes", group, call)
