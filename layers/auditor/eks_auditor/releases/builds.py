"""What a capacity runs, as far as EKS's releases and images tell."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, NodePool, ScalingGroup
from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Image, ReleaseLine
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.releases.families import (
    CUSTOM,
    UnmappedAmiTypeError,
    classify,
    line_of_ami_type,
    named,
    order,
    parameter_of,
    release_of,
)
from eks_auditor.releases.provenance import release_in_tags

NOT_VISIBLE = "NotVisible"
"""How the gap of an image begins that EC2 answered nothing for, neither the image nor an error."""

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


@dataclass(frozen=True, slots=True)
class Kubelet:
    """A kubelet in use.

    Attributes:
        minor: Its Kubernetes minor.
        words: What people know by that brings it: the release version, or the image's id and name.
    """

    minor: str
    words: str


def builds_of(capacity: GroupCapacity | NodePool, snapshot: Snapshot) -> tuple[Build, ...]:
    """Return the releases that a capacity runs, as far as they can be read: what to look up, nothing to judge by."""
    return tuple(build for build in builds_or_gaps(capacity, snapshot) if not isinstance(build, Gap))


def builds_or_gaps(capacity: GroupCapacity | NodePool, snapshot: Snapshot) -> tuple[Build | Gap, ...]:
    """Return the releases that a capacity runs, of each line the oldest first: none for images of other makers.

    What cannot be read (an image, a template, what EKS says of the node group) is its gap and comes last: it hides none
    of the others.
    """
    release = _release(capacity) if isinstance(capacity, ManagedNodeGroup) else None
    if release is not None:
        return (release,)
    told = [
        image if isinstance(image, Gap) else build_of(image, snapshot) for image in images_or_gaps(capacity, snapshot)
    ]
    builds = [build for build in told if isinstance(build, Build)]
    builds.sort(key=lambda build: (build.line, order(build.line, build.version or "")))
    return (*builds, *(gap for gap in told if isinstance(gap, Gap)))


def build_of(image: Image, snapshot: Snapshot) -> Build | Gap | None:
    """Return the release that an image is; None for images that EKS did not publish.

    The gap where only the owner of the recommended image could tell, and that was not read.
    """
    release, told = classify(image), named(image.name)
    if release is None and told is not None:
        parameter = parameter_of(told[0]).name
        unread = Gap("ssm:GetParameters", parameter, "the release line was not read")
        history = snapshot.releases.get(str(told[0]), unread)
        if isinstance(history, Gap):
            return history
        release = classify(image, history.owner_id)
    return None if release is None else Build(*release, f"{image.id} ({image.name})", image.id)


def is_absent(gap: Gap) -> bool:
    """Tell an image that EC2 answered it does not show from one that could not be asked about.

    Absent is what was deregistered, was never there, was made private or is hidden by this account's Allowed AMIs.
    """
    code = gap.error.partition(":")[0]
    return gap.action == "ec2:DescribeImages" and (code == NOT_VISIBLE or code.startswith("InvalidAMIID."))


def images_or_gaps(capacity: GroupCapacity | NodePool, snapshot: Snapshot) -> tuple[Image | Gap, ...]:
    """Return the images that a group would launch from, or that a pool's nodes run: each, or the gap in its place."""
    if isinstance(capacity, NodePool):
        return tuple(image_or_gap(image_id, snapshot) for image_id in _once(node.image_id for node in capacity.nodes))
    if isinstance(capacity.groups, Gap):
        return (capacity.groups,)
    return images_launched(capacity.groups, snapshot)


def images_launched(groups: Iterable[ScalingGroup], snapshot: Snapshot) -> tuple[Image | Gap, ...]:
    """Return the images that Auto Scaling groups would launch from: each, or the gap in its place."""
    launches = [group.launch for group in groups]
    image_ids = _once(i for launch in launches if not isinstance(launch, Gap) for i in launch.image_ids)
    unread = (launch for launch in launches if isinstance(launch, Gap))
    return (*(image_or_gap(image_id, snapshot) for image_id in image_ids), *unread)


def image_or_gap(image_id: str, snapshot: Snapshot) -> Image | Gap:
    """Return an image, or why it was not read."""
    return snapshot.images.get(image_id, Gap("ec2:DescribeImages", image_id, "the image was not read"))


def minors_of(capacity: GroupCapacity | NodePool, snapshot: Snapshot) -> dict[str, str]:
    """Return the Kubernetes minors of a capacity's images as far as they can be read, each with what brings it."""
    kubelets = kubelets_or_gaps(capacity, snapshot)
    return {kubelet.minor: kubelet.words for kubelet in kubelets if not isinstance(kubelet, Gap)}


def kubelets_or_gaps(capacity: GroupCapacity | NodePool, snapshot: Snapshot) -> tuple[Kubelet | Gap, ...]:
    """Return the kubelets of a capacity's images, each or the gap in its place: of images that tell no minor, too.

    For images launched by their id: the image's name, then its description, then the same of what it was built on, then
    its builder's tags, then what EKS says of the node group. Where what it was built on could not be read, the last
    does not stand in for it.
    """
    if isinstance(capacity, ManagedNodeGroup) and capacity.ami_type != CUSTOM:
        minor = _minor(capacity)
        return (minor if isinstance(minor, Gap) else Kubelet(minor, f"release {capacity.release_version}"),)
    default = capacity.version if isinstance(capacity, ManagedNodeGroup) else None
    return tuple(_kubelet(image, default, snapshot) for image in images_or_gaps(capacity, snapshot))


def _release(group: ManagedNodeGroup) -> Build | Gap | None:
    """Return the release that EKS names of a group; None where it launches an image by its id."""
    if group.ami_type == CUSTOM:
        return None
    minor = _minor(group)
    if isinstance(minor, Gap):
        return minor
    try:
        line = line_of_ami_type(group.ami_type, minor)
    except UnmappedAmiTypeError as error:
        return _of(group, str(error))
    words = f"release {group.release_version}"
    return None if line is None else Build(line, _version(line, group.release_version), words)


def _version(line: ReleaseLine, release_version: str | None) -> str | None:
    try:
        return release_of(line, release_version or "")
    except ValueError:
        return None


def _minor(group: ManagedNodeGroup) -> str | Gap:
    return group.version or _of(group, "it names no Kubernetes version")


def _kubelet(image: Image | Gap, default: str | None, snapshot: Snapshot) -> Kubelet | Gap:
    if isinstance(image, Gap):
        return image
    minor = _image_minor(image) or _inherited_minor(image, snapshot) or default
    if minor is None:
        return Gap("ec2:DescribeImages", image.id, "neither its name nor its description tells a kubelet")
    return minor if isinstance(minor, Gap) else Kubelet(minor, f"image {image.id} ({image.name})")


def _inherited_minor(image: Image, snapshot: Snapshot) -> str | Gap | None:
    """Return the minor of the nearest ancestor that tells one, or else that of the release that a builder noted."""
    ancestors = snapshot.ancestors.get(image.id, ())
    if isinstance(ancestors, Gap):
        return ancestors if ancestors.retryable else _noted_minor(image) or ancestors
    for ancestor in ancestors:
        if isinstance(ancestor.image, Gap):
            return ancestor.image
        if ancestor.image is not None and (minor := _image_minor(ancestor.image)):
            return minor
    return _noted_minor(image)


def _noted_minor(image: Image) -> str | None:
    noted = release_in_tags(image)
    return None if noted is None else noted[0].minor


def _image_minor(image: Image) -> str | None:
    release = named(image.name)
    if release is not None:
        return release[0].minor
    match = _MINOR_IN_TEXT.search(image.name) or _MINOR_IN_TEXT.search(image.description)
    return match["minor"] if match else None


def _of(group: ManagedNodeGroup, error: str) -> Gap:
    return Gap("eks:DescribeNodegroup", group.name, error)


def _once(image_ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(image_ids))
