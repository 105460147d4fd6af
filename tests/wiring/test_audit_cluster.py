import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from eks_auditor.autoscaler.settings import AUTO, AutoscalerSettings
from eks_auditor.checks import CATALOGUE
from eks_auditor.events.messages import AuditRequest
from eks_auditor.findings.judge import judge
from eks_auditor.ledger.documents import NewerLedgerError
from eks_auditor.ledger.pointers import PointersUnreadableError
from eks_auditor.ledger.saving import ContendedError, FencedOut, Saved
from eks_auditor.model.history import Head
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Status
from eks_auditor.policy.rules import Policy, Rule
from eks_auditor.settings import Settings, SettingsError
from eks_auditor.snapshot.reader import ClusterGoneError, ClusterUnreadableError
from eks_auditor.wiring import audit_cluster
from eks_auditor.wiring.audit_cluster import AuditCluster, autoscaler_of, make_checkpoint
from eks_auditor.wiring.records import each_message
from tests.builders import CLUSTER_ID, NOW, cluster, gap, managed, snapshot
from tests.sinks.fakes import refused
from tests.sinks.transitions import AUDIT_ID, transitions
from tests.wiring.fakes import Context, FakeLedger, FakeReader, Heard, Ticking, failures, messages

ASKED = NOW - timedelta(minutes=1)
REQUEST = AuditRequest(audit_id=AUDIT_ID, cluster=CLUSTER_ID, not_before=ASKED, cause="sweep")


def head(taken_at: datetime = NOW, **deviations: Any) -> Head:  # noqa: ANN401  any field of it
    usual: dict[str, Any] = {
        "cluster": CLUSTER_ID,
        "created_at": NOW - timedelta(days=400),
        "taken_at": taken_at,
        "saved_at": taken_at,
    }
    return Head(**usual | deviations)


class FakePolicy:
    """Has a policy in force, and remembers what it was asked."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.asked: list[tuple[Head | None, datetime | None]] = []

    def current(self, head: Head | None, *, changed_before: datetime | None = None) -> Policy:
        self.asked.append((head, changed_before))
        return self._policy


class Auditing:
    """The function among its neighbours: a healthy cluster that the ledger does not know, unless said otherwise."""

    def __init__(  # noqa: PLR0913, PLR0917  its neighbours, and what people say
        self,
        answer: Snapshot | Exception | None = None,
        ledger: FakeLedger | None = None,
        context: Context | None = None,
        autoscaler: AutoscalerSettings = AUTO,
        policed: FakePolicy | None = None,
        team_tag: str = "team",
    ) -> None:
        self.heard = Heard()
        self.context = context or Context()
        self.reader = FakeReader(snapshot() if answer is None else answer)
        self.ledger = ledger or FakeLedger()
        self.function = AuditCluster(
            reader=self.reader,
            checks=CATALOGUE,
            ledger=self.ledger,
            hub=True,
            clock=Ticking(),
            telemetry=self.heard.telemetry,
            autoscaler=autoscaler,
            policed=policed,
            team_tag=team_tag,
        )

    def take(self, *bodies: str) -> list[str]:
        """Hand over messages as Lambda does; return the ids of those that failed."""
        checkpoint = make_checkpoint(self.context)
        event = messages(*(bodies or (REQUEST.body(),)))
        return failures(each_message(event, lambda body: self.function.audit(body, checkpoint), self.heard.telemetry))


def test_a_cluster_is_read_judged_and_saved() -> None:
    auditing = Auditing()
    assert auditing.take() == []
    (audit,) = auditing.ledger.saved
    assert (audit.audit_id, audit.cluster, audit.taken_at) == (AUDIT_ID, CLUSTER_ID, snapshot().taken_at)
    assert audit.created_at == snapshot().cluster.created_at
    assert audit.checks == {check.id for check in CATALOGUE if not check.reports_only}
    assert {finding.check_id for finding in audit.findings} <= audit.checks
    assert audit.findings
    assert audit.complete == snapshot().complete
    assert not audit.retryable
    assert not audit.deleted
    assert auditing.ledger.hub == [True]
    assert auditing.reader.not_before == ASKED
    assert auditing.heard.counts["AuditsDone"] == 1


def test_what_is_for_reports_only_never_reaches_the_ledger() -> None:
    auditing = Auditing()
    auditing.take()
    (audit,) = auditing.ledger.saved
    reported = judge(snapshot(), CATALOGUE)
    assert ("ZONE009", Status.FAILED) in {(finding.check_id, finding.status) for finding in reported}
    assert "ZONE009" not in {finding.check_id for finding in audit.findings} | audit.checks


def cas001(auditing: Auditing) -> Status:
    """Return what the saved audit says of whether the autoscaler discovers the one group."""
    auditing.take()
    (audit,) = auditing.ledger.saved
    (finding,) = (each for each in audit.findings if each.check_id == "CAS001")
    return finding.status


def test_what_people_say_of_the_autoscaler_reaches_the_checks() -> None:
    assert cas001(Auditing()) is Status.NOT_APPLICABLE
    assert cas001(Auditing(autoscaler=AutoscalerSettings(scales="cluster-autoscaler"))) is Status.PASSED


def test_what_the_ledger_knows_of_the_autoscaler_reaches_the_checks() -> None:
    created = snapshot().cluster.created_at
    seen = head(ASKED, autoscaler_seen_at=NOW - timedelta(days=30), created_at=created)
    assert cas001(Auditing(ledger=FakeLedger(seen))) is Status.PASSED
    another_life = replace(seen, created_at=created - timedelta(days=1))
    assert cas001(Auditing(ledger=FakeLedger(another_life))) is Status.NOT_APPLICABLE
    taken_over = replace(seen, karpenter_seen_at=NOW - timedelta(days=20))
    assert cas001(Auditing(ledger=FakeLedger(taken_over))) is Status.NOT_APPLICABLE


def test_the_function_is_built_with_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[tuple[AutoscalerSettings, str]] = []

    def recorded(**parts: Any) -> None:  # noqa: ANN401  any part of the function
        built.append((parts["autoscaler"], parts["team_tag"]))

    monkeypatch.setattr(audit_cluster, "AuditCluster", recorded)
    for name, value in {"STACK_NAME": "s", "LEDGER_TABLE": "t", "AUTOSCALER": "none", "TEAM_TAG": "owner"}.items():
        monkeypatch.setenv(name, value)
    audit_cluster._build("arn:aws:lambda:eu-west-1:111122223333:function:audit")  # noqa: SLF001  what the handler calls first
    assert built == [(AutoscalerSettings(scales="none"), "owner")]


def test_what_the_tag_of_the_setting_says_reaches_the_ledger() -> None:
    tags = {"team": "web", "owner": "payments"}
    auditing = Auditing(snapshot(managed(tags=tags)), team_tag="owner")
    auditing.take()
    [audit] = auditing.ledger.saved
    assert {each.team for each in audit.findings if each.subject.kind == "managed"} == {"payments"}


def test_the_environment_says_what_scales_the_clusters() -> None:
    assert autoscaler_of(Settings.from_environment({})) == AUTO
    environment = {"AUTOSCALER": "cluster-autoscaler", "AUTOSCALER_VERSION": "1.34", "AUTOSCALER_DISCOVERY": "a,b=c"}
    said = autoscaler_of(Settings.from_environment(environment))
    assert said == AutoscalerSettings(scales="cluster-autoscaler", version="1.34", discovery=("a", "b=c"))


@pytest.mark.parametrize("name", ["AUTOSCALER", "AUTOSCALER_VERSION", "AUTOSCALER_DISCOVERY"])
def test_an_environment_that_makes_no_sense_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} takes .* not ',,'$"):
        autoscaler_of(Settings.from_environment({name: ",,"}))


def test_every_line_of_an_audit_carries_its_id() -> None:
    auditing = Auditing(snapshot(gaps=(gap(),)))
    auditing.take()
    assert len(auditing.heard.lines) == 2
    assert {line["audit_id"] for line in auditing.heard.lines} == {AUDIT_ID}
    auditing.take("{}")
    assert "audit_id" not in auditing.heard.lines[-1], "the next message is no part of that audit"


def test_a_request_that_a_saved_audit_answers_costs_one_read_of_head() -> None:
    auditing = Auditing(ledger=FakeLedger(head()))
    assert auditing.take() == []
    assert auditing.reader.reads == []
    assert auditing.heard.counts == {"AuditsDone": 1}
    assert "merged" in auditing.heard.sentences[0]


@pytest.mark.parametrize(
    "found",
    [head(ASKED), head(ASKED - timedelta(hours=1)), head(saved_at=None)],
    ids=["begun at the same instant", "begun earlier", "not saved whole"],
)
def test_a_request_that_no_saved_audit_answers_is_done(found: Head) -> None:
    auditing = Auditing(ledger=FakeLedger(found))
    auditing.take()
    assert auditing.reader.reads == [CLUSTER_ID]
    assert len(auditing.ledger.saved) == 1


def test_a_cluster_deleted_between_planning_and_reading_is_saved_as_gone() -> None:
    known = head(ASKED)
    auditing = Auditing(ClusterGoneError(CLUSTER_ID), FakeLedger(known))
    assert auditing.take() == []
    (audit,) = auditing.ledger.saved
    assert audit.deleted
    assert audit.created_at == known.created_at
    assert NOW < audit.taken_at < NOW + timedelta(seconds=1)
    assert audit.findings == ()
    assert auditing.heard.counts["AuditsDone"] == 1


def test_a_cluster_that_is_no_longer_a_target_is_withdrawn_without_being_read() -> None:
    known = head(ASKED)
    auditing = Auditing(ledger=FakeLedger(known))
    assert auditing.take(replace(REQUEST, untargeted=True).body()) == []
    (audit,) = auditing.ledger.saved
    assert (audit.untargeted, audit.deleted, audit.created_at) == (True, False, known.created_at)
    assert auditing.reader.reads == []


@pytest.mark.parametrize("found", [None, head(ASKED, deleted=True)])
def test_a_cluster_that_is_no_longer_a_target_and_not_known_leaves_nothing_to_save(found: Head | None) -> None:
    auditing = Auditing(ledger=FakeLedger(found))
    assert auditing.take(replace(REQUEST, untargeted=True).body()) == []
    assert auditing.ledger.saved == []


@pytest.mark.parametrize("found", [None, head(ASKED, deleted=True)])
def test_a_cluster_that_never_was_or_is_known_to_be_gone_leaves_nothing_to_save(found: Head | None) -> None:
    auditing = Auditing(ClusterGoneError(CLUSTER_ID), FakeLedger(found))
    assert auditing.take() == []
    assert auditing.ledger.saved == []
    assert auditing.heard.counts == {"AuditsDone": 1}


def test_a_cluster_that_may_not_be_read_gets_one_sentence_and_its_findings_stand() -> None:
    denied = gap("eks:DescribeCluster", CLUSTER_ID.arn, "AccessDeniedException: no")
    auditing = Auditing(ClusterUnreadableError(CLUSTER_ID, denied))
    assert auditing.take() == []
    assert auditing.ledger.saved == []
    (sentence,) = auditing.heard.warnings
    assert "eks:DescribeCluster" in sentence
    assert auditing.heard.counts == {"Gaps": 1}, "the heartbeat does not hear of it"


@pytest.mark.parametrize(("hours", "rising"), [(0.5, 0), (1, 1), (30, 1), (50, 0)])
def test_a_cluster_that_is_refused_is_news_while_its_last_audit_is_a_day_or_so_ago(hours: float, rising: int) -> None:
    denied = gap("eks:DescribeCluster", CLUSTER_ID.arn, "AccessDeniedException: no")
    known = head(NOW - timedelta(hours=hours))
    auditing = Auditing(ClusterUnreadableError(CLUSTER_ID, denied), FakeLedger(known))
    auditing.take(replace(REQUEST, not_before=NOW).body())
    assert auditing.heard.counts.get("GapsRising", 0) == rising
    assert auditing.heard.counts_by == {("Gaps", "eks:DescribeCluster"): 1}


def test_actions_without_an_answer_are_saved_for_the_next_audit_to_compare_with() -> None:
    absent = gap("ec2:DescribeSubnets", "subnet-1", "InvalidSubnetID.NotFound: it does not exist")
    auditing = Auditing(snapshot(gaps=(gap(), absent)))
    auditing.take()
    assert [audit.gaps for audit in auditing.ledger.saved] == [frozenset({"ec2:DescribeImages"})]


def test_a_region_that_is_not_enabled_is_such_a_cluster() -> None:
    disabled = gap("eks:DescribeCluster", CLUSTER_ID.arn, "UnrecognizedClientException: the token is invalid")
    auditing = Auditing(ClusterUnreadableError(CLUSTER_ID, disabled))
    assert auditing.take() == []
    assert "see whether the Region is enabled" in auditing.heard.warnings[0]


def test_a_cluster_that_is_silent_for_the_moment_is_read_again() -> None:
    busy = gap("eks:DescribeCluster", CLUSTER_ID.arn, "ThrottlingException: slow down")
    auditing = Auditing(ClusterUnreadableError(CLUSTER_ID, replace(busy, retryable=True)))
    assert auditing.take() == ["message-0"]
    assert auditing.ledger.saved == []
    assert len(auditing.heard.warnings) == 1


def test_release_pointers_that_the_ledger_does_not_give_keep_the_message_with_one_sentence() -> None:
    auditing = Auditing(PointersUnreadableError("DynamoDB left 3 release pointers unprocessed"))
    assert auditing.take() == ["message-0"]
    assert auditing.ledger.saved == []
    assert auditing.heard.warnings == ["DynamoDB left 3 release pointers unprocessed"]
    assert "exception" not in auditing.heard.lines[-1], "no trace: this is no bug"


def test_what_was_read_is_saved_though_a_retryable_gap_is_left_and_the_cluster_is_read_again() -> None:
    busy = gap("ec2:DescribeImages", "ami-1", "RequestLimitExceeded: slow down")
    auditing = Auditing(snapshot(gaps=(gap(), replace(busy, retryable=True))))
    assert auditing.take() == ["message-0"]
    (audit,) = auditing.ledger.saved
    assert audit.retryable
    assert auditing.heard.counts["Gaps"] == 2
    assert "AuditsDone" not in auditing.heard.counts


def test_a_missing_permission_is_said_once_however_many_reads_it_fails() -> None:
    auditing = Auditing(snapshot(gaps=tuple(gap(resource=f"ami-{number}") for number in range(40))))
    assert auditing.take() == []
    (sentence,) = auditing.heard.warnings
    assert sentence.startswith("40 reads by ec2:DescribeImages failed, the first one: ec2:DescribeImages on ami-0: ")
    assert auditing.heard.counts["Gaps"] == 40
    assert auditing.heard.counts["AuditsDone"] == 1


@pytest.mark.parametrize("left_ms", [0, 19_999])
def test_with_too_little_time_left_nothing_is_saved(left_ms: int) -> None:
    auditing = Auditing(context=Context(left_ms))
    assert auditing.take() == ["message-0"]
    assert auditing.ledger.saved == []
    assert f"{left_ms} ms are left" in auditing.heard.warnings[0]


def test_time_that_runs_out_while_reading_saves_nothing() -> None:
    auditing = Auditing()

    def slow() -> None:
        auditing.context.left_ms = 15_000

    auditing.reader._meanwhile = slow  # noqa: SLF001  what happens while it reads
    assert auditing.take() == ["message-0"]
    assert auditing.ledger.saved == []


def test_an_audit_that_comes_too_late_is_dropped_and_said() -> None:
    auditing = Auditing(ledger=FakeLedger(answer=FencedOut(head=head(NOW + timedelta(hours=1)), parts=0)))
    assert auditing.take() == []
    assert auditing.heard.counts == {"AuditsFenced": 1, "GapsRising": 0}
    assert "this one is dropped" in auditing.heard.sentences[0]


def test_an_audit_that_comes_too_late_for_one_that_is_not_whole_keeps_its_message() -> None:
    newer = head(NOW + timedelta(hours=1), saved_at=None)
    auditing = Auditing(ledger=FakeLedger(answer=FencedOut(head=newer, parts=0)))
    assert auditing.take() == ["message-0"]


@pytest.mark.parametrize(
    "trouble",
    [
        ContendedError("other audits came between 5 times"),
        NewerLedgerError("HEAD has schema version 2"),
        refused(error="InternalServerError", call="TransactWriteItems"),
    ],
)
def test_a_ledger_that_cannot_take_it_keeps_the_message_with_one_sentence(trouble: Exception) -> None:
    auditing = Auditing(ledger=FakeLedger(answer=trouble))
    assert auditing.take() == ["message-0"]
    assert len(auditing.heard.warnings) == 1
    assert "exception" not in auditing.heard.lines[-1], "no trace: this is no bug"


def test_transitions_are_counted_and_named() -> None:
    saved = Saved(transitions=transitions(3), parts=1, whole=True)
    auditing = Auditing(ledger=FakeLedger(answer=saved))
    auditing.take()
    assert auditing.heard.counts["TransitionsSaved"] == 3
    assert auditing.heard.sentences[0].endswith("3 opened")


def test_a_message_that_cannot_be_read_waits_in_its_queue_and_the_others_are_done() -> None:
    auditing = Auditing()
    newer = json.dumps(json.loads(REQUEST.body()) | {"schema_version": 2})
    assert auditing.take("not json", newer, REQUEST.body()) == ["message-0", "message-1"]
    assert len(auditing.ledger.saved) == 1
    assert len(auditing.heard.warnings) == 2
    assert auditing.heard.counts["MessagesUnreadable"] == 1
    assert auditing.heard.counts["MessagesNewer"] == 1


def test_a_bug_in_a_check_is_told_with_its_trace_and_saves_nothing() -> None:
    auditing = Auditing(ValueError("a bug"))
    assert auditing.take() == ["message-0"]
    line = auditing.heard.lines[-1]
    assert line["level"] == "ERROR"
    assert "ValueError: a bug" in line["exception"]
    assert auditing.ledger.saved == []


def test_it_judges_by_the_policy_in_force() -> None:
    off = Policy(version="b", rules=(Rule(switches=dict.fromkeys((check.id for check in CATALOGUE), False)),))
    policed = FakePolicy(off)
    past = head(NOW - timedelta(hours=1))
    auditing = Auditing(ledger=FakeLedger(past), policed=policed)
    assert auditing.take() == []
    (audit,) = auditing.ledger.saved
    assert audit.policy == "b"
    assert {finding.status for finding in audit.findings} == {Status.NOT_APPLICABLE}
    assert policed.asked == [(past, None)]


def test_an_audit_for_the_policy_s_sake_asks_for_one_of_after_the_change() -> None:
    policed = FakePolicy(Policy.DEFAULT)
    Auditing(policed=policed).take(replace(REQUEST, policy_changed=True).body())
    assert policed.asked == [(None, ASKED)]


@pytest.mark.parametrize(("judged_by", "saved"), [("a", 1), ("b", 0)])
def test_an_audit_since_answers_a_change_of_the_policy_only_where_it_was_judged_by_it(
    judged_by: str, saved: int
) -> None:
    """The process that saved it may have known the policy before, for up to five minutes."""
    past = head(ASKED + timedelta(seconds=1), policy=judged_by)
    auditing = Auditing(ledger=FakeLedger(past), policed=FakePolicy(Policy(version="b")))
    auditing.take(replace(REQUEST, policy_changed=True).body())
    assert len(auditing.ledger.saved) == saved


def test_tags_that_cannot_be_understood_are_said() -> None:
    tagged = snapshot(cluster=cluster(tags={"eks-auditor/exempt": "AMI001"}))
    auditing = Auditing(tagged)
    assert auditing.take() == []
    assert any(said.startswith("the tags of cluster shop accept nothing") for said in auditing.heard.warnings)
