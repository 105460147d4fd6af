"""The notice of a release: what is told when AWS recommends another image, composed once for each release event.

The body is the contract of ``docs/messages.md`` and ``docs/schemas/release-notice-1.json``.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from eks_auditor.events.members import cluster_document
from eks_auditor.events.messages import NoticedCapacity, NoticedCluster
from eks_auditor.events.requests import Recommendation, ReleaseRequest
from eks_auditor.ledger.outbox import (
    BODY_LIMIT,
    ENVELOPE,
    MessageClass,
    Outbox,
    OutboxKey,
    compact,
    packed,
)
from eks_auditor.model.instant import written

MESSAGE_VERSION = 1


def compose_notice(
    request: ReleaseRequest, clusters: Sequence[NoticedCluster], *, running: int, saved_at: datetime
) -> tuple[Outbox, ...]:
    """Pack the notice of a release into messages; one that concerns no capacity is one message all the same.

    The first one's key is the event's: whoever saw the release, and however often it is told, it is the same. The
    others' keys depend on what all of them say, too: composed again from what runs by then, they may be cut otherwise,
    and each cluster is in some part of the same composition only.

    Args:
        request: The release.
        clusters: What it concerns, in the order in which it is told.
        running: How many clusters run its line.
        saved_at: The time of writing.
    """
    parts = tuple(packed(clusters, _size, count=len(clusters), size=BODY_LIMIT - ENVELOPE)) or ((),)
    totals = {"clusters": running, "capacities": sum(len(entry.capacities) for entry in clusters)}
    bodies = [
        compact(
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
        )
        for number, part in enumerate(parts, 1)
    ]
    composition = hashlib.sha256("\n".join(bodies).encode()).hexdigest()[:32]
    return tuple(
        Outbox(
            key=_key(request, number, composition),
            audit_id=request.event_id,
            taken_at=request.at,
            message_class=MessageClass.RELEASE,
            part=number,
            parts=len(bodies),
            body=body,
            saved_at=saved_at,
        )
        for number, body in enumerate(bodies, 1)
    )


def _key(request: ReleaseRequest, part: int, composition: str) -> OutboxKey:
    item = f"OUTBOX#{MessageClass.RELEASE}#{request.event_id}#{request.move}#{part:04}"
    place = f"releases/{request.partition}/{request.region}"
    return OutboxKey(place, item if part == 1 else f"{item}#{composition}")


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


def _capacity(capacity: NoticedCapacity) -> dict[str, Any]:
    since, first_rung_at = capacity.superseded_since, capacity.first_rung_at
    return {
        "kind": capacity.kind,
        "name": capacity.name,
        "release": capacity.version,
        "own_image": capacity.own_image,
        "superseded_since": None if since is None else written(since),
        "first_rung_at": None if first_rung_at is None else written(first_rung_at),
    }


def _size(entry: NoticedCluster) -> int:
    return len(compact(_entry(entry))) + 1
