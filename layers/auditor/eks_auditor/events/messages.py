"""The messages between the functions. Read by hand: pydantic would cost every cold start of an audit 166 ms."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from eks_auditor.events.errors import EventError, require_schema
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
    document = _document(body, ("audit",), "the message on the audit queue")
    try:
        return AuditRequest(
            audit_id=_text(document, "audit_id"),
            cluster=ClusterId.from_arn(_text(document, "cluster_arn")),
            not_before=_instant(document, "not_before"),
            cause=_text(document, "cause"),
            untargeted=document.get("untargeted") is True,
            policy_changed=document.get("policy_changed") is True,
        )
    except (KeyError, TypeError, ValueError) as error:
        message = f"the message on the audit queue cannot be read: {_why(error)}; remove it, the next sweep asks again"
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
    document = _document(body, ("transitions", "release"), "the message")
    return _transitions(document) if document["type"] == "transitions" else _release(document)


def parse_transitions(body: str) -> TransitionsMessage:
    """Read the body of an outbox item that tells what one audit changed.

    Raises:
        NewerMessageError: If a newer version wrote it.
        EventError: If it is no such message.
    """
    return _transitions(_document(body, ("transitions",), "the transitions message"))


def _transitions(document: Mapping[str, Any]) -> TransitionsMessage:
    try:
        cluster = document["cluster"]
        return TransitionsMessage(
            kind=_class(document),
            audit_id=_text(document, "audit_id"),
            taken_at=_instant(document, "taken_at"),
            part=int(document["part"]),
            parts=int(document["parts"]),
            cluster=_cluster(cluster),
            transitions=tuple(_transition(entry) for entry in document["transitions"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = (
            f"the transitions message cannot be read: {_why(error)}; "
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
        message = f"the release message cannot be read: {_why(error)}; compare it with docs/messages.md"
        raise EventError(message) from None


def _released(document: Mapping[str, Any]) -> ReleaseRequest:
    release = document["release"]
    return ReleaseRequest(
        event_id=_text(document, "event_id"),
        move=int(document["move"]),
        partition=_text(release, "partition"),
        region=_text(release, "region"),
        line=ReleaseLine(*(_text(release, key) for key in ("family", "variant", "architecture", "minor"))),
        parameter=_text(release, "parameter"),
        old=_recommendation(release["old"]),
        new=_recommendation(release["new"]),
        published_at=_instant(release, "published_at"),
        rollback=release["rollback"] is True,
        at=_instant(release, "observed_at"),
    )


def _recommendation(entry: Mapping[str, Any]) -> Recommendation:
    return Recommendation(version=_text(entry, "release"), image_id=_text(entry, "image_id"))


def _noticed(entry: Mapping[str, Any]) -> NoticedCluster:
    return NoticedCluster(
        cluster=_cluster(entry["cluster"]),
        capacities=tuple(
            NoticedCapacity(
                kind=_kind(each),
                name=_text(each, "name"),
                version=None if each["release"] is None else _text(each, "release"),
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


def _cluster(entry: Mapping[str, Any]) -> ClusterId:
    return ClusterId(*(_text(entry, key) for key in ("partition", "account", "region", "name")))


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


def _document(body: str, kinds: tuple[str, ...], what: str) -> Mapping[str, Any]:
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
    if document.get("type") not in kinds:
        wanted = " or ".join(map(repr, kinds))
        message = f"{what} has type {str(document.get('type'))[:80]!r} instead of {wanted}; remove it"
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


def _instant_or_none(document: Mapping[str, Any], key: str) -> datetime | None:
    return None if document[key] is None else _instant(document, key)


def _why(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
