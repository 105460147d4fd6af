from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.checks import addresses as checks
from eks_auditor.findings.judge import judge
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Status
from tests.builders import (
    NOW,
    ZONES,
    cluster,
    fargate,
    gap,
    instances,
    interface,
    managed,
    node,
    node_pool,
    self_managed,
    snapshot,
    subnet,
)
from tests.checks.judged import commands

A, B, C = ZONES
LOCAL = "euw1-lon1-az1"


def addresses(*capacities: Any, zone: str = A, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    """ZONE006 of one zone."""
    findings = judge(snapshot(*capacities, **deviations), [checks.subnets_nearly_out_of_addresses])
    (finding,) = (found for found in findings if found.subject.key == zone)
    return finding


def control_plane(*free: int, **deviations: Any) -> Finding:  # noqa: ANN401  any field
    """ZONE010 of a cluster with a subnet in each zone."""
    subnets = tuple(subnet(zone, free_addresses=count) for zone, count in zip(ZONES, free, strict=False))
    ids = cluster(subnet_ids=tuple(each.id for each in subnets))
    read = snapshot(**{"vpc_subnets": subnets, "cluster": ids} | deviations)
    (finding,) = judge(read, [checks.control_plane_subnets_full])
    return finding


def profile(*capacities: Any, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    (finding,) = judge(snapshot(*capacities, **deviations), [checks.fargate_profile_in_one_zone])
    return finding


def word(finding: Finding) -> str:
    return finding.severity.name if finding.status is Status.FAILED else finding.status.name


def with_free(free: int, *others: int) -> dict[str, Any]:
    """A group's own, with so many free addresses in each of its subnets in the first zone, and room in others."""
    more = tuple(subnet(id=f"subnet-{number}", free_addresses=count) for number, count in enumerate(others, start=2))
    return {"subnets": (subnet(free_addresses=free), *more, subnet(B), subnet(C))}


class TestZone006:
    @pytest.mark.parametrize(
        ("free", "expected"),
        [(9, "CRITICAL"), (10, "HIGH"), (19, "HIGH"), (20, "MEDIUM"), (29, "MEDIUM"), (30, "PASSED")],
    )
    def test_rungs_are_one_node_a_surge_and_growth(self, free: int, expected: str) -> None:
        # Six nodes a zone: nine more are half again, three a zone.
        assert word(addresses(managed(size=18, group={"max_size": 99} | with_free(free)))) == expected

    def test_each_zone_is_judged_by_itself(self) -> None:
        group = managed(group=with_free(0))
        assert [word(addresses(group, zone=zone)) for zone in ZONES] == ["CRITICAL", "PASSED", "PASSED"]

    @pytest.mark.parametrize(("free", "expected"), [((5, 6), "CRITICAL"), ((9, 10), "HIGH"), ((10, 10), "PASSED")])
    def test_a_node_fits_in_one_subnet_of_the_zone(self, free: Sequence[int], expected: str) -> None:
        assert word(addresses(managed(group=with_free(*free)))) == expected

    @pytest.mark.parametrize(("free", "expected"), [(19, "HIGH"), (20, "MEDIUM"), (39, "MEDIUM"), (40, "PASSED")])
    def test_demands_of_groups_on_a_subnet_are_added(self, free: int, expected: str) -> None:
        found = addresses(managed("a", group=with_free(free)), managed("b", group=with_free(free)))
        assert word(found) == expected
        assert found.evidence["capacities"] == "a, b"

    def test_a_full_fixed_group_still_surges_in_an_update(self) -> None:
        fixed = {"min_size": 3, "max_size": 3}
        assert word(addresses(managed(group=fixed | with_free(19)))) == "HIGH"
        assert word(addresses(managed(group=fixed | with_free(20)))) == "PASSED"
        assert word(addresses(self_managed(group=fixed | with_free(10)))) == "PASSED"

    def test_a_fixed_group_of_one_zone_that_eks_does_not_update_asks_for_nothing(self) -> None:
        fixed = {"max_size": 3, "subnets": (subnet(free_addresses=0),)}
        found = addresses(self_managed(zones=(A,), group=fixed))
        assert (found.status, found.settling) == (Status.NOT_APPLICABLE, True)

    @pytest.mark.parametrize("kind", ["karpenter", "auto-mode"])
    def test_of_a_pool_one_node_and_growth_count(self, kind: str) -> None:
        pool = node_pool(kind=kind, nodes=tuple(node(n, zone) for n, zone in enumerate(ZONES * 3)))
        words = [
            word(addresses(pool, vpc_subnets=tuple(subnet(zone, free_addresses=free) for zone in ZONES)))
            for free in (9, 10, 19, 20)
        ]
        assert words == ["CRITICAL", "MEDIUM", "MEDIUM", "PASSED"]

    @pytest.mark.parametrize(
        ("other", "expected"),
        [
            ({"free_addresses": 10}, "UNKNOWN"),
            ({"free_addresses": 9}, "CRITICAL"),
            ({"public": True}, "CRITICAL"),
            ({"zone_id": B}, "CRITICAL"),
        ],
    )
    def test_a_pool_may_launch_in_other_subnets_of_the_kind(self, other: dict[str, Any], expected: str) -> None:
        pool = node_pool(nodes=(node(),))
        found = addresses(pool, vpc_subnets=(subnet(free_addresses=9), subnet(id="subnet-more", **other)))
        assert word(found) == expected
        assert ("NodeClass may select" in found.reason) is (expected == "UNKNOWN")

    def test_a_full_subnet_of_a_group_is_told_beside_a_pool_that_may_have_others(self) -> None:
        more = (subnet(free_addresses=15), subnet(id="subnet-more"))
        pool = node_pool(nodes=(node(interfaces=(interface(addresses=16),)),))
        found = addresses(managed(group={"subnets": more[:1]}), pool, vpc_subnets=more)
        assert (word(found), found.partial, found.evidence["nodes"]) == ("HIGH", True, "web 2")

    @pytest.mark.parametrize(
        ("own", "further", "expected"),
        [(0, 2000, "CRITICAL"), (1, 2000, "HIGH"), (2000, 3, "PASSED"), (18, 18, "HIGH"), (10, 9, "CRITICAL")],
    )
    def test_further_subnets_of_the_cni_are_no_custom_networking(self, own: int, further: int, expected: str) -> None:
        held = (interface(addresses=15), interface(subnet_id="subnet-cni", primary=False, addresses=5))
        read = (subnet(free_addresses=own), subnet(id="subnet-cni", free_addresses=further))
        group = managed(zones=(A,), nodes=(node(interfaces=held),), group={"subnets": read[:1]})
        found = addresses(group, vpc_subnets=read)
        assert word(found) == expected

    def test_an_interface_of_another_owner_hides_no_full_subnet(self) -> None:
        read = (subnet(free_addresses=3), subnet(id="subnet-multus"))
        held = (interface(), interface(subnet_id="subnet-multus", primary=False, addresses=1))
        for interfaces in (held, held[:1]):
            group = managed(zones=(A,), nodes=(node(interfaces=interfaces),), group={"subnets": read[:1]})
            found = addresses(group, vpc_subnets=read)
            assert (word(found), found.evidence["needs"]) == ("CRITICAL", "web: 10")

    def test_an_update_that_terminates_first_needs_no_addresses(self) -> None:
        fixed = {"min_size": 3, "max_size": 3}
        assert word(addresses(managed(group=fixed | with_free(10)))) == "HIGH"
        assert word(addresses(managed(group=fixed | with_free(10), update_strategy="MINIMAL"))) == "PASSED"

    def test_pools_among_the_capacities_are_told_apart(self) -> None:
        assert "pools" not in addresses(managed()).evidence
        found = addresses(managed(), node_pool())
        assert (found.evidence["capacities"], found.evidence["pools"]) == ("default, web", "default")

    def test_an_eniconfig_is_named_by_the_zones_name(self) -> None:
        full = tuple(subnet(zone, free_addresses=0) for zone in ZONES)
        for capacity in (managed(group={"subnets": full}), node_pool()):
            found = addresses(capacity, zone=B, vpc_subnets=full)
            (custom,) = (each for each in commands(found, "kubectl") if "CUSTOM_NETWORK_CFG" in each)
            assert "named as the zone (eu-west-1b, not its id)" in custom

    @pytest.mark.parametrize(("free", "confirm"), [(9, False), (10, True), (20, True)])
    def test_all_but_the_worst_rung_count_once_confirmed(self, free: int, *, confirm: bool) -> None:
        found = addresses(managed(size=18, group={"max_size": 99} | with_free(free)))
        assert (found.status, found.confirm) == (Status.FAILED, confirm)

    @pytest.mark.parametrize("group", [{"max_size": 0}, {"suspended": frozenset({"Launch"})}])
    def test_where_nothing_is_launched_now_the_last_word_stands(self, group: dict[str, Any]) -> None:
        found = addresses(managed(group=group | with_free(0)))
        assert (found.status, found.settling) == (Status.NOT_APPLICABLE, True)

    def test_a_warm_node_does_not_hide_what_a_node_takes(self) -> None:
        held = (*instances((A, A)), *instances((A, A, A), first=10, lifecycle_state="Warmed:Running"))
        warm = tuple(node(number, interfaces=(interface(addresses=1),)) for number in (10, 11, 12))
        group = managed(nodes=(node(1), node(2), *warm), group={"instances": held} | with_free(9))
        assert word(addresses(group)) == "CRITICAL"

    def test_a_small_subnet_of_the_control_plane_is_none_of_auto_modes_own(self) -> None:
        nodes = tuple(node(n, zone, interfaces=(interface(f"own-{zone}"),)) for n, zone in enumerate(ZONES))
        own = tuple(subnet(zone, id=f"subnet-own-{zone}") for zone in ZONES)
        small = tuple(subnet(zone, free_addresses=6) for zone in ZONES)
        found = addresses(node_pool(kind="auto-mode", nodes=nodes), vpc_subnets=own + small)
        assert word(found) == "PASSED"

    def test_pods_under_custom_networking_run_out_by_themselves(self) -> None:
        pods = interface(subnet_id="subnet-pods", primary=False, addresses=15)
        group = managed(nodes=(node(interfaces=(interface(addresses=1), pods)),))
        found = addresses(group, vpc_subnets=(subnet(), subnet(id="subnet-pods", free_addresses=14)))
        assert word(found) == "CRITICAL"
        assert "1 and 15 for pods" in found.reason
        assert (found.evidence["pod_subnets"], found.evidence["subnets"]) == ("subnet-pods: 14", f"subnet-{A}: 1000")
        assert any("eniconfig" in command and "subnet-pods" in command for command in commands(found, "kubectl"))
        assert not any("create-nodegroup" in command for command in commands(found))

    def test_with_ipv6_a_node_takes_one(self) -> None:
        found = addresses(managed(group=with_free(2)), cluster=cluster(ip_family="ipv6"))
        assert word(found) == "PASSED"

    def test_prefixes_are_sixteen_that_lie_together(self) -> None:
        nodes = (node(interfaces=(interface(addresses=1, prefixes=1),)),)
        full = addresses(managed(nodes=nodes, group=with_free(16)))
        assert (word(full), full.evidence["needs"]) == ("CRITICAL", "web: 17")
        assert "blocks of 16" in full.reason
        assert not any("PREFIX" in command for command in commands(full, "kubectl"))
        assert word(addresses(managed(nodes=nodes, group=with_free(34)))) == "PASSED"

    def test_what_is_assumed_is_said(self) -> None:
        assert "median node" in addresses(managed()).reason
        assert "whole interfaces" in addresses(managed(size=0)).reason
        assert "any subnet" in addresses(managed(group=with_free(99, 99))).reason
        assert "at once" in addresses(managed("a"), managed("b")).reason
        apart = node(interfaces=(interface(addresses=1), interface(subnet_id="subnet-pods", primary=False)))
        assert "not seen" in addresses(managed(nodes=(apart,)), zone=B).reason

    def test_evidence_and_fix_name_numbers_and_places(self) -> None:
        found = addresses(managed(group=with_free(4)))
        assert {key: found.evidence[key] for key in ("zone", "vpc", "lacking", "nodes", "subnets")} == {
            "zone": A,
            "vpc": "vpc-1",
            "lacking": 10,
            "nodes": "web 1",
            "subnets": f"subnet-{A}: 4",
        }
        assert commands(found)[0].startswith(
            f"aws ec2 create-subnet --region eu-west-1 --vpc-id vpc-1 --availability-zone-id {A} --cidr-block"
        )

    def test_many_groups_are_counted_and_the_first_named(self) -> None:
        groups = [managed(f"g{number:02}", group=with_free(4)) for number in range(25)]
        found = addresses(*groups)
        assert str(found.evidence["capacities"]).endswith("g19 and 5 more")

    @pytest.mark.parametrize(
        "change", [{"status": "UPDATING"}, {"modified_at": NOW}, {"group": {"refresh": "Pending"}}]
    )
    def test_while_a_group_changes_the_last_word_stands(self, change: dict[str, Any]) -> None:
        changing = managed("a", **change)
        found = addresses(changing, managed("b", group=with_free(0)))
        assert (found.status, found.settling) == (Status.NOT_APPLICABLE, True)

    def test_while_a_group_changes_subnets_that_it_does_not_use_are_judged(self) -> None:
        changing = managed("a", status="UPDATING", group={"subnets": (subnet(id="subnet-own"),)})
        assert word(addresses(changing)) == "PASSED"
        assert word(addresses(changing, managed("b", group=with_free(0)))) == "CRITICAL"

    def test_while_a_pool_churns_it_counts_once_confirmed(self) -> None:
        nodes = tuple(node(n, zone, launched_at=NOW) for n, zone in enumerate(ZONES))
        full = tuple(subnet(zone, free_addresses=0) for zone in ZONES)
        found = addresses(node_pool(nodes=nodes), vpc_subnets=full)
        assert (word(found), found.confirm) == ("CRITICAL", True)
        assert not addresses(node_pool(), vpc_subnets=full).confirm

    def test_what_is_hidden_makes_a_pass_unknown_and_a_failure_partial(self) -> None:
        hidden = managed("a", group={"subnets": gap("autoscaling:DescribeAutoScalingGroups")})
        assert word(addresses(hidden, managed("b"))) == "UNKNOWN"
        failed = addresses(hidden, managed("b", group=with_free(15)))
        assert (word(failed), failed.partial) == ("HIGH", True)
        assert not addresses(managed(group=with_free(15))).partial

    def test_on_an_outpost_there_are_no_zones(self) -> None:
        assert word(addresses(managed(), cluster=cluster(outpost=True))) == "NOT_APPLICABLE"

    def test_its_subject_is_the_zone_of_the_cluster(self) -> None:
        subject = addresses(managed()).subject
        assert (subject.kind, subject.name) == ("zone", A)
        assert subject.arn == f"arn:aws:eks:eu-west-1:111122223333:cluster/shop/zone/{A}"

    @given(st.lists(st.integers(0, 60), min_size=3, max_size=3), st.integers(1, 30), st.data())
    def test_more_free_addresses_never_make_it_worse(self, free: list[int], more: int, data: st.DataObject) -> None:
        lucky = data.draw(st.integers(0, 2))

        def words(counts: Sequence[int]) -> list[int]:
            here = tuple(subnet(zone, free_addresses=count) for zone, count in zip(ZONES, counts, strict=True))
            read = snapshot(
                managed(size=9, group={"subnets": here}),
                self_managed(size=6, group={"subnets": here[:2]}),
                node_pool(),
                vpc_subnets=here,
            )
            return [_rank(found) for found in judge(read, [checks.subnets_nearly_out_of_addresses])]

        better = [count + (more if place == lucky else 0) for place, count in enumerate(free)]
        assert all(after <= before for after, before in zip(words(better), words(free), strict=True))


def _rank(found: Finding) -> int:
    return found.severity if found.status is Status.FAILED else 0


class TestZone010:
    @pytest.mark.parametrize(
        ("free", "expected"),
        [((5, 5, 0), "PASSED"), ((5, 4, 4), "HIGH"), ((4, 4, 4), "HIGH"), ((1000,), "HIGH"), ((5, 5), "PASSED")],
    )
    def test_two_zones_need_a_subnet_with_five_addresses(self, free: Sequence[int], expected: str) -> None:
        assert word(control_plane(*free)) == expected

    def test_addresses_of_two_subnets_are_not_added(self) -> None:
        small = tuple(subnet(zone, id=f"{zone}-{n}", free_addresses=4) for zone in ZONES for n in range(2))
        ids = cluster(subnet_ids=tuple(each.id for each in small))
        assert word(control_plane(vpc_subnets=small, cluster=ids)) == "HIGH"

    def test_two_subnets_of_one_zone_are_one_zone(self) -> None:
        both = (subnet(), subnet(id="subnet-more"))
        ids = cluster(subnet_ids=tuple(each.id for each in both))
        assert word(control_plane(vpc_subnets=both, cluster=ids)) == "HIGH"

    def test_other_subnets_of_the_vpc_are_no_help(self) -> None:
        assert (
            word(control_plane(9, 0, 0, vpc_subnets=(subnet(), subnet(B)), cluster=cluster(subnet_ids=("a",))))
            == "HIGH"
        )

    def test_what_has_room_stays_in_the_fix(self) -> None:
        found = control_plane(3, 9, 2)
        assert f"subnetIds=subnet-{B},NEW_SUBNET" in commands(found)[1]
        assert f"--availability-zone-id {A}" in commands(found)[0]
        assert f"subnet-{A} in {A} 3" in found.reason

    def test_an_update_that_holds_addresses_gives_them_back(self) -> None:
        updating = replace(cluster(), status="UPDATING")
        full = tuple(subnet(zone, free_addresses=0) for zone in ZONES)
        assert control_plane(vpc_subnets=full, cluster=updating).settling
        assert word(control_plane(vpc_subnets=tuple(map(subnet, ZONES)), cluster=updating)) == "PASSED"

    def test_what_is_not_read_is_unknown(self) -> None:
        assert word(control_plane(9, 9, 9, vpc_subnets=gap())) == "UNKNOWN"

    def test_on_an_outpost_there_are_no_zones(self) -> None:
        assert word(control_plane(0, 0, 0, cluster=cluster(outpost=True))) == "NOT_APPLICABLE"


class TestZone011:
    @pytest.mark.parametrize(
        ("zones", "expected"),
        [(ZONES, "PASSED"), ((A, B), "PASSED"), ((A,), "MEDIUM"), ((A, LOCAL), "MEDIUM"), ((LOCAL,), "NOT_APPLICABLE")],
    )
    def test_its_subnets_should_be_in_two_zones(self, zones: Sequence[str], expected: str) -> None:
        assert word(profile(fargate(subnets=tuple(map(subnet, zones))))) == expected

    def test_two_subnets_of_one_zone_are_one_zone(self) -> None:
        found = profile(fargate(subnets=(subnet(), subnet(id="subnet-more"))))
        assert word(found) == "MEDIUM"
        assert f"subnets in {B}, {C} too" in found.reason
        assert f"--subnets subnet-{A} SUBNET_IN_ANOTHER_ZONE" in commands(found)[0]

    def test_only_private_subnets_can_be_added(self) -> None:
        public = (subnet(), subnet(B, public=True))
        assert "too" not in profile(fargate(subnets=(subnet(),)), vpc_subnets=public).reason

    def test_the_vpcs_other_subnets_are_not_needed(self) -> None:
        assert word(profile(fargate(subnets=(subnet(),)), vpc_subnets=gap())) == "MEDIUM"

    def test_what_is_not_read_is_unknown(self) -> None:
        assert word(profile(fargate(subnets=gap()))) == "UNKNOWN"

    def test_a_profile_that_is_going_away_is_not_judged(self) -> None:
        assert profile(fargate(status="DELETING", subnets=(subnet(),))).settling

    def test_on_an_outpost_there_are_no_zones(self) -> None:
        assert word(profile(fargate(subnets=(subnet(),)), cluster=cluster(outpost=True))) == "NOT_APPLICABLE"


def test_a_healthy_cluster_passes_all_three() -> None:
    every = (
        checks.subnets_nearly_out_of_addresses,
        checks.control_plane_subnets_full,
        checks.fargate_profile_in_one_zone,
    )
    read = snapshot(managed(), self_managed(), node_pool(), fargate())
    assert [found.status for found in judge(read, every)] == [Status.PASSED] * 5
