"""What AWS publishes in a Region: images, the public parameters that point at them, and the Kubernetes calendar."""

import calendar
from datetime import UTC, datetime, timedelta

from local_aws.fleet import Fleet, KubernetesVersion, Releases
from local_aws.geography import partition_of
from local_aws.images import Document, Family, Release
from local_aws.world import PublicRegion

_STANDARD_MONTHS, _EXTENDED_MONTHS = 14, 26
_ROLLED_BACK_AFTER = timedelta(days=1)


def publish(fleet: Fleet, region: str) -> PublicRegion:
    """Build everything public of one Region."""
    public = PublicRegion(region, cluster_versions=_cluster_versions(fleet))
    entries = {
        (ami_type, minor): entry
        for entry in fleet.releases
        for ami_type in entry.ami_types
        for minor in entry.kubernetes
    }
    for (ami_type, minor), entry in entries.items():
        _add_history(public, fleet, entry, ami_type, minor)
    return public


def _add_history(public: PublicRegion, fleet: Fleet, entry: Releases, ami_type: str, minor: str) -> None:
    patch = patch_of(fleet, minor)
    ages = sorted(set(entry.published), reverse=True)
    history = [
        Release(ami_type, minor, patch, fleet.now - age, newer=len(ages) - 1 - index) for index, age in enumerate(ages)
    ]
    for release in history:
        add_release(public, release)
    newest = history[-1]
    recommended = newest if entry.recommended is None else history[ages.index(entry.recommended)]
    moves = len(history)
    if recommended is newest:
        recommend(public, newest, newest.published, moves=moves)
    else:
        recommend(public, recommended, newest.published + _ROLLED_BACK_AFTER, moves=moves + 1)
    for age in entry.withdrawn:
        withdraw(public, history[ages.index(age)])


def patch_of(fleet: Fleet, minor: str) -> int:
    """Return the Kubernetes patch version that images of a minor carry."""
    return fleet.kubernetes.get(minor, KubernetesVersion(released=timedelta())).patch


def add_release(public: PublicRegion, release: Release) -> None:
    """Publish a release: its image, and the parameters that stay its own. Nothing recommends it yet."""
    public.releases.setdefault((release.ami_type, release.minor), []).append(release)
    image = release.image(public.region)
    public.images[image["ImageId"]] = image
    for name, value in release.parameters(public.region):
        _put_parameter(public, name, value, release.published)


def recommend(public: PublicRegion, release: Release, at: datetime, *, moves: int = 1) -> None:
    """Move the recommendation to a release at an instant; the parameters' versions count the moves."""
    public.recommended[release.ami_type, release.minor] = release
    for name, value in release.pointers(public.region):
        _put_parameter(public, name, value, at, moves=moves)


def withdraw(public: PublicRegion, release: Release) -> None:
    """Take a release back as AWS does: Windows images become private, others are deregistered."""
    image = public.images[release.image_id(public.region)]
    if release.kind.family is Family.WINDOWS:
        image["Public"] = False
    else:
        image["State"] = "deregistered"
    for name, _ in release.parameters(public.region):
        public.parameters.pop(name, None)


def _put_parameter(public: PublicRegion, name: str, value: str, modified: datetime, *, moves: int = 1) -> None:
    before = public.parameters.get(name)
    public.parameters[name] = {
        "Name": name,
        "Type": "String",
        "Value": value,
        "Version": moves + (before["Version"] if before else 0),
        "LastModifiedDate": modified,
        "ARN": f"arn:{partition_of(public.region)}:ssm:{public.region}::parameter{name}",
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
