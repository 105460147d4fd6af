"""The families of EKS optimized images: how AWS names, recommends, versions and orders their releases.

Everything that differs from family to family is in the tables here and nowhere else. Sources: the public parameters at
https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id.html and its neighbours for Bottlerocket and Windows,
the image names in the changelog of awslabs/amazon-eks-ami, and ``DescribeNodegroup``'s ``releaseVersion``. Windows Core
is Core and Full is Full here; a widely used Terraform module has the two swapped.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from eks_auditor.model.release import Image, ReleaseLine
from eks_auditor.releases.parameters import Recommended, ReleaseParameter, Shape

FAMILY_IN_DOUBT_AFTER = timedelta(days=60)
"""From this age on of a recommended release, the question is whether its family still lives."""

CUSTOM = "CUSTOM"
"""The AMI type of node groups that bring an image by its id."""


class UnmappedAmiTypeError(ValueError):
    """An AMI type that this version does not know: never a pass and never a failure."""

    def __init__(self, ami_type: str) -> None:
        """Name it."""
        super().__init__(f"AMI type {ami_type} is none that this version of eks-auditor knows; update eks-auditor")


@dataclass(frozen=True, slots=True)
class _Family:
    """The spelling of one family; templates take ``{minor}``, ``{variant}``, ``{architecture}`` and ``{machine}``.

    Attributes:
        parameter: The public parameter's name.
        shape: How to read it.
        name: An image's name up to its version.
        every: A wildcard for the names of all images of the family.
        image: An image's whole name.
        release: A ``releaseVersion``; its group ``version`` is what orders it.
        version: That version alone.
    """

    parameter: str
    shape: Shape
    name: str
    every: str
    image: re.Pattern[str]
    release: re.Pattern[str]
    version: re.Pattern[str]


# ASCII digits, and few enough to be a number soon read; a "d" class would take the digits of every script.
_N = "[0-9]{1,9}"
_MINOR = rf"(?P<minor>{_N}\.{_N})"
# A day, and a counter should AWS ever build twice on one.
_DAY = rf"(?P<version>[0-9]{{8}}(?:[.-]{_N})?)"
_DOTTED_DAY = rf"(?P<version>[0-9]{{4}}\.[0-9]{{2}}\.[0-9]{{2}}(?:[.-]{_N})?)"
# Bottlerocket's version says nothing about Kubernetes, and its commit nothing about order. What follows is a commit as
# git abbreviates it: "1.62.0-b1" is none of its releases.
_SEMVER = rf"(?P<version>{_N}\.{_N}\.{_N})(?:-[0-9a-f]{{7,40}})?"
_VARIANT = "[a-z0-9]+(?:-[a-z0-9]+)*"


def _windows(year: int) -> _Family:
    image = f"Windows_Server-{year}-English-{{variant}}-EKS_Optimized-{{minor}}"
    return _Family(
        parameter=f"/aws/service/ami-windows-latest/{image}",
        shape=Shape.DOCUMENT_AND_LEAF,
        name=f"{image}-",
        every=f"Windows_Server-{year}-English-*-EKS_Optimized-*",
        image=re.compile(rf"Windows_Server-{year}-English-(?P<variant>Core|Full)-EKS_Optimized-{_MINOR}-{_DOTTED_DAY}"),
        release=re.compile(rf"{_N}\.{_N}-{_DOTTED_DAY}"),
        version=re.compile(_DOTTED_DAY),
    )


_FAMILIES: Mapping[str, _Family] = {
    "al2": _Family(
        parameter="/aws/service/eks/optimized-ami/{minor}/amazon-linux-2{variant}/recommended",
        shape=Shape.DOCUMENT,
        name="amazon-eks{variant}-node-{minor}-v",
        every="amazon-eks-*node-1.*-v*",
        image=re.compile(rf"amazon-eks(?P<variant>-arm64|-gpu)?-node-{_MINOR}-v{_DAY}"),
        release=re.compile(rf"{_N}\.{_N}\.{_N}-{_DAY}"),
        version=re.compile(_DAY),
    ),
    "al2023": _Family(
        parameter="/aws/service/eks/optimized-ami/{minor}/amazon-linux-2023/{architecture}/{variant}/recommended",
        shape=Shape.DOCUMENT,
        name="amazon-eks-node-al2023-{machine}-{variant}-{minor}-v",
        every="amazon-eks-node-al2023-*",
        image=re.compile(rf"amazon-eks-node-al2023-(?P<machine>x86_64|arm64)-(?P<variant>{_VARIANT})-{_MINOR}-v{_DAY}"),
        release=re.compile(rf"{_N}\.{_N}\.{_N}-{_DAY}"),
        version=re.compile(_DAY),
    ),
    "bottlerocket": _Family(
        parameter="/aws/service/bottlerocket/aws-k8s-{minor}{variant}/{architecture}/latest",
        shape=Shape.LEAVES,
        name="bottlerocket-aws-k8s-{minor}{variant}-{machine}-v",
        every="bottlerocket-aws-k8s-*",
        image=re.compile(
            rf"bottlerocket-aws-k8s-{_MINOR}(?P<variant>-{_VARIANT})?-(?P<machine>x86_64|aarch64)-v{_SEMVER}"
        ),
        release=re.compile(_SEMVER),
        version=re.compile(_SEMVER),
    ),
    "windows-2019": _windows(2019),
    "windows-2022": _windows(2022),
    "windows-2025": _windows(2025),
}

_AMI_TYPES: Mapping[str, tuple[str, str, str] | None] = {
    "AL2_x86_64": ("al2", "standard", "x86_64"),
    "AL2_x86_64_GPU": ("al2", "gpu", "x86_64"),
    "AL2_ARM_64": ("al2", "standard", "arm64"),
    CUSTOM: None,
    "BOTTLEROCKET_ARM_64": ("bottlerocket", "standard", "arm64"),
    "BOTTLEROCKET_x86_64": ("bottlerocket", "standard", "x86_64"),
    "BOTTLEROCKET_ARM_64_FIPS": ("bottlerocket", "fips", "arm64"),
    "BOTTLEROCKET_x86_64_FIPS": ("bottlerocket", "fips", "x86_64"),
    "BOTTLEROCKET_ARM_64_NVIDIA": ("bottlerocket", "nvidia", "arm64"),
    "BOTTLEROCKET_x86_64_NVIDIA": ("bottlerocket", "nvidia", "x86_64"),
    "BOTTLEROCKET_ARM_64_NVIDIA_FIPS": ("bottlerocket", "nvidia-fips", "arm64"),
    "BOTTLEROCKET_x86_64_NVIDIA_FIPS": ("bottlerocket", "nvidia-fips", "x86_64"),
    "WINDOWS_CORE_2019_x86_64": ("windows-2019", "core", "x86_64"),
    "WINDOWS_FULL_2019_x86_64": ("windows-2019", "full", "x86_64"),
    "WINDOWS_CORE_2022_x86_64": ("windows-2022", "core", "x86_64"),
    "WINDOWS_FULL_2022_x86_64": ("windows-2022", "full", "x86_64"),
    "WINDOWS_CORE_2025_x86_64": ("windows-2025", "core", "x86_64"),
    "WINDOWS_FULL_2025_x86_64": ("windows-2025", "full", "x86_64"),
    "AL2023_x86_64_STANDARD": ("al2023", "standard", "x86_64"),
    "AL2023_ARM_64_STANDARD": ("al2023", "standard", "arm64"),
    "AL2023_x86_64_NEURON": ("al2023", "neuron", "x86_64"),
    "AL2023_x86_64_NVIDIA": ("al2023", "nvidia", "x86_64"),
    "AL2023_ARM_64_NVIDIA": ("al2023", "nvidia", "arm64"),
}
"""EKS's AMI types to (family, variant, architecture); None has no releases. A test holds it against botocore's enum."""


def ami_types() -> tuple[str, ...]:
    """Return EKS's AMI types that have releases, by name: all but ``CUSTOM``."""
    return tuple(sorted(ami_type for ami_type, mapped in _AMI_TYPES.items() if mapped is not None))


def line_of_ami_type(ami_type: str, minor: str) -> ReleaseLine | None:
    """Return the release line of a node group's AMI type at its Kubernetes minor; None for ``CUSTOM``.

    Raises:
        UnmappedAmiTypeError: If this version does not know the type.
    """
    if ami_type not in _AMI_TYPES:
        raise UnmappedAmiTypeError(ami_type)
    mapped = _AMI_TYPES[ami_type]
    return None if mapped is None else ReleaseLine(*mapped, minor)


def lines_of_minor(minor: str) -> tuple[ReleaseLine, ...]:
    """Return the line of every AMI type at a Kubernetes minor, whether AWS ever published a release of it or not."""
    return tuple(sorted(ReleaseLine(*mapped, minor) for mapped in _AMI_TYPES.values() if mapped is not None))


def parameter_of(line: ReleaseLine) -> ReleaseParameter:
    """Return the public parameter that recommends a release of a line."""
    family = _FAMILIES[line.family]
    return ReleaseParameter(family.parameter.format_map(_spelling(line)), family.shape)


def read_parameter(line: ReleaseLine, values: Mapping[str, str]) -> Recommended:
    """Read what a line's public parameter recommends; ``values`` are SSM's, by parameter name.

    Raises:
        ValueError: If the parameter is not among them or is not what this family's parameters look like.
    """
    parameter = parameter_of(line)
    missing = [name for name in parameter.required if name not in values]
    if missing:
        message = f"no value was given of the public parameter {missing[0]}"
        raise ValueError(message)
    if parameter.shape is Shape.LEAVES:
        version, image_id = (values[name] for name in parameter.names)
        return Recommended(release_of(line, version), image_id, None, apart=True)
    try:
        document = json.loads(values[parameter.name])
        name = document.get("image_name")
        apart = "image_id" not in document
        return Recommended(
            version=release_of(line, document["release_version"]),
            image_id=_text(values[parameter.image] if apart else document["image_id"]),
            image_name=None if name is None else _text(name),
            apart=apart,
        )
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        message = f"the public parameter {parameter.name} is no JSON document with a release_version and an image_id"
        raise ValueError(message) from error


def name_pattern(line: ReleaseLine) -> str:
    """Return ``ec2:DescribeImages``' wildcard for the names of all releases of a line."""
    return f"{_name_prefix(line)}*"


def family_pattern(line: ReleaseLine) -> str:
    """Return the wildcard for the names of all releases of a line's family, whatever the minor and variant."""
    return _FAMILIES[line.family].every


def classify(image: Image, owner_id: str | None = None) -> tuple[ReleaseLine, str] | None:
    """Return the line and version of an image that AWS publishes for EKS; None for every other image.

    The name alone proves nothing: anybody may give an image any name. So its owner has to be AWS too, by the alias or,
    where EC2 tells none (as it may in China and GovCloud), by being the account whose image is recommended: the
    accounts that publish differ by family and Region, and no table of them stays true.

    Args:
        image: Any image.
        owner_id: The owner of the image that is recommended in this Region of the line that the name tells.
    """
    published = image.owner_alias == "amazon" or (owner_id is not None and image.owner_id == owner_id)
    return named(image.name) if published else None


def named(name: str) -> tuple[ReleaseLine, str] | None:
    """Return the line and version that an image's name tells, whoever owns it; None if it tells none."""
    for family, spelling in _FAMILIES.items():
        match = spelling.image.fullmatch(name)
        if match:
            groups = match.groupdict()
            variant, architecture = _read_spelling(groups.get("variant") or "", groups.get("machine") or "x86_64")
            line = ReleaseLine(family, variant, architecture, groups["minor"])
            # One spelling a line: what :func:`name_pattern` would not find is none of its images.
            return (line, groups["version"]) if name.startswith(_name_prefix(line)) else None
    return None


def release_of(line: ReleaseLine, release_version: str) -> str:
    """Return what orders a release, ``20260714``, from a node group's ``releaseVersion``, ``1.35.2-20260714``.

    Raises:
        ValueError: If it is not spelt as this family's are.
    """
    match = _FAMILIES[line.family].release.fullmatch(release_version)
    if match is None:
        message = f"{release_version!r} is not spelt like a release version of {line.family}"
        raise ValueError(message)
    return match["version"]


def order(line: ReleaseLine, version: str) -> tuple[int, ...]:
    """Return what a line's versions are compared by: a day or a semantic version as numbers, never as text.

    Raises:
        ValueError: If it is not spelt as this family's versions are.
    """
    match = _FAMILIES[line.family].version.fullmatch(version)
    if match is None:
        message = f"{version!r} is not spelt like a version of {line.family}"
        raise ValueError(message)
    return tuple(int(number) for number in re.findall("[0-9]+", match["version"]))


def day_of(line: ReleaseLine, version: str) -> date | None:
    """Return the day that a version tells; None where it tells none, as Bottlerocket's never do.

    Raises:
        ValueError: If it is not spelt as this family's versions are.
    """
    order(line, version)
    digits = version.replace(".", "")[:8]
    try:
        return None if line.family == "bottlerocket" else date.fromisoformat(digits)
    except ValueError:
        return None


def _name_prefix(line: ReleaseLine) -> str:
    """Return an image's name up to its version."""
    return _FAMILIES[line.family].name.format_map(_spelling(line))


def _text(value: object) -> str:
    if not isinstance(value, str):
        message = f"{value!r} is no text"
        raise TypeError(message)
    return value


def _spelling(line: ReleaseLine) -> Mapping[str, str]:
    """Return how a line's family spells it in names and parameters."""
    variant, machine = line.variant, line.architecture
    if line.family == "al2":
        # One word stands for both.
        word = "arm64" if line.architecture == "arm64" else line.variant
        variant = "" if word == "standard" else f"-{word}"
    elif line.family == "bottlerocket":
        variant = "" if line.variant == "standard" else f"-{line.variant}"
        machine = line.architecture.replace("arm64", "aarch64")
    elif line.family.startswith("windows-"):
        variant = line.variant.capitalize()
    return {"minor": line.minor, "variant": variant, "architecture": line.architecture, "machine": machine}


def _read_spelling(variant: str, machine: str) -> tuple[str, str]:
    """Return the variant and architecture that an image's name spells: :func:`_spelling` backwards."""
    if variant == "-arm64":
        return "standard", "arm64"
    return variant.removeprefix("-").lower() or "standard", machine.replace("aarch64", "arm64")
