import json
import logging
from contextlib import suppress

import pytest
from aws_lambda_powertools.metrics import MetricUnit

from eks_auditor.wiring.records import PostponedError, each_message
from eks_auditor.wiring.telemetry import make_telemetry
from tests.wiring.fakes import Heard, messages


def test_a_metric_has_the_stack_as_its_one_dimension(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "eks-auditor")
    telemetry = make_telemetry("my-stack")
    with telemetry.invocation("request-1"):
        telemetry.count("AuditsDone")
        telemetry.count("Gaps", 3)
    with telemetry.invocation("request-2"):
        telemetry.count("AuditsDone")
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    (directive,) = first["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "EksAuditor"
    assert directive["Dimensions"] == [["Stack"]]
    assert (first["Stack"], first["AuditsDone"], first["Gaps"]) == ("my-stack", [1], [3])
    assert (second["Stack"], second["AuditsDone"]) == ("my-stack", [1])
    assert "Gaps" not in second


def test_a_metric_by_another_dimension_is_said_of_the_stack_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = make_telemetry("my-stack")
    with telemetry.invocation("request-1"):
        telemetry.count("Gaps", 2, Action="ec2:DescribeImages")
        telemetry.count("Gaps", 3, Action="ssm:GetParameters")
        telemetry.count("Gaps", 4, Action="ec2:DescribeImages")
    with telemetry.invocation("request-2"):
        telemetry.count("Gaps", 1)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], line.get("Action"), line["Gaps"]) for line in lines]
    assert told == [
        ([["Stack"]], None, [2, 3, 4]),
        ([["Stack", "Action"]], "ec2:DescribeImages", [2, 4]),
        ([["Stack", "Action"]], "ssm:GetParameters", [3]),
        ([["Stack"]], None, [1]),
    ]
    assert {line["Stack"] for line in lines} == {"my-stack"}


def test_a_value_by_other_dimensions_is_not_added_up_for_the_stack(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = make_telemetry("my-stack")
    with telemetry.invocation("request-1"):
        telemetry.measure("OpenFindings", 5, Check="AMI001", Severity="HIGH")
        telemetry.measure("OldestAuditAge", 3600, MetricUnit.Seconds)
    age, findings = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert age["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "OldestAuditAge", "Unit": "Seconds"}]
    assert "OpenFindings" not in age
    assert findings["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Stack", "Check", "Severity"]]
    assert (findings["Check"], findings["Severity"], findings["OpenFindings"]) == ("AMI001", "HIGH", [5])


def test_an_invocation_that_counts_nothing_prints_no_metric(capsys: pytest.CaptureFixture[str]) -> None:
    with make_telemetry("my-stack").invocation("request-1"):
        pass
    assert capsys.readouterr().out == ""


def test_metrics_are_printed_though_the_function_fails(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = make_telemetry("my-stack")
    with suppress(ZeroDivisionError), telemetry.invocation("request-1"):
        telemetry.count("PlanGaps", 1 // len([1]))
        telemetry.count("Gaps", 1 // len([]))
    assert json.loads(capsys.readouterr().out)["PlanGaps"] == [1]


def test_keys_stay_where_they_belong() -> None:
    heard = Heard()
    with heard.telemetry.invocation("request-1"):
        with heard.telemetry.about(audit_id="audit-1"):
            heard.telemetry.info("within")
        heard.telemetry.info("after")
    with heard.telemetry.invocation("request-2"):
        heard.telemetry.warning("next")
    within, after, following = heard.lines
    assert (within["audit_id"], within["request_id"]) == ("audit-1", "request-1")
    assert "audit_id" not in after
    assert following["request_id"] == "request-2"


def test_what_breaks_is_told_with_what_it_was_about_and_nothing_later_is() -> None:
    heard = Heard()

    def break_down(of: str) -> None:
        if of != "nothing":
            heard.telemetry.name(audit_id=of)
        message = "busy"
        raise PostponedError(message)

    each_message(messages("audit-1", "nothing", "audit-2"), break_down, heard.telemetry)
    assert [line.get("audit_id") for line in heard.lines] == ["audit-1", None, "audit-2"]
    assert {line["level"] for line in heard.lines} == {"WARNING"}


@pytest.mark.parametrize("library", ["botocore.parsers", "botocore.endpoint", "urllib3.connectionpool"])
def test_no_library_prints_what_aws_answers_at_any_log_level(library: str, caplog: pytest.LogCaptureFixture) -> None:
    make_telemetry("my-stack")
    with caplog.at_level(logging.DEBUG):  # as Lambda sets the root logger where LogLevel is DEBUG
        logging.getLogger(library).debug("Response body: <userData>secret</userData>")
    assert caplog.records == []
