import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from eks_auditor.events.digests import DigestMessage
from eks_auditor.model.history import Change
from eks_auditor.model.verdict import Severity
from eks_auditor.wiring.notify_slack import handle
from tests.builders import CLUSTER_ID
from tests.ledger.conftest import create
from tests.ledger.in_memory import InMemory
from tests.plan.releasing import notice, request
from tests.sinks.digests import digest
from tests.sinks.fakes import refused
from tests.sinks.transitions import bodies, body, days_later, finding, transition, transitions
from tests.wiring.fakes import Context
from tests.wiring.slacking import QUEUE, Clock, Slacking, slack_server, slacking


@pytest.fixture
def world() -> Iterator[Slacking]:
    with slacking() as world:
        yield world


def cluster(name: str) -> dict[str, str]:
    arn = CLUSTER_ID.arn.replace(CLUSTER_ID.name, name)
    return {"arn": arn, "partition": "aws", "account": CLUSTER_ID.account, "region": CLUSTER_ID.region, "name": name}


def of(name: str, check_id: str = "AMI001", severity: Severity = Severity.MEDIUM, **members: Any) -> str:  # noqa: ANN401  any member of the document
    """A message of news on one finding of another cluster."""
    found = finding(check_id=check_id, severity=severity)
    there = replace(found, id=found.id.replace(f"/{CLUSTER_ID.name}/", f"/{name}/"))
    return body(transition(there), cluster=cluster(name), **members)


def test_the_first_message_is_shown_at_once_and_the_others_together(world: Slacking) -> None:
    world.send(*(of(f"shop-{number}") for number in range(4)))
    world.deliver()
    assert len(world.texts) == 1
    assert "shop-0" in world.texts[0]
    world.run()
    assert len(world.texts) == 2
    assert world.clock.seconds == 60
    assert [name for name in world.items() if not name.startswith(("SHOWN", "THREAD"))] == []
    assert world.heard.counts["SlackPosted"] == 2
    assert world.heard.counts["SlackHeld"] == 3


def test_silence_follows_where_nothing_was_held(world: Slacking) -> None:
    world.send(of("shop"))
    world.run()
    assert len(world.texts) == 1
    assert world.queues.waiting == []
    assert "WINDOW" not in world.items()


def test_after_its_window_the_next_message_is_shown_at_once_again(world: Slacking) -> None:
    world.send(of("shop-1"))
    world.run()
    world.send(of("shop-2"))
    assert world.deliver()
    assert len(world.texts) == 2


def test_each_check_and_rung_is_one_message_and_other_kinds_one_each(world: Slacking) -> None:
    world.send(of("first"))
    for number in range(3):
        world.send(of(f"shop-{number}"), of(f"shop-{number}", "ZONE002", Severity.HIGH))
        world.send(
            of(f"shop-{number}", "CAS003", Severity.LOW, **{"class": "baseline"}),
            of(f"shop-{number}", "CAS004", Severity.LOW, **{"class": "policy"}),
        )
    world.send(*(notice(request(move=number))[0].body for number in (1, 2)))
    world.run()
    assert len(world.texts) == 1 + 2 + 1 + 1 + 1
    assert world.queues.parked == []


def test_what_comes_again_is_shown_once(world: Slacking) -> None:
    first, second, released = of("shop-1"), of("shop-2"), notice()[0].body
    world.send(first, first, second, second, released, released)
    world.run()
    shown = list(world.texts)
    world.send(released, second, first)
    world.run()
    assert world.texts == shown
    assert len(shown) == 3


def test_an_older_word_than_the_last_shown_is_dropped(world: Slacking) -> None:
    opened = bodies(transition())[0]
    resolved = bodies(transition(change=Change.RESOLVED, taken_at=days_later(1)), taken_at=days_later(1))[0]
    world.send(resolved)
    world.run()
    world.send(opened)
    world.run()
    assert len(world.texts) == 1
    assert world.heard.counts["SlackLate"] == 1


def test_only_what_is_newer_of_a_message_is_shown(world: Slacking) -> None:
    both = transitions(2)
    world.send(bodies(both[0])[0])
    world.run()
    world.send(bodies(*both)[0])
    world.run()
    assert "web-000" not in json.dumps(world.workspace.shown[1].blocks)
    assert "web-001" in json.dumps(world.workspace.shown[1].blocks)


@pytest.mark.parametrize(
    "members", [{"class": "quiet"}, {"class": "refresh"}, {"class": "baseline", "part": 2, "parts": 2}]
)
def test_what_is_for_no_person_is_left(world: Slacking, members: dict[str, object]) -> None:
    world.send(body(**members))
    world.run()
    assert world.texts == []
    assert world.queues.parked == []


def test_a_clusters_messages_of_a_day_are_one_thread(world: Slacking) -> None:
    for hour in range(3):
        world.clock.seconds = hour * 3600
        world.send(bodies(transition(taken_at=days_later(hour / 24)), taken_at=days_later(hour / 24))[0])
        world.run()
    first, *others = world.workspace.shown
    assert [message.thread_ts for message in others] == [first.ts] * 2
    world.clock.seconds = timedelta(hours=13).total_seconds()
    world.send(bodies(transition(taken_at=days_later(1)), taken_at=days_later(1))[0])
    world.run()
    assert world.workspace.shown[-1].thread_ts is None


def test_a_summary_on_one_cluster_belongs_to_its_thread_and_one_on_several_does_not(world: Slacking) -> None:
    world.send(of("shop"), of("shop", "ZONE002"), of("shop", "CAS003"))
    world.run()
    root = world.workspace.shown[0].ts
    assert [message.thread_ts for message in world.workspace.shown[1:]] == [root, root]
    world.send(of("first"), of("shop", "ZONE004"), of("other", "ZONE004"))
    world.run()
    assert world.workspace.shown[-1].thread_ts is None


def test_only_what_turned_critical_is_shown_in_the_channel_as_well(world: Slacking) -> None:
    world.send(of("shop"))
    world.run()
    world.send(of("shop", "ZONE002", Severity.HIGH))
    world.run()
    world.send(of("shop", "CAS003", Severity.CRITICAL))
    world.run()
    assert [message.broadcast for message in world.workspace.shown] == [False, False, True]


def test_a_thread_that_is_gone_begins_anew(world: Slacking) -> None:
    world.send(of("shop"))
    world.run()
    world.workspace.delete(world.workspace.shown[0].ts)
    for check_id in ("ZONE002", "CAS003"):
        world.send(of("shop", check_id))
        world.run()
    root, reply = world.workspace.shown
    assert (root.thread_ts, reply.thread_ts) == (None, root.ts)


def test_a_thread_that_cannot_be_remembered_repeats_no_message(world: Slacking) -> None:
    class Forgetful:
        def __getattr__(self, name: str) -> object:
            return getattr(world.dynamodb, name)

        def put_item(self, **call: Any) -> object:  # noqa: ANN401  botocore's arguments
            if call["Item"]["item"]["S"].startswith("THREAD"):
                raise refused(error="InternalServerError", call="PutItem")
            return world.dynamodb.put_item(**call)

    world.send(of("shop"))
    world.deliver(client=Forgetful())
    world.run()
    assert len(world.texts) == 1


def test_another_channel_begins_new_threads(world: Slacking) -> None:
    world.send(of("shop"))
    world.run()
    world.workspace.open_channel("C0OTHER")
    world.store(json.dumps({**json.loads(world.server.secret(bot=True)), "channel": "C0OTHER"}))
    world.workspace.archive(world.workspace.channel)
    world.send(of("shop", "ZONE002"))
    world.run()
    assert [(message.channel, message.thread_ts) for message in world.workspace.shown[1:]] == [("C0OTHER", None)]


def test_a_webhook_has_no_threads() -> None:
    with slacking(bot=False) as world:
        world.send(of("shop"), of("shop", "ZONE002"))
        world.run()
        assert [(message.via, message.thread_ts) for message in world.workspace.shown] == [("webhook", None)] * 2
        assert not [name for name in world.items() if name.startswith("THREAD")]


@pytest.mark.parametrize("bot", [True, False])
def test_a_busy_slack_is_left_in_peace_for_as_long_as_it_asks(bot: bool) -> None:  # noqa: FBT001  a parameter of the test
    with slacking(bot=bot) as world:
        world.workspace.fail("busy", retry_after=30)
        world.send(of("shop-1"), of("shop-2"), of("shop-3"))
        world.deliver()
        assert world.workspace.calls == [429]
        assert sorted(each.visible_at for each in world.queues.waiting if "flush" not in each.body) == [30, 30, 30]
        world.run()
        assert len(world.texts) == 2
        assert world.queues.parked == []
        assert world.heard.warnings == []


@pytest.mark.parametrize("trouble", ["broken", "hang_up"])
def test_a_broken_slack_is_tried_again_ever_later(world: Slacking, trouble: str) -> None:
    world.workspace.fail(trouble, times=9)
    world.send(of("shop"))
    waits = []
    for _ in range(9):
        world.clock.seconds = min(each.visible_at for each in world.queues.waiting if "flush" not in each.body)
        began = world.clock.seconds
        world.queues.waiting = [each for each in world.queues.waiting if "flush" not in each.body]
        world.deliver()
        waits.append(min(each.visible_at for each in world.queues.waiting if "flush" not in each.body) - began)
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 900]
    world.run()
    assert len(world.texts) == 1
    assert world.queues.parked == []


def test_a_flush_that_is_interrupted_repeats_no_message(world: Slacking) -> None:
    world.send(of("first"))
    world.run(until=1)
    world.send(*(of("shop", f"ZONE00{number}") for number in range(1, 5)))
    world.deliver()
    world.workspace.limit(on=False)
    world.clock.seconds = 60
    for _ in range(3):
        world.workspace.fail("broken")
    world.run()
    assert len(set(map(str, world.workspace.shown))) == len(world.texts) == 5
    world.run()
    assert len(world.texts) == 5


def test_a_secret_is_rotated_without_a_deployment(world: Slacking) -> None:
    world.send(of("shop-1"))
    world.run()
    world.workspace.rotate()
    world.store(world.server.secret(bot=True))
    world.send(of("shop-2"))
    world.run()
    assert len(world.texts) == 2
    assert world.heard.warnings == []


def test_a_bot_can_take_over_from_a_webhook() -> None:
    with slacking(bot=False) as world:
        world.send(of("shop-1"))
        world.run()
        world.workspace.rotate()
        world.store(world.server.secret(bot=True))
        world.send(of("shop-2"))
        world.run()
        assert [message.via for message in world.workspace.shown] == ["webhook", "bot"]


@pytest.mark.parametrize("bot", [True, False])
def test_credentials_that_hold_no_more_park_the_message_whole(bot: bool) -> None:  # noqa: FBT001  a parameter of the test
    with slacking(bot=bot) as world:
        world.workspace.rotate()
        text = of("shop")
        world.send(text)
        world.deliver()
        assert world.queues.parked == [text]
        assert world.heard.counts["SlackParked"] == 1
        (sentence,) = world.heard.warnings
        assert "secret" in sentence
        assert "redrive" in sentence


def test_a_secret_that_says_nothing_usable_parks_the_message_whole(world: Slacking) -> None:
    world.store("half a secret: hunter2")
    world.send(of("shop"))
    world.deliver()
    assert len(world.queues.parked) == 1
    assert "hunter2" not in "".join(map(json.dumps, world.heard.lines))


def test_a_parked_message_that_is_redriven_is_shown(world: Slacking) -> None:
    world.workspace.archive(world.workspace.channel)
    world.send(of("shop-1"), of("shop-2"))
    world.run()
    assert len(world.queues.parked) == 2
    world.workspace.open_channel("C0OTHER")
    world.store(json.dumps({**json.loads(world.server.secret(bot=True)), "channel": "C0OTHER"}))
    world.send(*world.queues.parked)
    world.run()
    shown = json.dumps([message.blocks for message in world.workspace.shown])
    assert "shop-1" in shown
    assert "shop-2" in shown


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"schema_version": 1, "type": "gossip"}', '{"schema_version": 0, "type": "flush"}']
)
def test_what_cannot_be_read_is_parked_and_the_rest_is_shown(world: Slacking, text: str) -> None:
    world.send(text, of("shop"))
    world.deliver()
    assert world.queues.parked == [text]
    assert len(world.texts) == 1
    assert world.heard.counts["MessagesUnreadable"] == 1


def test_what_a_newer_release_wrote_waits_for_it(world: Slacking) -> None:
    world.send(of("shop", schema_version=2))
    world.deliver()
    assert [each.visible_at for each in world.queues.waiting] == [900]
    assert world.queues.parked == []


def test_what_a_newer_release_holds_keeps_nobody_waiting(world: Slacking) -> None:
    item = {"cluster": {"S": "slack"}, "item": {"S": "HELD#a#1"}, "schema_version": {"N": "2"}, "body": {"S": "?"}}
    world.dynamodb.put_item(TableName="ledger", Item=item)
    world.send(of("shop-1"), of("shop-2"))
    world.run()
    assert len(world.texts) == 2
    assert world.queues.waiting == []


def test_an_unforeseen_failure_is_tried_three_times_and_then_parked(world: Slacking) -> None:
    class Broken(Exception):  # noqa: N818  no error of ours
        pass

    def breaks(**_: object) -> None:
        raise Broken

    class Client:
        def __getattr__(self, name: str) -> object:
            return breaks

    world.send(of("shop"))
    for attempt in range(4):
        world.clock.seconds = 200 * attempt
        assert len(world.queues.parked) == 0
        world.deliver(client=Client())
    assert len(world.queues.parked) == 1
    assert world.queues.waiting == []


def test_an_aws_that_does_not_answer_parks_nothing(world: Slacking) -> None:
    class Throttled:
        def batch_get_item(self, **_: object) -> None:
            raise refused(error="ThrottlingException", call="BatchGetItem")

    world.send(of("shop"))
    for _ in range(6):
        world.clock.seconds = min(each.visible_at for each in world.queues.waiting)
        world.deliver(client=Throttled())
    assert world.queues.parked == []
    assert len(world.queues.waiting) == 1
    assert world.texts == []


def test_a_queue_that_does_not_answer_loses_nothing(world: Slacking) -> None:
    world.send("{", of("shop"))
    world.queues.broken = True
    world.deliver()
    assert (world.queues.parked, world.texts, len(world.queues.waiting)) == ([], [], 2)
    world.queues.broken = False
    world.run()
    assert (len(world.queues.parked), len(world.texts)) == (1, 1)


def test_a_table_that_is_throttled_repeats_no_message(world: Slacking) -> None:
    """What was posted must be marked as shown, at once, and one partition takes only so many writes a second."""

    class Throttled(InMemory):
        def transact_write_items(self, **call: Any) -> dict[str, Any]:  # noqa: ANN401  botocore's arguments
            self.throttled = not getattr(self, "throttled", False)
            if self.throttled:
                error = refused(error="TransactionCanceledException", call="TransactWriteItems")
                error.response["CancellationReasons"] = [{"Code": "ThrottlingError"}]
                raise error
            return super().transact_write_items(**call)

    client = Throttled(world.dynamodb.items)
    world.send(of("shop-1"), of("shop-2"), of("shop-3"))
    for seconds in (0, 60, 120):
        world.clock.seconds = seconds
        world.deliver(client=client)
    assert len(world.texts) == 2
    assert world.queues.waiting == []
    assert world.heard.warnings == []


def test_nothing_is_begun_that_cannot_come_to_its_end(world: Slacking) -> None:
    world.left_ms = 20_000
    world.send(of("shop"))
    world.deliver()
    assert world.workspace.calls == []
    world.left_ms = 60_000
    world.run()
    assert len(world.texts) == 1


def test_who_finds_somebody_else_posting_comes_again(world: Slacking) -> None:
    assert world.quiet().take_turn("somebody", timedelta(seconds=100))
    world.send(of("shop"))
    world.deliver()
    assert world.texts == []
    world.run()
    assert len(world.texts) == 1
    assert world.clock.seconds >= 100


def test_no_secret_is_said_or_logged_whatever_goes_wrong(
    world: Slacking, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG", logger="slack_sdk")
    secrets = [world.workspace.token, world.workspace.webhook]
    for number, bot in enumerate((True, False)):
        world.store(world.server.secret(bot=bot))
        for trouble in ("busy", "broken", "hang_up", "lose_answer"):
            world.workspace.fail(trouble)
            world.send(of(f"shop-{number}-{trouble}"))
            world.run()
    world.workspace.rotate()
    for bot in (True, False):
        world.store(json.dumps(json.loads(world.server.secret(bot=bot))))
        world.workspace.rotate()
        secrets += [world.workspace.token, world.workspace.webhook]
        world.send(of(f"rotated-{bot}"))
        world.run()
    said = "".join(map(json.dumps, world.heard.lines)) + caplog.text + "".join(capsys.readouterr())
    kept = "".join(map(str, world.items().values())) + "".join(world.queues.parked)
    assert world.queues.parked
    assert not [secret for secret in secrets if secret in said or secret in kept]
    assert not [secret for secret in secrets if secret.rpartition("/")[2] in said]


def test_the_queue_is_asked_for_its_own_delay(world: Slacking) -> None:
    world.send(of("shop"))
    world.deliver()
    (flush,) = world.queues.waiting
    assert json.loads(flush.body) | {"window": ""} == {"schema_version": 1, "type": "flush", "window": ""}
    assert (flush.visible_at, QUEUE) == (60, QUEUE)


def test_a_digest_is_shown_at_once_and_once(world: Slacking) -> None:
    text = DigestMessage(digest=digest()).body()
    world.send(of("shop"), text)
    world.deliver()
    world.clock.seconds = 1
    world.run(until=10)
    assert len(world.texts) == 2
    world.send(text)
    world.run()
    assert len(world.texts) == 2
    assert [message.thread_ts for message in world.workspace.shown] == [None, None]


def test_the_handler_is_put_together_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with mock_aws():
        sqs, dynamodb = boto3.client("sqs", region_name="eu-west-1"), boto3.client("dynamodb", region_name="eu-west-1")
        secrets = boto3.client("secretsmanager", region_name="eu-west-1")
        create(dynamodb, "ledger")
        with slack_server(Clock()) as server:
            secret = secrets.create_secret(Name="slack", SecretString=server.secret(bot=True))["ARN"]
            queues = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("slack", "failures")]
            environment = {
                "LEDGER_TABLE": "ledger",
                "SLACK_SECRET": secret,
                "SLACK_QUEUE_URL": queues[0],
                "SLACK_FAILURES_URL": queues[1],
                "SLACK_WINDOW_SECONDS": "45",
                "SECURITY_HUB": "disabled",
            }
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            sqs.send_message(QueueUrl=queues[0], MessageBody=of("shop"))
            sqs.send_message(QueueUrl=queues[0], MessageBody="{")
            received = sqs.receive_message(
                QueueUrl=queues[0], MaxNumberOfMessages=10, MessageSystemAttributeNames=["ApproximateReceiveCount"]
            )["Messages"]
            records = [
                {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                    "attributes": message["Attributes"],
                }
                for message in received
            ]
            assert handle({"Records": records}, Context()) == {"batchItemFailures": []}
            (shown,) = server.workspace.shown
            assert "Security Hub" not in json.dumps(shown.blocks)
            assert sqs.receive_message(QueueUrl=queues[1])["Messages"][0]["Body"] == "{"
            delayed = sqs.get_queue_attributes(QueueUrl=queues[0], AttributeNames=["All"])["Attributes"]
            assert delayed["ApproximateNumberOfMessagesDelayed"] == "1"
