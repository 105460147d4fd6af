"""Every call by which a cluster is read, with every fault: nothing is invented, and what is missing is named."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.verdict import Status
from eks_auditor.report.audited import audited, report_of
from eks_auditor.report.json_document import render_json
from eks_auditor.snapshot.reader import ACTIONS
from tests.faults.auditing import LATER, Auditing, Outcome
from tests.faults.expected import EVIDENCE, GAP, RETRIED, STANDS, Row
from tests.faults.fleet import ACCOUNT, CLUSTER, REGION, world
from tests.faults.kinds import Kind
from tests.faults.rows import BY_ACTION, READING
from tests.faults.transport import Transport
from tests.ledger.fake import FakeTable

SHOP = ClusterId("aws", ACCOUNT, REGION, CLUSTER)

type Words = dict[str, tuple[Status, Any]]


@dataclass
class Known:
    """A cluster after two good audits, and a third one."""

    auditing: Auditing
    table: FakeTable
    healthy: Outcome
    calls: Counter[str]


@pytest.fixture(scope="module")
def known() -> Iterator[Known]:
    transport = Transport(world())
    auditing = Auditing(transport)
    table = auditing.known(SHOP)
    auditing.now += LATER
    transport.start_anew()
    healthy = auditing.audit(SHOP, table)
    yield Known(auditing, table, healthy, Counter(transport.calls))
    assert transport.broken_answers == []


@pytest.fixture
def mended(known: Known) -> Iterator[Known]:
    yield known
    known.auditing.transport.mend()


def test_without_a_fault_nothing_moves(known: Known) -> None:
    assert known.healthy.word == EVIDENCE
    assert known.healthy.saved is not None
    assert known.healthy.saved.transitions == ()
    open_findings = [record for record in known.table.records.values() if record.fails]
    assert len({record.finding.check_id for record in open_findings}) >= 15, "there is much that a fault could move"


def test_every_call_has_its_row(known: Known) -> None:
    assert set(known.calls) == set(BY_ACTION) == ACTIONS


CELLS = [(row, kind) for row in READING for kind in row.kinds]


@pytest.mark.parametrize(("row", "kind"), CELLS, ids=[f"{row.action}-{kind.value}" for row, kind in CELLS])
def test_a_fault_is_what_its_row_says(mended: Known, row: Row, kind: Kind) -> None:
    expected = row.expected(kind)
    assert expected is not None, f"{row.action} has no word on {kind.value}"
    transport = mended.auditing.transport
    transport.fail(row.action, kind)
    outcome = mended.auditing.audit(SHOP, mended.table)
    assert transport.struck, "the fault met no call"
    moved = [] if outcome.saved is None else outcome.saved.transitions
    assert {each.finding.check_id for each in moved} == expected.moves
    assert word_of(outcome, mended.healthy, expected.moves) == expected.word
    if expected.word in (GAP, RETRIED):
        assert_named(outcome, row)
    if outcome.audit is not None:
        assert_rest_judged(outcome, mended.healthy, expected.moves)
    if kind is Kind.DENIED and outcome.snapshot is not None:
        report = report_of([audited(outcome.snapshot, CATALOGUE)], gaps=(), started=mended.auditing.now)
        assert f'"{row.action}"' in render_json(report)
    if kind is Kind.THROTTLED and expected.word == RETRIED:
        transport.mend()
        assert not mended.auditing.audit(SHOP, mended.table).returned


def word_of(outcome: Outcome, healthy: Outcome, moves: frozenset[str]) -> str:
    if moves and outcome.saved is not None and not outcome.returned:
        return EVIDENCE
    silent = outcome.word == EVIDENCE and unknowns(outcome) > unknowns(healthy)
    return STANDS if silent else outcome.word


def unknowns(outcome: Outcome) -> int:
    assert outcome.audit is not None
    return sum(finding.status is Status.UNKNOWN for finding in outcome.audit.findings)


def assert_named(outcome: Outcome, row: Row) -> None:
    """The gap has its action and error, in the log, and where there is a snapshot in the report; and it is counted."""
    assert outcome.heard.counts["Gaps"] >= 1
    assert any(row.action in sentence for sentence in outcome.heard.warnings)
    if outcome.snapshot is not None:
        named = [gap for gap in outcome.snapshot.gaps if gap.action == row.action]
        assert named
        assert all(gap.resource and gap.error for gap in named)
        assert {gap.action for gap in outcome.snapshot.gaps} == {row.action}


def assert_rest_judged(outcome: Outcome, healthy: Outcome, moves: frozenset[str]) -> None:
    """What does not need the call has the word that it had; nothing has another one, unless it has none now."""
    assert healthy.audit is not None
    assert outcome.audit is not None
    before = {finding.id: finding for finding in healthy.audit.findings}
    same = 0
    for finding in outcome.audit.findings:
        was = before.get(finding.id)
        if was is None or finding.check_id in moves or finding.status in (Status.UNKNOWN, Status.NOT_APPLICABLE):
            continue
        if (was.status, was.severity) == (finding.status, finding.severity):
            same += 1
        else:
            # A rung that is only as far as could be read moves nothing, which the transitions have shown.
            assert finding.partial or was.status is not Status.FAILED, f"{finding.id}: {was.reason} / {finding.reason}"
    assert same >= len(before) // 10
