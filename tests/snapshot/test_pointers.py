"""What the release watcher reads, from the local AWS."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import ReleaseLine
from eks_auditor.releases.families import lines_of_minor, parameter_of
from eks_auditor.snapshot.pointers import Seen, read_pointers, supported_minors
from tests.snapshot.bench import ACCOUNT, REGION, Bench

LINUX = ReleaseLine("al2023", "standard", "x86_64", "1.35")
BOTTLEROCKET = ReleaseLine("bottlerocket", "standard", "arm64", "1.35")
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
    dates = [parameters(healthy)[name]["LastModifiedDate"] for name in parameter_of(line).names]
    assert seen.modified_at == max(dates)


def test_ten_names_go_into_a_call(healthy: Bench) -> None:
    lines = lines_of_minor("1.35")
    answers = read_pointers(healthy.clients().ssm, lines)
    assert set(answers) == set(lines)
    names = sum(len(parameter_of(line).names) for line in lines)
    assert healthy.count("ssm:GetParameters") == -(-names // 10)


def test_a_parameter_that_does_not_exist_is_no_gap(healthy: Bench) -> None:
    assert pointer(healthy, NEVER_BUILT) is None
    del parameters(healthy)[parameter_of(BOTTLEROCKET).names[1]]
    assert pointer(healthy, BOTTLEROCKET) is None, "half a parameter is none"


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


def test_a_throttled_batch_is_the_gap_of_its_lines_alone(healthy: Bench) -> None:
    lines = lines_of_minor("1.35")
    throttled = parameter_of(LINUX).name
    healthy.aws.fail("ssm", "GetParameters", "ThrottlingException", when=lambda params: throttled in params["Names"])
    answers = read_pointers(healthy.clients().ssm, lines)
    gaps = [line for line, answer in answers.items() if isinstance(answer, Gap)]
    assert LINUX in gaps
    assert 0 < len(gaps) <= 10
    assert all(answer.retryable for answer in answers.values() if isinstance(answer, Gap))
