"""What stands around a function: its neighbours in memory, and what it says."""

import io
import itertools
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from eks_auditor.ledger.outbox import Outbox, OutboxKey
from eks_auditor.ledger.saving import FencedOut, Saved
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Audit, Head, Running
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.wiring.telemetry import NAMESPACE, Telemetry
from tests.builders import NOW
from tests.sinks.fakes import refused

_numbers = itertools.count()


class Heard:
    """Powertools' own logger and metrics, and what was said through them."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self._metrics = AmazonCloudWatchEMFProvider(
            namespace=NAMESPACE, service="", default_dimensions={"Stack": "test"}
        )
        # A logger of its own: Powertools keeps one a service, with the stream that it was first given.
        logger = Logger(service=f"test-{next(_numbers)}", level="INFO", stream=self._stream)
        self.telemetry = Telemetry(logger, self._metrics)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Every log line."""
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]

    @property
    def sentences(self) -> list[str]:
        """Every log line's message."""
        return [line["message"] for line in self.lines]

    @property
    def warnings(self) -> list[str]:
        """What was said above INFO."""
        return [line["message"] for line in self.lines if line["level"] in ("WARNING", "ERROR")]

    @property
    def counts(self) -> dict[str, float]:
        """Every metric that was not printed yet."""
        return {name: sum(metric["Value"]) for name, metric in self._metrics.metric_set.items()}

    @property
    def counts_by(self) -> dict[tuple[str, ...], float]:
        """The same by further dimensions: the metric's name, then their values by the dimensions' names."""
        return {
            (name, *(value for _, value in dimensions)): sum(metric["Value"])
            for dimensions, metrics in self.telemetry._by.items()  # noqa: SLF001  no API tells what is not printed yet
            for name, metric in metrics.metric_set.items()
        }


class Context:
    """Lambda's context."""

    aws_request_id = "request-1"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:function"

    def __init__(self, left_ms: int = 180_000) -> None:
        self.left_ms = left_ms

    def get_remaining_time_in_millis(self) -> int:
        return self.left_ms


class Ticking:
    """A clock that goes on by a millisecond at each look."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


class FakeSqs:
    """Keeps what is sent; refuses what it is told to."""

    def __init__(self, refuse: Mapping[str, int] | None = None) -> None:
        self.bodies: list[str] = []
        self.batches: list[int] = []
        self._refuse = dict(refuse or {})
        """How many times yet each text is refused."""

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803  botocore's words
        assert QueueUrl
        assert 1 <= len(Entries) <= 10
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        self.batches.append(len(Entries))
        failed = [entry["Id"] for entry in Entries if not self._take(entry["MessageBody"])]
        return {
            "Successful": [{"Id": entry["Id"]} for entry in Entries if entry["Id"] not in failed],
            "Failed": [{"Id": each, "SenderFault": False, "Code": "InternalError"} for each in failed],
        }

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> dict[str, Any]:  # noqa: N803  botocore's words
        assert QueueUrl
        if not self._take(MessageBody):
            raise refused(error="InternalError", call="SendMessage")
        return {}

    def _take(self, body: str) -> bool:
        for text, times in self._refuse.items():
            if text in body and times:
                self._refuse[text] -= 1
                return False
        self.bodies.append(body)
        return True

    @property
    def clusters(self) -> list[str]:
        """The names of the clusters asked for."""
        return [json.loads(body)["cluster_arn"].rsplit("/", 1)[1] for body in self.bodies]


class FakeHeads:
    """The clusters that a ledger knows, what they run, and the notices that it was given."""

    def __init__(
        self,
        known: Iterable[ClusterId] = (),
        due: Mapping[ClusterId, datetime] | None = None,
        runs: Mapping[ClusterId, tuple[Running, ...]] | None = None,
    ) -> None:
        self._known = tuple(known)
        self._due = dict(due or {})
        self.runs = dict(runs or {})
        self.announced: dict[OutboxKey, Outbox] = {}

    def known(self) -> Iterable[ClusterId]:
        return self._known

    def due(self, now: datetime) -> Iterable[ClusterId]:
        return [cluster for cluster, due_at in self._due.items() if due_at <= now]

    def running(self, partition: str, region: str, key: str, /) -> Iterable[tuple[ClusterId, tuple[Running, ...]]]:
        for cluster, running in self.runs.items():
            found = tuple(each for each in running if each.key == key)
            if found and (cluster.partition, cluster.region) == (partition, region):
                yield cluster, found

    def announce(self, messages: Sequence[Outbox], /) -> bool:
        if messages[0].key in self.announced:
            return False
        self.announced |= {message.key: message for message in messages}
        return True


class FakeReader:
    """Reads what it is given; ``meanwhile`` happens while it does."""

    def __init__(self, answer: Snapshot | Exception, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.answer = answer
        self.reads: list[ClusterId] = []
        self.not_before: datetime | None = None
        self._meanwhile = meanwhile

    def read(self, cluster: ClusterId, *, not_before: datetime, checkpoint: Callable[[], None]) -> Snapshot:
        self.reads.append(cluster)
        self.not_before = not_before
        checkpoint()
        self._meanwhile()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class FakeLedger:
    """One cluster's ledger: a fence, and whatever it is told to answer instead."""

    def __init__(self, head: Head | None = None, answer: Saved | FencedOut | Exception | None = None) -> None:
        self._head = head
        self._answer = answer
        self.saved: list[Audit] = []
        self.hub: list[bool] = []

    def head(self, cluster: ClusterId) -> Head | None:
        assert self._head is None or self._head.cluster == cluster
        return self._head

    def save(self, audit: Audit, *, hub: bool) -> Saved | FencedOut:
        if isinstance(self._answer, Exception):
            raise self._answer
        if self._answer is not None:
            return self._answer
        self.saved.append(audit)
        self.hub.append(hub)
        return Saved(transitions=(), parts=1, whole=not audit.retryable)


class FakeAnnouncements:
    """Outbox items, and the notes made on them."""

    def __init__(self, items: Iterable[Outbox] = (), fail_on: Collection[OutboxKey] = ()) -> None:
        self._items = {item.key: item for item in items}
        self.fail_on = set(fail_on)
        """Items of which no note can be made."""
        self.relayed: list[OutboxKey] = []

    def unrelayed(self, before: datetime) -> Iterable[OutboxKey]:
        return [key for key, item in self._items.items() if item.relayed_at is None and item.taken_at < before]

    def outbox(self, outbox_key: OutboxKey, /) -> Outbox | None:
        return self._items.get(outbox_key)

    def mark_relayed(self, outbox_key: OutboxKey, at: datetime, /) -> None:
        if outbox_key in self.fail_on:
            raise refused(error="InternalServerError", call="UpdateItem")
        self.relayed.append(outbox_key)
        if outbox_key in self._items:
            self._items[outbox_key] = replace(self._items[outbox_key], relayed_at=at)


class FakeMarks:
    """What Security Hub took, as noted."""

    def __init__(self) -> None:
        self.marks: list[tuple[str, str, int, datetime]] = []

    def mark_imported(self, cluster_arn: str, finding_id: str, sequence: int, hub_at: datetime) -> None:
        self.marks.append((cluster_arn, finding_id, sequence, hub_at))


def messages(*bodies: str) -> dict[str, Any]:
    """An SQS event; the messages are called message-0 and so on."""
    return {"Records": [{"messageId": f"message-{number}", "body": body} for number, body in enumerate(bodies)]}


def failures(answer: Mapping[str, Any]) -> list[str]:
    """The ids that a function returned as failed."""
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
