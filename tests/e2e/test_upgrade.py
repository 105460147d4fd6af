"""`make upgrade-test`: the last release is deployed and fills its ledger, then this checkout is deployed over it."""

import io
import os
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local_aws import deployment, load_fleet
from local_aws.building import REGION, ROOT, TOOLS, architecture, base_interpreter
from local_aws.stage import Stage
from tests.e2e.conftest import SECONDS, Witness, arn

pytestmark = pytest.mark.e2e


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S603, S607  fixed words


def last_release() -> str | None:
    """Return the newest tag that this checkout descends from; None where there is none, or no git."""
    try:
        tags = git("tag", "--merged", "HEAD", "--sort=-version:refname", "v*").decode().split()
    except (OSError, subprocess.CalledProcessError):
        return None
    return tags[0] if tags else None


RELEASE = last_release()
needs_a_release = pytest.mark.skipif(RELEASE is None, reason="there is no release to upgrade from yet")


def built(release: str, directory: Path) -> Path:
    """Build a release as it was, in a directory of its own, and return the built template."""
    with tarfile.open(fileobj=io.BytesIO(git("archive", release))) as archive:
        archive.extractall(directory, filter="data")
    arch = architecture()
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0", "ARCH": arch, "PYTHON": base_interpreter()}
    command = [f"{TOOLS}/sam/bin/sam", "build", "--region", REGION]
    done = subprocess.run(  # noqa: S603  our own tools
        [*command, "--parameter-overrides", f"Architecture={arch}"],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return directory / ".aws-sam" / "build" / "template.yaml"


@dataclass(frozen=True)
class Upgraded:
    """A stage on which the last release ran, and then this checkout."""

    stage: Stage
    witness: Witness
    upgraded_at: datetime
    checks: frozenset[str]


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    assert RELEASE is not None
    template = built(RELEASE, tmp_path_factory.mktemp("release"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(deployment, "sam_build", lambda _arch: template)
        stage = Stage(load_fleet(now=datetime.now(UTC)))
        stage.__enter__()
    try:
        witness = Witness(stage, stage.deployment.subscribe_queue("upgrade-witness"))
        stage.settle(stage.fire_sweep(), seconds=SECONDS)
        witness.look()
        assert witness.messages
        checks = {check for item in stage.ledger() if item["item"] == "HEAD" for check in item["checks"]}
        stage.deployment.sam_deploy(parameters={"Targets": ",".join(place.target() for place in stage.places)})
        stage.outputs = stage.deployment.stack_outputs()
        upgraded_at = stage.clock()
        stage.settle(stage.fire_sweep(), seconds=SECONDS)
        yield Upgraded(stage, witness, upgraded_at, frozenset(checks))
    finally:
        stage.__exit__()


@needs_a_release
def test_an_upgrade_tells_nobody_anything(upgraded: Upgraded) -> None:
    told = [
        (cluster.rpartition("/")[2], *what)
        for cluster in upgraded.stage.clusters()
        for what in upgraded.witness.told(cluster.rpartition("/")[2], upgraded.upgraded_at)
    ]
    # A check that the release did not know has its baseline now.
    assert [what for what in told if what[2] in upgraded.checks] == []


@needs_a_release
def test_an_upgrade_keeps_the_ledger(upgraded: Upgraded) -> None:
    heads = [item for item in upgraded.stage.ledger() if item["item"] == "HEAD"]
    assert {head["cluster"] for head in heads} == set(upgraded.stage.clusters())
    assert all(head["revision"] > 1 for head in heads)


@needs_a_release
def test_what_a_newer_release_wrote_is_left_alone(upgraded: Upgraded) -> None:
    """As after an upgrade that was taken back."""
    stage, cluster = upgraded.stage, arn("shop")
    stage.deployment.client("dynamodb").update_item(
        TableName=stage.outputs["LedgerTable"],
        Key={"cluster": {"S": cluster}, "item": {"S": "HEAD"}},
        UpdateExpression="SET #version = :newer",
        ExpressionAttributeNames={"#version": "schema_version"},
        ExpressionAttributeValues={":newer": {"N": "99"}},
    )
    before = [item for item in stage.ledger() if item["cluster"] == cluster]
    stage.request_audit(cluster)
    deadline = time.monotonic() + SECONDS
    while not any("has schema version 99" in str(line.get("message")) for line in stage.deployment.logs()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert [item for item in stage.ledger() if item["cluster"] == cluster] == before
