from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eks_auditor.model.capacity import Node
from eks_auditor.model.gap import known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.spread.addresses import STEPS, Demand, Demands, Zones
from eks_auditor.spread.need import Need
from eks_auditor.spread.shortage import Shortage, shortage
from tests.builders import (
    ZONES,
    cluster,
    fargate,
    gap,
    instance_type,
    instances,
    interface,
    launch,
    managed,
    node,
    node_pool,
    self_managed,
    snapshot,
    standalone,
    subnet,
)

A, B, C = ZONES
LOCAL = "euw1-lon1-az1"


def zones(*capacities: Any, **deviations: Any) -> tuple[list[str], bool]:  # noqa: ANN401  any capacity, any field
    found = Zones.of(snapshot(*capacities, **deviations))
    return [zone.id for zone in found.zones], found.whole


def demand(*capacities: Any, zone: str = A, **deviations: Any) -> Demand:  # noqa: ANN401  any capacity, any field
    """The first capacity's demand on a zone."""
    return Demands.of(zone, snapshot(*capacities, **deviations)).demands[0]


def wanted(*capacities: Any, zone: str = A, **deviations: Any) -> tuple[int, int, int]:  # noqa: ANN401  any capacity, any field
    """How many nodes it asks room for: once more, for an update, to grow."""
    nodes = demand(*capacities, zone=zone, **deviations).nodes
    return nodes["node"], nodes["surge"], nodes["growth"]


def apart(zone: str = A, *, own: int = 1, pods: int = 20, pod_subnet: str | None = None) -> Node:
    """A node under custom networking."""
    further = interface(zone, subnet_id=pod_subnet or f"subnet-pods-{zone}", primary=False, addresses=pods)
    return node(zone_id=zone, interfaces=(interface(zone, addresses=own), further))


class TestZones:
    def test_are_those_that_groups_and_pools_launch_in(self) -> None:
        assert zones(managed(zones=(A,)), self_managed(zones=(B,))) == ([A, B], True)
        assert zones(node_pool(nodes=(node(zone_id=C),)))[0] == [C]

    def test_local_zones_are_set_apart(self) -> None:
        assert zones(managed(zones=(A, LOCAL))) == ([A], True)

    @pytest.mark.parametrize("group", [{"max_size": 0}, {"suspended": frozenset({"Launch"})}])
    def test_a_group_that_is_parked_still_makes_them(self, group: dict[str, Any]) -> None:
        assert zones(managed(zones=(A, B), group=group)) == ([A, B], True)

    def test_a_pool_hides_no_zone_of_groups(self) -> None:
        found = zones(managed(zones=(A,)), node_pool(nodes=(node(zone_id=C),)), cluster=cluster(auto_mode=True))
        assert found == ([A, C], True)

    @pytest.mark.parametrize("capacity", [standalone(), fargate()])
    def test_what_launches_no_nodes_has_none(self, capacity: Any) -> None:  # noqa: ANN401  any capacity
        assert zones(capacity) == ([], True)

    @pytest.mark.parametrize("hidden", [{"group": {"subnets": gap()}}, {"groups": gap()}])
    def test_of_a_group_that_hides_its_subnets_are_where_it_runs(self, hidden: dict[str, Any]) -> None:
        assert zones(managed(zones=(A, LOCAL), **hidden)) == ([A], False)

    def test_of_auto_mode_are_the_clusters_too(self) -> None:
        pool = node_pool(kind="auto-mode", nodes=(node(),))
        assert zones(pool)[0] == [A, B, C]
        assert zones(pool, vpc_subnets=gap()) == ([A], False)

    def test_of_auto_mode_with_subnets_of_its_own_are_those(self) -> None:
        own = node(interfaces=(interface(subnet_id="subnet-own"),))
        read = (*(subnet(zone) for zone in ZONES), subnet(id="subnet-own"))
        assert zones(node_pool(kind="auto-mode", nodes=(own,)), vpc_subnets=read)[0] == [A]


class TestNodesWanted:
    @pytest.mark.parametrize(
        ("over", "at_once", "percentage", "surge"),
        [
            (ZONES, None, None, 2),
            ((A,), None, None, 2),
            (ZONES, 9, None, 3),
            (ZONES, 7, None, 3),
            (ZONES, None, 100, 4),
        ],
    )
    def test_an_update_of_a_managed_group_surges(
        self, over: Sequence[str], at_once: int | None, percentage: int | None, surge: int
    ) -> None:
        group = managed(zones=over, size=12, max_unavailable=at_once, max_unavailable_percentage=percentage)
        assert wanted(group)[1] == surge

    def test_an_update_that_terminates_first_launches_nothing_more(self) -> None:
        assert wanted(managed(size=12, max_unavailable=9, update_strategy="MINIMAL"))[:2] == (1, 0)
        full = managed(zones=(A,), group={"max_size": 3}, update_strategy="MINIMAL")
        assert wanted(full) == (0, 0, 0)

    def test_a_group_that_wants_no_node_does_not_surge(self) -> None:
        assert wanted(managed(size=0, group={"max_size": 9})) == (1, 0, 0)

    def test_only_managed_groups_surge(self) -> None:
        assert wanted(self_managed()) == (1, 0, 1)
        assert wanted(node_pool()) == (1, 0, 1)

    @pytest.mark.parametrize(
        ("size", "most", "growth"), [(12, 99, 2), (13, 99, 3), (12, 14, 1), (12, 12, 0), (0, 9, 0), (1, 9, 1)]
    )
    def test_growth_is_half_of_what_runs_up_to_the_maximum(self, size: int, most: int, growth: int) -> None:
        assert wanted(managed(size=size, group={"max_size": most}))[2] == growth

    def test_a_pool_grows_by_half_without_a_maximum(self) -> None:
        nodes = tuple(node(number, zone) for number, zone in enumerate(ZONES * 3))
        assert wanted(node_pool(nodes=nodes))[2] == 2

    def test_only_what_is_in_service_counts(self) -> None:
        held = (*instances(ZONES), *instances(ZONES * 4, first=50, lifecycle_state="Warmed:Stopped"))
        assert wanted(managed(group={"instances": held}))[2] == 1

    @pytest.mark.parametrize(
        ("capacity", "once_more"),
        [
            (managed(zones=(A,), group={"max_size": 3}), 1),
            (self_managed(group={"max_size": 3}), 1),
            (self_managed(zones=(A,), group={"max_size": 4}), 1),
            (self_managed(zones=(A,), group={"max_size": 3}), 0),
        ],
    )
    def test_a_full_group_of_one_zone_replaces_only(self, capacity: Any, once_more: int) -> None:  # noqa: ANN401  any capacity
        assert wanted(capacity)[0] == once_more

    @pytest.mark.parametrize("group", [{"max_size": 0}, {"suspended": frozenset({"Launch"})}])
    def test_what_cannot_launch_asks_for_nothing(self, group: dict[str, Any]) -> None:
        assert not Demands.of(A, snapshot(managed(group=group))).demands


class TestWhatANodeTakes:
    def test_is_what_its_nodes_take_of_both_pools(self) -> None:
        found = demand(managed(nodes=(apart(),)), vpc_subnets=(subnet(), subnet(id=f"subnet-pods-{A}")))
        assert (found.need, found.seen) == (Need(1, 20), True)
        assert found.pools == ((1, (f"subnet-{A}",)), (20, (f"subnet-pods-{A}",)))

    def test_is_two_interfaces_of_the_first_type_before_there_is_one(self) -> None:
        found = demand(managed(size=0))
        assert (found.need, found.seen, found.pod_subnets) == (Need(20, 0), False, ())

    def test_of_a_first_node_is_what_others_take_up_to_two_interfaces(self) -> None:
        for held, expected in ((7, 7), (29, 20)):
            others = self_managed(nodes=(node(50, interfaces=(interface(addresses=held),)),))
            assert demand(managed("a", size=0), others).need == Need(expected, 0)

    def test_further_subnets_of_the_cni_are_one_pool_with_its_own(self) -> None:
        read = (subnet(), subnet(id="subnet-cni"))
        wide = node(interfaces=(interface(addresses=8), interface(subnet_id="subnet-cni", primary=False, addresses=7)))
        found = demand(managed(nodes=(wide,)), vpc_subnets=read)
        assert found.pools == ((1, (f"subnet-{A}",)), (14, (f"subnet-{A}", "subnet-cni")))
        first = demand(managed("a", size=0), managed(nodes=(wide,)), vpc_subnets=read)
        assert first.further_subnets == ("subnet-cni",)

    @pytest.mark.parametrize("single", [{"addresses": 1}, {"addresses": 0}])
    def test_an_interface_with_one_address_is_none_of_the_cnis(self, single: dict[str, Any]) -> None:
        other = interface(subnet_id="subnet-multus", primary=False, **single)
        found = demand(managed(nodes=(node(interfaces=(interface(), other)),)))
        assert (found.need, found.pools) == (Need(10, 0), ((10, (f"subnet-{A}",)),))

    def test_an_interface_with_prefixes_is_the_cnis(self) -> None:
        other = interface(subnet_id="subnet-cni", primary=False, addresses=1, prefixes=1)
        nodes = (node(interfaces=(interface(), other)),)
        found = demand(managed(nodes=nodes), vpc_subnets=(subnet(), subnet(id="subnet-cni")))
        assert (found.need, found.further_subnets) == (Need(27, 0), ("subnet-cni",))

    def test_pods_of_a_first_node_are_where_pods_of_others_are(self) -> None:
        read = (subnet(), subnet(id=f"subnet-pods-{A}"))
        found = demand(managed("a", size=0), managed("b", nodes=(apart(),)), vpc_subnets=read)
        assert (found.need, found.pod_subnets) == (Need(1, 20), (f"subnet-pods-{A}",))

    def test_a_groups_own_pod_subnets_come_before_those_of_others(self) -> None:
        read = (subnet(id="subnet-x"), subnet(id="subnet-y"))
        mine, other = (managed(name, nodes=(apart(pod_subnet=f"subnet-{name}"),)) for name in "xy")
        assert demand(mine, other, vpc_subnets=read).pod_subnets == ("subnet-x",)

    def test_where_no_pod_subnet_is_seen_nodes_alone_count(self) -> None:
        found = demand(managed(nodes=(apart(),)), zone=B)
        assert (found.need, found.pools) == (Need(1, 20), ((1, (f"subnet-{B}",)),))

    def test_with_ipv6_is_one_address(self) -> None:
        found = demand(managed(size=0), managed("b", nodes=(apart(),)), cluster=cluster(ip_family="ipv6"))
        assert found.pools == ((1, (f"subnet-{A}",)),)

    def test_prefixes_are_told(self) -> None:
        assert demand(managed(nodes=(node(interfaces=(interface(prefixes=2),)),))).prefixes
        assert not demand(managed()).prefixes


class TestWhatIsNotKnown:
    @pytest.mark.parametrize(
        "deviations",
        [
            {"complete": {"managed": True, "self-managed": True, "karpenter": True, "auto-mode": False}},
            {"complete": {"managed": True, "self-managed": True, "karpenter": True, "auto-mode": True}},
        ],
    )
    def test_kinds_or_instances_that_were_not_listed(self, deviations: dict[str, Any]) -> None:
        assert Demands.of(A, snapshot(**deviations)).gap is not None

    @pytest.mark.parametrize(
        "hiding",
        [
            managed("x", groups=gap()),
            managed("x", group={"subnets": gap()}),
            managed("x", group={"refresh": gap()}),
            managed("x", size=0, group={"launch": gap()}),
            managed("x", size=0, group={"launch": launch(instance_types=("unread",))}),
            managed("x", nodes=(apart(),)),
            node_pool("x", nodes=(node(interfaces=(interface(subnet_id="subnet-gone"),)),)),
            node_pool("x", nodes=(node(interfaces=()),)),
        ],
    )
    def test_one_capacity_hides_no_other(self, hiding: Any) -> None:  # noqa: ANN401  any capacity
        found = Demands.of(A, snapshot(hiding, self_managed()))
        assert [each.capacity.name for each in found.demands] == ["batch"]
        assert found.gap is not None

    def test_what_launches_elsewhere_hides_nothing_here(self) -> None:
        unread = managed("x", zones=(B,), size=0, group={"launch": gap()})
        assert Demands.of(A, snapshot(unread, managed())).gap is None

    def test_free_addresses_of_a_groups_subnets_are_its_own(self) -> None:
        found = Demands.of(A, snapshot(managed(group={"subnets": (subnet(free_addresses=7),)}), vpc_subnets=gap()))
        assert found.free == {f"subnet-{A}": 7}


class TestChanges:
    def test_of_a_group_of_the_zone_is_told(self) -> None:
        changing = managed("x", zones=(A,), status="UPDATING")
        for zone, told in ((A, True), (B, False)):
            assert (Demands.of(zone, snapshot(changing, managed())).update is not None) is told

    def test_leaves_out_what_shares_its_subnets_only(self) -> None:
        apart_from_it = self_managed(group={"subnets": (subnet(id="subnet-else"),)})
        found = Demands.of(A, snapshot(managed("x", status="UPDATING"), managed(), apart_from_it))
        assert [each.capacity.name for each in found.lasting.demands] == ["batch"]

    def test_of_a_pool_is_churn(self) -> None:
        young = tuple(node(n, zone, launched_at=snapshot().taken_at) for n, zone in enumerate(ZONES))
        found = Demands.of(A, snapshot(node_pool(nodes=young)))
        assert (found.update, found.churn) == (None, True)


def asked(need: Need, nodes: Mapping[str, int], own: Sequence[str] = ("s",), pods: Sequence[str] = ()) -> Demand:
    return Demand(
        capacity=managed(),
        group=None,
        need=need,
        seen=True,
        prefixes=False,
        subnets=tuple(own),
        pod_subnets=tuple(pods),
        nodes={step: nodes.get(step, 0) for step in STEPS},
    )


def short(free: Mapping[str, int], *demands: Demand) -> Shortage | None:
    return shortage(Demands(demands=demands, free=free, gap=None, churn=False))


class TestShortage:
    @pytest.mark.parametrize(
        ("free", "step"), [(9, "node"), (10, "surge"), (19, "surge"), (20, "growth"), (29, "growth"), (30, None)]
    )
    def test_is_of_the_first_step_that_does_not_fit(self, free: int, step: str | None) -> None:
        found = short({"s": free}, asked(Need(10, 0), {"node": 1, "surge": 2, "growth": 3}))
        assert (found and found.step) == step

    def test_one_node_is_asked_for_by_every_group_alone(self) -> None:
        one = asked(Need(10, 0), {"node": 1})
        assert short({"s": 10}, one, one) is None
        assert short({"s": 10}, one, asked(Need(11, 0), {"node": 1})) is not None

    def test_a_surge_is_asked_for_by_each_group_alone_first(self) -> None:
        each = asked(Need(10, 0), {"surge": 2})
        words = [(found.step, found.at_once) for free in (19, 20, 39) if (found := short({"s": free}, each, each))]
        assert words == [("surge", False), ("surge", True), ("surge", True)]

    @pytest.mark.parametrize("step", ["surge", "growth"])
    def test_all_groups_surge_and_grow_at_once(self, step: str) -> None:
        each = asked(Need(10, 0), {step: 2})
        assert short({"s": 40}, each, each) is None
        found = short({"s": 39}, each, each)
        assert found is not None
        assert (found.step, found.subnets, found.lacking, len(found.demands)) == (step, ("s",), 10, 2)

    def test_a_node_takes_its_addresses_from_one_subnet(self) -> None:
        each = asked(Need(10, 0), {"node": 1}, ("s", "t"))
        assert short({"s": 9, "t": 10}, each) is None
        assert short({"s": 9, "t": 9}, each) is not None

    def test_what_is_too_few_for_a_node_is_no_help_beside_other_groups(self) -> None:
        wide = asked(Need(10, 0), {"surge": 2}, ("s", "t"))
        tied = asked(Need(3, 0), {"surge": 3}), asked(Need(3, 0), {"surge": 1}, ("t",))
        assert short({"s": 13, "t": 23}, wide, *tied) is None
        found = short({"s": 13, "t": 19}, wide, *tied)
        assert (found and found.at_once) is True

    def test_one_zone_pool_of_subnets_is_no_help_to_the_other(self) -> None:
        each = asked(Need(1, 20), {"node": 1}, ("s",), ("p",))
        assert short({"s": 1, "p": 20}, each) is None
        for free, own, pods in (({"s": 0, "p": 99}, ("s",), ()), ({"s": 99, "p": 19}, (), ("p",))):
            found = short(free, each)
            assert found is not None
            assert (found.subnets, found.pod_subnets) == (own, pods)

    def test_a_subnet_in_both_pools_serves_both(self) -> None:
        nodes, pods = asked(Need(10, 0), {"surge": 1}), asked(Need(1, 10), {"surge": 1}, ("t",), ("s",))
        assert short({"s": 20, "t": 1}, nodes, pods) is None
        assert short({"s": 19, "t": 1}, nodes, pods) is not None

    def test_who_has_room_elsewhere_is_not_named(self) -> None:
        tight, roomy = asked(Need(10, 0), {"surge": 2}), asked(Need(5, 0), {"surge": 2}, ("t",))
        found = short({"s": 10, "t": 100}, tight, roomy)
        assert found is not None
        assert (found.demands, found.subnets) == ((tight,), ("s",))


SUBNETS = ("s", "t")
FREE = st.fixed_dictionaries({name: st.integers(0, 12) for name in SUBNETS})
DEMANDS = st.lists(
    st.builds(
        asked,
        st.builds(Need, primary=st.integers(1, 4), pods=st.just(0)),
        st.fixed_dictionaries({step: st.integers(0, 2) for step in STEPS}),
        st.sampled_from([("s",), ("t",), SUBNETS]),
    ),
    max_size=3,
)


def packed(free: Mapping[str, int], demands: Sequence[Demand], step: Any) -> bool:  # noqa: ANN401  a step
    """Whether every node can be placed, by trying all placements."""
    nodes = [each for each in demands for _ in range(each.nodes[step])]
    for places in product(*(each.subnets for each in nodes)):
        taken = dict.fromkeys(SUBNETS, 0)
        for each, place in zip(nodes, places, strict=True):
            taken[place] += each.need.primary
        if all(taken[name] <= free[name] for name in SUBNETS):
            return True
    return False


@given(FREE, DEMANDS)
def test_brute_force_finds_no_false_alarm(free: dict[str, int], demands: list[Demand]) -> None:
    found = short(free, *demands)
    if found is not None:
        parts = [[each] for each in demands] if found.step == "node" else [demands]
        assert not all(packed(free, part, found.step) for part in parts)


@given(FREE, DEMANDS)
@example({"s": 4, "t": 8}, [asked(Need(1, 0), {"growth": 2}, SUBNETS)] * 2)
def test_brute_force_agrees_where_groups_are_alike_or_have_one_subnet(
    free: dict[str, int], demands: list[Demand]
) -> None:
    alike = [replace(each, need=Need(3, 0)) for each in demands]
    bound = [replace(each, subnets=("s",)) for each in demands]
    for these in (alike, bound):
        fits = all(packed(free, [each], "node") for each in these)
        fits = fits and all(packed(free, these, step) for step in ("surge", "growth"))
        assert (short(free, *these) is None) is fits


@given(FREE, DEMANDS, st.fixed_dictionaries({name: st.integers(0, 9) for name in SUBNETS}))
@example({"s": 3, "t": 0}, [asked(Need(2, 0), {"surge": 2}, SUBNETS)], {"s": 0, "t": 1})
def test_more_free_addresses_never_make_it_worse(
    free: dict[str, int], demands: list[Demand], more: dict[str, int]
) -> None:
    before, after = short(free, *demands), short({name: free[name] + more[name] for name in free}, *demands)
    assert rank(after) <= rank(before)


def rank(found: Shortage | None) -> int:
    return 0 if found is None else len(STEPS) - STEPS.index(found.step)


@given(FREE, DEMANDS, st.randoms(use_true_random=False))
def test_the_order_of_groups_does_not_matter(free: dict[str, int], demands: list[Demand], random: Random) -> None:
    shuffled = random.sample(demands, len(demands))
    one, other = short(free, *demands), short(free, *shuffled)
    assert rank(one) == rank(other)
    if one is not None and other is not None:
        assert (one.subnets, one.lacking) == (other.subnets, other.lacking)


@given(st.randoms(use_true_random=False))
def test_the_order_in_what_was_read_does_not_matter(random: Random) -> None:
    further = (subnet(id="subnet-more", free_addresses=12), subnet(id=f"subnet-pods-{A}", free_addresses=30))
    groups = [
        managed("x", group={"subnets": (subnet(free_addresses=15), *further[:1])}),
        self_managed("y", nodes=(apart(), apart(pods=30), node(9))),
        node_pool(nodes=tuple(node(n, zone) for n, zone in enumerate(ZONES))),
    ]
    read = snapshot(*groups, vpc_subnets=(*(subnet(zone) for zone in ZONES), *further))
    assert told(_shuffled(read, random)) == told(read)


def told(read: Snapshot) -> list[Any]:
    found = Zones.of(read)
    all_demands = [Demands.of(zone.id, read) for zone in found.zones]
    return [
        (zone, [(each.capacity.name, each.pools, each.nodes) for each in demands.demands], rank(shortage(demands)))
        for zone, demands in zip(found.zones, all_demands, strict=True)
    ]


def _shuffled(read: Snapshot, random: Random) -> Snapshot:
    def mixed(values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(random.sample(values, len(values)))

    capacities = mixed([replace(each, nodes=mixed(each.nodes)) for each in read.capacities])
    return replace(read, capacities=capacities, vpc_subnets=mixed(known(read.vpc_subnets)))


def test_a_type_without_a_known_size_is_no_zero() -> None:
    types = {"m7i.large": instance_type(addresses_per_interface=None)}
    assert Demands.of(A, snapshot(managed(size=0), instance_types=types)).gap is not None
