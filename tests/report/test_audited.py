"""Judging without a ledger."""

from dataclasses import replace
from datetime import timedelta

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Status
from eks_auditor.report.audited import Report, audited, report_of, without_ledger
from tests import builders
from tests.report.findings import finding, report

STARTED = builders.NOW + timedelta(hours=1)


def assembled(snapshots: list[Snapshot], gaps: list[Gap] | None = None) -> Report:
    return report_of((audited(snapshot, CATALOGUE) for snapshot in snapshots), gaps=gaps or [], started=STARTED)


def elsewhere(account: str, region: str, name: str, **deviations: object) -> Snapshot:
    return builders.snapshot(cluster=builders.cluster(id=ClusterId("aws", account, region, name)), **deviations)


def test_what_needs_two_audits_is_a_first_sighting() -> None:
    seen = without_ledger(finding(severity=Severity.HIGH, confirm=True))
    assert seen.severity is Severity.INFORMATIONAL
    assert seen.reason.startswith("EKS reports NodeCreationFailure (a first sighting")
    assert "no ledger" in seen.reason


def test_a_first_sighting_counts_for_no_threshold_but_its_own() -> None:
    seen = report(without_ledger(finding(severity=Severity.HIGH, confirm=True)))
    assert not seen.fails_at(Severity.LOW)
    assert seen.fails_at(Severity.INFORMATIONAL)


@pytest.mark.parametrize("status", [Status.PASSED, Status.UNKNOWN, Status.NOT_APPLICABLE])
def test_only_failures_are_sightings(status: Status) -> None:
    said = finding(status=status, confirm=True)
    assert without_ledger(said) == said


def test_a_plain_failure_stays_what_it_is() -> None:
    assert without_ledger(finding()) == finding()


@pytest.mark.parametrize(
    ("threshold", "fails"), [(Severity.MEDIUM, True), (Severity.HIGH, True), (Severity.CRITICAL, False)]
)
def test_thresholds_include_their_own_rung(threshold: Severity, fails: bool) -> None:  # noqa: FBT001  a parameter
    assert report(finding(severity=Severity.HIGH)).fails_at(threshold) is fails


def test_only_failed_findings_count() -> None:
    assert not report(finding(status=Status.UNKNOWN)).fails_at(Severity.INFORMATIONAL)


def test_clusters_and_gaps_have_an_order_of_their_own() -> None:
    read = [
        elsewhere("2" * 12, "eu-west-1", "a"),
        elsewhere("1" * 12, "us-east-1", "a"),
        elsewhere("1" * 12, "eu-west-1", "b"),
    ]
    gaps = [builders.gap(resource="b"), builders.gap(resource="a")]
    forth = assembled(read, gaps=gaps)
    back = assembled(read[::-1], gaps=gaps[::-1])
    assert forth == back
    assert [cluster.id.arn.split(":", 3)[3] for cluster in forth.clusters] == [
        "eu-west-1:111111111111:cluster/b",
        "us-east-1:111111111111:cluster/a",
        "eu-west-1:222222222222:cluster/a",
    ]


def test_a_report_is_as_old_as_its_oldest_snapshot() -> None:
    older = replace(elsewhere("1" * 12, "eu-west-1", "a"), taken_at=builders.days_ago(1))
    assert assembled([builders.snapshot(), older]).taken_at == builders.days_ago(1)
    assert assembled([]).taken_at == STARTED


def test_the_healthy_cluster_has_no_failure() -> None:
    scaled = builders.cluster(zonal_shift=True, autoscaler_identity="kube-system/cluster-autoscaler")
    healthy = assembled([builders.snapshot(cluster=scaled)])
    assert healthy.findings(Status.FAILED, Status.UNKNOWN) == []
    assert healthy.findings(Status.PASSED)
