"""Node images and the releases that AWS publishes of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from eks_auditor.model.gap import Gap


@dataclass(frozen=True, slots=True, order=True)
class ReleaseLine:
    """What AWS builds releases of: (family, variant, architecture, Kubernetes minor).

    Attributes:
        family: ``al2``, ``al2023``, ``bottlerocket``, ``windows-2019`` and so on.
        variant: ``standard``, ``nvidia``, ``neuron``, ``fips``, ``nvidia-fips``, ``core``, ``full``.
        architecture: ``x86_64`` or ``arm64``.
        minor: ``1.35``.
    """

    family: str
    variant: str
    architecture: str
    minor: str

    def __str__(self) -> str:
        """Read like ``al2023/standard/x86_64/1.35``: the key of a snapshot's ``releases``."""
        return f"{self.family}/{self.variant}/{self.architecture}/{self.minor}"


class Evidence(StrEnum):
    """How a release's instant is known, the best evidence first."""

    POINTER = "the recommendation was seen to move to it"
    IMAGE = "its image was created in this Region"
    TABLE = "AWS's changelog dates it"
    NAME = "its name dates it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One published EKS optimized AMI build.

    Attributes:
        version: What orders it within its line: Linux ``20260714``, Windows ``2026.07.14``, Bottlerocket ``1.62.1``.
        image_id: The image in this Region, where it is still to be seen.
        published_at: When it became known, by the best evidence there is.
        known_by: That evidence.
    """

    version: str
    image_id: str | None
    published_at: datetime
    known_by: Evidence = Evidence.IMAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class PointerMove:
    """A release that a public parameter was seen to recommend.

    Attributes:
        version: As in :class:`Release`.
        image_id: Its image in this Region.
        at: When the parameter moved to it; None for what it held when watching began.
    """

    version: str
    image_id: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """What was seen of a line's public parameter in one Region since it is watched.

    Attributes:
        line: Whose.
        watched_since: When it was first read.
        moves: Oldest first; the last one is what it recommends now. Never empty.
        revision: How often it was seen to move.
    """

    line: ReleaseLine
    watched_since: datetime
    moves: tuple[PointerMove, ...]
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseHistory:
    """A line's releases in one Region.

    Attributes:
        parameter: The SSM public parameter that recommends one.
        recommended: The one recommended now; None when AWS has no such parameter (any more).
        releases: Those still to be seen, oldest first, the recommended one among them.
        family_newest: The newest release of the same family in other minors or variants here, or the recommended one
            if none is newer; read only for a recommended release so old that the question is whether the family still
            lives.
        owner_id: The account that owns the recommended image in this Region; where there is none, that of Amazon Linux
            or of another line of the family, if one was read.
        pointer: What the ledger saw of the parameter; None where nobody watches it.
    """

    parameter: str
    recommended: Release | None
    releases: tuple[Release, ...]
    family_newest: Release | Gap | None = None
    owner_id: str | None = None
    pointer: Pointer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageScan:
    """What Amazon Inspector found in an image (``ScanResults``).

    Attributes:
        scanned_at: When it last looked; None if it does not say.
        critical_fix_since: Since when a critical vulnerability has had a fix; None if none has.
        high_fix_since: The same of high ones.
    """

    scanned_at: datetime | None
    critical_fix_since: datetime | None
    high_fix_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An Amazon Machine Image, by ``ec2:DescribeImages``.

    Attributes:
        id: ``ami-…``.
        name: Its name.
        owner_id: The owner's account.
        owner_alias: ``amazon`` for AWS's own.
        description: Free text; EKS's Linux images name their kubelet here.
        created_at: Its creation in this Region.
        architecture: ``x86_64`` or ``arm64``.
        state: ``available``, ``disabled``, ``deregistered`` and so on.
        deprecated_at: Its ``DeprecationTime``, which may be yet to come.
        allowed: ``ImageAllowed``: False where Allowed AMIs, in audit mode, would hide it; None if EC2 does not say.
        scan: What Amazon Inspector found; None if it never looked.
        source_image_id: The image it was copied or built from, as EC2 knows it.
        source_image_region: Where that is.
        tags: Those that tell what built it from what: Image Builder's and Packer's.
    """

    id: str
    name: str
    owner_id: str
    owner_alias: str | None
    description: str
    created_at: datetime
    architecture: str
    state: str = "available"
    deprecated_at: datetime | None = None
    allowed: bool | None = None
    scan: ImageScan | None = None
    source_image_id: str | None = None
    source_image_region: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestor:
    """An image that another one descends from.

    Attributes:
        id: ``ami-…``.
        region: Where it is.
        owner_alias: ``amazon`` for AWS's own.
        created_at: Its creation as the ancestry tells it; None if that does not.
        image: As it is described there; None when it is gone or hidden, or the gap if it could not be asked.
    """

    id: str
    region: str
    owner_alias: str | None
    created_at: datetime | None
    image: Image | Gap | None
