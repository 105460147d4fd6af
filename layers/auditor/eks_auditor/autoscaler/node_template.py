"""The node that Cluster Autoscaler simulates for an empty group: what it believes the next one to be.

The rules mirror kubernetes/autoscaler, folder ``cluster-autoscaler/cloudprovider/aws``; the whole is in
``aws_manager.go``, ``buildNodeFromTemplate``. Once a group has had a node, the autoscaler goes by that node instead,
until it restarts.

Left out are what every node has of its own (``kubernetes.io/hostname``), labels that only repeat another one under its
old name (``beta.kubernetes.io/…``, ``failure-domain.beta.kubernetes.io/…``), the mark of a simulated node, and
``diskSize``, a label that stands for a node group's disk and that no node has.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Self

from eks_auditor.autoscaler import tags
from eks_auditor.autoscaler.first_instance import FirstInstance
from eks_auditor.autoscaler.passing_taints import dropped
from eks_auditor.autoscaler.quantity import parse_quantity
from eks_auditor.autoscaler.versions import Behaviour, behaviour_of
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, ScalingGroup, Taint
from eks_auditor.model.snapshot import Snapshot

ARCHITECTURE = "kubernetes.io/arch"
OPERATING_SYSTEM = "kubernetes.io/os"
INSTANCE_TYPE = "node.kubernetes.io/instance-type"
REGION = "topology.kubernetes.io/region"
ZONE = "topology.kubernetes.io/zone"
CSI_ZONE = "topology.ebs.csi.aws.com/zone"
NODEGROUP = "eks.amazonaws.com/nodegroup"
CAPACITY_TYPE = "eks.amazonaws.com/capacityType"
NVIDIA_GPU = "nvidia.com/gpu"
MIB = 2**20

PODS = Decimal(110)
"""Pods that every node is taken to hold, whatever its type. Source: ``aws_manager.go``, "TODO: get a real value"."""

API_EFFECTS = {
    "NoSchedule": "NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
}
"""Kubernetes' effects in the words of EKS's API."""


class Source(StrEnum):
    """Where a part of a node comes from."""

    GENERIC = "every node"
    INSTANCE_TYPE = "instance type"
    TAG = "Auto Scaling group's tag"
    EKS_TAG = "tag that EKS set"
    EKS = "node group"
    NODEGROUP_TAG = "node group's tag"
    USER_DATA = "user data"


type Sourced[T] = Mapping[str, tuple[T, Source]]
"""Parts of a node, each with where it comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTemplate:
    """A node that does not run yet.

    Attributes:
        labels: By key.
        taints: In their order.
        resources: By name, in Kubernetes' base units (cores, bytes, pieces).
        options: Autoscaling options by name, as they are written.
        instance_type: Its type; of requirements, the first that EC2 matches.
        zone: Its zone, by the account's name for it.
        sources: Where each part comes from, by ``label:KEY``, ``taint:KEY`` and ``resource:NAME``.
    """

    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    resources: Mapping[str, Decimal]
    options: Mapping[str, str] = field(default_factory=dict)
    instance_type: str | None = None
    zone: str | None = None
    sources: Mapping[str, Source] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        first: FirstInstance,
        *,
        labels: Sourced[str],
        taints: Iterable[tuple[Taint, Source]],
        resources: Sourced[Decimal],
        options: Mapping[str, str] | None = None,
    ) -> Self:
        """Put a node together of parts that know where they come from; a taint said twice is one."""
        unique = dict(taints)
        sources = {f"label:{key}": source for key, (_, source) in labels.items()}
        sources |= {f"taint:{taint.key}": source for taint, source in unique.items()}
        sources |= {f"resource:{name}": source for name, (_, source) in resources.items()}
        return cls(
            labels={key: value for key, (value, _) in labels.items()},
            taints=tuple(unique),
            resources={name: quantity for name, (quantity, _) in resources.items()},
            options=options or {},
            instance_type=first.shape.name,
            zone=first.zone,
            sources=sources,
        )


def believed(capacity: GroupCapacity, group: ScalingGroup, snapshot: Snapshot, minor: str) -> NodeTemplate:
    """Return the node that the autoscaler of a minor simulates for a group while it is empty.

    For what EKS's tags mark as a managed group, the autoscaler asks EKS: its labels win over those of tags, its taints
    come after theirs, and resources of the node group's own tags win over those of the Auto Scaling group. It is taken
    to be allowed to (``eks:DescribeNodegroup``): AWS does not show that, and upstream's policy has it.

    Args:
        capacity: What the group belongs to.
        group: The Auto Scaling group.
        snapshot: Its cluster.
        minor: The autoscaler's, such as ``1.35``.

    Raises:
        UnreadableError: If what it rests on was not read.
        ValueError: If the minor is none.
    """
    first = FirstInstance.of(group, snapshot)
    labels = _generic_labels(first) | _tag_labels(group.tags)
    taints = [(taint, Source.TAG) for taint in tags.taints(group.tags)]
    resources = _type_resources(first) | tag_resources(group.tags, Source.TAG)
    asked, behaviour = _asked_of_eks(labels, capacity, snapshot), behaviour_of(minor)
    if asked is not None and not _is_refused(asked, behaviour):
        labels |= _api_labels(asked)
        taints += [(taint, Source.EKS) for taint in _api_taints(asked, behaviour)]
        resources |= tag_resources(asked.tags, Source.NODEGROUP_TAG)
    return NodeTemplate.of(
        first,
        labels=labels,
        taints=((taint, source) for taint, source in taints if not dropped(taint.key)),
        resources=resources,
        options=tags.options(group.tags),
    )


def tag_resources(found: Mapping[str, str], source: Source) -> dict[str, tuple[Decimal, Source]]:
    """Return the resources that tags tell; a quantity that Kubernetes cannot read is dropped.

    Source: ``aws_manager.go``, ``extractAllocatableResourcesFromAsg`` and ``…FromTags``.
    """
    read = {}
    for name, text in tags.resources(found).items():
        try:
            read[name] = (parse_quantity(text), source)
        except ValueError:
            continue
    return read


def _generic_labels(first: FirstInstance) -> dict[str, tuple[str, Source]]:
    """Return what the autoscaler puts on every node: Linux always, and the zone's name less its last letter as Region.

    That Region is wrong for a Local Zone (``us-west-2-lax-1a``). Source: ``aws_manager.go``, ``buildGenericLabels`` and
    ``getAsgTemplate``; ``DefaultOS``, ``cloudprovider/cloud_provider.go``.
    """
    return {
        ARCHITECTURE: (first.architecture, Source.INSTANCE_TYPE),
        OPERATING_SYSTEM: ("linux", Source.GENERIC),
        INSTANCE_TYPE: (first.shape.name, Source.INSTANCE_TYPE),
        REGION: (first.zone[:-1], Source.GENERIC),
        ZONE: (first.zone, Source.GENERIC),
        CSI_ZONE: (first.zone, Source.GENERIC),
    }


def _tag_labels(found: Mapping[str, str]) -> dict[str, tuple[str, Source]]:
    marks = {key: (value, Source.EKS_TAG) for key, value in tags.eks_labels(found).items()}
    return marks | {key: (value, Source.TAG) for key, value in tags.labels(found).items()}


def _type_resources(first: FirstInstance) -> dict[str, tuple[Decimal, Source]]:
    """Return what the instance type tells: all of it, and every GPU as NVIDIA's, whoever made it.

    Source: ``aws_manager.go``, ``buildNodeFromTemplate``; ``aws_util.go``, ``getGpuCount``.
    """
    return {
        "cpu": (Decimal(first.vcpus), Source.INSTANCE_TYPE),
        "memory": (Decimal(first.memory_mib * MIB), Source.INSTANCE_TYPE),
        "pods": (PODS, Source.GENERIC),
        NVIDIA_GPU: (Decimal(first.gpus), Source.INSTANCE_TYPE),
    }


def _asked_of_eks(labels: Sourced[str], capacity: GroupCapacity, snapshot: Snapshot) -> ManagedNodeGroup | None:
    """Return the node group that the autoscaler asks EKS about; None if it asks none, or one that is not there.

    It asks where both labels are there that EKS's tags ``eks:cluster-name`` and ``eks:nodegroup-name`` become.
    """
    cluster, _ = labels.get("cluster-name", ("", None))
    name, _ = labels.get("nodegroup-name", ("", None))
    if not name or cluster != snapshot.cluster.name:
        return None
    groups = (c for c in (capacity, *snapshot.capacities) if isinstance(c, ManagedNodeGroup))
    return next((group for group in groups if group.name == name), None)


def _is_refused(group: ManagedNodeGroup, behaviour: Behaviour) -> bool:
    """Say whether the autoscaler drops all that EKS tells of a group, for a taint's effect that it cannot translate.

    Source: ``aws_wrapper.go``, ``getManagedNodegroupInfo`` and ``taintEksTranslator``.
    """
    effects = {taint.effect for taint in group.taints if taint.has_value}
    return behaviour.translates_effects and not effects <= API_EFFECTS.keys()


def _api_labels(group: ManagedNodeGroup) -> dict[str, tuple[str, Source]]:
    """Return the labels that the autoscaler takes from ``eks:DescribeNodegroup``; the declared ones win.

    Source: ``aws_wrapper.go``, ``getManagedNodegroupInfo``.
    """
    told = {
        "amiType": group.ami_type,
        CAPACITY_TYPE: group.capacity_type,
        "k8sVersion": group.version or "",
        NODEGROUP: group.name,
    }
    own = {key: value for key, value in told.items() if value}
    return {key: (value, Source.EKS) for key, value in (own | dict(group.labels)).items()}


def _api_taints(group: ManagedNodeGroup, behaviour: Behaviour) -> list[Taint]:
    """Return the taints that the autoscaler takes from ``eks:DescribeNodegroup``: those that have a value, be it empty.

    Source: as :func:`_api_labels`.
    """
    return [
        taint
        if behaviour.translates_effects
        else Taint(key=taint.key, value=taint.value, effect=API_EFFECTS.get(taint.effect, taint.effect))
        for taint in group.taints
        if taint.has_value
    ]
