"""How many of the nodes that a zone takes with it grow again elsewhere, and what keeps the others from it.

This is a problem of maximum flow. Its unit is the address: what a zone's loss wants flows from the groups that lost
nodes, through those that may launch them again, through subnets, into their free addresses. A group that spans other
zones is brought back to its desired size by Auto Scaling. The pods of a group that is wholly in the lost zone wait for
other members of its set, which Cluster Autoscaler may raise to their maximum size.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from eks_auditor.spread import blockers
from eks_auditor.spread.fleet import Fleet, Launcher, Source
from eks_auditor.spread.flow import UNLIMITED, Network

type Reach = tuple[str, ...]
"""Subnets, by id, any of which will do."""

_LOST, _PODS, _FREE, _OTHERS = "lost", "pods", "free", "other members"


@dataclass(frozen=True, slots=True)
class Regrowth:
    """What grows again of a source that lost a zone.

    Attributes:
        nodes: How many nodes.
        wanted: How many of the lost are within the desired sizes of their groups; the others are surplus.
        blocked_by: Why no more, in words; empty where all do.
    """

    nodes: int
    wanted: int
    blocked_by: tuple[str, ...]


def regrowths(zone_id: str, fleet: Fleet) -> dict[str, Regrowth]:
    """Say how much of each source that loses nodes grows again when a zone is lost, by the source's key.

    All sources regrow at once. Whoever needs fewer addresses for it is served first, so that as many sources as can
    be come back whole; and each keeps what its loss needs, as far as sizes let it launch that many.

    A node's addresses come from one subnet, and its pods' from one pod subnet in the same zone; from any of these where
    the VPC CNI takes further subnets beside the nodes' own. Only against the
    sources before it is a subnet shared like a fluid, which errs by less than one node a subnet. Where pods' addresses
    come from in a zone without nodes is not visible; there only the nodes' own subnets bind.
    """
    lost = {source.key: sum(node.zone_id == zone_id for node in source.running) for source in fleet.sources}
    turns = sorted(
        (source for source in fleet.sources if lost[source.key]),
        key=lambda source: (lost[source.key] * (source.need.primary + source.need.pods), source.name, source.key),
    )
    taken = Network()
    for name in sorted(fleet.free):
        taken.add(("subnet", name), _FREE, fleet.free[name])
    found = {}
    for source in turns:
        found[source.key] = _regrowth(_Regrowing(source, zone_id, fleet.free, taken), lost[source.key])
        for reach, addresses in _claims(source, zone_id):
            _take(reach, addresses, ("claimant", source.key), taken)
    return found


def _regrowth(network: "_Regrowing", lost: int) -> Regrowth:
    nodes = network.solve()
    return Regrowth(nodes, network.wanted, () if nodes == lost else network.blockers())


def _take(reach: Reach, addresses: int, claimant: Hashable, taken: Network) -> None:
    """Let a source keep so many addresses of these subnets, or all that those before it left of them."""
    taken.add(claimant, ("claim", reach), addresses)
    for name in reach:
        taken.add(("claim", reach), ("subnet", name))
    if taken.send(claimant, _FREE) < addresses:
        taken.shut(claimant)


def _claims(source: Source, zone_id: str) -> Iterator[tuple[Reach, int]]:
    """Tell the addresses that a source takes, by the subnets that would do."""
    for nodes, launchers in _claimants(source, zone_id):
        zones = _open(launchers, zone_id)
        reach = tuple(sorted({name for _, names in zones for name in names}))
        pods = tuple(sorted({name for zone, _ in zones for name in source.pod_subnets.get(zone, ())}))
        if nodes and reach:
            yield reach, nodes * source.need.primary
        if nodes and pods:
            yield pods, nodes * source.need.pods


def _claimants(source: Source, zone_id: str) -> Iterator[tuple[int, Iterable[Launcher]]]:
    """Tell how many nodes are to be launched again, and by which launchers.

    Groups bound to the lost zone are stood in for by all that are open elsewhere, up to their maximum sizes.
    """
    bound = 0
    for launcher in source.launchers:
        if launcher.spans_beyond(zone_id):
            yield _wanted(launcher, zone_id), [launcher]
        else:
            bound += _wanted(launcher, zone_id)
    others = [launcher for launcher in source.launchers if launcher.open_zones(zone_id)]
    room = sum(UNLIMITED if each.headroom is None else each.headroom for each in others)
    yield min(bound, room), others


def _open(launchers: Iterable[Launcher], lost: str) -> list[tuple[str, Reach]]:
    """Return where nodes can be launched: a zone, and the subnets that will do in it."""
    return sorted({(zone, launcher.subnets[zone]) for launcher in launchers for zone in launcher.open_zones(lost)})


def _wanted(launcher: Launcher, zone_id: str) -> int:
    """Return how many of a launcher's lost nodes are to be launched again: up to its desired size."""
    lost = sum(node.zone_id == zone_id for node in launcher.running)
    if launcher.desired is None:
        return lost
    left = len(launcher.running) + launcher.apart - lost
    return min(lost, max(0, launcher.desired - left))


class _Regrowing:
    """The network of one source in the loss of one zone."""

    def __init__(self, source: Source, zone_id: str, free: Mapping[str, int], taken: Network) -> None:
        self._source = source
        self._zone_id = zone_id
        self._free = free
        # Nodes that nothing can launch anywhere have no need, and no arc that it would count on.
        self._per_node = max(1, source.need.primary)
        self._places = _open(source.launchers, zone_id)
        self._network = taken.apart()
        self._short_of_pods = False

    @property
    def wanted(self) -> int:
        """How many nodes are to be launched again."""
        return sum(_wanted(launcher, self._zone_id) for launcher in self._source.launchers)

    def solve(self) -> int:
        """Return how many nodes can be launched beside what the sources before this one take."""
        self._add_launches()
        nodes = self._network.send(_LOST, _FREE) // self._per_node
        with_pods = min(nodes, self._send_pods(nodes))
        self._short_of_pods = with_pods < nodes
        return with_pods

    def blockers(self) -> tuple[str, ...]:
        """Return what limits the flow, in words: the arcs that lead out of what it still reaches."""
        return tuple(sorted(set(self._blockers())))

    def _add_launches(self) -> None:
        for launcher in self._source.launchers:
            wanted = _wanted(launcher, self._zone_id)
            if launcher.spans_beyond(self._zone_id):
                self._network.add(_LOST, ("group", launcher.name), wanted * self._per_node)
                self._add_places(("group", launcher.name), launcher)
            elif wanted:
                self._network.add(_LOST, _OTHERS, wanted * self._per_node)
        for launcher in self._source.launchers:
            room = UNLIMITED if launcher.headroom is None else launcher.headroom * self._per_node
            self._network.add(_OTHERS, ("room", launcher.name), room)
            self._add_places(("room", launcher.name), launcher)
        for zone, reach in self._places:
            self._network.add(("place", zone, reach), ("pods", zone, reach), self._room_for_pods(zone))
            for name in reach:
                self._network.add(("pods", zone, reach), ("slots", name))
        for name in sorted({name for _, reach in self._places for name in reach}):
            self._network.add(("slots", name), ("subnet", name), _whole(self._free[name], self._per_node))

    def _add_places(self, start: Hashable, launcher: Launcher) -> None:
        for zone in launcher.open_zones(self._zone_id):
            self._network.add(start, ("place", zone, launcher.subnets[zone]))

    def _room_for_pods(self, zone: str) -> int:
        """Return the addresses of so many nodes as a zone's pod subnets have room for."""
        need, names = self._source.need, self._source.pod_subnets.get(zone, ())
        if not (need.pods and names):
            return UNLIMITED
        if self._source.mixed:
            return sum(self._free[name] for name in names) // (need.primary + need.pods) * self._per_node
        return sum(self._free[name] // need.pods for name in names) * self._per_node

    def _send_pods(self, nodes: int) -> int:
        """Return for how many of these nodes the pods get addresses, where others take of the same subnets."""
        need = self._source.need
        zones = {zone for zone, reach in self._places if any(self._free[name] >= self._per_node for name in reach)}
        if not need.pods or any(not self._source.pod_subnets.get(zone) for zone in zones):
            return nodes
        self._network.add(_PODS, "nodes", nodes * need.pods)
        for name in sorted({name for zone in zones for name in self._source.pod_subnets[zone]}):
            whole = 1 if self._source.mixed else need.pods
            self._network.add("nodes", ("subnet", name), _whole(self._free[name], whole))
        sent = self._network.send(_PODS, _FREE)
        if self._source.mixed:
            # Of a node whose pods find no room, its own address is free for pods of another one.
            return (nodes * need.primary + sent) // (need.primary + need.pods)
        return sent // need.pods

    def _blockers(self) -> Iterator[str]:
        reached = self._network.reached(_LOST)
        yield from self._of_lost_groups(reached)
        waiting = [each for each in self._source.launchers if ("group", each.name) in reached]
        if _OTHERS in reached:
            helpers = [each for each in self._source.launchers if each.spans_beyond(self._zone_id)]
            waiting += helpers
            yield from self._of_helpers(helpers, reached)
        yield from _not_offered(waiting, self._zone_id)
        yield from self._of_addresses(reached)

    def _of_lost_groups(self, reached: frozenset[Hashable]) -> Iterator[str]:
        for launcher in self._source.launchers:
            lost = sum(node.zone_id == self._zone_id for node in launcher.running)
            if ("group", launcher.name) in reached and launcher.closed is not None:
                yield launcher.closed
            if _wanted(launcher, self._zone_id) < lost:
                yield blockers.DESIRED.format(launcher.name)

    def _of_helpers(self, helpers: list[Launcher], reached: frozenset[Hashable]) -> Iterator[str]:
        if not helpers:
            yield from map(_alone, self._source.launchers)
        for launcher in helpers:
            if launcher.closed is not None:
                yield launcher.closed
            elif ("room", launcher.name) not in reached:
                yield blockers.MAX_SIZE.format(launcher.name)

    def _of_addresses(self, reached: frozenset[Hashable]) -> Iterator[str]:
        for zone, reach in self._places:
            if ("place", zone, reach) not in reached:
                continue
            if ("pods", zone, reach) not in reached:
                yield from _no_address(self._source.pod_subnets[zone])
            else:
                yield from _no_address(reach)
        if self._short_of_pods:
            yield from _no_address(name for zone, _ in self._places for name in self._source.pod_subnets.get(zone, ()))


def _whole(addresses: int, per_node: int) -> int:
    """Leave out what is too few for a node."""
    return addresses // per_node * per_node


def _alone(launcher: Launcher) -> str:
    """Say why nobody launches what is lost in a zone that no launcher reaches beyond."""
    if not launcher.subnets and launcher.closed is not None:
        return launcher.closed
    return blockers.UNSEEN.format(launcher.name) if launcher.desired is None else blockers.ALONE


def _not_offered(launchers: Iterable[Launcher], lost: str) -> Iterator[str]:
    for launcher in launchers:
        for zone in sorted(launcher.not_offered - {lost}):
            what = f"type {launcher.types[0]}" if len(launcher.types) == 1 else f"types of {launcher.name}"
            yield blockers.NOT_OFFERED.format(what, zone)


def _no_address(subnets: Iterable[str]) -> Iterator[str]:
    for name in subnets:
        yield blockers.NO_ADDRESS.format(name)
