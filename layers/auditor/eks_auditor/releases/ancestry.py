"""What an image of other makers was built on, as far as EC2 and the image itself tell."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Ancestor, Image, ReleaseLine
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.releases.builds import Build, build_of
from eks_auditor.releases.families import named
from eks_auditor.releases.provenance import builder_of, release_in_description, release_in_tags

_AMAZON = "amazon"


@dataclass(frozen=True, slots=True)
class Descent:
    """What an image of other makers was built on: the nearest EKS release among its ancestors.

    Attributes:
        build: That release: ``image_id`` is the ancestor's id, None where only a name is known, and ``words`` name it.
            None where an ancestor of Amazon's is not to be seen and nothing tells that it was EKS's.
        created_at: The ancestor's creation: its image's, else by the ancestry; None if unknown.
        words: What people know it by.
        how: By which evidence it is known: ``ancestry``, ``source image``, ``Packer's tags``, ``Image Builder's tags``,
            ``description`` or ``name``.
    """

    build: Build | None
    created_at: datetime | None
    words: str
    how: str


def descent_of(image: Image, snapshot: Snapshot) -> Descent | Gap | None:
    """Return the nearest EKS release that an image of other makers descends from.

    EC2's ancestry comes first: it ends at the first public image of Amazon's or of the Marketplace, so an EKS image is
    its last entry, and so is a plain Amazon Linux one, which ends the search: nothing before it is EKS's. Where that
    names no release, the tags of the image and its ancestors may, then their descriptions, then their names: a copy may
    have kept that of EKS.

    Args:
        image: An image that EKS did not publish.
        snapshot: Where it and its ancestors were read.

    Returns:
        The descent; the gap that may hide it; None where there is no EKS release among its ancestors, as with an image
        built from scratch or a vendor's.

    Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-ancestry.html
    """
    ancestors = snapshot.ancestors.get(image.id, Gap("ec2:GetImageAncestry", image.id, "the ancestry was not read"))
    if isinstance(ancestors, Gap):
        return ancestors if ancestors.retryable else _told([image], None) or ancestors
    nearer = [image]
    for ancestor in ancestors:
        build = _release(ancestor, snapshot)
        if isinstance(build, Gap):
            return build
        if build is not None:
            return Descent(build, _created_at(ancestor), build.words, _how(ancestor, image))
        if ancestor.owner_alias == _AMAZON:
            return _gone(ancestor, nearer) if ancestor.image is None else None
        nearer += [ancestor.image] if isinstance(ancestor.image, Image) else []
    return _told(nearer, None)


def _release(ancestor: Ancestor, snapshot: Snapshot) -> Build | Gap | None:
    return build_of(ancestor.image, snapshot) if isinstance(ancestor.image, Image) else ancestor.image


def _created_at(ancestor: Ancestor) -> datetime | None:
    return ancestor.image.created_at if isinstance(ancestor.image, Image) else ancestor.created_at


def lines_named(image: Image, ancestors: Iterable[Ancestor]) -> frozenset[ReleaseLine]:
    """Return the release lines that a descent may be of: whose histories tell of it."""
    images = [image, *(each.image for each in ancestors if isinstance(each.image, Image))]
    told = [release for each in images for release in (release_in_tags(each), release_in_description(each))]
    names = [release for each in images if (release := named(each.name)) is not None]
    return frozenset({*(each[0] for each in told if each is not None), *(line for line, _ in names)})


def _gone(ancestor: Ancestor, nearer: list[Image]) -> Descent:
    """Return what is known of an image of Amazon's that is not to be seen: the name that its descendants noted.

    Without one it may as well have been a plain Amazon Linux or Windows Server: nothing tells that it was EKS's.
    """
    words = f"{ancestor.id}, an image of Amazon's that is gone, or hidden by Allowed AMIs"
    return _told(nearer, ancestor) or Descent(None, ancestor.created_at, words, "ancestry")


def _told(images: list[Image], gone: Ancestor | None) -> Descent | None:
    """Return the release that the tags, else the descriptions, else the names of an image and its ancestors tell."""
    for image in images:
        if (release := release_in_tags(image)) is not None:
            return _by_name(*release, builder_of(image), gone)
    for image in images:
        if (release := release_in_description(image)) is not None:
            return _by_name(*release, "description", gone)
    for image in images:
        if (told := named(image.name)) is not None:
            return _by_name(*told, image.name, "name", gone)
    return None


def _by_name(line: ReleaseLine, version: str, name: str, how: str, gone: Ancestor | None) -> Descent:
    image_id, created_at = (None, None) if gone is None else (gone.id, gone.created_at)
    words = name if image_id is None else f"{image_id} ({name})"
    return Descent(Build(line, version, words, image_id), created_at, words, how)


def _how(ancestor: Ancestor, image: Image) -> str:
    """Return how an ancestor is known; the ancestry dates each of its own."""
    if ancestor.created_at is not None:
        return "ancestry"
    return builder_of(image) if ancestor.id != image.source_image_id else "source image"
