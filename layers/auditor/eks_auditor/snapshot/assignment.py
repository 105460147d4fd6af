"""Which instances are nodes of a cluster, and whose: pure, and in the order that EKS's and Karpenter's tags demand."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eks_auditor.model.capacity import Kind, Node
    from eks_auditor.snapshot.ec2 import Instance

CLUSTER_NAME_TAGS = ("aws:eks:cluster-name", "eks:cluster-name", "eks:eks-cluster-name")
"""Tags whose value is the cluster: EKS's own on every node, of managed groups, and Karpenter's."""

AUTO_MODE_POOL = "eks:kubernetes-node-pool-name"
KARPENTER_POOLS = ("karpenter.sh/nodepool", "karpenter.sh/provisioner-name")
"""Karpenter's tags for the node pool, and for what it was called before v0.32: a provisioner."""
SCALING_GROUP = "aws:autoscaling:groupName"
NODEGROUP = "eks:nodegroup-name"
EKSCTL_CLUSTER = "alpha.eksctl.io/cluster-name"
STANDALONE = "standalone"
"""The one name of all nodes that nothing owns."""

DISCOVERY_TAG = "k8s.io/cluster-autoscaler/"
_CLUSTER_TAG = "kubernetes.io/cluster/"


@dataclass(frozen=True, slots=True)
class Assignment:
    """The nodes of each capacity.

    Attributes:
        nodes: By kind and name; a managed node group's by its name, a self-managed group's by its Auto Scaling group.
    """

    nodes: Mapping[tuple[Kind, str], tuple[Node, ...]]

    def of(self, kind: Kind, name: str) -> tuple[Node, ...]:
        """Return the nodes of a capacity."""
        return self.nodes.get((kind, name), ())

    def names(self, kind: Kind) -> tuple[str, ...]:
        """Return the names of the capacities of a kind that have nodes."""
        return tuple(sorted(name for found, name in self.nodes if found == kind))

    def orphan(self, groups: frozenset[str]) -> Assignment:
        """Give the nodes of Auto Scaling groups that do not exist any more to nobody: they stand alone."""
        gone: set[tuple[Kind, str]] = {("self-managed", name) for name in groups}
        if not gone:
            return self
        alone = (*self.of("standalone", STANDALONE), *(node for owner in sorted(gone) for node in self.nodes[owner]))
        kept = {owner: nodes for owner, nodes in self.nodes.items() if owner not in gone}
        return Assignment({**kept, ("standalone", STANDALONE): alone})


def cluster_tag(cluster: str) -> str:
    """Return the tag that every node needs to join, and that subnets and load balancers share."""
    return f"{_CLUSTER_TAG}{cluster}"


def is_foreign(node: Node, cluster: str) -> bool:
    """Say whether EKS's own tags name another cluster and not this one.

    Such an instance is found when somebody put ``kubernetes.io/cluster/<this one>`` on another cluster's nodes.
    """
    named = {node.tags[tag] for tag in CLUSTER_NAME_TAGS if tag in node.tags}
    return bool(named) and cluster not in named


def is_doubtful(node: Node, cluster: str) -> bool:
    """Say whether only ``kubernetes.io/cluster/<cluster>=shared`` speaks for it: then its image must be EKS's."""
    named = any(node.tags.get(tag) == cluster for tag in CLUSTER_NAME_TAGS)
    pooled = AUTO_MODE_POOL in node.tags or _karpenter_pool(node.tags) is not None
    return not named and not pooled and node.tags.get(cluster_tag(cluster)) == "shared"


def assign(instances: Iterable[Instance], owners: Mapping[str, str], unread: frozenset[str] | None) -> Assignment:
    """Give each node to its capacity.

    Args:
        instances: The cluster's nodes.
        owners: Auto Scaling group to the node group that has it.
        unread: The node groups that are listed but could not be described, or do not name their Auto Scaling group
            yet; None when they could not be listed. Nodes that EKS has tagged as theirs belong to no capacity that was
            read, and are nobody's self-managed nodes.
    """
    nodes: dict[tuple[Kind, str], list[Node]] = defaultdict(list)
    for instance in instances:
        owner = _owner(instance, owners, unread)
        if owner is not None:
            nodes[owner].append(instance.node)
    ordered = {owner: tuple(sorted(found, key=lambda node: node.id)) for owner, found in nodes.items()}
    return Assignment(ordered)


def _owner(instance: Instance, owners: Mapping[str, str], unread: frozenset[str] | None) -> tuple[Kind, str] | None:
    tags = instance.node.tags
    pool = _karpenter_pool(tags)
    if instance.run_by_eks or AUTO_MODE_POOL in tags:
        return "auto-mode", tags.get(AUTO_MODE_POOL) or pool or "unnamed"
    if pool is not None:
        return "karpenter", pool
    group = tags.get(SCALING_GROUP)
    if group is None:
        return "standalone", STANDALONE
    if group in owners:
        return "managed", owners[group]
    return None if belongs_to_unread(tags, unread) else ("self-managed", group)


def _karpenter_pool(tags: Mapping[str, str]) -> str | None:
    return next((tags[tag] for tag in KARPENTER_POOLS if tag in tags), None)


def belongs_to_unread(tags: Mapping[str, str], unread: frozenset[str] | None) -> bool:
    """Say whether EKS's tag gives a node or an Auto Scaling group to a node group that could not be read."""
    nodegroup = tags.get(NODEGROUP)
    return nodegroup is not None and (unread is None or nodegroup in unread)


def is_own_group(tags: Mapping[str, str], cluster: str) -> bool:
    """Say whether a group without nodes, found by a tag, is this cluster's.

    Whoever owns it is named by EKS's, eksctl's or the ``kubernetes.io/cluster/`` tags; the autoscaler's discovery tag
    of this cluster on another one's group is that group's defect, not a group of ours. A subnet's ``shared`` alone
    makes no group ours either, as for nodes.
    """
    named = {tags[tag] for tag in (*CLUSTER_NAME_TAGS, EKSCTL_CLUSTER) if tag in tags}
    joined = {
        tag.removeprefix(_CLUSTER_TAG)
        for tag, value in tags.items()
        if tag.startswith(_CLUSTER_TAG) and value != "shared"
    }
    owners = named or joined
    discovered = f"{DISCOVERY_TAG}{cluster}" in tags
    return cluster in owners or (not owners and discovered)


def is_unclaimed(tags: Mapping[str, str]) -> bool:
    """Say whether no tag gives an Auto Scaling group to any cluster."""
    claims = (*CLUSTER_NAME_TAGS, EKSCTL_CLUSTER)
    return not any(tag in claims or tag.startswith((_CLUSTER_TAG, DISCOVERY_TAG)) for tag in tags)
