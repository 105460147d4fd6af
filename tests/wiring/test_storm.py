"""A release reaches its first rung everywhere at once: what people read, and what machines get."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from eks_auditor.events.messages import TransitionsMessage, parse_message
from eks_auditor.findings.diff import diff
from eks_auditor.findings.identity import finding_id
from eks_auditor.ledger.outbox import compose
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Finding
from eks_auditor.model.history import Audit, Change, Head, Record, State, sequence_of
from eks_auditor.model.verdict import Severity
from eks_auditor.sinks.topic import Topic
from tests.builders import CLUSTER_ID, NOW
from tests.sinks.fakes import FakeSns
from tests.sinks.transitions import audit, finding, subject
from tests.wiring.slacking import Slacking, slacking

CLUSTERS = 400
BEFORE = NOW - timedelta(days=1)
KNOWN = frozenset({"AMI001", "ZONE002"})


@pytest.fixture
def world() -> Iterator[Slacking]:
    with slacking() as world:
        yield world


def found(cluster: ClusterId, check_id: str, severity: Severity, name: str = "web") -> Finding:
    about = subject(name, arn=f"{cluster.arn}/{name}")
    identity = finding_id(cluster, check_id, about)
    return replace(finding(about, check_id=check_id, severity=severity), id=identity)


def known(of: Finding) -> Record:
    return Record(
        finding=of,
        state=State.OPEN,
        sequence=sequence_of(BEFORE),
        first_seen=BEFORE,
        changed_at=BEFORE,
        created_at=BEFORE - timedelta(days=400),
    )


def crossing(number: int) -> tuple[Audit, Head, list[Record]]:
    """A cluster's audit: every group crosses a rung, and in some a zone is lost or found again."""
    cluster = replace(CLUSTER_ID, name=f"shop-{number:03}")
    to = (Severity.LOW, Severity.MEDIUM, Severity.HIGH)[number % 3]
    findings = [found(cluster, "AMI001", to)]
    records = []
    if to is not Severity.LOW:
        records.append(known(found(cluster, "AMI001", Severity(to - 1))))
    if number % 5 == 0:
        findings.append(found(cluster, "ZONE002", Severity.HIGH, "one-zone"))
    taken_at = NOW + timedelta(milliseconds=number * 12)
    head = Head(cluster=cluster, created_at=BEFORE - timedelta(days=400), taken_at=BEFORE, checks=KNOWN)
    judged = audit(
        audit_id=f"audit-{number}",
        cluster=cluster,
        created_at=head.created_at,
        taken_at=taken_at,
        findings=tuple(findings),
        checks=KNOWN,
    )
    return judged, head, records


def announced() -> list[str]:
    """What the ledger announces of 400 audits within five seconds."""
    bodies = []
    for number in range(CLUSTERS):
        judged, head, records = crossing(number)
        changes = diff(head, {record.finding.id: record for record in records}, judged, hub=True)
        bodies += [outbox.body for outbox, _ in compose(judged, changes.transitions, saved_at=judged.taken_at)]
    return bodies


def told(body: str) -> list[tuple[str, str, int]]:
    message = parse_message(body)
    assert isinstance(message, TransitionsMessage)
    return [(each.finding.check_id, each.finding.severity.name, each.sequence) for each in message.transitions]


def test_a_storm_is_a_few_messages_for_people_and_all_of_it_for_machines(world: Slacking) -> None:
    sns = FakeSns()
    topic = Topic(sns, "arn:aws:sns:eu-west-1:111122223333:topic")  # type: ignore[arg-type]  # a fake of one call
    bodies = announced()
    for number, body in enumerate(bodies):
        topic.publish(body)
        world.send(body)
        if number % 80 == 79:
            world.clock.seconds += 1
            world.deliver()
    world.run()

    kinds = {(check_id, rung) for body in bodies for check_id, rung, _ in told(body)}
    assert len(kinds) == 4
    assert len(world.texts) <= 1 + len(kinds)
    assert world.queues.parked == []
    assert world.clock.seconds < 60 + 60
    assert not [message for message in world.workspace.shown if message.pings or message.truncated]

    # The first was told by itself, and every other transition is counted in the one message of its kind.
    first, *others = bodies
    expected = Counter((check_id, rung) for body in others for check_id, rung, _ in told(body))
    counted = {}
    for text in world.texts[1:]:
        (check_id, rung) = text.split(":", 1)[0].replace("`", "").split()
        counted[check_id, rung] = sum(int(word) for word in text.split(" in ", 1)[0].split() if word.isdigit())
    assert counted == dict(expected)
    shown = {name: int(item["sequence"]["N"]) for name, item in world.items().items() if name.startswith("SHOWN#")}
    assert sorted(shown.values()) == sorted(sequence for body in bodies for _, _, sequence in told(body))
    assert first

    assert len(sns.published) == CLUSTERS
    for body, publication in zip(bodies, sns.published, strict=True):
        attributes = {name: value["StringValue"] for name, value in publication["MessageAttributes"].items()}
        message = parse_message(body)
        assert isinstance(message, TransitionsMessage)
        assert json.loads(publication["Message"])["default"] == body
        assert json.loads(attributes["audience"]) == ["machines", "people"]
        assert attributes["cluster"] == message.cluster.name
        assert json.loads(attributes["check"]) == sorted({check_id for check_id, _, _ in told(body)})
        assert json.loads(attributes["severity"]) == sorted({rung for _, rung, _ in told(body)})
        assert set(json.loads(attributes["transition"])) <= {Change.OPENED.value, Change.WORSE.value}


def test_a_storm_that_slack_is_down_for_is_told_when_it_is_back(world: Slacking) -> None:
    world.workspace.fail("broken", times=30)
    bodies = announced()[:60]
    world.send(*bodies)
    world.run()
    shown = {name for name in world.items() if name.startswith("SHOWN#")}
    assert len(shown) == sum(len(told(body)) for body in bodies)
    assert world.queues.parked == []
