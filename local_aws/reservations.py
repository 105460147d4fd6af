"""Capacity reservations and Capacity Blocks, and how launches name them."""

from datetime import datetime

from local_aws.fleet import Region
from local_aws.fleet_network import Reservation
from local_aws.identity import resource_id
from local_aws.images import Document
from local_aws.world import RegionState


def reservation_id(state: RegionState, name: str) -> str:
    """Return the id of a reservation that the Region describes under a name."""
    return resource_id("cr", state.account, state.region, name)


def add_reservations(state: RegionState, region: Region, now: datetime) -> None:
    """Create the capacity reservations of a Region."""
    for name, described in region.reservations.items():
        identifier = reservation_id(state, name)
        state.capacity_reservations[identifier] = _reservation(state, identifier, described, now)


def target_of_template(reservation: Document) -> Document:
    """Return what a launch template says that launches into a reservation."""
    target = {"CapacityReservationTarget": {"CapacityReservationId": reservation["CapacityReservationId"]}}
    block = {"InstanceMarketOptions": {"MarketType": "capacity-block"}} if is_block(reservation) else {}
    return {"CapacityReservationSpecification": target, **block}


def target_of_group(reservation: Document) -> Document:
    """Return what an Auto Scaling group says that launches into a reservation by itself."""
    ids = {"CapacityReservationIds": [reservation["CapacityReservationId"]]}
    preference = "capacity-reservations-only"
    said = {"CapacityReservationPreference": preference, "CapacityReservationTarget": ids}
    return {"CapacityReservationSpecification": said}


def is_block(reservation: Document) -> bool:
    """Say whether a reservation is a Capacity Block."""
    return bool(reservation["ReservationType"] == "capacity-block")


def _reservation(state: RegionState, identifier: str, described: Reservation, now: datetime) -> Document:
    zone = f"{state.region}{described.zone}"
    ended = None if described.ended is None else now - described.ended
    ends = ended if described.ends_in is None else now + described.ends_in
    return {
        "CapacityReservationId": identifier,
        "CapacityReservationArn": state.arn("ec2", f"capacity-reservation/{identifier}"),
        "OwnerId": state.account,
        "AvailabilityZone": zone,
        "AvailabilityZoneId": state.zones[zone],
        "InstanceType": described.type,
        "InstancePlatform": "Linux/UNIX",
        "Tenancy": "default",
        "TotalInstanceCount": described.nodes,
        "AvailableInstanceCount": described.nodes,
        "EbsOptimized": False,
        "EphemeralStorage": False,
        "State": described.state if ended is None else "expired",
        "StartDate": now - described.created,
        "CreateDate": now - described.created,
        **({"EndDateType": "unlimited"} if ends is None else {"EndDateType": "limited", "EndDate": ends}),
        "InstanceMatchCriteria": "targeted",
        "ReservationType": "capacity-block" if described.capacity_block else "default",
        "Tags": [],
    }
