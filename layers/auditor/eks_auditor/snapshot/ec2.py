"""Reads of EC2: instances, subnets, instance types and where they are offered."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from eks_auditor.model.capacity import InstanceType, Interface, Node
from eks_auditor.model.cluster import Subnet
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.reading import for_each, read, utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import (
        FilterTypeDef,
        InstanceNetworkInterfaceTypeDef,
        InstanceTypeDef,
        InstanceTypeInfoTypeDef,
        SubnetTypeDef,
    )

ACTIONS = frozenset(
    {
        "ec2:DescribeInstanceTypeOfferings",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeInstances",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:DescribePlacementGroups",
        "ec2:DescribeSubnets",
    }
)
"""The IAM actions that the calls in here and in :mod:`eks_auditor.snapshot.templates` need."""

NODE_TAGS = ("aws:", "eks:", "karpenter", "kubernetes.io", "k8s.io", "alpha.eksctl.io")
"""Beginnings of the tags of an instance that a snapshot keeps; the rest is other people's business."""

NAMES_A_CALL = 100
"""Images or instance types that one call is asked for."""

_LARGEST_PAGE = 1000
_PRIMARY = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """An instance that may be a node.

    Attributes:
        node: As a node; its ``zone_id`` is the zone's name where EC2 gives no id.
        subnet_id: Where it is.
        run_by_eks: Whether EKS launched it as an EC2 managed instance, which only Auto Mode does.
    """

    node: Node
    subnet_id: str
    run_by_eks: bool


def find_instances(client: EC2Client, name: str, value: str) -> tuple[Instance, ...] | Gap:
    """Return the pending and running instances that match a filter, such as ``tag:aws:eks:cluster-name``.

    Auto Mode's too, where the account hides the resources that AWS manages in it.
    """
    filters: list[FilterTypeDef] = [
        {"Name": name, "Values": [value]},
        {"Name": "instance-state-name", "Values": ["pending", "running"]},
    ]

    def call() -> tuple[Instance, ...]:
        pages = client.get_paginator("describe_instances").paginate(
            Filters=filters,
            IncludeManagedResources=True,
            PaginationConfig={"PageSize": _LARGEST_PAGE},
        )
        reservations = (reservation for page in pages for reservation in page["Reservations"])
        return tuple(_instance(instance) for reservation in reservations for instance in reservation["Instances"])

    return read("ec2:DescribeInstances", f"{name} {value}", call)


def _instance(described: InstanceTypeDef) -> Instance:
    operator, placement = described.get("Operator", {}), described["Placement"]
    tags = {tag["Key"]: tag.get("Value", "") for tag in described.get("Tags", [])}
    return Instance(
        node=Node(
            id=described["InstanceId"],
            image_id=described["ImageId"],
            instance_type=described["InstanceType"],
            zone_id=placement.get("AvailabilityZoneId") or placement["AvailabilityZone"],
            launched_at=utc(described["LaunchTime"]),
            tags={key: value for key, value in tags.items() if key.startswith(NODE_TAGS)},
            interfaces=tuple(_interfaces(described)),
        ),
        subnet_id=described.get("SubnetId", ""),
        run_by_eks=operator.get("Managed", False) and operator.get("Principal", "").startswith("eks."),
    )


def _interfaces(described: InstanceTypeDef) -> Iterator[Interface]:
    """Yield the network interfaces, the primary one first; a branch interface, of a pod, is none of the instance's."""
    attached = (interface for interface in described.get("NetworkInterfaces", []) if "Attachment" in interface)
    for interface in sorted(attached, key=_place):
        yield Interface(
            subnet_id=interface["SubnetId"],
            primary=_place(interface) == _PRIMARY,
            addresses=len(interface.get("PrivateIpAddresses", [])),  # one for EFA only has none
            prefixes=len(interface.get("Ipv4Prefixes", [])),
        )


def _place(interface: InstanceNetworkInterfaceTypeDef) -> tuple[int, int]:
    """Return an interface's network card, and its device index there."""
    attachment = interface["Attachment"]
    return attachment.get("NetworkCardIndex", 0), attachment["DeviceIndex"]


def list_subnets(client: EC2Client, region: str) -> Mapping[str, Subnet] | Gap:
    """Return all subnets of the account and Region by id, those that other accounts share with it too.

    All in pages of 1,000, and not a VPC at a time: one call then serves every cluster of the Region, and the subnets
    of other VPCs that groups launch in. None at all is no answer: the cluster that they are read for has some.
    """
    action = "ec2:DescribeSubnets"

    def call() -> dict[str, Subnet]:
        pages = client.get_paginator("describe_subnets").paginate(PaginationConfig={"PageSize": _LARGEST_PAGE})
        return {subnet["SubnetId"]: _subnet(subnet) for page in pages for subnet in page["Subnets"]}

    return read(action, region, call) or Gap(action, region, "UnexpectedAnswer: it tells no subnet")


def find_subnets(client: EC2Client, ids: tuple[str, ...]) -> Mapping[str, Subnet] | Gap:
    """Return subnets by id; those that do not exist are left out."""

    def call() -> dict[str, Subnet]:
        pages = client.get_paginator("describe_subnets").paginate(
            Filters=[{"Name": "subnet-id", "Values": ids}], PaginationConfig={"PageSize": _LARGEST_PAGE}
        )
        return {subnet["SubnetId"]: _subnet(subnet) for page in pages for subnet in page["Subnets"]}

    return read("ec2:DescribeSubnets", ", ".join(ids), call)


def _subnet(described: SubnetTypeDef) -> Subnet:
    return Subnet(
        id=described["SubnetId"],
        vpc_id=described["VpcId"],
        zone_id=described["AvailabilityZoneId"],
        zone_name=described["AvailabilityZone"],
        free_addresses=described["AvailableIpAddressCount"],
        public=described["MapPublicIpOnLaunch"],
    )


def batches(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Cut image ids or instance types into what one call is asked for; a filter takes at most 200."""
    return list(batched(sorted(names), NAMES_A_CALL, strict=False))


def describe_instance_types(client: EC2Client, names: tuple[str, ...]) -> dict[str, InstanceType | Gap]:
    """Describe instance types by name; one that EC2 does not know here is its own gap.

    By filter: asked for by name, one unknown type would make EC2 refuse all of them.
    """

    def call() -> dict[str, InstanceType]:
        pages = client.get_paginator("describe_instance_types").paginate(
            Filters=[{"Name": "instance-type", "Values": names}]
        )
        return {info["InstanceType"]: _instance_type(info) for page in pages for info in page["InstanceTypes"]}

    found = read("ec2:DescribeInstanceTypes", ", ".join(names), call)
    if isinstance(found, Gap):
        return {**for_each(found, names)}
    unknown = "NotFound: EC2 does not know this instance type in this Region"
    return {name: found.get(name) or Gap("ec2:DescribeInstanceTypes", name, unknown) for name in names}


def _instance_type(info: InstanceTypeInfoTypeDef) -> InstanceType:
    gpus = info.get("GpuInfo", {}).get("Gpus", [])
    devices = info.get("NeuronInfo", {}).get("NeuronDevices", [])
    gpu_count = sum(gpu.get("Count", 0) for gpu in gpus)
    # Older types tell their Neuron devices as inference accelerators, newer ones tell them as both.
    inference = sum(
        device.get("Count", 0) for device in info.get("InferenceAcceleratorInfo", {}).get("Accelerators", [])
    )
    neuron = max(sum(device.get("Count", 0) for device in devices), inference)
    return InstanceType(
        name=info["InstanceType"],
        architecture=next(
            (one for one in info["ProcessorInfo"]["SupportedArchitectures"] if one in ("x86_64", "arm64")), "unknown"
        ),
        vcpus=info["VCpuInfo"]["DefaultVCpus"],
        memory_mib=info["MemoryInfo"]["SizeInMiB"],
        accelerators=gpu_count + neuron,
        addresses_per_interface=info.get("NetworkInfo", {}).get("Ipv4AddressesPerInterface"),
        gpus=gpu_count,
        gpu_maker=next((gpu["Manufacturer"] for gpu in gpus if gpu.get("Count") and "Manufacturer" in gpu), ""),
        neuron_devices=neuron,
        # EC2 tells the cores of one device.
        neuron_cores=sum(each.get("Count", 0) * each.get("CoreInfo", {}).get("Count", 0) for each in devices),
    )


def find_offered_zones(client: EC2Client, names: tuple[str, ...]) -> dict[str, frozenset[str] | Gap]:
    """Return for each type the ids of the zones that offer it; none for a type that is not offered here at all.

    That not one of all is offered is no answer: nodes run on some, or EC2 does not know the type either.
    """

    def call() -> tuple[tuple[str, str], ...]:
        return tuple(_offerings(client, names))

    action, asked = "ec2:DescribeInstanceTypeOfferings", ", ".join(names)
    found = read(action, asked, call) or Gap(action, asked, "UnexpectedAnswer: no zone offers any of them")
    if isinstance(found, Gap):
        return {**for_each(found, names)}
    return {name: frozenset(zone for offered, zone in found if offered == name) for name in names}


def _offerings(client: EC2Client, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    pages = client.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone-id",
        Filters=[{"Name": "instance-type", "Values": names}],
        PaginationConfig={"PageSize": _LARGEST_PAGE},
    )
    for page in pages:
        for offering in page["InstanceTypeOfferings"]:
            yield offering["InstanceType"], offering["Location"]
