"""The Availability Zones that a cluster's data plane can launch nodes in."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from eks_auditor.model.capacity import (
    AnyCapacity,
    FargateProfile,
    Kind,
    ManagedNodeGroup,
    NodePool,
    SelfManagedGroup,
    StandaloneNodes,
)
from eks_auditor.model.cluster import Subnet, is_availability_zone
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.spread.launching import launching

EC2_KINDS: tuple[Kind, ...] = ("managed", "self-managed", "karpenter", "auto-mode", "standalone")


@dataclass(frozen=True, slots=True)
class Reach:
    """Where nodes can be launched, as far as it was read.

    Attributes:
        ec2: Whether it is EC2 capacity; else these are the Fargate profiles' zones.
        zones: Ids of Availability Zones.
        apart: Ids of Local and Wavelength Zones, which do not count.
        public: Whether the subnets are public; private where only running nodes tell the zones.
        gap: What may hide further zones.
        moving: Capacities whose zones are those of the nodes they happen to run, or that have none yet.
    """

    ec2: bool
    zones: frozenset[str]
    apart: frozenset[str]
    public: frozenset[bool]
    gap: Gap | None
    moving: tuple[AnyCapacity, ...]

    @property
    def karpenter(self) -> bool:
        """Whether Karpenter may launch in more zones: the subnets that its NodeClasses select are not visible."""
        return any(capacity.kind == "karpenter" for capacity in self.moving)

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Find them; Fargate's only where there is no EC2 capacity."""
        seen = _Seen()
        capacities = sorted(snapshot.capacities, key=lambda c: (c.kind, c.name))
        for capacity in capacities:
            seen.add_ec2(capacity)
        if snapshot.cluster.auto_mode:
            seen.add_subnets(cluster_subnets(snapshot))
        seen.add_gap(snapshot.unseen(EC2_KINDS))
        if not seen.zone_ids and seen.gap is None:
            for capacity in capacities:
                seen.add_running(capacity)
        ec2 = bool(seen.zone_ids)
        if not ec2:
            for capacity in capacities:
                if isinstance(capacity, FargateProfile):
                    seen.add_subnets(capacity.subnets)
            seen.add_gap(snapshot.unseen(("fargate",)))
        return cls(
            ec2=ec2,
            zones=frozenset(zone for zone in seen.zone_ids if is_availability_zone(zone)),
            apart=frozenset(zone for zone in seen.zone_ids if not is_availability_zone(zone)),
            public=frozenset(seen.public or {False}),
            gap=seen.gap,
            moving=tuple(seen.moving),
        )


@dataclass(slots=True)
class _Seen:
    zone_ids: set[str] = field(default_factory=set)
    public: set[bool] = field(default_factory=set)
    moving: list[AnyCapacity] = field(default_factory=list)
    gap: Gap | None = None

    def add_ec2(self, capacity: AnyCapacity) -> None:
        match capacity:
            case ManagedNodeGroup() | SelfManagedGroup():
                self._add_groups(capacity)
            case NodePool() | StandaloneNodes():
                self.zone_ids |= {node.zone_id for node in capacity.nodes}
                self.moving.append(capacity)

    def add_running(self, capacity: AnyCapacity) -> None:
        """Count the nodes of groups that cannot launch any: where they run is all there is."""
        if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup) and not isinstance(capacity.groups, Gap):
            self.zone_ids |= {instance.zone_id for group in capacity.groups for instance in group.in_service}

    def add_subnets(self, subnets: Iterable[Subnet] | Gap) -> None:
        if isinstance(subnets, Gap):
            self.add_gap(subnets)
            return
        for subnet in subnets:
            self.zone_ids.add(subnet.zone_id)
            self.public.add(subnet.public)

    def add_gap(self, gap: Gap | None) -> None:
        self.gap = self.gap or gap

    def _add_groups(self, capacity: ManagedNodeGroup | SelfManagedGroup) -> None:
        if capacity.groups == ():
            self.moving.append(capacity)
        groups = launching(capacity)
        if isinstance(groups, Gap):
            self.add_gap(groups)
            return
        for group in groups:
            self.add_subnets(group.subnets)


def cluster_subnets(snapshot: Snapshot) -> tuple[Subnet, ...] | Gap:
    """Return the cluster's own subnets: where Auto Mode launches unless a NodeClass says otherwise."""
    if isinstance(snapshot.vpc_subnets, Gap):
        return snapshot.vpc_subnets
    return tuple(subnet for subnet in snapshot.vpc_subnets if subnet.id in snapshot.cluster.subnet_ids)
