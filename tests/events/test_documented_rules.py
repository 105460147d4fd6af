"""The rules that docs/events.md shows: read out of the page, matched against events as the watcher puts them."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from moto.events.models import EventPattern

from eks_auditor.events.releases import detail_of
from eks_auditor.events.requests import ReleaseRequest
from eks_auditor.events.sources import parse_event
from eks_auditor.releases.families import lines_of_minor
from tests.docs.aws_cli import parse
from tests.docs.pages import recorded

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "events.md").read_text()
SECTION = PAGE.partition("## Rules of your own")[2].partition("\n## ")[0]
RULES = dict(re.findall(r"(?m)^([A-Z][^\n:]+?)(?: to a | only to a )[^\n]*\n\n```json\n(.*)\n```$", SECTION))
EXAMPLE: dict[str, Any] = json.loads((ROOT / "events" / "release.json").read_text())


def event(family: str, *, rollback: bool) -> dict[str, Any]:
    release = parse_event(EXAMPLE)
    assert isinstance(release, ReleaseRequest)
    line = next(line for line in lines_of_minor("1.35") if line.family == family)
    return EXAMPLE | {"detail": detail_of(replace(release, line=line, rollback=rollback))}


FAMILIES = sorted({line.family for line in lines_of_minor("1.35")})
SAID = {(family, back): event(family, rollback=back) for family in FAMILIES for back in (False, True)}
OTHERS = [
    json.loads((ROOT / "events" / f"{name}.json").read_text())
    for name in ("audit_requested", "cluster_changed", "image_state_changed", "image_built")
]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("Every release of one family", {("al2023", False)}),
        ("Rollbacks", {said for said in SAID if said[1]}),
    ],
)
def test_a_documented_rule_lets_through_what_it_says(rule: str, expected: set[tuple[str, bool]]) -> None:
    pattern = EventPattern(None, json.loads(RULES[rule]))
    assert {said for said, each in SAID.items() if pattern.matches_event(each)} == expected  # type: ignore[arg-type]  # an event has a dozen shapes
    assert not any(pattern.matches_event(each) for each in OTHERS)


def test_there_is_no_documented_rule_but_those() -> None:
    assert len(RULES) == SECTION.count("```json") == 2


def test_the_documented_commands_exist_and_put_the_documented_rule(tmp_path: Path) -> None:
    (script,) = re.findall(r"(?ms)^```sh\n(.*?)^```$", SECTION)
    commands = [parse(arguments) for program, *arguments in recorded(script, tmp_path) if program == "aws"]
    assert [command.operation for command in commands] == ["put-rule", "put-targets"]
    pattern = json.loads(commands[0].parameters["EventPattern"])
    assert pattern == json.loads(RULES["Rollbacks"])


def test_the_documented_detail_is_the_example() -> None:
    (detail,) = re.findall(r"(?ms)^```json\n(\{\n.*?)^```$", PAGE)
    assert json.loads(detail) == EXAMPLE["detail"]


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", PAGE))
def test_the_pages_that_are_linked_exist(link: str) -> None:
    assert (ROOT / "docs" / link).is_file()
