"""How long a release has been superseded: neither its age nor whether it is the newest.

Somebody who patches every 30 days runs an image that is not the newest three days in four, and now and then the newest
image itself is a month old. What counts is how long something better has been recommended.
"""

from dataclasses import dataclass
from datetime import datetime

from eks_auditor.model.release import Release, ReleaseHistory, ReleaseLine
from eks_auditor.releases.families import order

ABANDONED: frozenset[tuple[str, str]] = frozenset({("al2023", "20260128"), ("al2023", "20260311")})
"""Releases that AWS withdrew: (family, version).

Source: the headings ``[ABANDONED] AMI Release v20260128`` and ``v20260311`` in awslabs/amazon-eks-ami's CHANGELOG.md.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """What became of a release.

    Attributes:
        recommended: The release that AWS recommends now.
        by: The first release that superseded it; None while it is the recommended one or newer.
        since: When that one was published; None likewise.
        newer: How many releases newer than it there are, up to the recommended one.
        at_least: Whether releases before :attr:`by` may be out of sight, so that it was superseded then or earlier.
    """

    recommended: Release
    by: Release | None = None
    since: datetime | None = None
    newer: int = 0
    at_least: bool = False


def superseded(line: ReleaseLine, history: ReleaseHistory, version: str) -> Superseded | None:
    """Tell since when a better release than ``version`` has been there; None where AWS recommends none (any more).

    Releases newer than the recommended one do not count: AWS took the recommendation back. Abandoned ones do not count
    either. A release's instant is its publication, and the first one published counts, whatever its version: a patch
    to an older version may follow a newer one.

    Raises:
        ValueError: If a version is not spelt as this family's are.
    """
    recommended = history.recommended
    if recommended is None:
        return None
    ours, latest = order(line, version), order(line, recommended.version)
    newer: dict[tuple[int, ...], Release] = {}
    for release in (recommended, *history.releases):
        place = order(line, release.version)
        withdrawn = (line.family, release.version) in ABANDONED and place != latest
        if ours < place <= latest and not withdrawn:
            newer[place] = min(release, newer.get(place, release), key=_published)
    if not newer:
        return Superseded(recommended=recommended)
    first = newer[min(newer, key=lambda place: (newer[place].published_at, place))]
    return Superseded(
        recommended=recommended,
        by=first,
        since=first.published_at,
        newer=len(newer),
        at_least=all(order(line, release.version) > ours for release in history.releases),
    )


def _published(release: Release) -> datetime:
    return release.published_at
