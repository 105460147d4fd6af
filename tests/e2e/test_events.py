"""Events and messages, good and bad, as they reach the deployed functions."""

import json
import time
from typing import Any

import pytest

from local_aws.building import ROOT
from local_aws.stage import Stage
from tests.e2e.conftest import SECONDS, Witness, arn

pytestmark = pytest.mark.e2e


def said(stage: Stage, words: str) -> list[str]:
    return [line["message"] for line in stage.deployment.logs() if words in str(line.get("message"))]


def wait_for(stage: Stage, words: str) -> str:
    """Wait until a function says something with these words."""
    deadline = time.monotonic() + SECONDS
    while not (sentences := said(stage, words)):
        assert time.monotonic() < deadline, f"nobody said {words!r}"
        time.sleep(0.5)
    return sentences[-1]


def empty(stage: Stage, name: str) -> list[dict[str, Any]]:
    """Take what waits in a queue, so that the next test finds it empty."""
    url = stage.deployment.stack_resources()[name]
    deadline = time.monotonic() + SECONDS
    while not (taken := stage.deployment.take_messages(url)):
        assert time.monotonic() < deadline, f"nothing arrived in {name}"
        time.sleep(0.5)
    return taken


def test_a_changed_node_group_is_audited_without_a_sweep(audited: Stage, witness: Witness) -> None:
    event = json.loads((ROOT / "events/cluster_changed.json").read_text())
    detail = {**event["detail"], "requestParameters": {"name": "events", "nodegroupName": "web"}}
    audited.audited.break_nodegroup("events", "web", "InstanceLimitExceeded", "Too many instances")
    asked = audited.clock()
    answer = audited.deployment.client("events").put_events(
        Entries=[{"Source": "aws.eks", "DetailType": event["detail-type"], "Detail": json.dumps(detail)}]
    )
    assert answer["FailedEntryCount"] == 0
    audited.settle(asked, seconds=SECONDS, clusters=[arn("events")])
    assert witness.told("events", asked) == [("opened", "HEALTH001", "web")]


def test_an_event_of_a_newer_version_is_kept_and_said(audited: Stage) -> None:
    event = json.loads((ROOT / "events/audit_requested.json").read_text())
    event["detail"]["schema_version"] = 99
    # As EventBridge does it: asynchronously, with Lambda's own retries and destination behind.
    audited.deployment.client("lambda").invoke(
        FunctionName=audited.outputs["PlanAuditsFunction"], InvocationType="Event", Payload=json.dumps(event)
    )
    [kept] = empty(audited, "PlanFailures")
    assert json.loads(kept["Body"])["requestPayload"] == event
    assert wait_for(audited, "schema_version 99")


def test_a_cluster_outside_the_targets_is_said_and_nothing_else(audited: Stage) -> None:
    stranger = "arn:aws:eks:ap-south-1:999999999999:cluster/stranger"
    audited.request_audit(stranger)
    assert stranger in wait_for(audited, stranger)
    assert not any(item["cluster"] == stranger for item in audited.ledger())


@pytest.mark.parametrize(
    "body", ["this is no JSON", json.dumps({"schema_version": 99, "type": "audit"})], ids=["not JSON", "newer version"]
)
def test_a_message_that_cannot_be_read_waits_without_a_crash(audited: Stage, body: str) -> None:
    before = len(said(audited, "the message on the audit queue"))
    url = audited.outputs["AuditQueueUrl"]
    audited.deployment.client("sqs").send_message(QueueUrl=url, MessageBody=body)
    try:
        deadline = time.monotonic() + SECONDS
        while len(said(audited, "the message on the audit queue")) == before:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        assert audited.deployment.queue_depths()["AuditQueue"] == 1
    finally:
        audited.deployment.client("sqs").purge_queue(QueueUrl=url)
