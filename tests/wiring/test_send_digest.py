import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from eks_auditor.events.digests import DigestMessage, parse_digest
from eks_auditor.events.errors import EventError, NewerMessageError
from eks_auditor.findings.digest import Fact, Standing
from eks_auditor.ledger.table import Ledger
from eks_auditor.model.digest import Digest, Freshness, Period
from eks_auditor.model.history import Head, State
from eks_auditor.model.verdict import Severity
from eks_auditor.settings import SettingsError
from eks_auditor.sinks.digest_topic import DigestTopic
from eks_auditor.wiring.send_digest import SendDigest, _build, handle, require_digest
from tests.builders import CLUSTER_ID, NOW, days_ago
from tests.ledger.build import audit, finding, running
from tests.ledger.conftest import TABLE, create
from tests.sinks.fakes import FakeSns, refused
from tests.wiring.fakes import Context, Heard

EVENT = json.loads((Path(__file__).resolve().parents[2] / "events" / "digest.json").read_text())


class FakeStore:
    """A ledger of one cluster with one open finding."""

    def __init__(self) -> None:
        self.sent: list[Digest] = []
        self.asked: list[tuple[datetime, datetime]] = []
        self.broken: Exception | None = None

    def heads(self) -> Iterable[Head]:
        return (Head(cluster=CLUSTER_ID, created_at=days_ago(400), taken_at=days_ago(0.1), saved_at=days_ago(0.1)),)

    def facts(self, since: datetime, until: datetime) -> Iterable[Fact]:
        self.asked.append((since, until))
        yield Standing(cluster=CLUSTER_ID.arn, state=State.OPEN, severity=Severity.HIGH, team=None)

    def trend(self) -> tuple[Freshness, ...]:
        return tuple(digest.freshness for digest in self.sent)

    def remember(self, digest: Digest) -> None:
        if self.broken is not None:
            raise self.broken
        self.sent.append(digest)


class Sending:
    """The function among its neighbours, at a time that the test sets."""

    def __init__(self, period: Period = Period.DAILY, sns: FakeSns | None = None) -> None:
        self.now = NOW
        self.sns = sns or FakeSns()
        self.store = FakeStore()
        self.heard = Heard()
        self.function = SendDigest(
            store=self.store,
            topic=DigestTopic(self.sns, "arn"),  # type: ignore[arg-type]  # a fake of the one call
            period=period,
            clock=lambda: self.now,
            telemetry=self.heard.telemetry,
        )

    @property
    def published(self) -> list[Digest]:
        return [parse_digest(json.loads(each["Message"])["default"]).digest for each in self.sns.published]


def test_a_digest_is_published_and_noted() -> None:
    sending = Sending()
    assert sending.function.send() == {"published": 1}
    assert sending.published == sending.store.sent
    assert sending.published[0].open.total == {Severity.HIGH: 1}
    assert sending.heard.counts == {"DigestsPublished": 1}


@pytest.mark.parametrize(("period", "days"), [(Period.DAILY, 1), (Period.WEEKLY, 7)])
def test_the_first_one_goes_back_one_period(period: Period, days: int) -> None:
    sending = Sending(period)
    sending.function.send()
    assert sending.store.asked == [(days_ago(days), NOW)]


@pytest.mark.parametrize("days", [1, 2, 7, 28])
def test_the_next_one_goes_on_where_the_last_one_ended(days: int) -> None:
    """A day on which none was sent is told with the next one."""
    sending = Sending()
    sending.function.send()
    sending.now += timedelta(days=days)
    sending.function.send()
    assert sending.store.asked[1] == (NOW, sending.now)


def test_what_is_too_long_ago_is_not_counted_from() -> None:
    sending = Sending()
    sending.function.send()
    sending.now += timedelta(days=29)
    sending.function.send()
    assert sending.store.asked[1] == (sending.now - timedelta(days=1), sending.now)


def test_a_request_that_comes_twice_is_answered_once() -> None:
    sending = Sending()
    sending.function.send()
    sending.now += timedelta(hours=11.9)
    assert sending.function.send() == {"published": 0}
    assert len(sending.published) == 1


def test_where_clocks_change_no_day_is_left_out() -> None:
    """01:00 in Berlin, the days around 28 March 2027: two of them fall on one date in UTC, 23 hours apart."""
    sending = Sending()
    for instant in ("2027-03-27T00:00:00+00:00", "2027-03-28T00:00:00+00:00", "2027-03-28T23:00:00+00:00"):
        sending.now = datetime.fromisoformat(instant)
        assert sending.function.send() == {"published": 1}


def test_what_broke_before_it_was_noted_is_sent_again() -> None:
    sending = Sending()
    sending.store.broken = refused("InternalServerError", "PutItem")
    with pytest.raises(ClientError):
        sending.function.send()
    sending.store.broken = None
    sending.now += timedelta(minutes=1)
    assert sending.function.send() == {"published": 1}
    assert len(sending.published) == 2


def test_what_the_topic_refuses_is_not_noted() -> None:
    sending = Sending(sns=FakeSns(fail_on=["digest"]))
    with pytest.raises(ClientError):
        sending.function.send()
    assert sending.store.sent == []


def test_the_documented_event_is_a_request() -> None:
    require_digest(EVENT)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({}, EventError),
        (EVENT | {"detail-type": "Sweep Requested"}, EventError),
        (EVENT | {"source": "aws.events"}, EventError),
        (EVENT | {"detail": None}, EventError),
        (EVENT | {"detail": {}}, EventError),
        (EVENT | {"detail": {"schema_version": 2}}, NewerMessageError),
    ],
)
def test_anything_else_is_refused_with_one_sentence(event: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        require_digest(event)


def test_a_message_is_the_digest_and_nothing_else() -> None:
    sending = Sending()
    sending.function.send()
    assert (
        DigestMessage(digest=sending.published[0]).body() == json.loads(sending.sns.published[0]["Message"])["default"]
    )


def test_the_function_sends_what_the_ledger_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """From its environment to a subscribed queue, without another part of the stack."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name="eu-west-1")
        sns, sqs = boto3.client("sns", region_name="eu-west-1"), boto3.client("sqs", region_name="eu-west-1")
        create(dynamodb, TABLE)
        ledger = Ledger(dynamodb, TABLE, lambda: days_ago(0), lambda _: None)
        ledger.save(audit(0, finding(team="payments"), taken_at=days_ago(1), running=(running(),)), hub=True)
        queue = sqs.create_queue(QueueName="machines")["QueueUrl"]
        topic = sns.create_topic(Name="digest")["TopicArn"]
        sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint="arn:aws:sqs:eu-west-1:123456789012:machines",
            Attributes={"RawMessageDelivery": "true"},
        )
        for name, value in {"LEDGER_TABLE": TABLE, "DIGEST": "weekly", "DIGEST_TOPIC_ARN": topic}.items():
            monkeypatch.setenv(name, value)
        _build.cache_clear()
        assert handle(EVENT, Context()) == {"published": 1}
        assert handle(EVENT, Context()) == {"published": 0}
        (told,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        with pytest.raises(EventError):
            handle({}, Context())
        _build.cache_clear()
    digest = parse_digest(told["Body"]).digest
    assert (digest.period, digest.watched.clusters, digest.freshness.fresh) == (Period.WEEKLY, 1, 1)
    assert [team.team for team in digest.open.teams] == ["payments"]


def test_a_period_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST", "hourly")
    _build.cache_clear()
    with pytest.raises(SettingsError, match="DIGEST is 'hourly'; it takes 'daily' or 'weekly'"):
        handle(EVENT, Context())
