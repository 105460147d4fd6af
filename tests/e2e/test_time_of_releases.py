"""AWS releases node images, and time passes. These tests move the clock by weeks, so they come after all others."""

import json
import time
from datetime import datetime, timedelta
from typing import Any

import jsonschema
import pytest

from eks_auditor.ledger.table import DUE_WINDOW
from local_aws.building import ROOT
from local_aws.stage import Stage
from tests.e2e.conftest import SECONDS, Message, Witness, arn, audit

pytestmark = pytest.mark.e2e

DAY = timedelta(days=1)
FRESH: dict[str, Any] = {"ami_types": ["AL2023_x86_64_STANDARD"], "kubernetes": ["1.36"]}
WAVERING: dict[str, Any] = {"ami_types": ["AL2023_x86_64_NVIDIA"], "kubernetes": ["1.36"]}


def instant(stage: Stage) -> datetime:
    """Return the stage's time as AWS dates the move of a parameter: by milliseconds."""
    now = stage.clock()
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def notices(witness: Witness, since: datetime, region: str = "eu-west-1") -> list[Message]:
    """Return the release notices on a Region since an instant."""
    witness.look()
    return [
        message
        for message in witness.messages
        if message["type"] == "release"
        and message["release"]["region"] == region
        and datetime.fromisoformat(message["release"]["published_at"]) >= since
    ]


def wait_for_notice(witness: Witness, since: datetime) -> Message:
    deadline = time.monotonic() + SECONDS
    while not (found := notices(witness, since)):
        assert time.monotonic() < deadline, "no notice came"
        time.sleep(0.5)
    [notice] = found
    return notice


def pass_time(stage: Stage, until: datetime) -> None:
    """Let time pass in steps of less than a day; the schedule of what is due fires after each, and no sweep does."""
    while (now := stage.clock()) < until:
        stage.advance(min(DUE_WINDOW / 2, until - now))
        asked = stage.fire("DueScheduleName")
        due = [
            found["cluster"]
            for found in stage.ledger()
            if found["item"] == "HEAD"
            and found.get("head")
            and asked - DUE_WINDOW < datetime.fromisoformat(found["due_at"]) <= asked
        ]
        stage.settle(asked, seconds=SECONDS, clusters=due)


@pytest.fixture(scope="module")
def watched(stage: Stage) -> Stage:
    """The stage, its Regions' releases seen once: the first look announces nothing."""
    stage.poll_releases(seconds=SECONDS)
    return stage


def test_the_first_look_at_the_releases_records_them_and_announces_nothing(watched: Stage, witness: Witness) -> None:
    pointers = [found for found in watched.ledger() if found["item"].startswith("POINTER#")]
    assert {found["cluster"] for found in pointers} == {"pointers/aws/eu-west-1", "pointers/aws/us-east-1"}
    assert "POINTER#al2023/standard/x86_64/1.36" in {found["item"] for found in pointers}
    witness.look()
    assert [message for message in witness.messages if message["type"] == "release"] == []


def test_a_release_from_its_day_to_its_first_rung(audited: Stage, watched: Stage, witness: Witness) -> None:
    audit(audited, "fresh", "wavering")  # warm functions that have read today's releases
    released_at = instant(audited)
    audited.audited.publish_release(**FRESH, at=released_at)
    audited.audited.calls.clear()
    watched.poll_releases(seconds=SECONDS)

    notice = wait_for_notice(witness, released_at)
    schema = json.loads((ROOT / "docs/schemas/release-notice-1.json").read_text())
    jsonschema.validate(notice, schema)
    superseded = {
        (entry["cluster"]["name"], capacity["name"]): capacity
        for entry in notice["clusters"]
        for capacity in entry["capacities"]
    }
    assert set(superseded) == {("fresh", "web"), ("fresh", "api")}
    first_rung = {datetime.fromisoformat(capacity["first_rung_at"]) for capacity in superseded.values()}
    assert first_rung == {released_at + 14 * DAY}

    audited.settle(released_at, seconds=SECONDS, clusters=[arn("fresh")])
    assert audited.audited.clusters_read == {"fresh"}
    assert witness.told("fresh", released_at) == []
    # The warm functions judged it by the new catalogue: what falls due is the day of the first rung.
    [head] = [found for found in audited.ledger() if found["cluster"] == arn("fresh") and found["item"] == "HEAD"]
    assert datetime.fromisoformat(head["due_at"]) == released_at + 14 * DAY

    watched.poll_releases(seconds=SECONDS)
    pass_time(audited, released_at + 14 * DAY - timedelta(minutes=5))
    assert witness.told("fresh", released_at) == []
    pass_time(audited, released_at + 14 * DAY + timedelta(minutes=5))
    assert sorted(witness.told("fresh", released_at)) == [("opened", "AMI001", "api"), ("opened", "AMI001", "web")]
    findings = [found for found in audited.hub() if "/fresh/AMI001/" in found["Id"]]
    assert {found["Severity"]["Label"] for found in findings} == {"LOW"}
    assert len(notices(witness, released_at)) == 1


def test_a_release_that_is_taken_back_opens_nothing_ever(audited: Stage, watched: Stage, witness: Witness) -> None:
    released_at = instant(audited)
    audited.audited.publish_release(**WAVERING, at=released_at)
    watched.poll_releases(seconds=SECONDS)
    wait_for_notice(witness, released_at)
    pass_time(audited, released_at + 10 * DAY)

    rolled_back_at = instant(audited)
    audited.audited.roll_back(**WAVERING, at=rolled_back_at)
    watched.poll_releases(seconds=SECONDS)
    notice = wait_for_notice(witness, rolled_back_at)
    assert notice["release"]["rollback"]
    audited.settle(rolled_back_at, seconds=SECONDS, clusters=[arn("wavering")])
    pass_time(audited, released_at + 20 * DAY)
    sweep = audited.fire_sweep()
    audited.settle(sweep, seconds=SECONDS)
    assert witness.told("wavering", released_at) == []
