"""The report's FAILED findings in the AWS Security Finding Format, as ``BatchImportFindings`` takes them."""

import json

from eks_auditor.checks import CATALOGUE
from eks_auditor.model.finding import Finding
from eks_auditor.model.history import Change, Transition, sequence_of
from eks_auditor.model.verdict import Status
from eks_auditor.report.audited import AuditedCluster, Report
from eks_auditor.report.instants import text_of
from eks_auditor.sinks.asff import asff

AUDIT_ID = "command-line"
"""Stands where a deployed audit would write its id."""

REPORTS_ONLY = frozenset(check.id for check in CATALOGUE if check.reports_only)
"""Checks that Security Hub shall not hear of, whoever imports the document."""


def render_asff(report: Report) -> str:
    """Return a JSON list of findings, worst first; ``BatchImportFindings`` takes at most 100 of them a call.

    Without a ledger every one of them is a finding just opened, or just exempted: then it is archived, with who accepts
    it and until when. What is for reports only is left out.
    """
    failed = report.findings(Status.FAILED)
    findings = [_opened(cluster, finding) for cluster, finding in failed if finding.check_id not in REPORTS_ONLY]
    return json.dumps(findings, indent=2, ensure_ascii=False) + "\n"


def _opened(cluster: AuditedCluster, finding: Finding) -> dict[str, object]:
    taken_at = cluster.snapshot.taken_at
    transition = Transition(
        change_id=f"{finding.id}@{text_of(taken_at)}",
        change=Change.OPENED if finding.exemption is None else Change.EXEMPTED,
        sequence=sequence_of(taken_at),
        finding=finding,
        first_seen=taken_at,
    )
    return asff(transition, cluster=cluster.id, audit_id=AUDIT_ID, taken_at=taken_at)
