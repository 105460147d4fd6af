"""EC2: which instance types match instance requirements, by what AWS says of each requirement.

Prices are not known here, so AWS's price protection leaves nothing out.
"""

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase

from local_aws.errors import AwsError
from local_aws.images import Document
from local_aws.instance_types import instance_types
from local_aws.paging import Paging
from local_aws.services.call import Call
from local_aws.services.ec2_types import offered_by_zone

_PAGING = Paging("MaxResults", "NextToken", 100, 1, 1000, "InvalidParameterValue", "InvalidNextToken")

type Judge = Callable[[Document, Document], bool]
"""Says whether a type fits the requirements."""


def get_instance_types_from_instance_requirements(call: Call) -> Document:
    """Name the types of the Region that fit; a requirement that is not served here is refused."""
    wanted = call.params["InstanceRequirements"]
    asked = [name for name, value in wanted.items() if value is not None]
    unserved = sorted(set(asked) - _JUDGES.keys())
    if unserved:
        message = f"The requirement {unserved[0]} is not served by the local AWS."
        raise AwsError(message, code="UnsupportedOperation")
    for name in asked:
        _demand_order(name, wanted[name])
    offered = {name for name, _ in offered_by_zone(call.state)}
    found = [
        name
        for name, described in sorted(instance_types().items())
        if name in offered
        and set(call.params["ArchitectureTypes"]) & set(described["ProcessorInfo"]["SupportedArchitectures"])
        and set(call.params["VirtualizationTypes"]) & set(described["SupportedVirtualizationTypes"])
        and all(judge(described, wanted) for judge in _JUDGES.values())
    ]
    return call.page("InstanceTypes", [{"InstanceType": name} for name in found], _PAGING)


def _demand_order(name: str, value: object) -> None:
    if isinstance(value, dict) and value.get("Max") is not None and value.get("Min", 0) > value["Max"]:
        message = f"The minimum of {name} must not be greater than its maximum."
        raise AwsError(message, code="InvalidParameterValue")


def _within(number: float, wanted: Document, requirement: str) -> bool:
    bounds = wanted.get(requirement) or {}
    least, most = bounds.get("Min"), bounds.get("Max")
    return (least is None or number >= least) and (most is None or number <= most)


def _memory_per_vcpu(described: Document) -> float:
    return float(described["MemoryInfo"]["SizeInMiB"] / 1024 / described["VCpuInfo"]["DefaultVCpus"])


def _accelerators(described: Document) -> Iterable[tuple[str, str, int]]:
    """Yield kind, maker and number of what accelerates: GPUs, FPGAs, AWS's own chips."""
    for gpu in (described.get("GpuInfo") or {}).get("Gpus", []):
        yield "gpu", gpu["Manufacturer"].lower(), gpu["Count"]
    for fpga in (described.get("FpgaInfo") or {}).get("Fpgas", []):
        yield "fpga", fpga["Manufacturer"].lower(), fpga["Count"]
    for device in (described.get("NeuronInfo") or {}).get("NeuronDevices", []):
        yield "inference", "amazon-web-services", device["Count"]


def _accelerated(described: Document, wanted: Document) -> bool:
    return _within(sum(count for _, _, count in _accelerators(described)), wanted, "AcceleratorCount")


def _one_of(wanted: Document, requirement: str, values: Iterable[str]) -> bool:
    """Say whether one of a type's values is wanted; nothing said wants all."""
    listed = wanted.get(requirement)
    return not listed or bool(set(listed) & set(values))


def _named(described: Document, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(described["InstanceType"], pattern) for pattern in patterns)


def _allowed(described: Document, wanted: Document) -> bool:
    patterns = wanted.get("AllowedInstanceTypes")
    return not patterns or _named(described, patterns)


def _chosen(told: bool, wanted: Document, requirement: str) -> bool:  # noqa: FBT001  the value that is judged
    """Judge what may be included, required or excluded; AWS excludes it where nothing is said."""
    choice = wanted.get(requirement) or "excluded"
    return bool(choice == "included" or told == (choice == "required"))


_MAKERS = {"Intel": "intel", "AMD": "amd", "AWS": "amazon-web-services", "Apple": "apple"}

_JUDGES: Mapping[str, Judge] = {
    "VCpuCount": lambda each, wanted: _within(each["VCpuInfo"]["DefaultVCpus"], wanted, "VCpuCount"),
    "MemoryMiB": lambda each, wanted: _within(each["MemoryInfo"]["SizeInMiB"], wanted, "MemoryMiB"),
    "MemoryGiBPerVCpu": lambda each, wanted: _within(_memory_per_vcpu(each), wanted, "MemoryGiBPerVCpu"),
    "AcceleratorCount": _accelerated,
    "AcceleratorTypes": lambda each, wanted: _one_of(
        wanted, "AcceleratorTypes", (kind for kind, _, _ in _accelerators(each))
    ),
    "AcceleratorManufacturers": lambda each, wanted: _one_of(
        wanted, "AcceleratorManufacturers", (maker for _, maker, _ in _accelerators(each))
    ),
    "BareMetal": lambda each, wanted: _chosen(each["BareMetal"], wanted, "BareMetal"),
    "BurstablePerformance": lambda each, wanted: _chosen(
        each["BurstablePerformanceSupported"], wanted, "BurstablePerformance"
    ),
    "CpuManufacturers": lambda each, wanted: _one_of(
        wanted, "CpuManufacturers", [_MAKERS.get(each["ProcessorInfo"].get("Manufacturer", ""), "")]
    ),
    "InstanceGenerations": lambda each, wanted: _one_of(
        wanted, "InstanceGenerations", ["current" if each["CurrentGeneration"] else "previous"]
    ),
    "AllowedInstanceTypes": _allowed,
    "ExcludedInstanceTypes": lambda each, wanted: not _named(each, wanted.get("ExcludedInstanceTypes") or ()),
}
"""What is served; AWS's defaults: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceRequirements.html"""
