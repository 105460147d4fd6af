"""Every threshold that a check declares is one that it judges by."""

import re
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.findings.judge import judge
from eks_auditor.model.finding import Finding
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Status
from eks_auditor.policy.reading import read_policy
from eks_auditor.policy.rules import Policy
from eks_auditor.policy.thresholds import Limit, Thresholds, in_hours, words, written
from eks_auditor.spread.addresses import HALF
from eks_auditor.spread.balance import EVEN, Evenness
from tests.builders import NOW
from tests.policy.threshold_rows import ROWS, Row

DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)
CHECKS = {check.id: check for check in CATALOGUE}


def judged(read: Snapshot, check_id: str, policy: Policy = Policy.DEFAULT) -> list[Finding]:
    found = judge(read, [CHECKS[check_id]], policy=policy)
    return [each for each in found if each.status is not Status.NOT_APPLICABLE or each.settling]


def by_policy(row: Row) -> Policy:
    text = f"version: 1\nchecks:\n  {row.check}: {{{row.threshold}: {row.value}}}"
    return read_policy(text, checks=CATALOGUE, now=NOW)[0]


def word(found: Finding) -> str:
    if found.status is Status.FAILED:
        return found.severity.name
    return "settling" if found.settling else found.status.name


def test_every_threshold_of_the_catalogue_has_a_row() -> None:
    declared = {(check.id, name) for check in CATALOGUE for name in check.thresholds}

    assert {(row.check, row.threshold) for row in ROWS} == declared


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_policy_that_changes_a_threshold_changes_the_word(row: Row) -> None:
    before, after = judged(row.read, row.check), judged(row.read, row.check, by_policy(row))

    assert {word(each) for each in before} >= {row.before}
    assert {word(each) for each in after} >= {row.after}
    assert [each for each in before if row.told and row.told in each.reason] == []
    assert any(row.told in each.reason for each in after)


def default_of(row: Row) -> Limit:
    return CHECKS[row.check].thresholds[row.threshold].default


# A count is one digit, which a reason may have for other reasons.
@pytest.mark.parametrize("row", [row for row in ROWS if not isinstance(default_of(row), int)], ids=str)
def test_a_reason_names_no_default_that_the_policy_has_changed(row: Row) -> None:
    default = default_of(row)
    said = {words(default), in_hours(default)} if isinstance(default, timedelta) else {written(default)}

    for found in judged(row.read, row.check, by_policy(row)):
        assert not re.search(rf"\b(?:{'|'.join(said)})", found.reason), found.reason


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_word_stands_until_the_instant_that_it_names_by_the_policy(row: Row) -> None:
    policy = by_policy(row)

    for number, found in enumerate(judged(row.read, row.check, policy)):
        stands_for = found.due_at - NOW if found.due_at else 1000 * DAY
        assert stands_for > timedelta()
        for later in (stands_for / 2, stands_for - MOMENT):
            then = judged(replace(row.read, taken_at=NOW + later), row.check, policy)[number]
            assert then.subject == found.subject
            # UNKNOWN moves no finding: what was read of a scan says less as it gets old.
            assert word(then) in (word(found), "UNKNOWN"), later


def test_what_is_below_the_checks_has_the_defaults_that_they_declare() -> None:
    even = Thresholds.of(CHECKS["ZONE003"].thresholds)

    assert Evenness(even.number("nodes_per_zone"), even.exactly("skew"), even.exactly("fair_share")) == EVEN
    assert Thresholds.of(CHECKS["ZONE006"].thresholds).exactly("growth") == HALF == Fraction(1, 2)
