"""What a cluster consists of: the reads that find its capacities, before anything is read of them in depth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from eks_auditor.model.gap import Gap
from eks_auditor.releases.builds import is_absent
from eks_auditor.snapshot import autoscaling, contradictions, ec2, eks, nodegroups, templates
from eks_auditor.snapshot.assignment import (
    CLUSTER_NAME_TAGS,
    DISCOVERY_TAG,
    EKSCTL_CLUSTER,
    SCALING_GROUP,
    Assignment,
    assign,
    belongs_to_unread,
    cluster_tag,
    is_doubtful,
    is_foreign,
    is_own_group,
    is_unclaimed,
)
from eks_auditor.snapshot.errors import ClusterGoneError, ClusterUnreadableError
from eks_auditor.snapshot.histories import published_by_eks
from eks_auditor.snapshot.images import read_images
from eks_auditor.snapshot.network import Network
from eks_auditor.snapshot.reading import NOT_FOUND, code_of, known_only
from eks_auditor.snapshot.reads import singly
from eks_auditor.snapshot.vanishing import without_vanished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mypy_boto3_autoscaling import AutoScalingClient

    from eks_auditor.model.capacity import Kind, Node
    from eks_auditor.model.cluster import Cluster, ClusterId, KubernetesVersion, Subnet
    from eks_auditor.snapshot.autoscaling import DescribedGroup, TemplateRef
    from eks_auditor.snapshot.ec2 import Instance
    from eks_auditor.snapshot.eks import DescribedFargateProfile, DescribedNodegroup
    from eks_auditor.snapshot.reads import Reads


MISSING_GROUP = "AutoScalingGroupNotFound"
"""How the gap of an Auto Scaling group begins that a node group names and that does not exist."""

_LAUNCHED_BY = (SCALING_GROUP, "aws:eks:", "eks:", "alpha.eksctl.io/", "karpenter")
"""Beginnings of the tags of what launches nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """A cluster and the sources of its nodes.

    Attributes:
        nodegroups: The managed node groups that could be described.
        profiles: The Fargate profiles that could be described.
        groups: The Auto Scaling groups of node groups and self-managed ones, by name.
        self_managed: The names of the latter.
        complete: Per kind of capacity: whether every one was listed and described.
    """

    cluster: Cluster
    live_clusters: frozenset[str] | Gap
    versions: tuple[KubernetesVersion, ...] | Gap
    network: Network
    nodegroups: tuple[DescribedNodegroup, ...]
    profiles: tuple[DescribedFargateProfile, ...]
    groups: Mapping[str, DescribedGroup | Gap]
    self_managed: tuple[str, ...]
    assignment: Assignment
    complete: Mapping[Kind, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """The first round of reads; none of them needs another's answer."""

    cluster: Cluster | Gap
    live_clusters: frozenset[str] | Gap
    versions: tuple[KubernetesVersion, ...] | Gap
    identity: str | Gap | None
    nodegroups: tuple[str, ...] | Gap
    profiles: tuple[str, ...] | Gap
    instances: tuple[tuple[Instance, ...] | Gap, ...]
    tagged: tuple[tuple[DescribedGroup, ...] | Gap, ...]
    unclaimed: tuple[DescribedGroup, ...] | Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class _Described:
    """The second round: what the lists of the first named.

    Attributes:
        nodes: The found instances that are nodes of the cluster.
        told_apart: Whether it is known of every found instance if it is one.
    """

    subnets: Mapping[str, Subnet] | Gap
    nodegroups: Mapping[str, DescribedNodegroup | Gap]
    updates: Mapping[str, tuple[str, ...] | Gap]
    profiles: Mapping[str, DescribedFargateProfile | Gap]
    joined: Mapping[TemplateRef, frozenset[str] | Gap]
    nodes: tuple[Instance, ...]
    told_apart: bool


def discover(reads: Reads, cluster: ClusterId) -> Discovered:
    """Find a cluster's capacities.

    Raises:
        ClusterGoneError: If it is evidently deleted.
        ClusterUnreadableError: If it cannot be described.
    """
    listed = _list(reads, cluster)
    found = _existing(cluster, listed)
    listed = _believed(reads, cluster, listed)
    reads.checkpoint()
    described = _describe(reads, found, listed)
    reads.checkpoint()
    return _join(reads, found, listed, described)


def _list(reads: Reads, cluster: ClusterId) -> _Listed:
    clients, region, name = reads.clients, reads.clients.region, cluster.name
    described = reads.start(eks.describe_cluster, clients.eks, cluster)
    live = reads.start(eks.list_clusters, clients.eks, region)
    identity = reads.start(eks.find_autoscaler_identity, clients.eks, cluster)
    nodegroups = reads.start(eks.list_nodegroups, clients.eks, cluster)
    profiles = reads.start(eks.list_fargate_profiles, clients.eks, cluster)
    filters = [*((f"tag:{tag}", name) for tag in CLUSTER_NAME_TAGS), ("tag-key", cluster_tag(name))]
    instances = [reads.start(ec2.find_instances, clients.ec2, *wanted) for wanted in filters]
    tags = [(cluster_tag(name), None), (f"{DISCOVERY_TAG}{name}", None), (EKSCTL_CLUSTER, name)]
    tagged = [reads.start(autoscaling.find_groups, clients.autoscaling, *wanted) for wanted in tags]
    versions = reads.passing(
        reads.cache.versions, [region], singly, lambda _: {region: eks.describe_cluster_versions(clients.eks, region)}
    )
    unclaimed = reads.passing(
        reads.cache.unclaimed_groups, [region], singly, lambda _: {region: _unclaimed(clients.autoscaling, region)}
    )
    return _Listed(
        cluster=described.result(),
        live_clusters=live.result(),
        identity=identity.result(),
        nodegroups=nodegroups.result(),
        profiles=profiles.result(),
        instances=tuple(future.result() for future in instances),
        tagged=tuple(future.result() for future in tagged),
        versions=versions()[region],
        unclaimed=unclaimed()[region],
    )


def _unclaimed(client: AutoScalingClient, region: str) -> tuple[DescribedGroup, ...] | Gap:
    """Return groups without instances and without any cluster's tag: only their user data can say whose they are."""
    empty = autoscaling.list_empty_groups(client, region)
    return empty if isinstance(empty, Gap) else tuple(group for group in empty if is_unclaimed(group.tags))


def _existing(cluster: ClusterId, listed: _Listed) -> Cluster:
    found, live = listed.cluster, listed.live_clusters
    if not isinstance(found, Gap):
        return replace(found, autoscaler_identity=listed.identity)
    if code_of(found) == NOT_FOUND and not isinstance(live, Gap) and cluster.name not in live:
        raise ClusterGoneError(cluster)
    raise ClusterUnreadableError(cluster, found)


def _believed(reads: Reads, cluster: ClusterId, listed: _Listed) -> _Listed:
    """Put gaps in the place of lists that the others contradict."""
    of_eks = contradictions.of_node_groups(_tagged_groups(listed).values(), cluster.name)
    live = contradictions.leaves_itself_out(cluster, listed.live_clusters)
    none_listed = contradictions.no_node_group(cluster, listed.nodegroups, of_eks)
    unread = any(isinstance(answer, Gap) for answer in listed.instances)
    nowhere = None if unread else contradictions.no_instance(cluster, _found(listed), of_eks)
    for gap in (live, none_listed, nowhere):
        if gap is not None:
            reads.note(gap)
    return replace(
        listed,
        live_clusters=live or listed.live_clusters,
        nodegroups=listed.nodegroups if none_listed is None else none_listed,
        instances=listed.instances if nowhere is None else (nowhere,),
    )


def _describe(reads: Reads, cluster: Cluster, listed: _Listed) -> _Described:
    clients, region, name = reads.clients, reads.clients.region, cluster.id
    subnets = reads.passing(
        reads.cache.subnets, [region], singly, lambda _: {region: ec2.list_subnets(clients.ec2, region)}
    )
    groups = {each: reads.start(eks.describe_nodegroup, clients.eks, name, each) for each in _names(listed.nodegroups)}
    updates = nodegroups.list_updates(reads, name, groups)
    profiles = {
        each: reads.start(eks.describe_fargate_profile, clients.eks, name, each) for each in _names(listed.profiles)
    }
    joined = _start_joined(reads, listed.unclaimed)
    nodes, told_apart = _nodes(reads, cluster.name, listed)
    return _Described(
        subnets=subnets()[region],
        nodegroups=without_vanished(
            reads,
            {each: future.result() for each, future in groups.items()},
            lambda: reads.start(eks.list_nodegroups, clients.eks, name),
        ),
        updates=updates(),
        profiles=without_vanished(
            reads,
            {each: future.result() for each, future in profiles.items()},
            lambda: reads.start(eks.list_fargate_profiles, clients.eks, name),
        ),
        joined=joined(),
        nodes=nodes,
        told_apart=told_apart,
    )


def _names(listed: tuple[str, ...] | Gap) -> tuple[str, ...]:
    return () if isinstance(listed, Gap) else listed


def _start_joined(
    reads: Reads, unclaimed: tuple[DescribedGroup, ...] | Gap
) -> Callable[[], dict[TemplateRef, frozenset[str] | Gap]]:
    """Start to read which clusters unclaimed groups would join; a numbered version's answer never changes."""
    groups = () if isinstance(unclaimed, Gap) else unclaimed
    refs = {str(source.template): source.template for group in groups for source in group.sources}

    def describe(names: tuple[str, ...]) -> dict[str, frozenset[str] | Gap]:
        return {name: templates.read_joined_clusters(reads.clients.ec2, refs[name]) for name in names}

    numbered = {name for name, ref in refs.items() if ref.numbered}
    fixed = reads.lasting(reads.cache.joined, numbered, singly, describe)
    moving = reads.passing(reads.cache.joined_now, refs.keys() - numbered, singly, describe)
    return lambda: {refs[name]: answer for name, answer in (fixed() | moving()).items()}


def _nodes(reads: Reads, cluster: str, listed: _Listed) -> tuple[tuple[Instance, ...], bool]:
    """Merge the found instances by id, without those that are not this cluster's nodes, and say if none is in doubt.

    An image that is not to be seen may be EKS's, withdrawn while its node runs, or anybody's that was deregistered.
    Only tags of what launches nodes make such an instance doubtful: a bastion that stands alone would be so for ever.
    """
    found = _found(listed)
    ours = {each: instance for each, instance in found.items() if not is_foreign(instance.node, cluster)}
    doubtful = {each: instance.node.image_id for each, instance in ours.items() if is_doubtful(instance.node, cluster)}
    of_eks = published_by_eks(reads, read_images(reads, set(doubtful.values()))())
    nodes = tuple(
        instance for each, instance in sorted(ours.items()) if each not in doubtful or of_eks[doubtful[each]] is True
    )
    return nodes, not any(_in_doubt(of_eks[image_id], ours[each].node) for each, image_id in doubtful.items())


def _in_doubt(of_eks: bool | Gap, node: Node) -> bool:  # noqa: FBT001  an answer
    if not isinstance(of_eks, Gap):
        return False
    return not is_absent(of_eks) or any(tag.startswith(_LAUNCHED_BY) for tag in node.tags)


def _found(listed: _Listed) -> dict[str, Instance]:
    answers = (answer for answer in listed.instances if not isinstance(answer, Gap))
    return {instance.node.id: instance for answer in answers for instance in answer}


def _join(reads: Reads, cluster: Cluster, listed: _Listed, described: _Described) -> Discovered:
    managed = tuple(known_only(described.nodegroups).values())
    deep = nodegroups.read_in_depth(reads, cluster.id, managed, described.updates)
    owners = {group: each.capacity.name for each in managed for group in each.group_names}
    settled = {each.capacity.name for each in managed if each.group_names}
    unread = None if isinstance(listed.nodegroups, Gap) else frozenset(listed.nodegroups) - settled
    assignment = assign(described.nodes, owners, unread)
    tagged = _tagged(cluster.name, listed, assignment)
    candidates = {*assignment.names("self-managed"), *tagged, *_joining(cluster.name, listed, described)}
    self_managed = candidates - owners.keys() - _of_unread(listed, unread)
    groups = _groups(reads, owners, self_managed, listed)
    gone = frozenset(assignment.names("self-managed")) & self_managed - groups.keys()
    doubted = _doubted(reads, cluster.id, listed, groups, gone)
    return Discovered(
        cluster=cluster,
        live_clusters=listed.live_clusters,
        versions=listed.versions,
        network=Network(cluster.vpc_id, described.subnets),
        nodegroups=deep(),
        profiles=tuple(known_only(described.profiles).values()),
        groups=groups,
        self_managed=tuple(sorted(name for name in self_managed if name in known_only(groups))),
        assignment=assignment if doubted else assignment.orphan(gone),
        complete=_complete(listed, described, groups, owners, self_managed)
        | ({"self-managed": False} if doubted else {}),
    )


def _tagged_groups(listed: _Listed) -> dict[str, DescribedGroup]:
    answers = (answer for answer in listed.tagged if not isinstance(answer, Gap))
    return {group.name: group for answer in answers for group in answer}


def _tagged(cluster: str, listed: _Listed, assignment: Assignment) -> frozenset[str]:
    """Return the groups that tags give to this cluster, unless their instances are nodes of another one."""
    foreign = {each for each, instance in _found(listed).items() if is_foreign(instance.node, cluster)}
    return frozenset(
        name
        for name, group in _tagged_groups(listed).items()
        if is_own_group(group.tags, cluster)
        and (assignment.of("self-managed", name) or not any(each.id in foreign for each in group.instances))
    )


def _joining(cluster: str, listed: _Listed, described: _Described) -> frozenset[str]:
    """Return the unclaimed groups whose user data joins this cluster."""
    groups = () if isinstance(listed.unclaimed, Gap) else listed.unclaimed
    joining = {ref for ref, clusters in known_only(described.joined).items() if cluster in clusters}
    return frozenset(group.name for group in groups if any(source.template in joining for source in group.sources))


def _of_unread(listed: _Listed, unread: frozenset[str] | None) -> frozenset[str]:
    """Return the tagged groups that belong to node groups that could not be read: those are not self-managed."""
    groups = _tagged_groups(listed)
    return frozenset(name for name, group in groups.items() if belongs_to_unread(group.tags, unread))


def _groups(
    reads: Reads, owners: Iterable[str], self_managed: Iterable[str], listed: _Listed
) -> dict[str, DescribedGroup | Gap]:
    """Return all groups: as their tags found them, else by name; a node group's that does not exist is a gap."""
    found: dict[str, DescribedGroup | Gap] = {**_tagged_groups(listed)}
    wanted = {*owners, *self_managed}
    batches = autoscaling.name_batches(wanted - found.keys())
    started = [reads.start(autoscaling.describe_groups, reads.clients.autoscaling, batch) for batch in batches]
    for future in started:
        found |= future.result()
    for name in set(owners) - found.keys():
        missing = f"{MISSING_GROUP}: the node group names it, but it does not exist; see the node group's health"
        found[name] = reads.note(Gap("autoscaling:DescribeAutoScalingGroups", name, missing))
    return {name: group for name, group in found.items() if name in wanted}


def _doubted(
    reads: Reads,
    cluster: ClusterId,
    listed: _Listed,
    groups: Mapping[str, DescribedGroup | Gap],
    gone: frozenset[str],
) -> bool:
    """Say whether Auto Scaling's answers are doubted: no group at all, though node groups or running nodes name some.

    A node group's missing group has its gap already.
    """
    unread = any(isinstance(answer, Gap) for answer in (*listed.tagged, listed.unclaimed)) or any(
        isinstance(group, Gap) and code_of(group) != MISSING_GROUP for group in groups.values()
    )
    if unread or known_only(groups) or not (groups or gone):
        return False
    if gone:
        reads.note(contradictions.no_group(cluster, gone))
    return True


def _complete(
    listed: _Listed,
    described: _Described,
    groups: Mapping[str, DescribedGroup | Gap],
    owners: Iterable[str],
    self_managed: Iterable[str],
) -> dict[Kind, bool]:
    unread = {name for name, group in groups.items() if isinstance(group, Gap) and code_of(group) != MISSING_GROUP}
    nodes = not any(isinstance(answer, Gap) for answer in listed.instances)
    tags = not any(isinstance(answer, Gap) for answer in (*listed.tagged, listed.unclaimed))
    return {
        "managed": _all_read(listed.nodegroups, described.nodegroups) and unread.isdisjoint(owners),
        "self-managed": nodes
        and described.told_apart
        and tags
        and _all_read((), described.joined)
        and unread.isdisjoint(self_managed),
        "karpenter": nodes,
        "auto-mode": nodes,
        "fargate": _all_read(listed.profiles, described.profiles),
        "standalone": nodes and described.told_apart,
    }


def _all_read(listed: object, described: Mapping[Any, object]) -> bool:
    return not any(isinstance(answer, Gap) for answer in (listed, *described.values()))
