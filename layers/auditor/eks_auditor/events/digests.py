"""The digest as a message: what ``docs/schemas/digest-1.json`` says. Read by hand, as all messages are."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from eks_auditor.events.errors import EventError
from eks_auditor.events.members import cluster as cluster_of
from eks_auditor.events.members import cluster_document, document_of, instant, text, why
from eks_auditor.model.coming import Coming, Turn
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
from eks_auditor.model.instant import written
from eks_auditor.model.verdict import Severity

SCHEMA_VERSION = 1
TYPE = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestMessage:
    """One digest on its topic."""

    digest: Digest

    def body(self) -> str:
        """Write the message: ASCII JSON."""
        return json.dumps(_document(self.digest), separators=(",", ":"), allow_nan=False)

    def at_most(self, shown: int) -> "DigestMessage":
        """Return the same with no list longer than this; what is left out is counted."""
        digest = self.digest
        return DigestMessage(
            digest=replace(
                digest,
                watched=replace(digest.watched, unfinished_names=digest.watched.unfinished_names[:shown]),
                open=_fewer_teams(digest.open, shown),
                opened=replace(digest.opened, worst=digest.opened.worst[:shown]),
                closed=replace(digest.closed, worst=digest.closed.worst[:shown]),
                due=digest.due[:shown],
                due_left=digest.due_left + sum(due.coming.count for due in digest.due[shown:]),
            )
        )


def parse_digest(body: str) -> DigestMessage:
    """Read :meth:`DigestMessage.body` back.

    Raises:
        NewerMessageError: If a newer version wrote it.
        EventError: If it is no digest.
    """
    document = document_of(body, (TYPE,), "the digest", SCHEMA_VERSION)
    try:
        return DigestMessage(digest=_digest(document))
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        message = (
            f"the digest cannot be read: {why(error)}; compare it with docs/digest.md, the next one comes by itself"
        )
        raise EventError(message) from None


def _fewer_teams(open_: Open, shown: int) -> Open:
    left = open_.teams[shown:]
    together = [open_.teams_left_open, *(team.open for team in left)]
    return replace(
        open_,
        teams=open_.teams[:shown],
        teams_left=open_.teams_left + len(left),
        teams_left_open={rung: total for rung in Severity if (total := sum(each.get(rung, 0) for each in together))},
    )


def _document(digest: Digest) -> dict[str, Any]:
    watched, open_ = digest.watched, digest.open
    oldest = watched.oldest
    return {
        "schema_version": SCHEMA_VERSION,
        "type": TYPE,
        "period": digest.period.value,
        "at": written(digest.at),
        "since": written(digest.since),
        "clusters": {
            "watched": watched.clusters,
            "oldest_audit": None
            if oldest is None
            else {"cluster": cluster_document(oldest.cluster), "taken_at": written(oldest.taken_at)},
            "unfinished": watched.unfinished,
            "unfinished_first": [cluster_document(cluster) for cluster in watched.unfinished_names],
        },
        "open": {
            "total": _counts_document(open_.total),
            "teams": [{"team": each.team, "open": _counts_document(each.open)} for each in open_.teams],
            "more_teams": {"count": open_.teams_left, "open": _counts_document(open_.teams_left_open)},
            "exempt": _counts_document(open_.exempt),
        },
        "opened": _movement_document(digest.opened),
        "closed": _movement_document(digest.closed),
        "accepted": digest.accepted,
        "withdrawn": digest.withdrawn,
        "due": [_due_document(due) for due in digest.due],
        "more_due": digest.due_left,
        "freshness": _freshness_document(digest.freshness),
        "trend": [_freshness_document(each) for each in digest.trend],
    }


def _movement_document(movement: Movement) -> dict[str, Any]:
    return {
        "total": _counts_document(movement.total),
        "first_looks": movement.first_looks,
        "worst": [
            {
                "at": written(each.at),
                "cluster": cluster_document(each.cluster),
                "check_id": each.check_id,
                "severity": each.severity.name,
                "kind": each.kind,
                "name": each.name,
                "title": each.title,
            }
            for each in movement.worst
        ],
    }


def _due_document(due: Due) -> dict[str, Any]:
    coming = due.coming
    return {
        "at": written(coming.at),
        "turn": coming.turn.value,
        "cluster": cluster_document(due.cluster),
        "check_id": coming.check_id,
        "severity": coming.severity.name,
        "kind": coming.kind,
        "names": list(coming.names),
        "count": coming.count,
    }


def _freshness_document(freshness: Freshness) -> dict[str, Any]:
    return {
        "at": written(freshness.at),
        "fresh": freshness.fresh,
        "judged": freshness.judged,
        "unknown": freshness.unknown,
        "share": None if freshness.share is None else round(freshness.share, 4),
    }


def _counts_document(counts: Counts) -> dict[str, int]:
    return {rung.name: counts.get(rung, 0) for rung in sorted(Severity, reverse=True)}


def _digest(document: Mapping[str, Any]) -> Digest:
    return Digest(
        at=instant(document, "at"),
        since=instant(document, "since"),
        period=Period(document["period"]),
        watched=_watched(document["clusters"]),
        open=_open(document["open"]),
        opened=_movement(document["opened"]),
        closed=_movement(document["closed"]),
        accepted=int(document["accepted"]),
        withdrawn=int(document["withdrawn"]),
        due=tuple(_due(each) for each in document["due"]),
        due_left=int(document["more_due"]),
        freshness=_freshness(document["freshness"]),
        trend=tuple(_freshness(each) for each in document["trend"]),
    )


def _watched(entry: Mapping[str, Any]) -> Watched:
    oldest = entry["oldest_audit"]
    return Watched(
        clusters=int(entry["watched"]),
        oldest=None
        if oldest is None
        else Audited(cluster=cluster_of(oldest["cluster"]), taken_at=instant(oldest, "taken_at")),
        unfinished=int(entry["unfinished"]),
        unfinished_names=tuple(cluster_of(each) for each in entry["unfinished_first"]),
    )


def _open(entry: Mapping[str, Any]) -> Open:
    more = entry["more_teams"]
    return Open(
        total=_counts(entry["total"]),
        teams=tuple(TeamOpen(team=_team(each), open=_counts(each["open"])) for each in entry["teams"]),
        teams_left=int(more["count"]),
        teams_left_open=_counts(more["open"]),
        exempt=_counts(entry["exempt"]),
    )


def _team(entry: Mapping[str, Any]) -> str | None:
    return None if entry["team"] is None else text(entry, "team")


def _movement(entry: Mapping[str, Any]) -> Movement:
    return Movement(
        total=_counts(entry["total"]),
        first_looks=int(entry["first_looks"]),
        worst=tuple(
            Moved(
                at=instant(each, "at"),
                cluster=cluster_of(each["cluster"]),
                check_id=text(each, "check_id"),
                severity=Severity[each["severity"]],
                kind=text(each, "kind"),
                name=text(each, "name"),
                title=text(each, "title"),
            )
            for each in entry["worst"]
        ),
    )


def _due(entry: Mapping[str, Any]) -> Due:
    return Due(
        cluster=cluster_of(entry["cluster"]),
        coming=Coming(
            at=instant(entry, "at"),
            turn=Turn(entry["turn"]),
            check_id=text(entry, "check_id"),
            severity=Severity[entry["severity"]],
            kind=text(entry, "kind"),
            names=tuple(text({"names": name}, "names") for name in entry["names"]),
            count=int(entry["count"]),
        ),
    )


def _freshness(entry: Mapping[str, Any]) -> Freshness:
    """Read the numbers; the share is what they make."""
    return Freshness(
        at=instant(entry, "at"),
        fresh=int(entry["fresh"]),
        judged=int(entry["judged"]),
        unknown=int(entry["unknown"]),
    )


def _counts(entry: Mapping[str, Any]) -> Counts:
    return {Severity[rung]: int(count) for rung, count in entry.items() if count}
