"""Images as EC2 describes them: what is kept of them, for how long, whose they are, and those that are not there."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Image, ImageScan
from eks_auditor.releases.builds import Build, build_of, is_absent
from eks_auditor.snapshot.images import describe_images
from local_aws.images import Document
from tests.snapshot.bench import ACCOUNT, NOW, REGION, Bench, ago, by_name

MINUTE = timedelta(minutes=1)
GOLDEN: dict[str, Any] = {"node_groups": {"golden": {"ami": "CUSTOM", "image": "golden"}}}
FOREIGN = "999988887777"


def documents(started: Bench) -> dict[str, Document]:
    """The account's own images by name; what a test changes in one, EC2 tells from then on."""
    return {image["Name"]: image for image in started.aws.region(ACCOUNT, REGION).images.values()}


def test_what_is_kept_of_an_image(bench: Callable[..., Any]) -> None:
    arn = "arn:aws:imagebuilder:eu-west-1:111111111111:image/golden/1.0.0/7"
    with bench(GOLDEN, images={"golden": {}}) as started:
        document = documents(started)["golden"]
        document |= {
            "State": "disabled",
            "DeprecationTime": "2026-11-01T00:00:00.000Z",
            "SourceImageId": "ami-0123456789abcdef0",
            "SourceImageRegion": "us-east-1",
            "Tags": [{"Key": "Ec2ImageBuilderArn", "Value": arn}, {"Key": "team", "Value": "shop"}],
            "ScanResults": {"FindingScanDate": ago(days=1), "CriticalFixAvailableSince": ago(days=20)},
        }
        image = started.read().images[document["ImageId"]]
    assert isinstance(image, Image)
    assert (image.state, image.deprecated_at, image.allowed) == ("disabled", ago(days=22, hours=12), None)
    assert (image.source_image_id, image.source_image_region) == ("ami-0123456789abcdef0", "us-east-1")
    assert image.tags == {"Ec2ImageBuilderArn": arn}
    assert image.scan == ImageScan(scanned_at=ago(days=1), critical_fix_since=ago(days=20), high_fix_since=None)


def test_an_image_with_nothing_more_to_say(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images={"golden": {}}) as started:
        image = started.read().images[documents(started)["golden"]["ImageId"]]
    assert isinstance(image, Image)
    assert (image.state, image.deprecated_at, image.scan, image.source_image_id) == ("available", None, None, None)


def test_a_changed_image_is_seen_by_whoever_was_asked_after_it_and_by_all_ten_minutes_later(
    bench: Callable[..., Any],
) -> None:
    with bench(GOLDEN, images={"golden": {}}) as started:
        document = documents(started)["golden"]

        def state(**asked: Any) -> str:  # noqa: ANN401  read's own
            image = started.read(**asked).images[document["ImageId"]]
            assert isinstance(image, Image)
            return image.state

        assert state() == "available"
        document["State"] = "disabled"
        started.now += MINUTE
        assert state(not_before=NOW - MINUTE) == "available"  # shared, and the snapshot is no younger than that
        assert state(not_before=NOW + MINUTE / 2) == "disabled"
        document["State"] = "available"
        started.now += 11 * MINUTE
        assert state(not_before=NOW - MINUTE) == "available"


def test_images_that_are_not_there_cost_the_others_nothing_and_few_calls(bench: Callable[..., Any]) -> None:
    with bench() as started:
        ids = sorted(started.aws.region(ACCOUNT, REGION).every_image())[:63]
        found = describe_images(started.clients().ec2, (*ids, "ami-0nowhere"))
        calls = started.count("ec2:DescribeImages")
    assert {each for each, image in found.items() if isinstance(image, Gap)} == {"ami-0nowhere"}
    gone = found["ami-0nowhere"]
    assert isinstance(gone, Gap)
    assert is_absent(gone)
    assert calls == 13  # all, then two halves six times over: not one call for each of them


def test_an_image_that_ec2_does_not_show_is_absent_and_one_that_was_denied_is_not(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images={"golden": {"owner": FOREIGN}}) as started:
        document = documents(started)["golden"]
        document["State"] = "deregistered"
        hidden = started.read().images[document["ImageId"]]
        started.start_anew()
        started.aws.fail("ec2", "DescribeImages", "UnauthorizedOperation", status=403)
        denied = started.read().images[document["ImageId"]]
    assert isinstance(hidden, Gap)
    assert isinstance(denied, Gap)
    assert hidden.error.startswith("NotVisible: ")
    assert (is_absent(hidden), is_absent(denied)) == (True, False)


@pytest.mark.parametrize("state", ["disabled", "audit-mode", "enabled"])
def test_allowed_images(bench: Callable[..., Any], state: str) -> None:
    foreign = {"images": {"golden": {"owner": FOREIGN}}, "allowed_images": {"state": state}}
    with bench(GOLDEN, **foreign) as started:
        snapshot = started.read()
        image = snapshot.images[documents(started)["golden"]["ImageId"]]
        started.now += MINUTE
        started.read(not_before=NOW - MINUTE)
        assert started.count("ec2:GetAllowedImagesSettings") == 1
    assert snapshot.allowed_images == state
    if state == "enabled":
        assert isinstance(image, Gap)
        assert is_absent(image)
    else:
        assert isinstance(image, Image)
        assert image.allowed is (False if state == "audit-mode" else None)


# Whose an image is, where only its id is known


def without_aliases(started: Bench) -> None:
    """What EC2 may tell in China and GovCloud."""
    for image in started.aws.region(ACCOUNT, REGION).public.images.values():
        image.pop("ImageOwnerAlias")


def builds(started: Bench, name: str, **asked: Any) -> list[Build | Gap | None]:  # noqa: ANN401  read's own
    snapshot = started.read(**asked)
    [image] = (snapshot.images[each] for each in {node.image_id for node in by_name(snapshot)[name].nodes})
    assert isinstance(image, Image)
    return [build_of(image, snapshot)]


def test_images_without_an_alias_are_eks_s_by_the_owner_of_the_recommended_one(bench: Callable[..., Any]) -> None:
    with bench({"self_managed": {"batch": {"superseded": "20d"}}}) as started:
        with_alias = builds(started, "batch")
        without_aliases(started)
        started.start_anew()
        assert builds(started, "batch") == with_alias
        assert isinstance(with_alias[0], Build)
        assert started.count("ec2:GetImageAncestry") == 0


def test_a_copied_name_makes_nobody_eks(bench: Callable[..., Any]) -> None:
    name = "amazon-eks-node-al2023-x86_64-standard-1.35-v20250101"
    shared = {"self_managed": {"batch": {"image": name}}}
    with bench(shared, images={name: {"owner": FOREIGN}}) as started:
        snapshot = started.read()
        [image] = (each for each in snapshot.images.values() if isinstance(each, Image) and each.name == name)
    assert build_of(image, snapshot) is None
    assert snapshot.gaps == ()
    assert snapshot.ancestors == {image.id: ()}


def test_a_node_that_only_a_shared_tag_and_its_image_tell_needs_no_alias(bench: Callable[..., Any]) -> None:
    with bench({"pools": {"pets": {"scaler": "standalone", "desired": 1}}}) as started:
        for instance in started.aws.region(ACCOUNT, REGION).instances.values():
            instance["Tags"] = [{"Key": "kubernetes.io/cluster/shop", "Value": "shared"}]
        assert len(by_name(started.read())["standalone"].nodes) == 1
        without_aliases(started)
        started.start_anew()
        assert len(by_name(started.read())["standalone"].nodes) == 1
        for image in started.aws.region(ACCOUNT, REGION).public.images.values():
            image["Name"] = f"copy of {image['Name']}"
        started.start_anew()
        assert by_name(started.read()) == {}
