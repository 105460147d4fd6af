"""Reads the documentation as its readers do: tables, and commands run by a shell."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.template.cloudformation import load

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = "docs/operations.md"
DEPLOY = "docs/deploy.md"
EVENTS = "docs/events.md"
PROGRAMS = ("aws", "eks-auditor", "make", "sam")
"""What the documented commands start; everything else in them is the shell's own."""

_CALL_END = "\x01"


def text(page: str) -> str:
    """Return a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[str]:
    """Return the shell blocks of a page, in their order; the first one sets up what the others use."""
    return re.findall(r"(?ms)^```sh\n(.*?)^```$", text(page))


def rows(page: str, first_column: str) -> list[list[str]]:
    """Return the cells of the table whose first column has this heading."""
    lines = iter(text(page).splitlines())
    for line in lines:
        if line.startswith(f"| {first_column} |"):
            break
    next(lines)  # the rule below the heading
    table = []
    for line in lines:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return table


def redrives() -> dict[str, str]:
    """Return the command of each failure queue, by the queue's logical id."""
    return {queue: command.strip("`| ") for queue, _, _, command in rows(OPERATIONS, "queue")}


def recorded(script: str, directory: Path) -> list[list[str]]:
    """Run a script with recorders in place of the programs; return their arguments, program first."""
    record = directory / "record"
    record.touch()
    said = "printf '%s\\0' \"${0##*/}\" \"$@\"; printf '\\1\\0'"
    recorder = f"#!/bin/bash\n{{ {said}; }} >> {shlex.quote(str(record))}\necho 1\n"
    shell(script, directory, dict.fromkeys(PROGRAMS, recorder), cwd=directory)
    calls = record.read_text(encoding="utf-8").split(f"{_CALL_END}\0")
    return [call.removesuffix("\0").split("\0") for call in calls if call]


def as_documented(script: str, directory: Path, environment: dict[str, str]) -> str:
    """Run a script against the AWS that an environment points to, with the part of the AWS CLI that is used here."""
    program = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(ROOT / "tests/docs/aws_cli.py"))} "$@"\n'
    return shell(script, directory, {"aws": program}, cwd=ROOT, environment=environment)


def shell(
    script: str, directory: Path, programs: dict[str, str], *, cwd: Path, environment: dict[str, str] | None = None
) -> str:
    """Run a script with programs of ours before all others; return what it prints.

    Raises:
        subprocess.CalledProcessError: If any command of it fails; `stderr` has its words.
    """
    folder = directory / "bin"
    folder.mkdir(exist_ok=True)
    for name, program in programs.items():
        (folder / name).write_text(program, encoding="utf-8")
        (folder / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = f"{folder}:{os.environ['PATH']}"
    # A page may put the checkout's own tools before all others; ours stay first.
    guarded = script.replace('PATH="$PWD', f'PATH="{folder}:$PWD')
    done = subprocess.run(  # noqa: S603  a script of this checkout's documentation
        ["/bin/bash", "-eu", "-o", "pipefail", "-c", guarded],
        cwd=cwd,
        env={**kept, **(environment or {}), "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def parameter_table() -> str:
    """Return the table of the stack's parameters as docs/deploy.md must have it."""
    parameters = load()["Parameters"]
    lines = ["| stack parameter | default | |", "|---|---|---|"]
    lines += [
        f"| `{name}` | {_default(parameter['Default'])} | {parameter['Description']} |"
        for name, parameter in parameters.items()
    ]
    return "\n".join(lines)


def _default(value: object) -> str:
    return f"`{value}`" if value != "" else "empty"


def named_outputs(calls: Iterable[list[str]]) -> set[str]:
    """Return the stack outputs that recorded commands ask for."""
    return {name for call in calls for name in re.findall(r"OutputKey=='([^']*)'", " ".join(call))}
