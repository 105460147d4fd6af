"""Instants as events, messages and the ledger write them: fixed width, UTC, so that they compare as text."""

from datetime import UTC, datetime

NEVER = "9999-12-31T00:00:00.000000Z"
"""After every instant: an index's key cannot be absent."""


def written(instant: datetime) -> str:
    """Return ``2026-11-23T12:00:00.000000Z``: always 27 characters, microseconds included."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def read(text: str) -> datetime:
    """Read :func:`written` back.

    Raises:
        ValueError: If it is no instant.
    """
    return datetime.fromisoformat(text)
