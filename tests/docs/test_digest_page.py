import json
import re

import pytest

from eks_auditor.findings.digest import DUE, DUE_WITHIN, FRESH_WITHIN, TEAMS, WORST
from eks_auditor.ledger.digests import KEPT, TREND
from eks_auditor.sinks.digest_wording import OVERDUE
from eks_auditor.wiring.send_digest import APART
from tests.docs.aws_cli import parse
from tests.docs.pages import ROOT, blocks, named_outputs, recorded, rows, text
from tests.template.cloudformation import load

PAGE = "docs/digest.md"
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "digest-1.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    return recorded("\n".join(blocks(PAGE)), tmp_path_factory.mktemp("calls"))


def test_every_command_exists(calls: list[list[str]]) -> None:
    commands = [parse(arguments) for program, *arguments in calls if program == "aws"]
    named = {f"{command.service} {command.operation}" for command in commands}
    assert named == {"cloudformation describe-stacks", "sns subscribe", "lambda invoke"}


def test_every_output_exists(calls: list[list[str]]) -> None:
    assert named_outputs(calls) == {"DigestTopicArn", "SendDigestFunction"}
    assert named_outputs(calls) <= load()["Outputs"].keys()


def test_every_parameter_exists() -> None:
    named = {re.findall(r"`([A-Za-z]+)`", cells[0])[0] for cells in rows(PAGE, "parameter")}
    assert named == {"Digest", "DigestHour", "DigestEmail"}
    assert named <= load()["Parameters"].keys()


def test_every_number_is_defined() -> None:
    defined = set(re.findall(r"(?m)^\| `([a-z_]+)[`.]", text(PAGE)))
    numbers = SCHEMA["properties"].keys() - {"schema_version", "type", "period", "at", "since", "more_due"}
    assert defined == numbers


def test_the_limits_are_those_of_the_code() -> None:
    page = " ".join(text(PAGE).split())
    assert f"within {DUE_WITHIN.days} days" in page
    assert f"superseded less than {FRESH_WITHIN.days} days ago" in page
    assert f"At most {TEAMS} teams" in page
    assert f"names at most {WORST}" in page
    assert f"At most {DUE} entries" in page
    assert f"at most {TREND}. " in page
    assert f"for {KEPT.days} days" in page
    assert OVERDUE.days == 2
    assert "two days or more" in page
    assert f"within {APART.seconds // 3600} hours" in page
