"""CAS007: whether the first instance type of a group stands for all that it may launch."""

import shlex
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.autoscaler.settings import AutoscalerSettings
from eks_auditor.checks import shapes
from eks_auditor.checks.shapes import mixed_shapes
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import Bounds, InstanceRequirements, InstanceType
from eks_auditor.model.finding import Finding
from eks_auditor.model.gap import Gap
from eks_auditor.model.verdict import Severity, Status
from tests.builders import autoscaler_tags, cluster, eks_tags, gap, instance_type, launch, managed, self_managed
from tests.builders import snapshot as read
from tests.checks.judged import commands, finding

PROVEN = cluster(autoscaler_identity="kube-system/cluster-autoscaler")
GIB = 1024

FIRST = instance_type("m7i.xlarge", vcpus=4, memory_mib=16 * GIB)
TYPES = {
    shape.name: shape
    for shape in (
        FIRST,
        instance_type("m6i.xlarge", vcpus=4, memory_mib=16 * GIB),
        instance_type("m5.xlarge", vcpus=4, memory_mib=15 * GIB),
        instance_type("c7i.xlarge", vcpus=4, memory_mib=8 * GIB),
        instance_type("r7i.xlarge", vcpus=4, memory_mib=32 * GIB),
        instance_type("m7i.large", vcpus=2, memory_mib=8 * GIB),
        instance_type("m7i.2xlarge", vcpus=8, memory_mib=32 * GIB),
        instance_type("m7g.xlarge", vcpus=4, memory_mib=16 * GIB, architecture="arm64"),
        instance_type("t3.small", vcpus=2, memory_mib=2 * GIB),
        instance_type("t3.medium", vcpus=2, memory_mib=4 * GIB),
        instance_type("t3a.medium", vcpus=2, memory_mib=4 * GIB),
        instance_type("g5.xlarge", vcpus=4, memory_mib=16 * GIB, gpus=1, gpu_maker="NVIDIA"),
        instance_type("g6.xlarge", vcpus=4, memory_mib=16 * GIB, gpus=1, gpu_maker="NVIDIA"),
        instance_type("g4ad.xlarge", vcpus=4, memory_mib=16 * GIB, gpus=1, gpu_maker="AMD"),
        instance_type("g6.12xlarge", vcpus=48, memory_mib=192 * GIB, gpus=4, gpu_maker="NVIDIA"),
        instance_type("inf2.xlarge", vcpus=4, memory_mib=16 * GIB, neuron_devices=1, neuron_cores=2),
    )
}
GONE = "InvalidLaunchTemplateId.NotFound: The specified launch template, with template ID lt-1, does not exist."
HALVES = InstanceRequirements(vcpus=Bounds(least=2, greatest=4), memory_mib=Bounds(least=4 * GIB, greatest=8 * GIB))


def built(build: Any, names: tuple[str, ...], group: dict[str, Any], **launches: Any) -> Any:  # noqa: ANN401  a builder, and its product
    launched = launch(instance_types=names, **launches)
    tags = eks_tags("odd") if build is managed else autoscaler_tags()
    return build("odd", group={"launch": launched, "tags": tags, "min_size": 0} | group)


def judged(names: tuple[str, ...], build: Any = self_managed, group: Any = None, **launches: Any) -> Finding:  # noqa: ANN401  a builder, any field
    return finding(mixed_shapes, built(build, names, group or {}, **launches), cluster=PROVEN, instance_types=TYPES)


def word(found: Finding) -> str:
    return found.severity.name if found.status is Status.FAILED else found.status.name


both = pytest.mark.parametrize("build", [managed, self_managed])


@both
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("m7i.xlarge", "m7i.large"), "HIGH"),
        (("m7i.xlarge", "m7g.xlarge"), "HIGH"),
        (("g5.xlarge", "m7i.xlarge"), "HIGH"),
        (("g5.xlarge", "g4ad.xlarge"), "HIGH"),
        (("g6.12xlarge", "g6.xlarge"), "HIGH"),
        (("inf2.xlarge", "m7i.xlarge"), "HIGH"),
        (("m7i.xlarge", "c7i.xlarge"), "MEDIUM"),
        (("t3.medium", "t3.small"), "MEDIUM"),
        (("m7i.xlarge", "r7i.xlarge"), "LOW"),
        (("m7i.large", "m7i.xlarge"), "LOW"),
        (("m7i.xlarge", "g5.xlarge"), "LOW"),
        (("t3.small", "t3.medium"), "LOW"),
        (("m7i.xlarge", "r7i.xlarge", "c7i.xlarge", "m7i.large"), "HIGH"),
        (("m7i.xlarge", "m7i.2xlarge", "c7i.xlarge"), "MEDIUM"),
        # A larger type with less memory than it takes is told by what it lacks.
        (("r7i.xlarge", "m7i.2xlarge"), "LOW"),
    ],
)
def test_the_rungs(build: Any, names: tuple[str, ...], expected: str) -> None:  # noqa: ANN401  a builder
    assert word(judged(names, build)) == expected


@both
@pytest.mark.parametrize(
    "names",
    [
        ("m7i.xlarge",),
        ("m7i.xlarge", "m7i.xlarge"),
        ("m7i.xlarge", "m6i.xlarge", "m5.xlarge"),
        ("m5.xlarge", "m7i.xlarge"),
        ("t3.medium", "t3a.medium"),
        ("g5.xlarge", "g6.xlarge"),
        ("g6.12xlarge",),
        ("inf2.xlarge",),
    ],
)
def test_healthy_groups_pass(build: Any, names: tuple[str, ...]) -> None:  # noqa: ANN401  a builder
    found = judged(names, build)
    assert word(found) == "PASSED"
    assert "kube-system/cluster-autoscaler" in found.reason


@pytest.mark.parametrize(
    ("percent", "expected"), [(89, "MEDIUM"), (90, "PASSED"), (100, "PASSED"), (150, "PASSED"), (151, "LOW")]
)
def test_memory_may_differ_so_much(percent: int, expected: str) -> None:
    types = {"a": instance_type("a", memory_mib=10_000), "b": instance_type("b", memory_mib=100 * percent)}
    group = built(self_managed, ("a", "b"), {})
    assert word(finding(mixed_shapes, group, instance_types=types)) == expected


def test_the_reason_names_the_worst_type_and_the_numbers() -> None:
    found = judged(("m7i.xlarge", "r7i.xlarge", "m7i.large", "m6i.xlarge"))
    assert "simulated by its first type, m7i.xlarge" in found.reason
    assert "m7i.large has 2 vCPUs instead of 4, 8192 MiB of memory instead of 16384" in found.reason
    assert "2 of its 3 later types differ" in found.reason
    assert found.evidence["odd"] == "r7i.xlarge, m7i.large"


def test_the_order_decides_what_is_first() -> None:
    assert word(judged(("m7i.large", "m7i.xlarge"))) == "LOW"
    assert word(judged(("m7i.xlarge", "m7i.large"))) == "HIGH"


class TestWeights:
    @pytest.mark.parametrize(
        ("weights", "expected"),
        [
            ({}, "PASSED"),
            ({"m7i.xlarge": 1, "m6i.xlarge": 1}, "PASSED"),
            ({"m7i.xlarge": 1, "m6i.xlarge": 2}, "HIGH"),
            ({"m7i.xlarge": 4, "m6i.xlarge": 4}, "HIGH"),
        ],
    )
    def test_instances_have_to_count_for_one(self, weights: dict[str, int], expected: str) -> None:
        assert word(judged(("m7i.xlarge", "m6i.xlarge"), weights=weights)) == expected

    def test_the_reason_and_the_fix_name_them(self) -> None:
        found = judged(("m7i.xlarge", "m6i.xlarge"), weights={"m7i.xlarge": 4})
        assert "m7i.xlarge 4" in found.reason
        assert any("WeightedCapacity of m7i.xlarge" in command for command in commands(found))

    def test_they_are_told_beside_shapes(self) -> None:
        found = judged(("m7i.xlarge", "m7i.large"), weights={"m7i.xlarge": 4})
        assert "m7i.large has 2 vCPUs instead of 4" in found.reason
        assert "m7i.xlarge 4" in found.reason
        assert any("WeightedCapacity of m7i.xlarge" in command for command in commands(found))
        assert judged(("m7i.xlarge",), weights={"m7i.xlarge": 4}).reason.count("weighs its types") == 1

    def test_they_count_beside_unread_types(self) -> None:
        found = judged(("m7i.xlarge", "x9.large"), weights={"m7i.xlarge": 4})
        assert word(found) == "HIGH"
        assert found.partial


class TestRequirements:
    @pytest.mark.parametrize(
        ("vcpus", "expected"),
        [
            (Bounds(least=2, greatest=4), "PASSED"),
            (Bounds(least=4, greatest=4), "PASSED"),
            (Bounds(least=2, greatest=5), "INFORMATIONAL"),
            (Bounds(least=2), "INFORMATIONAL"),
            (Bounds(least=0, greatest=2), "INFORMATIONAL"),
        ],
    )
    def test_their_least_is_what_is_simulated(self, vcpus: Bounds, expected: str) -> None:
        wanted = InstanceRequirements(vcpus=vcpus, memory_mib=HALVES.memory_mib)
        found = judged((), requirements=wanted)
        assert word(found) == expected
        assert f"{vcpus.least} " in found.reason

    def test_memory_counts_as_well(self) -> None:
        wanted = InstanceRequirements(vcpus=HALVES.vcpus, memory_mib=Bounds(least=GIB, greatest=4 * GIB))
        found = judged((), requirements=wanted)
        assert word(found) == "INFORMATIONAL"
        assert found.evidence["wide"] == "1024 to 4096 MiB of memory"

    def test_of_several_sets_the_autoscaler_heeds_none(self) -> None:
        found = judged((), requirements=replace(HALVES, sets=2), group={"policy": "template"})
        assert word(found) == "INFORMATIONAL"
        assert "2 overrides with requirements" in found.reason
        assert commands(found)

    def test_what_they_match_is_not_needed(self) -> None:
        wanted = InstanceRequirements(vcpus=HALVES.vcpus, memory_mib=HALVES.memory_mib, types=gap())
        assert word(judged((), requirements=wanted)) == "PASSED"

    def test_a_launch_that_names_nothing_is_not_judged(self) -> None:
        assert word(judged(())) == "NOT_APPLICABLE"


class TestUnread:
    def test_a_lost_template_stops_the_autoscaler_only_where_it_goes_by_it(self) -> None:
        lost = gap("ec2:DescribeLaunchTemplateVersions", "lt-1", GONE)
        policies = {"template": "CRITICAL", "requirements": "UNKNOWN", "types": "UNKNOWN"}
        for policy, expected in policies.items():
            for build in (managed, self_managed):
                found = judged((), build, {"launch": lost, "policy": policy, "lost_template": lost})
                assert word(found) == expected, policy
        assert word(judged((), group={"launch": lost})) == "UNKNOWN"
        found = judged((), self_managed, {"launch": lost, "policy": "template", "lost_template": lost})
        assert "every group" in found.reason
        assert any("instead of lt-1" in command for command in commands(found))

    def test_a_lost_template_of_an_override_stops_that_group_alone(self) -> None:
        lost = gap("ec2:DescribeLaunchTemplateVersions", "lt-1", GONE)
        assert word(judged((), group={"launch": lost, "policy": "template"})) == "UNKNOWN"
        assert word(judged(("m7i.xlarge",), group={"policy": "template", "lost_template": lost})) == "CRITICAL"

    @pytest.mark.parametrize(("version", "expected"), [("1.30", "CRITICAL"), ("1.31", "CRITICAL"), ("1.32", "UNKNOWN")])
    def test_older_autoscalers_read_the_template_beside_types(self, version: str, expected: str) -> None:
        lost = gap("ec2:DescribeLaunchTemplateVersions", "lt-1", GONE)
        told = AutoscalerSettings(scales="cluster-autoscaler", version=version)
        for policy, as_told in (("types", expected), ("requirements", "UNKNOWN"), ("template", "CRITICAL")):
            group = built(self_managed, (), {"launch": lost, "policy": policy, "lost_template": lost})
            (found,) = judge(read(group), [mixed_shapes], told)
            assert word(found) == as_told, policy

    def test_a_group_that_is_not_discovered_stops_nobody(self) -> None:
        lost = gap("ec2:DescribeLaunchTemplateVersions", "lt-1", GONE)
        for sizes, expected in (({}, "UNKNOWN"), ({"max_size": 0, "desired": 0}, "NOT_APPLICABLE")):
            own = {"launch": lost, "lost_template": lost, "policy": "template"} | sizes
            assert word(judged((), self_managed, own | {"tags": {"kubernetes.io/cluster/shop": "owned"}})) == expected
            assert word(judged((), self_managed, own)) == "CRITICAL"

    @pytest.mark.parametrize("error", ["UnauthorizedOperation: no", "RequestLimitExceeded: slow down"])
    def test_a_template_that_could_not_be_read_is_no_lost_one(self, error: str) -> None:
        hidden = Gap("ec2:DescribeLaunchTemplateVersions", "lt-1", error)
        group = {"launch": hidden, "policy": "template", "lost_template": hidden}
        assert word(judged((), group=group)) == "UNKNOWN"

    def test_types_that_could_not_be_read(self) -> None:
        assert word(judged(("x9.large", "m7i.xlarge"))) == "UNKNOWN"
        assert word(judged(("m7i.xlarge", "x9.large"))) == "UNKNOWN"
        partly = judged(("m7i.xlarge", "x9.large", "r7i.xlarge"))
        assert word(partly) == "LOW"
        assert partly.partial
        assert word(judged(("x9.large",))) == "PASSED"

    def test_groups_that_could_not_be_read(self) -> None:
        assert word(finding(mixed_shapes, managed(groups=gap()), cluster=PROVEN)) == "UNKNOWN"
        assert word(finding(mixed_shapes, managed(groups=()), cluster=PROVEN)) == "NOT_APPLICABLE"

    def test_a_group_that_launches_nothing(self) -> None:
        assert word(judged(("m7i.xlarge", "m7i.large"), group={"max_size": 0, "desired": 0})) == "NOT_APPLICABLE"

    def test_a_cluster_that_the_autoscaler_does_not_scale(self) -> None:
        group = built(managed, ("m7i.xlarge", "m7i.large"), {})
        assert word(finding(mixed_shapes, group, instance_types=TYPES)) == "NOT_APPLICABLE"
        unread = cluster(autoscaler_identity=gap())
        assert word(finding(mixed_shapes, group, cluster=unread, instance_types=TYPES)) == "UNKNOWN"


class TestFix:
    def test_it_looks_for_types_of_the_same_shape(self) -> None:
        (found,) = [command for command in commands(judged(("m7i.xlarge", "m7i.large"))) if "describe-inst" in command]
        words = shlex.split(found, comments=True)
        assert "Name=vcpu-info.default-vcpus,Values=4" in words
        assert "Name=memory-info.size-in-mib,Values=16384" in words
        assert "Name=processor-info.supported-architecture,Values=x86_64" in words

    @pytest.mark.parametrize(
        ("names", "query"),
        [
            (("m7i.xlarge", "m7i.large"), "InstanceTypes[].InstanceType"),
            (("g6.xlarge", "m7i.xlarge"), "InstanceTypes[?GpuInfo.Gpus].InstanceType"),
            (("inf2.xlarge", "m7i.xlarge"), "InstanceTypes[?NeuronInfo].InstanceType"),
        ],
    )
    def test_those_have_its_accelerators(self, names: tuple[str, ...], query: str) -> None:
        (found,) = [command for command in commands(judged(names)) if "describe-inst" in command]
        words = shlex.split(found, comments=True)
        assert words[words.index("--query") + 1] == query

    def test_a_managed_group_is_made_anew_and_another_one_mended(self) -> None:
        names = ("m7i.xlarge", "m7i.large")
        assert any("create-nodegroup" in command for command in commands(judged(names, managed)))
        assert any("update-auto-scaling-group" in command for command in commands(judged(names)))


SHAPES = st.builds(
    instance_type,
    st.sampled_from(["a", "b", "c", "d"]),
    vcpus=st.sampled_from([2, 4]),
    memory_mib=st.sampled_from([8192, 16384, 20000]),
    gpus=st.sampled_from([0, 1]),
    architecture=st.sampled_from(["x86_64", "arm64"]),
)


@given(types=st.lists(SHAPES, min_size=1, unique_by=lambda shape: shape.name), random=st.randoms(use_true_random=False))
def test_the_order_of_later_types_never_changes_a_word(types: list[InstanceType], random: Random) -> None:
    first, *later = types
    known = {shape.name: shape for shape in types}

    def words(shapes: list[InstanceType]) -> str:
        names = (first.name, *(shape.name for shape in shapes))
        return word(finding(mixed_shapes, built(self_managed, names, {}), instance_types=known))

    shuffled = list(later)
    random.shuffle(shuffled)
    assert words(later) == words(shuffled)


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_of_two_types_that_differ_in_memory_the_smaller_one_belongs_first(one: int, other: int) -> None:
    types = {"a": instance_type("a", memory_mib=one), "b": instance_type("b", memory_mib=other)}

    def severity(*names: str) -> Severity | None:
        found = finding(mixed_shapes, built(self_managed, names, {}), instance_types=types)
        return found.severity if found.status is Status.FAILED else None

    smaller, larger = sorted("ab", key=lambda name: types[name].memory_mib)
    assert severity(smaller, larger) in {None, Severity.LOW}
    assert severity(larger, smaller) in {None, Severity.MEDIUM}


def test_the_limits_are_those_of_the_row() -> None:
    assert (shapes.LEAST_MEMORY_PERCENT, shapes.MOST_MEMORY_PERCENT, shapes.WIDEST) == (90, 150, 2)


@pytest.mark.parametrize(
    "group",
    [
        pytest.param(managed(), id="terraform-aws-eks"),
        pytest.param(built(managed, ("m5.xlarge", "m7i.xlarge"), {}), id="two generations"),
        pytest.param(built(self_managed, ("t3.medium", "t3a.medium"), {}), id="burstable of one size"),
        pytest.param(built(self_managed, (), {}, requirements=HALVES), id="requirements"),
    ],
)
def test_recommended_layouts_are_not_blamed(group: Any) -> None:  # noqa: ANN401  any capacity
    (found,) = judge(read(group, cluster=PROVEN, instance_types=TYPES | {"m7i.large": instance_type()}), [mixed_shapes])
    assert found.status is Status.PASSED
