"""Judging a snapshot: one finding a cause, and no check that ends an audit."""

from cProfile import Profile
from dataclasses import replace
from datetime import datetime

import pytest

from eks_auditor.autoscaler.settings import AUTO, AutoscalerSettings
from eks_auditor.check import Check, check
from eks_auditor.checks import CATALOGUE
from eks_auditor.checks.autoscaler import not_discoverable
from eks_auditor.findings.judge import SILENCES, audit_of, judge
from eks_auditor.model.capacity import KINDS, ManagedNodeGroup, NodePool
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.finding import Finding
from eks_auditor.model.gap import UnreadableError
from eks_auditor.model.release import Image
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Status, Verdict, failed, not_applicable, passed, settling, unknown
from tests.builders import days_ago, gap, image, launch, managed, node_pool, self_managed, snapshot

DOCS = "https://docs.aws.amazon.com/eks/latest/best-practices/"


def zone001(says: Verdict | Exception) -> Check:
    @check(id="ZONE001", title="Too few zones", severity=Severity.CRITICAL, docs=DOCS)
    def judge_cluster(cluster: Cluster) -> Verdict:
        """Says what the test wants.

        Why: a test.

        Fix:
            aws: aws eks describe-cluster --name {name}
        """
        assert cluster
        if isinstance(says, Exception):
            raise says
        return says

    return judge_cluster


def zone002(says: Verdict) -> Check:
    @check(id="ZONE002", title="One zone", severity=Severity.HIGH, docs=DOCS)
    def judge_group(group: ManagedNodeGroup) -> Verdict:
        """Says what the test wants.

        Why: a test.

        Fix:
            aws: aws eks describe-nodegroup --nodegroup-name {name}
        """
        assert group
        return says

    return judge_group


def judged(cause: Verdict | Exception, effect: Verdict | None = None) -> tuple[Finding, Finding]:
    checks = (zone001(cause), zone002(failed("one zone") if effect is None else effect))
    one, other = judge(snapshot(managed("web")), checks)
    return one, other


def test_a_cause_speaks_alone_and_names_what_it_explains() -> None:
    cause, effect = judged(failed("one zone for all"))
    assert (cause.status, effect.status) == (Status.FAILED, Status.NOT_APPLICABLE)
    assert "ZONE002 of web" in cause.reason
    assert "ZONE001" in effect.reason
    assert not effect.settling
    assert effect.fix == ()


def test_a_mild_form_of_the_cause_explains_nothing() -> None:
    cause, effect = judged(failed("a third zone is unused", severity=Severity.LOW))
    assert (cause.status, effect.status) == (Status.FAILED, Status.FAILED)
    assert "ZONE002" not in cause.reason


@pytest.mark.parametrize("cause", [unknown("who knows"), settling("an update runs"), UnreadableError(gap())])
def test_a_cause_that_cannot_be_judged_now_is_left_to_the_ledger(cause: Verdict | Exception) -> None:
    undecided, effect = judged(cause)
    assert effect.status is Status.FAILED
    assert effect.causes == {undecided.id: SILENCES["ZONE001"].rung}


def test_silencing_takes_no_longer_for_each_finding_where_there_are_more() -> None:
    """Counted in calls: twice the groups, twice the work."""
    checks = (zone001(passed("three zones")), zone002(failed("one zone")))

    def calls(groups: int) -> int:
        read = snapshot(*(managed(f"web-{number}") for number in range(groups)))
        profile = Profile()
        profile.runcall(judge, read, checks)
        return sum(stat.callcount for stat in profile.getstats() if "findings/judge.py" in str(stat.code))

    assert calls(80) < 2.5 * calls(40)


def test_a_cause_that_is_fine_explains_nothing() -> None:
    _, effect = judged(passed("three zones"))
    assert (effect.status, effect.causes) == (Status.FAILED, {})


def test_what_passes_needs_no_cause() -> None:
    _, effect = judged(unknown("who knows"), passed("three zones"))
    assert (effect.status, effect.causes) == (Status.PASSED, {})


def test_a_gap_is_an_unknown_verdict_that_names_it() -> None:
    lost = gap()
    undecided, _ = judged(UnreadableError(lost))
    assert undecided.status is Status.UNKNOWN
    assert lost.action in undecided.reason
    assert undecided.evidence["error"] == lost.error


def test_an_audit_says_what_was_judged_and_what_is_to_be_read_again() -> None:
    whole = snapshot(managed("web"))
    checks = (zone001(passed("fine")),)
    audit = audit_of(whole, checks, "an-audit")
    assert (audit.audit_id, set(audit.checks), audit.retryable, audit.sets_whole) == (
        "an-audit",
        {"ZONE001"},
        False,
        True,
    )
    assert audit_of(replace(whole, gaps=(replace(gap(), retryable=True),)), checks, "x").retryable


def cas001(read: Snapshot, autoscaler: AutoscalerSettings = AUTO, seen_at: datetime | None = None) -> Status:
    """Return the autoscaler's check's word on the one group."""
    (found,) = audit_of(read, [not_discoverable], "x", autoscaler, autoscaler_seen_at=seen_at).findings
    assert autoscaler is not AUTO or seen_at or judge(read, [not_discoverable]) == (found,)
    return found.status


def test_an_audit_knows_what_people_say_of_the_autoscaler_and_when_it_was_seen() -> None:
    said = AutoscalerSettings(scales="cluster-autoscaler")
    assert cas001(snapshot()) is Status.NOT_APPLICABLE
    assert cas001(snapshot(), said) is Status.PASSED
    assert cas001(snapshot(), seen_at=days_ago(30)) is Status.PASSED
    assert cas001(snapshot(), seen_at=days_ago(100)) is Status.NOT_APPLICABLE


def test_an_audit_says_whether_it_saw_the_autoscaler_at_work() -> None:
    at_work = snapshot(managed(group={"hand_scalings": 2, "hand_scaling_days": 2}))
    assert audit_of(at_work, (), "x").autoscaler_seen_at == at_work.taken_at
    assert audit_of(snapshot(), (), "x").autoscaler_seen_at is None
    assert audit_of(snapshot(), (), "x", autoscaler_seen_at=days_ago(1)).autoscaler_seen_at is None


def test_an_audit_says_whether_it_saw_karpenter() -> None:
    both = snapshot(managed(), node_pool())
    assert audit_of(both, (), "x").karpenter_seen_at == both.taken_at
    assert audit_of(snapshot(), (), "x", karpenter_seen_at=days_ago(1)).karpenter_seen_at is None


def test_the_drill_is_only_for_checks_that_ask_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        message = "no check asks for it"
        raise AssertionError(message)

    monkeypatch.setattr("eks_auditor.findings.judge.Drill.of", refused)
    assert judge(snapshot(managed("web")), (zone001(passed("fine")),))
    with pytest.raises(AssertionError, match="no check asks"):
        judge(snapshot(managed("web")), CATALOGUE)


def test_a_group_whose_shape_is_unread_may_hide_a_set() -> None:
    whole = snapshot(managed("web"))
    blind = replace(whole, instance_types=dict.fromkeys(whole.instance_types, gap("ec2:DescribeInstanceTypes")))
    assert not audit_of(blind, (zone001(passed("fine")),), "x").sets_whole


def test_a_group_whose_subnets_are_unread_may_hide_a_zone() -> None:
    checks = (zone001(passed("fine")),)
    assert audit_of(snapshot(managed("web")), checks, "x").zones_whole
    assert not audit_of(snapshot(managed("web", group={"subnets": gap()})), checks, "x").zones_whole


@pytest.mark.parametrize(("name", "alone"), [("amazon-eks-node-1.35-v20251209", True), (image().name, False)])
def test_a_retired_image_that_is_deprecated_too_is_one_finding(name: str, *, alone: bool) -> None:
    old = image(id="ami-old", name=name, deprecated_at=days_ago(1))
    group = self_managed(group={"launch": launch(image_ids=(old.id,))})

    found = {
        f.check_id: f for f in judge(snapshot(group, images={old.id: old}), CATALOGUE) if f.subject.name == "batch"
    }

    assert (found["AMI003"].status is Status.FAILED) is alone
    assert (found["AMI007"].status is Status.NOT_APPLICABLE) is alone
    assert ("AMI007 of batch" in found["AMI003"].reason) is alone


AL2 = image(id="ami-al2", name="amazon-eks-node-1.35-v20251209")
AL2_TOO = image(id="ami-al2-too", name="amazon-eks-node-1.35-v20251101")


@pytest.mark.parametrize(
    ("deprecated", "silenced"), [((AL2,), True), ((AL2, AL2_TOO), True), ((AL2_TOO,), True), ((image(),), False)]
)
def test_a_retired_image_explains_nothing_of_another_image(deprecated: tuple[Image, ...], *, silenced: bool) -> None:
    old = tuple(replace(one, deprecated_at=days_ago(1)) for one in deprecated)
    images = {one.id: one for one in (AL2, AL2_TOO, image(), *old)}
    group = self_managed(group={"launch": launch(image_ids=tuple(images))})

    found = {f.check_id: f for f in judge(snapshot(group, images=images), CATALOGUE) if f.subject.name == "batch"}

    assert found["AMI003"].status is Status.FAILED
    assert found["AMI007"].status is (Status.NOT_APPLICABLE if silenced else Status.FAILED)


def pooled(says: Verdict) -> Check:
    @check(id="AMI001", title="Pools", severity=Severity.LOW, docs=DOCS)
    def judge_pool(pool: NodePool) -> Verdict:
        """Says what the test wants.

        Why: a test.

        Fix:
            aws: aws eks describe-cluster --name {name}
        """
        assert pool
        return says

    return judge_pool


@pytest.mark.parametrize("says", [passed("all is well"), not_applicable("nothing to judge")])
def test_a_pool_of_which_nodes_may_be_hidden_does_not_pass(says: Verdict) -> None:
    hidden = {"complete": dict.fromkeys(KINDS, True) | {"karpenter": False}}

    [seen] = judge(snapshot(node_pool()), [pooled(says)])
    [partly] = judge(snapshot(node_pool(), **hidden), [pooled(says)])

    assert seen.status is says.status
    assert partly.status is Status.UNKNOWN
    assert "ec2:DescribeInstances" in partly.reason


def test_a_pool_of_which_nodes_may_be_hidden_fails_by_what_was_seen() -> None:
    hidden = {"complete": dict.fromkeys(KINDS, True) | {"karpenter": False}}
    [found] = judge(snapshot(node_pool(), **hidden), [pooled(failed("old", severity=Severity.LOW))])

    assert (found.status, found.partial) == (Status.FAILED, True)
