"""The messages between the functions. Read by hand: pydantic would cost every cold start of an audit 166 ms."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from eks_auditor.events.errors import EventError, require_schema
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Finding
from eks_auditor.model.history import Change, Transition
from eks_auditor.model.verdict import Severity

SCHEMA_VERSION = 1
"""Of both messages; a reader leaves newer ones alone."""

CLASSES = ("news", "baseline", "refresh")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """One cluster to audit: a message on the audit queue.

    Attributes:
        audit_id: Follows the audit through logs, messages and findings.
        cluster: Which.
        not_before: The time of what asked for it: only a snapshot that began later answers it.
        cause: What asked for it, in words.
        untargeted: Whether the cluster is none of the targets any more: it is not read, and what is open is withdrawn.
    """

    audit_id: str
    cluster: ClusterId
    not_before: datetime
    cause: str
    untargeted: bool = False

    def body(self) -> str:
        """Write the message."""
        return json.dumps(
            {
                "schema_version": SCHEMA_VERSION,
                "type": "audit",
                "audit_id": self.audit_id,
                "cluster_arn": self.cluster.arn,
                "not_before": self.not_before.astimezone(UTC).isoformat(),
                "cause": self.cause,
                "untargeted": self.untargeted,
            }
        )


def parse_audit_request(body: str) -> AuditRequest:
    """Read :meth:`AuditRequest.body` back.

    Raises:
        NewerMessageError: If a newer version wrote it.
        EventError: If it is no such message.
    """
    document = _document(body, "audit", "the message on the audit queue")
    try:
        return AuditRequest(
            audit_id=_text(document, "audit_id"),
            cluster=ClusterId.from_arn(_text(document, "cluster_arn")),
            not_before=_instant(document, "not_before"),
            cause=_text(document, "cause"),
            untargeted=document.get("untargeted") is True,
        )
    except (KeyError, TypeError, ValueError) as error:
        message = f"the message on the audit queue cannot be read: {_why(error)}; remove it, the next sweep asks again"
        raise EventError(message) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionsMessage:
    """One outbox item: what one audit of one cluster changed, or a part of it.

    Attributes:
        kind: ``news``, ``baseline`` or ``refresh``: the member ``class``.
        audit_id: The audit's.
        taken_at: The instant of its snapshot.
        part: From 1.
        parts: How many messages this audit made of this class.
        cluster: Whose.
        transitions: What changed.
    """

    kind: str
    audit_id: str
    taken_at: datetime
    part: int
    parts: int
    cluster: ClusterId
    transitions: tuple[Transition, ...]


def parse_transitions(body: str) -> TransitionsMessage:
    """Read an outbox item's body.

    Raises:
        NewerMessageError: If a newer version wrote it.
        EventError: If it is no such message.
    """
    document = _document(body, "transitions", "the transitions message")
    try:
        cluster = document["cluster"]
        return TransitionsMessage(
            kind=_class(document),
            audit_id=_text(document, "audit_id"),
            taken_at=_instant(document, "taken_at"),
            part=int(document["part"]),
            parts=int(document["parts"]),
            cluster=ClusterId(*(_text(cluster, key) for key in ("partition", "account", "region", "name"))),
            transitions=tuple(_transition(entry) for entry in document["transitions"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = (
            f"the transitions message cannot be read: {_why(error)}; "
            f"compare it with docs/messages.md, and run an audit of its cluster again"
        )
        raise EventError(message) from None


def _transition(entry: Mapping[str, Any]) -> Transition:
    previous = entry.get("previous_severity")
    return Transition(
        change_id=_text(entry, "change_id"),
        change=Change(entry["change"]),
        sequence=int(entry["sequence"]),
        finding=Finding.from_document(entry["finding"]),
        first_seen=_instant(entry, "first_seen"),
        previous=None if previous is None else Severity[previous],
        baseline=bool(entry.get("baseline", False)),
    )


def _document(body: str, kind: str, what: str) -> Mapping[str, Any]:
    """Look at version and type before anything else: a newer message may have any shape."""
    try:
        document = json.loads(body)
    except ValueError as error:
        message = f"{what} is not JSON ({error}); remove it"
        raise EventError(message) from None
    if not isinstance(document, dict):
        message = f"{what} is a JSON {type(document).__name__}, not an object; remove it"
        raise EventError(message)
    require_schema(document.get("schema_version"), SCHEMA_VERSION, what)
    if document.get("type") != kind:
        message = f"{what} has type {str(document.get('type'))[:80]!r} instead of {kind!r}; remove it"
        raise EventError(message)
    return document


def _class(document: Mapping[str, Any]) -> str:
    kind = _text(document, "class")
    if kind not in CLASSES:
        message = f"class is {kind[:80]!r}, none of {', '.join(CLASSES)}"
        raise ValueError(message)
    return kind


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document[key]
    if not isinstance(value, str) or not value:
        message = f"{key} is {str(value)[:80]!r}, not a text"
        raise ValueError(message)
    return value


def _instant(document: Mapping[str, Any], key: str) -> datetime:
    instant = datetime.fromisoformat(_text(document, key))
    if instant.tzinfo is None:
        message = f"{key} says no offset from UTC"
        raise ValueError(message)
    return instant


def _why(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
