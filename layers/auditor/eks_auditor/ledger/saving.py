"""How an audit is saved: load, compare, write; and again, should another audit have come between."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from eks_auditor.findings.diff import diff
from eks_auditor.ledger.runs import Runs, RunsWrite, runs_of, runs_writes, still_running
from eks_auditor.ledger.transaction import FencedError, Part, plan_parts
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Audit, Change, Head, Record, Transition

TRIES = 5
"""How often an audit is compared anew before it is left to be read again."""


class ContendedError(Exception):
    """Other audits of the cluster kept coming between; nothing of this one was written."""


class Store(Protocol):
    """Where the ledger is kept."""

    def load(self, cluster: ClusterId) -> tuple[Head | None, Mapping[str, Record], Runs]:
        """Return the cluster's HEAD, and then its records by finding id and what it runs, none older than that HEAD."""
        ...

    def write(self, part: Part) -> None:
        """Write a part whole.

        Raises:
            FencedError: If its fence does not hold; then nothing of it is written.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """An audit that is in the ledger.

    Attributes:
        transitions: What it announced.
        parts: How many transactions it took.
        whole: Whether the cluster counts as audited; if not, a retryable gap is left and it is to be read again.
    """

    transitions: tuple[Transition, ...]
    parts: int
    whole: bool

    @property
    def counts(self) -> Mapping[Change, int]:
        """How many transitions there are of each change that occurs."""
        return Counter(transition.change for transition in self.transitions)


@dataclass(frozen=True, slots=True, kw_only=True)
class FencedOut:
    """An audit that came too late: a newer one is in the ledger, and what was left of this one is dropped.

    Attributes:
        head: The newer one's HEAD. Without ``saved_at`` that audit is not whole, and one more must follow.
        parts: How many transactions of this audit had been written by then.
    """

    head: Head
    parts: int


def save(store: Store, audit: Audit, *, hub: bool, clock: Callable[[], datetime]) -> Saved | FencedOut:
    """Save an audit on top of exactly what it was compared with.

    The end of a cluster that the ledger does not know is nothing to keep.

    Raises:
        ContendedError: If it never came to that; nothing is written.
        TransitionTooLargeError: If a finding fits into no message; nothing is written.
    """
    parts_written = 0
    for _ in range(TRIES):
        head, records, runs = store.load(audit.cluster)
        if head is not None and head.taken_at >= audit.taken_at:
            return FencedOut(head=head, parts=parts_written)
        if head is None and audit.ended:
            return Saved(transitions=(), parts=0, whole=not audit.retryable)
        changes = diff(head, records, audit, hub=hub)
        parts = plan_parts(head, changes, audit, now=clock(), runs=_runs_writes(head, runs, audit))
        try:
            for part in parts:
                store.write(part)
                parts_written += 1
        except FencedError:
            continue
        return Saved(transitions=changes.transitions, parts=len(parts), whole=not audit.retryable)
    message = (
        f"other audits of {audit.cluster.arn} came between {TRIES} times while that of {audit.taken_at} was saved; "
        "it is read again when its message returns"
    )
    raise ContendedError(message)


def _runs_writes(head: Head | None, before: Runs, audit: Audit) -> tuple[RunsWrite, ...]:
    """Return what changes of what the cluster runs; nothing is known of a new life of it."""
    same_life = head is not None and head.created_at == audit.created_at
    known = [running for part in before.values() for running in part] if same_life else []
    return runs_writes(before, runs_of(still_running(known, audit)))
