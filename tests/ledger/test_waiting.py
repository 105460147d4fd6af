from dataclasses import replace

from eks_auditor.events.messages import ReleaseMessage, TransitionsMessage, parse_message
from eks_auditor.ledger.waiting import NOTICED_LIMIT, name_of_notice, news, sequences, trimmed
from tests.builders import CLUSTER_ID
from tests.plan.releasing import notice, runs
from tests.sinks.transitions import bodies, days_later, transition, transitions


def test_a_trimmed_message_says_all_but_its_evidence() -> None:
    (body,) = bodies(*transitions(3))
    whole, kept = parse_message(body), parse_message(trimmed(body))
    assert isinstance(whole, TransitionsMessage)
    assert all(each.finding.evidence for each in whole.transitions)
    bare = tuple(replace(each, finding=replace(each.finding, evidence={})) for each in whole.transitions)
    assert kept == replace(whole, transitions=bare)
    assert len(trimmed(body)) < len(body)


def test_a_trimmed_notice_names_the_first_capacities_and_counts_all() -> None:
    clusters = {
        replace(CLUSTER_ID, name=f"shop-{number}"): tuple(runs(f"web-{each:02}") for each in range(30))
        for number in range(4)
    }
    whole, kept = (
        parse_message(text) for text in (notice(clusters=clusters)[0].body, trimmed(notice(clusters=clusters)[0].body))
    )
    assert isinstance(whole, ReleaseMessage)
    assert isinstance(kept, ReleaseMessage)
    named = [capacity for entry in kept.clusters for capacity in entry.capacities]
    assert named == [capacity for entry in whole.clusters for capacity in entry.capacities][:NOTICED_LIMIT]
    assert (kept.concerned, kept.release) == (whole.concerned, whole.release) == (120, whole.release)


def test_only_what_is_newer_than_shown_is_news() -> None:
    first, second = transitions(2)
    message = parse_message(bodies(first, second)[0])
    assert isinstance(message, TransitionsMessage)
    assert sequences(message) == {each.finding.id: each.sequence for each in (first, second)}
    assert news(message, {}) == message
    fresh = news(message, {first.finding.id: first.sequence, second.finding.id: second.sequence - 1})
    assert isinstance(fresh, TransitionsMessage)
    assert [each.finding.id for each in fresh.transitions] == [second.finding.id]
    assert news(message, {each: sequence + 1 for each, sequence in sequences(message).items()}) is None


def test_of_a_finding_that_comes_twice_the_newest_sequence_counts() -> None:
    message = parse_message(bodies(transition(taken_at=days_later(1)), transition())[0])
    assert list(sequences(message).values()) == [transition(taken_at=days_later(1)).sequence]


def test_a_notice_is_shown_once_however_it_was_composed() -> None:
    message = parse_message(notice()[0].body)
    assert isinstance(message, ReleaseMessage)
    again = replace(message, clusters=(), concerned=0)
    assert name_of_notice(message) == name_of_notice(again)
    assert news(again, sequences(message)) is None
