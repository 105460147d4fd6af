"""Several images in one capacity: the worst of them counts, and one that cannot be read hides none of the others."""

from itertools import permutations
from typing import Any

import pytest

from eks_auditor.check import Check
from eks_auditor.checks.ami import image_family_retired, kubelet_skew, release_superseded
from eks_auditor.model.capacity import NodePool, SelfManagedGroup
from eks_auditor.model.finding import Finding
from eks_auditor.model.release import Image, ReleaseHistory
from eks_auditor.model.verdict import Owner, Severity, Status
from eks_auditor.releases.families import classify
from tests.builders import (
    LINE,
    days_ago,
    gap,
    history,
    image,
    image_id,
    kubernetes_versions,
    launch,
    managed,
    node,
    node_pool,
    release,
    release_version,
    scaling_group,
    self_managed,
    version,
)
from tests.checks.judged import finding

OURS = 100.0
"""The age of a release superseded 80 days ago."""

LATE = history(OURS, 80, 5)
DEREGISTERED = "ami-0deregistered"


def of(name: str) -> Image:
    """An image that AWS publishes under this name."""
    return image(id=f"ami-{name}", name=name)


def group_of(*images: str) -> SelfManagedGroup:
    return self_managed(group={"launch": launch(image_ids=images)})


def pool_of(*images: str) -> NodePool:
    return node_pool(nodes=tuple(node(i, image_id=one, launched_at=days_ago(9)) for i, one in enumerate(images)))


def judged(check: Check, capacity: Any, *images: Image, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    """Judge a capacity in a Region where of all images only these can be seen."""
    unseen = gap("ec2:DescribeImages", DEREGISTERED, "InvalidAMIID.NotFound: gone")
    return finding(check, capacity, images={**{one.id: one for one in images}, DEREGISTERED: unseen}, **deviations)


# AMI003: each way to be retired, by an image of its own line, and that line's history

RETIRED: dict[str, tuple[Image, ReleaseHistory, Severity]] = {
    "a: Amazon Linux 2": (of("amazon-eks-node-1.35-v20251209"), history(), Severity.CRITICAL),
    "b: minor": (of(f"amazon-eks-node-al2023-x86_64-standard-1.30-v{version()}"), history(), Severity.CRITICAL),
    "c: left behind": (
        of(f"amazon-eks-node-al2023-arm64-standard-1.35-v{version(70)}"),
        history(70, family_newest=release(3)),
        Severity.HIGH,
    ),
    "c: paused": (
        of(f"amazon-eks-node-al2023-x86_64-nvidia-1.35-v{version(70)}"),
        history(70, family_newest=release(70)),
        Severity.INFORMATIONAL,
    ),
    "d: nothing recommended": (
        of(f"amazon-eks-node-al2023-x86_64-neuron-1.35-v{version()}"),
        history(recommended=None),
        Severity.CRITICAL,
    ),
}


def line_of(one: Image) -> str:
    release_told = classify(one)
    assert release_told is not None
    return str(release_told[0])


@pytest.mark.parametrize("ways", [*permutations(RETIRED, 1), *permutations(RETIRED, 2)], ids=" with ".join)
@pytest.mark.parametrize("build", [group_of, pool_of])
def test_the_worst_way_to_be_retired_wins(build: Any, ways: tuple[str, ...]) -> None:  # noqa: ANN401  a builder
    images = [RETIRED[way][0] for way in ways]
    releases = {line_of(RETIRED[way][0]): RETIRED[way][1] for way in ways}
    severity = max(RETIRED[way][2] for way in ways)

    found = judged(image_family_retired, build(*(one.id for one in images)), *images, releases=releases)

    assert (found.status, found.severity, found.partial) == (Status.FAILED, severity, False)
    assert found.owner is (Owner.AWS if severity is Severity.INFORMATIONAL else Owner.CUSTOMER)


@pytest.mark.parametrize(
    "stale",
    [
        history(70, family_newest=release(3)),
        history(70, family_newest=release(70)),
        history(recommended=None),
    ],
)
def test_an_unsupported_minor_wins_over_what_became_of_its_releases(stale: ReleaseHistory) -> None:
    old = managed(version="1.30", release_version=f"1.30.9-{version(70)}")

    found = finding(image_family_retired, old, releases={"al2023/standard/x86_64/1.30": stale})

    assert (found.severity, found.owner) == (Severity.CRITICAL, Owner.CUSTOMER)


def test_a_family_left_behind_is_partial_while_the_versions_are_not_read() -> None:
    group = managed(release_version=release_version(70))
    stale = {str(LINE): history(70, family_newest=release(3))}

    found = finding(image_family_retired, group, releases=stale, versions=gap("eks:DescribeClusterVersions"))

    assert (found.status, found.severity, found.partial) == (Status.FAILED, Severity.HIGH, True)


def test_an_unsupported_minor_is_told_of_an_ami_type_that_nobody_knows() -> None:
    found = finding(image_family_retired, managed(ami_type="AL2029", version="1.30"))

    assert (found.status, found.severity, found.partial) == (Status.FAILED, Severity.CRITICAL, True)


# AMI001, AMI003 and AMI004: beside an image that cannot be read

SUPERSEDED = image(version(OURS))
AL2 = of("amazon-eks-node-1.35-v20251209")
LAGGING = of(f"amazon-eks-node-al2023-x86_64-standard-1.32-v{version()}")
UNTOLD = image("20261002", name="ours", description="", owner_alias=None)

FAILING = [
    (release_superseded, SUPERSEDED, Severity.HIGH),
    (image_family_retired, AL2, Severity.CRITICAL),
    (kubelet_skew, LAGGING, Severity.HIGH),
]
every_check = pytest.mark.parametrize(("check", "failing", "severity"), FAILING, ids=[each[0].id for each in FAILING])
every_build = pytest.mark.parametrize("build", [group_of, pool_of])


@every_check
@every_build
def test_an_unreadable_image_hides_no_failure(build: Any, check: Check, failing: Image, severity: Severity) -> None:  # noqa: ANN401  a builder
    for ids in permutations((failing.id, DEREGISTERED)):
        found = judged(check, build(*ids), failing, releases={str(LINE): LATE})

        assert (found.status, found.severity, found.partial) == (Status.FAILED, severity, True)


@every_check
@every_build
def test_a_failure_among_readable_images_is_whole(build: Any, check: Check, failing: Image, severity: Severity) -> None:  # noqa: ANN401  a builder
    found = judged(check, build(failing.id, image().id), failing, image(), releases={str(LINE): LATE})

    assert (found.status, found.severity, found.partial) == (Status.FAILED, severity, False)


@every_build
@pytest.mark.parametrize("check", [each[0] for each in FAILING], ids=lambda check: check.id)
def test_nothing_passes_beside_an_unreadable_image(build: Any, check: Check) -> None:  # noqa: ANN401  a builder
    for ids in permutations((image().id, DEREGISTERED)):
        found = judged(check, build(*ids), image())

        assert (found.status, found.partial) == (Status.UNKNOWN, False)
        assert DEREGISTERED in found.reason


@pytest.mark.parametrize("check", [release_superseded, image_family_retired, kubelet_skew], ids=lambda check: check.id)
def test_an_unreadable_template_hides_no_failure_of_another_group(check: Check) -> None:
    failing, severity = next((image, severity) for known, image, severity in FAILING if known is check)
    groups = (scaling_group("a", launch=gap()), scaling_group("b", launch=launch(image_ids=(failing.id,))))
    custom = managed(ami_type="CUSTOM", groups=groups)

    found = judged(check, custom, failing, releases={str(LINE): LATE})

    assert (found.status, found.severity, found.partial) == (Status.FAILED, severity, True)


def test_a_reason_counts_the_images_that_could_not_be_read() -> None:
    group = judged(release_superseded, group_of(SUPERSEDED.id, DEREGISTERED), SUPERSEDED, releases={str(LINE): LATE})
    nodes = pool_of(SUPERSEDED.id, DEREGISTERED, DEREGISTERED)
    pool = judged(release_superseded, nodes, SUPERSEDED, releases={str(LINE): LATE})

    assert "superseded 80 days ago" in group.reason
    assert group.reason.endswith("(the worst of 2 images, of which 1 could not be read)")
    assert "1 of the 1 nodes" in pool.reason
    assert pool.reason.endswith(f"; 2 more of its nodes could not be judged ({DEREGISTERED})")


@every_build
def test_a_line_that_was_not_read_hides_no_failure_of_another(build: Any) -> None:  # noqa: ANN401  a builder
    found = judged(
        release_superseded,
        build(SUPERSEDED.id, LAGGING.id),
        SUPERSEDED,
        LAGGING,
        releases={str(LINE): LATE, line_of(LAGGING): gap("ssm:GetParameters")},
    )

    assert (found.status, found.severity, found.partial) == (Status.FAILED, Severity.HIGH, True)


@every_build
def test_a_lower_bound_beside_a_failure_makes_it_partial(build: Any) -> None:  # noqa: ANN401  a builder
    old = of(f"amazon-eks-node-al2023-x86_64-standard-1.32-v{version(OURS)}")

    found = judged(
        release_superseded,
        build(SUPERSEDED.id, old.id),
        SUPERSEDED,
        old,
        releases={str(LINE): LATE, line_of(old): history(5)},
    )

    assert (found.status, found.severity, found.partial) == (Status.FAILED, Severity.HIGH, True)


@every_build
def test_an_image_that_tells_no_minor_hides_no_skew(build: Any) -> None:  # noqa: ANN401  a builder
    found = judged(kubelet_skew, build(UNTOLD.id, LAGGING.id), UNTOLD, LAGGING)

    assert (found.status, found.severity, found.partial) == (Status.FAILED, Severity.HIGH, True)
    assert judged(kubelet_skew, build(UNTOLD.id, image().id), UNTOLD, image()).status is Status.UNKNOWN


def test_an_unsupported_minor_beside_an_unreadable_image_is_told() -> None:
    versions = kubernetes_versions()[-1:]

    found = judged(image_family_retired, group_of(DEREGISTERED, image_id(version())), image(), versions=versions)

    assert (found.status, found.severity, found.partial) == (Status.FAILED, Severity.CRITICAL, True)
