"""Writes docs/faults.md's tables from the rows that the tests hold: ``python -m tests.faults.page``; ``--check`` reads.

What stands in the tables is what was seen: each cell is a test that fails should anything else become of the fault.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from tests.faults.expected import Expected, Row
from tests.faults.kinds import PASSING, Kind
from tests.faults.rows import READING, TYPED, WORKING

PAGE = Path("docs/faults.md")
"""Below the repository's root, where the command is run."""

BEGIN, END = "<!-- begin of what the tests saw -->", "<!-- end of what the tests saw -->"

_READ_BY = "AuditCluster and the command line: what a cluster is read by"


def render() -> str:
    """Return the tables."""
    parts = [f"### {_READ_BY}", *_table(READING)]
    for part, rows in groupby((*WORKING, *TYPED), key=lambda row: row.part):
        heading = part[0].upper() + part[1:]
        parts += ["", f"### {heading}: its other calls", *_table(sorted(rows, key=lambda row: row.action))]
    return "\n".join(parts) + "\n"


def written(page: str) -> str:
    """Return a page with the tables between its marks.

    Raises:
        ValueError: If a mark is missing.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        message = f"{PAGE} needs the lines {BEGIN} and {END}"
        raise ValueError(message)
    return f"{before}{BEGIN}\n\n{render()}\n{END}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or with ``--check`` compare it; return 0, or 1 where it is stale."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.page", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if the page is stale")
    check: bool = parser.parse_args(arguments).check
    page = PAGE.read_text(encoding="utf-8")
    fresh = written(page)
    if not check:
        PAGE.write_text(fresh, encoding="utf-8")
    elif page != fresh:
        sys.stderr.write(f"{PAGE} is not what the tests hold now; run python -m tests.faults.page and commit it.\n")
        return 1
    return 0


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield ""
    yield f"| call | {' | '.join(kind.value for kind in Kind)} | why |"
    yield f"|---|{'---|' * len(Kind)}---|"
    for row in rows:
        cells = [_cell(row, kind) for kind in Kind]
        yield f"| `{row.action}` | {' | '.join(cells)} | {'; '.join(_reasons(row))} |"


def _cell(row: Row, kind: Kind) -> str:
    expected = row.expected(kind) if kind in row.kinds else None
    return expected.word if expected else "-"


def _reasons(row: Row) -> Iterator[str]:
    told = {PASSING[0]: "passing faults", Kind.DENIED: "denied", Kind.EMPTY: "empty", Kind.VANISHED: "vanished"}
    by_reason: dict[str, list[str]] = {}
    for kind, word in told.items():
        expected = row.expected(kind) if kind in row.kinds else None
        if expected is not None and expected.why:
            by_reason.setdefault(_reason(expected), []).append(word)
    for reason, words in by_reason.items():
        yield f"*{', '.join(words)}*: {reason}"


def _reason(expected: Expected) -> str:
    moves = f" (may move {', '.join(sorted(expected.moves))})" if expected.moves else ""
    return f"{expected.why}{moves}"


if __name__ == "__main__":
    sys.exit(main())
