"""The SSM public parameters that recommend releases: what to ask for, and what they say."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Shape(StrEnum):
    """How a public parameter is read."""

    DOCUMENT = "document"
    """One parameter, whose value is a JSON document with the release and its image."""

    DOCUMENT_AND_LEAF = "document and leaf"
    """A JSON document with the release, whose image may be told by a parameter below the name alone.

    AWS documents the leaf, and that the document has a ``release_version``; of its ``image_id`` it says nothing.
    """

    LEAVES = "leaves"
    """One parameter for each value, below the name."""


@dataclass(frozen=True, slots=True)
class ReleaseParameter:
    """The SSM public parameter that recommends a release of a line.

    Attributes:
        name: The whole parameter, or the path above its leaves.
        shape: Which of the two.
    """

    name: str
    shape: Shape

    @property
    def names(self) -> tuple[str, ...]:
        """The names to ask ``ssm:GetParameters`` for, all in one call: that with the release first."""
        match self.shape:
            case Shape.DOCUMENT:
                return (self.name,)
            case Shape.DOCUMENT_AND_LEAF:
                return (self.name, self.image)
            case Shape.LEAVES:
                return (f"{self.name}/image_version", self.image)

    @property
    def required(self) -> tuple[str, ...]:
        """Those of the names without which it recommends nothing."""
        return self.names if self.shape is Shape.LEAVES else self.names[:1]

    @property
    def image(self) -> str:
        """The parameter whose value is the image's id alone: what a fix takes. All families have one."""
        return f"{self.name}/image_id"

    @property
    def release(self) -> str:
        """The parameter that a fix takes the release version from; Windows has it in its document only."""
        return f"{self.name}/release_version" if self.shape is Shape.DOCUMENT else self.names[0]


class Recommended(NamedTuple):
    """What a public parameter says.

    Attributes:
        version: Spelt as :class:`~eks_auditor.model.release.Release` has it.
        image_id: The image.
        image_name: Its name, where the parameter tells it.
        apart: Whether another parameter told the image than the version: AWS moves such one by one.
    """

    version: str
    image_id: str
    image_name: str | None
    apart: bool = False
