"""Runs the checks over a snapshot. No check can end an audit: what it could not see is its UNKNOWN."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from eks_auditor.check import Check
from eks_auditor.findings.identity import finding_id, subject_of
from eks_auditor.findings.running import running_of
from eks_auditor.model.capacity import NodePool, StandaloneNodes
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.finding import Finding, Subject
from eks_auditor.model.gap import UnreadableError
from eks_auditor.model.history import Audit
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Status, Verdict, unknown
from eks_auditor.spread.addresses import Zones
from eks_auditor.spread.drill import Drill
from eks_auditor.spread.siblings import Spread


@dataclass(frozen=True, slots=True)
class Silence:
    """What a check's defect explains, and from which rung on it does."""

    checks: frozenset[str]
    rung: Severity


SILENCES: Mapping[str, Silence] = {
    # At INFORMATIONAL the whole family has paused, which does not explain a group that is behind all the same.
    "AMI003": Silence(frozenset({"AMI001", "AMI007"}), Severity.LOW),
    # At LOW a third zone is unused, which is another gap than that of a group in one zone.
    "ZONE001": Silence(frozenset({"ZONE002", "ZONE004"}), Severity.CRITICAL),
}
"""One cause, one finding: for the same subject; a cluster's finding silences those of all its capacities."""


def audit_of(snapshot: Snapshot, checks: Iterable[Check], audit_id: str) -> Audit:
    """Judge a snapshot for the ledger."""
    judged = tuple(checks)
    spread, zones = Spread.of(snapshot), Zones.of(snapshot)
    running, unread = running_of(snapshot)
    return Audit(
        audit_id=audit_id,
        cluster=snapshot.cluster.id,
        created_at=snapshot.cluster.created_at,
        taken_at=snapshot.taken_at,
        findings=_judged(snapshot, spread, zones, judged),
        checks=frozenset(check.id for check in judged),
        complete=snapshot.complete,
        sets_whole=spread.whole,
        zones_whole=zones.whole,
        retryable=any(gap.retryable for gap in snapshot.gaps),
        running=running,
        unread=unread,
    )


def judge(snapshot: Snapshot, checks: Iterable[Check]) -> tuple[Finding, ...]:
    """Judge every subject of a snapshot by every check that is for its type, ordered by check and subject."""
    return _judged(snapshot, Spread.of(snapshot), Zones.of(snapshot), checks)


def _judged(snapshot: Snapshot, spread: Spread, zones: Zones, checks: Iterable[Check]) -> tuple[Finding, ...]:
    checks = tuple(checks)
    context: dict[type, object] = {Cluster: snapshot.cluster, Snapshot: snapshot, Spread: spread}
    if any(Drill in check.context for check in checks):
        context[Drill] = Drill.of(snapshot, spread)
    subjects = (snapshot.cluster, *snapshot.capacities, *spread.sets, *zones.zones)
    findings = [
        _finding(check, subject, snapshot.cluster, _verdict(check, subject, context, snapshot))
        for check in checks
        for subject in subjects
        if isinstance(subject, check.subjects)
    ]
    return tuple(_silenced(sorted(findings, key=lambda finding: finding.id)))


def _verdict(check: Check, subject: object, context: Mapping[type, object], snapshot: Snapshot) -> Verdict:
    try:
        return _of_what_was_seen(check(subject, context), subject, snapshot)
    except UnreadableError as error:
        return unknown(f"could not be judged: {error}", action=error.gap.action, error=error.gap.error)


def _of_what_was_seen(verdict: Verdict, subject: object, snapshot: Snapshot) -> Verdict:
    """Let a pool pass only where every node was read: a pool is its nodes, and one not seen may be the worst.

    Raises:
        UnreadableError: If nothing fails, and nodes may be hidden.
    """
    hidden = snapshot.unseen((subject.kind,)) if isinstance(subject, NodePool | StandaloneNodes) else None
    if hidden is None or verdict.status is Status.UNKNOWN:
        return verdict
    if verdict.status is Status.FAILED:
        return replace(verdict, partial=True)
    raise UnreadableError(hidden)


def _finding(check: Check, judged: object, cluster: Cluster, verdict: Verdict) -> Finding:
    subject = subject_of(judged, cluster)
    values = {
        **verdict.evidence,
        "name": subject.name,
        "cluster": cluster.name,
        "region": cluster.id.region,
        "version": cluster.version,
    }
    failed = verdict.status is Status.FAILED
    rendered = (template.render(subject.kind, values) for template in check.fixes) if failed else ()
    return Finding(
        id=finding_id(cluster.id, check.id, subject),
        check_id=check.id,
        status=verdict.status,
        severity=check.severity if verdict.severity is None else verdict.severity,
        owner=verdict.owner or check.owner,
        subject=subject,
        title=check.title,
        reason=verdict.reason,
        evidence=verdict.evidence,
        fix=tuple(fix for fix in rendered if fix is not None),
        docs=check.docs,
        due_at=verdict.due_at,
        confirm=verdict.confirm,
        settling=verdict.settling,
        partial=verdict.partial,
    )


def _silenced(findings: list[Finding]) -> Iterator[Finding]:
    """Let a defect's cause speak alone: the silenced finding is not applicable, and the cause names it.

    A cause that cannot be judged now may stand open all the same, which the ledger knows: the finding carries its id.
    """
    causes = {finding.id: _cause(finding, findings) for finding in findings if finding.status is Status.FAILED}
    explained: dict[str, list[str]] = {}
    for finding in findings:
        if (cause := causes.get(finding.id)) is not None:
            explained.setdefault(cause.id, []).append(f"{finding.check_id} of {finding.subject.name}")
    for finding in findings:
        if (cause := causes.get(finding.id)) is not None:
            reason = f"has the same cause as {cause.check_id} of {cause.subject.name}: {finding.reason}"
            yield replace(finding, status=Status.NOT_APPLICABLE, reason=reason, fix=())
        elif finding.id in explained:
            yield replace(finding, reason=f"{finding.reason} (also the cause of {', '.join(explained[finding.id])})")
        elif finding.status is Status.FAILED:
            undecided = [other for other in findings if _undecided(other) and _explains(other, finding)]
            yield replace(finding, causes={other.id: SILENCES[other.check_id].rung for other in undecided})
        else:
            yield finding


def _cause(finding: Finding, findings: list[Finding]) -> Finding | None:
    """Return the failure that explains this one."""
    return next(
        (
            other
            for other in findings
            if other.status is Status.FAILED
            and _explains(other, finding)
            and other.severity >= SILENCES[other.check_id].rung
        ),
        None,
    )


def _undecided(finding: Finding) -> bool:
    return finding.status is Status.UNKNOWN or finding.settling


def _explains(cause: Finding, finding: Finding) -> bool:
    if cause.check_id not in SILENCES or finding.check_id not in SILENCES[cause.check_id].checks:
        return False
    return cause.subject.kind == "cluster" or (_same(cause.subject, finding.subject) and _of_its_images(cause, finding))


def _of_its_images(cause: Finding, finding: Finding) -> bool:
    """Whether a finding on one image is on one of those that its cause names, where both tell."""
    named, image = cause.evidence.get("images"), finding.evidence.get("image")
    return named is None or image is None or image in str(named).split(", ")


def _same(one: Subject, other: Subject) -> bool:
    return (one.kind, one.key) == (other.kind, other.key)
