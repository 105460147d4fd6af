"""Sibling sets: sources of nodes that the same pods can use, and whose spread over zones is judged together."""

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Self

from eks_auditor.model.capacity import (
    UNDECLARED,
    AnyCapacity,
    GroupCapacity,
    InstanceType,
    Kind,
    ManagedNodeGroup,
    NodePool,
    ScalingGroup,
    SelfManagedGroup,
)
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.labels import TOOL_PREFIXES
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.windows import runs_windows

type CapacityKey = tuple[Kind, str]
"""A capacity's kind and name: unique within a cluster."""

IGNORED_LABELS = frozenset(
    {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "k8s.amazonaws.com/eniConfig",
        "lifecycle",
        "topology.ebs.csi.aws.com/zone",
        "topology.k8s.aws/zone-id",
    }
)
"""What Cluster Autoscaler ignores on AWS, less :data:`TOOL_PREFIXES`.

Source: kubernetes/autoscaler, ``cluster-autoscaler/processors/nodegroupset``: ``aws_nodegroups.go`` and
``BasicIgnoredLabels`` in ``compare_nodegroups.go``.
"""

CAPACITY_TYPE_LABEL = "eks.amazonaws.com/capacityType"
"""EKS puts it on the nodes of managed groups, whose declared labels do not hold it; On-Demand, the default, is none."""

MEMORY_TOLERANCE = 0.015
"""Source: kubernetes/autoscaler, ``MaxCapacityMemoryDifferenceRatio`` in ``compare_nodegroups.go``."""

BY_REQUIREMENTS = InstanceType(name="", architecture="requirements", vcpus=0, memory_mib=0)
"""The shape of what names no types, only requirements: whatever EC2 chooses. It is alike to nothing else."""

NAMES_SHOWN = 3

_UNIQUE_SUFFIX = re.compile(r"-?\d{18}[0-9a-f]{8}$")
"""What Terraform appends to a ``name_prefix``: the instant in digits and a counter.

Source: hashicorp/terraform-plugin-sdk, ``PrefixedUniqueId`` in ``helper/id/id.go``.
"""

_ZONE_ID = re.compile(r"[a-z]{2,5}\d+(-[a-z0-9]+)*-(az|wlz)\d+")
_WIDTH = -math.log1p(-MEMORY_TOLERANCE)


@dataclass(frozen=True, slots=True)
class SiblingSet:
    """Capacities that the same pods can use, in one cluster.

    Attributes:
        key: What identifies it: a short SHA-256 of its labels, taints, operating system and shape, never of its
            members.
        name: What people call it: its members' names, the first few.
        members: Groups ordered by kind and name, or the one pool.
    """

    key: str
    name: str
    members: tuple[AnyCapacity, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """A cluster's sibling sets.

    Attributes:
        sets: Ordered by key.
        unreadable: Groups in no set, and what hides their place.
        doubts: By a set's key: what hides whether one more group belongs to it. What only a further member could
            mend must not be called a defect while there is one.
        whole: Whether no read that failed can have dropped a group out of its set unseen, so that a set which is
            absent is gone, but for those that an undeclared group was in.
        undeclared: Names of the groups whose user data does not tell their labels: it may have told them before.
    """

    sets: tuple[SiblingSet, ...]
    unreadable: Mapping[CapacityKey, Gap]
    doubts: Mapping[str, Gap]
    whole: bool
    undeclared: frozenset[str]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Find the sibling sets of a cluster; Fargate profiles and standalone nodes are in none."""
        groups = [c for c in snapshot.capacities if isinstance(c, ManagedNodeGroup | SelfManagedGroup)]
        traits = sorted((_Traits.of(group, snapshot) for group in groups), key=lambda t: key_of(t.capacity))
        readable = [t for t in traits if t.gap is None]
        hidden = [t for t in traits if t.gap is not None]
        families = list(_families(readable))
        sets = [_set_of_groups(family) for family in families]
        pools = [_set_of_pool(c) for c in snapshot.capacities if isinstance(c, NodePool)]
        missing = snapshot.unseen(("managed", "self-managed"))
        doubts = {
            sibling_set.key: gap
            for sibling_set, family in zip(sets, families, strict=True)
            if (gap := missing or next((t.gap for t in hidden if t.may_join(family)), None)) is not None
        }
        return cls(
            sets=tuple(sorted((*sets, *pools), key=lambda s: s.key)),
            unreadable={key_of(t.capacity): t.gap for t in hidden if t.gap is not None},
            doubts=doubts,
            whole=all(t.undeclared for t in hidden),
            undeclared=frozenset(t.capacity.name for t in hidden if t.undeclared),
        )

    def set_of(self, capacity: GroupCapacity | NodePool) -> SiblingSet | Gap:
        """Return the set that a capacity belongs to, or what hides it.

        Raises:
            KeyError: If the capacity is not of this cluster.
        """
        wanted = key_of(capacity)
        for sibling_set in self.sets:
            if wanted in map(key_of, sibling_set.members):
                return sibling_set
        return self.unreadable[wanted]


def key_of(capacity: AnyCapacity) -> CapacityKey:
    """Return what tells a capacity from the others of its cluster."""
    return capacity.kind, capacity.name


@dataclass(frozen=True, slots=True)
class _Traits:
    """What makes a group a sibling of another, as far as it was read."""

    capacity: GroupCapacity
    labels: tuple[tuple[str, str], ...] | Gap
    taints: tuple[tuple[str, str, str], ...] | Gap
    shape: InstanceType | Gap
    windows: bool | Gap

    @classmethod
    def of(cls, capacity: GroupCapacity, snapshot: Snapshot) -> Self:
        labels, taints = capacity.labels, capacity.taints
        return cls(
            capacity=capacity,
            labels=labels if isinstance(labels, Gap) else _common_labels(labels, capacity, snapshot.cluster.id.region),
            taints=taints if isinstance(taints, Gap) else tuple(sorted((t.key, t.value, t.effect) for t in taints)),
            shape=_shape(capacity, snapshot),
            windows=runs_windows(capacity, snapshot),
        )

    @property
    def gap(self) -> Gap | None:
        return next(
            (part for part in (self.labels, self.taints, self.shape, self.windows) if isinstance(part, Gap)), None
        )

    @property
    def undeclared(self) -> bool:
        return isinstance(self.labels, Gap) and self.labels.error.startswith(UNDECLARED)

    def may_join(self, family: "list[_Traits]") -> bool:
        """Whether nothing that was read keeps it from being a sibling of these."""
        return (
            (isinstance(self.labels, Gap) or self.labels == family[0].labels)
            and (isinstance(self.taints, Gap) or self.taints == family[0].taints)
            and (isinstance(self.windows, Gap) or family[0].windows or not self.windows)
            and any(_alike(self.shape, member.shape) for member in family)
        )


def _shape(capacity: GroupCapacity, snapshot: Snapshot) -> InstanceType | Gap:
    """Return the first instance type of the group: what Cluster Autoscaler, too, takes an empty group to be made of."""
    try:
        groups = known(capacity.groups)
        if not groups:
            return Gap("eks:DescribeNodegroup", capacity.name, "it has no Auto Scaling group")
        return _first_type(groups[0], snapshot)
    except UnreadableError as error:
        return error.gap


def _first_type(group: ScalingGroup, snapshot: Snapshot) -> InstanceType:
    names = known(group.launch).instance_types
    if not names:
        return BY_REQUIREMENTS
    return known(snapshot.instance_types.get(names[0], Gap("ec2:DescribeInstanceTypes", names[0], "not read")))


def _common_labels(labels: Mapping[str, str], capacity: GroupCapacity, region: str) -> tuple[tuple[str, str], ...]:
    """Drop the labels that differ between siblings by nature: group's name, zone, and what the tools add."""
    groups = () if isinstance(capacity.groups, Gap) else capacity.groups
    own_labels = {CAPACITY_TYPE_LABEL: capacity.capacity_type} if isinstance(capacity, ManagedNodeGroup) else {}
    full_names = {capacity.name, *(group.name for group in groups)}
    own_names = full_names | {_UNIQUE_SUFFIX.sub("", name) for name in full_names}
    return tuple(
        sorted(
            (key, value)
            for key, value in (own_labels | dict(labels)).items()
            if (key == CAPACITY_TYPE_LABEL or not key.startswith(TOOL_PREFIXES))
            and (key, value) != (CAPACITY_TYPE_LABEL, "ON_DEMAND")
            and key not in IGNORED_LABELS
            and value not in own_names
            and not _names_a_zone(value, region)
        )
    )


def _names_a_zone(value: str, region: str) -> bool:
    """Whether a label's value is a zone's name (``eu-west-1a``) or id (``euw1-az1``).

    Told by their form and not by the zones that were read, so that no failed read can rename a set.
    """
    zone_name = re.escape(region) + r"(-[a-z0-9-]+)?[a-z]"
    return bool(re.fullmatch(zone_name, value) or _ZONE_ID.fullmatch(value))


def _alike(one: InstanceType | Gap, other: InstanceType | Gap) -> bool:
    """Whether two shapes are the same to a pod, or one of them is not known."""
    if isinstance(one, Gap) or isinstance(other, Gap):
        return True
    return _form(one) == _form(other) and _near(*sorted((one.memory_mib, other.memory_mib)))


def _form(shape: InstanceType) -> tuple[str, int, int]:
    return shape.architecture, shape.vcpus, shape.accelerators


def _near(smaller: int, larger: int) -> bool:
    return larger - smaller <= larger * MEMORY_TOLERANCE


type _Part = tuple[_Traits, tuple[tuple[str, str], ...], tuple[tuple[str, str, str], ...], InstanceType]


def _like(part: _Part) -> tuple[object, ...]:
    """Return all of a group that siblings have in common, but for its memory."""
    trait, labels, taints, shape = part
    return labels, taints, trait.windows, _form(shape)


def _families(readable: Iterable[_Traits]) -> Iterator[list[_Traits]]:
    """Group what is alike; memory is joined transitively, which in order of size is a chain of near neighbours."""
    parts = [(t, known(t.labels), known(t.taints), known(t.shape)) for t in readable]
    parts.sort(key=lambda part: (*_like(part), part[3].memory_mib, key_of(part[0].capacity)))
    for _, alike in groupby(parts, key=_like):
        family: list[_Traits] = []
        last = 0
        for trait, _, _, shape in alike:
            if family and not _near(last, shape.memory_mib):
                yield family
                family = []
            family.append(trait)
            last = shape.memory_mib
        yield family


def _set_of_groups(family: list[_Traits]) -> SiblingSet:
    """Make a set of a family, its smallest memory first.

    The key takes memory as a step on a logarithmic scale whose width is the tolerance. Two sets that differ in
    memory alone are further apart than that, so they never share a step; siblings of equal memory (nearly all: types
    come in nominal sizes) keep their step whoever joins or leaves. Only a set that straddles two steps is
    renamed, when the last member on its lower step leaves. No key of labels, taints and shape can do better: one
    that never changed between near neighbours would, by their chain, be the same for all sizes.
    """
    first = family[0]
    shape = known(first.shape)
    # Linux, which nearly all run, is no part of the key: so keys were before Windows was told apart.
    system = {"windows": True} if first.windows else {}
    return SiblingSet(
        key=_digest(
            labels=known(first.labels),
            taints=known(first.taints),
            form=_form(shape),
            memory=math.floor(math.log(max(shape.memory_mib, 1)) / _WIDTH),
            **system,
        ),
        name=first_of([t.capacity.name for t in family]),
        members=tuple(sorted((t.capacity for t in family), key=key_of)),
    )


def _set_of_pool(pool: NodePool) -> SiblingSet:
    return SiblingSet(key=_digest(pool=key_of(pool)), name=pool.name, members=(pool,))


def _digest(**parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def first_of(names: Collection[str], shown: int = NAMES_SHOWN) -> str:
    """Return the first of these words, in their order, and how many more there are."""
    first = ", ".join(sorted(names)[:shown])
    return first if len(names) <= shown else f"{first} and {len(names) - shown} more"
