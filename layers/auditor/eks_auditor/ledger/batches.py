"""Reads many items of the ledger by their keys."""

from collections.abc import Callable, Iterable, Mapping
from itertools import batched
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_LIMIT = 100
"""Keys a BatchGetItem takes."""

BACKOFF = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between the tries of keys that DynamoDB left unprocessed."""

type Item = Mapping[str, Any]


def get_items(
    client: "DynamoDBClient",
    table: str,
    keys: Iterable[dict[str, Any]],
    *,
    sleep: Callable[[float], None],
    consistent: bool,
) -> tuple[list[Item], int]:
    """Return the items of those keys that are there, and how many keys DynamoDB left unprocessed at every try.

    Raises:
        ClientError: If DynamoDB refuses.
    """
    found: list[Item] = []
    left = 0
    for batch in batched(keys, BATCH_LIMIT, strict=False):
        wanted = list(batch)
        for pause in (*BACKOFF, None):
            answer = client.batch_get_item(RequestItems={table: {"Keys": wanted, "ConsistentRead": consistent}})
            found += answer["Responses"].get(table, [])
            unprocessed: Mapping[str, Any] = answer.get("UnprocessedKeys", {}).get(table, {})
            wanted = list(unprocessed.get("Keys", []))
            if not wanted:
                break
            if pause is not None:
                sleep(pause)
        left += len(wanted)
    return found, left
