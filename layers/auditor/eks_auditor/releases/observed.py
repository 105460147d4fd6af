"""What the ledger's watch over a public parameter proves about which releases AWS recommended, and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from eks_auditor.model.release import Pointer, PointerMove
from eks_auditor.releases.families import order

type Place = tuple[int, ...]
"""What a line's versions are ordered by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The moves of a pointer, replayed.

    Attributes:
        standing: The move of each release that was recommended and not moved back from since, by its place.
        lowest: The oldest release that the pointer held since it is watched.
        watched_since: When it was first read, or, where the ledger has dropped the oldest moves, made the first that is
            left.
        moved_at: When it was last seen to move, or else first read: what it recommends by now, but not yet then, has
            been recommended since then at the earliest.
    """

    standing: Mapping[Place, PointerMove]
    lowest: Place
    watched_since: datetime
    moved_at: datetime

    @classmethod
    def replay(cls, pointer: Pointer) -> Self:
        """Replay a pointer's moves, the oldest first.

        A move to an older release withdraws all newer ones; what is recommended again counts from that later move.

        Raises:
            ValueError: If a version is not spelt as the line's are.
        """
        standing: dict[Place, PointerMove] = {}
        places = [order(pointer.line, move.version) for move in pointer.moves]
        for place, move in zip(places, pointer.moves, strict=True):
            standing = {other: moved for other, moved in standing.items() if other <= place}
            standing.setdefault(place, move)
        return cls(
            standing=standing,
            lowest=min(places),
            watched_since=pointer.moves[0].at or pointer.watched_since,
            moved_at=pointer.moves[-1].at or pointer.watched_since,
        )

    def may_count(self, place: Place, published_at: datetime) -> bool:
        """Tell whether a release may have superseded an older one, as far as the pointer was seen.

        Of what is newer than the pointer's lowest place, only what was recommended since: the rest was withdrawn by
        going there, or was passed over. Of what is older, only what was published before the watch began.
        """
        if place in self.standing:
            return True
        return place < self.lowest and published_at <= self.watched_since
