"""The catalogue of a Region: complete, read with few calls, and never guessed where a read failed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.model import StringShape

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Image, ReleaseHistory, ReleaseLine
from eks_auditor.releases.families import UnmappedAmiTypeError, ami_types, named, parameter_of
from eks_auditor.snapshot.catalogue import ACTIONS, Catalogue, Entry, read_catalogue
from eks_auditor.snapshot.pointers import Seen
from tests.snapshot.bench import ACCOUNT, REGION, Bench

LINUX, ARM, WINDOWS = "AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD", "WINDOWS_CORE_2022_x86_64"
DENIED = "UnauthorizedOperation"
FOREIGN = "999988887777"


@pytest.fixture
def healthy(bench: Callable[..., Any]) -> Iterator[Bench]:
    with bench({}) as started:
        yield started


def catalogue(bench: Bench, *types: str, minors: tuple[str, ...] = ()) -> Catalogue:
    with ThreadPoolExecutor(4) as pool:
        return read_catalogue(bench.clients(), types or ami_types(), minors, pool)


def entry(bench: Bench, ami_type: str, minor: str = "1.35") -> Entry:
    [found] = catalogue(bench, ami_type, minors=(minor,)).entries
    return found


def recommended(found: Entry) -> str:
    assert isinstance(found.pointer, Seen)
    return found.pointer.recommended.image_id


def listings(bench: Bench) -> list[tuple[str, str]]:
    """Owner and pattern of each listing of images by name."""
    asked = [call.params for call in bench.aws.calls if call.operation == "DescribeImages" and "Owners" in call.params]
    return [(params["Owners"][0], params["Filters"][0]["Values"][0]) for params in asked]


def test_every_ami_type_of_botocore_at_every_minor_in_support_is_in_it(healthy: Bench) -> None:
    shape = botocore.session.get_session().get_service_model("eks").shape_for("AMITypes")
    assert isinstance(shape, StringShape)
    read = catalogue(healthy)
    answer = healthy.clients().eks.describe_cluster_versions(includeAll=True)["clusterVersions"]
    supported = {each["clusterVersion"] for each in answer if each["versionStatus"] != "UNSUPPORTED"}
    cells = [(each.ami_type, each.line.minor) for each in read.entries]
    assert sorted(cells) == sorted(
        (ami_type, minor) for ami_type in set(shape.enum) - {"CUSTOM"} for minor in supported
    )
    assert (read.partition, read.region, read.gap) == ("aws", REGION, None)


def test_the_newest_minor_comes_first(healthy: Bench) -> None:
    read = catalogue(healthy, LINUX, minors=("1.9", "1.35", "1.100"))
    assert [each.line.minor for each in read.entries] == ["1.100", "1.35", "1.9"]


def test_a_whole_region_costs_few_calls(healthy: Bench) -> None:
    read = catalogue(healthy)
    names = sum(len(parameter_of(each.line).names) for each in read.entries)
    shown = [each for each in read.entries if each.image]
    publishers = {(each.image.owner_id, each.line.family) for each in shown if isinstance(each.image, Image)}
    assert len(read.entries) > 100
    assert {family for _, family in publishers} == {each.line.family for each in read.entries}
    assert healthy.count("eks:DescribeClusterVersions") == 1
    assert healthy.count("ssm:GetParameters") == -(-names // 10)
    assert healthy.count("ec2:DescribeImages") == -(-len(shown) // 100) + len(publishers)
    assert len(listings(healthy)) == len(set(listings(healthy))) == len(publishers)
    assert healthy.operations == ACTIONS


def test_one_line_costs_three_calls_and_lists_no_other(healthy: Bench) -> None:
    found = entry(healthy, LINUX)
    assert isinstance(found.image, Image)
    assert listings(healthy) == [(found.image.owner_id, "amazon-eks-node-al2023-x86_64-standard-1.35-v*")]
    assert [call.operation for call in healthy.aws.calls] == ["GetParameters", "DescribeImages", "DescribeImages"]


def test_its_histories_are_those_that_audits_judge_by(shipped: Bench) -> None:
    judged = shipped.read().releases
    ours = {str(each.line): each.history for each in catalogue(shipped).entries}
    lines = [line for line, history in judged.items() if isinstance(history, ReleaseHistory) and history.recommended]
    assert len(lines) > 1
    for line in lines:
        history = judged[line]
        assert isinstance(history, ReleaseHistory)
        assert ours[line] == replace(history, family_newest=None)


def test_a_line_without_a_parameter_is_an_answer_and_costs_no_further_call(healthy: Bench) -> None:
    found = entry(healthy, "AL2_x86_64", "1.99")
    assert (found.pointer, found.image, found.history, found.gap) == (None, None, None, None)
    assert healthy.count("ec2:DescribeImages") == 0


def test_the_owner_is_learnt_from_the_recommended_image_and_nobody_elses_copies_count(
    bench: Callable[..., Any],
) -> None:
    copied = "amazon-eks-node-al2023-x86_64-standard-1.35-v20991231"
    with bench({}, images={copied: {"owner": FOREIGN}}) as started:
        images = started.aws.region(ACCOUNT, REGION).public.images
        moved = [image for image in images.values() if (told := named(image["Name"])) and told[0].family == "al2023"]
        for image in moved:
            image["OwnerId"] = "123123123123"
        found = entry(started, LINUX)
        assert isinstance(found.history, ReleaseHistory)
        assert len(found.history.releases) > 1
        assert "20991231" not in {release.version for release in found.history.releases}
        assert {owner for owner, _ in listings(started)} == {"123123123123"}


def test_minors_that_cannot_be_read_leave_nothing_to_look_for(healthy: Bench) -> None:
    healthy.aws.fail("eks", "DescribeClusterVersions", "AccessDeniedException", status=403)
    read = catalogue(healthy)
    assert read.entries == ()
    assert isinstance(read.gap, Gap)
    assert healthy.operations == {"eks:DescribeClusterVersions"}


def test_minors_asked_for_need_no_permission_of_eks(healthy: Bench) -> None:
    healthy.aws.fail("eks", "DescribeClusterVersions", "AccessDeniedException", status=403)
    assert entry(healthy, LINUX).gap is None


def test_a_batch_of_parameters_that_fails_is_the_gap_of_its_lines_alone(healthy: Bench) -> None:
    failed = parameter_of(ReleaseLine("al2023", "standard", "x86_64", "1.35")).name
    healthy.aws.fail("ssm", "GetParameters", "AccessDenied", when=lambda params: failed in params["Names"])
    by_line = {str(each.line): each for each in catalogue(healthy).entries}
    assert isinstance(by_line["al2023/standard/x86_64/1.35"].pointer, Gap)
    assert by_line["windows-2022/core/x86_64/1.35"].gap is None
    assert sum(isinstance(each.pointer, Gap) for each in by_line.values()) <= 10


def test_a_recommendation_torn_between_two_releases_is_no_history(healthy: Bench) -> None:
    history = entry(healthy, "BOTTLEROCKET_x86_64").history
    assert isinstance(history, ReleaseHistory)
    version, _ = parameter_of(ReleaseLine("bottlerocket", "standard", "x86_64", "1.35")).names
    healthy.aws.region(ACCOUNT, REGION).public.parameters[version]["Value"] = history.releases[-2].version
    torn = entry(healthy, "BOTTLEROCKET_x86_64")
    assert torn.gap is not None
    assert torn.gap == torn.history
    assert torn.gap.error.startswith("TornAnswer")


def test_images_that_may_not_be_described_leave_release_and_image_id_known(healthy: Bench) -> None:
    healthy.aws.fail("ec2", "DescribeImages", DENIED, status=403)
    found = entry(healthy, LINUX)
    assert recommended(found).startswith("ami-")
    assert isinstance(found.image, Gap)
    assert (found.gap, found.history) == (found.image, None)


def test_a_hidden_image_is_the_gap_of_its_line_alone(healthy: Bench) -> None:
    image_id = recommended(entry(healthy, LINUX))
    healthy.aws.region(ACCOUNT, REGION).public.images[image_id]["Public"] = False
    hidden, other = catalogue(healthy, LINUX, ARM, minors=("1.35",)).entries
    assert isinstance(hidden.gap, Gap)
    assert hidden.gap.error.startswith("NotVisible")
    assert other.gap is None


def test_a_listing_that_fails_is_the_gap_of_its_family_and_leaves_the_image_known(healthy: Bench) -> None:
    healthy.aws.fail("ec2", "DescribeImages", DENIED, status=403, when=lambda params: "amazon-eks-node" in str(params))
    linux, arm, windows = catalogue(healthy, LINUX, ARM, WINDOWS, minors=("1.35",)).entries
    for found in (linux, arm):
        assert isinstance(found.image, Image)
        assert isinstance(found.history, Gap)
        assert found.gap is found.history
    assert isinstance(windows.history, ReleaseHistory)


def test_an_ami_type_that_nobody_knows_is_no_silence(healthy: Bench) -> None:
    with pytest.raises(UnmappedAmiTypeError):
        catalogue(healthy, "BEOS_x86_64", minors=("1.35",))
