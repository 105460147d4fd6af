"""``eks-auditor retire``: what Security Hub still shows of a stack is archived, so that the stack can be deleted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

import boto3
import typer

from eks_auditor.cli.errors import NothingReadError, UsageError
from eks_auditor.cli.options import STDOUT, Invocation
from eks_auditor.cli.output import say, write
from eks_auditor.cli.session import CONFIG, default_region, open_access, open_session
from eks_auditor.cli.stack import confirm, ledger_of, ledger_table
from eks_auditor.ledger.documents import NewerLedgerError
from eks_auditor.ledger.table import Ledger
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Change, Record, State, Transition, sequence_of
from eks_auditor.sinks.asff import asff
from eks_auditor.sinks.security_hub import SecurityHub

AUDIT_ID = "retire"
REASON = "eks-auditor was retired"

type Place = tuple[str, str]
"""An account and a Region: one Security Hub."""


def retire(  # noqa: PLR0913  one parameter an option
    context: typer.Context,
    *,
    stack: Annotated[str, typer.Option(help="Name of the stack that is to be deleted.", metavar="NAME")],
    region: Annotated[str | None, typer.Option(help="The stack's Region. Default: the configured one.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of the stack's account.")] = None,
    member_profile: Annotated[
        list[str] | None,
        typer.Option(help="Profile of another account that the stack audits, repeatable.", metavar="PROFILE"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Archive in Security Hub what a stack found, before `sam delete`.

    Exit codes: 0 nothing active is left; 2 wrong usage or configuration; 3 something could not be read or archived.
    """
    session = open_session(profile)
    home = region or default_region(session)
    access = open_access(session, [home])
    sessions = {access.account: session, **_members(member_profile or [], home)}
    clock = Invocation.of(context).clock
    table = ledger_table(session, home, stack)
    active = _active(ledger_of(session, home, table, clock))
    if active and not yes:
        confirm(f"Archive {len(active)} findings of {stack} in Security Hub?", deed="archive the findings")
    outcome = _archive(active, sessions, clock())
    for sentence in outcome.left:
        say(sentence)
    write(f"{outcome.archived} findings archived; what remains is the table {table} with the ledger.\n", STDOUT)
    if outcome.left:
        raise typer.Exit(NothingReadError.exit_code)


@dataclass(frozen=True, slots=True)
class _Outcome:
    archived: int
    left: tuple[str, ...]


def _members(profiles: list[str], region: str) -> dict[str, boto3.Session]:
    sessions = map(open_session, profiles)
    return {open_access(session, [region]).account: session for session in sessions}


def _active(ledger: Ledger) -> list[tuple[ClusterId, Record]]:
    """Return what Security Hub may still show as active: what is open, and what it was not yet told the end of."""
    try:
        return [
            (cluster, record)
            for cluster in sorted(ledger.known())
            for _, record in sorted(ledger.load(cluster)[1].items())
            if record.state is State.OPEN or record.hub_at is None
        ]
    except NewerLedgerError as error:
        message = f"{error}: retire with the eks-auditor that wrote it"
        raise UsageError(message) from error


def _archive(active: list[tuple[ClusterId, Record]], sessions: Mapping[str, boto3.Session], now: datetime) -> _Outcome:
    by_place: dict[Place, list[dict[str, Any]]] = {}
    for cluster, record in active:
        by_place.setdefault((cluster.account, cluster.region), []).append(_archived(cluster, record, now))
    archived = 0
    left: list[str] = []
    for (account, region), findings in sorted(by_place.items()):
        if account not in sessions:
            left.append(f"{len(findings)} findings are in account {account}: give a profile of it as --member-profile.")
            continue
        client = sessions[account].client("securityhub", region_name=region, config=CONFIG)
        imported = SecurityHub(client).import_findings(findings)
        archived += len(imported.accepted)
        if imported.not_enabled:
            say(f"Security Hub is not enabled in {account} {region}: it shows no finding there.")
        left += [f"{refusal}; run the command again." for refusal in imported.refused]
    return _Outcome(archived, tuple(left))


def _archived(cluster: ClusterId, record: Record, now: datetime) -> dict[str, Any]:
    """Return a finding as Security Hub is to hold it from now on; an update must be later than the last it took."""
    taken_at = max(now, *(at + timedelta(microseconds=1) for at in (record.changed_at, record.hub_at) if at))
    transition = Transition(
        change_id=f"{record.finding.id}@{AUDIT_ID}",
        change=Change.WITHDRAWN,
        sequence=sequence_of(taken_at),
        finding=replace(record.finding, reason=REASON),
        first_seen=record.first_seen,
    )
    return asff(transition, cluster=cluster, audit_id=AUDIT_ID, taken_at=taken_at)
