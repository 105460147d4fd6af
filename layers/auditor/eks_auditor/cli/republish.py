"""``eks-auditor republish``: every open finding of a stack is told again, from its ledger."""

from datetime import datetime
from typing import Annotated

import typer

from eks_auditor.cli.errors import UsageError
from eks_auditor.cli.options import STDOUT, Invocation
from eks_auditor.cli.output import write
from eks_auditor.cli.session import default_region, open_access, open_session
from eks_auditor.cli.stack import confirm, ledger_of, ledger_table
from eks_auditor.ledger.documents import NewerLedgerError
from eks_auditor.ledger.outbox import Outbox
from eks_auditor.ledger.republishing import compose_again
from eks_auditor.ledger.table import Ledger


def republish(
    context: typer.Context,
    *,
    stack: Annotated[str, typer.Option(help="Name of the stack.", metavar="NAME")],
    region: Annotated[str | None, typer.Option(help="The stack's Region. Default: the configured one.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of the stack's account.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Tell Security Hub and your own queues every open finding again, as the ledger holds it; people hear nothing.

    Exit codes: 0 all of them are in the ledger's outbox; 2 wrong usage or configuration; 3 something could not be read
    or written.
    """
    session = open_session(profile)
    home = region or default_region(session)
    open_access(session, [home])
    now = Invocation.of(context).clock()
    ledger = ledger_of(session, home, ledger_table(session, home, stack), lambda: now)
    told, findings = _composed(ledger, now)
    clusters = len(told)
    if told and not yes:
        confirm(f"Tell {findings} open findings of {clusters} clusters again?", deed="tell the findings again")
    for messages in told:
        ledger.announce(messages)
    what = f" as audit {told[0][0].audit_id}" if told else ""
    write(f"{findings} open findings of {clusters} clusters are told again{what}.\n", STDOUT)


def _composed(ledger: Ledger, now: datetime) -> tuple[list[tuple[Outbox, ...]], int]:
    """Return what to announce of each cluster that has failures, and how many these are."""
    told, findings = [], 0
    try:
        for cluster in sorted(ledger.known()):
            head, records, _ = ledger.load(cluster)
            messages = () if head is None else compose_again(head, records.values(), now)
            if messages:
                told.append(messages)
                findings += sum(record.fails for record in records.values())
    except NewerLedgerError as error:
        message = f"{error}; republish with the eks-auditor that wrote it"
        raise UsageError(message) from error
    return told, findings
