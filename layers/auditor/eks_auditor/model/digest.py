"""How a whole fleet stands, and what moved since people were last told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.coming import Coming
from eks_auditor.model.verdict import Severity

type Counts = Mapping[Severity, int]
"""How many, by severity; only what is not none."""


class Period(StrEnum):
    """How often it is told."""

    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """When a cluster was last looked at."""

    cluster: ClusterId
    taken_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The clusters that every number of a digest is of.

    Attributes:
        clusters: How many are audited: not those that were deleted or are no target any more.
        oldest: The one whose last audit is the longest ago; None of no clusters.
        unfinished: How many have a last audit that is not whole: something could not be read, or a part is missing.
        unfinished_names: Some of these.
    """

    clusters: int
    oldest: Audited | None
    unfinished: int
    unfinished_names: tuple[ClusterId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamOpen:
    """What stands open of one team; ``team`` is None where no tag names one."""

    team: str | None
    open: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What stands open now.

    Attributes:
        total: Of all teams.
        teams: By team, the one with the worst first.
        teams_left: How many teams more there are.
        teams_left_open: What stands open of these, together.
        exempt: What fails and is accepted; it is not in ``total``.
    """

    total: Counts
    teams: tuple[TeamOpen, ...]
    teams_left: int
    teams_left_open: Counts
    exempt: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One finding that opened or closed."""

    at: datetime
    cluster: ClusterId
    check_id: str
    severity: Severity
    kind: str
    name: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """The findings that moved one way.

    Attributes:
        total: All of them.
        first_looks: How many of them were found by a first audit of a cluster, or a first run of a check on it.
        worst: The worst of them by name, of each severity the latest first.
    """

    total: Counts
    worst: tuple[Moved, ...]
    first_looks: int = 0

    @property
    def left(self) -> int:
        """How many are not named."""
        return sum(self.total.values()) - len(self.worst)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What time alone changes in one cluster."""

    cluster: ClusterId
    coming: Coming


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """The freshness objective: which capacities run a release that was superseded less than 30 days ago, or never.

    Attributes:
        at: When.
        fresh: How many do.
        judged: How many it is known of.
        unknown: How many it is not known of; they are in neither.
    """

    at: datetime
    fresh: int
    judged: int
    unknown: int

    @property
    def share(self) -> float | None:
        """The fresh ones' share of those judged, 0 to 1; None where none is."""
        return self.fresh / self.judged if self.judged else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """All that people are told once a day or a week.

    Attributes:
        at: When it was put together.
        since: From when on it counts what moved: the last digest, as a rule.
        period: How often it comes.
        watched: The clusters it speaks of.
        open: What stands open.
        opened: What opened since, for the first time or again.
        closed: What was resolved since.
        accepted: How many that stood open were accepted since, by the policy or a tag.
        withdrawn: How many that stood open are not judged any more.
        due: What becomes due in the next 14 days, the earliest first.
        due_left: How many subjects more have something due, that are not named.
        freshness: The objective now.
        trend: The same at the last digests, the oldest first.
    """

    at: datetime
    since: datetime
    period: Period
    watched: Watched
    open: Open
    opened: Movement
    closed: Movement
    accepted: int
    withdrawn: int
    due: tuple[Due, ...]
    due_left: int
    freshness: Freshness
    trend: tuple[Freshness, ...]
