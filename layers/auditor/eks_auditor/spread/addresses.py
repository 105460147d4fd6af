"""What is launched in a zone next, and the addresses that it takes of which subnets."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import Literal, Self

from eks_auditor.model.capacity import (
    AnyCapacity,
    Kind,
    ManagedNodeGroup,
    Node,
    NodePool,
    ScalingGroup,
    SelfManagedGroup,
)
from eks_auditor.model.cluster import Subnet, is_availability_zone
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.spread.launching import launching
from eks_auditor.spread.need import Need, addresses_per_node, settled, typical
from eks_auditor.spread.siblings import key_of
from eks_auditor.spread.subnets import (
    free_addresses,
    further_subnets,
    perhaps_too,
    pod_subnets,
    pool_subnets,
    subnets_by_zone,
)
from eks_auditor.spread.surge import surge
from eks_auditor.spread.updating import Update, together, updating

type Step = Literal["node", "surge", "growth"]
STEPS: tuple[Step, ...] = ("node", "surge", "growth")
"""What there should be room for: one more node, the surge of an update, half as many nodes again."""

HALF = Fraction(1, 2)
"""The growth that there should be room for, of today's nodes, where no policy says otherwise."""

POOLS = "pools"
"""The evidence of a zone's finding that names the pools among its capacities."""

LAUNCHING_KINDS: tuple[Kind, ...] = ("managed", "self-managed", "karpenter", "auto-mode")
"""The kinds of capacity that launch nodes, and so make up sibling sets."""


@dataclass(frozen=True, slots=True)
class Zone:
    """An Availability Zone that a cluster's nodes are launched in.

    Attributes:
        id: Its zone id.
    """

    id: str


@dataclass(frozen=True, slots=True)
class Zones:
    """The Availability Zones that a cluster's nodes are launched in.

    Attributes:
        zones: In order of their ids.
        whole: Whether a zone that is absent is not launched in now: no capacity that was read hides its subnets.
    """

    zones: tuple[Zone, ...]
    whole: bool

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Find the zones of what launches nodes, though it may not do so now, or else where its nodes are."""
        found: set[str] = set()
        whole = True
        for capacity in snapshot.capacities:
            try:
                found |= {zone for subnets in _configured(capacity, snapshot) for zone in subnets_by_zone(subnets)}
            except UnreadableError:
                whole = False
                found |= {zone for zone in _running_in(capacity) if is_availability_zone(zone)}
        return cls(tuple(map(Zone, sorted(found))), whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one group or pool launches in a zone next, and what that takes.

    Attributes:
        capacity: Whose.
        group: Its Auto Scaling group; None of a pool.
        need: The addresses that one node takes.
        seen: Whether that is what its nodes are seen to take, and not what its type allows.
        prefixes: Whether its nodes hold prefixes.
        subnets: Ids of the zone's subnets that it launches in; any will do.
        pod_subnets: Ids of the zone's subnets that its pods get addresses from, if those are others; any will do.
        further_subnets: Ids of those that they get addresses from beside ``subnets``.
        perhaps: Ids of the zone's further subnets that a pool may launch in, too: its NodeClass is not visible.
        nodes: How many nodes there should be room for, at each step.
        update: The change of a group that is under way: its surge holds addresses that it gives back.
    """

    capacity: AnyCapacity
    group: ScalingGroup | None
    need: Need
    seen: bool
    prefixes: bool
    subnets: tuple[str, ...]
    pod_subnets: tuple[str, ...]
    further_subnets: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    nodes: Mapping[Step, int]
    update: Update | None = None

    @property
    def pools(self) -> tuple[tuple[int, tuple[str, ...]], ...]:
        """The addresses of one node by where they come from: its own subnets, with further ones, and those for pods."""
        own = 1 if self.further_subnets else self.need.primary
        parts = (
            (own, self.subnets),
            (self.need.primary - own, tuple(dict.fromkeys((*self.subnets, *self.further_subnets)))),
            (self.need.pods, self.pod_subnets),
        )
        return tuple((need, subnets) for need, subnets in parts if need and subnets)

    @property
    def names(self) -> set[str]:
        """Ids of all subnets that it takes addresses of."""
        return {name for _, subnets in self.pools for name in subnets}


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """All that is launched in one zone next, as far as it was read.

    Attributes:
        demands: In order of the capacities' kinds and names.
        free: Free addresses by subnet, of all subnets that were read.
        gap: What hides something more that is launched there.
        churn: Whether a pool is just replacing many of its nodes, which may hold addresses twice for a while.
        growth: How many more of today's nodes there should be room for.
    """

    demands: tuple[Demand, ...]
    free: Mapping[str, int]
    gap: Gap | None
    churn: bool
    growth: Fraction = HALF

    @classmethod
    def of(cls, zone_id: str, snapshot: Snapshot, growth: Fraction = HALF) -> Self:
        """Read them; what cannot be read of one capacity hides no other."""
        demands: list[Demand] = []
        churn = False
        gaps = [gap] if (gap := snapshot.unseen(LAUNCHING_KINDS)) is not None else []
        place = _Place.of(zone_id, snapshot, growth)
        for capacity in sorted(snapshot.capacities, key=key_of):
            try:
                found = tuple(_demands(capacity, place))
                update = updating(capacity, snapshot) if found else None
            except UnreadableError as error:
                gaps.append(error.gap)
            else:
                pool = isinstance(capacity, NodePool)
                churn |= pool and update is not None
                demands += found if pool else (replace(demand, update=update) for demand in found)
        gap = next(iter(gaps), None)
        return cls(demands=tuple(demands), free=place.free, gap=gap, churn=churn, growth=growth)

    @property
    def update(self) -> Update | None:
        """The change of groups that is under way."""
        return together(each.update for each in self.demands if each.update is not None)

    @property
    def lasting(self) -> Self:
        """The same without what takes addresses of subnets where the surge of a change may hold some."""
        busy = {name for each in self.demands if each.update is not None for name in each.names}
        return replace(self, demands=tuple(each for each in self.demands if not busy & each.names))

    @property
    def at_best(self) -> Self:
        """The same, with every pool launching in all subnets of the zone that it may launch in."""
        demands = (replace(each, subnets=(*each.subnets, *each.perhaps), perhaps=()) for each in self.demands)
        return replace(self, demands=tuple(demands))


def _configured(capacity: AnyCapacity, snapshot: Snapshot) -> Iterator[tuple[Subnet, ...]]:
    """Yield the subnets of a capacity, those of groups that launch nothing at the moment included."""
    match capacity:
        case ManagedNodeGroup() | SelfManagedGroup():
            for group in known(capacity.groups):
                yield known(group.subnets)
        case _:
            yield from (subnets for _, subnets in _launchers(capacity, snapshot))


def _launchers(capacity: AnyCapacity, snapshot: Snapshot) -> Iterator[tuple[ScalingGroup | None, tuple[Subnet, ...]]]:
    """Yield what of a capacity launches nodes, a group or (None) a pool's controller, and in which subnets.

    Raises:
        UnreadableError: If that could not be read.
    """
    match capacity:
        case ManagedNodeGroup() | SelfManagedGroup():
            for group in known(launching(capacity)):
                yield group, known(group.subnets)
        case NodePool():
            subnets = pool_subnets(capacity, snapshot)
            if capacity.nodes and not subnets:
                raise UnreadableError(Gap("ec2:DescribeInstances", capacity.name, "it names no subnet of its nodes"))
            yield None, subnets


def _running_in(capacity: AnyCapacity) -> set[str]:
    groups = capacity.groups if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup) else ()
    listed = () if isinstance(groups, Gap) else groups
    return {node.zone_id for node in capacity.nodes} | {each.zone_id for group in listed for each in group.in_service}


@dataclass(frozen=True, slots=True)
class _Place:
    """A zone as every capacity finds it.

    Attributes:
        zone_id: Its id.
        snapshot: The cluster's.
        free: Free addresses of all subnets by their ids.
        pod_subnets: Those that pods of its nodes are seen to have to themselves.
        further_subnets: Those that they are seen to use beside their nodes' own.
        typical: What the cluster's nodes hold.
        growth: How many more of today's nodes there should be room for.
    """

    zone_id: str
    snapshot: Snapshot
    free: Mapping[str, int]
    pod_subnets: tuple[str, ...]
    further_subnets: tuple[str, ...]
    typical: int | None
    growth: Fraction

    @classmethod
    def of(cls, zone_id: str, snapshot: Snapshot, growth: Fraction) -> Self:
        nodes = [node for capacity in snapshot.capacities for node in capacity.nodes]
        return cls(
            zone_id=zone_id,
            snapshot=snapshot,
            free=free_addresses(snapshot),
            pod_subnets=pod_subnets(nodes).get(zone_id, ()),
            further_subnets=further_subnets(nodes).get(zone_id, ()),
            typical=typical(node for each in snapshot.capacities for node in settled(each, snapshot.taken_at)),
            growth=growth,
        )


def _demands(capacity: AnyCapacity, place: _Place) -> Iterator[Demand]:
    for group, subnets in _launchers(capacity, place.snapshot):
        by_zone = subnets_by_zone(subnets)
        if place.zone_id not in by_zone:
            continue
        own = by_zone[place.zone_id]
        for_pods = pod_subnets(capacity.nodes).get(place.zone_id, place.pod_subnets)
        further = further_subnets(capacity.nodes).get(place.zone_id, place.further_subnets)
        need = _need(capacity, group, place, apart=bool(for_pods))
        yield Demand(
            capacity=capacity,
            group=group,
            need=need,
            seen=_seen(capacity.nodes),
            prefixes=any(interface.prefixes for node in capacity.nodes for interface in node.interfaces),
            subnets=own,
            pod_subnets=_with_known_room(for_pods, place) if need.pods else (),
            further_subnets=() if need.pods else _with_known_room(tuple(n for n in further if n not in own), place),
            perhaps=_perhaps(own, place) if isinstance(capacity, NodePool) else (),
            nodes=_nodes(capacity, group, len(by_zone), place.growth),
        )


def _perhaps(own: tuple[str, ...], place: _Place) -> tuple[str, ...]:
    """Return the zone's other subnets that a pool may launch in."""
    return tuple(sorted(each.id for each in perhaps_too(own, place.snapshot) if each.zone_id == place.zone_id))


def _with_known_room(subnets: tuple[str, ...], place: _Place) -> tuple[str, ...]:
    for name in subnets:
        if name not in place.free:
            raise UnreadableError(Gap("ec2:DescribeSubnets", name, "its free addresses were not read"))
    return subnets


def _need(capacity: AnyCapacity, group: ScalingGroup | None, place: _Place, *, apart: bool) -> Need:
    """Return what one node takes; where pods of other nodes have subnets of their own, pods of a first node do, too.

    Raises:
        UnreadableError: If nodes may be hidden, or the type by which it is to be estimated.
    """
    snapshot = place.snapshot
    hidden = snapshot.unseen(("standalone",))  # for this kind, every instance of the cluster is listed
    if hidden is not None:
        raise UnreadableError(hidden)
    launch = group.launch if group is not None else None
    need = addresses_per_node(settled(capacity, snapshot.taken_at), launch, snapshot, otherwise=place.typical)
    if apart and snapshot.cluster.ip_family == "ipv4" and not _seen(capacity.nodes):
        return Need(primary=1, pods=need.primary)
    return need


def _seen(nodes: Iterable[Node]) -> bool:
    return any(node.interfaces for node in nodes)


def _nodes(capacity: AnyCapacity, group: ScalingGroup | None, zones: int, growing_by: Fraction) -> Mapping[Step, int]:
    """Return how many nodes a launcher should have room for in each of its zones, which share them evenly."""
    if group is None:
        running = sum(is_availability_zone(node.zone_id) for node in capacity.nodes)
        return {"node": 1, "surge": 0, "growth": _shared(ceil(running * growing_by), zones)}
    running = len(group.in_service)
    # An update of a group that wants no node launches none.
    surging = surge(capacity, zones) if isinstance(capacity, ManagedNodeGroup) and group.desired else 0
    # A full group of one zone gets no node but in place of one that has left its addresses there; the surge
    # of an update raises the maximum, and a group of several zones may have lost a node in another one.
    once_more = surging > 0 or zones > 1 or running < group.max_size
    growth = min(ceil(running * growing_by), max(0, group.max_size - running))
    return {
        "node": int(once_more),
        "surge": _shared(surging, zones),
        "growth": _shared(growth, zones),
    }


def _shared(nodes: int, zones: int) -> int:
    return -(-nodes // zones)
