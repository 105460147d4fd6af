"""The simulation that ZONE003's rule is held to, and its tables in the documentation."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from eks_auditor.findings.diff import CONFIRM_AFTER
from tests.spread import scale_down
from tests.spread.scale_down import ONE_GROUP, RULES, SETS, SIBLINGS, Set

PAGE = Path(__file__).resolve().parents[2] / "docs" / "zones.md"
MOST = 0.02
"""The share of false alarms from which on nobody looks any more."""


def block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?s)(?<=<!-- {name}: begin -->\n).*?(?=\n<!-- {name}: end -->)")


def of(layout: str) -> list[Set]:
    return [each for each in SETS if each.layout == layout]


def shares(rule: str, layout: str) -> dict[str, float]:
    return {f"{each.nodes} nodes in {each.zones} zones": scale_down.share(RULES[rule], each) for each in of(layout)}


@pytest.mark.parametrize(("name", "said"), [("simulation", scale_down.table), ("examples", scale_down.examples)])
def test_the_documentation_shows_what_the_simulation_says(name: str, said: Callable[[], str]) -> None:
    shown = said()
    if os.environ.get("UPDATE_GOLDENS"):
        PAGE.write_text(block(name).sub(lambda _: shown, PAGE.read_text(encoding="utf-8")), encoding="utf-8")

    assert block(name).findall(PAGE.read_text(encoding="utf-8")) == [shown]


def test_a_group_that_is_well_is_hardly_ever_told() -> None:
    assert {name: told for name, told in shares("ZONE003", ONE_GROUP).items() if told >= MOST} == {}


def test_siblings_that_are_well_are_hardly_ever_told() -> None:
    assert {name: told for name, told in shares("ZONE003", SIBLINGS).items() if told >= MOST} == {}


def test_the_other_rules_tell_much_of_what_is_well_or_nothing_of_what_is_not() -> None:
    for layout in (ONE_GROUP, SIBLINGS):
        told = shares("30 % off the mean", layout).values()
        assert sum(told) / len(told) > 0.15
    assert set(shares("a group in one zone", SIBLINGS).values()) == {1.0}
    assert set(shares("a group in one zone", ONE_GROUP).values()) == {0.0}


def test_the_second_audit_spares_a_group_that_is_just_being_evened_out() -> None:
    once, twice = shares("ZONE003, one audit", ONE_GROUP), shares("ZONE003", ONE_GROUP)
    assert sum(twice.values()) < sum(once.values()) / 2
    assert scale_down.AUDIT_EVERY >= CONFIRM_AFTER


@pytest.mark.parametrize("each", SETS, ids=str)
def test_the_sets_are_really_scaled_down(each: Set) -> None:
    nights = list(each.nights())
    totals = [[sum(counts) for counts in night] for night in nights]

    assert nights == list(each.nights()), "chance is the same every time"
    assert len(nights) == scale_down.NIGHTS
    assert {len(night) for night in nights} == {8}
    assert all(night == sorted(night, reverse=True) for night in totals), "nothing is scaled up"
    assert all(each.nodes // 4 <= night[-1] < each.nodes for night in totals)
    assert sum(night[-1] for night in totals) < 0.75 * each.nodes * len(totals), "many are scaled down deeply"


@pytest.mark.parametrize("zones", scale_down.ZONES)
def test_where_the_autoscaler_removes_nodes_is_chance(zones: int) -> None:
    """Else the shares would say nothing: no zone loses more than the others, over many nights."""
    night_of = Set(SIBLINGS, zones, 60)
    left = [sum(night[-1][zone] for night in night_of.nights()) for zone in range(zones)]
    assert max(left) - min(left) < 0.1 * sum(left) / zones
