"""What can be read of a capacity is told, and what cannot is a gap in its place."""

from dataclasses import replace
from typing import Any

import pytest

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Image
from eks_auditor.releases.builds import (
    Build,
    Kubelet,
    build_of,
    builds_of,
    builds_or_gaps,
    kubelets_or_gaps,
    minors_of,
)
from tests.builders import (
    LINE,
    ancestor,
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
    snapshot,
    version,
)

OLD, NEW = image(version(40)), image(version(5))
OWN = image("20261001", name="ours for k8s: 1.34", owner_alias=None)
GONE = gap("ec2:DescribeImages", "ami-gone", "InvalidAMIID.NotFound: gone")
IDS = (NEW.id, "ami-gone", OWN.id, OLD.id, "ami-unread")
IMAGES: dict[str, Image | Gap] = {OLD.id: OLD, NEW.id: NEW, OWN.id: OWN, "ami-gone": GONE}
UNREAD = Gap("ec2:DescribeImages", "ami-unread", "the image was not read")

several = pytest.mark.parametrize(
    "capacity",
    [
        self_managed(group={"launch": launch(image_ids=IDS)}),
        managed(ami_type="CUSTOM", version=None, group={"launch": launch(image_ids=IDS)}),
        node_pool(nodes=tuple(node(i, image_id=image_id) for i, image_id in enumerate(IDS))),
    ],
    ids=lambda capacity: capacity.kind,
)


def build(of: Image, day: str) -> Build:
    return Build(LINE, day, f"{of.id} ({of.name})", of.id)


@several
def test_releases_come_oldest_first_and_gaps_last(capacity: Any) -> None:  # noqa: ANN401  any capacity
    around = snapshot(capacity, images=IMAGES)
    read = (build(OLD, version(40)), build(NEW, version(5)))

    assert builds_or_gaps(capacity, around) == (*read, GONE, UNREAD)
    assert builds_of(capacity, around) == read


@several
def test_every_image_has_a_kubelet_or_a_gap(capacity: Any) -> None:  # noqa: ANN401  any capacity
    around = snapshot(capacity, images=IMAGES)
    new, own, old = (
        Kubelet(minor, f"image {one.id} ({one.name})") for one, minor in ((NEW, "1.35"), (OWN, "1.34"), (OLD, "1.35"))
    )

    assert kubelets_or_gaps(capacity, around) == (new, GONE, own, old, UNREAD)
    assert minors_of(capacity, around).keys() == {"1.34", "1.35"}


def test_an_unread_template_is_a_gap_beside_the_images_of_the_others() -> None:
    groups = (scaling_group("a", launch=GONE), scaling_group("b", launch=launch(image_ids=(NEW.id,))))
    capacity = managed(ami_type="CUSTOM", groups=groups)

    assert builds_or_gaps(capacity, snapshot(capacity, images=IMAGES)) == (build(NEW, version(5)), GONE)


@pytest.mark.parametrize(
    ("capacity", "told"),
    [
        (managed(ami_type="CUSTOM", groups=GONE), "InvalidAMIID.NotFound"),
        (managed(version=None), "it names no Kubernetes version"),
        (managed(ami_type="AL2029"), "AL2029"),
    ],
)
def test_what_cannot_be_read_at_all_is_one_gap(capacity: Any, told: str) -> None:  # noqa: ANN401  any capacity
    (only,) = builds_or_gaps(capacity, snapshot(capacity))

    assert isinstance(only, Gap)
    assert told in only.error
    assert builds_of(capacity, snapshot(capacity)) == ()


def test_an_unmapped_ami_type_has_a_kubelet_all_the_same() -> None:
    capacity = managed(ami_type="AL2029")

    assert kubelets_or_gaps(capacity, snapshot(capacity)) == (Kubelet("1.35", f"release {capacity.release_version}"),)


EKS_ACCOUNT = "602401143452"
KEYS = {str(LINE): history(owner_id=EKS_ACCOUNT)}
NAMELESS = image(version(40), owner_alias=None)
COPY = image(version(40), owner_alias=None, owner_id="999988887777")


@pytest.mark.parametrize(
    ("one", "releases", "told"),
    [
        (OLD, {}, build(OLD, version(40))),  # the alias is enough
        (NAMELESS, KEYS, build(NAMELESS, version(40))),
        (COPY, KEYS, None),
        (image(version(40), owner_alias="aws-marketplace", owner_id="679593333241"), KEYS, None),
        (image(name="ours", owner_alias=None, owner_id=EKS_ACCOUNT), {}, None),
        # Nothing is recommended any more, so nobody vouches for the owner.
        (NAMELESS, {str(LINE): history(recommended=None, releases=())}, None),
    ],
    ids=["alias", "owner", "a copied name", "a vendor", "another name", "no recommendation"],
)
def test_the_name_tells_the_line_and_the_owner_whether_to_believe_it(
    one: Image, releases: dict[str, Any], told: Build | None
) -> None:
    assert build_of(one, snapshot(releases=releases)) == told


@pytest.mark.parametrize("releases", [{}, {str(LINE): gap("ssm:GetParameters")}], ids=["not read", "a gap"])
def test_an_owner_that_nobody_vouches_for_for_want_of_a_read_is_a_gap(releases: dict[str, Any]) -> None:
    capacity = self_managed(group={"launch": launch(image_ids=(COPY.id, NEW.id))})
    around = snapshot(capacity, images={COPY.id: COPY, NEW.id: NEW}, releases=releases)

    assert isinstance(build_of(COPY, around), Gap)
    newest, hidden = builds_or_gaps(capacity, around)
    assert newest == build(NEW, version(5))
    assert isinstance(hidden, Gap)


def kubelet(one: Image, capacity_version: str | None, *chain: Any, **around: Any) -> Kubelet | Gap:  # noqa: ANN401  ancestors, fields
    group = {"launch": launch(image_ids=(one.id,))}
    capacity = managed(ami_type="CUSTOM", version=capacity_version, group=group)
    whole = {"images": {one.id: one}, "ancestors": {one.id: chain}} | around
    [only] = kubelets_or_gaps(capacity, snapshot(capacity, **whole))
    return only


MUTE = own_image(id="ami-0mute")
OF_134 = image(name="amazon-eks-node-al2023-x86_64-standard-1.34-v20261001")
UBUNTU = own_image(name="ubuntu-eks/k8s_1.33/images/hvm-ssd/ubuntu-noble-24.04-amd64-server-20261001")
LOST = ancestor(image=None)


@pytest.mark.parametrize(
    ("one", "chain", "minor"),
    [
        (MUTE, (), "1.35"),
        (MUTE, (LOST, ancestor(OF_134)), "1.34"),
        (MUTE, (ancestor(UBUNTU), ancestor(OF_134)), "1.33"),
        (own_image(id="ami-0mute", name="for k8s: 1.32"), (ancestor(OF_134),), "1.32"),
        (own_image(id="ami-0mute", tags={"source_ami_name": OF_134.name}), (), "1.34"),
    ],
    ids=["the node group", "an ancestor", "the nearest ancestor", "the image itself", "its tags"],
)
def test_the_kubelet_of_a_custom_image(one: Image, chain: tuple[Any, ...], minor: str) -> None:
    assert kubelet(one, "1.35", *chain) == Kubelet(minor, f"image {one.id} ({one.name})")


@pytest.mark.parametrize(
    ("chain", "around"),
    [((), {"ancestors": {MUTE.id: GONE}}), ((ancestor(image=GONE),), {})],
    ids=["ancestry", "ancestor"],
)
def test_what_the_node_group_says_does_not_stand_in_for_an_ancestor_that_could_not_be_read(
    chain: tuple[Any, ...], around: dict[str, Any]
) -> None:
    assert kubelet(MUTE, "1.35", *chain, **around) == GONE


@pytest.mark.parametrize("retryable", [False, True])
def test_where_the_ancestry_is_refused_for_good_its_tags_may_tell(*, retryable: bool) -> None:
    noted = own_image(id="ami-0mute", tags={"source_ami_name": OF_134.name})
    refused = replace(gap("ec2:GetImageAncestry"), retryable=retryable)
    told = kubelet(noted, "1.35", ancestors={noted.id: refused})

    assert told == (refused if retryable else Kubelet("1.34", f"image {noted.id} ({noted.name})"))
