"""The table of past releases that is shipped with the package: what AWS has withdrawn since, and what it abandoned.

AWS makes old images private or deregisters them, and then EC2 shows them to nobody any more. What AWS's own changelogs
and user guide say of them is in ``past_releases.json``; docs/releases.md says how it is renewed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from eks_auditor.model.release import ReleaseLine
from eks_auditor.releases.families import day_of, order

TABLE = Path(__file__).with_name("past_releases.json")
"""The table: a family a key, a release a line."""

RENEW_AFTER = timedelta(days=120)
"""How old the table may be: AWS makes Windows images private after four months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRelease:
    """A release as its source tells it.

    Attributes:
        version: As in :class:`~eks_auditor.model.release.Release`.
        published_at: The beginning of its day, in UTC: the source's date, or the one in its name.
        abandoned: Whether AWS withdrew it: its heading says ``[ABANDONED]`` or ``[Recalled]``.
    """

    version: str
    published_at: datetime
    abandoned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a family's releases are from.

    Attributes:
        url: The file.
        as_of: The day of the newest release that it names, of any of its families.
    """

    url: str
    as_of: date

    def age(self, today: date) -> timedelta:
        """Return how old it is."""
        return today - self.as_of

    def is_stale(self, today: date) -> bool:
        """Tell whether the table should be renewed."""
        return self.age(today) > RENEW_AFTER


@cache
def past_releases(line: ReleaseLine) -> tuple[PastRelease, ...]:
    """Return the releases of a line that the table has, oldest first, the abandoned ones among them."""
    found = [_release(line, entry) for entry in _table().get(line.family, {}).get("releases", ()) if _has(entry, line)]
    return tuple(sorted(found, key=lambda release: order(line, release.version)))


@cache
def abandoned(line: ReleaseLine) -> frozenset[tuple[int, ...]]:
    """Return the releases of a line that AWS withdrew, each as what the line's versions are ordered by."""
    return frozenset(order(line, release.version) for release in past_releases(line) if release.abandoned)


@cache
def is_listed(line: ReleaseLine) -> bool:
    """Tell whether the table names a line; what names no lines was built for those there were, whichever."""
    entries = _table().get(line.family, {}).get("releases", ())
    return any("lines" in entry and _has(entry, line) for entry in entries)


@cache
def sources() -> Mapping[str, Source]:
    """Return where each family's releases are from."""
    table = _table().items()
    return {family: Source(url=of["source"], as_of=date.fromisoformat(of["as_of"])) for family, of in table}


@cache
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table


def _release(line: ReleaseLine, entry: Mapping[str, Any]) -> PastRelease:
    version = entry["version"]
    day = date.fromisoformat(entry["day"]) if "day" in entry else day_of(line, version)
    if day is None:
        message = f"{TABLE.name} gives no day of {line.family} {version}; run make releases"
        raise ValueError(message)
    published_at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return PastRelease(version=version, published_at=published_at, abandoned=entry.get("abandoned", False))


def _has(entry: Mapping[str, Any], line: ReleaseLine) -> bool:
    """Tell whether a release was built for a line; one that names no lines was built for all there were."""
    lines: Mapping[str, str] | None = entry.get("lines")
    if lines is None:
        return True
    variant = f"{line.variant}/{line.architecture}"
    return any(line.minor in minors.split() for variants, minors in lines.items() if variant in variants.split())
