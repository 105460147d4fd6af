"""One deployed stack for all end-to-end tests of a run; they keep apart by cluster."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from local_aws import load_fleet
from local_aws.building import REGION, ROOT
from local_aws.deployment import ACCOUNT
from local_aws.slack_workspace import Shown
from local_aws.stage import Stage

SECONDS = 90
"""How long anything may take before a test gives up on it; nothing asserts how fast it is."""

CROWD = ("crowd-a", "crowd-b", "crowd-c")
"""Healthy clusters in which something changes at once."""

PLAYGROUNDS = (
    "changes", "doomed", "phoenix", "streamless", "events", "parked", "redriven", "slack", "threaded", *CROWD
)  # fmt: skip
"""Healthy clusters beside the shipped fleet, one for each group of tests that breaks something."""

OWNED = "owned"
"""Another one, whose node group is a team's."""

TEAM = "payments"

RELEASES = {
    "fresh": {
        "web": {},
        "api": {"labels": {"tier": "api"}},
        "arm": {"ami": "BOTTLEROCKET_ARM_64", "types": ["m7g.large"]},
    },
    "wavering": {
        "gpu": {
            "ami": "AL2023_x86_64_NVIDIA",
            "types": ["g5.xlarge"],
            "labels": {"k8s.amazonaws.com/accelerator": "nvidia-a10g"},
        }
    },
}
"""Clusters on Kubernetes 1.36, each on a release line of its own, for the tests that release images."""

type Message = dict[str, Any]


@dataclass
class Witness:
    """A queue subscribed to the topic without a filter, as a user's own may be, and what it received so far."""

    stage: Stage
    url: str
    messages: list[Message] = field(default_factory=list)
    attributes: list[Message] = field(default_factory=list)

    def look(self) -> None:
        """Take in what has come since."""
        for taken in self.stage.deployment.take_messages(self.url):
            self.messages.append(json.loads(taken["Body"]))
            self.attributes.append(taken["MessageAttributes"])

    def told(self, cluster: str, since: datetime) -> list[tuple[str, str, str]]:
        """Return (change, check, subject) of what was told about a cluster by audits since, refreshes left out."""
        self.look()
        return [
            (told["change"], told["finding"]["check_id"], told["finding"]["subject"]["name"])
            for message in self.messages
            if message["type"] == "transitions"
            and message["cluster"]["name"] == cluster
            and datetime.fromisoformat(message["taken_at"]) > since
            for told in message["transitions"]
            if told["change"] != "refreshed"
        ]


class Channel:
    """What Slack shows people from some moment on."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._seen = len(stage.slack.shown)

    def new(self) -> list[Shown]:
        """Return what is shown since the last time."""
        shown = self._stage.slack.shown[self._seen :]
        self._seen += len(shown)
        return shown


def headline(shown: Shown) -> str:
    """Return the headline of a message in Slack."""
    text: str = shown.blocks[0]["text"]["text"]
    return text


def commands(shown: Shown) -> list[str]:
    """Return what a message in Slack gives to copy."""
    parts = [block["elements"] for block in shown.blocks if block["type"] == "rich_text"]
    return [text["text"] for elements in parts for element in elements for text in element["elements"]]


def links(shown: Shown) -> set[str]:
    """Return the addresses that a message in Slack links to."""
    return {link for text in written(shown.blocks) for link in re.findall(r"<(https://[^|>]+)\|", text)}


def written(node: Any) -> list[str]:  # noqa: ANN401  any part of a message's blocks
    """Return every text in a message's blocks, as it was written."""
    if isinstance(node, dict):
        return [
            text
            for name, value in node.items()
            for text in ([value] if name == "text" and isinstance(value, str) else written(value))
        ]
    return [text for each in node for text in written(each)] if isinstance(node, (list, tuple)) else []


@dataclass(frozen=True)
class FirstPass:
    """What there was to see after the very first sweep."""

    findings: list[dict[str, Any]]
    ledger: list[dict[str, Any]]
    messages: list[Message]
    attributes: list[Message]
    slack: list[Shown]


def arn(cluster: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:eks:{region}:{account}:cluster/{cluster}"


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    described = yaml.safe_load((ROOT / "local_aws" / "fleet.yaml").read_text())
    clusters = described["accounts"][ACCOUNT]["regions"][REGION]["clusters"]
    clusters.update({name: {"version": "1.35", "node_groups": {"web": {}}} for name in PLAYGROUNDS})
    clusters[OWNED] = {"version": "1.35", "node_groups": {"web": {"eks_tags": {"team": TEAM}}}}
    clusters["stricken"] = {"version": "1.35", "node_groups": {"web": {"desired": 6, "max": 9}}}
    clusters.update({name: {"version": "1.36", "node_groups": groups} for name, groups in RELEASES.items()})
    clock_file = tmp_path_factory.mktemp("clock") / "now"
    with Stage(load_fleet(described, now=datetime.now(UTC)), clock_file=clock_file) as running:
        yield running
        assert running.audited.broken_answers == []


@pytest.fixture(scope="session")
def witness(stage: Stage) -> Witness:
    return Witness(stage, stage.deployment.subscribe_queue("witness"))


@pytest.fixture(scope="session")
def first_pass(stage: Stage, witness: Witness) -> FirstPass:
    stage.settle(stage.fire_sweep(), seconds=SECONDS)
    witness.look()
    return FirstPass(
        findings=[dict(found) for found in stage.hub()],
        ledger=stage.ledger(),
        messages=list(witness.messages),
        attributes=list(witness.attributes),
        slack=list(stage.slack.shown),
    )


@pytest.fixture
def audited(stage: Stage, first_pass: FirstPass) -> Stage:
    """The stage, its fleet audited once: what follows are changes."""
    assert first_pass.ledger
    return stage


@pytest.fixture
def channel(audited: Stage) -> Channel:
    """What Slack shows from now on, once nothing of before is on its way."""
    eventually(lambda: not audited.deployment.queue_depths()["SlackQueue"], "something still waits for Slack")
    return Channel(audited)


def eventually[Found](look: Callable[[], Found], otherwise: str) -> Found:
    """Wait until there is something, and return it; fail with these words if there never is."""
    deadline = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.5)
    return found


def taken(stage: Stage, url: str) -> list[str]:
    """Take what waits in a queue, once something does."""
    messages = eventually(lambda: stage.deployment.take_messages(url), f"nothing arrived in {url}")
    return [message["Body"] for message in messages]


@contextmanager
def held_back(stage: Stage, function: str) -> Iterator[None]:
    """Let nothing come to a function, by its output, from its queue or stream; afterwards it goes on where it was."""
    functions = stage.deployment.client("lambda")
    [mapping] = functions.list_event_source_mappings(FunctionName=stage.outputs[function])["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def audit(stage: Stage, *clusters: str) -> datetime:
    """Ask for an audit of clusters by an event, wait until it has had all its consequences, and return when."""
    asked = stage.request_audit(*map(arn, clusters))
    stage.settle(asked, seconds=SECONDS, clusters=[arn(cluster) for cluster in clusters])
    return asked


HOUR = timedelta(hours=1)
