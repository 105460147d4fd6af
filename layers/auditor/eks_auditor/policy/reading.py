"""Reads a policy: from its text to what is in force, or to every mistake in it."""

from collections.abc import Iterable
from datetime import datetime

from eks_auditor.policy.meaning import Declared, Meaning
from eks_auditor.policy.mistakes import Mistake, PolicyError
from eks_auditor.policy.rules import Policy
from eks_auditor.policy.shape import shaped
from eks_auditor.policy.yaml_text import written


def read_policy(text: str, *, checks: Iterable[Declared], now: datetime) -> tuple[Policy, tuple[Mistake, ...]]:
    """Read a policy; return it with what is worth a warning.

    What is valid once stays so: days only come nearer.

    Args:
        text: The file's.
        checks: Every check there is.
        now: The time, which its exemptions are held against.

    Raises:
        PolicyError: If it is not valid, with all mistakes that can be told.
    """
    source = written(text)
    document, mistakes = shaped(source)
    meaning = Meaning(source, checks, now)
    policy = None if document is None else meaning.policy(document)
    found = (*mistakes, *(each for each in meaning.mistakes if not (mistakes and each.warning)))
    if policy is None or any(not mistake.warning for mistake in found):
        raise PolicyError(found)
    return policy, tuple(sorted(found))
