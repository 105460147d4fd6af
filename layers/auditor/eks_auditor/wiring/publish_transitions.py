"""PublishTransitions: what the ledger announces goes to the topic, one message for each outbox item."""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

from eks_auditor.events.errors import EventError, NewerMessageError
from eks_auditor.events.requests import RelayRequest
from eks_auditor.events.sources import parse_event
from eks_auditor.ledger.documents import NewerLedgerError, outbox_of
from eks_auditor.ledger.outbox import Outbox, OutboxKey
from eks_auditor.ledger.table import Ledger
from eks_auditor.plan.targets import Place
from eks_auditor.settings import Settings
from eks_auditor.sinks.topic import MessageTooLargeError, Topic
from eks_auditor.snapshot.unfinished import NO_ANSWER
from eks_auditor.wiring.accounts import Accounts
from eks_auditor.wiring.clock import Clock, make_clock
from eks_auditor.wiring.telemetry import Context, Telemetry, make_telemetry

RELAY_AFTER = timedelta(seconds=60)
"""How long ago an announcement was saved before the relay takes it: the stream brings it within a second, as a rule.

Its audit's instant says nothing of that: it may have read for minutes before it saved.
"""

RESERVE_MS = 10_000
"""With less time left the relay leaves the rest to the next one."""

_NEWER = (NewerMessageError, NewerLedgerError)
"""What a newer release wrote: left alone, and so still there when that release is back."""

_TROUBLE = (EventError, MessageTooLargeError, *NO_ANSWER)
"""What keeps one announcement from being published, each with a sentence."""


class RelayError(Exception):
    """Announcements that the relay could not publish, in one sentence."""


class Announcements(Protocol):
    """What is asked of the ledger."""

    def unrelayed(self, before: datetime) -> Iterable[OutboxKey]:
        """Return the keys of what was not published, of audits taken before an instant."""

    def outbox(self, outbox_key: OutboxKey, /) -> Outbox | None:
        """Return an announcement, or None if it is gone."""

    def mark_relayed(self, outbox_key: OutboxKey, at: datetime, /) -> None:
        """Note that it was published."""


class PublishTransitions:
    """Publishes announcements and notes that it did."""

    def __init__(self, *, topic: Topic, ledger: Announcements, clock: Clock, telemetry: Telemetry) -> None:
        """Take where to publish, and what remembers it."""
        self._topic = topic
        self._ledger = ledger
        self._clock = clock
        self._telemetry = telemetry

    def take(self, records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Publish the outbox items of a batch of the ledger's stream.

        A record may be read long after its item was written, or twice: what the ledger has published by then, or no
        longer holds, is left out.

        A stream is tried again from the first record that failed on, so the rest of the batch waits with it rather than
        being published at each try. Should every try fail, the record's place is left in the failure queue, and the
        relay still finds the item itself.
        """
        for record in records:
            with self._telemetry.about():
                if not self._took(record):
                    return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
        return {"batchItemFailures": []}

    def _took(self, record: Mapping[str, Any]) -> bool:
        try:
            outbox = self._waiting(outbox_of(record["dynamodb"]["NewImage"]).key)
            if outbox is not None:
                self._publish(outbox)
        except _NEWER as error:
            self._leave(error)
        except (*_TROUBLE, KeyError, TypeError, ValueError) as error:
            number = record["dynamodb"]["SequenceNumber"]
            self._telemetry.count("PublishesFailed")
            self._telemetry.warning(f"record {number} of the ledger's stream cannot be published: {_text(error)}")
            return False
        return True

    def relay(self, left_ms: Callable[[], int]) -> dict[str, int]:
        """Publish whatever the stream did not.

        Args:
            left_ms: Milliseconds that the function may still run.

        Raises:
            RelayError: If something could not be published, once everything else is.
        """
        relayed, failed = 0, []
        now = self._clock()
        for key in self._ledger.unrelayed(now):
            if left_ms() < RESERVE_MS:
                self._telemetry.warning("there is more to relay than time; the next relay takes the rest")
                break
            with self._telemetry.about():
                try:
                    outbox = self._waiting(key)
                    if outbox is not None and now - outbox.saved_at >= RELAY_AFTER:
                        self._publish(outbox)
                        relayed += 1
                except _NEWER as error:
                    self._leave(error)
                except _TROUBLE as error:
                    failed.append(f"{key.cluster} {key.item}: {error}")
                    self._telemetry.count("PublishesFailed")
                    self._telemetry.warning(f"the announcement {failed[-1]}; the next relay tries it again")
        self._telemetry.count("MessagesRelayed", relayed)
        if failed:
            message = f"{len(failed)} announcements could not be relayed, the first: {failed[0]}"
            raise RelayError(message)
        return {"relayed": relayed}

    def _waiting(self, key: OutboxKey) -> Outbox | None:
        """Return an announcement as the ledger holds it now, or None if it was published or is gone."""
        outbox = self._ledger.outbox(key)
        return None if outbox is None or outbox.relayed_at is not None else outbox

    def _publish(self, outbox: Outbox) -> None:
        self._telemetry.name(audit_id=outbox.audit_id, cluster=outbox.key.cluster)
        message_id = self._topic.publish(outbox.body)
        self._ledger.mark_relayed(outbox.key, self._clock())
        self._telemetry.count("MessagesPublished")
        self._telemetry.info(f"published {outbox.key.item} of {outbox.key.cluster} as {message_id}")

    def _leave(self, error: Exception) -> None:
        self._telemetry.count("MessagesNewer")
        self._telemetry.warning(str(error))


def _text(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


@cache
def _build(function_arn: str) -> tuple[PublishTransitions, Telemetry]:
    settings = Settings.from_environment()
    telemetry = make_telemetry(settings.stack)
    accounts = Accounts(Place.of_function(function_arn), role="", tell=telemetry.detail)
    clock = make_clock(settings.clock_file)
    function = PublishTransitions(
        topic=Topic(accounts.client("sns"), settings.topic_arn),
        ledger=Ledger(accounts.client("dynamodb"), settings.ledger_table, clock, time.sleep),
        clock=clock,
        telemetry=telemetry,
    )
    return function, telemetry


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Publish a batch of the ledger's stream, or relay what it missed."""
    function, telemetry = _build(context.invoked_function_arn)
    with telemetry.invocation(context.aws_request_id):
        if "Records" in event:
            return function.take(event["Records"])
        _require_relay(event, telemetry)
        return function.relay(context.get_remaining_time_in_millis)


def _require_relay(event: Mapping[str, Any], telemetry: Telemetry) -> None:
    try:
        if not isinstance(parse_event(event), RelayRequest):
            message = "PublishTransitions was asked for audits; send such events to PlanAudits"
            raise EventError(message)  # noqa: TRY301  told below like every other
    except EventError as error:
        telemetry.warning(str(error))
        raise
