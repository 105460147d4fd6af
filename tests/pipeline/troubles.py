"""What can happen to a function between any two of its calls of AWS: it dies, AWS errs, or others run meanwhile."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.pipeline.dynamodb import cancelled
from tests.sinks.fakes import refused

DIES_BEFORE, DIES_AFTER = "dies before the call", "dies after the call"
ERRS_BEFORE, ERRS_AFTER = "the call fails", "the call is done and its answer is lost"
CONFLICTS = "another transaction is in the way"
NO_TIME = "the time is up"
OTHER_AUDIT, SAME_AGAIN = "another audit runs meanwhile", "the same message comes a second time meanwhile"
RELAY, CHANGE = "the relay runs meanwhile", "the world changes meanwhile"
SLACK_AGAIN, WINDOW_ENDS = "Slack is told the same meanwhile", "a window ends meanwhile"

TROUBLES = (
    DIES_BEFORE,
    DIES_AFTER,
    ERRS_BEFORE,
    ERRS_AFTER,
    CONFLICTS,
    NO_TIME,
    OTHER_AUDIT,
    SAME_AGAIN,
    RELAY,
    CHANGE,
)

BREAKS = (DIES_BEFORE, DIES_AFTER, ERRS_BEFORE, ERRS_AFTER)
"""What ends a run in its midst, or an attempt of it."""

SKEW = timedelta(seconds=30)
"""How far a function's clock is from the true time at most."""

type Troubles = Mapping[int, str]
"""By the number of a call within one run of a function."""


class FunctionDiedError(BaseException):
    """The process is gone: nothing that the function would do about an exception is done."""


class Run:
    """One run of one function: its clock, its calls, and what comes between."""

    def __init__(
        self, clock: Callable[[], datetime], skew: timedelta, troubles: Troubles, meanwhile: Callable[[str], None]
    ) -> None:
        self._clock = clock
        self._skew = skew
        self._troubles = troubles
        self._meanwhile = meanwhile
        self._calls = 0
        self.left_ms = 600_000
        self.broken = False
        """Whether it died, or a call failed or was not answered, so far."""

    def clock(self) -> datetime:
        """What time the function believes it is."""
        return self._clock() + self._skew

    def client(self, of: object, done: Callable[[str], None] = lambda _: None) -> Any:  # noqa: ANN401  the type of what it stands before
        """Stand before a client; ``done`` is told of each call that AWS has done, whoever hears of it."""
        return _Client(of, self, done)

    def call[T](self, name: str, do: Callable[[], T], done: Callable[[str], None] = lambda _: None) -> T:
        """Make the next call, with the trouble that was planned for it."""
        trouble = self._troubles.get(self._calls)
        self._calls += 1
        self.broken |= trouble in BREAKS
        match trouble:
            case "dies before the call":
                raise FunctionDiedError
            case "the call fails":
                raise refused(error="InternalServerError", call=name)
            case "another transaction is in the way" if name == "transact_write_items":
                raise cancelled(iter(["TransactionConflict"]))
            case "the time is up":
                self.left_ms = 0
            case None | "dies after the call" | "the call is done and its answer is lost":
                pass
            case _:
                self._meanwhile(trouble)
        answer = do()
        done(name)
        if trouble == DIES_AFTER:
            raise FunctionDiedError
        if trouble == ERRS_AFTER:
            raise refused(error="InternalServerError", call=name)
        return answer


class _Client:
    def __init__(self, of: Any, run: Run, done: Callable[[str], None]) -> None:  # noqa: ANN401  any client
        self._of = of
        self._run = run
        self._done = done

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**parameters: object) -> object:
            return self._run.call(name, lambda: getattr(self._of, name)(**parameters), self._done)

        return call

    def get_paginator(self, name: str) -> "_Paginator":
        return _Paginator(self._of.get_paginator(name), self._run)


class _Paginator:
    def __init__(self, of: Any, run: Run) -> None:  # noqa: ANN401  any paginator
        self._of = of
        self._run = run

    def paginate(self, **parameters: object) -> Any:  # noqa: ANN401  pages
        return self._run.call("query", lambda: self._of.paginate(**parameters))
