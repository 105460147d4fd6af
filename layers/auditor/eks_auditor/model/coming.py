"""What time alone will change, as far as the last audit can tell."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from eks_auditor.model.verdict import Severity


class Turn(StrEnum):
    """What becomes due: a finding opens, gets worse, or is accepted no longer."""

    OPENS = "opens"
    WORSE = "worse"
    EXEMPTION_ENDS = "exemption-ends"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """One check's next change, of all subjects of a kind in a cluster that meet it at the same instant.

    Attributes:
        at: When.
        turn: What happens then, if nothing else changes before.
        check_id: Which check.
        severity: The rung that it fails at from then on.
        kind: The subjects' kind.
        names: The first few subjects' names.
        count: How many subjects there are.
    """

    at: datetime
    turn: Turn
    check_id: str
    severity: Severity
    kind: str
    names: tuple[str, ...]
    count: int
