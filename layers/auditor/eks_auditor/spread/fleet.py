"""Every source of nodes as the drill takes it: what runs where, and what could be launched elsewhere."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from eks_auditor.model.capacity import (
    KINDS,
    AnyCapacity,
    FargateProfile,
    GroupCapacity,
    InstanceType,
    ManagedNodeGroup,
    NodePool,
    ScalingGroup,
    SelfManagedGroup,
    StandaloneNodes,
)
from eks_auditor.model.cluster import is_availability_zone
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.spread import blockers
from eks_auditor.spread.launching import launching
from eks_auditor.spread.need import Need, addresses_per_node, settled
from eks_auditor.spread.offerings import offers_none
from eks_auditor.spread.siblings import SiblingSet, Spread, key_of
from eks_auditor.spread.subnets import (
    free_addresses,
    further_subnets,
    perhaps_too,
    pod_subnets,
    pool_subnets,
    subnets_by_zone,
)

NONE_NEEDED = Need(primary=0, pods=0)


@dataclass(frozen=True, slots=True)
class Running:
    """A node in service: its zone, and the shape of its real instance type."""

    zone_id: str
    shape: InstanceType


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """What launches nodes: an Auto Scaling group, or a pool's controller.

    Attributes:
        name: The Auto Scaling group's, or the pool's.
        running: Its nodes in service in Availability Zones.
        apart: How many it has in Local and Wavelength Zones, which count for its desired size only.
        subnets: Ids of the subnets it launches in, by Availability Zone; of a pool, as far as they are seen.
        types: The instance types that it names.
        not_offered: Zones of those in which none of them is offered.
        closed: Why it launches nothing, in words; None where it does.
        desired: Its desired size; None for a pool, which replaces what its pods need.
        headroom: How far its maximum size is above the desired; None for a pool, whose limits are not visible.
    """

    name: str
    running: tuple[Running, ...]
    apart: int = 0
    subnets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    types: tuple[str, ...] = ()
    not_offered: frozenset[str] = frozenset()
    closed: str | None = None
    desired: int | None = None
    headroom: int | None = None

    @property
    def zones(self) -> frozenset[str]:
        """The zones where its nodes run or may run; of one bound to a zone that can launch nothing, where they do.

        Whether the others of a set can stand in for a group bound to one zone is ZONE002's question; this is its rule.
        """
        able = self.closed is None and (self.desired is None or self.desired + (self.headroom or 0) > 0)
        return frozenset(node.zone_id for node in self.running) | (
            frozenset(self.subnets) if able or len(self.subnets) > 1 else frozenset()
        )

    @property
    def used(self) -> frozenset[str]:
        """Its configured zones where it has nodes, or launches the ones that it wants."""
        wanting = self.closed is None and self.desired != 0
        having = {node.zone_id for node in self.running}
        return frozenset(zone for zone in self.subnets if zone in having or (wanting and zone not in self.not_offered))

    def spans_beyond(self, zone_id: str) -> bool:
        """Whether it is configured for another zone, too."""
        return any(zone != zone_id for zone in self.subnets)

    def open_zones(self, lost: str) -> tuple[str, ...]:
        """The zones in which it can launch while one is lost."""
        if self.closed is not None:
            return ()
        return tuple(zone for zone in sorted(self.subnets) if zone != lost and zone not in self.not_offered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Launchers whose nodes the same pods can use: a sibling set, or a capacity that is in none.

    Attributes:
        key: The set's key, or kind and name of what is in none.
        name: What people call it.
        siblings: The set; None for what is in none.
        members: Its capacities.
        launchers: In order of name.
        need: The addresses that one more of its nodes takes. Where the VPC CNI takes further subnets beside the nodes'
            own, the node's own address is all that is from its own.
        pod_subnets: Ids of the subnets seen to give its pods addresses, by zone; with further ones, its own among them.
        mixed: Whether that is so: pods of a node take addresses of several of these, the node's own subnet among them.
        note: Why it is not judged, as far as that is plain from what it is.
    """

    key: str
    name: str
    siblings: SiblingSet | None
    members: tuple[AnyCapacity, ...]
    launchers: tuple[Launcher, ...] = ()
    need: Need = NONE_NEEDED
    pod_subnets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mixed: bool = False
    note: str | None = None

    @property
    def running(self) -> tuple[Running, ...]:
        """All of its nodes in service in Availability Zones."""
        return tuple(node for launcher in self.launchers for node in launcher.running)

    @property
    def used(self) -> frozenset[str]:
        """The Availability Zones over which its nodes can be spread as it is."""
        return frozenset(zone for launcher in self.launchers for zone in launcher.used)

    @property
    def configured(self) -> frozenset[str]:
        """The Availability Zones that it is configured for."""
        return frozenset(zone for launcher in self.launchers for zone in launcher.subnets)


@dataclass(frozen=True, slots=True)
class Fleet:
    """A cluster's sources of nodes.

    Attributes:
        sources: Those that could be read, in order of name.
        hidden: What hides the others, by their keys; by kind, where not every capacity of it could be read.
        free: Free addresses by the subnet's id.
    """

    sources: tuple[Source, ...]
    hidden: Mapping[str, Gap]
    free: Mapping[str, int]

    @classmethod
    def of(cls, snapshot: Snapshot, spread: Spread, *, perhaps: bool = False) -> Self:
        """Read a snapshot; with ``perhaps``, let every pool launch in all subnets that it may launch in."""
        sources: list[Source] = []
        free = free_addresses(snapshot)
        hidden: dict[str, Gap] = {kind: gap for kind in KINDS if (gap := snapshot.unseen((kind,))) is not None}
        place = _Place.of(snapshot, free, perhaps=perhaps)
        for bare in _bare(snapshot, spread):
            try:
                sources.append(_read(bare, place))
            except UnreadableError as error:
                hidden[bare.key] = error.gap
        ordered = sorted(sources, key=lambda source: (source.name, source.key))
        return cls(tuple(ordered), hidden, free)


@dataclass(frozen=True, slots=True)
class _Place:
    """What every source finds.

    Attributes:
        snapshot: The cluster's.
        free: Free addresses by the subnet's id.
        pod_subnets: Those that pods of its nodes are seen to have to themselves, by zone.
        further_subnets: Those that they are seen to use beside their nodes' own, by zone.
        perhaps: Whether pools launch in all subnets that they may launch in.
    """

    snapshot: Snapshot
    free: Mapping[str, int]
    pod_subnets: Mapping[str, tuple[str, ...]]
    further_subnets: Mapping[str, tuple[str, ...]]
    perhaps: bool

    @classmethod
    def of(cls, snapshot: Snapshot, free: Mapping[str, int], *, perhaps: bool) -> Self:
        nodes = [node for capacity in snapshot.capacities for node in capacity.nodes]
        return cls(snapshot, free, pod_subnets(nodes), further_subnets(nodes), perhaps)

    def with_known_room(self, by_zone: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        for name in sorted(name for names in by_zone.values() for name in names):
            if name not in self.free:
                raise UnreadableError(Gap("ec2:DescribeSubnets", name, "its free addresses were not read"))
        return by_zone


def _bare(snapshot: Snapshot, spread: Spread) -> Iterator[Source]:
    """Name every source, before its nodes and subnets are read."""
    for siblings in spread.sets:
        yield Source(key=siblings.key, name=siblings.name, siblings=siblings, members=siblings.members)
    for capacity in snapshot.capacities:
        note = _note_alone(capacity, spread)
        if note is not None:
            key = "/".join(key_of(capacity))
            yield Source(key=key, name=capacity.name, siblings=None, members=(capacity,), note=note)


def _note_alone(capacity: AnyCapacity, spread: Spread) -> str | None:
    """Say why a capacity is in no set; None where it is in one."""
    match capacity:
        case FargateProfile():
            return "Fargate: AWS runs its pods, and starts them again in the profile's other subnets"
        case StandaloneNodes():
            return "no group launches these nodes again"
        case _ if key_of(capacity) in spread.unreadable:
            return f"its siblings are not known: {spread.unreadable[key_of(capacity)]}"
        case _:
            return None


def _read(bare: Source, place: _Place) -> Source:
    snapshot = place.snapshot
    found = _launchers(bare.members, place)
    launchers = tuple(sorted(found, key=lambda launcher: launcher.name))
    source = replace(bare, launchers=launchers)
    if not (source.running and source.configured):
        return source
    nodes = [node for capacity in bare.members for node in settled(capacity, snapshot.taken_at)]
    launches = [group.launch for capacity in bare.members for group in groups_of(capacity)]
    need = addresses_per_node(nodes, launches[0] if launches else None, snapshot)
    if need.pods:
        seen = place.with_known_room({**place.pod_subnets, **pod_subnets(nodes)})
        return replace(source, need=need, pod_subnets=seen)
    further = {**place.further_subnets, **further_subnets(nodes)}
    if need.primary == 1 or not further.keys() & source.configured:
        return replace(source, need=need)
    mixed = place.with_known_room({zone: _mixed(zone, launchers, further) for zone in source.configured})
    return replace(source, need=Need(primary=1, pods=need.primary - 1), pod_subnets=mixed, mixed=True)


def _mixed(zone: str, launchers: Iterable[Launcher], further: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    own = {name for launcher in launchers for name in launcher.subnets.get(zone, ())}
    return tuple(sorted(own.union(further.get(zone, ()))))


def _launchers(members: tuple[AnyCapacity, ...], place: _Place) -> Iterator[Launcher]:
    snapshot = place.snapshot
    # What an empty set could launch says nothing of what it loses, so nothing that is unreadable there matters.
    empty = not any(group.in_service for member in members for group in groups_of(member))
    for member in members:
        match member:
            case ManagedNodeGroup() | SelfManagedGroup():
                types = {node.id: node.instance_type for node in member.nodes}
                opened = known(launching(member))
                for group in groups_of(member):
                    closed = None if group in opened else _closed(member, group)
                    yield _of_group(group, closed, types, snapshot, empty=empty)
            case NodePool():
                yield _of_pool(member, snapshot, perhaps=place.perhaps)
            case StandaloneNodes():
                running = _running(((node.zone_id, node.instance_type) for node in member.nodes), snapshot)
                apart = len(member.nodes) - len(running)
                yield Launcher(name=member.name, running=running, apart=apart, closed=blockers.FOR_GOOD)


def groups_of(capacity: AnyCapacity) -> tuple[ScalingGroup, ...]:
    """Return a capacity's Auto Scaling groups; none of what has none by nature.

    Raises:
        UnreadableError: If they could not be read.
    """
    return known(capacity.groups) if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup) else ()


def _closed(capacity: GroupCapacity, group: ScalingGroup) -> str | None:
    """Say what keeps a group from launching; a maximum size of 0 is a matter of its headroom."""
    if "Launch" in group.suspended:
        return blockers.LAUNCH_SUSPENDED.format(group.name)
    if isinstance(capacity, ManagedNodeGroup) and group.max_size > 0:
        return blockers.STATUS.format(capacity.name, capacity.status)
    return None


def _of_group(
    group: ScalingGroup, closed: str | None, types: Mapping[str, str], snapshot: Snapshot, *, empty: bool
) -> Launcher:
    subnets = subnets_by_zone(known(group.subnets))
    named = () if empty else known(group.launch).instance_types
    found = [(instance.zone_id, _type_of(instance.id, types)) for instance in group.in_service]
    running = _running(found, snapshot)
    return Launcher(
        name=group.name,
        running=running,
        apart=len(found) - len(running),
        subnets=subnets,
        types=named,
        not_offered=frozenset(zone for zone in subnets if offers_none(zone, named, snapshot)),
        closed=closed,
        desired=group.desired,
        headroom=max(0, group.max_size - group.desired),
    )


def _of_pool(pool: NodePool, snapshot: Snapshot, *, perhaps: bool) -> Launcher:
    """Take a pool to launch in the subnets that it is seen in, or in all that it may launch in.

    Raises:
        UnreadableError: If a node shows no network interface, and nothing else a subnet in its zone.
    """
    running = _running(((node.zone_id, node.instance_type) for node in pool.nodes), snapshot)
    seen = pool_subnets(pool, snapshot)
    subnets = subnets_by_zone(seen)
    for node in pool.nodes:
        if not node.interfaces and is_availability_zone(node.zone_id) and node.zone_id not in subnets:
            raise UnreadableError(Gap("ec2:DescribeInstances", node.id, "its network interfaces were not read"))
    if perhaps:
        subnets = subnets_by_zone((*seen, *perhaps_too({each.id for each in seen}, snapshot)))
    return Launcher(name=pool.name, running=running, apart=len(pool.nodes) - len(running), subnets=subnets)


def _type_of(instance_id: str, types: Mapping[str, str]) -> str:
    if instance_id not in types:
        raise UnreadableError(Gap("ec2:DescribeInstances", instance_id, "its instance type was not read"))
    return types[instance_id]


def _running(found: Iterable[tuple[str, str]], snapshot: Snapshot) -> tuple[Running, ...]:
    return tuple(Running(zone, _shape(name, snapshot)) for zone, name in found if is_availability_zone(zone))


def _shape(name: str, snapshot: Snapshot) -> InstanceType:
    return known(snapshot.instance_types.get(name, Gap("ec2:DescribeInstanceTypes", name, "not read")))
