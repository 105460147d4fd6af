"""What is kept of Slack between its messages, so that many changes at once make few of them.

The items are in the ledger's table, in no index, all under the partition key value ``slack``, so that IAM can tell them
from everything else there. By their ``item``:

* ``WINDOW``: the window that the last first message opened: ``id`` and ``until``;
* ``HELD#<window>#<message>``: a message that waits for the end of that window, compressed;
* ``SHOWN#<digest>``: the newest ``sequence`` that was shown of a finding; of a notice or a digest that it was;
* ``THREAD#<cluster>#<day>``: where a cluster's messages of a day are: ``channel`` and ``ts``;
* ``TURN``: who posts now: ``holder`` and ``until``.

One partition takes 1,000 write units a second, whatever the table takes (see
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html): so what waits is
compressed, and a write that is throttled is tried again, for what was posted must be marked as shown.

What is held in a window is held by a transaction that checks that it is still open; a flush closes it first. So nothing
comes into a window that was read, and what its own flush missed belongs to no open window: any later flush finds it.
"""

import hashlib
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, Any

from eks_auditor.ledger.batches import get_items
from eks_auditor.ledger.documents import expiry, key
from eks_auditor.ledger.patience import patiently, refusal
from eks_auditor.model.instant import written

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SCHEMA_VERSION = 1
"""Of these items."""

PARTITION = "slack"

WINDOW = "WINDOW"
HELD = "HELD#"
SHOWN = "SHOWN#"
THREAD = "THREAD#"
TURN = "TURN"

HELD_KEPT = timedelta(days=14)
"""As long as a queue keeps a message."""

SHOWN_KEPT = timedelta(days=30)
"""Longer than any message can be on its way: 14 days in a queue, and 14 more in its failure queue."""

THREAD_KEPT = timedelta(days=3)

READ_LIMIT = 8 * 1024 * 1024
"""Characters of messages from which on no more are read together; the rest is for the next reading.

They are about 6,000 findings: so many are marked as shown in some 12 seconds, of the 1,000 write units a second.
"""

TRANSACTION_LIMIT = 100
"""Actions in one TransactWriteItems."""

FORGOTTEN_LIMIT = 20
"""Messages deleted together: a transaction's items may be 4 MB together, and a message's body has 200 KB."""


class UnreadableError(Exception):
    """Items that DynamoDB left unprocessed at every try, in one sentence."""


@dataclass(frozen=True, slots=True)
class Held:
    """A message that waited for the end of a window: its sort key, and its body."""

    item: str
    body: str


@dataclass(frozen=True, slots=True)
class Thread:
    """Where replies go: the channel, and the ``ts`` of the first message."""

    channel: str
    ts: str


class Quiet:
    """The windows, and what belongs to them."""

    ACTIONS = frozenset(
        {
            "dynamodb:BatchGetItem",
            "dynamodb:ConditionCheckItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        }
    )
    """On the table; the leading key is ``slack``. A transaction needs the actions of what is in it."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table_name: str,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        """Use a table.

        Args:
            client: Of DynamoDB, in the table's Region.
            table_name: The ledger's table.
            clock: What time it is, in UTC.
            sleep: Waits for some seconds.
        """
        self._client = client
        self._table = table_name
        self._clock = clock
        self._sleep = sleep

    def open(self, opener: str, length: timedelta) -> str:
        """Open a window unless one is open; return whose is open now: the opener's identity is the window's.

        One that is past its end is replaced, whether or not it was flushed.
        """
        now = self._clock()
        there = self._get(WINDOW)
        if there is not None and there["until"]["S"] > written(now):
            # As a rule: a write that is refused costs as much as one that is not, and meets whoever holds a message.
            return str(there["id"]["S"])
        held_back = self._put_unless(
            WINDOW,
            {"id": {"S": opener}, "until": {"S": written(now + length)}},
            "attribute_not_exists(#item) OR #until <= :now",
            {":now": {"S": written(now)}},
        )
        return opener if held_back is None else str(held_back["id"]["S"])

    def is_open(self, window: str) -> bool:
        """Tell whether a window is the one that is open."""
        item = self._get(WINDOW)
        return item is not None and item["id"]["S"] == window

    def close(self, window: str) -> None:
        """Close a window, so that nothing more is held in it; one that is not open stays as it is."""
        self._delete_if(WINDOW, "id", window)

    def hold(self, window: str, message: str, body: str) -> bool:
        """Hold a message until a window's end; return False if it is not open any more.

        Args:
            window: Its id.
            message: The message's identity: the same one is held once.
            body: What a flush reads.
        """
        name = f"{HELD}{window}#{message}"
        packed = {"B": zlib.compress(body.encode(errors="surrogatepass"))}
        item = self._item(name, {"body": packed, "expires_at": expiry(self._clock(), HELD_KEPT)})
        check = {
            "TableName": self._table,
            "Key": key(PARTITION, WINDOW),
            "ConditionExpression": "#id = :window",
            "ExpressionAttributeNames": {"#id": "id"},
            "ExpressionAttributeValues": {":window": {"S": window}},
        }
        return self._written([{"ConditionCheck": check}, {"Put": {"TableName": self._table, "Item": item}}])

    def held(self) -> tuple[Held, ...]:
        """Return what is held in no open window, :data:`READ_LIMIT` characters of it, in the order of their keys.

        What a newer release wrote is left for that one to tell: it must not keep the others waiting.
        """
        found = list(self._held(besides=self._open()))
        # Asked again: of a window that is not open now either, nothing can have come since.
        still_open = self._open()
        return tuple(each for each in found if not each.item.startswith(still_open))

    def forget(self, held: Iterable[Held]) -> None:
        """Delete what was held."""
        for batch in batched((each.item for each in held), FORGOTTEN_LIMIT, strict=False):
            self._written([{"Delete": {"TableName": self._table, "Key": key(PARTITION, item)}} for item in batch])

    def shown(self, ids: Collection[str]) -> dict[str, int]:
        """Return the newest sequence that was shown of each id; ids of which none was are left out.

        Raises:
            UnreadableError: If DynamoDB leaves some unprocessed at every try.
        """
        items = {_shown_item(each): each for each in ids}
        found, left = get_items(
            self._client, self._table, [key(PARTITION, item) for item in items], sleep=self._sleep, consistent=True
        )
        if left:
            message = f"DynamoDB left {left} items of {self._table} unprocessed; the message is tried again"
            raise UnreadableError(message)
        return {items[item["item"]["S"]]: int(item["sequence"]["N"]) for item in found}

    def mark_shown(self, shown: Mapping[str, int]) -> None:
        """Remember the sequences that were shown, by id; where a newer one was, that stays."""
        for batch in batched(sorted(shown.items()), TRANSACTION_LIMIT, strict=False):
            updates = [{"Update": self._shown_update(each, sequence)} for each, sequence in batch]
            if not self._written(updates):
                # Somebody showed a newer one of these meanwhile: each by itself.
                for update in updates:
                    self._written([update])

    def thread(self, cluster_arn: str, day: date) -> Thread | None:
        """Return where a cluster's messages of a day are, or None if there are none yet."""
        item = self._get(f"{THREAD}{cluster_arn}#{day}")
        return None if item is None else Thread(item["channel"]["S"], item["ts"]["S"])

    def keep_thread(self, cluster_arn: str, day: date, thread: Thread) -> None:
        """Remember where they are."""
        values = {"channel": {"S": thread.channel}, "ts": {"S": thread.ts}}
        values["expires_at"] = expiry(self._clock(), THREAD_KEPT)
        item = self._item(f"{THREAD}{cluster_arn}#{day}", values)
        patiently(lambda: self._client.put_item(TableName=self._table, Item=item), self._sleep)

    def take_turn(self, holder: str, length: timedelta) -> bool:
        """Become the only one that posts, for a time or until :meth:`end_turn`; return False if somebody else does."""
        now = self._clock()
        values = {"holder": {"S": holder}, "until": {"S": written(now + length)}}
        condition = "attribute_not_exists(#item) OR #until <= :now"
        return self._put_unless(TURN, values, condition, {":now": {"S": written(now)}}) is None

    def end_turn(self, holder: str) -> None:
        """Let somebody else post."""
        self._delete_if(TURN, "holder", holder)

    def _open(self) -> str:
        """Return what the keys of all that is held in the open window begin with; where none is, what no key does."""
        window = self._get(WINDOW)
        return f"{HELD}{'' if window is None else window['id']['S']}#"

    def _held(self, besides: str) -> Iterable[Held]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#cluster = :slack AND begins_with(#item, :held)",
            ExpressionAttributeNames={"#cluster": "cluster", "#item": "item"},
            ExpressionAttributeValues={":slack": {"S": PARTITION}, ":held": {"S": HELD}},
            ConsistentRead=True,
        )
        size = 0
        for item in (item for page in pages for item in page["Items"]):
            if item["item"]["S"].startswith(besides) or int(item["schema_version"]["N"]) > SCHEMA_VERSION:
                continue
            body = zlib.decompress(item["body"]["B"]).decode(errors="surrogatepass")
            yield Held(item["item"]["S"], body)
            size += len(body)
            if size >= READ_LIMIT:
                return

    def _get(self, item: str) -> Mapping[str, Any] | None:
        answer = self._client.get_item(TableName=self._table, Key=key(PARTITION, item), ConsistentRead=True)
        return answer.get("Item")

    def _put_unless(
        self, item: str, values: Mapping[str, Any], condition: str, compared: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Put an item on a condition on ``item`` and ``until``; where it does not hold, return what is there."""
        put = partial(
            self._client.put_item,
            TableName=self._table,
            Item=self._item(item, values),
            ConditionExpression=condition,
            ExpressionAttributeNames={"#item": "item", "#until": "until"},
            ExpressionAttributeValues=compared,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        error = refusal(put, self._sleep)
        # botocore's type knows no service's own members.
        return None if error is None else error.response["Item"]  # type: ignore[typeddict-item]

    def _delete_if(self, item: str, name: str, value: str) -> None:
        delete = partial(
            self._client.delete_item,
            TableName=self._table,
            Key=key(PARTITION, item),
            ConditionExpression="#name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": {"S": value}},
        )
        refusal(delete, self._sleep)

    def _written(self, actions: list[Any]) -> bool:
        """Write all or nothing; return False if a condition does not hold."""
        return refusal(partial(self._client.transact_write_items, TransactItems=actions), self._sleep) is None

    def _shown_update(self, shown: str, sequence: int) -> dict[str, Any]:
        values = {
            "sequence": {"N": str(sequence)},
            "schema_version": {"N": str(SCHEMA_VERSION)},
            "expires_at": expiry(self._clock(), SHOWN_KEPT),
        }
        return {
            "TableName": self._table,
            "Key": key(PARTITION, _shown_item(shown)),
            "UpdateExpression": f"SET {', '.join(f'#{name} = :{name}' for name in values)}",
            "ConditionExpression": "attribute_not_exists(#sequence) OR #sequence < :sequence",
            "ExpressionAttributeNames": {f"#{name}": name for name in values},
            "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
        }

    def _item(self, item: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {**key(PARTITION, item), "schema_version": {"N": str(SCHEMA_VERSION)}, **values}


def digest_of(text: str) -> str:
    """Return a short name that two texts do not share: names are other people's input, and keys are bounded."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def _shown_item(shown: str) -> str:
    return f"{SHOWN}{digest_of(shown)}"
