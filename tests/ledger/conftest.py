"""The table as the template declares it, in moto."""

from typing import TYPE_CHECKING, Literal

import boto3
import pytest
from moto import mock_aws

from eks_auditor.ledger.table import HEADS_INDEX, RUNS_INDEX, UNRELAYED_INDEX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import GlobalSecondaryIndexTypeDef

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
            for name in ("cluster", "item", "head", "due_at", "unrelayed", "taken_at", "runs")
        ],
        KeySchema=[{"AttributeName": "cluster", "KeyType": "HASH"}, {"AttributeName": "item", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            _index(HEADS_INDEX, "head", "due_at"),
            _index(UNRELAYED_INDEX, "unrelayed", "taken_at"),
            _index(RUNS_INDEX, "runs", "cluster", "ALL"),
        ],
    )


def _index(
    name: str, partition: str, sort: str, projection: Literal["KEYS_ONLY", "ALL"] = "KEYS_ONLY"
) -> "GlobalSecondaryIndexTypeDef":
    return {
        "IndexName": name,
        "KeySchema": [
            {"AttributeName": partition, "KeyType": "HASH"},
            {"AttributeName": sort, "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": projection},
    }
