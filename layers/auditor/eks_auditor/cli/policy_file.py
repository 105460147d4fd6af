"""The policy that a command judges by, from its file."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from eks_auditor.autoscaler.settings import AUTO, AutoscalerSettings
from eks_auditor.checks import CATALOGUE
from eks_auditor.cli.errors import UsageError
from eks_auditor.cli.output import say
from eks_auditor.policy.mistakes import Mistake, PolicyError
from eks_auditor.policy.reading import read_policy
from eks_auditor.policy.rules import Policy, Rule

PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="Policy to judge by: thresholds, checks and accepted risks.", metavar="FILE"),
]


def policy_of(file: Path | None, now: datetime, said: AutoscalerSettings = AUTO) -> Policy:
    """Return the policy of a file, of none the one that says nothing; what the options say comes last, and so wins.

    Args:
        file: The value of ``--policy``.
        now: The time.
        said: What the options say of the autoscaler.

    Raises:
        UsageError: If it cannot be read or is not valid; then its mistakes are said before.
    """
    if file is None:
        return Policy.DEFAULT
    text = text_of(file)
    try:
        policy, warnings = read_policy(text, checks=CATALOGUE, now=now)
    except PolicyError as error:
        for mistake in error.mistakes:
            say(line_of(file, mistake))
        message = f"the policy {file} is not valid: mend what is said above"
        raise UsageError(message) from error
    for mistake in warnings:
        say(line_of(file, mistake))
    last = Rule(
        scales=None if said.scales == AUTO.scales else said.scales,
        autoscaler_version=said.version,
        discovery=said.discovery or None,
    )
    return replace(policy, rules=(*policy.rules, last))


def text_of(file: Path) -> str:
    """Return a file's text.

    Raises:
        UsageError: If it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror}: name a policy file"
        raise UsageError(message) from error
    except UnicodeDecodeError as error:
        message = f"{file} is no UTF-8 text: a policy is a YAML file"
        raise UsageError(message) from error


def line_of(file: Path, mistake: Mistake) -> str:
    """Write a mistake as editors find its place: ``FILE:LINE: sentence``."""
    stop = "" if mistake.sentence.endswith("?") else "."
    return f"{file}:{mistake.line}: {'warning: ' if mistake.warning else ''}{mistake.sentence}{stop}"
