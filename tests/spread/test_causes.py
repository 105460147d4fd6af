"""What keeps nodes out of a zone: each visible cause is named."""

from typing import Any

import pytest

from eks_auditor.spread.causes import causes
from tests import builders as b

A, B, C = b.ZONES


def named(group: dict[str, Any] | None = None, **deviations: Any) -> tuple[str, ...]:  # noqa: ANN401  any field
    found = b.scaling_group("batch", **(group or {}))
    return causes(C, [found], b.snapshot(**deviations))


@pytest.mark.parametrize(
    ("group", "deviations", "cause"),
    [
        ({"suspended": frozenset({"Launch"})}, {}, "Launch of batch is suspended"),
        ({"suspended": frozenset({"AZRebalance"})}, {}, "AZRebalance of batch is suspended"),
        (
            {"suspended": frozenset({"AZRebalance"})},
            {"cluster": b.cluster(zonal_shift=True)},
            "AZRebalance of batch is suspended, by hand or by a zonal shift",
        ),
        (
            {"failed_launches": (b.failed_launch(C, message="VcpuLimitExceeded - no."), b.failed_launch(A))},
            {},
            f"1 launch of batch failed in {C} in 24 hours, the last with: VcpuLimitExceeded - no",
        ),
        (
            {"subnets": (b.subnet(A), b.subnet(C, free_addresses=3))},
            {},
            f"subnet-{C} has 3 free addresses",
        ),
        (
            {},
            {"offered_zones": {"m7i.large": frozenset({A, B})}},
            f"{C} offers none of the instance types of batch",
        ),
    ],
    ids=["suspended process", "AZRebalance off", "zonal shift", "failed launches", "exhausted subnet", "not offered"],
)
def test_each_visible_cause_is_named(group: dict[str, Any], deviations: dict[str, Any], cause: str) -> None:
    assert named(group, **deviations) == (cause,)


def test_a_healthy_zone_has_none() -> None:
    assert named() == ()


@pytest.mark.parametrize(
    ("group", "deviations"),
    [
        ({"failed_launches": b.gap()}, {}),
        ({"subnets": b.gap()}, {}),
        ({"launch": b.gap()}, {}),
        ({"launch": b.launch(instance_types=())}, {}),
        ({}, {"offered_zones": {"m7i.large": b.gap()}}),
        ({}, {"offered_zones": {}}),
    ],
)
def test_what_could_not_be_read_is_no_cause(group: dict[str, Any], deviations: dict[str, Any]) -> None:
    assert named(group, **deviations) == ()


def test_a_subnet_with_room_beside_a_full_one_is_no_cause() -> None:
    assert named({"subnets": (b.subnet(C, free_addresses=3), b.subnet(C, id="subnet-2"))}) == ()


def test_other_processes_are_no_cause() -> None:
    assert named({"suspended": frozenset({"Terminate", "HealthCheck"})}, cluster=b.cluster(zonal_shift=True)) == ()


def test_several_groups_tell_each_its_own() -> None:
    groups = [b.scaling_group(name, suspended=frozenset({"Launch"})) for name in ("one", "two")]
    assert causes(C, groups, b.snapshot()) == ("Launch of one is suspended", "Launch of two is suspended")
