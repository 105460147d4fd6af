"""The drill as a document and as a table: the numbers, what is not judged, and what could not be read."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from eks_auditor.report.drill import ASSUMPTIONS, DrilledCluster, NoSuchZoneError, drill_document, render_drill_json
from eks_auditor.report.drill_table import render_drill_table
from tests.builders import (
    ZONES,
    cluster,
    fargate,
    gap,
    instance_type,
    instances,
    managed,
    node,
    self_managed,
    snapshot,
    standalone,
    subnet,
)

A, B, C = ZONES
SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "drill-1.json"
HOSTILE = "v\x1b[2J\x1b]0;owned\x07\u202e\n[bold]"
LOCAL = "euw1-lon1-az1"

WEB = managed("web", zones=ZONES, size=6)
BATCH = managed("batch", zones=ZONES, size=3, group={"min_size": 0}, labels={"tier": "batch-nodes"})
ALONE = managed("alone", zones=[A], size=3, labels={"tier": "alone-nodes"})
UNREADABLE = managed("dark", groups=gap("autoscaling:DescribeAutoScalingGroups", "dark", "AccessDenied: no"))


def drilled(*capacities: Any, **deviations: Any) -> DrilledCluster:  # noqa: ANN401  any capacity, any field
    return DrilledCluster.of(snapshot(*capacities, **deviations))


def table(*capacities: Any, **deviations: Any) -> str:  # noqa: ANN401  any capacity, any field
    return render_drill_table(drilled(*capacities, **deviations))


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.startswith("euw1-az")]


# Zones


@pytest.mark.parametrize("text", ["euw1-az2", "EUW1-AZ2", "eu-west-1b"])
def test_a_zone_goes_by_its_id_and_by_its_name(text: str) -> None:
    whole = drilled(WEB)
    assert whole.without([text]).drill.zones == (B,)
    assert whole.drill.zones == ZONES


def test_a_zone_that_only_a_groups_subnets_name() -> None:
    unread = drilled(WEB, vpc_subnets=gap("ec2:DescribeSubnets"))
    assert unread.without(["eu-west-1c"]).drill.zones == (C,)


def test_a_zone_without_a_name() -> None:
    lone = drilled(standalone(nodes=(node(1, A),)), vpc_subnets=())
    assert drill_document(lone)["zones"] == [{"id": A, "name": None}]
    assert "In this account" not in render_drill_table(lone)
    with pytest.raises(NoSuchZoneError, match=r"'eu-west-1a'.*: its zones are euw1-az1$"):
        lone.without(["eu-west-1a"])


def test_another_zone_is_answered_with_those_there_are() -> None:
    with pytest.raises(NoSuchZoneError) as refused:
        drilled(ALONE).without([A, B])
    said = "shop has no nodes in a zone 'euw1-az2', and nothing that would launch any there"
    assert str(refused.value) == f"{said}: its zones are euw1-az1 (eu-west-1a)"


# The document


@pytest.mark.parametrize(
    "capacities", [(), (WEB, BATCH, ALONE), (fargate(),), (standalone(),), (WEB, UNREADABLE)], ids=range(5)
)
def test_every_document_follows_the_schema(capacities: tuple[Any, ...]) -> None:
    text = render_drill_json(drilled(*capacities))
    jsonschema.validate(json.loads(text), json.loads(SCHEMA.read_text()))


def test_a_set_tells_its_members_and_its_losses() -> None:
    pair = [managed(name, zones=[zone], size=2) for name, zone in (("web-a", A), ("web-b", B))]
    document = drill_document(drilled(*pair))
    [found] = document["sets"]
    assert found["sibling_set"] is not None
    assert [member["name"] for member in found["sibling_set"]["members"]] == ["web-a", "web-b"]
    assert (found["judged"], found["note"], found["ideal"]) == (True, None, 0.5)
    [first, _] = found["losses"]
    two = {"nodes": 2, "vcpus": 4, "memory_mib": 16384}
    assert (first["zone_id"], first["lost"], first["left"]) == (A, two, two)
    assert bool(first["blocked_by"]) == (first["regrown"] != two)
    assert document["assumptions"] == list(ASSUMPTIONS)


def test_what_is_in_no_set_says_why_it_is_not_judged() -> None:
    found = drill_document(drilled(standalone(nodes=(node(1, A), node(2, B)))))["sets"]
    assert [(each["sibling_set"], each["judged"]) for each in found] == [(None, False)]
    assert found[0]["note"] == "no group launches these nodes again"


def test_what_could_not_be_read_is_named_as_people_call_it() -> None:
    assert drilled(WEB).hidden == ()
    unread = (node(1, A), node(2, B, instance_type="g6.xlarge"))
    set_of_two = [managed(name, group={"instances": instances((A, B))}, nodes=unread) for name in ("web-a", "web-b")]
    hidden = [what for what, _ in drilled(*set_of_two, UNREADABLE).hidden]
    assert sorted(hidden) == ["dark (managed)", "web-a, web-b"]


def test_a_kind_that_is_incomplete_is_named() -> None:
    everything = snapshot(WEB)
    partly = snapshot(WEB, complete={**everything.complete, "karpenter": False})
    assert [what for what, _ in DrilledCluster.of(partly).hidden] == ["some karpenter capacity"]


# The table


def test_a_row_tells_lost_left_and_regrown_to() -> None:
    text = table(WEB)
    mine = [A, "2", "4", "6", "4", "8", "12", "16", "32", "48"]
    assert rows(text)[0] == mine
    assert rows(text)[3] == mine, "the sum of one set is that set"
    assert "blocked by" not in text
    assert "At worst, without euw1-az1, 6 of 6 nodes are left or grow again." in text


def test_halves_of_a_gib_are_told() -> None:
    small = {"m7i.large": instance_type(memory_mib=512)}
    assert rows(table(WEB, instance_types=small))[0][-3:] == ["1", "2", "3"]
    assert rows(table(managed(zones=ZONES, size=3), instance_types=small))[0][-3:] == ["0.5", "1", "1.5"]


def test_columns_hold_the_widest_numbers_in_line() -> None:
    huge = {"m7i.large": instance_type(vcpus=192_000, memory_mib=786_432_000)}
    text = table(WEB, BATCH, instance_types=huge)
    numbers = [line for line in text.splitlines() if line.startswith(("WITHOUT", "euw1-az"))]
    assert len({len(line) for line in numbers}) == 1
    assert len(rows(text)[0]) == 10


def test_what_blocks_stands_below_its_row() -> None:
    text = table(ALONE)
    lines = text.splitlines()
    below = lines[next(number for number, line in enumerate(lines) if line.startswith(A)) + 1]
    assert below == "  blocked by no sibling in another zone"
    assert "Without euw1-az1, 0 of 3 nodes are left or grow again. Sets that do not regrow" in text
    assert "in full: 1 of 1." in text


def test_what_is_not_judged_comes_last_with_its_reason_and_is_added_up() -> None:
    judged, _, others = table(BATCH, WEB).partition("Listed and added up, but not judged by ZONE004")
    assert "web  6 nodes" in judged
    assert "batch  3 nodes\n  it may be scaled to zero (minimum size 0)\n" in others
    assert rows(others)[-1][:4] == [C, "3", "6", "9"]
    assert "Listed and added up" not in table(WEB)


def test_a_set_without_nodes_has_no_rows() -> None:
    empty = managed("idle", zones=ZONES, size=0, group={"instances": (), "desired": 0}, labels={"tier": "idle-nodes"})
    part = table(WEB, empty).partition("idle  0 nodes")[2].partition("All of shop")[0]
    assert part.strip() == "it has no nodes in Availability Zones now"


def test_a_set_that_is_elsewhere_says_so() -> None:
    text = render_drill_table(drilled(WEB, managed("bound", zones=[A, B], labels={"w": "b"})).without([C]))
    assert "bound  3 nodes\n  none of it is there, and none would be launched there\n" in text
    assert "Without euw1-az3, " in text


def test_nodes_in_local_zones_are_told_apart() -> None:
    lone = standalone(nodes=(node(1, A), node(2, LOCAL)))
    assert "  1 node, and 1 in Local or Wavelength Zones, not counted" in table(lone)


def test_a_cluster_without_nodes_has_no_numbers() -> None:
    text = table(fargate())
    assert rows(text) == []
    assert "WITHOUT" not in text
    assert "No node is in an Availability Zone, and none would be launched in one." in text
    assert "Fargate: AWS runs its pods" in text


def test_one_missing_permission_is_explained_once() -> None:
    dark = [managed(name, groups=gap("autoscaling:Describe", "eu-west-1", "AccessDenied: no")) for name in "abc"]
    text = table(*dark)
    assert (
        "a (managed), b (managed), c (managed): autoscaling:Describe on eu-west-1: AccessDenied: no No node"
        in " ".join(text.split())
    )
    assert text.count("AccessDenied") == 1
    assert "No node that could be read is in an Availability Zone" in text


def test_the_assumptions_are_told() -> None:
    assert "; ".join(ASSUMPTIONS) in " ".join(table(WEB).split())


def test_it_fits_80_columns() -> None:
    many = managed("x" * 90, zones=ZONES, size=900, group={"desired": 600})
    text = table(many, self_managed("z" * 60))
    assert "blocked by desired reached" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_other_peoples_words_cannot_break_the_terminal() -> None:
    hostile = managed(HOSTILE, zones=[A, B], group={"suspended": frozenset({"Launch"})})
    dark = managed("dark", groups=gap(HOSTILE, HOSTILE, HOSTILE))
    named = subnet(A, zone_name=HOSTILE)
    text = table(hostile, dark, vpc_subnets=(named,), cluster=cluster(version=HOSTILE))
    assert all(character.isprintable() for character in text.replace("\n", ""))
    assert "[bold]" in text, "a name is no markup"


def test_colours_are_for_terminals() -> None:
    assert "\x1b[" in render_drill_table(drilled(ALONE), colour=True)
    assert "\x1b" not in table(ALONE)


def test_long_lists_are_cut_in_the_table_and_whole_in_the_document() -> None:
    many = [managed(f"g-{number}", zones=[B], size=2, group={"max_size": 2}) for number in range(40)]
    whole = drilled(managed("web", zones=[A], size=2), *many)
    assert "and 34 more" in " ".join(render_drill_table(whole).split())
    assert max(len(loss["blocked_by"]) for loss in drill_document(whole)["totals"]) == len(many)
    dark = [managed(f"dark-{number}", groups=gap("a:B", "c", "no")) for number in range(40)]
    assert "and 34 more: " in " ".join(table(WEB, *dark).split())


def test_the_sentence_says_that_something_is_hidden() -> None:
    assert "6 of 6 nodes that could be read are left" in " ".join(table(WEB, UNREADABLE).split())
    assert "that could be read" not in table(WEB)


def test_surplus_is_not_counted_as_not_regrowing() -> None:
    surplus = managed("web", zones=ZONES, size=7, group={"desired": 6})
    assert "Sets that do not regrow in full: 0 of 1" in " ".join(table(surplus).split())
