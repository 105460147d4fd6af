"""AMI001: how long a release has been superseded."""

from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.checks.ami import release_superseded
from eks_auditor.model.capacity import ManagedNodeGroup, NodePool, SelfManagedGroup
from eks_auditor.model.finding import Finding
from eks_auditor.model.release import Image, Pointer, PointerMove
from eks_auditor.model.verdict import Owner, Severity, Status
from tests.builders import (
    LINE,
    NOW,
    days_ago,
    gap,
    history,
    image,
    image_id,
    launch,
    managed,
    node,
    node_pool,
    release,
    release_version,
    self_managed,
    version,
)
from tests.checks.judged import commands, finding

OURS = 100.0
"""The age of the release in use, where a test has one superseded."""


def judged(capacity: Any, *ages: float, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    """Judge a capacity where releases of these ages exist, the last one recommended."""
    images: dict[str, Any] = {image_id(version(age)): image(version(age)) for age in (OURS, *ages, 5.0)}
    return finding(
        release_superseded, capacity, **{"releases": {str(LINE): history(*ages)}, "images": images} | deviations
    )


def late(age: float = OURS, **deviations: Any) -> ManagedNodeGroup:  # noqa: ANN401  any field of it
    return managed(release_version=release_version(age), **deviations)


def batch(*ages: float) -> SelfManagedGroup:
    """A self-managed group that would launch the images of releases of these ages."""
    return self_managed(group={"launch": launch(image_ids=tuple(image_id(version(age)) for age in ages))})


def pool(*nodes: tuple[float, float], **deviations: Any) -> NodePool:  # noqa: ANN401  any field of it
    """A Karpenter pool: for each node the age of its release and of itself."""
    running = (node(i, image_id=image_id(version(age)), launched_at=days_ago(up)) for i, (age, up) in enumerate(nodes))
    return node_pool(nodes=tuple(running), **deviations)


MOMENT = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("superseded", "status", "severity", "due"),
    [
        (timedelta(days=0), Status.PASSED, None, 14),
        (timedelta(days=14) - MOMENT, Status.PASSED, None, 14),
        (timedelta(days=14), Status.FAILED, Severity.LOW, 30),
        (timedelta(days=30) - MOMENT, Status.FAILED, Severity.LOW, 30),
        (timedelta(days=30), Status.FAILED, Severity.MEDIUM, 60),
        (timedelta(days=60) - MOMENT, Status.FAILED, Severity.MEDIUM, 60),
        (timedelta(days=60), Status.FAILED, Severity.HIGH, None),
        (timedelta(days=400), Status.FAILED, Severity.HIGH, None),
    ],
)
def test_each_rung_begins_on_time(
    superseded: timedelta, status: Status, severity: Severity | None, due: int | None
) -> None:
    since = NOW - superseded
    newer = release(OURS - 1, published_at=since)

    found = judged(late(), releases={str(LINE): history(recommended=newer, releases=(release(OURS), newer))})

    assert found.status is status
    assert severity is None or found.severity is severity
    assert found.due_at == (None if due is None else since + timedelta(days=due))


def test_the_recommended_release_passes_however_old_it_is() -> None:
    found = judged(managed(release_version=release_version(50)), 90, 50)

    assert found.status is Status.PASSED
    assert found.due_at is None
    assert "is the recommended release" in found.reason


def test_a_release_newer_than_the_recommended_one_passes() -> None:
    rolled_back = history(90, 50, 20, recommended=release(90))

    found = judged(managed(release_version=release_version(20)), releases={str(LINE): rolled_back})

    assert found.status is Status.PASSED
    assert "is newer than the recommended release" in found.reason


def test_a_release_superseded_yesterday_is_within_the_grace() -> None:
    found = judged(managed(release_version=release_version(200)), 200, 1)

    assert found.status is Status.PASSED
    assert "superseded 1 day ago" in found.reason
    assert "within the grace of 14 days" in found.reason


def test_a_move_that_a_clock_ahead_of_ours_dates_was_0_days_ago() -> None:
    ahead = release(0, published_at=NOW + timedelta(minutes=5))
    of = history(recommended=ahead, releases=(release(40), ahead))

    found = finding(release_superseded, late(40), releases={str(LINE): of})

    assert (found.status, found.evidence["superseded_days"]) == (Status.PASSED, 0)
    assert "superseded 0 days ago" in found.reason


def test_the_first_newer_release_counts() -> None:
    found = judged(late(), OURS, 40, 20, 5)

    assert found.severity is Severity.MEDIUM
    assert found.evidence["superseded_days"] == 40
    assert found.evidence["superseded_by"] == version(40)
    assert found.evidence["newer_releases"] == 3
    assert found.evidence["recommended"] == version(5)
    assert found.evidence["known_by"] == "its image was created in this Region"
    assert found.reason == (
        f"release {release_version(OURS)} was superseded 40 days ago by {version(40)} ({days_ago(40):%Y-%m-%d}: its "
        f"image was created in this Region), the first of 3 newer releases up to the recommended {version(5)}"
    )


def test_the_only_newer_release_is_the_recommended_one() -> None:
    found = judged(late(), OURS, 40)

    assert found.reason == (
        f"release {release_version(OURS)} was superseded 40 days ago by {version(40)} ({days_ago(40):%Y-%m-%d}: its "
        "image was created in this Region), the recommended release"
    )


def test_a_recommendation_that_was_seen_to_move_is_the_best_evidence() -> None:
    moves = (
        PointerMove(version=version(OURS), image_id=image_id(version(OURS)), at=None),
        PointerMove(version=version(40), image_id=image_id(version(40)), at=days_ago(33)),
    )
    watched = Pointer(line=LINE, watched_since=days_ago(90), moves=moves)

    found = judged(late(), releases={str(LINE): history(OURS, 40, pointer=watched)})

    assert "superseded 33 days ago" in found.reason
    assert f"({days_ago(33):%Y-%m-%d}: the recommendation was seen to move to it)" in found.reason
    assert found.evidence["superseded_since"] == days_ago(33).isoformat()
    assert found.due_at == days_ago(33) + timedelta(days=60)


def test_a_recommendation_taken_back_opens_nothing() -> None:
    moves = tuple(
        PointerMove(version=version(age), image_id=image_id(version(age)), at=at)
        for age, at in ((OURS, None), (40, days_ago(33)), (OURS, days_ago(23)))
    )
    watched = Pointer(line=LINE, watched_since=days_ago(90), moves=moves)
    rolled_back = history(OURS, 40, recommended=release(OURS), pointer=watched)

    found = judged(late(), releases={str(LINE): rolled_back})

    assert (found.status, found.due_at) == (Status.PASSED, None)


def test_what_aws_withdrew_is_dated_by_the_shipped_table() -> None:
    old = managed(release_version="1.35.2-20260116")

    found = judged(old, releases={str(LINE): history(100, 5)})

    assert found.severity is Severity.HIGH
    assert "by 20260120 (2026-01-20: AWS's changelog dates it), the first of " in found.reason
    assert found.evidence["at_least"] is False


def test_a_history_that_begins_later_says_at_least() -> None:
    found = judged(late(), 40, 5)

    assert found.status is Status.FAILED
    assert "superseded at least 40 days ago" in found.reason
    assert found.evidence["at_least"] is True


def test_a_lower_bound_within_the_grace_proves_nothing() -> None:
    found = judged(late(), 5)

    assert found.status is Status.UNKNOWN
    assert "at least 5 days ago" in found.reason
    assert found.due_at == days_ago(5) + timedelta(days=14)


def test_it_is_judged_at_the_groups_own_minor() -> None:
    old = "al2023/standard/x86_64/1.33"

    found = judged(
        managed(version="1.33", release_version=f"1.33.5-{version(90)}"),
        releases={str(LINE): history(), old: history(90, 61)},
    )

    assert found.severity is Severity.HIGH
    assert found.evidence["line"] == old


def test_it_is_judged_while_the_group_updates() -> None:
    assert judged(late(status="UPDATING"), OURS, 40).status is Status.FAILED


def test_an_ami_type_that_nobody_knows_is_unknown_and_named() -> None:
    found = judged(managed(ami_type="AL2029_x86_64_STANDARD"))

    assert found.status is Status.UNKNOWN
    assert "AL2029_x86_64_STANDARD" in found.reason


@pytest.mark.parametrize(
    ("capacity", "deviations", "told"),
    [
        (managed(version=None), {}, "names no Kubernetes version"),
        (managed(release_version="ami-1"), {}, "release ami-1: is spelt unlike"),
        (managed(release_version=None), {}, "release None: is spelt unlike"),
        (managed(), {"releases": {str(LINE): gap("ssm:GetParameters", "p", "ThrottlingException")}}, "Throttling"),
        (managed(), {"releases": {}}, "the release line was not read"),
        (managed(), {"releases": {str(LINE): history(recommended=release(version="v1"))}}, "'v1' is not spelt like"),
        (managed(ami_type="CUSTOM", groups=gap("autoscaling:DescribeAutoScalingGroups")), {}, "UnauthorizedOperation"),
        (
            self_managed(group={"launch": gap("ec2:DescribeLaunchTemplateVersions")}),
            {},
            "DescribeLaunchTemplateVersions",
        ),
        (self_managed(), {"images": {image_id(version()): gap()}}, "ec2:DescribeImages on ami-1"),
        (self_managed(), {"images": {}}, "the image was not read"),
        (node_pool(), {"images": {}}, "the image was not read"),
    ],
)
def test_what_cannot_be_read_is_unknown(capacity: Any, deviations: dict[str, Any], told: str) -> None:  # noqa: ANN401  any capacity
    found = judged(capacity, **deviations)

    assert found.status is Status.UNKNOWN
    assert told in found.reason


def test_nothing_recommended_any_more_is_for_ami003_to_say() -> None:
    found = judged(late(), releases={str(LINE): history(recommended=None)})

    assert found.status is Status.NOT_APPLICABLE
    assert "recommends no release" in found.reason


def test_the_worst_configured_image_of_a_self_managed_group_counts() -> None:
    found = judged(batch(5, OURS), OURS, 70, 5)

    assert found.severity is Severity.HIGH
    assert found.evidence["image"] == image_id(version(OURS))
    assert found.reason.endswith("(the worst of 2 images)")


def test_a_group_at_the_recommended_image_passes() -> None:
    assert judged(batch(5), OURS, 70, 5).status is Status.PASSED


OWN = image("20261001", owner_alias=None, owner_id="111122223333")


@pytest.mark.parametrize(
    ("foreign"), [OWN, image("20261001", name="al2023-ami-2023.9.2026"), image("20261001", name="bottlerocket")]
)
@pytest.mark.parametrize("build", [self_managed, lambda **deviations: managed(ami_type="CUSTOM", **deviations)])
def test_an_image_of_ones_own_has_no_release(foreign: Image, build: Any) -> None:  # noqa: ANN401  a builder
    found = judged(build(group={"launch": launch(image_ids=(foreign.id,))}), images={foreign.id: foreign})

    assert found.status is Status.NOT_APPLICABLE
    assert f"{foreign.id} ({foreign.name})" in found.reason


def test_a_custom_group_that_names_an_image_of_eks_is_judged() -> None:
    group = {"launch": launch(image_ids=(image_id(version(OURS)),))}

    found = judged(
        managed(ami_type="CUSTOM", version=None, release_version=image_id(version(OURS)), group=group), OURS, 70
    )

    assert found.severity is Severity.HIGH
    assert ["--launch-template" in text for text in commands(found)] == [True]
    assert not commands(found, "eksctl")


def test_a_group_that_has_nothing_to_launch_from_yet_is_not_judged() -> None:
    assert judged(managed(ami_type="CUSTOM", groups=())).status is Status.NOT_APPLICABLE


def test_the_fix_of_a_managed_group_asks_for_its_own_minor() -> None:
    found = judged(late(), OURS, 40)

    update = "aws eks update-nodegroup-version --region eu-west-1 --cluster-name shop --nodegroup-name web"
    assert commands(found) == [f"{update} --kubernetes-version 1.35"]
    assert commands(found, "eksctl") == [
        "eksctl upgrade nodegroup --region eu-west-1 --cluster shop --name web --kubernetes-version 1.35"
    ]


def test_the_fix_of_a_self_managed_group_offers_both_ways() -> None:
    found = judged(batch(OURS), OURS, 40)

    ways = commands(found, "guide")
    assert [way.split(":")[0] for way in ways] == ["migrate", "in place"]
    assert "aws autoscaling start-instance-refresh --region eu-west-1 --auto-scaling-group-name batch" in commands(
        found
    )


def test_the_worst_settled_node_of_a_pool_counts() -> None:
    found = judged(pool((OURS, 50), (OURS, 8), (70, 8), (5, 20), (OURS, 1)), OURS, 70, 5)

    assert found.severity is Severity.HIGH
    assert found.evidence["nodes"] == 3
    assert found.evidence["releases"] == f"{version(OURS)}: 2, {version(70)}: 1"
    assert "3 of the 4 nodes launched more than 7 days ago" in found.reason
    assert "is not visible" in found.reason


def test_a_pools_young_nodes_are_judged_when_they_come_of_age() -> None:
    found = judged(pool((OURS, 6), (OURS, 2), (5, 1)), OURS, 70, 5)

    assert found.status is Status.PASSED
    assert found.due_at == days_ago(6) + timedelta(days=7)


def test_a_node_comes_of_age_on_time() -> None:
    assert judged(pool((OURS, 7)), OURS, 70).status is Status.FAILED
    assert judged(pool((OURS, 6.9999)), OURS, 70).status is Status.PASSED


def test_a_pool_at_the_recommended_release_passes_for_good() -> None:
    found = judged(pool((5, 20), (5, 1)), OURS, 5)

    assert (found.status, found.due_at) == (Status.PASSED, None)


def test_a_pool_within_the_grace_is_due_at_its_end() -> None:
    found = judged(pool((OURS, 20)), OURS, 5)

    assert (found.status, found.due_at) == (Status.PASSED, days_ago(5) + timedelta(days=14))


def test_a_pool_without_nodes_or_without_releases_is_not_judged() -> None:
    own = node_pool(nodes=(node(image_id=OWN.id),))

    assert judged(node_pool(nodes=())).status is Status.NOT_APPLICABLE
    assert judged(own, images={OWN.id: OWN}).status is Status.NOT_APPLICABLE
    gone = {str(LINE): history(recommended=None)}
    assert judged(pool((OURS, 20)), releases=gone).status is Status.NOT_APPLICABLE


def test_auto_mode_is_shared_and_not_judged() -> None:
    found = judged(pool((OURS, 20), kind="auto-mode"), OURS, 70)

    assert (found.status, found.owner) == (Status.NOT_APPLICABLE, Owner.SHARED)
