"""The drill against brute force, and what must hold for every fleet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations, product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.checks.survival import cannot_survive_the_loss_of_a_zone
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import ManagedNodeGroup, Node
from eks_auditor.model.cluster import Subnet
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Status
from eks_auditor.spread.drill import Drill, SetDrill
from eks_auditor.spread.siblings import Spread
from tests.builders import ZONES, instance_type, instances, interface, launch, managed, node, snapshot, subnet

TYPES = ("m7i.large", "m6i.large")
"""Two types of one shape: groups of them are siblings."""

NEED = 10


@dataclass(frozen=True)
class Group:
    """A group as brute force takes it.

    Attributes:
        tier: The label that tells its set.
        subnets: Of its own, by id.
        counts: Nodes in each of the three zones.
        desired: Its desired size.
        headroom: Its maximum size less that.
        kind: The type that it launches.
    """

    tier: str
    subnets: tuple[str, ...]
    counts: tuple[int, ...]
    desired: int
    headroom: int
    kind: str

    def spans(self, lost: str) -> bool:
        return any(zone_of(name) != lost for name in self.subnets)


@dataclass(frozen=True)
class World:
    """A small fleet.

    Attributes:
        groups: All of them.
        free: Free addresses by subnet; those named ``pods-…`` are for pods.
        offered: The zones of each type.
        pods: Addresses that the pods of a node take from a pod subnet; 0 without custom networking.
        needs: Addresses that a node takes from its own subnet, by tier.
    """

    groups: tuple[Group, ...]
    free: Mapping[str, int]
    offered: Mapping[str, frozenset[str]]
    pods: int
    needs: Mapping[str, int]

    def snapshot(self) -> Snapshot:
        return snapshot(
            *(self._capacity(number, group) for number, group in enumerate(self.groups)),
            vpc_subnets=tuple(self._subnet(name) for name in self.free),
            offered_zones=dict(self.offered),
            instance_types={name: instance_type(name) for name in TYPES},
        )

    def _subnet(self, name: str) -> Subnet:
        return subnet(zone_of(name), id=name, free_addresses=self.free[name])

    def _capacity(self, number: int, group: Group) -> ManagedNodeGroup:
        found = [zone for zone, count in zip(ZONES, group.counts, strict=True) for _ in range(count)]
        running = instances(found, first=100 * number + 1)
        own = {
            "instances": running,
            "subnets": tuple(self._subnet(name) for name in group.subnets),
            "desired": group.desired,
            "max_size": group.desired + group.headroom,
            "launch": launch(instance_types=(group.kind,)),
        }
        nodes = tuple(self._node(each.id, each.zone_id, group) for each in running)
        return managed(f"group-{number}", labels={"tier": group.tier}, group=own, nodes=nodes)

    def _node(self, name: str, zone: str, group: Group) -> Node:
        need = self.needs[group.tier]
        own = interface(zone, addresses=1)
        rest = interface(zone, primary=False, addresses=need - 1)
        further = interface(subnet_id=f"pods-{zone}", primary=False, addresses=self.pods)
        held = (own, rest, further) if self.pods else (own, rest)
        return node(zone_id=zone, id=name, instance_type=group.kind, interfaces=held)


def zone_of(name: str) -> str:
    return next(zone for zone in ZONES if zone in name)


def brute_force(world: World, lost: str, tier: str | None = None) -> int:
    """Place every lost node in every allowed subnet, or nowhere, and return how many can be placed at most."""
    groups = [group for group in world.groups if tier in (None, group.tier)]
    seen = {zone for group in world.groups for zone, count in zip(ZONES, group.counts, strict=True) if count}
    own = [name for name in world.free if name.startswith("subnet")]
    wanted: list[int] = []
    for index, group in enumerate(groups):
        gone = group.counts[ZONES.index(lost)]
        left = sum(group.counts) - gone
        wanted += [index] * min(gone, max(0, group.desired - left))

    def choices(index: int) -> list[tuple[int, str]]:
        """The group that launches it, -1 for its own without a rise, and the subnet."""
        me = groups[index]
        helpers = [(-1, me)] if me.spans(lost) else [(n, g) for n, g in enumerate(groups) if g.tier == me.tier]
        return [
            (number, name)
            for number, helper in helpers
            for name in helper.subnets
            if zone_of(name) != lost and zone_of(name) in world.offered[helper.kind]
        ]

    @cache
    def best(position: int, free: tuple[int, ...], pods: tuple[int, ...], room: tuple[int, ...]) -> int:
        if position == len(wanted):
            return 0
        most = best(position + 1, free, pods, room)
        need = world.needs[groups[wanted[position]].tier]
        for number, name in choices(wanted[position]):
            place, zone = own.index(name), ZONES.index(zone_of(name))
            bound = world.pods if ZONES[zone] in seen else 0
            if free[place] < need or pods[zone] < bound or (number >= 0 and room[number] == 0):
                continue
            now = best(
                position + 1,
                less(free, place, need),
                less(pods, zone, bound),
                less(room, number, 1) if number >= 0 else room,
            )
            most = max(most, now + 1)
        return most

    return best(
        0,
        tuple(world.free[name] for name in own),
        tuple(world.free[f"pods-{zone}"] for zone in ZONES),
        tuple(group.headroom for group in groups),
    )


def less(values: tuple[int, ...], index: int, amount: int) -> tuple[int, ...]:
    return (*values[:index], values[index] - amount, *values[index + 1 :])


def own_subnets(zone: str) -> tuple[str, str]:
    return f"subnet-{zone}", f"subnet-{zone}-second"


@st.composite
def groups(draw: st.DrawFn, tiers: Sequence[str], *, both_subnets: bool) -> Group:
    zones = draw(st.sampled_from((ZONES, ZONES, *combinations(ZONES, 2), *combinations(ZONES, 1))))
    chosen = [own_subnets(zone) if both_subnets else draw(st.sampled_from(own_subnets(zone))) for zone in zones]
    counts = tuple(draw(st.sampled_from((0, 1, 2, 3))) if zone in zones else 0 for zone in ZONES)
    desired = max(0, sum(counts) + draw(st.sampled_from((0, 0, 0, -1, 1))))
    return Group(
        tier=draw(st.sampled_from(tiers)),
        subnets=tuple(name for part in chosen for name in ((part,) if isinstance(part, str) else part)),
        counts=counts,
        desired=desired,
        headroom=draw(st.integers(0 if desired else 1, 3)),
        kind=draw(st.sampled_from(TYPES)),
    )


OFFERED = st.sampled_from((ZONES, ZONES, ZONES, ZONES[:2], ZONES[1:], ZONES[:1]))


@st.composite
def worlds(draw: st.DrawFn, tiers: Sequence[str] = ("a",), *, pods: bool = False, step: int = 1) -> World:
    # With pods, all groups have the same subnets in a zone: what differs there is bounded, but not exact.
    chosen = draw(st.lists(groups(tiers, both_subnets=pods), min_size=1, max_size=3))
    names = [name for zone in ZONES for name in (*own_subnets(zone), f"pods-{zone}")]
    return World(
        groups=tuple(chosen),
        free={name: draw(st.integers(0, 35 // step)) * step for name in names},
        offered={name: frozenset(draw(OFFERED)) for name in TYPES},
        pods=draw(st.integers(1, 15)) if pods else 0,
        needs=dict.fromkeys(tiers, NEED),
    )


MANY = ("a", "b", "c")


@st.composite
def uneven(draw: st.DrawFn) -> World:
    """Several sets whose nodes need different numbers of addresses."""
    world = draw(worlds(MANY, pods=draw(st.booleans())))
    return replace(world, needs={tier: draw(st.integers(1, 15)) for tier in MANY})


def drilled(world: World) -> Drill:
    read = world.snapshot()
    found = Drill.of(read, Spread.of(read), ZONES)
    assert found.unreadable == ()
    return found


def words(world: World) -> dict[str, int]:
    """Every set's verdict as a number, the greater the worse; not of one that is not judged."""
    findings = judge(world.snapshot(), [cannot_survive_the_loss_of_a_zone])
    judged = [each for each in findings if each.subject.kind == "sibling-set"]
    assert all(each.status is not Status.UNKNOWN for each in judged)
    return {
        each.subject.key: 1 + each.severity if each.status is Status.FAILED else 0
        for each in judged
        if each.status is not Status.NOT_APPLICABLE
    }


@given(st.one_of(worlds(), worlds(pods=True)))
def test_one_sets_regrowth_is_what_brute_force_finds(world: World) -> None:
    (found,) = drilled(world).sets
    for loss in found.losses:
        assert loss.regrown.nodes == brute_force(world, loss.zone_id)


@given(worlds(MANY, step=NEED))
def test_with_room_to_grow_the_clusters_regrowth_is_what_brute_force_finds(world: World) -> None:
    roomy = replace(world, groups=tuple(replace(group, headroom=99) for group in world.groups))
    for loss in drilled(roomy).totals:
        assert loss.regrown.nodes == brute_force(roomy, loss.zone_id)


@given(worlds(MANY, step=NEED))
def test_sets_never_share_more_than_there_is(world: World) -> None:
    found = drilled(world)
    for loss in found.totals:
        assert loss.regrown.nodes <= brute_force(world, loss.zone_id)
    tiers = {each.siblings.key: each for each in found.sets if each.siblings is not None}
    assert len(tiers) == len({group.tier for group in world.groups})


@given(uneven())
def test_no_set_regrows_more_than_it_would_alone(world: World) -> None:
    found = drilled(world)
    for tier in {group.tier for group in world.groups}:
        (part,) = [each for each in found.sets if tier in tiers_of(each)]
        for loss in part.losses:
            assert loss.regrown.nodes <= brute_force(world, loss.zone_id, tier)


def tiers_of(found: SetDrill) -> set[str]:
    members = () if found.siblings is None else found.siblings.members
    return {member.labels["tier"] for member in members if isinstance(member, ManagedNodeGroup)}


@given(uneven())
def test_what_does_not_regrow_has_a_reason_and_nothing_else_has(world: World) -> None:
    found = drilled(world)
    for loss in (*found.totals, *(loss for each in found.sets for loss in each.losses)):
        assert (loss.regrown.nodes < loss.lost.nodes) == bool(loss.blocked_by)


@given(uneven(), st.data())
def test_more_headroom_never_makes_a_sets_own_verdict_worse(world: World, data: st.DataObject) -> None:
    # One node at most, or one size, is a choice: what is raised is judged as what may grow.
    free = tuple(replace(each, headroom=max(each.headroom, 2 - each.desired)) for each in world.groups)
    tier = data.draw(st.sampled_from([each.tier for each in free]))
    more = tuple(replace(each, headroom=each.headroom + data.draw(st.integers(0, 3))) for each in free)
    mine = tuple(new if new.tier == tier else old for new, old in zip(more, free, strict=True))
    before, after = words(replace(world, groups=free)), words(replace(world, groups=mine))
    assert before.keys() == after.keys()
    (raised,) = (each.siblings for each in drilled(world).sets if tier in tiers_of(each))
    assert raised is not None
    assert after.get(raised.key, 0) <= before.get(raised.key, 0)


@given(uneven(), st.data())
def test_more_addresses_never_make_a_verdict_worse(world: World, data: st.DataObject) -> None:
    more = {name: free + data.draw(st.sampled_from((0, 0, 1, 5, 20))) for name, free in world.free.items()}
    before, after = words(world), words(replace(world, free=more))
    assert before.keys() == after.keys()
    assert all(after[key] <= before[key] for key in before)


@given(uneven(), st.randoms(use_true_random=False))
def test_the_order_of_capacities_never_changes_a_drill(world: World, random: Random) -> None:
    read = world.snapshot()
    shuffled = list(read.capacities)
    random.shuffle(shuffled)
    other = replace(read, capacities=tuple(shuffled))
    assert Drill.of(other, Spread.of(other)) == Drill.of(read, Spread.of(read))


def even(nodes: int, zones: int, extra: int = 0) -> Snapshot:
    """One group with its nodes dealt out evenly over zones, and so many further zones that are empty."""
    names = [f"euw1-az{number}" for number in range(1, zones + extra + 1)]
    found = [names[number % zones] for number in range(nodes)]
    group = {"instances": instances(found), "desired": nodes, "max_size": nodes}
    offered = {"m7i.large": frozenset(names)}
    subnets = tuple(subnet(name) for name in names)
    return snapshot(managed(zones=names, group=group), offered_zones=offered, vpc_subnets=subnets)


def worst(read: Snapshot) -> int:
    (found,) = Drill.of(read, Spread.of(read)).sets
    return max(loss.lost.nodes for loss in found.losses)


@pytest.mark.parametrize(("nodes", "zones"), list(product((1, 2, 3, 5, 12, 59), range(1, 6))))
def test_one_zone_more_never_makes_the_worst_loss_larger(nodes: int, zones: int) -> None:
    assert worst(even(nodes, zones + 1)) <= worst(even(nodes, zones))
    assert worst(even(nodes, zones, extra=1)) == worst(even(nodes, zones))


@pytest.mark.parametrize("zones", range(2, 7))
def test_an_even_group_survives(zones: int) -> None:
    for nodes in range(1, 61):
        findings = judge(even(nodes, zones), [cannot_survive_the_loss_of_a_zone])
        (found,) = [each for each in findings if each.subject.kind == "sibling-set"]
        assert found.status is Status.PASSED, found.reason
