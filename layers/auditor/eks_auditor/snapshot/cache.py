"""What audits in one process share. Caches tell the truth: a value carries the instant it was read at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from eks_auditor.model.capacity import CapacityReservation, InstanceType
from eks_auditor.model.cluster import KubernetesVersion, Subnet
from eks_auditor.model.release import Ancestor, Image, ReleaseHistory
from eks_auditor.plan.targets import Place
from eks_auditor.snapshot.autoscaling import DescribedGroup
from eks_auditor.snapshot.eks import Update
from eks_auditor.snapshot.policies import Policies, ScheduledActions
from eks_auditor.snapshot.routes import NatGateways, RouteTables

LONGEST_SHARED = timedelta(minutes=10)
"""How long a changeable answer serves other audits."""

NETWORK_SHARED = timedelta(seconds=60)
"""How long one serves that tells subnets, with their free addresses, or the routes out of them.

Addresses change with every pod; and routes that are much older than the subnets do not know the new ones.
"""


class Lasting[V]:
    """Answers that cannot change, kept for the life of the process."""

    def __init__(self) -> None:
        """Start empty."""
        self._values: dict[tuple[Place, str], V] = {}
        self._lock = Lock()

    def get(self, place: Place, name: str) -> V | None:
        """Return what is known of a name, or None."""
        with self._lock:
            return self._values.get((place, name))

    def put(self, place: Place, name: str, value: V) -> None:
        """Keep an answer."""
        with self._lock:
            self._values[place, name] = value


@dataclass(frozen=True, slots=True)
class Dated[V]:
    """A value and the instant before it was read."""

    value: V
    read_at: datetime


class Passing[V]:
    """Answers that may change: shared among audits that were asked for before the answer was read."""

    def __init__(self, longest: timedelta = LONGEST_SHARED) -> None:
        """Start empty; an answer older than ``longest`` serves nobody."""
        self._longest = longest
        self._values: dict[tuple[Place, str], Dated[V]] = {}
        self._lock = Lock()

    def get(self, place: Place, name: str, *, not_before: datetime, now: datetime) -> Dated[V] | None:
        """Return an answer read after ``not_before`` and not too long before ``now``, or None."""
        with self._lock:
            found = self._values.get((place, name))
        if found is None or not not_before < found.read_at or now - found.read_at > self._longest:
            return None
        return found

    def put(self, place: Place, name: str, value: V, read_at: datetime) -> None:
        """Share an answer, and forget those that are too old to serve; a newer one that is there stays."""
        with self._lock:
            self._values = {
                key: dated for key, dated in self._values.items() if read_at - dated.read_at <= self._longest
            }
            there = self._values.get((place, name))
            if there is None or there.read_at <= read_at:
                self._values[place, name] = Dated(value, read_at)


@dataclass(frozen=True, slots=True)
class Cache:
    """Everything that outlives an audit.

    Attributes:
        images: By id.
        ancestries: The ancestors of an image by its id, none of them described.
        ancestors: Those ancestors by id and Region: name, owner, dates.
        allowed_images: The state of Allowed AMIs, by Region.
        instance_types: By name.
        updates: A cluster's and its node groups' updates that are over, by cluster, node group and id.
        joined: The clusters that a numbered launch template version's user data joins, by template and version.
        joined_now: The same of ``$Default`` and ``$Latest``.
        versions: EKS's Kubernetes versions, by Region.
        histories: Release histories, by line.
        offered_zones: Zone ids that offer a type, by its name.
        matching_types: The types that match instance requirements, by architecture and requirements.
        policies: All scaling policies, by group, by Region.
        scheduled_actions: All scheduled actions, likewise.
        subnets: All subnets with their free addresses, by id, by Region.
        route_tables: All route tables, by Region.
        nat_gateways: All NAT gateways, by Region.
        reservations: Capacity reservations, by id.
        unclaimed_groups: Auto Scaling groups without instances and without a cluster's tag, by Region.
        default_versions: The number of a launch template's default version, by the template's id.
        security_groups: Whether one exists, by id.
        key_pairs: Whether one exists, by name.
        instance_profiles: Whether one exists, by name or ARN.
        placement_groups: The strategy of one, by name or id; empty where it does not exist.
    """

    images: Passing[Image] = field(default_factory=Passing)
    ancestries: Lasting[tuple[Ancestor, ...]] = field(default_factory=Lasting)
    ancestors: Lasting[Image] = field(default_factory=Lasting)
    allowed_images: Passing[str] = field(default_factory=Passing)
    instance_types: Lasting[InstanceType] = field(default_factory=Lasting)
    updates: Lasting[Update] = field(default_factory=Lasting)
    joined: Lasting[frozenset[str]] = field(default_factory=Lasting)
    joined_now: Passing[frozenset[str]] = field(default_factory=Passing)
    versions: Passing[tuple[KubernetesVersion, ...]] = field(default_factory=Passing)
    histories: Passing[ReleaseHistory] = field(default_factory=Passing)
    offered_zones: Passing[frozenset[str]] = field(default_factory=Passing)
    matching_types: Passing[tuple[str, ...]] = field(default_factory=Passing)
    policies: Passing[Policies] = field(default_factory=Passing)
    scheduled_actions: Passing[ScheduledActions] = field(default_factory=Passing)
    subnets: Passing[Mapping[str, Subnet]] = field(default_factory=lambda: Passing(NETWORK_SHARED))
    route_tables: Passing[RouteTables] = field(default_factory=lambda: Passing(NETWORK_SHARED))
    nat_gateways: Passing[NatGateways] = field(default_factory=lambda: Passing(NETWORK_SHARED))
    reservations: Passing[CapacityReservation] = field(default_factory=Passing)
    unclaimed_groups: Passing[tuple[DescribedGroup, ...]] = field(default_factory=Passing)
    default_versions: Passing[str] = field(default_factory=Passing)
    security_groups: Passing[bool] = field(default_factory=Passing)
    key_pairs: Passing[bool] = field(default_factory=Passing)
    instance_profiles: Passing[bool] = field(default_factory=Passing)
    placement_groups: Passing[str] = field(default_factory=Passing)
