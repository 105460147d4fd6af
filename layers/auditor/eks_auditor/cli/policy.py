"""``eks-auditor policy``."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from eks_auditor.checks import CATALOGUE
from eks_auditor.cli.errors import UsageError
from eks_auditor.cli.options import STDOUT, Invocation
from eks_auditor.cli.output import write
from eks_auditor.cli.policy_file import line_of, text_of
from eks_auditor.policy.mistakes import PolicyError
from eks_auditor.policy.reading import read_policy
from eks_auditor.policy.rules import Policy

policy = typer.Typer(help="Look at a policy before it is deployed.", rich_markup_mode=None, no_args_is_help=True)


@policy.command()
def check(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(help="The policy file.", metavar="FILE")],
) -> None:
    """Explain every mistake in a policy with its line, or say what it does.

    Exit codes: 0 valid, warnings or not; 2 not valid, or not to be read.
    """
    now = Invocation.of(context).clock()
    try:
        found, warnings = read_policy(text_of(file), checks=CATALOGUE, now=now)
    except PolicyError as error:
        write("".join(f"{line_of(file, mistake)}\n" for mistake in error.mistakes), STDOUT)
        raise typer.Exit(UsageError.exit_code) from None
    write("".join(f"{line_of(file, mistake)}\n" for mistake in warnings), STDOUT)
    write(f"{file} is valid: {'; '.join(_summary(found, now))}.\n", STDOUT)


def _summary(found: Policy, now: datetime) -> Iterator[str]:
    """Say what a policy does."""
    everywhere, *rules = found.rules
    yield f"version {found.version}"
    off = sorted(each for each, on in everywhere.switches.items() if not on)
    if off:
        yield f"switches {', '.join(off)} off"
    settings = {
        "autoscaler": everywhere.scales,
        "autoscaler_version": everywhere.autoscaler_version,
        "discovery": everywhere.discovery,
        "minimum_zones": everywhere.minimum_zones,
    }
    said = [name for name, value in settings.items() if value is not None]
    if said:
        yield f"sets {', '.join(said)}"
    if everywhere.limits:
        yield f"changes thresholds of {', '.join(sorted(everywhere.limits))}"
    if rules:
        yield _counted(len(rules), "rule for some clusters or capacities", "rules for some clusters or capacities")
    ended = sum(now >= rule.exemption.ends_at for rule in found.exemptions)
    over = f" ({ended} of them ended)" if ended else ""
    yield _counted(len(found.exemptions), "exemption", "exemptions") + over
    if found.tags_exempt_critical:
        yield "tags may accept CRITICAL findings"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
