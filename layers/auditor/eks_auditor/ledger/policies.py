"""The last valid policy, as the ledger keeps it: what is in force while the deployed one is not valid."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from eks_auditor.ledger.documents import SCHEMA_VERSION, key, known_version
from eks_auditor.model.instant import read, written

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PARTITION = "policy"
"""Its partition key, where all others are clusters, releases and pointers."""

ITEM = "POLICY"


@dataclass(frozen=True, slots=True)
class KeptPolicy:
    """A policy that was valid.

    Attributes:
        text: The file.
        read_at: When it was read where it is deployed.
    """

    text: str
    read_at: datetime


class Policies:
    """Keeps one policy; of two that are kept at once, the one that was read later stays."""

    AUDIT_ACTIONS = frozenset({"dynamodb:GetItem", "dynamodb:PutItem"})
    """On the table, of the partition ``policy`` alone."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        """Take the table and a client of its Region."""
        self._client = client
        self._table = table_name

    def last(self) -> KeptPolicy | None:
        """Return the last valid policy; None if there was none yet, or the table was lost.

        Raises:
            NewerLedgerError: If a newer release wrote it.
        """
        answer = self._client.get_item(TableName=self._table, Key=key(PARTITION, ITEM), ConsistentRead=True)
        item = answer.get("Item")
        if item is None:
            return None
        known_version(item)
        return KeptPolicy(item["text"]["S"], read(item["read_at"]["S"]))

    def keep(self, policy: KeptPolicy) -> None:
        """Keep a policy, unless it is kept already or a later one is."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    **key(PARTITION, ITEM),
                    "schema_version": {"N": str(SCHEMA_VERSION)},
                    "text": {"S": policy.text},
                    "read_at": {"S": written(policy.read_at)},
                },
                ConditionExpression="attribute_not_exists(#read_at) OR (#read_at < :read_at AND #text <> :text)",
                ExpressionAttributeNames={"#read_at": "read_at", "#text": "text"},
                ExpressionAttributeValues={":read_at": {"S": written(policy.read_at)}, ":text": {"S": policy.text}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
