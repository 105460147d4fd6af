"""ZONE008: suspended processes."""

from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.checks import processes
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Severity, Status
from tests import builders as b
from tests.checks.judged import commands, finding

NAMED = ("Launch", "Terminate", "ReplaceUnhealthy", "HealthCheck")
both_kinds = pytest.mark.parametrize("build", [b.managed, b.self_managed])


def suspended(*names: str, build: Any = b.managed, **deviations: Any) -> Finding:  # noqa: ANN401  a builder, any field
    group = build(group={"suspended": frozenset(names)})
    return finding(processes.processes_suspended, group, **deviations)


@both_kinds
@pytest.mark.parametrize("process", NAMED)
def test_what_keeps_nodes_alive_is_high(build: Any, process: str) -> None:  # noqa: ANN401  a builder
    found = suspended(process, build=build)
    assert (found.status, found.severity) == (Status.FAILED, Severity.HIGH)
    assert f"{process} of " in found.reason
    assert f"--scaling-processes {process} # " in commands(found)[0]


@pytest.mark.parametrize(
    ("build", "expected"), [(b.managed, Severity.MEDIUM), (b.self_managed, Severity.INFORMATIONAL)]
)
def test_rebalancing_is_told_by_who_relies_on_it(build: Any, expected: Severity) -> None:  # noqa: ANN401  a builder
    found = suspended("AZRebalance", build=build)
    assert (found.status, found.severity) == (Status.FAILED, expected)
    assert suspended("AZRebalance", "Launch", build=build).severity is Severity.HIGH


ROLLING = ("HealthCheck", "ReplaceUnhealthy", "AZRebalance", "AlarmNotification", "ScheduledActions")


def test_what_a_rolling_update_suspends_counts_once_confirmed() -> None:
    """CloudFormation resumes it at the end; what is left behind is as bad as ever."""
    rolling = suspended(*ROLLING, build=b.self_managed)
    assert (rolling.severity, rolling.confirm) == (Severity.HIGH, True)
    assert not suspended(*ROLLING).confirm, "EKS replaces the nodes of a managed group"
    assert not suspended(*ROLLING, "Launch", build=b.self_managed).confirm
    assert not suspended(*ROLLING, "Terminate", build=b.self_managed).confirm
    assert not suspended(*ROLLING[:-1], build=b.self_managed).confirm


def test_only_managed_groups_are_said_to_rely_on_rebalancing() -> None:
    assert "on which updates of managed groups rely" in suspended("AZRebalance").reason
    assert "managed" not in suspended("AZRebalance", build=b.self_managed).reason
    assert "on which" not in suspended("Launch").reason


def test_the_fix_warns_of_what_resuming_may_do() -> None:
    warning = "AZRebalance, ReplaceUnhealthy or Terminate may then end nodes at once"
    assert commands(suspended("Terminate"))[0].endswith(warning)


def test_terminate_stops_the_autoscaler_too() -> None:
    assert "the autoscaler cannot scale in" in suspended("Terminate").reason
    assert "autoscaler" not in suspended("Launch").reason


@both_kinds
def test_other_processes_harm_nobody(build: Any) -> None:  # noqa: ANN401  a builder
    others = ("AlarmNotification", "ScheduledActions", "AddToLoadBalancer", "InstanceRefresh")
    assert suspended(*others, build=build).status is Status.PASSED
    assert suspended(build=build).status is Status.PASSED


def test_several_are_all_told_and_resumed_at_once() -> None:
    found = suspended("Launch", "AZRebalance", "AddToLoadBalancer", build=b.self_managed)
    assert """--scaling-processes '["Launch", "AZRebalance"]' # """ in commands(found)[0]
    assert "Launch of batch is suspended" in found.reason
    assert "AZRebalance of batch is suspended" in found.reason


def test_the_fix_is_for_the_worst_of_several_groups() -> None:
    still, stopped = (
        b.scaling_group("a", suspended=frozenset({"AZRebalance"})),
        b.scaling_group("b", suspended=frozenset({"Launch"})),
    )
    found = finding(processes.processes_suspended, b.managed(groups=(still, stopped)))
    assert found.severity is Severity.HIGH
    assert "--auto-scaling-group-name b --scaling-processes Launch # " in commands(found)[0]


@pytest.mark.parametrize(
    "changing",
    [
        {"status": "UPDATING"},
        {"modified_at": b.NOW - timedelta(minutes=29)},
        {"group": {"suspended": frozenset({"Launch"}), "refresh": "InProgress"}},
    ],
)
def test_an_update_is_waited_for(changing: dict[str, Any]) -> None:
    group = b.managed(**{"group": {"suspended": frozenset({"Launch"})}} | changing)
    assert finding(processes.processes_suspended, group).settling


def test_a_zonal_shift_is_waited_for() -> None:
    shifting = b.cluster(zonal_shift=True)
    found = suspended("AZRebalance", cluster=shifting)
    assert found.settling
    assert "zonal shift" in found.reason
    assert suspended("Launch", cluster=shifting).severity is Severity.HIGH


def test_not_applicable() -> None:
    assert suspended("Launch", cluster=b.cluster(outpost=True)).status is Status.NOT_APPLICABLE
    gone = b.managed(groups=(), status="CREATE_FAILED")
    assert finding(processes.processes_suspended, gone).status is Status.NOT_APPLICABLE
