from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from local_aws import AuditedAws, load_fleet
from tests.snapshot.bench import ACCOUNT, NOW, REGION, Bench


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    return boto3.Session(region_name=REGION)


@pytest.fixture(scope="session")
def bench(session: boto3.Session) -> Callable[..., Any]:
    """Start a bench for one cluster ``shop`` of the given description, or for a whole fleet."""

    @contextmanager
    def start(
        cluster: dict[str, Any] | None = None, *, page_size: int | None = None, **region: object
    ) -> Iterator[Bench]:
        described = {"clusters": {"shop": cluster or {}}, **region}
        fleet = load_fleet({"accounts": {ACCOUNT: {"regions": {REGION: described}}}}, now=NOW)
        with AuditedAws(fleet, page_size=page_size) as aws:
            yield Bench(aws, session)
            assert aws.broken_answers == []

    return start


@pytest.fixture(scope="session")
def shipped(session: boto3.Session) -> Iterator[Bench]:
    """The fleet that ships with the project; tests only read it."""
    with AuditedAws(load_fleet(now=NOW)) as aws:
        yield Bench(aws, session)
        assert aws.broken_answers == []
