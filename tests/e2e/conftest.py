"""One deployed stack for all end-to-end tests of a run; they keep apart by cluster."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from local_aws import load_fleet
from local_aws.building import REGION, ROOT
from local_aws.deployment import ACCOUNT
from local_aws.stage import Stage

SECONDS = 90
"""How long anything may take before a test gives up on it; nothing asserts how fast it is."""

PLAYGROUNDS = ("changes", "doomed", "phoenix", "streamless", "events", "parked", "redriven")
"""Healthy clusters beside the shipped fleet, one for each group of tests that breaks something."""

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


@dataclass(frozen=True)
class FirstPass:
    """What there was to see after the very first sweep."""

    findings: list[dict[str, Any]]
    ledger: list[dict[str, Any]]
    messages: list[Message]
    attributes: list[Message]


def arn(cluster: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:eks:{region}:{account}:cluster/{cluster}"


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    described = yaml.safe_load((ROOT / "local_aws" / "fleet.yaml").read_text())
    clusters = described["accounts"][ACCOUNT]["regions"][REGION]["clusters"]
    clusters.update({name: {"version": "1.35", "node_groups": {"web": {}}} for name in PLAYGROUNDS})
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
    )


@pytest.fixture
def audited(stage: Stage, first_pass: FirstPass) -> Stage:
    """The stage, its fleet audited once: what follows are changes."""
    assert first_pass.ledger
    return stage


def audit(stage: Stage, *clusters: str) -> datetime:
    """Ask for an audit of clusters by an event, wait until it has had all its consequences, and return when."""
    asked = stage.request_audit(*map(arn, clusters))
    stage.settle(asked, seconds=SECONDS, clusters=[arn(cluster) for cluster in clusters])
    return asked


HOUR = timedelta(hours=1)
