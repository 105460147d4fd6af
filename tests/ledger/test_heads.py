from typing import TYPE_CHECKING, Any

import pytest

from eks_auditor.ledger.batches import BACKOFF, BATCH_LIMIT
from eks_auditor.ledger.documents import NewerLedgerError, head_item, head_of
from eks_auditor.ledger.heads import Heads, HeadsUnreadableError
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Head
from tests.ledger.build import ONE_OPEN, at, head
from tests.ledger.conftest import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient


def named(number: int) -> ClusterId:
    return ClusterId("aws", "111122223333", "eu-west-1", f"shop-{number:03}")


def put(client: "DynamoDBClient", *heads: Head) -> None:
    for each in heads:
        client.put_item(TableName=TABLE, Item=head_item(each))


def test_the_heads_of_a_fleet_take_a_call_a_hundred(
    dynamodb: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = [head(cluster=named(number), open=ONE_OPEN) for number in range(BATCH_LIMIT + 1)]
    put(dynamodb, *fleet)
    calls: list[Any] = []
    ask: Callable[..., Any] = dynamodb.batch_get_item

    def counted(**request: Any) -> Any:  # noqa: ANN401  the parameters and the answer of BatchGetItem
        calls.append(request["RequestItems"][TABLE])
        return ask(**request)

    monkeypatch.setattr(dynamodb, "batch_get_item", counted)
    found = Heads(dynamodb, TABLE, lambda _: None).of([each.cluster for each in fleet] + [named(0), named(999)])
    assert sorted(found, key=lambda each: each.cluster) == fleet
    assert [len(call["Keys"]) for call in calls] == [BATCH_LIMIT, 2]
    assert not any(call["ConsistentRead"] for call in calls)


def test_what_dynamodb_leaves_at_every_try_is_no_answer(
    dynamodb: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(
        dynamodb, "batch_get_item", lambda **request: {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}
    )
    with pytest.raises(HeadsUnreadableError, match=rf"left 1 HEADs of {TABLE} unprocessed at {len(BACKOFF) + 1} tries"):
        Heads(dynamodb, TABLE, pauses.append).of([named(0)])
    assert pauses == list(BACKOFF)


def test_a_head_of_a_newer_release_is_no_answer_either(dynamodb: "DynamoDBClient") -> None:
    dynamodb.put_item(TableName=TABLE, Item=head_item(head(cluster=named(0))) | {"schema_version": {"N": "99"}})
    with pytest.raises(NewerLedgerError):
        Heads(dynamodb, TABLE, lambda _: None).of([named(0)])


def test_what_a_head_says_of_findings_and_gaps_survives_the_table() -> None:
    told = head(open=ONE_OPEN, gaps={"ec2:DescribeImages": at(3)})
    assert head_of(head_item(told)) == told


def test_a_head_of_a_release_that_said_neither_is_read() -> None:
    item = head_item(head())
    del item["open"], item["gaps"]
    assert head_of(item) == head()
