from collections.abc import Sequence
from typing import Any

import pytest

from eks_auditor.spread.balance import Balance
from tests.builders import ZONES, instances, managed, self_managed


def balance_of(*counts: int, **group: Any) -> Balance:  # noqa: ANN401  any field of a group
    """One group with these nodes in its zones."""
    zones = [f"euw1-az{n + 1}" for n in range(len(counts))]
    found = [zone for zone, count in zip(zones, counts, strict=True) for _ in range(count)]
    return Balance.of_groups([managed(zones=zones, group={"instances": instances(found)} | group)])


def bound(counts: Sequence[int], desired: Sequence[int] | None = None) -> Balance:
    """A group for each zone."""
    return Balance.of_groups(
        [
            managed(f"web-{n}", zones=[f"euw1-az{n + 1}"], size=count, group={"desired": wish})
            for n, (count, wish) in enumerate(zip(counts, desired or counts, strict=True))
        ]
    )


def optimal(nodes: int, zones: int) -> list[int]:
    return [nodes // zones + (zone < nodes % zones) for zone in range(zones)]


@pytest.mark.parametrize("zones", range(1, 7))
def test_an_optimal_spread_is_never_blamed(zones: int) -> None:
    for nodes in range(1, 61):
        counts = optimal(nodes, zones)
        for balance in (balance_of(*counts), bound(counts), balance_of(*counts, suspended=frozenset({"AZRebalance"}))):
            assert not balance.skewed, counts
            assert all(balance.idle(zone) for zone in balance.empty), counts


@pytest.mark.parametrize(
    ("counts", "skewed"),
    [
        ((3, 1), True),
        ((2, 1), False),
        ((2, 2), False),
        ((4, 2, 2), True),
        ((3, 1, 1), False),
        ((12, 10, 10), False),
        ((13, 11, 10), True),
        ((12, 10, 8), True),
        ((11, 10, 9), False),
        ((6, 5, 4), True),
        ((6, 5, 5), False),
        ((5, 0), True),
    ],
)
def test_skew_of_a_rebalanced_group(counts: tuple[int, ...], *, skewed: bool) -> None:
    assert balance_of(*counts).skewed is skewed


@pytest.mark.parametrize(
    ("counts", "skewed"),
    [
        ((3, 1), False),
        ((9, 3), False),
        ((10, 2), True),
        ((4, 2, 2), False),
        ((6, 3, 3), False),
        ((7, 3, 2), False),
        ((8, 2, 2), True),
        ((15, 8, 7), False),
        ((16, 7, 7), True),
        ((49, 26, 25), False),
        ((50, 25, 25), True),
        ((13, 11, 10), False),
    ],
)
def test_several_groups_and_suspended_ones_are_given_half_as_much_again_and_what_chance_gives(
    counts: tuple[int, ...], *, skewed: bool
) -> None:
    assert bound(counts).skewed is skewed
    assert balance_of(*counts, suspended=frozenset({"AZRebalance"})).skewed is skewed


def test_zones_empty_on_purpose_are_left_out_of_the_mean() -> None:
    assert not bound((6, 6, 0)).skewed
    assert bound((10, 2, 0)).skewed


def test_a_configured_zone_without_nodes_counts() -> None:
    assert balance_of(2, 1, 0).empty == ("euw1-az3",)
    assert balance_of(1, 1, 0).empty == ()


def test_only_instances_in_service_count() -> None:
    states = [*instances(ZONES, lifecycle_state="Warmed:Running"), *instances(ZONES[:1])]
    states += [*instances(ZONES, lifecycle_state="Terminating:Wait"), *instances(ZONES, lifecycle_state="Standby")]
    assert Balance.of_groups([self_managed(group={"instances": tuple(states)})]).total == 1


def test_local_zones_are_not_counted() -> None:
    local = "usw2-lax1-az1"
    balance = Balance.of_groups([self_managed(zones=["usw2-az1", local], size=4)])
    assert balance.nodes == {"usw2-az1": 2}
