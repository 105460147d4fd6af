from datetime import timedelta

import pytest

from eks_auditor.model.capacity import ManagedNodeGroup, NodePool, SelfManagedGroup
from eks_auditor.model.gap import UnreadableError
from eks_auditor.spread.updating import updating
from tests.builders import NOW, cluster, fargate, gap, managed, node, node_pool, self_managed, snapshot, standalone

MINUTE = timedelta(minutes=1)
SHIFTABLE = cluster(zonal_shift=True)
STILL = {"suspended": frozenset({"AZRebalance"})}


@pytest.mark.parametrize("capacity", [managed(), self_managed(), node_pool(), fargate(), standalone()])
def test_healthy_capacity_is_not_updating(capacity: ManagedNodeGroup) -> None:
    assert updating(capacity, snapshot(capacity)) is None


@pytest.mark.parametrize("status", ["CREATING", "UPDATING", "DELETING"])
def test_a_status_of_change_has_no_known_end(status: str) -> None:
    update = updating(managed(status=status), snapshot())
    assert update is not None
    assert status in update.reason
    assert update.due_at is None


@pytest.mark.parametrize("status", ["ACTIVE", "DEGRADED", "CREATE_FAILED", "DELETE_FAILED"])
def test_other_statuses_are_not_updating(status: str) -> None:
    assert updating(managed(status=status), snapshot()) is None


def test_it_settles_for_thirty_minutes() -> None:
    just = updating(managed(modified_at=NOW - 29 * MINUTE), snapshot())
    assert just is not None
    assert just.due_at == NOW + MINUTE
    assert "29 min" in just.reason
    assert updating(managed(modified_at=NOW - 30 * MINUTE), snapshot()) is None


@pytest.mark.parametrize("build", [managed, self_managed])
def test_an_instance_refresh_is_an_update(build: type[ManagedNodeGroup]) -> None:
    group = build(group={"refresh": "Baking"})  # type: ignore[call-arg]  # a builder, not the class
    update = updating(group, snapshot(group))
    assert update is not None
    assert "Baking" in update.reason


def test_an_unread_refresh_is_not_taken_for_none() -> None:
    with pytest.raises(UnreadableError, match="DescribeInstanceRefreshes"):
        updating(managed(group={"refresh": gap("autoscaling:DescribeInstanceRefreshes")}), snapshot())


def test_a_zonal_shift_shows_in_a_suspended_rebalance() -> None:
    shifted = managed(group=STILL)
    update = updating(shifted, snapshot(shifted, cluster=SHIFTABLE))
    assert update is not None
    assert "zonal shift" in update.reason
    assert updating(shifted, snapshot(shifted)) is None
    assert updating(managed(), snapshot(managed(), cluster=SHIFTABLE)) is None


@pytest.mark.parametrize("other", [self_managed(), node_pool()])
def test_a_shift_of_all_managed_groups_is_one_of_all_capacity(other: SelfManagedGroup | NodePool) -> None:
    shifted = managed(group=STILL)
    assert updating(other, snapshot(shifted, other, cluster=SHIFTABLE)) is not None
    assert updating(other, snapshot(shifted, managed("calm"), other, cluster=SHIFTABLE)) is None
    assert updating(other, snapshot(other, cluster=SHIFTABLE)) is None


def test_people_suspend_rebalancing_of_their_own_groups() -> None:
    own = self_managed(group=STILL)
    assert updating(own, snapshot(own, managed(), cluster=SHIFTABLE)) is None


def pool(*ages: float) -> NodePool:
    return node_pool(nodes=tuple(node(n, launched_at=NOW - age * MINUTE) for n, age in enumerate(ages)))


@pytest.mark.parametrize(
    ("ages", "left"),
    [
        ((), None),
        ((5,), 55),
        ((59.5,), 0.5),
        ((60,), None),
        ((5, 999, 999, 999), 55),
        ((5, 999, 999, 999, 999), None),
        ((5, 20, 999, 999, 999), 40),
        ((5, 20, 21, 999, 999), 40),
        ((5, 35, 999, 999, 999), None),
        ((5, 34, 999, 999, 999), 26),
        ((40, 45, 999, 999, 999), 15),
    ],
)
def test_a_pool_of_which_more_than_a_fifth_is_young_settles(ages: tuple[float, ...], left: float | None) -> None:
    update = updating(pool(*ages), snapshot())
    assert (update.due_at if update else None) == (None if left is None else NOW + left * MINUTE)
