"""People in Slack: in as few messages as tell it, each change once, whatever happens to Slack meanwhile."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from local_aws.building import REGION
from local_aws.stage import SLACK_WINDOW, Stage
from tests.docs.pages import OPERATIONS, as_documented, blocks, redrives
from tests.e2e.conftest import (
    CROWD,
    SECONDS,
    Channel,
    FirstPass,
    Message,
    Witness,
    arn,
    audit,
    commands,
    eventually,
    headline,
    held_back,
    links,
    taken,
    written,
)

pytestmark = pytest.mark.e2e

PAGE = "docs/slack.md"
CLUSTER = "slack"
THREADED = "threaded"
ISSUE = ("NodeCreationFailure", "Instances failed to join")
OPENED = re.compile(rf"1 (new|open again), worst HIGH in {CLUSTER} \({REGION}\)")

type Shell = Callable[[str, str], str]


@pytest.fixture
def shell(audited: Stage, tmp_path: Path) -> Shell:
    """Run what a page says, after its first block."""

    def run(page: str, script: str) -> str:
        return as_documented(f"{blocks(page)[0]}\n{script}", tmp_path, audited.shell_environment())

    return run


@pytest.fixture
def broken(audited: Stage) -> Iterator[Callable[[], datetime]]:
    """What breaks the cluster's node group, which is one message for people; at the end it is repaired."""

    def break_it() -> datetime:
        audited.audited.break_nodegroup(CLUSTER, "web", *ISSUE)
        return audited.request_audit(arn(CLUSTER))

    yield break_it
    audited.audited.repair_nodegroup(CLUSTER, "web")
    audit(audited, CLUSTER)


def settle(stage: Stage, asked: datetime) -> None:
    stage.settle(asked, seconds=SECONDS, clusters=[arn(CLUSTER)])


def depth(stage: Stage, queue: str) -> int:
    return stage.deployment.queue_depths()[queue]


# -- how much is said


def test_a_first_sweep_is_few_messages_and_counts_all_that_is_open(first_pass: FirstPass) -> None:
    said = [headline(shown) for shown in first_pass.slack]
    assert {line.partition(":")[0] for line in said} == {"First look"}

    standing = [item for item in first_pass.ledger if item["item"].startswith("FINDING#")]
    assert {item["state"] for item in standing} <= {"OPEN", "EXEMPT"}
    assert sum(int(count) for line in said for count in re.findall(r"(\d+) (?:open|accepted)", line)) == len(standing)
    named = [re.search(r" in (?:(\d+) clusters|\S+ \(\S+\))$", line) for line in said]
    assert sum(int(found[1] or 1) for found in named if found) == len({item["cluster"] for item in standing})

    # Each window is one message at once and one at its end; how many there are depends on how long the sweep took.
    began, ended = (float(first_pass.slack[index].ts) for index in (0, -1))
    windows = 2 + int((ended - began) / SLACK_WINDOW)
    assert len(said) <= 2 * windows


def test_no_name_of_the_fleet_pings_anybody_or_is_cut_in_silence(first_pass: FirstPass) -> None:
    assert [shown for shown in first_pass.slack if shown.pings or shown.truncated] == []


def test_a_change_is_shown_once_with_its_fix_in_the_thread_of_its_cluster(
    audited: Stage, channel: Channel, witness: Witness
) -> None:
    audited.audited.break_nodegroup(THREADED, "web", *ISSUE)
    asked = audit(audited, THREADED)
    [[told]] = [message["transitions"] for message in published(witness, THREADED, asked)]
    finding = told["finding"]
    [opened] = channel.new()
    assert headline(opened) == f"1 new, worst HIGH in {THREADED} ({REGION})"
    assert opened.thread_ts is None
    assert any(finding["reason"] in text for text in written(opened.blocks))
    assert commands(opened) == [next(fix["command"] for fix in finding["fix"] if fix["tool"] == "aws")]
    console = f"https://{REGION}.console.aws.amazon.com/eks/clusters/{THREADED}/nodegroups/web?region={REGION}"
    assert {console, finding["docs"]} <= links(opened)
    assert any(link.endswith("docs/checks.md#health001") for link in links(opened))

    audit(audited, THREADED)
    assert channel.new() == []

    audited.audited.repair_nodegroup(THREADED, "web")
    audit(audited, THREADED)
    [resolved] = channel.new()
    assert headline(resolved) == f"1 resolved in {THREADED} ({REGION})"
    assert (resolved.thread_ts, resolved.broadcast) == (opened.ts, False)
    assert commands(resolved) == []


def published(witness: Witness, cluster: str, since: datetime) -> list[Message]:
    """Return what the topic said of a cluster since."""
    witness.look()
    return [
        message
        for message in witness.messages
        if message["type"] == "transitions"
        and message["cluster"]["name"] == cluster
        and datetime.fromisoformat(message["taken_at"]) > since
    ]


def test_of_changes_at_once_one_is_told_at_once_and_the_others_together(audited: Stage, channel: Channel) -> None:
    clusters = [arn(cluster) for cluster in CROWD]
    with held_back(audited, "NotifySlackFunction"):
        for cluster in CROWD:
            audited.audited.break_nodegroup(cluster, "web", *ISSUE)
        asked = audited.request_audit(*clusters)
        eventually(lambda: depth(audited, "SlackQueue") == len(CROWD), "the topic does not tell of every cluster")
    audited.settle(asked, seconds=SECONDS, clusters=clusters)
    try:
        first, others = channel.new()
        at_once = re.fullmatch(rf"1 new, worst HIGH in (crowd-\w) \({REGION}\)", headline(first))
        assert at_once
        assert headline(others) == "HEALTH001 HIGH: 2 new in 2 clusters"
        named = re.findall(r"`(crowd-\w)`", "\n".join(written(others.blocks)))
        assert set(named) == {*CROWD} - {at_once[1]}
    finally:
        for cluster in CROWD:
            audited.audited.repair_nodegroup(cluster, "web")
        audit(audited, *CROWD)


# -- whatever happens to Slack


@pytest.mark.parametrize(
    ("trouble", "answers"),
    [
        ({"trouble": "busy", "times": 2, "retry_after": 1}, [429, 429, 200]),
        ({"trouble": "broken", "times": 2, "retry_after": 1}, [503, 503, 200]),
        ({"trouble": "hang_up"}, [0, 200]),
    ],
    ids=["busy", "broken", "hang up"],
)
def test_what_slack_does_not_take_now_waits_and_comes_once(
    audited: Stage, channel: Channel, broken: Callable[[], datetime], trouble: dict[str, Any], answers: list[int]
) -> None:
    before = len(audited.slack.calls)
    audited.slack.fail(**trouble)
    settle(audited, broken())
    [shown] = channel.new()
    assert OPENED.fullmatch(headline(shown))
    assert audited.slack.calls[before:] == answers
    assert depth(audited, "SlackFailures") == 0


def secret_arn(stage: Stage) -> str:
    [stack] = stage.deployment.client("cloudformation").describe_stacks(StackName=stage.deployment.stack)["Stacks"]
    [arn_] = [each["ParameterValue"] for each in stack["Parameters"] if each["ParameterKey"] == "SlackSecretArn"]
    return str(arn_)


def test_the_secret_is_rotated_by_the_documented_command(
    audited: Stage, channel: Channel, broken: Callable[[], datetime], shell: Shell
) -> None:
    [command] = [block for block in blocks(PAGE) if "put-secret-value" in block]
    [example] = re.findall(r"'(\{.*\})'", command)
    kept = json.loads(
        audited.deployment.client("secretsmanager").get_secret_value(SecretId=secret_arn(audited))["SecretString"]
    )
    new = {**kept, "bot_token": audited.slack.rotate()["token"]}
    assert json.loads(example).keys() | {"api_url"} == new.keys()

    shell(PAGE, f"SECRET_ARN={secret_arn(audited)}\n{command.replace(example, json.dumps(new))}")

    settle(audited, broken())
    [shown] = channel.new()
    assert OPENED.fullmatch(headline(shown))
    assert depth(audited, "SlackFailures") == 0


def test_what_slack_refuses_for_good_is_kept_whole_and_told_once_it_is_handed_over(
    audited: Stage, channel: Channel, broken: Callable[[], datetime], witness: Witness, shell: Shell
) -> None:
    audited.slack.archive(audited.slack.channel)
    try:
        asked = broken()
        eventually(lambda: depth(audited, "SlackFailures"), "nothing is kept")
        [kept] = json.loads(shell(OPERATIONS, "look SlackFailuresUrl"))["Messages"]
        [said] = published(witness, CLUSTER, asked)
        assert json.loads(kept["Body"]) == said
        assert channel.new() == []
    finally:
        audited.slack.unarchive(audited.slack.channel)
    eventually(lambda: any("is_archived" in line for line in audited.warnings()), "nothing says why")

    shell(OPERATIONS, redrives()["SlackFailures"])
    settle(audited, asked)
    [shown] = channel.new()
    assert OPENED.fullmatch(headline(shown))
    assert depth(audited, "SlackFailures") == 0


def test_what_could_not_be_put_into_the_queue_is_told_once_it_is_handed_over(
    audited: Stage, channel: Channel, broken: Callable[[], datetime], shell: Shell
) -> None:
    with held_back(audited, "NotifySlackFunction"):
        asked = broken()
        [message] = taken(audited, audited.outputs["SlackQueueUrl"])
    failures = audited.outputs["SlackTopicFailuresUrl"]
    audited.deployment.client("sqs").send_message(QueueUrl=failures, MessageBody=message)

    shell(OPERATIONS, redrives()["SlackTopicFailures"])
    settle(audited, asked)
    [shown] = channel.new()
    assert OPENED.fullmatch(headline(shown))

    # And what comes once more, as queues may do it, is not shown once more.
    audited.deployment.client("sqs").send_message(QueueUrl=audited.outputs["SlackQueueUrl"], MessageBody=message)
    settle(audited, asked)
    assert channel.new() == []


# -- what nobody may read


def test_nothing_of_a_secret_is_in_a_log_a_parameter_an_environment_or_the_ledger(audited: Stage) -> None:
    """The last test of this file: by now tokens were read, refused, rotated and revoked."""
    deployment = audited.deployment
    pages = (
        deployment.client("logs").get_paginator("filter_log_events").paginate(logGroupName=audited.outputs["LogGroup"])
    )
    lines = [event["message"] for page in pages for event in page["events"]]
    assert any("SlackPosted" in line for line in lines)
    functions = deployment.client("lambda").list_functions()["Functions"]
    said = {
        "log": lines,
        "stack": [str(deployment.client("cloudformation").describe_stacks(StackName=deployment.stack))],
        "environment": [str(function.get("Environment")) for function in functions],
        "ledger": [str(item) for item in audited.ledger()],
    }
    secret = re.compile(f"xoxb-|{re.escape(audited.slack.webhook.rpartition('/')[0])}")
    assert [(place, text) for place, texts in said.items() for text in texts if secret.search(text)] == []
