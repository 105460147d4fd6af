"""AMI005: what an image of one's own was built on, and how old that is."""

from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.checks.images import custom_image_on_old_release, image_cannot_be_launched
from eks_auditor.model.finding import Finding
from eks_auditor.model.release import Image
from eks_auditor.model.verdict import Owner, Severity, Status
from tests.builders import (
    LINE,
    NOW,
    ancestor,
    days_ago,
    gap,
    history,
    image,
    launch,
    managed,
    node,
    node_pool,
    own_image,
    scaling_group,
    self_managed,
    version,
)
from tests.checks.judged import commands, finding

MOMENT = timedelta(seconds=1)
OURS = 100.0
"""The age of the release that images are built on here."""

BASE = image(version(OURS))


def custom(one: Image) -> Any:  # noqa: ANN401  any capacity
    return managed(ami_type="CUSTOM", group={"launch": launch(image_ids=(one.id,))})


def own_group(*images: Image) -> Any:  # noqa: ANN401  any capacity
    return self_managed(group={"launch": launch(image_ids=tuple(one.id for one in images))})


def pool(*images: Image) -> Any:  # noqa: ANN401  any capacity
    return node_pool(nodes=tuple(node(number, image_id=one.id) for number, one in enumerate(images)))


BUILDS = pytest.mark.parametrize("build", [custom, own_group, pool])


def descent(capacity: Any, *images: Image, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    return finding(custom_image_on_old_release, capacity, images={one.id: one for one in images}, **deviations)


def built_on(base: Image, one: Image | None = None, *, days: float = 80, **deviations: Any) -> Finding:  # noqa: ANN401  any field
    """Judge an image built on a release that was superseded some days ago."""
    ours = one or own_image()
    releases = {str(LINE): history(OURS, days, 5)}
    around = {"ancestors": {ours.id: (ancestor(base),)}, "releases": releases} | deviations
    return descent(own_group(ours), ours, **around)


def aged(age: timedelta, **deviations: Any) -> Finding:  # noqa: ANN401  any field
    """Judge an image that descends from nothing of EKS's."""
    ours = own_image(created_at=NOW - age)
    return descent(own_group(ours), ours, **{"ancestors": {ours.id: ()}} | deviations)


# A release among its ancestors: AMI001's ladder


@pytest.mark.parametrize(
    ("days", "status", "severity"),
    [
        (14 - 1e-4, Status.PASSED, Severity.MEDIUM),
        (14, Status.FAILED, Severity.LOW),
        (30 - 1e-4, Status.FAILED, Severity.LOW),
        (30, Status.FAILED, Severity.MEDIUM),
        (60 - 1e-4, Status.FAILED, Severity.MEDIUM),
        (60, Status.FAILED, Severity.HIGH),
    ],
)
def test_its_release_climbs_the_ladder_of_superseded_days(days: float, status: Status, severity: Severity) -> None:
    found = built_on(BASE, days=days)

    assert (found.status, found.severity) == (status, severity)
    assert f"was built, by its ancestry, on an EKS release: {BASE.id} ({BASE.name})" in found.reason


def test_the_finding_opens_on_the_day() -> None:
    assert built_on(BASE, days=13).due_at == days_ago(13) + timedelta(days=14)


def test_a_young_image_on_an_old_base_is_told_by_its_base() -> None:
    found = built_on(BASE, own_image(created_at=days_ago(1)))

    assert found.severity is Severity.HIGH
    assert found.evidence["image"] == own_image().id
    assert found.evidence["superseded_days"] == 80
    assert (found.evidence["ancestor"], found.evidence["ancestor_known_by"]) == (f"{BASE.id} ({BASE.name})", "ancestry")


def test_an_old_image_on_a_release_that_nothing_supersedes_passes() -> None:
    ours = own_image(created_at=days_ago(200))

    found = descent(own_group(ours), ours, ancestors={ours.id: (ancestor(),)})

    assert found.status is Status.PASSED
    assert "is the recommended release" in found.reason


def test_the_nearest_release_among_its_ancestors_counts() -> None:
    ours, between = own_image(), own_image(id="ami-0between", name="base")
    chain = (ancestor(between), ancestor(BASE))

    found = built_on(BASE, ours, ancestors={ours.id: chain})

    assert found.severity is Severity.HIGH


def test_its_own_variant_and_minor_count_not_the_clusters() -> None:
    older = image(
        id="ami-arm", name=f"amazon-eks-node-al2023-arm64-standard-1.33-v{version(OURS)}", architecture="arm64"
    )
    releases = {"al2023/standard/arm64/1.33": history(OURS, 20, 5), str(LINE): history(OURS, 80, 5)}

    found = built_on(older, releases=releases)

    assert (found.severity, found.evidence["superseded_days"]) == (Severity.LOW, 20)


def test_a_lower_bound_below_the_ladder_proves_nothing() -> None:
    assert built_on(BASE, releases={str(LINE): history(10, 5)}).status is Status.UNKNOWN
    assert built_on(BASE, releases={str(LINE): history(40, 5)}).severity is Severity.MEDIUM


def test_the_tags_of_its_builder_tell_a_release_too() -> None:
    ours = own_image(tags={"source_ami_name": BASE.name})

    found = built_on(BASE, ours, ancestors={ours.id: ()})

    assert (found.severity, found.evidence["ancestor_known_by"]) == (Severity.HIGH, "Packer's tags")


@pytest.mark.parametrize("age", [2, 300])
def test_no_age_makes_good_what_nothing_supersedes_any_more(age: float) -> None:
    ours = own_image(created_at=days_ago(age))

    found = built_on(BASE, ours, releases={str(LINE): history(recommended=None)})

    assert found.status is Status.NOT_APPLICABLE
    assert "AWS recommends no release any more: see AMI003" in found.reason


# An ancestor that is gone, or hidden: nothing tells that it was EKS's, unless somebody noted its name


@pytest.mark.parametrize(
    ("age", "status", "severity"),
    [
        (timedelta(days=60) - MOMENT, Status.PASSED, Severity.MEDIUM),
        (timedelta(days=60), Status.FAILED, Severity.LOW),
        (timedelta(days=120), Status.FAILED, Severity.MEDIUM),
    ],
)
@pytest.mark.parametrize("created_at", [days_ago(400), None])
def test_beside_an_ancestor_that_is_not_to_be_seen_the_images_own_age_counts(
    age: timedelta,
    status: Status,
    severity: Severity,
    created_at: Any,  # noqa: ANN401  an instant or none
) -> None:
    ours = own_image(created_at=NOW - age)
    lost = ancestor(id="ami-0lost", created_at=created_at, image=None)

    found = descent(own_group(ours), ours, ancestors={ours.id: (lost,)})

    assert (found.status, found.severity) == (status, severity)
    assert "on ami-0lost, an image of Amazon's that is gone, or hidden by Allowed AMIs" in found.reason
    assert f"and is {age.days} days old itself" in found.reason


def test_the_name_that_its_builder_noted_of_a_lost_ancestor_is_better_than_a_day() -> None:
    ours = own_image(tags={"source_ami_name": BASE.name})
    lost = ancestor(id="ami-0lost", image=None)

    found = built_on(BASE, ours, ancestors={ours.id: (lost,)}, days=20)

    assert (found.severity, found.evidence["superseded_days"]) == (Severity.LOW, 20)


# No release of EKS at all: its own age


@pytest.mark.parametrize(
    ("age", "status", "severity"),
    [
        (timedelta(days=60) - MOMENT, Status.PASSED, Severity.MEDIUM),
        (timedelta(days=60), Status.FAILED, Severity.LOW),
        (timedelta(days=120) - MOMENT, Status.FAILED, Severity.LOW),
        (timedelta(days=120), Status.FAILED, Severity.MEDIUM),
        (timedelta(days=900), Status.FAILED, Severity.MEDIUM),
    ],
)
def test_an_image_without_such_an_ancestor_fails_by_its_own_age(
    age: timedelta, status: Status, severity: Severity
) -> None:
    found = aged(age)

    assert (found.status, found.severity) == (status, severity)
    assert f"descends from no image that EKS publishes, and is {age.days} days old itself" in found.reason
    assert found.evidence["image_days"] == age.days


def test_the_ladder_of_age_is_climbed_on_the_day() -> None:
    assert aged(timedelta(days=1)).due_at == days_ago(1) + timedelta(days=60)
    assert aged(timedelta(days=61)).due_at == days_ago(61) + timedelta(days=120)
    assert aged(timedelta(days=121)).due_at is None


def test_a_vendors_image_is_judged_by_its_age() -> None:
    name = "ubuntu-eks/k8s_1.35/images/hvm-ssd/ubuntu-noble-24.04-amd64-server-20260901"
    ubuntu = own_image(name=name, owner_id="099720109477", created_at=days_ago(83))

    found = descent(own_group(ubuntu), ubuntu, ancestors={ubuntu.id: ()})

    assert found.severity is Severity.LOW


def test_a_copy_that_kept_the_name_of_eks_is_read_by_it() -> None:
    copy = own_image(name=BASE.name)

    found = built_on(BASE, copy, ancestors={copy.id: ()})

    assert (found.severity, found.evidence["ancestor_known_by"]) == (Severity.HIGH, "name")


# What is judged, and what hides it


@BUILDS
def test_every_kind_that_brings_its_own_image_is_judged(build: Any) -> None:  # noqa: ANN401  a builder
    ours = own_image(created_at=days_ago(130))

    found = descent(build(ours), ours, ancestors={ours.id: ()})

    assert (found.status, found.severity) == (Status.FAILED, Severity.MEDIUM)
    assert any("get-image-ancestry" in command and ours.id in command for command in commands(found))


def test_a_pool_tells_how_many_nodes_run_it() -> None:
    ours = own_image(created_at=days_ago(130))
    found = descent(pool(ours, image(), ours), ours, image(), ancestors={ours.id: ()})

    assert found.reason.endswith("; 2 of its 3 nodes run it")
    assert found.evidence["nodes"] == 2


@BUILDS
def test_where_every_image_is_eks_own_there_is_nothing_to_judge(build: Any) -> None:  # noqa: ANN401  a builder
    found = descent(build(image()), image(), ancestors={})

    assert found.status is Status.NOT_APPLICABLE
    assert "EKS's own" in found.reason


def test_an_ami_type_of_eks_needs_no_image_to_be_read() -> None:
    found = finding(custom_image_on_old_release, managed(groups=gap()), images={}, ancestors={})

    assert found.status is Status.NOT_APPLICABLE
    assert "AL2023_x86_64_STANDARD" in found.reason


def test_auto_mode_is_for_aws_to_build() -> None:
    found = finding(custom_image_on_old_release, node_pool(kind="auto-mode"))

    assert (found.status, found.owner) == (Status.NOT_APPLICABLE, Owner.SHARED)


@pytest.mark.parametrize("capacity", [managed(ami_type="CUSTOM", groups=()), node_pool(nodes=())])
def test_a_capacity_without_an_image_is_not_judged(capacity: Any) -> None:  # noqa: ANN401  any capacity
    assert finding(custom_image_on_old_release, capacity).status is Status.NOT_APPLICABLE


def test_beside_images_of_eks_only_the_custom_one_counts() -> None:
    ours = own_image(created_at=days_ago(70))

    found = descent(own_group(image(), ours, BASE), image(), ours, BASE, ancestors={ours.id: ()})

    assert found.severity is Severity.LOW
    assert "worst" not in found.reason


def test_the_worst_custom_image_counts() -> None:
    young, old = own_image(), own_image(id="ami-0old", created_at=days_ago(130))

    found = descent(own_group(young, old), young, old, ancestors={young.id: (), old.id: ()})

    assert (found.severity, found.evidence["image"]) == (Severity.MEDIUM, old.id)
    assert found.reason.endswith("(the worst of 2 images)")
    assert found.due_at == young.created_at + timedelta(days=60)


UNREAD: dict[str, dict[str, Any]] = {
    "the image": {"images": {own_image().id: gap("ec2:DescribeImages")}},
    "the image, which is gone": {"images": {own_image().id: gap(error="InvalidAMIID.NotFound: no")}},
    "its ancestry": {"ancestors": {own_image().id: gap("ec2:GetImageAncestry")}},
    "that its ancestry was read": {"ancestors": {}},
    "an ancestor": {"ancestors": {own_image().id: (ancestor(image=gap("ec2:DescribeImages", "ami-2")),)}},
    "the history of its release": {"releases": {str(LINE): gap("ssm:GetParameters")}},
}


@pytest.mark.parametrize("unread", UNREAD.values(), ids=UNREAD.keys())
def test_what_could_not_be_read_is_unknown(unread: dict[str, Any]) -> None:
    ours = own_image()
    around = {"images": {ours.id: ours}, "ancestors": {ours.id: (ancestor(BASE),)}} | unread

    found = finding(custom_image_on_old_release, own_group(ours), **around)

    assert found.status is Status.UNKNOWN
    assert str(found.evidence["action"]).startswith(("ec2:", "ssm:"))


def test_an_owner_that_cannot_be_told_is_unknown() -> None:
    foreign = image(owner_alias=None)

    found = descent(own_group(foreign), foreign, releases={str(LINE): gap("ssm:GetParameters")})

    assert found.status is Status.UNKNOWN


@BUILDS
def test_what_could_not_be_read_hides_no_failure(build: Any) -> None:  # noqa: ANN401  a builder
    ours = own_image(created_at=days_ago(130))
    if build is custom:
        groups = (scaling_group("a", launch=gap()), scaling_group("b", launch=launch(image_ids=(ours.id,))))
        capacity = managed(ami_type="CUSTOM", groups=groups)
    else:
        capacity = build(own_image(id="ami-0unread"), ours)

    found = descent(capacity, ours, ancestors={ours.id: ()})

    assert (found.status, found.severity, found.partial) == (Status.FAILED, Severity.MEDIUM, True)
    unread = "ami-1" if build is custom else "ami-0unread"
    assert f"(the worst of 2 images, of which 1 could not be read: {unread})" in found.reason


def test_an_unresolved_parameter_is_unknown_to_both() -> None:
    unresolved = "resolve:ssm:/golden/image"
    group = self_managed(group={"launch": launch(image_ids=(unresolved,))})
    images = {unresolved: gap("ssm:GetParameters", "/golden/image", "AccessDeniedException: no")}

    for check in (custom_image_on_old_release, image_cannot_be_launched):
        assert finding(check, group, images=images).status is Status.UNKNOWN


def test_the_fix_names_the_image_and_both_ways_of_the_guide() -> None:
    found = built_on(BASE)

    assert [fix.split(":")[0] for fix in commands(found, "guide")][1:] == ["migrate", "in place"]
    assert any("standard/recommended" in command for command in commands(found))


def test_a_template_takes_a_new_version_and_a_release_is_not_asked_for_where_there_is_none() -> None:
    ours = own_image(created_at=days_ago(130))

    found = descent(custom(ours), ours, ancestors={ours.id: ()})

    assert any(f"# a new version with the new image instead of {ours.id}" in command for command in commands(found))
    assert commands(found, "eksctl")
    assert not any("get-parameter" in command for command in commands(found))
