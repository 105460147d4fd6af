"""The announcements: what is to be published, composed once and kept until it was. Those of an audit are composed here.

The body is the contract of ``docs/messages.md`` and ``docs/schemas/transitions-1.json``.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from eks_auditor.events.members import cluster_document
from eks_auditor.model.history import Audit, Change, Transition
from eks_auditor.model.instant import written

MESSAGE_VERSION = 1

TRANSITIONS_LIMIT = 50
"""Transitions in one message at most."""

BODY_LIMIT = 200 * 1024
"""Bytes in one body at most: SNS takes 256 KiB with the attributes, DynamoDB 400 KB an item."""

ENVELOPE = 4 * 1024
"""Bytes kept free for what surrounds what is told: the cluster's name is the longest of it, at 100 characters."""


class TransitionTooLargeError(Exception):
    """A transition that fits into no message; its finding's evidence has outgrown its bounds."""


class MessageClass(StrEnum):
    """What a message is for; they are never mixed in one.

    ``news`` changed just now; ``baseline`` was found by a first run, and ``policy`` by the first audit under another
    policy: each is told to people as one summary; ``quiet`` is of findings that people accept before and after, and
    tells no person; ``refresh`` tells Security Hub again what it is to hold, and nobody else; ``release`` is the notice
    of what AWS released, and belongs to no finding.
    """

    NEWS = "news"
    BASELINE = "baseline"
    POLICY = "policy"
    QUIET = "quiet"
    REFRESH = "refresh"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, order=True)
class OutboxKey:
    """An announcement's key in the table.

    Attributes:
        cluster: The cluster's ARN; of the notice of a release, which is of no one cluster,
            ``releases/<partition>/<Region>``.
        item: ``OUTBOX#<taken_at>#<class>#<part>``; of a notice, ``OUTBOX#release#<event id>#<move>#<part>``, from the
            second part on with ``#<digest of all parts>``.
    """

    cluster: str
    item: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """One message of one audit, or of one release.

    Attributes:
        key: Where it is kept.
        audit_id: Of the audit that found it; of a notice, the event's id.
        taken_at: That audit's instant, or when the release was seen.
        message_class: What it is for.
        part: Its number within its class, from 1.
        parts: How many there are in its class.
        body: The message, as it is published: ASCII JSON.
        saved_at: When it was written.
        relayed_at: When it was published; None while it was not.
    """

    key: OutboxKey
    audit_id: str
    taken_at: datetime
    message_class: MessageClass
    part: int
    parts: int
    body: str
    saved_at: datetime
    relayed_at: datetime | None = None


def compose(
    audit: Audit, transitions: Sequence[Transition], *, saved_at: datetime
) -> tuple[tuple[Outbox, tuple[Transition, ...]], ...]:
    """Pack an audit's transitions into messages, each with what it tells: news first, refreshes last.

    Raises:
        TransitionTooLargeError: If one transition alone is larger than a message.
    """
    messages: list[tuple[Outbox, tuple[Transition, ...]]] = []
    for message_class in MessageClass:
        told = [transition for transition in transitions if class_of(transition) is message_class]
        parts = tuple(packed(told, _size, count=TRANSITIONS_LIMIT, size=BODY_LIMIT - ENVELOPE))
        for number, part in enumerate(parts, 1):
            item = f"OUTBOX#{written(audit.taken_at)}#{message_class}#{number:04}"
            message = Outbox(
                key=OutboxKey(audit.cluster.arn, item),
                audit_id=audit.audit_id,
                taken_at=audit.taken_at,
                message_class=message_class,
                part=number,
                parts=len(parts),
                body=compact(_body(audit, message_class, part, number, len(parts))),
                saved_at=saved_at,
            )
            messages.append((message, part))
    return tuple(messages)


def class_of(transition: Transition) -> MessageClass:
    """Return the class of message that tells this."""
    if transition.change is Change.REFRESHED:
        return MessageClass.REFRESH
    if transition.quiet:
        return MessageClass.QUIET
    if transition.baseline:
        return MessageClass.BASELINE
    return MessageClass.POLICY if transition.by_policy else MessageClass.NEWS


def packed[T](things: Sequence[T], size_of: Callable[[T], int], *, count: int, size: int) -> Iterator[tuple[T, ...]]:
    """Cut things, in their order, into runs of at most ``count`` things and ``size`` bytes together."""
    run: list[T] = []
    used = 0
    for thing in things:
        bytes_more = size_of(thing)
        if run and (len(run) == count or used + bytes_more > size):
            yield tuple(run)
            run, used = [], 0
        run.append(thing)
        used += bytes_more
    if run:
        yield tuple(run)


def compact(document: Mapping[str, Any]) -> str:
    """Return a document as ASCII JSON, so that its characters are its bytes whatever people put into names."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def _size(transition: Transition) -> int:
    size = len(compact(_told(transition))) + 1
    if size > BODY_LIMIT - ENVELOPE:
        message = (
            f"the {transition.change} transition of {transition.finding.id} takes {size} bytes, "
            f"more than the {BODY_LIMIT - ENVELOPE} that a message holds; bound the evidence of its check"
        )
        raise TransitionTooLargeError(message)
    return size


def _body(
    audit: Audit, message_class: MessageClass, transitions: tuple[Transition, ...], part: int, parts: int
) -> dict[str, Any]:
    counts = Counter(transition.change for transition in transitions)
    return {
        "schema_version": MESSAGE_VERSION,
        "type": "transitions",
        "class": message_class.value,
        "audit_id": audit.audit_id,
        "taken_at": written(audit.taken_at),
        "part": part,
        "parts": parts,
        "cluster": cluster_document(audit.cluster),
        "counts": {change.value: counts[change] for change in Change},
        "transitions": [_told(transition) for transition in transitions],
    }


def _told(transition: Transition) -> dict[str, Any]:
    return {
        "change_id": transition.change_id,
        "change": transition.change.value,
        "sequence": transition.sequence,
        "first_seen": written(transition.first_seen),
        "baseline": transition.baseline,
        "previous_severity": None if transition.previous is None else transition.previous.name,
        "finding": transition.finding.document(),
    }
