"""What an operation is given, and what it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local_aws.callers import Caller, Callers
from local_aws.images import Document
from local_aws.paging import Paging
from local_aws.world import RegionState, World


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one operation, by a known caller, in an enabled Region."""

    world: World
    callers: Callers
    state: RegionState
    caller: Caller
    params: Document
    page_size: int | None

    @property
    def now(self) -> datetime:
        """Return the time of the call."""
        return self.world.clock()

    def page(self, member: str, found: Sequence[Any], paging: Paging) -> Document:
        """Answer with one page of what was found."""
        page, token = paging.page(found, self.params, self.page_size)
        return {member: page, **token}


type Operation = Callable[[Call], Document]
