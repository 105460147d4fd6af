"""What an image of one's own descends from, by the best evidence there is, and what may hide it."""

from dataclasses import replace
from typing import Any

import pytest

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Ancestor, Image, ReleaseLine
from eks_auditor.releases.ancestry import Descent, descent_of, lines_named
from eks_auditor.releases.builds import Build, is_absent
from eks_auditor.releases.provenance import provenance_tags, source_id
from tests.builders import LINE, ancestor, days_ago, gap, history, image, own_image, snapshot, version

DAY = version(40)
BASE = image(DAY, created_at=days_ago(40))
NAME = BASE.name
BUILT = Build(LINE, DAY, f"{BASE.id} ({NAME})", BASE.id)
MIDDLE = own_image(id="ami-0middle", name="hardened", created_at=days_ago(9))
PLAIN = image(id="ami-0plain", name="al2023-ami-2023.9.20261101.0-kernel-6.1-x86_64", created_at=days_ago(22))
LOST = ancestor(id="ami-0lost", created_at=days_ago(70), image=None)
BUILDER_ARN = "arn:aws:imagebuilder:eu-west-1:111122223333:image/shop/1.0.0/1"


def descent(*chain: Ancestor, of: Image | None = None, **deviations: Any) -> Descent | Gap | None:  # noqa: ANN401  any field
    ours = of or own_image()
    around: dict[str, Any] = {"ancestors": {ours.id: chain}, "releases": {str(LINE): history(owner_id="602401143452")}}
    return descent_of(ours, snapshot(**around | deviations))


def test_the_nearest_release_among_the_ancestors() -> None:
    middle = ancestor(MIDDLE, owner_alias=None)
    older = ancestor(image(version(90)))

    assert descent(middle, ancestor(BASE), older) == Descent(BUILT, BASE.created_at, BUILT.words, "ancestry")


def test_an_ancestor_of_another_region_is_named_by_its_owners_alias() -> None:
    assert isinstance(descent(ancestor(BASE, region="us-east-1")), Descent)


@pytest.mark.parametrize("owner_id", ["602401143452", "999988887777"])
def test_without_an_alias_the_owner_of_the_recommended_image_decides(owner_id: str) -> None:
    base = image(DAY, owner_alias=None, owner_id=owner_id)
    found = descent(ancestor(base))

    assert isinstance(found, Descent)
    assert found.how == ("ancestry" if owner_id == "602401143452" else "name")


def test_the_source_image_alone_has_no_date_from_the_ancestry() -> None:
    ours = own_image(source_image_id=BASE.id)
    found = descent(ancestor(BASE, created_at=None), of=ours)

    assert found == Descent(BUILT, BASE.created_at, BUILT.words, "source image")


def test_an_ancestor_that_only_a_tag_names_is_known_by_the_tag() -> None:
    ours = own_image(tags={"source_ami_id": BASE.id})
    found = descent(ancestor(BASE, created_at=None), of=ours)

    assert isinstance(found, Descent)
    assert (found.build, found.how) == (BUILT, "Packer's tags")


@pytest.mark.parametrize(
    ("own", "how"),
    [
        ({"tags": {"source_ami_name": NAME}}, "Packer's tags"),
        ({"tags": {"Base_AMI_Name": NAME}}, "Packer's tags"),
        ({"tags": {"source-ami-name": NAME, "Ec2ImageBuilderArn": BUILDER_ARN}}, "Image Builder's tags"),
        ({"description": f"Hardened from {NAME}."}, "description"),
        ({"description": f"no release, built on ({NAME}), CIS level 2"}, "description"),
        ({"description": "built on amazon-eks-node", "tags": {"source_ami_name": NAME}}, "Packer's tags"),
        ({"name": NAME}, "name"),
        ({"name": image(version(5)).name, "description": NAME}, "description"),
    ],
)
def test_without_an_ancestry_the_image_itself_may_tell(own: dict[str, Any], how: str) -> None:
    named = Build(LINE, DAY, NAME, None)

    assert descent(of=own_image(**own)) == Descent(named, None, NAME, how)


def test_the_tags_of_an_ancestor_count_and_tags_before_descriptions() -> None:
    middle = ancestor(own_image(id="ami-0middle", tags={"source_ami_name": NAME}), owner_alias=None)
    ours = own_image(description=f"built on {image(version(5)).name}")
    found = descent(middle, of=ours)

    assert isinstance(found, Descent)
    assert found.build is not None
    assert (found.build.version, found.how) == (DAY, "Packer's tags")


@pytest.mark.parametrize("created_at", [days_ago(70), None])
def test_nothing_tells_that_an_ancestor_of_amazons_that_is_not_to_be_seen_was_eks_s(created_at: Any) -> None:  # noqa: ANN401  an instant or none
    found = descent(ancestor(MIDDLE, owner_alias=None), replace(LOST, created_at=created_at))
    words = "ami-0lost, an image of Amazon's that is gone, or hidden by Allowed AMIs"

    assert found == Descent(None, created_at, words, "ancestry")


def test_the_name_that_somebody_noted_of_it_is_better() -> None:
    found = descent(LOST, of=own_image(tags={"source_ami_name": NAME}))
    words = f"ami-0lost ({NAME})"

    assert found == Descent(Build(LINE, DAY, words, "ami-0lost"), days_ago(70), words, "Packer's tags")


def test_an_ancestor_of_ones_own_that_is_gone_is_passed_over() -> None:
    gone = ancestor(id="ami-0gone", owner_alias=None, image=None)

    assert descent(gone, ancestor(BASE)) == Descent(BUILT, BASE.created_at, BUILT.words, "ancestry")
    assert descent(gone) is None


def test_a_plain_amazon_linux_ends_the_search() -> None:
    ours = own_image(description=f"compare with {NAME}")

    assert descent(ancestor(MIDDLE, owner_alias=None), ancestor(PLAIN), ancestor(BASE), of=ours) is None


def test_an_image_from_scratch_descends_from_nothing() -> None:
    assert descent() is None


@pytest.mark.parametrize(
    ("chain", "around"),
    [
        ((), {"ancestors": {own_image().id: replace(gap("ec2:GetImageAncestry"), retryable=True)}}),
        ((ancestor(BASE, image=gap("ec2:DescribeImages", "ami-0 in us-east-1")), ancestor(BASE)), {}),
        ((ancestor(image(DAY, owner_alias=None)),), {"releases": {str(LINE): gap("ssm:GetParameters")}}),
        ((ancestor(image(DAY, owner_alias=None)),), {"releases": {}}),
    ],
    ids=["ancestry, for the moment", "an ancestor", "its line", "its line not read"],
)
def test_what_could_not_be_read_hides_what_weaker_evidence_would_tell(
    chain: tuple[Ancestor, ...], around: dict[str, Any]
) -> None:
    ours = own_image(tags={"source_ami_name": NAME}, description=NAME)

    assert isinstance(descent(*chain, of=ours, **around), Gap)


@pytest.mark.parametrize("own", [{"tags": {"source_ami_name": NAME}}, {"description": NAME}, {"name": NAME}, {}])
def test_where_the_ancestry_is_refused_the_image_itself_may_tell(own: dict[str, Any]) -> None:
    ours, refused = own_image(**own), gap("ec2:GetImageAncestry")
    found = descent(of=ours, ancestors={ours.id: refused})

    assert isinstance(found, Descent) if own else found == refused


def test_the_lines_that_a_descent_may_be_of() -> None:
    windows = image(name="Windows_Server-2022-English-Core-EKS_Optimized-1.35-2026.11.11")
    ours = own_image(tags={"source_ami_name": NAME}, description="bottlerocket-aws-k8s-1.34-x86_64-v1.62.1-0a1b2c3d")
    named = lines_named(ours, (ancestor(windows), LOST, ancestor(image=gap())))

    assert named == {
        LINE,
        ReleaseLine("bottlerocket", "standard", "x86_64", "1.34"),
        ReleaseLine("windows-2022", "core", "x86_64", "1.35"),
    }
    assert lines_named(own_image(name=NAME), ()) == {LINE}


def test_of_an_images_tags_only_those_of_its_builder_are_kept() -> None:
    tags = {"source_ami_id": BASE.id, "SOURCE_AMI_NAME": NAME, "Ec2ImageBuilderArn": BUILDER_ARN}

    assert provenance_tags(tags | {"team": "shop", "Name": "golden"}) == tags
    assert source_id(own_image(tags=tags)) == BASE.id
    assert source_id(own_image(tags={"source_ami_id": "whatever"})) is None


@pytest.mark.parametrize(
    ("told", "absent"),
    [
        (gap(error="InvalidAMIID.NotFound: The image id '[ami-1]' does not exist"), True),
        (gap(error="InvalidAMIID.Unavailable: deregistered"), True),
        (gap(error="NotVisible: the image is withdrawn"), True),
        (gap(error="UnauthorizedOperation: no"), False),
        (gap(error="RequestLimitExceeded: later"), False),
        (gap("ssm:GetParameters", error="NotVisible: what"), False),
    ],
)
def test_absence_is_evidence_and_a_failure_is_not(told: Gap, absent: bool) -> None:  # noqa: FBT001  the row's answer
    assert is_absent(told) == absent
