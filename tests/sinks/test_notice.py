import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eks_auditor.events.messages import ReleaseMessage
from eks_auditor.events.requests import ReleaseRequest
from eks_auditor.model.release import ReleaseLine
from eks_auditor.sinks.notice import letter, subject
from eks_auditor.sinks.topic import LIMIT, MessageTooLargeError, Topic, publication
from tests.builders import CLUSTER_ID, days_ago
from tests.golden.compare import matches
from tests.plan.releasing import NEW, OLDER, Clusters, cluster, messages, notice, request, rollback, runs
from tests.sinks.fakes import FakeSns, size_of

MAIL = Path(__file__).parents[1] / "golden" / "mail"
ARN = "arn:aws:sns:eu-west-1:111122223333:topic"


def message(of: ReleaseRequest | None = None, clusters: Clusters | None = None) -> ReleaseMessage:
    return messages(of, clusters)[0]


def published(text: str) -> dict[str, Any]:
    sns = FakeSns()
    Topic(sns, ARN).publish(text)  # type: ignore[arg-type]  # a fake of the one call
    (sent,) = sns.published
    return sent


LATE = (
    runs(),
    runs("batch", OLDER, days_ago(9), kind="self-managed"),
    runs("late", OLDER, days_ago(30), kind="karpenter"),
    runs("blind", OLDER),
    runs("odd", None),
    runs("new", NEW),
)
OWN = tuple(runs("golden", kind=kind, own_image=True) for kind in ("managed", "self-managed", "karpenter"))
NOTICES = {
    "release": message(clusters={CLUSTER_ID: LATE, cluster(1): (runs("new", NEW),)}),
    "release-own-image": message(clusters={CLUSTER_ID: OWN}),
    "release-nothing-to-do": message(clusters={CLUSTER_ID: (runs(version=NEW),)}),
    "rollback": message(rollback(), {CLUSTER_ID: (runs("quick", NEW), runs("web"))}),
}


@pytest.mark.parametrize("name", NOTICES)
def test_a_notice_as_a_person_gets_it(name: str) -> None:
    told = NOTICES[name]
    text = f"Subject: {subject(told)}\n\n{letter(told)}"
    assert matches(text, MAIL / f"{name}.txt"), "UPDATE_GOLDENS=1 pytest tests/sinks writes it anew; read what changed"


def test_no_day_is_told_where_the_policy_switches_the_check_off() -> None:
    told = letter(message(clusters={CLUSTER_ID: (runs(off=True),)}))
    assert "managed web: runs 20261110; no finding opens, for the policy switches its check off\n" in told


def test_what_runs_an_image_of_its_own_is_to_build_it_anew() -> None:
    """EKS refuses to update a node group with an image of its own to a Kubernetes version."""
    text = letter(NOTICES["release-own-image"])
    assert "build it anew on ami-0000000000000002e" in text
    assert "aws eks update-nodegroup-version" not in text


def test_a_rollback_makes_nothing_due() -> None:
    text = letter(NOTICES["rollback"])
    assert text.startswith("AWS took al2023 20261123 back and recommends 20261110 again. Nothing is due.\n")
    assert "To update" not in text
    assert "would open" not in text


def test_one_capacity_is_one() -> None:
    assert subject(message()) == "eks-auditor: al2023 x86_64 1.35 20261123: 1 superseded"
    assert letter(message()).startswith("AWS recommends al2023 20261123 now: 1 capacity superseded.\n")


@pytest.mark.parametrize("told", NOTICES.values(), ids=NOTICES)
def test_a_notice_reads_well_on_a_phone(told: ReleaseMessage) -> None:
    lines = letter(told).splitlines()
    assert len(subject(told)) <= 60
    assert not [line for line in lines if line.startswith(" ") or "  " in line], "columns break on a narrow screen"


@pytest.mark.parametrize(("shown", "spelt_out"), [(20, 20), (5, 5), (0, 0)])
def test_the_rest_is_counted_whichever_part_holds_it(shown: int, spelt_out: int) -> None:
    clusters = {cluster(number): tuple(runs(f"web-{each}") for each in range(3)) for number in range(900)}
    parts = messages(clusters=clusters)
    assert len(parts) > 1
    lines = letter(parts[0], shown).splitlines()
    assert sum(line.startswith("- managed web") for line in lines) == spelt_out
    told = lines.index(f"… and {2_700 - spelt_out} more; this shows what each runs:")
    assert lines[told + 1] == "eks-auditor audit --region eu-west-1 --check AMI001 --check AMI005 --all"
    assert "2700 superseded" in subject(parts[0])


@pytest.mark.parametrize(
    "of",
    [
        request(line=ReleaseLine("bottlerocket", "nvidia-fips", "x86_64", "1.35"), region="ap-southeast-1"),
        request(line=ReleaseLine("windows-2022", "core\n☃", "x86_64", "1.35")),
    ],
)
def test_a_subject_line_is_what_sns_takes(of: ReleaseRequest) -> None:
    assert re.fullmatch(r"[!-~][ -~]{0,98}", subject(replace(message(), release=of, concerned=12_345)))


def test_other_peoples_text_stays_on_its_line() -> None:
    hostile = message(clusters={CLUSTER_ID: (runs("web\nCRITICAL\r\u2028x"),)})
    assert len(letter(hostile).splitlines()) == len(letter(message()).splitlines())


def test_subscribers_get_the_body_as_it_is_and_mail_a_letter() -> None:
    (part,) = notice()
    sent = published(part.body)
    both = json.loads(sent["Message"])
    assert both["default"] == part.body
    assert both["email"] == letter(message())
    assert sent["Subject"] == subject(message())
    assert {name: value["StringValue"] for name, value in sent["MessageAttributes"].items()} == {
        "transition": '["release"]',
        "class": "release",
        "audience": '["machines", "people"]',
        "region": "eu-west-1",
    }


@settings(max_examples=20, deadline=None)
@given(st.text(st.sampled_from('"\\\n\x00é☃\U0001f600x '), min_size=1, max_size=40), st.integers(1, 6))
def test_every_part_fits_the_topic(text: str, times: int) -> None:
    clusters = {cluster(number): tuple(runs(f"{each}{text * times}") for each in range(30)) for number in range(20)}
    parts = notice(clusters=clusters)
    for part in parts:
        assert size_of(published(part.body)) <= LIMIT


def test_a_body_that_cannot_fit_is_refused_with_one_sentence() -> None:
    with pytest.raises(MessageTooLargeError, match=r"release event \w+ announces .* bytes and the topic takes"):
        publication("x" * LIMIT, message())
