"""The messages that Lambda takes from the Slack queue: each is done, comes again later, or is kept for a person."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from eks_auditor.events.errors import EventError, NewerMessageError
from eks_auditor.ledger.quiet import UnreadableError
from eks_auditor.sinks.slack import BusyError, RefusedError
from eks_auditor.snapshot.unfinished import NO_ANSWER
from eks_auditor.wiring.slack_queue import SlackQueue
from eks_auditor.wiring.telemetry import Telemetry

TURN_WAIT = 3.0
"""Seconds after which a message comes back whose turn it was not."""

BACKOFF = 5.0
LONGEST_BACKOFF = 900.0
"""Seconds that a message waits where nobody said how long: the first time, and at most; it doubles each time."""

TRIES = 4
"""At which receive a message that breaks something unforeseen is kept for a person."""

_AWS = (*NO_ANSWER, GetParameterError, UnreadableError)


class LaterError(Exception):
    """A message whose turn it is not yet, in one sentence."""


class SlackBatch:
    """Takes a batch by taking each message.

    To wait is to stay invisible for longer. Each time counts as a receive, so the queue is to allow a thousand of them.
    """

    def __init__(self, take: Callable[[str], None], queue: SlackQueue, telemetry: Telemetry) -> None:
        """Take what takes one message, the queues, and what is said."""
        self._take_one = take
        self._queue = queue
        self._telemetry = telemetry

    def take(self, records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Take a batch; return those to come again, in the shape of ``ReportBatchItemFailures``.

        Once Slack is busy it is left in peace: what is left of the batch waits as long.
        """
        failures: list[dict[str, str]] = []
        busy: BusyError | None = None
        for record in records:
            try:
                if busy is not None:
                    raise busy
                done = self._try(record)
            except BusyError as error:
                if busy is None:
                    self._telemetry.info(f"{error}; what is left of the batch waits and comes again")
                busy = error
                self._telemetry.count("SlackBusy")
                done = self._wait(record, error.retry_after)
            if not done:
                failures.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failures}

    def _try(self, record: Mapping[str, Any]) -> bool:
        """Take one message; return whether it is done.

        Raises:
            BusyError: If Slack takes nothing now.
        """
        try:
            self._take_one(record["body"])
        except BusyError:
            raise
        except LaterError as error:
            self._telemetry.detail(str(error))
            return self._wait(record, TURN_WAIT)
        except NewerMessageError as error:
            self._telemetry.count("MessagesNewer")
            self._telemetry.warning(str(error))
            return self._wait(record, LONGEST_BACKOFF)
        except _AWS as error:
            self._telemetry.warning(f"AWS did not answer: {error}; the message is tried again")
            return self._wait(record, None)
        except Exception as error:  # noqa: BLE001  one message must not take the others with it
            return self._broken(record, error)
        return True

    def _broken(self, record: Mapping[str, Any], error: Exception) -> bool:
        """Keep what nobody can read or Slack refuses; what breaks unforeseen is tried some times before."""
        if isinstance(error, EventError):
            self._telemetry.count("MessagesUnreadable")
            return self._park(record["body"], str(error))
        if isinstance(error, RefusedError):
            return self._park(record["body"], advice(error))
        self._telemetry.exception(f"message {record['messageId']} failed; it is tried again, then kept for a person")
        return _receives(record) >= TRIES and self._park(record["body"], "it failed as told above at every try")

    def _wait(self, record: Mapping[str, Any], seconds: float | None) -> bool:
        """Let a message come again after some time, by default the longer the more often it came; it is not done."""
        backoff = min(BACKOFF * 2 ** min(_receives(record) - 1, 10), LONGEST_BACKOFF)
        try:
            self._queue.wait(record["receiptHandle"], backoff if seconds is None else seconds)
        except NO_ANSWER as error:
            self._telemetry.warning(f"a message cannot be told to wait: {error}; it comes again as the queue says")
        return False

    def _park(self, body: str, why: str) -> bool:
        """Keep a message whole for a person; return whether that was done."""
        try:
            self._queue.park(body, why)
        except NO_ANSWER as error:
            self._telemetry.warning(f"{why}; nor can the message be kept: {error}; it is tried again")
            return False
        return True


def advice(error: RefusedError) -> str:
    """Say what Slack refused, and what to do."""
    if not error.credentials:
        return f"{error}; that is a fault of eks-auditor, please report it"
    return (
        f"{error}; store a webhook's URL that works, or a bot's token and the id of a channel that it was invited to, "
        f"in the secret of the stack's Slack parameter"
    )


def _receives(record: Mapping[str, Any]) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])
