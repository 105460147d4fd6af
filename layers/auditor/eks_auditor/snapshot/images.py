"""Reads of EC2's images: by id, by name, what they descend from, and which ones the account allows."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, cast

from eks_auditor.model.capacity import UNRESOLVED
from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Ancestor, Image, ImageScan
from eks_auditor.releases.builds import NOT_VISIBLE
from eks_auditor.releases.provenance import provenance_tags
from eks_auditor.snapshot.ec2 import batches
from eks_auditor.snapshot.reading import known_or_gaps, read, utc
from eks_auditor.snapshot.reads import singly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import ImageAncestryEntryTypeDef, ImageTypeDef
    from mypy_boto3_ssm import SSMClient

    from eks_auditor.snapshot.reads import Answers, Reads

ACTIONS = frozenset({"ec2:DescribeImages", "ec2:GetAllowedImagesSettings", "ec2:GetImageAncestry", "ssm:GetParameters"})
"""The IAM actions that the calls in here need."""

_LARGEST_PAGE = 1000
_BAD_IMAGE = "InvalidAMIID"


def read_images(reads: Reads, ids: Iterable[str]) -> Callable[[], Answers[Image]]:
    """Start to describe images; those that another audit described lately are shared.

    Not for longer: their state, their scan and their deprecation change. One that a launch template names by a
    parameter, ``resolve:ssm:NAME``, which EC2 did not resolve, is the gap that tells why.
    """
    wanted = set(ids)
    parameters = {each for each in wanted if each.startswith(UNRESOLVED)}
    client, ssm_client = reads.clients.ec2, reads.clients.ssm
    # One by one: a parameter that the role may not read would refuse its neighbours.
    unresolved = {each: reads.start(_why_unresolved, ssm_client, each) for each in parameters}
    described = reads.passing(
        reads.cache.images, wanted - parameters, batches, lambda batch: describe_images(client, batch)
    )
    return lambda: described() | {each: why.result() for each, why in sorted(unresolved.items())}


def _why_unresolved(client: SSMClient, image_id: str) -> Gap:
    """Ask for a parameter as EC2 did in the caller's name, to tell one that is gone from one that is refused."""
    name = image_id.removeprefix(UNRESOLVED)
    # Its value is looked at by nobody, and its name may end on a version or a label, which the answer's does not.
    found = read("ssm:GetParameters", name, lambda: bool(client.get_parameters(Names=[name])["Parameters"]))
    if isinstance(found, Gap):
        return found
    said = "NotResolved: EC2 does not resolve it to an image" if found else "ParameterNotFound: it does not exist"
    return Gap("ssm:GetParameters", name, said)


def describe_images(client: EC2Client, ids: tuple[str, ...]) -> dict[str, Image | Gap]:
    """Describe images by id, deprecated and disabled ones too; one that cannot be seen is its own gap.

    :func:`eks_auditor.releases.builds.is_absent` tells the gap of an image that EC2 does not show. One id that does not
    exist makes EC2 refuse all: then half of them are asked for at a time, down to one.
    """
    return known_or_gaps(partial(_images_by_id, client), ids, unknown=_BAD_IMAGE, absent=_invisible)


def _invisible(image_id: str) -> Gap:
    said = f"{NOT_VISIBLE}: the image is withdrawn, made private, or hidden by this account's Allowed AMIs"
    return Gap("ec2:DescribeImages", image_id, said)


def _images_by_id(client: EC2Client, ids: tuple[str, ...]) -> dict[str, Image] | Gap:
    def call() -> dict[str, Image]:
        pages = client.get_paginator("describe_images").paginate(
            ImageIds=ids, IncludeDeprecated=True, IncludeDisabled=True
        )
        return {image["ImageId"]: _image(image) for page in pages for image in page["Images"]}

    return read("ec2:DescribeImages", ", ".join(ids), call)


def find_images(client: EC2Client, owner: str, pattern: str) -> tuple[Image, ...] | Gap:
    """Return an owner's images by a pattern of their names, deprecated ones too, oldest first."""

    def call() -> tuple[Image, ...]:
        pages = client.get_paginator("describe_images").paginate(
            Owners=[owner],
            IncludeDeprecated=True,
            Filters=[{"Name": "name", "Values": [pattern]}],
            PaginationConfig={"PageSize": _LARGEST_PAGE},
        )
        images = (_image(image) for page in pages for image in page["Images"])
        return tuple(sorted(images, key=lambda image: (image.created_at, image.name)))

    return read("ec2:DescribeImages", f"{owner} {pattern}", call)


def _image(described: ImageTypeDef) -> Image:
    # The stubs do not know the scan's results yet.
    scan = cast("Mapping[str, datetime] | None", described.get("ScanResults"))
    deprecated_at = described.get("DeprecationTime")
    return Image(
        id=described["ImageId"],
        name=described.get("Name", ""),
        owner_id=described["OwnerId"],
        owner_alias=described.get("ImageOwnerAlias"),
        description=described.get("Description", ""),
        created_at=_instant(described["CreationDate"]),
        architecture=described["Architecture"],
        state=described["State"],
        deprecated_at=_instant(deprecated_at) if deprecated_at else None,
        allowed=described.get("ImageAllowed"),
        scan=_scan(scan) if scan else None,
        source_image_id=described.get("SourceImageId"),
        source_image_region=described.get("SourceImageRegion"),
        tags=provenance_tags({tag["Key"]: tag.get("Value", "") for tag in described.get("Tags", [])}),
    )


def _scan(results: Mapping[str, datetime]) -> ImageScan:
    return ImageScan(
        scanned_at=_maybe_utc(results.get("FindingScanDate")),
        critical_fix_since=_maybe_utc(results.get("CriticalFixAvailableSince")),
        high_fix_since=_maybe_utc(results.get("HighFixAvailableSince")),
    )


def _instant(text: str) -> datetime:
    """Read EC2's ``2026-07-14T01:02:03.000Z``, a time that boto3 leaves as text."""
    return utc(datetime.fromisoformat(text))


def _maybe_utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else utc(instant)


def get_ancestry(client: EC2Client, image_id: str, region: str) -> tuple[Ancestor, ...] | Gap:
    """Return an image's ancestors, nearest first, none of them described yet.

    The answer begins with the image itself, and each entry names its parent's Region.
    """

    def call() -> tuple[Ancestor, ...] | Gap:
        entries = client.get_image_ancestry(ImageId=image_id)["ImageAncestryEntries"]
        untold = Gap("ec2:GetImageAncestry", image_id, "UnexpectedAnswer: it does not tell the image itself")
        return tuple(_ancestors(entries, region)) if entries else untold

    return read("ec2:GetImageAncestry", image_id, call)


def _ancestors(entries: Sequence[ImageAncestryEntryTypeDef], region: str) -> Iterator[Ancestor]:
    for number, entry in enumerate(entries):
        if number:
            created_at = _maybe_utc(entry.get("CreationDate"))
            alias = entry.get("ImageOwnerAlias")
            yield Ancestor(id=entry["ImageId"], region=region, owner_alias=alias, created_at=created_at, image=None)
        region = entry.get("SourceImageRegion") or region


def read_allowed_images(reads: Reads) -> Callable[[], str | Gap]:
    """Start to read whether the account's Allowed AMIs are ``enabled``, in ``audit-mode`` or ``disabled`` here."""
    client, region = reads.clients.ec2, reads.clients.region
    answers = reads.passing(
        reads.cache.allowed_images, [region], singly, lambda _: {region: get_allowed_images(client, region)}
    )
    return lambda: answers()[region]


def get_allowed_images(client: EC2Client, region: str) -> str | Gap:
    """Return the state of Allowed AMIs in a Region."""
    return read("ec2:GetAllowedImagesSettings", region, lambda: client.get_allowed_images_settings()["State"])
