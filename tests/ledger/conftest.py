"""The table as the template declares it, in moto."""

from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from eks_auditor.ledger.table import HEADS_INDEX, UNRELAYED_INDEX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "ledger"


@pytest.fixture(scope="module")
def moto() -> "Iterator[DynamoDBClient]":
    """A client of an empty DynamoDB."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        environment.delenv("AWS_PROFILE", raising=False)
        yield boto3.client("dynamodb", region_name="eu-west-1")


@pytest.fixture
def dynamodb(moto: "DynamoDBClient") -> "Iterator[DynamoDBClient]":
    """The same, with an empty ledger table."""
    create(moto, TABLE)
    yield moto
    moto.delete_table(TableName=TABLE)


def create(client: "DynamoDBClient", table: str) -> None:
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("cluster", "item", "head", "due_at", "unrelayed", "taken_at")
        ],
        KeySchema=[{"AttributeName": "cluster", "KeyType": "HASH"}, {"AttributeName": "item", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": partition, "KeyType": "HASH"},
                    {"AttributeName": sort, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index, partition, sort in (
                (HEADS_INDEX, "head", "due_at"),
                (UNRELAYED_INDEX, "unrelayed", "taken_at"),
            )
        ],
    )
