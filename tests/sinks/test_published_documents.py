"""What is published follows the contracts that docs/messages.md names, and its attributes say what its body says."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from eks_auditor.model.finding import Exemption
from eks_auditor.model.history import Change
from eks_auditor.model.verdict import Severity
from eks_auditor.sinks.topic import Topic
from tests.builders import CLUSTER_ID, NOW
from tests.plan.releasing import notice, rollback, runs
from tests.sinks.fakes import FakeSns
from tests.sinks.transitions import bodies, finding, transition, transitions
from tests.sinks.transitions import subject as about

DOCS = Path(__file__).parents[2] / "docs"
CONTRACTS = dict(
    re.findall(r"(?m)^\| `(\w+)` \| [^|]+ \| \[`[^`]+`\]\(([^)]+)\) \|$", (DOCS / "messages.md").read_text())
)
ACCEPTED = Exemption(reason="r", owner="o", until=NOW.date(), source="policy")
OWNED = finding(about("owned"), team='R&D "é" \U0001f600')

PUBLISHED = {
    **{change.value: bodies(transition(change=change)) for change in Change},
    "worse, with a team": bodies(transition(OWNED, Change.WORSE, previous=Severity.LOW)),
    "accepted": bodies(transition(finding(exemption=ACCEPTED, team="a"), Change.EXEMPTED)),
    "baseline in parts": bodies(*transitions(120, baseline=True)),
    "policy": bodies(transition(by_policy=True)),
    "quiet": bodies(transition(OWNED, Change.EXEMPTED, quiet=True)),
    "release": [each.body for each in notice()],
    "release that nothing runs": [each.body for each in notice(clusters={CLUSTER_ID: ()})],
    "unreadable release": [each.body for each in notice(clusters={CLUSTER_ID: (runs(version=None, own_image=True),)})],
    "rollback": [each.body for each in notice(rollback())],
}


def published(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document that a queue gets, and the attributes beside it."""
    sns = FakeSns()
    Topic(sns, "arn:aws:sns:eu-west-1:111122223333:topic").publish(text)  # type: ignore[arg-type]  # a fake of the one call
    [sent] = sns.published
    document = json.loads(sent["Message"])
    if sent.get("MessageStructure") == "json":
        document = json.loads(document["default"])
    attributes = {
        name: json.loads(value["StringValue"]) if value["DataType"] == "String.Array" else value["StringValue"]
        for name, value in sent["MessageAttributes"].items()
    }
    return document, attributes


@pytest.mark.parametrize("name", PUBLISHED)
def test_it_follows_its_contract(name: str) -> None:
    for text in PUBLISHED[name]:
        document, _ = published(text)
        schema = json.loads((DOCS / CONTRACTS[document["type"]]).read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(document, schema)


@pytest.mark.parametrize("name", PUBLISHED)
def test_its_attributes_say_what_it_says(name: str) -> None:
    for text in PUBLISHED[name]:
        document, attributes = published(text)
        assert attributes["class"] == document["class"]
        if document["type"] == "release":
            assert attributes["region"] == document["release"]["region"]
            continue
        assert attributes["transition"] == sorted({each["change"] for each in document["transitions"]})
        findings = [each["finding"] for each in document["transitions"]]
        for attribute, member in (("severity", "severity"), ("check", "check_id"), ("team", "team")):
            assert attributes.get(attribute, []) == sorted({each[member] for each in findings if member in each})
        assert {name: attributes[name] for name in ("account", "region")} == {
            name: document["cluster"][name] for name in ("account", "region")
        }
        assert attributes["cluster"] == document["cluster"]["name"]


def test_a_contract_refuses_what_it_does_not_say() -> None:
    [text] = PUBLISHED["worse, with a team"]
    document, _ = published(text)
    schema = json.loads((DOCS / CONTRACTS["transitions"]).read_text())
    for team in ("", "x" * 257, None, ["a"]):
        document["transitions"][0]["finding"]["team"] = team
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, schema)


def test_every_type_has_a_contract_and_every_contract_of_a_message_is_named() -> None:
    assert CONTRACTS == {
        "transitions": "schemas/transitions-1.json",
        "release": "schemas/release-notice-1.json",
        "digest": "schemas/digest-1.json",
    }
    assert all((DOCS / file).exists() for file in CONTRACTS.values())


def test_the_examples_on_the_page_follow_the_contracts() -> None:
    examples = [
        json.loads(text) for text in re.findall(r"(?ms)^```json\n(\{\n.*?)^```$", (DOCS / "messages.md").read_text())
    ]
    assert {example["type"] for example in examples} == {"transitions", "release"}
    for example in examples:
        for each in example.get("transitions", []):
            # The page spares its readers the rest of a finding.
            each["finding"] = finding().document() | {
                key: value for key, value in each["finding"].items() if key != "…"
            }
        jsonschema.validate(example, json.loads((DOCS / CONTRACTS[example["type"]]).read_text()))
