"""``eks-auditor republish``: what stands in a ledger in moto is announced once more."""

import sys
from datetime import timedelta

import pytest

from eks_auditor.events.messages import TransitionsMessage, parse_message
from eks_auditor.ledger.outbox import MessageClass, Outbox
from eks_auditor.model.history import Change
from eks_auditor.sinks.asff import asff
from tests import builders
from tests.cli.conftest import Command
from tests.cli.test_retire import SHOP, YESTERDAY, Stack, stack
from tests.report.findings import finding

__all__ = ["stack"]


def announced(stack: Stack) -> list[Outbox]:
    """What nobody has published yet, but for what the audits announced."""
    waiting = (stack.ledger.outbox(key) for key in stack.ledger.unrelayed(builders.NOW + timedelta(days=1)))
    return [each for each in waiting if each is not None and each.audit_id.startswith("republish-")]


def message_of(outbox: Outbox) -> TransitionsMessage:
    message = parse_message(outbox.body)
    assert isinstance(message, TransitionsMessage)
    return message


def test_every_open_finding_is_announced_again_as_it_stands(command: Command, stack: Stack) -> None:
    stack.audited(SHOP, finding("HEALTH001"), finding("CAS003"), finding("ZONE001"))
    healthy = finding("ZONE001", status=type(finding().status).PASSED, fix=())
    stack.audited(SHOP, finding("HEALTH001"), finding("CAS003"), healthy, at=builders.days_ago(0.5))
    result = command("republish", "--stack", "auditor", "--yes")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("2 open findings of 1 clusters are told again as audit republish-2026")
    [outbox] = announced(stack)
    assert outbox.message_class is MessageClass.REFRESH
    message = message_of(outbox)
    assert {(each.finding.check_id, each.change) for each in message.transitions} == {
        ("HEALTH001", Change.REFRESHED),
        ("CAS003", Change.REFRESHED),
    }
    known = stack.ledger.load(SHOP)[1]
    assert all(each.sequence == known[each.finding.id].sequence for each in message.transitions)


def test_a_hub_that_has_lost_them_has_them_again_and_a_later_word_still_wins(command: Command, stack: Stack) -> None:
    stack.audited(SHOP, finding(), told=False)
    command("republish", "--stack", "auditor", "--yes")
    [outbox] = announced(stack)
    message = message_of(outbox)
    # An audit that began before the command was run, and is saved after it, is the later word.
    assert message.taken_at == YESTERDAY < builders.NOW
    [transition] = message.transitions
    told = asff(transition, cluster=SHOP, audit_id=message.audit_id, taken_at=message.taken_at)
    assert told["RecordState"] == "ACTIVE"


def test_each_time_is_an_announcement_of_its_own(command: Command, stack: Stack) -> None:
    stack.audited(SHOP, finding())
    first = command("republish", "--stack", "auditor", "--yes")
    assert command("republish", "--stack", "auditor", "--yes") == first  # at the same instant: the same one
    assert len(announced(stack)) == 1


def test_nothing_open_is_nothing_to_do(command: Command, stack: Stack) -> None:
    result = command("republish", "--stack", "auditor")
    assert (result.code, result.out) == (0, "0 open findings of 0 clusters are told again.\n")
    assert announced(stack) == []


def test_nobody_to_ask(command: Command, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.audited(SHOP, finding())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    result = command("republish", "--stack", "auditor")
    assert result.code == 2
    assert "give --yes to tell the findings again" in result.err
    assert announced(stack) == []


@pytest.mark.parametrize(("answer", "messages"), [(True, 1), (False, 0)])
def test_somebody_is_asked(
    command: Command,
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    answer: bool,  # noqa: FBT001  a parameter
    messages: int,
) -> None:
    stack.audited(SHOP, finding())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: answer)
    assert command("republish", "--stack", "auditor").code == 0
    assert len(announced(stack)) == messages


def test_the_wrong_stack(command: Command, stack: Stack) -> None:
    del stack
    result = command("republish", "--stack", "website", "--yes")
    assert result.code == 2
    assert "it is no stack of eks-auditor" in result.err
