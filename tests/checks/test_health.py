from typing import Any

import botocore.session
import pytest
from botocore.model import StringShape

from eks_auditor.checks.health import SHOWN, node_group_unhealthy
from eks_auditor.checks.node_group_issues import ISSUES, UNLISTED
from eks_auditor.model.capacity import HealthIssue
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Owner, Severity, Status
from tests.builders import managed
from tests.checks.judged import commands, finding


def judged(*issues: HealthIssue, **deviations: Any) -> Finding:  # noqa: ANN401  any field of a node group
    return finding(node_group_unhealthy, managed(health_issues=issues, **deviations))


def issue(code: str, message: str = "as AWS words it", *resources: str) -> HealthIssue:
    return HealthIssue(code=code, message=message, resource_ids=resources)


def shape(name: str) -> set[str]:
    found = botocore.session.get_session().get_service_model("eks").shape_for(name)
    assert isinstance(found, StringShape)
    return set(found.enum)


def test_every_code_of_botocore_has_its_meaning_and_its_fix() -> None:
    assert set(ISSUES) == shape("NodegroupIssueCode"), "botocore grew or lost a code: say what it means"
    assert len({word.meaning for word in ISSUES.values()}) == len(ISSUES)
    assert len({word.fix for word in ISSUES.values()}) == len(ISSUES)
    texts = [text for word in ISSUES.values() for text in word]
    assert all(text and not text.endswith(".") and "  " not in text for text in texts)


@pytest.mark.parametrize("status", sorted(shape("NodegroupStatus")))
def test_a_status_tells_without_any_issue(status: str) -> None:
    found = judged(status=status)

    broken = status in {"DEGRADED", "CREATE_FAILED", "DELETE_FAILED"}
    assert found.status is (Status.FAILED if broken else Status.PASSED)
    assert status in found.reason
    if broken:
        assert found.severity is Severity.HIGH
        assert commands(found)


@pytest.mark.parametrize("code", sorted(ISSUES))
def test_every_code_fails_with_its_meaning_and_its_fix(code: str) -> None:
    found = judged(issue(code))

    assert found.status is Status.FAILED
    assert f"{code} ({ISSUES[code].meaning}): as AWS words it" in found.reason
    assert [ISSUES[code].fix in text for text in commands(found, "guide")] == [True]
    internal = code == "InternalFailure"
    assert found.severity is (Severity.MEDIUM if internal else Severity.HIGH)
    assert found.owner is (Owner.AWS if internal else Owner.CUSTOMER)


@pytest.mark.parametrize("status", ["ACTIVE", "UPDATING", "CREATING", "DEGRADED"])
def test_an_issue_fails_whatever_else_goes_on(status: str) -> None:
    assert judged(issue("NodeCreationFailure"), status=status).severity is Severity.HIGH


def test_a_failure_of_eks_beside_another_is_the_customers() -> None:
    found = judged(issue("InternalFailure"), issue("AccessDenied"))

    assert (found.severity, found.owner) == (Severity.HIGH, Owner.CUSTOMER)
    assert found.evidence["codes"] == "InternalFailure, AccessDenied"


def test_a_code_that_nobody_knows_is_told_all_the_same() -> None:
    found = judged(issue("NodesOnFire", "they burn"))

    assert found.severity is Severity.HIGH
    assert f"NodesOnFire ({UNLISTED.meaning}): they burn" in found.reason


def test_an_issue_without_a_message_reads_well() -> None:
    assert judged(issue("Unknown", "")).reason.endswith("no message")


def test_resources_are_named_up_to_a_number_and_counted_in_full() -> None:
    found = judged(issue("AsgInstanceLaunchFailures", "no", *(f"i-{n}" for n in range(30)), "i-0"))

    resources = found.evidence["resources"]
    assert isinstance(resources, str)
    assert resources.split(", ") == [f"i-{n}" for n in range(SHOWN)]
    assert found.evidence["resource_count"] == 30


def test_issues_are_told_up_to_a_number_and_counted_in_full() -> None:
    found = judged(*(issue("AccessDenied", f"message {n}") for n in range(SHOWN + 3)))

    assert "with 23 health issues" in found.reason
    assert found.reason.endswith("; and 3 more")
    assert found.evidence["codes"] == "AccessDenied"


def test_what_aws_says_cannot_run_in_a_fix() -> None:
    found = judged(issue("AccessDenied", "`reboot`; rm -rf /", "$(reboot)"))

    assert not [fix for fix in found.fix if "reboot" in fix.command]
