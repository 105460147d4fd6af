import itertools
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.events.errors import EventError
from eks_auditor.ledger.pointers import MOVES_KEPT
from eks_auditor.model.gap import Gap
from eks_auditor.model.release import ReleaseLine
from eks_auditor.plan.targets import Place
from eks_auditor.releases.families import lines_of_minor
from eks_auditor.snapshot.pointers import Seen
from eks_auditor.wiring.release_bus import ReleaseBus
from eks_auditor.wiring.watch_releases import (
    IMPATIENT,
    PLACES_ASKED,
    SETTLING,
    TOGETHER,
    NotAnnouncedError,
    WatchReleases,
    first_sight,
    is_moving,
    move_of,
    moved_to,
    places_by_region,
)
from tests.builders import NOW
from tests.template.cloudformation import load
from tests.wiring.fakes import Heard, Ticking
from tests.wiring.watching import (
    ARM,
    BOTTLEROCKET,
    HERE,
    LINUX,
    POLL,
    THROTTLED,
    FakeEvents,
    FakePointers,
    Recommendations,
    Watching,
    recommended,
)

MOMENT = timedelta(microseconds=1)


def watched(*lines: ReleaseLine) -> Watching:
    """A watcher that has seen its lines' first release."""
    watching = Watching()
    for line in lines or (LINUX,):
        watching.aws.move(1, line)
    watching.poll()
    return watching


def test_a_first_poll_notes_and_announces_nothing() -> None:
    watching = Watching()
    watching.aws.move(1)
    assert watching.poll() == {"announced": 0}
    assert watching.events.batches == []
    pointer = watching.pointers.of()
    assert pointer.watched_since <= watching.clock.now
    assert [move.at for move in pointer.moves] == [None]
    assert pointer.revision == 0


def test_what_stands_still_is_not_announced() -> None:
    watching = watched()
    assert watching.poll() == {"announced": 0}
    assert watching.events.batches == []


def test_a_move_is_announced_once() -> None:
    watching = watched()
    watching.aws.move(2)
    assert watching.poll() == {"announced": 1}
    assert watching.poll() == {"announced": 0}
    (release,) = watching.events.released
    assert (release.old, release.new) == (recommended(1), recommended(2))
    assert (release.line, release.region, release.partition, release.move) == (LINUX, "eu-west-1", "aws", 1)
    assert not release.rollback
    assert watching.heard.counts["ReleasesAnnounced"] == 1


def test_several_moves_between_polls_are_one_and_over_time_are_counted() -> None:
    watching = watched()
    watching.aws.move(2)
    watching.aws.move(3)
    watching.poll()
    watching.aws.move(4)
    watching.poll()
    assert [(each.old, each.new, each.move) for each in watching.events.released] == [
        (recommended(1), recommended(3), 1),
        (recommended(3), recommended(4), 2),
    ]
    assert [move.version for move in watching.pointers.of().moves] == [
        recommended(number).version for number in (1, 3, 4)
    ]


@pytest.mark.parametrize("line", [LINUX, BOTTLEROCKET], ids=str)
def test_a_rollback_says_so(line: ReleaseLine) -> None:
    watching = Watching()
    for number in (9, 10, 9):
        watching.aws.move(number, line)
        watching.poll()
    assert [release.rollback for release in watching.events.released] == [False, True]
    assert [release.move for release in watching.events.released] == [1, 2]


def test_there_and_back_and_there_again_are_three_moves_of_two_ids() -> None:
    watching = watched()
    for number in (2, 1, 2):
        watching.aws.move(number)
        watching.poll()
    first, _, last = watching.events.released
    assert first.event_id == last.event_id
    assert (first.move, last.move) == (1, 3)


def test_another_image_of_the_same_release_is_a_move_and_no_rollback() -> None:
    watching = watched()
    other = replace(recommended(1), image_id="ami-0f")
    watching.aws.now[LINUX] = Seen(recommended=other, modified_at=watching.clock())
    watching.poll()
    (release,) = watching.events.released
    assert (release.new, release.rollback) == (other, False)


def test_a_vanished_parameter_is_no_release_and_is_said() -> None:
    watching = watched()
    held = watching.pointers.of()
    watching.aws.now[LINUX] = None
    assert watching.poll() == {"announced": 0}
    assert watching.pointers.of() == held
    assert any("gone" in sentence and str(LINUX) in sentence for sentence in watching.heard.sentences)
    assert watching.heard.warnings == [], "nobody has anything to do"
    watching.aws.move(2)
    watching.poll()
    assert [release.new for release in watching.events.released] == [recommended(2)]


def test_a_parameter_that_never_was_is_not_worth_a_word() -> None:
    watching = watched()
    watching.poll()
    assert watching.heard.warnings == []


def test_a_gap_announces_nothing_and_forgets_nothing() -> None:
    watching = watched(LINUX, ARM)
    held = watching.pointers.of()
    watching.aws.now[LINUX] = THROTTLED
    watching.aws.move(2, ARM)
    assert watching.poll() == {"announced": 1}
    assert watching.pointers.of() == held
    assert watching.heard.counts["ReleaseGaps"] == 1
    assert any("ThrottlingException" in sentence for sentence in watching.heard.warnings)
    watching.aws.move(2)
    watching.poll()
    assert [release.line for release in watching.events.released] == [ARM, LINUX]


def test_every_ami_type_of_every_minor_in_support_is_asked_for() -> None:
    watching = Watching()
    watching.minors = ("1.34", "1.35")
    watching.poll()
    assert watching.asked == [*lines_of_minor("1.34"), *lines_of_minor("1.35")]


def test_without_the_minors_what_is_watched_is_read_all_the_same() -> None:
    watching = watched(LINUX, ARM)
    watching.minors = Gap("eks:DescribeClusterVersions", "eu-west-1", "AccessDeniedException: no")
    watching.aws.move(2)
    assert watching.poll() == {"announced": 1}
    assert sorted(watching.asked) == [ARM, LINUX]
    assert watching.heard.counts["ReleaseGaps"] == 1
    assert any("eks:DescribeClusterVersions" in sentence for sentence in watching.heard.warnings)


def test_a_region_counts_as_polled_where_its_minors_and_one_line_were_read() -> None:
    watching = watched(LINUX, ARM)
    assert watching.heard.counts["RegionsPolled"] == 1
    watching.aws.now[LINUX] = THROTTLED
    watching.poll()
    assert watching.heard.counts["RegionsPolled"] == 2, "one line that cannot be read for good must not silence it"
    assert watching.heard.counts["ReleaseGaps"] == 1
    watching.aws.now[ARM] = THROTTLED
    watching.poll()
    watching.aws.move(2)
    watching.minors = Gap("eks:DescribeClusterVersions", "eu-west-1", "AccessDeniedException: no")
    watching.poll()
    assert watching.heard.counts["RegionsPolled"] == 2


# -- instants


@pytest.mark.parametrize(
    ("modified", "published"),
    [
        (timedelta(minutes=-10), timedelta(minutes=-10)),
        (timedelta(0), timedelta(0)),
        # Before what was seen, after now, unknown: by when it was seen.
        (timedelta(hours=-2), timedelta(0)),
        (timedelta(minutes=1), timedelta(0)),
        (None, timedelta(0)),
    ],
)
def test_a_move_is_dated_by_the_parameter_where_that_can_be(modified: timedelta | None, published: timedelta) -> None:
    pointer = first_sight(LINUX, Seen(recommended=recommended(1), modified_at=None), NOW - timedelta(hours=1))
    seen = Seen(recommended=recommended(2), modified_at=None if modified is None else NOW + modified)
    move = move_of(HERE, pointer, seen, NOW)
    assert move is not None
    assert move.published_at == NOW + published
    assert move.at == NOW


def test_a_move_is_never_dated_before_the_one_before_it() -> None:
    pointer = first_sight(LINUX, Seen(recommended=recommended(1), modified_at=None), NOW - timedelta(hours=2))
    first = move_of(HERE, pointer, Seen(recommended=recommended(2), modified_at=NOW - timedelta(minutes=30)), NOW)
    assert first is not None
    pointer = moved_to(pointer, first)
    second = move_of(HERE, pointer, Seen(recommended=recommended(3), modified_at=NOW - timedelta(minutes=40)), NOW)
    assert second is not None
    assert second.published_at == NOW
    assert [move.at for move in moved_to(pointer, second).moves] == [None, NOW - timedelta(minutes=30), NOW]


@pytest.mark.parametrize(
    ("spread", "since", "moving"),
    [
        # One document cannot be torn, and two parameters that AWS modified together are one release.
        (None, timedelta(0), False),
        (timedelta(0), timedelta(0), False),
        (TOGETHER, timedelta(0), False),
        (TOGETHER + MOMENT, timedelta(0), True),
        (timedelta(days=20), SETTLING - MOMENT, True),
        # What stays like that is what AWS means.
        (timedelta(days=20), SETTLING, False),
        (timedelta(days=20), None, False),
    ],
)
def test_two_parameters_are_moving_while_only_one_was_modified_just_now(
    spread: timedelta | None,
    since: timedelta | None,
    moving: bool,  # noqa: FBT001  what is expected
) -> None:
    modified = None if since is None else NOW - since
    seen = Seen(recommended=recommended(2, BOTTLEROCKET), modified_at=modified, spread=spread)
    assert is_moving(seen, NOW) is moving


@pytest.mark.parametrize("before", [None, 1, 3], ids=["first sight", "one moved", "both differ"])
def test_a_moving_parameter_is_neither_noted_nor_announced(before: int | None) -> None:
    watching = Watching()
    if before is not None:
        watching.aws.move(before, BOTTLEROCKET)
        watching.poll()
    held = dict(watching.pointers.held.get(("aws", HERE.region), {}))
    torn = replace(recommended(2, BOTTLEROCKET), image_id=recommended(1, BOTTLEROCKET).image_id)
    moved_at = watching.clock()
    watching.aws.now[BOTTLEROCKET] = Seen(recommended=torn, modified_at=moved_at, spread=timedelta(days=9))
    assert watching.poll() == {"announced": 0}
    assert watching.pointers.held.get(("aws", HERE.region), {}) == held
    watching.aws.move(2, BOTTLEROCKET)
    assert watching.poll() == {"announced": 0 if before is None else 1}
    assert watching.pointers.of(BOTTLEROCKET).moves[-1].image_id == recommended(2, BOTTLEROCKET).image_id


def test_moves_are_bounded_and_the_revision_is_not() -> None:
    pointer = first_sight(LINUX, Seen(recommended=recommended(0), modified_at=None), NOW)
    for number in range(1, MOVES_KEPT + 20):
        move = move_of(HERE, pointer, Seen(recommended=recommended(number), modified_at=None), NOW)
        assert move is not None
        pointer = moved_to(pointer, move)
    assert len(pointer.moves) == MOVES_KEPT
    assert pointer.revision == MOVES_KEPT + 19
    assert pointer.moves[-1].version == recommended(MOVES_KEPT + 19).version
    assert pointer.watched_since == NOW


# -- a bus that refuses, a table that fails


def test_what_the_bus_refuses_is_put_again_by_itself() -> None:
    watching = watched(LINUX, ARM)
    watching.aws.move(2)
    watching.aws.move(3, ARM)
    watching.events.refusals = {recommended(3).image_id: 2}
    assert watching.poll() == {"announced": 2}
    assert watching.events.batches == [2, 1, 1]
    assert len(watching.pauses) == 2
    assert watching.pointers.of(ARM).revision == 1


def test_what_is_refused_at_every_try_fails_the_event_and_is_not_noted() -> None:
    watching = watched(LINUX, ARM)
    watching.aws.move(2)
    watching.aws.move(3, ARM)
    watching.events.refusals = {recommended(3).image_id: 3}
    with pytest.raises(NotAnnouncedError, match="ThrottlingException"):
        watching.poll()
    assert watching.pointers.of(LINUX).revision == 1, "what was accepted is saved"
    assert watching.pointers.of(ARM).revision == 0
    assert watching.poll() == {"announced": 1}
    assert [release.line for release in watching.events.released] == [LINUX, ARM]


def test_a_whole_call_that_fails_refuses_all_that_was_in_it() -> None:
    watching = watched()
    watching.aws.move(2)
    watching.events.broken = 3
    with pytest.raises(NotAnnouncedError, match="InternalException"):
        watching.poll()
    assert watching.pointers.of().revision == 0
    assert watching.poll() == {"announced": 1}


def test_a_call_takes_ten_events() -> None:
    watching = watched(*lines_of_minor("1.35"))
    for line in lines_of_minor("1.35"):
        watching.aws.move(2, line)
    assert watching.poll() == {"announced": len(lines_of_minor("1.35"))}
    assert watching.events.batches == [10, 10, len(lines_of_minor("1.35")) - 20]


def test_what_is_announced_and_not_noted_is_announced_again_the_same() -> None:
    watching = watched()
    watching.aws.move(2)
    watching.pointers.failing = {"save"}
    with pytest.raises(NotAnnouncedError, match="cannot be saved"):
        watching.poll()
    watching.pointers.failing = set()
    watching.poll()
    first, second = watching.events.released
    assert (first.event_id, first.move, first.old) == (second.event_id, second.move, second.old)


def test_without_the_ledger_nothing_is_read_and_the_event_fails() -> None:
    watching = watched()
    watching.aws.move(2)
    watching.pointers.failing = {"load"}
    with pytest.raises(NotAnnouncedError, match="cannot be read"):
        watching.poll()
    assert watching.events.taken == []


# -- two watchers at once


def two(**hooks: str) -> tuple[Watching, Watching]:
    """Two watchers of the same AWS and ledger; the other one's whole poll happens at a hook of the first."""
    one = watched()
    other = Watching(one.aws, one.pointers)
    for hook in hooks.values():
        setattr(one, hook, other.poll)
    return one, other


@pytest.mark.parametrize("hook", ["before_reading", "after_reading"])
def test_of_two_watchers_the_later_learns_that_the_other_did_it(hook: str) -> None:
    one, other = two(hook=hook)
    one.aws.move(2)
    assert one.poll() == {"announced": 1}
    (mine,), (theirs,) = one.events.released, other.events.released
    assert (mine.event_id, mine.move) == (theirs.event_id, theirs.move)
    assert one.pointers.of().revision == 1
    assert any("another watcher" in sentence for sentence in one.heard.sentences)
    assert one.heard.warnings == []


def test_a_watcher_that_read_before_a_move_does_not_undo_it() -> None:
    one, other = two()

    def meanwhile() -> None:
        one.aws.move(2)
        other.poll()

    one.after_reading = meanwhile
    assert one.poll() == {"announced": 0}
    assert one.pointers.of().moves[-1].version == recommended(2).version
    assert [release.rollback for release in other.events.released] == [False]


def test_two_first_polls_at_once_note_once() -> None:
    one = Watching()
    one.aws.move(1)
    other = Watching(one.aws, one.pointers)
    one.after_reading = other.poll
    assert one.poll() == {"announced": 0}
    assert one.heard.warnings == []
    assert one.pointers.of().revision == 0


# -- whatever happens

STEP = st.fixed_dictionaries(
    {
        "linux": st.sampled_from([0, 1, 2, 3, None, THROTTLED, "same"]),
        "bottlerocket": st.sampled_from([0, 1, 2, "same", None]),
        "refusals": st.dictionaries(st.sampled_from([str(line) for line in (LINUX, BOTTLEROCKET)]), st.integers(0, 4)),
        "failing": st.sets(st.sampled_from(["load", "save"]), max_size=1),
        "other": st.sampled_from([None, None, "before_reading", "after_reading"]),
        "other_sees": st.sampled_from([0, 1, 2, 3, "same"]),
    }
)


@given(st.lists(STEP, max_size=12))
def test_every_change_is_announced_and_none_that_did_not_happen(steps: list[dict[str, Any]]) -> None:
    one = Watching()
    other = Watching(one.aws, one.pointers)
    for step in steps:
        happen(one, other, step)
    # All is well again: what was not announced is now.
    for line in (LINUX, BOTTLEROCKET):
        one.aws.come_back(line)
    one.pointers.failing.clear()
    one.before_reading = one.after_reading = lambda: None
    one.events.refusals.clear()
    one.poll()
    told = {(each.line, each.old, each.new) for each in one.events.released + other.events.released}
    for line in (LINUX, BOTTLEROCKET):
        pointer = one.pointers.of(line)
        values = [(move.version, move.image_id) for move in pointer.moves]
        assert values[-1] == (one.aws.past[line][-1].version, one.aws.past[line][-1].image_id)
        noted = set(itertools.pairwise(values))
        announced = {((old.version, old.image_id), (new.version, new.image_id)) for of, old, new in told if of == line}
        assert noted <= announced
        assert pointer.revision == len(values) - 1
    for line, old, new in told:
        assert one.aws.went(line, old, new)


def happen(one: Watching, other: Watching, step: dict[str, Any]) -> None:
    """Let one step pass: AWS moves, the other watcher gets in between, and what may fail does."""
    for name, line in (("linux", LINUX), ("bottlerocket", BOTTLEROCKET)):
        change(one.aws, line, step[name])
    families = {str(line): f'"family": "{line.family}"' for line in (LINUX, BOTTLEROCKET)}
    one.events.refusals = {families[text]: times for text, times in step["refusals"].items()}
    one.pointers.failing = set(step["failing"])
    one.before_reading = one.after_reading = lambda: None

    def meanwhile() -> None:
        change(one.aws, LINUX, step["other_sees"])
        quietly(other)

    if step["other"]:
        setattr(one, step["other"], meanwhile)
    quietly(one)


def change(aws: Recommendations, line: ReleaseLine, to: Any) -> None:  # noqa: ANN401  a number, or what stands for none
    if isinstance(to, int):
        aws.move(to, line)
    elif to != "same":
        aws.now[line] = to


def quietly(watching: Watching) -> None:
    """Poll; what is not announced or noted is tried again by a later one."""
    try:
        watching.poll()
    except NotAnnouncedError:
        assert watching.heard.warnings


# -- where, and on whose word


THERE = Place("aws", "444455556666", "us-east-1")
THERE_TOO = Place("aws", "222233334444", "us-east-1")


def test_a_region_is_read_with_our_own_credentials_where_they_serve() -> None:
    foreign = replace(HERE, account="000011112222")
    assert places_by_region([foreign, HERE], HERE) == ((HERE, foreign),)
    assert places_by_region([THERE, foreign, THERE_TOO, HERE], HERE) == ((HERE, foreign), (THERE_TOO, THERE))


class Wide:
    """A watcher of several Regions, each with one line; what a place answers may be bent."""

    def __init__(self, *regions: tuple[Place, ...]) -> None:
        self.regions = regions
        self.pointers, self.events, self.heard, self.clock = FakePointers(), FakeEvents(), Heard(), Ticking()
        self.asked: list[Place] = []
        self.read: list[Place] = []
        self.refuse: dict[Place, Gap] = {}
        """Who does not tell the Kubernetes versions."""
        self.before: dict[Place, Callable[[], object]] = {}
        """What happens before a place's parameters are read."""
        self.number = 1

    def poll(self) -> dict[str, int]:
        return WatchReleases(
            regions=self.regions,
            minors=self._minors,
            answers=self._answers,
            pointers=self.pointers,
            bus=ReleaseBus(self.events, "bus", lambda _: None),  # type: ignore[arg-type]  # a fake of its one call
            clock=self.clock,
            telemetry=self.heard.telemetry,
        ).watch(POLL)

    def _minors(self, place: Place) -> tuple[str, ...] | Gap:
        self.asked.append(place)
        return self.refuse.get(place, ("1.35",))

    def _answers(self, place: Place, lines: Collection[ReleaseLine]) -> dict[ReleaseLine, Seen | Gap | None]:
        self.before.get(place, lambda: None)()
        self.read.append(place)
        return {LINUX: Seen(recommended=recommended(self.number), modified_at=None)} if LINUX in lines else {}

    def announced(self) -> list[str]:
        return sorted(release.region for release in self.events.released)


def test_a_region_without_our_own_account_is_read_there_and_kept_by_its_name() -> None:
    wide = Wide(*places_by_region([HERE, THERE, THERE_TOO], HERE))
    wide.poll()
    assert sorted(wide.asked) == sorted(wide.read) == [HERE, THERE_TOO]
    assert set(wide.pointers.held) == {("aws", "eu-west-1"), ("aws", "us-east-1")}
    assert (wide.heard.counts["RegionsPolled"], wide.heard.counts["RegionsUnread"]) == (2, 0)


def test_a_region_that_does_not_answer_keeps_no_other_waiting() -> None:
    wide = Wide((HERE,), (THERE,))
    wide.poll()
    wide.number = 2
    told: list[str] = []

    def until_the_other_is_announced() -> None:
        assert announced.wait(timeout=10)
        told.extend(wide.announced())

    announced = threading.Event()
    put = wide.events.put_events

    def noticed(**call: Any) -> dict[str, Any]:  # noqa: ANN401  botocore's
        answer = put(**call)
        announced.set()
        return answer

    wide.events.put_events = noticed  # type: ignore[method-assign]  # the same, and a sign
    wide.before[HERE] = until_the_other_is_announced
    assert wide.poll() == {"announced": 2}
    assert told == [THERE.region]


def test_a_region_that_breaks_breaks_no_other() -> None:
    wide = Wide((HERE,), (THERE,))
    wide.poll()
    wide.number = 2
    wide.before[HERE] = lambda: dict[str, str]()["defect"]
    with pytest.raises(NotAnnouncedError, match="releases of eu-west-1 cannot be read: KeyError"):
        wide.poll()
    assert wide.announced() == [THERE.region]
    assert any(line["level"] == "ERROR" and "defect" in line["exception"] for line in wide.heard.lines)


DENIED = Gap("eks:DescribeClusterVersions", "us-east-1", "AccessDenied: not authorized to perform sts:AssumeRole")


def test_where_an_account_refuses_another_is_asked() -> None:
    wide = Wide((HERE,), (THERE_TOO, THERE))
    wide.refuse[THERE_TOO] = DENIED
    for wide.number in (1, 2):
        wide.poll()
    assert wide.announced() == [HERE.region, THERE.region]
    assert sorted(wide.asked[:3]) == sorted([HERE, THERE_TOO, THERE])
    assert THERE_TOO not in wide.read
    assert (wide.heard.counts["RegionsPolled"], wide.heard.counts["RegionsUnread"]) == (4, 0)
    assert any(str(THERE_TOO) in sentence and str(THERE) in sentence for sentence in wide.heard.warnings)


def test_where_all_refuse_a_few_are_asked_and_what_is_watched_is_read_all_the_same() -> None:
    places = tuple(replace(THERE, account=f"{number:012}") for number in range(PLACES_ASKED + 3))
    wide = Wide(places)
    wide.poll()
    wide.refuse = dict.fromkeys(places, DENIED)
    wide.number = 2
    wide.asked.clear()
    assert wide.poll() == {"announced": 1}
    assert wide.asked == list(places[:PLACES_ASKED])
    assert wide.read == [places[0], places[0]]
    assert wide.heard.counts["ReleaseGaps"] == PLACES_ASKED


def test_every_poll_says_how_many_regions_are_unread() -> None:
    wide = Wide((HERE,), (THERE,))
    wide.poll()
    assert wide.heard.counts["RegionsUnread"] == 0
    wide.refuse[THERE] = DENIED
    wide.poll()
    assert wide.heard.counts["RegionsUnread"] == 1
    wide.pointers.failing = {"load"}
    with pytest.raises(NotAnnouncedError):
        wide.poll()
    assert wide.heard.counts["RegionsUnread"] == 3


def test_a_region_that_answers_nothing_is_given_up_while_the_function_still_runs() -> None:
    """Its pointers, its places one after the other (each a role and the versions), and one batch of parameters."""
    timeout = load()["Resources"]["WatchReleases"]["Properties"]["Timeout"]
    attempts = IMPATIENT.retries["total_max_attempts"]  # type: ignore[attr-defined]  # the stubs know no options
    one = IMPATIENT.connect_timeout + IMPATIENT.read_timeout  # type: ignore[attr-defined]  # the same
    pauses = sum(2**number for number in range(attempts - 1))  # at most, by botocore's standard mode
    calls = 1 + 2 * PLACES_ASKED + 1
    assert calls * (attempts * one + pauses) <= timeout * 2 / 3


@pytest.mark.parametrize(
    "event",
    [
        {},
        "poll",
        POLL | {"detail-type": "Sweep Requested"},
        POLL | {"detail-type": "Relay Requested"},
        POLL | {"source": "eks-auditor"},
    ],
)
def test_the_watcher_takes_its_own_schedule_s_event_and_no_other(event: Any) -> None:  # noqa: ANN401  anything may come
    watching = Watching()
    with pytest.raises(EventError):
        watching.poll(event)
    assert len(watching.heard.warnings) == 1
    assert watching.asked == []
