"""A small model checker: audits of one cluster that are saved at the same time, in every order of their steps.

A step is one load or one write of the production ``save``. It runs again from the start for each step, fed with the
answers it had before, so it can stand still anywhere, and crash anywhere, without a thread.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eks_auditor.ledger.saving import FencedOut, Saved, save
from eks_auditor.ledger.transaction import FencedError, Part
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Audit, Running, sequence_of
from eks_auditor.model.instant import read
from tests.ledger.build import at
from tests.ledger.fake import FakeTable
from tests.ledger.reference import Accepted, Expected, Told, replay

CRASHED = "crashed"
FENCED = "fenced"
WRITTEN = "written"


class _StandingStillError(Exception):
    """The one new step was made."""


@dataclass(frozen=True)
class Saving:
    """One run of ``save``, so far."""

    audit: Audit
    answers: tuple[Any, ...] = ()
    written: tuple[Part, ...] = ()
    result: object = None

    @property
    def position(self) -> tuple[object, ...]:
        """What tells two runs apart that stand at different places, or saw different things."""
        seen = tuple(a if isinstance(a, str) else a[0] and a[0].revision for a in self.answers)
        return seen, type(self.result), self.result == CRASHED


@dataclass
class _Replayed:
    """The store as a run sees it: the answers it had, then one new one."""

    table: FakeTable
    answers: list[Any]
    known: int
    written: Part | None = None
    place: int = 0

    def load(self, cluster: ClusterId) -> Any:  # noqa: ANN401  an answer
        return self._answer(lambda: self.table.load(cluster))

    def write(self, part: Part) -> None:
        if self._answer(lambda: self._write(part)) == FENCED:
            raise FencedError

    def _write(self, part: Part) -> str:
        try:
            self.table.write(part)
        except FencedError:
            return FENCED
        self.written = part
        return WRITTEN

    def _answer(self, operate: Callable[[], Any]) -> Any:  # noqa: ANN401  an answer
        if self.place == len(self.answers):
            if self.place > self.known:
                raise _StandingStillError
            self.answers.append(operate())
        self.place += 1
        return self.answers[self.place - 1]


def step(saving: Saving, table: FakeTable, *, hub: bool = False) -> Saving:
    """Make a run's next step on the table."""
    store = _Replayed(table, list(saving.answers), len(saving.answers))
    try:
        result: object = save(store, saving.audit, hub=hub, clock=lambda: at(1000))
    except _StandingStillError:
        result = None
    written = saving.written if store.written is None else (*saving.written, store.written)
    return replace(saving, answers=tuple(store.answers), written=written, result=result)


@dataclass(frozen=True)
class World:
    """The table and every run, at one moment."""

    table: FakeTable
    savings: tuple[Saving, ...]

    def running(self) -> list[int]:
        return [number for number, saving in enumerate(self.savings) if saving.result is None]

    def stepped(self, number: int) -> "World":
        table = self.table.copy()
        return World(table, self._with(number, step(self.savings[number], table)))

    def crashed(self, number: int) -> "World":
        return World(self.table, self._with(number, replace(self.savings[number], result=CRASHED)))

    def crashes(self) -> int:
        return sum(saving.result == CRASHED for saving in self.savings)

    def accepted(self) -> list[Accepted]:
        """The audits that the table took something of, and of what."""
        return [
            Accepted(saving.audit, None if isinstance(saving.result, Saved) else _ids(saving.written))
            for saving in self.savings
            if saving.written
        ]

    def position(self) -> tuple[object, ...]:
        written = tuple((part.head.taken_at, part.head.revision, _ids([part])) for part in self.table.parts)
        return written, tuple(saving.position for saving in self.savings)

    def _with(self, number: int, saving: Saving) -> tuple[Saving, ...]:
        return (*self.savings[:number], saving, *self.savings[number + 1 :])


def _ids(parts: Sequence[Part]) -> frozenset[str]:
    findings = {write.record.finding.id for part in parts for write in part.writes}
    return frozenset(findings | {write.item for part in parts for write in part.runs})


def begin(audits: Sequence[Audit], table: type[FakeTable] = FakeTable) -> World:
    """Return an empty table and one run for each audit, none of which has made a step."""
    return World(table(), tuple(Saving(audit) for audit in audits))


def explore(audits: Sequence[Audit], *, crashes: int = 0, table: type[FakeTable] = FakeTable) -> Iterator[World]:
    """Yield the world after every step of every order, with up to so many runs that die on the way."""
    met: set[tuple[object, ...]] = set()
    waiting = [begin(audits, table)]
    while waiting:
        world = waiting.pop()
        if world.position() in met:
            continue
        met.add(world.position())
        yield world
        for number in world.running():
            waiting.append(world.stepped(number))
            if world.crashes() < crashes and world.savings[number].written:
                waiting.append(world.crashed(number))


def difference(world: World) -> str | None:
    """Say how a world differs from what it should be; None if it does not.

    At every moment, whatever the relay may see announced is in the ledger. Once all runs have ended, the ledger and
    everything announced are the reference's.
    """
    if (lost := announced_but_not_kept(world.table)) is not None:
        return lost
    if world.running():
        return None
    expected = replay(world.accepted())
    for name, is_, should in (
        ("records", _records(world.table), _expected_records(expected)),
        ("announced", announced(world.table), sorted(expected.told)),
        ("runs", _runs(world.table), expected.runs),
        ("head", _head(world.table), _expected_head(expected)),
    ):
        if is_ != should:
            return f"{name}: {is_}\nshould be {should}"
    if any(not isinstance(saving.result, (Saved, FencedOut)) and saving.result != CRASHED for saving in world.savings):
        return "a run ended in no known way"
    return None


def announced_but_not_kept(table: FakeTable) -> str | None:
    for told in announced(table):
        record = table.records.get(told.finding_id)
        if record is None or record.sequence < sequence_of(told.at):
            return f"{told} was announced and is not kept"
    return None


def announced(table: FakeTable) -> list[Told]:
    """Return every transition that was put into the outbox, as often as it was."""
    told = []
    for body in (json.loads(outbox.body) for outbox in table.outbox.values()):
        for transition in body["transitions"]:
            assert transition["sequence"] == sequence_of(read(body["taken_at"]))
            told.append(
                Told(
                    read(body["taken_at"]),
                    transition["finding"]["id"],
                    transition["change"],
                    transition["finding"]["severity"],
                    transition["previous_severity"] or "",
                    read(transition["first_seen"]),
                    transition["baseline"],
                    body["class"],
                )
            )
    return sorted(told)


def _records(table: FakeTable) -> dict[str, tuple[object, ...]]:
    return {
        finding_id: (
            record.state.value,
            record.finding.severity.name,
            record.finding.reason,
            record.sequence,
            record.changed_at,
            record.first_seen,
            record.created_at,
            record.finding.exemption,
        )
        for finding_id, record in table.records.items()
    }


def _expected_records(expected: Expected) -> dict[str, tuple[object, ...]]:
    return {
        finding_id: (
            row.state,
            row.rung,
            row.reason,
            sequence_of(row.moved_at),
            row.moved_at,
            row.first_seen,
            row.life,
            row.accepted,
        )
        for finding_id, row in expected.rows.items()
    }


def _runs(table: FakeTable) -> dict[str, dict[str, Running]]:
    kept: dict[str, dict[str, Running]] = {}
    for item, capacities in table.runs.items():
        for each in capacities:
            assert item == f"RUNS#{each.key}"
            kept.setdefault(each.key, {})[f"{each.kind} {each.name}"] = each
    return kept


def _head(table: FakeTable) -> tuple[object, ...]:
    head = table.head
    if head is None:
        return (None,)
    return (
        head.taken_at,
        head.created_at,
        head.saved_at is not None,
        set(head.checks),
        dict(head.sightings),
        head.due_at,
        head.deleted,
        head.policy,
        head.policy_since,
    )


def _expected_head(expected: Expected) -> tuple[object, ...]:
    if expected.taken_at is None:
        return (None,)
    return (
        expected.taken_at,
        expected.life,
        expected.whole,
        expected.checks,
        expected.seen_once,
        expected.due_at,
        expected.deleted,
        expected.policy,
        expected.policy_since,
    )
