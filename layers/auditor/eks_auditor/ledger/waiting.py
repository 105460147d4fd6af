"""What is shown once: the names of what Slack is told, and what of a message is kept until the end of a window."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eks_auditor.events.digests import DigestMessage
from eks_auditor.events.messages import ReleaseMessage, TopicMessage
from eks_auditor.ledger.outbox import compact
from eks_auditor.model.instant import written

ONCE = 1
"""The sequence of what has none and is shown once: notices and digests."""

NOTICED_LIMIT = 50
"""Capacities of a notice that are kept: a summary of several notices counts them, and these become due first."""


def name_of_notice(message: ReleaseMessage) -> str:
    """Return what a notice is known by, however often it is composed."""
    return f"release {message.release.event_id} {message.release.move} {message.part}"


def name_of_digest(message: DigestMessage) -> str:
    """Return what a digest is known by."""
    return f"digest {message.digest.period} {written(message.digest.at)}"


def sequences(message: TopicMessage) -> dict[str, int]:
    """Return what a message tells, by what it is known by: the newest sequence of each."""
    if isinstance(message, ReleaseMessage):
        return {name_of_notice(message): ONCE}
    ordered = sorted(message.transitions, key=lambda transition: transition.sequence)
    return {transition.finding.id: transition.sequence for transition in ordered}


def news(message: TopicMessage, shown: Mapping[str, int]) -> TopicMessage | None:
    """Return what of a message is newer than the last that was shown of it; None if nothing is."""
    if isinstance(message, ReleaseMessage):
        return None if name_of_notice(message) in shown else message
    fresh = tuple(each for each in message.transitions if each.sequence > shown.get(each.finding.id, 0))
    return replace(message, transitions=fresh) if fresh else None


def trimmed(body: str) -> str:
    """Return a message's body without what no summary tells: evidence, and a notice's later capacities."""
    document = json.loads(body)
    for transition in document.get("transitions", ()):
        transition["finding"]["evidence"] = {}
    if "clusters" in document:
        document["clusters"] = _first(document["clusters"])
    return compact(document)


def _first(clusters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    room = NOTICED_LIMIT
    for entry in clusters:
        if room <= 0:
            break
        kept.append({**entry, "capacities": entry["capacities"][:room]})
        room -= len(kept[-1]["capacities"])
    return kept
