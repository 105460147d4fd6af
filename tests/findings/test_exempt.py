"""The life of a finding that somebody accepts: who is told what, and that it comes back."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from eks_auditor.findings.diff import Changes, diff
from eks_auditor.findings.transitions import REFRESH_AFTER
from eks_auditor.ledger.outbox import class_of
from eks_auditor.model.finding import Exemption, Finding
from eks_auditor.model.history import Audit, Change, Head, Record, State, Transition
from eks_auditor.model.verdict import Severity
from tests.ledger.build import (
    CREATED_AGAIN,
    START,
    at,
    audit,
    deletion,
    finding,
    head,
    passed,
    record,
    settling,
    unknown,
    untargeting,
)

DAY = 24 * 60


def exemption(**deviations: Any) -> Exemption:  # noqa: ANN401  any field of it
    """Of whatever rung, by the policy, until the day of the first audit is over."""
    usual: dict[str, Any] = {"reason": "Replaced", "owner": "team-a", "until": START.date(), "source": "policy"}
    return Exemption(**usual | deviations)


ACCEPTED = exemption()
BY_TAG = exemption(source="tag of node group web", severity=Severity.HIGH)


def accepted(of: Finding | None = None, by: Exemption = ACCEPTED) -> Finding:
    """A finding that is accepted, as the judge says it."""
    return replace(of or finding(), exemption=by, exemptions=(by,))


def kept(of: Finding | None = None, **deviations: Any) -> Record:  # noqa: ANN401  any field of it
    """An exempt finding as the ledger keeps it: without what else was accepted."""
    return record(replace(of or accepted(), exemptions=()), state=State.EXEMPT, **deviations)


def changes(records: list[Record], now: Audit, *, past: Head | None = None, hub: bool = False) -> Changes:
    return diff(past or head(), {each.finding.id: each for each in records}, now, hub=hub)


def only(result: Changes) -> tuple[Transition, Record]:
    (transition,), (written,) = result.transitions, result.records
    assert written.finding == transition.finding
    return transition, written


def said(result: Changes) -> tuple[Change, str, State]:
    """What happened, whom it is for, and where the finding stands."""
    transition, written = only(result)
    return transition.change, class_of(transition).value, written.state


class TestAccepted:
    def test_what_first_fails_while_accepted_tells_no_person(self) -> None:
        result = changes([], audit(10, accepted()))
        assert said(result) == (Change.EXEMPTED, "quiet", State.EXEMPT)
        assert only(result)[0].finding.exemption == ACCEPTED

    def test_what_is_open_and_becomes_accepted_is_told(self) -> None:
        assert said(changes([record()], audit(10, accepted()))) == (Change.EXEMPTED, "news", State.EXEMPT)

    def test_it_keeps_when_it_was_first_seen(self) -> None:
        _, written = only(changes([record(minutes=0)], audit(10, accepted())))
        assert (written.first_seen, written.changed_at) == (at(0), at(10))

    @pytest.mark.parametrize("state", [State.RESOLVED, State.WITHDRAWN])
    def test_what_fails_again_while_accepted_tells_no_person(self, state: State) -> None:
        closed = record(passed(), state=state)
        assert said(changes([closed], audit(10, accepted()))) == (Change.EXEMPTED, "quiet", State.EXEMPT)

    def test_nothing_changed_nothing_told(self) -> None:
        result = changes([kept()], audit(10, accepted()))
        assert result.transitions == ()
        # What the ledger keeps is written where it differs: a reason, an owner, a day.
        assert result.records == ()
        again = changes([kept()], audit(10, accepted(by=exemption(owner="team-b"))))
        assert (again.transitions, [each.state for each in again.records]) == ((), [State.EXEMPT])

    def test_another_version_of_the_policy_alone_tells_nobody(self) -> None:
        result = changes([record()], audit(10, finding(evidence={"policy_version": "b"}), policy="b"))
        assert result.transitions == ()
        assert result.head.policy == "b"

    def test_another_rung_while_accepted_is_for_security_hub(self) -> None:
        worse = accepted(finding(severity=Severity.CRITICAL))
        assert said(changes([kept()], audit(10, worse))) == (Change.EXEMPTED, "quiet", State.EXEMPT)

    def test_a_rung_that_nobody_accepts_is_news(self) -> None:
        worse = replace(finding(severity=Severity.CRITICAL), exemptions=(BY_TAG,))
        assert said(changes([kept(accepted(by=BY_TAG))], audit(10, worse))) == (Change.REOPENED, "news", State.OPEN)

    @pytest.mark.parametrize(
        ("now", "change", "state"),
        [
            (audit(10, passed()), Change.RESOLVED, State.RESOLVED),
            (audit(10), Change.RESOLVED, State.RESOLVED),
            (audit(10, checks=frozenset({"ZONE003"})), Change.WITHDRAWN, State.WITHDRAWN),
            (deletion(10), Change.RESOLVED, State.RESOLVED),
            (untargeting(10), Change.WITHDRAWN, State.WITHDRAWN),
            (audit(10, created_at=CREATED_AGAIN), Change.RESOLVED, State.RESOLVED),
        ],
    )
    def test_its_end_tells_no_person_and_leaves_no_exemption(self, now: Audit, change: Change, state: State) -> None:
        result = changes([kept()], now)
        assert said(result) == (change, "quiet", state)
        assert only(result)[0].finding.exemption is None

    def test_a_new_life_begins_accepted(self) -> None:
        result = changes([kept()], audit(10, accepted(), created_at=CREATED_AGAIN))
        assert said(result) == (Change.EXEMPTED, "quiet", State.EXEMPT)

    def test_what_was_accepted_once_seen_needs_no_second_sighting_when_that_ends(self) -> None:
        result = changes([kept()], audit(DAY, finding(confirm=True)))
        assert said(result) == (Change.REOPENED, "news", State.OPEN)

    def test_what_counts_only_once_confirmed_is_accepted_only_then(self) -> None:
        assert changes([], audit(10, replace(accepted(), confirm=True))).transitions == ()


class TestEnd:
    def test_a_due_audit_brings_it_back(self) -> None:
        before = changes([], audit(10, accepted()))
        midnight = (START + timedelta(days=1)).replace(hour=0)
        assert before.head.due_at == midnight == ACCEPTED.ends_at
        after = replace(audit(0, finding()), taken_at=midnight)
        assert said(changes([kept()], after)) == (Change.REOPENED, "news", State.OPEN)
        before_that = replace(audit(0, accepted()), taken_at=midnight - timedelta(seconds=1))
        assert changes([kept()], before_that).transitions == ()

    @pytest.mark.parametrize("word", [unknown(), settling()])
    def test_it_comes_back_although_nothing_new_is_known(self, word: Finding) -> None:
        result = changes([kept()], audit(DAY, replace(word, exemptions=(ACCEPTED,))))
        assert said(result) == (Change.REOPENED, "news", State.OPEN)
        assert only(result)[0].finding.reason == finding().reason

    def test_it_comes_back_although_its_subject_was_not_seen(self) -> None:
        unseen = audit(DAY, complete={})
        assert said(changes([kept()], unseen)) == (Change.REOPENED, "news", State.OPEN)

    def test_a_subject_that_was_not_seen_stays_accepted_until_then(self) -> None:
        result = changes([kept()], audit(10, complete={}))
        assert (result.transitions, result.records) == ((), ())
        assert result.head.due_at == ACCEPTED.ends_at

    def test_a_policy_that_accepts_it_no_more_opens_it_though_it_cannot_be_judged(self) -> None:
        assert said(changes([kept()], audit(10, unknown()))) == (Change.REOPENED, "news", State.OPEN)

    def test_a_policy_accepts_what_cannot_be_judged_at_the_rung_it_last_had(self) -> None:
        mild = replace(ACCEPTED, severity=Severity.MEDIUM)
        assert said(changes([record()], audit(10, replace(unknown(), exemptions=(ACCEPTED,)))))[2] is State.EXEMPT
        assert changes([record()], audit(10, replace(unknown(), exemptions=(mild,)))).transitions == ()

    def test_a_longer_day_moves_the_end(self) -> None:
        longer = exemption(until=date(2026, 12, 31))
        assert changes([kept()], audit(10, accepted(by=longer))).head.due_at == longer.ends_at


class TestFaults:
    """No read that fails opens what somebody accepted."""

    @pytest.mark.parametrize("word", [finding(), unknown()])
    def test_a_tag_out_of_sight_still_accepts(self, word: Finding) -> None:
        result = changes([kept(accepted(by=BY_TAG))], audit(10, replace(word, tags_hidden=True)))
        assert result.transitions == ()
        assert all(each.state is State.EXEMPT for each in result.records)

    def test_but_not_beyond_its_day(self) -> None:
        result = changes([kept(accepted(by=BY_TAG))], audit(DAY, replace(finding(), tags_hidden=True)))
        assert said(result) == (Change.REOPENED, "news", State.OPEN)

    def test_a_policy_is_never_out_of_sight(self) -> None:
        result = changes([kept()], audit(10, replace(finding(), tags_hidden=True)))
        assert said(result) == (Change.REOPENED, "news", State.OPEN)

    def test_a_cause_that_is_accepted_and_unread_still_explains(self) -> None:
        cause = finding("cause", check_id="ZONE003")
        effect = finding(causes={cause.id: cause.severity})
        unread = replace(unknown("cause", check_id="ZONE003"), exemptions=(ACCEPTED,))
        result = changes([kept(accepted(cause))], audit(10, unread, effect))
        assert result.transitions == ()


class TestAnotherPolicy:
    def test_what_it_opens_or_closes_is_one_summary(self) -> None:
        records = [record(finding("a")), record(finding("b")), kept(accepted(finding("c")))]
        words = [passed("a"), accepted(finding("b")), finding("c"), finding("d")]
        result = changes(records, audit(10, *words, policy="b"))
        assert {class_of(each).value for each in result.transitions} == {"policy"}
        assert len(result.transitions) == 4

    def test_a_first_run_is_a_baseline_all_the_same(self) -> None:
        (transition,) = changes([], audit(10, finding(), policy="b"), past=head(checks=frozenset())).transitions
        assert class_of(transition).value == "baseline"

    def test_what_stays_accepted_is_quiet_all_the_same(self) -> None:
        worse = accepted(finding(severity=Severity.CRITICAL))
        (transition,) = changes([kept()], audit(10, worse, policy="b")).transitions
        assert class_of(transition).value == "quiet"

    def test_the_next_audit_under_it_tells_news(self) -> None:
        (transition,) = changes([], audit(10, finding(), policy="b"), past=head(policy="b")).transitions
        assert class_of(transition).value == "news"

    def test_what_needs_a_second_sighting_is_the_policys_doing_all_the_same(self) -> None:
        word = finding(confirm=True)
        first = changes([], audit(10, word, policy="b"))
        assert (first.transitions, first.head.policy_since) == ((), at(10))
        (transition,) = changes([], audit(70, word, policy="b"), past=first.head).transitions
        assert class_of(transition).value == "policy"

    def test_what_is_first_seen_later_is_not(self) -> None:
        under_b = changes([], audit(10, policy="b")).head
        first = changes([], audit(20, finding(confirm=True), policy="b"), past=under_b)
        (transition,) = changes([], audit(80, finding(confirm=True), policy="b"), past=first.head).transitions
        assert (class_of(transition).value, first.head.policy_since) == ("news", at(10))

    def test_an_audit_that_is_read_again_counts_once_it_is_whole(self) -> None:
        assert changes([], audit(10, finding(), policy="b", retryable=True)).head.policy == "default"
        assert changes([], audit(10, finding(), policy="b")).head.policy == "b"

    def test_the_end_of_a_cluster_is_no_policys_doing(self) -> None:
        (transition,) = changes([record()], deletion(10), past=head(policy="b")).transitions
        assert class_of(transition).value == "news"


class TestSecurityHub:
    @pytest.mark.parametrize("hub_at", [None, at(0) - REFRESH_AFTER])
    def test_what_is_accepted_is_told_again_too(self, hub_at: Any) -> None:  # noqa: ANN401  an instant or none
        (refreshed,) = changes([kept(hub_at=hub_at)], audit(10, accepted()), hub=True).transitions
        assert (refreshed.change, refreshed.finding.exemption) == (Change.REFRESHED, ACCEPTED)

    @pytest.mark.parametrize("word", [accepted(), replace(unknown(), exemptions=(ACCEPTED,))])
    def test_another_reason_owner_or_end_is_told_there_and_once(self, word: Finding) -> None:
        longer = exemption(until=date(2026, 12, 31), owner="team-b")
        now = replace(word, exemption=None if word.exemption is None else longer, exemptions=(longer,))
        result = changes([kept(hub_at=at(5))], audit(10, now), hub=True)
        refreshed, written = only(result)
        assert (refreshed.change, class_of(refreshed).value) == (Change.REFRESHED, "refresh")
        assert (refreshed.finding.exemption, written.state) == (longer, State.EXEMPT)
        assert changes([replace(written, hub_at=at(10))], audit(20, now), hub=True).transitions == ()

    def test_what_it_took_of_another_state_counts_no_more(self) -> None:
        _, written = only(changes([record(hub_at=at(0))], audit(10, accepted())))
        assert written.hub_at is None
