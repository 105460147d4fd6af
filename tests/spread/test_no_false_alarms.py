"""What is spread as evenly as its numbers allow is no defect, for every number of nodes and zones that people run."""

from collections.abc import Iterator, Sequence
from itertools import product

import pytest

from eks_auditor.checks.survival import cannot_survive_the_loss_of_a_zone
from eks_auditor.checks.zones import nodes_unevenly_spread
from eks_auditor.findings.judge import judge
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Status
from tests.spread.layouts import Layout, most, of_the_set, one_group, one_group_not_rebalanced, sibling_groups

NODES = range(1, 61)
ZONES = range(1, 7)
LAYOUTS = (one_group, one_group_not_rebalanced, sibling_groups)


def optimal(nodes: int, zones: int) -> list[int]:
    return [nodes // zones + (zone < nodes % zones) for zone in range(zones)]


def word(finding: Finding) -> str:
    return finding.severity.name if finding.status is Status.FAILED else finding.status.name


def by_definition(counts: Sequence[int], headroom: int, layout: Layout) -> str:
    """ZONE004's word on an optimal spread, as its definition has it where addresses and types are no matter.

    No zone holds more than the ideal share, so that only what does not grow again can be wrong. One group grows again
    to its desired size in the zones that are left; of several, those that are left grow up to their maximum sizes. One
    node at most in each group is on purpose.
    """
    if len(counts) == 1:
        return "NOT_APPLICABLE"
    if layout is not sibling_groups:
        return "PASSED"
    room = [most(count, headroom) - count for count in counts]
    stuck = [(lost, left) for lost, left in zip(counts, (sum(room) - own for own in room), strict=True) if left < lost]
    if stuck and all(most(count, headroom) == 1 for count in counts):
        return "INFORMATIONAL"
    if any(lost == sum(counts) and left == 0 for lost, left in stuck):
        return "CRITICAL"
    return "MEDIUM" if stuck else "PASSED"


def optimal_sets() -> Iterator[list[int]]:
    return (optimal(nodes, zones) for nodes, zones in product(NODES, ZONES))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_zone003_passes_every_optimal_spread(layout: Layout) -> None:
    wrong = {}
    for counts in optimal_sets():
        found = word(of_the_set(judge(layout(counts, 9), [nodes_unevenly_spread])))
        if found != ("PASSED" if len(counts) > 1 else "NOT_APPLICABLE"):
            wrong[tuple(counts)] = found
    assert wrong == {}


@pytest.mark.parametrize(
    ("layout", "headroom"),
    [(one_group, 0), (one_group_not_rebalanced, 0), (sibling_groups, 0), (sibling_groups, 1), (sibling_groups, 60)],
)
def test_zone004_says_of_every_optimal_spread_what_its_definition_says(layout: Layout, headroom: int) -> None:
    wrong = {}
    for counts in optimal_sets():
        found = word(of_the_set(judge(layout(counts, headroom), [cannot_survive_the_loss_of_a_zone])))
        if found != by_definition(counts, headroom, layout):
            wrong[tuple(counts)] = found
    assert wrong == {}


@pytest.mark.parametrize(
    ("layout", "zone003", "zone004"),
    [(one_group, "MEDIUM", "MEDIUM"), (one_group_not_rebalanced, "MEDIUM", "MEDIUM"), (sibling_groups, "LOW", "HIGH")],
)
def test_a_lopsided_set_is_told(layout: Layout, zone003: str, zone004: str) -> None:
    """The tests above do not pass because nothing is ever told."""
    lopsided = layout([7, 1, 1], 0)
    assert word(of_the_set(judge(lopsided, [nodes_unevenly_spread]))) == zone003
    assert word(of_the_set(judge(lopsided, [cannot_survive_the_loss_of_a_zone]))) == zone004
