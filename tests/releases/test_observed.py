"""What the ledger saw of a recommendation decides what counts, and from when."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.model.release import Evidence, Pointer, PointerMove, Release, ReleaseHistory, ReleaseLine
from eks_auditor.releases.superseded import Superseded, superseded
from tests.builders import LINE, days_ago, history, image_id, release, version

UNTOLD = replace(LINE, minor="1.99")
"""A line that the shipped table knows nothing of."""

ROCKET = ReleaseLine("bottlerocket", "standard", "x86_64", "1.99")


def pointer(*moves: tuple[float, float | None], since: float, line: ReleaseLine = UNTOLD) -> Pointer:
    """A pointer watched since so many days ago; each move says the age of the release, and its own."""
    return Pointer(
        line=line,
        watched_since=days_ago(since),
        moves=tuple(
            PointerMove(
                version=version(age), image_id=image_id(version(age)), at=None if moved is None else days_ago(moved)
            )
            for age, moved in moves
        ),
    )


def seen(*days: float, moves: tuple[tuple[float, float | None], ...], since: float) -> ReleaseHistory:
    """Images of these ages, and what the pointer was seen to do; what it moved to last is recommended."""
    return history(*days, recommended=release(moves[-1][0]), pointer=pointer(*moves, since=since))


def judged(of: ReleaseHistory, ours: float, line: ReleaseLine = UNTOLD) -> Superseded:
    word = superseded(line, of, version(ours))
    assert word is not None
    return word


def test_a_release_counts_from_the_move_to_it_and_not_from_its_image() -> None:
    word = judged(seen(90, 40, moves=((90, None), (40, 33)), since=80), ours=90)

    assert word.since == days_ago(33)
    assert word.by is not None
    assert word.by.known_by is Evidence.POINTER
    assert (word.recommended.published_at, word.recommended.known_by) == (days_ago(33), Evidence.POINTER)
    assert (word.newer, word.at_least) == (1, False)


def test_what_the_pointer_held_at_first_counts_from_its_image() -> None:
    word = judged(seen(90, 40, moves=((40, None),), since=20), ours=90)

    assert word.since == days_ago(40)
    assert word.by is not None
    assert word.by.known_by is Evidence.IMAGE


def test_what_was_published_before_the_watch_counts() -> None:
    word = judged(seen(90, 60, 40, 10, moves=((40, None), (10, 8)), since=20), ours=90)

    assert (word.since, word.newer) == (days_ago(60), 3)


def test_a_release_that_the_pointer_moved_back_from_does_not_count() -> None:
    rolled_back = seen(90, 40, 20, moves=((90, None), (40, 33), (90, 30)), since=80)

    assert judged(rolled_back, ours=90).since is None
    assert judged(rolled_back, ours=40).since is None, "newer than the recommended one"


def test_one_that_was_moved_back_from_does_not_count_after_a_newer_one_either() -> None:
    word = judged(seen(90, 40, 20, moves=((90, None), (40, 33), (90, 30), (20, 12)), since=80), ours=90)

    assert (word.since, word.newer) == (days_ago(12), 1)


def test_one_that_is_recommended_again_counts_from_the_later_move() -> None:
    word = judged(seen(90, 40, moves=((90, None), (40, 33), (90, 30), (40, 16)), since=80), ours=90)

    assert (word.since, word.newer) == (days_ago(16), 1)


def test_moving_back_to_one_leaves_its_own_instant() -> None:
    word = judged(seen(90, 40, 20, moves=((90, None), (40, 33), (20, 15), (40, 12)), since=80), ours=90)

    assert (word.since, word.newer) == (days_ago(33), 1)


def test_what_was_not_seen_to_be_recommended_counts_all_the_same() -> None:
    word = judged(seen(90, 60, 40, 20, moves=((60, None), (20, 12)), since=30), ours=60)

    assert (word.since, word.newer) == (days_ago(40), 2)
    assert word.by is not None
    assert word.by.known_by is Evidence.IMAGE


def test_nobody_watched_for_months() -> None:
    """The poll was off from 97 days ago until 2 days ago: what came and went meanwhile superseded ours."""
    word = judged(seen(100, 92, 60, 30, 4, moves=((100, None), (4, 3)), since=98), ours=100)

    assert (word.since, word.newer, word.at_least) == (days_ago(92), 4, False)


def test_a_watch_that_stood_still_proves_no_exact_number() -> None:
    """What was recommended while nobody watched may be out of sight by now."""
    word = judged(seen(4, moves=((100, None), (4, 3)), since=98), ours=100)

    assert (word.since, word.at_least) == (days_ago(3), True)


def test_going_back_to_a_release_that_was_not_seen_recommended_does_not_date_it() -> None:
    """AWS goes back to what it recommended before: its image tells since when, and no newer than the move."""
    back = seen(90, 40, 10, moves=((10, None), (40, 2)), since=8)

    word = judged(back, ours=90)
    assert (word.since, word.newer) == (days_ago(40), 1)
    unseen = judged(replace(back, pointer=pointer((10, None), since=8)), ours=90)
    assert (unseen.since, unseen.newer) == (days_ago(40), 1)


def test_a_release_that_was_built_again_is_as_old_as_it_was_seen_to_be() -> None:
    """The first build is gone, and what is left was created 1 day ago: the watch began 20 days ago with the release."""
    again = replace(release(25), published_at=days_ago(1), image_id="ami-again")
    held = history(90, recommended=again, releases=(release(90), again), pointer=pointer((25, None), since=20))
    moves = ((90, None), (25, 20), (25, 1))
    moved = replace(held, pointer=pointer(*moves, since=80))

    by_name = judged(held, ours=90)
    assert by_name.by is not None
    assert (by_name.by.known_by, by_name.newer) == (Evidence.NAME, 1)
    assert by_name.since is not None
    assert by_name.since < days_ago(20)
    assert (judged(moved, ours=90).since, judged(moved, ours=90).newer) == (days_ago(20), 1)


def test_a_move_that_is_yet_to_be_seen_is_no_older_than_the_last_one() -> None:
    again = seen(90, 40, moves=((90, None), (40, 33), (90, 2)), since=80)

    word = judged(replace(again, recommended=release(40)), ours=90)

    assert word.since == days_ago(2)
    assert word.by is not None
    assert word.by.known_by is Evidence.POINTER


def test_a_new_release_that_is_yet_to_be_seen_counts_from_its_image() -> None:
    unseen = seen(90, 40, 1, moves=((90, None), (40, 33)), since=80)

    word = judged(replace(unseen, recommended=release(1)), ours=40)

    assert (word.since, word.newer) == (days_ago(1), 1)
    assert word.by is not None
    assert word.by.known_by is Evidence.IMAGE


def test_a_move_counts_where_its_image_is_gone() -> None:
    word = judged(seen(20, moves=((90, None), (40, 33), (20, 15)), since=80), ours=90)

    assert word.by == Release(
        version=version(40),
        image_id=image_id(version(40)),
        published_at=days_ago(33),
        known_by=Evidence.POINTER,
    )


@pytest.mark.parametrize(
    ("line", "held", "known_by", "at"),
    [
        (LINE, "20260304", Evidence.TABLE, datetime(2026, 3, 4, tzinfo=UTC)),
        (UNTOLD, "20260304", Evidence.NAME, datetime(2026, 3, 4, tzinfo=UTC)),
        (UNTOLD, "20261399", Evidence.POINTER, days_ago(200)),
    ],
)
def test_what_the_pointer_held_at_first_and_no_image_shows(
    line: ReleaseLine, held: str, known_by: Evidence, at: datetime
) -> None:
    moves = (
        PointerMove(version=held, image_id="ami-1", at=None),
        PointerMove(version="20261401", image_id="ami-2", at=days_ago(9)),
    )
    watched = Pointer(line=line, watched_since=days_ago(200), moves=moves)
    latest = Release(version="20261401", image_id="ami-2", published_at=days_ago(10))

    word = superseded(line, history(recommended=latest, releases=(latest,), pointer=watched), "20260224")

    assert word is not None
    assert word.by is not None
    assert (word.by.version, word.by.known_by, word.since) == (held, known_by, at)


def test_where_the_ledger_dropped_the_oldest_moves_the_first_left_dates_its_release_too() -> None:
    word = judged(seen(400, 300, 200, 20, moves=((200, 190), (20, 12)), since=500), ours=400)

    assert (word.since, word.newer) == (days_ago(300), 3)


MOVES = st.lists(st.integers(0, 9), min_size=1, max_size=12)


@given(MOVES, st.integers(0, 9))
def test_moves_are_counted_as_a_person_would(places: list[int], ours: int) -> None:
    """A release counts from when it was recommended first since the pointer was last at an older one.

    What is not known of a move tells its image: that it was there at first, or was gone back to without having been
    seen before.
    """
    ages = [200 - 10 * place for place in places]
    moved = [None, *(100 - index for index in range(1, len(places)))]
    of = seen(*sorted(set(ages), reverse=True), moves=tuple(zip(ages, moved, strict=True)), since=100)

    word = judged(of, ours=200 - 10 * ours)

    since = []
    for place in {place for place in places if ours < place <= places[-1]}:
        below = max((index for index, each in enumerate(places) if each < place), default=-1)
        at = next((index for index, each in enumerate(places) if index > below and each == place), None)
        if at is not None:
            undated = at == 0 or (place not in places[:at] and place < places[at - 1])
            since.append(days_ago(200 - 10 * place) if undated else days_ago(100 - at))
    assert word.newer == len(since)
    assert word.since == min(since, default=None)
