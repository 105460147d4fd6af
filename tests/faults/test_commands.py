"""The command line's own calls, with every fault: one sentence, and no report that hides what was not read."""

import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import botocore.handlers
import pytest

from eks_auditor.cli.app import app
from eks_auditor.model.cluster import ClusterId
from eks_auditor.snapshot.reader import ACTIONS
from local_aws.protocol import wire_of
from tests.cli.conftest import Command, Result, command
from tests.faults.expected import EVIDENCE, GAP, Row
from tests.faults.fleet import ACCOUNT, REGION, world
from tests.faults.kinds import Kind
from tests.faults.rows import COMMANDS, TYPED
from tests.faults.stack import Stack
from tests.faults.transport import Transport
from tests.ledger.build import audit, finding

__all__ = ["command"]  # a fixture

LEGACY = ClusterId("aws", ACCOUNT, REGION, "legacy")
TRANSPORT = Transport(world())
DOORS = {
    "audit": ("audit", "--cluster", "legacy", "--format", "json"),
    "audit of a Region": ("audit", "--format", "json"),
    "audit of all Regions": ("audit", "--region", "all", "--cluster", "legacy", "--format", "json"),
    "releases": ("releases", "--ami-type", "AL2023_x86_64_STANDARD"),
    "republish": ("republish", "--stack", "auditor", "--yes"),
    "retire": ("retire", "--stack", "auditor", "--yes"),
}

type Typing = Callable[[str], Result]


@pytest.fixture
def typed(command: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Typing]:
    """Type a command, all of whose calls are carried and none of whose waits are waited for."""
    stack = Stack(TRANSPORT)
    for minutes, found in ((0, ()), (60, (finding(),))):
        stack.ledger.save(audit(minutes, *found, cluster=LEGACY), hub=False)
    outputs = [{"OutputKey": "LedgerTable", "OutputValue": stack.name}]
    described = {
        "StackName": "auditor",
        "CreationTime": stack.now,
        "StackStatus": "CREATE_COMPLETE",
        "Outputs": outputs,
    }
    TRANSPORT.instead["cloudformation:DescribeStacks"] = wire_of("cloudformation").answer(
        "DescribeStacks", {"Stacks": [described]}
    )
    stack.ready()
    for name, value in {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    handlers = [("before-send", TRANSPORT.send), *botocore.handlers.BUILTIN_HANDLERS]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    yield lambda door: command(*DOORS[door])
    TRANSPORT.start_anew()
    assert TRANSPORT.broken_answers == []


@pytest.mark.parametrize("door", DOORS)
def test_without_a_fault_each_command_ends_well(typed: Typing, door: str) -> None:
    result = typed(door)
    assert result.code == 0, result.err
    rows = {row.action for row in TYPED} | (set(ACTIONS) if DOORS[door][0] == "audit" else set())
    assert {row.action for row in TYPED if row.door == door} <= set(TRANSPORT.calls) <= rows


def test_every_command_that_calls_aws_is_typed_here() -> None:
    """But for those that read a cluster as ``audit`` does, by the same code."""
    names = {command.callback.__name__ for command in app.registered_commands if command.callback}
    assert names - {"checks"} == {arguments[0] for arguments in DOORS.values()} | {"drill", "snapshot", "template"}


CELLS = [(row, kind) for row in TYPED for kind in row.kinds]


@pytest.mark.parametrize(("row", "kind"), CELLS, ids=[f"{row.action}-{kind.value}" for row, kind in CELLS])
def test_a_fault_is_what_its_row_says(typed: Typing, caplog: pytest.LogCaptureFixture, row: Row, kind: Kind) -> None:
    caplog.set_level(logging.CRITICAL)
    expected = row.expected(kind)
    assert row.part == COMMANDS
    assert expected is not None, f"{row.action} has no word on {kind.value}"
    TRANSPORT.fail(row.action, kind)
    result = typed(row.door)
    assert TRANSPORT.struck, "the fault met no call"
    assert "Traceback" not in result.err
    assert "defect" not in result.err
    if expected.word == EVIDENCE:
        assert result.code == 0
    elif expected.word == GAP:
        assert result.code == 0
        assert f"unknown: {row.action}" in result.out
    else:
        assert result.code == 3
        assert len(result.err.splitlines()) == 1, result.err
        assert result.err.endswith(".\n")
