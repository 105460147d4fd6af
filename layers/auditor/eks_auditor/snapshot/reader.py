"""One cluster, read into a snapshot."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from eks_auditor.autoscaler.first_instance import described_types
from eks_auditor.model.capacity import (
    AnyCapacity,
    FargateProfile,
    LaunchConfig,
    ManagedNodeGroup,
    Node,
    NodePool,
    ScalingGroup,
    SelfManagedGroup,
    StandaloneNodes,
)
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.plan.targets import Place
from eks_auditor.releases.ancestry import lines_named
from eks_auditor.releases.builds import build_of, builds_of, images_or_gaps, minors_of
from eks_auditor.releases.families import CUSTOM, named
from eks_auditor.snapshot import (
    activities,
    autoscaling,
    ec2,
    eks,
    images,
    policies,
    references,
    requirements,
    reservations,
    routes,
    ssm,
    templates,
)
from eks_auditor.snapshot.ancestry import read_ancestors
from eks_auditor.snapshot.assignment import STANDALONE
from eks_auditor.snapshot.cache import Cache
from eks_auditor.snapshot.discovery import Discovered, discover
from eks_auditor.snapshot.errors import ClusterGoneError, ClusterUnreadableError
from eks_auditor.snapshot.groups import read_groups
from eks_auditor.snapshot.histories import nothing_observed, read_histories
from eks_auditor.snapshot.images import read_allowed_images, read_images
from eks_auditor.snapshot.reads import Reads
from eks_auditor.snapshot.reservations import read_reservations
from eks_auditor.snapshot.routes import read_egress
from eks_auditor.spread.launching import launching
from eks_auditor.spread.subnets import in_cluster_subnets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from eks_auditor.model.capacity import GroupCapacity
    from eks_auditor.model.cluster import Cluster, ClusterId
    from eks_auditor.model.release import Image, ReleaseLine
    from eks_auditor.snapshot.clients import Clients
    from eks_auditor.snapshot.groups import Groups
    from eks_auditor.snapshot.histories import Observed
    from eks_auditor.snapshot.network import Network

__all__ = ["ACTIONS", "ClusterGoneError", "ClusterUnreadableError", "Reader"]

ACTIONS = (
    eks.ACTIONS
    | activities.ACTIONS
    | autoscaling.ACTIONS
    | ec2.ACTIONS
    | images.ACTIONS
    | policies.ACTIONS
    | references.ACTIONS
    | requirements.ACTIONS
    | reservations.ACTIONS
    | routes.ACTIONS
    | ssm.ACTIONS
    | templates.ACTIONS
)
"""Every IAM action that reading a cluster needs."""

WORKERS = 16
"""Reads at a time: more buys nothing over one client per service."""


class Reader:
    """Reads clusters with one set of workers and one cache, for the life of the process."""

    def __init__(
        self,
        clients_for: Callable[[str, str], Clients],
        clock: Callable[[], datetime],
        workers: int = WORKERS,
        observed: Observed = nothing_observed,
    ) -> None:
        """Prepare to read.

        Args:
            clients_for: Account and Region to clients, the same ones each time.
            clock: The time, with its zone.
            workers: Reads at a time, over all clusters that are read at once.
            observed: Tells what was seen of the public parameters of release lines; what it raises ends the reading.
        """
        self._clients_for = clients_for
        self._observed = observed
        self._clock = clock
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="read")
        self._cache = Cache()

    def read(self, cluster: ClusterId, *, not_before: datetime, checkpoint: Callable[[], None]) -> Snapshot:
        """Read one cluster.

        Args:
            cluster: Which one.
            not_before: When the audit was asked for: nothing read earlier is shared with it.
            checkpoint: Called between the rounds of reads; what it raises (too little time left) ends the reading.

        Returns:
            The snapshot; whatever could not be read is a gap in it.

        Raises:
            ClusterGoneError: If the cluster is evidently deleted.
            ClusterUnreadableError: If it cannot be described, for whatever other reason.
        """
        clients = self._clients_for(cluster.account, cluster.region)
        if clients.place != Place.of(cluster):
            # Elsewhere a list without the cluster would pass for evidence that it was deleted.
            said = f"OtherPlace: these credentials are of {clients.place} in partition {clients.partition}"
            raise ClusterUnreadableError(cluster, Gap("eks:DescribeCluster", cluster.arn, said))
        reads = Reads(
            clients,
            elsewhere=partial(self._clients_for, cluster.account),
            observed=self._observed,
            pool=self._pool,
            cache=self._cache,
            clock=self._clock,
            not_before=not_before,
            checkpoint=checkpoint,
        )
        found = discover(reads, cluster)
        checkpoint()
        described = [group for group in found.groups.values() if not isinstance(group, Gap)]
        groups = read_groups(reads, described, found.network)
        checkpoint()
        capacities = _by_name(_capacities(found, groups))
        snapshot = _with_shapes(reads, found, groups.network, capacities)
        checkpoint()
        return _with_history(reads, snapshot)


def _by_name(capacities: Iterator[AnyCapacity]) -> tuple[AnyCapacity, ...]:
    return tuple(sorted(capacities, key=lambda capacity: (capacity.kind, capacity.name)))


def _capacities(found: Discovered, groups: Groups) -> Iterator[AnyCapacity]:
    network = groups.network

    def nodes(capacity: tuple[Node, ...]) -> tuple[Node, ...]:
        return tuple(replace(node, zone_id=network.zone_id(node.zone_id)) for node in capacity)

    assigned, arn = found.assignment, found.cluster.id.arn
    for nodegroup in found.nodegroups:
        yield replace(
            nodegroup.capacity,
            nodes=nodes(assigned.of("managed", nodegroup.capacity.name)),
            groups=_groups_of(nodegroup.group_names, found, groups.scaling),
        )
    for name in found.self_managed:
        group, joining = groups.scaling[name], groups.joining[name]
        yield SelfManagedGroup(
            name=name,
            arn=group.arn,
            nodes=nodes(assigned.of("self-managed", name)),
            group=group,
            labels=joining if isinstance(joining, Gap) else joining.labels,
            taints=joining if isinstance(joining, Gap) else joining.taints,
            declared_in="" if isinstance(joining, Gap) else joining.form,
        )
    for kind in ("karpenter", "auto-mode"):
        for name in assigned.names(kind):
            yield NodePool(kind=kind, name=name, arn=f"{arn}/{kind}/{name}", nodes=nodes(assigned.of(kind, name)))
    for profile in found.profiles:
        yield replace(profile.capacity, subnets=network.subnets(profile.subnet_ids))
    if assigned.names("standalone"):
        yield StandaloneNodes(
            name=STANDALONE, arn=f"{arn}/{STANDALONE}", nodes=nodes(assigned.of("standalone", STANDALONE))
        )


def _groups_of(
    names: tuple[str, ...], found: Discovered, groups: Mapping[str, ScalingGroup]
) -> tuple[ScalingGroup, ...] | Gap:
    unread = [group for name in names if isinstance(group := found.groups[name], Gap)]
    return unread[0] if unread else tuple(groups[name] for name in names)


def _scaling_groups(capacities: tuple[AnyCapacity, ...]) -> Iterator[ScalingGroup]:
    for capacity in capacities:
        if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup) and not isinstance(capacity.groups, Gap):
            yield from capacity.groups


def _with_shapes(reads: Reads, found: Discovered, network: Network, capacities: tuple[AnyCapacity, ...]) -> Snapshot:
    """Read what the capacities name: images, reservations, types and their zones, subnets' default routes."""
    client, groups = reads.clients.ec2, tuple(_scaling_groups(capacities))
    launches = [group.launch for group in groups if not isinstance(group.launch, Gap)]
    nodes = [node for capacity in capacities for node in capacity.nodes]
    described = read_images(
        reads, {*(image for launch in launches for image in launch.image_ids), *(node.image_id for node in nodes)}
    )
    allowed = read_allowed_images(reads)
    types = reads.lasting(
        reads.cache.instance_types,
        {*(name for group in groups for name in described_types(group)), *(node.instance_type for node in nodes)},
        ec2.batches,
        lambda names: ec2.describe_instance_types(client, names),
    )
    offered = reads.passing(
        reads.cache.offered_zones,
        {name for launch in launches for name in _launchable(launch)},
        ec2.batches,
        lambda names: ec2.find_offered_zones(client, names),
    )
    egress = read_egress(reads, network, _launched_in(found.cluster, capacities))
    reserved = read_reservations(reads, {name for launch in launches for name in launch.reservations})
    return Snapshot(
        taken_at=reads.taken_at,
        cluster=found.cluster,
        capacities=capacities,
        complete=found.complete,
        gaps=(),
        live_clusters=found.live_clusters,
        versions=found.versions,
        vpc_subnets=network.vpc,
        images=described(),
        releases={},
        instance_types=types(),
        offered_zones=offered(),
        allowed_images=allowed(),
        egress=egress(),
        reservations=reserved(),
    )


def _launchable(launch: LaunchConfig) -> tuple[str, ...]:
    """Return the types that a group may launch; none where requirements match so many that a call cannot ask for them.

    Nobody needs to know where each of those is offered.
    """
    wanted = launch.requirements
    if wanted is None:
        return launch.instance_types
    return () if isinstance(wanted.types, Gap) or len(wanted.types) > ec2.NAMES_A_CALL else wanted.types


def _launched_in(cluster: Cluster, capacities: Iterable[AnyCapacity]) -> Iterator[str]:
    """Yield the subnets that groups and Auto Mode can launch in, and those that nodes run in, whoever launched them."""
    for capacity in capacities:
        groups = launching(capacity) if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup) else ()
        for group in () if isinstance(groups, Gap) else groups:
            if not isinstance(group.subnets, Gap):
                yield from (subnet.id for subnet in group.subnets)
        if isinstance(capacity, NodePool) and in_cluster_subnets(capacity, cluster):
            yield from cluster.subnet_ids
        yield from (each.subnet_id for node in capacity.nodes for each in node.interfaces if each.primary)


def _with_history(reads: Reads, snapshot: Snapshot) -> Snapshot:
    """Read what depends on the images in use: release lines, ancestors, the cluster's last update if one lags."""
    snapshot = replace(snapshot, releases=read_histories(reads, _lines(snapshot)))
    reads.checkpoint()
    snapshot = _with_ancestors(reads, snapshot)
    reads.checkpoint()
    behind = _minors(snapshot) - {snapshot.cluster.version}
    updated_at = _version_updated_at(reads, snapshot.cluster.id) if behind else None
    return replace(
        snapshot,
        taken_at=reads.taken_at,
        cluster=replace(snapshot.cluster, version_updated_at=updated_at),
        gaps=reads.gaps,
    )


def _with_ancestors(reads: Reads, snapshot: Snapshot) -> Snapshot:
    """Read what the images of other makers descend from, and the release lines that this names."""
    customs = {image.id: image for image in _customs(snapshot)}
    ancestors = read_ancestors(reads, customs.values())
    chains = {each: () if isinstance(chain, Gap) else chain for each, chain in ancestors.items()}
    lines = {line for each, chain in chains.items() for line in lines_named(customs[each], chain)}
    further = read_histories(reads, (line for line in lines if str(line) not in snapshot.releases))
    return replace(snapshot, releases=dict(sorted({**snapshot.releases, **further}.items())), ancestors=ancestors)


def _judged(snapshot: Snapshot) -> Iterator[GroupCapacity | NodePool]:
    """Yield the capacities whose images are judged; StandaloneNodes have none that anything configures."""
    for capacity in snapshot.capacities:
        if not isinstance(capacity, FargateProfile | StandaloneNodes):
            yield capacity


def _lines(snapshot: Snapshot) -> set[ReleaseLine]:
    """Return the lines of managed groups' releases, and those that images name, whoever owns them."""
    seen = (image for image in snapshot.images.values() if not isinstance(image, Gap))
    names = {told[0] for image in seen if (told := named(image.name))}
    return names | {build.line for capacity in _judged(snapshot) for build in builds_of(capacity, snapshot)}


def _customs(snapshot: Snapshot) -> Iterator[Image]:
    """Yield the images that groups and Karpenter's pools choose by themselves and that EKS did not publish."""
    for capacity in _judged(snapshot):
        if capacity.kind == "auto-mode" or (isinstance(capacity, ManagedNodeGroup) and capacity.ami_type != CUSTOM):
            continue
        for image in images_or_gaps(capacity, snapshot):
            if not isinstance(image, Gap) and build_of(image, snapshot) is None:
                yield image


def _minors(snapshot: Snapshot) -> set[str]:
    return {minor for capacity in _judged(snapshot) for minor in minors_of(capacity, snapshot)}


def _version_updated_at(reads: Reads, cluster: ClusterId) -> datetime | Gap | None:
    """Return when the newest successful update of the cluster's version began; EKS lists updates in no order."""
    client, place = reads.clients.eks, reads.clients.place
    ids = reads.start(eks.list_updates, client, cluster).result()
    if isinstance(ids, Gap):
        return ids
    known = {one: over for one in ids if (over := reads.cache.updates.get(place, f"{cluster.name}/{one}"))}
    started = {one: reads.start(eks.describe_update, client, cluster, one) for one in ids if one not in known}
    for one, future in started.items():
        update = future.result()
        if isinstance(update, Gap):
            return update
        if update.over:
            reads.cache.updates.put(place, f"{cluster.name}/{one}", update)
        known[one] = update
    successful = (each for each in known.values() if each.kind == "VersionUpdate" and each.status == "Successful")
    return max((each.created_at for each in successful), default=None)
