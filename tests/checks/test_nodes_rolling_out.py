"""AMI002: what a group launches has just changed, or changes with AWS's recommendation."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from eks_auditor.checks.left_behind import LEFT_BEHIND_AFTER
from eks_auditor.checks.nodes import nodes_left_behind
from eks_auditor.model.capacity import KINDS
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Severity, Status
from tests.builders import (
    LINE,
    NOW,
    days_ago,
    gap,
    history,
    image,
    image_id,
    launch,
    managed,
    node,
    own_image,
    self_managed,
    template_use,
    version,
)
from tests.checks.judged import finding

MOMENT = timedelta(seconds=1)
HOUR = timedelta(hours=1)
OLD = image(version(20))
IMAGES = {image().id: image(), OLD.id: OLD}
GROUPS = pytest.mark.parametrize("group", [managed, self_managed])


def left(number: int = 1, used: str | None = "4", **deviations: Any) -> Any:  # noqa: ANN401  any field of a node
    """A node on the release before, launched from this version of the template."""
    tags = {"aws:ec2launchtemplate:id": template_use().id, "aws:ec2launchtemplate:version": used}
    plain: dict[str, Any] = {"image_id": OLD.id, "launched_at": days_ago(19), "tags": tags if used else {}}
    return node(number, **plain | deviations)


def launches(*image_ids: str, created_at: datetime | None = None) -> dict[str, Any]:
    """An Auto Scaling group on version 4 of a template, and these images."""
    templates = (template_use(created_at=created_at),)
    return {"launch": launch(image_ids=image_ids or (image().id,), templates=templates)}


def judged(capacity: Any, *releases: float, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    plain = {"releases": {str(LINE): history(*(releases or (20.0, 5.0)))}, "images": IMAGES}
    return finding(nodes_left_behind, capacity, **plain | deviations)


def is_settling(found: Finding) -> bool:
    return found.status is Status.NOT_APPLICABLE and found.settling


# A day to roll out


@GROUPS
def test_a_new_image_has_a_day_to_reach_the_nodes(group: Any) -> None:  # noqa: ANN401  a builder
    def after(age: timedelta) -> Finding:
        ours, before = own_image(created_at=NOW - age), own_image(id="ami-0b", created_at=days_ago(30))
        nodes = (left(image_id=before.id), left(2, image_id=before.id))
        of = {each.id: each for each in (ours, before)}
        return judged(group(group=launches(ours.id, created_at=days_ago(90)), nodes=nodes), images=of)

    first, last = after(timedelta(minutes=15)), after(LEFT_BEHIND_AFTER - MOMENT)

    assert is_settling(first)
    assert first.due_at == NOW + LEFT_BEHIND_AFTER - timedelta(minutes=15)
    assert is_settling(last)
    assert last.due_at == NOW + MOMENT
    assert after(LEFT_BEHIND_AFTER).severity is Severity.MEDIUM


@GROUPS
@pytest.mark.parametrize(
    ("runs", "severity"), [(OLD.id, Severity.MEDIUM), (image().id, Severity.INFORMATIONAL)], ids=["image", "template"]
)
def test_a_new_version_of_the_template_has_a_day_to_reach_the_nodes(group: Any, runs: str, severity: Severity) -> None:  # noqa: ANN401  a builder
    def after(age: timedelta) -> Finding:
        return judged(group(group=launches(created_at=NOW - age), nodes=(left(1, "3", image_id=runs),)))

    settles = after(LEFT_BEHIND_AFTER - HOUR)

    assert is_settling(settles)
    assert settles.due_at == NOW + HOUR
    assert after(LEFT_BEHIND_AFTER).severity is severity


def test_the_newest_of_what_changed_counts() -> None:
    ours = own_image(created_at=NOW - 5 * HOUR)
    group = launches(image().id, ours.id, created_at=NOW - 3 * HOUR)

    found = judged(self_managed(group=group, nodes=(left(),)), images=IMAGES | {ours.id: ours})

    assert found.due_at == NOW - 3 * HOUR + LEFT_BEHIND_AFTER


def test_a_day_counts_from_the_launch_where_that_was_later() -> None:
    group = launches(created_at=days_ago(2))

    found = judged(self_managed(group=group, nodes=(left(launched_at=NOW - HOUR),)))

    assert (found.status, found.due_at) == (Status.PASSED, NOW - HOUR + LEFT_BEHIND_AFTER)


def test_nodes_that_run_what_is_new_pass_at_once() -> None:
    assert judged(self_managed(group=launches(created_at=NOW), nodes=(left(image_id=image().id),))).due_at is None


def test_nothing_settles_while_nodes_may_be_overlooked() -> None:
    unseen = {"complete": dict.fromkeys(KINDS, True) | {"standalone": False}}

    found = judged(self_managed(group=launches(created_at=NOW), nodes=(left(),)), **unseen)

    assert found.status is Status.UNKNOWN


# The grace of a release


def test_a_group_that_follows_the_recommendation_has_the_grace_of_a_release() -> None:
    group = self_managed(group=launches(), nodes=(left(), node(2), node(3)))

    found = judged(group)

    assert found.status is Status.PASSED
    assert "superseded 5 days ago: within the grace of 14 days of a release that it launches already" in found.reason
    assert found.due_at == days_ago(5) + timedelta(days=14)
    assert judged(group, 20.0, 14.0).severity is Severity.MEDIUM


@GROUPS
@pytest.mark.parametrize("used", ["3", None], ids=["another version", "no word"])
def test_a_roll_out_that_stopped_has_none(group: Any, used: str | None) -> None:  # noqa: ANN401  a builder
    found = judged(group(group=launches(), nodes=(left(1, used), node(2), node(3))))
    beside = judged(group(group=launches(), nodes=(left(1), left(2, used), node(3))))

    assert (found.status, found.severity) == (Status.FAILED, Severity.MEDIUM)
    assert (beside.status, beside.severity) == (Status.FAILED, Severity.MEDIUM)


def test_a_launch_configuration_follows_nothing() -> None:
    group = {"launch": launch(configuration="old")}

    assert judged(self_managed(group=group, nodes=(left(),))).severity is Severity.MEDIUM


def test_a_group_pinned_to_a_superseded_release_has_none() -> None:
    older = image(version(40))
    group = self_managed(group=launches(OLD.id), nodes=(left(image_id=older.id), left(2)))

    found = judged(group, 40.0, 20.0, 5.0, images=IMAGES | {older.id: older})

    assert (found.status, found.severity) == (Status.FAILED, Severity.MEDIUM)


GONE = gap(resource="ami-0d", error="InvalidAMIID.NotFound: no such image")
THROTTLED = gap(resource="ami-0d", error="RequestLimitExceeded: slower")


@pytest.mark.parametrize("others", [("ami-0d",), ("ami-0d", image().id), (image().id, "ami-0d")])
def test_an_image_that_is_gone_is_not_the_recommended_one(others: tuple[str, ...]) -> None:
    found = judged(self_managed(group=launches(*others), nodes=(left(),)), images=IMAGES | {"ami-0d": GONE})

    assert (found.status, found.severity, found.partial) == (Status.FAILED, Severity.MEDIUM, False)


def test_a_failed_read_makes_no_failure_of_a_release() -> None:
    """Within the grace the unread image decides: it may be the recommended one."""
    images = IMAGES | {"ami-0d": THROTTLED}

    found = judged(self_managed(group=launches(image().id, "ami-0d"), nodes=(left(),)), images=images)
    alone = judged(self_managed(group=launches("ami-0d"), nodes=(left(),)), images=images)

    assert (found.status, alone.status) == (Status.UNKNOWN, Status.UNKNOWN)


def test_a_failed_read_does_not_hide_a_superseded_image() -> None:
    older = image(version(40))
    images = IMAGES | {"ami-0d": THROTTLED, older.id: older}

    found = judged(
        self_managed(group=launches("ami-0d", image_id(version(40))), nodes=(left(),)), 40.0, 20.0, 5.0, images=images
    )

    assert (found.status, found.severity) == (Status.FAILED, Severity.MEDIUM)
