"""The release event: what the watcher puts on the stack's bus, and what anybody may read there.

docs/schemas/release-1.json is its contract; :mod:`eks_auditor.events.sources` reads it back.
"""

import hashlib
from typing import Any

from eks_auditor.events.requests import Recommendation, ReleaseRequest
from eks_auditor.model.instant import written

SOURCE = "eks-auditor.releases"
DETAIL_TYPE = "EKS AMI Released"

SCHEMA_VERSION = 1
"""Of the event's detail."""


def event_id_of(region: str, parameter: str, new: Recommendation) -> str:
    """Return the id of the event that a parameter recommends a release: the same whoever saw it, 64 hex digits.

    A parameter that moves away and back tells the same id twice; the number of its move tells those two apart.
    """
    said = f"{region}\n{parameter}\n{new.version}\n{new.image_id}"
    return hashlib.sha256(said.encode()).hexdigest()


def detail_of(release: ReleaseRequest) -> dict[str, Any]:
    """Return the event's detail, ready for JSON."""
    return {
        "schema_version": SCHEMA_VERSION,
        "event_id": release.event_id,
        "move": release.move,
        "partition": release.partition,
        "region": release.region,
        "family": release.line.family,
        "variant": release.line.variant,
        "architecture": release.line.architecture,
        "minor": release.line.minor,
        "parameter": release.parameter,
        "old": _recommendation(release.old),
        "new": _recommendation(release.new),
        "published_at": written(release.published_at),
        "observed_at": written(release.at),
        "rollback": release.rollback,
    }


def _recommendation(recommendation: Recommendation) -> dict[str, str]:
    return {"release": recommendation.version, "image_id": recommendation.image_id}
