"""DynamoDB as far as Slack's items need it, without moto's price; ``test_quiet.py`` runs on both.

A call can be made to fail, before or after it did its work, and anything can happen before a call.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from tests.sinks.fakes import refused

type Item = Mapping[str, Any]
type Key = tuple[str, str]

_TERM = re.compile(r"(#\w+) (=|<|<=) (:\w+)|attribute_not_exists\((#\w+)\)")


class Crash(BaseException):
    """The process ends here: nothing after it is done, ``finally`` included."""


class InMemory:
    """One table, through the calls of a boto3 client; the arguments are botocore's."""

    def __init__(self, items: dict[Key, Item] | None = None) -> None:
        self.items: dict[Key, Item] = {} if items is None else items
        self.calls: list[str] = []
        self.dead = False
        self.crash_at: int | None = None
        """The number of the call, from 0, at which the process ends."""
        self.crash_after = False
        """Whether that call still does its work."""
        self.before: dict[int, Callable[[], object]] = {}
        """What somebody else does just before a call."""

    def put_item(self, **call: Any) -> dict[str, Any]:  # noqa: ANN401  botocore's arguments
        return self._do("put_item", lambda: self._put(call))

    def delete_item(self, **call: Any) -> dict[str, Any]:  # noqa: ANN401  the same
        return self._do("delete_item", lambda: self._delete(call))

    def get_item(self, **call: Any) -> dict[str, Any]:  # noqa: ANN401  the same
        assert call["ConsistentRead"]
        return self._do("get_item", lambda: self._get(call))

    def batch_get_item(self, **call: Any) -> dict[str, Any]:  # noqa: ANN401  the same
        return self._do("batch_get_item", lambda: self._batch_get(call))

    def transact_write_items(self, **call: Any) -> dict[str, Any]:  # noqa: ANN401  the same
        return self._do("transact_write_items", lambda: self._transact(call["TransactItems"]))

    def get_paginator(self, name: str) -> "InMemory":
        assert name == "query"
        return self

    def paginate(self, **call: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  the same
        assert call["ConsistentRead"]
        assert call["KeyConditionExpression"] == "#cluster = :slack AND begins_with(#item, :held)"
        prefix = call["ExpressionAttributeValues"][":held"]["S"]
        found = self._do(
            "query", lambda: {"Items": [self.items[k] for k in sorted(self.items) if k[1].startswith(prefix)]}
        )
        for start in range(0, max(len(found["Items"]), 1), 100):
            yield {"Items": found["Items"][start : start + 100]}

    def scan(self, **call: Any) -> dict[str, Any]:  # noqa: ANN401  the same
        assert call["TableName"]
        return {"Items": list(self.items.values())}

    def _do(self, name: str, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        number = len(self.calls)
        if self.dead:
            raise Crash
        self.calls.append(name)
        if number in self.before:
            self.before.pop(number)()
        if number != self.crash_at:
            return call()
        self.dead = True
        if self.crash_after:
            call()
        raise Crash

    def _put(self, call: Mapping[str, Any]) -> dict[str, Any]:
        self._require(call, _key(call["Item"]))
        self.items[_key(call["Item"])] = call["Item"]
        return {}

    def _delete(self, call: Mapping[str, Any]) -> dict[str, Any]:
        self._require(call, _key(call["Key"]))
        self.items.pop(_key(call["Key"]), None)
        return {}

    def _get(self, call: Mapping[str, Any]) -> dict[str, Any]:
        item = self.items.get(_key(call["Key"]))
        return {} if item is None else {"Item": item}

    def _batch_get(self, call: Mapping[str, Any]) -> dict[str, Any]:
        ((table, asked),) = call["RequestItems"].items()
        assert len(asked["Keys"]) <= 100
        found = [self.items[_key(key)] for key in asked["Keys"] if _key(key) in self.items]
        return {"Responses": {table: found}}

    def _transact(self, actions: list[Mapping[str, Any]]) -> dict[str, Any]:
        assert len(actions) <= 100
        parts = [next(iter(action.items())) for action in actions]
        reasons = []
        for _, call in parts:
            holds = self._holds(call, _key(call.get("Key") or call["Item"]))
            reasons.append({"Code": "None" if holds else "ConditionalCheckFailed"})
        if any(reason["Code"] != "None" for reason in reasons):
            error = {"Error": {"Code": "TransactionCanceledException", "Message": ""}, "CancellationReasons": reasons}
            raise ClientError(error, "TransactWriteItems")  # type: ignore[arg-type]  # botocore's type knows no service's own members
        for kind, call in parts:
            match kind:
                case "Put":
                    self.items[_key(call["Item"])] = call["Item"]
                case "Delete":
                    self.items.pop(_key(call["Key"]), None)
                case "Update":
                    self._update(call)
        return {}

    def _update(self, call: Mapping[str, Any]) -> None:
        names, values = call["ExpressionAttributeNames"], call["ExpressionAttributeValues"]
        assignments = call["UpdateExpression"].removeprefix("SET ").split(", ")
        pairs = (assignment.split(" = ") for assignment in assignments)
        changed = {names[name]: values[value] for name, value in pairs}
        self.items[_key(call["Key"])] = {**call["Key"], **self.items.get(_key(call["Key"]), {}), **changed}

    def _require(self, call: Mapping[str, Any], key: Key) -> None:
        if not self._holds(call, key):
            error = refused(error="ConditionalCheckFailedException", call="PutItem")
            if call.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and key in self.items:
                error.response["Item"] = self.items[key]  # type: ignore[typeddict-unknown-key]  # the same
            raise error

    def _holds(self, call: Mapping[str, Any], key: Key) -> bool:
        if "ConditionExpression" not in call:
            return True
        item = self.items.get(key, {})
        return any(_true(term, call, item) for term in call["ConditionExpression"].split(" OR "))


def _key(of: Item) -> Key:
    return of["cluster"]["S"], of["item"]["S"]


def _true(term: str, call: Mapping[str, Any], item: Item) -> bool:
    found = _TERM.fullmatch(term)
    assert found, term
    name, operator, value, absent = found.groups()
    if absent:
        return call["ExpressionAttributeNames"][absent] not in item
    held = item.get(call["ExpressionAttributeNames"][name])
    if held is None:
        return False
    ((kind, left),), ((_, right),) = held.items(), call["ExpressionAttributeValues"][value].items()
    a, b = (int(left), int(right)) if kind == "N" else (left, right)
    return bool({"=": a == b, "<": a < b, "<=": a <= b}[operator])
