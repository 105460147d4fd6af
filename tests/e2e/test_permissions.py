"""Each function's declared actions cover the calls it really made to the audited AWS."""

import pytest

from eks_auditor.wiring.permissions import ACTIONS
from local_aws.stage import Stage

pytestmark = pytest.mark.e2e


def test_every_call_was_declared_beside_its_code(audited: Stage) -> None:
    made: dict[str, set[str]] = {}
    for call in audited.audited.calls:
        role = call.caller.role or ""
        for function in ACTIONS:
            if f"-{function}Role-" in role:
                made.setdefault(function, set()).add(f"{call.service}:{call.operation}")
    assert {"AuditCluster", "ImportFindings", "PlanAudits"} <= made.keys()
    assert {function: calls - ACTIONS[function] for function, calls in made.items()} == {name: set() for name in made}


def test_other_accounts_are_entered_by_their_two_roles_only(audited: Stage) -> None:
    foreign = {call.caller.role for call in audited.audited.calls if call.account == "222222222222"}
    assert foreign <= {"eks-auditor-read", "eks-auditor-import"}
    assert "eks-auditor-read" in foreign
