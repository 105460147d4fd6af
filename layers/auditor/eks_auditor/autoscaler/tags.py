"""The tags of Auto Scaling groups as Cluster Autoscaler reads them.

The rules mirror kubernetes/autoscaler, folder ``cluster-autoscaler/cloudprovider/aws``; each names its file.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from eks_auditor.autoscaler.passing_taints import passing
from eks_auditor.model.capacity import Taint
from eks_auditor.model.gap import Gap

PREFIX = "k8s.io/cluster-autoscaler/"
ENABLED = f"{PREFIX}enabled"
TEMPLATE = f"{PREFIX}node-template/"
TAINT = f"{TEMPLATE}taint/"
LABEL = f"{TEMPLATE}label/"
RESOURCE = f"{TEMPLATE}resources/"
OPTION = f"{TEMPLATE}autoscaling-options/"
EKS = "eks:"
OWNERSHIP = "kubernetes.io/cluster/"
PLACEHOLDER = "VALUE"
SOFT_EFFECT = "PreferNoSchedule"
"""What keeps no pod off a node, so that the autoscaler does not heed it."""
EFFECTS = ("NoSchedule", "NoExecute", SOFT_EFFECT)

_TAINT_VALUE = re.compile(r"(.*):(?:NoSchedule|NoExecute|PreferNoSchedule)")
_CLUSTER_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")


@dataclass(frozen=True, slots=True)
class IgnoredTaint:
    """A taint tag that does not do what it was written for.

    Attributes:
        key: The tag's whole key.
        value: The tag's value.
        problem: What the autoscaler makes of it, in words that follow "it".
        mended: A value that would work: the taint that the nodes have, or a guess where theirs were not read; None
            where they have no such taint, so that no value would be right.
    """

    key: str
    value: str
    problem: str
    mended: str | None


def discovery_keys(cluster: str) -> tuple[str, ...]:
    """Return the keys that make a group discoverable by default; a group needs all of them, whatever their values.

    Source: ``README.md``, "Auto-discovery Setup"; the keys are ANDed and a value counts only where the flag gives
    one: ``aws_wrapper.go``, ``getAutoscalingGroupsByTags``.
    """
    return tuple(dict.fromkeys((ENABLED, PREFIX + cluster)))  # one key for a cluster named "enabled"


def demands(discovery: Iterable[str], cluster: str) -> tuple[tuple[str, str | None], ...]:
    """Return the tags that the autoscaler demands of a group, each as its key and its value; None for any value.

    A group needs all of them. Where one key is demanded twice, the later counts; an empty value is as good as none.

    Args:
        discovery: What ``--node-group-auto-discovery`` names after ``asg:tag=``, each ``key`` or ``key=value``, with
            ``{cluster}`` for the cluster's name; the default's keys where it is empty.
        cluster: The cluster's name.

    Source: ``aws_manager.go``, ``parseASGAutoDiscoverySpec``; ``auto_scaling_groups.go``, ``buildAsgTags``;
    ``aws_wrapper.go``, ``getAutoscalingGroupsByTags``.
    """
    parts = (demand.replace("{cluster}", cluster).partition("=") for demand in discovery)
    wanted = {key: value or None for key, _, value in parts}
    return tuple((wanted or dict.fromkeys(discovery_keys(cluster))).items())


def claims(tags: Mapping[str, str], cluster: str) -> tuple[str, ...]:
    """Return the other clusters whose autoscaler discovers a group with these tags, by name.

    A claim is a discovery key of another name beside ``…/enabled``. Names are those that EKS allows a cluster, so
    keys with more segments (``…/node-template/…``) are none. Source: as :func:`discovery_keys`; names: the pattern
    of ``eks:CreateCluster``.
    """
    if ENABLED not in tags:
        return ()
    names = {key.removeprefix(PREFIX) for key in tags if key.startswith(PREFIX)}
    names -= {"enabled", "disabled", "node-template", cluster}
    return tuple(sorted(name for name in names if _CLUSTER_NAME.fullmatch(name)))


def owners(tags: Mapping[str, str], cluster: str) -> tuple[str, ...]:
    """Return the other clusters that own an instance with these tags, by name.

    Source: ``kubernetes.io/cluster/<name>=owned``, kubernetes/cloud-provider-aws, ``pkg/providers/v1/tags.go``.
    """
    names = {key.removeprefix(OWNERSHIP) for key, value in tags.items() if _owned(key, value)}
    return tuple(sorted(name for name in names - {cluster} if _CLUSTER_NAME.fullmatch(name)))


def parse_taint(value: str) -> tuple[str, str] | None:
    """Read a taint tag's value into (value, effect) exactly as the autoscaler does; None where it drops the tag.

    The pattern is not anchored, and the split is at the first colon: the effect is whatever follows, valid or not.
    Source: ``aws_manager.go``, ``extractTaintsFromAsg``.
    """
    if _TAINT_VALUE.search(value) is None:
        return None
    taint_value, _, effect = value.partition(":")
    return taint_value, effect


def taint_keys(tags: Mapping[str, str]) -> dict[str, str]:
    """Return each taint tag's key with the taint key that the autoscaler takes from it.

    The prefix may stand anywhere in the key; the taint's key ends where the prefix comes again.
    Source: ``aws_manager.go``, ``extractTaintsFromAsg`` (``strings.Split``).
    """
    return {key: key.split(TAINT)[1] for key in tags if TAINT in key}


def labels(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that the autoscaler takes from tags written for it.

    Source: ``aws_manager.go``, ``extractLabelsFromAsg``.
    """
    return dict(_named(tags, LABEL))


def eks_labels(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that the autoscaler takes from all other tags with ``eks:`` in their keys.

    So ``eks:nodegroup-name`` becomes a label ``nodegroup-name``, by which it tells EKS's groups, and which no node has.
    Source: as :func:`labels`.
    """
    return dict(_named({key: value for key, value in tags.items() if LABEL not in key}, EKS))


def taints(tags: Mapping[str, str]) -> tuple[Taint, ...]:
    """Return the taints that the autoscaler takes from tags, whatever their effects.

    Source: ``aws_manager.go``, ``extractTaintsFromAsg``.
    """
    parsed = ((taint_key, parse_taint(tags[key])) for key, taint_key in taint_keys(tags).items())
    return tuple(Taint(key=key, value=pair[0], effect=pair[1]) for key, pair in parsed if pair is not None)


def resources(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the resources that tags name, with their quantities as they are written.

    Source: ``aws_manager.go``, ``extractAllocatableResourcesFromAsg``.
    """
    return dict(_named(tags, RESOURCE))


def options(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the autoscaling options that tags set, known or not; the prefix must begin the key.

    Source: ``aws_manager.go``, ``extractAutoscalingOptionsFromTags``.
    """
    found = {key.removeprefix(OPTION): value for key, value in tags.items() if key.startswith(OPTION)}
    return {name: value for name, value in found.items() if name and OPTION not in name}


def ignored_taints(tags: Mapping[str, str], declared: tuple[Taint, ...] | Gap = ()) -> tuple[IgnoredTaint, ...]:
    """Return the taint tags that the autoscaler drops, or reads as a taint that Kubernetes does not know, by key.

    ``declared`` are the taints that the nodes really have: they tell how a tag was meant. Tags of taints that pass are
    left out: read as they were meant, they would keep pods from starting nodes.
    """
    found = []
    for key, taint_key in sorted(taint_keys(tags).items()):
        problem = None if passing(taint_key) else _problem(taint_key, tags[key])
        if problem is not None:
            found.append(IgnoredTaint(key, tags[key], problem, _meant(taint_key, tags[key], declared)))
    return tuple(found)


def has_template_tags(tags: Mapping[str, str]) -> bool:
    """Whether any tag describes the group's nodes to the autoscaler.

    Source: ``aws_manager.go``, ``extractLabelsFromAsg`` and its neighbours.
    """
    return any(TEMPLATE in key for key in tags)


def _named(tags: Mapping[str, str], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield what tags name behind a prefix that may stand anywhere in their keys, up to where it comes again."""
    for key, value in tags.items():
        _, *rest = key.split(prefix)
        if rest and rest[0]:
            yield rest[0], value


def _problem(taint_key: str, value: str) -> str | None:
    parsed = parse_taint(value)
    if parsed is None:
        return "is dropped silently, for it is not <value>:<effect>"
    _, effect = parsed
    if effect not in EFFECTS:
        return f"gives the effect {effect!r}, which Kubernetes does not know"
    if not taint_key:
        return "names no taint"
    return None


def _meant(key: str, value: str, declared: tuple[Taint, ...] | Gap) -> str | None:
    """Return how a tag was meant; of several taints of its key, one that keeps pods off."""
    if not key:
        return None
    if isinstance(declared, Gap):
        return _guessed(value)
    of_key = sorted((taint.effect == SOFT_EFFECT, taint.effect, taint.value) for taint in declared if taint.key == key)
    return f"{of_key[0][2]}:{of_key[0][1]}" if of_key else None


def _guessed(value: str) -> str:
    """Guess how a value was meant: the effect that it names in any spelling, else ``NoSchedule``."""
    text, colon, tail = value.rpartition(":")
    effect = _effect_in(tail)
    kept = _label_value(text if colon or effect else value)
    return f"{kept or PLACEHOLDER}:{effect or 'NoSchedule'}"


def _effect_in(text: str) -> str | None:
    bare = re.sub(r"[^a-z]", "", text.lower())
    return next((effect for effect in EFFECTS if bare == effect.lower()), None)


def _label_value(text: str) -> str:
    """Keep what a taint's value may hold: at most 63 of letters, digits, ``-``, ``_`` and ``.``."""
    return re.sub(r"[^A-Za-z0-9._-]", "", text)[:63].strip("._-")


def _owned(key: str, value: str) -> bool:
    return key.startswith(OWNERSHIP) and value == "owned"
