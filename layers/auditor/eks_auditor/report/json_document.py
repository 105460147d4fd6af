"""The report as a JSON document: a contract, versioned, described in ``docs/report.md``.

Within one ``schema_version`` keys may be added, and none is renamed, removed or given another meaning.
"""

import json
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, NotRequired, TypedDict

from pydantic import Field

from eks_auditor.model.capacity import KINDS
from eks_auditor.model.finding import Exemption, Finding
from eks_auditor.model.gap import Gap
from eks_auditor.model.verdict import Owner, Severity, Status
from eks_auditor.report.audited import AuditedCluster, Report
from eks_auditor.report.instants import text_of

SCHEMA_VERSION: Final = 1

type _Text = Annotated[str, Field(min_length=1)]


def _one_of(words: Iterable[str]) -> Any:  # noqa: ANN401  pydantic types Field so
    return Field(json_schema_extra={"enum": list(words)})


class GapDocument(TypedDict):
    """A read that failed. It is never a verdict: checks that needed it say UNKNOWN."""

    action: Annotated[_Text, Field(description="The IAM action of the call, such as eks:DescribeNodegroup")]
    resource: Annotated[str, Field(description="What it was asked about: an ARN, an id, a name, a Region")]
    error: Annotated[_Text, Field(description="The error as AWS words it, code first")]


class SubjectDocument(TypedDict):
    """What a finding is about."""

    kind: Annotated[_Text, Field(description="cluster, sibling-set, zone, or a kind of capacity")]
    name: Annotated[_Text, Field(description="What people call it")]
    arn: Annotated[_Text, Field(description="Its ARN, or a synthetic one below the cluster's")]


class FixDocument(TypedDict):
    """One way to mend it."""

    tool: Annotated[_Text, Field(description="aws, eksctl, terraform, cloudformation …")]
    command: Annotated[_Text, Field(description="A command with its values quoted for a shell, or a phrase")]


class ExemptionDocument(TypedDict):
    """A risk that somebody accepts until a day."""

    reason: _Text
    owner: _Text
    until: Annotated[
        str,
        Field(
            description="The last day on which it holds, UTC",
            json_schema_extra={"format": "date"},
        ),
    ]
    source: Annotated[_Text, Field(description="policy, or the resource whose tags say it")]
    severity: Annotated[
        str,
        _one_of(severity.name for severity in Severity),
        Field(description="The worst severity that it accepts"),
    ]


class FindingDocument(TypedDict):
    """One check's word on one subject."""

    id: Annotated[str, Field(min_length=1, max_length=512, description="Stable, and unique in the world")]
    check_id: Annotated[str, Field(pattern=r"^[A-Z]+\d{3}$")]
    status: Annotated[str, _one_of(status.value for status in Status)]
    severity: Annotated[
        str,
        _one_of(severity.name for severity in Severity),
        Field(description="Means something on FAILED only; others carry the check's default"),
    ]
    owner: Annotated[str, _one_of(owner.value for owner in Owner), Field(description="Who must act")]
    subject: SubjectDocument
    title: _Text
    reason: Annotated[_Text, Field(description="Why, with the numbers it rests on")]
    evidence: Annotated[dict[str, str | int | float | bool], Field(description="The numbers, flat")]
    fix: Annotated[list[FixDocument], Field(description="For this resource; empty unless FAILED")]
    docs: Annotated[_Text, Field(description="The paragraph of AWS's guide or documentation it rests on")]
    team: Annotated[NotRequired[str], Field(min_length=1, max_length=256, description="Whose it is, where a tag says")]
    exemption: Annotated[NotRequired[ExemptionDocument], Field(description="Of an exempt finding only")]


class ClusterDocument(TypedDict):
    """One cluster that was read."""

    arn: _Text
    account: Annotated[str, Field(pattern=r"^\d{12}$")]
    region: _Text
    name: _Text
    kubernetes_version: Annotated[_Text, Field(description="The control plane's minor, such as 1.35")]
    complete: Annotated[
        dict[str, bool],
        Field(description="Per kind of capacity: whether every one of that kind was listed and described"),
    ]
    gaps: list[GapDocument]
    findings: Annotated[list[FindingDocument], Field(description="Ordered by id")]


class ReportDocument(TypedDict):
    """An eks-auditor report."""

    schema_version: Annotated[Literal[1], Field(description="Of this shape")]
    taken_at: Annotated[
        str,
        Field(
            description="The instant before the oldest read in it, UTC",
            json_schema_extra={"format": "date-time"},
        ),
    ]
    gaps: Annotated[list[GapDocument], Field(description="Reads that failed and belong to no cluster")]
    clusters: Annotated[list[ClusterDocument], Field(description="Ordered by account, Region and name")]


def render_json(report: Report, *, show_all: bool = False) -> str:
    """Return the document as indented text; the same report gives the same text.

    Args:
        report: What to render.
        show_all: Whether NOT_APPLICABLE is in it too; PASSED and UNKNOWN always are.
    """
    return json.dumps(document_of(report, show_all=show_all), indent=2, ensure_ascii=False) + "\n"


def document_of(report: Report, *, show_all: bool = False) -> ReportDocument:
    """Return the document as JSON values; ``show_all`` as for :func:`render_json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "taken_at": text_of(report.taken_at),
        "gaps": [_gap(gap) for gap in report.gaps],
        "clusters": [_cluster(cluster, show_all=show_all) for cluster in report.clusters],
    }


def _cluster(cluster: AuditedCluster, *, show_all: bool) -> ClusterDocument:
    snapshot = cluster.snapshot
    return {
        "arn": cluster.id.arn,
        "account": cluster.id.account,
        "region": cluster.id.region,
        "name": cluster.id.name,
        "kubernetes_version": snapshot.cluster.version,
        "complete": {kind: snapshot.complete[kind] for kind in KINDS if kind in snapshot.complete},
        "gaps": [_gap(gap) for gap in sorted(snapshot.gaps, key=lambda gap: (gap.action, gap.resource, gap.error))],
        "findings": [
            _finding(finding) for finding in cluster.findings if show_all or finding.status is not Status.NOT_APPLICABLE
        ],
    }


def _gap(gap: Gap) -> GapDocument:
    return {"action": gap.action, "resource": gap.resource, "error": gap.error}


def _finding(finding: Finding) -> FindingDocument:
    document: FindingDocument = {
        "id": finding.id,
        "check_id": finding.check_id,
        "status": finding.status.value,
        "severity": finding.severity.name,
        "owner": finding.owner.value,
        "subject": {"kind": finding.subject.kind, "name": finding.subject.name, "arn": finding.subject.arn},
        "title": finding.title,
        "reason": finding.reason,
        "evidence": dict(sorted(finding.evidence.items())),
        "fix": [{"tool": fix.tool, "command": fix.command} for fix in finding.fix],
        "docs": finding.docs,
    }
    if finding.team is not None:
        document["team"] = finding.team
    if finding.exemption is not None:
        document["exemption"] = _exemption(finding.exemption)
    return document


def _exemption(exemption: Exemption) -> ExemptionDocument:
    return {
        "reason": exemption.reason,
        "owner": exemption.owner,
        "until": exemption.until.isoformat(),
        "source": exemption.source,
        "severity": exemption.severity.name,
    }
