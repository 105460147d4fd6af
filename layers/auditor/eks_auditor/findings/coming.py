"""What time alone will make worse, if nothing else changes: found by judging the same snapshot as of later instants."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby

from eks_auditor.model.coming import Coming, Turn
from eks_auditor.model.finding import Finding, Worsening
from eks_auditor.model.history import Audit, Record, State
from eks_auditor.model.verdict import Severity, Status, Verdict

HORIZON = timedelta(days=30)
"""How far ahead it is looked."""

LIMIT = 50
"""The most that a cluster's HEAD, which every audit writes, holds of it."""

NAMES = 3
"""The most subjects that one change names; all are counted."""

NAME_LENGTH = 100
"""The most characters of a name that HEAD holds."""

_STEPS = 4
"""How many instants ahead a check is asked for: at the first nothing that people see may change yet."""

_JUDGED = (Status.PASSED, Status.FAILED, Status.UNKNOWN)

type _Instant = tuple[datetime, Turn, str, Severity, str]
type _Change = tuple[_Instant, str]
"""One subject's change: when, what, which check, which rung, of what kind; and the subject's name."""


def worsening(
    finding: Finding, again: Callable[[datetime], tuple[Verdict, Severity]], now: datetime
) -> Worsening | None:
    """Return when time alone makes a finding fail, or fail at a worse rung; None if not within :data:`HORIZON`.

    What time makes better is nobody's work, and is not looked for.

    Args:
        finding: The word now.
        again: Judges the same as of another instant: the verdict, and its rung.
        now: The snapshot's instant.
    """
    if finding.status not in _JUDGED:
        return None
    before, at = now, finding.due_at
    for _ in range(_STEPS):
        if at is None or not before < at <= now + HORIZON:
            return None
        verdict, severity = again(at)
        if verdict.status is Status.FAILED and (finding.status is not Status.FAILED or severity > finding.severity):
            return Worsening(at=at, severity=severity)
        before, at = at, verdict.due_at
    return None


def coming_of(
    words: Mapping[str, Finding], records: Mapping[str, Record], audit: Audit
) -> tuple[tuple[Coming, ...], int]:
    """Return what becomes due in a cluster, the earliest first, and how many subjects more than are told.

    Args:
        words: The audit's findings by id.
        records: What the ledger keeps of the cluster once it is saved, by id.
        audit: The audit.
    """
    changes = sorted({*_worse(words, records), *_ending(records, audit)}, key=_order)
    grouped = [
        (instant, [name for _, name in group]) for instant, group in groupby(changes, key=lambda change: change[0])
    ]
    told = tuple(
        Coming(
            at=at,
            turn=turn,
            check_id=check_id,
            severity=severity,
            kind=kind,
            names=tuple(name[:NAME_LENGTH] for name in names[:NAMES]),
            count=len(names),
        )
        for (at, turn, check_id, severity, kind), names in grouped[:LIMIT]
    )
    return told, sum(len(names) for _, names in grouped[LIMIT:])


def _worse(words: Mapping[str, Finding], records: Mapping[str, Record]) -> Iterator[_Change]:
    for finding in words.values():
        worse, record = finding.worsens, records.get(finding.id)
        if worse is None:
            continue
        if record is None or not record.fails:
            known, accepted = None, finding.exemptions
        else:
            own = record.finding.exemption
            known = record.finding.severity
            accepted = finding.exemptions if own is None else (*finding.exemptions, own)
        if (known is not None and worse.severity <= known) or any(e.covers(worse.severity, worse.at) for e in accepted):
            continue
        turn = Turn.OPENS if known is None else Turn.WORSE
        instant = worse.at, turn, finding.check_id, worse.severity, finding.subject.kind
        yield instant, finding.subject.name


def _ending(records: Mapping[str, Record], audit: Audit) -> Iterator[_Change]:
    for record in records.values():
        finding, exemption = record.finding, record.finding.exemption
        if record.state is State.EXEMPT and exemption is not None:
            ends_at = exemption.ends_at
            if audit.taken_at < ends_at <= audit.taken_at + HORIZON:
                instant = ends_at, Turn.EXEMPTION_ENDS, finding.check_id, finding.severity, finding.subject.kind
                yield instant, finding.subject.name


def _order(change: _Change) -> tuple[datetime, int, str, Turn, str, str]:
    """Order by instant, and of one the worst first."""
    (at, turn, check_id, severity, kind), name = change
    return at, -severity, check_id, turn, kind, name
