"""What people are told: changes that reach Slack late, twice, in any order, and whatever may break on the way."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from eks_auditor.model.cluster import ClusterId
from tests.pipeline.queues import STREAM_BATCH
from tests.pipeline.settled import settle
from tests.pipeline.slack import NEARLY, ONE_A_SECOND, REFUSES, TAKES_ALL
from tests.pipeline.stack import Parts, Stack
from tests.pipeline.troubles import BREAKS, CONFLICTS, NO_TIME, SKEW, SLACK_AGAIN, WINDOW_ENDS
from tests.pipeline.world import CLUSTERS, EXEMPT, GROUPS, HEALTH, SPREAD

type Change = tuple[ClusterId, str, str]
"""A cluster, a group of it, and what happens to that."""

INDEX = st.integers(0, 5)
CLUSTER = st.sampled_from(CLUSTERS)
GROUP = st.sampled_from(GROUPS)
CLOCK_OFF = st.sampled_from([timedelta(), SKEW, -SKEW])
MOOD = st.sampled_from([TAKES_ALL, TAKES_ALL, ONE_A_SECOND, REFUSES])
MINUTES = st.sampled_from([0, 0.2, 2, 1500])
"""Within a window, beyond its end, and on the next day, in another thread."""
CHANGES_TOLD = st.lists(st.tuples(CLUSTER, GROUP, st.sampled_from((*HEALTH, *SPREAD, *EXEMPT))), min_size=1, max_size=3)

SOMEWHERE = st.dictionaries(
    st.integers(0, 14), st.sampled_from([*BREAKS, CONFLICTS, NO_TIME, SLACK_AGAIN, WINDOW_ENDS]), max_size=2
)
BEFORE_THE_FLUSH_IS_SENT = st.dictionaries(st.integers(2, 4), st.sampled_from(BREAKS), min_size=1, max_size=1)
"""Between the opening of a window and the message that ends it."""
BEFORE_THE_SUMMARY = st.dictionaries(st.integers(3, 9), st.sampled_from(BREAKS), min_size=1, max_size=1)
"""Between the reading of what was held and the end of its telling."""
BEFORE_THE_HOLD = st.dictionaries(st.integers(1, 3), st.just(WINDOW_ENDS), min_size=1, max_size=1)
"""Between the question which window is open and the writing of what waits in it."""


class TellsPeople(RuleBasedStateMachine):
    """The stack, and what may happen to messages between the topic and Slack."""

    parts = Parts()

    def __init__(self) -> None:
        super().__init__()
        self.stack = Stack(self.parts)
        self._settled = 0

    @precondition(lambda self: self.stack.slack.queue.visible())
    @rule(mood=MOOD, index=INDEX, most=st.integers(1, 10), troubles=SOMEWHERE)
    def slack_is_told(self, mood: str, index: int, most: int, troubles: dict[int, str]) -> None:
        self.stack.slack.slack.mood = mood
        self.stack.slack.take(index, most, self.stack.run(troubles=troubles))

    @rule(minutes=MINUTES, changes=CHANGES_TOLD, troubles=st.one_of(SOMEWHERE, BEFORE_THE_FLUSH_IS_SENT))
    def changes_are_told(self, minutes: float, changes: list[Change], troubles: dict[int, str]) -> None:
        self.stack.world.now += timedelta(minutes=minutes)
        self._announce(changes)
        self.stack.slack.take(-1, 1, self.stack.run(troubles=troubles))

    @rule(changes=CHANGES_TOLD, troubles=st.one_of(BEFORE_THE_HOLD, SOMEWHERE))
    def changes_are_told_as_a_window_ends(self, changes: list[Change], troubles: dict[int, str]) -> None:
        self.stack.slack.near_the_end(NEARLY)
        self._announce(changes)
        self.stack.slack.take(-1, 1, self.stack.run(troubles=troubles))

    @rule(changes=CHANGES_TOLD, mood=MOOD, troubles=st.one_of(BEFORE_THE_SUMMARY, SOMEWHERE))
    def a_window_goes_by(self, changes: list[Change], mood: str, troubles: dict[int, str]) -> None:
        self._announce(changes)
        self.stack.slack.take(0, 10, self.stack.run())
        self.stack.slack.slack.mood = mood
        self.stack.slack.near_the_end(timedelta())
        self.stack.slack.flush(self.stack.run(troubles=troubles))

    @precondition(lambda self: self.stack.slack.queue.sent)
    @rule(index=st.integers(0, 50), redriven=st.booleans())
    def slack_is_told_again(self, index: int, *, redriven: bool) -> None:
        if redriven:
            self.stack.slack.queue.redrive()
        else:
            self.stack.slack.queue.repeat(index)

    @precondition(lambda self: len(self.stack.attempts) > self._settled + 3)
    @rule(off=CLOCK_OFF, backwards=st.booleans())
    def a_sweep_without_gaps_settles_everything(self, off: timedelta, *, backwards: bool) -> None:
        settle(self.stack, skew=off, backwards=backwards)
        self._settled = len(self.stack.attempts)

    @invariant()
    def slack_shows_what_is_newer(self) -> None:
        assert self.stack.slack.slack.wrong == []

    @invariant()
    def what_is_held_is_told_some_time(self) -> None:
        assert self.stack.slack.held_for_ever() == [], "held in windows that nothing ends"

    def _announce(self, changes: list[Change]) -> None:
        for cluster, group, change in changes:
            self.stack.world.change(cluster, group, change)
            self.stack.name(cluster, timedelta())
            self.stack.plan(-1, self.stack.run())
            self.stack.audit(-1, self.stack.run())
            self.stack.read_stream(0, STREAM_BATCH, self.stack.run())

    def teardown(self) -> None:
        try:
            settle(self.stack, skew=timedelta(), backwards=True)
        finally:
            self.stack.close()
