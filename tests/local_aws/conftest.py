from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local_aws import AuditedAws, load_fleet

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ACCOUNT, OTHER_ACCOUNT, REGION = "111111111111", "222222222222", "eu-west-1"

type Client = Any
"""A boto3 client, whose methods exist at run time only."""
type Clients = Callable[..., Client]

KEYS = {"aws_secret_access_key": "any will do"}


def fleet_of(**region: object) -> dict[str, Any]:
    """Describe a fleet of one Region of one account."""
    return {"accounts": {ACCOUNT: {"regions": {REGION: region}}}}


def client_of(
    aws: AuditedAws | str | None, service: str, *, key: str = ACCOUNT, region: str = REGION, validating: bool = True
) -> Client:
    """Return a client that does not retry; `validating=False` lets it send what botocore would refuse."""
    client: Client = boto3.client
    return client(
        service,
        endpoint_url=aws.url if isinstance(aws, AuditedAws) else aws,
        region_name=region,
        aws_access_key_id=key,
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=validating),
        **KEYS,
    )


@pytest.fixture(scope="module")
def shipped() -> Iterator[AuditedAws]:
    """The shipped fleet, in small pages; tests must not change it."""
    with AuditedAws(load_fleet(now=NOW), page_size=4) as aws:
        yield aws
        assert aws.broken_answers == []


@pytest.fixture
def aws() -> Iterator[AuditedAws]:
    """A fleet of one healthy cluster, for tests that change it."""
    described = fleet_of(clusters={"shop": {"node_groups": {"web": {}}}})
    with AuditedAws(load_fleet(described, now=NOW)) as started:
        yield started
        assert started.broken_answers == []


@pytest.fixture
def client(aws: AuditedAws) -> Clients:
    return lambda service, **keywords: client_of(aws, service, **keywords)
