import itertools
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from eks_auditor.events.requests import AuditsRequest, ClustersRequest, DueRequest, ImagesRequest, SweepRequest
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.gap import Gap
from eks_auditor.plan.audits import Plan, plan
from eks_auditor.plan.targets import Place
from tests.builders import NOW
from tests.plan.releasing import NEW, OLD, request, rollback

HERE = Place("aws", "111122223333", "eu-west-1")
THERE = Place("aws", "444455556666", "us-east-1")
ELSEWHERE = Place("aws", "777788889999", "us-east-1")
GAP = Gap("eks:ListClusters", "us-east-1", "AccessDenied: no")


def cluster(name: str, place: Place = HERE) -> ClusterId:
    return ClusterId(place.partition, place.account, place.region, name)


def counter() -> Callable[[], str]:
    numbers = itertools.count()
    return lambda: f"audit-{next(numbers)}"


def planned(
    request: AuditsRequest,
    listed: Mapping[Place, Iterable[ClusterId] | Gap] | None = None,
    known: Iterable[ClusterId] = (),
) -> Plan:
    return plan(request, places=(HERE, THERE), listed=listed or {}, known=known, now=NOW, ids=counter())


def clusters(made: Plan) -> list[ClusterId]:
    return [audit.cluster for audit in made.audits]


def named(*arns: str, at: timedelta = timedelta()) -> ClustersRequest:
    return ClustersRequest(clusters=arns, cause="UpdateNodegroupVersion", at=NOW + at)


def test_a_sweep_audits_what_aws_lists_and_what_the_ledger_knows_each_once() -> None:
    made = planned(
        SweepRequest(),
        {HERE: [cluster("shop"), cluster("new")], THERE: [cluster("shop", THERE)]},
        known=[cluster("shop"), cluster("vanished")],
    )
    assert clusters(made) == [cluster("new"), cluster("shop"), cluster("vanished"), cluster("shop", THERE)]
    assert {audit.cause for audit in made.audits} == {"sweep"}
    assert {audit.not_before for audit in made.audits} == {NOW}
    assert [audit.audit_id for audit in made.audits] == ["audit-0", "audit-1", "audit-2", "audit-3"]


def test_a_place_that_cannot_be_listed_keeps_what_the_ledger_knows_there() -> None:
    made = planned(SweepRequest(), {HERE: [cluster("shop")], THERE: GAP}, known=[cluster("old", THERE)])
    assert clusters(made) == [cluster("shop"), cluster("old", THERE)]


def test_a_sweep_withdraws_what_the_ledger_knows_outside_the_targets() -> None:
    foreign = cluster("foreign", ELSEWHERE)
    [audit] = planned(SweepRequest(), known=[foreign]).audits
    assert (audit.cluster, audit.untargeted) == (foreign, True)


def test_what_is_due_outside_the_targets_is_left_to_the_sweep() -> None:
    assert planned(DueRequest(), known=[cluster("foreign", ELSEWHERE)]) == Plan(())


def test_due_clusters_are_audited() -> None:
    made = planned(DueRequest(), known=[cluster("late")])
    assert clusters(made) == [cluster("late")]
    assert made.audits[0].cause == "due"


def test_a_named_cluster_is_audited_once() -> None:
    made = planned(named(cluster("shop").arn, cluster("shop").arn))
    assert clusters(made) == [cluster("shop")]
    assert made.audits[0].cause == "UpdateNodegroupVersion"
    assert made.refusals == ()


def test_a_named_cluster_outside_the_targets_gets_one_sentence_and_the_others_are_audited() -> None:
    made = planned(named(cluster("foreign", ELSEWHERE).arn, cluster("shop").arn, "shop"))
    assert clusters(made) == [cluster("shop")]
    outside, malformed = made.refusals
    assert cluster("foreign", ELSEWHERE).arn in outside
    assert "Targets" in outside
    assert "'shop' is not the ARN of an EKS cluster" in malformed


def test_another_partition_is_outside_the_targets() -> None:
    made = planned(named("arn:aws-cn:eks:eu-west-1:111122223333:cluster/shop"))
    assert made.audits == ()
    assert len(made.refusals) == 1


def test_an_earlier_event_asks_for_a_snapshot_after_the_planning() -> None:
    """Its own time is cut to the second: a snapshot begun later in that second may not show what it tells of."""
    made = planned(named(cluster("shop").arn, at=-timedelta(seconds=3)))
    assert made.audits[0].not_before == NOW


def test_an_event_by_a_clock_ahead_of_ours_is_believed() -> None:
    made = planned(named(cluster("shop").arn, at=timedelta(seconds=3)))
    assert made.audits[0].not_before == NOW + timedelta(seconds=3)


def test_an_event_from_far_ahead_does_not_keep_every_later_audit_from_answering_it() -> None:
    made = planned(named(cluster("shop").arn, at=timedelta(days=900)))
    assert made.audits[0].not_before == NOW + timedelta(minutes=1)


def test_a_release_audits_the_targets_among_those_that_run_it() -> None:
    made = planned(request(), known=[cluster("shop"), cluster("foreign", ELSEWHERE), cluster("bank")])
    assert clusters(made) == [cluster("bank"), cluster("shop")]
    assert {audit.cause for audit in made.audits} == {f"release {NEW} of al2023/standard/x86_64/1.35"}
    assert not any(audit.untargeted for audit in made.audits)


def test_a_rollback_is_called_one() -> None:
    (audit,) = planned(rollback(), known=[cluster("shop")]).audits
    assert audit.cause == f"rollback to {OLD} of al2023/standard/x86_64/1.35"


def test_a_release_is_judged_by_what_is_read_after_it_was_seen() -> None:
    """So that no audit of it is answered by releases that were read, and shared, before."""
    (late,) = planned(request(at=NOW + timedelta(seconds=3)), known=[cluster("shop")]).audits
    assert late.not_before == NOW + timedelta(seconds=3)


def test_images_audit_the_targets_among_those_that_run_them() -> None:
    images = ImagesRequest(keys=("ami-1",), partition="aws", region="eu-west-1", cause="ami-1 is disabled", at=NOW)
    made = planned(images, known=[cluster("shop"), cluster("foreign", ELSEWHERE)])
    assert clusters(made) == [cluster("shop")]
    assert made.audits[0].cause == "ami-1 is disabled"


def test_another_policy_is_a_sweep_whose_audits_read_it_anew() -> None:
    asked = SweepRequest(policy="policy changed: parameter /p, Update")
    made = planned(asked, {HERE: [cluster("shop")]}, known=[cluster("vanished"), cluster("old", ELSEWHERE)])
    kept = [audit for audit in made.audits if not audit.untargeted]
    assert {(audit.cluster.name, audit.cause, audit.policy_changed) for audit in kept} == {
        ("shop", "policy changed: parameter /p, Update", True),
        ("vanished", "policy changed: parameter /p, Update", True),
    }
    assert not any(audit.policy_changed for audit in planned(SweepRequest(), {HERE: [cluster("shop")]}).audits)
