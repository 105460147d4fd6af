"""The table: worst first, readable on 80 columns and in a pipe."""

import re

import pytest

from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Fix
from eks_auditor.model.verdict import Severity, Status
from eks_auditor.report.audited import AuditedCluster, Report
from eks_auditor.report.table import cluster_labels, render_table
from tests import builders
from tests.report.findings import finding, report


def test_worst_first() -> None:
    text = render_table(
        report(
            finding("AMI001", severity=Severity.LOW),
            finding("CAS003", severity=Severity.CRITICAL),
            finding("HEALTH001", severity=Severity.HIGH),
        )
    )
    rungs = re.findall(r"^(CRITICAL|HIGH|MEDIUM|LOW|INFORMATIONAL) ", text, re.MULTILINE)
    assert rungs == ["CRITICAL", "HIGH", "LOW"]


def test_a_failure_tells_check_cluster_subject_reason_and_fix() -> None:
    text = render_table(report(finding()))
    assert re.search(r"^HIGH +HEALTH001 +shop +web \(managed\)$", text, re.MULTILINE)
    assert "  Node groups should be healthy: EKS reports NodeCreationFailure" in text
    assert "  aws: aws eks describe-nodegroup --nodegroup-name web" in text


def test_passes_are_counted_and_listed_on_request() -> None:
    passes = report(finding(status=Status.PASSED, reason="all well"), finding("CAS001", status=Status.NOT_APPLICABLE))
    assert "0 failed, 0 unknown, 1 passed." in render_table(passes)
    assert "all well" not in render_table(passes)
    listed = render_table(passes, show_all=True)
    assert "all well" in listed
    assert "NOT_APPLICABLE" in listed


def test_unknowns_stand_by_the_missing_permission() -> None:
    evidence = {"action": "ec2:DescribeImages", "error": "UnauthorizedOperation: no"}
    denied = [
        finding(check_id, status=Status.UNKNOWN, evidence=evidence) for check_id in ("AMI001", "AMI003", "AMI004")
    ]
    text = render_table(report(*denied))
    assert text.count("ec2:DescribeImages: UnauthorizedOperation: no") == 1
    assert "AMI001 of shop/web, AMI003 of shop/web, AMI004 of shop/web" in text
    assert "3 unknown" in text


def test_unknown_without_a_permission_gives_its_reason() -> None:
    text = render_table(report(finding(status=Status.UNKNOWN, evidence={}, reason="the AMI type FOO is not known")))
    assert "UNKNOWN the AMI type FOO is not known" in text


def test_gaps_of_the_report_and_of_clusters_are_named() -> None:
    read = builders.snapshot(gaps=(builders.gap(),))
    text = render_table(report(snapshot=read, gaps=(builders.gap("eks:ListClusters", "eu-south-1", "Denied: no"),)))
    assert "  eks:ListClusters on eu-south-1: Denied: no" in text
    assert "  shop: ec2:DescribeImages on ami-1: UnauthorizedOperation: no" in text


def test_one_refusal_of_many_resources_is_one_line() -> None:
    read = builders.snapshot(gaps=tuple(builders.gap(resource=f"ami-{number}") for number in range(5)))
    text = render_table(report(snapshot=read))
    assert "shop: ec2:DescribeImages on ami-0, ami-1, ami-2 and 2 more: UnauthorizedOperation: no" in " ".join(
        text.split()
    )


def test_nothing_but_a_pipe_would_like() -> None:
    text = render_table(report(finding(), finding("CAS001", status=Status.UNKNOWN), gaps=(builders.gap(),)))
    assert text.isascii()
    assert "\x1b" not in text
    assert not re.search(r"[ \t]$", text, re.MULTILINE)


def test_a_terminal_gets_colours() -> None:
    assert "\x1b[" in render_table(report(finding()), colour=True)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_only_commands_are_wider_than_the_screen(width: int) -> None:
    long_id = ClusterId("aws", "1" * 12, "eu-west-1", "shop" * 25)
    command = "aws autoscaling create-or-update-tags --tags " + "x" * 200
    text = render_table(
        report(
            finding(reason="because " * 60, fix=(Fix(tool="aws", command=command),)),
            finding(name="long-" * 40, fix=()),
            finding("CAS001", "long-" * 40, status=Status.UNKNOWN),
            *(finding(f"AMI00{n}", status=Status.UNKNOWN, evidence={}, reason="cause " * 30) for n in range(9)),
            gaps=(builders.gap(error="why " * 90),),
            snapshot=builders.snapshot(cluster=builders.cluster(id=long_id)),
        ),
        width=width,
    )
    assert [line for line in text.splitlines() if len(line) > width] == [f"  aws: {command}"]


@pytest.mark.parametrize("hostile", ["\x1b[2J", "a\nCRITICAL", "\x07", "[red]x[/red]", ":boom:", "\x9b31m"])
def test_other_peoples_text_cannot_command_the_terminal(hostile: str) -> None:
    there = finding(name=f"g{hostile}", reason=hostile, title=hostile, fix=(Fix(tool="aws", command=hostile),))
    unknown = finding("AMI001", status=Status.UNKNOWN, reason=hostile, evidence={})
    text = render_table(report(there, unknown, gaps=(builders.gap(error=hostile),)), show_all=True)
    assert not [c for c in text if not c.isprintable() and c != "\n"]
    assert not text.startswith("CRITICAL")
    if hostile.isprintable():
        assert hostile in text


def test_a_report_without_clusters_says_so() -> None:
    assert render_table(Report(taken_at=builders.NOW, gaps=(), clusters=())) == (
        "0 clusters audited at 2026-11-23T12:00:00Z: 0 failed, 0 unknown, 0 passed.\n"
    )


def test_sums_are_per_cluster() -> None:
    other = AuditedCluster(
        snapshot=builders.snapshot(cluster=builders.cluster(id=ClusterId("aws", "1" * 12, "us-east-1", "lab"))),
        findings=(finding(severity=Severity.LOW), finding("AMI001", severity=Severity.LOW)),
    )
    first = report(finding())
    text = render_table(Report(taken_at=builders.NOW, gaps=(), clusters=(*first.clusters, other)))
    assert re.search(r"^shop +eu-west-1 +1\.35 +0 +1 +0 +0 +0 +0 +0$", text, re.MULTILINE)
    assert re.search(r"^lab +us-east-1 +1\.35 +0 +0 +0 +2 +0 +0 +0$", text, re.MULTILINE)
    assert text.endswith("2 clusters audited at 2026-11-23T12:00:00Z: 3 failed, 0 unknown, 0 passed.\n")


def test_labels_are_as_short_as_they_can_be() -> None:
    one = ClusterId("aws", "1" * 12, "eu-west-1", "a")
    region = ClusterId("aws", "1" * 12, "us-east-1", "b")
    account = ClusterId("aws", "1" * 12, "eu-west-1", "b")
    twin = ClusterId("aws", "2" * 12, "eu-west-1", "b")
    assert cluster_labels([one, region, account, twin]) == {
        one: "a",
        region: "us-east-1/b",
        account: "111111111111/eu-west-1/b",
        twin: "222222222222/eu-west-1/b",
    }
