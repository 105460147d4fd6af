"""What the ledger's watch over a public parameter proves about which releases AWS recommended, and when.

Nobody may have watched for months, so that a release was not seen to be recommended proves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from eks_auditor.model.release import Pointer
from eks_auditor.releases.families import order

type Place = tuple[int, ...]
"""What a line's versions are ordered by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A release that the pointer was seen to recommend.

    Attributes:
        version: As in :class:`~eks_auditor.model.release.Release`.
        image_id: Its image in this Region.
        at: When the pointer moved to it, or the latest instant that it can have been.
        or_earlier: Whether it may have been recommended before: it was there when watching began, or what AWS went back
            to without having been seen at it.
    """

    version: str
    image_id: str
    at: datetime
    or_earlier: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The moves of a pointer, replayed.

    Attributes:
        standing: Each release that was recommended and not moved back from since, by its place.
        withdrawn: The places of those that were moved back from, and not moved to again.
        last: The place of the one that was recommended when the pointer was last seen to move, or else first read.
        moved_at: When that was: what it recommends by now, but not yet then, has been recommended since then at the
            earliest.
    """

    standing: Mapping[Place, Sighting]
    withdrawn: frozenset[Place]
    last: Place
    moved_at: datetime

    @classmethod
    def replay(cls, pointer: Pointer) -> Self:
        """Replay a pointer's moves, the oldest first.

        A move to an older release withdraws all newer ones; what is recommended again counts from that later move.

        Raises:
            ValueError: If a version is not spelt as the line's are.
        """
        standing: dict[Place, Sighting] = {}
        ever: set[Place] = set()
        last: Place = ()
        moved_at = pointer.watched_since
        for move in pointer.moves:
            place = order(pointer.line, move.version)
            standing = {other: sighting for other, sighting in standing.items() if other <= place}
            moved_at = move.at or pointer.watched_since
            back_to_unseen = place < last and place not in ever
            sighting = Sighting(
                version=move.version,
                image_id=move.image_id,
                at=moved_at,
                or_earlier=move.at is None or back_to_unseen,
            )
            standing.setdefault(place, sighting)
            ever.add(place)
            last = place
        return cls(standing=standing, withdrawn=frozenset(ever - standing.keys()), last=last, moved_at=moved_at)
