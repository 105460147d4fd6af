"""A cluster's drill for people: a row for each sibling set and zone, then the sums, and what they rest on."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from eks_auditor.report.drill import ASSUMPTIONS, DrilledCluster
from eks_auditor.report.instants import text_of
from eks_auditor.report.table import STYLES, console_of, printable, trimmed
from eks_auditor.spread.drill import Amount, Loss, SetDrill
from eks_auditor.spread.siblings import first_of

_AMOUNTS = ("NODES", "vCPU", "MEMORY (GiB)")
_COLUMNS = ("LOST", "LEFT", "REGROWN TO")
_ZONE = "WITHOUT"
_GAP = 2
"""Blanks before each kind of amount, beside the one before each column."""

_INDENT = 2
_SHOWN = 6
"""How many names a line tells; the JSON document has them all."""

_MIB_PER_GIB = 1024


def render_drill_table(drilled: DrilledCluster, *, width: int = 80, colour: bool = False) -> str:
    """Return the drill as text that reads well from 80 columns on, and in a pipe when it has no colour.

    Args:
        drilled: What to render.
        width: Columns.
        colour: Whether for a terminal that shows colours.
    """
    console = console_of(width, colour=colour)
    with console.capture() as capture:
        _heading(console, drilled)
        _numbers(console, drilled)
        console.print(Text(f"Assumed: {'; '.join(ASSUMPTIONS)}.", style="dim"), "\n")
        _gaps(console, drilled)
        console.print(Text(printable(_sentence(drilled))))
    return trimmed(capture.get())


def _heading(console: Console, drilled: DrilledCluster) -> None:
    cluster = drilled.snapshot.cluster
    title = f"{cluster.name} in {cluster.id.region}: what is left when an Availability Zone is lost"
    console.print(Text(printable(title), style="bold"))
    names = drilled.zone_names
    zones = ", ".join(f"{zone} is {names[zone]}" for zone in drilled.drill.zones if zone in names)
    if zones:
        console.print(Text(printable(f"In this account, {zones}."), style="dim"))
    console.print()


def _numbers(console: Console, drilled: DrilledCluster) -> None:
    drill, grid = drilled.drill, _Grid(drilled.drill.totals)
    if drill.zones:
        for line in grid.headings():
            _line(console, Text(line, style="bold"))
        console.print()
    judged = [each for each in drill.sets if each.judged]
    others = [each for each in drill.sets if not each.judged]
    for each in judged:
        _set(console, grid, each)
    if others:
        console.print(Text("Listed and added up, but not judged by ZONE004", style="bold"), "\n")
    for each in others:
        _set(console, grid, each)
    if drill.zones:
        console.print(Text(printable(f"All of {drilled.snapshot.cluster.name}"), style="bold"))
        for loss in drill.totals:
            _line(console, grid.row(loss))
        console.print()


def _set(console: Console, grid: "_Grid", drill: SetDrill) -> None:
    nodes = f"{drill.nodes} node{'' if drill.nodes == 1 else 's'}"
    apart = f", and {drill.apart} in Local or Wavelength Zones, not counted" if drill.apart else ""
    console.print(Text.assemble((printable(drill.name), "bold"), f"  {nodes}{apart}"))
    if drill.note is not None:
        _indented(console, drill.note)
    elif not drill.losses:
        _indented(console, "none of it is there, and none would be launched there")
    for loss in drill.losses if drill.nodes else ():
        _line(console, grid.row(loss))
        if loss.blocked_by:
            _indented(console, f"blocked by {first_of(loss.blocked_by, _SHOWN)}")
    console.print()


class _Grid:
    """Columns of numbers, wide enough for the sums, which no set's numbers exceed."""

    def __init__(self, totals: Sequence[Loss]) -> None:
        self._first = max(map(len, (_ZONE, *(loss.zone_id for loss in totals))))
        rows = list(zip(*(list(_cells(loss)) for loss in totals), strict=True))
        labels = _COLUMNS * len(_AMOUNTS)
        self._widths = [
            max(map(len, (label, *column))) + 1 + (_GAP if label == _COLUMNS[0] else 0)
            for label, column in zip(labels, rows or [()] * len(labels), strict=True)
        ]

    def headings(self) -> tuple[str, str]:
        """Return the two lines above the numbers."""
        groups = zip(_AMOUNTS, *(self._widths[start :: len(_COLUMNS)] for start in range(len(_COLUMNS))), strict=True)
        above = "".join(f"{name:>{sum(widths)}}" for name, *widths in groups)
        return " " * self._first + above, f"{_ZONE:<{self._first}}{self._aligned(_COLUMNS * len(_AMOUNTS))}"

    def row(self, loss: Loss) -> Text:
        """Return a zone's line; red where nothing is left or comes back, yellow where not all comes back."""
        text = Text(printable(f"{loss.zone_id:<{self._first}}{self._aligned(_cells(loss))}"))
        if loss.stuck:
            text.stylize(STYLES["MEDIUM"] if (loss.left + loss.regrown).nodes else STYLES["CRITICAL"])
        return text

    def _aligned(self, cells: Iterable[str]) -> str:
        return "".join(f"{cell:>{width}}" for cell, width in zip(cells, self._widths, strict=True))


def _cells(loss: Loss) -> Iterator[str]:
    amounts = (loss.lost, loss.left, loss.left + loss.regrown)
    yield from (str(amount.nodes) for amount in amounts)
    yield from (str(amount.vcpus) for amount in amounts)
    yield from map(_gib, amounts)


def _gib(amount: Amount) -> str:
    return f"{amount.memory_mib / _MIB_PER_GIB:.1f}".removesuffix(".0")


def _line(console: Console, text: Text) -> None:
    """Print a row: one that a narrow terminal has no room for is broken by the terminal, and pastes as one line."""
    console.print(text, soft_wrap=True)


def _indented(console: Console, text: str) -> None:
    console.print(Padding(Text(printable(text)), (0, 0, 0, _INDENT)))


def _gaps(console: Console, drilled: DrilledCluster) -> None:
    """List what could not be read by its error: one missing permission hides many sets."""
    hidden: dict[str, list[str]] = defaultdict(list)
    for what, gap in drilled.hidden:
        hidden[str(gap)].append(what)
    if not hidden:
        return
    console.print(Text("Could not be read, and is in no number", style="bold"))
    for error, names in sorted(hidden.items()):
        _indented(console, f"{first_of(names, _SHOWN)}: {error}")
    console.print()


def _sentence(drilled: DrilledCluster) -> str:
    """Say how it would end, and where it would end worst."""
    drill = drilled.drill
    read_at = f"Read at {text_of(drilled.snapshot.taken_at)}."
    seen = " that could be read" if drill.hidden else ""
    if not drill.totals:
        return f"No node{seen} is in an Availability Zone, and none would be launched in one. {read_at}"
    worst = min(drill.totals, key=lambda loss: ((loss.left + loss.regrown).nodes, loss.zone_id))
    which = "Without" if len(drill.totals) == 1 else "At worst, without"
    kept, whole = (worst.left + worst.regrown).nodes, (worst.left + worst.lost).nodes
    nodes = f"{kept} of {whole} nodes{seen} are left or grow again"
    sets = [each for each in drill.sets if each.nodes]
    short = sum(any(loss.stuck for loss in each.losses) for each in sets)
    return f"{which} {worst.zone_id}, {nodes}. Sets that do not regrow in full: {short} of {len(sets)}. {read_at}"
