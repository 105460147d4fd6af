"""The stream only cuts latency: what it does not bring, the relay schedule publishes, and nothing is told twice."""

import time
from datetime import datetime, timedelta

import pytest

from local_aws.stage import Stage
from tests.e2e.conftest import SECONDS, Witness, arn, audit, held_back

pytestmark = pytest.mark.e2e

OPENED = ("opened", "HEALTH001", "web")
RESOLVED = ("resolved", "HEALTH001", "web")


def test_the_relay_catches_up_when_the_stream_was_disabled(audited: Stage, witness: Witness) -> None:
    with held_back(audited, "PublishTransitionsFunction"):
        audited.audited.break_nodegroup("streamless", "web", "NodeCreationFailure", "Instances failed to join")
        asked = audited.request_audit(arn("streamless"))
        unrelayed = ["OUTBOX#" in line for line in wait_for_outbox(audited, asked)]
        assert unrelayed == [True]
        assert witness.told("streamless", asked) == []
        audited.advance(timedelta(minutes=5))
        audited.fire("RelayScheduleName")
        audited.settle(asked, seconds=SECONDS, clusters=[arn("streamless")])
        assert witness.told("streamless", asked) == [OPENED]
    # Now the stream brings what the relay published, and after it the next one: when that is told, both were read.
    audited.audited.repair_nodegroup("streamless", "web")
    audit(audited, "streamless")
    assert sorted(witness.told("streamless", asked)) == [OPENED, RESOLVED]


def wait_for_outbox(stage: Stage, asked: datetime) -> list[str]:
    """Wait until nothing is left to happen but the publishing, and return what is."""
    deadline = time.monotonic() + SECONDS
    while True:
        missing = stage.unsettled(asked, [arn("streamless")])
        if missing and all(line.startswith("OUTBOX#") for line in missing):
            return missing
        assert time.monotonic() < deadline, missing
        time.sleep(0.5)
