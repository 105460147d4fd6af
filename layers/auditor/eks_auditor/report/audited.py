"""What an audit without a ledger found out: the one thing that all renderers render."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from eks_auditor.autoscaler.settings import AUTO, AutoscalerSettings
from eks_auditor.check import Check
from eks_auditor.findings.exemptions import Acceptance
from eks_auditor.findings.judge import judge
from eks_auditor.findings.teams import TEAM_TAG
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Finding
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Status
from eks_auditor.policy.rules import Policy

FIRST_SIGHTING = (
    "a first sighting, hence INFORMATIONAL: it counts once two audits at least 60 minutes apart have seen it, "
    "and the command line has no ledger to remember the first"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedCluster:
    """One cluster's snapshot with what the checks said of it, ordered by id.

    Attributes:
        snapshot: The cluster.
        findings: What was said.
        notes: What to tell of tags that accept a risk and cannot be understood, a sentence each.
    """

    snapshot: Snapshot
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def id(self) -> ClusterId:
        """Where it lives."""
        return self.snapshot.cluster.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Some clusters, audited.

    Attributes:
        taken_at: The instant before the oldest read in it.
        gaps: Reads that failed and belong to no cluster, such as a Region whose clusters could not be listed.
        clusters: Ordered by partition, account, Region and name.
    """

    taken_at: datetime
    gaps: tuple[Gap, ...]
    clusters: tuple[AuditedCluster, ...]

    def findings(self, *statuses: Status) -> list[tuple[AuditedCluster, Finding]]:
        """Return the findings of these statuses with their clusters: worst first, then by check and cluster."""
        chosen = [(c, f) for c in self.clusters for f in c.findings if f.status in statuses]
        return sorted(chosen, key=lambda pair: (-pair[1].severity, pair[1].check_id, pair[1].id))

    def failures(self) -> list[tuple[AuditedCluster, Finding]]:
        """Return the failures that nobody accepts."""
        return [(cluster, each) for cluster, each in self.findings(Status.FAILED) if each.exemption is None]

    def exempt(self) -> list[tuple[AuditedCluster, Finding]]:
        """Return the failures that somebody accepts."""
        return [(cluster, each) for cluster, each in self.findings(Status.FAILED) if each.exemption is not None]

    def fails_at(self, severity: Severity) -> bool:
        """Return whether a failure that nobody accepts is at or above ``severity``."""
        return any(finding.severity >= severity for _, finding in self.failures())


def audited(
    snapshot: Snapshot,
    checks: Sequence[Check],
    autoscaler: AutoscalerSettings = AUTO,
    *,
    policy: Policy = Policy.DEFAULT,
    team_tag: str = TEAM_TAG,
) -> AuditedCluster:
    """Judge a snapshot without a ledger; ``team_tag`` is the key of the tag that says whose a resource is."""
    findings = judge(snapshot, checks, autoscaler, policy=policy, team_tag=team_tag)
    notes = Acceptance.of(snapshot, policy).notes
    return AuditedCluster(snapshot=snapshot, findings=tuple(map(without_ledger, findings)), notes=notes)


def report_of(clusters: Iterable[AuditedCluster], *, gaps: Iterable[Gap], started: datetime) -> Report:
    """Put clusters together, in an order of their own.

    Args:
        clusters: None twice.
        gaps: Reads that failed and belong to no cluster.
        started: The report's instant where there is no cluster at all.
    """
    ordered = tuple(sorted(clusters, key=lambda cluster: cluster.id))
    return Report(
        taken_at=min((cluster.snapshot.taken_at for cluster in ordered), default=started),
        gaps=tuple(sorted(gaps, key=lambda gap: (gap.action, gap.resource, gap.error))),
        clusters=ordered,
    )


def without_ledger(finding: Finding) -> Finding:
    """Show what needs two audits as the first sighting that it is: INFORMATIONAL, and the reason says so."""
    if finding.status is not Status.FAILED or not finding.confirm:
        return finding
    return replace(finding, severity=Severity.INFORMATIONAL, reason=f"{finding.reason} ({FIRST_SIGHTING})")
