"""NotifySlack among its neighbours: the local Slack, a secret in moto, table and queues in memory."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from threading import Thread
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from moto import mock_aws

from eks_auditor.ledger.quiet import Quiet
from eks_auditor.wiring.notify_slack import NotifySlack
from eks_auditor.wiring.slack_batch import SlackBatch
from eks_auditor.wiring.slack_channel import Channel
from eks_auditor.wiring.slack_queue import SlackQueue
from local_aws.slack import SlackServer
from local_aws.slack_workspace import Workspace
from tests.builders import NOW
from tests.ledger.in_memory import InMemory
from tests.sinks.fakes import refused
from tests.wiring.fakes import Heard

TABLE = "ledger"
QUEUE, FAILURES = "https://sqs/slack", "https://sqs/slack-failures"
WINDOW = timedelta(seconds=60)
VISIBILITY = 180.0
"""Seconds after which a message comes back that nobody told to wait."""


class Clock:
    """Time that goes on when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def unix(self) -> float:
        return self().timestamp()


@dataclass
class Waiting:
    """A message in the queue."""

    number: int
    body: str
    visible_at: float
    receives: int = 0


@dataclass
class FakeQueues:
    """The Slack queue and its failure queue, by the clock: what is not deleted comes again."""

    clock: Clock
    waiting: list[Waiting] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)
    broken: bool = False
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def send_message(self, *, QueueUrl: str, MessageBody: str, DelaySeconds: int = 0) -> dict[str, Any]:  # noqa: N803  botocore's words
        if self.broken:
            raise refused(error="InternalError", call="SendMessage")
        assert 0 <= DelaySeconds <= 900
        if QueueUrl == FAILURES:
            self.parked.append(MessageBody)
        else:
            assert QueueUrl == QUEUE
            self.waiting.append(Waiting(next(self._numbers), MessageBody, self.clock.seconds + DelaySeconds))
        return {}

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803  botocore's words
        if self.broken:
            raise refused(error="InternalError", call="ChangeMessageVisibility")
        assert QueueUrl == QUEUE
        assert 0 <= VisibilityTimeout <= 43_200
        (message,) = (each for each in self.waiting if str(each.number) == ReceiptHandle)
        message.visible_at = self.clock.seconds + VisibilityTimeout

    def receive(self, most: int = 10) -> list[Waiting]:
        ready = [each for each in self.waiting if each.visible_at <= self.clock.seconds][:most]
        for message in ready:
            message.receives += 1
            message.visible_at = self.clock.seconds + VISIBILITY
        return ready

    def delete(self, message: Waiting) -> None:
        self.waiting = [each for each in self.waiting if each.number != message.number]

    @property
    def next_at(self) -> float | None:
        return min((each.visible_at for each in self.waiting), default=None)


def record(message: Waiting) -> dict[str, Any]:
    """What Lambda makes of it."""
    return {
        "messageId": str(message.number),
        "receiptHandle": str(message.number),
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.receives)},
    }


class Slacking:
    """The function, deployed in memory."""

    def __init__(
        self,
        server: SlackServer,
        clock: Clock,
        dynamodb: InMemory,
        secrets: Any,  # noqa: ANN401  boto3's client
        *,
        bot: bool = True,
    ) -> None:
        self.server = server
        self.workspace = server.workspace
        self.clock = clock
        self.dynamodb = dynamodb
        self.secrets = secrets
        self.heard = Heard()
        self.queues = FakeQueues(clock)
        self.left_ms = 60_000
        self.slept: list[float] = []
        self.bot = bot
        self.store(server.secret(bot=bot))
        provider = SecretsProvider(boto3_client=secrets)
        self._queue = SlackQueue(self.queues, QUEUE, FAILURES, self.heard.telemetry)  # type: ignore[arg-type]  # a fake of two calls
        self._get: Any = provider
        self._invocations = itertools.count()

    def store(self, secret: str) -> None:
        """Rotate the secret."""
        self.secrets.put_secret_value(SecretId="slack", SecretString=secret)

    def quiet(self, client: Any = None) -> Quiet:  # noqa: ANN401  boto3's client
        table: Any = client or self.dynamodb
        return Quiet(table, TABLE, self.clock, self.slept.append)

    def function(self, client: Any = None, *, left_ms: Callable[[], int] | None = None) -> NotifySlack:  # noqa: ANN401  boto3's client
        quiet = self.quiet(client)
        return NotifySlack(
            quiet=quiet,
            channel=Channel(secrets=self._get, secret="slack", threads=quiet, clock=self.clock),  # noqa: S106  its name
            queue=self._queue,
            window=WINDOW,
            telemetry=self.heard.telemetry,
            holder=f"request-{next(self._invocations)}",
            left_ms=left_ms or (lambda: self.left_ms),
        )

    def send(self, *bodies: str) -> None:
        """Let the topic send messages to the queue."""
        for body in bodies:
            self.queues.send_message(QueueUrl=QUEUE, MessageBody=body)

    def deliver(self, most: int = 10, client: Any = None) -> bool:  # noqa: ANN401  boto3's client
        """Let Lambda take one batch; return whether there was any."""
        ready = self.queues.receive(most)
        batch = SlackBatch(self.function(client).take, self._queue, self.heard.telemetry)
        answer = batch.take([record(message) for message in ready])
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for message in ready:
            if str(message.number) not in failed:
                self.queues.delete(message)
        return bool(ready)

    def run(self, until: float | None = None) -> None:
        """Deliver what there is, as time goes on, to the end of the queue or to an instant."""
        for _ in range(5_000):
            if self.deliver():
                continue
            following = self.queues.next_at
            if following is None or (until is not None and following > until):
                break
            self.clock.seconds = max(self.clock.seconds, following)
        else:
            pytest.fail("the queue never comes to its end")
        if until is not None:
            self.clock.seconds = until

    @property
    def texts(self) -> list[str]:
        """What Slack shows, in order."""
        return [message.text for message in self.workspace.shown]

    def items(self) -> dict[str, dict[str, Any]]:
        """What the ledger keeps of it."""
        found = self.dynamodb.scan(TableName=TABLE)["Items"]
        return {item["item"]["S"]: item for item in found}


@contextmanager
def slack_server(clock: Clock) -> Iterator[SlackServer]:
    """A local Slack that lives by the clock."""
    server = SlackServer(Workspace(clock=lambda: clock.seconds, now=clock.unix))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


@cache
def _secrets() -> Any:  # noqa: ANN401  boto3's client
    """A client of moto: dear to make, and of no use outside of it."""
    return boto3.Session("testing", "testing", region_name="eu-west-1").client("secretsmanager")


@contextmanager
def slacking(*, bot: bool = True) -> Iterator[Slacking]:
    """All of it, with an empty ledger."""
    clock = Clock()
    with mock_aws(), slack_server(clock) as server:
        _secrets().create_secret(Name="slack", SecretString="not yet")
        yield Slacking(server, clock, InMemory(), _secrets(), bot=bot)
