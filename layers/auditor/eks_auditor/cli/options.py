"""What the commands' options take, and the sentence for what they do not."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

import typer

from eks_auditor.autoscaler.settings import SCALES, AutoscalerSettings, settings_of
from eks_auditor.check import Check
from eks_auditor.checks import CATALOGUE
from eks_auditor.cli.errors import UsageError
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.verdict import Severity

type Clock = Callable[[], datetime]

STDOUT = "-"
ALL_REGIONS = "all"


class Format(StrEnum):
    """How ``audit`` prints its report."""

    TABLE = "table"
    JSON = "json"
    ASFF = "asff"


class ListFormat(StrEnum):
    """How ``checks`` prints the catalogue."""

    TABLE = "table"
    JSON = "json"


def machine_clock() -> datetime:
    """Return the machine's time."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Invocation:
    """What the program was started with, beside a command's own options.

    Attributes:
        clock: The time.
        debug: Whether a defect shows its traceback.
    """

    clock: Clock = machine_clock
    debug: bool = False

    @classmethod
    def of(cls, context: typer.Context) -> Self:
        """Return the invocation that a command runs in."""
        return context.ensure_object(cls)


def report_form(text: str) -> Format:
    """Read how ``audit`` shall print.

    Raises:
        UsageError: If it cannot.
    """
    return _form(Format, text)


def list_form(text: str) -> ListFormat:
    """Read how ``checks`` shall print.

    Raises:
        UsageError: If it cannot.
    """
    return _form(ListFormat, text)


def _form[Form: StrEnum](forms: type[Form], text: str) -> Form:
    try:
        return forms(text)
    except ValueError:
        *others, last = forms
        message = f"--format takes {', '.join(others)} or {last}, not {text!r}"
        raise UsageError(message) from None


def severity(text: str) -> Severity:
    """Read a rung's name in any case.

    Raises:
        typer.BadParameter: If it is none.
    """
    try:
        return Severity[text.upper()]
    except KeyError:
        message = f"{text!r} is no severity; write one of {', '.join(rung.name for rung in Severity)}"
        raise typer.BadParameter(message) from None


Autoscaler = Annotated[
    str,
    typer.Option(help="What scales the clusters; `auto` weighs what AWS shows of it.", metavar="|".join(SCALES)),
]
AutoscalerVersion = Annotated[
    str, typer.Option(help="Cluster Autoscaler's minor. Default: the cluster's.", metavar="MINOR")
]
AutoscalerDiscovery = Annotated[
    str,
    typer.Option(
        help="Tags by which Cluster Autoscaler discovers groups, `{cluster}` for the cluster's name. Default: the two "
        "of its documentation.",
        metavar="KEY[=VALUE],...",
    ),
]


def autoscaler_settings(scales: str, version: str, discovery: str) -> AutoscalerSettings:
    """Read what people say of the autoscaler.

    Raises:
        UsageError: If it makes no sense; the sentence names the option.
    """
    names = ("--autoscaler", "--autoscaler-version", "--autoscaler-discovery")
    try:
        return settings_of(scales, version, discovery, names=names)
    except ValueError as error:
        raise UsageError(str(error)) from None


def checks_chosen(wanted: Sequence[str], unwanted: Sequence[str]) -> tuple[Check, ...]:
    """Return the checks to judge by: those wanted (all, if none is named) without the unwanted ones.

    Raises:
        UsageError: If an id is unknown, or no check is left.
    """
    chosen = {check_named(text).id for text in wanted} or {check.id for check in CATALOGUE}
    chosen -= {check_named(text).id for text in unwanted}
    if not chosen:
        message = "--skip-check leaves out every check: there is nothing to judge"
        raise UsageError(message)
    return tuple(check for check in CATALOGUE if check.id in chosen)


def check_named(text: str) -> Check:
    """Return a check by its id in any case.

    Raises:
        UsageError: If there is none; it names the nearest, if one is near.
    """
    by_id = {check.id: check for check in CATALOGUE}
    if text.upper() in by_id:
        return by_id[text.upper()]
    near = difflib.get_close_matches(text.upper(), sorted(by_id), n=1)
    hint = f"the nearest is {near[0]}, and " if near else ""
    message = f"there is no check {text!r}; {hint}`eks-auditor checks` lists all"
    raise UsageError(message)


def cluster_named(text: str) -> ClusterId | str:
    """Tell a cluster's ARN from its name.

    Raises:
        UsageError: If it looks like an ARN and is not a cluster's, or is empty.
    """
    if not text.startswith("arn:"):
        if not text:
            message = "--cluster is empty: give a cluster's name or ARN"
            raise UsageError(message)
        return text
    try:
        return ClusterId.from_arn(text)
    except ValueError as error:
        message = f"--cluster {error}"
        raise UsageError(message) from error


def require_writable(output: str) -> None:
    """Refuse a file that cannot be written before minutes are spent on reading.

    Raises:
        UsageError: If its folder does not exist, or it is a folder itself.
    """
    path = Path(output)
    if output != STDOUT and (path.is_dir() or not path.parent.is_dir()):
        what = "is a folder" if path.is_dir() else "is in a folder that does not exist"
        message = f"--output {output} {what}: name a file in a folder that exists"
        raise UsageError(message)
