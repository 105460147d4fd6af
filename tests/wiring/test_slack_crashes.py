"""What people are told in spite of everything: the process may end at any call, and messages come in any order."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eks_auditor.model.history import Change
from eks_auditor.model.verdict import Severity
from tests.builders import NOW
from tests.ledger.in_memory import Crash, InMemory
from tests.plan.releasing import notice
from tests.sinks.transitions import bodies, finding, subject, transition
from tests.wiring.slacking import Slacking, slacking

CHECKS = ("AMI001", "ZONE002")
RUNGS = (Severity.MEDIUM, Severity.HIGH)


@pytest.fixture(scope="module")
def world_of_all() -> Iterator[Slacking]:
    with slacking() as world:
        yield world


@pytest.fixture
def world(world_of_all: Slacking) -> Slacking:
    """A new one each time, but for what is dear to make."""
    return fresh(world_of_all)


def fresh(world: Slacking) -> Slacking:
    workspace = world.workspace
    workspace.shown, workspace.limited = [], False
    world.clock.seconds = 0
    return Slacking(world.server, world.clock, InMemory(), world.secrets)


def news(name: str, minute: int, check_id: str = "AMI001", rung: Severity = Severity.MEDIUM) -> str:
    """A message that tells of one finding at one time."""
    taken_at = NOW + timedelta(minutes=minute)
    about = finding(subject(name), check_id=check_id, severity=rung, reason=f"reason {name} {minute}")
    change = Change.WORSE if minute else Change.OPENED
    return bodies(transition(about, change, taken_at=taken_at), taken_at=taken_at)[0]


def sequences(*texts: str) -> dict[str, int]:
    """The newest sequence of each finding."""
    newest: dict[str, int] = {}
    for text in texts:
        for told in json.loads(text)["transitions"]:
            known = newest.get(told["finding"]["id"], 0)
            newest[told["finding"]["id"]] = max(known, told["sequence"])
    return newest


def shown(world: Slacking) -> dict[str, int]:
    return world.quiet().shown(list(sequences(*ALL)))


NAMES = ("a", "b", "c", "d", "e")
ALL = [news(name, 0, check_id, rung) for name in NAMES for check_id in CHECKS for rung in RUNGS]
STORM = [news(name, 0, CHECKS[index % 2]) for index, name in enumerate(NAMES)]


def deliver(world: Slacking, crash_at: int | None, *, after: bool) -> int:
    """Run to the end; the process ends at one call of DynamoDB and is begun anew. Returns how many calls there were."""
    client = InMemory(world.dynamodb.items)
    client.crash_at, client.crash_after = crash_at, after
    for _ in range(200):
        try:
            if world.deliver(client=client):
                continue
        except Crash:
            client = InMemory(world.dynamodb.items)
            continue
        following = world.queues.next_at
        if following is None:
            return len(client.calls)
        world.clock.seconds = max(world.clock.seconds, following)
    pytest.fail("the queue never comes to its end")


def counts(world: Slacking) -> list[str]:
    """What was said of each finding, in how many messages: a finding alone is named by its reason."""
    text = json.dumps([message.blocks for message in world.workspace.shown])
    return [name for name in NAMES if f"reason {name} " in text]


def test_without_a_crash_each_is_told_once(world: Slacking) -> None:
    world.send(*STORM, notice()[0].body)
    deliver(world, None, after=False)
    assert shown(world) == sequences(*STORM)
    assert len(world.texts) == 1 + len(CHECKS) + 1
    assert counts(world) == list(NAMES)
    assert not [name for name in world.items() if name.startswith(("HELD", "WINDOW", "TURN"))]


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_call_loses_nothing_and_leaves_nothing_behind(world_of_all: Slacking, *, after: bool) -> None:
    world = fresh(world_of_all)
    world.send(*STORM)
    calls = deliver(world, None, after=False)
    assert calls > 30
    usual = len(world.texts)
    for crash_at in range(calls):
        world = fresh(world_of_all)
        world.send(*STORM)
        deliver(world, crash_at, after=after)
        assert shown(world) == sequences(*STORM), f"the process ended at call {crash_at}"
        assert counts(world) == list(NAMES)
        # At least once: of one message, nobody can know whether Slack shows it.
        assert len(world.texts) <= usual + 2
        assert world.queues.parked == []
        assert not [name for name in world.items() if name.startswith(("HELD", "WINDOW", "TURN"))]


class Marked(InMemory):
    """Notes every sequence that is marked as shown, and whether one ever goes back."""

    def _update(self, call: dict[str, object]) -> None:  # type: ignore[override]  # a narrower argument
        before = {name: int(item["sequence"]["N"]) for name, item in self.items.items() if "sequence" in item}
        super()._update(call)
        for name, sequence in before.items():
            assert int(self.items[name]["sequence"]["N"]) >= sequence


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from(range(len(ALL))), st.integers(0, 3)),
        st.tuples(st.just("deliver"), st.integers(1, 10), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from([1, 30, 60, 200]), st.just(0)),
        st.tuples(st.just("trouble"), st.sampled_from(["busy", "broken", "hang_up"]), st.just(0)),
        st.tuples(st.just("crash"), st.integers(0, 12), st.integers(0, 1)),
    ),
    max_size=25,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_each_finding_is_told_in_its_last_word(
    world_of_all: Slacking, steps: list[tuple[str, int | str, int]]
) -> None:
    world = fresh(world_of_all)
    sent: list[str] = []
    crashed = troubled = False
    table = Marked()
    world.dynamodb = table
    for step, argument, second in steps:
        client = Marked(table.items)
        match step:
            case "send":
                index = int(argument)
                name, rest = NAMES[index // 4], index % 4
                sent.append(news(name, second, CHECKS[rest // 2], RUNGS[rest % 2]))
                world.send(sent[-1])
            case "wait":
                world.clock.seconds += int(argument)
            case "trouble":
                troubled = True
                world.workspace.fail(str(argument), retry_after=5)
            case _:
                if step == "crash":
                    crashed = True
                    client.crash_at, client.crash_after = int(argument), bool(second)
                try:
                    world.deliver(10 if step == "crash" else int(argument), client=client)
                except Crash:
                    continue
    deliver(world, None, after=False)
    # Whatever was left by a crash, the end of the next window finds.
    last = news("z", 9)
    world.send(last)
    deliver(world, None, after=False)
    expected = sequences(*sent, last)
    assert world.quiet().shown(list(expected)) == expected
    assert not [name for name in world.items() if name.startswith(("HELD", "WINDOW", "TURN"))]
    assert world.queues.parked == []
    if not crashed and not troubled:
        assert len(world.texts) <= len(set(sent)) + 1
        identical = [json.dumps([message.text, message.blocks]) for message in world.workspace.shown]
        assert len(set(identical)) == len(identical)


def test_two_that_get_the_same_message_at_once_tell_it_once(world: Slacking) -> None:
    text = STORM[0]
    first, second = InMemory(world.dynamodb.items), InMemory(world.dynamodb.items)
    world.send(text, text)
    other: list[bool] = []
    # While the first has the turn, the other is delivered the same: at the call after the turn was taken.
    first.before[3] = lambda: other.append(world.deliver(1, client=second))
    world.deliver(1, client=first)
    assert other == [True]
    deliver(world, None, after=False)
    assert len(world.texts) == 1


def test_a_slow_flush_and_the_next_window_do_not_repeat_each_other(world: Slacking) -> None:
    for text in STORM[:3]:
        world.send(text)
    world.deliver()
    world.clock.seconds = 60
    flush = next(each for each in world.queues.waiting if "flush" in each.body)
    flush.visible_at = 100
    for text in STORM[3:]:
        world.send(text)
    world.deliver()
    world.run()
    assert shown(world) == sequences(*STORM)
    assert counts(world) == list(NAMES)
    identical = [json.dumps(message.blocks) for message in world.workspace.shown]
    assert len(set(identical)) == len(identical)


def test_the_story_of_a_finding_within_a_window_is_told_by_its_last_word(world: Slacking) -> None:
    opened = transition(replace(finding(subject("x")), reason="the first word"))
    later = NOW + timedelta(seconds=5)
    resolved = transition(replace(opened.finding, reason="the last word"), Change.RESOLVED, taken_at=later)
    world.send(STORM[0], bodies(resolved, taken_at=later)[0], bodies(opened)[0])
    deliver(world, None, after=False)
    blocks = json.dumps([message.blocks for message in world.workspace.shown])
    assert "the last word" in blocks
    assert "the first word" not in blocks


def test_what_a_lost_flush_left_is_told_with_the_next(world: Slacking) -> None:
    world.send(*STORM[:3])
    world.deliver()
    world.queues.waiting.clear()
    world.clock.seconds = 60
    world.send(STORM[3])
    world.run()
    assert shown(world) == sequences(*STORM[:4])
    assert counts(world) == list(NAMES[:4])


def test_a_window_whose_opener_is_told_by_another_try_is_ended_all_the_same(world: Slacking) -> None:
    world.send(STORM[0])
    client = InMemory(world.dynamodb.items)
    client.crash_at = 3
    with pytest.raises(Crash):
        world.deliver(client=client)
    assert "WINDOW" in world.items()
    world.send(STORM[1])
    world.deliver()
    world.quiet().mark_shown(sequences(STORM[0]))
    world.run()
    assert shown(world) == sequences(*STORM[:2])
    assert counts(world) == [NAMES[1]]
    assert not [name for name in world.items() if name.startswith(("HELD", "WINDOW", "TURN"))]
