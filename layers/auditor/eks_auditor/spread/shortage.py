"""Whether the subnets of a zone have addresses for the nodes that are launched there next."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd

from eks_auditor.spread.addresses import Demand, Demands, Step
from eks_auditor.spread.flow import Network

_ROUNDS: tuple[tuple[Step, bool], ...] = (("node", False), ("surge", False), ("surge", True), ("growth", True))
"""The order in which that is asked for, and whether by all groups at once."""

_FROM, _FREE = "demands", "free"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """Nodes that do not all find addresses.

    Attributes:
        step: Of what step they are.
        at_once: Whether of all groups together, where each alone may find addresses.
        demands: Whose they are.
        subnets: Ids of the nodes' own subnets that lack addresses.
        pod_subnets: Ids of the subnets for pods that lack addresses.
        lacking: How many addresses are lacking at least.
    """

    step: Step
    at_once: bool = False
    demands: tuple[Demand, ...]
    subnets: tuple[str, ...]
    pod_subnets: tuple[str, ...]
    lacking: int


def shortage(found: Demands) -> Shortage | None:
    """Return the first step that the free addresses do not suffice for; None where they suffice for all.

    One node is asked for by every group alone: where each finds room for one, none is cut off. So is a surge, then
    those of all groups at once, as growth is, for updates and growth come to all of them. A node takes its addresses
    from one subnet; only between groups, a subnet is shared like a fluid, which errs by less than one node a subnet, on
    the side of no alarm.
    """
    for step, at_once in _ROUNDS:
        wanted = [demand for demand in found.demands if demand.nodes[step]]
        asked = [wanted] if at_once else [[demand] for demand in wanted]
        short = [part for part in (_unmet(step, demands, found.free) for demands in asked) if part is not None]
        if short:
            return _joined(short, at_once=at_once)
    return None


def _joined(short: list[Shortage], *, at_once: bool) -> Shortage:
    return Shortage(
        step=short[0].step,
        at_once=at_once,
        demands=tuple(demand for part in short for demand in part.demands),
        subnets=tuple(sorted({name for part in short for name in part.subnets})),
        pod_subnets=tuple(sorted({name for part in short for name in part.pod_subnets})),
        lacking=max(part.lacking for part in short),
    )


def _unmet(step: Step, demands: list[Demand], free: Mapping[str, int]) -> Shortage | None:
    """Let the demands' addresses flow through the subnets, and return what is left over."""
    network = Network()
    wanted = 0
    taken_by: dict[str, list[int]] = {}
    for number, demand in enumerate(demands):
        for need, subnets in demand.pools:
            wanted += demand.nodes[step] * need
            network.add(_FROM, (number, subnets), demand.nodes[step] * need)
            # Beside its own subnet, the VPC CNI takes addresses by the interface, of each in another one.
            whole = 1 if demand.further_subnets else need
            for name in subnets:
                network.add((number, subnets), name, free[name] // whole * whole)
                taken_by.setdefault(name, []).append(whole)
    for name, wholes in sorted(taken_by.items()):
        # Whatever nodes share a subnet, they take a multiple of what all their needs are multiples of.
        network.add(name, _FREE, free[name] // gcd(*wholes) * gcd(*wholes))
    lacking = wanted - network.send(_FROM, _FREE)
    if not lacking:
        return None
    reached = network.reached(_FROM)
    tight = [(d, names) for number, d in enumerate(demands) for _, names in d.pools if (number, names) in reached]
    return Shortage(
        step=step,
        demands=tuple(d for d in demands if any(d is each for each, _ in tight)),
        subnets=tuple(sorted({name for d, names in tight if names != d.pod_subnets for name in names})),
        pod_subnets=tuple(sorted({name for d, names in tight if names == d.pod_subnets for name in names})),
        lacking=lacking,
    )
