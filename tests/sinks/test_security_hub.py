from typing import Any

import pytest
from botocore.exceptions import ClientError

from eks_auditor.model.history import Change
from eks_auditor.sinks.asff import asff
from eks_auditor.sinks.security_hub import BATCH_BYTES, Imported, SecurityHub
from tests.builders import CLUSTER_ID, NOW
from tests.sinks.fakes import FakeSecurityHub, refused
from tests.sinks.transitions import AUDIT_ID, days_later, transition, transitions


def findings(count: int) -> list[dict[str, Any]]:
    return [asff(each, cluster=CLUSTER_ID, audit_id=AUDIT_ID, taken_at=NOW) for each in transitions(count)]


def imported(hub: FakeSecurityHub, made: list[dict[str, Any]]) -> Imported:
    return SecurityHub(hub).import_findings(made)  # type: ignore[arg-type]  # a fake of the one call


def test_a_call_carries_a_hundred_findings_at_most() -> None:
    hub = FakeSecurityHub()
    made = findings(230)
    assert imported(hub, made).accepted == tuple(finding["Id"] for finding in made)
    assert [len(call) for call in hub.calls] == [100, 100, 30]
    assert len(hub.findings) == 230


def test_a_call_carries_six_megabytes_at_most() -> None:
    hub = FakeSecurityHub()
    made = findings(60)
    for finding in made:
        finding["Resources"][0]["Details"]["Other"]["Padding"] = "x" * (BATCH_BYTES // 25)
    assert len(imported(hub, made).accepted) == 60
    assert [len(call) for call in hub.calls] == [24, 24, 12]


def test_nothing_to_import_is_no_call() -> None:
    hub = FakeSecurityHub()
    assert imported(hub, []) == Imported((), (), ())
    assert hub.calls == []


def test_what_a_batch_refuses_is_asked_for_once_more_by_itself() -> None:
    made = findings(5)
    ids = [finding["Id"] for finding in made]
    hub = FakeSecurityHub(refuse={ids[1]: 1, ids[3]: 9})
    outcome = imported(hub, made)
    assert outcome.accepted == (ids[0], ids[1], ids[2], ids[4])
    assert [str(each) for each in outcome.refused] == [f"{ids[3]}: InternalError: try again"]
    assert hub.calls == [ids, [ids[1]], [ids[3]]]


def test_one_malformed_finding_does_not_take_its_batch_with_it() -> None:
    made = findings(3)
    ids = [finding["Id"] for finding in made]
    outcome = imported(FakeSecurityHub(malformed={ids[1]}), made)
    assert outcome.accepted == (ids[0], ids[2])
    assert [(each.finding_id, each.code) for each in outcome.refused] == [(ids[1], "InvalidInputException")]


@pytest.mark.parametrize("raises", [False, True])
def test_a_hub_that_is_not_enabled_is_an_answer_and_not_asked_again(raises: bool) -> None:  # noqa: FBT001  a parameter of the test
    hub = FakeSecurityHub(enabled=False, raises=raises)
    made = findings(3)
    assert imported(hub, made) == Imported((), tuple(finding["Id"] for finding in made), ())
    assert len(hub.calls) == 1


def test_a_throttled_call_is_not_cut_into_more_calls() -> None:
    class Throttled(FakeSecurityHub):
        def batch_import_findings(self, *, Findings: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  botocore's word
            self.calls.append([finding["Id"] for finding in Findings])
            raise refused(error="TooManyRequestsException", call="BatchImportFindings")

    hub = Throttled()
    with pytest.raises(ClientError, match="TooManyRequests"):
        imported(hub, findings(3))
    assert len(hub.calls) == 1


def test_late_and_repeated_messages_change_nothing() -> None:
    """By AWS's own rule: an older or equal UpdatedAt is ignored."""
    hub = FakeSecurityHub()
    opened = asff(transition(), cluster=CLUSTER_ID, audit_id=AUDIT_ID, taken_at=NOW)
    resolved = asff(transition(change=Change.RESOLVED), cluster=CLUSTER_ID, audit_id=AUDIT_ID, taken_at=days_later(1))
    for late in (opened, resolved, opened, resolved):
        imported(hub, [late])
    assert hub.findings[opened["Id"]]["RecordState"] == "ARCHIVED"
