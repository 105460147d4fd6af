"""AMI003 of images of one's own: a base that AWS builds no more is as retired as an image of EKS itself."""

from typing import Any

import pytest

from eks_auditor.checks.ami import image_family_retired
from eks_auditor.checks.images import custom_image_on_old_release
from eks_auditor.model.finding import Finding
from eks_auditor.model.release import Image, ReleaseHistory
from eks_auditor.model.verdict import Severity, Status
from tests.builders import (
    LINE,
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
    release,
    self_managed,
    version,
)
from tests.checks.judged import commands, finding

OURS = own_image()
AL2 = image(id="ami-0al2", name="amazon-eks-node-1.32-v20251209", created_at=days_ago(349))
AL2_LINE = "al2/standard/x86_64/1.32"
GONE = history(recommended=None, releases=())


def custom() -> Any:  # noqa: ANN401  any capacity
    return managed(ami_type="CUSTOM", group={"launch": launch(image_ids=(OURS.id,))})


def own_group() -> Any:  # noqa: ANN401  any capacity
    return self_managed(group={"launch": launch(image_ids=(OURS.id,))})


def pool() -> Any:  # noqa: ANN401  any capacity
    return node_pool(nodes=(node(image_id=OURS.id),))


every_build = pytest.mark.parametrize("build", [custom, own_group, pool])


def retired(capacity: Any, base: Image, history_of_base: ReleaseHistory, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    around = {
        "images": {OURS.id: OURS},
        "ancestors": {OURS.id: (ancestor(base),)},
        "releases": {AL2_LINE: history_of_base, str(LINE): history_of_base},
    }
    return finding(image_family_retired, capacity, **around | deviations)


@every_build
@pytest.mark.parametrize("recommended", [history(349), GONE], ids=["still recommended", "gone"])
def test_a_young_image_on_amazon_linux_2_is_retired(build: Any, recommended: ReleaseHistory) -> None:  # noqa: ANN401  a builder
    found = retired(build(), AL2, recommended)

    assert (found.status, found.severity, found.partial) == (Status.FAILED, Severity.CRITICAL, False)
    assert f"the base {AL2.id} ({AL2.name}) of {OURS.id} (ours) is Amazon Linux 2" in found.reason
    assert found.evidence["images"] == OURS.id
    assert commands(found)


@every_build
def test_a_base_that_aws_recommends_no_more_is_told_once(build: Any) -> None:  # noqa: ANN401  a builder
    base = image(version(100))
    found = retired(build(), base, GONE)
    around: dict[str, Any] = {"images": {OURS.id: OURS}, "ancestors": {OURS.id: (ancestor(base),)}}
    age = finding(custom_image_on_old_release, build(), releases={str(LINE): GONE}, **around)

    assert (found.status, found.severity) == (Status.FAILED, Severity.CRITICAL)
    assert f"the base {base.id} ({base.name}) of {OURS.id} (ours): AWS recommends no release of" in found.reason
    assert age.status is Status.NOT_APPLICABLE


def test_a_base_whose_family_went_on_without_it_is_retired() -> None:
    found = retired(own_group(), image(version(70)), history(70, family_newest=release(3)))

    assert (found.status, found.severity) == (Status.FAILED, Severity.HIGH)


def test_a_name_is_enough() -> None:
    noted = own_image(tags={"source_ami_name": AL2.name})
    found = retired(own_group(), AL2, GONE, images={noted.id: noted}, ancestors={noted.id: ()})

    assert found.severity is Severity.CRITICAL
    assert f"the base {AL2.name} of {OURS.id} (ours) is Amazon Linux 2" in found.reason


@every_build
def test_a_base_that_aws_still_builds_passes(build: Any) -> None:  # noqa: ANN401  a builder
    assert retired(build(), image(), history()).status is Status.PASSED


@every_build
@pytest.mark.parametrize("hidden", [gap("ec2:GetImageAncestry"), (ancestor(image=gap()),)])
def test_a_base_that_could_not_be_read_is_unknown(build: Any, hidden: Any) -> None:  # noqa: ANN401  a builder, ancestors
    assert retired(build(), AL2, GONE, ancestors={OURS.id: hidden}).status is Status.UNKNOWN


def test_an_image_from_scratch_has_its_minor_alone() -> None:
    scratch = own_image(description="k8s: 1.35.2")
    found = retired(own_group(), AL2, GONE, images={scratch.id: scratch}, ancestors={scratch.id: ()})

    assert found.status is Status.PASSED
    assert "EKS supports Kubernetes 1.35" in found.reason


def test_of_a_group_of_eks_s_own_nobody_asks_for_a_base() -> None:
    assert finding(image_family_retired, managed(), images={}, ancestors={}).status is Status.PASSED
