"""What the release watcher reads, from the local AWS."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import ReleaseLine
from eks_auditor.releases.families import lines_of_minor, parameter_of
from eks_auditor.snapshot import ssm
from eks_auditor.snapshot.pointers import Seen, read_pointers, supported_minors
from tests.snapshot.bench import ACCOUNT, REGION, Bench

LINUX = ReleaseLine("al2023", "standard", "x86_64", "1.35")
BOTTLEROCKET = ReleaseLine("bottlerocket", "standard", "arm64", "1.35")
WINDOWS = ReleaseLine("windows-2022", "core", "x86_64", "1.35")
NEVER_BUILT = ReleaseLine("al2", "standard", "x86_64", "1.99")


@pytest.fixture
def healthy(bench: Callable[..., Any]) -> Iterator[Bench]:
    with bench({}) as started:
        yield started


def parameters(bench: Bench) -> dict[str, dict[str, Any]]:
    return bench.aws.region(ACCOUNT, REGION).public.parameters


def pointer(bench: Bench, line: ReleaseLine) -> Seen | Gap | None:
    return read_pointers(bench.clients().ssm, [line])[line]


def test_the_minors_in_support_are_read(healthy: Bench) -> None:
    minors = supported_minors(healthy.clients().eks, REGION)
    assert not isinstance(minors, Gap)
    assert "1.35" in minors
    answer = healthy.clients().eks.describe_cluster_versions(includeAll=True)["clusterVersions"]
    unsupported = {version["clusterVersion"] for version in answer if version["versionStatus"] == "UNSUPPORTED"}
    assert unsupported
    assert unsupported.isdisjoint(minors)


def test_minors_that_cannot_be_read_are_a_gap(healthy: Bench) -> None:
    healthy.aws.fail("eks", "DescribeClusterVersions", "AccessDeniedException", status=403)
    gap = supported_minors(healthy.clients().eks, REGION)
    assert isinstance(gap, Gap)
    assert gap.action == "eks:DescribeClusterVersions"


def test_a_region_without_a_version_in_support_is_an_answer_to_distrust() -> None:
    class Eks:
        def get_paginator(self, _name: str) -> "Eks":
            return self

        def paginate(self, **_: object) -> list[dict[str, list[object]]]:
            return [{"clusterVersions": []}]

    assert isinstance(supported_minors(Eks(), REGION), Gap)  # type: ignore[arg-type]  # a fake of its one call


@pytest.mark.parametrize("line", [LINUX, BOTTLEROCKET], ids=str)
def test_a_pointer_says_release_image_and_when_it_was_modified(healthy: Bench, line: ReleaseLine) -> None:
    seen = pointer(healthy, line)
    assert isinstance(seen, Seen)
    assert seen.recommended.image_id.startswith("ami-")
    dates = [parameters(healthy)[name]["LastModifiedDate"] for name in parameter_of(line).required]
    assert seen.modified_at == max(dates)


def test_ten_names_go_into_a_call(healthy: Bench) -> None:
    lines = lines_of_minor("1.35")
    answers = read_pointers(healthy.clients().ssm, lines)
    assert set(answers) == set(lines)
    names = sum(len(parameter_of(line).names) for line in lines)
    assert healthy.count("ssm:GetParameters") == -(-names // 10)


def test_a_parameter_that_does_not_exist_is_no_gap(healthy: Bench) -> None:
    assert pointer(healthy, NEVER_BUILT) is None


@pytest.mark.parametrize("missing", [0, 1])
def test_half_a_parameter_is_a_gap(healthy: Bench, missing: int) -> None:
    names = parameter_of(BOTTLEROCKET).names
    half = parameters(healthy).pop(names[missing])
    gap = pointer(healthy, BOTTLEROCKET)
    assert isinstance(gap, Gap)
    assert (gap.resource, gap.retryable) == (half["Name"], False)
    assert names[1 - missing] in gap.error
    del parameters(healthy)[names[1 - missing]]
    assert pointer(healthy, BOTTLEROCKET) is None


@pytest.mark.parametrize("leaf", [True, False])
@pytest.mark.parametrize("inside", [True, False])
def test_the_image_of_windows_is_in_the_document_or_in_its_leaf(healthy: Bench, leaf: bool, inside: bool) -> None:  # noqa: FBT001  where it is
    before = pointer(healthy, WINDOWS)
    root, image = parameter_of(WINDOWS).names
    document = json.loads(parameters(healthy)[root]["Value"])
    if not inside:
        del document["image_id"]
    parameters(healthy)[root]["Value"] = json.dumps(document)
    if not leaf:
        del parameters(healthy)[image]
    seen = pointer(healthy, WINDOWS)
    if not (leaf or inside):
        assert isinstance(seen, Gap)
        return
    assert isinstance(before, Seen)
    assert isinstance(seen, Seen)
    assert seen.recommended == before.recommended
    assert (seen.spread is None) == inside


def test_a_leaf_of_windows_alone_is_a_gap(healthy: Bench) -> None:
    del parameters(healthy)[parameter_of(WINDOWS).name]
    assert isinstance(pointer(healthy, WINDOWS), Gap)


def test_two_parameters_tell_how_long_apart_they_were_modified(healthy: Bench) -> None:
    version, image = parameter_of(BOTTLEROCKET).names
    parameters(healthy)[image]["LastModifiedDate"] -= timedelta(minutes=7)
    seen, whole = pointer(healthy, BOTTLEROCKET), pointer(healthy, LINUX)
    assert isinstance(seen, Seen)
    assert isinstance(whole, Seen)
    assert (seen.modified_at, seen.spread) == (parameters(healthy)[version]["LastModifiedDate"], timedelta(minutes=7))
    assert whole.spread is None


LINES = [line for minor in range(20, 40) for line in lines_of_minor(f"1.{minor}")]


@given(st.lists(st.sampled_from(LINES), max_size=60))
def test_what_belongs_to_one_line_is_asked_for_in_one_call(lines: list[ReleaseLine]) -> None:
    batches = ssm.batches(parameter_of(line).names for line in lines)
    names = sorted({name for line in lines for name in parameter_of(line).names})
    assert sorted(name for batch in batches for name in batch) == names
    assert len(batches) == -(-len(names) // ssm.LARGEST_BATCH), "no more calls than it takes"
    assert all(len(batch) <= ssm.LARGEST_BATCH for batch in batches)
    for line in lines:
        assert sum(set(parameter_of(line).names) <= set(batch) for batch in batches) == 1


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "[]",
        json.dumps({"image_id": "ami-0123"}),
        json.dumps({"release_version": 7, "image_id": "ami-0123"}),
        json.dumps({"release_version": "1.35.2-2026", "image_id": "ami-0123"}),
        json.dumps({"release_version": "1.35.2-20261110", "image_id": "latest"}),
        json.dumps({"release_version": "1.35.2-20261110", "image_id": ["ami-0123"]}),
    ],
)
def test_a_value_that_cannot_be_read_is_a_gap_that_names_its_parameter(healthy: Bench, value: str) -> None:
    parameters(healthy)[parameter_of(LINUX).name]["Value"] = value
    gap = pointer(healthy, LINUX)
    assert isinstance(gap, Gap)
    assert gap.resource == parameter_of(LINUX).name
    assert not gap.retryable


def test_after_a_throttled_call_no_other_is_made(healthy: Bench) -> None:
    lines = lines_of_minor("1.35")
    batches = ssm.batches(parameter_of(line).names for line in lines)
    assert len(batches) > 2
    second = batches[1]
    healthy.aws.fail("ssm", "GetParameters", "ThrottlingException", when=lambda params: params["Names"] == [*second])
    answers = read_pointers(healthy.clients().ssm, lines)
    assert healthy.count("ssm:GetParameters") == 2
    for line, answer in answers.items():
        if set(parameter_of(line).names) <= set(batches[0]):
            assert not isinstance(answer, Gap), line
        else:
            assert isinstance(answer, Gap), line
            assert answer.retryable
            assert answer.resource in parameter_of(line).names


def test_after_a_refused_call_the_others_are_made(healthy: Bench) -> None:
    lines = lines_of_minor("1.35")
    refused = parameter_of(LINUX).name
    healthy.aws.fail("ssm", "GetParameters", "AccessDenied", when=lambda params: refused in params["Names"])
    answers = read_pointers(healthy.clients().ssm, lines)
    assert healthy.count("ssm:GetParameters") > 2
    gaps = [line for line, answer in answers.items() if isinstance(answer, Gap)]
    assert LINUX in gaps
    assert 0 < len(gaps) <= 10
