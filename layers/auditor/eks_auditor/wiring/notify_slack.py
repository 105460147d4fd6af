"""NotifySlack: people read in Slack what changed, and as few messages as tell it.

The first message of a quiet channel is shown at once and opens a window; what comes until its end is held, and told
together then. One invocation posts at a time, whoever holds the turn: so what comes twice at the same moment is shown
once, and what Slack asks to wait for, which it does from about one message a second on, is waited for once.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.parameters import SecretsProvider

from eks_auditor.events.digests import TYPE as DIGEST
from eks_auditor.events.digests import parse_digest
from eks_auditor.events.errors import EventError, require_schema
from eks_auditor.events.messages import ReleaseMessage, TopicMessage, parse_message
from eks_auditor.ledger.quiet import Held, Quiet, digest_of
from eks_auditor.ledger.waiting import ONCE, name_of_digest, name_of_notice, news, sequences, trimmed
from eks_auditor.plan.targets import Place
from eks_auditor.settings import Settings
from eks_auditor.sinks import slack_digest, slack_release, slack_transitions
from eks_auditor.sinks.slack import RefusedError
from eks_auditor.sinks.slack_finding import told_by
from eks_auditor.sinks.slack_summary import Summary, summaries
from eks_auditor.sinks.topic import audience
from eks_auditor.wiring.accounts import Accounts
from eks_auditor.wiring.clock import make_clock
from eks_auditor.wiring.slack_batch import LaterError, SlackBatch, advice
from eks_auditor.wiring.slack_channel import Channel
from eks_auditor.wiring.slack_queue import FLUSH, FLUSH_VERSION, SlackQueue
from eks_auditor.wiring.telemetry import Context, Telemetry, make_telemetry

RESERVE_MS = 30_000
"""With less time left nothing more is begun: a post may take the 10 seconds after which Slack is given up, twice with a
secret that was rotated, and to mark as shown what a large summary tells takes up to 12 seconds."""

FENCE_TRIES = 5
"""How often a message may find the window closed that it was to be held in."""


class NotifySlack:
    """Takes messages of the Slack queue."""

    def __init__(  # noqa: PLR0913  all by name
        self,
        *,
        quiet: Quiet,
        channel: Channel,
        queue: SlackQueue,
        window: timedelta,
        telemetry: Telemetry,
        holder: str,
        left_ms: Callable[[], int],
        hub: bool = True,
    ) -> None:
        """Take what remembers, what posts, the queue, and how long a window is open.

        Args:
            quiet: The ledger's part of it.
            channel: The Slack channel.
            queue: Where the messages come from, and where those are kept that Slack cannot be told.
            window: How long messages wait for each other.
            telemetry: What is said.
            holder: Whose turn it is while this posts: no two invocations' are the same.
            left_ms: How many milliseconds the invocation has left.
            hub: Whether Security Hub is told: if not, nobody is sent there.
        """
        self._quiet = quiet
        self._channel = channel
        self._queue = queue
        self._window = window
        self._telemetry = telemetry
        self._holder = holder
        self._left_ms = left_ms
        self._hub = hub

    def take(self, body: str) -> None:
        """Show one message, hold it, or end a window.

        Raises:
            BusyError, RefusedError: As Slack answers.
            LaterError: If somebody else posts, or too little time is left.
            EventError: If it cannot be read.
            ClientError: If AWS refuses.
        """
        if self._left_ms() < RESERVE_MS:
            message = "too little time is left; the message comes again"
            raise LaterError(message)
        kind, window = _kind(body)
        if kind == FLUSH:
            self._flush(window)
        elif kind == DIGEST:
            self._digest(body)
        else:
            self._tell(body, parse_message(body))

    def _tell(self, body: str, message: TopicMessage) -> None:
        """Show a message if it is the first of a quiet channel, or else hold it."""
        if "people" not in audience(message):
            return
        me = digest_of(body)
        for _ in range(FENCE_TRIES):
            if self._news([message])[0] is None:
                self._end_own(me)
                return
            window = self._quiet.open(me, self._window)
            if window == me:
                self._first(message, me)
                return
            if self._quiet.hold(window, me, trimmed(body)):
                self._telemetry.count("SlackHeld")
                return
        error = "windows closed as often as it was to be held in one; the message comes again"
        raise LaterError(error)

    def _end_own(self, window: str) -> None:
        """See to the end of a window that a message opened which told nothing then, or was told by another try."""
        if self._quiet.is_open(window):
            self._queue.flush_later(window, self._window)

    def _first(self, message: TopicMessage, window: str) -> None:
        with self._turn():
            # Before anything is shown: a window that nobody ends would hold what comes until there is another one.
            self._queue.flush_later(window, self._window)
            fresh = self._news([message])[0]
            if fresh is None:
                return
            if isinstance(fresh, ReleaseMessage):
                self._channel.post(slack_release.render(fresh))
            else:
                shown = slack_transitions.render(fresh, hub=self._hub)
                self._channel.post(shown, about=fresh.cluster, loud=any(told.urgent for told in told_by(fresh)))
            self._shown(sequences(fresh))

    def _digest(self, body: str) -> None:
        message = parse_digest(body)
        name = name_of_digest(message)
        with self._turn():
            if not self._quiet.shown([name]):
                self._channel.post(slack_digest.render(message, hub=self._hub))
                self._shown({name: ONCE})

    def _flush(self, window: str) -> None:
        """End a window: tell what was held in it, and in those whose own end was lost."""
        with self._turn():
            self._quiet.close(window)
            while held := self._quiet.held():
                self._summarise(held)
                self._quiet.forget(held)

    def _summarise(self, held: Sequence[Held]) -> None:
        """Post what tells all of it. What was posted is marked as shown at once, so no other try posts it again."""
        readable = list(self._readable(held))
        fresh = self._news([message for _, message in readable])
        waiting = [(each.body, left) for (each, _), left in zip(readable, fresh, strict=True) if left is not None]
        refused: dict[str, str] = {}
        for summary in summaries([left for _, left in waiting], hub=self._hub):
            if self._left_ms() < RESERVE_MS:
                message = "too little time is left for all summaries; the others come with the next try"
                raise LaterError(message)
            covered = [waiting[index] for index in sorted(summary.covers)]
            try:
                self._channel.post(summary.message, about=summary.cluster, loud=summary.urgent)
            except RefusedError as error:
                refused |= {body: advice(error) for body, _ in covered}
            else:
                self._shown(_told(summary, [left for _, left in covered]))
        for body, why in refused.items():
            self._queue.park(body, why)

    def _readable(self, held: Iterable[Held]) -> Iterator[tuple[Held, TopicMessage]]:
        """Park what this release cannot read, a newer one's messages too: they must not keep the others waiting."""
        for each in held:
            try:
                yield each, parse_message(each.body)
            except EventError as error:
                self._queue.park(each.body, str(error))

    def _news(self, messages: Sequence[TopicMessage]) -> list[TopicMessage | None]:
        """Return what of each message was not shown yet, nor anything newer of the same."""
        told = [sequences(message) for message in messages]
        shown = self._quiet.shown({each for one in told for each in one})
        fresh = [news(message, shown) for message in messages]
        late = sum(len(one) for one in told) - sum(len(sequences(each)) for each in fresh if each is not None)
        if late:
            self._telemetry.count("SlackLate", late)
        return fresh

    def _shown(self, told: Mapping[str, int]) -> None:
        self._quiet.mark_shown(told)
        self._telemetry.count("SlackPosted")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Post alone. Who does not come to an end loses the turn when its invocation ends at the latest."""
        if not self._quiet.take_turn(self._holder, timedelta(milliseconds=self._left_ms())):
            message = "somebody else is posting; the message comes again"
            raise LaterError(message)
        try:
            yield
        finally:
            self._quiet.end_turn(self._holder)


def _kind(body: str) -> tuple[str, str]:
    """Return a message's type, and of a flush its window; what is wrong with others their own readers say."""
    try:
        document = json.loads(body)
    except ValueError:
        return "", ""
    if not isinstance(document, dict):
        return "", ""
    if document.get("type") == FLUSH:
        require_schema(document.get("schema_version"), FLUSH_VERSION, "the flush message")
        return FLUSH, str(document.get("window", ""))
    return str(document.get("type")), ""


def _told(summary: Summary, covered: Iterable[TopicMessage]) -> dict[str, int]:
    """Return what a summary has shown."""
    notices = {name_of_notice(each): ONCE for each in covered if isinstance(each, ReleaseMessage)}
    return {**dict(summary.shown), **notices}


@cache
def _build(function_arn: str) -> tuple[Callable[[Context], SlackBatch], Telemetry]:
    settings = Settings.from_environment()
    telemetry = make_telemetry(settings.stack)
    accounts = Accounts(Place.of_function(function_arn), role="", tell=telemetry.detail)
    clock = make_clock(settings.clock_file)
    quiet = Quiet(accounts.client("dynamodb"), settings.ledger_table, clock, time.sleep)
    queue = SlackQueue(accounts.client("sqs"), settings.slack_queue_url, settings.slack_failures_url, telemetry)
    secrets = SecretsProvider(boto3_client=accounts.client("secretsmanager"))
    channel = Channel(secrets=secrets, secret=settings.slack_secret, threads=quiet, clock=clock)

    def batch(context: Context) -> SlackBatch:
        function = NotifySlack(
            quiet=quiet,
            channel=channel,
            queue=queue,
            window=timedelta(seconds=settings.slack_window),
            telemetry=telemetry,
            holder=context.aws_request_id,
            left_ms=context.get_remaining_time_in_millis,
            hub=settings.security_hub,
        )
        return SlackBatch(function.take, queue, telemetry)

    return batch, telemetry


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Show, or hold, each message."""
    batch, telemetry = _build(context.invoked_function_arn)
    with telemetry.invocation(context.aws_request_id):
        return batch(context).take(event["Records"])
