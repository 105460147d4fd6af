"""Releases that move while somebody looks: AWS publishes one, takes a recommendation back, drops a parameter.

Each of these changes every Region alike unless one is named, those included that nobody has asked for yet, and says
for every line (AMI type and Kubernetes minor) of every known Region what it did.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from local_aws.fleet import Fleet
from local_aws.geography import DEFAULT_REGIONS, OPT_IN_REGIONS
from local_aws.images import PUBLISHED_AMI_TYPES, Document, Release
from local_aws.publication import add_release, patch_of, recommend
from local_aws.world import PublicRegion, World


@dataclass(frozen=True, slots=True)
class Lines:
    """Which lines a change is about; no minors means all that the Region has of those AMI types."""

    ami_types: Sequence[str]
    kubernetes: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Refuse AMI types that AWS publishes nothing for.

        Raises:
            ValueError: Naming them.
        """
        unknown = sorted(set(self.ami_types) - set(PUBLISHED_AMI_TYPES))
        if unknown:
            message = f"{', '.join(unknown)}: no AMI type with published releases"
            raise ValueError(message)

    def of(self, public: PublicRegion) -> Iterator[tuple[str, str]]:
        """Yield them as a Region's keys."""
        for ami_type in self.ami_types:
            described = [minor for known, minor in public.releases if known == ami_type]
            yield from ((ami_type, minor) for minor in self.kubernetes or described)


def publish_release(world: World, lines: Lines, at: datetime, region: str | None = None) -> list[Document]:
    """Publish and recommend a new release of each line at an instant.

    Raises:
        ValueError: If a line has a release of that day or a later one: AWS names releases by their day.
    """

    def change(public: PublicRegion) -> list[Document]:
        return [_publish(world.fleet, public, key, at) for key in lines.of(public)]

    return world.change_public(change, _known(region))


def roll_back(world: World, lines: Lines, at: datetime, region: str | None = None, *, by: int = 1) -> list[Document]:
    """Recommend again, from an instant on, the release that many before the one recommended now.

    Raises:
        ValueError: If a line has no such release.
    """

    def change(public: PublicRegion) -> list[Document]:
        return [_roll_back(public, key, at, by) for key in lines.of(public)]

    return world.change_public(change, _known(region))


def withdraw_parameter(world: World, name: str, region: str | None = None) -> list[Document]:
    """Drop a public parameter and all below it.

    Raises:
        ValueError: If no Region asked for has one.
    """

    def change(public: PublicRegion) -> list[Document]:
        gone = [each for each in public.parameters if each == name or each.startswith(f"{name}/")]
        for each in gone:
            del public.parameters[each]
        return [{"region": public.region, "parameter": each} for each in gone]

    done = world.change_public(change, _known(region))
    if not done:
        message = f"no Region asked for has a public parameter {name}"
        raise ValueError(message)
    return done


def _known(region: str | None) -> str | None:
    if region is not None and region not in DEFAULT_REGIONS | OPT_IN_REGIONS:
        message = f"{region} is no Region"
        raise ValueError(message)
    return region


def _publish(fleet: Fleet, public: PublicRegion, key: tuple[str, str], at: datetime) -> Document:
    ami_type, minor = key
    history = public.releases.get(key, [])
    newer = history[-1].newer - 1 if history else 0
    release = Release(ami_type, minor, patch_of(fleet, minor), at, newer)
    if history and (at <= history[-1].published or release.name == history[-1].name):
        message = f"{public.region} has {history[-1].name} already; publish at a later day"
        raise ValueError(message)
    add_release(public, release)
    recommend(public, release, at)
    return _moved(public, release)


def _roll_back(public: PublicRegion, key: tuple[str, str], at: datetime, by: int) -> Document:
    history = public.releases.get(key, [])
    position = history.index(public.recommended[key]) - by if history else -1
    if position < 0:
        message = f"{public.region} has no release of {' for Kubernetes '.join(key)} that many before"
        raise ValueError(message)
    recommend(public, history[position], at)
    return _moved(public, history[position])


def _moved(public: PublicRegion, release: Release) -> Document:
    return {
        "region": public.region,
        "ami_type": release.ami_type,
        "kubernetes": release.minor,
        "release_version": release.version,
        "image_id": release.image_id(public.region),
    }
