"""Where a cluster is built, and how what the fleet says of it is found there: subnets, releases, images."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from local_aws.errors import FleetError
from local_aws.fleet import Cluster
from local_aws.fleet_nodes import Nodes
from local_aws.identity import resource_id, uuid_of
from local_aws.images import PUBLISHED_AMI_TYPES, Document, Family, Release
from local_aws.network import Purpose, subnets_for, vpc_id
from local_aws.reservations import reservation_id
from local_aws.world import PublicRegion, RegionState

_PUBLICATION_TO_USE = timedelta(hours=1)


class Aged(Protocol):
    """What names a release by when it was published, or by when the next one was."""

    @property
    def release(self) -> timedelta | None:
        """Return how long ago it was published."""

    @property
    def superseded(self) -> timedelta | None:
        """Return how long ago the next one was."""


def find_release(public: PublicRegion, now: datetime, where: str, line: tuple[str, str], aged: Aged) -> Release:
    """Find a release of a line (AMI type and minor) by its age; without one, the recommended one.

    Raises:
        FleetError: If there is none, naming those there are.
    """
    ami_type, minor = line
    history = public.releases.get(line)
    if not history:
        message = f"{where}: no release of {ami_type} for Kubernetes {minor} is described"
        raise FleetError(message)
    age = aged.release if aged.superseded is None else aged.superseded
    if age is None:
        return public.recommended[line]
    found = [index for index, release in enumerate(history) if now - release.published == age]
    if aged.superseded is not None:
        found = [index - 1 for index in found if index > 0]
    if not found:
        days = ", ".join(f"{(now - release.published).days}d" for release in history)
        message = f"{where}: no such release of {ami_type} for Kubernetes {minor}; published were {days}"
        raise FleetError(message)
    return history[found[0]]


@dataclass(frozen=True, slots=True)
class Place:
    """The cluster that is being built: where it is, and as what the fleet describes it."""

    state: RegionState
    now: datetime
    name: str
    cluster: Cluster

    def path(self, capacity: str) -> str:
        """Name a capacity the way errors of the fleet do."""
        return f"{self.state.account}.{self.state.region}.{self.name}.{capacity}"

    def id(self, prefix: str, *names: str) -> str:
        """Return an id that no other cluster has."""
        return resource_id(prefix, self.state.account, self.state.region, self.name, *names)

    def uuid(self, *names: str) -> str:
        """Return a UUID that no other cluster has."""
        return uuid_of(self.state.account, self.state.region, self.name, *names)

    def letters(self, chosen: list[str] | None) -> list[str]:
        """Return the zones a capacity launches in: its own, else the cluster's, else all of the VPC."""
        return chosen or self.cluster.zones or self.letters_of_vpc

    @property
    def vpc(self) -> str:
        """Return the id of the cluster's VPC."""
        return vpc_id(self.state, self.cluster.vpc)

    @property
    def letters_of_vpc(self) -> list[str]:
        """Return the zones of the cluster's VPC."""
        letters = list(subnets_for(self.state, self.vpc, Purpose.PRIVATE))
        if not letters:
            message = f"{self.path('vpc')}: the Region describes no VPC {self.cluster.vpc!r}"
            raise FleetError(message)
        return letters

    def subnets(self, chosen: list[str] | None) -> list[Document]:
        """Return the subnets of some zones that nodes are launched in."""
        by_zone, letters = subnets_for(self.state, self.vpc, Purpose.PRIVATE), self.letters(chosen)
        missing = sorted(set(letters) - set(by_zone))
        if missing:
            message = f"{self.path('zones')}: the VPC has no zone {', '.join(missing)}"
            raise FleetError(message)
        return [by_zone[letter] for letter in letters]

    def subnet_for_pods(self, subnet: Document) -> Document:
        """Return the subnet that a node's further interfaces are in, by the node's own."""
        if not self.cluster.custom_networking:
            return subnet
        letter = subnet["AvailabilityZone"][-1]
        by_zone = subnets_for(self.state, self.vpc, Purpose.PODS)
        if letter not in by_zone:
            message = f"{self.path('custom_networking')}: the VPC has no subnet for pods in zone {letter}"
            raise FleetError(message)
        return by_zone[letter]

    def control_plane_subnets(self) -> list[Document]:
        """Return the cluster's own subnets: those for control planes, in zones that have some."""
        letters = self.cluster.control_plane_zones or self.letters_of_vpc
        by_zone = subnets_for(self.state, self.vpc, Purpose.CONTROL_PLANE)
        return [by_zone.get(subnet["AvailabilityZone"][-1], subnet) for subnet in self.subnets(letters)]

    def reservation(self, capacity: str, name: str) -> Document:
        """Return a capacity reservation of the Region."""
        found = self.state.capacity_reservations.get(reservation_id(self.state, name))
        if found is None:
            message = f"{self.path(capacity)}: the Region describes no reservation {name!r}"
            raise FleetError(message)
        return found

    def release(self, capacity: str, nodes: Nodes, ami_type: str) -> Release:
        """Find the release that a capacity is said to run."""
        line = (ami_type, nodes.kubernetes or self.cluster.version)
        return find_release(self.state.public, self.now, self.path(capacity), line, nodes)

    def image(self, capacity: str, nodes: Nodes) -> Document:
        """Return the image that a capacity's nodes start from."""
        if nodes.image is None:
            return self.state.public.images[self.release(capacity, nodes, nodes.ami).image_id(self.state.region)]
        for image in self.state.images.values():
            if image["Name"] == nodes.image:
                return image
        message = f"{self.path(capacity)}: the Region describes no image {nodes.image!r}"
        raise FleetError(message)

    def since(self, image: Document, age: timedelta) -> datetime:
        """Return the instant that long ago, but not before the image existed: nobody could have launched it."""
        existed = datetime.fromisoformat(image["CreationDate"]) + _PUBLICATION_TO_USE
        return min(self.now, max(existed, self.now - age))

    def family(self, nodes: Nodes) -> Family:
        """Return the operating system line of a capacity."""
        kind = PUBLISHED_AMI_TYPES.get(nodes.ami)
        return kind.family if kind else Family.AL2023
