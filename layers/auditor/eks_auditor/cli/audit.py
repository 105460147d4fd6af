"""``eks-auditor audit``."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from eks_auditor.autoscaler.settings import AutoscalerSettings
from eks_auditor.check import Check
from eks_auditor.cli.options import (
    STDOUT,
    Autoscaler,
    AutoscalerDiscovery,
    AutoscalerVersion,
    Clock,
    Format,
    Invocation,
    autoscaler_settings,
    checks_chosen,
    report_form,
    require_writable,
    severity,
)
from eks_auditor.cli.output import progress, say, table_shape, write
from eks_auditor.cli.policy_file import PolicyFile, policy_of
from eks_auditor.cli.reading import Reading, Wanted, read_clusters
from eks_auditor.cli.recorded import read_files, refuse_aws, sensible
from eks_auditor.findings.teams import TEAM_TAG
from eks_auditor.model.verdict import Severity
from eks_auditor.policy.rules import Policy
from eks_auditor.report.asff_document import render_asff
from eks_auditor.report.audited import AuditedCluster, Report, audited, report_of
from eks_auditor.report.json_document import render_json
from eks_auditor.report.table import render_table

FAILED = 1


def audit(  # noqa: PLR0913  one parameter an option
    context: typer.Context,
    *,
    region: Annotated[
        list[str] | None,
        typer.Option(help="Region to audit, repeatable, or `all`. Default: the configured one.", metavar="REGION"),
    ] = None,
    cluster: Annotated[
        list[str] | None,
        typer.Option(help="Cluster to audit, by name or ARN, repeatable. Default: all.", metavar="NAME|ARN"),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of the AWS configuration.")] = None,
    check: Annotated[
        list[str] | None, typer.Option(help="Check to judge by, repeatable. Default: all.", metavar="ID")
    ] = None,
    skip_check: Annotated[list[str] | None, typer.Option(help="Check to leave out, repeatable.", metavar="ID")] = None,
    form: Annotated[
        Format, typer.Option("--format", help="How to print the report.", parser=report_form, metavar="table|json|asff")
    ] = Format.TABLE,
    output: Annotated[str, typer.Option(help="File to write; `-` is standard output.", metavar="FILE")] = STDOUT,
    recorded: Annotated[
        list[Path] | None,
        typer.Option("--from", help="Judge a recorded snapshot instead of AWS, repeatable.", metavar="SNAPSHOT"),
    ] = None,
    autoscaler: Autoscaler = "auto",
    autoscaler_version: AutoscalerVersion = "",
    autoscaler_discovery: AutoscalerDiscovery = "",
    policy_file: PolicyFile = None,
    team_tag: Annotated[
        str, typer.Option(help="Key of the tag that says whose a resource is.", metavar="KEY")
    ] = TEAM_TAG,
    fail_on: Annotated[
        Severity | None,
        typer.Option(
            help="Exit with 1 if a finding fails at this severity or above.",
            parser=severity,
            metavar="INFORMATIONAL|LOW|MEDIUM|HIGH|CRITICAL",
        ),
    ] = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="Show NOT_APPLICABLE too, and list PASSED in the table.")
    ] = False,
) -> None:
    """Read clusters, judge them, and print what was found, worst first.

    Exit codes: 0 audited; 1 a finding failed at or above --fail-on; 2 wrong usage or configuration; 3 nothing could
    be read.
    """
    clock = Invocation.of(context).clock
    checks = checks_chosen(check or [], skip_check or [])
    settings = autoscaler_settings(autoscaler, autoscaler_version, autoscaler_discovery)
    require_writable(output)
    started = clock()
    policy = policy_of(policy_file, started, settings)
    if recorded:
        refuse_aws(region, cluster, profile)
        reading = read_files(recorded)
    else:
        reading = _read_aws(Wanted.of(region or [], cluster or []), profile, clock)
    report = report_of(_judged(reading, checks, settings, policy, team_tag), gaps=reading.gaps, started=started)
    write(_rendered(report, form, output, show_all=show_all), output)
    for sentence in (*reading.notes, *(note for cluster in report.clusters for note in cluster.notes)):
        say(f"{sentence}.")
    if fail_on is not None and report.fails_at(fail_on):
        raise typer.Exit(FAILED)


def _read_aws(wanted: Wanted, profile: str | None, clock: Clock) -> Reading:
    with progress() as show:
        return read_clusters(wanted, profile=profile, clock=clock, show=show)


def _judged(
    reading: Reading, checks: Sequence[Check], autoscaler: AutoscalerSettings, policy: Policy, team_tag: str
) -> Iterator[AuditedCluster]:
    for snapshot in reading.snapshots:
        with sensible(snapshot, reading):
            judged = audited(snapshot, checks, autoscaler, policy=policy, team_tag=team_tag)
        yield judged


def _rendered(report: Report, form: Format, output: str, *, show_all: bool) -> str:
    match form:
        case Format.JSON:
            return render_json(report, show_all=show_all)
        case Format.ASFF:
            return render_asff(report)
        case Format.TABLE:
            width, colour = table_shape(output)
            return render_table(report, width=width, colour=colour, show_all=show_all)
