"""What is wrong with a policy, and where."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing to mend.

    Attributes:
        line: Of the file, from 1.
        sentence: What is wrong, and what to do; without a full stop.
        warning: Whether the policy is valid all the same.
    """

    line: int
    sentence: str
    warning: bool = False


class PolicyError(Exception):
    """A policy that is not valid.

    Attributes:
        mistakes: All of them, by line; warnings among them.
    """

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        """Take all mistakes."""
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("; ".join(f"line {each.line}: {each.sentence}" for each in self.mistakes))


def nearest(word: str, known: Iterable[str], otherwise: str) -> str:
    """Say which known word was meant, if one is near; else what to do otherwise."""
    near = difflib.get_close_matches(word, sorted(known), n=1)
    return f"did you mean {near[0]}?" if near else otherwise
