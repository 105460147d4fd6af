"""Gaps by action, and which of them are rising: no outage that passes, and nothing that is known for days."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from eks_auditor.model.gap import Gap
from eks_auditor.model.history import Head
from eks_auditor.wiring.gaps import LASTS, NEWS, tell_gaps
from tests.builders import CLUSTER_ID, NOW, gap
from tests.template.cloudformation import load
from tests.wiring.fakes import Heard

IMAGES = "ec2:DescribeImages"
A_MINUTE = timedelta(minutes=1)


def head(since: timedelta | None = None) -> Head:
    """HEAD of an hour ago, with the images unanswered for so long."""
    began = {} if since is None else {IMAGES: NOW - since}
    return Head(cluster=CLUSTER_ID, created_at=NOW - timedelta(days=9), taken_at=NOW - LASTS, gaps=began)


def told(*gaps: Gap, known: Head | None = None, at: datetime = NOW) -> Heard:
    heard = Heard()
    tell_gaps(gaps, known, at, heard.telemetry)
    return heard


def test_gaps_are_counted_by_action_and_in_all() -> None:
    heard = told(gap(), gap(resource="ami-2"), gap("ssm:GetParameters", "/aws/service/x"))
    assert heard.counts["Gaps"] == 3
    assert heard.counts_by == {("Gaps", IMAGES): 2, ("Gaps", "ssm:GetParameters"): 1}
    assert len(heard.warnings) == 2


def test_an_audit_that_read_everything_says_that_nothing_rises() -> None:
    assert told().counts == {"GapsRising": 0}


@pytest.mark.parametrize(
    ("since", "rising"),
    [
        (LASTS - A_MINUTE, 0),
        (LASTS, 2),
        (NEWS, 2),
        (LASTS + NEWS - A_MINUTE, 2),
        (LASTS + NEWS, 0),
        (timedelta(days=90), 0),
    ],
)
def test_rising_is_what_lasts_and_is_not_known_for_days(since: timedelta, rising: int) -> None:
    heard = told(gap(), gap(resource="ami-2"), known=head(since=since))
    assert heard.counts["GapsRising"] == rising


def test_what_fails_for_the_first_time_or_in_a_first_audit_does_not_rise_yet() -> None:
    assert told(gap(), known=head()).counts["GapsRising"] == 0
    assert told(gap(), known=None).counts["GapsRising"] == 0


@pytest.mark.parametrize(
    ("error", "rising"),
    [
        ("UnauthorizedOperation: no", 1),
        ("AccessDeniedException: no", 1),
        ("InvalidSubnetID.NotFound: the subnet does not exist", 0),
        ("TooMany: only the newest 100 activities were read, and none tells it", 0),
    ],
)
def test_an_answer_that_nothing_can_be_made_of_does_not_rise(error: str, rising: int) -> None:
    assert told(gap(error=error), known=head(since=LASTS)).counts["GapsRising"] == rising


def test_silence_rises_as_a_refusal_does() -> None:
    silent = replace(gap(error="ReadTimeoutError: no answer"), retryable=True)
    assert told(silent, known=head(since=LASTS)).counts["GapsRising"] == 1


def test_every_interval_has_two_sweeps_while_something_is_news() -> None:
    window = timedelta(minutes=15)
    for minutes in load()["Parameters"]["AuditIntervalMinutes"]["AllowedValues"]:
        interval = timedelta(minutes=minutes)
        second = interval if interval >= LASTS else LASTS + interval
        assert LASTS <= second <= LASTS + NEWS - interval - window
