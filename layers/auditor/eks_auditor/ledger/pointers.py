"""Where AWS's recommendations stood when they were last read: one item a release line and Region.

They are in the ledger's table, in no index, and do not expire. Key: ``cluster`` (``pointers/<partition>/<region>``) and
``item`` (``POINTER#<line>``). IAM tells items apart by ``cluster`` alone: here is nothing that anybody else may write.
"""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from eks_auditor.ledger.batches import BACKOFF, Item, get_items
from eks_auditor.ledger.documents import key
from eks_auditor.model.instant import read, written
from eks_auditor.model.release import Pointer, PointerMove, ReleaseLine

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SCHEMA_VERSION = 1
"""Of these items."""

POINTER = "POINTER#"

MOVES_KEPT = 50
"""How many moves an item holds, the newest: about a year of a release a week."""


class PointersUnreadableError(Exception):
    """Pointers that DynamoDB left unprocessed at every try, in one sentence."""


class Pointers:
    """The recommended releases, as they were seen to move."""

    WATCH_ACTIONS = frozenset({"dynamodb:Query", "dynamodb:PutItem"})
    """Of :meth:`load` and :meth:`save`, on the table; the leading key begins with ``pointers/``."""

    AUDIT_ACTIONS = frozenset({"dynamodb:BatchGetItem"})
    """Of :meth:`of`, on the table."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table_name: str,
        sleep: Callable[[float], None],
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Use a table.

        Args:
            client: Of DynamoDB, in the table's Region.
            table_name: The ledger's table.
            sleep: Waits for some seconds.
            tell: Is told, in a sentence each, of the items that a newer release wrote: they are left alone.
        """
        self._client = client
        self._table = table_name
        self._sleep = sleep
        self._tell = tell

    def load(self, partition: str, region: str) -> dict[ReleaseLine, Pointer]:
        """Return every pointer of a Region, by a consistent read.

        Raises:
            ClientError: If DynamoDB refuses.
        """
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#cluster = :pointers AND begins_with(#item, :pointer)",
            ExpressionAttributeNames={"#cluster": "cluster", "#item": "item"},
            ExpressionAttributeValues={
                ":pointers": {"S": partition_key(partition, region)},
                ":pointer": {"S": POINTER},
            },
            ConsistentRead=True,
        )
        return self._pointers([item for page in pages for item in page["Items"]])

    def of(self, partition: str, region: str, lines: Collection[ReleaseLine]) -> dict[ReleaseLine, Pointer]:
        """Return the pointers of some lines in a Region, by consistent reads; lines that nobody watches are left out.

        Raises:
            ClientError: If DynamoDB refuses.
            PointersUnreadableError: If it leaves some unprocessed at every try.
        """
        keys = [key(partition_key(partition, region), f"{POINTER}{line}") for line in sorted(set(lines))]
        found, left = get_items(self._client, self._table, keys, sleep=self._sleep, consistent=True)
        if left:
            message = (
                f"DynamoDB left {left} release pointers of {self._table} unprocessed at {len(BACKOFF) + 1} tries; "
                f"try again later, and if this stays look at the table's throttles"
            )
            raise PointersUnreadableError(message)
        return self._pointers(found)

    def save(self, partition: str, region: str, pointer: Pointer, before: Pointer | None) -> bool:
        """Save a pointer if the ledger still holds the one that it was made from.

        Args:
            partition: Such as ``aws``.
            region: Where the parameter is.
            pointer: What to save; of its moves, the newest :data:`MOVES_KEPT`.
            before: What was loaded; None if nothing was.

        Returns:
            Whether it was saved: False if another watcher, or a newer release of the auditor, was there first.

        Raises:
            ClientError: If DynamoDB refuses.
        """
        try:
            self._client.put_item(
                TableName=self._table, Item=_item(partition_key(partition, region), pointer), **_condition(before)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _pointers(self, items: Collection[Item]) -> dict[ReleaseLine, Pointer]:
        known = [item for item in items if not self._newer(item)]
        return {pointer.line: pointer for pointer in map(_pointer, known)}

    def _newer(self, item: Item) -> bool:
        version = int(item["schema_version"]["N"])
        if version > SCHEMA_VERSION:
            self._tell(
                f"{item['item']['S']} of {item['cluster']['S']} has schema version {version}, and this release of "
                f"eks-auditor knows up to {SCHEMA_VERSION}; it is left alone, deploy the newer release again"
            )
        return version > SCHEMA_VERSION


def partition_key(partition: str, region: str) -> str:
    """Return under which value of the table's partition key the pointers of a Region are."""
    return f"pointers/{partition}/{region}"


def _item(of: str, pointer: Pointer) -> dict[str, Any]:
    now = pointer.moves[-1]
    return {
        **key(of, f"{POINTER}{pointer.line}"),
        "schema_version": {"N": str(SCHEMA_VERSION)},
        "revision": {"N": str(pointer.revision)},
        "version": {"S": now.version},
        "image_id": {"S": now.image_id},
        "watched_since": {"S": written(pointer.watched_since)},
        "moves": {"L": [{"M": _move(move)} for move in pointer.moves[-MOVES_KEPT:]]},
    }


def _move(move: PointerMove) -> dict[str, Any]:
    document = {"version": {"S": move.version}, "image_id": {"S": move.image_id}}
    return document if move.at is None else document | {"at": {"S": written(move.at)}}


def _pointer(item: Item) -> Pointer:
    return Pointer(
        line=ReleaseLine(*item["item"]["S"].removeprefix(POINTER).split("/")),
        watched_since=read(item["watched_since"]["S"]),
        moves=tuple(
            PointerMove(
                version=move["M"]["version"]["S"],
                image_id=move["M"]["image_id"]["S"],
                at=read(move["M"]["at"]["S"]) if "at" in move["M"] else None,
            )
            for move in item["moves"]["L"]
        ),
        revision=int(item["revision"]["N"]),
    )


def _condition(before: Pointer | None) -> dict[str, Any]:
    """Let a write pass if the item is the one that was loaded: the value as well, should a table ever be restored."""
    if before is None:
        return {"ConditionExpression": "attribute_not_exists(#item)", "ExpressionAttributeNames": {"#item": "item"}}
    names = ("schema_version", "revision", "version", "image_id")
    return {
        "ConditionExpression": "#schema_version <= :schema_version AND #revision = :revision "
        "AND #version = :version AND #image_id = :image_id",
        "ExpressionAttributeNames": {f"#{name}": name for name in names},
        "ExpressionAttributeValues": {
            ":schema_version": {"N": str(SCHEMA_VERSION)},
            ":revision": {"N": str(before.revision)},
            ":version": {"S": before.moves[-1].version},
            ":image_id": {"S": before.moves[-1].image_id},
        },
    }
