from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.checks.survival import cannot_survive_the_loss_of_a_zone
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import ManagedNodeGroup
from eks_auditor.model.cluster import Subnet
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Status
from tests.builders import (
    NOW,
    ZONES,
    cluster,
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
    subnet,
)

A, B, C = ZONES
MINUTE = timedelta(minutes=1)
SIZES = ((A, 8), (B, 2))
FULL = tuple(subnet(zone, free_addresses=9) for zone in ZONES)
INCOMPLETE = {**snapshot().complete, "self-managed": False}


def survival(*capacities: Any, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    """The finding of the one sibling set."""
    findings = judge(snapshot(*capacities, **deviations), [cannot_survive_the_loss_of_a_zone])
    (finding,) = (each for each in findings if each.subject.kind == "sibling-set")
    return finding


def word(finding: Finding) -> str:
    return finding.severity.name if finding.status is Status.FAILED else finding.status.name


def over(*counts: int, **group: Any) -> ManagedNodeGroup:  # noqa: ANN401  any field of a group
    """One group over as many zones."""
    found = [zone for zone, count in zip(ZONES, counts, strict=False) for _ in range(count)]
    own = {"instances": instances(found), "desired": len(found), "max_size": 99} | group
    return managed(zones=ZONES[: len(counts)], group=own)


def bound(counts: Mapping[str, int], **group: Any) -> list[ManagedNodeGroup]:  # noqa: ANN401  any field of a group
    """A group for each zone."""
    return [managed(f"web-{zone[-1]}", zones=[zone], size=size, group=group) for zone, size in counts.items()]


@pytest.mark.parametrize(
    ("counts", "full", "expected"),
    [
        ((2, 2, 2), (), "PASSED"),
        ((2, 2, 2), FULL, "MEDIUM"),
        ((5, 1, 0), (), "MEDIUM"),
        ((5, 1, 0), FULL, "HIGH"),
        ((6, 0, 0), (), "MEDIUM"),
        ((6, 0, 0), FULL, "CRITICAL"),
        ((6, 0, 0), (*FULL[:2], subnet(C, free_addresses=10)), "HIGH"),
        ((1, 0, 0), (), "PASSED"),
        ((1, 0, 0), FULL, "CRITICAL"),
        ((1, 1, 0), (), "PASSED"),
        ((2, 1, 1), (), "PASSED"),
        ((6, 4), (), "PASSED"),
        ((7, 3), (), "PASSED"),  # as chance may have it, and all of it regrows
        ((7, 3), FULL, "HIGH"),
        ((9, 2), (), "MEDIUM"),
    ],
)
def test_the_ladder(counts: tuple[int, ...], full: tuple[Any, ...], expected: str) -> None:
    group = {"subnets": full[: len(counts)]} if full else {}
    assert word(survival(over(*counts, **group))) == expected


def test_each_zone_is_weighed_by_itself() -> None:
    """A heavy zone that grows again and a light one that does not are no heavy one that does not."""
    tied = managed("tied", zones=[B], size=1, group={"max_size": 1})
    full = over(4, 0, 1, max_size=5)
    assert word(survival(full, tied)) == "MEDIUM"


def test_it_is_the_larger_share_of_vcpus_and_memory() -> None:
    types = {each.name: each for each in (instance_type(), instance_type("huge", vcpus=2, memory_mib=65536))}
    web = over(1, 1, 1, subnets=FULL)
    mixed = replace(web, nodes=(replace(web.nodes[0], instance_type="huge"), *web.nodes[1:]))
    assert word(survival(mixed, instance_types=types)) == "HIGH"
    assert "1 of 3 nodes are lost (80%, at best 33%)" in survival(mixed, instance_types=types).reason


def test_the_reason_and_evidence_name_the_numbers() -> None:
    finding = survival(*bound({A: 4, B: 1, C: 1}, max_size=2))
    assert word(finding) == "HIGH"
    assert finding.reason == (
        f"without {A}, 4 of 6 nodes are lost (67%, at best 33%); regrowable: 2 of them; "
        "blocked by: max size (eks-web-2-0a1b2c3d), max size (eks-web-3-0a1b2c3d)"
    )
    assert finding.evidence[B] == (
        "lost 1 node, 2 vCPU, 8192 MiB; left 5 nodes, 10 vCPU, 40960 MiB; regrowable 1 node, 2 vCPU, 8192 MiB; "
        "blocked by nothing"
    )
    assert finding.evidence["zone"] == A
    passed = survival()
    assert passed.reason == f"without {A}, 1 of 3 nodes are lost (33%, at best 33%); regrowable: all of them"
    assert set(passed.evidence) == {"nodes", *ZONES, "policy_version"}


def fixes(*capacities: Any, **deviations: Any) -> list[str]:  # noqa: ANN401  any capacity, any field
    return [each.command for each in survival(*capacities, **deviations).fix if each.tool == "aws"]


def test_the_fix_is_for_what_blocks() -> None:
    (managed_fix,) = fixes(*bound({A: 1, B: 1}, max_size=1))
    assert "--nodegroup-name web-2 --scaling-config maxSize=2" in managed_fix
    own = [self_managed(f"web-{zone}", zones=[zone], size=1, group={"max_size": 1}) for zone in (A, B)]
    (own_fix,) = fixes(*own)
    assert f"--auto-scaling-group-name web-{B} --max-size 2" in own_fix
    (resume,) = fixes(over(1, 1, 1, suspended=frozenset({"Launch"})))
    assert "resume-processes" in resume
    (offering,) = fixes(over(1, 1, 1), offered_zones={"m7i.large": frozenset({A})})
    assert f"Name=location,Values={C}" in offering
    (subnets,) = fixes(over(1, 1, 1, subnets=FULL))
    assert f"--subnet-ids subnet-{C}" in subnets
    lying = over(5, 1, 0)
    (activities,) = fixes(lying)
    assert f"describe-scaling-activities --region eu-west-1 --auto-scaling-group-name {own_name(lying)}" in activities


def test_the_maximum_size_in_the_fix_leaves_out_what_is_not_missed() -> None:
    more = managed("web-1", zones=[A], size=3, group={"desired": 2, "max_size": 3})
    fix = fixes(more, managed("web-2", zones=[B], size=1, group={"max_size": 2}))[0]
    assert "--nodegroup-name web-2 --scaling-config maxSize=3" in fix


def own_name(capacity: ManagedNodeGroup) -> str:
    assert isinstance(capacity.groups, tuple)
    return capacity.groups[0].name


def test_what_changes_by_itself_counts_once_confirmed() -> None:
    for moving in (
        [over(5, 1, 0)],
        [over(5, 1, 0, subnets=FULL)],
        bound({A: 2, B: 2}, max_size=3),
        [*bound({A: 2, B: 2}, max_size=3), *bound({C: 2}, suspended=frozenset({"Launch"}))],
    ):
        assert (word(survival(*moving)) in {"HIGH", "MEDIUM"}, survival(*moving).confirm) == (True, True)


def test_configuration_is_believed_at_once() -> None:
    failed = managed("odd", zones=[C], size=0, status="CREATE_FAILED", group={"min_size": 0})
    for capacities, offered in (
        ([over(2, 2, 2, suspended=frozenset({"Launch"}))], ZONES),
        ([*bound({A: 2}), *bound({B: 2}, suspended=frozenset({"Launch"})), failed], ZONES),
        (bound({A: 2, B: 2}, max_size=9), (A, C)),
    ):
        found = survival(*capacities, offered_zones={"m7i.large": frozenset(offered)})
        assert (found.status, found.confirm) == (Status.FAILED, False)


def test_what_is_above_the_desired_size_is_not_missed() -> None:
    found = survival(over(3, 2, 2, desired=6))
    assert word(found) == "PASSED"
    assert "3 of 7 nodes are lost" in found.reason
    assert "regrowable: 2 of them, which is all that is desired" in found.reason
    assert word(survival(over(3, 2, 2, desired=6, subnets=FULL))) == "MEDIUM"
    assert word(survival(*bound({A: 3, B: 3}, desired=2, max_size=4))) == "PASSED"


def test_zones_without_use_make_no_share_too_large() -> None:
    idle = managed("idle", zones=[C], size=0, group={"min_size": 0, "max_size": 50})
    none = managed("none", zones=[C], size=0, group={"min_size": 0, "max_size": 0})
    for unused in (idle, none):
        assert "(50%, at best 50%)" in survival(*bound({A: 12, B: 12}, max_size=50), unused).reason
        assert word(survival(*bound({A: 12, B: 12}, max_size=13), unused)) in {"PASSED", "MEDIUM"}
    offered = {"m7i.large": frozenset({A, B})}
    assert "(50%, at best 50%)" in survival(over(12, 12, 0), offered_zones=offered).reason


@pytest.mark.parametrize(
    ("capacities", "expected", "because"),
    [
        (bound({A: 1, B: 1}, max_size=1), "INFORMATIONAL", "it never has more than one node"),
        ([over(1, 0, 0, max_size=1, subnets=FULL)], "CRITICAL", "no address"),
        (
            [over(9, 1, 0, launch=launch(pins=("a cluster placement group",)))],
            "INFORMATIONAL",
            "a cluster placement group",
        ),
        (bound({A: 3, B: 3}, min_size=3, max_size=3), "INFORMATIONAL", "fixed size on purpose"),
        ([over(2, 2, 2, min_size=6, max_size=6, subnets=FULL)], "MEDIUM", "no address"),
    ],
)
def test_what_is_so_on_purpose(capacities: list[Any], expected: str, because: str) -> None:
    found = survival(*capacities)
    assert word(found) == expected
    assert because in found.reason


def test_a_fixed_size_is_no_excuse_for_a_heavy_zone() -> None:
    uneven = [managed(f"g-{zone}", zones=[zone], size=n, group={"min_size": n, "max_size": n}) for zone, n in SIZES]
    assert word(survival(*uneven)) == "MEDIUM"
    one = [
        managed(f"g-{zone}", zones=[zone], size=n, group={"min_size": 3, "max_size": 3}) for zone, n in ((A, 3), (B, 0))
    ]
    assert word(survival(*one, offered_zones={"m7i.large": frozenset({A, C})})) == "CRITICAL"


def test_what_blocks_is_told_in_bounds() -> None:
    many = [managed(f"g-{n}", zones=[B], size=2, group={"max_size": 2}) for n in range(40)]
    found = survival(*many, *bound({A: 90}))
    assert "and 34 more" in found.reason
    assert all(len(str(value)) < 500 for value in found.evidence.values())


class TestPools:
    def test_placement_is_their_own_business(self) -> None:
        pool = node_pool(nodes=(*(node(n, A) for n in range(8)), node(9, B)))
        assert word(survival(pool)) == "PASSED"
        finding = survival(pool, vpc_subnets=FULL)
        assert (word(finding), finding.confirm) == ("MEDIUM", True)
        assert f"--subnet-ids subnet-{B}" in finding.fix[0].command

    def test_karpenter_in_one_zone_is_unknown(self) -> None:
        assert word(survival(node_pool(nodes=(node(1, A),)))) == "UNKNOWN"

    def test_auto_mode_has_the_clusters_subnets(self) -> None:
        pool = node_pool(kind="auto-mode", nodes=(node(1, A), node(2, A)))
        auto = cluster(auto_mode=True)
        assert word(survival(pool, cluster=auto)) == "PASSED"
        assert word(survival(pool, cluster=auto, vpc_subnets=FULL)) == "CRITICAL"
        own = (subnet(A, id="subnet-own"), subnet(A), subnet(B))
        elsewhere = replace(pool, nodes=(node(1, A, interfaces=(interface(subnet_id="subnet-own"),)),))
        assert word(survival(elsewhere, cluster=auto, vpc_subnets=own)) == "UNKNOWN"

    @pytest.mark.parametrize(
        ("other", "expected"),
        [
            (subnet(B, id="subnet-more"), "UNKNOWN"),
            (subnet(C, id="subnet-more"), "UNKNOWN"),
            (subnet(C, id="subnet-more", public=True), "MEDIUM"),
            (subnet(C, id="subnet-more", free_addresses=9), "MEDIUM"),
            (subnet(A, id="subnet-more"), "MEDIUM"),
        ],
    )
    def test_a_pool_may_launch_in_other_subnets_of_the_kind(self, other: Subnet, expected: str) -> None:
        pool = node_pool(nodes=(node(1, A), node(2, A), node(3, B)))
        found = survival(pool, vpc_subnets=(subnet(A), subnet(B, free_addresses=3), other))
        assert word(found) == expected
        assert ("NodeClass may select" in found.reason) is (expected == "UNKNOWN")

    def test_other_subnets_may_make_it_less_bad(self) -> None:
        pool = node_pool(kind="auto-mode", nodes=(node(1, A), node(2, A)))
        auto = cluster(auto_mode=True)
        for free, expected in ((9, ("CRITICAL", False)), (10, ("MEDIUM", True)), (20, ("UNKNOWN", False))):
            more = subnet(B, id="subnet-more", free_addresses=free)
            found = survival(pool, cluster=auto, vpc_subnets=(*FULL, more))
            assert (word(found), found.partial) == expected

    def test_a_group_has_its_own_subnets_only(self) -> None:
        found = survival(over(2, 2, 2, subnets=FULL), vpc_subnets=(*FULL, subnet(B, id="subnet-more")))
        assert word(found) == "MEDIUM"

    def test_nodes_that_were_not_listed_may_be_lost_too(self) -> None:
        assert word(survival(node_pool(), complete={**snapshot().complete, "karpenter": False})) == "UNKNOWN"
        assert word(survival(managed(), complete={**snapshot().complete, "karpenter": False})) == "PASSED"


@pytest.mark.parametrize(
    "capacities",
    [
        pytest.param([managed(size=0)], id="no nodes"),
        pytest.param([over(5, 1, 0, min_size=0)], id="scale to zero"),
        pytest.param([managed(zones=[A])], id="one zone"),
        pytest.param(
            [*bound({A: 1}), managed("b", zones=[B], size=0, group={"min_size": 0, "max_size": 0})],
            id="one zone where anything can launch",
        ),
    ],
)
def test_not_applicable(capacities: list[ManagedNodeGroup]) -> None:
    assert word(survival(*capacities)) == "NOT_APPLICABLE"
    assert not survival(*capacities).settling


def test_a_set_that_zone002_blames_is_not_blamed_twice() -> None:
    for capacities in (
        [managed(zones=[A])],
        [*bound({A: 2}), *bound({B: 0}, max_size=0)],
        [*bound({A: 2}), *bound({B: 0}, suspended=frozenset({"Launch"}))],
    ):
        findings = judge(snapshot(*capacities), [each for each in CATALOGUE if each.id in {"ZONE002", "ZONE004"}])
        assert {each.check_id for each in findings if each.status is Status.FAILED} == {"ZONE002"}


def test_zone001_explains_it() -> None:
    stopped = over(2, 2, 2, suspended=frozenset({"Launch"}))
    tied = managed("tied", zones=[A], labels={"tier": "db"})
    findings = judge(snapshot(stopped, tied), [each for each in CATALOGUE if each.id in {"ZONE001", "ZONE004"}])
    told = {each.check_id: each for each in findings if each.status is Status.FAILED}
    assert told.keys() == {"ZONE001"}
    assert "ZONE004 of web" in told["ZONE001"].reason


def test_an_outpost_is_one_place() -> None:
    assert word(survival(over(5, 1, 0), cluster=cluster(outpost=True))) == "NOT_APPLICABLE"


def test_a_set_that_is_just_changing_is_waited_for() -> None:
    calm, moving = bound({A: 9, B: 1}, max_size=9)
    assert word(survival(calm, moving)) == "HIGH"
    assert survival(calm, replace(moving, status="UPDATING")).settling
    assert survival(replace(calm, modified_at=NOW - 5 * MINUTE), moving).due_at == NOW + 25 * MINUTE
    assert word(survival(over(2, 1, 0, refresh=gap()))) == "UNKNOWN"
    shifted = over(5, 1, 0, suspended=frozenset({"AZRebalance"}))
    assert survival(shifted, cluster=cluster(zonal_shift=True)).settling


def test_what_may_be_a_sibling_may_have_room() -> None:
    tight = bound({A: 1, B: 1}, max_size=1)
    assert word(survival(*tight, complete=INCOMPLETE)) == "UNKNOWN"
    assert word(survival(*tight, self_managed(labels=gap()))) == "UNKNOWN"
    assert word(survival(complete=INCOMPLETE)) == "PASSED"


def test_a_group_in_no_set_is_unknown_and_one_in_a_set_is_judged_there() -> None:
    creating = managed("new", groups=(), nodes=(), status="CREATING")
    findings = judge(snapshot(managed(), creating, self_managed(labels=gap())), [cannot_survive_the_loss_of_a_zone])
    assert {(each.subject.name, each.subject.kind, word(each)) for each in findings} == {
        ("web", "managed", "NOT_APPLICABLE"),
        ("new", "managed", "NOT_APPLICABLE"),
        ("batch", "self-managed", "UNKNOWN"),
        ("web", "sibling-set", "PASSED"),
    }


@pytest.mark.parametrize(
    ("capacity", "deviations"),
    [
        (over(1, 1, 1), {"offered_zones": {}}),
        (over(1, 1, 1, subnets=gap()), {}),
        (replace(over(1, 1, 1), nodes=()), {}),
        (replace(over(1, 1, 1), nodes=tuple(node(n, instance_type="odd.large") for n in range(1, 4))), {}),
        (node_pool(), {"vpc_subnets": gap()}),
    ],
)
def test_what_was_not_read_is_unknown(capacity: Any, deviations: dict[str, Any]) -> None:  # noqa: ANN401  any capacity
    assert word(survival(capacity, **deviations)) == "UNKNOWN"


@pytest.mark.parametrize(
    "capacities",
    [
        pytest.param(bound({A: 2, B: 2, C: 2}), id="eksctl, a group per zone"),
        pytest.param([managed("default", size=2)], id="terraform-aws-eks"),
        pytest.param([managed("one", size=1)], id="a single node"),
        pytest.param([node_pool(nodes=tuple(node(n, ZONES[n % 2]) for n in range(9)))], id="Karpenter"),
    ],
)
def test_recommended_layouts_are_not_blamed(capacities: list[Any]) -> None:
    findings = judge(snapshot(*capacities), [cannot_survive_the_loss_of_a_zone])
    assert [each.reason for each in findings if each.status is Status.FAILED] == []
