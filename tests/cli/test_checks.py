"""``eks-auditor checks`` and ``--version``."""

import json

import pytest

import eks_auditor
from eks_auditor.check import Check
from eks_auditor.checks import CATALOGUE
from tests.cli.conftest import Command

IDS = [check.id for check in CATALOGUE]


def test_every_check_is_a_line(command: Command) -> None:
    result = command("checks")
    assert (result.code, result.err) == (0, "")
    assert [line.split()[0] for line in result.out.splitlines()] == IDS


@pytest.mark.parametrize("check", CATALOGUE, ids=IDS)
def test_a_check_is_shown_whole(command: Command, check: Check) -> None:
    text = " ".join(command("checks", check.id).out.split())
    for part in (check.title, check.severity.name, check.what, check.why, check.docs, check.owner.value):
        assert part in text
    assert all(fix.template.replace("!s}", "}") in text for fix in check.fixes)
    assert ("reports of the command line only" in text) == check.reports_only


def test_the_catalogue_as_json(command: Command) -> None:
    listed = json.loads(command("checks", "--format", "json").out)
    assert [check["id"] for check in listed] == IDS
    assert json.loads(command("checks", "cas003", "--format", "json").out) in listed
    assert set(listed[0]) == {"id", "title", "severity", "owner", "what", "why", "fix", "docs"}


def test_an_unknown_check_names_the_nearest(command: Command) -> None:
    result = command("checks", "CAS33")
    assert (result.code, result.out) == (2, "")
    assert "the nearest is CAS003" in result.err


def test_the_version(command: Command) -> None:
    assert command("--version").out == f"eks-auditor {eks_auditor.__version__}\n"


@pytest.mark.parametrize("name", [(), ("audit",), ("snapshot",), ("checks",), ("retire",)])
def test_help_is_plain(command: Command, name: tuple[str, ...]) -> None:
    result = command(*name, "--help")
    assert result.code == 0
    assert result.out.startswith("Usage: eks-auditor")
    assert result.out.isascii()
