"""The pools of Spot capacity that a group can draw on: one for each instance type in each zone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from eks_auditor.model.capacity import LaunchConfig, ScalingGroup
from eks_auditor.model.gap import Gap, known
from eks_auditor.model.snapshot import Snapshot

type Pool = tuple[str, str]
"""An instance type's name and a zone's id."""


@dataclass(frozen=True, slots=True)
class Pools:
    """Pools of capacity.

    Attributes:
        seen: Those that EC2 offers.
        unread: Those of which could not be read whether it does.
        gap: What hides that; None where nothing does.
    """

    seen: frozenset[Pool]
    unread: frozenset[Pool] = frozenset()
    gap: Gap | None = None

    @classmethod
    def of(cls, group: ScalingGroup, snapshot: Snapshot) -> Self:
        """Return a group's pools.

        Types that match its instance requirements, and whose offers are not asked for, are taken to be offered in each
        of its zones: EC2 matches what the Region offers.

        Raises:
            UnreadableError: If its launch, subnets, or the types that match its requirements could not be read.
        """
        launch = known(group.launch)
        zones = {subnet.zone_id for subnet in known(group.subnets)}
        offers = {name: _offered(name, launch, zones, snapshot) for name in _types(launch)}
        gaps = [offered for offered in offers.values() if isinstance(offered, Gap)]
        return cls(
            seen=frozenset((name, zone) for name, zone in _pairs(offers) if zone in zones),
            unread=frozenset((name, zone) for name in offers if isinstance(offers[name], Gap) for zone in zones),
            gap=next(iter(gaps), None),
        )

    def __or__(self, other: "Pools") -> "Pools":
        """Join the pools of two groups."""
        return Pools(self.seen | other.seen, self.unread | other.unread, self.gap or other.gap)

    @property
    def types(self) -> frozenset[str]:
        """The types of the pools that EC2 offers."""
        return frozenset(name for name, _ in self.seen)

    @property
    def at_most(self) -> "Pools":
        """What there is if everything that could not be read is offered."""
        return Pools(self.seen | self.unread)


def _types(launch: LaunchConfig) -> tuple[str, ...]:
    return launch.instance_types if launch.requirements is None else known(launch.requirements.types)


def _offered(name: str, launch: LaunchConfig, zones: set[str], snapshot: Snapshot) -> frozenset[str] | Gap:
    if name not in snapshot.offered_zones and launch.requirements is not None:
        return frozenset(zones)
    return snapshot.offered_zones.get(name, Gap("ec2:DescribeInstanceTypeOfferings", name, "not read"))


def _pairs(offers: dict[str, frozenset[str] | Gap]) -> Iterator[Pool]:
    for name, offered in offers.items():
        if not isinstance(offered, Gap):
            yield from ((name, zone) for zone in offered)
