"""What in a snapshot names somebody: account ids, clusters, and whatever people have called the rest."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass

from eks_auditor.model.capacity import (
    UNRESOLVED,
    HealthIssue,
    LaunchConfig,
    ManagedNodeGroup,
    MissingReference,
    Node,
    ScalingGroup,
    ScalingPolicy,
    ScheduledAction,
    TemplateUse,
    UpdateError,
)
from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Image, ReleaseHistory
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.report.pseudonyms import Pseudonyms

AWS = "amazon"
"""The owner alias of AWS's own images."""

ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:[^:\s]*:[^\s,;\"'()\[\]]+")
ARN_WORDS = frozenset(
    {
        "autoScalingGroupName",
        "auto-mode",
        "fargate",
        "karpenter",
        "launchConfigurationName",
        "sibling-set",
        "standalone",
        "zone",
    }
)
"""Parts of ARNs that say what is named, not how."""

AUTOSCALER = "k8s.io/cluster-autoscaler/"
MEMBER = "kubernetes.io/cluster/"

_ID = re.compile(r"[a-z]+-[0-9a-f]{8,17}|[0-9a-f]+(-[0-9a-f]+)*|\d*(\.\d+){0,2}")
_SWITCHES = frozenset({"enabled", "disabled"})
"""Discovery keys of the autoscaler; a cluster that is called so cannot be told from them, and keeps its name."""

_ANY_CHARACTER = ("ec2:DescribeKeyPairs", "ec2:DescribePlacementGroups", "ssm:GetParameters")
"""Actions that are asked about one name at a time, in which any character may stand."""
_SEVERAL_NAMES = ("eks:", "autoscaling:", "ec2:DescribeLaunchTemplate", "iam:")
"""Beginnings of the actions that are asked about names with something between them."""


def pseudonyms_of(snapshot: Snapshot) -> Pseudonyms:
    """Collect everything in a snapshot that is to be replaced."""
    clusters = {snapshot.cluster.name}
    if not isinstance(snapshot.live_clusters, Gap):
        clusters |= snapshot.live_clusters
    names: set[str] = {capacity.name for capacity in snapshot.capacities}
    accounts = {snapshot.cluster.id.account}
    aws: set[str] = set()
    for each in _objects(snapshot):
        names |= _names(each, snapshot.cluster.id.region)
        match each:
            case ScalingGroup() | ManagedNodeGroup() | Node():
                clusters |= _claimants(each.tags)
            case Image() if each.owner_alias != AWS:
                accounts.add(each.owner_id)
            case Image() | ReleaseHistory():
                aws.add(each.owner_id or "")
            case str():
                accounts |= set(ACCOUNT.findall(each))
    return Pseudonyms(accounts=accounts - aws, clusters=clusters - _SWITCHES, names=names - _SWITCHES)


def is_id(word: str) -> bool:
    """Say whether a text is an id as AWS makes them, or a number: nobody chose it."""
    return bool(_ID.fullmatch(word))


def parameter_of(image_id: str) -> str:
    """Return the parameter by which a launch names an image; empty for an image's id."""
    return image_id.removeprefix(UNRESOLVED) if image_id.startswith(UNRESOLVED) else ""


def _names(each: object, region: str) -> set[str]:
    """Return the names in one object of a snapshot, none of what is inside it."""
    found: set[str] = set()
    match each:
        case ScalingGroup() | ScalingPolicy() | ScheduledAction() | TemplateUse():
            found = {each.name}
        case HealthIssue() | UpdateError():
            found = _chosen(each.resource_ids)
        case MissingReference() if not each.id.startswith(("arn:", "sg-", "subnet-")):
            found = {each.id}
        case LaunchConfig():
            found = {each.configuration or "", *_chosen(map(parameter_of, each.image_ids))}
        case Gap():
            found = _names_asked_for(each) - {region}
        case str():
            found = {name for arn in ARN.findall(each) for name in _names_in(arn)}
    return found


def _objects(value: object) -> Iterator[object]:
    """Yield a value and all that is in it, keys of mappings included."""
    yield value
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _objects(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield key
            yield from _objects(each)
    elif isinstance(value, tuple):
        for each in value:
            yield from _objects(each)


def _claimants(tags: Mapping[str, str]) -> set[str]:
    """Return the clusters that a group's or an instance's tags name."""
    found = {key.removeprefix(MEMBER) for key in tags if key.startswith(MEMBER)}
    found |= {key.removeprefix(AUTOSCALER) for key in tags if key.startswith(AUTOSCALER)}
    return {name for name in found if name and "/" not in name}


def _names_asked_for(gap: Gap) -> set[str]:
    if gap.action.startswith(_ANY_CHARACTER):
        return _chosen([gap.resource])
    if gap.action.startswith(_SEVERAL_NAMES) and not gap.resource.startswith(("arn:", "tag ")):
        return _chosen(re.split(r"[\s,/:]+", gap.resource))
    return set()


def _names_in(arn: str) -> set[str]:
    resource = arn.split(":", 5)[5].rstrip(".")
    return _chosen(re.split(r"[:/]", resource)[1:]) - ARN_WORDS


def _chosen(words: Iterable[str]) -> set[str]:
    """Return the words that somebody chose: no ids, no ARNs (their names are found apart), nothing of AWS's."""
    return {word for word in words if not word.startswith(("arn:", "/aws/service/", "$")) and not is_id(word)}
