"""The images AWS publishes for EKS: names, owners, release versions and public parameters, spelt as AWS does."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from local_aws.geography import partition_of
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
_LINUX_OWNERS = {
    "cn-north-1": "918309763551",
    "cn-northwest-1": "961992271922",
    "us-gov-east-1": "151742754352",
    "us-gov-west-1": "013241004608",
}
"""Regions where another account than elsewhere owns Amazon Linux images; there are more (guessi/eks-ami-finder)."""
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
    """How many releases were published between it and the fleet's loading: Bottlerocket's versions count down by it.

    Withdrawn ones are included; those published since the loading count on below zero.
    """

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
        described = image_document(
            self.image_id(region), self.name, self._owner(region), self.published, self.kind.architecture
        )
        if self.kind.family is Family.WINDOWS:
            described["Platform"] = "Windows"
        if partition_of(region) != "aws-cn":  # where no owner has an alias
            described |= {"ImageOwnerAlias": "amazon", "ImageLocation": f"amazon/{self.name}"}
        deprecated = self.published + _LIFE_UNTIL_DEPRECATION
        return described | {
            "Description": self.description,
            "Public": True,
            "DeprecationTime": minute(deprecated),
        }

    def _owner(self, region: str) -> str:
        family = self.kind.family
        if family in {Family.AL2, Family.AL2023}:
            return _LINUX_OWNERS.get(region, _LINUX_OWNER)
        return _OWNERS.get((family, region)) or account_of(family, region)

    def pointers(self, region: str) -> Iterator[tuple[str, str]]:
        """Yield the public parameters, name and value, that recommend this release in a Region."""
        kind, image = self.kind, self.image_id(region)
        match kind.family:
            case Family.AL2 | Family.AL2023:
                yield from self._linux("recommended", image)
            case Family.BOTTLEROCKET:
                yield from self._bottlerocket("latest", image)
            case Family.WINDOWS:
                root = f"/aws/service/ami-windows-latest/Windows_Server-{kind.variant}-EKS_Optimized-{self.minor}"
                leaves = {"image_id": image, "image_name": self.name, "release_version": self.version}
                yield root, json.dumps(leaves)
                yield f"{root}/image_id", image
            case Family.AUTO_MODE:
                return

    def parameters(self, region: str) -> Iterator[tuple[str, str]]:
        """Yield the public parameters, name and value, that stay this release's own in a Region; Windows has none."""
        image = self.image_id(region)
        match self.kind.family:
            case Family.AL2 | Family.AL2023:
                yield from self._linux(self.name, image)
            case Family.BOTTLEROCKET:
                yield from self._bottlerocket(self._semver, image)
                yield from self._bottlerocket(self.version, image)
            case Family.WINDOWS | Family.AUTO_MODE:
                return

    def _linux(self, step: str, image: str) -> Iterator[tuple[str, str]]:
        path = f"/aws/service/eks/optimized-ami/{self.minor}/{_linux_path(self.kind)}/{step}"
        leaves = {"image_id": image, "image_name": self.name, "release_version": self.version}
        yield path, json.dumps({"schema_version": "2", **leaves})
        for leaf, value in leaves.items():
            yield f"{path}/{leaf}", value

    def _bottlerocket(self, step: str, image: str) -> Iterator[tuple[str, str]]:
        root = f"/aws/service/bottlerocket/aws-k8s-{self.minor}{self.kind.variant}/{self.kind.architecture}"
        yield f"{root}/{step}/image_id", image
        yield f"{root}/{step}/image_version", self.version


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


def minute(instant: datetime) -> str:
    """Spell an instant as EC2 spells a DeprecationTime: to the minute."""
    return f"{instant:%Y-%m-%dT%H:%M}:00.000Z"


def _linux_path(kind: AmiType) -> str:
    if kind.family is Family.AL2:
        return f"amazon-linux-2-{kind.variant}" if kind.variant else "amazon-linux-2"
    return f"amazon-linux-2023/{kind.architecture}/{kind.variant}"
