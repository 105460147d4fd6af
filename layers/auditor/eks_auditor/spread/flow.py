"""Maximum flow through a small network, by shortest augmenting paths (Edmonds and Karp, 1972)."""

from collections import deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Self

UNLIMITED = 1 << 48
"""More than any flow here: a capacity that never binds."""


@dataclass(slots=True)
class Network:
    """Arcs with whole capacities, and how much of each is still free."""

    _free: dict[Hashable, dict[Hashable, int]] = field(default_factory=dict)
    _base: Mapping[Hashable, dict[Hashable, int]] = field(default_factory=dict)
    _shut: set[Hashable] = field(default_factory=set)

    def add(self, start: Hashable, end: Hashable, capacity: int = UNLIMITED) -> None:
        """Add an arc; a second one between the same points adds to it."""
        self._change(start, end, capacity)
        self._change(end, start, 0)

    def apart(self) -> Self:
        """Return the network as it is, to go on with: what changes there does not change here.

        This one must not change while that one is in use.
        """
        return type(self)(_base=self._free, _shut=self._shut)

    def send(self, source: Hashable, sink: Hashable) -> int:
        """Send all that still can flow, and return how much that is.

        What another source sent before may be led another way, but none of it is lost.
        """
        sent = 0
        while (path := self._path(source, sink)) is not None:
            amount = min(self._ends(start)[end] for start, end in path)
            for start, end in path:
                self._change(start, end, -amount)
                self._change(end, start, amount)
            sent += amount
        return sent

    def reached(self, source: Hashable) -> frozenset[Hashable]:
        """Return the points that more could still flow to; an arc that leads out of them is what limits the flow."""
        return frozenset(self._steps(source))

    def shut(self, source: Hashable) -> None:
        """Walk no more to the points that a source still reaches, once none of them leads to the sink.

        None ever will: what flows elsewhere changes nothing on the arcs that lead out of them, and an arc out of them
        must not be added.
        """
        self._shut |= self.reached(source)

    def _ends(self, start: Hashable) -> Mapping[Hashable, int]:
        return self._free.get(start) or self._base.get(start) or {}

    def _change(self, start: Hashable, end: Hashable, by: int) -> None:
        if start not in self._free:
            self._free[start] = dict(self._base.get(start, {}))
        self._free[start][end] = self._free[start].get(end, 0) + by

    def _path(self, source: Hashable, sink: Hashable) -> list[tuple[Hashable, Hashable]] | None:
        came_from = self._steps(source, sink)
        if sink not in came_from:
            return None
        path = []
        end = sink
        while (start := came_from[end]) is not None:
            path.append((start, end))
            end = start
        return path

    def _steps(self, source: Hashable, sink: Hashable | None = None) -> dict[Hashable, Hashable | None]:
        """Return the points that can be reached, by the one before each; with a sink, those found until it is."""
        came_from: dict[Hashable, Hashable | None] = {source: None}
        queue = deque([source])
        while queue and (sink is None or sink not in came_from):
            start = queue.popleft()
            for end, free in self._ends(start).items():
                if free > 0 and end not in came_from and end not in self._shut:
                    came_from[end] = start
                    queue.append(end)
        return came_from
