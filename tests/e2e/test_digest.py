"""The digest comes by its schedule, once, on its own topic and in Slack."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from eks_auditor.model.verdict import Severity
from local_aws.building import ROOT
from local_aws.slack_workspace import Shown
from local_aws.stage import Stage
from tests.docs.pages import OPERATIONS, as_documented, blocks, redrives
from tests.e2e.conftest import Channel, FirstPass, Message, Witness, eventually, headline

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Sent:
    """The first digest: the queue of a reader, what came there, what the topic of transitions had said, and Slack."""

    url: str
    messages: list[dict[str, Any]]
    told: list[Message]
    shown: list[Shown]


def said(stage: Stage, words: str) -> int:
    """Count the lines of the functions with these words."""
    return sum(words in str(line.get("message")) for line in stage.deployment.logs())


def await_quiet(stage: Stage) -> None:
    eventually(lambda: not any(stage.deployment.queue_depths().values()), "something is still on its way")


@pytest.fixture(scope="module")
def sent(stage: Stage, first_pass: FirstPass, witness: Witness) -> Sent:
    assert first_pass.ledger
    await_quiet(stage)
    url = stage.deployment.subscribe_queue("digest-reader", topic=stage.outputs["DigestTopicArn"])
    channel = Channel(stage)
    stage.fire("DigestScheduleName")
    eventually(lambda: said(stage, "published the weekly digest"), "no digest came")
    await_quiet(stage)
    witness.look()
    return Sent(url, stage.deployment.take_messages(url), list(witness.messages), channel.new())


@pytest.fixture
def digest(sent: Sent) -> dict[str, Any]:
    [message] = sent.messages
    document: dict[str, Any] = json.loads(message["Body"])
    return document


def test_it_comes_once_to_its_topic_by_its_contract(sent: Sent, digest: dict[str, Any]) -> None:
    jsonschema.validate(digest, json.loads((ROOT / "docs/schemas/digest-1.json").read_text()))
    [message] = sent.messages
    values = {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}
    assert values == {"type": "digest", "period": "weekly"}
    assert "digest" not in {told["type"] for told in sent.told}


def test_it_counts_what_the_ledger_has_open_in_the_clusters_that_are_there(
    audited: Stage, digest: dict[str, Any]
) -> None:
    watched = set(audited.clusters())
    standing = [item for item in audited.ledger() if item["item"].startswith("FINDING#") and item["cluster"] in watched]
    opened = Counter(json.loads(item["document"])["severity"] for item in standing if item["state"] == "OPEN")
    assert digest["clusters"]["watched"] == len(watched)
    assert {rung: count for rung, count in digest["open"]["total"].items() if count} == dict(opened)


def test_it_counts_what_the_topic_said_since(audited: Stage, sent: Sent, digest: dict[str, Any]) -> None:
    transitions = [
        (message["class"], told["change"])
        for message in sent.told
        if message["type"] == "transitions" and message["cluster"]["arn"] in audited.clusters()
        for told in message["transitions"]
    ]
    opened = [kind for kind, change in transitions if change in ("opened", "reopened")]
    assert sum(digest["opened"]["total"].values()) == len(opened)
    assert digest["opened"]["first_looks"] == opened.count("baseline")
    assert sum(digest["closed"]["total"].values()) == [change for _, change in transitions].count("resolved")


def test_it_is_one_message_in_slack(sent: Sent, digest: dict[str, Any]) -> None:
    [shown] = sent.shown
    worst_first = [rung.name for rung in sorted(Severity, reverse=True)]
    total = digest["open"]["total"]
    counted = ", ".join(f"{total[rung]} {rung}" for rung in worst_first if total[rung])
    opened, closed = (sum(digest[each]["total"].values()) for each in ("opened", "closed"))
    assert headline(shown) == f"Weekly digest: {counted} open; {opened} new, {closed} resolved"
    assert (shown.thread_ts, shown.pings, shown.truncated) == (None, (), False)


@pytest.fixture
def nothing_more(audited: Stage, sent: Sent, channel: Channel) -> Iterator[None]:
    """Afterwards nobody was told anything more."""
    yield
    await_quiet(audited)
    assert audited.deployment.take_messages(sent.url) == []
    assert channel.new() == []


@pytest.mark.usefixtures("nothing_more")
def test_a_schedule_that_fires_twice_sends_one(audited: Stage) -> None:
    before = said(audited, "was sent already")
    audited.fire("DigestScheduleName")
    eventually(lambda: said(audited, "was sent already") > before, "the schedule has not fired again")


@pytest.mark.usefixtures("nothing_more")
def test_one_that_is_handed_over_again_as_documented_is_not_shown_again(
    audited: Stage, sent: Sent, tmp_path: Path
) -> None:
    failures = audited.outputs["DigestSlackFailuresUrl"]
    audited.deployment.client("sqs").send_message(QueueUrl=failures, MessageBody=sent.messages[0]["Body"])
    script = f"{blocks(OPERATIONS)[0]}\n{redrives()['DigestSlackFailures']}"
    assert "1 moved" in as_documented(script, tmp_path, audited.shell_environment())
