"""The command line: read, judge, render, with the caller's own credentials and no ledger."""

import sys

USAGE = 2


def main() -> None:
    """Run ``eks-auditor`` and exit with its code."""
    try:
        # Imported here: the layer carries this package, and neither typer nor rich.
        from eks_auditor.cli.app import run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in {"rich", "typer"}:
            raise
        sys.stderr.write(f"eks-auditor: {error.name} is missing: install the command line as eks-auditor[cli].\n")
        sys.exit(USAGE)
    sys.exit(run())
