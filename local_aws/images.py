"""The images AWS publishes for EKS: names, owners, release versions and public parameters, spelt as AWS does."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from local_aws.identity import account_of, digest, resource_id

type Document = dict[str, Any]


class Family(StrEnum):
    """An operating system line; each has its own rules for names and versions."""

    AL2 = "al2"
    AL2023 = "al2023"
    BOTTLEROCKET = "bottlerocket"
    WINDOWS = "windows"
    AUTO_MODE = "auto-mode"


@dataclass(frozen=True, slots=True)
class AmiType:
    """One kind of image: what `amiType` stands for."""

    family: Family
    variant: str
    architecture: str


_INTEL, _ARM = "x86_64", "arm64"
_WINDOWS = {
    f"WINDOWS_{edition.upper()}_{year}_x86_64": AmiType(Family.WINDOWS, f"{year}-English-{edition}", _INTEL)
    for year in (2019, 2022, 2025)
    for edition in ("Core", "Full")
}
_BOTTLEROCKET = {
    f"BOTTLEROCKET_{label}{variant.upper().replace('-', '_')}": AmiType(Family.BOTTLEROCKET, variant, architecture)
    for label, architecture in (("x86_64", _INTEL), ("ARM_64", _ARM))
    for variant in ("", "-nvidia", "-fips", "-nvidia-fips")
}

PUBLISHED_AMI_TYPES: Mapping[str, AmiType] = {
    "AL2_x86_64": AmiType(Family.AL2, "", _INTEL),
    "AL2_ARM_64": AmiType(Family.AL2, "arm64", _ARM),
    "AL2_x86_64_GPU": AmiType(Family.AL2, "gpu", _INTEL),
    "AL2023_x86_64_STANDARD": AmiType(Family.AL2023, "standard", _INTEL),
    "AL2023_ARM_64_STANDARD": AmiType(Family.AL2023, "standard", _ARM),
    "AL2023_x86_64_NVIDIA": AmiType(Family.AL2023, "nvidia", _INTEL),
    "AL2023_ARM_64_NVIDIA": AmiType(Family.AL2023, "nvidia", _ARM),
    "AL2023_x86_64_NEURON": AmiType(Family.AL2023, "neuron", _INTEL),
    **_BOTTLEROCKET,
    **_WINDOWS,
    "AUTO_MODE_x86_64": AmiType(Family.AUTO_MODE, "standard", _INTEL),
}
"""What EKS publishes images for: botocore's AMI types without CUSTOM, and Auto Mode's, which no node group can have."""

_LINUX_OWNER = "602401143452"
_OWNERS = {
    (Family.BOTTLEROCKET, "us-east-1"): "092701018921",
    (Family.BOTTLEROCKET, "us-west-2"): "651937483462",
    (Family.BOTTLEROCKET, "eu-west-1"): "503807174151",
    (Family.WINDOWS, "us-east-1"): "957547624766",
    (Family.AUTO_MODE, "us-east-1"): "992382739861",
}

_BUILD_TO_PUBLICATION = timedelta(days=3)
_LIFE_UNTIL_DEPRECATION = timedelta(days=2 * 365)
_NEWEST_BOTTLEROCKET_MINOR = 62


@dataclass(frozen=True)
class Release:
    """One published build of one kind of image for one Kubernetes minor."""

    ami_type: str
    minor: str
    patch: int
    published: datetime
    newer: int
    """How many releases AWS has published since, withdrawn ones included: Bottlerocket's versions count down by it."""

    @property
    def kind(self) -> AmiType:
        """Return what the AMI type stands for."""
        return PUBLISHED_AMI_TYPES[self.ami_type]

    @property
    def _built(self) -> datetime:
        return self.published - _BUILD_TO_PUBLICATION

    @property
    def _semver(self) -> str:
        return f"1.{_NEWEST_BOTTLEROCKET_MINOR - self.newer}.0"

    @cached_property
    def version(self) -> str:
        """Return the release version as `DescribeNodegroup` shows it."""
        match self.kind.family:
            case Family.BOTTLEROCKET:
                return f"{self._semver}-{digest('commit', self._semver)[:8]}"
            case Family.WINDOWS:
                return f"{self.minor}-{self._built:%Y.%m.%d}"
            case _:
                return f"{self.minor}.{self.patch}-{self._built:%Y%m%d}"

    @cached_property
    def name(self) -> str:
        """Return the image's name."""
        kind, day = self.kind, f"{self._built:%Y%m%d}"
        machine = "aarch64" if kind.architecture == _ARM else kind.architecture
        match kind.family:
            case Family.AL2:
                return f"amazon-eks{'-' + kind.variant if kind.variant else ''}-node-{self.minor}-v{day}"
            case Family.AL2023:
                return f"amazon-eks-node-al2023-{kind.architecture}-{kind.variant}-{self.minor}-v{day}"
            case Family.BOTTLEROCKET:
                return f"bottlerocket-aws-k8s-{self.minor}{kind.variant}-{machine}-v{self.version}"
            case Family.WINDOWS:
                return f"Windows_Server-{kind.variant}-EKS_Optimized-{self.minor}-{self._built:%Y.%m.%d}"
            case Family.AUTO_MODE:
                return f"eks-auto-{kind.variant}-{self.minor}-{machine}-{day}"

    @property
    def description(self) -> str:
        """Return the image's description; on Amazon Linux it names the kubelet's full version."""
        patch = f"{self.minor}.{self.patch}"
        match self.kind.family:
            case Family.AL2 | Family.AL2023:
                system = "2" if self.kind.family is Family.AL2 else "2023"
                return (
                    f"EKS-optimized Kubernetes node based on Amazon Linux {system}, (k8s: {patch}, containerd: 2.1.*)"
                )
            case Family.WINDOWS:
                return f"Microsoft Windows Server {self.kind.variant} EKS-optimized locale for Kubernetes {self.minor}"
            case _:
                return self.name

    def image_id(self, region: str) -> str:
        """Return the image's id, which differs from Region to Region."""
        return resource_id("ami", region, self.name)

    def image(self, region: str) -> Document:
        """Describe the image as EC2 does."""
        owner = _OWNERS.get((self.kind.family, region))
        if owner is None:
            linux = self.kind.family in {Family.AL2, Family.AL2023}
            owner = _LINUX_OWNER if linux else account_of(self.kind.family, region)
        windows: Document = {"Platform": "Windows"} if self.kind.family is Family.WINDOWS else {}
        described = image_document(self.image_id(region), self.name, owner, self.published, self.kind.architecture)
        deprecated = self.published + _LIFE_UNTIL_DEPRECATION
        return (
            described
            | windows
            | {
                "Description": self.description,
                "Public": True,
                "ImageOwnerAlias": "amazon",
                "ImageLocation": f"amazon/{self.name}",
                "DeprecationTime": f"{deprecated:%Y-%m-%dT%H:%M}:00.000Z",
            }
        )

    def parameters(self, region: str, *, recommended: bool) -> Iterator[tuple[str, str]]:
        """Yield the public parameters, name and value, that lead to this release in a Region."""
        image, kind = self.image_id(region), self.kind
        match kind.family:
            case Family.AL2 | Family.AL2023:
                root = f"/aws/service/eks/optimized-ami/{self.minor}/{_linux_path(kind)}"
                yield from self._linux(f"{root}/{self.name}", image)
                if recommended:
                    yield from self._linux(f"{root}/recommended", image)
            case Family.BOTTLEROCKET:
                root = f"/aws/service/bottlerocket/aws-k8s-{self.minor}{kind.variant}/{kind.architecture}"
                for pointer in (self._semver, self.version, *(("latest",) if recommended else ())):
                    yield f"{root}/{pointer}/image_id", image
                    yield f"{root}/{pointer}/image_version", self.version
            case Family.WINDOWS:
                if recommended:
                    root = f"/aws/service/ami-windows-latest/Windows_Server-{kind.variant}-EKS_Optimized-{self.minor}"
                    yield (
                        root,
                        json.dumps({"image_id": image, "image_name": self.name, "release_version": self.version}),
                    )
                    yield f"{root}/image_id", image
            case Family.AUTO_MODE:
                return

    def _linux(self, path: str, image: str) -> Iterator[tuple[str, str]]:
        leaves = {"image_id": image, "image_name": self.name, "release_version": self.version}
        yield path, json.dumps({"schema_version": "2", **leaves})
        for leaf, value in leaves.items():
            yield f"{path}/{leaf}", value


def image_document(image_id: str, name: str, owner: str, created: datetime, architecture: str) -> Document:
    """Describe an image as EC2 does, with what every image has."""
    return {
        "ImageId": image_id,
        "Name": name,
        "OwnerId": owner,
        "ImageLocation": f"{owner}/{name}",
        "CreationDate": f"{created:%Y-%m-%dT%H:%M:%S}.000Z",
        "State": "available",
        "Public": False,
        "ImageType": "machine",
        "Architecture": architecture,
        "RootDeviceType": "ebs",
        "RootDeviceName": "/dev/xvda",
        "VirtualizationType": "hvm",
        "Hypervisor": "xen",
        "EnaSupport": True,
    }


def _linux_path(kind: AmiType) -> str:
    if kind.family is Family.AL2:
        return f"amazon-linux-2-{kind.variant}" if kind.variant else "amazon-linux-2"
    return f"amazon-linux-2023/{kind.architecture}/{kind.variant}"
