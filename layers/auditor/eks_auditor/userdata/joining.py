"""How a node joins its cluster, and the error of not being able to tell."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from eks_auditor.model.capacity import Taint

BOOTSTRAP_SH = "bootstrap.sh"
NODE_CONFIG = "NodeConfig"
BOTTLEROCKET = "Bottlerocket settings"
EKS_BOOTSTRAP_PS1 = "EKSBootstrap.ps1"

# The pattern of a cluster's name in eks:CreateCluster.
_CLUSTER_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")


class UnreadableUserDataError(Exception):
    """What of user data could not be read, in one sentence that never quotes it."""

    def __init__(self, problem: str) -> None:
        """Take the problem as the rest of a sentence; nothing of user data may be in it."""
        super().__init__(f"the user data cannot be read: {problem}")
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """How a node registers, by its user data.

    Attributes:
        clusters: The clusters that it joins by name; none where only the instance knows the name.
        labels: The labels that its kubelet registers with, less those whose value eksctl's own script asks the
            instance for (``node-lifecycle``, ``alpha.eksctl.io/instance-id``).
        taints: The taints that its kubelet registers with, in their order.
        form: How the user data says so: ``bootstrap.sh``, ``NodeConfig``, ``Bottlerocket settings`` or
            ``EKSBootstrap.ps1``. Empty, and all else too, where it says nothing of a kubelet: then the image may.
    """

    clusters: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    form: str = ""


def named(name: str | None) -> frozenset[str]:
    """Return the cluster of this name, or none where it cannot be one's name."""
    return frozenset({name}) if name is not None and _CLUSTER_NAME.fullmatch(name) else frozenset()


def together(found: list[Joining]) -> Joining | None:
    """Return what several ways to join come to; None of none.

    Raises:
        UnreadableUserDataError: If they differ in labels or taints: which one runs, only the instance knows.
    """
    if not found:
        return None
    first = found[0]
    if any((each.labels, each.taints) != (first.labels, first.taints) for each in found):
        message = "it joins a cluster in several ways that differ in labels or taints"
        raise UnreadableUserDataError(message)
    clusters = frozenset[str]().union(*(each.clusters for each in found))
    return Joining(clusters=clusters, labels=first.labels, taints=first.taints, form=first.form)
