"""The report for people: what failed, worst first, then what could not be judged, then each cluster's sums."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Severity, Status
from eks_auditor.report.audited import AuditedCluster, Report
from eks_auditor.report.instants import text_of

STYLES: Mapping[str, str] = {
    "CRITICAL": "bold red",
    "HIGH": "red",
    "MEDIUM": "yellow",
    "LOW": "cyan",
    "INFORMATIONAL": "blue",
    "UNKNOWN": "magenta",
    "PASSED": "green",
    "NOT_APPLICABLE": "dim",
}
_FIRST_COLUMN = max(map(len, STYLES)) + 2
_CHECK_COLUMN = len("HEALTH001") + 2
_WIDEST_LABEL = 24
_INDENT = 2
_NAMES_SHOWN = 3


def render_table(report: Report, *, width: int = 80, colour: bool = False, show_all: bool = False) -> str:
    """Return the report as text that reads well at ``width`` columns, and in a pipe when it has no colour.

    Only fix commands may be longer than a line: a command that was broken could not be pasted.

    Args:
        report: What to render.
        width: Columns.
        colour: Whether for a terminal that shows colours.
        show_all: Whether PASSED and NOT_APPLICABLE are listed, not only counted.
    """
    console = console_of(width, colour=colour)
    labels = cluster_labels(cluster.id for cluster in report.clusters)
    with console.capture() as capture:
        _failures(console, report, labels)
        _exempt(console, report, labels)
        _unknowns(console, report, labels)
        if show_all:
            _listing(console, report, labels)
        _gaps(console, report, labels)
        _sums(console, report, labels)
    return trimmed(capture.get())


def console_of(width: int, *, colour: bool) -> Console:
    """Return a console that writes nowhere and takes nothing in a text for an instruction; capture what it prints."""
    return Console(
        file=StringIO(),
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def trimmed(text: str) -> str:
    """Return a text without blanks at the end of lines and without empty lines around it."""
    lines = (line.rstrip() for line in text.splitlines())
    return "\n".join(lines).strip("\n") + "\n"


def cluster_labels(clusters: Iterable[ClusterId]) -> dict[ClusterId, str]:
    """Return the shortest name that tells each cluster from the others: name, Region/name or account/Region/name."""
    known = list(clusters)
    names = Counter(cluster.name for cluster in known)
    places = Counter((cluster.region, cluster.name) for cluster in known)
    return {
        cluster: printable(
            cluster.name
            if names[cluster.name] == 1
            else f"{cluster.region}/{cluster.name}"
            if places[cluster.region, cluster.name] == 1
            else f"{cluster.account}/{cluster.region}/{cluster.name}"
        )
        for cluster in known
    }


def printable(text: str) -> str:
    """Replace control characters: names and tags are other people's input, and a terminal obeys escape sequences."""
    return "".join(character if character.isprintable() else "�" for character in text)


def _failures(console: Console, report: Report, labels: Mapping[ClusterId, str]) -> None:
    failures = report.failures()
    if not failures:
        return
    column = _column(labels)
    console.print(Text(_cells("SEVERITY", "CHECK", f"{'CLUSTER':<{column}}", "SUBJECT"), style="bold"), soft_wrap=True)
    for cluster, finding in failures:
        _row(console, finding.severity.name, finding, f"{labels[cluster.id]:<{column}}")
        _indented(console, f"{finding.title}: {finding.reason}")
        if finding.fix:
            command = f"{' ' * _INDENT}{finding.fix[0].tool}: {finding.fix[0].command}"
            console.print(Text(printable(command), style="dim"), soft_wrap=True)
        console.print()
    if any(len(finding.fix) > 1 for _, finding in failures):
        console.print(Text("Other ways to fix these, and what they rest on: --format json."), "\n")


def _exempt(console: Console, report: Report, labels: Mapping[ClusterId, str]) -> None:
    """List what somebody accepts, apart from what is to be mended."""
    exempt = report.exempt()
    if not exempt:
        return
    console.print(Text("Accepted", style="bold"))
    for cluster, finding in exempt:
        _row(console, finding.severity.name, finding, f"{labels[cluster.id]:<{_column(labels)}}")
        _indented(console, f"{finding.title}: {finding.reason}")
        if finding.exemption is not None:
            said = finding.exemption
            _indented(console, f"accepted until {said.until} by {said.owner} ({said.source}): {said.reason}")
    console.print()


def _column(labels: Mapping[ClusterId, str]) -> int:
    return min(_WIDEST_LABEL, max(map(len, (*labels.values(), "CLUSTER"))))


def _row(console: Console, word: str, finding: Finding, label: str) -> None:
    subject = finding.subject
    name = "the cluster" if subject.kind == "cluster" else f"{printable(subject.name)} ({subject.kind})"
    row = _cells(word, finding.check_id, label, name)
    fits = len(row) <= console.width
    line = Text(row if fits else _cells(word, finding.check_id))
    line.stylize(STYLES[word], 0, len(word))
    console.print(line, soft_wrap=True)
    if not fits:
        _indented(console, f"{label.strip()}  {name}")


def _cells(word: str, check_id: str, *others: str) -> str:
    return f"{word:<{_FIRST_COLUMN}}{check_id:<{_CHECK_COLUMN}}{'  '.join(others)}"


def _indented(console: Console, text: str) -> None:
    console.print(Padding(Text(printable(text)), (0, 0, 0, _INDENT)))


def _unknowns(console: Console, report: Report, labels: Mapping[ClusterId, str]) -> None:
    """List what could not be judged by its cause: one missing permission makes many checks say UNKNOWN."""
    by_cause: dict[str, list[str]] = defaultdict(list)
    for cluster, finding in report.findings(Status.UNKNOWN):
        by_cause[_cause(finding)].append(f"{finding.check_id} of {labels[cluster.id]}/{finding.subject.name}")
    if not by_cause:
        return
    console.print(Text("Could not be judged", style="bold"))
    for cause, judgements in sorted(by_cause.items()):
        console.print(Text("UNKNOWN", style=STYLES["UNKNOWN"]), Text(printable(cause)))
        _indented(console, ", ".join(sorted(judgements)))
    console.print()


def _cause(finding: Finding) -> str:
    if {"action", "error"} <= finding.evidence.keys():
        return f"{finding.evidence['action']}: {finding.evidence['error']}"
    return finding.reason


def _listing(console: Console, report: Report, labels: Mapping[ClusterId, str]) -> None:
    chosen = report.findings(Status.PASSED, Status.NOT_APPLICABLE)
    for cluster, finding in sorted(chosen, key=lambda pair: (pair[1].status, pair[1].check_id, pair[1].id)):
        _row(console, finding.status.value, finding, labels[cluster.id])
        _indented(console, finding.reason)
    if chosen:
        console.print()


def _gaps(console: Console, report: Report, labels: Mapping[ClusterId, str]) -> None:
    """List what could not be read by its error: one missing permission hides many resources."""
    resources: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for gap in report.gaps:
        resources["", gap.action, gap.error].append(gap.resource)
    for cluster in report.clusters:
        for gap in cluster.snapshot.gaps:
            resources[f"{labels[cluster.id]}: ", gap.action, gap.error].append(gap.resource)
    if not resources:
        return
    console.print(Text("Could not be read", style="bold"))
    for (where, action, error), hidden in sorted(resources.items()):
        _indented(console, f"{where}{action} on {_few(sorted(hidden))}: {error}")
    console.print()


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    return shown if len(names) <= _NAMES_SHOWN else f"{shown} and {len(names) - _NAMES_SHOWN} more"


def _sums(console: Console, report: Report, labels: Mapping[ClusterId, str]) -> None:
    if report.clusters:
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
        for column in ("CLUSTER", "REGION", "K8S"):
            table.add_column(column, overflow="fold")
        for column in ("CRIT", "HIGH", "MED", "LOW", "INFO", "UNKNOWN", "PASSED"):
            table.add_column(column, justify="right", no_wrap=True)
        for cluster in report.clusters:
            table.add_row(*_sum(cluster, labels[cluster.id]))
        console.print(table)
        console.print()
    console.print(Text(_sentence(report)))


def _sum(cluster: AuditedCluster, label: str) -> Iterator[Text]:
    statuses = Counter(finding.status for finding in cluster.findings)
    failed = (finding for finding in cluster.findings if finding.status is Status.FAILED and finding.exemption is None)
    rungs = Counter(finding.severity for finding in failed)
    yield Text(label)
    yield Text(cluster.id.region)
    yield Text(printable(cluster.snapshot.cluster.version))
    for severity in sorted(Severity, reverse=True):
        yield Text(str(rungs[severity]), style=STYLES[severity.name] if rungs[severity] else "dim")
    yield Text(str(statuses[Status.UNKNOWN]), style=STYLES["UNKNOWN"] if statuses[Status.UNKNOWN] else "dim")
    yield Text(str(statuses[Status.PASSED]))


def _sentence(report: Report) -> str:
    statuses = Counter(finding.status for cluster in report.clusters for finding in cluster.findings)
    exempt = len(report.exempt())
    statuses[Status.FAILED] -= exempt
    clusters = len(report.clusters)
    sums = ", ".join(
        f"{statuses[status]} {word}"
        for status, word in ((Status.FAILED, "failed"), (Status.UNKNOWN, "unknown"), (Status.PASSED, "passed"))
    )
    if exempt:
        sums = f"{sums}, {exempt} accepted"
    return f"{clusters} cluster{'' if clusters == 1 else 's'} audited at {text_of(report.taken_at)}: {sums}."
