"""What custom images descend from: EC2's ancestry, described where each ancestor is, and the release lines it names."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Ancestor, Image, ReleaseHistory
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.releases.ancestry import Descent, descent_of
from local_aws.images import Document
from tests.snapshot.bench import ACCOUNT, NOW, REGION, Bench

GOLDEN: dict[str, Any] = {"node_groups": {"golden": {"ami": "CUSTOM", "image": "golden"}}}
IMAGES: dict[str, Any] = {"golden": {}, "hardened": {}}
ELSEWHERE = "us-east-1"
ANCESTRY = "ec2:GetImageAncestry"


def document(started: Bench, name: str) -> Document:
    """An image of the account's own; what a test changes in it, EC2 tells from then on."""
    [found] = (each for each in started.aws.region(ACCOUNT, REGION).images.values() if each["Name"] == name)
    return found


def release(started: Bench, region: str = REGION, minor: str = "1.34") -> Document:
    """EKS's recommended image of a minor that no capacity here runs."""
    public = started.aws.region(ACCOUNT, region).public
    return public.images[public.recommended["AL2023_x86_64_STANDARD", minor].image_id(region)]


def build_on(image: Document, source: Document, region: str = REGION) -> None:
    image.update(SourceImageId=source["ImageId"], SourceImageRegion=region)


def chain(snapshot: Snapshot) -> tuple[Ancestor, ...]:
    """The ancestors of the one custom image."""
    [found] = snapshot.ancestors.values()
    assert not isinstance(found, Gap)
    return found


def descent(snapshot: Snapshot) -> Descent | Gap | None:
    [image_id] = snapshot.ancestors
    image = snapshot.images[image_id]
    assert isinstance(image, Image)
    return descent_of(image, snapshot)


def test_each_ancestor_is_described_in_its_own_region(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        base = release(started, ELSEWHERE)
        build_on(document(started, "golden"), document(started, "hardened"))
        build_on(document(started, "hardened"), base, ELSEWHERE)
        snapshot = started.read()
        described = {call.region for call in started.aws.calls if call.params.get("ImageIds") == [base["ImageId"]]}
    hardened, eks = chain(snapshot)
    assert (hardened.region, hardened.owner_alias) == (REGION, None)
    assert (eks.id, eks.region, eks.owner_alias) == (base["ImageId"], ELSEWHERE, "amazon")
    assert isinstance(eks.image, Image)
    assert eks.image.name == base["Name"]
    assert eks.created_at == eks.image.created_at == datetime.fromisoformat(base["CreationDate"])
    assert described == {ELSEWHERE}
    assert snapshot.gaps == ()


def test_the_line_of_an_ancestor_is_read_though_nothing_runs_it(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        build_on(document(started, "golden"), release(started))
        snapshot = started.read()
    assert isinstance(snapshot.releases["al2023/standard/x86_64/1.34"], ReleaseHistory)
    found = descent(snapshot)
    assert isinstance(found, Descent)
    assert found.build is not None
    assert found.build.line.minor == "1.34"


def test_so_is_the_line_that_a_tag_names(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        tags = [{"Key": "source_ami_name", "Value": release(started)["Name"]}]
        document(started, "golden")["Tags"] = tags
        snapshot = started.read()
    assert isinstance(snapshot.releases["al2023/standard/x86_64/1.34"], ReleaseHistory)
    assert isinstance(descent(snapshot), Descent)


def test_a_kubelet_is_told_by_an_ancestor(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        build_on(document(started, "golden"), release(started))
        # It lags behind its cluster of 1.35, so the cluster's last update is looked up.
        assert started.read().cluster.version_updated_at is not None


def test_an_ancestor_that_is_gone_is_no_gap(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        base = release(started)
        build_on(document(started, "golden"), base)
        base["State"] = "deregistered"
        snapshot = started.read()
    [gone] = chain(snapshot)
    assert (gone.id, gone.image, gone.owner_alias) == (base["ImageId"], None, "amazon")
    assert gone.created_at == datetime.fromisoformat(base["CreationDate"])
    assert snapshot.gaps == ()
    assert descent(snapshot) == Descent(
        None, gone.created_at, f"{gone.id}, an image of Amazon's that is gone, or hidden by Allowed AMIs", "ancestry"
    )


def test_an_ancestor_that_could_not_be_asked_for_is_a_gap(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        base = release(started, ELSEWHERE)
        build_on(document(started, "golden"), base, ELSEWHERE)
        wanted = [base["ImageId"]]
        started.aws.fail("ec2", "DescribeImages", "AuthFailure", when=lambda params: params.get("ImageIds") == wanted)
        snapshot = started.read()
    [ancestor] = chain(snapshot)
    assert isinstance(ancestor.image, Gap)
    assert ancestor.image.resource == f"{base['ImageId']} in {ELSEWHERE}"
    assert snapshot.gaps == (ancestor.image,)
    assert descent(snapshot) == ancestor.image


def test_without_a_way_to_an_ancestor_s_region_an_audit_is_whole(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        build_on(document(started, "golden"), release(started, ELSEWHERE), ELSEWHERE)
        started.unreachable = {("ec2", ELSEWHERE)}
        snapshot = started.read()
    [ancestor] = chain(snapshot)
    assert isinstance(ancestor.image, Gap)
    assert ancestor.image.error.startswith("EndpointConnectionError")
    assert snapshot.gaps == (ancestor.image,)
    assert not ancestor.image.retryable
    assert descent(snapshot) == ancestor.image


def test_an_ancestor_that_is_throttled_elsewhere_is_asked_for_again(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        base = release(started, ELSEWHERE)
        build_on(document(started, "golden"), base, ELSEWHERE)
        wanted = [base["ImageId"]]
        started.aws.fail("ec2", "DescribeImages", "Throttling", when=lambda params: params.get("ImageIds") == wanted)
        [gap] = started.read().gaps
    assert gap.retryable


def test_an_ancestry_that_could_not_be_read_is_a_gap(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        started.aws.fail("ec2", "GetImageAncestry", "UnauthorizedOperation", status=403)
        snapshot = started.read()
    assert [gap.action for gap in snapshot.gaps] == [ANCESTRY]
    assert list(snapshot.ancestors.values()) == list(snapshot.gaps)
    assert isinstance(descent(snapshot), Gap)


def test_where_the_ancestry_is_refused_the_source_image_stands_in_if_it_is_amazon_s(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        build_on(document(started, "golden"), release(started, ELSEWHERE), ELSEWHERE)
        started.aws.fail("ec2", "GetImageAncestry", "UnauthorizedOperation", status=403)
        found = started.read()
        build_on(document(started, "golden"), document(started, "hardened"))
        started.start_anew()
        hidden = started.read()
    assert [gap.action for gap in found.gaps] == [gap.action for gap in hidden.gaps] == [ANCESTRY]
    told = descent(found)
    assert isinstance(told, Descent)
    assert told.how == "source image"
    assert isinstance(found.releases["al2023/standard/x86_64/1.34"], ReleaseHistory)
    # What that one was built on is as hidden as before.
    assert list(hidden.ancestors.values()) == list(hidden.gaps)


def test_an_ancestry_that_is_throttled_waits_for_the_next_audit(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        build_on(document(started, "golden"), release(started))
        started.aws.fail("ec2", "GetImageAncestry", "RequestLimitExceeded", status=503)
        [found] = started.read().ancestors.values()
    assert isinstance(found, Gap)
    assert found.retryable


def test_where_the_ancestry_is_empty_the_source_image_stands_in(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        base = release(started, ELSEWHERE)
        build_on(document(started, "golden"), base, ELSEWHERE)
        client = started.clients().ec2
        client.get_image_ancestry = lambda **_: {"ImageAncestryEntries": []}
        found = descent(started.read())
    assert isinstance(found, Descent)
    assert found.build is not None
    assert (found.build.image_id, found.how) == (base["ImageId"], "source image")


def test_where_ec2_knows_no_ancestry_the_source_image_stands_in(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        build_on(document(started, "golden"), release(started, ELSEWHERE), ELSEWHERE)
        started.aws.fail("ec2", "GetImageAncestry", "InvalidAction")
        snapshot = started.read()
    assert snapshot.gaps == ()
    found = descent(snapshot)
    assert isinstance(found, Descent)
    assert found.how == "source image"


def test_an_image_that_a_tag_says_it_was_built_from(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        base = release(started)
        document(started, "golden")["Tags"] = [{"Key": "source_ami_id", "Value": base["ImageId"]}]
        found = descent(started.read())
    assert isinstance(found, Descent)
    assert found.build is not None
    assert (found.build.image_id, found.how) == (base["ImageId"], "Packer's tags")


def test_an_ancestry_is_read_once(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        build_on(document(started, "golden"), release(started, ELSEWHERE), ELSEWHERE)
        first = started.read()
        assert started.count(ANCESTRY) == 1
        started.aws.calls.clear()
        started.now = NOW + timedelta(days=1)
        second = started.read()
        assert started.count(ANCESTRY) == 0
        assert {call.region for call in started.aws.calls} == {REGION}
    assert second.ancestors == first.ancestors


def test_an_ancestor_that_was_gone_may_be_back(bench: Callable[..., Any]) -> None:
    with bench(GOLDEN, images=IMAGES) as started:
        base = release(started)
        build_on(document(started, "golden"), base)
        base["State"] = "deregistered"
        assert chain(started.read())[0].image is None
        base["State"] = "available"
        assert chain(started.read())[0].image is not None


@pytest.mark.parametrize(
    "cluster",
    [
        {"node_groups": {"web": {}}, "self_managed": {"batch": {"superseded": "20d"}}},
        {"auto_mode": True, "pools": {"general-purpose": {"scaler": "auto-mode"}}},
        {"pools": {"pets": {"scaler": "standalone", "image": "golden"}}},
    ],
    ids=["EKS's own", "Auto Mode's", "nobody's"],
)
def test_whose_ancestry_nobody_judges_is_not_read(bench: Callable[..., Any], cluster: dict[str, Any]) -> None:
    with bench(cluster, images=IMAGES) as started:
        assert started.read().ancestors == {}
        assert started.count(ANCESTRY) == 0


def test_a_karpenter_pools_images_have_ancestors_too(bench: Callable[..., Any]) -> None:
    with bench({"pools": {"burst": {"image": "golden"}}}, images=IMAGES) as started:
        build_on(document(started, "golden"), release(started))
        assert len(chain(started.read())) == 1
