"""Runs the checks over a snapshot. No check can end an audit: what it could not see is its UNKNOWN."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from eks_auditor.autoscaler.scaler import Scaler
from eks_auditor.autoscaler.settings import AUTO, AutoscalerSettings
from eks_auditor.check import Check
from eks_auditor.findings.coming import worsening
from eks_auditor.findings.exemptions import Acceptance
from eks_auditor.findings.identity import finding_id, subject_of, target_of
from eks_auditor.findings.running import running_of
from eks_auditor.findings.teams import TEAM_TAG, team_of
from eks_auditor.model.capacity import NodePool, StandaloneNodes
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.finding import Finding, Subject, covering
from eks_auditor.model.gap import UnreadableError
from eks_auditor.model.history import Audit
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Status, Verdict, not_applicable, unknown
from eks_auditor.policy.rules import Policy
from eks_auditor.policy.thresholds import Thresholds
from eks_auditor.spread.addresses import Zones
from eks_auditor.spread.drill import Drill
from eks_auditor.spread.siblings import Spread


@dataclass(frozen=True, slots=True)
class Silence:
    """What a check's defect explains, and from which rung on it does."""

    checks: frozenset[str]
    rung: Severity


POLICY_VERSION = "policy_version"
"""What every finding's evidence names the version of the policy by that it was judged under."""

SILENCES: Mapping[str, Silence] = {
    # At INFORMATIONAL the whole family has paused, which does not explain a group that is behind all the same.
    "AMI003": Silence(frozenset({"AMI001", "AMI007"}), Severity.LOW),
    # At LOW a third zone is unused, which is another gap than that of a group in one zone.
    "ZONE001": Silence(frozenset({"ZONE002", "ZONE004"}), Severity.CRITICAL),
}
"""One cause, one finding: for the same subject; a cluster's finding silences those of all its capacities."""


def audit_of(  # noqa: PLR0913  what is judged, by what, and what is known
    snapshot: Snapshot,
    checks: Iterable[Check],
    audit_id: str,
    autoscaler: AutoscalerSettings = AUTO,
    *,
    policy: Policy = Policy.DEFAULT,
    team_tag: str = TEAM_TAG,
    autoscaler_seen_at: datetime | None = None,
    karpenter_seen_at: datetime | None = None,
) -> Audit:
    """Judge a snapshot for the ledger, which may know when the autoscaler and Karpenter were last seen at work."""
    judged, policy = tuple(checks), policy.within(snapshot.cluster.id)
    spread, zones, acceptance = Spread.of(snapshot), Zones.of(snapshot), Acceptance.of(snapshot, policy)
    settings = policy.autoscaler(snapshot.cluster.id, autoscaler)
    scaler = Scaler.of(snapshot, settings, autoscaler_seen_at, karpenter_seen_at)
    running, unread = running_of(snapshot, policy)
    return Audit(
        audit_id=audit_id,
        cluster=snapshot.cluster.id,
        created_at=snapshot.cluster.created_at,
        taken_at=snapshot.taken_at,
        findings=_judged(snapshot, spread, zones, judged, scaler, acceptance, team_tag),
        checks=frozenset(check.id for check in judged),
        complete=snapshot.complete,
        sets_whole=spread.whole,
        zones_whole=zones.whole,
        retryable=any(gap.retryable for gap in snapshot.gaps),
        running=running,
        unread=unread,
        autoscaler_seen_at=snapshot.taken_at if scaler.seen else None,
        karpenter_seen_at=snapshot.taken_at if scaler.karpenter else None,
        undeclared=spread.undeclared,
        policy=policy.version,
        notes=acceptance.notes,
        gaps=frozenset(gap.action for gap in snapshot.gaps if gap.unanswered),
    )


def judge(
    snapshot: Snapshot,
    checks: Iterable[Check],
    autoscaler: AutoscalerSettings = AUTO,
    *,
    policy: Policy = Policy.DEFAULT,
    team_tag: str = TEAM_TAG,
) -> tuple[Finding, ...]:
    """Judge every subject of a snapshot by every check that is for its type, ordered by check and subject.

    ``team_tag`` is the key of the tag that says whose a resource is.
    """
    policy = policy.within(snapshot.cluster.id)
    scaler = Scaler.of(snapshot, policy.autoscaler(snapshot.cluster.id, autoscaler))
    acceptance = Acceptance.of(snapshot, policy)
    return _judged(snapshot, Spread.of(snapshot), Zones.of(snapshot), tuple(checks), scaler, acceptance, team_tag)


def _judged(  # noqa: PLR0913, PLR0917  what is judged, by what
    snapshot: Snapshot,
    spread: Spread,
    zones: Zones,
    checks: tuple[Check, ...],
    scaler: Scaler,
    acceptance: Acceptance,
    team_tag: str,
) -> tuple[Finding, ...]:
    context: dict[type, object] = {
        Cluster: snapshot.cluster,
        Snapshot: snapshot,
        Spread: spread,
        Scaler: scaler,
    }
    if any(Drill in check.context for check in checks):
        context[Drill] = Drill.of(snapshot, spread)
    subjects = (snapshot.cluster, *snapshot.capacities, *spread.sets, *zones.zones)
    of_teams = [(subject, team_of(subject, snapshot.cluster, team_tag)) for subject in subjects]
    findings = [
        replace(_word(check, subject, context, acceptance, snapshot), team=team)
        for check in checks
        for subject, team in of_teams
        if isinstance(subject, check.subjects)
    ]
    return tuple(_silenced(_foreseen(sorted(findings, key=lambda finding: finding.id))))


def _word(
    check: Check, subject: object, context: Mapping[type, object], acceptance: Acceptance, snapshot: Snapshot
) -> Finding:
    """Judge one subject, as of the snapshot and as of what time alone will make of it."""

    def again(at: datetime) -> tuple[Verdict, Severity]:
        then = replace(snapshot, taken_at=at)
        verdict = _verdict(check, subject, {**context, Snapshot: then}, then, acceptance.policy)
        return verdict, _rung(check, verdict)

    verdict = _verdict(check, subject, context, snapshot, acceptance.policy)
    finding = _finding(check, subject, verdict, acceptance, snapshot)
    return replace(finding, worsens=worsening(finding, again, snapshot.taken_at))


def _rung(check: Check, verdict: Verdict) -> Severity:
    return check.severity if verdict.severity is None else verdict.severity


def _foreseen(findings: list[Finding]) -> list[Finding]:
    """Foresee nothing of what would be silenced then, or might be."""
    then = [
        each
        if each.worsens is None
        else replace(each, status=Status.FAILED, severity=each.worsens.severity, exemption=None)
        for each in findings
    ]
    speaking = {each.id for each in _silenced(then) if each.status is Status.FAILED and not each.causes}
    return [each if each.id in speaking else replace(each, worsens=None) for each in findings]


def _verdict(
    check: Check, subject: object, context: Mapping[type, object], snapshot: Snapshot, policy: Policy
) -> Verdict:
    target = target_of(subject, snapshot.cluster)
    if not policy.judges(check.id, target):
        return not_applicable(f"the policy switches {check.id} off here")
    if check.thresholds:
        context = {**context, Thresholds: policy.thresholds(check.id, check.thresholds, target)}
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


def _finding(check: Check, judged: object, verdict: Verdict, acceptance: Acceptance, snapshot: Snapshot) -> Finding:
    cluster = snapshot.cluster
    subject = subject_of(judged, cluster)
    severity = _rung(check, verdict)
    values = {
        **verdict.evidence,
        "name": subject.name,
        "cluster": cluster.name,
        "region": cluster.id.region,
        "version": cluster.version,
    }
    failed = verdict.status is Status.FAILED
    exemptions = acceptance.exemptions(check.id, judged)
    rendered = (template.render(subject.kind, values) for template in check.fixes) if failed else ()
    return Finding(
        id=finding_id(cluster.id, check.id, subject),
        check_id=check.id,
        status=verdict.status,
        severity=severity,
        owner=verdict.owner or check.owner,
        subject=subject,
        title=check.title,
        reason=verdict.reason,
        evidence={**verdict.evidence, POLICY_VERSION: acceptance.policy.version},
        fix=tuple(fix for fix in rendered if fix is not None),
        docs=check.docs,
        due_at=verdict.due_at,
        confirm=verdict.confirm,
        settling=verdict.settling,
        partial=verdict.partial,
        exemption=covering(exemptions, severity, snapshot.taken_at) if failed else None,
        exemptions=exemptions,
        tags_hidden=acceptance.hides_tags(judged),
    )


def _silenced(findings: list[Finding]) -> Iterator[Finding]:
    """Let a defect's cause speak alone: the silenced finding is not applicable, and the cause names it.

    A cause that cannot be judged now may stand open all the same, which the ledger knows: the finding carries its id.
    """
    suspects = {
        (finding.check_id, _place(finding.subject)): finding for finding in findings if finding.check_id in SILENCES
    }
    explaining = {
        finding.id: tuple(_explaining(finding, suspects)) for finding in findings if finding.status is Status.FAILED
    }
    causes = {each: _cause(others) for each, others in explaining.items()}
    explained: dict[str, list[str]] = {}
    for finding in findings:
        if (cause := causes.get(finding.id)) is not None:
            explained.setdefault(cause.id, []).append(f"{finding.check_id} of {finding.subject.name}")
    for finding in findings:
        if (cause := causes.get(finding.id)) is not None:
            reason = f"has the same cause as {cause.check_id} of {cause.subject.name}: {finding.reason}"
            yield replace(finding, status=Status.NOT_APPLICABLE, reason=reason, fix=(), exemption=None)
        elif finding.id in explained:
            yield replace(finding, reason=f"{finding.reason} (also the cause of {', '.join(explained[finding.id])})")
        elif finding.status is Status.FAILED:
            undecided = [other for other in explaining[finding.id] if _undecided(other)]
            yield replace(finding, causes={other.id: SILENCES[other.check_id].rung for other in undecided})
        else:
            yield finding


type _Place = tuple[str, str] | None
"""What a cause must share with what it explains: a subject; None for a cluster's finding, which explains all."""


def _place(subject: Subject) -> _Place:
    return None if subject.kind == "cluster" else (subject.kind, subject.key)


def _explaining(finding: Finding, suspects: Mapping[tuple[str, _Place], Finding]) -> Iterator[Finding]:
    """Yield what would explain a failure, if it failed."""
    for check_id, silence in SILENCES.items():
        if finding.check_id in silence.checks:
            for place in dict.fromkeys((_place(finding.subject), None)):
                other = suspects.get((check_id, place))
                if other is not None and (place is None or _of_its_images(other, finding)):
                    yield other


def _cause(explaining: Iterable[Finding]) -> Finding | None:
    """Return the failure among them that is bad enough."""
    failures = (other for other in explaining if other.status is Status.FAILED)
    return next((other for other in failures if other.severity >= SILENCES[other.check_id].rung), None)


def _undecided(finding: Finding) -> bool:
    return finding.status is Status.UNKNOWN or finding.settling


def _of_its_images(cause: Finding, finding: Finding) -> bool:
    """Whether a finding on one image is on one of those that its cause names, where both tell."""
    named, image = cause.evidence.get("images"), finding.evidence.get("image")
    return named is None or image is None or image in str(named).split(", ")
