"""How many nodes a sibling set has in each zone, and whether that is what its groups can do best."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from eks_auditor.model.capacity import GroupCapacity, NodePool, ScalingGroup
from eks_auditor.model.cluster import Subnet
from eks_auditor.model.gap import known

CHANCE = 2
"""How many standard deviations above its fair share the fullest zone is at least, where chance does not explain it."""


@dataclass(frozen=True, slots=True)
class Evenness:
    """What counts as even.

    Attributes:
        nodes_per_zone: With fewer nodes a zone, nothing is skewed.
        skew: How much of the mean the fullest zone of a group that Auto Scaling rebalances may exceed the emptiest by,
            though always by one node.
        fair_share: What the fullest zone of others holds of its fair share at least, where they are skewed.
    """

    nodes_per_zone: int = 2
    skew: Fraction = Fraction(1, 5)
    fair_share: Fraction = Fraction(3, 2)


EVEN = Evenness()
"""Where no policy says otherwise."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Nodes by zone.

    Attributes:
        nodes: Nodes in service by the id of each configured Availability Zone, in order of zone.
        groups: The Auto Scaling groups that launch there; none for a pool.
        even: What is no skew.
    """

    nodes: Mapping[str, int]
    groups: tuple[ScalingGroup, ...]
    even: Evenness = EVEN

    @classmethod
    def of_groups(cls, capacities: Iterable[GroupCapacity], even: Evenness = EVEN) -> Self:
        """Count the instances in service in every zone that some group may launch in.

        Raises:
            UnreadableError: If a group or its subnets could not be read.
        """
        groups = tuple(group for capacity in capacities for group in known(capacity.groups))
        zones = sorted({zone for group in groups for zone in zones_of(known(group.subnets))})
        found = [instance.zone_id for group in groups for instance in group.in_service]
        return cls({zone: found.count(zone) for zone in zones}, groups, even)

    @classmethod
    def of_pool(cls, pool: NodePool, zones: Iterable[str]) -> Self:
        """Count a pool's nodes in the zones given."""
        found = [node.zone_id for node in pool.nodes]
        return cls({zone: found.count(zone) for zone in sorted(zones)}, ())

    @property
    def total(self) -> int:
        """All nodes counted."""
        return sum(self.nodes.values())

    @property
    def empty(self) -> tuple[str, ...]:
        """Zones without a node, where there are enough nodes for each zone to have one."""
        if self.total < len(self.nodes):
            return ()
        return tuple(zone for zone, count in self.nodes.items() if count == 0)

    def groups_in(self, zone: str) -> tuple[ScalingGroup, ...]:
        """The groups that may launch in a zone, those bound to it first, then by name."""
        there = [group for group in self.groups if zone in zones_of(known(group.subnets))]
        return tuple(sorted(there, key=lambda group: (len(zones_of(known(group.subnets))), group.name)))

    def idle(self, zone: str) -> bool:
        """Whether a zone is empty on purpose: every group that may launch there is scaled to zero."""
        return self.nodes[zone] == 0 and all(group.desired == 0 for group in self.groups_in(zone))

    def wanted(self, zone: str) -> bool:
        """Whether a group bound to this zone wants nodes in it."""
        return any(g.desired > 0 and len(zones_of(known(g.subnets))) == 1 for g in self.groups_in(zone))

    @property
    def rebalanced(self) -> bool:
        """Whether Auto Scaling itself evens the nodes out: one group, with ``AZRebalance`` active."""
        return len(self.groups) == 1 and "AZRebalance" not in self.groups[0].suspended

    @property
    def skewed(self) -> bool:
        """Whether the fullest zone has more nodes than it should, zones empty on purpose left out.

        Judged from some nodes a zone on. What Auto Scaling rebalances may differ by one node or a share of the mean;
        elsewhere the fullest zone must hold so much of its fair share, and more than chance gives it, for
        Cluster Autoscaler's scale-down ignores zones. docs/zones.md has the simulation.
        """
        counts = [count for zone, count in self.nodes.items() if not self.idle(zone)]
        if len(counts) < 2 or self.total < self.even.nodes_per_zone * len(counts):  # noqa: PLR2004  two zones
            return False
        difference = max(counts) - min(counts)
        if difference <= 1 or difference * len(counts) <= self.even.skew * self.total:
            return False
        return self.rebalanced or (
            max(counts) * len(counts) >= self.even.fair_share * self.total
            and beyond_chance(max(counts), self.total, len(counts))
        )

    def __str__(self) -> str:
        """Read like ``euw1-az1: 3, euw1-az2: 0``."""
        return ", ".join(f"{zone}: {count}" for zone, count in self.nodes.items())


def beyond_chance(fullest: int, nodes: int, zones: int) -> bool:
    """Whether a zone exceeds what it gets of n nodes strewn over z zones: n/z, variance n(z - 1)/z²."""
    return (fullest * zones - nodes) ** 2 >= CHANCE**2 * nodes * (zones - 1)


def zones_of(subnets: Iterable[Subnet]) -> frozenset[str]:
    """Return the ids of the Availability Zones of subnets; Local and Wavelength Zones are not counted."""
    return frozenset(subnet.zone_id for subnet in subnets if subnet.regular)
