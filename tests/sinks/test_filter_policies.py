"""What docs/messages.md says of filter policies: real messages are published, and SNS's rules say which arrive."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from eks_auditor.events.messages import parse_message
from eks_auditor.model.history import Change, Transition
from eks_auditor.model.verdict import Severity
from eks_auditor.sinks.topic import Topic, attributes
from tests.builders import CLUSTER_ID
from tests.plan.releasing import notice, request, rollback, runs
from tests.sinks.transitions import bodies, body, finding, transition, transitions
from tests.sinks.transitions import subject as about

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

SECTION = (Path(__file__).parents[2] / "docs" / "messages.md").read_text().partition("## Subscribe to a part")[2]
POLICIES = dict(re.findall(r"(?m)^([^\n]+):\n\n```json\n(.*)\n```$", SECTION))
ATTRIBUTES = dict(re.findall(r"(?m)^\| `(\w+)` \| (String(?:\.Array)?) \|", SECTION))
VALUES = dict(re.findall(r"(?m)^\| `(\w+)` \| String(?:\.Array)? \| (.*) \|$", SECTION))


def rung(severity: Severity, change: Change = Change.OPENED, **deviations: Any) -> Transition:  # noqa: ANN401  any field
    return transition(finding(about(severity.name.lower()), severity=severity), change, **deviations)


def elsewhere(**deviations: str) -> str:
    """News with a HIGH finding of a cluster that differs."""
    (text,) = bodies(rung(Severity.HIGH), cluster=replace(CLUSTER_ID, **deviations))
    return text


SAID = {
    "high": body(rung(Severity.HIGH)),
    "high and low": body(rung(Severity.HIGH), rung(Severity.LOW)),
    "low": body(rung(Severity.LOW)),
    "medium": body(rung(Severity.MEDIUM, Change.BETTER, previous=Severity.HIGH)),
    "critical resolved": body(rung(Severity.CRITICAL, Change.RESOLVED)),
    "baseline": body(rung(Severity.HIGH, baseline=True)),
    "refresh": body(rung(Severity.HIGH, Change.REFRESHED)),
    "policy": body(rung(Severity.LOW, by_policy=True)),
    "quiet": body(rung(Severity.LOW, Change.EXEMPTED, quiet=True)),
    "other name": elsewhere(name="payments"),
    "other account": elsewhere(account="444455556666"),
    "other region": elsewhere(region="us-east-1"),
    "release": notice()[0].body,
    "rollback": notice(rollback())[0].body,
    "other region's release": notice(request(region="us-east-1"))[0].body,
}
ELSEWHERE = {"other name", "other account", "other region"}
RELEASES = {"release", "rollback", "other region's release"}


class Subscribed:
    """A topic with one queue behind it."""

    def __init__(self, sns: "SNSClient", sqs: "SQSClient") -> None:
        self._sns = sns
        self._sqs = sqs
        self._arn = sns.create_topic(Name="topic")["TopicArn"]
        self._queue = sqs.create_queue(QueueName="queue")["QueueUrl"]

    def subscribe(self, policy: str) -> None:
        wanted = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        self._sns.subscribe(
            TopicArn=self._arn,
            Protocol="sqs",
            Endpoint=wanted["Attributes"]["QueueArn"],
            Attributes={"RawMessageDelivery": "true", "FilterPolicy": policy},
        )

    def publish(self, text: str) -> None:
        Topic(self._sns, self._arn).publish(text)

    def arrived(self) -> list[str]:
        """The bodies in the queue."""
        bodies: list[str] = []
        while taken := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            bodies += [message["Body"] for message in taken]
        return bodies


@pytest.fixture
def subscribed() -> Iterator[Subscribed]:
    with mock_aws():
        yield Subscribed(boto3.client("sns", region_name="eu-west-1"), boto3.client("sqs", region_name="eu-west-1"))


def names(arrived: list[str]) -> set[str]:
    """What was said, by its name above; it arrives as the body, whatever else was published beside it."""
    of = {text: name for name, text in SAID.items()}
    assert len(of) == len(SAID)
    assert len(set(arrived)) == len(arrived)
    return {of[text] for text in arrived}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (
            "Only news with a HIGH or CRITICAL finding",
            {"high", "high and low", "critical resolved", *ELSEWHERE},
        ),
        (
            "Only one cluster, whose name is its own only within its account and Region",
            SAID.keys() - ELSEWHERE - RELEASES,
        ),
        ("Everything but refreshes", SAID.keys() - {"refresh"}),
        ("Only the releases of one Region", {"release", "rollback"}),
    ],
)
def test_a_documented_policy_lets_through_what_it_says(subscribed: Subscribed, policy: str, expected: set[str]) -> None:
    subscribed.subscribe(POLICIES[policy])
    for text in SAID.values():
        subscribed.publish(text)
    assert names(subscribed.arrived()) == expected


def test_there_is_no_documented_policy_but_those() -> None:
    assert len(POLICIES) == SECTION.count("```json") == 4


@pytest.mark.parametrize(
    "policy",
    [
        {"severity": [severity.name for severity in Severity]},
        {"severity": [{"anything-but": ["INFORMATIONAL"]}]},
        {"severity": [{"exists": True}]},
        {"check": ["AMI001"]},
        {"transition": [change.value for change in Change]},
        {"class": ["news", "baseline", "policy", "quiet", "refresh"]},
        {"cluster": ["shop"]},
        {"account": ["111122223333"]},
    ],
)
def test_no_filter_on_findings_takes_a_notice_for_one(subscribed: Subscribed, policy: dict[str, list[Any]]) -> None:
    subscribed.subscribe(json.dumps(policy))
    for text in SAID.values():
        subscribed.publish(text)
    arrived = names(subscribed.arrived())
    assert arrived
    assert not arrived & RELEASES


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        ("people", SAID.keys() - {"refresh", "quiet"}),
        ("machines", SAID.keys() - {"refresh"}),
        ("hub", {"refresh"}),
    ],
)
def test_each_audience_gets_what_is_for_it(subscribed: Subscribed, audience: str, expected: set[str]) -> None:
    subscribed.subscribe(json.dumps({"audience": [audience]}))
    for text in SAID.values():
        subscribed.publish(text)
    assert names(subscribed.arrived()) == expected


@pytest.mark.parametrize(("audience", "expected"), [("people", [1]), ("machines", [1, 2, 3]), ("hub", [])])
def test_later_parts_of_a_baseline_are_for_machines(subscribed: Subscribed, audience: str, expected: list[int]) -> None:
    subscribed.subscribe(json.dumps({"audience": [audience]}))
    for text in bodies(*transitions(120, baseline=True)):
        subscribed.publish(text)
    assert sorted(parse_message(text).part for text in subscribed.arrived()) == expected


@pytest.mark.parametrize(("audience", "expected"), [("people", [1]), ("machines", [1, 2, 3]), ("hub", [])])
def test_later_parts_of_a_notice_are_for_machines(subscribed: Subscribed, audience: str, expected: list[int]) -> None:
    subscribed.subscribe(json.dumps({"audience": [audience]}))
    for part in notice(clusters={CLUSTER_ID: tuple(runs(f"{number:04}{'x' * 250}") for number in range(1_300))}):
        subscribed.publish(part.body)
    assert sorted(parse_message(text).part for text in subscribed.arrived()) == expected


def test_the_documented_attributes_are_those_that_are_published() -> None:
    published = attributes(parse_message(SAID["high"]))
    assert {name: value["DataType"] for name, value in published.items()} == ATTRIBUTES
    of_a_release = attributes(parse_message(SAID["release"]))
    said = "The notice of a release carries " + ", ".join(f"`{name}`" for name in ("class", "audience", "transition"))
    assert f"{said} and `region` only" in SECTION
    assert {name: value["DataType"] for name, value in of_a_release.items()} == {
        name: ATTRIBUTES[name] for name in ("class", "audience", "transition", "region")
    }


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        ("transition", [*(change.value for change in Change), "release"]),
        ("severity", [severity.name for severity in Severity]),
        ("class", ["news", "baseline", "policy", "quiet", "refresh", "release"]),
        ("audience", ["people", "machines", "machines", "hub"]),
    ],
)
def test_the_documented_values_are_all_there_are(attribute: str, words: list[str]) -> None:
    assert sorted(re.findall(r"`(\w+)`", VALUES[attribute])) == sorted(words)
