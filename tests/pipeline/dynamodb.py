"""The ledger's table without DynamoDB: its conditions, transactions, late indexes and stream. ``test_fakes.py`` holds
it against the real expressions.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import batched
from typing import Any

from botocore.exceptions import ClientError

from eks_auditor.ledger.table import HEADS_INDEX, RUNS_INDEX, UNRELAYED_INDEX
from tests.pipeline.expressions import Item, holds, updated
from tests.sinks.fakes import refused

_INDEXES = {
    HEADS_INDEX: ("head", "due_at"),
    UNRELAYED_INDEX: ("unrelayed", "taken_at"),
    RUNS_INDEX: ("runs", "cluster"),
}
_PAGE = 3
_ACTIONS_LIMIT = 100

type Key = tuple[str, str]


class FakeDynamoDb:
    """One table with the ledger's keys and indexes.

    ``inserted`` is the stream as the event source mapping filters it: new images of announcements, in order. Indexes
    show what was there at the last :meth:`catch_up`: they are only ever eventually consistent.
    """

    def __init__(self) -> None:
        self.items: dict[Key, Item] = {}
        self.inserted: list[Item] = []
        self._indexed: dict[Key, Item] = {}

    def catch_up(self) -> None:
        """Let the indexes show what the table holds now."""
        self._indexed = dict(self.items)

    def get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401  the parameters of GetItem
        assert request["ConsistentRead"]
        item = self.items.get(_key(request["Key"]))
        return {} if item is None else {"Item": item}

    def put_item(self, **request: Any) -> None:  # noqa: ANN401  the parameters of PutItem
        if not self.lets(request, _key(request["Item"])):
            raise refused(error="ConditionalCheckFailedException", call="PutItem")
        self._apply("Put", request)

    def update_item(self, **request: Any) -> None:  # noqa: ANN401  the parameters of UpdateItem
        if not self.lets(request, _key(request["Key"])):
            raise refused(error="ConditionalCheckFailedException", call="UpdateItem")
        self._apply("Update", request)

    def transact_write_items(self, *, TransactItems: list[dict[str, dict[str, Any]]]) -> None:  # noqa: N803  botocore's word
        actions = [(verb, request) for action in TransactItems for verb, request in action.items()]
        keys = [_key(request["Item"] if verb == "Put" else request["Key"]) for verb, request in actions]
        assert len(set(keys)) == len(keys) <= _ACTIONS_LIMIT
        lets = [self.lets(request, key) for (_, request), key in zip(actions, keys, strict=True)]
        if not all(lets):
            raise cancelled("None" if passes else "ConditionalCheckFailed" for passes in lets)
        for verb, request in actions:
            self._apply(verb, request)

    def get_paginator(self, name: str) -> "_Paginator":
        assert name == "query"
        return _Paginator(self._query)

    def lets(self, request: Mapping[str, Any], key: Key) -> bool:
        """Whether a write's condition holds; mutants are less strict."""
        return holds(request, self.items.get(key))

    def _apply(self, verb: str, request: Mapping[str, Any]) -> None:
        key = _key(request["Item"] if verb == "Put" else request["Key"])
        before = self.items.get(key)
        match verb:
            case "Put":
                self.items[key] = request["Item"]
            case "Update":
                self.items[key] = updated(request, before or dict(request["Key"]))
            case "Delete":
                self.items.pop(key, None)
        if before is None and key in self.items and key[1].startswith("OUTBOX#"):
            self.inserted.append(self.items[key])

    def _query(self, **request: Any) -> list[Item]:  # noqa: ANN401  the parameters of Query
        index = request.get("IndexName")
        assert index is None or "ConsistentRead" not in request
        partition, sort = _INDEXES[index] if index else ("cluster", "item")
        held = (self._indexed if index else self.items).values()
        there = [item for item in held if partition in item and sort in item]
        found = [item for item in there if holds(request, item, "KeyConditionExpression")]
        return sorted(found, key=lambda item: (item[sort]["S"], *_key(item)))


class _Paginator:
    def __init__(self, query: Callable[..., list[Item]]) -> None:
        self._query = query

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  the parameters of Query
        for page in batched(self._query(**request), _PAGE, strict=False):
            yield {"Items": list(page)}


def cancelled(reasons: Iterator[str]) -> ClientError:
    """The error of a transaction that did not happen."""
    error = refused(error="TransactionCanceledException", call="TransactWriteItems")
    error.response["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return error


def _key(item: Item) -> Key:
    return item["cluster"]["S"], item["item"]["S"]
