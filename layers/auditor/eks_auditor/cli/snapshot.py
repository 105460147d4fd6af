"""``eks-auditor snapshot``."""

from typing import Annotated

import typer

from eks_auditor.cli.errors import UsageError
from eks_auditor.cli.options import ALL_REGIONS, STDOUT, Invocation, require_writable
from eks_auditor.cli.output import progress, write
from eks_auditor.cli.reading import Wanted, read_clusters
from eks_auditor.report.redaction import redacted
from eks_auditor.report.snapshot_file import write_snapshot


def snapshot(  # noqa: PLR0913  one parameter an option
    context: typer.Context,
    *,
    cluster: Annotated[str, typer.Option(help="Cluster to record, by name or ARN.", metavar="NAME|ARN")],
    region: Annotated[str | None, typer.Option(help="Its Region. Default: the configured one.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of the AWS configuration.")] = None,
    output: Annotated[str, typer.Option(help="File to write; `-` is standard output.", metavar="FILE")] = STDOUT,
    redact: Annotated[
        bool, typer.Option("--redact", help="Replace account ids and names; it judges the same.")
    ] = False,
) -> None:
    """Record a cluster as JSON, to read, to diff, to attach to a bug report, and to judge with `audit --from`."""
    if region == ALL_REGIONS:
        message = "a snapshot is of one cluster: name its Region, or give its ARN"
        raise UsageError(message)
    require_writable(output)
    wanted = Wanted.of([region] if region else [], [cluster])
    with progress() as show:
        reading = read_clusters(wanted, profile=profile, clock=Invocation.of(context).clock, show=show)
    [read] = reading.snapshots
    write(write_snapshot(redacted(read) if redact else read), output)
