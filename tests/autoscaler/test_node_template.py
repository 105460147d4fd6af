"""The simulated node, by upstream's own cases, and by what may be true of any tags."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.autoscaler.compare import differences
from eks_auditor.autoscaler.first_instance import described_types
from eks_auditor.autoscaler.node_template import NodeTemplate, Source, believed
from eks_auditor.autoscaler.options import ignored_options, ignored_resources
from eks_auditor.autoscaler.real_node import real
from eks_auditor.autoscaler.tags import EKS, LABEL, OPTION, RESOURCE, TAINT
from eks_auditor.model.capacity import (
    Bounds,
    InstanceRequirements,
    ManagedNodeGroup,
    SelfManagedGroup,
    Taint,
)
from eks_auditor.model.gap import UnreadableError, known
from tests.builders import eks_tags, gap, image, instance_type, launch, managed, self_managed, snapshot

FILES = yaml.safe_load(Path(__file__).with_name("upstream_templates.yaml").read_text())
CASES = [
    pytest.param(case, id=f"{test} {number}")
    for tests in FILES.values()
    for test, cases in tests.items()
    for number, case in enumerate(cases, start=1)
]
MINOR = "1.36"


def taints(rows: list[list[str]]) -> tuple[Taint, ...]:
    """Read rows of key, value and effect; null is a value that EKS does not tell."""
    return tuple(
        Taint(key=key, value=value or "", effect=effect, has_value=value is not None) for key, value, effect in rows
    )


def required(wanted: dict[str, Any], name: str) -> InstanceRequirements:
    counted = {"accelerators": Bounds(least=wanted["accelerators"])} if "accelerators" in wanted else {}
    return InstanceRequirements(
        vcpus=Bounds(least=wanted["vcpus"], greatest=8),
        memory_mib=Bounds(least=wanted["memory_mib"]),
        types=tuple(wanted.get("types", (name,))),
        accelerator_makers=tuple(wanted.get("makers", ())),
        accelerator_kinds=tuple(wanted.get("kinds", ())),
        sets=wanted.get("sets", 1),
        **counted,
    )


def capacity(case: dict[str, Any]) -> ManagedNodeGroup | SelfManagedGroup:
    """Build the group of a case: a managed one where the API answers, else one that knows nothing but its tags."""
    shape = case.get("type", {}) or {}
    wanted = case.get("requirements")
    name = shape.get("name", "m7i.large" if "type" not in case else "nonexistent.xlarge")
    launched = launch(
        instance_types=() if wanted else tuple(case.get("launches", (name,))),
        requirements=required(wanted, name) if wanted else None,
        base_type=case.get("base_type"),
        **({"configuration": "launcher", "templates": ()} if case.get("configuration") else {}),
    )
    policy = case.get("policy", "requirements" if wanted else None)
    group = {"launch": launched, "zone_names": tuple(case.get("zones", ("eu-west-1a",))), "policy": policy}
    if "api" not in case:
        return self_managed(group=group | {"tags": case.get("tags", {})})
    api = dict(case["api"])
    api["taints"] = taints(api.get("taints", []))
    return managed(group=group | {"tags": eks_tags() | case.get("tags", {})}, **api)


def simulated(case: dict[str, Any], minor: str = MINOR) -> NodeTemplate:
    built = capacity(case)
    shapes = [instance_type(), *([instance_type(**case["type"])] if case.get("type") else [])]
    read = snapshot(built, instance_types={shape.name: shape for shape in shapes})
    return believed(built, known(built.groups)[0], read, minor)


@pytest.mark.parametrize("case", CASES)
def test_the_node_is_simulated_as_upstream_does(case: dict[str, Any]) -> None:
    if "unreadable" in case:
        with pytest.raises(UnreadableError, match=case["unreadable"]):
            simulated(case)
        return
    node = simulated(case)
    for key, value in case.get("labels", {}).items():
        assert node.labels[key] == value
    for name, quantity in case.get("resources", {}).items():
        assert node.resources[name] == Decimal(quantity)
    assert "taints" not in case or node.taints == taints(case["taints"])
    assert not {*node.labels, *node.resources} & set(case.get("absent", ()))
    assert node.instance_type == case.get("instance_type", node.instance_type)
    assert node.zone == case.get("zone", node.zone)


@pytest.mark.parametrize(
    ("minor", "effect"), [("1.29", "NO_SCHEDULE"), ("1.30", "NO_SCHEDULE"), ("1.31", "NoSchedule")]
)
def test_the_effects_of_the_api_are_translated_from_1_31_on(minor: str, effect: str) -> None:
    """Upstream's TestTaintEksTranslator came with it."""
    node = simulated({"api": {"taints": [["dedicated", "gpu", "NoSchedule"]]}}, minor)
    assert node.taints == taints([["dedicated", "gpu", effect]])


def test_before_1_31_an_effect_that_no_one_knows_is_taken_as_it_stands() -> None:
    node = simulated({"api": {"labels": {"team": "a"}, "taints": [["key", "value", "TAINT_NO_EXISTS"]]}}, "1.30")
    assert node.labels["team"] == "a"
    assert node.taints == taints([["key", "value", "TAINT_NO_EXISTS"]])


def test_each_part_says_where_it_comes_from() -> None:
    tags = {f"{LABEL}a": "1", f"{TAINT}t": "v:NoSchedule", f"{RESOURCE}r": "1", f"{OPTION}scaledownunreadytime": "5m"}
    api = {"labels": {"b": "2"}, "taints": [["u", "w", "NoExecute"]], "tags": {f"{RESOURCE}s": "1"}}
    node = simulated({"tags": tags, "api": api})
    expected = {
        "label:a": Source.TAG,
        "label:b": Source.EKS,
        "label:nodegroup-name": Source.EKS_TAG,
        "label:kubernetes.io/os": Source.GENERIC,
        "label:kubernetes.io/arch": Source.INSTANCE_TYPE,
        "taint:t": Source.TAG,
        "taint:u": Source.EKS,
        "resource:r": Source.TAG,
        "resource:s": Source.NODEGROUP_TAG,
        "resource:cpu": Source.INSTANCE_TYPE,
        "resource:pods": Source.GENERIC,
    }
    assert expected.items() <= node.sources.items()
    assert node.options == {"scaledownunreadytime": "5m"}


class TestWhoIsAskedAbout:
    """The autoscaler asks EKS for what the tags name, whatever EKS itself says of the group."""

    def test_without_the_tags_of_eks_nobody(self) -> None:
        web = managed(labels={"team": "a"}, group={"tags": {}})
        node = believed(web, known(web.groups)[0], snapshot(web), MINOR)
        assert "team" not in node.labels

    def test_another_group_by_its_name(self) -> None:
        web, other = managed(group={"tags": eks_tags("other")}), managed("other", labels={"team": "b"})
        node = believed(web, known(web.groups)[0], snapshot(web, other), MINOR)
        assert node.labels["team"] == "b"

    @pytest.mark.parametrize("tags", [eks_tags(cluster_name="elsewhere"), eks_tags("gone")])
    def test_what_is_not_of_this_cluster_tells_nothing(self, tags: dict[str, str]) -> None:
        web = managed(labels={"team": "a"}, group={"tags": tags})
        node = believed(web, known(web.groups)[0], snapshot(web), MINOR)
        assert "team" not in node.labels


class TestWhatWasNotRead:
    def test_the_launch(self) -> None:
        batch = self_managed(group={"launch": gap()})
        with pytest.raises(UnreadableError, match="UnauthorizedOperation"):
            believed(batch, batch.group, snapshot(batch), MINOR)

    def test_the_type(self) -> None:
        batch = self_managed()
        with pytest.raises(UnreadableError, match="Unauthorized"):
            believed(batch, batch.group, snapshot(batch, instance_types={"m7i.large": gap()}), MINOR)

    def test_the_types_that_match_requirements(self) -> None:
        wanted = InstanceRequirements(vcpus=Bounds(least=2), memory_mib=Bounds(least=4096), types=gap())
        batch = self_managed(group={"launch": launch(instance_types=(), requirements=wanted)})
        with pytest.raises(UnreadableError, match="Unauthorized"):
            believed(batch, batch.group, snapshot(batch), MINOR)


class TestTypesThatNobodyDescribed:
    """A snapshot describes the types that groups name, not all that match their requirements."""

    @staticmethod
    def of(accelerators: Bounds | None = None, *, policy: bool = True) -> NodeTemplate:
        wanted = InstanceRequirements(
            vcpus=Bounds(least=2),
            memory_mib=Bounds(least=4096),
            accelerators=accelerators,
            types=("c6g.large", "c7g.large"),
        )
        launched = launch(image_ids=("ami-arm",), instance_types=(), requirements=wanted)
        batch = self_managed(group={"launch": launched, "policy": "requirements" if policy else None})
        read = snapshot(batch, images={"ami-arm": image(architecture="arm64")})
        return believed(batch, batch.group, read, MINOR)

    @pytest.mark.parametrize("accelerators", [None, Bounds(least=0, greatest=0)])
    def test_the_image_tells_the_architecture_and_the_requirements_the_rest(self, accelerators: Bounds | None) -> None:
        node = self.of(accelerators)
        assert (node.instance_type, node.labels["kubernetes.io/arch"]) == ("c6g.large", "arm64")
        assert node.resources["cpu"] == Decimal(2)
        assert node.resources["memory"] == Decimal(4 * 2**30)
        assert node.resources["nvidia.com/gpu"] == 0

    def test_whose_accelerators_they_have_is_not_guessed(self) -> None:
        with pytest.raises(UnreadableError, match=r"c6g\.large: not asked for"):
            self.of(Bounds(least=1))

    def test_without_a_policy_their_sizes_would_count(self) -> None:
        with pytest.raises(UnreadableError, match=r"c6g\.large: not asked for"):
            self.of(policy=False)


class TestDescribedTypes:
    """Whose shape has to be read for a group."""

    @staticmethod
    def of(wanted: InstanceRequirements | None, policy: str | None, **launched: object) -> tuple[str, ...]:
        types = ("m7i.large",) if wanted is None else ()
        made = launch(instance_types=types, requirements=wanted, **launched)
        return described_types(self_managed(group={"launch": made, "policy": policy}).group)

    @pytest.mark.parametrize(
        ("accelerators", "policy", "expected"),
        [
            (None, None, ("c6g.large",)),
            (None, "requirements", ()),
            (Bounds(least=0, greatest=0), "template", ()),
            (Bounds(least=1), "requirements", ("c6g.large",)),
        ],
    )
    def test_the_first_match_where_its_size_or_accelerators_count(
        self, accelerators: Bounds | None, policy: str | None, expected: tuple[str, ...]
    ) -> None:
        two, more = Bounds(least=2), Bounds(least=4096)
        types = ("c6g.large", "c7g.large")
        wanted = InstanceRequirements(vcpus=two, memory_mib=more, accelerators=accelerators, types=types)
        assert self.of(wanted, policy) == expected
        assert self.of(replace(wanted, types=gap()), policy) == ()
        assert self.of(replace(wanted, sets=2), policy, base_type="m6i.large") == (*expected, "m6i.large")

    def test_all_that_are_named(self) -> None:
        assert self.of(None, "types") == ("m7i.large",)
        assert described_types(self_managed(group={"launch": gap()}).group) == ()


TEXTS = st.text(max_size=20)
KEYS = TEXTS | st.builds(
    "".join, st.lists(st.sampled_from([LABEL, TAINT, RESOURCE, OPTION, EKS, "x", "/", ""]), max_size=4)
)
VALUES = TEXTS | st.sampled_from(["v:NoSchedule", ":", "1Gi", "e", "1e99999999", "10m", "true", "shop", "web"])
NAMES = st.text("abcxyz-._/0", min_size=1, max_size=30)
WORDS = st.text("abcXYZ-._0", max_size=30)
DECLARED = st.builds(
    Taint, key=NAMES, value=WORDS, effect=st.sampled_from(["NoSchedule", "NoExecute", "PreferNoSchedule"])
)


@given(tags=st.dictionaries(KEYS, VALUES, max_size=8), nodegroup_tags=st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_tags_are_read(tags: dict[str, str], nodegroup_tags: dict[str, str]) -> None:
    web = managed(group={"tags": eks_tags() | tags}, tags=nodegroup_tags)
    node = believed(web, known(web.groups)[0], snapshot(web), MINOR)
    parts = {f"label:{key}" for key in node.labels} | {f"taint:{taint.key}" for taint in node.taints}
    assert node.sources.keys() == parts | {f"resource:{name}" for name in node.resources}
    assert all(number.is_finite() for number in node.resources.values())
    ignored = (*ignored_resources(tags), *ignored_options(tags, MINOR))
    assert {tag.key for tag in ignored} <= tags.keys()


@given(
    labels=st.dictionaries(NAMES, WORDS, max_size=5),
    declared=st.lists(DECLARED, max_size=5, unique_by=lambda taint: taint.key),
)
def test_tags_made_of_labels_and_taints_give_them_back(labels: dict[str, str], declared: list[Taint]) -> None:
    """They make the simulated node the real one."""
    tags = {f"{LABEL}{key}": value for key, value in labels.items()}
    tags |= {f"{TAINT}{taint.key}": f"{taint.value}:{taint.effect}" for taint in declared}
    batch = self_managed(group={"tags": tags}, labels=labels, taints=tuple(declared))
    node = believed(batch, batch.group, snapshot(batch), MINOR)
    assert labels.items() <= node.labels.items()
    assert sorted(node.taints, key=str) == sorted(declared, key=str)
    assert differences(node, real(batch, batch.group, snapshot(batch))) == ()
