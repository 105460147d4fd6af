"""No false alarm on what guides and tools make: every layout of layouts/ by every check of the autoscaler."""

from collections import Counter
from itertools import chain

import pytest

from eks_auditor.autoscaler.settings import AUTO, AutoscalerSettings
from eks_auditor.checks import CATALOGUE
from eks_auditor.findings.judge import judge
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Severity, Status
from eks_auditor.userdata import UnreadableUserDataError, read_user_data
from tests.autoscaler import built
from tests.autoscaler.built import Group, Layout

LAYOUTS = built.layouts()
IDS = [f"{layout['origin']}: {layout['name']}" for layout in LAYOUTS]
CHECKS = tuple(check for check in CATALOGUE if check.id.startswith("CAS"))
SCALED = AutoscalerSettings(scales="cluster-autoscaler")
each_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=IDS)


def judged(layout: Layout, settings: AutoscalerSettings = SCALED) -> tuple[Finding, ...]:
    return judge(built.snapshot(layout), CHECKS, settings)


def failures(found: tuple[Finding, ...]) -> dict[str, str]:
    """Return the failures from LOW on: what they are and how bad."""
    return {
        f"{each.check_id} {each.subject.name}": each.severity.name
        for each in found
        if each.status is Status.FAILED and each.severity >= Severity.LOW
    }


@each_layout
def test_a_layout_has_the_defects_that_it_has_and_no_others(layout: Layout) -> None:
    expected = layout.get("expect", {}) | dict.fromkeys(layout.get("low", []), "LOW")
    assert failures(judged(layout)) == expected


@each_layout
def test_all_of_a_layout_can_be_judged(layout: Layout) -> None:
    unreadable = {group["name"] for group in layout["groups"] if group.get("unreadable", False)}
    unknown = [each for each in judged(layout) if each.status is Status.UNKNOWN]
    assert [(each.subject.name, each.reason) for each in unknown if each.subject.name not in unreadable] == []


@each_layout
def test_a_layout_that_nothing_is_seen_to_scale_is_no_news(layout: Layout) -> None:
    """Without a word of people, and before anything has scaled: only those that ask for the autoscaler are judged."""
    asks = any("k8s.io/cluster-autoscaler/" in key for group in layout["groups"] for key in group.get("tags", {}))
    found = failures(judged(layout, AUTO))
    assert asks or set(found.values()) <= {"LOW"}


def test_above_low_is_only_what_is_expected_above_low() -> None:
    rungs = {severity for layout in LAYOUTS for severity in layout.get("expect", {}).values()}
    assert rungs <= {"MEDIUM", "HIGH", "CRITICAL"}


def test_there_are_enough_of_all_origins_each_with_its_file_and_source() -> None:
    origins = Counter(layout["origin"] for layout in LAYOUTS)
    assert set(origins) == {"eksctl", "terraform-aws-eks", "EKS user guide", "Cluster Autoscaler"}
    assert len(LAYOUTS) == len(set(IDS)) >= 40
    assert all(layout["file"] and layout["version"] for layout in LAYOUTS)
    assert {layout["repository"].rsplit("/", 2)[0] for layout in LAYOUTS} == {"https://github.com"}


def test_every_check_has_its_say() -> None:
    """A check that finds nothing to judge anywhere would prove nothing here."""
    said = {
        each.check_id for layout in LAYOUTS for each in judged(layout) if each.status in {Status.PASSED, Status.FAILED}
    }
    assert said == {check.id for check in CHECKS}


def test_most_have_no_defect_at_all() -> None:
    sound = [layout for layout in LAYOUTS if not layout.get("expect") and not layout.get("low")]
    assert len(sound) >= 20


SELF_MANAGED = [
    pytest.param(group, layout["tool"], id=f"{group['name']} of {layout['name']}")
    for layout in LAYOUTS
    for group in layout["groups"]
    if group["kind"] == "self-managed"
]


@pytest.mark.parametrize(("group", "tool"), SELF_MANAGED)
def test_user_data_is_read_as_its_tool_meant_it(group: Group, tool: str) -> None:
    written = built.user_data(group, tool)
    if group.get("unreadable", False):
        with pytest.raises(UnreadableUserDataError):
            read_user_data(written)
        return
    joining = read_user_data(written)
    assert (dict(joining.labels), set(joining.taints)) == (built.labels(group, tool), set(built.taints(group)))
    assert joining.clusters == {built.CLUSTER}


def test_every_form_and_type_is_of_some_layout() -> None:
    groups = list(chain.from_iterable(layout["groups"] for layout in LAYOUTS))
    forms = {group.get("joins", f"{layout['tool']}, AL2023") for layout in LAYOUTS for group in layout["groups"]}
    types = {name for group in groups for name in group.get("types", group.get("requirements", {}).get("types", []))}
    assert set(built.TOOLS["user_data"]) <= forms
    assert set(built.TOOLS["types"]) == types
