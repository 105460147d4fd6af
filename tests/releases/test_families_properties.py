"""Properties of the families' spelling: total orders, round trips, and nothing that text can crash."""

import json
import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.model.release import ReleaseLine
from eks_auditor.releases.families import (
    UnmappedAmiTypeError,
    classify,
    day_of,
    family_pattern,
    line_of_ami_type,
    name_pattern,
    named,
    order,
    parameter_of,
    read_parameter,
    release_of,
)
from tests import builders
from tests.releases.test_families import NAMES, PARAMETERS, line, matches

FAMILIES = ("al2", "al2023", "bottlerocket", "windows-2019", "windows-2022", "windows-2025")
LINES = {line(ami_type).family: line(ami_type) for ami_type in PARAMETERS}

days = st.dates(min_value=date(2018, 1, 1), max_value=date(2099, 12, 31))
SEPARATORS = (".", "-", "-0", ".0")
"""What may be before a counter: ``.1``, ``-1`` and ``-01`` are one."""
counters = st.none() | st.tuples(st.sampled_from(SEPARATORS), st.integers(1, 99))
numbers = st.tuples(*[st.integers(0, 200)] * 3)
minors = st.integers(10, 99).map(lambda number: f"1.{number}")


def spelt(family: str, value: Any) -> str:  # noqa: ANN401  a day and a counter, or three numbers
    """Spell a version the way a family does."""
    if family == "bottlerocket":
        return ".".join(map(str, value))
    day, counter = value
    text = f"{day:%Y.%m.%d}" if family.startswith("windows") else f"{day:%Y%m%d}"
    return text if counter is None else f"{text}{counter[0]}{counter[1]}"


def values(family: str) -> st.SearchStrategy[Any]:
    return numbers if family == "bottlerocket" else st.tuples(days, counters)


def spelt_otherwise(family: str, value: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401  as in spelt
    """The same release, its counter written another way."""
    if family == "bottlerocket" or value[1] is None:
        return st.just(value)
    return st.sampled_from(SEPARATORS).map(lambda separator: (value[0], (separator, value[1][1])))


def ends(family: str) -> st.SearchStrategy[str]:
    """What may follow a version and orders nothing: Bottlerocket's commit."""
    return st.just("") | st.from_regex("-[0-9a-f]{7,40}", fullmatch=True) if family == "bottlerocket" else st.just("")


def sortable(value: Any) -> Any:  # noqa: ANN401  as in spelt
    """What a person would compare: a day without a counter comes before its first counter."""
    return (value[0], value[1][1] if value[1] else 0) if len(value) == 2 else value


@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
def test_versions_of_a_family_are_in_a_total_order(family: str, data: st.DataObject) -> None:
    of = LINES[family]
    drawn = data.draw(st.lists(values(family), min_size=2, max_size=8))
    versions = {spelt(family, value): sortable(value) for value in drawn}

    ranked = sorted(versions, key=lambda version: order(of, version))

    assert [versions[version] for version in ranked] == sorted(versions.values())


@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
def test_versions_are_equal_if_and_only_if_they_are_one_release(family: str, data: st.DataObject) -> None:
    of, one = LINES[family], data.draw(values(family))
    other = data.draw(values(family) | spelt_otherwise(family, one))

    first, second = order(of, spelt(family, one)), order(of, spelt(family, other) + data.draw(ends(family)))

    assert (first == second) == (sortable(one) == sortable(other))
    assert (first < second) == (sortable(one) < sortable(other))


@pytest.mark.parametrize("ami_type", PARAMETERS)
@given(minor=minors, data=st.data())
def test_a_name_tells_its_line_and_version_back(ami_type: str, minor: str, data: st.DataObject) -> None:
    of = line(ami_type, minor)
    version = spelt(of.family, data.draw(values(of.family)))
    commit = "-ea1afdd6" if of.family == "bottlerocket" else ""

    name = name_pattern(of).replace("*", version + commit)

    assert named(name) == (of, version)
    assert matches(family_pattern(of), name)


@pytest.mark.parametrize("ami_type", PARAMETERS)
@given(minor=minors, patch=st.integers(0, 30), data=st.data())
def test_a_release_version_tells_its_version_back(ami_type: str, minor: str, patch: int, data: st.DataObject) -> None:
    of = line(ami_type, minor)
    version = spelt(of.family, data.draw(values(of.family)))
    words = {"al2": f"{minor}.{patch}-{version}", "bottlerocket": f"{version}-ea1afdd6"}
    release_version = words.get(of.family.replace("al2023", "al2"), f"{minor}-{version}")

    assert release_of(of, release_version) == version
    document = {"image_id": "ami-1", "image_name": "n", "release_version": release_version}
    root = parameter_of(of).name
    leaves = {f"{root}/image_version": release_version, f"{root}/image_id": "ami-1"}
    assert read_parameter(of, {root: json.dumps(document)} | leaves)[:2] == (version, "ami-1")


@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
def test_a_version_tells_its_day(family: str, data: st.DataObject) -> None:
    value = data.draw(values(family))

    assert day_of(LINES[family], spelt(family, value)) == (None if family == "bottlerocket" else value[0])


@pytest.mark.parametrize("ami_type", PARAMETERS)
def test_parameters_are_the_same_in_every_partition(ami_type: str) -> None:
    """AWS's public parameters name no account and no Region: aws, aws-cn and aws-us-gov read one path."""
    names = parameter_of(line(ami_type)).names

    assert all(re.fullmatch(r"/aws/service/(eks/optimized-ami|bottlerocket|ami-windows-latest)/.+", n) for n in names)
    assert not [name for name in names if "arn:" in name or "amazonaws" in name]


# Whatever a name tag, an answer or a tag of somebody's may say: any text, and texts that are nearly right.
near_misses = st.sampled_from(
    [
        *NAMES.values(),
        "1.35.2-20261118",
        "20261399",
        "1.62.1-ea1afdd6",
        "2026.11.12",
        "amazon-eks-node-al2023-x86_64---1.35-v20261118",
        "bottlerocket-aws-k8s-1.35-standard-x86_64-v1.62.1-ea1afdd6",
        "amazon-eks-node-1.\u0969\u096b-v\u0968\u0966\u0968\u096c\u0967\u0967\u0967\u096e",
        "1.62." + "9" * 5000,
        "[" * 100_000,
        '{"image_id": 1, "release_version": "1.35.2-20261118"}',
        '{"image_id": "ami-1", "release_version": 20261118}',
        '{"image_id": "ami-1", "image_name": [], "release_version": "1.35.2-20261118"}',
    ]
)
texts = st.text() | near_misses | st.builds(str.__add__, near_misses, st.text(max_size=3))


@given(texts)
def test_any_name_is_a_release_that_its_lines_pattern_finds_or_none(text: str) -> None:
    release = named(text)

    assert (classify(builders.image(name=text)) is None) == (release is None)
    if release is not None:
        of, version = release
        assert matches(name_pattern(of), text)
        assert order(of, version) is not None


@given(st.sampled_from(sorted(LINES.values())), texts)
def test_any_version_is_read_or_is_one_sentence(of: ReleaseLine, text: str) -> None:
    for read in (release_of, order, day_of):
        try:
            read(of, text)
        except ValueError as error:
            assert "is not spelt like a" in str(error)  # noqa: PT017  most texts raise, some do not


@given(st.sampled_from(sorted(LINES.values())), texts, texts)
def test_any_parameter_is_read_or_is_one_sentence(of: ReleaseLine, text: str, other: str) -> None:
    names = parameter_of(of).names
    try:
        found = read_parameter(of, dict(zip(names, (text, other), strict=False)))
    except ValueError as error:
        assert "is no JSON document with a" in str(error) or "is not spelt like a" in str(error)  # noqa: PT017  likewise
    else:
        assert isinstance(found.image_id, str)
        assert isinstance(found.image_name, str | None)


@given(texts, texts)
def test_any_ami_type_is_mapped_or_named(ami_type: str, minor: str) -> None:
    try:
        line_of_ami_type(ami_type, minor)
    except UnmappedAmiTypeError as error:
        assert ami_type in str(error)  # noqa: PT017  all texts but two dozen raise


@given(st.sampled_from(sorted(PARAMETERS)), texts)
def test_any_minor_has_its_parameter_and_patterns(ami_type: str, minor: str) -> None:
    of = line(ami_type, minor)

    assert minor in parameter_of(of).name
    assert minor in name_pattern(of)
    assert minor in str(of)
