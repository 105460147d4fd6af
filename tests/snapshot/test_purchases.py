"""How a group buys its instances, what each counts for, and the types that match what it asks for instead of types."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.model.capacity import Bounds, InstanceRequirements, LaunchConfig, Purchase, is_gone
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from tests.snapshot.bench import ACCOUNT, BATCH, NOW, REGION, Bench, ago, batch, group_of

MATCHED = "ec2:GetInstanceTypesFromInstanceRequirements"
SMALL = {"VCpuCount": {"Min": 2, "Max": 2}, "MemoryMiB": {"Min": 8192, "Max": 8192}}
LARGE = {"VCpuCount": {"Min": 8}, "MemoryMiB": {"Min": 65536, "Max": 65536}, "AcceleratorCount": {"Max": 0}}
ON_DEMAND = Purchase()
SPOT = Purchase(on_demand_percentage=0)


@pytest.fixture
def started(bench: Callable[..., Any]) -> Iterator[Bench]:
    with bench(BATCH) as one:
        yield one


def content(bench: Bench) -> dict[str, Any]:
    """What the one launch template says."""
    [versions] = bench.aws.region(ACCOUNT, REGION).template_versions.values()
    found: dict[str, Any] = versions[0]["LaunchTemplateData"]
    return found


def mix(bench: Bench, *overrides: dict[str, Any], **distribution: object) -> None:
    """Put a mixed instances policy around the group's template."""
    template = batch(bench).pop("LaunchTemplate")
    policy: dict[str, Any] = {"LaunchTemplate": {"LaunchTemplateSpecification": template, "Overrides": list(overrides)}}
    if distribution:
        policy["InstancesDistribution"] = distribution
    batch(bench)["MixedInstancesPolicy"] = policy


def launch(snapshot: Snapshot, name: str = "batch") -> LaunchConfig:
    found = group_of(snapshot, name).launch
    assert isinstance(found, LaunchConfig)
    return found


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        ({}, Purchase(spot_strategy="lowest-price")),  # Auto Scaling's defaults, for what a policy leaves out
        (
            {"OnDemandBaseCapacity": 2, "OnDemandPercentageAboveBaseCapacity": 25},
            Purchase(on_demand_base=2, on_demand_percentage=25, spot_strategy="lowest-price"),
        ),
        (
            {"OnDemandPercentageAboveBaseCapacity": 0, "SpotAllocationStrategy": "price-capacity-optimized"},
            Purchase(on_demand_percentage=0, spot_strategy="price-capacity-optimized"),
        ),
    ],
)
def test_what_a_mixed_instances_policy_buys(started: Bench, distribution: dict[str, Any], expected: Purchase) -> None:
    mix(started, {"InstanceType": "m6i.large"}, **distribution)
    assert launch(started.read()).purchase == expected


@pytest.mark.parametrize(
    ("market", "expected"),
    [(None, ON_DEMAND), ({"MarketType": "spot"}, SPOT), ({"MarketType": "capacity-block"}, ON_DEMAND)],
)
def test_what_a_template_alone_buys(started: Bench, market: dict[str, str] | None, expected: Purchase) -> None:
    if market:
        content(started)["InstanceMarketOptions"] = market
    found = launch(started.read()).purchase
    assert (found, found.spot) == (expected, expected is SPOT)


@pytest.mark.parametrize(("price", "expected"), [({}, ON_DEMAND), ({"SpotPrice": "0.05"}, SPOT)])
def test_what_a_launch_configuration_buys(started: Bench, price: dict[str, str], expected: Purchase) -> None:
    del batch(started)["LaunchTemplate"]
    batch(started)["LaunchConfigurationName"] = "old-way"
    started.aws.region(ACCOUNT, REGION).launch_configurations["old-way"] = {
        "LaunchConfigurationName": "old-way",
        "ImageId": "ami-1",
        "InstanceType": "m5.large",
        "CreatedTime": ago(days=900),
        **price,
    }
    assert launch(started.read()).purchase == expected


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (({"InstanceType": "m5.large"},), "types"),
        (({"InstanceRequirements": SMALL},), "requirements"),
        (({"InstanceRequirements": SMALL}, {"InstanceRequirements": LARGE}), "template"),
        (({"WeightedCapacity": "1"},), "template"),
        ((), "template"),
    ],
)
def test_what_the_autoscaler_goes_by_in_a_policy(
    started: Bench, overrides: tuple[dict[str, Any], ...], expected: str
) -> None:
    own = content(started)["InstanceType"]
    plain = group_of(started.read(), "batch")
    assert (plain.policy, plain.lost_template) == (None, None)
    assert launch(started.read()).base_type is None
    mix(started, *overrides)
    snapshot = started.read()
    mixed = group_of(snapshot, "batch")
    assert (mixed.policy, mixed.lost_template) == (expected, None)
    assert launch(snapshot).base_type == (own if expected == "template" else None)
    assert launch(snapshot).base_type in {None, *snapshot.instance_types}


def test_the_template_of_a_policy_is_told_apart_from_those_of_its_overrides(started: Bench) -> None:
    mix(started, {"InstanceType": "m5.large"})
    specification = batch(started)["MixedInstancesPolicy"]["LaunchTemplate"]
    there = specification["LaunchTemplateSpecification"]
    gone = {"LaunchTemplateId": "lt-0123456789abcdef0", "Version": "1"}
    specification["Overrides"][0]["LaunchTemplateSpecification"] = gone
    own_gone = group_of(started.read(), "batch")
    assert isinstance(own_gone.launch, Gap)
    assert own_gone.lost_template is None
    specification["Overrides"][0]["LaunchTemplateSpecification"] = there
    specification["LaunchTemplateSpecification"] = gone
    base_gone = group_of(started.read(), "batch")
    assert isinstance(base_gone.launch, LaunchConfig)
    assert base_gone.lost_template is not None
    assert is_gone(base_gone.lost_template)


def test_what_each_type_counts_for(started: Bench) -> None:
    own = content(started)["InstanceType"]
    mix(
        started,
        {"InstanceType": "m5.large", "WeightedCapacity": "1"},
        {"InstanceType": "m5.xlarge", "WeightedCapacity": "2"},
        {"InstanceType": "c5.large"},
        {"WeightedCapacity": "4"},  # of the template's own type
    )
    assert launch(started.read()).weights == {"m5.large": 1, "m5.xlarge": 2, own: 4}


def test_no_weights(started: Bench) -> None:
    assert launch(started.read()).weights == {}


def test_requirements_of_an_override(started: Bench) -> None:
    mix(started, {"InstanceRequirements": SMALL})
    snapshot = started.read()
    found = launch(snapshot)
    assert found.instance_types == ()
    assert found.requirements is not None
    assert (found.requirements.vcpus, found.requirements.memory_mib) == (
        Bounds(least=2, greatest=2),
        Bounds(least=8192, greatest=8192),
    )
    assert found.requirements.accelerators is None
    types = found.requirements.types
    assert not isinstance(types, Gap)
    assert "m6i.large" in types
    assert "m6g.large" not in types, "the image is x86_64"
    assert snapshot.gaps == ()


def test_requirements_of_the_template(started: Bench) -> None:
    content(started)["InstanceRequirements"] = LARGE
    del content(started)["InstanceType"]
    found = launch(started.read()).requirements
    assert found is not None
    assert found.vcpus == Bounds(least=8)
    assert found.accelerators == Bounds(least=0, greatest=0)


def test_the_first_match_is_described_where_a_template_alone_asks(started: Bench) -> None:
    content(started)["InstanceRequirements"] = SMALL
    del content(started)["InstanceType"]
    snapshot = started.read()
    found = launch(snapshot).requirements
    assert found is not None
    first = known(found)[0]
    assert not isinstance(snapshot.instance_types[first], Gap)


def test_the_first_match_is_described_where_accelerators_are_wanted(started: Bench) -> None:
    several = {"VCpuCount": {"Min": 1}, "MemoryMiB": {"Min": 1}, "AcceleratorCount": {"Min": 1}}
    mix(
        started,
        {"InstanceRequirements": several | {"AcceleratorManufacturers": ["nvidia"], "AcceleratorTypes": ["gpu"]}},
    )
    snapshot = started.read()
    found = launch(snapshot).requirements
    assert found is not None
    assert (found.accelerator_makers, found.accelerator_kinds) == (("nvidia",), ("gpu",))
    first = known(found)[0]
    assert not isinstance(snapshot.instance_types[first], Gap)


def test_those_of_the_template_do_not_count_beside_a_type(started: Bench) -> None:
    content(started)["InstanceRequirements"] = SMALL
    del content(started)["InstanceType"]
    mix(started, {"InstanceType": "m6i.large"})
    found = launch(started.read())
    assert (found.requirements, found.instance_types) == (None, ("m6i.large",))
    assert MATCHED not in started.operations


def test_several_sets_of_requirements_are_one_with_the_widest_bounds(started: Bench) -> None:
    mix(started, {"InstanceRequirements": SMALL}, {"InstanceRequirements": LARGE})
    found = launch(started.read()).requirements
    assert found is not None
    assert (found.vcpus, found.memory_mib) == (Bounds(least=2), Bounds(least=8192, greatest=65536))
    assert found.accelerators is None, "one of them does not speak of them"
    assert found.sets == 2
    assert {"m6i.large", "m6i.4xlarge"} <= set(known(found))
    assert started.count(MATCHED) == 2


def known(requirements: InstanceRequirements) -> tuple[str, ...]:
    assert not isinstance(requirements.types, Gap)
    return requirements.types


def test_arm_images_run_on_arm_types(bench: Callable[..., Any]) -> None:
    arm = {"self_managed": {"batch": {"ami": "AL2023_ARM_64_STANDARD", "types": ["m6g.large"]}}}
    with bench(arm) as started:
        mix(started, {"InstanceRequirements": SMALL})
        found = launch(started.read()).requirements
    assert found is not None
    assert "m6g.large" in known(found)
    assert "m6i.large" not in known(found)


@pytest.mark.parametrize("page_size", [1, 3])
def test_all_pages_of_types(bench: Callable[..., Any], page_size: int) -> None:
    with bench(BATCH) as whole, bench(BATCH, page_size=page_size) as paged:
        for one in (whole, paged):
            mix(one, {"InstanceRequirements": SMALL})
        assert launch(paged.read()) == launch(whole.read())


def test_where_few_matching_types_are_offered_is_read(started: Bench) -> None:
    mix(started, {"InstanceRequirements": SMALL | {"AllowedInstanceTypes": ["m6i.*", "m5.*"]}})
    snapshot = started.read()
    found = launch(snapshot).requirements
    assert found is not None
    assert set(known(found)) == set(snapshot.offered_zones) == {"m5.large", "m6i.large"}


def test_where_any_number_of_types_is_offered_is_not(started: Bench) -> None:
    mix(started, {"InstanceRequirements": {"VCpuCount": {"Min": 1}, "MemoryMiB": {"Min": 1}}})
    snapshot = started.read()
    found = launch(snapshot).requirements
    assert found is not None
    assert len(known(found)) > 100
    assert snapshot.offered_zones == {}


def require(bench: Bench, requirements: dict[str, Any]) -> None:
    """Let all groups of the Region ask for the same, each in its own words' order."""
    for number, group in enumerate(bench.aws.region(ACCOUNT, REGION).groups.values()):
        ordered = dict(sorted(requirements.items(), reverse=number % 2 == 0))
        template = group.pop("LaunchTemplate")
        overrides = [{"InstanceRequirements": ordered}]
        group["MixedInstancesPolicy"] = {
            "LaunchTemplate": {"LaunchTemplateSpecification": template, "Overrides": overrides}
        }


@pytest.mark.parametrize("clusters", [1, 4])
def test_the_same_requirements_are_matched_once_whoever_has_them(bench: Callable[..., Any], clusters: int) -> None:
    names = [f"shop-{number}" for number in range(clusters)]
    groups: dict[str, Any] = {"self_managed": {"batch": {}, "other": {}}}
    with bench(clusters=dict.fromkeys(names, groups)) as started:
        require(started, SMALL)
        for name in names:
            started.now += timedelta(minutes=1)
            snapshot = started.read(name, not_before=NOW)
            assert launch(snapshot, "batch").requirements == launch(snapshot, "other").requirements
        assert started.count(MATCHED) == 1
        started.now += timedelta(minutes=11)
        started.read(names[0], not_before=NOW)
        assert started.count(MATCHED) == 2, "types come and go"


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "RequestLimitExceeded"])
def test_a_failure_hides_the_types_alone_and_holds_up_no_audit(started: Bench, code: str) -> None:
    mix(started, {"InstanceRequirements": SMALL})
    started.aws.fail("ec2", "GetInstanceTypesFromInstanceRequirements", code, "no", status=503)
    snapshot = started.read()
    gap = Gap(MATCHED, "instance requirements for x86_64", f"{code}: no", retryable=False)
    found = launch(snapshot)
    assert found.requirements == InstanceRequirements(
        vcpus=Bounds(least=2, greatest=2), memory_mib=Bounds(least=8192, greatest=8192), types=gap
    )
    assert found.image_ids
    assert snapshot.gaps == (gap,)


def test_an_image_that_is_gone_hides_the_types_alone(started: Bench) -> None:
    mix(started, {"InstanceRequirements": SMALL, "ImageId": "ami-0123456789abcdef0"})
    snapshot = started.read()
    found = launch(snapshot).requirements
    assert found is not None
    assert isinstance(found.types, Gap)
    assert found.types.action == "ec2:DescribeImages"
    assert found.types in snapshot.gaps
    assert MATCHED not in started.operations


def test_a_template_without_an_image(started: Bench) -> None:
    mix(started, {"InstanceRequirements": SMALL})
    del content(started)["ImageId"]
    snapshot = started.read()
    found = launch(snapshot).requirements
    assert found is not None
    assert isinstance(found.types, Gap)
    assert found.types.error.startswith("NoImage: ")
    assert snapshot.gaps == (), "no read failed"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("m6i.large", (0, "", 0, 0)),
        ("g5.xlarge", (1, "NVIDIA", 0, 0)),
        ("p4d.24xlarge", (8, "NVIDIA", 0, 0)),
        ("inf2.48xlarge", (0, "", 12, 24)),
        ("trn1.2xlarge", (0, "", 1, 2)),
    ],
)
def test_what_accelerates_a_type(started: Bench, name: str, told: tuple[int, str, int, int]) -> None:
    mix(started, {"InstanceType": name})
    found = started.read().instance_types[name]
    assert not isinstance(found, Gap)
    assert (found.gpus, found.gpu_maker, found.neuron_devices, found.neuron_cores) == told
    assert found.accelerators == found.gpus + found.neuron_devices
