"""Reads of EC2 launch templates: what an Auto Scaling group's next instance starts from.

User data is looked at to learn which cluster a node joins, and with which labels and taints; it never leaves the
function that reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, TypedDict

from eks_auditor.model.capacity import is_gone
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.autoscaling import RESERVED_ONLY
from eks_auditor.snapshot.joining import joining_of
from eks_auditor.snapshot.reading import for_each, read
from eks_auditor.snapshot.references import (
    INSTANCE_PROFILE,
    KEY_PAIR,
    PLACEMENT_GROUP,
    SECURITY_GROUP,
    SUBNET,
    Reference,
)
from eks_auditor.snapshot.requirements import canonical
from eks_auditor.userdata import joined_clusters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import LaunchTemplateVersionTypeDef, ResponseLaunchTemplateDataTypeDef

    from eks_auditor.snapshot.autoscaling import TemplateRef
    from eks_auditor.snapshot.reads import Reads
    from eks_auditor.userdata import Joining

ACTIONS = frozenset({"ec2:DescribeLaunchTemplateVersions", "ec2:DescribeLaunchTemplates"})
"""The IAM actions that the calls in here need."""

_ACTION = "ec2:DescribeLaunchTemplateVersions"
_EFA = frozenset({"efa", "efa-only"})
_NAMES_A_CALL = 100
_LARGEST_PAGE = 200


class TemplateName(TypedDict, total=False):
    """How a call names a launch template: by one of the two."""

    LaunchTemplateId: str
    LaunchTemplateName: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateVersion:
    """One version of a launch template, as far as a snapshot needs it.

    Attributes:
        id: The template's id.
        name: The template's name.
        number: The version's number.
        is_default: Whether it is the template's default version.
        created_at: When this version was made.
        image_id: Its image, still as ``resolve:ssm:NAME`` if the caller may not read that parameter; None if it has
            none.
        instance_type: Its type; None if it has none.
        requirements: Its instance requirements, as :func:`eks_auditor.snapshot.requirements.canonical` writes them;
            None if it has none.
        capacity_block: Whether it buys from a Capacity Block.
        spot: Whether it asks for Spot instances.
        reservations: The capacity reservation, or the resource group of such, that it launches into by name.
        efa: Whether it has an EFA interface.
        references: What it names that has to exist for a launch.
        joining: How its instances join a cluster.
    """

    id: str
    name: str
    number: str
    is_default: bool
    created_at: datetime
    image_id: str | None
    instance_type: str | None
    requirements: str | None
    capacity_block: bool
    spot: bool
    reservations: tuple[str, ...]
    efa: bool
    references: frozenset[Reference]
    joining: Joining | Gap


def describe_template(client: EC2Client, ref: TemplateRef) -> TemplateVersion | Gap:
    """Describe the version that a group uses, ``$Default`` and ``$Latest`` as they stand now.

    ``resolve:ssm:`` is resolved with the caller's own ``ssm:GetParameters``. Where that is refused (a parameter of the
    user's own, or one that is gone), only the image stays unresolved: types, what pins the group to a zone and what
    else it names do not depend on it. :func:`eks_auditor.snapshot.images.read_images` tells why.

    Returns:
        The version, or the gap; :func:`~eks_auditor.model.capacity.is_gone` of it where template or version is deleted.
    """

    def call(*, resolve: bool) -> TemplateVersion:
        return _parsed(_version(client, ref, resolve=resolve))

    found = read(_ACTION, str(ref), lambda: call(resolve=True))
    refused = isinstance(found, Gap) and not found.retryable and not is_gone(found)
    return read(_ACTION, str(ref), lambda: call(resolve=False)) if refused else found


def read_joined_clusters(client: EC2Client, ref: TemplateRef) -> frozenset[str] | Gap:
    """Return the names of the clusters that the version's user data joins; none where it says so by a variable."""

    def call() -> frozenset[str]:
        return joined_clusters(_version(client, ref, resolve=False)["LaunchTemplateData"].get("UserData", ""))

    found = read(_ACTION, str(ref), call)
    # A template that is gone launches nothing that could join; whose group it is, is unknown, and nobody's gap here.
    return frozenset() if isinstance(found, Gap) and is_gone(found) else found


def _version(client: EC2Client, ref: TemplateRef, *, resolve: bool) -> LaunchTemplateVersionTypeDef:
    named: TemplateName = {"LaunchTemplateId": ref.template} if ref.by_id else {"LaunchTemplateName": ref.template}
    pages = client.get_paginator("describe_launch_template_versions").paginate(
        **named, Versions=[ref.version], ResolveAlias=resolve, IncludeManagedResources=True
    )
    for page in pages:
        for version in page["LaunchTemplateVersions"]:
            return version
    missing = f"version {ref.version}"
    raise KeyError(missing)


def _parsed(version: LaunchTemplateVersionTypeDef) -> TemplateVersion:
    content = version["LaunchTemplateData"]
    market = content.get("InstanceMarketOptions", {}).get("MarketType")
    used = f"{version['LaunchTemplateId']}:{version['VersionNumber']}"
    return TemplateVersion(
        id=version["LaunchTemplateId"],
        name=version["LaunchTemplateName"],
        number=str(version["VersionNumber"]),
        is_default=version["DefaultVersion"],
        created_at=version["CreateTime"],
        image_id=content.get("ImageId"),
        instance_type=content.get("InstanceType"),
        requirements=canonical(content["InstanceRequirements"]) if "InstanceRequirements" in content else None,
        capacity_block=market == "capacity-block",
        spot=market == "spot",
        reservations=_reservations(content),
        efa=any(interface.get("InterfaceType") in _EFA for interface in content.get("NetworkInterfaces", [])),
        references=frozenset(_references(content)),
        joining=joining_of(content.get("UserData", ""), _ACTION, used),
    )


def _reservations(content: ResponseLaunchTemplateDataTypeDef) -> tuple[str, ...]:
    """Return what a launch goes into and nowhere else; a Capacity Block is named as any other reservation is."""
    said = content.get("CapacityReservationSpecification", {})
    if said.get("CapacityReservationPreference", RESERVED_ONLY) != RESERVED_ONLY:
        return ()
    target = said.get("CapacityReservationTarget", {})
    named = (target.get("CapacityReservationId"), target.get("CapacityReservationResourceGroupArn"))
    return tuple(each for each in named if each)


def _references(content: ResponseLaunchTemplateDataTypeDef) -> Iterator[Reference]:
    """Yield what a launch needs to exist; security groups that are named by name have no meaning outside a VPC."""
    interfaces, profile = content.get("NetworkInterfaces", []), content.get("IamInstanceProfile", {})
    placement = content.get("Placement", {})
    groups = [*content.get("SecurityGroupIds", []), *(each for one in interfaces for each in one.get("Groups", []))]
    named = [
        *((SECURITY_GROUP, group) for group in groups),
        *((SUBNET, interface.get("SubnetId")) for interface in interfaces),
        (INSTANCE_PROFILE, profile.get("Arn") or profile.get("Name")),
        (KEY_PAIR, content.get("KeyName")),
        (PLACEMENT_GROUP, placement.get("GroupName") or placement.get("GroupId")),
    ]
    yield from (Reference(what, name) for what, name in named if name)


def read_default_versions(reads: Reads, names: Mapping[str, str]) -> Callable[[], Mapping[str, str | Gap]]:
    """Start to read the numbers of templates' default versions; call what is returned for all of them.

    Args:
        reads: The audit's reads.
        names: Template id to name: a filter takes names only, and by id one unknown template would refuse the batch.
    """

    def describe(ids: tuple[str, ...]) -> dict[str, str | Gap]:
        return describe_default_versions(reads.clients.ec2, {each: names[each] for each in ids})

    return reads.passing(reads.cache.default_versions, names, _batches, describe)


def _batches(ids: Iterable[str]) -> list[tuple[str, ...]]:
    return list(batched(sorted(ids), _NAMES_A_CALL, strict=False))


def describe_default_versions(client: EC2Client, names: Mapping[str, str]) -> dict[str, str | Gap]:
    """Return the number of each template's default version, by the template's id; a deleted template is its own gap."""

    def call() -> dict[str, str]:
        pages = client.get_paginator("describe_launch_templates").paginate(
            Filters=[{"Name": "launch-template-name", "Values": sorted(names.values())}],
            IncludeManagedResources=True,
            PaginationConfig={"PageSize": _LARGEST_PAGE},
        )
        templates = (template for page in pages for template in page["LaunchTemplates"])
        return {template["LaunchTemplateId"]: str(template["DefaultVersionNumber"]) for template in templates}

    found = read("ec2:DescribeLaunchTemplates", ", ".join(names), call)
    if isinstance(found, Gap):
        return {**for_each(found, names)}
    gone = "InvalidLaunchTemplateId.NotFound: the launch template does not exist"
    return {each: found.get(each) or Gap("ec2:DescribeLaunchTemplates", each, gone) for each in names}
