"""EC2 instance types and where they are offered: the real lists, which moto carries, less what a fleet takes away."""

import gzip
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import moto.ec2

from local_aws.errors import AwsError
from local_aws.images import Document
from local_aws.paging import Paging
from local_aws.services.call import Call
from local_aws.services.filters import Reader, member, select
from local_aws.world import RegionState

_LISTS = Path(moto.ec2.__file__).parent / "resources"
_TYPE_PAGING = Paging("MaxResults", "NextToken", 100, 5, 100, "InvalidParameterValue", "InvalidNextToken")
_OFFERING_PAGING = Paging("MaxResults", "NextToken", 1000, 5, 1000, "InvalidParameterValue", "InvalidNextToken")
_TYPE_FILTERS: Mapping[str, Reader] = {
    "bare-metal": member("BareMetal"),
    "current-generation": member("CurrentGeneration"),
    "instance-type": member("InstanceType"),
    "processor-info.supported-architecture": lambda each: each["ProcessorInfo"]["SupportedArchitectures"],
    "vcpu-info.default-vcpus": member("VCpuInfo", "DefaultVCpus"),
}
_OFFERING_FILTERS: Mapping[str, Reader] = {"instance-type": member("InstanceType"), "location": member("Location")}


def describe_instance_types(call: Call) -> Document:
    """Describe instance types by name or filter; an unknown name refuses the whole call."""
    types, wanted = _types(), call.params.get("InstanceTypes")
    unknown = [name for name in wanted or [] if name not in types]
    if unknown:
        message = f"The following supplied instance types do not exist: [{', '.join(unknown)}]"
        raise AwsError(message, code="InvalidInstanceType")
    found = [types[name] for name in dict.fromkeys(wanted)] if wanted else list(types.values())
    return call.page("InstanceTypes", select(found, call.params.get("Filters"), _TYPE_FILTERS), _TYPE_PAGING)


def describe_instance_type_offerings(call: Call) -> Document:
    """Say where instance types are offered: in the Region, or in its zones by name or id."""
    state, location = call.state, call.params.get("LocationType") or "region"
    by_zone = [
        (each["InstanceType"], each["Location"])
        for each in _offerings(state.region) or _everything(state)
        if (each["InstanceType"], each["Location"]) not in state.not_offered
    ]
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


@cache
def _types() -> dict[str, Document]:
    types: dict[str, Document] = _read(_LISTS / "instance_types.json.gz")
    for described in types.values():
        # moto's list is newer than botocore's model: some of these features are not in its enumeration yet.
        described["ProcessorInfo"].pop("SupportedFeatures", None)
    return types


@cache
def _offerings(region: str) -> list[Document]:
    listed = _LISTS / "instance_type_offerings" / "availability-zone-id" / f"{region}.json.gz"
    offerings: list[Document] = _read(listed) if listed.exists() else []
    return offerings


def _everything(state: RegionState) -> list[Document]:
    """Offer every type in every zone, in a Region of which moto has no list (China's and GovCloud's)."""
    return [{"InstanceType": name, "Location": zone} for zone in state.zones.values() for name in _types()]


def _read(path: Path) -> Any:  # noqa: ANN401 - what a JSON file holds
    return json.loads(gzip.decompress(path.read_bytes()))
