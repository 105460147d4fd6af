"""The reads of one audit: side by side, with the gaps they leave and the instant they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.reading import gaps_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor, Future
    from datetime import datetime

    from eks_auditor.snapshot.cache import Cache, Lasting, Passing
    from eks_auditor.snapshot.clients import Clients
    from eks_auditor.snapshot.histories import Observed

type Answers[V] = dict[str, V | Gap]
type Describe[V] = Callable[[tuple[str, ...]], Answers[V]]
type Cut = Callable[[Iterable[str]], list[tuple[str, ...]]]


class Reads:
    """Runs an audit's reads on the reader's workers.

    Only the thread that reads the cluster starts reads, never a read itself: a full pool cannot wait for itself.

    Attributes:
        clients: What to read with.
        elsewhere: The same account's clients of another Region, by its name.
        observed: What was seen of the public parameters of release lines.
        cache: What other audits have read.
        clock: The time.
        taken_at: The instant before the oldest changeable answer, shared ones included.
    """

    def __init__(  # noqa: PLR0913  what a reader lends to each of its audits
        self,
        clients: Clients,
        *,
        elsewhere: Callable[[str], Clients],
        observed: Observed,
        pool: Executor,
        cache: Cache,
        clock: Callable[[], datetime],
        not_before: datetime,
        checkpoint: Callable[[], None],
    ) -> None:
        """Begin now: ``taken_at`` is the present, until a shared answer proves older."""
        self.clients = clients
        self.elsewhere = elsewhere
        self.observed = observed
        self.cache = cache
        self.clock = clock
        self.checkpoint = checkpoint
        self.taken_at = clock()
        self._pool = pool
        self._not_before = not_before
        self._gaps: set[Gap] = set()

    def start[**P, T](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a read on a worker; its gaps are noted."""

        def noted() -> T:
            answer = function(*args, **kwargs)
            self._gaps.update(gaps_in(answer))
            return answer

        return self._pool.submit(noted)

    def note(self, gap: Gap) -> Gap:
        """Note a gap that no failed call left."""
        self._gaps.add(gap)
        return gap

    def forgive(self, gap: Gap) -> None:
        """Forget a gap that proved to be none."""
        self._gaps.discard(gap)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The gaps so far, in an order that does not depend on which read came first."""
        return tuple(sorted(self._gaps, key=lambda gap: (gap.action, gap.resource, gap.error)))

    def lasting[V](
        self, store: Lasting[V], names: Iterable[str], cut: Cut, describe: Describe[V]
    ) -> Callable[[], Answers[V]]:
        """Start to read what is not known yet of things that cannot change; call what is returned for all of them."""
        place, wanted = self.clients.place, set(names)
        known = {name: value for name in wanted if (value := store.get(place, name)) is not None}
        started = [self.start(describe, batch) for batch in cut(wanted - known.keys())]

        def answers() -> Answers[V]:
            found: Answers[V] = dict(known)
            for name, answer in _merged(started).items():
                found[name] = answer
                if not isinstance(answer, Gap):
                    store.put(place, name, answer)
            return dict(sorted(found.items()))

        return answers

    def passing[V](
        self, store: Passing[V], names: Iterable[str], cut: Cut, describe: Describe[V]
    ) -> Callable[[], Answers[V]]:
        """Start to read changeable things that no other audit read lately; call what is returned for all of them."""
        place, wanted, read_at = self.clients.place, set(names), self.clock()
        known = {name: value for name in wanted if (value := self.shared(store, name)) is not None}
        started = [self.start(describe, batch) for batch in cut(wanted - known.keys())]

        def answers() -> Answers[V]:
            found: Answers[V] = dict(known)
            for name, answer in _merged(started).items():
                found[name] = answer
                if not isinstance(answer, Gap):
                    store.put(place, name, answer, read_at)
            return dict(sorted(found.items()))

        return answers

    def shared[V](self, store: Passing[V], name: str) -> V | None:
        """Return another audit's answer where it may serve this one, which then is no younger than that answer."""
        dated = store.get(self.clients.place, name, not_before=self._not_before, now=self.clock())
        if dated is None:
            return None
        self.taken_at = min(self.taken_at, dated.read_at)
        return dated.value


def _merged[V](started: list[Future[Answers[V]]]) -> Answers[V]:
    return {name: answer for future in started for name, answer in future.result().items()}


def singly(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Cut names into one batch each: for what has no batch form."""
    return [(name,) for name in sorted(names)]
