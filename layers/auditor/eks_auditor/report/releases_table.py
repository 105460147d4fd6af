"""The release catalogue for people: a row for each AMI type and Kubernetes minor, then what could not be read."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import ReleaseHistory
from eks_auditor.report.instants import text_of
from eks_auditor.report.releases import Releases, age_in_days, in_a_year, previous, published
from eks_auditor.report.table import STYLES, console_of, printable, trimmed
from eks_auditor.snapshot.catalogue import Catalogue, Entry
from eks_auditor.snapshot.pointers import Seen

_COLUMNS = {
    "K8S": 4,
    "RELEASE": 10,
    "IMAGE": 21,
    "PUBLISHED": 10,
    "AGE": -4,
    "RECOMMENDED": 11,
    "PREVIOUS": 10,
    "12M": -3,
}
"""Widths that make 80 columns; those below zero are of numbers, which stand to the right."""

_INDENT = 2


def render_releases_table(releases: Releases, *, width: int = 80, colour: bool = False) -> str:
    """Return the catalogue as text that reads well from 80 columns on, and in a pipe when it has no colour.

    Args:
        releases: What to render.
        width: Columns.
        colour: Whether for a terminal that shows colours.
    """
    console = console_of(width, colour=colour)
    with console.capture() as capture:
        for catalogue in releases.catalogues:
            _region(console, catalogue, releases.taken_at)
        _legend(console, releases)
        _gaps(console, releases)
        console.print(Text(_sentence(releases)))
    return trimmed(capture.get())


def _region(console: Console, catalogue: Catalogue, now: datetime) -> None:
    console.print(Text(printable(f"{catalogue.region} ({catalogue.partition})"), style="bold"), "\n")
    if catalogue.gap:
        _unknown(console, "", catalogue.gap)
    else:
        _line(console, Text(_cells(_COLUMNS), style="bold"))
    for ami_type, entries in groupby(catalogue.entries, key=lambda entry: entry.ami_type):
        _ami_type(console, ami_type, list(entries), now)
    console.print()


def _ami_type(console: Console, ami_type: str, entries: list[Entry], now: datetime) -> None:
    line = entries[0].line
    console.print(
        Text(printable(ami_type), style="bold"),
        Text(f" {line.family}, {line.variant}, {line.architecture}", style="dim"),
    )
    for entry in entries:
        if isinstance(entry.pointer, Seen):
            _row(console, entry, entry.pointer, now)
        elif entry.pointer:
            _unknown(console, entry.line.minor, entry.pointer)
    without = [entry.line.minor for entry in entries if entry.pointer is None]
    if without:
        console.print(Text(f"{', '.join(without)}: AWS has no public parameter (any more)", style="dim"))


def _row(console: Console, entry: Entry, pointer: Seen, now: datetime) -> None:
    release = published(entry)
    dates = (f"{release.published_at:%Y-%m-%d}", f"{age_in_days(release, now)}d") if release else ("unknown", "-")
    moved = f"{pointer.modified_at:%Y-%m-%d}" if pointer.modified_at else "-"
    cells = (entry.line.minor, pointer.recommended.version, pointer.recommended.image_id, *dates, moved)
    _line(console, Text(printable(_cells((*cells, *_before(entry, now))))))
    if entry.gap:
        _unknown(console, " " * len(entry.line.minor), entry.gap)


def _before(entry: Entry, now: datetime) -> tuple[str, str]:
    """Return the release before, and how many the last 12 months had."""
    if not isinstance(entry.history, ReleaseHistory):
        return "unknown", "-"
    before = previous(entry.line, entry.history)
    return before[0].version if before else "-", str(in_a_year(entry.line, entry.history, now))


def _cells(words: Iterable[str]) -> str:
    cells = zip(words, _COLUMNS.values(), strict=True)
    return " ".join(f"{word:>{-width}}" if width < 0 else f"{word:<{width}}" for word, width in cells)


def _line(console: Console, text: Text) -> None:
    """Print a row: one that a narrow terminal has no room for is broken by the terminal, and pastes as one line."""
    console.print(text, soft_wrap=True)


def _unknown(console: Console, minor: str, gap: Gap) -> None:
    """Say what could not be read; the whole error stands below the table, once for all rows."""
    code = gap.error.partition(":")[0]
    words = printable(f"unknown: {gap.action} failed with {code}")
    _line(console, Text.assemble(f"{minor} " if minor else "", (words, STYLES["UNKNOWN"])))


def _legend(console: Console, releases: Releases) -> None:
    shown = [entry for each in releases.catalogues for entry in each.entries if isinstance(entry.pointer, Seen)]
    if not shown:
        return
    evidence = sorted({release.known_by.value for entry in shown if (release := published(entry))})
    sentences = [
        *(f"PUBLISHED: {how}; PREVIOUS is superseded since." for how in evidence),
        "RECOMMENDED: AWS last wrote the public parameter.",
        "12M: releases of the last 12 months that are still known.",
    ]
    for sentence in sentences:
        console.print(Text(sentence, style="dim"))
    console.print()


def _gaps(console: Console, releases: Releases) -> None:
    """List what could not be read by its error: one missing permission hides many lines."""
    resources: dict[tuple[str, str], set[str]] = defaultdict(set)
    for gap in releases.gaps:
        resources[gap.action, gap.error].add(gap.resource)
    if not resources:
        return
    console.print(Text("Could not be read", style="bold"))
    for (action, error), hidden in sorted(resources.items()):
        first, *others = sorted(hidden)
        more = f" and {len(others)} more" if others else ""
        console.print(Padding(Text(printable(f"{action} on {first}{more}: {error}")), (0, 0, 0, _INDENT)))
    console.print()


def _sentence(releases: Releases) -> str:
    words = Counter(_words(releases))
    sums = ", ".join(f"{words[word]} {word}" for word in ("recommended", "without a parameter", "unknown"))
    return f"Read at {text_of(releases.taken_at)}: {sums}."


def _words(releases: Releases) -> Iterator[str]:
    for catalogue in releases.catalogues:
        for entry in catalogue.entries:
            if entry.gap:
                yield "unknown"
            else:
                yield "without a parameter" if entry.pointer is None else "recommended"
