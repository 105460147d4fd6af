"""A digest of what the ledger holds: pure, and in one pass that keeps counts and the worst, never the findings.

Every number is of the clusters that are watched now: what belongs to a cluster that was deleted, or is no target any
more, counts nowhere.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum

from eks_auditor.model.digest import (
    Audited,
    Counts,
    Digest,
    Due,
    Freshness,
    Moved,
    Movement,
    Open,
    Period,
    TeamOpen,
    Watched,
)
from eks_auditor.model.history import Change, Head, Running, State
from eks_auditor.model.verdict import Severity

DUE_WITHIN = timedelta(days=14)
"""How far ahead a digest looks."""

FRESH_WITHIN = timedelta(days=30)
"""For how long a superseded release still meets the objective."""

WORST = 20
"""The most findings that it names of those opened, and of those closed."""

TEAMS = 300
"""The most teams that it counts by themselves."""

DUE = 50
"""The most changes ahead that it names."""

UNFINISHED = 10
"""The most clusters that it names whose last audit is not whole."""

TEAM_LENGTH = 100
"""The most characters of a team's name."""

_LINE_SLASHES = 3

_KEPT = 10 * WORST
"""How many candidates are kept before all but the worst are dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A finding as it stands: the cluster's ARN, and all that is counted."""

    cluster: str
    state: State
    severity: Severity
    team: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A transition of news, a baseline or another policy.

    Attributes:
        change: What happened.
        moved: To what.
        first_look: Whether a first audit, or a check's first run, found it.
    """

    change: Change
    moved: Moved
    first_look: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """One release, or image, that a capacity of a cluster runs."""

    cluster: str
    running: Running


type Fact = Standing | Told | Runs
"""One thing that the ledger holds."""


def digest_of(  # noqa: PLR0913  what is told, of when
    heads: Iterable[Head],
    facts: Iterable[Fact],
    *,
    at: datetime,
    since: datetime,
    period: Period,
    trend: Iterable[Freshness] = (),
) -> Digest:
    """Put a digest together.

    Args:
        heads: Of every cluster.
        facts: All else that the ledger holds, in any order; of transitions those since ``since`` alone.
        at: Now.
        since: From when on transitions are counted.
        period: How often a digest comes.
        trend: The objective at the last digests, the oldest first.
    """
    watched = {head.cluster.arn: head for head in heads if not head.deleted}
    tally = _Tally(at)
    for fact in facts:
        if _cluster_of(fact) in watched:
            tally.take(fact)
    due, due_left = _due(watched.values(), at)
    return Digest(
        at=at,
        since=since,
        period=period,
        watched=_watched(watched.values()),
        open=tally.open(),
        opened=replace(tally.opened.movement(), first_looks=tally.first_looks),
        closed=tally.closed.movement(),
        accepted=tally.accepted,
        withdrawn=tally.withdrawn,
        due=due,
        due_left=due_left,
        freshness=tally.freshness(),
        trend=tuple(trend),
    )


def _cluster_of(fact: Fact) -> str:
    return fact.moved.cluster.arn if isinstance(fact, Told) else fact.cluster


class _Moves:
    """What moved one way: counted, and the worst of it."""

    def __init__(self) -> None:
        self._total: Counter[Severity] = Counter()
        self._worst: list[Moved] = []

    def add(self, moved: Moved) -> None:
        self._total[moved.severity] += 1
        self._worst.append(moved)
        if len(self._worst) > _KEPT:
            self._worst = self._first()

    def movement(self) -> Movement:
        return Movement(total=dict(self._total), worst=tuple(self._first()))

    def _first(self) -> list[Moved]:
        return sorted(self._worst, key=_gravity)[:WORST]


class _Tally:
    """What is kept of the facts, however many there are."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._open: dict[str | None, Counter[Severity]] = defaultdict(Counter)
        self._exempt: Counter[Severity] = Counter()
        self._capacities: dict[tuple[str, str, str], _Age] = {}
        self.opened, self.closed = _Moves(), _Moves()
        self.first_looks = self.accepted = self.withdrawn = 0

    def take(self, fact: Fact) -> None:
        match fact:
            case Standing(state=State.OPEN):
                team = fact.team[:TEAM_LENGTH] if fact.team else None
                self._open[team][fact.severity] += 1
            case Standing(state=State.EXEMPT):
                self._exempt[fact.severity] += 1
            case Told():
                self._tell(fact)
            case Runs():
                self._run(fact)

    def _tell(self, told: Told) -> None:
        match told.change:
            case Change.OPENED | Change.REOPENED:
                self.opened.add(told.moved)
                self.first_looks += told.first_look
            case Change.RESOLVED:
                self.closed.add(told.moved)
            case Change.EXEMPTED:
                self.accepted += 1
            case Change.WITHDRAWN:
                self.withdrawn += 1

    def _run(self, runs: Runs) -> None:
        """Keep the most telling word of all that a capacity runs."""
        capacity = runs.cluster, runs.running.kind, runs.running.name
        word = _age(runs.running, self._at)
        self._capacities[capacity] = max(word, self._capacities.get(capacity, word))

    def open(self) -> Open:
        teams = sorted((TeamOpen(team=team, open=dict(counts)) for team, counts in self._open.items()), key=_weight)
        return Open(
            total=_sum(team.open for team in teams),
            teams=tuple(teams[:TEAMS]),
            teams_left=len(teams[TEAMS:]),
            teams_left_open=_sum(team.open for team in teams[TEAMS:]),
            exempt=dict(self._exempt),
        )

    def freshness(self) -> Freshness:
        counts = Counter(self._capacities.values())
        fresh, stale = counts[_Age.FRESH], counts[_Age.STALE]
        return Freshness(at=self._at, fresh=fresh, judged=fresh + stale, unknown=len(self._capacities) - fresh - stale)


class _Age(IntEnum):
    """What is known of what a capacity runs: of several releases and images, the last of these words holds for it.

    What another maker built says nothing where a release of EKS's runs beside it, or below it; one release that is
    known to be old is enough, whatever the others are.
    """

    FOREIGN = 0
    FRESH = 1
    UNKNOWN = 2
    STALE = 3


def _age(running: Running, at: datetime) -> _Age:
    """Judge one release: a lower bound of its age says something only once it is old enough."""
    if not _is_release(running):
        return _Age.FOREIGN
    since = running.superseded_since
    if since is not None and at - since >= FRESH_WITHIN:
        return _Age.STALE
    return _Age.FRESH if running.version is not None and running.since_known else _Age.UNKNOWN


def _is_release(running: Running) -> bool:
    """Tell a release line's key, of four words, from an image's."""
    return running.key.count("/") == _LINE_SLASHES


def _watched(heads: Iterable[Head]) -> Watched:
    oldest_first = sorted(heads, key=lambda head: (head.taken_at, head.cluster))
    unfinished = [head.cluster for head in oldest_first if head.saved_at is None]
    oldest = next((Audited(cluster=head.cluster, taken_at=head.taken_at) for head in oldest_first), None)
    return Watched(
        clusters=len(oldest_first),
        oldest=oldest,
        unfinished=len(unfinished),
        unfinished_names=tuple(unfinished[:UNFINISHED]),
    )


def _due(heads: Iterable[Head], at: datetime) -> tuple[tuple[Due, ...], int]:
    """Return what becomes due, the earliest first, and how many subjects more have something due.

    A HEAD that holds no more may have left something out that is due in time; all of that is counted.
    """
    until, due, left = at + DUE_WITHIN, [], 0
    for head in heads:
        due += [Due(cluster=head.cluster, coming=coming) for coming in head.coming if at < coming.at <= until]
        if head.coming_left and head.coming[-1].at <= until:
            left += head.coming_left
    due.sort(key=lambda each: (each.coming.at, -each.coming.severity, each.cluster, each.coming.check_id))
    return tuple(due[:DUE]), left + sum(each.coming.count for each in due[DUE:])


def _gravity(moved: Moved) -> tuple[int, float, str, str, str, str]:
    """Order the worst first, of one severity the latest."""
    return (
        -moved.severity,
        -moved.at.timestamp(),
        moved.cluster.arn,
        moved.check_id,
        moved.kind,
        moved.name,
    )


def _weight(team: TeamOpen) -> tuple[list[int], bool, str]:
    """Order the team with the most of the worst first; those that no tag names come after a team in the same place."""
    return [-team.open.get(rung, 0) for rung in sorted(Severity, reverse=True)], team.team is None, team.team or ""


def _sum(counts: Iterable[Counts]) -> Mapping[Severity, int]:
    total: Counter[Severity] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)
