"""How long a release has been superseded: neither its age nor whether it is the newest.

Somebody who patches every 30 days runs an image that is not the newest three days in four, and now and then the newest
image itself is a month old. What counts is how long something better has been recommended; docs/releases.md has the
definition and the numbers it was chosen by.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

from eks_auditor.model.release import Evidence, Release, ReleaseHistory, ReleaseLine
from eks_auditor.releases.families import day_of, order
from eks_auditor.releases.observed import Observed, Place, Sighting
from eks_auditor.releases.past import abandoned, past_releases


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """What became of a release.

    Attributes:
        recommended: The release that AWS recommends now.
        by: The first release that superseded it, and how its instant is known; None while it is the recommended one
            or newer.
        since: When that one was recommended or, as far as is known, published; None likewise.
        newer: How many releases newer than it count, up to the recommended one.
        at_least: Whether releases before :attr:`by` may be out of sight, so that it was superseded then or earlier.
    """

    recommended: Release
    by: Release | None = None
    since: datetime | None = None
    newer: int = 0
    at_least: bool = False

    def days(self, now: datetime) -> int:
        """Return the superseded days: never below 0, though AWS's clock may be ahead of ours."""
        return 0 if self.since is None else max(0, (now - self.since).days)


def superseded(line: ReleaseLine, history: ReleaseHistory, version: str) -> Superseded | None:
    """Tell since when a better release than ``version`` has been there; None where AWS recommends none (any more).

    What counts: the images still to be seen; older than the oldest of them, the releases of the shipped table; and
    what the pointer was seen to recommend. What does not: releases newer than the recommended one, abandoned ones, and
    those that the pointer was seen to move back from. The first one by its instant is the one that superseded, whatever
    its version: a patch to an older version may follow a newer one.

    Raises:
        ValueError: If a version is not spelt as this family's are.
    """
    if history.recommended is None:
        return None
    ours, latest = order(line, version), order(line, history.recommended.version)
    observed = Observed.replay(history.pointer) if history.pointer else None
    known = _known(line, history, history.recommended, observed)
    recommended = replace(history.recommended, published_at=known[latest].published_at, known_by=known[latest].known_by)
    newer = {place: release for place, release in known.items() if ours < place <= latest}
    excluded = abandoned(line) | (observed.withdrawn if observed else frozenset())
    counting = {place: release for place, release in newer.items() if place == latest or place not in excluded}
    if not counting:
        return Superseded(recommended=recommended)
    first = min(counting, key=lambda place: (counting[place].published_at, place))
    return Superseded(
        recommended=recommended,
        by=counting[first],
        since=counting[first].published_at,
        newer=len(counting),
        at_least=not _is_exact(line, history, ours, first),
    )


def _known(
    line: ReleaseLine, history: ReleaseHistory, recommended: Release, observed: Observed | None
) -> Mapping[Place, Release]:
    """Return the releases that are known of a line, the recommended one among them, each by its best evidence."""
    found: dict[Place, Release] = {}
    for release in (recommended, *history.releases):
        place = order(line, release.version)
        found[place] = min(release, found.get(place, release), key=_published_at)
    oldest, table = min(found), _table(line)
    found |= {place: release for place, release in table.items() if place < oldest}
    if observed is not None:
        _add_observed(found, table, line, recommended, observed)
    return found


def _add_observed(
    found: dict[Place, Release],
    table: Mapping[Place, Release],
    line: ReleaseLine,
    recommended: Release,
    observed: Observed,
) -> None:
    """Date releases by the pointer's moves to them."""
    for place, sighting in observed.standing.items():
        if not sighting.or_earlier:
            found[place] = _seen(sighting)
        elif place not in found or found[place].published_at > sighting.at:
            # No image of it is left, or only that of a later build.
            found[place] = table.get(place) or _by_name(line, sighting)
    latest = order(line, recommended.version)
    moved_unseen = latest > observed.last or latest in observed.withdrawn
    if moved_unseen and found[latest].published_at < observed.moved_at:
        # The watch has yet to see this move, so it was made after the last one that it saw.
        found[latest] = replace(recommended, published_at=observed.moved_at, known_by=Evidence.POINTER)


def _seen(sighting: Sighting) -> Release:
    return Release(
        version=sighting.version, image_id=sighting.image_id, published_at=sighting.at, known_by=Evidence.POINTER
    )


def _by_name(line: ReleaseLine, sighting: Sighting) -> Release:
    """Return a release by the day in its name; by when it was seen, where that tells none."""
    day = day_of(line, sighting.version)
    if day is None:
        return _seen(sighting)
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return replace(_seen(sighting), published_at=at, known_by=Evidence.NAME)


def _is_exact(line: ReleaseLine, history: ReleaseHistory, ours: Place, first: Place) -> bool:
    """Tell whether nothing can have been between a release and the first newer one that counts.

    Nothing can where an image as old as ours is still to be seen, and where the table has both ends.
    """
    if any(order(line, release.version) <= ours for release in history.releases):
        return True
    table = _table(line)
    return first in table and min(table) <= ours


@cache
def _table(line: ReleaseLine) -> Mapping[Place, Release]:
    """Return the shipped table's releases of a line."""
    return {
        order(line, past.version): Release(
            version=past.version, image_id=None, published_at=past.published_at, known_by=Evidence.TABLE
        )
        for past in past_releases(line)
    }


def _published_at(release: Release) -> datetime:
    return release.published_at
