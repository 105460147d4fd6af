"""A digest in people's words, which mail and chat share: pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.coming import Turn
from eks_auditor.model.digest import Counts, Digest, Due, Freshness, Moved, Movement, Period, TeamOpen
from eks_auditor.model.verdict import Severity
from eks_auditor.sinks.wording import capacities, lasting, minute, see_all_clusters

SHOWN = 10
"""The most lines of one part, before the rest is counted."""

FEWER = (SHOWN, 5, 3, 1, 0)
"""How many lines of each part are tried, until a medium takes it."""

OVERDUE = timedelta(days=2)
"""From when on the oldest audit is worth a warning: every cluster is audited once a day."""

_TURNS = {
    Turn.OPENS: "opens at {rung} on",
    Turn.WORSE: "becomes {rung} on",
    Turn.EXEMPTION_ENDS: "is no longer accepted, and opens at {rung}, on",
}


@dataclass(frozen=True, slots=True)
class Style:
    """How one medium writes what others chose, and a check.

    Attributes:
        name: Writes a name that somebody chose, so that nothing in it is markup.
        text: Writes a sentence, such as a check's title.
        check: Writes a check's id.
    """

    name: Callable[[str], str]
    text: Callable[[str], str]
    check: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Part:
    """A titled part of a digest, a thought a line."""

    title: str
    lines: tuple[str, ...]


def headline(digest: Digest) -> str:
    """Say it in one line: ``Weekly digest: 2 CRITICAL, 5 HIGH open; 3 new, 4 resolved``."""
    period = "Daily" if digest.period is Period.DAILY else "Weekly"
    opened, closed = (sum(moved.total.values()) for moved in (digest.opened, digest.closed))
    return f"{period} digest: {counted(digest.open.total)} open; {opened} new, {closed} resolved"


def counted(counts: Counts) -> str:
    """Count by rung, the worst first: ``2 CRITICAL, 5 HIGH``; ``nothing`` of none."""
    return (
        ", ".join(f"{counts[rung]} {rung.name}" for rung in sorted(Severity, reverse=True) if counts.get(rung))
        or "nothing"
    )


def parts(digest: Digest, shown: int, style: Style) -> Iterator[Part]:
    """Yield the parts in the order of what people want to know.

    Args:
        digest: What is told.
        shown: How many lines of each part are spelt out; the rest is counted.
        style: The medium's.
    """
    yield Part(_span(digest), tuple(_watched(digest, style)))
    yield Part(f"Open: {counted(digest.open.total)}", tuple(_open(digest, shown, style)))
    yield Part(f"New: {counted(digest.opened.total)}", tuple(_opened(digest.opened, shown, style)))
    yield Part(f"Resolved: {counted(digest.closed.total)}", tuple(_closed(digest, shown, style)))
    yield Part("Due in the next 14 days", tuple(_due(digest, shown, style)))
    yield Part("Freshness", tuple(_freshness(digest)))


def see_the_rest(*, hub: bool) -> str:
    """Say where to see what a digest only counts.

    Args:
        hub: Whether Security Hub is told.
    """
    where = "Security Hub" if hub else see_all_clusters()
    return f"For what is only counted here, see {where}, and the JSON on the topic of digests."


def _span(digest: Digest) -> str:
    return f"{minute(digest.since)} to {minute(digest.at)}"


def _watched(digest: Digest, style: Style) -> Iterator[str]:
    watched = digest.watched
    yield f"{_clusters(watched.clusters)} watched."
    oldest = watched.oldest
    if oldest is not None and digest.at - oldest.taken_at >= OVERDUE:
        age = lasting(digest.at - oldest.taken_at)
        yield (
            f"Careful: the last audit of cluster {_place(oldest.cluster, style)} was {age} ago; "
            "what has changed there since is not in these numbers."
        )
    if watched.unfinished:
        names = [style.name(cluster.name) for cluster in watched.unfinished_names]
        more = watched.unfinished - len(names)
        told = ", ".join([*names, *([f"{more} more"] if more else [])])
        yield f"Careful: the last audit of {_clusters(watched.unfinished)} is not whole: {told}."


def _open(digest: Digest, shown: int, style: Style) -> Iterator[str]:
    open_ = digest.open
    if open_.teams_left or any(team.team is not None for team in open_.teams):
        yield from (f"{_team(team, style)}: {counted(team.open)}" for team in open_.teams[:shown])
        rest = open_.teams[shown:]
        if left := open_.teams_left + len(rest):
            together = {
                rung: open_.teams_left_open.get(rung, 0) + sum(team.open.get(rung, 0) for team in rest)
                for rung in Severity
            }
            yield f"and {left} more {'team' if left == 1 else 'teams'}: {counted(together)}"
    if open_.exempt:
        yield f"Accepted, and not counted here: {counted(open_.exempt)}"


def _opened(opened: Movement, shown: int, style: Style) -> Iterator[str]:
    if opened.first_looks:
        were = _were(opened.first_looks)
        yield f"{opened.first_looks} of them {were} found by a first audit, or a check's first run."
    yield from _moved(opened, shown, style)


def _closed(digest: Digest, shown: int, style: Style) -> Iterator[str]:
    yield from _moved(digest.closed, shown, style)
    if digest.accepted:
        yield f"{digest.accepted} more {_were(digest.accepted)} accepted, by the policy or a tag."
    if digest.withdrawn:
        yield f"{digest.withdrawn} more {'is' if digest.withdrawn == 1 else 'are'} not judged any more."


def _moved(movement: Movement, shown: int, style: Style) -> Iterator[str]:
    for moved in movement.worst[:shown]:
        rung, check = moved.severity.name, style.check(moved.check_id)
        yield f"{rung} {check} {_subject(moved, style)}: {style.text(moved.title)}"
    if left := movement.left + len(movement.worst[shown:]):
        yield f"and {left} more"


def _subject(moved: Moved, style: Style) -> str:
    place = _place(moved.cluster, style)
    return f"cluster {place}" if moved.kind == "cluster" else f"{moved.kind} {style.name(moved.name)} in {place}"


def _due(digest: Digest, shown: int, style: Style) -> Iterator[str]:
    for due in digest.due[:shown]:
        yield _due_line(due, style)
    if left := digest.due_left + sum(due.coming.count for due in digest.due[shown:]):
        yield f"and {left} more"
    if not digest.due and not digest.due_left:
        yield "Nothing that time alone will change."


def _due_line(due: Due, style: Style) -> str:
    coming = due.coming
    when = f"{coming.at:%a %Y-%m-%d %H:%M} UTC"
    what = _TURNS[coming.turn].format(rung=coming.severity.name)
    if coming.kind == "cluster":
        return f"{when}: {style.check(coming.check_id)} {what} cluster {_place(due.cluster, style)}"
    names = ", ".join(style.name(name) for name in coming.names)
    more = coming.count - len(coming.names)
    who = f"{coming.kind} {names}{f' and {more} more' if more else ''}"
    return f"{when}: {style.check(coming.check_id)} {what} {who} in {_place(due.cluster, style)}"


def _freshness(digest: Digest) -> Iterator[str]:
    now = digest.freshness
    if now.judged:
        yield (
            f"{now.fresh} of {capacities(now.judged)} ({_percent(now)}) run a release that is the recommended one, or "
            "was superseded less than 30 days ago."
        )
    else:
        yield "It is not known of any capacity which release it runs."
    if now.unknown and now.judged:
        yield f"It is not known of {now.unknown} more."
    before = [f"{_percent(each)} on {each.at:%Y-%m-%d}" for each in digest.trend if each.judged]
    if before:
        yield f"Before: {', '.join(before)}."


def _percent(freshness: Freshness) -> str:
    """Round down: 100 % is all of them."""
    return f"{freshness.fresh * 100 // freshness.judged} %"


def _team(team: TeamOpen, style: Style) -> str:
    return "no team" if team.team is None else style.name(team.team)


def _place(cluster: ClusterId, style: Style) -> str:
    return f"{style.name(cluster.name)} ({cluster.account}, {cluster.region})"


def _clusters(count: int) -> str:
    return f"{count} cluster{'' if count == 1 else 's'}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
