"""What can be read of a capacity is told, and what cannot is a gap in its place."""

from typing import Any

import pytest

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Image
from eks_auditor.releases.builds import Build, Kubelet, builds_of, builds_or_gaps, kubelets_or_gaps, minors_of
from tests.builders import (
    LINE,
    gap,
    image,
    launch,
    managed,
    node,
    node_pool,
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
