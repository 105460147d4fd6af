"""What a capacity runs, as far as EKS's releases and images tell."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, NodePool
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.release import Image, ReleaseLine
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.releases.families import (
    CUSTOM,
    UnmappedAmiTypeError,
    classify,
    line_of_ami_type,
    named,
    order,
    release_of,
)

# EKS's Linux images say "(k8s: 1.35.2, containerd: 2.1.*)", its Windows images "Kubernetes 1.35"; Canonical names its
# own "ubuntu-eks/k8s_1.35/images/…".
_MINOR_IN_TEXT = re.compile(r"(?:\bk8s: ?|\bkubernetes ?(?:version )?v?|/k8s_)(?P<minor>1\.\d+)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Build:
    """A release in use.

    Attributes:
        line: Its line.
        version: What orders it within the line; None where EKS gives a release version that cannot be read.
        words: What people know it by: the release version, or the image's id and name.
        image_id: The image that names it, for what is launched by an image's id.
    """

    line: ReleaseLine
    version: str | None
    words: str
    image_id: str | None = None


def builds_of(capacity: GroupCapacity | NodePool, snapshot: Snapshot) -> tuple[Build, ...]:
    """Return the releases that a capacity runs, of each line the oldest first: none for images of other makers.

    Raises:
        UnreadableError: If an image, a template or what EKS says of the node group cannot be read.
    """
    line = _line(capacity) if isinstance(capacity, ManagedNodeGroup) else None
    if isinstance(capacity, ManagedNodeGroup) and line is not None:
        return (Build(line, _version(line, capacity.release_version), f"release {capacity.release_version}"),)
    builds = [build for image in images_of(capacity, snapshot) if (build := build_of(image)) is not None]
    return tuple(sorted(builds, key=lambda build: (build.line, order(build.line, build.version or ""))))


def build_of(image: Image) -> Build | None:
    """Return the release that an image is; None for images that EKS did not publish."""
    release = classify(image)
    return None if release is None else Build(*release, f"{image.id} ({image.name})", image.id)


def images_of(capacity: GroupCapacity | NodePool, snapshot: Snapshot) -> tuple[Image, ...]:
    """Return the images that a group would launch from, or that a pool's nodes run.

    Raises:
        UnreadableError: If a group, its template or an image cannot be read.
    """
    if isinstance(capacity, NodePool):
        return tuple(image_of(image_id, snapshot) for image_id in _once(node.image_id for node in capacity.nodes))
    launches = [known(group.launch) for group in known(capacity.groups)]
    return tuple(image_of(image_id, snapshot) for image_id in _once(i for launch in launches for i in launch.image_ids))


def image_of(image_id: str, snapshot: Snapshot) -> Image:
    """Return an image.

    Raises:
        UnreadableError: If it was not read.
    """
    return known(snapshot.images.get(image_id, Gap("ec2:DescribeImages", image_id, "the image was not read")))


def minors_of(capacity: GroupCapacity | NodePool, snapshot: Snapshot) -> dict[str, str]:
    """Return the Kubernetes minors of a capacity's images, each with the words that name what runs it.

    For images launched by their id: the image's name, then its description, then what EKS says of the node group.

    Raises:
        UnreadableError: If an image tells none, or cannot be read.
    """
    default = capacity.version if isinstance(capacity, ManagedNodeGroup) else None
    if isinstance(capacity, ManagedNodeGroup) and capacity.ami_type != CUSTOM:
        return {_minor(capacity): f"release {capacity.release_version}"}
    return {_image_minor(image, default): f"image {image.id} ({image.name})" for image in images_of(capacity, snapshot)}


def _line(group: ManagedNodeGroup) -> ReleaseLine | None:
    if group.ami_type == CUSTOM:
        return None
    try:
        return line_of_ami_type(group.ami_type, _minor(group))
    except UnmappedAmiTypeError as error:
        raise UnreadableError(_of(group, str(error))) from error


def _version(line: ReleaseLine, release_version: str | None) -> str | None:
    try:
        return release_of(line, release_version or "")
    except ValueError:
        return None


def _minor(group: ManagedNodeGroup) -> str:
    return known(group.version or _of(group, "it names no Kubernetes version"))


def _image_minor(image: Image, default: str | None) -> str:
    release = named(image.name)
    if release is not None:
        return release[0].minor
    match = _MINOR_IN_TEXT.search(image.name) or _MINOR_IN_TEXT.search(image.description)
    if match:
        return match["minor"]
    return known(default or Gap("ec2:DescribeImages", image.id, "neither its name nor its description tells a kubelet"))


def _of(group: ManagedNodeGroup, error: str) -> Gap:
    return Gap("eks:DescribeNodegroup", group.name, error)


def _once(image_ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(image_ids))
