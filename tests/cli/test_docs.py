"""The documentation of the command line is that of the program."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import typer.main

from eks_auditor.cli.app import app

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "command-line.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)$\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # it is a group


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented_and_no_other(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("--")}
    if name == "checks":
        assert options <= set(re.findall(r"--[a-z-]+", SECTIONS[name]))
    else:
        assert set(re.findall(r"^\| `(--[a-z-]+)", SECTIONS[name], re.MULTILINE)) == options


def test_every_example_is_a_command_with_its_options() -> None:
    examples = re.findall(r"^eks-auditor (\w+)(.*)$", TEXT, re.MULTILINE)
    assert len(examples) >= len(COMMANDS)
    for name, rest in examples:
        options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert set(re.findall(r"(?<= )--[a-z-]+", rest.partition("#")[0])) <= options


def test_the_documented_report_follows_the_schema() -> None:
    [example] = re.findall(r"```json\n(.*?)```", (DOCS / "report.md").read_text(), re.DOTALL)
    jsonschema.validate(json.loads(example), json.loads((DOCS / "schemas" / "report-1.json").read_text()))


def test_the_documents_name_files_that_exist() -> None:
    for page in ("command-line.md", "report.md"):
        links = re.findall(r"\]\(([a-z0-9./-]+)\)", (DOCS / page).read_text())
        assert links
        assert [link for link in links if not (DOCS / link).exists()] == []
