"""Each rule of what changes a finding, and of what only evidence may do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.findings.diff import Changes, diff
from eks_auditor.findings.transitions import REFRESH_AFTER, REFRESH_SPREAD
from eks_auditor.model.capacity import KINDS
from eks_auditor.model.finding import Finding
from eks_auditor.model.history import Audit, Change, Head, Record, State, Transition, sequence_of
from eks_auditor.model.verdict import Severity, Status
from tests.ledger.build import (
    CREATED_AGAIN,
    ONE_OPEN,
    at,
    audit,
    deletion,
    finding,
    head,
    not_applicable,
    passed,
    record,
    settling,
    unknown,
    untargeting,
)


def changes(past: Head | None, records: list[Record], now: Audit, *, hub: bool = False) -> Changes:
    return diff(past, {each.finding.id: each for each in records}, now, hub=hub)


def only(result: Changes) -> tuple[Transition, Record]:
    """The one transition there is, and its record."""
    (transition,), (kept,) = result.transitions, result.records
    assert kept.finding == transition.finding
    return transition, kept


def nothing(result: Changes) -> bool:
    return result.transitions == () and result.records == ()


class TestFailed:
    def test_opens_what_was_never_kept(self) -> None:
        transition, kept = only(changes(head(), [], audit(10, finding())))
        assert (transition.change, transition.baseline, transition.previous) == (Change.OPENED, False, None)
        assert transition.sequence == sequence_of(at(10)) == kept.sequence
        assert kept == record(minutes=10)

    @pytest.mark.parametrize("state", [State.RESOLVED, State.WITHDRAWN])
    def test_reopens_and_keeps_when_it_was_first_seen(self, state: State) -> None:
        old = record(passed(), state=state, changed_at=at(5), sequence=5, hub_at=at(5))
        transition, kept = only(changes(head(5), [old], audit(10, finding())))
        assert transition.change is Change.REOPENED
        assert (transition.first_seen, kept.first_seen, kept.changed_at) == (at(0), at(0), at(10))
        assert (kept.state, kept.sequence, kept.hub_at) == (State.OPEN, sequence_of(at(10)), None)

    @pytest.mark.parametrize(("rung", "change"), [(Severity.CRITICAL, Change.WORSE), (Severity.LOW, Change.BETTER)])
    def test_moves_between_rungs(self, rung: Severity, change: Change) -> None:
        transition, kept = only(changes(head(), [record(hub_at=at(1))], audit(10, finding(severity=rung))))
        assert (transition.change, transition.previous) == (change, Severity.HIGH)
        assert (kept.first_seen, kept.changed_at, kept.hub_at) == (at(0), at(10), None)

    def test_that_says_the_same_writes_nothing(self) -> None:
        assert nothing(changes(head(), [record()], audit(10, finding(due_at=at(99)))))

    @pytest.mark.parametrize(
        "content", [{"reason": "launches in 1 zone of 3"}, {"evidence": {"zones": 2}}, {"fix": ()}]
    )
    def test_with_other_content_is_written_and_not_told(self, content: dict[str, Any]) -> None:
        old = record(hub_at=at(1))
        result = changes(head(), [old], audit(10, finding(**content)))
        assert result.transitions == ()
        assert result.records == (replace(old, finding=finding(**content)),)


class TestConfirmation:
    """A failure that counts only once two audits an hour apart saw it."""

    def test_is_remembered_and_not_told_at_first(self) -> None:
        result = changes(head(), [], audit(10, finding(confirm=True)))
        assert nothing(result)
        assert result.head.sightings == {finding().id: at(10)}
        assert result.head.due_at == at(70)

    def test_keeps_the_first_instant(self) -> None:
        result = changes(head(sightings={finding().id: at(10)}), [], audit(69, finding(confirm=True)))
        assert nothing(result)
        assert result.head.sightings == {finding().id: at(10)}

    @pytest.mark.parametrize("old", [None, record(passed(), state=State.RESOLVED)])
    def test_opens_after_an_hour(self, old: Record | None) -> None:
        past = head(10, sightings={finding().id: at(10)})
        result = changes(past, [old] if old else [], audit(70, finding(confirm=True)))
        transition, kept = only(result)
        assert transition.change is (Change.REOPENED if old else Change.OPENED)
        assert kept.first_seen == (at(0) if old else at(70))
        assert result.head.sightings == {}

    def test_is_not_asked_of_an_open_finding_that_is_no_worse(self) -> None:
        transition, _ = only(changes(head(), [record()], audit(1, finding(confirm=True, severity=Severity.LOW))))
        assert transition.change is Change.BETTER

    def test_is_not_asked_of_a_failure_that_is_certain_now(self) -> None:
        result = changes(head(sightings={finding().id: at(0)}), [], audit(1, finding()))
        assert only(result)[0].change is Change.OPENED
        assert result.head.sightings == {}

    @pytest.mark.parametrize(
        ("word", "kept"), [(passed, False), (not_applicable, False), (unknown, True), (settling, True)]
    )
    def test_begins_anew_after_a_word_that_clears(self, word: Callable[[], Finding], *, kept: bool) -> None:
        result = changes(head(sightings={finding().id: at(0)}), [], audit(10, word()))
        assert (finding().id in result.head.sightings) is kept

    @pytest.mark.parametrize(
        ("deviations", "kept"),
        [
            ({}, False),
            ({"complete": dict.fromkeys(KINDS, False)}, True),
            ({"checks": frozenset({"ZONE003"}), "complete": {}}, False),
        ],
    )
    def test_ends_with_its_subject(self, deviations: dict[str, Any], *, kept: bool) -> None:
        result = changes(head(sightings={finding().id: at(0)}), [], audit(10, **deviations))
        assert (finding().id in result.head.sightings) is kept

    def test_that_is_overdue_makes_nothing_due_again(self) -> None:
        result = changes(head(sightings={finding().id: at(0)}), [], audit(90, unknown()))
        assert result.head.sightings == {finding().id: at(0)}
        assert result.head.due_at is None


class TestOtherWords:
    def test_passed_resolves_with_the_reason_and_numbers_of_now(self) -> None:
        word = passed(severity=Severity.LOW, evidence={"zones": 3})
        transition, kept = only(changes(head(), [record(hub_at=at(1))], audit(10, word)))
        assert (transition.change, transition.previous, kept.state) == (Change.RESOLVED, None, State.RESOLVED)
        assert transition.finding == finding(
            status=Status.PASSED, reason="launches in 3 zones", evidence={"zones": 3}, fix=()
        )
        assert (kept.first_seen, kept.changed_at, kept.hub_at) == (at(0), at(10), None)

    def test_not_applicable_withdraws_with_its_reason(self) -> None:
        transition, kept = only(changes(head(), [record()], audit(10, not_applicable())))
        assert (transition.change, kept.state) == (Change.WITHDRAWN, State.WITHDRAWN)
        assert (transition.finding.status, transition.finding.reason) == (Status.NOT_APPLICABLE, "has no nodes")
        assert transition.finding.severity is Severity.HIGH

    @pytest.mark.parametrize("word", [unknown, settling])
    def test_no_evidence_lets_the_last_word_stand(self, word: Callable[[], Finding]) -> None:
        assert nothing(changes(head(), [record()], audit(10, word())))

    @pytest.mark.parametrize("word", [passed, unknown, not_applicable, settling])
    @pytest.mark.parametrize("state", [None, State.RESOLVED, State.WITHDRAWN])
    def test_nothing_closes_what_is_not_open(self, word: Callable[[], Finding], state: State | None) -> None:
        old = [] if state is None else [record(passed(), state=state)]
        assert nothing(changes(head(), old, audit(10, word())))


class TestAbsence:
    def test_from_a_complete_snapshot_resolves(self) -> None:
        transition, _ = only(changes(head(), [record()], audit(10, complete={"managed": True})))
        assert (transition.change, transition.finding.reason) == (Change.RESOLVED, "it no longer exists")
        assert transition.finding.status is Status.PASSED

    @pytest.mark.parametrize("complete", [{}, {"managed": False, "karpenter": True}])
    def test_from_an_incomplete_one_says_nothing(self, complete: dict[str, bool]) -> None:
        assert nothing(changes(head(), [record()], audit(10, complete=complete)))

    @pytest.mark.parametrize("kind", ["sibling-set", "zone"])
    @pytest.mark.parametrize("missing", [None, "managed", "self-managed", "karpenter", "auto-mode", "fargate"])
    def test_of_a_set_or_a_zone_needs_every_kind_that_makes_one(self, missing: str | None, kind: str) -> None:
        old = record(finding("0a1b", check_id="ZONE003", kind=kind))
        result = changes(head(), [old], audit(10, complete={kind: kind != missing for kind in KINDS}))
        if missing in (None, "fargate"):
            assert only(result)[0].change is Change.RESOLVED
        else:
            assert nothing(result)

    @pytest.mark.parametrize(("kind", "whole"), [("sibling-set", "sets_whole"), ("zone", "zones_whole")])
    def test_of_a_set_or_a_zone_that_may_be_hidden_says_nothing(self, kind: str, whole: str) -> None:
        old = record(finding("0a1b", check_id="ZONE003", kind=kind))
        assert nothing(changes(head(), [old], audit(10, **{whole: False})))

    def test_of_a_zone_says_what_became_of_it(self) -> None:
        transition, _ = only(changes(head(), [record(finding("euw1-az1", kind="zone"))], audit(10)))
        assert transition.finding.reason == "no nodes are launched in it any more"

    def test_of_a_zone_that_a_pool_may_come_back_to_says_nothing(self) -> None:
        last = finding("euw1-az1", kind="zone")
        with_pool = replace(last, evidence={**last.evidence, "pools": "default"})
        assert nothing(changes(head(), [record(with_pool)], audit(10)))
        transition, _ = only(changes(head(), [record(replace(with_pool, evidence={"capacities": "web"}))], audit(10)))
        assert transition.change is Change.RESOLVED

    def test_of_the_cluster_itself_says_nothing(self) -> None:
        assert nothing(changes(head(), [record(finding("shop", kind="cluster"))], audit(10)))

    def test_of_the_check_withdraws_even_from_an_incomplete_snapshot(self) -> None:
        now = audit(10, checks=frozenset({"ZONE003"}), complete={})
        transition, kept = only(changes(head(), [record()], now))
        assert (transition.change, kept.state) == (Change.WITHDRAWN, State.WITHDRAWN)
        assert transition.finding.reason == "check ZONE002 is no longer judged"
        assert transition.finding.status is Status.NOT_APPLICABLE


class TestLivesOfACluster:
    def test_deletion_resolves_what_is_open(self) -> None:
        closed = record(passed("api"), state=State.RESOLVED)
        result = changes(head(sightings={"x": at(0)}, due_at=at(20)), [record(), closed], deletion(10))
        transition, _ = only(result)
        assert (transition.change, transition.finding.reason) == (Change.RESOLVED, "the cluster was deleted")
        assert result.head == head(10, saved_at=None, deleted=True, sightings={}, due_at=None)

    def test_a_new_life_opens_what_fails_in_it_and_resolves_the_rest(self) -> None:
        old = [record(finding(name)) for name in ("fails", "passes", "silent", "gone")]
        old.append(record(passed("reopens"), state=State.RESOLVED))
        now = audit(
            10, finding("fails"), passed("passes"), unknown("silent"), finding("reopens"), created_at=CREATED_AGAIN
        )
        result = changes(head(sightings={"x": at(0)}), old, now)
        told = {t.finding.subject.name: (t.change, t.baseline, t.first_seen) for t in result.transitions}
        assert told == {
            "fails": (Change.OPENED, True, at(10)),
            "reopens": (Change.OPENED, True, at(10)),
            "passes": (Change.RESOLVED, False, at(0)),
            "silent": (Change.RESOLVED, False, at(0)),
            "gone": (Change.RESOLVED, False, at(0)),
        }
        reasons = {t.finding.reason for t in result.transitions if t.change is Change.RESOLVED}
        assert reasons == {"the cluster was created again"}
        assert (result.head.created_at, result.head.sightings) == (CREATED_AGAIN, {})

    def test_a_finding_of_an_earlier_life_is_opened_in_this_one(self) -> None:
        old = record(passed(), state=State.RESOLVED)
        past = head(10, created_at=CREATED_AGAIN)
        transition, kept = only(changes(past, [old], audit(20, finding(), created_at=CREATED_AGAIN)))
        assert (transition.change, transition.baseline, transition.first_seen) == (Change.OPENED, False, at(20))
        assert kept.created_at == CREATED_AGAIN

    def test_a_new_life_asks_for_two_sightings_of_its_own(self) -> None:
        past = head(sightings={finding().id: at(-100)})
        result = changes(past, [record()], audit(10, finding(confirm=True), created_at=CREATED_AGAIN))
        assert only(result)[0].change is Change.RESOLVED
        assert result.head.sightings == {finding().id: at(10)}

    def test_a_deleted_cluster_that_is_there_again_is_the_same_one(self) -> None:
        old = record(passed(), state=State.RESOLVED)
        result = changes(head(5, deleted=True), [old], audit(10, finding()))
        transition, _ = only(result)
        assert (transition.change, transition.baseline, result.head.deleted) == (Change.REOPENED, False, False)


class TestBaseline:
    def test_is_the_first_audit_of_a_cluster(self) -> None:
        result = changes(None, [], audit(10, finding()))
        assert only(result)[0].baseline
        assert result.head == head(10, revision=0, saved_at=None, open=ONE_OPEN)

    def test_is_the_first_run_of_a_check(self) -> None:
        past = head(checks=frozenset({"ZONE003"}))
        assert only(changes(past, [], audit(10, finding())))[0].baseline

    def test_is_never_a_change_for_the_worse_or_the_better(self) -> None:
        past = head(checks=frozenset())
        assert not only(changes(past, [record()], audit(10, finding(severity=Severity.LOW))))[0].baseline
        assert not only(changes(past, [record()], audit(10, passed())))[0].baseline

    @pytest.mark.parametrize(
        ("findings", "judged"),
        [
            ((), {"ZONE002", "ZONE003"}),
            ((unknown(),), {"ZONE003"}),
            ((unknown(), passed("api")), {"ZONE002", "ZONE003"}),
            ((settling(),), {"ZONE002", "ZONE003"}),
            ((finding(confirm=True), passed("api")), {"ZONE003"}),
        ],
    )
    def test_is_over_for_a_check_that_had_its_word(self, findings: tuple[Finding, ...], judged: set[str]) -> None:
        assert changes(None, [], audit(10, *findings)).head.checks == judged

    def test_covers_what_the_first_run_saw_once(self) -> None:
        first = changes(None, [], audit(0, finding(confirm=True)))
        second = changes(first.head, [], audit(60, finding(confirm=True)))
        assert only(second)[0].baseline
        assert "ZONE002" in second.head.checks

    def test_goes_on_while_a_retryable_gap_is_left(self) -> None:
        assert changes(None, [], audit(10, passed(), retryable=True)).head.checks == frozenset()
        assert changes(head(), [], audit(10, passed(), retryable=True)).head.checks == head().checks

    def test_comes_again_with_a_check_that_was_off(self) -> None:
        off = changes(head(), [], audit(10, checks=frozenset({"ZONE003"})))
        assert off.head.checks == {"ZONE003"}
        assert only(changes(off.head, [], audit(20, finding())))[0].baseline


class TestRefresh:
    @pytest.mark.parametrize("hub_at", [None, at(0) - REFRESH_AFTER])
    def test_tells_the_hub_what_it_lacks(self, hub_at: Any) -> None:  # noqa: ANN401  an instant or None
        result = changes(head(), [record(hub_at=hub_at)], audit(10, finding()), hub=True)
        (transition,) = result.transitions
        assert (transition.change, transition.sequence) == (Change.REFRESHED, sequence_of(at(0)))
        assert (transition.first_seen, transition.baseline, transition.previous) == (at(0), False, None)
        assert result.records == ()

    def test_is_not_repeated_while_the_hub_has_it(self) -> None:
        recent = at(10) - REFRESH_AFTER + REFRESH_SPREAD
        assert nothing(changes(head(), [record(hub_at=recent)], audit(10, finding()), hub=True))

    def test_is_spread_over_days(self) -> None:
        old = [record(finding(f"group-{n}"), hub_at=at(0)) for n in range(200)]
        words = [each.finding for each in old]
        days = range(24, 32)
        told = [len(changes(head(), old, audit(1440 * day, *words), hub=True).transitions) for day in days]
        assert told[:2] == [0, 0]
        assert told[-2:] == [200, 200]
        assert told == sorted(told)
        assert all(20 < later - sooner < 60 for sooner, later in pairwise(told[1:7]))

    @pytest.mark.parametrize("word", [unknown, settling])
    def test_repeats_the_last_word_while_there_is_no_other(self, word: Callable[[], Finding]) -> None:
        (transition,) = changes(head(), [record()], audit(10, word()), hub=True).transitions
        assert transition.finding == finding()

    def test_carries_the_content_of_now(self) -> None:
        now = finding(reason="launches in 1 zone of 3")
        result = changes(head(), [record()], audit(10, now), hub=True)
        assert [t.finding for t in result.transitions] == [r.finding for r in result.records] == [now]

    def test_is_not_added_to_a_transition(self) -> None:
        result = changes(head(), [record()], audit(10, finding(severity=Severity.LOW)), hub=True)
        assert [t.change for t in result.transitions] == [Change.BETTER]

    def test_is_not_for_what_is_closed(self) -> None:
        old = record(passed(), state=State.RESOLVED)
        assert nothing(changes(head(), [old], audit(10, passed()), hub=True))

    def test_is_not_made_without_a_hub(self) -> None:
        assert nothing(changes(head(), [record()], audit(10, finding()), hub=False))


class TestDueAt:
    def test_is_the_next_instant_of_all_words(self) -> None:
        words = [finding(due_at=at(50)), passed("api", due_at=at(40)), settling("db", due_at=at(30))]
        assert changes(head(), [], audit(10, *words)).head.due_at == at(30)

    @pytest.mark.parametrize("minutes", [5, 10])
    def test_is_never_in_the_past(self, minutes: float) -> None:
        assert changes(head(), [], audit(10, finding(due_at=at(minutes)))).head.due_at is None


def test_the_worst_is_told_first_and_then_by_id() -> None:
    words = [finding("b"), finding("a"), finding("z", severity=Severity.CRITICAL)]
    told = changes(head(), [], audit(10, *words)).transitions
    assert [t.finding.subject.name for t in told] == ["z", "a", "b"]


def test_a_change_has_one_name_and_no_other_change_has_it() -> None:
    opened = only(changes(head(), [], audit(10, finding())))[0]
    assert opened.change_id == only(changes(None, [], audit(10, finding())))[0].change_id
    others = [
        only(changes(head(), [], audit(11, finding())))[0],
        only(changes(head(), [], audit(10, finding("api"))))[0],
        only(changes(head(), [record()], audit(10, passed())))[0],
    ]
    assert len({opened.change_id, *(other.change_id for other in others)}) == 4


def test_names_of_other_people_break_nothing() -> None:
    result = changes(None, [], audit(10, finding("\ud800 drop 'table' \N{SNOWMAN}")), hub=True)
    assert only(result)[0].change is Change.OPENED


WORDS = st.sampled_from(
    [
        finding,
        lambda name: finding(name, severity=Severity.LOW),
        lambda name: finding(name, reason="another reason"),
        passed,
        unknown,
        not_applicable,
        settling,
    ]
)
FINDINGS = st.dictionaries(st.sampled_from("abc"), WORDS).map(
    lambda words: tuple(word(name) for name, word in words.items())
)


@given(FINDINGS, FINDINGS, st.booleans())
def test_the_same_audit_again_changes_nothing(before: tuple[Finding, ...], now: tuple[Finding, ...], hub: bool) -> None:  # noqa: FBT001  hypothesis gives it by position
    first = diff(None, {}, audit(0, *before), hub=hub)
    records = {each.finding.id: each for each in first.records}
    second = diff(first.head, records, audit(1, *now), hub=hub)
    records |= {each.finding.id: each for each in second.records}
    third = diff(second.head, records, audit(2, *now), hub=hub)
    assert third.records == ()
    assert {t.change for t in third.transitions} <= {Change.REFRESHED}
    assert third.head == replace(second.head, taken_at=at(2))


@given(FINDINGS, FINDINGS)
def test_after_a_sweep_without_gaps_what_is_open_is_what_fails(
    before: tuple[Finding, ...], now: tuple[Finding, ...]
) -> None:
    words = [word for word in now if word.status is not Status.UNKNOWN and not word.settling]
    first = diff(None, {}, audit(0, *before), hub=False)
    second = diff(first.head, {each.finding.id: each for each in first.records}, audit(1, *words), hub=False)
    records = {each.finding.id: each for each in (*first.records, *second.records)}
    still_open = {r.finding.id: r.finding.severity for r in records.values() if r.state is State.OPEN}
    assert still_open == {word.id: word.severity for word in words if word.status is Status.FAILED}


def test_a_table_that_was_lost_goes_on_with_later_sequences() -> None:
    before = only(changes(head(), [], audit(10, finding())))[0]
    after = only(changes(None, [], audit(10, finding(), taken_at=at(10) + timedelta(microseconds=1))))[0]
    assert after.sequence > before.sequence
    assert after.finding.id == before.finding.id
    assert after.first_seen == at(10) + timedelta(microseconds=1)


class TestCauses:
    CAUSE = finding("all", check_id="ZONE003", kind="cluster")

    def explained(self, rung: Severity = Severity.HIGH) -> Finding:
        return finding(causes={self.CAUSE.id: rung})

    def test_a_failure_whose_cause_stands_open_is_not_told(self) -> None:
        assert changes(head(5), [record(self.CAUSE)], audit(10, self.explained(), unknown("all"))).transitions == ()

    def test_it_is_told_where_the_cause_is_not_open(self) -> None:
        for known in ([], [record(self.CAUSE, state=State.RESOLVED)]):
            (told,) = changes(head(5), known, audit(10, self.explained())).transitions
            assert told.change is Change.OPENED

    def test_it_is_told_where_the_cause_stands_below_the_rung_that_explains(self) -> None:
        (told,) = changes(head(5), [record(self.CAUSE)], audit(10, self.explained(Severity.CRITICAL))).transitions
        assert told.finding.check_id == "ZONE002"

    def test_an_open_finding_keeps_its_last_word(self) -> None:
        known = [record(self.CAUSE), record(finding(severity=Severity.LOW))]
        result = changes(head(5), known, audit(10, self.explained()))
        assert (result.transitions, result.records) == ((), ())


class TestPartial:
    def test_a_lower_rung_by_part_of_the_evidence_is_no_better(self) -> None:
        result = changes(head(5), [record()], audit(10, finding(severity=Severity.LOW, partial=True)))
        assert (result.transitions, result.records) == ((), ())

    def test_a_higher_one_is_worse_all_the_same(self) -> None:
        (told,) = changes(head(5), [record()], audit(10, finding(severity=Severity.CRITICAL, partial=True))).transitions
        assert told.change is Change.WORSE


class TestUntargeted:
    def test_what_is_open_is_withdrawn_and_the_cluster_forgotten(self) -> None:
        result = changes(head(5), [record()], untargeting(10))
        (told,) = result.transitions
        assert (told.change, told.finding.reason) == (Change.WITHDRAWN, "the cluster is no longer audited")
        assert result.head.deleted

    def test_a_target_that_comes_back_is_told_as_a_baseline(self) -> None:
        ended = changes(head(5), [record()], untargeting(10))
        (told,) = changes(ended.head, list(ended.records), audit(20, finding())).transitions
        assert (told.change, told.baseline) == (Change.REOPENED, True)


class TestConfirmedRise:
    WORSE = finding(confirm=True, severity=Severity.CRITICAL)

    def test_a_worse_rung_needs_its_second_sighting_too(self) -> None:
        result = changes(head(5), [record()], audit(10, self.WORSE))
        assert result.transitions == ()
        assert result.head.sightings == {self.WORSE.id: at(10)}
        (told,) = changes(result.head, [record()], audit(70, self.WORSE)).transitions
        assert (told.change, told.previous) == (Change.WORSE, Severity.HIGH)

    def test_a_rung_that_was_worse_once_is_forgotten(self) -> None:
        seen = head(5, sightings={self.WORSE.id: at(5)})
        assert changes(seen, [record()], audit(70, finding(confirm=True))).head.sightings == {}


class TestTheAutoscaler:
    """What an audit saw of it is remembered: it may have nothing to do for weeks."""

    def test_its_last_sighting_stays(self) -> None:
        seen = changes(head(), [], audit(10, autoscaler_seen_at=at(10))).head
        assert seen.autoscaler_seen_at == at(10)
        later = replace(seen, revision=2)
        assert changes(later, [], audit(20)).head.autoscaler_seen_at == at(10)
        assert changes(later, [], audit(20, autoscaler_seen_at=at(20))).head.autoscaler_seen_at == at(20)

    def test_a_new_life_of_the_cluster_has_not_seen_it(self) -> None:
        past = head(autoscaler_seen_at=at(0), karpenter_seen_at=at(0))
        born = changes(past, [], audit(10, created_at=CREATED_AGAIN)).head
        assert (born.autoscaler_seen_at, born.karpenter_seen_at) == (None, None)

    def test_karpenter_ends_the_memory_of_it_for_good(self) -> None:
        past = head(autoscaler_seen_at=at(0))
        moved = changes(past, [], audit(10, karpenter_seen_at=at(10), autoscaler_seen_at=at(10))).head
        assert (moved.autoscaler_seen_at, moved.karpenter_seen_at) == (None, at(10))
        idle = changes(replace(moved, revision=2), [], audit(20)).head
        assert (idle.autoscaler_seen_at, idle.karpenter_seen_at) == (None, at(10))


class TestAnUndeclaredGroup:
    """Its set may live on, unseen."""

    @pytest.mark.parametrize(
        ("name", "undeclared", "changed"),
        [
            ("batch", {"batch"}, []),
            ("api, batch, web", {"batch"}, []),
            ("api, db, web and 2 more", {"batch"}, []),
            ("api", {"batch"}, [Change.RESOLVED]),
            ("batch", set(), [Change.RESOLVED]),
        ],
    )
    def test_a_set_that_names_it_keeps_its_last_word(
        self, name: str, undeclared: set[str], changed: list[Change]
    ) -> None:
        subject = replace(finding().subject, kind="sibling-set", name=name)
        known = replace(record(), finding=replace(finding(), subject=subject))
        now = audit(10, sets_whole=True, undeclared=frozenset(undeclared))
        assert [each.change for each in changes(head(5), [known], now).transitions] == changed


class TestStanding:
    """What HEAD says of the cluster as a whole, so that nobody has to read its findings."""

    def test_open_findings_are_counted_by_check_and_severity(self) -> None:
        known = [record(finding(name)) for name in ("a", "b")]
        result = changes(head(), known, audit(10, finding("a"), finding("b", severity=Severity.LOW), passed("c")))
        assert result.head.open == {("ZONE002", Severity.HIGH): 1, ("ZONE002", Severity.LOW): 1}

    def test_the_last_word_counts_where_this_audit_has_none(self) -> None:
        assert changes(head(), [record()], audit(10, unknown())).head.open == ONE_OPEN

    def test_what_is_closed_or_accepted_does_not_count(self) -> None:
        assert changes(head(), [record()], audit(10, passed())).head.open == {}
        assert changes(head(), [record(state=State.EXEMPT)], audit(10)).head.open == {}

    def test_the_end_of_a_cluster_leaves_nothing_open_and_nothing_unread(self) -> None:
        past = head(open=ONE_OPEN, gaps={"ec2:DescribeImages": at(0)})
        for end in (deletion(10), untargeting(10)):
            ended = changes(past, [record()], end).head
            assert (ended.open, ended.gaps) == ({}, {})

    def test_an_action_is_unanswered_since_the_first_audit_in_a_row(self) -> None:
        first = changes(head(), [], audit(10, gaps=frozenset({"ec2:DescribeImages"}))).head
        assert first.gaps == {"ec2:DescribeImages": at(10)}
        both = frozenset({"ec2:DescribeImages", "ssm:GetParameters"})
        second = changes(first, [], audit(20, gaps=both)).head
        assert second.gaps == {"ec2:DescribeImages": at(10), "ssm:GetParameters": at(20)}
        healed = changes(second, [], audit(30, gaps=frozenset({"ssm:GetParameters"}))).head
        assert healed.gaps == {"ssm:GetParameters": at(20)}
        again = changes(healed, [], audit(40, gaps=both)).head
        assert again.gaps["ec2:DescribeImages"] == at(40)
