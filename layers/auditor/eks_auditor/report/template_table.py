"""The two nodes of a group for people: side by side, with what differs marked, and the tags that mend it."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eks_auditor.autoscaler.compare import Difference
from eks_auditor.autoscaler.node_template import NodeTemplate, Source
from eks_auditor.autoscaler.quantity import quantity_text
from eks_auditor.model.gap import Gap
from eks_auditor.report.compared_template import ComparedTemplate
from eks_auditor.report.instants import text_of
from eks_auditor.report.table import STYLES, console_of, printable, trimmed

_PLAIN = re.compile(r"[A-Za-z0-9_./:@+-]+")
"""What a terminal shows as it is, and what needs no quotes to be told from the words around it."""

_INDENT = 2
_MARK = 2
_GAP = 2
_NAMES = 32
"""The widest column of names; longer ones are folded."""

_ABSENT = "-"
_UNKNOWN = "unknown"
_COUNTS = "!"
_COUNTS_NOT = "~"
_BYTES = ("memory", "ephemeral-storage")
_UNITS = {f"{prefix}i": 1024**power for power, prefix in enumerate("KMGTP", start=1)} | {
    prefix: 1000**power for power, prefix in enumerate("kMGTP", start=1)
}
_COLUMNS = ("EXPECTED", "COMES UP")

_SOURCES = {
    Source.GENERIC: "generic",
    Source.INSTANCE_TYPE: "type",
    Source.TAG: "tag",
    Source.EKS_TAG: "EKS's tag",
    Source.EKS: "EKS",
    Source.NODEGROUP_TAG: "group's tag",
    Source.USER_DATA: "user data",
}
"""Where something comes from, short enough for a column."""

type _Part = tuple[str, Source | None]
"""What a node has of something, and where that comes from."""


@dataclass(frozen=True, slots=True)
class _Row:
    """Something that one of the nodes has; what it rests on differs, counts or not, or does not differ (None)."""

    name: str
    believed: _Part | None
    real: _Part | None
    counts: bool | None = None


def render_template_table(compared: ComparedTemplate, *, width: int = 80, colour: bool = False) -> str:
    """Return both nodes as text that reads well from 80 columns on, and in a pipe when it has no colour.

    Only commands and what is to be pasted into files may be longer than a line.

    Args:
        compared: What to render.
        width: Columns.
        colour: Whether for a terminal that shows colours.
    """
    console = console_of(width, colour=colour)
    with console.capture() as capture:
        _heading(console, compared)
        _nodes(console, compared)
        _legend(console, compared)
        _options(console, compared)
        _ignored(console, compared)
        _mending(console, compared)
        _notes(console, compared)
        console.print(Text(printable(_sentence(compared))))
    return trimmed(capture.get())


def _heading(console: Console, compared: ComparedTemplate) -> None:
    cluster, capacity, group = compared.snapshot.cluster, compared.capacity, compared.group
    title = (
        f"{capacity.name} ({capacity.kind}) of {cluster.name} in {cluster.id.region}: the node that Cluster Autoscaler "
        f"{compared.minor} expects, and the node that comes up"
    )
    console.print(Text(printable(title), style="bold"))
    sizes = f"{group.min_size} to {group.max_size} nodes, {len(group.in_service)} in service"
    console.print(Text(printable(f"Auto Scaling group {group.name}, {sizes}."), style="dim"), "\n")


def _nodes(console: Console, compared: ComparedTemplate) -> None:
    sections = {title: rows for title, rows in _sections(compared) if rows}
    names = min(_NAMES, max(len(quoted(row.name)) for rows in sections.values() for row in rows))
    values = (console.width - _MARK - names - 2 * _GAP) // 2
    headings = _COLUMNS
    for title, rows in sections.items():
        table = Table(box=None, show_header=False, pad_edge=False, padding=0)
        for columns in (_MARK + names, _GAP, values, _GAP, values):
            table.add_column(width=columns, overflow="fold")
        table.add_row(*_cells(title, *headings), style="bold")
        for row in rows:
            table.add_row(*_shown(row, compared, names))
        console.print(table)
        console.print()
        headings = ("", "")


def _sections(compared: ComparedTemplate) -> Iterator[tuple[str, list[_Row]]]:
    """Yield what the nodes have, by kind."""
    marks: dict[tuple[str, str], bool] = {}
    for each in compared.differences:
        marks[each.kind, each.name] = each.counts or marks.get((each.kind, each.name), False)
    believed, real = (None if isinstance(node, Gap) else node for node in (compared.believed, compared.real))
    for title, kind, parts in _PARTS:
        ours, theirs = (parts(node) if node else {} for node in (believed, real))
        names = dict.fromkeys((*ours, *theirs)) if kind == "node" else sorted(ours.keys() | theirs.keys())
        yield title, [_Row(name, ours.get(name), theirs.get(name), marks.get((kind, name))) for name in names]


def _shape(node: NodeTemplate) -> dict[str, _Part]:
    found = {"type": node.instance_type, "zone": node.zone}
    return {name: (quoted(value), None) for name, value in found.items() if value is not None}


def _labels(node: NodeTemplate) -> dict[str, _Part]:
    return {key: (quoted(value), node.sources.get(f"label:{key}")) for key, value in node.labels.items()}


def _taints(node: NodeTemplate) -> dict[str, _Part]:
    """Return taints by their key; several may have the same."""
    found: dict[str, list[str]] = defaultdict(list)
    for taint in node.taints:
        found[taint.key].append(quoted(f"{taint.value}:{taint.effect}"))
    return {key: (", ".join(values), node.sources.get(f"taint:{key}")) for key, values in found.items()}


def _resources(node: NodeTemplate) -> dict[str, _Part]:
    return {
        name: (_amount(name, amount), node.sources.get(f"resource:{name}")) for name, amount in node.resources.items()
    }


_PARTS = (
    ("Node", "node", _shape),
    ("Labels", "label", _labels),
    ("Taints", "taint", _taints),
    ("Resources", "resource", _resources),
)


def _amount(resource: str, amount: Decimal) -> str:
    """Return an amount as Kubernetes writes it, not rounded: bytes with the suffix that makes it shortest."""
    texts = [quantity_text(amount)]
    if resource in _BYTES and amount == amount.to_integral_value():
        texts += [f"{amount // unit:f}{suffix}" for suffix, unit in _UNITS.items() if amount and not amount % unit]
    return min(texts, key=len)


def _shown(row: _Row, compared: ComparedTemplate, width: int) -> Iterator[Text]:
    mark = {None: "", True: _COUNTS, False: _COUNTS_NOT}[row.counts]
    style = {None: "", True: STYLES["HIGH"], False: "dim"}[row.counts]
    name = quoted(row.name)
    lines = [name[start : start + width] for start in range(0, len(name), width)]
    named = Text("\n".join(f"{mark:<{_MARK}}{line}" if line is lines[0] else f"{'':<{_MARK}}{line}" for line in lines))
    named.stylize(style)
    return _cells(named, _cell(row.believed, compared.believed, style), _cell(row.real, compared.real, style))


def _cell(part: _Part | None, node: NodeTemplate | Gap, style: str) -> Text:
    if isinstance(node, Gap):
        return Text(_UNKNOWN, style=STYLES["UNKNOWN"])
    if part is None:
        return Text(_ABSENT, style=style)
    value, source = part
    return Text.assemble((value, style), (f" ({_SOURCES[source]})" if source else "", "dim"))


def _cells(name: str | Text, believed: str | Text, real: str | Text) -> Iterator[Text]:
    for cell in (name, "", believed, "", real):
        yield cell if isinstance(cell, Text) else Text(cell)


def quoted(text: str) -> str:
    """Return other people's words so that they cannot be taken for ours: in quotes, unless they are plain."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def _legend(console: Console, compared: ComparedTemplate) -> None:
    """Tell where things come from, then the differences that count, then those that are none, and why."""
    _sources(console, compared)
    if not compared.differences:
        return
    if compared.counting:
        _paragraph(console, f"{_COUNTS} misleads the autoscaler: {_listed(compared.counting)}.")
    reasons: dict[str, list[Difference]] = defaultdict(list)
    for each in compared.differences:
        why = compared.why_none(each)
        if why is not None:
            reasons[why].append(each)
    for reason, found in reasons.items():
        _paragraph(console, f"{_COUNTS_NOT} is no difference, for {reason}: {_listed(found)}.")
    console.print()


def _sources(console: Console, compared: ComparedTemplate) -> None:
    nodes = [node for node in (compared.believed, compared.real) if not isinstance(node, Gap)]
    used = {source for node in nodes for source in node.sources.values()}
    words = [f"{short}: {source}" for source, short in _SOURCES.items() if source in used and short != source]
    if words:
        console.print(Text(f"In brackets, where it comes from. {'; '.join(words)}.", style="dim"), "\n")


def _listed(differences: Iterable[Difference]) -> str:
    """Name what differs, each once, though several taints may have one key."""
    return ", ".join(dict.fromkeys(f"{each.kind} {quoted(each.name)}" for each in differences))


def _options(console: Console, compared: ComparedTemplate) -> None:
    if not compared.options:
        return
    console.print(Text("Scaling options that its tags set", style="bold"))
    for name, value in compared.options.items():
        _indented(console, f"{quoted(name)} {quoted(value)}")
    console.print()


def _ignored(console: Console, compared: ComparedTemplate) -> None:
    if not compared.ignored:
        return
    console.print(Text("Tags that come to nothing", style="bold"))
    for of, each in compared.ignored:
        better = "" if each.mended is None else f"; {quoted(each.mended)} would work"
        _indented(console, f"{quoted(each.key)} of the {of} is {quoted(each.value)}: it {each.problem}{better}")
    console.print()


def _mending(console: Console, compared: ComparedTemplate) -> None:
    blocks = {
        "To mend the tags of the Auto Scaling group, with the AWS CLI": "\n".join(compared.commands()),
        "The same in Terraform: for_each of aws_autoscaling_group_tag, or terraform-aws-eks's autoscaling_group_tags": (
            compared.terraform()
        ),
        "The same in the entry of a new node group in eksctl's config file": compared.eksctl(),
    }
    for heading, block in blocks.items():
        if block:
            console.print(Text(heading, style="bold"))
            # Broken lines could not be pasted.
            for line in block.splitlines():
                console.print(Text(printable(line)), soft_wrap=True)
            console.print()
    if compared.beyond_tags:
        _paragraph(console, f"No tag of the group mends: {_listed(compared.beyond_tags)}.")
        console.print()


def _notes(console: Console, compared: ComparedTemplate) -> None:
    gaps = {"The node that it expects": compared.believed, "The node that comes up": compared.real}
    for what, gap in gaps.items():
        if isinstance(gap, Gap):
            _paragraph(console, f"{what} is not known: {str(gap).rstrip(' .')}.")
    for note in compared.notes:
        _paragraph(console, f"{note[:1].upper()}{note[1:]}.")
    if compared.notes or any(isinstance(gap, Gap) for gap in gaps.values()):
        console.print()


def _sentence(compared: ComparedTemplate) -> str:
    """Say whether it will be misled."""
    read_at = f"Read at {text_of(compared.snapshot.taken_at)}."
    if isinstance(compared.believed, Gap) or isinstance(compared.real, Gap):
        return f"What differs is not known. {read_at}"
    counting = len(compared.counting)
    if not counting:
        return f"The autoscaler expects what comes up. {read_at}"
    return f"The autoscaler is misled by {counting} difference{'' if counting == 1 else 's'}. {read_at}"


def _indented(console: Console, text: str) -> None:
    console.print(Padding(Text(printable(text)), (0, 0, 0, _INDENT)))


def _paragraph(console: Console, text: str) -> None:
    console.print(Text(printable(text)))
