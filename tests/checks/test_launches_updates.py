"""AMI010: updates of node groups that failed, were cancelled or are stuck."""

from datetime import timedelta
from typing import Any

import botocore.session
import pytest
from botocore.model import StringShape
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.checks.launches import update_failed_or_stuck
from eks_auditor.checks.version_updates import FIXES
from eks_auditor.model.capacity import KINDS, UpdateError
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Severity, Status
from eks_auditor.spread.surge import MOST_AT_ONCE, most_at_once
from tests.builders import (
    NOW,
    gap,
    image_id,
    launch,
    managed,
    node,
    nodegroup_update,
    template_use,
    version,
)
from tests.checks.judged import commands, finding

MOMENT = timedelta(seconds=1)
HOUR = timedelta(hours=1)
LEFT = (node(1, image_id=image_id(version(40))), node(2))


def judged(*updates: Any, **deviations: Any) -> Finding:  # noqa: ANN401  updates, any field of a group
    return finding(update_failed_or_stuck, managed(**{"updates": updates} | deviations))


def update(status: str, age: timedelta, *codes: str, **deviations: Any) -> Any:  # noqa: ANN401  any field of an update
    errors = tuple(UpdateError(code=code, message="said so", resource_ids=(f"node-of-{code}",)) for code in codes)
    return nodegroup_update(**{"status": status, "created_at": NOW - age, "errors": errors} | deviations)


# Failed


@pytest.mark.parametrize(
    ("age", "status"), [(timedelta(days=30) - MOMENT, Status.FAILED), (timedelta(days=30), Status.PASSED)]
)
def test_a_failure_counts_for_30_days(age: timedelta, status: Status) -> None:
    found = judged(update("Failed", age, "NodeCreationFailure"))

    assert found.status is status
    if status is Status.FAILED:
        assert found.severity is Severity.HIGH
        assert found.due_at == NOW + MOMENT
    else:
        assert "no node was left behind" in found.reason
        assert found.due_at is None


def test_a_failure_names_codes_resources_and_the_fix() -> None:
    found = judged(update("Failed", 3 * HOUR, "NodeCreationFailure", "IpNotAvailable", "NodeCreationFailure"))

    assert "NodeCreationFailure: said so" in found.reason
    assert "resources: node-of-NodeCreationFailure, node-of-IpNotAvailable" in found.reason
    assert found.evidence["codes"] == "NodeCreationFailure, IpNotAvailable"
    assert found.evidence["resource_count"] == 2
    assert commands(found, "guide") == [f"{FIXES['NodeCreationFailure']}; {FIXES['IpNotAvailable']}"]
    assert not any("--force" in way for way in commands(found))


def test_a_failure_without_a_word_is_a_failure() -> None:
    found = judged(update("Failed", HOUR))

    assert found.severity is Severity.HIGH
    assert "EKS does not say why" in found.reason


def test_a_code_of_tomorrow_is_shown() -> None:
    found = judged(update("Failed", HOUR, "Quicksand"))

    assert "Quicksand: said so" in found.reason
    assert "does not know the code" in str(found.evidence["advice"])


def test_many_errors_are_cut() -> None:
    found = judged(update("Failed", HOUR, *(f"Code{n:02}" for n in range(23))))

    assert "Code19: said so" in found.reason
    assert "Code20: said so" not in found.reason
    assert "and 3 more errors" in found.reason
    assert found.evidence["resource_count"] == 23
    assert len(str(found.evidence["resources"]).split(", ")) == 20


@pytest.mark.parametrize(
    ("deviations", "end"),
    [
        ({}, "--kubernetes-version 1.35 --force # "),
        (
            {"ami_type": "CUSTOM", "template": template_use()},
            f"--launch-template id={template_use().id},version=4 --force # ",
        ),
    ],
)
def test_an_eviction_is_mended_by_the_budget_or_by_force(deviations: dict[str, Any], end: str) -> None:
    found = judged(update("Failed", HOUR, "PodEvictionFailure"), **deviations)

    assert "disruption budget" in commands(found, "guide")[0]
    assert [way for way in commands(found, "kubectl") if "poddisruptionbudgets" in way]
    (repeat,) = (way for way in commands(found) if "update-nodegroup-version" in way)
    assert end in repeat


def test_an_update_of_unknown_target_is_not_repeated() -> None:
    for unclear in ({"version": None}, {"ami_type": "CUSTOM"}):
        found = judged(update("Failed", HOUR, "Unknown"), **unclear)
        assert [way.split()[2] for way in commands(found)] == ["describe-update"]


def test_an_old_failure_counts_while_nodes_are_left_behind() -> None:
    found = judged(update("Failed", timedelta(days=200), "PodEvictionFailure"), nodes=LEFT)

    assert found.severity is Severity.HIGH
    assert "it left nodes behind, 1 of 2 in service" in found.reason


def test_an_old_failure_waits_for_young_nodes() -> None:
    young = node(1, image_id=image_id(version(40)), launched_at=NOW - 23 * HOUR)

    found = judged(update("Failed", timedelta(days=200)), nodes=(young,))

    assert (found.status, found.due_at) == (Status.PASSED, NOW + HOUR)


def test_who_was_left_behind_matters_to_an_old_failure_only() -> None:
    assert judged(update("Failed", timedelta(days=31)), groups=gap()).status is Status.UNKNOWN
    assert judged(update("Failed", timedelta(days=29)), groups=gap()).severity is Severity.HIGH


@pytest.mark.parametrize("nodes", [(), (node(2),)], ids=["none seen", "one seen"])
def test_an_old_failure_is_not_over_while_nodes_may_be_overlooked(nodes: Any) -> None:  # noqa: ANN401  nodes
    unseen = {"complete": dict.fromkeys(KINDS, True) | {"standalone": False}}
    failure = update("Failed", timedelta(days=40), "PodEvictionFailure")

    found = finding(update_failed_or_stuck, managed(updates=(failure,), nodes=nodes), **unseen)
    left = finding(update_failed_or_stuck, managed(updates=(failure,), nodes=LEFT), **unseen)

    assert found.status is Status.UNKNOWN
    assert "ec2:DescribeInstances" in found.reason
    assert left.severity is Severity.HIGH


def test_the_last_word_on_an_old_failure_stands_while_another_template_rolls_out() -> None:
    fresh = template_use(created_at=NOW - HOUR)

    found = judged(update("Failed", timedelta(days=40)), nodes=LEFT, group={"launch": launch(templates=(fresh,))})

    assert (found.status, found.settling) == (Status.NOT_APPLICABLE, True)
    assert found.due_at == NOW + 23 * HOUR


# Cancelled


@pytest.mark.parametrize(
    ("age", "status"), [(timedelta(days=30) - MOMENT, Status.FAILED), (timedelta(days=30), Status.PASSED)]
)
def test_a_cancelled_update_counts_for_30_days(age: timedelta, status: Status) -> None:
    found = judged(update("Cancelled", age))

    assert found.status is status
    assert found.due_at == (NOW + MOMENT if status is Status.FAILED else None)
    if status is Status.FAILED:
        assert found.severity is Severity.LOW


# In progress


@pytest.mark.parametrize(
    ("nodes", "at_once", "percentage", "hours"),
    [
        (0, 1, None, 6),
        (3, 1, None, 6),
        (18, 1, None, 6),
        (19, 1, None, 19 / 3),
        (19, 2, None, 6),
        (100, 3, None, 34 / 3),
        (300, None, None, 100),
        (300, None, 10, 6),
        (300, None, 1, 100 / 3),
        (10, None, 1, 6),
        (40, None, 1, 40 / 3),
        (450, None, 100, 6),
        (4000, 400, None, 40 / 3),
        (4000, None, 100, 40 / 3),
    ],
)
def test_an_update_may_take_20_minutes_a_step_and_at_least_6_hours(
    nodes: int, at_once: int | None, percentage: int | None, hours: float
) -> None:
    limit = timedelta(minutes=round(hours * 60))
    group = {"size": nodes, "max_unavailable": at_once, "max_unavailable_percentage": percentage}

    before = judged(update("InProgress", limit - MOMENT), **group)
    after = judged(update("InProgress", limit), **group)

    assert (before.status, before.due_at) == (Status.PASSED, NOW + MOMENT)
    assert (after.status, after.severity) == (Status.FAILED, Severity.MEDIUM)
    assert f"longer than the {limit / HOUR:.1f} hours that it may take ({nodes} nodes, " in after.reason
    assert after.due_at is None


def test_an_update_is_judged_while_it_runs() -> None:
    assert judged(update("InProgress", 7 * HOUR), status="UPDATING").severity is Severity.MEDIUM


def test_instances_count_that_are_not_seen_as_nodes() -> None:
    assert judged(update("InProgress", 7 * HOUR), size=40, nodes=()).status is Status.PASSED
    assert judged(update("InProgress", 7 * HOUR), groups=gap()).severity is Severity.MEDIUM


@given(
    size=st.integers(0, 500),
    at_once=st.none() | st.integers(1, 1000),
    percentage=st.none() | st.integers(1, 100),
)
def test_what_is_replaced_at_once_is_between_one_and_a_hundred(
    size: int, at_once: int | None, percentage: int | None
) -> None:
    count = most_at_once(managed(size=size, max_unavailable=at_once, max_unavailable_percentage=percentage))

    assert 1 <= count <= MOST_AT_ONCE
    if at_once is not None:
        assert count == min(at_once, MOST_AT_ONCE)
    elif percentage is None:
        assert count == 1
    else:
        assert count == 1 or count <= size * percentage / 100


# Which update counts


def test_the_newest_version_update_counts_whatever_the_order() -> None:
    failed, successful = update("Failed", 2 * HOUR, id="b"), update("Successful", HOUR, id="a")

    assert judged(failed, successful).status is Status.PASSED
    assert judged(successful, failed).status is Status.PASSED
    assert judged(successful, update("Failed", HOUR - MOMENT, id="0")).severity is Severity.HIGH


def test_other_kinds_of_updates_do_not_count() -> None:
    assert judged(update("Failed", HOUR, kind="ConfigUpdate")).status is Status.PASSED
    newer = update("Successful", HOUR, kind="ConfigUpdate", id="newer")
    assert judged(update("Failed", 2 * HOUR), newer).severity is Severity.HIGH


def test_a_group_that_was_never_updated_passes() -> None:
    assert judged().status is Status.PASSED


def test_updates_that_were_not_read_are_unknown() -> None:
    found = judged(updates=gap("eks:ListUpdates", "shop/web"))

    assert found.status is Status.UNKNOWN
    assert found.evidence["action"] == "eks:ListUpdates"


def test_a_status_of_tomorrow_is_unknown() -> None:
    assert judged(update("Paused", HOUR)).status is Status.UNKNOWN


def test_every_code_of_eks_has_a_fix() -> None:
    codes = botocore.session.get_session().get_service_model("eks").shape_for("ErrorCode")

    assert isinstance(codes, StringShape)
    assert set(FIXES) == set(codes.enum)
