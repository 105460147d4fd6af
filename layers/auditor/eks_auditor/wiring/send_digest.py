"""SendDigest: how the fleet stands goes to a topic of its own, once a day or a week."""

import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

from eks_auditor.events.digests import DigestMessage
from eks_auditor.events.errors import EventError
from eks_auditor.events.requests import DigestRequest
from eks_auditor.events.sources import parse_event
from eks_auditor.findings.digest import Fact, digest_of
from eks_auditor.ledger.digests import Digests
from eks_auditor.model.digest import Digest, Freshness, Period
from eks_auditor.model.history import Head
from eks_auditor.plan.targets import Place
from eks_auditor.settings import Settings, SettingsError
from eks_auditor.sinks.digest_topic import DigestTopic
from eks_auditor.wiring.accounts import Accounts
from eks_auditor.wiring.clock import Clock, make_clock
from eks_auditor.wiring.telemetry import Context, Telemetry, make_telemetry

APART = timedelta(hours=12)
"""What is asked for sooner after a digest is the same request once more: a schedule is at least once.

By the time between, not by the date: where clocks change, two days' digests may fall on one date in UTC.
"""

SPANS: Mapping[Period, timedelta] = {Period.DAILY: timedelta(days=1), Period.WEEKLY: timedelta(days=7)}

REMEMBERED = timedelta(days=28)
"""How far back a digest counts what moved: announcements are kept for 30 days."""


class Store(Protocol):
    """What is asked of the ledger."""

    def heads(self) -> Iterable[Head]:
        """Return every cluster's HEAD."""

    def facts(self, since: datetime, until: datetime, /) -> Iterable[Fact]:
        """Return all else that it holds; of announcements those between two instants."""

    def trend(self) -> tuple[Freshness, ...]:
        """Return the objective at the last digests, the oldest first."""

    def remember(self, digest: Digest, /) -> None:
        """Note that a digest was sent."""


class Sink(Protocol):
    """Where it goes."""

    def publish(self, message: DigestMessage, /) -> str:
        """Publish it; return the message's id."""


class SendDigest:
    """Puts a digest together and publishes it."""

    def __init__(self, *, store: Store, topic: Sink, period: Period, clock: Clock, telemetry: Telemetry) -> None:
        """Take what is known, and where to tell it."""
        self._store = store
        self._topic = topic
        self._period = period
        self._clock = clock
        self._telemetry = telemetry

    def send(self) -> dict[str, int]:
        """Publish a digest, and then note that it was: at least once.

        Should the function break in between, the next try sends it again; a request within :data:`APART` of one that
        was noted is a repetition.

        Raises:
            ClientError, HeadsUnreadableError, NewerLedgerError, EventError: If the ledger cannot be read, or the topic
                takes nothing: then nothing is noted, and the next request tries again.
        """
        at, trend = self._clock(), self._store.trend()
        last = trend[-1].at if trend else None
        if last is not None and at - last < APART:
            self._telemetry.info(f"the digest of {last:%Y-%m-%d %H:%M} UTC was sent already; there is nothing to do")
            return {"published": 0}
        since = _since(last, at, self._period)
        facts = self._store.facts(since, at)
        digest = digest_of(self._store.heads(), facts, at=at, since=since, period=self._period, trend=trend)
        message_id = self._topic.publish(DigestMessage(digest=digest))
        self._store.remember(digest)
        self._telemetry.count("DigestsPublished")
        self._telemetry.info(
            f"published the {self._period} digest of {digest.watched.clusters} clusters since "
            f"{since:%Y-%m-%d %H:%M} UTC as {message_id}"
        )
        return {"published": 1}


def _since(last: datetime | None, at: datetime, period: Period) -> datetime:
    """Go on where the last digest ended, so that what moved is counted once; without one, go back one period."""
    return at - SPANS[period] if last is None or at - last > REMEMBERED else last


@cache
def _build(function_arn: str) -> tuple[SendDigest, Telemetry]:
    settings = Settings.from_environment()
    telemetry = make_telemetry(settings.stack)
    accounts = Accounts(Place.of_function(function_arn), role="", tell=telemetry.detail)
    clock = make_clock(settings.clock_file)
    function = SendDigest(
        store=Digests(accounts.client("dynamodb"), settings.ledger_table, clock, time.sleep),
        topic=DigestTopic(accounts.client("sns"), settings.digest_topic_arn, hub=settings.security_hub),
        period=_period(settings.digest),
        clock=clock,
        telemetry=telemetry,
    )
    return function, telemetry


def _period(name: str) -> Period:
    try:
        return Period(name)
    except ValueError:
        message = f"DIGEST is {name!r}; it takes 'daily' or 'weekly'"
        raise SettingsError(message) from None


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Send the digest that the schedule asks for."""
    function, telemetry = _build(context.invoked_function_arn)
    with telemetry.invocation(context.aws_request_id):
        try:
            require_digest(event)
            return function.send()
        except Exception as error:
            telemetry.count("DigestsFailed")
            telemetry.warning(
                f"the digest was not sent: {error}; it is tried again, and the next one counts from the same"
            )
            raise


def require_digest(event: Mapping[str, Any]) -> None:
    """Let a request for a digest pass.

    Raises:
        NewerMessageError: If a newer version wrote it.
        EventError: If it is none.
    """
    if not isinstance(parse_event(event), DigestRequest):
        message = "SendDigest was asked for something else than a digest; send it what events/digest.json shows"
        raise EventError(message)
