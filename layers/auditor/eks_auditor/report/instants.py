"""Instants as reports and snapshot files write them."""

from datetime import UTC, datetime


def text_of(instant: datetime) -> str:
    """Return ISO 8601 in UTC with a ``Z``, such as ``2026-11-23T12:00:00Z``."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
