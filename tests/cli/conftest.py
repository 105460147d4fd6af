"""The command line, run in this process against the local AWS."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from eks_auditor.cli.app import run
from local_aws import AuditedAws, load_fleet
from tests.builders import NOW

ACCOUNT = "111111111111"
OTHER_ACCOUNT = "222222222222"


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str


type Command = Callable[..., Result]


def described(aws: AuditedAws, *regions: str) -> list[str]:
    """The clusters that the fleet has in Regions of the first account, in the order of reports."""
    return [name for region in sorted(regions) for name in sorted(aws.region(ACCOUNT, region).clusters)]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Runs ``eks-auditor`` with nothing of this machine's AWS configuration."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def eks_auditor(*arguments: str) -> Result:
        code = run(arguments, clock=lambda: NOW)
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return eks_auditor


@pytest.fixture
def aws(command: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[AuditedAws]:
    """The shipped fleet, with the environment of somebody of its first account in eu-west-1."""
    del command  # whose environment comes first
    with AuditedAws(load_fleet(now=NOW)) as audited:
        for name, value in audited.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        # One try: what fails here is meant to.
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        yield audited
