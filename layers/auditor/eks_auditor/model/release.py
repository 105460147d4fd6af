"""Node images and the releases that AWS publishes of them."""

from dataclasses import dataclass
from datetime import datetime

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One published EKS optimized AMI build.

    Attributes:
        version: What orders it within its line: Linux ``20260714``, Windows ``2026.07.14``, Bottlerocket ``1.62.1``.
        image_id: The image in this Region, where it is still to be seen.
        published_at: When it became known: the image's creation in this Region, else the date in its name.
    """

    version: str
    image_id: str | None
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseHistory:
    """A line's releases in one Region.

    Attributes:
        parameter: The SSM public parameter that recommends one.
        recommended: The one recommended now; None when AWS has no such parameter (any more).
        releases: Those still to be seen, oldest first, the recommended one among them.
        family_newest: The newest release of the same family in any minor or variant here; read only for a
            recommended release so old that the question is whether the family still lives.
    """

    parameter: str
    recommended: Release | None
    releases: tuple[Release, ...]
    family_newest: Release | Gap | None = None


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
    """

    id: str
    name: str
    owner_id: str
    owner_alias: str | None
    description: str
    created_at: datetime
    architecture: str
