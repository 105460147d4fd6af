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


def owned(*teams: str | None, severity: Severity = Severity.HIGH, change: Change = Change.OPENED) -> str:
    """News of findings with these teams."""
    return body(
        *(
            transition(finding(about(f"of-{number}"), severity=severity, team=team), change)
            for number, team in enumerate(teams)
        )
    )


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
    "zone": body(transition(finding(about("zonal"), check_id="ZONE002", severity=Severity.MEDIUM))),
    "quiet": body(rung(Severity.LOW, Change.EXEMPTED, quiet=True)),
    "other name": elsewhere(name="payments"),
    "other account": elsewhere(account="444455556666"),
    "other region": elsewhere(region="us-east-1"),
    "payments' high": owned("payments"),
    "payments' low": owned("payments", severity=Severity.LOW),
    "payments' resolved": owned("payments", change=Change.RESOLVED),
    "Payments' high": owned("Payments"),
    "two teams' high": owned("search", "payments", None),
    "another team's high": owned("search"),
    "payments' low beside another team's high": body(
        transition(finding(about("low"), severity=Severity.LOW, team="payments")),
        transition(finding(about("high"), severity=Severity.HIGH, team="search")),
    ),
    "release": notice()[0].body,
    "rollback": notice(rollback())[0].body,
    "other region's release": notice(request(region="us-east-1"))[0].body,
}
ELSEWHERE = {"other name", "other account", "other region"}
RELEASES = {"release", "rollback", "other region's release"}
OWNED = {name for name in SAID if name.endswith(("' high", "' low", "' resolved", "team's high"))}
PAYMENTS_HIGH = {
    "payments' high", "payments' resolved", "two teams' high", "payments' low beside another team's high"
}  # fmt: skip


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


LETS_THROUGH = {
    "Only news with a HIGH or CRITICAL finding": {
        "high", "high and low", "critical resolved", *ELSEWHERE, *(OWNED - {"payments' low"})
    },
    "Only what is bad and of one team": PAYMENTS_HIGH,
    "What no team is named for, the releases among it": SAID.keys() - OWNED,
    "What people are told, for a mailbox or a chat": SAID.keys() - {"refresh", "quiet"},
    "What people are told of one team, without what is resolved": {
        *(PAYMENTS_HIGH - {"payments' resolved"}), "payments' low"
    },
    "Only what runs a superseded image": SAID.keys() - RELEASES - {"zone"},
    "Only one cluster, whose name is its own only within its account and Region": SAID.keys() - ELSEWHERE - RELEASES,
    "Everything but refreshes": SAID.keys() - {"refresh"},
    "Only the releases of one Region": {"release", "rollback"},
}  # fmt: skip


@pytest.mark.parametrize("policy", POLICIES)
def test_a_documented_policy_lets_through_what_it_says(subscribed: Subscribed, policy: str) -> None:
    subscribed.subscribe(POLICIES[policy])
    for text in SAID.values():
        subscribed.publish(text)
    assert names(subscribed.arrived()) == LETS_THROUGH[policy]


def test_each_documented_policy_lets_something_through_and_keeps_something_back() -> None:
    assert LETS_THROUGH.keys() == POLICIES.keys()
    assert all(expected and SAID.keys() - expected for expected in LETS_THROUGH.values())


def test_there_is_no_documented_policy_but_those() -> None:
    assert len(POLICIES) == SECTION.count("```json") == 9


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
        {"team": ["payments", "search"]},
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


HOSTILE_TEAMS = (
    'a"b', "back\\slash", '["hr"]', "payments, search", "<!channel>", "équipe ☃", "\U0001f600", "$or", "x" * 256
)  # fmt: skip


@pytest.mark.parametrize("team", HOSTILE_TEAMS)
def test_a_team_is_routed_by_its_exact_name(subscribed: Subscribed, team: str) -> None:
    """Whatever the tag holds, it is one value: no other team's, and no end of the list."""
    subscribed.subscribe(json.dumps({"team": [team]}))
    wanted = owned(team, "search")
    for text in (wanted, *SAID.values()):
        subscribed.publish(text)
    assert subscribed.arrived() == [wanted]


def test_the_documented_attributes_are_those_that_are_published() -> None:
    published = attributes(parse_message(SAID["payments' high"]))
    assert {name: value["DataType"] for name, value in published.items()} == ATTRIBUTES
    assert len(ATTRIBUTES) <= 10, "SNS drops a message with more that goes to a queue raw"
    of_nobody = attributes(parse_message(SAID["high"]))
    assert ATTRIBUTES.keys() - of_nobody.keys() == {"team"}
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
