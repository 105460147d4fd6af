"""What AWS publishes in a Region: images, the public parameters that point at them, and the Kubernetes calendar."""

import calendar
from datetime import UTC, datetime, timedelta

from local_aws.fleet import Fleet, KubernetesVersion, Releases
from local_aws.geography import partition_of
from local_aws.images import Document, Release
from local_aws.world import PublicRegion

_STANDARD_MONTHS, _EXTENDED_MONTHS = 14, 26
_ROLLED_BACK_AFTER = timedelta(days=1)


def publish(fleet: Fleet, region: str) -> PublicRegion:
    """Build everything public of one Region."""
    public = PublicRegion(cluster_versions=_cluster_versions(fleet))
    for entry in fleet.releases:
        for ami_type in entry.ami_types:
            for minor in entry.kubernetes:
                _add_history(public, fleet, entry, ami_type, minor)
    for key, history in public.releases.items():
        _add_images(public, region, history, public.recommended[key])
    return public


def _add_history(public: PublicRegion, fleet: Fleet, entry: Releases, ami_type: str, minor: str) -> None:
    patch = fleet.kubernetes.get(minor, KubernetesVersion(released=timedelta())).patch
    ages = sorted(set(entry.published), reverse=True)
    history = [
        Release(ami_type, minor, patch, fleet.now - age, newer=len(ages) - 1 - index) for index, age in enumerate(ages)
    ]
    recommended = history[-1] if entry.recommended is None else history[ages.index(entry.recommended)]
    public.releases[ami_type, minor] = history
    public.recommended[ami_type, minor] = recommended


def _add_images(public: PublicRegion, region: str, history: list[Release], recommended: Release) -> None:
    newest = history[-1]
    moved = recommended.published if recommended is newest else newest.published + _ROLLED_BACK_AFTER
    for release in history:
        image = release.image(region)
        public.images[image["ImageId"]] = image
        for name, value in release.parameters(region, recommended=release is recommended):
            pointer = "/recommended" in name or "/latest/" in name or "ami-windows-latest" in name
            public.parameters[name] = _parameter(region, name, value, moved if pointer else release.published)


def _parameter(region: str, name: str, value: str, modified: datetime) -> Document:
    return {
        "Name": name,
        "Type": "String",
        "Value": value,
        "Version": 1,
        "LastModifiedDate": modified,
        "ARN": f"arn:{partition_of(region)}:ssm:{region}::parameter{name}",
        "DataType": "text",
    }


def _cluster_versions(fleet: Fleet) -> list[Document]:
    newest_first = sorted(fleet.kubernetes.items(), key=lambda version: version[1].released)
    default = newest_first[0][0] if newest_first else None
    return [
        {
            "clusterVersion": minor,
            "clusterType": "eks",
            "defaultPlatformVersion": f"eks.{version.patch + 1}",
            "defaultVersion": minor == default,
            "releaseDate": released,
            "endOfStandardSupportDate": _months_later(released, _STANDARD_MONTHS),
            "endOfExtendedSupportDate": _months_later(released, _EXTENDED_MONTHS),
            "kubernetesPatchVersion": f"{minor}.{version.patch}",
        }
        for minor, version in newest_first
        for released in [datetime.combine(fleet.now - version.released, datetime.min.time(), UTC)]
    ]


def _months_later(day: datetime, months: int) -> datetime:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return day.replace(year=year, month=month + 1, day=min(day.day, last))
