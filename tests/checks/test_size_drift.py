"""CAS011: sizes of managed groups that EKS does not know of."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.checks.size_drift import sizes_edited_behind_eks
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import ScheduledAction
from eks_auditor.model.finding import Finding
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Status
from tests.builders import NOW, autoscaler_tags, cluster, eks_tags, gap, managed, self_managed, snapshot
from tests.checks.judged import commands, finding

PROVEN = cluster(autoscaler_identity="kube-system/cluster-autoscaler")


def judged(*capacities: Any, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    return finding(sizes_edited_behind_eks, *capacities, **{"cluster": PROVEN} | deviations)


def word(found: Finding) -> str:
    if found.status is Status.FAILED:
        return found.severity.name
    return "settling" if found.settling else found.status.name


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, "PASSED"),
        ({"max_size": 9}, "MEDIUM"),
        ({"max_size": 7}, "LOW"),
        ({"min_size": 0}, "LOW"),
        ({"min_size": 2}, "LOW"),
        ({"min_size": 0, "max_size": 9}, "MEDIUM"),
        ({"min_size": None}, "UNKNOWN"),
        ({"max_size": None}, "UNKNOWN"),
    ],
)
def test_the_rungs(told: dict[str, Any], expected: str) -> None:
    group = {"min_size": 1, "max_size": 8}
    assert word(judged(managed(group=group, **told))) == expected


def test_the_desired_size_is_the_autoscalers() -> None:
    assert word(judged(managed(group={"desired": 7}))) == "PASSED"


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "UPDATING"},
        {"status": "CREATING"},
        {"status": "DEGRADED"},
        {"modified_at": NOW - timedelta(minutes=29)},
        {"group": {"max_size": 14, "refresh": "InProgress"}},
    ],
)
def test_eks_raises_the_maximum_while_it_updates(fields: dict[str, Any]) -> None:
    fields = {"group": {"max_size": 14}} | fields
    assert word(judged(managed(min_size=1, max_size=8, **fields))) == "settling"


def test_what_settles_is_due_when_it_has() -> None:
    changed = NOW - timedelta(minutes=10)
    assert judged(managed(max_size=9, modified_at=changed)).due_at == changed + timedelta(minutes=30)


def test_who_scales_decides_whether_it_is_judged() -> None:
    drifted = managed(max_size=9)
    assert word(judged(drifted, cluster=cluster())) == "NOT_APPLICABLE"
    assert word(judged(drifted, cluster=cluster(autoscaler_identity=gap()))) == "UNKNOWN"
    assert word(judged(drifted, self_managed(), cluster=cluster())) == "MEDIUM"
    assert word(judged(managed(groups=gap()))) == "UNKNOWN"
    assert word(judged(managed(groups=()))) == "NOT_APPLICABLE"


NIGHT = ScheduledAction(name="night", recurrence="0 20 * * *", min_size=0, max_size=0)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ({"scheduled": (NIGHT,)}, "PASSED"),
        ({"scheduled": (replace(NIGHT, max_size=None),)}, "PASSED"),
        ({"scheduled": (replace(NIGHT, min_size=None, max_size=None, desired=0),)}, "MEDIUM"),
        ({"scheduled": (replace(NIGHT, ends_at=NOW),)}, "MEDIUM"),
        ({"scheduled": (NIGHT,), "suspended": frozenset({"ScheduledActions"})}, "MEDIUM"),
        ({"scheduled": gap()}, "UNKNOWN"),
    ],
)
def test_sizes_that_a_schedule_sets_are_meant(group: dict[str, Any], expected: str) -> None:
    night = {"min_size": 0, "max_size": 0, "desired": 0}
    assert word(judged(managed(group=night | group, min_size=1, max_size=8))) == expected


def test_two_audits_must_see_it() -> None:
    assert judged(managed(max_size=9)).confirm


def test_a_maximum_of_nothing_is_none_that_eks_takes() -> None:
    night = {"min_size": 0, "max_size": 0, "desired": 0}
    (back,) = commands(judged(managed(group=night, min_size=1, max_size=8)))
    assert back.startswith("aws autoscaling update-auto-scaling-group ")


def test_the_fix_goes_either_way() -> None:
    found = judged(managed(group={"min_size": 2, "max_size": 4}, min_size=1, max_size=8))
    back, onward = commands(found)
    assert "--auto-scaling-group-name eks-web-0a1b2c3d --min-size 1 --max-size 8" in back
    assert "--nodegroup-name web --scaling-config minSize=2,maxSize=4" in onward
    assert "has the sizes 2 to 4, and EKS was told 1 to 8" in found.reason


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(snapshot(managed(), cluster=PROVEN), id="as EKS made it"),
        pytest.param(snapshot(managed(group={"min_size": 3, "max_size": 3}), cluster=PROVEN), id="fixed size"),
        pytest.param(snapshot(managed(group={"min_size": 0, "desired": 0}), cluster=PROVEN), id="scaled to zero"),
        pytest.param(snapshot(self_managed(group={"tags": autoscaler_tags()}), cluster=PROVEN), id="self-managed"),
        pytest.param(snapshot(managed(group={"tags": eks_tags()}, max_size=99)), id="nothing scales it"),
    ],
)
def test_healthy_layouts_are_not_blamed(read: Snapshot) -> None:
    assert [each.reason for each in judge(read, [sizes_edited_behind_eks]) if each.status is Status.FAILED] == []
