from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from eks_auditor.model.capacity import ManagedNodeGroup, Node, StandaloneNodes
from eks_auditor.model.gap import UnreadableError
from eks_auditor.spread.drill import UNSEEN_ZONES, Amount, Drill, Loss, SetDrill
from eks_auditor.spread.flow import Network
from eks_auditor.spread.siblings import Spread
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
APART = {"tier": "front"}
"""The label of another set."""
POD_SUBNETS = tuple(subnet(zone, id=f"pods-{zone[-1]}") for zone in ZONES)


def drill(*capacities: Any, zones: Sequence[str] | None = None, **deviations: Any) -> Drill:  # noqa: ANN401  any
    read = snapshot(*capacities, **deviations)
    return Drill.of(read, Spread.of(read), zones)


def only(*capacities: Any, **deviations: Any) -> SetDrill:  # noqa: ANN401  any capacity, any field
    (one,) = drill(*capacities, **deviations).sets
    return one


def without(zone: str, found: SetDrill | Drill) -> Loss:
    losses = found.losses if isinstance(found, SetDrill) else found.totals
    return next(loss for loss in losses if loss.zone_id == zone)


def bound(counts: Mapping[str, int], **group: Any) -> list[ManagedNodeGroup]:  # noqa: ANN401  any field of a group
    """A group for each zone."""
    return [managed(f"web-{zone[-1]}", zones=[zone], size=size, group=group) for zone, size in counts.items()]


def over(*counts: int, **group: Any) -> ManagedNodeGroup:  # noqa: ANN401  any field of a group
    """One group over as many zones."""
    found = [zone for zone, count in zip(ZONES, counts, strict=False) for _ in range(count)]
    return managed(zones=ZONES[: len(counts)], group={"instances": instances(found), "desired": len(found)} | group)


def subnets(*free: int) -> dict[str, Any]:
    """A subnet in each zone with so many free addresses, for a group."""
    return {"subnets": tuple(subnet(zone, free_addresses=count) for zone, count in zip(ZONES, free, strict=True))}


def nodes(count: int) -> Amount:
    return Amount(nodes=count, vcpus=2 * count, memory_mib=8192 * count)


class TestOneGroupOverZones:
    def test_it_comes_back_to_its_desired_size(self) -> None:
        found = only(over(2, 2, 2, max_size=6))
        assert [loss.zone_id for loss in found.losses] == list(ZONES)
        assert all(loss == Loss(loss.zone_id, nodes(2), nodes(4), nodes(2), ()) for loss in found.losses)
        assert (found.nodes, found.ideal, found.judged, found.note, found.apart) == (6, 1 / 3, True, None, 0)

    def test_no_more_than_its_desired_size(self) -> None:
        loss = without(A, only(over(2, 2, 2, desired=5, max_size=99)))
        assert (loss.regrown.nodes, loss.blocked_by) == (1, ("desired reached (eks-web-0a1b2c3d)",))

    def test_no_more_than_was_lost(self) -> None:
        assert without(A, only(over(2, 2, 2, desired=50, max_size=99))).regrown == nodes(2)

    def test_a_zone_without_nodes_loses_nothing(self) -> None:
        found = only(over(2, 2, 0))
        assert without(C, found) == Loss(C, nodes(0), nodes(4), nodes(0), ())
        assert found.ideal == 2 / 4

    def test_launch_suspended(self) -> None:
        loss = without(A, only(over(1, 1, 1, suspended=frozenset({"Launch"}))))
        assert (loss.regrown.nodes, loss.blocked_by) == (0, ("Launch suspended (eks-web-0a1b2c3d)",))

    def test_only_nodes_in_service_are_lost(self) -> None:
        states = (*instances([A, B]), *instances([A, A, C], first=3, lifecycle_state="Warmed:Stopped"))
        found = only(managed(group={"instances": states, "desired": 2}))
        assert (found.nodes, without(A, found).lost.nodes, without(C, found).lost.nodes) == (2, 1, 0)

    def test_local_zones_are_told_and_not_counted(self) -> None:
        local = subnet(LOCAL, free_addresses=0)
        found = only(
            managed(
                group={
                    "subnets": (*(subnet(zone) for zone in ZONES), local),
                    "instances": instances([A, B, LOCAL]),
                    "desired": 3,
                }
            )
        )
        assert (found.nodes, found.apart, [loss.zone_id for loss in found.losses]) == (2, 1, list(ZONES))
        assert without(A, found).regrown.nodes == 1

    def test_nodes_in_local_zones_count_for_the_desired_size(self) -> None:
        found = only(managed(group={"instances": instances([A, B, LOCAL]), "desired": 2}))
        loss = without(A, found)
        assert (loss.regrown.nodes, loss.surplus, loss.blocked_by) == (0, 1, ("desired reached (eks-web-0a1b2c3d)",))

    def test_nodes_in_a_zone_that_is_no_longer_configured_are_lost_with_it(self) -> None:
        found = only(over(1, 1, 1, subnets=(subnet(A), subnet(B))))
        assert [loss.lost.nodes for loss in found.losses] == [1, 1, 1]
        assert found.ideal == 2 / 3


class TestAddresses:
    def test_a_node_takes_what_its_like_are_seen_to_take_from_one_subnet(self) -> None:
        loss = without(A, only(over(3, 0, 0, **subnets(0, 19, 19))))
        assert loss.regrown.nodes == 2
        assert loss.blocked_by == (f"no address in subnet-{B}", f"no address in subnet-{C}")

    def test_the_lost_zones_own_addresses_help_nobody(self) -> None:
        assert without(A, only(over(1, 1, 1, **subnets(999, 9, 9)))).regrown.nodes == 0

    def test_groups_of_a_set_share_a_subnet(self) -> None:
        scarce = subnets(999, 15, 15)
        two = [
            managed(name, group={"instances": instances([A, A], first=first), "desired": 2, **scarce})
            for name, first in (("web", 1), ("api", 5))
        ]
        (found,) = drill(*two).sets
        assert without(A, found).lost.nodes == 4
        assert without(A, found).regrown.nodes == 2

    def test_sets_share_a_subnet_and_whoever_needs_less_is_served_first(self) -> None:
        scarce = subnets(999, 10, 10)
        web = managed("web", group={"instances": instances([A, A]), "desired": 2, **scarce})
        api = managed("api", labels=APART, group={"instances": instances([A], first=9), "desired": 1, **scarce})
        found = drill(web, api)
        assert {each.name: without(A, each).regrown.nodes for each in found.sets} == {"api": 1, "web": 1}
        assert without(A, found).regrown == nodes(2)
        assert without(A, found).blocked_by == (f"no address in subnet-{B}", f"no address in subnet-{C}")

    def test_what_is_served_first_gives_way_where_it_can(self) -> None:
        scarce = subnets(999, 10, 10)
        free = managed("api", labels=APART, group={"instances": instances([A]), "desired": 1, **scarce})
        tied = managed(
            "web",
            zones=[A, B],
            group={"instances": instances([A], first=9), "desired": 1, "subnets": scarce["subnets"][:2]},
        )
        assert without(A, drill(free, tied)).regrown.nodes == 2

    def test_what_may_not_be_launched_takes_none_from_another_set(self) -> None:
        scarce = subnets(30, 30, 30)["subnets"]

        def regrown(most: int) -> dict[str, int]:
            fixed = [
                managed(
                    f"fix-{zone[-1]}",
                    zones=[zone],
                    labels=APART,
                    group={
                        "instances": instances([zone] * 4, first=first),
                        "desired": 4,
                        "max_size": most,
                        "subnets": (scarce[ZONES.index(zone)],),
                    },
                )
                for zone, first in ((A, 100), (B, 200), (C, 300))
            ]
            found = drill(managed("web", size=15, group={"subnets": scarce}), *fixed)
            return {each.name: without(A, each).regrown.nodes for each in found.sets}

        assert regrown(4) == {"fix-1, fix-2, fix-3": 0, "web": 5}
        assert regrown(5) == {"fix-1, fix-2, fix-3": 2, "web": 4}
        assert regrown(8) == {"fix-1, fix-2, fix-3": 4, "web": 2}

    def test_an_ipv6_node_takes_one_address(self) -> None:
        six = cluster(ip_family="ipv6")
        assert without(A, only(over(2, 1, 0, **subnets(0, 1, 1)), cluster=six)).regrown.nodes == 2


def custom(*zones: str, prefixes: int = 2) -> tuple[Node, ...]:
    """Nodes under custom networking: their pods' addresses come from subnets of their own."""
    return tuple(
        node(
            number,
            zone,
            interfaces=(
                interface(zone, addresses=1),
                interface(subnet_id=f"pods-{zone[-1]}", primary=False, addresses=1, prefixes=prefixes),
            ),
        )
        for number, zone in enumerate(zones, start=1)
    )


def pods(*free: int) -> dict[str, Any]:
    """The VPC's subnets, those for pods with so many free addresses."""
    found = [replace(each, free_addresses=count) for each, count in zip(POD_SUBNETS, free, strict=True)]
    return {"vpc_subnets": (*(subnet(zone) for zone in ZONES), *found)}


class TestPodSubnets:
    def test_they_bind_beside_the_nodes_own(self) -> None:
        web = replace(over(2, 1, 1), nodes=custom(A, A, B, C))
        assert without(A, only(web, **pods(0, 33, 33))).regrown.nodes == 2
        loss = without(A, only(web, **pods(0, 33, 32)))
        assert (loss.regrown.nodes, loss.blocked_by) == (1, ("no address in pods-2", "no address in pods-3"))

    def test_both_addresses_must_be_in_one_zone(self) -> None:
        web = replace(over(2, 1, 1, **subnets(9, 0, 9)), nodes=custom(A, A, B, C))
        loss = without(A, only(web, **pods(0, 99, 0)))
        assert (loss.regrown.nodes, loss.blocked_by) == (0, ("no address in pods-3", f"no address in subnet-{B}"))

    def test_sets_share_them(self) -> None:
        web = replace(over(1, 1, 1), nodes=custom(A, B, C))
        api = replace(managed("api", labels=APART), nodes=custom(A, B, C))
        assert without(A, drill(web, api, **pods(0, 33, 0))).regrown.nodes == 1
        loss = without(A, drill(web, api, **pods(0, 33, 0)))
        assert loss.blocked_by == ("no address in pods-2", "no address in pods-3")
        assert without(A, drill(web, api, **pods(0, 66, 0))).regrown.nodes == 2

    def test_what_another_set_takes_of_them_is_not_made_up_in_a_zone_without_room_for_nodes(self) -> None:
        web = replace(over(1, 1, 1, **subnets(9, 9, 0)), nodes=custom(A, B, C))
        tied = managed("api", labels=APART, zones=[A, B], group={"instances": instances([A]), "desired": 1})
        loss = without(A, drill(web, replace(tied, nodes=custom(A)), **pods(0, 33, 99)))
        assert (loss.lost.nodes, loss.regrown.nodes) == (2, 1)

    def test_where_no_node_shows_them_only_the_nodes_own_bind(self) -> None:
        web = replace(over(2, 0, 0), nodes=custom(A, A))
        assert without(A, only(web, **pods(0, 0, 0))).regrown.nodes == 2
        api = replace(managed("api", labels=APART), nodes=custom(A, B, C))
        _, found = drill(web, api, **pods(0, 0, 0)).sets
        assert (found.name, without(A, found).regrown.nodes) == ("web", 0)

    def test_their_free_addresses_must_be_read(self) -> None:
        web = replace(over(1, 1, 1), nodes=custom(A, B, C))
        found = drill(web)
        assert found.sets == ()
        assert [each.resource for each in found.unreadable] == ["pods-1"]


def discovering(web: ManagedNodeGroup, *, own: int = 10, more: int = 20) -> ManagedNodeGroup:
    """Its nodes with pods in their own subnet and in a further one, which the VPC CNI discovered."""

    def held(zone: str) -> Any:  # noqa: ANN401  interfaces
        return interface(zone, addresses=own), interface(subnet_id=f"pods-{zone[-1]}", primary=False, addresses=more)

    return replace(web, nodes=tuple(replace(each, interfaces=held(each.zone_id)) for each in web.nodes))


class TestFurtherSubnets:
    @pytest.mark.parametrize(
        ("own", "further", "regrown", "blocked"),
        [
            (8, 1000, 2, ()),
            (1, 1000, 1, (f"no address in subnet-{B}",)),
            (0, 1000, 0, (f"no address in subnet-{B}",)),
            (1000, 0, 2, ()),
            (18, 12, 1, ("no address in pods-2", f"no address in subnet-{B}")),
            (17, 12, 0, ("no address in pods-2", f"no address in subnet-{B}")),
        ],
    )
    def test_they_have_what_the_nodes_own_lacks(
        self, own: int, further: int, regrown: int, blocked: tuple[str, ...]
    ) -> None:
        web = discovering(managed(zones=[A, B], size=4, group={"subnets": subnets(0, own, 0)["subnets"][:2]}))
        loss = without(A, drill(web, **pods(0, further, 0)))
        assert (loss.lost.nodes, loss.regrown.nodes, loss.blocked_by) == (2, regrown, blocked)

    def test_those_of_other_nodes_will_do(self) -> None:
        api = discovering(managed("api", labels=APART))
        assert without(A, drill(over(2, 2, 2, **subnets(0, 8, 8)), api, **pods(0, 99, 99)).sets[1]).regrown.nodes == 2

    def test_sets_share_them(self) -> None:
        web, api = (
            discovering(
                managed(
                    name,
                    zones=[A, B],
                    labels={"tier": f"of-{name}"},
                    group={
                        "instances": instances([A] * count, first=first),
                        "desired": count,
                        "subnets": subnets(0, 60, 0)["subnets"][:2],
                    },
                ),
                own=2,
                more=2,
            )
            for name, count, first in (("web", 12, 1), ("api", 9, 50))
        )
        found = drill(web, api, **pods(0, 0, 0))
        assert {each.name: without(A, each).regrown.nodes for each in found.sets} == {"api": 9, "web": 6}

    def test_their_free_addresses_must_be_read(self) -> None:
        assert [each.resource for each in drill(discovering(over(1, 1, 1))).unreadable] == ["pods-1"]


class TestGroupsBoundToZones:
    def test_the_others_grow_up_to_their_maximum_sizes(self) -> None:
        (found,) = drill(*bound({A: 3, B: 3, C: 3}, max_size=4)).sets
        loss = without(A, found)
        assert (loss.lost, loss.left, loss.regrown) == (nodes(3), nodes(6), nodes(2))
        assert loss.blocked_by == ("max size (eks-web-2-0a1b2c3d)", "max size (eks-web-3-0a1b2c3d)")

    def test_a_group_that_spans_has_room_for_one_that_does_not(self) -> None:
        tied = managed("tied", zones=[A], size=2)
        (found,) = drill(tied, over(1, 1, 1, max_size=4)).sets
        loss = without(A, found)
        assert (loss.lost.nodes, loss.regrown.nodes, loss.blocked_by) == (3, 2, ("max size (eks-web-0a1b2c3d)",))

    def test_one_that_spans_is_no_more_than_its_desired_size_for_itself(self) -> None:
        (found,) = drill(
            over(1, 1, 1, suspended=frozenset({"Launch"})), managed("roomy", size=0, group={"min_size": 0})
        ).sets
        assert without(A, found).regrown.nodes == 0

    def test_a_type_that_is_not_offered(self) -> None:
        offered = {"m7i.large": frozenset({A, B})}
        (found,) = drill(*bound({A: 2, B: 2, C: 2}, max_size=3), offered_zones=offered).sets
        loss = without(A, found)
        assert loss.regrown.nodes == 1
        assert loss.blocked_by == ("max size (eks-web-2-0a1b2c3d)", f"type m7i.large not offered in {C}")

    def test_one_offered_type_is_enough(self) -> None:
        both = launch(instance_types=("m7i.large", "m6i.large"))
        types = {name: instance_type(name) for name in both.instance_types}
        offered = {"m7i.large": frozenset({A}), "m6i.large": frozenset({A, B})}
        found = only(over(2, 0, 0, launch=both), offered_zones=offered, instance_types=types)
        assert without(A, found).regrown.nodes == 2
        none = only(
            over(2, 0, 0, launch=both), offered_zones=dict.fromkeys(types, frozenset({A})), instance_types=types
        )
        expected = tuple(f"types of eks-web-0a1b2c3d not offered in {zone}" for zone in (B, C))
        assert without(A, none).blocked_by == expected

    def test_another_that_cannot_launch_is_no_help(self) -> None:
        (first,) = bound({A: 2})
        (stopped,) = bound({B: 2}, suspended=frozenset({"Launch"}))
        (found,) = drill(first, stopped).sets
        assert without(A, found).blocked_by == ("Launch suspended (eks-web-2-0a1b2c3d)",)
        failed = managed("odd", zones=[C], size=0, status="CREATE_FAILED", group={"min_size": 0})
        (found,) = drill(first, failed).sets
        assert without(A, found).blocked_by == ("odd is CREATE_FAILED",)


class TestRealTypes:
    def test_each_node_counts_with_its_own(self) -> None:
        large, huge = instance_type(), instance_type("m7i.48xlarge", vcpus=192, memory_mib=786432)
        web = over(2, 1, 1, desired=3)
        mixed = replace(web, nodes=(replace(web.nodes[0], instance_type=huge.name), *web.nodes[1:]))
        loss = without(A, only(mixed, instance_types={each.name: each for each in (large, huge)}))
        assert loss.lost == Amount(nodes=2, vcpus=194, memory_mib=8192 + 786432)
        assert loss.regrown == nodes(1)

    @pytest.mark.parametrize("types", [{}, {"odd.large": gap()}])
    def test_an_unknown_type_is_no_zero(self, types: dict[str, Any]) -> None:
        web = over(1, 1, 1)
        odd = replace(web, nodes=(replace(web.nodes[0], instance_type="odd.large"), *web.nodes[1:]))
        read = snapshot(odd, managed("api", labels=APART), instance_types={"m7i.large": instance_type()} | types)
        spread = Spread.of(read)
        found = Drill.of(read, spread)
        assert [each.name for each in found.sets] == ["api"]
        assert found.totals[0].lost == nodes(1)
        assert len(found.unreadable) == 1
        hidden = next(each for each in spread.sets if each.name == "web")
        with pytest.raises(UnreadableError):
            found.of_set(hidden)

    def test_an_instance_that_was_not_described_is_no_zero(self) -> None:
        assert drill(replace(over(1, 1, 1), nodes=())).unreadable[0].action == "ec2:DescribeInstances"

    @pytest.mark.parametrize(
        "deviation", [{"groups": gap()}, {"group": {"subnets": gap()}}, {"group": {"launch": gap()}}]
    )
    def test_what_was_not_read_is_in_no_number(self, deviation: dict[str, Any]) -> None:
        found = drill(managed(**deviation))
        assert (found.sets, found.totals, found.unreadable) == ((), (), (gap(),))

    @pytest.mark.parametrize("offered", [{}, {"m7i.large": gap()}])
    def test_where_a_type_is_offered_must_be_read(self, offered: dict[str, Any]) -> None:
        assert len(drill(offered_zones=offered).unreadable) == 1
        assert drill(managed(size=0), offered_zones=offered).unreadable == ()

    def test_kinds_that_were_not_listed_whole_are_told(self) -> None:
        complete = {**snapshot().complete, "karpenter": False}
        assert [each.action for each in drill(complete=complete).unreadable] == ["ec2:DescribeInstances"]


class TestPools:
    def test_karpenter_launches_where_its_nodes_are_seen(self) -> None:
        pool = node_pool(nodes=(node(1, A), node(2, A), node(3, B)))
        full = (subnet(A), subnet(B, free_addresses=19), subnet(C))
        loss = without(A, only(pool, vpc_subnets=full))
        assert (loss.regrown.nodes, loss.blocked_by) == (1, (f"no address in subnet-{B}",))
        assert without(A, only(pool)).regrown.nodes == 2

    def test_auto_mode_launches_in_the_clusters_subnets_too(self) -> None:
        pool = node_pool(kind="auto-mode", nodes=(node(1, A), node(2, A)))
        found = only(pool, cluster=cluster(auto_mode=True))
        assert (found.judged, without(A, found).regrown.nodes, found.ideal) == (True, 2, 1 / 2)

    def test_karpenter_in_one_zone_cannot_be_judged(self) -> None:
        found = only(node_pool(nodes=(node(1, A),)))
        assert found.note == UNSEEN_ZONES
        assert without(A, found).blocked_by == ("no other zone seen (default)",)

    @pytest.mark.parametrize("seen", [gap(), (subnet(A),)])
    def test_subnets_must_be_read(self, seen: Any) -> None:  # noqa: ANN401  subnets or a gap
        assert drill(node_pool(), vpc_subnets=seen).sets == ()


class TestListedButNotJudged:
    @pytest.mark.parametrize(
        ("capacities", "note"),
        [
            ((managed(group={"min_size": 0}),), "minimum size 0"),
            ((managed(size=0),), "no nodes"),
            ((managed(zones=[A]),), "one zone"),
            ((managed(zones=[A, LOCAL], group={"instances": instances([A])}),), "one zone"),
            ((*bound({A: 1}), managed("web-2", zones=[B], size=0, group={"min_size": 0, "max_size": 0})), "one zone"),
            ((managed(status="UPDATING"),), "UPDATING"),
            ((managed(group={"refresh": gap()}),), "not known"),
            ((fargate(),), "Fargate"),
            ((standalone(),), "no group"),
            ((self_managed(labels=gap()),), "siblings are not known"),
        ],
    )
    def test_the_note_says_why(self, capacities: Sequence[Any], note: str) -> None:
        found = only(*capacities)
        assert not found.judged
        assert note in (found.note or "")

    def test_an_outpost_is_one_place(self) -> None:
        assert "Outpost" in (only(managed(), cluster=cluster(outpost=True)).note or "")

    def test_one_that_wants_a_node_at_least_is_enough_to_be_judged(self) -> None:
        (found,) = drill(*bound({A: 1}), *bound({B: 1, C: 1}, min_size=0)).sets
        assert found.judged

    def test_they_are_in_the_sum(self) -> None:
        alone: StandaloneNodes = standalone(nodes=(node(50, A),))
        found = drill(managed(group={"min_size": 0}), alone, self_managed(labels=gap(), size=3), fargate())
        assert [each.name for each in found.sets] == ["batch", "serverless", "standalone", "web"]
        assert without(A, found) == Loss(A, nodes(3), nodes(4), nodes(2), ("nothing launches them again",))
        assert [each.siblings is None for each in found.sets] == [True, True, True, False]


@pytest.mark.parametrize("shared", [False, True], ids=["own subnets", "shared and scarce subnets"])
def test_the_work_grows_no_faster_than_the_fleet(monkeypatch: pytest.MonkeyPatch, *, shared: bool) -> None:
    walked = 0
    steps = Network._steps  # noqa: SLF001  it counts what is walked

    def counted(*of: Any, **how: Any) -> dict[Any, Any]:  # noqa: ANN401  whatever it is called with
        nonlocal walked
        found = steps(*of, **how)
        walked += len(found)
        return found

    monkeypatch.setattr(Network, "_steps", counted)

    def work(count: int) -> int:
        nonlocal walked
        walked = 0
        groups = [
            managed(
                f"g-{number}",
                labels={"team": str(number)},
                group={
                    "instances": instances(ZONES, first=1 + 10 * number),
                    "subnets": tuple(
                        subnet(zone, id=f"{zone}-{number % (count // 5) if shared else number}", free_addresses=20)
                        for zone in ZONES
                    ),
                },
            )
            for number in range(count)
        ]
        drill(*groups)
        return walked

    assert work(80) < 2.5 * work(40)


def test_nodes_of_a_pool_without_interfaces_are_not_dropped() -> None:
    bare = node(3, B, interfaces=())
    assert without(A, only(node_pool(nodes=(node(1, A), node(2, B), bare)))).left.nodes == 2
    hidden = drill(node_pool(nodes=(node(1, A), node(2, C), bare)))
    assert (hidden.sets, [each.resource for each in hidden.unreadable]) == ((), [bare.id])


def test_only_the_zones_asked_for() -> None:
    found = drill(managed(), zones=[C, A])
    assert found.zones == (A, C)
    assert [loss.zone_id for loss in found.totals] == [loss.zone_id for loss in found.sets[0].losses] == [A, C]


def test_the_sum_counts_what_is_left_of_sets_that_lose_nothing() -> None:
    found = drill(managed("web", zones=[A, B], size=2), managed("api", zones=[C], size=1, labels=APART))
    assert [(loss.zone_id, loss.lost.nodes, loss.left.nodes) for loss in found.totals] == [
        (A, 1, 2),
        (B, 1, 2),
        (C, 1, 2),
    ]


def test_each_set_has_its_part() -> None:
    read = snapshot(*bound({A: 3, B: 3}, max_size=4), managed("api", labels=APART), node_pool(), standalone())
    spread = Spread.of(read)
    found = Drill.of(read, spread)
    assert {found.of_set(each).name for each in spread.sets} == {"api", "default", "web-1, web-2"}
