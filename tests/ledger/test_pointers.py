from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from eks_auditor.ledger.batches import BATCH_LIMIT
from eks_auditor.ledger.documents import key
from eks_auditor.ledger.pointers import (
    MOVES_KEPT,
    POINTER,
    SCHEMA_VERSION,
    Pointers,
    PointersUnreadableError,
    partition_key,
)
from eks_auditor.model.release import Pointer, PointerMove, ReleaseLine
from tests.builders import NOW
from tests.ledger.conftest import TABLE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LINE = ReleaseLine("al2023", "standard", "x86_64", "1.35")
OTHER = ReleaseLine("windows-2022", "core", "x86_64", "1.34")
HERE = ("aws", "eu-west-1")


def pointer(line: ReleaseLine = LINE, moves: int = 1) -> Pointer:
    """A line that has moved so often, less the value that it had at first."""
    first = PointerMove(version="20260101", image_id="ami-0", at=None)
    later = tuple(
        PointerMove(version=f"{20260101 + number}", image_id=f"ami-{number:x}", at=NOW + timedelta(days=number))
        for number in range(1, moves)
    )
    return Pointer(line=line, watched_since=NOW, moves=(first, *later), revision=moves - 1)


def moved(before: Pointer, version: str = "20270101") -> Pointer:
    move = PointerMove(version=version, image_id="ami-ffff", at=NOW + timedelta(days=365))
    return replace(before, moves=(*before.moves, move), revision=before.revision + 1)


class Bench:
    """Pointers in a table, and what they say and how long they wait."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self.client = client
        self.told: list[str] = []
        self.pauses: list[float] = []
        self.pointers = Pointers(client, TABLE, self.pauses.append, self.told.append)

    def saved(self, *pointers: Pointer, region: str = "eu-west-1") -> "Bench":
        for each in pointers:
            assert self.pointers.save("aws", region, each, None)
        return self


@pytest.fixture
def bench(dynamodb: "DynamoDBClient") -> Bench:
    return Bench(dynamodb)


def test_a_pointer_is_read_back_as_saved(bench: Bench) -> None:
    bench.saved(pointer(), pointer(OTHER, moves=7))
    assert bench.pointers.load(*HERE) == {LINE: pointer(), OTHER: pointer(OTHER, moves=7)}
    assert bench.pointers.of(*HERE, [LINE, OTHER]) == bench.pointers.load(*HERE)


def test_regions_and_lines_are_kept_apart(bench: Bench) -> None:
    bench.saved(pointer()).saved(pointer(moves=3), region="us-east-1")
    assert bench.pointers.load("aws", "us-east-1")[LINE].revision == 2
    assert bench.pointers.of(*HERE, [LINE, LINE, OTHER]) == {LINE: pointer()}
    assert bench.pointers.load("aws-cn", "eu-west-1") == {}
    assert bench.pointers.of(*HERE, []) == {}


def test_other_items_of_a_region_are_no_pointers(bench: Bench) -> None:
    bench.saved(pointer())
    bench.client.put_item(TableName=TABLE, Item=key(partition_key(*HERE), "OUTBOX#2026"))
    assert list(bench.pointers.load(*HERE)) == [LINE]


def test_the_item_says_its_value_and_is_in_no_index(bench: Bench) -> None:
    bench.saved(pointer(moves=2))
    item = bench.client.get_item(TableName=TABLE, Key=key("pointers/aws/eu-west-1", f"{POINTER}{LINE}"))["Item"]
    assert (item["version"]["S"], item["image_id"]["S"], item["revision"]["N"]) == ("20260102", "ami-1", "1")
    assert item["schema_version"]["N"] == str(SCHEMA_VERSION)
    assert not {"head", "unrelayed", "runs", "expires_at"} & item.keys()


def test_the_newest_moves_are_kept(bench: Bench) -> None:
    long = pointer(moves=MOVES_KEPT + 5)
    bench.saved(long)
    found = bench.pointers.load(*HERE)[LINE]
    assert found.moves == long.moves[-MOVES_KEPT:]
    assert found.revision == MOVES_KEPT + 4


def test_of_two_watchers_the_second_is_told(bench: Bench) -> None:
    bench.saved(pointer())
    assert bench.pointers.save(*HERE, moved(pointer()), pointer())
    assert not bench.pointers.save(*HERE, moved(pointer(), "20280101"), pointer())
    assert not bench.pointers.save(*HERE, pointer(), None)
    assert bench.pointers.load(*HERE)[LINE] == moved(pointer())


def test_a_restored_value_of_the_same_revision_is_not_overwritten(bench: Bench) -> None:
    bench.saved(replace(pointer(), moves=(PointerMove(version="20251201", image_id="ami-9", at=None),)))
    assert not bench.pointers.save(*HERE, moved(pointer()), pointer())


def test_what_a_newer_release_wrote_is_left_alone_and_said(bench: Bench) -> None:
    newer = {**key(partition_key(*HERE), f"{POINTER}{LINE}"), "schema_version": {"N": "2"}, "all": {"S": "new"}}
    bench.client.put_item(TableName=TABLE, Item=newer)
    assert bench.pointers.load(*HERE) == {}
    assert bench.pointers.of(*HERE, [LINE]) == {}
    assert len(bench.told) == 2
    assert all("schema version 2" in sentence for sentence in bench.told)
    assert not bench.pointers.save(*HERE, pointer(), None)
    assert not bench.pointers.save(*HERE, moved(pointer()), pointer())
    assert bench.client.get_item(TableName=TABLE, Key=key(partition_key(*HERE), f"{POINTER}{LINE}"))["Item"] == newer


def test_more_lines_than_a_call_takes(bench: Bench) -> None:
    lines = [replace(LINE, minor=f"1.{number}") for number in range(BATCH_LIMIT + 20)]
    bench.saved(*(pointer(line) for line in lines))
    assert set(bench.pointers.of(*HERE, lines)) == set(lines)


class Busy:
    """DynamoDB that leaves keys unprocessed so many times."""

    def __init__(self, client: "DynamoDBClient", times: int, keep: Callable[[list[Any]], list[Any]]) -> None:
        self._client = client
        self._times = times
        self._keep = keep

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803  botocore's word
        wanted: Any = RequestItems[TABLE]
        if not self._times:
            return {**self._client.batch_get_item(RequestItems=RequestItems)}
        self._times -= 1
        left = self._keep(wanted["Keys"])
        now = [each for each in wanted["Keys"] if each not in left]
        answer: dict[str, Any] = {"Responses": {TABLE: []}}
        if now:
            some: Any = {TABLE: {**wanted, "Keys": now}}
            answer = {**self._client.batch_get_item(RequestItems=some)}
        return answer | {"UnprocessedKeys": {TABLE: {**wanted, "Keys": left}}}


def test_unprocessed_keys_are_asked_for_again(bench: Bench) -> None:
    bench.saved(pointer(), pointer(OTHER))
    busy: Any = Busy(bench.client, 2, lambda keys: keys[1:] or keys)
    found = Pointers(busy, TABLE, bench.pauses.append).of(*HERE, [LINE, OTHER])
    assert set(found) == {LINE, OTHER}
    assert len(bench.pauses) == 2


def test_keys_that_stay_unprocessed_are_no_answer(bench: Bench) -> None:
    busy: Any = Busy(bench.client, 99, lambda keys: keys)
    with pytest.raises(PointersUnreadableError, match="2 release pointers"):
        Pointers(busy, TABLE, bench.pauses.append).of(*HERE, [LINE, OTHER])
    assert bench.pauses == sorted(bench.pauses)
