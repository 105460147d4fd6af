"""What carries messages between the functions, with the rules that AWS keeps.

Standard queues and topics: at least once, in any order. The stream: in order for each cluster, again from the first
record that failed.
"""

import itertools
import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, override

from tests.pipeline.expressions import Item
from tests.sinks.fakes import FakeSns
from tests.wiring.fakes import failures

RECEIVES = 4
"""``maxReceiveCount`` of the template's queues."""

VISIBILITY = timedelta(seconds=360)
"""``VisibilityTimeout`` of the template's Slack queue: after it a message comes back that nobody told to wait."""

TRIES = 6
"""``MaximumRetryAttempts`` of the stream's mapping, and the first try."""

STREAM_BATCH = 25


@dataclass(eq=False)
class Message:
    """One copy of a message in a queue; ``hidden`` while a function has it."""

    id: str
    body: str
    received: int = 0
    hidden: bool = False


class FakeQueue:
    """A standard queue with its failure queue. Whatever was sent may come again, at any time."""

    def __init__(self) -> None:
        self.waiting: list[Message] = []
        self.parked: list[Message] = []
        self.sent: list[str] = []
        self._numbers = itertools.count()

    def send(self, body: str) -> None:
        self.sent.append(body)
        self._put(body)

    def repeat(self, index: int) -> None:
        """Deliver once more what was sent some time, as at-least-once delivery may."""
        if self.sent:
            self._put(self.sent[index % len(self.sent)])

    def receive(self, index: int, most: int) -> list[Message]:
        """Hand over some messages, from any place."""
        visible = self.visible()
        start = index % len(visible) if visible else 0
        taken = (visible[start:] + visible[:start])[:most]
        for message in taken:
            message.hidden = True
            message.received += 1
        return taken

    def visible(self) -> list[Message]:
        """Return what can be received now."""
        return [message for message in self.waiting if not message.hidden]

    def settle(self, taken: Iterable[Message], failed: Iterable[str]) -> None:
        """Delete what is done; show the rest again, or park it once it was received too often."""
        again = frozenset(failed)
        for message in taken:
            message.hidden = False
            if message.id not in again or message.received >= RECEIVES:
                self.waiting.remove(message)
            if message.id in again and message.received >= RECEIVES:
                self.parked.append(message)

    def redrive(self) -> None:
        """Do what an operator does with the failure queue."""
        for message in self.parked:
            self._put(message.body)
        self.parked.clear()

    def _put(self, body: str) -> Message:
        message = Message(f"message-{next(self._numbers)}", body)
        self.waiting.append(message)
        return message


class DelayingQueue(FakeQueue):
    """A standard queue by the clock, for a function that hands over itself what can never be done.

    It is the client of both its own URL and its failure queue's.
    """

    URL, FAILURES = "https://sqs/queue", "https://sqs/failures"

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._clock = clock
        self._visible_at: dict[str, datetime] = {}

    @override
    def visible(self) -> list[Message]:
        now = self._clock()
        return [message for message in super().visible() if self.visible_at(message) <= now]

    def visible_at(self, message: Message) -> datetime:
        """Return when a message can be received next."""
        return self._visible_at.get(message.id, self._clock())

    @override
    def receive(self, index: int, most: int) -> list[Message]:
        taken = super().receive(index, most)
        self._visible_at |= {message.id: self._clock() + VISIBILITY for message in taken}
        return taken

    @override
    def settle(self, taken: Iterable[Message], failed: Iterable[str]) -> None:
        """Delete what is done; show the rest again when its time has come, however often it was received."""
        again = frozenset(failed)
        for message in taken:
            message.hidden = False
            if message.id not in again:
                self.waiting.remove(message)

    def next_at(self) -> datetime:
        """Return when the next message can be received."""
        return min(self.visible_at(message) for message in self.waiting if not message.hidden)

    def send_message(self, *, QueueUrl: str, MessageBody: str, DelaySeconds: int = 0) -> dict[str, Any]:  # noqa: N803  botocore's words
        assert 0 <= DelaySeconds <= 900
        if QueueUrl == self.FAILURES:
            self.parked.append(Message(f"parked-{next(self._numbers)}", MessageBody))
            return {}
        assert QueueUrl == self.URL
        self.sent.append(MessageBody)
        self._visible_at[self._put(MessageBody).id] = self._clock() + timedelta(seconds=DelaySeconds)
        return {}

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> dict[str, Any]:  # noqa: N803  botocore's words
        assert QueueUrl == self.URL
        assert 0 <= VisibilityTimeout <= 43_200
        self._visible_at[ReceiptHandle] = self._clock() + timedelta(seconds=VisibilityTimeout)
        return {}


class FakeSqs:
    """SQS's two calls on one queue. Of each batch it refuses the last message, as it may; by itself it takes it."""

    def __init__(self, queue: FakeQueue) -> None:
        self._queue = queue

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803  botocore's words
        assert QueueUrl
        assert 1 <= len(Entries) <= 10
        *taken, refused = Entries
        for entry in taken:
            self._queue.send(entry["MessageBody"])
        return {"Successful": [{"Id": entry["Id"]} for entry in taken], "Failed": [{"Id": refused["Id"]}]}

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> dict[str, Any]:  # noqa: N803  botocore's words
        assert QueueUrl
        self._queue.send(MessageBody)
        return {}


class FakeTopic(FakeSns):
    """A topic whose subscriptions are queues that get the bodies raw."""

    def __init__(self, *queues: FakeQueue) -> None:
        super().__init__()
        self.bodies: list[str] = []
        self._queues = queues

    def publish(self, **message: Any) -> dict[str, str]:  # noqa: ANN401  the parameters of Publish
        answer = super().publish(**message)
        both = message.get("MessageStructure") == "json"
        body = json.loads(message["Message"])["default"] if both else message["Message"]
        self.bodies.append(body)
        for queue in self._queues:
            queue.send(body)
        return answer


class FakeStream:
    """The ledger's stream as its event source mapping hands it over: a shard a cluster."""

    def __init__(self) -> None:
        self._read = 0
        self._shards: defaultdict[str, deque[dict[str, Any]]] = defaultdict(deque)
        self._tries: defaultdict[str, int] = defaultdict(int)
        self._past: list[dict[str, Any]] = []

    def extend(self, inserted: list[Item]) -> None:
        """Take what the table has inserted since."""
        for number, image in enumerate(inserted[self._read :], self._read):
            self._shards[image["cluster"]["S"]].append(_record(image, number))
        self._read = len(inserted)

    def deliver(self, index: int, most: int, take: Callable[[list[dict[str, Any]]], dict[str, Any] | None]) -> None:
        """Hand a batch of one shard over; ``take`` returns None if the function died."""
        shards = [shard for shard in self._shards.values() if shard]
        if not shards:
            return
        shard = shards[index % len(shards)]
        batch = list(itertools.islice(shard, min(most, STREAM_BATCH)))
        answer = take(batch)
        failed = failures(answer) if answer is not None else [_number(batch[0])]
        while shard and _number(shard[0]) not in failed and shard[0] in batch:
            self._past.append(shard.popleft())
        for number in failed:
            self._tries[number] += 1
            if self._tries[number] >= TRIES:
                self._past.append(shard.popleft())

    def lose(self, index: int) -> None:
        """Let a shard's next record expire before it was read."""
        self.deliver(index, 1, lambda _: {"batchItemFailures": []})

    def repeat(self, index: int) -> None:
        """Read an old record again, as a mapping does that was made anew."""
        if self._past:
            record = self._past[index % len(self._past)]
            self._shards[record["dynamodb"]["Keys"]["cluster"]["S"]].append(record)


def _number(record: dict[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def _record(image: Item, number: int) -> dict[str, Any]:
    return {
        "eventName": "INSERT",
        "dynamodb": {
            "Keys": {"cluster": image["cluster"], "item": image["item"]},
            "NewImage": image,
            "SequenceNumber": f"{number:021}",
        },
    }
