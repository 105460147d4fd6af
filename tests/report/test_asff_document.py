"""ASFF without a ledger: every failure is just opened."""

import json

from eks_auditor.model.verdict import Severity, Status
from eks_auditor.report.asff_document import render_asff
from tests import builders
from tests.report.findings import finding, report


def test_only_failures_worst_first_and_ready_to_import() -> None:
    failures = report(
        finding("AMI001", severity=Severity.LOW),
        finding("HEALTH001", severity=Severity.HIGH),
        finding("CAS001", status=Status.UNKNOWN),
        finding("CAS003", status=Status.PASSED),
    )
    rendered = json.loads(render_asff(failures))
    assert [each["GeneratorId"] for each in rendered] == ["eks-auditor/HEALTH001", "eks-auditor/AMI001"]
    assert {(each["Compliance"]["Status"], each["RecordState"]) for each in rendered} == {("FAILED", "ACTIVE")}
    assert rendered[0]["UpdatedAt"].startswith(f"{builders.NOW:%Y-%m-%dT%H:%M:%S}")
    assert rendered[0]["Id"] == finding().id


def test_what_is_for_reports_only_is_left_out() -> None:
    failures = report(finding("ZONE008"), finding("ZONE009"))
    assert [each["GeneratorId"] for each in json.loads(render_asff(failures))] == ["eks-auditor/ZONE008"]


def test_nothing_failed_is_an_empty_list() -> None:
    assert json.loads(render_asff(report(finding(status=Status.PASSED)))) == []
