"""CAS012: siblings that the autoscaler does not take for similar."""

import shlex
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.autoscaler.similar import Difference, Template, differences
from eks_auditor.checks import similar_siblings
from eks_auditor.checks.similar_siblings import siblings_not_similar
from eks_auditor.findings.judge import judge
from eks_auditor.model.finding import Finding
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Status
from tests.builders import (
    NOW,
    ZONES,
    cluster,
    days_ago,
    gap,
    instance_type,
    launch,
    managed,
    node,
    node_pool,
    self_managed,
    snapshot,
    subnet,
    template_use,
)

PROVEN = cluster(autoscaler_identity="kube-system/cluster-autoscaler")
TYPES = {
    "m7i.large": instance_type(),
    "m6i.large": instance_type("m6i.large"),
    "m5.large": instance_type("m5.large", memory_mib=8100),
    "g5.xlarge": instance_type("g5.xlarge", accelerators=1, gpus=1, gpu_maker="NVIDIA"),
    "inf2.xlarge": instance_type("inf2.xlarge", accelerators=1, neuron_devices=1, neuron_cores=2),
}
OF = "--balancing-ignore-label="
INSTANCE_TYPE = ["beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"]


def of_set(*capacities: Any, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    """The word on the one sibling set."""
    read = snapshot(*capacities, **{"cluster": PROVEN, "instance_types": TYPES} | deviations)
    (found,) = (each for each in judge(read, [siblings_not_similar]) if each.subject.kind == "sibling-set")
    return found


def word(found: Finding) -> str:
    if found.status is Status.FAILED:
        return found.severity.name
    return "settling" if found.settling else found.status.name


def one_a_zone(*deviations: dict[str, Any], build: Any = managed) -> list[Any]:  # noqa: ANN401  a builder and what it makes
    """A group in each of so many zones, each with its own deviations."""
    return [build(f"web-{zone[-1]}", zones=[zone], **own) for zone, own in zip(ZONES, deviations, strict=False)]


def of_type(name: str, **group: Any) -> dict[str, Any]:  # noqa: ANN401  any field of a group
    return {"group": {"launch": launch(instance_types=(name,))} | group}


def with_template(number: int, version: str = "4") -> dict[str, Any]:
    return {"template": template_use(id=f"lt-{number:017x}", version=version)}


LONG_AGO = {"modified_at": days_ago(8)}


def named_in(found: Finding) -> list[str]:
    """The labels of the flags in the command that mends it."""
    (command,) = (fix.command for fix in found.fix if fix.tool == "kubectl")
    _, _, flags = command.partition(" # add ")
    return [flag.removeprefix(OF) for flag in shlex.split(flags)]


@pytest.mark.parametrize(
    ("deviations", "labels"),
    [
        ((with_template(1), with_template(2)), ["eks.amazonaws.com/sourceLaunchTemplateId"]),
        ((with_template(1), with_template(1, "5")), ["eks.amazonaws.com/sourceLaunchTemplateVersion"]),
        (
            (with_template(1), {}),
            ["eks.amazonaws.com/sourceLaunchTemplateId", "eks.amazonaws.com/sourceLaunchTemplateVersion"],
        ),
        ((of_type("m7i.large"), of_type("m6i.large")), INSTANCE_TYPE),
        ((of_type("m7i.large"), of_type("m5.large")), INSTANCE_TYPE),
        (({"labels": {"az": "eu-west-1a"}}, {"labels": {"az": "eu-west-1b"}}), ["az"]),
        (({"labels": {"group": "web-1"}}, {"labels": {"group": "web-2"}}), ["group"]),
        (({"nodes": (node(1, image_id="ami-old"),)} | LONG_AGO, LONG_AGO), ["eks.amazonaws.com/nodegroup-image"]),
    ],
)
def test_what_parts_siblings_is_named_with_its_flags(deviations: tuple[dict[str, Any], ...], labels: list[str]) -> None:
    found = of_set(*one_a_zone(*deviations))
    assert word(found) == "LOW"
    assert named_in(found) == labels
    assert all(label in found.reason for label in labels)
    assert "not visible" in found.reason


def test_each_label_is_named_once() -> None:
    found = of_set(*one_a_zone(*(with_template(number) for number in (1, 2, 3))))
    assert named_in(found) == ["eks.amazonaws.com/sourceLaunchTemplateId"]
    assert found.reason.count("sourceLaunchTemplateId") == 1


def test_a_resource_has_no_flag() -> None:
    types = {"m7i.large": TYPES["g5.xlarge"], "m6i.large": TYPES["inf2.xlarge"]}
    found = of_set(*one_a_zone(of_type("m7i.large"), of_type("m6i.large")), instance_types=types)
    assert "nvidia.com/gpu (1 and none)" in found.reason
    assert named_in(found) == INSTANCE_TYPE


IDLE: dict[str, Any] = {"group": {"desired": 0, "instances": (), "min_size": 0}, "nodes": ()}


def test_only_an_empty_group_differs() -> None:
    labels = [{"labels": {"az": zone}} for zone in ZONES]
    assert word(of_set(*one_a_zone({}, {}, labels[0] | IDLE))) == "INFORMATIONAL"
    assert word(of_set(*one_a_zone(labels[0] | IDLE, labels[1] | IDLE))) == "INFORMATIONAL"
    assert word(of_set(*one_a_zone(*labels[:2], IDLE))) == "LOW"
    assert word(of_set(*one_a_zone({}, IDLE, IDLE))) == "PASSED"


def test_a_group_that_sleeps_for_the_night_counts_as_one_that_runs() -> None:
    asleep = {"group": {**IDLE["group"], "scaled_at": days_ago(1)}, "nodes": ()}
    found = of_set(*one_a_zone(asleep | {"labels": {"az": "eu-west-1a"}}, asleep | {"labels": {"az": "eu-west-1b"}}))
    assert word(found) == "LOW"
    assert found.due_at == days_ago(1) + timedelta(days=7)
    unread = {"group": {**IDLE["group"], "scaled_at": gap()}, "nodes": ()}
    assert word(of_set(*one_a_zone(unread | {"labels": {"az": "eu-west-1a"}}, {}))) == "UNKNOWN"


def test_groups_are_updated_one_after_the_other() -> None:
    behind = {"nodes": (node(1, image_id="ami-old"),)} | LONG_AGO
    found = of_set(*one_a_zone(behind, {"modified_at": days_ago(2)}))
    assert word(found) == "settling"
    assert found.due_at == days_ago(2) + timedelta(days=7)
    assert word(of_set(*one_a_zone(behind | {"labels": {"az": "eu-west-1a"}}, {"modified_at": days_ago(2)}))) == "LOW"


def test_an_empty_managed_group_is_similar_while_a_node_of_it_is_remembered() -> None:
    empty = of_set(*one_a_zone({}, IDLE, IDLE))
    assert "while it remembers a node of eks-web-2-0a1b2c3d, eks-web-3-0a1b2c3d, now empty" in empty.reason
    assert "nodegroup-name" in empty.reason
    assert "remembers" not in of_set(*one_a_zone({}, {})).reason
    assert "remembers" not in of_set(*one_a_zone({}, IDLE, build=self_managed)).reason


def test_memory_is_compared_between_the_least_and_the_most() -> None:
    """None of them is too far from the first."""
    types = {f"m{n}.large": instance_type(f"m{n}.large", memory_mib=8192 + 100 * n) for n in (-1, 0, 1)}
    own = [of_type(f"m{n}.large") for n in (0, -1, 1)]
    named = {"labels": dict.fromkeys(INSTANCE_TYPE, "x")}
    found = of_set(*one_a_zone(*({**one, **named} for one in own)), instance_types=types)
    assert "memory (8092 and 8292)" in found.reason
    assert word(of_set(*one_a_zone(*({**one, **named} for one in own[:2])), instance_types=types)) == "LOW"


def test_as_many_comparisons_as_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(one: Template, other: Template) -> tuple[Difference, ...]:
        asked.append((one, other))
        return differences(one, other)

    monkeypatch.setattr(similar_siblings, "differences", counted)
    many = [managed(f"web-{n}", zones=[ZONES[n % 3]], labels={"group": f"web-{n}"}) for n in range(60)]
    assert word(of_set(*many)) == "LOW"
    assert len(asked) <= 2 * len(many)


@pytest.mark.parametrize(
    "capacities",
    [
        [managed(labels={"az": "eu-west-1a"}), managed("b", labels={"az": "eu-west-1b"})],
        [managed("a", zones=ZONES[:1], labels={"az": "eu-west-1a"}), managed("b", labels={"az": "eu-west-1b"})],
        [managed(n, zones=ZONES[:1], labels={"group": n}) for n in "ab"],
        [managed("a", zones=ZONES[:1])],
        one_a_zone(*({"labels": {"az": z}, "group": {"min_size": 3, "max_size": 3}} for z in ZONES)),
        [node_pool()],
    ],
    ids=["over all zones", "one over all zones", "both in one zone", "one group", "fixed sizes", "a pool"],
)
def test_there_is_nothing_to_balance(capacities: list[Any]) -> None:
    assert word(of_set(*capacities)) == "NOT_APPLICABLE"


def test_local_zones_are_no_place_to_balance() -> None:
    local = subnet("euw1-lhr1-az1", zone_name="eu-west-1-lhr-1a")
    there = managed("local", group={"subnets": (local,)}, labels={"az": "x"})
    assert word(of_set(*one_a_zone({"labels": {"az": "x"}}), there)) == "NOT_APPLICABLE"


@pytest.mark.parametrize(
    "fields",
    [{"status": "UPDATING"}, {"modified_at": NOW - timedelta(minutes=5)}, {"group": {"refresh": "InProgress"}}],
)
def test_images_differ_while_they_roll_out(fields: dict[str, Any]) -> None:
    rolling = {"nodes": (node(1, image_id="ami-new"),), **fields}
    assert word(of_set(*one_a_zone(rolling, {}))) == "settling"


def test_a_group_with_nodes_of_two_images_is_taken_by_its_template() -> None:
    both = {"nodes": (node(1), node(2, image_id="ami-old"))}
    assert word(of_set(*one_a_zone(both, {}))) == "PASSED"


def test_what_could_not_be_read() -> None:
    plain: list[dict[str, Any]] = [{}, {}]
    unread = snapshot(*one_a_zone(*plain), cluster=PROVEN, instance_types={"m7i.large": gap()})
    assert {word(found) for found in judge(unread, [siblings_not_similar])} == {"UNKNOWN"}
    found = judge(snapshot(*one_a_zone(*plain), self_managed(labels=gap()), cluster=PROVEN), [siblings_not_similar])
    assert {each.subject.name: each.status.name for each in found if each.subject.kind != "sibling-set"} == {
        "web-1": "NOT_APPLICABLE",
        "web-2": "NOT_APPLICABLE",
        "batch": "UNKNOWN",
    }


def test_who_scales_decides_whether_it_is_judged() -> None:
    apart = one_a_zone(with_template(1), with_template(2))
    assert word(of_set(*apart, cluster=cluster())) == "NOT_APPLICABLE"
    assert word(of_set(*apart, cluster=cluster(autoscaler_identity=gap()))) == "UNKNOWN"


def test_a_hostile_label_stays_one_word_of_the_command() -> None:
    labels = [{"labels": {"x; reboot": zone}} for zone in ("eu-west-1a", "eu-west-1b")]
    assert named_in(of_set(*one_a_zone(*labels, build=self_managed))) == ["x; reboot"]


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(snapshot(*one_a_zone({}, {}, {}), cluster=PROVEN), id="EKS's own templates"),
        pytest.param(snapshot(*one_a_zone({}, {}, {}, build=self_managed), cluster=PROVEN), id="self-managed"),
        pytest.param(snapshot(*one_a_zone(*[with_template(1)] * 3), cluster=PROVEN), id="one template of the user's"),
        pytest.param(
            snapshot(*one_a_zone(*({"labels": {"topology.kubernetes.io/zone": z}} for z in ZONES)), cluster=PROVEN),
            id="a label that the autoscaler ignores",
        ),
        pytest.param(snapshot(*one_a_zone({}, IDLE, {}), cluster=PROVEN), id="one scaled to zero"),
        pytest.param(snapshot(*one_a_zone(with_template(1), with_template(2))), id="nothing scales it"),
    ],
)
def test_healthy_layouts_are_not_blamed(read: Snapshot) -> None:
    assert [each.reason for each in judge(read, [siblings_not_similar]) if each.status is Status.FAILED] == []


@given(st.randoms(use_true_random=False))
def test_the_order_of_capacities_never_changes_a_word(random: Random) -> None:
    capacities = [*one_a_zone(with_template(1), with_template(2), IDLE), managed("wide"), node_pool()]
    read = {"cluster": PROVEN, "instance_types": TYPES}
    expected = judge(snapshot(*capacities, **read), [siblings_not_similar])
    random.shuffle(capacities)
    assert judge(snapshot(*capacities, **read), [siblings_not_similar]) == expected
