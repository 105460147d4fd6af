"""The drill: what each sibling set loses with a zone, what is left, and what grows again in the other zones."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Self

from eks_auditor.model.capacity import NodePool
from eks_auditor.model.gap import Gap, UnreadableError
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import ON_OUTPOST
from eks_auditor.spread.fleet import Fleet, Running, Source, groups_of
from eks_auditor.spread.regrowth import Regrowth, regrowths
from eks_auditor.spread.siblings import SiblingSet, Spread
from eks_auditor.spread.updating import joined

FEWEST_ZONES = 2
NOTHING_LOST = Regrowth(nodes=0, wanted=0, blocked_by=())

UNSEEN_ZONES = (
    "its nodes run in one zone; the subnets that its NodeClass selects are in Kubernetes' API, which is not read"
)
"""Why a pool that is seen in one zone only is not judged."""


@dataclass(frozen=True, slots=True)
class Amount:
    """So many nodes, with the vCPUs and the memory of their real instance types."""

    nodes: int = 0
    vcpus: int = 0
    memory_mib: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        """Add them up."""
        return Amount(self.nodes + other.nodes, self.vcpus + other.vcpus, self.memory_mib + other.memory_mib)


@dataclass(frozen=True, slots=True)
class Loss:
    """What the loss of one zone does to a set, or to the cluster.

    Attributes:
        zone_id: The zone that is lost.
        lost: What runs in it.
        left: What runs in the other Availability Zones.
        regrown: What of the lost grows again in the others, at most all of it.
        blocked_by: Why not all of it does, in words such as ``max size (web-2)``; empty where all does.
        surplus: How many of the lost nodes are above the desired sizes of their groups, so that nobody misses them:
            Auto Scaling launches before it terminates, and what it scales in is still in service for a while.
    """

    zone_id: str
    lost: Amount
    left: Amount
    regrown: Amount
    blocked_by: tuple[str, ...]
    surplus: int = 0

    @property
    def stuck(self) -> bool:
        """Whether nodes are missed for good: fewer grow again than were lost and are desired."""
        return self.regrown.nodes < self.lost.nodes - self.surplus


@dataclass(frozen=True, slots=True)
class SetDrill:
    """One source of nodes in the drill.

    Attributes:
        siblings: The sibling set; None for what is in none: standalone nodes, Fargate profiles, and groups whose
            siblings are not known.
        name: What people call it.
        judged: Whether ZONE004 judges it.
        note: Why not, in words.
        nodes: Its nodes in service in Availability Zones.
        ideal: The share of them that the fullest zone holds at best: ``ceil(n / z) / n`` for n nodes in z
            zones that it uses. None without nodes, or without zones.
        used: How many zones it uses: of those it is configured for, all that have nodes of it, or where one of its
            groups launches what it wants; groups that are scaled to zero use none.
        losses: By zone, in order of zone: those that it runs or may launch in, of the zones considered.
        apart: Its nodes in Local and Wavelength Zones, which no other number here counts.
    """

    siblings: SiblingSet | None
    name: str
    judged: bool
    note: str | None
    nodes: int
    ideal: float | None
    losses: tuple[Loss, ...]
    apart: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True)
class Drill:
    """The loss of each zone, one at a time.

    Attributes:
        zones: The ids of the Availability Zones considered, in order.
        sets: Every source of nodes that could be read, in order of name.
        totals: By zone: the sum over all sets.
        hidden: What could not be read, by the set's key, or by kind and name of what is in no set.
    """

    zones: tuple[str, ...]
    sets: tuple[SetDrill, ...]
    totals: tuple[Loss, ...]
    hidden: Mapping[str, Gap] = field(default_factory=dict)

    @property
    def unreadable(self) -> tuple[Gap, ...]:
        """What could not be read: the sets that it hides are in no other number."""
        return tuple(dict.fromkeys(self.hidden.values()))

    @classmethod
    def of(
        cls, snapshot: Snapshot, spread: Spread, zones: Collection[str] | None = None, *, perhaps: bool = False
    ) -> Self:
        """Lose each of these zones; by default each that nodes run in or are configured for.

        What follows is assumed: EC2 has capacity for what is launched, something raises the desired sizes of groups
        whose siblings are lost (Cluster Autoscaler does), one unit of desired size is one node, and what could not be
        read (``hidden``) takes no address from what could. With ``perhaps``, so is that every pool launches in all
        subnets of the VPC that are alike, public or private, to those of its nodes.
        """
        fleet = Fleet.of(snapshot, spread, perhaps=perhaps)
        every = {zone for source in fleet.sources for zone in _zones(source)}
        considered = tuple(sorted(every if zones is None else zones))
        again = {zone: regrowths(zone, fleet) for zone in considered}
        drills = tuple(_drill(source, again, snapshot) for source in fleet.sources)
        totals = tuple(_total(zone, fleet, drills) for zone in considered)
        return cls(considered, drills, totals, fleet.hidden)

    def of_set(self, siblings: SiblingSet) -> SetDrill:
        """Return one set's part.

        Raises:
            UnreadableError: If something of the set could not be read.
        """
        for drill in self.sets:
            if drill.siblings is not None and drill.siblings.key == siblings.key:
                return drill
        raise UnreadableError(self.hidden[siblings.key])


def _zones(source: Source) -> tuple[str, ...]:
    return tuple(sorted(source.configured | {node.zone_id for node in source.running}))


def _drill(source: Source, again: Mapping[str, Mapping[str, Regrowth]], snapshot: Snapshot) -> SetDrill:
    nodes, used = len(source.running), len(source.used)
    own = _zones(source)
    note = source.note or _note(source, snapshot)
    return SetDrill(
        siblings=source.siblings,
        name=source.name,
        judged=note is None,
        note=note,
        nodes=nodes,
        ideal=ceil(nodes / used) / nodes if nodes and used else None,
        losses=tuple(_loss(source, zone, again[zone].get(source.key, NOTHING_LOST)) for zone in again if zone in own),
        apart=sum(launcher.apart for launcher in source.launchers),
        used=used,
    )


def _note(source: Source, snapshot: Snapshot) -> str | None:
    """Say why a set is not judged, or None."""
    if snapshot.cluster.outpost:
        return ON_OUTPOST
    if not source.running:
        return "it has no nodes in Availability Zones now"
    if len({zone for launcher in source.launchers for zone in launcher.zones}) < FEWEST_ZONES:
        return _note_of_one_zone(source)
    groups = [group for capacity in source.members for group in groups_of(capacity)]
    if groups and not any(group.min_size for group in groups):
        return "it may be scaled to zero (minimum size 0)"
    try:
        update = joined(source.members, snapshot)
    except UnreadableError as error:
        return f"whether it is just changing is not known: {error.gap}"
    return None if update is None else update.reason


def _note_of_one_zone(source: Source) -> str:
    if any(isinstance(capacity, NodePool) for capacity in source.members):
        return UNSEEN_ZONES
    return "it has one zone to launch in; ZONE001 and ZONE002 judge that"


def _loss(source: Source, zone: str, again: Regrowth) -> Loss:
    lost = sorted((_amount(node) for node in source.running if node.zone_id == zone), key=_size)
    return Loss(
        zone_id=zone,
        lost=_sum(lost),
        left=_sum(_amount(node) for node in source.running if node.zone_id != zone),
        # Which of unequal nodes come back is EC2's choice: the smallest are the least that it can be.
        regrown=_sum(lost[: again.nodes]),
        blocked_by=again.blocked_by,
        surplus=len(lost) - again.wanted,
    )


def _total(zone: str, fleet: Fleet, drills: Iterable[SetDrill]) -> Loss:
    there = [loss for drill in drills for loss in drill.losses if loss.zone_id == zone]
    running = [node for source in fleet.sources for node in source.running]
    return Loss(
        zone_id=zone,
        lost=_sum(loss.lost for loss in there),
        left=_sum(_amount(node) for node in running if node.zone_id != zone),
        regrown=_sum(loss.regrown for loss in there),
        blocked_by=tuple(sorted({word for loss in there for word in loss.blocked_by})),
        surplus=sum(loss.surplus for loss in there),
    )


def _amount(node: Running) -> Amount:
    return Amount(nodes=1, vcpus=node.shape.vcpus, memory_mib=node.shape.memory_mib)


def _size(amount: Amount) -> tuple[int, int]:
    return amount.vcpus, amount.memory_mib


def _sum(amounts: Iterable[Amount]) -> Amount:
    return sum(amounts, start=Amount())
