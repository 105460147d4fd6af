from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.checks import zones as checks
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import FailedLaunch, ManagedNodeGroup, NodePool, SelfManagedGroup
from eks_auditor.model.finding import Finding
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Status
from tests.builders import (
    NOW,
    ZONES,
    cluster,
    fargate,
    gap,
    instance_type,
    instances,
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
MINUTE = timedelta(minutes=1)
EVERY = (checks.data_plane_in_too_few_zones, checks.group_pinned_to_one_zone, checks.nodes_unevenly_spread)


def reach(read: Snapshot) -> Finding:
    (finding,) = judge(read, [checks.data_plane_in_too_few_zones])
    return finding


def pinned(read: Snapshot, name: str = "web") -> Finding:
    return next(f for f in judge(read, [checks.group_pinned_to_one_zone]) if f.subject.name == name)


def spread(*capacities: Any, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    """The finding of the one sibling set."""
    findings = judge(snapshot(*capacities, **deviations), [checks.nodes_unevenly_spread])
    (finding,) = (f for f in findings if f.subject.kind == "sibling-set")
    return finding


def word(finding: Finding) -> str:
    return finding.severity.name if finding.status is Status.FAILED else finding.status.name


def bound(counts: Mapping[str, int], **group: Any) -> list[ManagedNodeGroup]:  # noqa: ANN401  any field of a group
    """A group for each zone."""
    return [managed(f"web-{zone[-1]}", zones=[zone], size=size, group=group) for zone, size in counts.items()]


def over(*counts: int, build: Any = managed, **group: Any) -> Any:  # noqa: ANN401  a builder, and its product
    """One group over as many zones."""
    found = [zone for zone, count in zip(ZONES, counts, strict=False) for _ in range(count)]
    own = {"instances": instances(found), "desired": len(found), "max_size": 99} | group
    return build(zones=ZONES[: len(counts)], group=own)


class TestZone001:
    @pytest.mark.parametrize(
        ("zones", "expected"), [(ZONES, "PASSED"), ((A, B), "LOW"), ((A,), "CRITICAL"), ((A, LOCAL), "CRITICAL")]
    )
    @pytest.mark.parametrize("build", [managed, self_managed])
    def test_groups_reach_the_zones_of_their_subnets(self, build: Any, zones: Sequence[str], expected: str) -> None:  # noqa: ANN401  a builder
        assert word(reach(snapshot(build(zones=zones)))) == expected

    def test_the_reason_names_the_zones_and_those_that_do_not_count(self) -> None:
        finding = reach(snapshot(managed(zones=[A, LOCAL])))
        assert finding.reason == f"EC2 capacity is in 1 Availability Zone: {A}; not counted: {LOCAL}"
        assert {fix.tool for fix in finding.fix} == {"aws", "eksctl", "terraform", "cloudformation"}

    def test_two_zones_are_enough_where_the_vpc_has_no_third_of_their_kind(self) -> None:
        group = managed(zones=[A, B])
        public = (subnet(A), subnet(B), subnet(C, public=True))
        assert word(reach(snapshot(group, vpc_subnets=public))) == "PASSED"
        assert word(reach(snapshot(group, vpc_subnets=(*public, subnet(LOCAL))))) == "PASSED"
        assert word(reach(snapshot(group, vpc_subnets=gap()))) == "UNKNOWN"
        mixed = managed(group={"subnets": (subnet(A), subnet(B, public=True))})
        assert word(reach(snapshot(mixed, vpc_subnets=public))) == "LOW"

    def test_a_second_group_adds_its_zones(self) -> None:
        assert word(reach(snapshot(managed(zones=[A, B]), self_managed(zones=[C])))) == "PASSED"

    def test_a_group_that_may_launch_nothing_adds_none(self) -> None:
        never = self_managed(zones=[C], size=0, group={"min_size": 0, "max_size": 0})
        assert word(reach(snapshot(managed(zones=[A]), never))) == "CRITICAL"

    @pytest.mark.parametrize(
        "closed",
        [
            {"status": "DELETING"},
            {"status": "CREATE_FAILED", "group": {"instances": ()}},
            {"group": {"suspended": frozenset({"Launch"})}},
        ],
    )
    def test_a_group_that_cannot_launch_adds_none(self, closed: dict[str, Any]) -> None:
        assert word(reach(snapshot(managed(zones=[A]), managed("odd", zones=[B, C], **closed)))) == "CRITICAL"

    def test_a_failed_group_with_nodes_and_one_without_rebalancing_count(self) -> None:
        degraded = managed("odd", zones=[B, C], status="DELETE_FAILED", group={"suspended": frozenset({"AZRebalance"})})
        assert word(reach(snapshot(managed(zones=[A]), degraded))) == "PASSED"

    def test_where_nothing_can_launch_the_nodes_that_run_count(self) -> None:
        suspended = {"suspended": frozenset({"Launch"})}
        assert word(reach(snapshot(managed(zones=[A], group=suspended)))) == "CRITICAL"
        assert word(reach(snapshot(managed(group=suspended)))) == "PASSED"

    @pytest.mark.parametrize("zones", [(A,), (A, B), ZONES])
    @pytest.mark.parametrize(("build", "one"), [(node_pool, "LOW"), (standalone, "CRITICAL")])
    def test_karpenter_and_standalone_nodes_count_where_they_run(
        self,
        build: Any,  # noqa: ANN401  a builder
        one: str,
        zones: Sequence[str],
    ) -> None:
        nodes = build(nodes=tuple(node(n, zone) for n, zone in enumerate(zones)))
        assert word(reach(snapshot(nodes))) == {1: one, 2: "LOW", 3: "PASSED"}[len(zones)]

    def test_where_karpenter_happens_to_run_is_confirmed_and_low(self) -> None:
        pool = node_pool(nodes=(node(1, A), node(2, A)))
        finding = reach(snapshot(managed(zones=[A]), pool))
        assert (word(finding), finding.confirm) == ("LOW", True)
        assert "the subnets of its NodeClass are not visible" in finding.reason
        assert word(pinned(snapshot(managed(zones=[A]), pool))) == "HIGH"
        assert not reach(snapshot(managed(zones=[A]))).confirm

    def test_auto_mode_reaches_the_clusters_subnets(self) -> None:
        auto = cluster(auto_mode=True)
        nodes = node_pool(kind="auto-mode", nodes=(node(1, A),))
        assert word(reach(snapshot(nodes, cluster=auto))) == "PASSED"
        assert word(reach(snapshot(nodes, cluster=replace(auto, subnet_ids=(subnet(A).id,))))) == "CRITICAL"
        assert word(reach(snapshot(nodes, cluster=auto, vpc_subnets=gap()))) == "UNKNOWN"

    def test_fargate_counts_where_there_is_no_ec2_capacity(self) -> None:
        one = fargate(subnets=(subnet(A),))
        assert word(reach(snapshot(fargate()))) == "PASSED"
        finding = reach(snapshot(one))
        assert word(finding) == "CRITICAL"
        assert "create-fargate-profile" in finding.fix[0].command
        assert word(reach(snapshot(one, managed()))) == "PASSED"
        assert word(reach(snapshot(fargate(), managed(zones=[A])))) == "CRITICAL"

    def test_nothing_to_judge(self) -> None:
        bare = replace(snapshot(), capacities=())
        assert word(reach(bare)) == "NOT_APPLICABLE"
        assert word(reach(snapshot(managed(zones=[A]), cluster=cluster(outpost=True)))) == "NOT_APPLICABLE"

    @pytest.mark.parametrize(
        "hidden", [managed("odd", groups=gap()), self_managed("odd", group={"subnets": gap("ec2:DescribeSubnets")})]
    )
    def test_a_gap_matters_only_where_it_could_mend(self, hidden: SelfManagedGroup) -> None:
        assert word(reach(snapshot(managed(), hidden))) == "PASSED"
        assert word(reach(snapshot(managed(zones=[A, B]), hidden))) == "UNKNOWN"
        assert word(reach(snapshot(hidden))) == "UNKNOWN"

    @pytest.mark.parametrize("kind", ["managed", "self-managed", "karpenter", "auto-mode", "standalone"])
    def test_an_incomplete_kind_may_reach_further(self, kind: str) -> None:
        complete = dict(snapshot().complete) | {kind: False}
        assert word(reach(snapshot(managed(zones=[A]), complete=complete))) == "UNKNOWN"
        assert word(reach(snapshot(fargate(subnets=(subnet(A),)), complete=complete))) == "UNKNOWN"
        assert word(reach(snapshot(managed(), complete=complete))) == "PASSED"

    def test_what_has_no_place_yet_is_waited_for(self) -> None:
        creating = managed(status="CREATING", groups=(), nodes=())
        assert reach(snapshot(creating)).settling
        fresh = node_pool(nodes=(node(1, A, launched_at=NOW - MINUTE),))
        assert reach(snapshot(fresh)).settling
        assert reach(snapshot(fresh)).due_at == NOW + 59 * MINUTE
        assert word(reach(snapshot(managed(zones=[A], status="UPDATING")))) == "CRITICAL"


class TestZone002:
    @pytest.mark.parametrize("build", [managed, self_managed])
    def test_a_group_in_one_zone_without_siblings(self, build: Any) -> None:  # noqa: ANN401  a builder
        finding = pinned(snapshot(build("web", zones=[A])))
        assert word(finding) == "HIGH"
        assert A in finding.reason
        assert finding.fix[0].tool == "aws"

    def test_the_fix_names_the_groups_own_subnets(self) -> None:
        finding = pinned(snapshot(self_managed("odd; rm -rf", zones=[A])), "odd; rm -rf")
        assert f"--vpc-zone-identifier subnet-{A},SUBNET" in finding.fix[0].command
        assert "--auto-scaling-group-name 'odd; rm -rf'" in finding.fix[0].command

    def test_a_group_over_zones_passes(self) -> None:
        assert word(pinned(snapshot(managed(zones=[A, B])))) == "PASSED"

    def test_one_group_per_zone_is_the_recommended_layout(self) -> None:
        read = snapshot(*bound({A: 2, B: 2, C: 2}))
        words = {word(f) for f in judge(read, [checks.group_pinned_to_one_zone])}
        assert words == {"PASSED"}

    def test_siblings_in_the_same_zone_are_no_help(self) -> None:
        read = snapshot(managed("web", zones=[A]), managed("web-2", zones=[A]), managed("db", labels={"a": "b"}))
        assert word(pinned(read)) == "HIGH"

    def test_spot_groups_in_other_zones_are_no_siblings_of_an_on_demand_group(self) -> None:
        read = snapshot(managed("web", zones=[A]), managed("spot", zones=[B, C], capacity_type="SPOT"))
        assert word(pinned(read)) == "HIGH"
        assert word(pinned(read, "spot")) == "PASSED"

    @pytest.mark.parametrize(
        "closed",
        [
            {"status": "DELETING"},
            {"status": "CREATE_FAILED", "group": {"instances": ()}},
            {"group": {"min_size": 0, "max_size": 0, "instances": ()}},
            {"group": {"suspended": frozenset({"Launch"})}},
        ],
    )
    def test_siblings_that_cannot_launch_are_no_help(self, closed: dict[str, Any]) -> None:
        assert word(pinned(snapshot(managed(zones=[A]), managed("odd", zones=[B], **closed)))) == "HIGH"
        assert word(pinned(snapshot(managed(zones=[A]), managed("odd", zones=[B])))) == "PASSED"

    def test_a_group_that_cannot_launch_is_helped_by_its_siblings(self) -> None:
        still = managed(zones=[A], group={"suspended": frozenset({"Launch"})})
        assert word(pinned(snapshot(still, managed("odd", zones=[B])))) == "PASSED"

    def test_accelerated_groups_are_medium(self) -> None:
        types = {"m7i.large": instance_type(accelerators=1)}
        assert word(pinned(snapshot(managed(zones=[A]), instance_types=types))) == "MEDIUM"

    @pytest.mark.parametrize(
        ("group", "reason"),
        [
            ({"launch": launch(pins=("a cluster placement group", "EFA"))}, "EFA, a cluster placement group"),
            ({"max_size": 1}, "never has more than one node"),
        ],
    )
    def test_a_reason_makes_it_informational(self, group: dict[str, Any], reason: str) -> None:
        finding = pinned(snapshot(managed(zones=[A], group=group)))
        assert word(finding) == "INFORMATIONAL"
        assert reason in finding.reason

    @pytest.mark.parametrize(
        ("offered", "expected"),
        [
            ({"m7i.large": frozenset({A}), "b": frozenset({A})}, "INFORMATIONAL"),
            ({"m7i.large": frozenset({A}), "b": frozenset({B})}, "HIGH"),
            ({"m7i.large": frozenset({A})}, "UNKNOWN"),
            ({"m7i.large": gap(), "b": frozenset({A})}, "UNKNOWN"),
        ],
    )
    def test_types_that_one_zone_only_offers(self, offered: dict[str, Any], expected: str) -> None:
        group = managed(zones=[A], group={"launch": launch(instance_types=("m7i.large", "b"))})
        assert word(pinned(snapshot(group, offered_zones=offered))) == expected

    def test_what_cannot_be_seen_is_unknown(self) -> None:
        assert word(pinned(snapshot(node_pool("web")))) == "UNKNOWN"
        assert word(pinned(snapshot(node_pool("web", kind="auto-mode")))) == "UNKNOWN"
        assert word(pinned(snapshot(self_managed("web", zones=[A], labels=gap())))) == "UNKNOWN"
        assert word(pinned(snapshot(managed(group={"subnets": gap()})))) == "UNKNOWN"
        assert word(pinned(snapshot(managed(groups=gap())))) == "UNKNOWN"

    def test_hidden_labels_do_not_matter_to_a_group_over_zones(self) -> None:
        assert word(pinned(snapshot(self_managed("web", labels=gap())))) == "PASSED"

    def test_what_may_be_a_sibling_is_not_called_absent(self) -> None:
        group = managed(zones=[A])
        assert word(pinned(snapshot(group, self_managed(zones=[B], labels=gap())))) == "UNKNOWN"
        assert word(pinned(snapshot(group, managed("web-2", groups=gap())))) == "UNKNOWN"
        assert word(pinned(snapshot(group, managed("web-2", group={"subnets": gap()})))) == "UNKNOWN"
        incomplete = {**snapshot().complete, "managed": False}
        assert word(pinned(snapshot(group, complete=incomplete))) == "UNKNOWN"
        unlike = managed("web-2", groups=gap(), labels={"tier": "db"})
        assert word(pinned(snapshot(group, unlike))) == "HIGH"

    def test_not_applicable(self) -> None:
        assert word(pinned(snapshot(managed(zones=[A]), cluster=cluster(outpost=True)))) == "NOT_APPLICABLE"
        assert word(pinned(snapshot(managed(status="CREATE_FAILED", groups=())))) == "NOT_APPLICABLE"
        assert word(pinned(snapshot(managed(zones=[LOCAL])))) == "NOT_APPLICABLE"

    def test_an_update_is_waited_for(self) -> None:
        assert pinned(snapshot(managed(zones=[A], status="UPDATING"))).settling
        settles = pinned(snapshot(managed(zones=[A], modified_at=NOW - MINUTE)))
        assert settles.settling
        assert settles.due_at == NOW + 29 * MINUTE


class TestZone003:
    @pytest.mark.parametrize("zones", range(1, 7))
    def test_an_optimal_spread_never_fails(self, zones: int) -> None:
        ids = [f"euw1-az{n + 1}" for n in range(zones)]
        for nodes in range(1, 61):
            shares = {zone: nodes // zones + (n < nodes % zones) for n, zone in enumerate(ids)}
            expected = "PASSED" if zones > 1 else "NOT_APPLICABLE"
            assert word(spread(managed(zones=ids, size=nodes))) == expected
            assert word(spread(*bound(shares))) == expected

    @pytest.mark.parametrize(
        ("counts", "expected"),
        [
            ((1, 1, 0), "PASSED"),
            ((2, 1, 0), "MEDIUM"),
            ((0, 0, 0), "PASSED"),
            ((4, 2, 2), "MEDIUM"),
            ((3, 2, 2), "PASSED"),
            ((12, 10, 10), "PASSED"),
        ],
    )
    @pytest.mark.parametrize("build", [managed, self_managed])
    def test_one_group(self, build: Any, counts: tuple[int, ...], expected: str) -> None:  # noqa: ANN401  a builder
        assert word(spread(over(*counts, build=build))) == expected

    @pytest.mark.parametrize(
        ("counts", "expected"),
        [
            ((3, 3, 3), "PASSED"),
            ((6, 4, 3), "PASSED"),
            ((8, 2, 2), "LOW"),
            ((6, 3, 3), "PASSED"),
            ((7, 4, 1), "PASSED"),
        ],
    )
    def test_several_groups_are_given_more(self, counts: tuple[int, ...], expected: str) -> None:
        assert word(spread(*bound(dict(zip(ZONES, counts, strict=True))))) == expected

    def test_a_group_that_is_not_rebalanced_is_given_more_too(self) -> None:
        still = frozenset({"AZRebalance"})
        assert word(spread(over(13, 11, 10))) == "MEDIUM"
        assert word(spread(over(13, 11, 10, suspended=still))) == "PASSED"
        finding = spread(over(8, 2, 2, suspended=still))
        assert word(finding) == "MEDIUM"
        assert "AZRebalance of eks-web-0a1b2c3d is suspended" in finding.reason
        resume = "aws autoscaling resume-processes --region eu-west-1 --auto-scaling-group-name eks-web-0a1b2c3d"
        assert finding.fix[0].command == f"{resume} --scaling-processes AZRebalance"

    def test_an_empty_zone_is_high_when_launches_failed_there(self) -> None:
        def failing(zone: str | None) -> Finding:
            message = "We currently do not have\nsufficient m7i.large capacity"
            return spread(over(2, 1, 0, failed_launches=(FailedLaunch(zone_id=zone, at=NOW, message=message),)))

        assert word(failing(C)) == "HIGH"
        assert "do not have sufficient m7i.large" in failing(C).reason
        assert word(failing(A)) == "MEDIUM"
        assert word(failing(None)) == "MEDIUM"
        assert word(spread(over(2, 1, 0, failed_launches=gap()))) == "UNKNOWN"

    def test_an_empty_zone_is_high_when_its_own_group_wants_nodes(self) -> None:
        empty = managed("web-3", zones=[C], size=0, group={"min_size": 0, "max_size": 9, "desired": 2})
        assert word(spread(*bound({A: 2, B: 2}), empty)) == "HIGH"

    def test_of_many_siblings_the_first_are_named(self) -> None:
        many = [managed(f"web-{n}", zones=[A], size=2) for n in range(40)]
        told = str(spread(*many, *bound({B: 1, C: 1})).evidence["siblings"])
        assert told.endswith(" and 39 more")

    def test_a_zone_scaled_to_zero_is_informational(self) -> None:
        finding = spread(*bound({A: 6, B: 6, C: 0}))
        assert word(finding) == "INFORMATIONAL"
        assert "scaled to zero" in finding.reason
        assert word(spread(*bound({A: 10, B: 2, C: 0}))) == "LOW"

    @pytest.mark.parametrize(
        ("group", "deviation", "cause"),
        [
            ({"suspended": frozenset({"Launch"})}, {}, "Launch of eks-web-0a1b2c3d is suspended"),
            ({"subnets": (subnet(A), subnet(B), subnet(C, free_addresses=3))}, {}, "has 3 free addresses"),
            ({}, {"offered_zones": {"m7i.large": frozenset({A, B})}}, "offers none of the instance types"),
            ({}, {"offered_zones": {"m7i.large": gap()}}, "cause: none is visible"),
            ({"launch": gap()}, {"offered_zones": {}}, "ec2:DescribeImages"),
        ],
    )
    def test_the_reason_names_the_visible_cause(
        self, group: dict[str, Any], deviation: dict[str, Any], cause: str
    ) -> None:
        findings = judge(snapshot(over(2, 1, 0, **group), **deviation), [checks.nodes_unevenly_spread])
        assert any(cause in finding.reason for finding in findings)

    def test_it_counts_once_confirmed_and_has_a_fix(self) -> None:
        finding = spread(over(2, 1, 0))
        assert finding.confirm
        assert f"nodes by zone: {A}: 2, {B}: 1, {C}: 0" in finding.reason
        assert any(fix.tool == "aws" and C in fix.command for fix in finding.fix)
        assert not spread(over(1, 1, 1)).confirm

    def test_a_pool_may_have_an_empty_zone(self) -> None:
        def pool(*zones: str) -> NodePool:
            return node_pool(nodes=tuple(node(n, zone) for n, zone in enumerate(zones)))

        finding = spread(pool(A, A, B))
        assert word(finding) == "INFORMATIONAL"
        assert any(fix.tool == "aws" for fix in finding.fix)
        assert word(spread(pool(A, B))) == "PASSED"
        assert word(spread(pool(*[A] * 9, B, C))) == "PASSED"
        assert word(spread(pool(A, A, A), vpc_subnets=gap())) == "UNKNOWN"
        assert word(spread(pool(A, A), vpc_subnets=(subnet(A),))) == "NOT_APPLICABLE"

    def test_a_group_in_no_set_is_unknown_and_one_in_a_set_is_judged_there(self) -> None:
        hidden = self_managed(labels=gap())
        findings = judge(snapshot(managed(), hidden), [checks.nodes_unevenly_spread])
        assert {(f.subject.kind, word(f)) for f in findings} == {
            ("managed", "NOT_APPLICABLE"),
            ("self-managed", "UNKNOWN"),
            ("sibling-set", "PASSED"),
        }

    def test_what_may_be_a_sibling_may_fill_the_zone(self) -> None:
        assert word(spread(over(2, 1, 0), self_managed(labels=gap()))) == "UNKNOWN"
        incomplete = {**snapshot().complete, "self-managed": False}
        assert word(spread(over(2, 1, 0), complete=incomplete)) == "UNKNOWN"
        assert word(spread(over(1, 1, 1), complete=incomplete)) == "PASSED"

    def test_an_update_of_one_member_is_waited_for(self) -> None:
        calm, moving = bound({A: 9, B: 1})
        finding = spread(calm, replace(moving, status="UPDATING"))
        assert finding.settling
        assert finding.due_at is None
        late = replace(calm, modified_at=NOW - 5 * MINUTE)
        assert spread(late, replace(moving, modified_at=NOW - 9 * MINUTE)).due_at == NOW + 25 * MINUTE
        assert spread(over(2, 1, 0, refresh="InProgress")).settling
        assert word(spread(over(2, 1, 0, refresh=gap()))) == "UNKNOWN"

    def test_a_zonal_shift_is_waited_for(self) -> None:
        shifted = over(2, 1, 0, suspended=frozenset({"AZRebalance"}))
        finding = spread(shifted, cluster=cluster(zonal_shift=True))
        assert finding.settling
        assert "a zonal shift seems to be active" in finding.reason

    def test_a_group_that_eks_does_not_shift_may_be_shifted_by_hand(self) -> None:
        still = over(8, 2, 2, build=self_managed, suspended=frozenset({"AZRebalance"}))
        finding = spread(still, cluster=cluster(zonal_shift=True))
        assert word(finding) == "MEDIUM"
        assert "AZRebalance of batch is suspended, by hand or by a zonal shift" in finding.reason

    def test_not_applicable(self) -> None:
        assert word(spread(over(2, 1, 0), cluster=cluster(outpost=True))) == "NOT_APPLICABLE"
        assert word(spread(managed(zones=[A]))) == "NOT_APPLICABLE"


@given(st.randoms(use_true_random=False))
def test_the_order_of_capacities_never_changes_a_word(random: Random) -> None:
    capacities = [
        *bound({A: 6, B: 1, C: 0}),
        over(2, 1, 0, build=self_managed),
        self_managed("hidden", labels=gap()),
        managed("broken", groups=gap("autoscaling:DescribeAutoScalingGroups")),
        managed("db", zones=[A], labels={"tier": "db"}),
        node_pool(nodes=(node(1, A), node(2, A), node(3, A))),
        fargate(subnets=gap()),
        standalone(),
    ]
    expected = judge(snapshot(*capacities), EVERY)
    random.shuffle(capacities)
    assert judge(snapshot(*capacities), EVERY) == expected


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(snapshot(*bound({A: 2, B: 2, C: 2})), id="eksctl, a group per zone"),
        pytest.param(snapshot(*bound({A: 1, B: 1, C: 1}), managed("system", size=2)), id="and one for the system"),
        pytest.param(snapshot(managed("default", size=2)), id="terraform-aws-eks"),
        pytest.param(snapshot(fargate("default"), fargate("system")), id="Fargate only"),
        pytest.param(
            snapshot(
                node_pool("general-purpose", kind="auto-mode", nodes=(node(1, A), node(2, A), node(3, B))),
                node_pool("system", kind="auto-mode", nodes=(node(4, A),)),
                cluster=cluster(auto_mode=True),
            ),
            id="Auto Mode only",
        ),
        pytest.param(
            snapshot(managed("bootstrap", size=2), node_pool(nodes=tuple(node(n, A) for n in range(9)))),
            id="Karpenter and a bootstrap group",
        ),
    ],
)
def test_recommended_layouts_are_not_blamed(read: Snapshot) -> None:
    failed = [f for f in judge(read, EVERY) if f.status is Status.FAILED]
    assert [f.reason for f in failed if f.severity > Severity.LOW] == []
