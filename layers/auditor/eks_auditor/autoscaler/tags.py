"""The tags of Auto Scaling groups as Cluster Autoscaler reads them.

The rules mirror kubernetes/autoscaler, folder ``cluster-autoscaler/cloudprovider/aws``; each names its file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from eks_auditor.model.capacity import Taint
from eks_auditor.model.gap import Gap

PREFIX = "k8s.io/cluster-autoscaler/"
ENABLED = f"{PREFIX}enabled"
TEMPLATE = f"{PREFIX}node-template/"
TAINT = f"{TEMPLATE}taint/"
OWNERSHIP = "kubernetes.io/cluster/"
PLACEHOLDER = "VALUE"
EFFECTS = ("NoSchedule", "NoExecute", "PreferNoSchedule")

_TAINT_VALUE = re.compile(r"(.*):(?:NoSchedule|NoExecute|PreferNoSchedule)")
_CLUSTER_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")


@dataclass(frozen=True, slots=True)
class IgnoredTaint:
    """A taint tag that does not do what it was written for.

    Attributes:
        key: The tag's whole key.
        value: The tag's value.
        problem: What the autoscaler makes of it, in words that follow "it".
        mended: A value that would work; the effect is a guess where the value names none.
    """

    key: str
    value: str
    problem: str
    mended: str


def discovery_keys(cluster: str) -> tuple[str, ...]:
    """Return the keys that make a group discoverable by default; a group needs all of them, whatever their values.

    Source: ``README.md``, "Auto-discovery Setup"; the keys are ANDed and a value counts only where the flag gives
    one: ``aws_wrapper.go``, ``getAutoscalingGroupsByTags``.
    """
    return tuple(dict.fromkeys((ENABLED, PREFIX + cluster)))  # one key for a cluster named "enabled"


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


def ignored_taints(tags: Mapping[str, str], declared: tuple[Taint, ...] | Gap = ()) -> tuple[IgnoredTaint, ...]:
    """Return the taint tags that the autoscaler drops, or reads as a taint that Kubernetes does not know, by key.

    ``declared`` are the taints that the nodes really have: they tell how a tag was meant. Where they were not read,
    a value that the tag does not tell is :data:`PLACEHOLDER`.
    """
    unread = isinstance(declared, Gap)
    meant = {} if isinstance(declared, Gap) else {taint.key: f"{taint.value}:{taint.effect}" for taint in declared}
    found = []
    for key, taint_key in sorted(taint_keys(tags).items()):
        problem = _problem(taint_key, tags[key])
        if problem is not None:
            found.append(
                IgnoredTaint(key, tags[key], problem, meant.get(taint_key) or _mended(tags[key], unread=unread))
            )
    return tuple(found)


def has_template_tags(tags: Mapping[str, str]) -> bool:
    """Whether any tag describes the group's nodes to the autoscaler.

    Source: ``aws_manager.go``, ``extractLabelsFromAsg`` and its neighbours.
    """
    return any(TEMPLATE in key for key in tags)


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


def _mended(value: str, *, unread: bool) -> str:
    """Guess how a value was meant: the effect that it names in any spelling, else ``NoSchedule``."""
    text, colon, tail = value.rpartition(":")
    effect = _effect_in(tail)
    kept = _label_value(text if colon or effect else value)
    told = kept or (PLACEHOLDER if unread else "")
    return f"{told}:{effect or 'NoSchedule'}"


def _effect_in(text: str) -> str | None:
    bare = re.sub(r"[^a-z]", "", text.lower())
    return next((effect for effect in EFFECTS if bare == effect.lower()), None)


def _label_value(text: str) -> str:
    """Keep what a taint's value may hold: at most 63 of letters, digits, ``-``, ``_`` and ``.``."""
    return re.sub(r"[^A-Za-z0-9._-]", "", text)[:63].strip("._-")


def _owned(key: str, value: str) -> bool:
    return key.startswith(OWNERSHIP) and value == "owned"
