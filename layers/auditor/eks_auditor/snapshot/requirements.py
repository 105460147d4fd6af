"""Instance requirements, by which a group asks for instances instead of naming types, and the types that match them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from eks_auditor.model.capacity import Bounds, InstanceRequirements
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.images import read_images
from eks_auditor.snapshot.reading import not_again, read
from eks_auditor.snapshot.reads import singly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.literals import ArchitectureTypeType
    from mypy_boto3_ec2.type_defs import InstanceRequirementsRequestTypeDef

    from eks_auditor.model.release import Image
    from eks_auditor.snapshot.reads import Reads

ACTIONS = frozenset({"ec2:GetInstanceTypesFromInstanceRequirements"})
"""The IAM actions that the calls in here need."""

_ACTION = "ec2:GetInstanceTypesFromInstanceRequirements"
_LARGEST_PAGE = 1000

type Wanted = tuple[str, str | None]
"""Requirements as :func:`canonical` writes them, and the image that is to run on what matches them."""

type Matches = Mapping[Wanted, tuple[str, ...] | Gap]
"""The types that EC2 matches."""


def canonical(described: Mapping[str, Any]) -> str:
    """Write requirements down as EC2 and Auto Scaling both describe them, the same text for the same requirements."""
    return json.dumps(described, sort_keys=True)


def read_matches(reads: Reads, wanted: Iterable[Wanted]) -> Callable[[], Matches]:
    """Start to read which types match requirements, once for each architecture that images need.

    EC2 is asked as Cluster Autoscaler asks it: for the architecture of the image that the group launches
    (``getInstanceTypeFromInstanceRequirements`` in kubernetes/autoscaler,
    ``cluster-autoscaler/cloudprovider/aws/aws_wrapper.go``); the virtualization is that of every EKS image.

    Returns:
        What to call for the types; they are looked for as soon as the images are known, so call it soon.
    """
    asked = sorted(set(wanted), key=str)
    described = read_images(reads, {image for _, image in asked if image})
    images = described()
    keys = {one: _key(one, images) for one in asked}
    matches = reads.passing(
        reads.cache.matching_types,
        {key for key in keys.values() if not isinstance(key, Gap)},
        singly,
        lambda names: {name: find_types(reads.clients.ec2, name) for name in names},
    )

    def found() -> Matches:
        types = matches()
        return {one: key if isinstance(key, Gap) else types[key] for one, key in keys.items()}

    return found


def _key(wanted: Wanted, images: Mapping[str, Image | Gap]) -> str | Gap:
    """Return what the types are asked for and remembered by: the architecture, and the requirements."""
    requirements, image_id = wanted
    if image_id is None:
        return Gap(_ACTION, "instance requirements", "NoImage: the launch template names no image to run on the types")
    image = images[image_id]
    return image if isinstance(image, Gap) else f"{image.architecture} {requirements}"


def find_types(client: EC2Client, key: str) -> tuple[str, ...] | Gap:
    """Return the types of the Region that match an architecture and requirements, by name.

    A failure is not retried: an audit that waits for it is not saved whole, and one check is not worth that.
    """
    architecture, _, requirements = key.partition(" ")
    asked = f"instance requirements for {architecture}"

    def call() -> tuple[str, ...]:
        pages = client.get_paginator("get_instance_types_from_instance_requirements").paginate(
            ArchitectureTypes=[cast("ArchitectureTypeType", architecture)],
            VirtualizationTypes=["hvm"],
            InstanceRequirements=cast("InstanceRequirementsRequestTypeDef", json.loads(requirements)),
            PaginationConfig={"PageSize": _LARGEST_PAGE},
        )
        return tuple(sorted(each["InstanceType"] for page in pages for each in page["InstanceTypes"]))

    # Auto Scaling makes no group of requirements that nothing matches.
    return not_again(read(_ACTION, asked, call) or Gap(_ACTION, asked, "UnexpectedAnswer: no type matches them"))


def combined(wanted: Iterable[Wanted], matches: Matches) -> InstanceRequirements | None:
    """Put together what a group asks for; None if it asks for nothing.

    A group may have several sets of requirements, one for each of its launch templates: the bounds are then the widest
    ones, and the types all that match any.
    """
    each_way = tuple(wanted)
    if not each_way:
        return None
    asked = tuple(dict.fromkeys(each_way))
    described = [json.loads(requirements) for requirements, _ in asked]
    counted = [each["AcceleratorCount"] for each in described if "AcceleratorCount" in each]
    return InstanceRequirements(
        vcpus=_widest(each.get("VCpuCount", {}) for each in described),
        memory_mib=_widest(each.get("MemoryMiB", {}) for each in described),
        accelerators=_widest(counted) if len(counted) == len(described) else None,
        types=_types([matches[each] for each in asked]),
        accelerator_makers=_named("AcceleratorManufacturers", described),
        accelerator_kinds=_named("AcceleratorTypes", described),
        sets=len(each_way),
    )


def _widest(ranges: Iterable[Mapping[str, int]]) -> Bounds:
    bounds = [(each.get("Min", 0), each.get("Max")) for each in ranges]
    greatest = [most for _, most in bounds if most is not None]
    return Bounds(
        least=min(least for least, _ in bounds), greatest=max(greatest) if len(greatest) == len(bounds) else None
    )


def _named(key: str, described: Iterable[Mapping[str, list[str]]]) -> tuple[str, ...]:
    return tuple(sorted({name for each in described for name in each.get(key, [])}))


def _types(answers: Iterable[tuple[str, ...] | Gap]) -> tuple[str, ...] | Gap:
    found: set[str] = set()
    for answer in answers:
        if isinstance(answer, Gap):
            return answer
        found.update(answer)
    return tuple(sorted(found))
