"""The policy in force: read every five minutes, kept when valid, and never lost to a mistake or a fault."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.ledger.policies import KeptPolicy
from eks_auditor.model.gap import Gap
from eks_auditor.model.history import Head
from eks_auditor.policy.mistakes import Mistake, PolicyError
from eks_auditor.policy.reading import read_policy
from eks_auditor.policy.rules import Policy
from eks_auditor.wiring.policy_in_force import READ_AFTER, SAID, PolicyInForce
from eks_auditor.wiring.policy_source import Deployed, UnreadPolicyError
from eks_auditor.wiring.records import PostponedError
from tests.builders import CLUSTER_ID, NOW
from tests.wiring.fakes import Heard

FIRST = "version: 1\nminimum_zones: 3\n"
SECOND = "version: 1\nminimum_zones: 1\n"
INVALID = "version: 1\nchecks:\n  AMI01: off\nminimum_zones: 9\n"
DENIED = Gap("ssm:GetParameter", "/p", "AccessDeniedException: no")
BUSY = replace(DENIED, error="ThrottlingException: later", retryable=True)


def version(text: str) -> str:
    return read_policy(text, checks=CATALOGUE, now=NOW)[0].version


class FakeSource:
    """Holds a text, by its number of writes; or answers whatever else it is told to."""

    name = "parameter /p"

    def __init__(self, text: str = FIRST) -> None:
        self.text = text
        self.trouble: Exception | None = None
        self.asked: list[str | None] = []

    def read(self, known: str | None) -> Deployed | None:
        self.asked.append(known)
        if self.trouble is not None:
            raise self.trouble
        return None if known == self.text else Deployed(self.text, self.text)


class FakePolicies:
    """The ledger's item."""

    def __init__(self, kept: KeptPolicy | None = None) -> None:
        self.kept = kept
        self.writes = 0

    def last(self) -> KeptPolicy | None:
        return self.kept

    def keep(self, policy: KeptPolicy, /) -> None:
        self.kept = policy
        self.writes += 1


class Process:
    """One process of the function, and the time."""

    def __init__(self, source: FakeSource, ledger: FakePolicies | None = None) -> None:
        self.now = NOW
        self.heard = Heard()
        self.source = source
        self.ledger = ledger or FakePolicies()
        self.in_force = PolicyInForce(
            source=source,
            ledger=self.ledger,
            checks=CATALOGUE,
            clock=lambda: self.now,
            telemetry=self.heard.telemetry,
        )

    def version(self, minutes: float = 0, past: Head | None = None, **asked: Any) -> str:  # noqa: ANN401  as current takes it
        """Return the version in force, so many minutes later."""
        self.now += timedelta(minutes=minutes)
        return self.in_force.current(past, **asked).version


def head(policy: str, taken_at: datetime) -> Head:
    """Of an audit that is saved whole."""
    life = NOW - timedelta(days=9)
    return Head(cluster=CLUSTER_ID, created_at=life, taken_at=taken_at, saved_at=taken_at, policy=policy)


class TestReading:
    def test_once_in_five_minutes_and_by_its_version(self) -> None:
        process = Process(FakeSource())
        for minutes in (0, 1, 3.9, 0.1):
            assert process.version(minutes) == version(FIRST)
        assert process.source.asked == [None, FIRST]
        assert timedelta(minutes=5) == READ_AFTER

    def test_what_the_ledger_did_not_take_or_has_lost_is_kept_at_the_next_look(self) -> None:
        process = Process(FakeSource())
        process.version()
        process.ledger.kept = None
        assert process.version(5) == version(FIRST)
        assert process.ledger.kept == KeptPolicy(FIRST, process.now)

    def test_a_look_that_fails_brings_no_older_policy_back_for_good(self) -> None:
        process = Process(FakeSource(SECOND))
        process.version()
        process.ledger.kept = KeptPolicy(FIRST, NOW)
        process.source.trouble = UnreadPolicyError(BUSY)
        process.version(5)
        process.source.trouble = None
        assert process.version(5) == version(SECOND)

    def test_another_one_is_in_force_within_five_minutes_and_kept(self) -> None:
        process = Process(FakeSource())
        process.version()
        process.source.text = SECOND
        assert process.version(4) == version(FIRST)
        assert process.version(1) == version(SECOND)
        assert process.ledger.kept is not None
        assert process.ledger.kept.text == SECOND

    def test_at_once_where_an_audit_is_asked_for_because_it_changed(self) -> None:
        process = Process(FakeSource())
        process.version()
        process.source.text = SECOND
        assert process.version(1, changed_before=process.now) == version(SECOND)
        # What was read since answers the other audits of that change.
        process.version(0, changed_before=NOW)
        assert len(process.source.asked) == 2

    def test_at_once_where_another_process_knows_a_newer_one(self) -> None:
        process = Process(FakeSource())
        process.version()
        process.source.text = SECOND
        past = head(version(SECOND), NOW + timedelta(minutes=1))
        assert process.version(2, past) == version(SECOND)
        assert process.version(0, past) == version(SECOND)
        assert len(process.source.asked) == 2

    def test_at_once_where_an_audit_after_it_is_not_saved_whole(self) -> None:
        """HEAD says the version of the last whole audit: another process may have judged by a newer one since."""
        process = Process(FakeSource())
        process.version()
        process.source.text = SECOND
        past = head(version(FIRST), NOW + timedelta(minutes=1))
        assert process.version(2, past) == version(FIRST)
        assert process.version(0, replace(past, saved_at=None)) == version(SECOND)

    def test_a_cluster_judged_by_an_older_one_before_asks_for_nothing(self) -> None:
        process = Process(FakeSource())
        process.version()
        assert process.version(1, head("older", NOW - timedelta(minutes=1))) == version(FIRST)
        assert len(process.source.asked) == 1

    def test_warnings_are_said_with_their_line(self) -> None:
        text = f"{FIRST}exemptions: [{{checks: [AMI001], reason: r, owner: o, until: 2020-01-01}}]\n"
        process = Process(FakeSource(text))
        process.version()
        [warning] = process.heard.warnings
        assert warning.startswith("parameter /p:3: until was 2020-01-01")
        assert process.heard.counts == {"PolicyInvalid": 0}


class TestMistakes:
    def test_the_last_valid_one_stays_and_every_mistake_is_said(self) -> None:
        process = Process(FakeSource())
        process.version()
        process.source.text = INVALID
        assert process.version(5) == version(FIRST)
        first, second, last = process.heard.warnings
        assert first.startswith("parameter /p:3: there is no check AMI01")
        assert second.startswith("parameter /p:4: minimum_zones takes at least 1 and at most 6")
        assert f"policy {version(FIRST)} stays in force" in last
        assert process.heard.counts == {"PolicyInvalid": 1}
        assert process.ledger.kept is not None
        assert process.ledger.kept.text == FIRST

    def test_a_new_process_takes_it_from_the_ledger(self) -> None:
        assert Process(FakeSource(INVALID), FakePolicies(KeptPolicy(FIRST, NOW))).version() == version(FIRST)

    @pytest.mark.parametrize("trouble", [PolicyError([Mistake(1, "it is none")]), UnreadPolicyError(BUSY)])
    def test_what_another_process_has_read_since_goes_before_what_this_one_has(self, trouble: Exception) -> None:
        """Else both would judge in turns, and tell people of each turn."""
        process = Process(FakeSource())
        process.version()
        process.ledger.kept = KeptPolicy(SECOND, NOW + timedelta(minutes=3))
        process.source.trouble = trouble
        assert process.version(5) == version(SECOND)

    def test_thousands_of_mistakes_are_not_all_logged(self) -> None:
        process = Process(FakeSource("version: 1\n" + "".join(f"a{each}: 1\n" for each in range(SAID + 7))))
        process.version()
        assert len(process.heard.warnings) == SAID + 2
        assert process.heard.warnings[SAID] == "parameter /p has 7 more mistakes"

    def test_where_there_never_was_a_valid_one_the_defaults_are_in_force(self) -> None:
        process = Process(FakeSource(INVALID))
        assert process.version() == Policy.DEFAULT.version
        assert process.heard.counts == {"PolicyInvalid": 1}

    def test_what_is_evidently_not_there_is_a_mistake(self) -> None:
        process = Process(FakeSource())
        process.source.trouble = PolicyError([Mistake(1, "there is no parameter /p; put the policy there")])
        assert process.version() == Policy.DEFAULT.version

    def test_mended_it_is_in_force_again(self) -> None:
        process = Process(FakeSource(INVALID))
        process.version()
        process.source.text = SECOND
        assert process.version(5) == version(SECOND)
        assert process.source.asked == [None, None]

    def test_it_is_said_again_every_five_minutes_and_no_more_often(self) -> None:
        process = Process(FakeSource(INVALID))
        for minutes in (0, 1, 1, 3, 1):
            process.version(minutes)
        assert process.heard.counts == {"PolicyInvalid": 2}


class TestFaults:
    @pytest.mark.parametrize(("gap", "alarms"), [(DENIED, 1), (BUSY, 0)])
    def test_what_was_known_stays_in_force(self, gap: Gap, alarms: int) -> None:
        process = Process(FakeSource())
        process.version()
        process.source.trouble = UnreadPolicyError(gap)
        assert process.version(5) == version(FIRST)
        assert process.heard.counts == {"PolicyInvalid": alarms}
        assert gap.error in process.heard.warnings[0]

    @pytest.mark.parametrize("gap", [DENIED, BUSY])
    def test_a_new_process_takes_it_from_the_ledger(self, gap: Gap) -> None:
        process = Process(FakeSource(), FakePolicies(KeptPolicy(SECOND, NOW)))
        process.source.trouble = UnreadPolicyError(gap)
        assert process.version() == version(SECOND)

    def test_where_nothing_is_known_nothing_is_judged(self) -> None:
        process = Process(FakeSource())
        process.source.trouble = UnreadPolicyError(BUSY)
        with pytest.raises(PostponedError, match="nothing is judged without it"):
            process.version()
        assert process.heard.counts == {"PolicyInvalid": 0}
        process.source.trouble = None
        assert process.version() == version(FIRST)

    def test_a_lost_item_is_written_anew(self) -> None:
        process = Process(FakeSource())
        process.version()
        process.ledger.kept = None
        assert Process(process.source, process.ledger).version() == version(FIRST)
        assert process.ledger.kept is not None

    def test_what_is_kept_and_valid_no_more_is_said(self) -> None:
        process = Process(FakeSource(INVALID), FakePolicies(KeptPolicy("version: 2\n", NOW)))
        assert process.version() == Policy.DEFAULT.version
        assert any("is none any more" in said for said in process.heard.warnings)
