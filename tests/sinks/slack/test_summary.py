from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eks_auditor.events.messages import ReleaseMessage, TransitionsMessage
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Change, Transition
from eks_auditor.model.verdict import Severity
from eks_auditor.sinks.slack_release import render as render_release
from eks_auditor.sinks.slack_summary import CLUSTERS, EXAMPLES, PLACES, Summary, summaries
from eks_auditor.sinks.slack_transitions import render
from tests.builders import NOW
from tests.golden.compare import matches
from tests.plan.releasing import messages as notices
from tests.sinks.slack.messages import HOSTILE, elsewhere, faults, later, many, message, names, readable, texts
from tests.sinks.transitions import finding, subject, transition

GOLDEN = Path(__file__).parents[2] / "golden" / "slack"
STALE = "UPDATE_GOLDENS=1 pytest tests/sinks/slack writes it anew; read what has changed"

WORSE = transition(finding(severity=Severity.HIGH), Change.WORSE, previous=Severity.MEDIUM)
NEW = transition(finding(subject("shop", kind="cluster"), check_id="ZONE001", severity=Severity.CRITICAL))
GONE = transition(finding(subject("old"), severity=Severity.HIGH, fix=()), Change.RESOLVED)


def heads(told: tuple[Summary, ...]) -> list[str]:
    return [texts(each.message)[0] for each in told]


def test_news_is_one_message_per_check_and_rung_the_worst_first() -> None:
    told = summaries([elsewhere(1, WORSE, NEW), elsewhere(2, WORSE), elsewhere(3, WORSE, GONE)])
    assert heads(told) == [
        "1 new, worst CRITICAL in cluster-001 (eu-west-1)",
        "AMI001 HIGH: 3 worse, 1 resolved in 3 clusters",
    ]
    assert [each.cluster is None for each in told] == [False, True]
    assert [each.covers for each in told] == [{0}, {0, 1, 2}]
    assert [each.urgent for each in told] == [True, False]


def test_400_clusters_that_cross_a_rung_are_one_message() -> None:
    (told,) = summaries([elsewhere(number, WORSE) for number in range(400)])
    assert heads((told,)) == ["AMI001 HIGH: 400 worse in 400 clusters"]
    assert (told.cluster, len(told.shown), told.covers) == (None, 400, frozenset(range(400)))
    assert faults(told.message) == []
    shown = "\n".join(texts(told.message))
    assert shown.count("🟠") == EXAMPLES
    assert f"and {400 - EXAMPLES} more: {400 - EXAMPLES} HIGH `AMI001` worse" in shown
    assert f"and {400 - CLUSTERS} more clusters" in shown


def test_the_longest_standing_are_the_examples() -> None:
    aged = [
        elsewhere(number, replace(WORSE, first_seen=NOW - timedelta(days=number % 10, hours=1))) for number in range(30)
    ]
    (told,) = summaries(aged)
    examples = [text for text in texts(told.message) if text.startswith("🟠")]
    assert [text.rpartition(" in ")[2] for text in examples] == [
        f"`cluster-{number:03}` (eu-west-1)" for number in (9, 19, 29)
    ]


def test_news_of_one_message_stays_one_message() -> None:
    lone = message(WORSE, NEW, GONE)
    (told,) = summaries([lone])
    assert told.message == render(lone)
    assert told.cluster == lone.cluster
    assert dict(told.shown) == {each.finding.id: each.sequence for each in lone.transitions}


@pytest.mark.parametrize(
    ("kind", "beginning"), [("baseline", "First look: 24 open"), ("policy", "New policy: 12 new, 12 worse")]
)
def test_what_is_told_once_is_one_summary_whatever_the_checks(kind: str, beginning: str) -> None:
    held = [elsewhere(number, WORSE, NEW, kind=kind) for number in range(12)]
    (told,) = summaries(held)
    assert heads((told,)) == [f"{beginning}, worst CRITICAL in 12 clusters"]
    assert any("9 CRITICAL `ZONE001` new, 12 HIGH `AMI001` worse" in text for text in texts(told.message))


def test_a_summary_of_first_parts_does_not_pretend_to_be_whole() -> None:
    (told,) = summaries([elsewhere(1, kind="baseline", parts=3), elsewhere(2, kind="baseline")])
    assert heads((told,))[0].startswith("First look: at least 2 open")


def test_kinds_are_told_apart_news_first_and_releases_last() -> None:
    (release,) = notices()
    held: list[TransitionsMessage | ReleaseMessage] = [
        release,
        elsewhere(1, WORSE, kind="baseline"),
        elsewhere(2, WORSE, kind="policy"),
        elsewhere(3),
        elsewhere(4),
    ]
    told = summaries(held)
    assert [sorted(each.covers) for each in told] == [[3, 4], [2], [1], [0]]
    assert told[-1].message == render_release(release)
    assert told[-1].cluster is None


def test_the_last_word_on_a_finding_is_the_one_that_is_told() -> None:
    opened = transition()
    resolved = later(opened, 5, change=Change.RESOLVED)
    for held in ([message(opened), message(resolved)], [message(resolved), message(opened)]):
        (told,) = summaries(held)
        assert told.shown == ((opened.finding.id, resolved.sequence),)
        assert told.covers == {0, 1}
        assert texts(told.message)[0].startswith("1 resolved")


def test_what_comes_twice_is_counted_once() -> None:
    (told,) = summaries([message(WORSE), message(WORSE)])
    assert told.message == render(message(WORSE))
    assert told.covers == {0, 1}


def test_what_is_for_no_person_is_left_out() -> None:
    assert summaries([message(kind="quiet"), message(kind="refresh")]) == ()
    assert summaries([]) == ()


def test_several_accounts_are_named() -> None:
    held = [
        replace(elsewhere(number, WORSE), cluster=ClusterId("aws", f"{number:012}", "eu-west-1", "shop"))
        for number in range(5)
    ]
    held = [
        replace(
            each,
            transitions=tuple(replace(t, finding=replace(t.finding, id=each.cluster.arn)) for t in each.transitions),
        )
        for each in held
    ]
    (told,) = summaries(held)
    *_, last = texts(told.message)
    assert last.count("|Security Hub of ") == PLACES
    assert "and 2 more accounts and Regions" in last
    assert "`eks-auditor audit --region all --check AMI001`" in last


def test_nobody_is_sent_to_a_security_hub_that_is_not_told() -> None:
    for held in ([elsewhere(1, WORSE), elsewhere(2, WORSE)], [message(WORSE)], [message(WORSE), message(NEW)]):
        for each in summaries(held, hub=False):
            assert "Security Hub" not in readable(each.message)
            assert "eks-auditor audit --region" in readable(each.message)


def test_a_summary_as_slack_gets_it() -> None:
    told = summaries([elsewhere(number, *([WORSE, NEW] if number < 2 else [WORSE])) for number in range(14)])
    assert [faults(each.message) for each in told] == [[], []]
    for each, file in zip(told, ("summary-zone001.json", "summary-ami001.json"), strict=True):
        assert matches(readable(each.message), GOLDEN / file), STALE
    (first,) = summaries([elsewhere(number, WORSE, NEW, GONE, kind="baseline") for number in range(14)])
    assert matches(readable(first.message), GOLDEN / "summary-baseline.json"), STALE


@pytest.mark.parametrize("count", [1, 50, 5000])
def test_a_summary_fits_whatever_it_counts(count: int) -> None:
    told = summaries([message(*many(count)), elsewhere(1)])
    assert [faults(each.message) for each in told] == [[]]
    assert sum(len(each.shown) for each in told) == count + 1


@pytest.mark.parametrize("text", [*HOSTILE, "<!channel>" * 50, "🧨" * 500])
def test_each_hostile_text_still_fits(text: str) -> None:
    told = transition(finding(subject(text, key="k"), title=text, reason=text, team=text))
    held = [elsewhere(number, told) for number in range(30)]
    held = [replace(each, cluster=replace(each.cluster, name=f"{text}{each.cluster.name}")) for each in held]
    assert [faults(each.message) for each in summaries(held)] == [[]]


changes = st.builds(
    lambda name, check, severity, change, minutes: later(
        transition(finding(subject(name, key=name[:9]), check_id=check, severity=severity)), minutes, change=change
    ),
    names,
    st.sampled_from(["AMI001", "ZONE002"]),
    st.sampled_from(Severity),
    st.sampled_from([Change.OPENED, Change.WORSE, Change.BETTER, Change.RESOLVED, Change.EXEMPTED]),
    st.integers(0, 9),
)
held_messages = st.lists(
    st.builds(
        lambda number, told, kind: elsewhere(number, *told, kind=kind),
        st.integers(1, 4),
        st.lists(changes, min_size=1, max_size=4),
        st.sampled_from(["news", "news", "news", "baseline", "policy", "quiet"]),
    ),
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(held=held_messages, released=st.booleans())
def test_each_finding_is_told_in_exactly_one_summary(held: list[TransitionsMessage], released: bool) -> None:  # noqa: FBT001  hypothesis names it
    waiting: list[TransitionsMessage | ReleaseMessage] = [*held, *(notices() if released else [])]
    told = summaries(waiting)
    assert [faults(each.message) for each in told] == [[] for _ in told]
    assert dict(pair for each in told for pair in each.shown) == newest(held)
    assert max(Counter(finding_id for each in told for finding_id, _ in each.shown).values(), default=1) == 1
    people = {index for index, each in enumerate(waiting) if isinstance(each, ReleaseMessage) or each.kind != "quiet"}
    assert frozenset[int]().union(*(each.covers for each in told)) == people
    assert len(told) <= len({pair for each in held for pair in topics(each)}) + released


def newest(held: list[TransitionsMessage]) -> dict[str, int]:
    sequences: dict[str, int] = {}
    for each in (each for one in held if one.kind != "quiet" for each in one.transitions):
        sequences[each.finding.id] = max(each.sequence, sequences.get(each.finding.id, 0))
    return sequences


def topics(held: TransitionsMessage) -> list[tuple[str, ...]]:
    if held.kind != "news":
        return [(held.kind,)]
    return [topic(each) for each in held.transitions]


def topic(told: Transition) -> tuple[str, ...]:
    return (told.finding.check_id, told.finding.severity.name)
