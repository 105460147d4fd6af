"""CAS014: whether Spot groups can draw on enough pools."""

import json
import shlex
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.checks.spot import spot_too_narrow
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import Bounds, InstanceRequirements, LaunchConfig, Purchase
from eks_auditor.model.finding import Finding
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Status
from tests.builders import (
    ZONES,
    cluster,
    gap,
    instance_type,
    launch,
    managed,
    self_managed,
    snapshot,
    subnet,
    template_use,
)
from tests.checks.judged import commands, finding

PROVEN = cluster(autoscaler_identity="kube-system/cluster-autoscaler")
LARGE = ("m7i.large", "m6i.large", "m5.large", "m5a.large", "m5n.large", "m5d.large")
GPU = "g5.xlarge"
TYPES = {name: instance_type(name) for name in LARGE} | {
    GPU: instance_type(GPU, accelerators=1, gpus=1, gpu_maker="NVIDIA")
}
OFFERED = {name: frozenset(ZONES) for name in (*LARGE, GPU)}
ALL_SPOT = Purchase(on_demand_percentage=0, spot_strategy="price-capacity-optimized")


def spot(count: int = 3, purchase: Purchase = ALL_SPOT, **deviations: Any) -> LaunchConfig:  # noqa: ANN401  any field
    """A launch of so many types."""
    return launch(**{"instance_types": LARGE[:count], "purchase": purchase} | deviations)


def own(launched: Any = None, name: str = "odd", zones: Any = ZONES, **group: Any) -> Any:  # noqa: ANN401  a launch, a group
    """A self-managed Spot group that rebalances."""
    return self_managed(name, zones=zones, group={"launch": launched or spot(), "capacity_rebalance": True} | group)


def of_eks(launched: Any = None, name: str = "odd", zones: Any = ZONES, **group: Any) -> Any:  # noqa: ANN401  a launch, a group
    """A managed Spot group."""
    return managed(name, zones=zones, capacity_type="SPOT", group={"launch": launched or spot()} | group)


def judged(*capacities: Any, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    defaults = {"cluster": PROVEN, "instance_types": TYPES, "offered_zones": OFFERED}
    return finding(spot_too_narrow, *capacities, **defaults | deviations)


def word(found: Finding) -> str:
    return found.severity.name if found.status is Status.FAILED else found.status.name


@pytest.mark.parametrize("build", [own, of_eks])
@pytest.mark.parametrize(
    ("types", "zones", "expected"),
    [
        (3, 3, "PASSED"),
        (3, 2, "PASSED"),
        (6, 1, "PASSED"),
        (2, 3, "MEDIUM"),
        (1, 3, "MEDIUM"),
        (3, 1, "MEDIUM"),
        (5, 1, "MEDIUM"),
    ],
)
def test_types_and_pools(build: Any, types: int, zones: int, expected: str) -> None:  # noqa: ANN401  a builder
    found = judged(build(spot(types), zones=ZONES[:zones]))
    assert word(found) == expected
    assert f"{types} instance type" in found.reason
    assert f"{types * zones} pools" in found.reason


@pytest.mark.parametrize("build", [own, of_eks])
def test_one_type_with_accelerators_is_often_all_that_will_do(build: Any) -> None:  # noqa: ANN401  a builder
    assert word(judged(build(spot(instance_types=(GPU,))))) == "LOW"


def test_what_no_zone_offers_is_no_pool() -> None:
    offered = OFFERED | {"m5.large": frozenset({"euw1-az9"})}
    assert word(judged(own(), offered_zones=offered)) == "MEDIUM"
    assert "2 instance types and 6 pools" in judged(own(), offered_zones=offered).reason


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ({"m5.large": gap()}, "UNKNOWN"),
        ({"m5.large": gap(), "m6i.large": frozenset(ZONES[:1])}, "UNKNOWN"),
        ({"m5.large": gap(), "m6i.large": frozenset()}, "MEDIUM"),
    ],
)
def test_offers_that_could_not_be_read_count_where_they_decide(offered: dict[str, Any], expected: str) -> None:
    assert word(judged(own(), offered_zones=OFFERED | offered)) == expected
    wide = own(spot(6))
    assert word(judged(wide, offered_zones=OFFERED | {"m5.large": gap()})) == "PASSED"


@pytest.mark.parametrize("build", [own, of_eks])
@pytest.mark.parametrize(
    "fields", [{"launched": gap("ec2:DescribeLaunchTemplateVersions")}, {"subnets": gap("ec2:DescribeSubnets")}]
)
def test_a_group_that_could_not_be_read(build: Any, fields: dict[str, Any]) -> None:  # noqa: ANN401  a builder
    assert word(judged(build(**fields))) == "UNKNOWN"


def matched(types: Any, accelerators: Bounds | None = None) -> LaunchConfig:  # noqa: ANN401  names or a gap
    """A launch by requirements, and the types that EC2 matches."""
    wanted = InstanceRequirements(
        vcpus=Bounds(least=2, greatest=4), memory_mib=Bounds(least=8192), accelerators=accelerators, types=types
    )
    return spot(instance_types=(), requirements=wanted)


@pytest.mark.parametrize(
    ("launched", "expected"),
    [
        (matched(LARGE), "PASSED"),
        (matched(("c7i.large", "c6i.large", "c5.large")), "PASSED"),
        (matched(LARGE[:2]), "MEDIUM"),
        (matched(()), "MEDIUM"),
        (matched((GPU,), Bounds(least=1)), "LOW"),
        (matched((GPU,), Bounds(least=0, greatest=0)), "MEDIUM"),
        (matched(gap("ec2:GetInstanceTypesFromInstanceRequirements")), "UNKNOWN"),
    ],
)
def test_instance_requirements_are_counted_by_what_ec2_matches(launched: LaunchConfig, expected: str) -> None:
    assert word(judged(own(launched))) == expected


class TestSiblings:
    """One group for each zone is AWS's own advice for zonal volumes."""

    @pytest.mark.parametrize("build", [own, of_eks])
    def test_those_in_other_zones_lend_their_pools(self, build: Any) -> None:  # noqa: ANN401  a builder
        groups = [build(name=f"odd-{zone[-1]}", zones=[zone]) for zone in ZONES]
        found = judged(*groups)
        assert word(found) == "PASSED"
        assert "9 pools, those of its siblings included" in found.reason

    def test_they_lend_no_types(self) -> None:
        groups = [own(spot(2), f"odd-{zone[-1]}", [zone]) for zone in ZONES]
        assert word(judged(*groups)) == "MEDIUM"

    def test_on_demand_siblings_lend_nothing(self) -> None:
        on_demand = self_managed("odd-2", zones=[ZONES[1]], group={"launch": launch(instance_types=LARGE)})
        assert word(judged(own(zones=ZONES[:1]), on_demand)) == "MEDIUM"

    def test_a_sibling_that_is_not_seen_may_lend(self) -> None:
        bound = own(zones=ZONES[:1])
        missing: dict[str, Any] = {"complete": dict(snapshot().complete) | {"self-managed": False}}
        assert word(judged(bound, **missing)) == "UNKNOWN"
        assert word(judged(own(spot(2), zones=ZONES[:1]), **missing)) == "MEDIUM"
        unlabelled = self_managed("odd", zones=ZONES[:1], labels=gap(), group={"launch": spot()})
        assert word(judged(unlabelled)) == "UNKNOWN"
        assert word(judged(own(zones=ZONES[:1]), own(zones=ZONES[1:2], name="b", subnets=gap()))) == "UNKNOWN"


@pytest.mark.parametrize(
    ("purchase", "rebalance", "expected"),
    [
        (ALL_SPOT, True, "PASSED"),
        (ALL_SPOT, False, "INFORMATIONAL"),
        (Purchase(on_demand_percentage=0), True, "PASSED"),
        (Purchase(on_demand_percentage=0, spot_strategy="capacity-optimized"), True, "PASSED"),
        (Purchase(on_demand_percentage=0, spot_strategy="lowest-price"), True, "MEDIUM"),
        (Purchase(on_demand_percentage=50), True, "INFORMATIONAL"),
        (Purchase(on_demand_base=1, on_demand_percentage=0), True, "INFORMATIONAL"),
        (Purchase(), False, "NOT_APPLICABLE"),
    ],
)
def test_how_a_self_managed_group_buys(purchase: Purchase, rebalance: bool, expected: str) -> None:  # noqa: FBT001  a case
    found = judged(own(spot(purchase=purchase), capacity_rebalance=rebalance))
    assert word(found) == expected


def test_eks_chooses_how_a_managed_group_buys() -> None:
    cheap = spot(purchase=Purchase(on_demand_percentage=50, spot_strategy="lowest-price"))
    assert word(judged(of_eks(cheap, capacity_rebalance=False))) == "PASSED"
    on_demand = managed("odd", group={"launch": gap()})
    assert word(judged(on_demand)) == "NOT_APPLICABLE"


def test_lowest_price_with_accelerators_is_low() -> None:
    cheap = Purchase(on_demand_percentage=0, spot_strategy="lowest-price")
    assert word(judged(own(spot(purchase=cheap, instance_types=(GPU, *LARGE))))) == "LOW"


def test_the_rung_is_not_guessed() -> None:
    assert word(judged(own(spot(1)), instance_types={"m7i.large": gap()})) == "UNKNOWN"


def test_who_scales_decides_whether_it_is_judged() -> None:
    assert word(judged(of_eks(spot(1)), cluster=cluster())) == "NOT_APPLICABLE"
    assert word(judged(of_eks(spot(1)), cluster=cluster(autoscaler_identity=gap()))) == "UNKNOWN"
    assert word(judged(managed("odd", capacity_type="SPOT", groups=gap()))) == "UNKNOWN"
    assert word(judged(managed("odd", capacity_type="SPOT", groups=()))) == "NOT_APPLICABLE"


def test_the_fix_keeps_what_the_group_has() -> None:
    weighed = spot(2, weights={"m7i.large": 2}, templates=(template_use(),))
    (command,) = commands(judged(own(weighed, policy="types")))
    *_, option, policy = shlex.split(command, comments=True)
    assert option == "--mixed-instances-policy"
    assert json.loads(policy)["LaunchTemplate"]["Overrides"] == [
        {"InstanceType": "m7i.large", "WeightedCapacity": "2"},
        {"InstanceType": "m6i.large"},
        {"InstanceType": "ANOTHER_TYPE", "WeightedCapacity": "ITS_WEIGHT"},
    ]


@pytest.mark.parametrize("launched", [{"templates": (template_use(),)}, {"configuration": "odd-1"}])
def test_a_group_without_a_policy_is_not_told_to_change_one(launched: dict[str, Any]) -> None:
    """AWS takes no policy around a template that asks for Spot itself, nor around a launch configuration."""
    found = judged(own(spot(2, **launched)))
    assert commands(found) == commands(found, "terraform") == commands(found, "cloudformation") == []
    (guide,) = commands(found, "guide")
    assert "in place of odd, " in guide


def test_the_fix_overwrites_no_templates_of_overrides() -> None:
    several = spot(2, templates=(template_use(), template_use(id="lt-2")))
    (command,) = commands(judged(own(several, policy="types")))
    assert command.startswith("aws autoscaling describe-auto-scaling-groups ")


def test_the_fix_of_the_strategy_and_of_rebalancing() -> None:
    cheap = spot(purchase=Purchase(on_demand_percentage=50, spot_strategy="lowest-price"))
    strategy, rebalance, mixed = commands(judged(own(cheap, capacity_rebalance=False)))
    assert '"SpotAllocationStrategy": "price-capacity-optimized"' in strategy
    assert rebalance.endswith("--auto-scaling-group-name odd --capacity-rebalance")
    assert "--auto-scaling-group-names odd" in mixed


LOCAL = subnet("euw1-lhr1-az1", zone_name="eu-west-1-lhr-1a")


@pytest.mark.parametrize(
    "capacities",
    [
        pytest.param([of_eks(spot(4))], id="managed, four types over three zones"),
        pytest.param([own(matched(LARGE))], id="instance requirements"),
        pytest.param([managed("a"), of_eks()], id="On-Demand and Spot apart"),
        pytest.param([of_eks(name=z, zones=[z]) for z in ZONES], id="one a zone"),
        pytest.param([managed("gpu", group={"launch": launch(instance_types=(GPU,))})], id="GPUs On-Demand"),
        pytest.param([own(spot(6), subnets=(*(subnet(z) for z in ZONES), LOCAL))], id="a Local Zone beside"),
    ],
)
def test_healthy_layouts_are_not_blamed(capacities: list[Any]) -> None:
    found = judge(whole(*capacities), [spot_too_narrow])
    assert {each.status for each in found} <= {Status.PASSED, Status.NOT_APPLICABLE}
    assert found


def whole(*capacities: Any) -> Snapshot:  # noqa: ANN401  any capacity
    return snapshot(*capacities, cluster=PROVEN, instance_types=TYPES, offered_zones=OFFERED)


@given(st.randoms(use_true_random=False))
def test_the_order_of_capacities_never_changes_a_word(random: Random) -> None:
    capacities = [
        own(name="a", zones=ZONES[:1]),
        own(name="b", zones=ZONES[1:2]),
        of_eks(name="c", zones=ZONES[2:]),
        of_eks(spot(1), name="d"),
        own(gap(), name="e", zones=ZONES[:1]),
    ]
    expected = judge(whole(*capacities), [spot_too_narrow])
    random.shuffle(capacities)
    assert judge(whole(*capacities), [spot_too_narrow]) == expected
