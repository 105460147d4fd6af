"""EC2 instance types, where they are offered (what AWS offers, less what a fleet takes away) and reserved."""

from collections.abc import Mapping

from local_aws.errors import AwsError
from local_aws.images import Document
from local_aws.instance_types import instance_types, offerings
from local_aws.paging import Paging
from local_aws.services.call import Call
from local_aws.services.filters import Reader, by_id, member, select
from local_aws.world import RegionState

_TYPE_PAGING = Paging("MaxResults", "NextToken", 100, 5, 100, "InvalidParameterValue", "InvalidNextToken")
_OFFERING_PAGING = Paging("MaxResults", "NextToken", 1000, 5, 1000, "InvalidParameterValue", "InvalidNextToken")
_TYPE_FILTERS: Mapping[str, Reader] = {
    "bare-metal": member("BareMetal"),
    "current-generation": member("CurrentGeneration"),
    "instance-type": member("InstanceType"),
    "processor-info.supported-architecture": lambda each: each["ProcessorInfo"]["SupportedArchitectures"],
    "vcpu-info.default-vcpus": member("VCpuInfo", "DefaultVCpus"),
}
_RESERVATION_PAGING = Paging("MaxResults", "NextToken", None, 1, 1000, "InvalidParameterValue", "InvalidNextToken")
_RESERVATION_FILTERS: Mapping[str, Reader] = {
    "availability-zone": member("AvailabilityZone"),
    "end-date-type": member("EndDateType"),
    "instance-match-criteria": member("InstanceMatchCriteria"),
    "instance-type": member("InstanceType"),
    "state": member("State"),
}
_OFFERING_FILTERS: Mapping[str, Reader] = {"instance-type": member("InstanceType"), "location": member("Location")}


def describe_instance_types(call: Call) -> Document:
    """Describe instance types by name or filter; an unknown name refuses the whole call."""
    types, wanted = instance_types(), call.params.get("InstanceTypes")
    unknown = [name for name in wanted or [] if name not in types]
    if unknown:
        message = f"The following supplied instance types do not exist: [{', '.join(unknown)}]"
        raise AwsError(message, code="InvalidInstanceType")
    found = [types[name] for name in dict.fromkeys(wanted)] if wanted else list(types.values())
    return call.page("InstanceTypes", select(found, call.params.get("Filters"), _TYPE_FILTERS), _TYPE_PAGING)


def describe_instance_type_offerings(call: Call) -> Document:
    """Say where instance types are offered: in the Region, or in its zones by name or id."""
    state, location = call.state, call.params.get("LocationType") or "region"
    by_zone = offered_by_zone(state)
    match location:
        case "region":
            places = [(name, state.region) for name in dict.fromkeys(name for name, _ in by_zone)]
        case "availability-zone-id":
            places = by_zone
        case "availability-zone":
            names = {identifier: name for name, identifier in state.zones.items()}
            places = [(name, names[zone]) for name, zone in by_zone if zone in names]
        case _:
            places = []
    found = [{"InstanceType": name, "LocationType": location, "Location": place} for name, place in places]
    return call.page(
        "InstanceTypeOfferings", select(found, call.params.get("Filters"), _OFFERING_FILTERS), _OFFERING_PAGING
    )


def describe_capacity_reservations(call: Call) -> Document:
    """Describe capacity reservations by id or filter; an unknown id refuses the whole call."""
    missing = "InvalidCapacityReservationId.NotFound"
    found = by_id(call, "CapacityReservationIds", call.state.capacity_reservations, missing, "capacity reservation ID")
    found = select(found, call.params.get("Filters"), _RESERVATION_FILTERS)
    return call.page("CapacityReservations", found, _RESERVATION_PAGING)


def offered_by_zone(state: RegionState) -> list[tuple[str, str]]:
    """Return each type with each zone, by its id, that offers it."""
    return [
        (each["InstanceType"], each["Location"])
        for each in offerings(state.region) or _everything(state)
        if (each["InstanceType"], each["Location"]) not in state.not_offered
    ]


def _everything(state: RegionState) -> list[Document]:
    """Offer every type in every zone, in a Region of which moto has no list (China's and GovCloud's)."""
    return [{"InstanceType": name, "Location": zone} for zone in state.zones.values() for name in instance_types()]
