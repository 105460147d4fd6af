"""The node that a group would really bring up, as far as AWS's APIs and its user data tell.

Accelerators are counted as their device plugins offer them, one resource a GPU and two a Neuron device: without its
plugin a node offers none, and whether it runs is not visible. Not told are how many pods a node holds, its disk, and
what else a plugin or a setting of one offers.
"""

from decimal import Decimal

from eks_auditor.autoscaler.first_instance import FirstInstance
from eks_auditor.autoscaler.node_template import (
    ARCHITECTURE,
    CAPACITY_TYPE,
    CSI_ZONE,
    INSTANCE_TYPE,
    MIB,
    NODEGROUP,
    NVIDIA_GPU,
    OPERATING_SYSTEM,
    REGION,
    ZONE,
    NodeTemplate,
    Source,
)
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, ScalingGroup
from eks_auditor.model.gap import known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.windows import runs_windows

GPU_RESOURCES = {"NVIDIA": NVIDIA_GPU, "AMD": "amd.com/gpu", "Habana": "habana.ai/gaudi"}
"""By the maker as EC2 writes it: what the maker's device plugin offers.

Source: kubernetes/autoscaler, ``utils/gpu/gpu.go``.
"""

NEURON = "aws.amazon.com/neuron"
NEURON_CORE = "aws.amazon.com/neuroncore"
"""What Neuron's device plugin offers. Source: AWS Neuron's documentation, "Kubernetes environment setup for Neuron"."""


def real(capacity: GroupCapacity, group: ScalingGroup, snapshot: Snapshot) -> NodeTemplate:
    """Return the node that would really come up, of the group's first type in its first zone.

    Raises:
        UnreadableError: If its labels, taints or shape were not read.
    """
    first = FirstInstance.of(group, snapshot)
    source = Source.EKS if isinstance(capacity, ManagedNodeGroup) else Source.USER_DATA
    declared = {key: (value, source) for key, value in known(capacity.labels).items()}
    system = "windows" if runs_windows(capacity, snapshot) is True else "linux"
    return NodeTemplate.of(
        first,
        labels=_own_labels(first, snapshot, system) | _eks_labels(capacity) | declared,
        taints=((taint, source) for taint in known(capacity.taints)),
        resources=_resources(first),
    )


def _own_labels(first: FirstInstance, snapshot: Snapshot, system: str) -> dict[str, tuple[str, Source]]:
    """Return what the kubelet and the cloud's controllers put on every node."""
    return {
        ARCHITECTURE: (first.architecture, Source.INSTANCE_TYPE),
        OPERATING_SYSTEM: (system, Source.GENERIC),
        INSTANCE_TYPE: (first.shape.name, Source.INSTANCE_TYPE),
        REGION: (snapshot.cluster.id.region, Source.GENERIC),
        ZONE: (first.zone, Source.GENERIC),
        CSI_ZONE: (first.zone, Source.GENERIC),
    }


def _eks_labels(capacity: GroupCapacity) -> dict[str, tuple[str, Source]]:
    if not isinstance(capacity, ManagedNodeGroup):
        return {}
    return {
        NODEGROUP: (capacity.name, Source.EKS),
        CAPACITY_TYPE: (capacity.capacity_type, Source.EKS),
    }


def _resources(first: FirstInstance) -> dict[str, tuple[Decimal, Source]]:
    shape = first.shape
    counts = {"cpu": first.vcpus, "memory": first.memory_mib * MIB, NVIDIA_GPU: 0}
    if shape.gpu_maker in GPU_RESOURCES:
        counts[GPU_RESOURCES[shape.gpu_maker]] = first.gpus
    if shape.neuron_devices:
        counts |= {NEURON: shape.neuron_devices, NEURON_CORE: shape.neuron_cores}
    return {name: (Decimal(count), Source.INSTANCE_TYPE) for name, count in counts.items()}
