"""What a fleet description says of VPCs, their subnets and where these lead, and of reserved capacity."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from local_aws.fleet_words import Age, Described, Letter

type Egress = list[Letter] | Literal["every-zone", "regional", "transit-gateway", "none"]
type Free = Annotated[int, Field(ge=0, le=10_000)]


class Subnets(Described):
    """The private subnets of a VPC in one zone: how many addresses EC2 says are free in each."""

    free: Free = 8000
    """Where nodes are launched."""
    pods: Free | None = None
    """Where pods get theirs under custom networking; left out: there is no such subnet."""
    control_plane: Annotated[int, Field(ge=0, le=11)] | None = None
    """In a subnet (a /28) for the control plane's interfaces alone; left out: they are where the nodes are."""


class Zone(Subnets):
    """An Availability Zone as one account sees it, with the private subnets that the Region's own VPC has there."""

    id: str | None = None


class Vpc(Described):
    """A VPC: in each zone its private subnets, and a public one where there is a NAT gateway."""

    zones: dict[Letter, Subnets] = Field(
        default={"a": Subnets(), "b": Subnets(), "c": Subnets()}, min_length=1, validate_default=True
    )
    egress: Egress = "every-zone"
    """Where private subnets lead by default: to a NAT gateway of their zone in every zone, or in the zones listed (the
    others share the first), to a regional one, to a transit gateway, nowhere."""

    @model_validator(mode="after")
    def _gateways_are_in_its_zones(self) -> Self:
        demand_zones(self.egress, self.zones)
        return self


class Reservation(Described):
    """A capacity reservation, or a Capacity Block, that instances must name to launch into."""

    zone: Letter = "a"
    type: str = "m6i.large"
    nodes: int = Field(default=6, ge=1)
    state: Literal["active", "scheduled", "pending", "cancelled", "failed"] = "active"
    ends_in: Age | None = None
    """After how long it ends by itself; without this and `ended` it has no end."""
    ended: Age | None = None
    """How long ago it ended by itself."""
    capacity_block: bool = False
    created: Age = timedelta(days=60)

    @model_validator(mode="after")
    def _ends_once(self) -> Self:
        if self.ends_in is not None and self.ended is not None:
            message = "say only one of ends_in and ended"
            raise ValueError(message)
        if self.capacity_block and self.ends_in is None and self.ended is None:
            message = "a Capacity Block has an end: say ends_in or ended"
            raise ValueError(message)
        return self


def demand_zones(egress: Egress, zones: dict[str, Subnets] | dict[str, Zone]) -> None:
    """Demand that NAT gateways are in zones of their VPC.

    Raises:
        ValueError: If one is not.
    """
    listed = egress if isinstance(egress, list) else []
    missing = sorted(set(listed) - set(zones))
    if missing or listed != list(dict.fromkeys(listed)) or egress == []:
        message = f"a NAT gateway is in one of the zones {', '.join(zones)}, and each zone is named once"
        raise ValueError(message)
