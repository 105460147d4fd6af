"""Slack as a sink: NotifySlack as it is, its queue, and a channel that remembers what it has shown and in which run."""

import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from eks_auditor.events.messages import ReleaseMessage, TransitionsMessage
from eks_auditor.ledger.quiet import HELD, WINDOW, Quiet, digest_of
from eks_auditor.model.history import Transition
from eks_auditor.sinks import slack_summary, slack_transitions
from eks_auditor.sinks.slack import BusyError, Credentials, Posted, RefusedError
from eks_auditor.sinks.slack_message import SlackMessage
from eks_auditor.sinks.slack_summary import Summary
from eks_auditor.wiring import notify_slack
from eks_auditor.wiring.notify_slack import NotifySlack
from eks_auditor.wiring.slack_batch import SlackBatch
from eks_auditor.wiring.slack_channel import Channel
from eks_auditor.wiring.slack_queue import FLUSH, SlackQueue
from eks_auditor.wiring.telemetry import Telemetry
from tests.ledger.in_memory import InMemory
from tests.pipeline.consumer import Word
from tests.pipeline.queues import DelayingQueue, Message
from tests.pipeline.troubles import FunctionDiedError, Run
from tests.pipeline.world import World
from tests.wiring.fakes import failures

WINDOW_LENGTH = timedelta(seconds=60)

NEARLY = timedelta(seconds=15)
"""How long before its end a window is nearly over: short enough for three in an invocation's minute."""

TAKES_ALL, ONE_A_SECOND, REFUSES = "takes all", "takes one message a second", "refuses what it is told"

SAID = {
    "opened": ("new", "OPEN"),
    "reopened": ("open again", "OPEN"),
    "worse": ("worse", "OPEN"),
    "better": ("better", "OPEN"),
    "exempted": ("accepted", "EXEMPT"),
    "resolved": ("resolved", "RESOLVED"),
    "withdrawn": ("no longer judged", "WITHDRAWN"),
}
"""By change: how people are told of it, and the state that they take from it."""

SPELT_OUT = 3
"""Of so many findings no message leaves any out."""

_HEADLINE = re.compile(r"\S+ \*([a-z ]+)\* · \*([A-Z]+)[^*]*\* · `(\w+)` · [a-z -]+ `([^`]+)`")


@dataclass(frozen=True, slots=True)
class Telling(SlackMessage):
    """A message, and the transitions that its composer says it tells."""

    told: tuple[Transition, ...]


class FakeSlack:
    """A channel. Whatever it shows must be newer than all that was shown before, but for what broke off meanwhile.

    A run that broke off may have shown what it could not note: that is shown once more.
    """

    def __init__(self, world: World) -> None:
        self.mood = TAKES_ALL
        self.shown: defaultdict[str, list[tuple[Transition, Run]]] = defaultdict(list)
        """By finding, each word in the order in which it was shown."""
        self.wrong: list[str] = []
        """What it was told that it should not have been: to raise would be one more trouble of the function's."""
        self._world = world
        self._posts = itertools.count()
        self._last = world.now - timedelta(days=1)

    def show(self, message: SlackMessage, run: Run) -> Posted:
        if self.mood == REFUSES:
            raise RefusedError(reason="channel_not_found", credentials=True)
        if self.mood == ONE_A_SECOND and self._world.now < self._last + timedelta(seconds=1):
            raise BusyError(why="HTTP 429", retry_after=1)
        self._last = self._world.now
        assert isinstance(message, Telling)
        self.wrong += _unsaid(message)
        for transition in message.told:
            shown = self.shown[transition.finding.id]
            newest = max((before.sequence for before, by in shown if not by.broken), default=0)
            if transition.sequence <= newest:
                self.wrong.append(f"Slack shows {transition} after one of sequence {newest}")
            shown.append((transition, run))
        return Posted("C0CHANNEL", f"{next(self._posts)}.000000")

    def words(self) -> dict[str, Word]:
        """Return what people know: by finding, the last word that they were shown."""
        last = {finding_id: shown[-1][0] for finding_id, shown in self.shown.items()}
        return {each: Word(t.sequence, SAID[t.change.value][1], t.finding.severity.name) for each, t in last.items()}


def _unsaid(message: Telling) -> Iterator[str]:
    """Hold what can be read in a message against what it is said to tell."""
    texts = [block["text"]["text"] for block in message.blocks if block["type"] == "section"]
    read: Counter[tuple[str, ...]] = Counter(found.groups() for found in map(_HEADLINE.match, texts) if found)
    told: Counter[tuple[str, ...]] = Counter(
        (SAID[t.change.value][0], t.finding.severity.name, t.finding.check_id, t.finding.subject.name)
        for t in message.told
    )
    if not read <= told:
        yield f"Slack is told {read - told}, which was not to be"
    if read.total() < min(told.total(), SPELT_OUT):
        yield f"Slack is not told all of {told - read}"


class _Connection:
    """Stands where Slack's client does, in one run."""

    channel = "C0CHANNEL"

    def __init__(self, slack: FakeSlack, run: Run, credentials: Credentials) -> None:
        self.credentials = credentials
        self._slack = slack
        self._run = run

    def post(self, message: SlackMessage, *, thread: str | None = None, broadcast: bool = False) -> Posted:  # noqa: ARG002  in a thread or not, it is shown
        try:
            return self._run.call("chat.postMessage", lambda: self._slack.show(message, self._run))
        except ClientError:
            raise BusyError(why="no answer") from None


class _Secrets:
    """What the secret holds, whoever asks."""

    def get(self, name: str, max_age: int | None = None, *, force_fetch: bool = False) -> str:  # noqa: ARG002  it stays the same
        return json.dumps({"bot_token": "xoxb-0", "channel": _Connection.channel})


class SlackSink:
    """The function with its queue, its items and its channel."""

    def __init__(self, world: World, function: type[NotifySlack], quiet: type[Quiet], telemetry: Telemetry) -> None:
        self.queue = DelayingQueue(lambda: world.now)
        self.slack = FakeSlack(world)
        self._world = world
        self._table = InMemory()
        self._function = function
        self._quiet = quiet
        self._telemetry = telemetry
        self._holders = itertools.count()

    def take(self, index: int, most: int, run: Run) -> bool:
        """Run NotifySlack on a batch of messages; tell whether there was any."""
        return self._take(self.queue.receive(index, most), run)

    def flush(self, run: Run) -> None:
        """Run it on a message that ends a window, if the time of one has come."""
        place = next((place for place, each in enumerate(self.queue.visible()) if _is_flush(each.body)), None)
        if place is not None:
            self.take(place, 1, run)

    @property
    def ends_a_window(self) -> bool:
        """Whether a message is on its way that ends a window."""
        return any(_is_flush(each.body) for each in self.queue.waiting)

    def near_the_end(self, left: timedelta) -> None:
        """Let time pass until so long before the next window's end, if that is later than now."""
        ends = [self.queue.visible_at(each) for each in self.queue.waiting if _is_flush(each.body)]
        self._world.now = max(self._world.now, min(ends, default=self._world.now) - left)

    def end_window(self, run: Run) -> None:
        """Flush a window if one ends within the life of an invocation that runs meanwhile."""
        now = self._world.now
        self.near_the_end(timedelta())
        if self._world.now - now > NEARLY:
            self._world.now = now
        self.flush(run)

    def items(self, kind: str) -> list[str]:
        """Return the names of what is kept of a kind, without it."""
        return [item.removeprefix(kind) for _, item in self._table.items if item.startswith(kind)]

    def held_for_ever(self) -> list[str]:
        """Return the windows that something is held in, and that nothing in the queue ends.

        A window that is open is ended by its own flush, which its opener sends when it comes again. What is held in one
        that is not open any more is told by any flush.
        """
        held = {name.partition("#")[0] for name in self.items(HELD)}
        if not held:
            return []
        bodies = [message.body for message in self.queue.waiting]
        flushes = {json.loads(body)["window"] for body in bodies if _is_flush(body)}
        ended = flushes | {digest_of(body) for body in bodies}
        is_open = next((item["id"]["S"] for (_, name), item in self._table.items.items() if name == WINDOW), "")
        later = bool(flushes) or is_open in ended
        return sorted(each for each in held if not (each in ended if each == is_open else later))

    def _take(self, taken: Sequence[Message], run: Run) -> bool:
        try:
            failed = failures(self._batch(run).take([_record(message) for message in taken]))
        except FunctionDiedError:
            failed = [message.id for message in taken]
        self.queue.settle(taken, failed)
        return bool(taken)

    def _batch(self, run: Run) -> SlackBatch:
        quiet = self._quiet(run.client(self._table), "ledger", run.clock, lambda _: None)
        queue = SlackQueue(run.client(self.queue), DelayingQueue.URL, DelayingQueue.FAILURES, self._telemetry)

        def connect(credentials: Credentials) -> Any:  # noqa: ANN401  a fake of what is asked of Slack's client
            return _Connection(self.slack, run, credentials)

        channel = Channel(secrets=_Secrets(), secret="", threads=quiet, clock=run.clock, connect=connect)
        function = self._function(
            quiet=quiet,
            channel=channel,
            queue=queue,
            window=WINDOW_LENGTH,
            telemetry=self._telemetry,
            holder=f"request-{next(self._holders)}",
            # Of its minute; what is left once the time is up is too little to begin anything.
            left_ms=lambda: 60_000 if run.left_ms else 20_000,
        )
        return SlackBatch(function.take, queue, self._telemetry)


def _is_flush(body: str) -> bool:
    return f'"type": "{FLUSH}"' in body


def _record(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": message.id,
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.received)},
    }


def note_what_is_told(patches: pytest.MonkeyPatch) -> None:
    """Let every message that is composed carry what it tells: it says when that was found to the minute only."""
    render, compose = slack_transitions.render, slack_summary.summaries

    def rendered(message: TransitionsMessage, *, hub: bool) -> SlackMessage:
        return _telling(render(message, hub=hub), message.transitions)

    def composed(messages: Sequence[TransitionsMessage | ReleaseMessage], *, hub: bool) -> tuple[Summary, ...]:
        by_word = {(t.finding.id, t.sequence): t for t in _transitions(messages)}
        return tuple(
            replace(each, message=_telling(each.message, tuple(by_word[word] for word in each.shown)))
            for each in compose(messages, hub=hub)
        )

    patches.setattr(slack_transitions, "render", rendered)
    patches.setattr(notify_slack, "summaries", composed)


def _transitions(messages: Sequence[TransitionsMessage | ReleaseMessage]) -> Iterator[Transition]:
    for message in messages:
        if isinstance(message, TransitionsMessage):
            yield from message.transitions


def _telling(message: SlackMessage, told: tuple[Transition, ...]) -> Telling:
    return Telling(message.text, message.blocks, told)
