"""Whole reports on the shipped fleet, as the command line prints them."""

from pathlib import Path

import pytest

from local_aws import AuditedAws
from tests.cli.conftest import ACCOUNT, OTHER_ACCOUNT, Command
from tests.golden.compare import matches

HERE = Path(__file__).parent


REPORTS = {
    "fleet.txt": (ACCOUNT, "--region", "all"),
    "fleet.json": (ACCOUNT, "--region", "all", "--format", "json"),
    "fleet-other-account.txt": (OTHER_ACCOUNT, "--all"),
}
STALE = "UPDATE_GOLDENS=1 pytest tests/golden writes it anew; read what has changed"


@pytest.mark.parametrize("file", REPORTS)
def test_the_shipped_fleet(command: Command, aws: AuditedAws, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    account, *options = REPORTS[file]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    result = command("audit", *options)
    assert (result.code, result.err) == (0, "")
    assert matches(result.out, HERE / file), STALE
    assert aws.broken_answers == []


def test_a_denied_read_says_unknown_and_which_permission(command: Command, aws: AuditedAws) -> None:
    aws.fail("ec2", "DescribeImages", "UnauthorizedOperation", "You are not authorized to perform this operation.")
    result = command("audit", "--cluster", "legacy")
    assert result.code == 0
    assert matches(result.out, HERE / "denied.txt"), STALE
