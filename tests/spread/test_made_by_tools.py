"""One group for each zone, as Terraform's module and eksctl make them, is one sibling set whatever they write on it."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import TypedDict

import pytest
import yaml

from eks_auditor.autoscaler.similar import Template, differences
from eks_auditor.checks.zones import group_pinned_to_one_zone, nodes_unevenly_spread
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import GroupCapacity
from eks_auditor.model.verdict import Status
from eks_auditor.spread.siblings import Spread
from tests.builders import ZONES, eks_tags, launch, managed, self_managed, snapshot, subnet, template_use

OWN_NAMES = ("api-a", "api-b", "api-c")
CAPACITY = {"cpu": 2, "memory": 8 << 30, "pods": 29}


class Made(TypedDict):
    """A case of made_by_tools.yaml, which says what is what."""

    source: str
    kind: str
    names: list[str]
    labels: dict[str, str]
    tags: dict[str, str]
    templates: list[str]
    dissimilar: list[str]


MADE: Mapping[str, Made] = yaml.safe_load((Path(__file__).parent / "made_by_tools.yaml").read_text(encoding="utf-8"))


def filled(texts: Mapping[str, str], number: int) -> dict[str, str]:
    zone = subnet(ZONES[number]).zone_name
    return {key: text.format(name=OWN_NAMES[number], zone=zone) for key, text in texts.items()}


def template_id(number: int) -> str:
    return f"lt-{number + 1:017x}"


def groups(made: Made) -> list[GroupCapacity]:
    return [_group(made, number) for number in range(len(ZONES))]


def _group(made: Made, number: int) -> GroupCapacity:
    name, zones, labels = made["names"][number], [ZONES[number]], filled(made["labels"], number)
    own = made["templates"]
    used = template_use(id=template_id(number), name=own[number], version="1", default_version="1") if own else None
    tags = filled(made["tags"], number)
    launched = launch(templates=() if used is None else (used,))
    if made["kind"] == "self-managed":
        return self_managed(name, labels=labels, zones=zones, group={"tags": tags, "launch": launched})
    group = {"tags": eks_tags(name) | tags, "launch": launched}
    return managed(name, labels=labels, zones=zones, group=group, template=used)


def node_of(made: Made, number: int) -> Template:
    """The group's next node with all of its labels: declared ones, the kubelet's, and EKS's on managed nodes."""
    zone = subnet(ZONES[number])
    labels = {
        "kubernetes.io/hostname": f"ip-10-0-{number}-1.eu-west-1.compute.internal",
        "node.kubernetes.io/instance-type": "m7i.large",
        "topology.kubernetes.io/region": "eu-west-1",
        "topology.kubernetes.io/zone": zone.zone_name,
        "topology.k8s.aws/zone-id": zone.zone_id,
    }
    if made["kind"] == "managed":
        labels |= {
            "eks.amazonaws.com/capacityType": "ON_DEMAND",
            "eks.amazonaws.com/nodegroup": made["names"][number],
            "eks.amazonaws.com/nodegroup-image": "ami-0a1b2c3d4e5f60718",
        }
        if made["templates"]:
            labels["eks.amazonaws.com/sourceLaunchTemplateId"] = template_id(number)
            labels["eks.amazonaws.com/sourceLaunchTemplateVersion"] = "1"
    return Template(labels=filled(made["labels"], number) | labels, capacity=CAPACITY)


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_one_group_for_each_zone_is_one_set(made: Made) -> None:
    sets = Spread.of(snapshot(*groups(made))).sets
    assert [sorted(member.name for member in found.members) for found in sets] == [made["names"]]


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_none_of_them_is_told_to_be_pinned_or_uneven(made: Made) -> None:
    found = judge(snapshot(*groups(made)), [group_pinned_to_one_zone, nodes_unevenly_spread])
    assert {each.status for each in found if each.check_id == "ZONE002"} == {Status.PASSED}
    assert [each.status for each in found if each.subject.kind == "sibling-set"] == [Status.PASSED]


def test_siblings_of_several_tools_are_one_set_and_another_workload_is_another() -> None:
    by_eksctl = MADE["eksctl, managedNodeGroups"]
    by_terraform = MADE["terraform-aws-eks, eks_managed_node_groups"]
    other: Made = {**by_terraform, "labels": {"workload": "jobs"}, "names": ["jobs-a", "jobs-b", "jobs-c"]}
    sets = Spread.of(snapshot(*groups(by_eksctl), *groups(by_terraform), *groups(other))).sets
    members = sorted(sorted(member.name for member in found.members) for found in sets)
    assert members == [sorted(by_eksctl["names"] + by_terraform["names"]), other["names"]]


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_the_autoscaler_may_tell_them_apart_all_the_same(made: Made) -> None:
    """What the same pods can use is one set; whether the autoscaler fills it evenly is another question."""
    for one, other in combinations(range(len(ZONES)), 2):
        found = differences(node_of(made, one), node_of(made, other))
        assert [each.name for each in found] == made["dissimilar"]
        flags = [each.name for each in found]
        assert differences(node_of(made, one), node_of(made, other), balancing_ignore_labels=flags) == ()
