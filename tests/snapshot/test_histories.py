"""What a line's history is made of: which release is recommended, how old each is, and whose they are."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Image, Release, ReleaseHistory, ReleaseLine
from eks_auditor.releases.builds import Build, build_of
from eks_auditor.releases.families import parameter_of
from eks_auditor.releases.parameters import Recommended
from eks_auditor.snapshot.histories import history_of, newest_of_family, torn
from tests.builders import LINE, days_ago, gap, image, release, version
from tests.snapshot.bench import ACCOUNT, REGION, Bench

ROCKET = ReleaseLine("bottlerocket", "standard", "x86_64", "1.35")
WINDOWS = ReleaseLine("windows-2022", "core", "x86_64", "1.35")


def parameters(started: Bench) -> dict[str, dict[str, Any]]:
    return started.aws.region(ACCOUNT, REGION).public.parameters


def images(started: Bench) -> dict[str, dict[str, Any]]:
    return started.aws.region(ACCOUNT, REGION).public.images


def history(started: Bench, line: ReleaseLine | str) -> ReleaseHistory:
    started.start_anew()
    found = started.read().releases[str(line)]
    assert isinstance(found, ReleaseHistory), found
    return found


# -- what is recommended


def test_a_document_is_believed_whatever_its_image_is_called(bench: Callable[..., Any]) -> None:
    """One answer cannot be torn: what the document says is the release."""
    with bench({"node_groups": {"web": {}}}) as started:
        before = history(started, LINE)
        parameter = parameters(started)[parameter_of(LINE).name]
        document = json.loads(parameter["Value"])
        document["release_version"] = f"1.35.2-{before.releases[-2].version}"
        parameter["Value"] = json.dumps(document)
        after = history(started, LINE)
        assert started.read().gaps == ()
    assert before.recommended is not None
    assert after.recommended is not None
    assert after.recommended.version == before.releases[-2].version
    assert after.recommended.image_id == before.recommended.image_id
    assert before.recommended.version not in {release.version for release in after.releases}


@pytest.mark.parametrize(
    ("spelt", "name", "apart", "is_torn"),
    [
        ("1.62.0", "bottlerocket-aws-k8s-1.35-x86_64-v1.62.0-ea1afdd6", True, False),
        ("1.62.00", "bottlerocket-aws-k8s-1.35-x86_64-v1.62.0-ea1afdd6", True, False),
        ("1.62.0", "bottlerocket-aws-k8s-1.35-x86_64-v1.61.0-ea1afdd6", True, True),
        ("1.62.0", "bottlerocket-aws-k8s-1.34-x86_64-v1.62.0-ea1afdd6", True, True),
        ("1.62.0", "bottlerocket-aws-k8s-1.35-x86_64-v1.61.0-ea1afdd6", False, False),
        ("1.62.0", "called otherwise", True, False),
    ],
)
def test_two_parameters_are_torn_where_they_tell_two_releases(
    spelt: str,
    name: str,
    apart: bool,  # noqa: FBT001  where the values are from
    is_torn: bool,  # noqa: FBT001  what is expected
) -> None:
    found = torn(ROCKET, Recommended(spelt, "ami-1", None, apart=apart), image(name=name))
    assert (found is not None) == is_torn
    assert found is None or not found.retryable, "asking again at once would postpone the audit for ever"


def test_a_leaf_of_windows_that_moved_alone_is_torn(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"win": {"ami": "WINDOWS_CORE_2022_x86_64"}}}) as started:
        before = history(started, WINDOWS).releases[-2]
        root, leaf = parameter_of(WINDOWS).names
        document = json.loads(parameters(started)[root]["Value"])
        parameters(started)[leaf]["Value"] = before.image_id
        assert history(started, WINDOWS).recommended is not None, "the document names the image, too"
        del document["image_id"]
        parameters(started)[root]["Value"] = json.dumps(document)
        started.start_anew()
        moving = started.read().releases[str(WINDOWS)]
    assert isinstance(moving, Gap)
    assert moving.error.startswith("TornAnswer")


def test_the_image_of_windows_is_read_from_its_leaf(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"win": {"ami": "WINDOWS_CORE_2022_x86_64"}}}) as started:
        before = history(started, WINDOWS)
        root, leaf = parameter_of(WINDOWS).names
        whole = parameters(started)[root]["Value"]
        document = json.loads(whole)
        del document["image_id"]
        parameters(started)[root]["Value"] = json.dumps(document)
        assert history(started, WINDOWS) == before
        parameters(started)[root]["Value"] = whole
        del parameters(started)[leaf]
        assert history(started, WINDOWS) == before


@pytest.mark.parametrize("missing", [0, 1])
def test_half_a_parameter_is_a_gap_and_none_is_an_answer(bench: Callable[..., Any], missing: int) -> None:
    with bench({"node_groups": {"rocket": {"ami": "BOTTLEROCKET_x86_64"}}}) as started:
        names = parameter_of(ROCKET).names
        del parameters(started)[names[missing]]
        snapshot = started.read()
        half = snapshot.releases[str(ROCKET)]
        assert isinstance(half, Gap)
        assert (half.resource, half.retryable) == (names[missing], False)
        assert half in snapshot.gaps
        del parameters(started)[names[1 - missing]]
        assert history(started, ROCKET).recommended is None


# -- how old a release is


def test_a_release_that_was_built_again_is_as_old_as_its_first_build() -> None:
    first = image(version(20), id="ami-first", created_at=days_ago(20))
    again = replace(first, id="ami-again", created_at=days_ago(1))
    before = image(version(60), created_at=days_ago(60))
    found = Recommended(version(20), again.id, again.name)
    for published in ((before, first, again), (again, first, before)):
        of = history_of(LINE, found, again, published)
        assert isinstance(of, ReleaseHistory)
        assert [(each.version, each.published_at) for each in of.releases] == [
            (version(60), days_ago(60)),
            (version(20), days_ago(20)),
        ]
        assert of.recommended == of.releases[-1]
        assert of.recommended.image_id == again.id


# -- the family's newest


def built(day: str, of: str = "standard-1.36", **deviations: Any) -> Image:  # noqa: ANN401  any field of an image
    """An image of Amazon Linux 2023, of another line than ours by default."""
    return image(day, **{"name": f"amazon-eks-node-al2023-x86_64-{of}-v{day}", "id": f"ami-{of}-{day}"} | deviations)


def newest(*published: Image, own: tuple[Release, ...] = (), recommended: str = "20260805") -> str:
    ours = release(110, version=recommended)
    found = newest_of_family(LINE, ours, (*own, ours), published)
    assert isinstance(found, Release)
    return found.version


def test_the_newest_of_the_family_is_by_its_version_and_not_by_its_creation() -> None:
    """An old release of another line that is built again is no newer one."""
    again = built("20260701", "nvidia-1.34", created_at=days_ago(1))
    assert newest(built("20261001"), built("20261014", created_at=days_ago(40)), again) == "20261014"
    assert newest(again) == "20260805"


def test_the_newest_of_the_family_is_of_another_line() -> None:
    ours = built("20261014", "standard-1.35")
    assert newest(ours) == "20260805"
    assert newest(built("20260901"), ours) == "20260901"
    assert newest(built("20260901", name="amazon-eks-node-1.32-v20260901")) == "20260805", "another family"


def test_what_was_built_for_the_line_too_does_not_tell_that_the_family_went_on() -> None:
    """AWS took a release back everywhere: its images are there, and nothing recommends them."""
    taken_back = release(40, version="20261014")
    assert newest(built("20261014"), built("20261014", "nvidia-1.34"), own=(taken_back,)) == "20260805"
    assert newest(built("20261014"), built("20261020"), own=(taken_back,)) == "20261020"


def test_an_abandoned_release_does_not_tell_that_the_family_went_on() -> None:
    taken_back = built("20260128", "standard-1.34")
    assert newest(taken_back, recommended="20260116") == "20260116"
    assert newest(taken_back, built("20260129", "standard-1.34"), recommended="20260116") == "20260129"


def test_a_family_that_cannot_be_listed_is_a_gap() -> None:
    assert newest_of_family(LINE, release(110), (), gap()) == gap()


# -- whose images they are


def test_the_images_of_amazon_linux_2_are_aws_s_without_alias_and_without_parameter(bench: Callable[..., Any]) -> None:
    """The owner is known by what AWS recommends of Amazon Linux 2023."""
    with bench({"self_managed": {"batch": {"ami": "AL2_x86_64", "kubernetes": "1.31"}}}) as started:
        for each in images(started).values():
            each.pop("ImageOwnerAlias", None)
        for name in [each for each in parameters(started) if "/amazon-linux-2/" in each]:
            del parameters(started)[name]
        snapshot = started.read()
    line = ReleaseLine("al2", "standard", "x86_64", "1.31")
    of = snapshot.releases[str(line)]
    assert isinstance(of, ReleaseHistory)
    assert of.recommended is None
    assert set(snapshot.releases) == {str(line)}, "what was asked for the owner alone is no line in use"
    [al2] = (each for each in snapshot.images.values() if isinstance(each, Image))
    build = build_of(al2, snapshot)
    assert isinstance(build, Build)
    assert build.line == line


def test_nobody_elses_copy_of_amazon_linux_2_becomes_aws_s(bench: Callable[..., Any]) -> None:
    name = "amazon-eks-node-1.31-v20251209"
    shared = {"self_managed": {"batch": {"image": name}}}
    with bench(shared, images={name: {"owner": "999988887777"}}) as started:
        for each in [each for each in parameters(started) if "/amazon-linux-2/" in each]:
            del parameters(started)[each]
        snapshot = started.read()
    [copy] = (each for each in snapshot.images.values() if isinstance(each, Image))
    assert build_of(copy, snapshot) is None


def test_another_line_of_the_family_tells_the_owner(bench: Callable[..., Any]) -> None:
    groups = {"rocket": {"ami": "BOTTLEROCKET_x86_64"}, "arm": {"ami": "BOTTLEROCKET_ARM_64"}}
    with bench({"node_groups": groups}) as started:
        owner = history(started, ROCKET).owner_id
        for name in parameter_of(ROCKET).names:
            del parameters(started)[name]
        of = history(started, ROCKET)
    assert (of.recommended, of.owner_id) == (None, owner)
    assert owner is not None
