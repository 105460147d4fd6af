"""Reports made of stated findings, for renderers that do not care what the checks say."""

from typing import Any

from eks_auditor.findings.identity import finding_id
from eks_auditor.model.finding import Finding, Fix, Subject
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Owner, Severity, Status
from eks_auditor.report.audited import AuditedCluster, Report
from tests import builders


def finding(check_id: str = "HEALTH001", name: str = "web", **deviations: Any) -> Finding:  # noqa: ANN401  any field of it
    """A failed check of the node group ``web``."""
    subject = Subject(kind="managed", key=name, name=name, arn=builders.managed(name).arn)
    stated: dict[str, Any] = {
        "id": finding_id(builders.CLUSTER_ID, check_id, subject),
        "check_id": check_id,
        "status": Status.FAILED,
        "severity": Severity.HIGH,
        "owner": Owner.CUSTOMER,
        "subject": subject,
        "title": "Node groups should be healthy",
        "reason": "EKS reports NodeCreationFailure",
        "evidence": {"code": "NodeCreationFailure"},
        "fix": (Fix(tool="aws", command=f"aws eks describe-nodegroup --nodegroup-name {name}"),),
        "docs": "https://docs.aws.amazon.com/eks/latest/userguide/troubleshooting.html",
    }
    return Finding(**stated | deviations)


def report(*findings: Finding, snapshot: Snapshot | None = None, gaps: tuple[Gap, ...] = ()) -> Report:
    """A report on the cluster ``shop`` that holds these findings."""
    read = snapshot or builders.snapshot()
    ordered = tuple(sorted(findings, key=lambda each: each.id))
    return Report(taken_at=read.taken_at, gaps=gaps, clusters=(AuditedCluster(snapshot=read, findings=ordered),))
