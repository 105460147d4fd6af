"""What tells the node that the autoscaler believes in from the node that would really come up."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from typing import Literal

from eks_auditor.autoscaler.node_template import (
    CSI_ZONE,
    INSTANCE_TYPE,
    NVIDIA_GPU,
    REGION,
    ZONE,
    NodeTemplate,
    Source,
)
from eks_auditor.autoscaler.passing_taints import dropped, passing
from eks_auditor.autoscaler.quantity import quantity_text
from eks_auditor.autoscaler.tags import LABEL, RESOURCE, TAINT
from eks_auditor.model.capacity import Taint
from eks_auditor.model.labels import TOOL_PREFIXES

LONGEST_KEY = 128
LONGEST_VALUE = 256
"""In characters. Source: Auto Scaling's API, ``Tag``; a group can have 50 tags."""

HARD_EFFECTS = ("NoSchedule", "NoExecute")
"""What keeps a pod off a node. The autoscaler heeds no other effect, as it simulates the scheduler's filters only."""

PSEUDO_LABELS = frozenset({"amiType", "cluster-name", "diskSize", "k8sVersion", "nodegroup-name"})
"""Labels that the autoscaler makes up for itself. Source: kubernetes/autoscaler, ``aws_wrapper.go``,
``getManagedNodegroupInfo``; ``aws_manager.go``, ``extractLabelsFromAsg``."""

OWN_LABELS = frozenset({INSTANCE_TYPE, "beta.kubernetes.io/instance-type", "node.kubernetes.io/windows-build"})
"""Labels that the kubelet sets by itself, to what the machine tells it."""

SINGLE_LABELS = frozenset({"k8s.amazonaws.com/eniConfig", "kubernetes.io/hostname"})
"""Labels of one node and no other: its name, and the one by which the VPC CNI knows its subnet."""

PLACE_LABELS = frozenset(
    {
        CSI_ZONE,
        REGION,
        ZONE,
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "topology.k8s.aws/zone-id",
    }
)
"""Labels that say where a node is: the autoscaler's own guess of them is no one's declaration, a tag is."""

LATER_PREFIXES = (
    "beta.kubernetes.io/",
    "feature.node.kubernetes.io/",
    "node-role.kubernetes.io/",
    "nvidia.com/",
    "topology.k8s.aws/",
    "vpc.amazonaws.com/",
)
"""Labels that controllers put on a node after it has joined: none of them stands in a node group or its user data."""

NEURON_PREFIX = "aws.amazon.com/neuron"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference between the believed and the real node.

    Attributes:
        kind: What differs.
        name: The label's or taint's key, or the resource's name.
        believed: What the autoscaler takes it for; None if it knows nothing of it. Taints read ``value:Effect``,
            resources are plain numbers in Kubernetes' base unit.
        real: What the node has, likewise; None if it has none, or none that is visible.
        counts: Whether it can mislead the autoscaler about a pod.
    """

    kind: Literal["label", "taint", "resource"]
    name: str
    believed: str | None
    real: str | None
    counts: bool


def differences(believed: NodeTemplate, real: NodeTemplate) -> tuple[Difference, ...]:
    """Return what differs: labels, then taints, then resources, each by name."""
    return (*_labels(believed, real), *_taints(believed, real), *_resources(believed, real))


def mending_tags(differences: Iterable[Difference]) -> dict[str, str]:
    """Return the Auto Scaling group's tags that make the believed node the real one, by key.

    What is believed and not real needs a tag removed, not set. A tag has room for one taint of a key, and none for a
    key that is too long: what cannot be written is left out. So is what does not count.
    """
    prefixes = {"label": LABEL, "taint": TAINT, "resource": RESOURCE}
    mended: dict[str, str] = {}
    for difference in differences:
        key = prefixes[difference.kind] + difference.name
        value = difference.real
        if difference.counts and value is not None and len(key) <= LONGEST_KEY and len(value) <= LONGEST_VALUE:
            mended.setdefault(key, value)
    return mended


def _labels(believed: NodeTemplate, real: NodeTemplate) -> Iterator[Difference]:
    for key in sorted(believed.labels.keys() | real.labels.keys()):
        one, other = believed.labels.get(key), real.labels.get(key)
        if one != other:
            source = believed.sources.get(f"label:{key}")
            yield Difference(kind="label", name=key, believed=one, real=other, counts=_label_counts(key, other, source))


def _label_counts(key: str, other: str | None, source: Source | None) -> bool:
    """Say whether a pod can be meant to choose its node by a label that differs.

    What only the believed node has may be what the autoscaler makes up, or what a controller adds to the real one.
    """
    if source is Source.EKS_TAG or key in OWN_LABELS | SINGLE_LABELS or key.startswith(TOOL_PREFIXES):
        return False
    if other is None and (key in PSEUDO_LABELS | PLACE_LABELS or key.startswith(LATER_PREFIXES)):
        return False
    return key not in PLACE_LABELS or source is Source.TAG


def _taints(believed: NodeTemplate, real: NodeTemplate) -> Iterator[Difference]:
    """Compare by key, value and effect; what is left on either side of one key is paired."""
    sides: dict[str, tuple[set[Taint], set[Taint]]] = defaultdict(lambda: (set(), set()))
    for index, node in enumerate((believed, real)):
        for taint in node.taints:
            sides[taint.key][index].add(taint)
    for key, (ones, others) in sorted(sides.items()):
        if believed.sources.get(f"taint:{key}") is Source.TAG and passing(key) and not dropped(key):
            yield from _staying(key, ones)
            continue
        expressed = _keeps_off(*ones & others)  # one tag a key: no room for more
        for one, other in zip_longest(_in_order(ones - others), _in_order(others - ones)):
            yield Difference(
                kind="taint",
                name=key,
                believed=_taint_text(one),
                real=_taint_text(other),
                counts=not passing(key) and _keeps_off(one, other) and not (expressed and not _keeps_off(one)),
            )


def _staying(key: str, told: set[Taint]) -> Iterator[Difference]:
    """Yield taints that nodes start with and lose, and that the autoscaler, told by a tag, takes to stay."""
    for one in _in_order(told):
        text = _taint_text(one)
        yield Difference(kind="taint", name=key, believed=text, real=None, counts=_keeps_off(one))


def _keeps_off(*taints: Taint | None) -> bool:
    return any(taint is not None and taint.effect in HARD_EFFECTS for taint in taints)


def _in_order(taints: set[Taint]) -> list[Taint]:
    """Sort taints of one key: those that keep pods off first."""
    return sorted(taints, key=lambda taint: (taint.effect not in HARD_EFFECTS, taint.effect, taint.value))


def _taint_text(taint: Taint | None) -> str | None:
    return None if taint is None else f"{taint.value}:{taint.effect}"


def _resources(believed: NodeTemplate, real: NodeTemplate) -> Iterator[Difference]:
    """Compare what is known of both; that every node is taken to hold 110 pods says nothing of this one."""
    for name in sorted(believed.resources.keys() | real.resources.keys()):
        one, other = believed.resources.get(name), real.resources.get(name)
        unknown = other is None and believed.sources.get(f"resource:{name}") is Source.GENERIC
        if (one or 0) != (other or 0) and not unknown:
            yield Difference(
                kind="resource",
                name=name,
                believed=None if one is None else quantity_text(one),
                real=None if other is None else quantity_text(other),
                counts=_resource_counts(name, one, other, believed),
            )


def _resource_counts(name: str, one: Decimal | None, other: Decimal | None, believed: NodeTemplate) -> bool:
    """Say whether a resource is believed to be what it cannot be.

    A tag that tells less CPU or memory than the type has allows for what the system keeps. A tag of any other resource
    is taken at its word, for a plugin may offer more or less than the type has (shared or split GPUs), but of a type
    without any GPU it offers none; and one tag of Neuron is enough, as pods ask for devices or for cores.
    """
    if other is None:
        return False
    if name in ("cpu", "memory"):
        return one is not None and one > other
    if name.startswith(NEURON_PREFIX) and any(known.startswith(NEURON_PREFIX) for known in believed.resources):
        return False
    if name == NVIDIA_GPU and not other:
        return True
    return believed.sources.get(f"resource:{name}") not in (Source.TAG, Source.NODEGROUP_TAG)
