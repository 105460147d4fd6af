"""What share of audits each rule would alarm about sets that are well, while Cluster Autoscaler scales them down.

docs/zones.md tells the model in words, and shows the tables.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import product
from random import Random

from eks_auditor.checks.zones import nodes_unevenly_spread
from eks_auditor.findings.diff import CONFIRM_AFTER
from eks_auditor.findings.judge import judge
from eks_auditor.model.verdict import Severity, Status
from tests.spread.layouts import Layout, of_the_set, one_group, one_group_not_rebalanced, sibling_groups

ZONES = (2, 3, 6)
NODES = (6, 12, 24, 60)
NIGHTS = 150
NIGHT = timedelta(hours=8)
STEP = timedelta(minutes=10)
AUDIT_EVERY = timedelta(hours=1)

ONE_GROUP, SIBLINGS, NOT_REBALANCED = "one group", "a group a zone", "one group, not rebalanced"
LAYOUTS: Mapping[str, Layout] = {
    ONE_GROUP: one_group,
    SIBLINGS: sibling_groups,
    NOT_REBALANCED: one_group_not_rebalanced,
}

type Counts = tuple[int, ...]
"""Nodes by zone."""

type Rule = Callable[[str, Sequence[Counts]], Sequence[bool]]
"""Of a layout, and of what the audits of a night saw: at which of them it alarms."""


@dataclass(frozen=True, slots=True)
class Set:
    """What is scaled down: a layout of so many nodes in so many zones."""

    layout: str
    zones: int
    nodes: int

    def nights(self) -> Iterator[list[Counts]]:
        """Yield what the hourly audits of each night see."""
        random = Random(f"{self.layout}, {self.zones} zones, {self.nodes} nodes")  # noqa: S311  chance, no secret
        for _ in range(NIGHTS):
            yield list(self._night(random))

    def _night(self, random: Random) -> Iterator[Counts]:
        """Begin balanced, and end with as many nodes as chance has it, from a quarter of them on.

        In each step the autoscaler removes up to a twentieth of them, wherever they are; a group bound to a zone keeps
        one. Auto Scaling then evens out a group that spans zones, by up to a tenth of its nodes. An audit comes before
        that or after it, as often the one as the other.
        """
        counts = [self.nodes // self.zones + (zone < self.nodes % self.zones) for zone in range(self.zones)]
        target = random.randint(self.nodes // 4, self.nodes - 1)
        for step in range(1, NIGHT // STEP + 1):
            for _ in range(random.randint(0, -(-self.nodes // 20))):
                self._remove_one(counts, target, random)
            before = tuple(counts)
            for _ in range(max(1, self.nodes // 10) if self.layout == ONE_GROUP else 0):
                _move_one(counts)
            if step * STEP % AUDIT_EVERY == timedelta():
                yield random.choice((before, tuple(counts)))

    def _remove_one(self, counts: list[int], target: int, random: Random) -> None:
        kept = 0 if self.layout == ONE_GROUP else 1
        removable = [zone for zone, count in enumerate(counts) for _ in range(count) if count > kept]
        if sum(counts) > target and removable:
            counts[random.choice(removable)] -= 1


SETS = tuple(
    Set(layout, zones, nodes)
    for layout, zones, nodes in product((ONE_GROUP, SIBLINGS), ZONES, NODES)
    if nodes >= 2 * zones
)
"""From two nodes a zone on: with fewer there is nothing to scale down that leaves a set to judge."""


def _move_one(counts: list[int]) -> None:
    fullest, emptiest = counts.index(max(counts)), counts.index(min(counts))
    if counts[fullest] - counts[emptiest] > 1:
        counts[fullest] -= 1
        counts[emptiest] += 1


@cache
def severity(layout: str, counts: Counts) -> Severity | None:
    """Return at which rung ZONE003 fails; None where it does not. The order of zones is no matter to it."""
    finding = of_the_set(judge(LAYOUTS[layout](counts, 9), [nodes_unevenly_spread]))
    return finding.severity if finding.status is Status.FAILED else None


def _alarms(layout: str, counts: Counts) -> bool:
    found = severity(layout, tuple(sorted(counts)))
    return found is not None and found > Severity.INFORMATIONAL


def in_one_audit(layout: str, night: Sequence[Counts]) -> Sequence[bool]:
    """ZONE003 as the command line sees it, which has no ledger."""
    return [_alarms(layout, counts) for counts in night]


def in_two_audits(layout: str, night: Sequence[Counts]) -> Sequence[bool]:
    """ZONE003 as the ledger tells it: once it has failed in every audit of an hour."""
    told, first = [], None
    for number, failed in enumerate(in_one_audit(layout, night)):
        first = None if not failed else number if first is None else first
        told.append(first is not None and (number - first) * AUDIT_EVERY >= CONFIRM_AFTER)
    return told


def off_the_mean(_layout: str, night: Sequence[Counts]) -> Sequence[bool]:
    """Of the zones that have nodes, there is but one, or one deviates from their mean by more than 30 %."""
    return [_off_the_mean([count for count in counts if count]) for counts in night]


def _off_the_mean(counts: list[int]) -> bool:
    mean = sum(counts) / len(counts)
    return len(counts) < 2 or any(abs(count - mean) / mean > 0.3 for count in counts)


def in_one_zone(layout: str, night: Sequence[Counts]) -> Sequence[bool]:
    """An Auto Scaling group is configured for one zone only."""
    return [layout == SIBLINGS or len(counts) < 2 for counts in night]


RULES: Mapping[str, Rule] = {
    "ZONE003": in_two_audits,
    "ZONE003, one audit": in_one_audit,
    "30 % off the mean": off_the_mean,
    "a group in one zone": in_one_zone,
}


@cache
def share(rule: Rule, of: Set) -> float:
    """Return the share of audits at which a rule alarms, of those that have another an hour before them."""
    told = [alarm for night in of.nights() for alarm in rule(of.layout, night)[1:]]
    return sum(told) / len(told)


def table() -> str:
    """Return the shares as the documentation shows them."""
    heading = [f"| layout | zones | nodes | {' | '.join(RULES)} |", f"|---|---:|---:|{'---:|' * len(RULES)}"]
    rows = (
        f"| {each.layout} | {each.zones} | {each.nodes} | "
        f"{' | '.join(f'{share(rule, each):.1%}' for rule in RULES.values())} |"
        for each in SETS
    )
    return "\n".join([*heading, *rows])


EXAMPLES: Mapping[str, tuple[str, Counts]] = {
    "the best that 3 nodes in 2 zones can do": (ONE_GROUP, (2, 1)),
    "the best that 4 nodes in 3 zones can do": (ONE_GROUP, (2, 1, 1)),
    "the same, in siblings": (SIBLINGS, (2, 1, 1)),
    "nothing can be launched in one zone": (ONE_GROUP, (6, 6, 0)),
    "`AZRebalance` is suspended, and most nodes are in one zone": (NOT_REBALANCED, (10, 1, 1)),
    "the autoscaler does not balance, and fills one sibling": (SIBLINGS, (10, 1, 1)),
}
"""Sets that stay as they are, by what is the matter with them."""


def examples() -> str:
    """Return which rule tells of what, as the documentation shows it."""
    compared = [name for name in RULES if name != "ZONE003, one audit"]
    rows = [
        f"| {matter} | {layout}: {', '.join(map(str, counts))} | "
        f"{' | '.join(_word(name, layout, counts) for name in compared)} |"
        for matter, (layout, counts) in EXAMPLES.items()
    ]
    return "\n".join([f"| what is so | nodes by zone | {' | '.join(compared)} |", "|---|---|---|---|---|", *rows])


def _word(rule: str, layout: str, counts: Counts) -> str:
    if not RULES[rule](layout, [counts, counts])[-1]:
        return "passes"
    found = severity(layout, counts) if rule == "ZONE003" else None
    return "alarms" if found is None else found.name
