"""Time moves verdicts without any event. These tests let it pass, so they come after the others."""

from datetime import timedelta

import pytest

from local_aws.stage import Stage
from tests.e2e.conftest import SECONDS, Witness, arn

pytestmark = pytest.mark.e2e


def test_an_uneven_set_is_told_once_it_was_seen_in_two_audits(audited: Stage, witness: Witness) -> None:
    audited.advance(timedelta(minutes=61))
    asked = audited.fire("DueScheduleName")
    audited.settle(asked, seconds=SECONDS, clusters=[arn("shop")])
    assert witness.told("shop", asked) == [("opened", "ZONE003", "catalogue")]


def test_a_rung_is_crossed_on_time_without_a_sweep(audited: Stage, witness: Witness) -> None:
    audited.advance(timedelta(days=13))  # the release that was superseded yesterday now is by two weeks
    asked = audited.fire("DueScheduleName")
    audited.settle(asked, seconds=SECONDS, clusters=[arn("shop")])
    assert ("opened", "AMI001", "payments") in witness.told("shop", asked)
