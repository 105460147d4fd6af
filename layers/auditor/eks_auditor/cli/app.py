"""The program: its commands, and the one place where errors become a sentence and an exit code."""

from collections.abc import Sequence
from typing import Annotated

import typer

from eks_auditor import __version__
from eks_auditor.cli.audit import audit
from eks_auditor.cli.checks import checks
from eks_auditor.cli.drill import drill
from eks_auditor.cli.errors import CommandError, NothingReadError, UsageError, worded
from eks_auditor.cli.options import STDOUT, Clock, Invocation, machine_clock
from eks_auditor.cli.output import say, write
from eks_auditor.cli.policy import policy
from eks_auditor.cli.releases import releases
from eks_auditor.cli.republish import republish
from eks_auditor.cli.retire import retire
from eks_auditor.cli.snapshot import snapshot
from eks_auditor.cli.template import template
from eks_auditor.snapshot.unfinished import NO_ANSWER

app = typer.Typer(
    name="eks-auditor",
    help="Audits the reliability of Amazon EKS data planes.",
    # No boxes: help and errors end up in pipes and logs.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (audit, drill, template, snapshot, releases, checks, republish, retire):
    app.command()(command)
app.add_typer(policy, name="policy")


@app.callback(invoke_without_command=True)
def program(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a defect of eks-auditor.")] = False,
) -> None:
    """Audits the reliability of Amazon EKS data planes."""
    Invocation.of(context).debug = debug
    if version:
        write(f"eks-auditor {__version__}\n", STDOUT)
        raise typer.Exit
    if context.invoked_subcommand is None:
        message = "no command is given: `eks-auditor --help` lists them"
        raise UsageError(message)


def run(arguments: Sequence[str] | None = None, *, clock: Clock = machine_clock) -> int:
    """Run a command line and return its exit code.

    Args:
        arguments: Without the program's name; the process's own for None.
        clock: The time.
    """
    invocation = Invocation(clock)
    try:
        app(arguments, obj=invocation, prog_name="eks-auditor")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except CommandError as error:
        say(f"{error}.")
        return error.exit_code
    except NO_ANSWER as error:
        command_error = worded(error)
        say(f"{command_error}.")
        return command_error.exit_code
    except Exception as error:  # Whatever it is, exit code 1 means something else.
        if invocation.debug:
            raise
        say(f"a defect of eks-auditor: {type(error).__name__}: {error}; please report it with what `--debug` adds.")
        return NothingReadError.exit_code
    return 0
