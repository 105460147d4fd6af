"""The commands of docs/operations.md do what the page says, run by a shell as a person would paste them."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.stage import Stage
from tests.docs.pages import OPERATIONS, as_documented, blocks, redrives
from tests.e2e.conftest import SECONDS, Witness, arn, held_back, taken

pytestmark = pytest.mark.e2e

CLUSTER = "redriven"
FINDING = f"eks-auditor/aws/111111111111/eu-west-1/{CLUSTER}/HEALTH001/managed/web"
EVENT = {"source": "eks-auditor.schedule", "detail-type": "Sweep Requested", "detail": {"schema_version": 1}}
RECORD = {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": EVENT}
PURGED = [queue for queue, command in redrives().items() if "purge-queue" in command]
NOT_HERE = {"MailFailures", "DigestMailFailures", "PolicyChangedFailures"}
"""The stack of these tests sends no mail and has no policy, so it has no queues for what fails of them."""

BY_HAND = {
    queue: line
    for block in blocks(OPERATIONS)
    for line in block.splitlines()
    for queue in redrives()
    if line.startswith("make redrive") and f'FROM="$(output {queue}Url)"' in line
}
"""What moves messages out of a queue of which SQS could do that itself."""

type Shell = Callable[[str], str]


@pytest.fixture
def shell(audited: Stage, tmp_path: Path) -> Shell:
    """Run what the page says, after its first block."""

    def run(script: str) -> str:
        return as_documented(f"{blocks(OPERATIONS)[0]}\n{script}", tmp_path, audited.shell_environment())

    return run


def put(stage: Stage, queue: str, body: str) -> None:
    url = stage.deployment.stack_resources()[queue]
    stage.deployment.client("sqs").send_message(QueueUrl=url, MessageBody=body)
    assert stage.deployment.queue_depths()[queue] == 1


@pytest.mark.parametrize("queue", PURGED)
def test_what_is_done_again_anyway_is_purged(audited: Stage, shell: Shell, queue: str) -> None:
    sqs = audited.deployment.client("sqs")
    missing = queue not in audited.deployment.stack_resources()
    assert missing == (queue in NOT_HERE)
    url = sqs.create_queue(QueueName=queue)["QueueUrl"] if missing else audited.outputs[f"{queue}Url"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(RECORD))
    command = redrives()[queue].replace(f"$(output {queue}Url)", url) if missing else redrives()[queue]
    shell(command)
    assert audited.deployment.take_messages(url) == []


@pytest.mark.parametrize("command", [redrives()["AuditFailures"], BY_HAND["AuditFailures"]], ids=["task", "by hand"])
def test_a_failed_audit_is_done_again(audited: Stage, shell: Shell, command: str) -> None:
    asked = audited.clock()
    request = {
        "schema_version": 1,
        "type": "audit",
        "audit_id": "redriven-audit",
        "cluster_arn": arn(CLUSTER),
        "not_before": asked.isoformat(),
        "cause": "test_redrive",
    }
    put(audited, "AuditFailures", json.dumps(request))
    shell(command)
    audited.settle(asked, seconds=SECONDS, clusters=[arn(CLUSTER)])


@pytest.fixture
def lost(audited: Stage) -> Iterator[str]:
    """A message that was meant for Security Hub and did not reach ImportFindings: that its cluster broke."""
    with held_back(audited, "ImportFindingsFunction"):
        audited.audited.break_nodegroup(CLUSTER, "web", "NodeCreationFailure", "Instances failed to join")
        audited.request_audit(arn(CLUSTER))
        [message] = taken(audited, audited.outputs["ImportQueueUrl"])
    yield message
    audited.audited.repair_nodegroup(CLUSTER, "web")
    asked = audited.request_audit(arn(CLUSTER))
    audited.settle(asked, seconds=SECONDS, clusters=[arn(CLUSTER)])
    assert held(audited)["Compliance"]["Status"] == "PASSED"


def held(stage: Stage) -> dict[str, Any]:
    """Return the finding of the cluster as Security Hub holds it; nothing if it does not."""
    return next((found for found in stage.hub() if found["Id"] == FINDING), {})


def is_open(stage: Stage) -> bool:
    return bool(held(stage).get("Compliance", {}).get("Status") == "FAILED")


@pytest.mark.parametrize(
    ("queue", "command"),
    [
        ("TopicFailures", redrives()["TopicFailures"]),
        ("ImportFailures", redrives()["ImportFailures"]),
        ("ImportFailures", BY_HAND["ImportFailures"]),
    ],
    ids=["TopicFailures", "ImportFailures-task", "ImportFailures-by hand"],
)
def test_a_lost_finding_arrives_in_security_hub(
    audited: Stage, shell: Shell, lost: str, queue: str, command: str
) -> None:
    put(audited, queue, lost)
    assert not is_open(audited)
    shell(command)
    deadline = time.monotonic() + SECONDS
    while not is_open(audited):
        assert time.monotonic() < deadline, f"{FINDING} did not arrive"
        time.sleep(0.5)
    assert audited.deployment.queue_depths()[queue] == 0


def test_the_documented_request_audits_now(audited: Stage, shell: Shell) -> None:
    [block] = [block for block in blocks(OPERATIONS) if "put-events" in block]
    asked = audited.clock()
    shell(block.replace(block.splitlines()[0], f"CLUSTER={arn(CLUSTER)}"))
    audited.settle(asked, seconds=SECONDS, clusters=[arn(CLUSTER)])


def test_the_documented_ledger_queries_show_the_cluster(shell: Shell) -> None:
    [one] = [block for block in blocks(OPERATIONS) if "'#cluster = :cluster'" in block]
    [every] = [block for block in blocks(OPERATIONS) if "--index-name heads" in block]
    known = json.loads(shell(f"CLUSTER={arn(CLUSTER)}\n{one}"))["Items"]
    assert "HEAD" in [found["item"]["S"] for found in known]
    heads = json.loads(shell(every))["Items"]
    assert arn(CLUSTER) in [found["cluster"]["S"] for found in heads]
    assert [found["due_at"]["S"] for found in heads] == sorted(found["due_at"]["S"] for found in heads)


def test_one_audit_id_leads_through_all_functions(audited: Stage, witness: Witness) -> None:
    """What the documented query of the logs rests on."""
    audited.audited.break_nodegroup(CLUSTER, "web", "NodeCreationFailure", "Instances failed to join")
    asked = audited.request_audit(arn(CLUSTER))
    audited.settle(asked, seconds=SECONDS, clusters=[arn(CLUSTER)])
    try:
        witness.look()
        [audit_id] = {
            message["audit_id"]
            for message in witness.messages
            if message["type"] == "transitions"
            and message["cluster"]["name"] == CLUSTER
            and message["taken_at"] > f"{asked:%Y-%m-%dT%H:%M:%S.%fZ}"
        }
        deadline = time.monotonic() + SECONDS
        while len(lines := [line for line in audited.deployment.logs() if line.get("audit_id") == audit_id]) < 4:
            assert time.monotonic() < deadline, lines
            time.sleep(0.5)
        assert {line["cluster"] for line in lines} == {arn(CLUSTER)}
        said = [line["message"].split()[0] for line in lines]
        assert said == ["asked", "audited", "published", "Security"]
        assert len({line["request_id"] for line in lines}) == len(said)
    finally:
        audited.audited.repair_nodegroup(CLUSTER, "web")
        asked = audited.request_audit(arn(CLUSTER))
        audited.settle(asked, seconds=SECONDS, clusters=[arn(CLUSTER)])
