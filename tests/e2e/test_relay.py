"""The stream only cuts latency: what it does not bring, the relay schedule publishes."""

import time
from datetime import datetime, timedelta

import pytest

from local_aws.stage import Stage
from tests.e2e.conftest import SECONDS, Witness, arn

pytestmark = pytest.mark.e2e


def test_the_relay_catches_up_when_the_stream_was_disabled(audited: Stage, witness: Witness) -> None:
    functions = audited.deployment.client("lambda")
    publisher = audited.outputs["PublishTransitionsFunction"]
    [mapping] = functions.list_event_source_mappings(FunctionName=publisher)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        audited.audited.break_nodegroup("streamless", "web", "NodeCreationFailure", "Instances failed to join")
        asked = audited.request_audit(arn("streamless"))
        unrelayed = ["OUTBOX#" in line for line in wait_for_outbox(audited, asked)]
        assert unrelayed == [True]
        assert witness.told("streamless", asked) == []
        audited.advance(timedelta(minutes=5))
        audited.fire("RelayScheduleName")
        audited.settle(asked, seconds=SECONDS, clusters=[arn("streamless")])
        assert witness.told("streamless", asked) == [("opened", "HEALTH001", "web")]
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def wait_for_outbox(stage: Stage, asked: datetime) -> list[str]:
    """Wait until nothing is left to happen but the publishing, and return what is."""
    deadline = time.monotonic() + SECONDS
    while True:
        missing = stage.unsettled(asked, [arn("streamless")])
        if missing and all(line.startswith("OUTBOX#") for line in missing):
            return missing
        assert time.monotonic() < deadline, missing
        time.sleep(0.5)
