"""``eks-auditor drill``."""

from pathlib import Path
from typing import Annotated

import typer

from eks_auditor.cli.errors import UsageError, unread
from eks_auditor.cli.one_cluster import read_one
from eks_auditor.cli.options import STDOUT, Invocation, ListFormat, list_form, require_writable
from eks_auditor.cli.output import table_shape, write
from eks_auditor.cli.reading import Reading
from eks_auditor.cli.recorded import sensible
from eks_auditor.report.drill import DrilledCluster, NoSuchZoneError, render_drill_json
from eks_auditor.report.drill_table import render_drill_table


def drill(  # noqa: PLR0913  one parameter an option
    context: typer.Context,
    *,
    cluster: Annotated[str | None, typer.Option(help="Cluster to drill, by name or ARN.", metavar="NAME|ARN")] = None,
    zone: Annotated[
        list[str] | None,
        typer.Option(help="Zone to lose, by id or name, repeatable. Default: each, one at a time.", metavar="ZONE"),
    ] = None,
    region: Annotated[str | None, typer.Option(help="Its Region. Default: the configured one.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of the AWS configuration.")] = None,
    form: Annotated[
        ListFormat, typer.Option("--format", help="How to print it.", parser=list_form, metavar="table|json")
    ] = ListFormat.TABLE,
    output: Annotated[str, typer.Option(help="File to write; `-` is standard output.", metavar="FILE")] = STDOUT,
    recorded: Annotated[
        Path | None,
        typer.Option("--from", help="Drill a recorded snapshot instead of a cluster in AWS.", metavar="SNAPSHOT"),
    ] = None,
) -> None:
    """Print what is left of a cluster when an Availability Zone is lost, and what grows again in the others.

    Exit codes: 0 drilled, whatever would be lost; 2 wrong usage or configuration; 3 nothing could be read.
    """
    require_writable(output)
    clock = Invocation.of(context).clock
    reading = read_one("a drill", cluster=cluster, region=region, profile=profile, recorded=recorded, clock=clock)
    drilled = _drilled(reading, zone or [])
    write(_rendered(drilled, form, output), output)


def _drilled(reading: Reading, zones: list[str]) -> DrilledCluster:
    """Drill the one cluster that was read.

    Raises:
        NothingReadError: If none of its nodes could be read.
        UsageError: If a zone is none of its.
    """
    [snapshot] = reading.snapshots
    with sensible(snapshot, reading):
        drilled = DrilledCluster.of(snapshot)
        if drilled.hidden and not drilled.drill.sets:
            # Reads that failed say more than what they left incomplete.
            raise unread(sorted(drilled.drill.unreadable, key=lambda gap: gap not in snapshot.gaps))
        try:
            return drilled.without(zones) if zones else drilled
        except NoSuchZoneError as error:
            raise UsageError(str(error)) from error


def _rendered(drilled: DrilledCluster, form: ListFormat, output: str) -> str:
    if form is ListFormat.JSON:
        return render_drill_json(drilled)
    width, colour = table_shape(output)
    return render_drill_table(drilled, width=width, colour=colour)
