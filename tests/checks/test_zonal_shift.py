"""ZONE009: whether EKS may shift a cluster away from a zone; told in reports only."""

from typing import Any

import pytest

from eks_auditor.checks import CATALOGUE, zonal_shift
from eks_auditor.findings.judge import judge
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Severity, Status
from tests import builders as b

A, B, C = b.ZONES


def shift(*capacities: Any, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    (found,) = judge(b.snapshot(*capacities, **deviations), [zonal_shift.zonal_shift_not_enabled])
    return found


@pytest.mark.parametrize(
    "capacity",
    [b.managed(), b.managed(zones=[A, B]), b.fargate(), b.node_pool(), b.standalone(nodes=b.managed().nodes)],
)
def test_a_cluster_in_several_zones_may_allow_it(capacity: Any) -> None:  # noqa: ANN401  any capacity
    found = shift(capacity)
    assert (found.status, found.severity, found.subject.kind) == (Status.FAILED, Severity.INFORMATIONAL, "cluster")
    assert shift(capacity, cluster=b.cluster(zonal_shift=True)).status is Status.PASSED


def test_the_fix_turns_it_on() -> None:
    commands = [fix.command for fix in shift().fix]
    assert "aws eks update-cluster-config --region eu-west-1 --name shop --zonal-shift-config enabled=true" in commands
    assert "eksctl utils update-zonal-shift-config --region eu-west-1 --cluster shop --enabled" in commands


def test_in_one_zone_there_is_nowhere_to_shift_to() -> None:
    assert shift(b.managed(zones=[A])).status is Status.NOT_APPLICABLE
    assert shift(b.managed(zones=[A]), b.managed("db", groups=b.gap())).status is Status.UNKNOWN
    assert shift(b.managed(), b.managed("db", groups=b.gap())).status is Status.FAILED


def test_an_outpost_is_one_place() -> None:
    assert shift(cluster=b.cluster(outpost=True)).status is Status.NOT_APPLICABLE


def test_it_alone_is_for_reports_only() -> None:
    assert [check.id for check in CATALOGUE if check.reports_only] == ["ZONE009"]
