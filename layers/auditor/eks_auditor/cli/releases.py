"""``eks-auditor releases``."""

import difflib
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import typer

from eks_auditor.cli.errors import UsageError, in_a_sentence, unread
from eks_auditor.cli.options import STDOUT, Invocation, ListFormat, list_form, require_writable
from eks_auditor.cli.output import progress, say, table_shape, write
from eks_auditor.cli.reading import Wanted, open_regions
from eks_auditor.cli.session import WORKERS
from eks_auditor.releases.families import ami_types
from eks_auditor.report.releases import Releases, render_releases_json
from eks_auditor.report.releases_table import render_releases_table
from eks_auditor.snapshot.catalogue import Catalogue, read_catalogue
from eks_auditor.snapshot.clients import Clients

REGIONS_AT_ONCE = 4
"""A Region's reads are a chain with one wide link, the listing of images; its workers have room for more than one."""

_MINOR = re.compile("[0-9]{1,3}[.][0-9]{1,3}")


def releases(  # noqa: PLR0913  one parameter an option
    context: typer.Context,
    *,
    region: Annotated[
        list[str] | None,
        typer.Option(help="Region to read, repeatable, or `all`. Default: the configured one.", metavar="REGION"),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of the AWS configuration.")] = None,
    kubernetes: Annotated[
        list[str] | None,
        typer.Option(help="Kubernetes minor, repeatable. Default: all in support.", metavar="MINOR"),
    ] = None,
    ami_type: Annotated[
        list[str] | None, typer.Option(help="EKS's AMI type, repeatable. Default: all.", metavar="TYPE")
    ] = None,
    form: Annotated[
        ListFormat, typer.Option("--format", help="How to print it.", parser=list_form, metavar="table|json")
    ] = ListFormat.TABLE,
    output: Annotated[str, typer.Option(help="File to write; `-` is standard output.", metavar="FILE")] = STDOUT,
) -> None:
    """Print what AWS recommends: of each AMI type and Kubernetes minor the release, since when, and the one before.

    Exit codes: 0 read; 2 wrong usage or configuration; 3 nothing could be read.
    """
    types = tuple(dict.fromkeys(map(_ami_type, ami_type or []))) or ami_types()
    minors = tuple(dict.fromkeys(map(_minor, kubernetes or [])))
    require_writable(output)
    started = Invocation.of(context).clock()
    with progress() as show:
        access, regions = open_regions(Wanted.of(region or [], []), profile)
        # Made here: making clients is not safe on several threads.
        clients = [access.clients(each) for each in regions]
        catalogues = _read(clients, types, minors, show)
    found = Releases(taken_at=started, catalogues=tuple(catalogues))
    if found.gaps and not found.answered:
        raise unread(list(found.gaps))
    write(_rendered(found, form, output), output)
    for catalogue in catalogues:
        if catalogue.gap:
            say(f"{in_a_sentence(catalogue.gap)}.")


def _ami_type(text: str) -> str:
    """Return an AMI type in EKS's spelling from one in any case.

    Raises:
        UsageError: If there is none with releases; it names the nearest, if one is near.
    """
    by_lower = {ami_type.lower(): ami_type for ami_type in ami_types()}
    if text.lower() in by_lower:
        return by_lower[text.lower()]
    near = difflib.get_close_matches(text.lower(), sorted(by_lower), n=1)
    hint = f"the nearest is {by_lower[near[0]]}, and " if near else ""
    message = f"AWS publishes no releases of an AMI type {text!r}; {hint}`eks-auditor releases` lists all"
    raise UsageError(message)


def _minor(text: str) -> str:
    """Check a Kubernetes minor.

    Raises:
        UsageError: If it is not spelt like one.
    """
    if not _MINOR.fullmatch(text):
        message = f"--kubernetes {text!r} is no Kubernetes minor: write one such as 1.35"
        raise UsageError(message)
    return text


def _read(
    clients: Sequence[Clients], types: Sequence[str], minors: Sequence[str], show: Callable[[str], None]
) -> list[Catalogue]:
    """Read some Regions at a time, and return them in their order."""
    workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="read")
    places = ThreadPoolExecutor(REGIONS_AT_ONCE, thread_name_prefix="region")
    try:
        outcomes = places.map(lambda each: read_catalogue(each, types, minors, workers), clients)
        catalogues = []
        for number, each in enumerate(clients, start=1):
            show(f"Reading releases of Region {number} of {len(clients)}: {each.region}")
            catalogues.append(next(outcomes))
        return catalogues
    finally:
        # On Ctrl-C the Regions that wait are not read any more.
        places.shutdown(cancel_futures=True)
        workers.shutdown(cancel_futures=True)


def _rendered(found: Releases, form: ListFormat, output: str) -> str:
    if form is ListFormat.JSON:
        return render_releases_json(found)
    width, colour = table_shape(output)
    return render_releases_table(found, width=width, colour=colour)
