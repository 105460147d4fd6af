"""ZONE005: a type that a zone does not offer. ZONE007: too few nodes to spread."""

from typing import Any

import pytest

from eks_auditor.checks import offerings
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Severity, Status
from tests import builders as b
from tests.checks.judged import commands, finding

A, B, C = b.ZONES
LOCAL = "euw1-lon1-az1"
both_kinds = pytest.mark.parametrize("build", [b.managed, b.self_managed])


def offered(*capacities: Any, **zones: tuple[str, ...]) -> Finding:  # noqa: ANN401  any capacity
    """Judge with the zones that offer each type, its dots written as underscores."""
    known = {name.replace("_", "."): frozenset(found) for name, found in zones.items()}
    return finding(offerings.type_not_offered, *capacities, offered_zones=known)


def few(*capacities: Any, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    return finding(offerings.too_few_nodes_to_spread, *capacities, **deviations)


def of_types(*types: str) -> dict[str, Any]:
    return {"launch": b.launch(instance_types=types)}


class TestTypeNotOffered:
    @both_kinds
    def test_a_zone_that_offers_none_of_the_types(self, build: Any) -> None:  # noqa: ANN401  a builder
        found = offered(build(), m7i_large=(A, B))
        assert (found.status, found.severity) == (Status.FAILED, Severity.MEDIUM)
        assert found.reason == f"{C} offers none of the instance types of {found.subject.name}: m7i.large"
        assert found.evidence["zone"] == C

    def test_one_of_the_types_is_enough(self) -> None:
        group = b.managed(group=of_types("m7i.large", "m6i.large"))
        assert offered(group, m7i_large=(A, B), m6i_large=(C,)).status is Status.PASSED
        assert offered(group, m7i_large=(A, B), m6i_large=(A,)).status is Status.FAILED

    def test_zones_of_others_and_local_zones_do_not_count(self) -> None:
        assert offered(b.managed(zones=[A, B]), m7i_large=(A, B)).status is Status.PASSED
        assert offered(b.managed(zones=[A, LOCAL]), m7i_large=(A,)).status is Status.PASSED

    def test_several_zones_are_all_named(self) -> None:
        found = offered(b.self_managed(), m7i_large=(A,))
        assert found.reason.startswith(f"{B}, {C} offer none")
        assert any(f"--vpc-zone-identifier subnet-{A} " in command for command in commands(found))

    def test_where_no_zone_offers_it_there_are_no_subnets_left_to_name(self) -> None:
        found = offered(b.self_managed(), m7i_large=())
        assert found.status is Status.FAILED
        assert not any("vpc-zone-identifier" in command for command in commands(found))

    def test_instance_requirements_name_no_type(self) -> None:
        found = offered(b.managed(group=of_types()))
        assert (found.status, "by requirements" in found.reason) == (Status.NOT_APPLICABLE, True)

    def test_a_group_that_launches_nothing(self) -> None:
        never = b.managed(size=0, group={"min_size": 0, "max_size": 0})
        assert offered(never, m7i_large=()).status is Status.NOT_APPLICABLE
        assert offered(b.managed(groups=())).status is Status.NOT_APPLICABLE

    @pytest.mark.parametrize(
        ("zones", "expected"),
        [
            ({"m7i.large": b.gap()}, Status.UNKNOWN),
            ({}, Status.UNKNOWN),
            ({"m7i.large": frozenset(b.ZONES), "m6i.large": b.gap()}, Status.PASSED),
            ({"m7i.large": frozenset({A}), "m6i.large": b.gap()}, Status.UNKNOWN),
        ],
    )
    def test_an_offering_that_was_not_read_may_mend_it(self, zones: dict[str, Any], expected: Status) -> None:
        group = b.managed(group=of_types("m7i.large", "m6i.large") if len(zones) > 1 else {})
        found = finding(offerings.type_not_offered, group, offered_zones=zones)
        assert found.status is expected

    def test_what_is_hidden_of_one_type_does_not_hide_what_another_group_lacks(self) -> None:
        lacking, hidden = b.scaling_group("a", **of_types("m7i.large")), b.scaling_group("b", **of_types("m6i.large"))
        zones = {"m7i.large": frozenset({A, B}), "m6i.large": b.gap()}
        found = finding(offerings.type_not_offered, b.managed(groups=(hidden, lacking)), offered_zones=zones)
        assert found.status is Status.FAILED

    @pytest.mark.parametrize("group", [{"launch": b.gap()}, {"subnets": b.gap()}])
    def test_a_group_that_was_not_read(self, group: dict[str, Any]) -> None:
        assert offered(b.managed(group=group), m7i_large=b.ZONES).status is Status.UNKNOWN

    def test_an_outpost_is_one_place(self) -> None:
        found = finding(offerings.type_not_offered, offered_zones={}, cluster=b.cluster(outpost=True))
        assert found.status is Status.NOT_APPLICABLE


def bound(size: int = 1, **group: Any) -> list[Any]:  # noqa: ANN401  any field of a group
    """A group for each zone."""
    own = {"max_size": size} | group
    return [b.managed(f"web-{zone[-1]}", zones=[zone], size=size, group=own) for zone in b.ZONES]


class TestTooFewNodesToSpread:
    @both_kinds
    @pytest.mark.parametrize(
        ("size", "most", "expected"),
        [(2, 2, "FAILED"), (2, 3, "PASSED"), (1, 1, "FAILED"), (1, 9, "FAILED"), (3, 3, "PASSED")],
    )
    def test_one_group_over_three_zones(self, build: Any, size: int, most: int, expected: str) -> None:  # noqa: ANN401  a builder
        found = few(build(size=size, group={"max_size": most}))
        assert found.status.value == expected
        assert found.severity is Severity.LOW
        assert f"3 zones, at most {most} nodes, {size} wanted, {size} running" in found.reason

    def test_a_group_for_each_zone_is_judged_with_its_siblings(self) -> None:
        assert few(*bound()).status is Status.PASSED
        assert few(*bound()[:2]).status is Status.PASSED
        assert few(*bound(), b.managed(size=1, group={"max_size": 1})).status is Status.PASSED

    def test_one_node_of_a_set_that_covers_the_zones(self) -> None:
        first, *others = bound()
        idle = [b.managed(g.name, zones=[b.ZONES[n]], size=0, group={"max_size": 5}) for n, g in enumerate(others, 1)]
        found = few(first, *idle)
        assert (found.status, "one node cannot be spread" in found.reason) == (Status.FAILED, True)

    def test_one_that_runs_while_more_are_wanted_is_on_its_way(self) -> None:
        assert few(b.managed(size=1, group={"desired": 2})).status is Status.PASSED
        assert few(b.managed(size=2, group={"desired": 1})).status is Status.PASSED
        assert few(b.managed(size=0, group={"desired": 1, "max_size": 4})).status is Status.PASSED

    @pytest.mark.parametrize("size", [0, 1, 2])
    def test_a_set_that_may_be_scaled_to_zero(self, size: int) -> None:
        assert few(b.managed(size=size, group={"min_size": 0, "max_size": 2})).status is Status.NOT_APPLICABLE

    def test_one_zone_has_nothing_to_spread(self) -> None:
        assert few(b.managed(zones=[A], size=1, group={"max_size": 1})).status is Status.NOT_APPLICABLE
        assert few(b.managed(zones=[A, LOCAL], size=1, group={"max_size": 1})).status is Status.NOT_APPLICABLE
        never = b.managed("never", zones=[B], size=0, group={"min_size": 0, "max_size": 0})
        assert few(b.managed(zones=[A], size=1, group={"max_size": 1}), never).status is Status.NOT_APPLICABLE

    def test_who_may_be_a_sibling_may_mend_it(self) -> None:
        lonely = b.managed(size=1)
        assert few(lonely, b.self_managed(labels=b.gap())).status is Status.UNKNOWN
        assert few(b.managed(), b.self_managed(labels=b.gap())).status is Status.PASSED
        assert few(b.self_managed(size=1, labels=b.gap())).status is Status.UNKNOWN
        assert few(b.self_managed(labels=b.gap())).status is Status.PASSED, "siblings spoil nothing"
        assert few(b.managed(groups=b.gap())).status is Status.UNKNOWN
        assert few(lonely, b.self_managed(labels={"tier": "db"}, size=9)).status is Status.FAILED

    def test_an_update_of_any_member_is_waited_for(self) -> None:
        assert few(b.managed(size=1, status="UPDATING")).settling
        assert few(b.managed(size=1), b.managed("web-2", size=0, status="DELETING")).settling

    def test_the_fix_names_sizes_that_are_enough(self) -> None:
        [managed] = commands(few(b.managed(size=1, group={"max_size": 1})))
        assert "--nodegroup-name web --scaling-config minSize=2,maxSize=3 # and desiredSize=2 if it wants " in managed
        [own] = commands(few(b.self_managed(size=2, group={"max_size": 2})))
        assert own.endswith("--auto-scaling-group-name batch --min-size 1 --max-size 3")

    def test_the_fix_scales_no_group_in_that_has_grown_since(self) -> None:
        for found in (
            few(b.managed(size=2, group={"max_size": 2})),
            few(b.self_managed(size=2, group={"max_size": 2})),
        ):
            sizing = [fix.command.partition(" # ")[0] for fix in found.fix]
            assert not any(word in command for command in sizing for word in ("desired", "--nodes 2"))

    def test_a_retired_member_is_left_alone(self) -> None:
        retired = b.managed("old", size=0, group={"min_size": 0, "max_size": 0})
        assert few(retired, b.managed(size=1)).status is Status.NOT_APPLICABLE
        assert few(b.managed(size=1), retired).status is Status.FAILED

    def test_not_applicable(self) -> None:
        assert few(b.managed(size=1), cluster=b.cluster(outpost=True)).status is Status.NOT_APPLICABLE
        assert few(b.managed(groups=(), status="CREATE_FAILED")).status is Status.NOT_APPLICABLE
