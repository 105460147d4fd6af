import json
import re
from dataclasses import replace
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
from tests.plan.releasing import NEW, OLDER, Clusters, cluster, messages, notice, request, rollback, runs
from tests.sinks.fakes import FakeSns, size_of

ARN = "arn:aws:sns:eu-west-1:111122223333:topic"


def message(of: ReleaseRequest | None = None, clusters: Clusters | None = None) -> ReleaseMessage:
    return messages(of, clusters)[0]


def published(text: str) -> dict[str, Any]:
    sns = FakeSns()
    Topic(sns, ARN).publish(text)  # type: ignore[arg-type]  # a fake of the one call
    (sent,) = sns.published
    return sent


def test_a_notice_as_a_person_gets_it() -> None:
    capacities = (
        runs(),
        runs("batch", OLDER, days_ago(9), kind="self-managed"),
        runs("late", OLDER, days_ago(30), kind="karpenter"),
        runs("blind", OLDER),
        runs("odd", None),
        runs("new", NEW),
    )
    told = message(clusters={CLUSTER_ID: capacities, cluster(1): (runs("new", NEW),)})
    assert letter(told) == (
        "AWS recommends another EKS node image in eu-west-1: al2023 (standard, x86_64) for Kubernetes 1.35\n"
        "  now     20261123 (ami-0000000000000002e), since 2026-11-23 11:40 UTC\n"
        "  before  20261110 (ami-0000000000000001d)\n"
        "\n"
        "Clusters that run this image: 2. The release supersedes 5 capacities.\n"
        "No finding is open because of it. The first one would open (AMI001; AMI005 for an image of your own):\n"
        "\n"
        "Cluster shop, account 111122223333\n"
        "  karpenter late: runs 20261019; a finding was due to open on 2026-11-07 12:00 UTC\n"
        "  self-managed batch: runs 20261019; a finding would open on 2026-11-28 12:00 UTC\n"
        "  managed web: runs 20261110; a finding would open on 2026-12-07 11:40 UTC\n"
        "  managed blind: runs 20261019, which was superseded before; the audit that follows says since when\n"
        "  managed odd: its release cannot be read\n"
        "\n"
        "To update\n"
        "  managed: aws eks update-nodegroup-version --region eu-west-1 --cluster-name CLUSTER --nodegroup-name NAME"
        " --kubernetes-version 1.35\n"
        "  managed, where its launch template names the image: put ami-0000000000000002e into a new version of the"
        " launch template, and give --launch-template name=TEMPLATE,version=NEW_VERSION instead of"
        " --kubernetes-version\n"
        "  self-managed: put ami-0000000000000002e into a new version of the launch template, and replace the nodes by"
        " an instance refresh\n"
        "  karpenter: raise the version that the amiSelectorTerms of the pool's node class are pinned to; where they"
        " say latest, its nodes drift to it by themselves\n"
    )
    assert subject(told) == "eks-auditor: 5 capacities superseded by al2023/standard/x86_64/1.35 20261123 (eu-west-1)"


def test_no_day_is_told_where_the_policy_switches_the_check_off() -> None:
    told = letter(message(clusters={CLUSTER_ID: (runs(off=True),)}))
    assert "managed web: runs 20261110; no finding opens, for the policy switches its check off\n" in told


def test_what_runs_an_image_of_its_own_is_to_build_it_anew() -> None:
    """EKS refuses to update a node group with an image of its own to a Kubernetes version."""
    own = tuple(runs("golden", kind=kind, own_image=True) for kind in ("managed", "self-managed", "karpenter"))
    assert letter(message(clusters={CLUSTER_ID: own})).endswith(
        "\n"
        "\n"
        "To update\n"
        "  an image of your own: build it anew on ami-0000000000000002e, then put it into a new version of the launch"
        " template, or let the amiSelectorTerms of the pool's node class select it\n"
    )


def test_a_rollback_as_a_person_gets_it() -> None:
    told = message(rollback(), {CLUSTER_ID: (runs("quick", NEW), runs("web"))})
    assert letter(told) == (
        "AWS recommends another EKS node image in eu-west-1: al2023 (standard, x86_64) for Kubernetes 1.35\n"
        "  now     20261110 (ami-0000000000000001d), since 2026-11-23 11:40 UTC\n"
        "  before  20261123 (ami-0000000000000002e)\n"
        "\n"
        "It took 20261123 back. Nothing is due: no finding opens for what only 20261123 had superseded.\n"
        "What runs a release that was taken back: 1 capacity. That is no finding either.\n"
        "\n"
        "Cluster shop, account 111122223333\n"
        "  managed quick: runs 20261123\n"
    )
    assert subject(told) == "eks-auditor: AWS took back al2023/standard/x86_64/1.35 20261123 (eu-west-1)"


def test_a_release_that_supersedes_nobody_asks_for_nothing() -> None:
    text = letter(message(clusters={CLUSTER_ID: (runs(version=NEW),)}))
    assert text.endswith("Clusters that run this image: 1, none of them an older release. There is nothing to do.\n")


def test_one_capacity_is_one() -> None:
    assert "1 capacity superseded by" in subject(message())
    assert "supersedes 1 capacity." in letter(message())


@pytest.mark.parametrize(("shown", "spelt_out"), [(20, 20), (5, 5), (0, 0)])
def test_the_rest_is_counted_whichever_part_holds_it(shown: int, spelt_out: int) -> None:
    clusters = {cluster(number): tuple(runs(f"web-{each}") for each in range(3)) for number in range(900)}
    parts = messages(clusters=clusters)
    assert len(parts) > 1
    lines = letter(parts[0], shown).splitlines()
    assert sum(line.startswith("  managed web") for line in lines) == spelt_out
    assert f"… and {2_700 - spelt_out} more: the topic's other subscribers have them all." in lines
    assert "2700 capacities" in subject(parts[0])


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
