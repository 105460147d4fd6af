"""Renews the table of past and abandoned releases that the package ships, from files that AWS publishes on GitHub.

``make releases`` runs it on checkouts; it never asks the network. Of a family whose file is not given, the table keeps
what it has. docs/releases.md says where each file is and what is taken from it.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from eks_auditor.model.release import ReleaseLine
from eks_auditor.releases.families import named, order
from eks_auditor.releases.past import TABLE

LINUX = "https://github.com/awslabs/amazon-eks-ami/blob/main/CHANGELOG.md"
BOTTLEROCKET = "https://github.com/bottlerocket-os/bottlerocket/blob/develop/CHANGELOG.md"
WINDOWS = "https://github.com/awsdocs/amazon-eks-user-guide/blob/mainline/latest/ug/nodes/eks-ami-versions-windows.adoc"

# "# AMI Release v20260714", "# [ABANDONED] AMI Release v20260311", "### [Recalled] AMI Release v20230211".
_AMI_RELEASE = re.compile(r"(?mi)^#+ *(?P<withdrawn>\[(?:ABANDONED|Recalled)\] *)?AMI Release v(?P<day>\d{8}) *$")
_AMI_NAME = re.compile(r"\bamazon-eks[a-z0-9_.-]*-v\d{8}\b")
# "# v1.26.1 (2024-10-24)", and twice otherwise: "# v 1.12.0 (2023-01-24)", "# v1.15.1 (2023-10-9)".
_BOTTLEROCKET_RELEASE = re.compile(
    r"(?m)^# v ?(?P<version>\d+\.\d+\.\d+) \((?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})\)"
)
_WINDOWS_SECTION = re.compile(r"(?m)^== .*Server (?P<year>\d{4}) (?P<edition>Core|Full) AMI *$")
# "|`1.31-2024.11.12`", now and then "|`1.28-2023-09.27`".
_WINDOWS_RELEASE = re.compile(r"(?m)^\|`(?P<minor>1\.\d+)-(?P<y>\d{4})[.-](?P<m>\d{2})[.-](?P<d>\d{2})`")


class SourceError(Exception):
    """Why a file cannot be used, in one sentence."""


class Found(NamedTuple):
    """A release that a file names.

    Attributes:
        family: Its family.
        version: As :class:`~eks_auditor.model.release.Release` has it.
        lines: Which lines it was built for; empty where the file does not say: every line there was.
        day: Its day, where the version does not tell it.
        abandoned: Whether AWS withdrew it.
    """

    family: str
    version: str
    lines: frozenset[ReleaseLine] = frozenset()
    day: date | None = None
    abandoned: bool = False


def linux_releases(changelog: str) -> Iterator[Found]:
    """Read amazon-eks-ami's changelog: each release's lines are those of the image names in its section."""
    for heading, section in _sections(_AMI_RELEASE, changelog):
        day, abandoned = heading["day"], heading["withdrawn"] is not None
        told = {release for name in _AMI_NAME.findall(section) if (release := named(name)) and release[1] == day}
        for family in sorted({line.family for line, _ in told}):
            lines = frozenset(line for line, _ in told if line.family == family)
            yield Found(family, day, lines, abandoned=abandoned)


def bottlerocket_releases(changelog: str) -> Iterator[Found]:
    """Read Bottlerocket's changelog: a version is released for every variant and Kubernetes minor of its time."""
    for match in _BOTTLEROCKET_RELEASE.finditer(changelog):
        yield Found("bottlerocket", match["version"], day=date(int(match["y"]), int(match["m"]), int(match["d"])))


def windows_releases(page: str) -> Iterator[Found]:
    """Read the user guide's page of Windows versions: a section an edition, a table a Kubernetes minor."""
    lines: dict[tuple[str, str], set[ReleaseLine]] = {}
    for heading, section in _sections(_WINDOWS_SECTION, page):
        family = f"windows-{heading['year']}"
        for row in _WINDOWS_RELEASE.finditer(section):
            line = ReleaseLine(family, heading["edition"].lower(), "x86_64", row["minor"])
            lines.setdefault((family, f"{row['y']}.{row['m']}.{row['d']}"), set()).add(line)
    for (family, version), of in lines.items():
        yield Found(family, version, frozenset(of))


def families(source: str, releases: Iterable[Found]) -> dict[str, Any]:
    """Return what the table says of the families of one source.

    All of them are as of the newest release that the source names: a family that is built no more does not grow old.

    Raises:
        SourceError: If it names no release.
    """
    found = list(releases)
    if not found:
        message = f"it names no release the way {source} does; is it that file?"
        raise SourceError(message)
    as_of = max(each.day or _day(each.version) for each in found)
    return {
        family: {
            "source": source,
            "as_of": as_of.isoformat(),
            "releases": [_entry(each) for each in _newest_first(family, found)],
        }
        for family in sorted({each.family for each in found})
    }


def read(written: str) -> dict[str, Any]:
    """Return the table that a file has."""
    table: dict[str, Any] = json.loads(written)
    return table


def text(table: Mapping[str, Any]) -> str:
    """Return the table as its file has it, a line a release, so that a renewal is easy to read."""
    parts = []
    for family, of in sorted(table.items()):
        head = {key: of[key] for key in ("source", "as_of")}
        rows = ",\n".join(f"    {json.dumps(release)}" for release in of["releases"])
        parts.append(f'  "{family}": {json.dumps(head)[:-1]}, "releases": [\n{rows}\n  ]}}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _sections(heading: re.Pattern[str], page: str) -> Iterator[tuple[re.Match[str], str]]:
    """Return each heading with the text up to the next one."""
    matches = list(heading.finditer(page))
    for match, following in zip_longest(matches, matches[1:]):
        yield match, page[match.end() : following.start() if following else None]


def _newest_first(family: str, found: Iterable[Found]) -> list[Found]:
    line = ReleaseLine(family, "standard", "x86_64", "1.0")
    of = [each for each in found if each.family == family]
    return sorted(of, key=lambda each: order(line, each.version), reverse=True)


def _entry(release: Found) -> dict[str, Any]:
    entry: dict[str, Any] = {"version": release.version}
    if release.day is not None:
        entry["day"] = release.day.isoformat()
    if release.abandoned:
        entry["abandoned"] = True
    if release.lines:
        entry["lines"] = _packed(release.lines)
    return entry


def _packed(lines: frozenset[ReleaseLine]) -> dict[str, str]:
    """Return lines as minors by variants, each a list in words: most releases have the same variants in every minor."""
    variants: dict[tuple[int, ...], list[str]] = {}
    for line in sorted(lines):
        minor = tuple(int(number) for number in line.minor.split("."))
        variants.setdefault(minor, []).append(f"{line.variant}/{line.architecture}")
    minors: dict[str, list[str]] = {}
    for minor in sorted(variants):
        minors.setdefault(" ".join(variants[minor]), []).append(".".join(map(str, minor)))
    return {of: " ".join(each) for of, each in minors.items()}


def _day(version: str) -> date:
    return date.fromisoformat(version.replace(".", ""))


def main() -> None:
    """Renew the shipped table from the files that are given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--linux", type=Path, help="CHANGELOG.md of awslabs/amazon-eks-ami")
    parser.add_argument("--bottlerocket", type=Path, help="CHANGELOG.md of bottlerocket-os/bottlerocket")
    parser.add_argument("--windows", type=Path, help="eks-ami-versions-windows.adoc of awsdocs/amazon-eks-user-guide")
    given = parser.parse_args()
    table = read(TABLE.read_text(encoding="utf-8"))
    sources = (
        (given.linux, LINUX, linux_releases),
        (given.bottlerocket, BOTTLEROCKET, bottlerocket_releases),
        (given.windows, WINDOWS, windows_releases),
    )
    for path, source, releases in sources:
        if path is None:
            continue
        try:
            table |= families(source, releases(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, SourceError) as error:
            sys.exit(f"{path}: {error}")
    TABLE.write_text(text(table), encoding="utf-8")
    for family, of in sorted(table.items()):
        print(f"{family}: {len(of['releases'])} releases, as of {of['as_of']}")  # noqa: T201  it is a program


if __name__ == "__main__":
    main()
