"""The fenced transaction as pure data: what one audit writes, in parts that each stand or fall whole.

Every part carries the cluster's HEAD, and holds only while HEAD is still the one this audit loaded (or wrote last). So
an audit saves on top of what it compared with or not at all, whatever order, repetition or crash brought it there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from eks_auditor.findings.diff import Changes
from eks_auditor.ledger.outbox import BODY_LIMIT, Outbox, TransitionTooLargeError, compact, compose, packed
from eks_auditor.ledger.runs import RunsWrite, runs_document
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Audit, Change, Head, Record, Transition

SILENT_COUNT = 90
SILENT_BYTES = 2 * 1024 * 1024
"""Writes that are announced to nobody, in one part at most: DynamoDB takes 100 actions and 4 MB a transaction."""


class FencedError(Exception):
    """HEAD is no longer what the part was planned on: nothing of the part was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """What HEAD must still be for a part to be written.

    Attributes:
        revision: The revision it must carry; None: there must be no HEAD.
        before: The instant its ``taken_at`` must be earlier than; None for the parts after an audit's first.
    """

    revision: int | None
    before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWrite:
    """One record to write.

    Attributes:
        record: As it is to be.
        transition: Whether its state or rung changed; if not, what Security Hub took of it still stands and is kept.
    """

    record: Record
    transition: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One transaction.

    Attributes:
        fence: What HEAD must still be.
        head: What it becomes.
        writes: The records.
        runs: What the cluster runs, where that changed.
        outbox: The announcement of exactly those records, or None for silent writes.
    """

    fence: Fence
    head: Head
    writes: tuple[RecordWrite, ...] = ()
    runs: tuple[RunsWrite, ...] = ()
    outbox: Outbox | None = None

    @property
    def cluster(self) -> ClusterId:
        """Whose."""
        return self.head.cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bundle:
    """What a part writes beside HEAD."""

    writes: tuple[RecordWrite, ...] = ()
    runs: tuple[RunsWrite, ...] = ()
    outbox: Outbox | None = None


def plan_parts(
    loaded: Head | None, changes: Changes, audit: Audit, *, now: datetime, runs: tuple[RunsWrite, ...] = ()
) -> tuple[Part, ...]:
    """Cut what an audit changed into parts; an audit that changed nothing still moves HEAD, by one part.

    Until the last part HEAD keeps what it says of the cluster (checks, sightings, ``due_at``, ``created_at``) and has
    no ``saved_at``: an audit that ends half-way counts for the findings that its parts carried, and for no more.

    Args:
        loaded: HEAD as the audit was compared with; None if there was none.
        changes: What it changed of the findings.
        audit: The audit.
        now: The time of saving.
        runs: What it changed of what the cluster runs.

    Raises:
        TransitionTooLargeError: If a finding is larger than a message may be.
    """
    bundles = tuple(_bundles(changes, audit, now, runs)) or (_Bundle(),)
    revision = 0 if loaded is None else loaded.revision
    saved = replace(changes.head, saved_at=None if audit.retryable else now)
    partly = replace(_as_loaded(loaded, audit), taken_at=audit.taken_at, saved_at=None, deleted=False)
    parts = []
    for number, bundle in enumerate(bundles):
        first, last = number == 0, number == len(bundles) - 1
        parts.append(
            Part(
                fence=Fence(
                    revision=None if first and loaded is None else revision + number,
                    before=audit.taken_at if first else None,
                ),
                head=replace(saved if last else partly, revision=revision + number + 1),
                writes=bundle.writes,
                runs=bundle.runs,
                outbox=bundle.outbox,
            )
        )
    return tuple(parts)


def _as_loaded(loaded: Head | None, audit: Audit) -> Head:
    if loaded is not None:
        return loaded
    return Head(cluster=audit.cluster, created_at=audit.created_at, taken_at=audit.taken_at)


def _bundles(changes: Changes, audit: Audit, now: datetime, runs: tuple[RunsWrite, ...]) -> Iterator[_Bundle]:
    """Yield what belongs together: each message with the records it announces, then all that nobody is told of."""
    records = {record.finding.id: record for record in changes.records}
    for message, told in compose(audit, changes.transitions, saved_at=now):
        writes = tuple(_written(transition, records) for transition in told if transition.finding.id in records)
        yield _Bundle(writes=writes, outbox=message)
        records = {each: records[each] for each in records.keys() - {transition.finding.id for transition in told}}
    silent: list[RecordWrite | RunsWrite] = [RecordWrite(record=records[i], transition=False) for i in sorted(records)]
    for part in packed([*silent, *runs], _size, count=SILENT_COUNT, size=SILENT_BYTES):
        yield _Bundle(
            writes=tuple(each for each in part if isinstance(each, RecordWrite)),
            runs=tuple(each for each in part if isinstance(each, RunsWrite)),
        )


def _written(transition: Transition, records: Mapping[str, Record]) -> RecordWrite:
    """Return the write that a transition announces; a refreshed finding's content may have changed, and no more."""
    return RecordWrite(record=records[transition.finding.id], transition=transition.change is not Change.REFRESHED)


def _size(write: RecordWrite | RunsWrite) -> int:
    if isinstance(write, RunsWrite):
        return len(runs_document(write.running)) if write.running else 0
    finding = write.record.finding
    size = len(compact(finding.document()))
    if size > BODY_LIMIT:
        message = (
            f"finding {finding.id} takes {size} bytes, more than the {BODY_LIMIT} that a message holds; "
            "bound the evidence of its check"
        )
        raise TransitionTooLargeError(message)
    return size
