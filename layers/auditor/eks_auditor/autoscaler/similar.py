"""Which groups Cluster Autoscaler takes for similar, so that ``--balance-similar-node-groups`` fills them evenly.

This is its comparator, rule by rule, as far as AWS's APIs show what it compares. Labels must be equal, except those
that it ignores: so the instance type (``node.kubernetes.io/instance-type``) parts two groups, and so do the launch
template and the image that EKS names in labels of its own (``eks.amazonaws.com/sourceLaunchTemplateId``,
``…/sourceLaunchTemplateVersion``, ``…/nodegroup-image``). Capacity must be equal too, and memory within 1.5 %. Taints
are not compared.

It also wants allocatable and free resources to be within 5 % of each other. Both are in Kubernetes' API only, which is
not read: groups without a difference here may be told apart all the same.

Source: kubernetes-sigs/cluster-autoscaler, folder ``pkg/processors/nodegroupset`` (formerly kubernetes/autoscaler,
``cluster-autoscaler/processors/nodegroupset``): ``compare_nodegroups.go`` and ``aws_nodegroups.go``. An autoscaler that
runs with ``--balancing-label`` compares by those labels alone, and by nothing of this.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

BASIC_IGNORED_LABELS = frozenset(
    {
        "kubernetes.io/hostname",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "beta.kubernetes.io/fluentd-ds-ready",
        "kops.k8s.io/instancegroup",
    }
)
"""What it ignores of every provider's nodes. Source: ``BasicIgnoredLabels``, ``compare_nodegroups.go``."""

IGNORED_LABELS = BASIC_IGNORED_LABELS | {
    "alpha.eksctl.io/instance-id",
    "alpha.eksctl.io/nodegroup-name",
    "eks.amazonaws.com/nodegroup",
    "k8s.amazonaws.com/eniConfig",
    "lifecycle",
    "topology.ebs.csi.aws.com/zone",
    "topology.k8s.aws/zone-id",
}
"""What it ignores of AWS's nodes. Source: ``CreateAwsNodeInfoComparator``, ``aws_nodegroups.go``."""

MEMORY = "memory"
MEMORY_TOLERANCE = 0.015
"""By how much of the larger one memory may differ. Source: ``DefaultMaxCapacityMemoryDifferenceRatio``,
``pkg/config/autoscaling_options.go``; the flag is ``--memory-difference-ratio``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A node as the autoscaler expects the next one of a group to be.

    Attributes:
        labels: All labels that the node will have, those of Kubernetes, EKS and the tools included.
        capacity: By the resource's name (``cpu``, ``memory``, ``pods``, ``nvidia.com/gpu``), in any unit that is
            the same for both templates. A resource of which there is none is another thing than one that is not named.
    """

    labels: Mapping[str, str]
    capacity: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What makes two templates dissimilar.

    Attributes:
        kind: Whether ``name`` is a resource's or a label's.
        name: ``memory``, or ``eks.amazonaws.com/sourceLaunchTemplateId``.
        one: What the first template has of it; None if it has none.
        other: What the second one has.
    """

    kind: Literal["capacity", "label"]
    name: str
    one: int | str | None
    other: int | str | None

    @property
    def flag(self) -> str | None:
        """The autoscaler's flag that mends it; None for capacity, which only another instance type does."""
        return f"--balancing-ignore-label={self.name}" if self.kind == "label" else None


def differences(
    one: Template, other: Template, *, balancing_ignore_labels: Collection[str] = ()
) -> tuple[Difference, ...]:
    """Return everything that keeps the autoscaler from balancing two groups, by kind and name; none if it does.

    Args:
        one: The next node of a group.
        other: That of another one.
        balancing_ignore_labels: Labels that the autoscaler's flags ``--balancing-ignore-label`` name.
    """
    ignored = IGNORED_LABELS.union(balancing_ignore_labels)
    resources = sorted(one.capacity.keys() | other.capacity.keys())
    labels = sorted((one.labels.keys() | other.labels.keys()) - ignored)
    return (
        *(
            Difference(kind="capacity", name=name, one=one.capacity.get(name), other=other.capacity.get(name))
            for name in resources
            if not _same_capacity(name, one.capacity.get(name), other.capacity.get(name))
        ),
        *(
            Difference(kind="label", name=name, one=one.labels.get(name), other=other.labels.get(name))
            for name in labels
            if one.labels.get(name) != other.labels.get(name)
        ),
    )


def _same_capacity(resource: str, one: int | None, other: int | None) -> bool:
    if one is None or other is None:
        return False
    if resource != MEMORY:
        return one == other
    larger = max(one, other)
    return larger - min(one, other) <= larger * MEMORY_TOLERANCE
