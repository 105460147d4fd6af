"""Time moves verdicts without any event. These tests let it pass, so they come after the others."""

from datetime import datetime, timedelta

import pytest

from local_aws.stage import Stage
from tests.e2e.conftest import SECONDS, Witness, arn, audit

pytestmark = pytest.mark.e2e


def test_an_uneven_set_is_told_once_it_was_seen_in_two_audits(audited: Stage, witness: Witness) -> None:
    audited.advance(timedelta(minutes=61))
    asked = audited.fire("DueScheduleName")
    audited.settle(asked, seconds=SECONDS, clusters=[arn("shop")])
    assert witness.told("shop", asked) == [("opened", "ZONE003", "catalogue")]


def test_a_lost_zone_is_told_once_it_was_seen_in_two_audits(audited: Stage, witness: Witness) -> None:
    audited.audited.lose_zone("stricken", "euw1-az3")
    lost = audit(audited, "stricken")
    assert witness.told("stricken", lost) == []
    audited.advance(timedelta(minutes=61))
    asked = audited.fire("DueScheduleName")
    audited.settle(asked, seconds=SECONDS, clusters=[arn("stricken")])
    assert witness.told("stricken", lost) == [("opened", "ZONE003", "web")]


def due_at(stage: Stage, cluster: str) -> datetime:
    """Return when the ledger says that a verdict on a cluster changes by time alone."""
    [head] = [found for found in stage.ledger() if found["cluster"] == arn(cluster) and found["item"] == "HEAD"]
    return datetime.fromisoformat(head["due_at"])


def test_a_rung_is_crossed_on_time_without_a_sweep(audited: Stage, witness: Witness) -> None:
    began = audited.clock()
    crossed = ("opened", "AMI001", "payments")  # the release that was superseded yesterday, in thirteen days
    while crossed not in witness.told("shop", began):
        assert audited.clock() - began < timedelta(days=14)
        audited.advance(due_at(audited, "shop") - audited.clock() + timedelta(minutes=1))
        asked = audited.fire("DueScheduleName")
        audited.settle(asked, seconds=SECONDS, clusters=[arn("shop")])
    assert timedelta(days=12) < audited.clock() - began < timedelta(days=13, hours=1)
