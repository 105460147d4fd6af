from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.model.release import Evidence, Release, ReleaseHistory, ReleaseLine
from eks_auditor.releases.families import order
from eks_auditor.releases.past import past_releases
from eks_auditor.releases.superseded import Superseded, superseded
from tests.builders import LINE, days_ago, history, release, version

ROCKET = ReleaseLine("bottlerocket", "standard", "x86_64", "1.35")


UNTOLD = replace(LINE, minor="1.99")
"""A line that the shipped table knows nothing of."""


def judged(of: ReleaseHistory, ours: str, line: ReleaseLine = LINE) -> Superseded:
    word = superseded(line, of, ours)
    assert word is not None
    return word


def test_the_recommended_release_is_not_superseded() -> None:
    word = judged(history(40, 20, 5), version(5))

    assert (word.by, word.since, word.newer, word.at_least) == (None, None, 0, False)


def test_a_release_newer_than_the_recommended_one_is_not_superseded() -> None:
    assert judged(history(40, 20, 5, recommended=release(20)), version(5)).since is None


def test_the_first_newer_release_counts_and_not_the_newest() -> None:
    word = judged(history(90, 60, 30, 5), version(90))

    assert word.by == release(60)
    assert word.since == days_ago(60)
    assert word.newer == 3
    assert not word.at_least


def test_releases_newer_than_the_recommended_one_do_not_count() -> None:
    word = judged(history(90, 60, 30, 5, recommended=release(60)), version(90))

    assert (word.by, word.newer) == (release(60), 1)


def test_a_recommendation_taken_back_beyond_ours_leaves_nothing_superseded() -> None:
    assert judged(history(90, 60, 30, 5, recommended=release(90)), version(60)).since is None


def dated(*days: str) -> tuple[Release, ...]:
    """Releases whose images were created on their day."""
    return tuple(
        Release(version=day, image_id=f"ami-{day}", published_at=datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC))
        for day in days
    )


def test_abandoned_releases_do_not_count() -> None:
    releases = dated("20260120", "20260128", "20260129")

    word = judged(history(recommended=releases[-1], releases=releases), "20260120")

    assert (word.by, word.newer) == (releases[-1], 1)


def test_an_abandoned_release_counts_while_it_is_recommended() -> None:
    releases = dated("20260120", "20260128")

    word = judged(history(recommended=releases[-1], releases=releases), "20260120")

    assert (word.by, word.newer) == (releases[-1], 1)


def test_an_abandoned_release_counts_for_other_families() -> None:
    releases = dated("20260120", "20260128", "20260129")

    word = superseded(replace(LINE, family="al2"), history(recommended=releases[-1], releases=releases), "20260120")

    assert word is not None
    assert word.newer == 2


def test_a_history_that_begins_after_ours_gives_a_lower_bound() -> None:
    word = judged(history(60, 30, 5), version(70), UNTOLD)

    assert word.at_least
    assert word.since == days_ago(60)
    assert word.newer == 3


def test_the_table_tells_what_was_before_the_oldest_image() -> None:
    seen = dated("20260224", "20260304")

    word = judged(history(recommended=seen[-1], releases=seen), "20260116")

    first = Release(
        version="20260120",
        image_id=None,
        published_at=datetime(2026, 1, 20, tzinfo=UTC),
        known_by=Evidence.TABLE,
    )
    assert (word.by, word.since, word.at_least) == (first, first.published_at, False)
    assert word.newer == 5, "20260120, 20260129, 20260209 by the table, not 20260128, and the two that are seen"


def test_what_is_missing_between_images_was_withdrawn_here_or_never_published() -> None:
    seen = dated("20260116", "20260224", "20260304")

    word = judged(history(recommended=seen[-1], releases=seen), "20260116")

    assert (word.by, word.newer, word.at_least) == (seen[1], 2, False)


def test_the_table_does_not_help_where_it_ends_before_the_first_newer_release() -> None:
    ours = past_releases(LINE)[-1].version
    seen = (Release(version="99991231", image_id="ami-1", published_at=days_ago(5)),)

    word = judged(history(recommended=seen[-1], releases=seen), ours)

    assert (word.by, word.at_least) == (seen[0], True)


def test_the_table_does_not_help_where_it_begins_after_ours() -> None:
    seen = dated("20260714")
    line = replace(LINE, minor="1.36")

    word = superseded(line, history(recommended=seen[-1], releases=seen), "20260601")

    assert word is not None
    assert word.by is not None
    assert (word.by.version, word.at_least) == ("20260610", True)


def test_ours_missing_between_releases_that_are_seen_is_exact() -> None:
    word = judged(history(90, 30, 5), version(60))

    assert not word.at_least
    assert word.since == days_ago(30)


def test_an_empty_history_still_knows_the_recommended_release() -> None:
    word = judged(ReleaseHistory(parameter="p", recommended=release(5), releases=()), version(60))

    assert word.at_least
    assert word.since == days_ago(5)


def test_two_builds_of_one_version_are_one_release_of_the_first_instant() -> None:
    early, late = release(30), replace(release(30), image_id="ami-2", published_at=days_ago(28))
    ours, latest = release(60), release(5)

    for builds in ((early, late), (late, early)):
        word = judged(history(recommended=latest, releases=(ours, *builds, latest)), ours.version)
        assert (word.since, word.newer) == (early.published_at, 2)


def test_two_builds_on_one_day_are_told_apart() -> None:
    first, second = release(30), replace(release(30), version=f"{version(30)}-1")

    word = judged(history(recommended=second, releases=(first, second)), first.version)

    assert word.by == second


def test_the_first_published_counts_whatever_its_version() -> None:
    ours, patched, minor = (
        Release(version=v, image_id=None, published_at=days_ago(d))
        for v, d in (("1.60.0", 90), ("1.60.1", 20), ("1.61.0", 50))
    )

    word = superseded(ROCKET, history(recommended=minor, releases=(ours, minor, patched)), "1.60.0-deadbeef")

    assert word is not None
    assert (word.by, word.since, word.newer) == (minor, days_ago(50), 2)


def test_nothing_is_said_where_aws_recommends_nothing() -> None:
    assert superseded(LINE, history(recommended=None), version(60)) is None


def test_a_version_of_another_family_is_refused() -> None:
    with pytest.raises(ValueError, match="not spelt like a version of al2023"):
        superseded(LINE, history(), "1.62.1")


AGES = st.lists(st.integers(0, 700), min_size=1, max_size=12, unique=True).map(lambda ages: sorted(ages, reverse=True))


@given(AGES, st.integers(0, 700), st.integers(701, 2000))
def test_a_release_older_than_ours_never_changes_since_when(ages: list[int], ours: int, older: int) -> None:
    before = judged(history(*ages), version(ours), UNTOLD)
    after = judged(history(older, *ages), version(ours), UNTOLD)

    assert (after.by, after.since, after.newer, after.recommended) == (
        before.by,
        before.since,
        before.newer,
        before.recommended,
    )
    assert not after.at_least


@given(AGES, st.integers(0, 700))
def test_superseded_means_that_something_newer_was_published_and_is_no_newer_than_the_recommended(
    ages: list[int], ours: int
) -> None:
    of = history(*ages)
    word = judged(of, version(ours), UNTOLD)

    if order(LINE, version(ours)) >= order(LINE, word.recommended.version):
        assert word.since is None
    else:
        assert word.since == days_ago(max(age for age in ages if age < ours))
        assert word.newer == sum(age < ours for age in ages)


@given(AGES, st.data())
def test_the_older_of_two_releases_has_been_superseded_for_at_least_as_long(
    ages: list[int], data: st.DataObject
) -> None:
    older, younger = sorted(data.draw(st.lists(st.integers(0, 700), min_size=2, max_size=2)), reverse=True)
    first, second = (judged(history(*ages), version(age), UNTOLD) for age in (older, younger))

    assert second.since is None or (first.since is not None and first.since <= second.since)


@given(AGES, st.integers(0, 700), st.integers(0, 11))
def test_a_recommendation_taken_back_never_makes_it_later(ages: list[int], ours: int, back: int) -> None:
    of = history(*ages)
    taken_back = replace(of, recommended=of.releases[max(0, len(ages) - 1 - back)])

    now, before = judged(taken_back, version(ours), UNTOLD), judged(of, version(ours), UNTOLD)

    assert now.since in (None, before.since)
    assert now.newer <= before.newer


@given(AGES, st.integers(0, 700), st.randoms())
def test_the_order_in_which_releases_are_listed_is_nothing(ages: list[int], ours: int, random: Random) -> None:
    of = history(*ages)
    shuffled = list(of.releases)
    random.shuffle(shuffled)

    assert judged(replace(of, releases=tuple(shuffled)), version(ours), UNTOLD) == judged(of, version(ours), UNTOLD)


def test_hours_count() -> None:
    at = days_ago(14) + timedelta(hours=1)
    latest = replace(release(20), published_at=at)

    assert judged(history(recommended=latest, releases=(release(40), latest)), version(40)).since == at
