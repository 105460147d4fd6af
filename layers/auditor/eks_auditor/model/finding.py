"""A verdict on one subject of one cluster, ready to be kept, told and rendered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
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
class Exemption:
    """A risk that somebody accepted, until a day.

    Attributes:
        reason: Why.
        owner: Who accepted it.
        until: The last day on which it holds, in UTC.
        source: Where that is said: ``policy``, or ``tag of`` and the resource.
        severity: The worst rung that it accepts.
    """

    reason: str
    owner: str
    until: date
    source: str
    severity: Severity = Severity.CRITICAL

    @property
    def ends_at(self) -> datetime:
        """The first instant at which it holds no more: the midnight, UTC, that ends its last day."""
        return datetime.combine(self.until + timedelta(days=1), time(), tzinfo=UTC)

    @property
    def by_tag(self) -> bool:
        """Whether a tag says it, which can be hidden where a policy cannot."""
        return self.source != "policy"

    def covers(self, severity: Severity, at: datetime) -> bool:
        """Tell whether it accepts a failure of this rung at an instant."""
        return severity <= self.severity and at < self.ends_at

    def document(self) -> dict[str, Any]:
        """Return the published shape."""
        return {
            "reason": self.reason,
            "owner": self.owner,
            "until": self.until.isoformat(),
            "source": self.source,
            "severity": self.severity.name,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read :meth:`document` back.

        Raises:
            KeyError, ValueError: If it is not such a document.
        """
        return cls(
            reason=document["reason"],
            owner=document["owner"],
            until=date.fromisoformat(document["until"]),
            source=document["source"],
            severity=Severity[document["severity"]],
        )


def covering(exemptions: Iterable[Exemption], severity: Severity, at: datetime) -> Exemption | None:
    """Return what accepts a failure of a rung at an instant: of several, the first of those that end last."""
    return max((each for each in exemptions if each.covers(severity, at)), key=attrgetter("until"), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worsening:
    """When time alone makes a finding fail, or fail at a worse rung, if nothing else changes before; and that rung."""

    at: datetime
    severity: Severity


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
        exemption: What accepts it, on FAILED.
        exemptions: All that was accepted of this check here, at whatever rung and until whenever.
        tags_hidden: Whether a tag that accepts it may have been out of sight.
        team: Whose the resource is, by its own tag, or else its cluster's; None where neither says.
        worsens: What time alone will make of it within 30 days; None where that is nothing worse.
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
    exemption: Exemption | None = None
    exemptions: tuple[Exemption, ...] = ()
    tags_hidden: bool = False
    team: str | None = None
    worsens: Worsening | None = None

    def document(self) -> dict[str, Any]:
        """Return the published shape: JSON values only, the same in reports, messages and the ledger.

        Only an exempt finding has the member ``exemption``, and only one whose resource has such a tag ``team``.
        """
        document: dict[str, Any] = {
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
        if self.team is not None:
            document["team"] = self.team
        if self.exemption is not None:
            document["exemption"] = self.exemption.document()
        return document

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
            exemption=Exemption.from_document(document["exemption"]) if document.get("exemption") else None,
            team=document.get("team"),
        )
