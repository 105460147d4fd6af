"""The release catalogue for people and for machines: what AWS recommends, since when, and what came before.

The document is a contract, versioned, described in ``docs/command-line.md`` and by a JSON Schema: within one
``schema_version`` keys may be added, and none is renamed, removed or given another meaning.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypedDict

from pydantic import Field

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Evidence, Image, Release, ReleaseHistory, ReleaseLine
from eks_auditor.releases.families import order, parameter_of
from eks_auditor.releases.past import abandoned, past_releases
from eks_auditor.releases.superseded import superseded
from eks_auditor.report.instants import text_of
from eks_auditor.report.json_document import GapDocument
from eks_auditor.snapshot.catalogue import Catalogue, Entry
from eks_auditor.snapshot.pointers import Seen

SCHEMA_VERSION: Final = 1

A_YEAR = timedelta(days=365)
"""What "the last 12 months" are here."""

type _Text = Annotated[str, Field(min_length=1)]


def _instant(description: str) -> Any:  # noqa: ANN401  pydantic types Field so
    return Field(description=f"{description}, UTC", json_schema_extra={"format": "date-time"})


class RecommendedDocument(TypedDict):
    """The release that AWS recommends."""

    version: Annotated[_Text, Field(description="20260714, 1.62.1 or 2026.07.14, by its family")]
    image_id: Annotated[_Text, Field(description="Its image in this Region")]
    parameter_modified_at: Annotated[
        str | None, _instant("When AWS last wrote the public parameter; null if SSM does not say")
    ]
    published_at: Annotated[str | None, _instant("When it became known; null if that could not be read")]
    known_by: Annotated[
        str | None,
        Field(
            description="How published_at is known",
            json_schema_extra={"enum": [*(each.value for each in Evidence), None]},
        ),
    ]
    age_days: Annotated[int | None, Field(description="Whole days from published_at to taken_at")]


class PreviousDocument(TypedDict):
    """The newest release that is older than the recommended one, leaving out those that AWS withdrew as defective."""

    version: _Text
    image_id: Annotated[str | None, Field(description="Null where its image is not to be seen any more")]
    published_at: Annotated[str, _instant("When it became known")]
    known_by: Annotated[str, Field(json_schema_extra={"enum": [each.value for each in Evidence]})]
    superseded_at: Annotated[str, _instant("When the first release that superseded it became known")]


class EntryDocument(TypedDict):
    """One AMI type at one Kubernetes minor."""

    ami_type: Annotated[_Text, Field(description="As eks:CreateNodegroup takes it")]
    family: Annotated[_Text, Field(description="al2, al2023, bottlerocket, windows-2022 …")]
    variant: Annotated[_Text, Field(description="standard, nvidia, neuron, fips, nvidia-fips, gpu, core, full")]
    architecture: Annotated[_Text, Field(description="x86_64 or arm64")]
    kubernetes_version: Annotated[_Text, Field(description="The minor, such as 1.35")]
    parameter: Annotated[_Text, Field(description="The SSM public parameter, or the path above its leaves")]
    parameter_exists: Annotated[
        bool | None, Field(description="False where AWS has no such parameter (any more); null if it could not be read")
    ]
    recommended: Annotated[
        RecommendedDocument | None, Field(description="Null where there is no parameter, or it could not be read")
    ]
    previous: Annotated[
        PreviousDocument | None, Field(description="Null where none is known for sure, or gap says why")
    ]
    releases_in_12_months: Annotated[
        int | None,
        Field(
            description="Those of the 365 days before taken_at, up to the recommended one, whose images are still to be"
            " seen or that the shipped table has; AWS may have withdrawn more. Null where gap says why, or none is"
            " recommended"
        ),
    ]
    gap: Annotated[GapDocument | None, Field(description="The read that failed; what depends on it is null")]


class RegionDocument(TypedDict):
    """The catalogue of one Region."""

    region: _Text
    partition: Annotated[_Text, Field(description="aws, aws-cn, aws-us-gov …")]
    gap: Annotated[
        GapDocument | None,
        Field(description="Why the Kubernetes minors in support are not known; then releases is empty"),
    ]
    releases: Annotated[list[EntryDocument], Field(description="By AMI type, the newest Kubernetes minor first")]


class ReleasesDocument(TypedDict):
    """What AWS recommends of every AMI type and Kubernetes minor, Region by Region."""

    schema_version: Annotated[Literal[1], Field(description="Of this shape")]
    taken_at: Annotated[str, _instant("The instant before the oldest read in it")]
    regions: list[RegionDocument]


@dataclass(frozen=True, slots=True, kw_only=True)
class Releases:
    """What to render.

    Attributes:
        taken_at: The instant before the oldest read in it.
        catalogues: One a Region.
    """

    taken_at: datetime
    catalogues: tuple[Catalogue, ...]

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Every read that failed."""
        of_regions = [each.gap for each in self.catalogues if each.gap]
        return (*of_regions, *(entry.gap for each in self.catalogues for entry in each.entries if entry.gap))

    @property
    def answered(self) -> bool:
        """Whether AWS answered for any line at all, be it that it has no parameter."""
        return any(not isinstance(entry.pointer, Gap) for each in self.catalogues for entry in each.entries)


def render_releases_json(releases: Releases) -> str:
    """Return the document as indented text; the same catalogue gives the same text."""
    return json.dumps(releases_document(releases), indent=2, ensure_ascii=False) + "\n"


def releases_document(releases: Releases) -> ReleasesDocument:
    """Return the document as JSON values."""
    return {
        "schema_version": SCHEMA_VERSION,
        "taken_at": text_of(releases.taken_at),
        "regions": [
            {
                "region": each.region,
                "partition": each.partition,
                "gap": _gap(each.gap),
                "releases": [_entry(entry, releases.taken_at) for entry in each.entries],
            }
            for each in releases.catalogues
        ],
    }


def _entry(entry: Entry, now: datetime) -> EntryDocument:
    line, history = entry.line, entry.history if isinstance(entry.history, ReleaseHistory) else None
    return {
        "ami_type": entry.ami_type,
        "family": line.family,
        "variant": line.variant,
        "architecture": line.architecture,
        "kubernetes_version": line.minor,
        "parameter": parameter_of(line).name,
        "parameter_exists": None if isinstance(entry.pointer, Gap) else entry.pointer is not None,
        "recommended": _recommended(entry, entry.pointer, now) if isinstance(entry.pointer, Seen) else None,
        "previous": _previous(line, history) if history else None,
        "releases_in_12_months": in_a_year(line, history, now) if history else None,
        "gap": _gap(entry.gap),
    }


def _recommended(entry: Entry, pointer: Seen, now: datetime) -> RecommendedDocument:
    release = published(entry)
    return {
        "version": pointer.recommended.version,
        "image_id": pointer.recommended.image_id,
        "parameter_modified_at": text_of(pointer.modified_at) if pointer.modified_at else None,
        "published_at": text_of(release.published_at) if release else None,
        "known_by": release.known_by.value if release else None,
        "age_days": age_in_days(release, now) if release else None,
    }


def _previous(line: ReleaseLine, history: ReleaseHistory) -> PreviousDocument | None:
    found = previous(line, history)
    if found is None:
        return None
    release, superseded_at = found
    return {
        "version": release.version,
        "image_id": release.image_id,
        "published_at": text_of(release.published_at),
        "known_by": release.known_by.value,
        "superseded_at": text_of(superseded_at),
    }


def _gap(gap: Gap | None) -> GapDocument | None:
    return {"action": gap.action, "resource": gap.resource, "error": gap.error} if gap else None


def published(entry: Entry) -> Release | None:
    """Return the recommended release of an entry; None where that, or when it was published, is not known."""
    if isinstance(entry.history, ReleaseHistory):
        return entry.history.recommended
    if not (isinstance(entry.pointer, Seen) and isinstance(entry.image, Image)):
        return None
    version, image = entry.pointer.recommended.version, entry.image
    return Release(version=version, image_id=image.id, published_at=image.created_at, known_by=Evidence.IMAGE)


def age_in_days(release: Release, now: datetime) -> int:
    """Return the whole days since a release was published."""
    return (now - release.published_at).days


def previous(line: ReleaseLine, history: ReleaseHistory) -> tuple[Release, datetime] | None:
    """Return the newest release that is older than the recommended one, and since when it is superseded.

    None if none is known, or if others between the two may be out of sight.
    """
    older = _known(line, history)[:-1]
    word = superseded(line, history, older[-1].version) if older else None
    return None if word is None or word.since is None or word.at_least else (older[-1], word.since)


def in_a_year(line: ReleaseLine, history: ReleaseHistory, now: datetime) -> int:
    """Return how many releases of the last 12 months are known, up to the recommended one."""
    return sum(now - release.published_at <= A_YEAR for release in _known(line, history))


def _known(line: ReleaseLine, history: ReleaseHistory) -> list[Release]:
    """Return what is known up to the recommended release, oldest first, as :func:`superseded` counts it.

    That is: the images still to be seen, older than the oldest of them the shipped table's, and no abandoned ones.
    """
    if history.recommended is None:
        return []
    latest, oldest = (order(line, each.version) for each in (history.recommended, history.releases[0]))
    table = (past for past in past_releases(line) if order(line, past.version) < oldest)
    gone = (
        Release(version=past.version, image_id=None, published_at=past.published_at, known_by=Evidence.TABLE)
        for past in table
    )
    places = ((order(line, release.version), release) for release in (*gone, *history.releases))
    withdrawn = abandoned(line) - {latest}
    return [release for place, release in places if place <= latest and place not in withdrawn]
