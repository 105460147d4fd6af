"""Reads of EC2 launch templates: what an Auto Scaling group's next instance starts from.

User data is looked at in one place, to learn which cluster it joins, and never leaves the function that reads it.
"""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.reading import code_of, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import ResponseLaunchTemplateDataTypeDef

    from eks_auditor.snapshot.autoscaling import TemplateRef

_ACTION = "ec2:DescribeLaunchTemplateVersions"
_EFA = frozenset({"efa", "efa-only"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})

# How user data says which cluster a node joins: bootstrap.sh of AL2, nodeadm's NodeConfig of AL2023, Bottlerocket's
# settings, and the script of the Windows images.
_NAME = r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}"
_BOOTSTRAP = re.compile(r"/etc/eks/bootstrap\.sh\s((?:[^\n\\]|\\.)*)", re.DOTALL)
_NODE_CONFIG = re.compile(rf"kind:\s*NodeConfig\b.*?\bcluster:\s.*?\bname:\s*['\"]?({_NAME})", re.DOTALL)
_SETTINGS = re.compile(rf"^\s*['\"]?cluster-name['\"]?\s*=\s*['\"]({_NAME})['\"]", re.MULTILINE)
_POWERSHELL = re.compile(rf"-EKSClusterName\s+['\"]?({_NAME})", re.IGNORECASE)
_JOINS = (_NODE_CONFIG, _SETTINGS, _POWERSHELL)


class TemplateName(TypedDict, total=False):
    """How a call names a launch template: by one of the two."""

    LaunchTemplateId: str
    LaunchTemplateName: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateVersion:
    """One version of a launch template, as far as a snapshot needs it.

    Attributes:
        image_id: Its image, still as ``resolve:ssm:NAME`` if the caller may not read that parameter; None if it has
            none.
        instance_type: Its type; None if it has none.
        requirements: Whether it chooses types by requirements.
        placement_group: The placement group's name or id.
        capacity_block: Whether it buys from a Capacity Block.
        targeted_reservation: Whether it launches into a targeted capacity reservation.
        efa: Whether it has an EFA interface.
    """

    image_id: str | None
    instance_type: str | None
    requirements: bool
    placement_group: str | None
    capacity_block: bool
    targeted_reservation: bool
    efa: bool


def describe_template(client: EC2Client, ref: TemplateRef) -> TemplateVersion | Gap:
    """Describe the version that a group uses, ``$Default`` and ``$Latest`` as they stand now.

    ``resolve:ssm:`` is resolved with the caller's own ``ssm:GetParameters``. Where that is refused (a parameter of the
    user's own), only the image stays unresolved: types, and what pins the group to a zone, do not depend on it.
    """

    def call(*, resolve: bool) -> TemplateVersion:
        return _version(_content(client, ref, resolve=resolve))

    found = read(_ACTION, str(ref), lambda: call(resolve=True))
    denied = isinstance(found, Gap) and code_of(found) in _DENIED
    return read(_ACTION, str(ref), lambda: call(resolve=False)) if denied else found


def read_joined_clusters(client: EC2Client, ref: TemplateRef) -> frozenset[str] | Gap:
    """Return the names of the clusters that the version's user data joins; none where it says so by a variable."""

    def call() -> frozenset[str]:
        return joined_clusters(_content(client, ref, resolve=False).get("UserData", ""))

    found = read(_ACTION, str(ref), call)
    # A template that is gone launches nothing that could join; whose group it is, is unknown, and nobody's gap here.
    gone = isinstance(found, Gap) and code_of(found).startswith("InvalidLaunchTemplate")
    return frozenset() if gone else found


def _content(client: EC2Client, ref: TemplateRef, *, resolve: bool) -> ResponseLaunchTemplateDataTypeDef:
    named: TemplateName = {"LaunchTemplateId": ref.template} if ref.by_id else {"LaunchTemplateName": ref.template}
    pages = client.get_paginator("describe_launch_template_versions").paginate(
        **named, Versions=[ref.version], ResolveAlias=resolve, IncludeManagedResources=True
    )
    for page in pages:
        for version in page["LaunchTemplateVersions"]:
            return version["LaunchTemplateData"]
    missing = f"version {ref.version}"
    raise KeyError(missing)


def _version(content: ResponseLaunchTemplateDataTypeDef) -> TemplateVersion:
    placement = content.get("Placement", {})
    market = content.get("InstanceMarketOptions", {}).get("MarketType")
    reservation = content.get("CapacityReservationSpecification", {})
    return TemplateVersion(
        image_id=content.get("ImageId"),
        instance_type=content.get("InstanceType"),
        requirements="InstanceRequirements" in content,
        placement_group=placement.get("GroupName") or placement.get("GroupId"),
        capacity_block=market == "capacity-block",
        targeted_reservation=bool(reservation.get("CapacityReservationTarget")),
        efa=any(interface.get("InterfaceType") in _EFA for interface in content.get("NetworkInterfaces", [])),
    )


def joined_clusters(user_data: str) -> frozenset[str]:
    """Return the cluster names in base64 user data; anything that cannot be decoded names none."""
    try:
        text = base64.b64decode(user_data).decode(errors="replace")
    except (binascii.Error, ValueError):
        return frozenset()
    declared = {name for join in _JOINS for name in join.findall(text)}
    return frozenset(declared | {name for arguments in _BOOTSTRAP.findall(text) for name in _bootstrapped(arguments)})


def _bootstrapped(arguments: str) -> Iterator[str]:
    """Yield the one argument of bootstrap.sh that is no flag and no flag's value: every flag of it takes one."""
    try:
        words = iter(shlex.split(arguments.replace("\\\n", " "), comments=True))
    except ValueError:  # quotes that never close
        return
    for word in words:
        if not word.startswith("--"):
            if re.fullmatch(_NAME, word):
                yield word
            return
        if "=" not in word:
            next(words, None)


def is_cluster_placement(client: EC2Client, group: str) -> bool | Gap:
    """Say whether a placement group, by name or id, packs its instances into one zone."""

    def call() -> bool:
        answer = (
            client.describe_placement_groups(GroupIds=[group])
            if group.startswith("pg-")
            else client.describe_placement_groups(GroupNames=[group])
        )
        return any(found["Strategy"] == "cluster" for found in answer["PlacementGroups"])

    return read("ec2:DescribePlacementGroups", group, call)
