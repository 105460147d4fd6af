"""A deployed stack: its ledger, and what is asked before something is told on its behalf."""

import sys
import time

import boto3
import typer
from botocore.exceptions import ClientError

from eks_auditor.cli.errors import NothingReadError, UsageError, worded
from eks_auditor.cli.options import Clock
from eks_auditor.cli.output import say
from eks_auditor.cli.session import CONFIG
from eks_auditor.ledger.table import Ledger

LEDGER_OUTPUT = "LedgerTable"


def ledger_of(session: boto3.Session, region: str, table: str, clock: Clock) -> Ledger:
    """Return the ledger that is in a table."""
    return Ledger(session.client("dynamodb", region_name=region, config=CONFIG), table, clock, time.sleep)


def ledger_table(session: boto3.Session, region: str, stack: str) -> str:
    """Return the name of a stack's ledger table.

    Raises:
        NothingReadError: If there is no such stack, or it cannot be read.
        UsageError: If it is no stack of eks-auditor.
    """
    client = session.client("cloudformation", region_name=region, config=CONFIG)
    try:
        stacks = client.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" not in error.response.get("Error", {}).get("Message", ""):
            raise worded(error) from error
        message = f"there is no stack {stack!r} in {region}: `aws cloudformation list-stacks` lists those there are"
        raise NothingReadError(message) from error
    if not stacks:
        message = f"CloudFormation tells nothing of the stack {stack!r} in {region}: run the command again"
        raise NothingReadError(message)
    outputs = {output.get("OutputKey"): output.get("OutputValue") for output in stacks[0].get("Outputs", [])}
    table = outputs.get(LEDGER_OUTPUT)
    if not table:
        message = f"the stack {stack!r} in {region} has no output {LEDGER_OUTPUT}: it is no stack of eks-auditor"
        raise UsageError(message)
    return table


def confirm(question: str, *, deed: str) -> None:
    """Go on only if somebody says yes.

    Raises:
        UsageError: If nobody is there to ask; ``deed`` says what ``--yes`` would do.
        Exit: If they say no.
    """
    if not sys.stdin.isatty():
        message = f"nobody is there to ask: give --yes to {deed}"
        raise UsageError(message)
    if not typer.confirm(question, err=True):
        say("nothing was changed.")
        raise typer.Exit
