"""AMI009: nodes that have run for too long."""

from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.checks.nodes import long_lived_nodes
from eks_auditor.model.capacity import GroupInstance
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Owner, Severity, Status
from tests.builders import (
    NOW,
    days_ago,
    gap,
    instances,
    managed,
    node,
    node_pool,
    self_managed,
    standalone,
)
from tests.checks.judged import commands, finding

MOMENT = timedelta(seconds=1)
HOUR = timedelta(hours=1)
GROUPS = pytest.mark.parametrize("group", [managed, self_managed])


def auto_mode(**deviations: Any) -> Any:  # noqa: ANN401  any field of a pool
    return node_pool(kind="auto-mode", **deviations)


EVERY_KIND = pytest.mark.parametrize(
    ("build", "days", "severity", "owner"),
    [
        (managed, 90, Severity.LOW, Owner.CUSTOMER),
        (self_managed, 90, Severity.LOW, Owner.CUSTOMER),
        (node_pool, 90, Severity.LOW, Owner.CUSTOMER),
        (standalone, 90, Severity.LOW, Owner.CUSTOMER),
        (auto_mode, 21, Severity.MEDIUM, Owner.SHARED),
    ],
    ids=["managed", "self-managed", "karpenter", "standalone", "auto-mode"],
)


def judged(capacity: Any) -> Finding:  # noqa: ANN401  any capacity
    return finding(long_lived_nodes, capacity)


@EVERY_KIND
def test_a_node_may_live_to_its_last_moment(build: Any, days: int, severity: Severity, owner: Owner) -> None:  # noqa: ANN401  a builder
    limit = timedelta(days=days) + (HOUR if owner is Owner.SHARED else timedelta())  # AWS needs a while to end a node
    nodes = (node(1), node(2, launched_at=NOW - limit + MOMENT))

    before = judged(build(nodes=nodes))
    after = judged(build(nodes=(node(1), node(2, launched_at=NOW - limit))))

    assert (before.status, before.due_at, before.owner) == (Status.PASSED, NOW + MOMENT, owner)
    assert (after.status, after.severity, after.owner) == (Status.FAILED, severity, owner)
    assert f"nodes launched more than {days} days ago: 1 of 2, the oldest {days} days ago" in after.reason
    assert after.due_at is None
    assert commands(after)


@EVERY_KIND
def test_without_nodes_nothing_is_too_old(build: Any, days: int, severity: Severity, owner: Owner) -> None:  # noqa: ANN401, ARG001  a builder; the table's other columns
    assert judged(build(nodes=())).status is Status.NOT_APPLICABLE


def test_20_nodes_are_named_the_oldest_first_and_all_are_counted() -> None:
    nodes = tuple(node(n, launched_at=days_ago(100 + n)) for n in range(1, 26))

    found = judged(managed(size=25, nodes=nodes))

    named = str(found.evidence["node_ids"]).split(", ")
    assert (found.evidence["nodes"], len(named)) == (25, 20)
    assert named[0] == found.evidence["oldest_node"] == node(25).id
    assert found.evidence["oldest_days"] == 125
    assert found.evidence["oldest_launched_at"] == days_ago(125).isoformat()


def test_it_needs_nothing_but_the_nodes_and_which_of_them_serve() -> None:
    old = (node(launched_at=days_ago(100)),)

    assert judged(managed(nodes=old, groups=gap())).status is Status.UNKNOWN
    assert judged(managed(nodes=(), groups=gap())).status is Status.NOT_APPLICABLE
    assert judged(self_managed(nodes=old, group={"launch": gap()})).status is Status.FAILED


@GROUPS
@pytest.mark.parametrize("state", ["Warmed:Stopped", "Warmed:Running", "Standby", "Terminating:Wait"])
def test_of_a_group_only_nodes_in_service_count(group: Any, state: str) -> None:  # noqa: ANN401  a builder
    idle = GroupInstance(id=node(1).id, zone_id="euw1-az1", lifecycle_state=state)
    of = {"instances": (idle, *instances(["euw1-az2"], first=2))}
    old = node(1, launched_at=days_ago(100))

    found = judged(group(group=of, nodes=(old, node(2))))

    assert found.status is Status.PASSED
    assert found.reason.startswith("nodes: 1,")
    assert judged(group(group=of, nodes=(old,))).status is Status.NOT_APPLICABLE


def test_an_update_does_not_make_a_node_younger() -> None:
    assert judged(managed(status="UPDATING", nodes=(node(launched_at=days_ago(100)),))).status is Status.FAILED


def test_a_fargate_profile_has_no_nodes_of_its_own() -> None:
    assert {subject.__name__ for subject in long_lived_nodes.subjects} == {
        "ManagedNodeGroup",
        "SelfManagedGroup",
        "NodePool",
        "StandaloneNodes",
    }


def test_a_self_managed_group_gets_a_lifetime() -> None:
    found = judged(self_managed(nodes=(node(launched_at=days_ago(100)),)))

    assert any("--max-instance-lifetime 7776000" in way for way in commands(found))
    assert [way.split(":")[0] for way in commands(found, "guide")] == ["migrate", "in place"]
