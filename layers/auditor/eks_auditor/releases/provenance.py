"""What an image's own record tells of the image it was built from: its builder's tags, and its description."""

import re
from collections.abc import Iterator, Mapping

from eks_auditor.model.release import Image, ReleaseLine
from eks_auditor.releases.families import named

# Packer sets no tags by itself. These are the usual spellings for its {{ .SourceAMIName }} and {{ .SourceAMI }}: those
# of the templates of awslabs/amazon-eks-ami, and of the examples in Packer's documentation of amazon-ebs.
_NAME_KEYS = frozenset({"source_ami_name", "source_image_name", "base_ami_name"})
_ID_KEYS = frozenset({"source_ami_id", "source_ami", "source_image_id", "base_ami_id"})

BUILDER_ARN = "Ec2ImageBuilderArn"
"""The tag that Image Builder sets on what it builds: the ARN of its image.

Source: https://docs.aws.amazon.com/imagebuilder/latest/userguide/tag-resources.html
"""

_BETWEEN_WORDS = re.compile(r"[\s,;()\[\]'\"<>]+")


def provenance_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return those of an image's tags that tell what built it from what."""
    return {key: value for key, value in sorted(tags.items()) if key == BUILDER_ARN or _plain(key) in _KEYS}


def source_id(image: Image) -> str | None:
    """Return the id of the image that a builder's tags say it was built from, or None."""
    return next((value for value in _values(image, _ID_KEYS) if value.startswith("ami-")), None)


def release_in_tags(image: Image) -> tuple[ReleaseLine, str, str] | None:
    """Return the line, version and name of the EKS release that a builder's tags name, or None."""
    return _first_release(_values(image, _NAME_KEYS))


def release_in_description(image: Image) -> tuple[ReleaseLine, str, str] | None:
    """Return the line, version and name of the EKS release that a description names in full, or None."""
    return _first_release(word.rstrip(".:") for word in _BETWEEN_WORDS.split(image.description))


def builder_of(image: Image) -> str:
    """Return whose tags an image's are."""
    return "Image Builder's tags" if BUILDER_ARN in image.tags else "Packer's tags"


_KEYS = _NAME_KEYS | _ID_KEYS


def _plain(key: str) -> str:
    return key.lower().replace("-", "_")


def _values(image: Image, keys: frozenset[str]) -> Iterator[str]:
    return (value for key, value in sorted(image.tags.items()) if _plain(key) in keys)


def _first_release(names: Iterator[str]) -> tuple[ReleaseLine, str, str] | None:
    found = ((*release, name) for name in names if (release := named(name)) is not None)
    return next(found, None)
