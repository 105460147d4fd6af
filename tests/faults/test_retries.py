"""What botocore makes of each fault before anybody hears of it, as the functions configure it, without its waits."""

from types import SimpleNamespace

import boto3
import pytest

from eks_auditor.snapshot.eks import list_clusters
from eks_auditor.wiring.accounts import CONFIG
from tests.faults.fleet import ACCOUNT, REGION, world
from tests.faults.kinds import Kind, possible
from tests.faults.transport import Transport

ACTION = "eks:ListClusters"
TRIED = {
    Kind.THROTTLED: 6,
    Kind.SERVER_ERROR: 6,
    Kind.TIMEOUT: 6,
    Kind.RESET: 6,
    Kind.DENIED: 1,
    Kind.TRUNCATED: 1,
    Kind.EMPTY: 1,
}
"""Tries: one, and as many again as ``max_attempts`` says; botocore never repeats what it cannot parse."""


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=waited.append))
    return waited


@pytest.fixture
def transport() -> Transport:
    return Transport(world())


def tries(transport: Transport) -> int:
    client = boto3.Session().client(
        "eks",
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",  # noqa: S106  the local AWS takes any
        config=CONFIG,
    )
    list_clusters(transport.carry(client), REGION)
    return transport.calls[ACTION]


@pytest.mark.parametrize("kind", possible(ACTION))
def test_a_fault_that_stays_is_tried_so_often(transport: Transport, pauses: list[float], kind: Kind) -> None:
    transport.fail(ACTION, kind)
    assert tries(transport) == TRIED[kind]
    assert len(pauses) == TRIED[kind] - 1
    assert all(0 <= pause <= 20 for pause in pauses)


@pytest.mark.parametrize("kind", [kind for kind, times in TRIED.items() if times > 1])
def test_a_fault_that_passes_is_never_heard_of(transport: Transport, pauses: list[float], kind: Kind) -> None:
    transport.fail(ACTION, kind, times=2)
    assert tries(transport) == 3
    assert len(pauses) == 2
