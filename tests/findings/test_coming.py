from datetime import date, datetime, timedelta
from typing import Any

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.findings.coming import HORIZON, LIMIT, NAMES, worsening
from eks_auditor.findings.diff import diff
from eks_auditor.findings.judge import _foreseen, audit_of
from eks_auditor.model.coming import Coming, Turn
from eks_auditor.model.finding import Exemption, Worsening
from eks_auditor.model.history import Record, State
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Status, Verdict, failed, passed, unknown
from tests.builders import NOW, history, managed, release_version, snapshot
from tests.ledger import build
from tests.ledger.build import START, at, audit, finding, head, record

AMI001 = tuple(check for check in CATALOGUE if check.id == "AMI001")
DAY = timedelta(days=1)


def superseded(days: float) -> Snapshot:
    """A group whose release was superseded so many days ago."""
    line = history(40.0, days)
    return snapshot(managed(release_version=release_version(40.0)), releases={"al2023/standard/x86_64/1.35": line})


def foreseen(of: Snapshot) -> list[tuple[datetime, Severity]]:
    found = audit_of(of, AMI001, "audit").findings
    return [(each.worsens.at, each.worsens.severity) for each in found if each.worsens is not None]


class TestJudging:
    @pytest.mark.parametrize(
        ("days", "then", "rung"),
        [(4, 14, Severity.LOW), (20, 30, Severity.MEDIUM), (31, 60, Severity.HIGH)],
    )
    def test_the_next_rung_is_what_the_check_says_of_that_day(self, days: float, then: float, rung: Severity) -> None:
        """The ladder is the check's own business; what is asked is that judging on that day says the same."""
        ((when, severity),) = foreseen(superseded(days))
        assert (when, severity) == (NOW + (then - days) * DAY, rung)

    def test_what_is_recommended_has_nothing_coming(self) -> None:
        assert foreseen(snapshot()) == []

    def test_judging_on_that_day_says_so(self) -> None:
        of = superseded(4)
        ((when, severity),) = foreseen(of)
        (then,) = (
            each
            for each in audit_of(_as_of(of, when), AMI001, "audit").findings
            if each.check_id == "AMI001" and each.status is Status.FAILED
        )
        assert then.severity is severity


def _as_of(of: Snapshot, when: datetime) -> Snapshot:
    return snapshot(*of.capacities, releases=of.releases, taken_at=when)


class TestSilence:
    @staticmethod
    def foreseen(*, paused: bool) -> list[Worsening | None]:
        """What a group that is superseded at once and a check that may silence it then say of the future."""
        behind = finding(
            "web", check_id="AMI001", status=Status.PASSED, worsens=Worsening(at=at(9), severity=Severity.LOW)
        )
        status = Status.FAILED if paused else Status.PASSED
        cause = finding("web", check_id="AMI003", status=status, severity=Severity.HIGH)
        return [each.worsens for each in _foreseen([behind, cause]) if each.check_id == "AMI001"]

    def test_what_would_be_silenced_then_is_not_foretold(self) -> None:
        assert self.foreseen(paused=True) == [None]
        assert self.foreseen(paused=False) == [Worsening(at=at(9), severity=Severity.LOW)]


class TestWorsening:
    @staticmethod
    def asked(*verdicts: Verdict, **deviations: Any) -> Worsening | None:  # noqa: ANN401  any field of the finding
        """What becomes of a finding, due in a day, that is judged so on each of the days that follow."""
        said = {START + number * DAY: verdict for number, verdict in enumerate(verdicts, 1)}
        usual: dict[str, Any] = {"status": Status.PASSED, "due_at": START + DAY}
        return worsening(
            finding(**usual | deviations),
            lambda when: (said[when], said[when].severity or Severity.HIGH),
            START,
        )

    def test_a_finding_that_time_opens(self) -> None:
        assert self.asked(failed("late")) == Worsening(at=START + DAY, severity=Severity.HIGH)

    def test_a_rung_that_time_makes_worse(self) -> None:
        low = {"status": Status.FAILED, "severity": Severity.LOW}
        assert self.asked(failed("late"), **low) == Worsening(at=START + DAY, severity=Severity.HIGH)

    def test_what_gets_better_or_stays_is_nobodys_work(self) -> None:
        high = {"status": Status.FAILED, "severity": Severity.HIGH}
        assert self.asked(passed("over"), **high) is None
        assert self.asked(failed("less", severity=Severity.LOW), **high) is None
        assert self.asked(failed("the same"), **high) is None

    def test_an_instant_at_which_nothing_changes_yet_is_passed_over(self) -> None:
        steps = passed("not yet", due_at=START + 2 * DAY), failed("now")
        assert self.asked(*steps) == Worsening(at=START + 2 * DAY, severity=Severity.HIGH)

    def test_what_cannot_be_judged_then_is_not_foretold(self) -> None:
        assert self.asked(unknown("in doubt")) is None

    def test_what_settles_is_not_judged(self) -> None:
        assert self.asked(failed("late"), status=Status.NOT_APPLICABLE, settling=True) is None

    @pytest.mark.parametrize("due_at", [None, START, START - DAY, START + HORIZON + DAY])
    def test_what_is_not_ahead_or_too_far_is_not_asked(self, due_at: datetime | None) -> None:
        assert self.asked(due_at=due_at) is None

    def test_a_check_that_never_moves_on_is_asked_no_more(self) -> None:
        assert self.asked(passed("stuck", due_at=START + DAY)) is None


def becoming(name: str = "web", days: float = 4, rung: Severity = Severity.LOW, **deviations: Any) -> Any:  # noqa: ANN401  a finding
    usual: dict[str, Any] = {"status": Status.PASSED, "worsens": Worsening(at=START + days * DAY, severity=rung)}
    return finding(name, **usual | deviations)


def coming(records: dict[str, Record], *findings: Any) -> tuple[Coming, ...]:  # noqa: ANN401  findings
    return diff(head(-1), records, audit(0, *findings), hub=False).head.coming


def accepted(days: int = 5, **deviations: Any) -> Exemption:  # noqa: ANN401  any field of it
    usual: dict[str, Any] = {
        "reason": "moving",
        "owner": "payments",
        "until": date(2026, 11, 23) + timedelta(days=days),
        "source": "policy",
    }
    return Exemption(**usual | deviations)


class TestHead:
    def test_what_opens_and_what_gets_worse(self) -> None:
        low = finding("batch", severity=Severity.LOW)
        worse = becoming("batch", status=Status.FAILED, severity=Severity.LOW, rung=Severity.HIGH)
        told = coming({low.id: record(low, -1)}, worse, becoming("web"))
        assert [(each.turn, each.severity, each.names) for each in told] == [
            (Turn.WORSE, Severity.HIGH, ("batch",)),
            (Turn.OPENS, Severity.LOW, ("web",)),
        ]

    def test_subjects_that_meet_the_same_are_told_together(self) -> None:
        (told,) = coming({}, *(becoming(f"web-{number}") for number in range(9)))
        assert (told.names, told.count) == (("web-0", "web-1", "web-2"), 9)
        assert len(told.names) == NAMES

    def test_a_known_failure_that_is_hidden_now_does_not_open_again(self) -> None:
        hidden = becoming(status=Status.UNKNOWN, rung=Severity.HIGH)
        assert coming({hidden.id: record(minutes=-1)}, hidden) == ()

    def test_the_end_of_an_exemption(self) -> None:
        exempt = finding(exemption=accepted())
        (told,) = coming(
            {exempt.id: record(exempt, -1, state=State.EXEMPT)}, finding(exemptions=(accepted(),), exemption=accepted())
        )
        assert (told.turn, told.at, told.severity) == (Turn.EXEMPTION_ENDS, accepted().ends_at, Severity.HIGH)

    def test_an_exemption_that_ends_later_than_is_looked_ahead(self) -> None:
        exempt = finding(exemption=accepted(40), exemptions=(accepted(40),))
        assert coming({exempt.id: record(exempt, -1, state=State.EXEMPT)}, exempt) == ()

    def test_what_is_accepted_by_then_is_nobodys_work(self) -> None:
        assert coming({}, becoming(exemptions=(accepted(5),))) == ()
        assert coming({}, becoming(exemptions=(accepted(2),))) != ()
        assert coming({}, becoming(rung=Severity.HIGH, exemptions=(accepted(5, severity=Severity.LOW),))) != ()

    def test_it_stays_small_and_what_is_left_out_is_counted(self) -> None:
        many = [becoming(f"web-{number:02}", days=1 + number / 10) for number in range(LIMIT + 5)]
        made = diff(head(-1), {}, audit(0, *many), hub=False).head
        assert (len(made.coming), made.coming_left) == (LIMIT, 5)
        assert made.coming[-1].names == (f"web-{LIMIT - 1:02}",)

    def test_a_cluster_that_is_gone_has_nothing_coming(self) -> None:
        of = head(-1, coming=coming({}, becoming()), coming_left=3)
        made = diff(of, {}, build.deletion(0), hub=False).head
        assert (made.coming, made.coming_left) == ((), 0)

    def test_it_changes_nothing_of_what_is_told(self) -> None:
        with_it = diff(head(-1), {}, audit(0, becoming(due_at=at(99))), hub=False)
        without = diff(head(-1), {}, audit(0, becoming(due_at=at(99), worsens=None)), hub=False)
        assert (with_it.transitions, with_it.records) == (without.transitions, without.records)
        assert with_it.head.due_at == without.head.due_at == at(99)
