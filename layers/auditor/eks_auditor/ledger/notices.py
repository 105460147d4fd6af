"""The notice of a release: what is told when AWS recommends another image, composed once for each release event.

The body is the contract of ``docs/messages.md`` and ``docs/schemas/release-notice-1.json``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from eks_auditor.events.messages import NoticedCapacity, NoticedCluster
from eks_auditor.events.requests import Recommendation, ReleaseRequest
from eks_auditor.ledger.instant import written
from eks_auditor.ledger.outbox import (
    BODY_LIMIT,
    ENVELOPE,
    MessageClass,
    Outbox,
    OutboxKey,
    cluster_document,
    compact,
    packed,
)

MESSAGE_VERSION = 1


def compose_notice(
    request: ReleaseRequest, clusters: Sequence[NoticedCluster], *, running: int, saved_at: datetime
) -> tuple[Outbox, ...]:
    """Pack the notice of a release into messages; one that concerns no capacity is one message all the same.

    Their keys are the event's: whoever saw the release, and however often it is told, they are the same.

    Args:
        request: The release.
        clusters: What it concerns, in the order in which it is told.
        running: How many clusters run its line.
        saved_at: The time of writing.
    """
    parts = tuple(packed(clusters, _size, count=len(clusters), size=BODY_LIMIT - ENVELOPE)) or ((),)
    totals = {"clusters": running, "capacities": sum(len(entry.capacities) for entry in clusters)}
    return tuple(
        Outbox(
            key=_key(request, number),
            audit_id=request.event_id,
            taken_at=request.at,
            message_class=MessageClass.RELEASE,
            part=number,
            parts=len(parts),
            body=compact(
                {
                    "schema_version": MESSAGE_VERSION,
                    "type": "release",
                    "class": MessageClass.RELEASE.value,
                    "event_id": request.event_id,
                    "move": request.move,
                    "part": number,
                    "parts": len(parts),
                    "release": _release(request),
                    "totals": totals,
                    "clusters": [_entry(entry) for entry in part],
                }
            ),
            saved_at=saved_at,
        )
        for number, part in enumerate(parts, 1)
    )


def _key(request: ReleaseRequest, part: int) -> OutboxKey:
    place = f"releases/{request.partition}/{request.region}"
    return OutboxKey(place, f"OUTBOX#{MessageClass.RELEASE}#{request.event_id}#{request.move}#{part:04}")


def _release(request: ReleaseRequest) -> dict[str, Any]:
    return {
        "partition": request.partition,
        "region": request.region,
        "family": request.line.family,
        "variant": request.line.variant,
        "architecture": request.line.architecture,
        "minor": request.line.minor,
        "parameter": request.parameter,
        "old": _recommendation(request.old),
        "new": _recommendation(request.new),
        "published_at": written(request.published_at),
        "observed_at": written(request.at),
        "rollback": request.rollback,
    }


def _recommendation(recommended: Recommendation) -> dict[str, str]:
    return {"release": recommended.version, "image_id": recommended.image_id}


def _entry(entry: NoticedCluster) -> dict[str, Any]:
    return {"cluster": cluster_document(entry.cluster), "capacities": [_capacity(each) for each in entry.capacities]}


def _capacity(capacity: NoticedCapacity) -> dict[str, str | None]:
    since, first_rung_at = capacity.superseded_since, capacity.first_rung_at
    return {
        "kind": capacity.kind,
        "name": capacity.name,
        "release": capacity.version,
        "superseded_since": None if since is None else written(since),
        "first_rung_at": None if first_rung_at is None else written(first_rung_at),
    }


def _size(entry: NoticedCluster) -> int:
    return len(compact(_entry(entry))) + 1
