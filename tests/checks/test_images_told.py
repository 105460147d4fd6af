"""AMI007 and AMI011: what an image's owner and Amazon Inspector say of it."""

from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.check import Check
from eks_auditor.checks.images import image_deprecated, image_with_fixable_vulnerabilities
from eks_auditor.model.finding import Finding
from eks_auditor.model.release import Image
from eks_auditor.model.verdict import Owner, Severity, Status
from tests.builders import (
    NOW,
    days_ago,
    gap,
    image,
    launch,
    managed,
    node,
    node_pool,
    own_image,
    scaling_group,
    scan,
    self_managed,
)
from tests.checks.judged import commands, finding

MOMENT = timedelta(seconds=1)
DEPRECATED = own_image(deprecated_at=days_ago(3))
VULNERABLE = own_image(scan=scan(critical_fix_since=days_ago(20)))

FAILING = [
    (image_deprecated, DEPRECATED, Severity.MEDIUM),
    (image_with_fixable_vulnerabilities, VULNERABLE, Severity.CRITICAL),
]
every_check = pytest.mark.parametrize(("check", "failing", "severity"), FAILING, ids=[each[0].id for each in FAILING])


def eks_group(*image_ids: str) -> Any:  # noqa: ANN401  any capacity
    return managed(group={"launch": launch(image_ids=image_ids)})


def custom(*image_ids: str) -> Any:  # noqa: ANN401  any capacity
    return managed(ami_type="CUSTOM", group={"launch": launch(image_ids=image_ids)})


def own_group(*image_ids: str) -> Any:  # noqa: ANN401  any capacity
    return self_managed(group={"launch": launch(image_ids=image_ids)})


def pool(*image_ids: str) -> Any:  # noqa: ANN401  any capacity
    return node_pool(nodes=tuple(node(number, image_id=one) for number, one in enumerate(image_ids)))


every_build = pytest.mark.parametrize("build", [eks_group, custom, own_group, pool])


def judged(check: Check, capacity: Any, *images: Image, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    return finding(check, capacity, images={one.id: one for one in images}, **deviations)


def deprecation(**told: Any) -> Finding:  # noqa: ANN401  any field of an image
    one = own_image(**told)
    return judged(image_deprecated, own_group(one.id), one)


def vulnerabilities(**told: Any) -> Finding:  # noqa: ANN401  any field of a scan
    one = own_image(scan=scan(**told))
    return judged(image_with_fixable_vulnerabilities, own_group(one.id), one)


# AMI007


@pytest.mark.parametrize(
    ("at", "status", "due_at"),
    [
        (None, Status.PASSED, None),
        (NOW + timedelta(days=700), Status.PASSED, NOW + timedelta(days=700)),
        (NOW + MOMENT, Status.PASSED, NOW + MOMENT),
        (NOW, Status.FAILED, None),
        (days_ago(30), Status.FAILED, None),
    ],
)
def test_an_image_is_deprecated_from_its_day_on(at: Any, status: Status, due_at: Any) -> None:  # noqa: ANN401  an instant or none
    found = deprecation(deprecated_at=at)

    assert (found.status, found.severity, found.due_at) == (status, Severity.MEDIUM, due_at)


def test_a_deprecation_is_told_with_its_day() -> None:
    found = deprecation(deprecated_at=days_ago(30))

    assert f"was deprecated by its owner 30 days ago, on {days_ago(30):%Y-%m-%d}" in found.reason
    assert found.evidence["deprecated_at"] == days_ago(30).isoformat()


def test_the_newest_release_of_the_same_line_is_named() -> None:
    old = image(deprecated_at=days_ago(3))

    eks, ours = judged(image_deprecated, own_group(old.id), old), deprecation(deprecated_at=days_ago(3))

    assert any("amazon-linux-2023/x86_64/standard" in command for command in commands(eks))
    assert not any("get-parameter" in command for command in commands(ours))


# AMI011


@pytest.mark.parametrize(
    ("told", "status", "severity", "due_in"),
    [
        ({}, Status.PASSED, Severity.HIGH, None),
        ({"critical": timedelta(days=14) - MOMENT}, Status.PASSED, Severity.HIGH, MOMENT),
        ({"critical": timedelta(days=14)}, Status.FAILED, Severity.CRITICAL, None),
        ({"high": timedelta(days=14) - MOMENT}, Status.PASSED, Severity.HIGH, MOMENT),
        ({"high": timedelta(days=14)}, Status.FAILED, Severity.HIGH, None),
        ({"critical": timedelta(days=90), "high": timedelta(days=200)}, Status.FAILED, Severity.CRITICAL, None),
        ({"critical": timedelta(days=10), "high": timedelta(days=20)}, Status.FAILED, Severity.HIGH, timedelta(days=4)),
        ({"critical": timedelta(days=20), "high": timedelta(days=10)}, Status.FAILED, Severity.CRITICAL, None),
        ({"critical": timedelta(days=2), "high": timedelta(days=5)}, Status.PASSED, Severity.HIGH, timedelta(days=9)),
    ],
)
def test_a_fix_may_wait_for_14_days(
    told: dict[str, timedelta], status: Status, severity: Severity, due_in: timedelta | None
) -> None:
    since = {f"{label}_fix_since": NOW - age for label, age in told.items()}

    found = vulnerabilities(**since)

    assert (found.status, found.severity) == (status, severity)
    assert found.due_at == (None if due_in is None else NOW + due_in)


def test_a_vulnerability_is_told_with_its_days() -> None:
    found = vulnerabilities(high_fix_since=days_ago(20))

    assert "has a high vulnerability that has had a fix for 20 days" in found.reason
    assert (found.evidence["vulnerability"], found.evidence["fix_days"]) == ("high", 20)
    assert any(f"get-image-findings --region eu-west-1 --image-id {own_image().id}" in each for each in commands(found))


@pytest.mark.parametrize("fixes", [{}, {"critical_fix_since": days_ago(90)}])
@pytest.mark.parametrize(
    ("age", "fresh"), [(timedelta(days=7), True), (timedelta(days=7) + MOMENT, False), (timedelta(days=99), False)]
)
def test_an_old_scan_says_nothing(fixes: dict[str, Any], age: timedelta, fresh: bool) -> None:  # noqa: FBT001  a case
    found = vulnerabilities(scanned_at=NOW - age, **fixes)

    assert (found.status is not Status.UNKNOWN) is fresh
    assert fresh or f"{age.days} days ago" in found.reason


def test_a_scan_without_a_day_says_nothing() -> None:
    assert vulnerabilities(scanned_at=None, critical_fix_since=days_ago(90)).status is Status.UNKNOWN


def test_an_image_that_was_never_scanned_is_not_judged() -> None:
    found = judged(image_with_fixable_vulnerabilities, own_group(own_image().id), own_image())

    assert found.status is Status.NOT_APPLICABLE
    assert "Amazon Inspector has not scanned" in found.reason


def test_beside_one_that_was_never_scanned_the_scanned_one_counts() -> None:
    clean, never = own_image(id="ami-0clean", scan=scan()), own_image()
    check = image_with_fixable_vulnerabilities

    assert judged(check, own_group(never.id, clean.id), never, clean).status is Status.PASSED
    bad = own_image(id="ami-0bad", scan=scan(high_fix_since=days_ago(20)))
    assert judged(check, own_group(never.id, clean.id, bad.id), never, clean, bad).severity is Severity.HIGH


def test_a_stale_scan_beside_a_failure_makes_it_partial() -> None:
    stale = own_image(id="ami-0stale", scan=scan(scanned_at=days_ago(30)))

    found = judged(image_with_fixable_vulnerabilities, own_group(VULNERABLE.id, stale.id), VULNERABLE, stale)

    assert (found.severity, found.partial) == (Severity.CRITICAL, True)


# Both, on every kind of capacity


@every_check
@every_build
def test_every_kind_is_judged(build: Any, check: Check, failing: Image, severity: Severity) -> None:  # noqa: ANN401  a builder
    found = judged(check, build(failing.id), failing)

    assert (found.status, found.severity, found.partial) == (Status.FAILED, severity, False)
    assert found.evidence["image"] == failing.id
    assert ("nodes" in found.evidence) is (build is pool)
    assert any("--launch-template name=" in command for command in commands(found)) is (build is custom)
    assert any("--kubernetes-version" in command for command in commands(found)) is (build is eks_group)


@every_check
def test_a_pool_tells_how_many_nodes_run_it(check: Check, failing: Image, severity: Severity) -> None:
    found = judged(check, pool(failing.id, image().id, failing.id), failing, image())

    assert found.severity is severity
    assert "; 2 of its 3 nodes run it (the worst of 2 images)" in found.reason
    assert found.evidence["nodes"] == 2


@every_check
@every_build
def test_what_could_not_be_read_is_unknown_and_hides_no_failure(
    build: Any,  # noqa: ANN401  a builder
    check: Check,
    failing: Image,
    severity: Severity,
) -> None:
    alone = judged(check, build("ami-0unread"))
    beside = judged(check, build("ami-0unread", failing.id), failing)

    assert alone.status is Status.UNKNOWN
    assert (beside.status, beside.severity, beside.partial) == (Status.FAILED, severity, True)
    assert "(the worst of 2 images, of which 1 could not be read: ami-0unread)" in beside.reason


@every_check
def test_an_image_that_is_gone_is_for_another_check(check: Check, failing: Image, severity: Severity) -> None:
    gone = {failing.id: gap(resource=failing.id, error="InvalidAMIID.NotFound: no")}

    found = finding(check, own_group(failing.id), images=gone)

    assert (found.status, found.severity) == (Status.UNKNOWN, check.severity)
    assert severity >= Severity.MEDIUM


@every_check
def test_unreadable_templates_are_unknown(check: Check, failing: Image, severity: Severity) -> None:
    groups = (scaling_group("a", launch=gap()), scaling_group("b", launch=launch(image_ids=(failing.id,))))

    assert judged(check, managed(groups=gap())).status is Status.UNKNOWN
    found = judged(check, managed(groups=groups), failing)
    assert (found.severity, found.partial) == (severity, True)


@pytest.mark.parametrize("check", [each[0] for each in FAILING], ids=lambda check: check.id)
def test_where_there_is_no_image_there_is_nothing_to_judge(check: Check) -> None:
    auto = finding(check, node_pool(kind="auto-mode"))

    assert (auto.status, auto.owner) == (Status.NOT_APPLICABLE, Owner.SHARED)
    assert finding(check, node_pool(nodes=())).reason == "it has no nodes"
    assert finding(check, managed(groups=())).reason == "it has nothing to launch from yet"
