"""A verdict on one subject of one cluster, ready to be kept, told and rendered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from eks_auditor.model.verdict import Owner, Scalar, Severity, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a finding is about.

    Attributes:
        kind: ``cluster``, ``sibling-set``, ``zone`` or a kind of capacity (``managed``, ``self-managed`` …).
        key: What identifies it among its kind in its cluster: the name, a sibling set's hash, or a zone's id.
        name: What people call it.
        arn: Its ARN, or a synthetic one below the cluster's.
    """

    kind: str
    key: str
    name: str
    arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One way to mend it: a tool (``aws``, ``eksctl``, ``terraform`` …) and a command or phrase."""

    tool: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check's word on one subject.

    Attributes:
        id: Stable and unique in the world, at most 512 characters.
        check_id: Such as ``AMI001``.
        status: The word.
        severity: Means something on FAILED only.
        owner: Who must act.
        subject: What it is about.
        title: The check's title.
        reason: Why, with the numbers.
        evidence: The numbers.
        fix: Ways to mend it, for this resource.
        docs: The paragraph it rests on.
        due_at: When time alone changes it.
        confirm: Counts only once seen in two audits.
        settling: Not judged for the moment: the last word stands.
        partial: FAILED by what could be read; what could not be read may hide a worse rung.
        causes: Findings that would explain this one and could not be judged now, with the rung from which on they do:
            where one of them stands open, the last word on this one stands too.
    """

    id: str
    check_id: str
    status: Status
    severity: Severity
    owner: Owner
    subject: Subject
    title: str
    reason: str
    evidence: Mapping[str, Scalar]
    fix: tuple[Fix, ...]
    docs: str
    due_at: datetime | None = None
    confirm: bool = False
    settling: bool = False
    partial: bool = False
    causes: Mapping[str, Severity] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the published shape: JSON values only, the same in reports, messages and the ledger."""
        return {
            "id": self.id,
            "check_id": self.check_id,
            "status": self.status.value,
            "severity": self.severity.name,
            "owner": self.owner.value,
            "subject": {
                "kind": self.subject.kind,
                "key": self.subject.key,
                "name": self.subject.name,
                "arn": self.subject.arn,
            },
            "title": self.title,
            "reason": self.reason,
            "evidence": dict(self.evidence),
            "fix": [{"tool": fix.tool, "command": fix.command} for fix in self.fix],
            "docs": self.docs,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read :meth:`document` back.

        Raises:
            KeyError, ValueError: If it is not such a document.
        """
        return cls(
            id=document["id"],
            check_id=document["check_id"],
            status=Status(document["status"]),
            severity=Severity[document["severity"]],
            owner=Owner(document["owner"]),
            subject=Subject(**document["subject"]),
            title=document["title"],
            reason=document["reason"],
            evidence=document["evidence"],
            fix=tuple(Fix(**fix) for fix in document["fix"]),
            docs=document["docs"],
        )
