"""What share of days each rule would alarm a team that patches at a fixed cadence, over releases as they came."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise

from eks_auditor.checks.lateness import LADDER, rung_of
from eks_auditor.model.release import Release, ReleaseHistory, ReleaseLine
from eks_auditor.model.verdict import Severity
from eks_auditor.releases.past import PastRelease, past_releases
from eks_auditor.releases.superseded import superseded

LINE = ReleaseLine("al2023", "standard", "x86_64", "1.30")
MINORS = ("1.29", "1.30")
"""Amazon Linux 2023 is released for all minors at once; between them, these two had every release looked at."""

LOOKED_AT = timedelta(days=730)
EVERY = (1, 7, 14, 30, 60, 90)

type Rule = Callable[[int, date], bool]
"""Whether it alarms on a day about the release that a team runs, which is told by its index."""

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Cadence:
    """Releases, oldest first, and the days that are looked at.

    Attributes:
        releases: Those that were recommended.
        first: The first day.
        last: The last one: that of the newest release.
    """

    releases: tuple[PastRelease, ...]
    first: date
    last: date

    def days(self) -> int:
        """Return how many days are looked at."""
        return (self.last - self.first) // DAY + 1

    def newest(self, day: date) -> int:
        """Return the release that is recommended on a day."""
        return bisect_right(self.releases, day, key=_day) - 1


def of_the_table() -> Cadence:
    """Return the cadence of the shipped table's last two years."""
    lines = [replace(LINE, minor=minor) for minor in MINORS]
    found = {release for line in lines for release in past_releases(line) if not release.abandoned}
    releases = tuple(sorted(found, key=_day))
    last = _day(releases[-1])
    return Cadence(releases, last - LOOKED_AT, last)


def rules(cadence: Cadence) -> Mapping[str, Rule]:
    """Return the rules that are compared; the ladder's are judged by the code of the check."""

    @cache
    def since(running: int, newest: int) -> datetime | None:
        seen = tuple(_as_release(release) for release in cadence.releases[running : newest + 1])
        word = superseded(LINE, ReleaseHistory(parameter="p", recommended=seen[-1], releases=seen), seen[0].version)
        assert word is not None
        return word.since

    def at_least(severity: Severity) -> Rule:
        def rule(running: int, day: date) -> bool:
            at = since(running, cadence.newest(day))
            if at is None:
                return False
            reached, _ = rung_of(LADDER, at, datetime(day.year, day.month, day.day, tzinfo=UTC))
            return reached is not None and reached >= severity

        return rule

    def older_than(age: timedelta) -> Rule:
        return lambda running, day: day - _day(cadence.releases[running]) > age

    return {
        "not the latest": lambda running, day: running != cadence.newest(day),
        "image older than 14 days": older_than(timedelta(days=14)),
        "image older than 30 days": older_than(timedelta(days=30)),
        **{f"{severity.name}: superseded for {age.days} days": at_least(severity) for age, severity in LADDER},
    }


def patching(cadence: Cadence, every: int) -> Counter[tuple[int, date]]:
    """Return what teams that patch every so many days run on each day, one team for each day to begin on.

    They patch to what is recommended then.
    """
    latest = {back: cadence.newest(cadence.first + back * DAY) for back in range(1 - every, cadence.days())}
    return Counter(
        (latest[offset - since_patch], cadence.first + offset * DAY)
        for offset in range(cadence.days())
        for since_patch in range(every)
    )


def alarmed(rule: Rule, teams: Counter[tuple[int, date]]) -> float:
    """Return the share of the teams' days on which a rule alarms."""
    return sum(count for (running, day), count in teams.items() if rule(running, day)) / teams.total()


def table(cadence: Cadence) -> str:
    """Return the shares as the documentation shows them."""
    compared = rules(cadence)
    heading = [f"| a team that patches | {' | '.join(compared)} |", f"|---|{'---:|' * len(compared)}"]
    rows = []
    for every in EVERY:
        teams = patching(cadence, every)
        shares = " | ".join(f"{alarmed(rule, teams):.0%}" for rule in compared.values())
        rows.append(f"| {'every day' if every == 1 else f'every {every} days'} | {shares} |")
    seen = [release for release in cadence.releases if _day(release) >= cadence.first]
    gaps = sorted((_day(later) - _day(one)) // DAY for one, later in pairwise(seen))
    told = (
        f"{len(seen)} releases of Amazon Linux 2023 from {cadence.first} to {cadence.last}, {gaps[0]} to "
        f"{gaps[-1]} days apart, half of them {gaps[len(gaps) // 2]} days or less."
    )
    return "\n".join([*heading, *rows, "", told])


def _day(release: PastRelease) -> date:
    return release.published_at.date()


def _as_release(release: PastRelease) -> Release:
    return Release(version=release.version, image_id=None, published_at=release.published_at)
