"""Whatever the order, the ledger is what the accepted audits say, and everything it says was announced once.

Audits run at the same time, one message arrives twice, runs die half-way: all of it is tried, step by step, against a
reference that was written apart. The mutants at the end show what each safeguard is for.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eks_auditor.findings.diff import Changes, diff
from eks_auditor.ledger import outbox, saving, transaction
from eks_auditor.ledger.runs import RunsWrite, still_running
from eks_auditor.ledger.saving import FencedOut
from eks_auditor.ledger.transaction import Fence, Part, plan_parts
from eks_auditor.model.finding import Finding
from eks_auditor.model.history import Audit, Head, Record, Running, State
from eks_auditor.model.verdict import Severity, Status
from tests.ledger.build import (
    CREATED_AGAIN,
    audit,
    deletion,
    finding,
    not_applicable,
    passed,
    running,
    settling,
    unknown,
    untargeting,
)
from tests.ledger.explore import Saving, World, begin, difference, explore
from tests.ledger.fake import FencedOnTimeAlone, Unfenced

HOUR = timedelta(hours=1)

type Make = Callable[[float], Audit]

ONE_FINDING: dict[str, Make] = {
    "fails": lambda t: audit(t, finding()),
    "fails lower": lambda t: audit(t, finding(severity=Severity.LOW)),
    "fails otherwise": lambda t: audit(t, finding(reason="another reason")),
    "fails perhaps": lambda t: audit(t, finding(confirm=True)),
    "fails worse, perhaps": lambda t: audit(t, finding(confirm=True, severity=Severity.CRITICAL)),
    "fails, something else unread": lambda t: audit(t, finding(), retryable=True),
    "passes": lambda t: audit(t, passed()),
    "unknown": lambda t: audit(t, unknown()),
    "not applicable": lambda t: audit(t, not_applicable()),
    "settling": lambda t: audit(t, settling()),
    "gone": audit,
    "not listed": lambda t: audit(t, complete={}),
    "check off": lambda t: audit(t, checks=frozenset({"ZONE003"})),
    "created again, fails": lambda t: audit(t, finding(), created_at=CREATED_AGAIN),
    "created again, passes": lambda t: audit(t, passed(), created_at=CREATED_AGAIN),
    "created again, fails perhaps": lambda t: audit(t, finding(confirm=True), created_at=CREATED_AGAIN),
    "deleted": deletion,
    "no longer a target": untargeting,
    "fails lower, partly unread": lambda t: audit(t, finding(severity=Severity.LOW, partial=True)),
}

CAUSE = finding("cause", check_id="ZONE003")

CAUSE_AND_EFFECT: dict[str, Make] = {
    "both fail": lambda t: audit(t, CAUSE, not_applicable()),
    "the cause is unread": lambda t: audit(
        t, unknown("cause", check_id="ZONE003"), finding(causes={CAUSE.id: CAUSE.severity})
    ),
    "the cause is unread and would need a higher rung": lambda t: audit(
        t, unknown("cause", check_id="ZONE003"), finding(causes={CAUSE.id: Severity.CRITICAL})
    ),
    "only the effect": lambda t: audit(t, passed("cause", check_id="ZONE003"), finding()),
    "created again, the cause is unread": lambda t: audit(
        t,
        unknown("cause", check_id="ZONE003"),
        finding(causes={CAUSE.id: CAUSE.severity}),
        created_at=CREATED_AGAIN,
    ),
}

WEB, WEB_LATER = running(), running(version="20261123", first_rung=timedelta(days=3), off=True)
BATCH = running("batch", kind="self-managed")
IMAGE = running("batch", "ami-0f00", kind="self-managed", version=None)
UNREAD = frozenset({("self-managed", "batch")})

WHAT_RUNS: dict[str, Make] = {
    "web": lambda t: audit(t, running=(WEB,)),
    "web updated": lambda t: audit(t, running=(WEB_LATER,)),
    "web and batch": lambda t: audit(t, running=(WEB, BATCH, IMAGE)),
    "web, batch unread": lambda t: audit(t, running=(WEB_LATER,), unread=UNREAD),
    "web, self-managed groups not listed": lambda t: audit(t, running=(WEB_LATER,), complete={"managed": True}),
    "batch, an image of it unread": lambda t: audit(t, running=(BATCH,), unread=UNREAD),
    "nothing": audit,
    "nothing read": lambda t: audit(t, complete={}, retryable=True),
    "created again, batch": lambda t: audit(t, running=(BATCH, IMAGE), created_at=CREATED_AGAIN),
    "created again, nothing read": lambda t: audit(t, complete={}, unread=UNREAD, created_at=CREATED_AGAIN),
    "deleted": deletion,
    "no longer a target": untargeting,
}


RACES: dict[str, tuple[Audit, ...]] = {
    "two that disagree": (
        audit(0, finding("a"), finding("b"), finding("c")),
        audit(10, passed("a"), finding("b", severity=Severity.LOW), finding("c", reason="another reason")),
    ),
    "one message twice": (
        audit(0, finding("a"), finding("b")),
        audit(0, finding("a"), finding("b")),
        audit(10, passed("a"), passed("b")),
    ),
    "three that disagree": (
        audit(0, finding("a"), finding("b")),
        audit(10, passed("a"), finding("b", severity=Severity.CRITICAL)),
        audit(20, finding("a"), passed("b")),
    ),
    "one that saw little": (
        audit(0, finding("a"), finding("b")),
        audit(10, unknown("a"), complete={}),
        audit(20, passed("a"), finding("b", reason="another reason")),
    ),
    "a deletion between": (audit(0, finding("a"), finding("b")), deletion(10), audit(20, finding("a"), passed("b"))),
    "a new life": (
        audit(0, finding("a"), finding("b")),
        audit(10, finding("a"), passed("b"), created_at=CREATED_AGAIN),
        audit(20, passed("a"), finding("b"), created_at=CREATED_AGAIN),
    ),
    "two sightings": (
        audit(0, finding("a", confirm=True), finding("b")),
        audit(60, finding("a", confirm=True), passed("b")),
        audit(90, finding("a", confirm=True), finding("b")),
    ),
    "gaps that are read again": (
        audit(0, finding("a"), retryable=True),
        audit(10, finding("a"), finding("b"), retryable=True),
        audit(20, passed("a"), finding("b")),
    ),
    "what runs, seen differently": (
        audit(0, finding("a"), running=(WEB, IMAGE)),
        audit(10, finding("a"), running=(WEB_LATER,), unread=UNREAD),
        audit(20, passed("a"), running=(WEB_LATER,)),
    ),
    "what runs, over a deletion": (
        audit(0, running=(WEB, IMAGE)),
        deletion(10),
        audit(20, running=(BATCH, IMAGE), created_at=CREATED_AGAIN),
    ),
}


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """One transition or silent write a part, so that a few findings already make audits of several parts."""
    monkeypatch.setattr(outbox, "TRANSITIONS_LIMIT", 1)
    monkeypatch.setattr(transaction, "SILENT_COUNT", 1)


def first_wrong(worlds: Iterator[World]) -> str | None:
    return next((problem for world in worlds if (problem := difference(world)) is not None), None)


def one_by_one(audits: Sequence[Audit]) -> World:
    """Every audit in the order it is given, each to its end."""
    world = begin(audits)
    for number in range(len(audits)):
        while number in world.running():
            world = world.stepped(number)
    return world


def test_every_history_of_three_audits_is_the_references() -> None:
    for names in product(ONE_FINDING, repeat=3):
        audits = [ONE_FINDING[name](minutes) for name, minutes in zip(names, (0, 40, 80), strict=True)]
        assert difference(one_by_one(audits)) is None, names


def test_every_history_of_a_cause_and_what_it_explains_is_the_references() -> None:
    for names in product(CAUSE_AND_EFFECT, repeat=3):
        audits = [CAUSE_AND_EFFECT[name](minutes) for name, minutes in zip(names, (0, 40, 80), strict=True)]
        assert difference(one_by_one(audits)) is None, names


def test_every_history_of_what_runs_is_the_references() -> None:
    for names in product(WHAT_RUNS, repeat=3):
        audits = [WHAT_RUNS[name](minutes) for name, minutes in zip(names, (0, 40, 80), strict=True)]
        assert difference(one_by_one(audits)) is None, names


def test_every_two_audits_in_either_order_are_the_references() -> None:
    for names in (*product(ONE_FINDING, repeat=2), *product(WHAT_RUNS, repeat=2)):
        sooner, later = ((ONE_FINDING | WHAT_RUNS)[name](minutes) for name, minutes in zip(names, (0, 80), strict=True))
        world = one_by_one([later, sooner])
        assert difference(world) is None, names
        if not later.ended:
            assert isinstance(world.savings[1].result, FencedOut)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("race", RACES)
def test_every_interleaving_ends_as_the_reference(race: str) -> None:
    worlds = list(explore(RACES[race]))
    assert len({world.position() for world in worlds}) > 50
    assert first_wrong(iter(worlds)) is None


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("race", RACES)
def test_every_interleaving_with_a_crash_ends_as_the_reference(race: str) -> None:
    worlds = list(explore(RACES[race], crashes=1))
    assert any(world.crashes() for world in worlds)
    assert first_wrong(iter(worlds)) is None


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("race", RACES)
def test_the_next_audit_heals_whatever_a_crash_left(race: str) -> None:
    """Any end of any race, then one audit without gaps: open is exactly what fails in it, and known what it saw run."""
    last = RACES[race][-1]
    sweep = replace(
        last,
        taken_at=last.taken_at + HOUR,
        findings=tuple(replace(each, confirm=False) for each in last.findings),
        audit_id="sweep",
    )
    failing = {each.id: each.severity for each in sweep.findings if each.status is Status.FAILED}
    for world in explore(RACES[race], crashes=2):
        if not world.running():
            healed = World(world.table, (*world.savings, Saving(sweep)))
            while healed.running():
                healed = healed.stepped(len(healed.savings) - 1)
            assert difference(healed) is None
            assert healed.table.head is not None
            assert healed.table.head.saved_at is not None
            records = healed.table.records.values()
            assert {r.finding.id: r.finding.severity for r in records if r.state is State.OPEN} == failing
            assert {each for part in healed.table.runs.values() for each in part} == set(sweep.running)


WORDS: list[Callable[[str], Finding]] = [
    finding,
    lambda name: finding(name, severity=Severity.LOW),
    lambda name: finding(name, severity=Severity.CRITICAL),
    lambda name: finding(name, confirm=True),
    lambda name: finding(name, reason="another reason"),
    lambda name: finding(name, check_id="ZONE003", kind="sibling-set"),
    lambda name: finding(name, check_id="ZONE003", kind="zone"),
    passed,
    unknown,
    not_applicable,
    settling,
]
RUNNING: list[tuple[Running, ...]] = [(), (WEB,), (WEB_LATER, BATCH), (BATCH, IMAGE), (WEB, IMAGE)]
AUDITS = st.builds(
    lambda minutes, words, deviations: audit(minutes, *(word(name) for name, word in words.items()), **deviations),
    st.integers(0, 200),
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(WORDS)),
    st.fixed_dictionaries(
        {},
        optional={
            "retryable": st.booleans(),
            "complete": st.sampled_from([{}, {"managed": True}, {"managed": False, "self-managed": True}]),
            "checks": st.sampled_from([frozenset({"ZONE002"}), frozenset({"ZONE003"})]),
            "created_at": st.just(CREATED_AGAIN),
            "running": st.sampled_from(RUNNING),
            "unread": st.sampled_from([UNREAD, frozenset({("managed", "web")})]),
        },
    ),
)
RUNS = st.lists(st.one_of(AUDITS, st.integers(0, 200).map(deletion)), min_size=2, max_size=5)


@pytest.mark.usefixtures("small_parts")
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(RUNS, st.lists(st.integers(0, 20), max_size=60))
def test_any_audits_in_any_order_end_as_the_reference(audits: list[Audit], choices: list[int]) -> None:
    world = begin(audits)
    for choice in (*choices, *[0] * 1000):
        if not (running := world.running()):
            break
        number = running[choice % len(running)]
        dies = choice == 20 and world.savings[number].written
        world = world.crashed(number) if dies else world.stepped(number)
        assert difference(world) is None
    assert not world.running()


class TestMutants:
    """Each is the production code less one safeguard, and the same tests find what goes wrong."""

    @pytest.mark.parametrize("race", ["two that disagree", "three that disagree", "one that saw little"])
    def test_no_fence(self, race: str) -> None:
        assert first_wrong(explore(RACES[race], table=Unfenced)) is not None
        assert first_wrong(explore(RACES[race])) is None

    def test_a_fence_on_time_alone(self) -> None:
        """A newer audit that loaded before an older one wrote would never resolve what that one opened."""
        problem = first_wrong(explore(RACES["two that disagree"], table=FencedOnTimeAlone))
        assert problem is not None
        assert first_wrong(explore(RACES["two that disagree"])) is None

    def test_resolve_on_unknown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def mutant(head: Head | None, records: dict[str, Record], now: Audit, *, hub: bool) -> Changes:
            words = tuple(
                replace(each, status=Status.PASSED) if each.status is Status.UNKNOWN else each for each in now.findings
            )
            return diff(head, records, replace(now, findings=words), hub=hub)

        audits = [audit(0, finding()), audit(10, unknown())]
        assert difference(one_by_one(audits)) is None
        monkeypatch.setattr(saving, "diff", mutant)
        assert difference(one_by_one(audits)) is not None

    def test_forgetting_what_was_not_seen_to_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A cluster of which something was unread would hear of no release of what was."""

        def mutant(known: Iterable[Running], now: Audit) -> tuple[Running, ...]:
            return still_running(known, replace(now, unread=frozenset()))

        audits = RACES["what runs, seen differently"][:2]
        assert difference(one_by_one(audits)) is None
        monkeypatch.setattr(saving, "still_running", mutant)
        assert difference(one_by_one(audits)) is not None

    def test_publish_before_save(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The announcement in a transaction before that of its findings: the relay tells what may never be kept."""
        monkeypatch.setattr(saving, "plan_parts", announce_first)
        assert first_wrong(explore([audit(0, finding())])) is not None
        assert first_wrong(explore([audit(0, finding()), audit(10, passed())], crashes=1)) is not None


def announce_first(
    loaded: Head | None, changes: Changes, audited: Audit, *, now: datetime, runs: tuple[RunsWrite, ...]
) -> tuple[Part, ...]:
    """Plan as ever, then cut each part in two: what is told, and after that what is kept."""
    whole = plan_parts(loaded, changes, audited, now=now, runs=runs)
    halves = [half for part in whole for half in (replace(part, writes=()), replace(part, outbox=None))]
    before = 0 if loaded is None else loaded.revision
    return tuple(
        replace(
            half,
            fence=whole[0].fence if number == 0 else Fence(revision=before + number),
            head=replace(half.head, revision=before + number + 1),
        )
        for number, half in enumerate(halves)
    )
