"""Every cluster's HEAD at once: how the fleet stands."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from eks_auditor.ledger.batches import BACKOFF, get_items
from eks_auditor.ledger.documents import HEAD, head_of, key
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Head

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class HeadsUnreadableError(Exception):
    """HEADs that DynamoDB left unprocessed at every try, in one sentence."""


class Heads:
    """The HEADs of clusters, a hundred a call: half a read unit each, where the index of clusters holds keys alone."""

    PLAN_ACTIONS = frozenset({"dynamodb:BatchGetItem"})
    """Of :meth:`of`, on the table; the leading keys are clusters' ARNs."""

    def __init__(self, client: "DynamoDBClient", table_name: str, sleep: Callable[[float], None]) -> None:
        """Use a table.

        Args:
            client: Of DynamoDB, in the table's Region.
            table_name: The ledger's table.
            sleep: Waits for some seconds.
        """
        self._client = client
        self._table = table_name
        self._sleep = sleep

    def of(self, clusters: Iterable[ClusterId]) -> tuple[Head, ...]:
        """Return the HEADs of those clusters that have one, by eventually consistent reads.

        Raises:
            ClientError: If DynamoDB refuses.
            HeadsUnreadableError: If it leaves some unprocessed at every try.
            NewerLedgerError: If a newer release wrote any of them.
        """
        keys = (key(arn, HEAD) for arn in sorted({cluster.arn for cluster in clusters}))
        found, left = get_items(self._client, self._table, keys, sleep=self._sleep, consistent=False)
        if left:
            message = f"DynamoDB left {left} HEADs of {self._table} unprocessed at {len(BACKOFF) + 1} tries"
            raise HeadsUnreadableError(message)
        return tuple(head_of(item) for item in found)
