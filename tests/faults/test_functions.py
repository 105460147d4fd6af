"""Every other call of the functions, with every fault: nothing is lost, and what comes again does the work once."""

from collections.abc import Iterator
from functools import cache

import pytest

from eks_auditor.snapshot.reader import ACTIONS
from tests.faults.door import Door
from tests.faults.doors import DOORS
from tests.faults.expected import EVIDENCE, GAP, KEPT, PARKED, RETRIED, STANDS, Row
from tests.faults.fleet import world
from tests.faults.kinds import Kind
from tests.faults.rows import AUDIT, WORKING
from tests.faults.transport import Transport

TRANSPORT = Transport(world())


def door_of(name: str) -> tuple[str, Door]:
    part, opened = DOORS[name]
    return part, opened(TRANSPORT)


@cache
def healthy(name: str) -> tuple[frozenset[tuple[str, str]], frozenset[str]]:
    """Return who calls what, and what the world has of it, when nothing fails."""
    part, door = door_of(name)
    assert not door.run()
    calls = frozenset((part, action) for action in TRANSPORT.calls)
    assert door.heard.warnings == []
    return calls, door.effect()


@pytest.fixture(autouse=True)
def _mended() -> Iterator[None]:
    yield
    TRANSPORT.start_anew()
    assert TRANSPORT.broken_answers == []


def test_every_call_has_its_row() -> None:
    made = {call for name in DOORS for call in healthy(name)[0]}
    read = {(AUDIT, action) for action in ACTIONS}
    assert made - read == {(row.part, row.action) for row in WORKING}


CELLS = [(row, kind) for row in WORKING for kind in row.kinds]


@pytest.mark.parametrize(("row", "kind"), CELLS, ids=[f"{row.part}-{row.action}-{kind.value}" for row, kind in CELLS])
def test_a_fault_is_what_its_row_says(row: Row, kind: Kind) -> None:
    expected = row.expected(kind)
    assert expected is not None, f"{row.action} has no word on {kind.value}"
    _, whole = healthy(row.door)
    _, door = door_of(row.door)
    TRANSPORT.fail(row.action, kind)
    returned = door.run()
    assert TRANSPORT.struck, "the fault met no call"
    if expected.word in (RETRIED, PARKED):
        assert returned
        # An answer that is cut off undoes nothing: what was written is there at the next try.
        assert kind is Kind.TRUNCATED or door.run(), "while the cause stays, it is returned again, until it is parked"
    else:
        assert not returned
    assert (expected.word == GAP) == any(name.endswith("Gaps") for name in door.heard.counts if name != "Gaps")
    assert door.kept() == (expected.word == KEPT)
    if expected.word in (GAP, STANDS, KEPT) and kind is not Kind.EMPTY:
        assert door.heard.warnings
    if expected.word == EVIDENCE:
        assert not [sentence for sentence in door.heard.warnings if row.action in sentence]
    TRANSPORT.mend()
    assert door.effect() <= whole, "nothing is invented"
    assert not door.run()
    assert door.effect() == whole, "nothing is lost"
