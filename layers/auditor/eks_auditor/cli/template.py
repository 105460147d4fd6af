"""``eks-auditor template``."""

import difflib
from pathlib import Path
from typing import Annotated

import typer

from eks_auditor.autoscaler.settings import AUTO, AutoscalerSettings
from eks_auditor.cli.errors import UsageError, unread
from eks_auditor.cli.one_cluster import read_one
from eks_auditor.cli.options import (
    STDOUT,
    AutoscalerVersion,
    Invocation,
    ListFormat,
    autoscaler_settings,
    list_form,
    require_writable,
)
from eks_auditor.cli.output import table_shape, write
from eks_auditor.cli.policy_file import PolicyFile, policy_of
from eks_auditor.cli.recorded import sensible
from eks_auditor.model.capacity import (
    KINDS,
    AnyCapacity,
    GroupCapacity,
    Kind,
    ManagedNodeGroup,
    ScalingGroup,
    SelfManagedGroup,
)
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.report.compared_template import ComparedTemplate
from eks_auditor.report.table import printable
from eks_auditor.report.template import render_template_json
from eks_auditor.report.template_table import render_template_table
from eks_auditor.spread.siblings import first_of

EKSCTL_NAME = "alpha.eksctl.io/nodegroup-name"
"""The tag by which eksctl's self-managed groups go by the name of their config file."""

GROUPS: tuple[Kind, ...] = ("managed", "self-managed")

NO_TEMPLATE: dict[Kind, str] = {
    "karpenter": "is a node pool of Karpenter, which chooses each node by itself",
    "auto-mode": "is a node pool of EKS Auto Mode, which chooses each node by itself",
    "fargate": "is a Fargate profile, whose pods AWS runs",
    "standalone": "stands for nodes that no Auto Scaling group launches",
}
"""Why Cluster Autoscaler expects no node of a capacity, in words that follow its name."""

_SHOWN = 6
"""How many names an error tells."""


def template(  # noqa: PLR0913  one parameter an option
    context: typer.Context,
    *,
    capacity: Annotated[
        str,
        typer.Argument(
            help="Node group or Auto Scaling group, by name; managed:NAME or self-managed:NAME where both have one.",
            metavar="CAPACITY",
        ),
    ],
    cluster: Annotated[str | None, typer.Option(help="Its cluster, by name or ARN.", metavar="NAME|ARN")] = None,
    region: Annotated[str | None, typer.Option(help="Its Region. Default: the configured one.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of the AWS configuration.")] = None,
    autoscaler_version: AutoscalerVersion = "",
    policy_file: PolicyFile = None,
    form: Annotated[
        ListFormat, typer.Option("--format", help="How to print it.", parser=list_form, metavar="table|json")
    ] = ListFormat.TABLE,
    output: Annotated[str, typer.Option(help="File to write; `-` is standard output.", metavar="FILE")] = STDOUT,
    recorded: Annotated[
        Path | None,
        typer.Option("--from", help="Use a recorded snapshot instead of a cluster in AWS.", metavar="SNAPSHOT"),
    ] = None,
) -> None:
    """Print the node that Cluster Autoscaler expects of a group while it is empty, and the node that comes up.

    Exit codes: 0 printed, whatever differs; 2 wrong usage or configuration; 3 nothing could be read.
    """
    require_writable(output)
    settings = autoscaler_settings(AUTO.scales, autoscaler_version, "")
    clock = Invocation.of(context).clock
    policy = policy_of(policy_file, clock(), settings)
    reading = read_one("a template", cluster=cluster, region=region, profile=profile, recorded=recorded, clock=clock)
    [snapshot] = reading.snapshots
    settings = policy.autoscaler(snapshot.cluster.id, settings)
    with sensible(snapshot, reading):
        text = _rendered(_compared(snapshot, capacity, settings), form, output)
    write(text, output)


def _compared(snapshot: Snapshot, wanted: str, settings: AutoscalerSettings) -> ComparedTemplate:
    """Compare the nodes of the capacity that is wanted.

    Raises:
        NothingReadError: If neither node could be read.
        UsageError: If there is no such capacity, or none that Cluster Autoscaler scales.
    """
    compared = ComparedTemplate.of(snapshot, *_chosen(snapshot, wanted), settings)
    if isinstance(compared.believed, Gap) and isinstance(compared.real, Gap):
        raise unread(list(dict.fromkeys((compared.believed, compared.real))))
    return compared


def _chosen(snapshot: Snapshot, wanted: str) -> tuple[GroupCapacity, ScalingGroup]:
    """Return the capacity that is wanted with its Auto Scaling group.

    Raises:
        NothingReadError: If it may be among what could not be read, or its Auto Scaling group is.
        UsageError: If it is none, or several.
    """
    found = [capacity for capacity in snapshot.capacities if _matches(capacity, wanted)]
    capacities = [each for each in found if isinstance(each, ManagedNodeGroup | SelfManagedGroup)]
    if len(capacities) > 1:
        ways = " or ".join(f"{each.kind}:{each.name}" for each in capacities)
        message = f"{snapshot.cluster.name} has several groups {wanted!r}: write {ways}"
        raise UsageError(printable(message))
    if capacities:
        return capacities[0], _group(capacities[0], wanted)
    if found:
        message = f"{wanted!r} {NO_TEMPLATE[found[0].kind]}: Cluster Autoscaler has no template for it"
        raise UsageError(message)
    raise _missing(snapshot, wanted)


def _matches(capacity: AnyCapacity, wanted: str) -> bool:
    kind, name = _parts(wanted)
    return name in _names(capacity) and kind in ("", capacity.kind)


def _parts(wanted: str) -> tuple[str, str]:
    """Split what is wanted into a kind, or an empty text, and a name."""
    kind, _, name = wanted.partition(":")
    return (kind, name) if kind in KINDS else ("", wanted)


def _names(capacity: AnyCapacity) -> set[str]:
    """Return what a capacity may be called: its own name, those of its Auto Scaling groups, and eksctl's for these."""
    if not isinstance(capacity, ManagedNodeGroup | SelfManagedGroup) or isinstance(capacity.groups, Gap):
        return {capacity.name}
    eksctl = {group.tags[EKSCTL_NAME] for group in capacity.groups if EKSCTL_NAME in group.tags}
    return {capacity.name, *(group.name for group in capacity.groups), *eksctl}


def _group(capacity: GroupCapacity, wanted: str) -> ScalingGroup:
    if isinstance(capacity.groups, Gap):
        raise unread([capacity.groups])
    named = [group for group in capacity.groups if group.name == _parts(wanted)[1]] or capacity.groups
    if len(named) == 1:
        return named[0]
    if not named:
        message = f"{wanted!r} has no Auto Scaling group yet: run the command again once EKS has made it"
        raise UsageError(message)
    message = f"{wanted!r} has several Auto Scaling groups: name one of {', '.join(group.name for group in named)}"
    raise UsageError(printable(message))


def _missing(snapshot: Snapshot, wanted: str) -> Exception:
    """Return the error for a name that no capacity has."""
    gap = snapshot.unseen(GROUPS)
    groups = [each for each in snapshot.capacities if each.kind in GROUPS]
    if gap is not None and not groups:
        return unread([gap])
    seen = " that could be read" if gap is not None else ""
    message = f"{snapshot.cluster.name} has no node group and no Auto Scaling group {wanted!r}{seen}"
    names = sorted({name for each in groups for name in _names(each)})
    near = difflib.get_close_matches(_parts(wanted)[1], names, n=1)
    known = first_of([each.name for each in groups], _SHOWN)
    if near:
        return UsageError(printable(f"{message}: the nearest is {near[0]}"))
    return UsageError(printable(f"{message}: its groups are {known}" if known else f"{message}: it has no groups"))


def _rendered(compared: ComparedTemplate, form: ListFormat, output: str) -> str:
    if form is ListFormat.JSON:
        return render_template_json(compared)
    width, colour = table_shape(output)
    return render_template_table(compared, width=width, colour=colour)
