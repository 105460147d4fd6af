"""What an event asks for."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """Audit every cluster of every target: what makes the result complete, whatever events were lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRequest:
    """Audit the clusters of which a verdict changes by time alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayRequest:
    """Publish what the ledger announced and nobody published yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClustersRequest:
    """Audit these clusters.

    Attributes:
        clusters: Their ARNs as the event gives them: other people's input, not parsed yet.
        cause: What asked for it, in words.
        at: When it was asked for, by the clock of whoever asked.
    """

    clusters: tuple[str, ...]
    cause: str
    at: datetime


type AuditsRequest = SweepRequest | DueRequest | ClustersRequest
type Request = AuditsRequest | RelayRequest
