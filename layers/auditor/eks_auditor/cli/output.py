"""Standard output, standard error and files."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from eks_auditor.cli.errors import UsageError
from eks_auditor.cli.options import STDOUT

PLAIN_WIDTH = 80
"""Columns of a table in a file or a pipe."""


def write(text: str, output: str) -> None:
    """Write a result as UTF-8 to a file, or to standard output for ``-``.

    Raises:
        UsageError: If the file cannot be written.
    """
    if output == STDOUT:
        _print(text)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"--output {output} cannot be written: {error.strerror}"
        raise UsageError(message) from error


def say(sentence: str) -> None:
    """Tell who typed the command something beside the result: one line on standard error."""
    sys.stderr.write(f"eks-auditor: {' '.join(sentence.split())}\n")


def table_shape(output: str) -> tuple[int, bool]:
    """Return columns and whether colours are shown, for where the result goes."""
    console = Console()
    if output == STDOUT and console.is_terminal:
        return console.width, console.color_system is not None and not console.no_color
    return PLAIN_WIDTH, False


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Give a function that shows on standard error what is being read; nothing is shown where that is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("Connecting to AWS") as status:
        yield status.update


def _print(text: str) -> None:
    try:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Whoever read the pipe has seen enough (`| head`): nobody is left to tell, and the exit code stays the audit's.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
