"""Taints that a node has for a while only, and that tell nothing of the next one."""

DROPPED = frozenset(
    {
        "ToBeDeletedByClusterAutoscaler",
        "DeletionCandidateOfClusterAutoscaler",
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/unschedulable",
        "node.kubernetes.io/memory-pressure",
        "node.kubernetes.io/disk-pressure",
        "node.kubernetes.io/network-unavailable",
        "node.kubernetes.io/pid-pressure",
        "node.cloudprovider.kubernetes.io/uninitialized",
        "node.cloudprovider.kubernetes.io/shutdown",
        "cloud.google.com/impending-node-termination",
        "NodeWithImpairedVolumes",
    }
)
"""Keys that the autoscaler strikes from every simulated node.

Source: kubernetes/autoscaler, ``cluster-autoscaler/utils/taints/taints.go``: ``SanitizeTaints`` and
``NodeConditionTaints``.
"""

DROPPED_PREFIXES = (
    "ignore-taint.cluster-autoscaler.kubernetes.io/",
    "startup-taint.cluster-autoscaler.kubernetes.io/",
    "status-taint.cluster-autoscaler.kubernetes.io/",
)
"""Prefixes of further such keys. Source: as :data:`DROPPED`. Its flags name more, and are not visible."""

STARTUP_SUFFIXES = ("not-ready", "uninitialized", "unregistered")
"""How the keys end that nodes start with until an agent has made them ready and removes them.

Such are ``node.cilium.io/agent-not-ready`` (Cilium's documentation, "Considerations on node pool taints"), the CSI
drivers' ``ebs.csi.aws.com/agent-not-ready`` and its likes for EFS, FSx and S3 (their installation guides, "Node startup
taint") and ``cni.istio.io/not-ready``. A tag of them would be wrong: the autoscaler would take the taint to stay.
"""


def dropped(key: str) -> bool:
    """Say whether the autoscaler strikes a taint from every node that it simulates."""
    return key in DROPPED or key.startswith(DROPPED_PREFIXES)


def passing(key: str) -> bool:
    """Say whether a taint is gone from a node once it is ready."""
    return dropped(key) or key.endswith(STARTUP_SUFFIXES)
