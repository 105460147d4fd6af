"""What becomes news: the transitions that a change of a record is, and what Security Hub is told again."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from eks_auditor.model.history import Audit, Change, Head, Record, State, Transition, sequence_of
from eks_auditor.model.verdict import Severity

REFRESH_AFTER = timedelta(days=30)
"""Security Hub deletes a finding that nobody updated for 90 days: an open one is told again well before."""

REFRESH_SPREAD = timedelta(days=5)
"""Refreshes come earlier by up to this, by a hash of the id, so that a fleet found on one day is not told on one."""


_INTO: Mapping[State, Change] = {
    State.RESOLVED: Change.RESOLVED,
    State.WITHDRAWN: Change.WITHDRAWN,
    State.EXEMPT: Change.EXEMPTED,
}


def change_of(record: Record | None, after: Record) -> Change | None:
    """Return what happened between two states of a record; None if it is in the same place."""
    known = record if record is not None and record.created_at == after.created_at else None
    if known is not None and place(known) == place(after):
        return None
    if after.state in _INTO:
        return _INTO[after.state]
    if known is None:
        return Change.OPENED
    if known.state is not State.OPEN:
        return Change.REOPENED
    return Change.WORSE if after.finding.severity > known.finding.severity else Change.BETTER


def place(record: Record) -> tuple[State, Severity]:
    """Return what a transition is a change of, and nothing else."""
    return record.state, record.finding.severity


def transition_of(change: Change, after: Record, record: Record | None, past: Head, audit: Audit) -> Transition:
    """Return a change as it is told.

    Args:
        change: What happened.
        after: The record as it is to be.
        record: As it was; None if there was none.
        past: What was known of the cluster's present life.
        audit: What was found.
    """
    first_run = change in (Change.OPENED, Change.REOPENED) and after.finding.check_id not in past.checks
    rung_changed = change in (Change.WORSE, Change.BETTER)
    closed = change in (Change.RESOLVED, Change.WITHDRAWN)
    was = None if record is None else record.state
    return Transition(
        change_id=_change_id(after.finding.id, audit.taken_at, change),
        change=change,
        sequence=after.sequence,
        finding=after.finding,
        first_seen=after.first_seen,
        previous=record.finding.severity if record is not None and rung_changed else None,
        baseline=first_run,
        by_policy=not (first_run or audit.ended) and _by_policy(after, past, audit),
        quiet=was is State.EXEMPT if closed else change is Change.EXEMPTED and was is not State.OPEN,
    )


def _by_policy(after: Record, past: Head, audit: Audit) -> bool:
    """Tell whether the first audit under another policy found a change: now, or then, where it is confirmed now."""
    first = past.sightings.get(after.finding.id)
    return past.policy != audit.policy or (
        first is not None and past.policy_since is not None and first <= past.policy_since
    )


def _change_id(finding_id: str, taken_at: datetime, change: Change) -> str:
    """Name a change by what it is, so that it has the same name whenever it is told."""
    return hashlib.sha256(f"{finding_id}\n{sequence_of(taken_at)}\n{change}".encode(errors="replace")).hexdigest()[:32]


def is_stale(record: Record, audit: Audit) -> bool:
    """Tell whether Security Hub has a failure, open or exempt, not at all, or took it too long ago."""
    if not record.fails:
        return False
    share = int(hashlib.sha256(record.finding.id.encode(errors="replace")).hexdigest()[:8], 16) / 0xFFFFFFFF
    return record.hub_at is None or audit.taken_at - record.hub_at > REFRESH_AFTER - share * REFRESH_SPREAD


def refresh(record: Record, audit: Audit) -> Transition:
    """Return what tells Security Hub a finding again as it stands."""
    return Transition(
        change_id=_change_id(record.finding.id, audit.taken_at, Change.REFRESHED),
        change=Change.REFRESHED,
        sequence=record.sequence,
        finding=record.finding,
        first_seen=record.first_seen,
    )
