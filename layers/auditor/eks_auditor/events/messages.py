"""The messages between the functions. Read by hand: pydantic would cost every cold start of an audit 166 ms."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from eks_auditor.events.errors import EventError
from eks_auditor.events.members import cluster as cluster_of
from eks_auditor.events.members import document_of, instant, text, why
from eks_auditor.events.requests import Recommendation, ReleaseRequest
from eks_auditor.model.capacity import KINDS, Kind
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Finding
from eks_auditor.model.history import Change, Transition
from eks_auditor.model.release import ReleaseLine
from eks_auditor.model.verdict import Severity

SCHEMA_VERSION = 1
"""Of every message; a reader leaves newer ones alone."""

CLASSES = ("news", "baseline", "policy", "quiet", "refresh")
"""Of transitions messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """One cluster to audit: a message on the audit queue.

    Attributes:
        audit_id: Follows the audit through logs, messages and findings.
        cluster: Which.
        not_before: The time of what asked for it: only a snapshot that began later answers it.
        cause: What asked for it, in words.
        untargeted: Whether the cluster is none of the targets any more: it is not read, and what is open is withdrawn.
        policy_changed: Whether the policy may be another one than that of before ``not_before``.
    """

    audit_id: str
    cluster: ClusterId
    not_before: datetime
    cause: str
    untargeted: bool = False
    policy_changed: bool = False

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
                "policy_changed": self.policy_changed,
            }
        )


def parse_audit_request(body: str) -> AuditRequest:
    """Read :meth:`AuditRequest.body` back.

    Raises:
        NewerMessageError: If a newer version wrote it.
        EventError: If it is no such message.
    """
    document = document_of(body, ("audit",), "the message on the audit queue", SCHEMA_VERSION)
    try:
        return AuditRequest(
            audit_id=text(document, "audit_id"),
            cluster=ClusterId.from_arn(text(document, "cluster_arn")),
            not_before=instant(document, "not_before"),
            cause=text(document, "cause"),
            untargeted=document.get("untargeted") is True,
            policy_changed=document.get("policy_changed") is True,
        )
    except (KeyError, TypeError, ValueError) as error:
        message = f"the message on the audit queue cannot be read: {why(error)}; remove it, the next sweep asks again"
        raise EventError(message) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionsMessage:
    """One outbox item: what one audit of one cluster changed, or a part of it.

    Attributes:
        kind: ``news``, ``baseline``, ``policy``, ``quiet`` or ``refresh``: the member ``class``.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticedCapacity:
    """A capacity that a release concerns.

    Attributes:
        kind: Its kind.
        name: Its name.
        version: The oldest release of the line that it runs; None where that cannot be read.
        superseded_since: Since when a newer release than that has been recommended; None where that is not known, and
            of a release that AWS took back.
        first_rung_at: When the first finding opens on it, if it still runs that then; None likewise, and where the
            policy switches its check off.
        own_image: Whether it runs that release in an image of its own, which was built on it.
    """

    kind: Kind
    name: str
    version: str | None
    superseded_since: datetime | None = None
    first_rung_at: datetime | None = None
    own_image: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticedCluster:
    """A cluster with capacities that a release concerns; one of many capacities comes in several of these."""

    cluster: ClusterId
    capacities: tuple[NoticedCapacity, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseMessage:
    """One outbox item: the notice of one release in one Region, or a part of it.

    Attributes:
        release: What was released, or taken back.
        part: From 1.
        parts: How many messages the notice is.
        running: How many clusters run the release's line, over all parts.
        concerned: How many capacities it supersedes (of a rollback: run what AWS took back), over all parts.
        clusters: Those capacities, by cluster: the first to cross a rung first.
    """

    release: ReleaseRequest
    part: int
    parts: int
    running: int
    concerned: int
    clusters: tuple[NoticedCluster, ...]


type TopicMessage = TransitionsMessage | ReleaseMessage


def parse_message(body: str) -> TopicMessage:
    """Read an outbox item's body, whatever it tells.

    Raises:
        NewerMessageError: If a newer version wrote it.
        EventError: If it is no message of the topic.
    """
    document = document_of(body, ("transitions", "release"), "the message", SCHEMA_VERSION)
    return _transitions(document) if document["type"] == "transitions" else _release(document)


def parse_transitions(body: str) -> TransitionsMessage:
    """Read the body of an outbox item that tells what one audit changed.

    Raises:
        NewerMessageError: If a newer version wrote it.
        EventError: If it is no such message.
    """
    return _transitions(document_of(body, ("transitions",), "the transitions message", SCHEMA_VERSION))


def _transitions(document: Mapping[str, Any]) -> TransitionsMessage:
    try:
        cluster = document["cluster"]
        return TransitionsMessage(
            kind=_class(document),
            audit_id=text(document, "audit_id"),
            taken_at=instant(document, "taken_at"),
            part=int(document["part"]),
            parts=int(document["parts"]),
            cluster=cluster_of(cluster),
            transitions=tuple(_transition(entry) for entry in document["transitions"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = (
            f"the transitions message cannot be read: {why(error)}; "
            f"compare it with docs/messages.md, and run an audit of its cluster again"
        )
        raise EventError(message) from None


def _release(document: Mapping[str, Any]) -> ReleaseMessage:
    try:
        return ReleaseMessage(
            release=_released(document),
            part=int(document["part"]),
            parts=int(document["parts"]),
            running=int(document["totals"]["clusters"]),
            concerned=int(document["totals"]["capacities"]),
            clusters=tuple(_noticed(entry) for entry in document["clusters"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"the release message cannot be read: {why(error)}; compare it with docs/messages.md"
        raise EventError(message) from None


def _released(document: Mapping[str, Any]) -> ReleaseRequest:
    release = document["release"]
    return ReleaseRequest(
        event_id=text(document, "event_id"),
        move=int(document["move"]),
        partition=text(release, "partition"),
        region=text(release, "region"),
        line=ReleaseLine(*(text(release, key) for key in ("family", "variant", "architecture", "minor"))),
        parameter=text(release, "parameter"),
        old=_recommendation(release["old"]),
        new=_recommendation(release["new"]),
        published_at=instant(release, "published_at"),
        rollback=release["rollback"] is True,
        at=instant(release, "observed_at"),
    )


def _recommendation(entry: Mapping[str, Any]) -> Recommendation:
    return Recommendation(version=text(entry, "release"), image_id=text(entry, "image_id"))


def _noticed(entry: Mapping[str, Any]) -> NoticedCluster:
    return NoticedCluster(
        cluster=cluster_of(entry["cluster"]),
        capacities=tuple(
            NoticedCapacity(
                kind=_kind(each),
                name=text(each, "name"),
                version=None if each["release"] is None else text(each, "release"),
                superseded_since=_instant_or_none(each, "superseded_since"),
                first_rung_at=_instant_or_none(each, "first_rung_at"),
                own_image=each.get("own_image") is True,
            )
            for each in entry["capacities"]
        ),
    )


def _kind(entry: Mapping[str, Any]) -> Kind:
    for kind in KINDS:
        if kind == entry["kind"]:
            return kind
    message = f"kind is {str(entry['kind'])[:80]!r}, none of {', '.join(KINDS)}"
    raise ValueError(message)


def _transition(entry: Mapping[str, Any]) -> Transition:
    previous = entry.get("previous_severity")
    return Transition(
        change_id=text(entry, "change_id"),
        change=Change(entry["change"]),
        sequence=int(entry["sequence"]),
        finding=Finding.from_document(entry["finding"]),
        first_seen=instant(entry, "first_seen"),
        previous=None if previous is None else Severity[previous],
        baseline=bool(entry.get("baseline", False)),
    )


def _class(document: Mapping[str, Any]) -> str:
    kind = text(document, "class")
    if kind not in CLASSES:
        message = f"class is {kind[:80]!r}, none of {', '.join(CLASSES)}"
        raise ValueError(message)
    return kind


def _instant_or_none(document: Mapping[str, Any], key: str) -> datetime | None:
    return None if document[key] is None else instant(document, key)
