"""NotifySlack and SendDigest, each before one piece of work."""

import json
from datetime import timedelta

from aws_lambda_powertools.utilities.parameters import SecretsProvider

from eks_auditor.ledger import digests, quiet
from eks_auditor.ledger.digests import Digests
from eks_auditor.ledger.quiet import SHOWN, Quiet, digest_of
from eks_auditor.ledger.waiting import trimmed
from eks_auditor.model.digest import Period
from eks_auditor.sinks.digest_topic import DigestTopic
from eks_auditor.wiring.notify_slack import NotifySlack
from eks_auditor.wiring.send_digest import SendDigest
from eks_auditor.wiring.slack_batch import SlackBatch
from eks_auditor.wiring.slack_channel import Channel
from eks_auditor.wiring.slack_queue import FLUSH, FLUSH_VERSION, SlackQueue
from local_aws.slack_workspace import WEBHOOK, Workspace
from tests.faults.door import Door, announced, raised
from tests.faults.slack import HOOKS, SlackWire
from tests.faults.stack import Stack
from tests.faults.transport import Transport
from tests.wiring.fakes import failures

WINDOW = timedelta(seconds=60)
BACK = timedelta(minutes=2)
"""After how long a message comes again: somebody else's turn is over by then."""

SOMEBODY = "somebody"
"""Who opened a window before."""


class Slacking:
    """NotifySlack, its queues, and a Slack."""

    def __init__(self, stack: Stack, *, bot: bool = True) -> None:
        self.stack = stack
        self.workspace = Workspace()
        self.workspace.limit(on=False)
        self.quiet = Quiet(stack.client("dynamodb"), stack.name, stack.clock, lambda _: None)
        self._sqs = stack.client("sqs")
        self._url, self._failures = (
            self._sqs.create_queue(QueueName=f"{stack.name}-{name}")["QueueUrl"] for name in ("slack", "failures")
        )
        secrets = stack.client("secretsmanager")
        secrets.create_secret(Name=stack.name, SecretString=self._secret(bot=bot))
        queue = SlackQueue(self._sqs, self._url, self._failures, stack.heard.telemetry)
        function = NotifySlack(
            quiet=self.quiet,
            channel=Channel(
                secrets=SecretsProvider(boto3_client=secrets),
                secret=stack.name,
                threads=self.quiet,
                clock=stack.clock,
            ),
            queue=queue,
            window=WINDOW,
            telemetry=stack.heard.telemetry,
            holder="request",
            left_ms=lambda: 60_000,
        )
        self._batch = SlackBatch(function.take, queue, stack.heard.telemetry)
        self._wire = SlackWire(stack.transport, self.workspace)

    def _secret(self, *, bot: bool) -> str:
        if not bot:
            return json.dumps({"webhook_url": f"{HOOKS}{WEBHOOK}{self.workspace.webhook}"})
        return json.dumps({"bot_token": self.workspace.token, "channel": self.workspace.channel})

    def door(self, body: str, tries: int = 1) -> Door:
        """Be given a message, at most so often, each time after a wait."""
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body)
        [received] = self._sqs.receive_message(QueueUrl=self._url)["Messages"]
        record = {
            "messageId": received["MessageId"],
            "receiptHandle": received["ReceiptHandle"],
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1"},
        }
        self.stack.ready()

        def deliver() -> bool:
            self.stack.now += BACK
            with self._wire.carrying():
                return bool(failures(self._batch.take([record])))

        return Door(
            lambda: all(deliver() for _ in range(tries)),
            self._effect,
            self.stack.heard,
            lambda: "kept" in self._sent(),
        )

    def _effect(self) -> frozenset[str]:
        shown = {message.text for message in self.workspace.shown}
        items = {each.partition(" ")[2] for each in self.stack.items() if each.startswith(f"{quiet.PARTITION} ")}
        return frozenset(shown | {each for each in items if each.startswith(SHOWN)} | (self._sent() - {"kept"}))

    def _sent(self) -> set[str]:
        """Return what went to the queues: the ends of windows, and what was kept."""
        bodies = [json.loads(body) for action, body in self.stack.transport.taken if action == "sqs:SendMessage"]
        return {"kept" if body["QueueUrl"] == self._failures else str(body["MessageBody"]) for body in bodies}


def first(transport: Transport) -> Door:
    """NotifySlack on the first message of a quiet channel."""
    stack = Stack(transport)
    return Slacking(stack).door(announced(stack)["body"]["S"])


def by_webhook(transport: Transport) -> Door:
    """The same, by a webhook."""
    stack = Stack(transport)
    return Slacking(stack, bot=False).door(announced(stack)["body"]["S"])


def busy(transport: Transport) -> Door:
    """The same, and Slack takes it only when it comes again."""
    stack = Stack(transport)
    slacking = Slacking(stack)
    slacking.workspace.fail("busy")
    return slacking.door(announced(stack)["body"]["S"], tries=2)


def end_of_window(transport: Transport) -> Door:
    """NotifySlack on the end of a window in which a message was held."""
    stack = Stack(transport)
    slacking = Slacking(stack)
    slacking.quiet.open(SOMEBODY, WINDOW)
    body = announced(stack)["body"]["S"]
    assert slacking.quiet.hold(SOMEBODY, digest_of(body), trimmed(body))
    return slacking.door(json.dumps({"schema_version": FLUSH_VERSION, "type": FLUSH, "window": SOMEBODY}))


def digest(transport: Transport) -> Door:
    """SendDigest, of a ledger with an open finding."""
    stack = Stack(transport)
    announced(stack)
    sns = stack.client("sns")
    function = SendDigest(
        store=Digests(stack.client("dynamodb"), stack.name, stack.clock, lambda _: None),
        topic=DigestTopic(sns, sns.create_topic(Name=stack.name)["TopicArn"]),
        period=Period.DAILY,
        clock=stack.clock,
        telemetry=stack.heard.telemetry,
    )
    stack.ready()

    def effect() -> frozenset[str]:
        told = {action for action, _ in stack.transport.taken if action == "sns:Publish"}
        noted = {"noted" for each in stack.items() if each.startswith(f"{digests.PARTITION} ")}
        return frozenset(told | noted)

    return Door(lambda: raised(function.send), effect, stack.heard)
