"""What an event asks for."""

from dataclasses import dataclass
from datetime import datetime

from eks_auditor.model.release import ReleaseLine


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """Audit every cluster of every target: what makes the result complete, whatever events were lost.

    Attributes:
        policy: How the policy changed, in words, where that asks for it; None of the schedule.
    """

    policy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRequest:
    """Audit the clusters of which a verdict changes by time alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayRequest:
    """Publish what the ledger announced and nobody published yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollRequest:
    """Look which releases AWS recommends now, and announce what has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestRequest:
    """Send the digest."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What a public parameter recommends: the release as it orders within its line, and its image in the Region."""

    version: str
    image_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequest:
    """AWS recommends another release: audit the clusters that run its line in its Region, and give notice.

    Attributes:
        event_id: Derived from (Region, parameter, new release): the same whoever saw it and however often it is told.
        move: Which of the moves of this parameter it is, since it is watched.
        partition: Such as ``aws``.
        region: Where the parameter moved.
        line: What it is a release of.
        parameter: The public parameter.
        old: What was recommended before.
        new: What is recommended now.
        published_at: When the parameter moved, as well as that is known.
        rollback: Whether AWS took a recommendation back: the new release is older than the old one.
        at: When it was seen.
    """

    event_id: str
    move: int
    partition: str
    region: str
    line: ReleaseLine
    parameter: str
    old: Recommendation
    new: Recommendation
    published_at: datetime
    rollback: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesRequest:
    """An image of an account's own changed its state: audit the clusters of that Region that run it.

    Attributes:
        keys: What they run, as :class:`eks_auditor.model.history.Running` words it.
        partition: Such as ``aws``.
        region: Where.
        cause: What happened, in words.
        at: When.
    """

    keys: tuple[str, ...]
    partition: str
    region: str
    cause: str
    at: datetime


type AuditsRequest = SweepRequest | DueRequest | ClustersRequest | ReleaseRequest | ImagesRequest
type Request = AuditsRequest | RelayRequest | PollRequest | DigestRequest
