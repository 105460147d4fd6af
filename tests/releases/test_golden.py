"""What becomes of a release in each family, told as stories that a person can read: a golden a family."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from eks_auditor.model.release import Pointer, PointerMove, Release, ReleaseHistory, ReleaseLine
from eks_auditor.releases.families import day_of
from eks_auditor.releases.past import past_releases
from eks_auditor.releases.superseded import superseded
from tests.golden.compare import matches

GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Told:
    """A family's part in the stories.

    Attributes:
        line: One of its lines.
        old: A release older than anything that is known.
        releases: A to E, as AWS published them one after the other.
        abandoned: The one between B and C that AWS withdrew, if there is one.
    """

    line: ReleaseLine
    old: str
    releases: tuple[str, str, str, str, str]
    abandoned: str | None = None


def windows(year: int, edition: str) -> Told:
    days = ("2024.07.10", "2024.08.13", "2024.09.10", "2024.10.08", "2024.11.12")
    return Told(ReleaseLine(f"windows-{year}", edition, "x86_64", "1.30"), "2024.01.01", days)


FAMILIES = {
    "al2": Told(
        ReleaseLine("al2", "gpu", "x86_64", "1.22"),
        "20210101",
        ("20220429", "20220523", "20221101", "20221104", "20221112"),
        abandoned="20221027",
    ),
    "al2023": Told(
        ReleaseLine("al2023", "standard", "arm64", "1.35"),
        "20240101",
        ("20260116", "20260120", "20260129", "20260209", "20260224"),
        abandoned="20260128",
    ),
    "bottlerocket": Told(
        ReleaseLine("bottlerocket", "nvidia", "x86_64", "1.30"),
        "0.1.0",
        ("1.24.0", "1.24.1", "1.25.0", "1.26.0", "1.26.1"),
    ),
    "windows-2019": windows(2019, "core"),
    "windows-2022": windows(2022, "full"),
    # The table's source of this day knew no Windows Server 2025.
    "windows-2025": Told(
        ReleaseLine("windows-2025", "core", "x86_64", "1.35"),
        "2025.12.01",
        ("2026.01.22", "2026.02.16", "2026.03.17", "2026.04.18", "2026.05.16"),
    ),
}

IMAGE_AFTER, MOVE_AFTER = timedelta(days=1, hours=6), timedelta(days=3)
"""How long after its day a release's image was created, and the recommendation moved to it."""

NEXT_MOVE_AFTER = timedelta(days=2, hours=12)
"""How long after a move the next one is made, at least."""


def day(told: Told, version: str) -> datetime:
    """The day that a release's name or its changelog tells."""
    listed = {past.version: past.published_at.date() for past in past_releases(told.line)}
    at: date = day_of(told.line, version) or listed[version]
    return datetime(at.year, at.month, at.day, tzinfo=UTC)


def seen(told: Told, recommended: str, *versions: str) -> ReleaseHistory:
    """The images that can still be seen, and the recommended one of them."""
    releases = [
        Release(version=version, image_id=f"ami-{version}", published_at=day(told, version) + IMAGE_AFTER)
        for version in versions
    ]
    [one] = [release for release in releases if release.version == recommended]
    return ReleaseHistory(parameter="p", recommended=one, releases=tuple(releases))


def watched(told: Told, of: ReleaseHistory, first: str, *versions: str) -> ReleaseHistory:
    """The same, with what the pointer was seen to do: it held one at first, and then moved to others."""
    began = last = day(told, first) + timedelta(days=4)
    moves = [PointerMove(version=first, image_id=f"ami-{first}", at=None)]
    for version in versions:
        last = max(day(told, version) + MOVE_AFTER, last + NEXT_MOVE_AFTER)
        moves.append(PointerMove(version=version, image_id=f"ami-{version}", at=last))
    return replace(of, pointer=Pointer(line=told.line, watched_since=began, moves=tuple(moves)))


def stories(told: Told) -> Iterator[tuple[str, str, ReleaseHistory]]:
    """Tell for each story what is judged and what is known."""
    a, b, c, d, e = told.releases
    everything = seen(told, e, *told.releases)
    yield "at the recommended release", e, everything
    yield "one release behind, by images", d, everything
    yield "four releases behind, by images", a, everything
    yield "newer than the recommended one", e, seen(told, d, *told.releases)
    yield "cut off before anything known", told.old, seen(told, e, d, e)
    yield "filled by the table", a, seen(told, e, d, e)
    if told.abandoned:
        x = told.abandoned
        yield "the next one was abandoned", b, seen(told, e, b, x, c, d, e)
        yield "abandoned, and recommended", b, seen(told, x, b, x)
        yield "runs the abandoned one", x, seen(told, e, b, x, c, d, e)
    yield "seen to be recommended", a, watched(told, seen(told, b, a, b), a, b)
    yield "rolled back to ours", a, watched(told, seen(told, a, a, b), a, b, a)
    yield "withdrawn, then a newer one", a, watched(told, seen(told, e, a, b, e), a, b, a, e)
    yield "withdrawn, then recommended again", a, watched(told, seen(told, b, a, b), a, b, a, b)
    yield "the next one not seen recommended", a, watched(told, seen(told, c, a, b, c), a, c)
    yield "held when watching began", a, watched(told, seen(told, c, a, b, c), b, c)
    yield "held at first, and gone", a, watched(told, seen(told, e, e), c, e)
    yield "nothing is recommended any more", a, replace(everything, recommended=None)


HEADINGS = ("", "ours", "recommended", "superseded by", "since", "known, because", "newer", "")


def cells(told: Told, story: str, ours: str, of: ReleaseHistory) -> tuple[str, ...]:
    word = superseded(told.line, of, ours)
    if word is None:
        return (story, ours, "-", "-", "-", "-", "-", "")
    if word.by is None or word.since is None:
        return (story, ours, word.recommended.version, "-", "-", "-", str(word.newer), "")
    bound = "at least" if word.at_least else ""
    since = f"{word.since:%Y-%m-%d %H:%M}"
    known_by = str(word.by.known_by)
    return (story, ours, word.recommended.version, word.by.version, since, known_by, str(word.newer), bound)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_familys_stories_end_as_a_person_read_them(family: str) -> None:
    told = FAMILIES[family]
    rows = [HEADINGS, *(cells(told, *story) for story in stories(told))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

    text = "\n".join([f"{told.line}: A to E are {', '.join(told.releases)}", "", *lines]) + "\n"

    assert matches(text, GOLDEN / f"{family}.txt"), "read what UPDATE_GOLDENS=1 changes, then keep it"
