"""The fakes that the machine runs on do what DynamoDB, SQS and its stream do."""

from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eks_auditor.ledger.table import Ledger
from eks_auditor.ledger.transaction import FencedError, Part
from eks_auditor.model.history import Audit, sequence_of
from tests.ledger.build import CLUSTER, at, finding
from tests.ledger.conftest import create, moto
from tests.ledger.test_fake import AUDITS, planned
from tests.pipeline.dynamodb import FakeDynamoDb
from tests.pipeline.queues import RECEIVES, TRIES, VISIBILITY, DelayingQueue, FakeQueue, FakeStream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["moto"]
NUMBERS = count(1)


def ledger(client: "DynamoDBClient | FakeDynamoDb", table: str) -> Ledger:
    return Ledger(client, table, clock=lambda: at(99), sleep=lambda _: None)  # type: ignore[arg-type]  # the fake has its calls


def is_written(by: Ledger, part: Part) -> bool:
    try:
        by.write(part)
    except FencedError:
        return False
    return True


def seen(by: Ledger) -> tuple[object, ...]:
    """All that any function asks of the ledger."""
    unrelayed = list(by.unrelayed(at(100)))
    return by.load(CLUSTER), by.known(), by.due(at(1000)), unrelayed, [by.outbox(key) for key in unrelayed]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(AUDITS, st.sampled_from([0, 0, 0, -1, 1, -2])), max_size=6))
def test_the_fake_table_and_dynamodb_agree(moto: "DynamoDBClient", drawn: list[tuple[Audit, int]]) -> None:
    name = f"pipeline-{next(NUMBERS)}"
    create(moto, name)
    fake = FakeDynamoDb()
    ours, theirs = ledger(fake, name), ledger(moto, name)
    for now, off in drawn:
        for part in planned(ours, now, off):
            assert is_written(ours, part) is is_written(theirs, part)
        fake.catch_up()
        for by in (ours, theirs):
            for key in list(by.unrelayed(at(100)))[:1]:
                by.mark_relayed(key, at(98))
            for minute in (0, 1):
                by.mark_imported(CLUSTER.arn, finding("a").id, sequence_of(at(minute)), at(minute))
        fake.catch_up()
        assert seen(ours) == seen(theirs)


def test_an_index_shows_what_was_there_before() -> None:
    fake = FakeDynamoDb()
    fake.put_item(Item={"cluster": {"S": "c"}, "item": {"S": "HEAD"}, "head": {"S": "HEAD"}, "due_at": {"S": "9"}})
    assert ledger(fake, "table").due(at(0)) == []
    assert not list(ledger(fake, "table").known())
    fake.items[("c", "HEAD")]["cluster"] = {"S": CLUSTER.arn}
    fake.catch_up()
    assert ledger(fake, "table").known() == [CLUSTER]


def test_a_message_is_parked_whole_after_its_receives_and_comes_back_by_a_redrive() -> None:
    queue = FakeQueue()
    queue.send("body")
    for _ in range(RECEIVES):
        (message,) = queue.receive(0, 10)
        assert queue.receive(0, 10) == []
        queue.settle([message], [message.id])
    assert (queue.waiting, [each.body for each in queue.parked]) == ([], ["body"])
    queue.redrive()
    assert [each.body for each in queue.receive(0, 10)] == ["body"]


def test_a_message_is_hidden_for_as_long_as_somebody_said_and_comes_back_however_often() -> None:
    now = at(0)
    queue = DelayingQueue(lambda: now)
    queue.send_message(QueueUrl=DelayingQueue.URL, MessageBody="body", DelaySeconds=60)
    for wait in (timedelta(seconds=60), *[VISIBILITY] * 9, timedelta(seconds=5)):
        assert queue.receive(0, 10) == []
        now += wait
        (message,) = queue.receive(0, 10)
        queue.settle([message], [message.id])
        if wait == VISIBILITY and message.received == 10:
            queue.change_message_visibility(QueueUrl=DelayingQueue.URL, ReceiptHandle=message.id, VisibilityTimeout=5)
    queue.settle([message], [])
    assert (queue.waiting, queue.parked) == ([], [])


def test_what_is_sent_to_the_failure_queue_waits_for_a_redrive() -> None:
    queue = DelayingQueue(lambda: at(0))
    queue.send_message(QueueUrl=DelayingQueue.FAILURES, MessageBody="body")
    assert queue.receive(0, 10) == []
    queue.redrive()
    assert [each.body for each in queue.receive(0, 10)] == ["body"]


@pytest.mark.parametrize("dies", [False, True])
def test_the_stream_waits_for_its_first_failure_and_gives_it_up_in_the_end(*, dies: bool) -> None:
    stream, tried = FakeStream(), list[list[str]]()
    stream.extend([{"cluster": {"S": "c"}, "item": {"S": f"OUTBOX#{each}"}} for each in range(2)])

    def take(batch: list[dict[str, Any]]) -> dict[str, Any] | None:
        tried.append([record["dynamodb"]["NewImage"]["item"]["S"] for record in batch])
        first = {"itemIdentifier": batch[0]["dynamodb"]["SequenceNumber"]}
        return None if dies else {"batchItemFailures": [first]}

    for _ in range(TRIES + 1):
        stream.deliver(0, 9, take)
    assert tried == [["OUTBOX#0", "OUTBOX#1"]] * TRIES + [["OUTBOX#1"]]
