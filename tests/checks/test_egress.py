"""ZONE013: the way out of the VPC."""

from typing import Any

import pytest

from eks_auditor.checks import egress
from eks_auditor.findings.judge import judge
from eks_auditor.model.cluster import Egress
from eks_auditor.model.finding import Finding
from eks_auditor.model.gap import Gap
from eks_auditor.model.verdict import Severity, Status
from tests import builders as b
from tests.checks.judged import commands

A, B, C = b.ZONES
LOCAL = "euw1-lon1-az1"


def out(*ways: Egress | Gap, **deviations: Any) -> Finding:  # noqa: ANN401  any field
    """Judge with the default route of a subnet in each zone, in order."""
    routes = {f"subnet-{zone}": way for zone, way in zip(b.ZONES, ways, strict=False)}
    (found,) = judge(b.snapshot(**{"egress": routes} | deviations), [egress.egress_hangs_on_one_zone])
    return found


def to(target: str | None) -> Egress:
    return Egress(target=target, route_table="rtb-1")


def test_one_gateway_for_all_zones() -> None:
    found = out(b.egress(A), b.egress(A), b.egress(A))
    assert (found.status, found.severity, found.subject.kind) == (Status.FAILED, Severity.MEDIUM, "cluster")
    assert found.reason == f"3 subnets in {A}, {B}, {C} have their default route to nat-{A} in {A}"
    assert commands(found)[0] == (
        "aws ec2 create-nat-gateway --region eu-west-1 --vpc-id vpc-1 --availability-mode regional"
    )
    assert f"--route-table-id rtb-{A} " in commands(found)[1]


def test_what_a_new_gateway_changes_is_said() -> None:
    found = out(b.egress(A), b.egress(A))
    assert "new addresses" in commands(found)[1]
    assert "open connections break" in commands(found)[1]
    assert not any("private" in fix.command for fix in found.fix)


@pytest.mark.parametrize("other", [b.egress(A, private=True), b.egress(A, target="nat-public")])
def test_traffic_of_a_private_gateway_is_not_sent_through_a_public_one(other: Egress) -> None:
    found = out(b.egress(A, private=True), other)
    assert found.status is Status.FAILED
    [command] = commands(found)
    assert command.startswith("aws ec2 create-nat-gateway --region eu-west-1 --connectivity-type private --subnet-id ")
    assert f"private as nat-{A}: " in command
    assert not any("regional" in fix.command for fix in found.fix)


def test_one_gateway_for_two_of_three_zones() -> None:
    found = out(b.egress(A), b.egress(B), b.egress(B))
    assert found.status is Status.FAILED
    assert found.evidence["zones"] == f"{B}, {C}"


def test_a_gateway_in_a_zone_without_nodes() -> None:
    assert out(b.egress(C), b.egress(C)).status is Status.FAILED


def test_two_gateways_in_one_zone_fail_together() -> None:
    found = out(b.egress(A), b.egress(A, target="nat-2"), b.egress(C))
    assert found.status is Status.FAILED
    assert found.evidence["gateways"] == f"nat-2, nat-{A}"


def test_the_worst_zone_is_told() -> None:
    vpc = tuple(b.subnet(zone, id=f"{zone}-{n}") for zone in b.ZONES for n in range(2))
    routes = {each.id: b.egress(A if each.zone_id == A or each.id.endswith("0") else B) for each in vpc}
    found = out(egress=routes, vpc_subnets=vpc)
    assert found.evidence["zone"] == A


def test_a_gateway_in_each_zone() -> None:
    assert out(b.egress(A), b.egress(B), b.egress(C)).status is Status.PASSED


def test_gateways_that_serve_another_zone_than_their_own() -> None:
    assert out(b.egress(B), b.egress(C), b.egress(A)).status is Status.PASSED


def test_several_subnets_of_one_zone_are_one_zone() -> None:
    vpc = (b.subnet(A, id="a"), b.subnet(A, id="b"))
    assert out(egress={"a": b.egress(A), "b": b.egress(A)}, vpc_subnets=vpc).status is Status.PASSED


@pytest.mark.parametrize("target", ["nat-regional", "igw-1"])
def test_what_is_in_no_zone_passes(target: str) -> None:
    assert out(to(target), to(target), to(target)).status is Status.PASSED


def test_a_regional_gateway_in_manual_mode_is_told() -> None:
    found = out(*[Egress(target="nat-1", route_table="rtb-1", given_zones=(A, B))] * 3)
    assert found.status is Status.PASSED
    assert found.reason.endswith(
        f": nat-1; nat-1 works only in the zones that it was given, {A}, {B} (AutoProvisionZones is disabled)"
    )
    assert "given" not in out(to("nat-1"), to("nat-1"), to("nat-1")).reason


@pytest.mark.parametrize("target", ["tgw-1", "vpce-1", "eni-1", "i-1", "vgw-1", "pcx-1", None])
def test_what_is_behind_others_is_not_read(target: str | None) -> None:
    found = out(to(target), to(target), to(target))
    assert found.status is Status.NOT_APPLICABLE
    assert (target or "default route") in found.reason


def test_other_targets_beside_gateways() -> None:
    assert out(b.egress(A), to("tgw-1"), to(None)).status is Status.PASSED
    assert out(b.egress(A), b.egress(A), to("tgw-1")).status is Status.FAILED


def test_local_zones_do_not_count() -> None:
    vpc = (b.subnet(A), b.subnet(LOCAL))
    routes = {f"subnet-{A}": b.egress(A), f"subnet-{LOCAL}": b.egress(A)}
    assert out(egress=routes, vpc_subnets=vpc).status is Status.PASSED


def test_what_is_hidden_matters_only_where_nothing_hangs() -> None:
    assert out(b.egress(A), b.egress(B), b.gap()).status is Status.UNKNOWN
    assert out(b.egress(A), b.egress(A), b.gap()).status is Status.FAILED


def test_subnets_that_are_hidden() -> None:
    ways = (b.egress(A), b.egress(B), b.egress(C))
    assert out(*ways, vpc_subnets=b.gap()).status is Status.PASSED, "the group's subnets tell their zones"
    elsewhere = {"egress": {"subnet-9": b.egress(A)}, "vpc_subnets": b.gap()}
    assert out(**elsewhere).status is Status.UNKNOWN
    for group in (b.managed(groups=b.gap()), b.managed(group={"subnets": b.gap()})):
        assert out(*ways, capacities=(group,)).status is Status.UNKNOWN
    assert out(*ways, complete={**b.snapshot().complete, "karpenter": False}).status is Status.UNKNOWN


@pytest.mark.parametrize("kind", ["karpenter", "auto-mode"])
def test_a_pool_that_is_seen_in_one_zone_is_no_news(kind: str) -> None:
    """It is consolidated into one each night, and in several by day: what was said of those stands."""
    ways = (b.egress(A), b.egress(A), b.egress(A))
    pool = b.node_pool(kind=kind)
    assert out(*ways, capacities=(pool,)).status is Status.FAILED
    alone = out(*ways[:1], capacities=(pool,))
    assert (alone.status, alone.settling) == (Status.NOT_APPLICABLE, True)
    assert out(b.egress(A), b.egress(B), capacities=(pool,)).status is Status.PASSED
    assert out(*ways[:1]).status is Status.PASSED, "groups have the zones that they have"


def test_auto_mode_without_a_node_may_come_back() -> None:
    assert out(b.egress(A), cluster=b.cluster(auto_mode=True)).settling


@pytest.mark.parametrize("group", [{"max_size": 0}, {"suspended": frozenset({"Launch"})}])
def test_hidden_subnets_of_a_group_that_launches_nothing_hide_nothing(group: dict[str, Any]) -> None:
    parked = b.managed("parked", group={"subnets": b.gap()} | group)
    found = out(b.egress(A), b.egress(B), b.egress(C), capacities=(b.managed(), parked))
    assert found.status is Status.PASSED


def test_a_cluster_without_nodes_subnets() -> None:
    assert out(egress={}, capacities=(b.fargate(),)).status is Status.NOT_APPLICABLE
    assert out(b.egress(A), b.egress(A), cluster=b.cluster(outpost=True)).status is Status.NOT_APPLICABLE
