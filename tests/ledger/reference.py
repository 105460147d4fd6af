"""What the ledger should hold: the accepted audits replayed in the order they were taken, one finding at a time.

What the cluster runs is replayed one key at a time.

Written apart from the production diff, as plainly as possible and without importing any of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from eks_auditor.model.finding import Exemption, Finding
from eks_auditor.model.history import Audit, Running

HOUR = timedelta(hours=1)
LADDER = ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
FAILING = ("OPEN", "EXEMPT")


@dataclass(frozen=True)
class Accepted:
    """An audit that got into the ledger; ``only`` names the findings and keys it got in for, None all of them."""

    audit: Audit
    only: frozenset[str] | None = None


@dataclass(frozen=True)
class Row:
    """A finding as it should be kept."""

    state: str
    rung: str
    reason: str
    moved_at: datetime
    first_seen: datetime
    life: datetime
    check_id: str
    kind: str
    accepted: Exemption | None = None


@dataclass(frozen=True, order=True)
class Told:
    """A transition as it should have been announced."""

    at: datetime
    finding_id: str
    change: str
    rung: str
    rung_before: str
    first_seen: datetime
    baseline: bool
    told_as: str


@dataclass
class Expected:
    """The whole ledger of one cluster, and everything it ever announced."""

    rows: dict[str, Row] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    life: datetime | None = None
    taken_at: datetime | None = None
    whole: bool = False
    checks: set[str] = field(default_factory=set)
    seen_once: dict[str, datetime] = field(default_factory=dict)
    due_at: datetime | None = None
    deleted: bool = False
    policy: str = "default"
    policy_since: datetime | None = None
    runs: dict[str, dict[str, Running]] = field(default_factory=dict)
    """Of each key, the capacities that run it, each with all that was found of it last."""


def replay(accepted: Iterable[Accepted]) -> Expected:
    ledger = Expected()
    for each in sorted(accepted, key=lambda one: one.audit.taken_at):
        _accept(ledger, each)
    return ledger


def _accept(ledger: Expected, accepted: Accepted) -> None:
    audit = accepted.audit
    life = audit.created_at
    if audit.ended:
        life = ledger.life or life
    same_life = ledger.life == life
    checks = set(ledger.checks) if same_life else set()
    seen_once = dict(ledger.seen_once) if same_life else {}
    words = {finding.id: finding for finding in audit.findings}
    for finding_id in sorted({*words, *ledger.rows, *seen_once}):
        word, row = words.get(finding_id), ledger.rows.get(finding_id)
        proof = _proof(finding_id, word, row, audit)
        if proof == "fails" and word is not None and _cause_stands(ledger, word, audit):
            proof = "nothing"
        proof = _confirmed(proof, word, row, seen_once, audit)
        if proof != "nothing":
            seen_once.pop(finding_id, None)
        if accepted.only is None or finding_id in accepted.only:
            _move(ledger, finding_id, proof, audit, checks)
    _run(ledger, accepted, same_life=same_life)
    ledger.taken_at = audit.taken_at
    ledger.whole = accepted.only is None and not audit.retryable
    ledger.life = ledger.life or life
    ledger.deleted = False
    if accepted.only is None:
        ledger.life, ledger.deleted, ledger.seen_once = life, audit.ended, {} if audit.ended else seen_once
        ledger.checks = _checks(checks, seen_once, audit)
        later = [first + HOUR for first in ledger.seen_once.values()] + [f.due_at for f in audit.findings if f.due_at]
        later += [_end(row.accepted) for row in ledger.rows.values() if row.accepted is not None]
        ledger.due_at = min((instant for instant in later if instant > audit.taken_at), default=None)
        # What could not be read yet is still to be told as the policy's doing.
        if not (audit.ended or audit.retryable) and ledger.policy != audit.policy:
            ledger.policy, ledger.policy_since = audit.policy, audit.taken_at


def _run(ledger: Expected, accepted: Accepted, *, same_life: bool) -> None:
    audit = accepted.audit
    seen: dict[str, dict[str, Running]] = {}
    for each in () if audit.ended else audit.running:
        seen.setdefault(each.key, {})[f"{each.kind} {each.name}"] = each
    found = {capacity for of_key in seen.values() for capacity in of_key}
    doubtful = {f"{kind} {name}" for kind, name in audit.unread}
    listed = {str(kind) for kind, complete in audit.complete.items() if complete}
    for key in {*seen, *ledger.runs}:
        if accepted.only is not None and f"RUNS#{key}" not in accepted.only:
            continue
        before = ledger.runs.get(key, {}) if same_life and not audit.ended else {}
        stays = {
            capacity: running
            for capacity, running in before.items()
            if capacity in doubtful or (capacity.split()[0] not in listed and capacity not in found)
        }
        now = stays | seen.get(key, {})
        ledger.runs.pop(key, None)
        if now:
            ledger.runs[key] = now


def _proof(finding_id: str, word: Finding | None, row: Row | None, audit: Audit) -> str:
    """What an audit proves of a finding: ``fails``, ``fine: why``, ``moot: why`` or ``nothing``."""
    if audit.deleted:
        return "fine: the cluster was deleted"
    if audit.untargeted:
        return "moot: the cluster is no longer audited"
    if word is not None:
        proofs = {"FAILED": "fails", "PASSED": f"fine: {word.reason}", "NOT_APPLICABLE": f"moot: {word.reason}"}
        return "nothing" if word.settling else proofs.get(word.status, "nothing")
    check_id, kind = (row.check_id, row.kind) if row else finding_id.split("/")[5:7]
    if check_id not in audit.checks:
        return f"moot: check {check_id} is no longer judged"
    whole = {name for name, complete in audit.complete.items() if complete}
    needed = {"managed", "self-managed", "karpenter", "auto-mode"} if kind in ("sibling-set", "zone") else {kind}
    if (kind == "sibling-set" and not audit.sets_whole) or (kind == "zone" and not audit.zones_whole):
        return "nothing"
    gone = "no nodes are launched in it any more" if kind == "zone" else "it no longer exists"
    return f"fine: {gone}" if needed <= whole else "nothing"


def _cause_stands(ledger: Expected, word: Finding, audit: Audit) -> bool:
    rows = [(ledger.rows[cause], rung) for cause, rung in word.causes.items() if cause in ledger.rows]
    return any(
        row.state in FAILING and row.life == audit.created_at and LADDER.index(row.rung) >= LADDER.index(rung.name)
        for row, rung in rows
    )


def _confirmed(proof: str, word: Finding | None, row: Row | None, seen_once: dict[str, datetime], audit: Audit) -> str:
    """Turn a failure that is seen for the first time into no proof, and remember it."""
    already_open = row is not None and row.state in FAILING and row.life == audit.created_at
    rises = row is not None and word is not None and LADDER.index(word.severity.name) > LADDER.index(row.rung)
    if proof == "fails" and word is not None and word.confirm and (rises or not already_open):
        first = seen_once.setdefault(word.id, audit.taken_at)
        return "fails" if audit.taken_at >= first + HOUR else "nothing"
    return proof


def _move(ledger: Expected, finding_id: str, proof: str, audit: Audit, checks: set[str]) -> None:
    row = ledger.rows.get(finding_id)
    if row is not None and row.life != audit.created_at and not audit.ended and proof != "fails":
        proof = "fine: the cluster was created again"
    verb, _, reason = proof.partition(": ")
    if verb == "fails":
        (word,) = (finding for finding in audit.findings if finding.id == finding_id)
        _fails(ledger, word, audit, checks)
    elif row is None or row.state not in FAILING:
        return
    elif verb == "nothing":
        said = next((finding for finding in audit.findings if finding.id == finding_id), None)
        _stands(ledger, finding_id, said, audit, checks)
    else:
        state, change = ("RESOLVED", "resolved") if verb == "fine" else ("WITHDRAWN", "withdrawn")
        ledger.rows[finding_id] = replace(row, state=state, reason=reason, moved_at=audit.taken_at, accepted=None)
        _announce(ledger, finding_id, change, row, ledger.rows[finding_id], audit)


def _fails(ledger: Expected, word: Finding, audit: Audit, checks: set[str]) -> None:
    row = ledger.rows.get(word.id)
    rung = word.severity.name
    if row is not None and row.life != audit.created_at:
        row = None
    lower = row is not None and row.state in FAILING and LADDER.index(rung) < LADDER.index(row.rung)
    if word.partial and lower:
        _stands(ledger, word.id, word, audit, checks)
        return
    accepted = _accepted(row, rung, word, audit)
    first_seen = row.first_seen if row is not None else audit.taken_at
    now = Row(
        "EXEMPT" if accepted else "OPEN",
        rung,
        word.reason,
        audit.taken_at,
        first_seen,
        audit.created_at,
        word.check_id,
        word.subject.kind,
        accepted,
    )
    _tell(ledger, word.id, row, now, audit, checks)


def _stands(ledger: Expected, finding_id: str, word: Finding | None, audit: Audit, checks: set[str]) -> None:
    """Keep the last word; somebody may accept it, or accept it no more, all the same."""
    row = ledger.rows[finding_id]
    accepted = _accepted(row, row.rung, word, audit)
    now = replace(row, state="EXEMPT" if accepted else "OPEN", accepted=accepted, moved_at=audit.taken_at)
    _tell(ledger, finding_id, row, now, audit, checks)


def _tell(  # noqa: PLR0913, PLR0917  the ledger, its finding before and after, and why
    ledger: Expected, finding_id: str, row: Row | None, now: Row, audit: Audit, checks: set[str]
) -> None:
    """Keep a failure as it is now, and announce it if its state or its rung is another."""
    if row is not None and (row.state, row.rung) == (now.state, now.rung):
        ledger.rows[finding_id] = replace(now, moved_at=row.moved_at)
        return
    # What was known of an earlier life of the cluster decides how loudly it is told, and nothing else.
    before = ledger.rows.get(finding_id)
    ledger.rows[finding_id] = now
    change, rung_before = "opened", ""
    if now.state == "EXEMPT":
        change = "exempted"
    elif row is not None and row.state != "OPEN":
        change = "reopened"
    elif row is not None:
        change = "worse" if LADDER.index(now.rung) > LADDER.index(row.rung) else "better"
        rung_before = row.rung
    baseline = change in ("opened", "reopened") and now.check_id not in checks
    _announce(ledger, finding_id, change, before, now, audit, rung_before=rung_before, baseline=baseline)


def _announce(  # noqa: PLR0913, PLR0917  what happened, before and after, and why
    ledger: Expected,
    finding_id: str,
    change: str,
    before: Row | None,
    now: Row,
    audit: Audit,
    *,
    rung_before: str = "",
    baseline: bool = False,
) -> None:
    was = None if before is None else before.state
    hushed = was == "EXEMPT" if change in ("resolved", "withdrawn") else change == "exempted" and was != "OPEN"
    told_as = "news"
    if hushed:
        told_as = "quiet"
    elif baseline:
        told_as = "baseline"
    elif not audit.ended and (audit.policy != ledger.policy or _waited_since_it_began(ledger, finding_id, audit)):
        told_as = "policy"
    ledger.told.append(Told(now.moved_at, finding_id, change, now.rung, rung_before, now.first_seen, baseline, told_as))


def _waited_since_it_began(ledger: Expected, finding_id: str, audit: Audit) -> bool:
    """Whether what is confirmed now was first seen by the first audit under the policy, or waited already."""
    first = ledger.seen_once.get(finding_id) if audit.created_at == ledger.life else None
    return first is not None and ledger.policy_since is not None and first <= ledger.policy_since


def _accepted(row: Row | None, rung: str, word: Finding | None, audit: Audit) -> Exemption | None:
    """What accepts a failure: of all that is said, what ends last; what was said before, where that was not looked at.

    A policy is always looked at with its finding; tags may be out of sight.
    """
    said = list(word.exemptions) if word is not None else []
    before = row.accepted if row is not None else None
    if before is not None and (word is None or (word.tags_hidden and before.source != "policy")):
        said.append(before)
    holding = [e for e in said if LADDER.index(rung) <= LADDER.index(e.severity.name) and audit.taken_at < _end(e)]
    return max(holding, key=_end, default=None)


def _end(exemption: Exemption) -> datetime:
    return datetime(exemption.until.year, exemption.until.month, exemption.until.day, tzinfo=UTC) + timedelta(days=1)


def _checks(checks: set[str], seen_once: dict[str, datetime], audit: Audit) -> set[str]:
    if audit.ended:
        return checks if audit.deleted else set()
    after = {check_id for check_id in checks if check_id in audit.checks}
    for check_id in () if audit.retryable else audit.checks:
        said = [finding for finding in audit.findings if finding.check_id == check_id]
        words = {"waits" if f.status == "FAILED" and f.id in seen_once else str(f.status) for f in said}
        if not words or ("waits" not in words and words != {"UNKNOWN"}):
            after.add(check_id)
    return after
