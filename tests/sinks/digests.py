"""Digests of a fleet of two clusters; each test states only how its own differs."""

from datetime import timedelta
from typing import Any

from eks_auditor.events.digests import DigestMessage
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.coming import Coming, Turn
from eks_auditor.model.digest import (
    Audited,
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
from eks_auditor.model.verdict import Severity
from tests.builders import CLUSTER_ID, NOW, days_ago
from tests.sinks.transitions import days_later

OTHER = ClusterId("aws", "444455556666", "eu-central-1", "search")


def moved(name: str = "web", **deviations: Any) -> Moved:  # noqa: ANN401  any field of it
    """A superseded node group of the cluster ``shop``."""
    usual: dict[str, Any] = {
        "at": days_ago(2),
        "cluster": CLUSTER_ID,
        "check_id": "AMI001",
        "severity": Severity.HIGH,
        "kind": "managed",
        "name": name,
        "title": "Nodes should run a recent release",
    }
    return Moved(**usual | deviations)


def movement(*worst: Moved, more: int = 0) -> Movement:
    """These, and so many more at LOW that are not named."""
    total: dict[Severity, int] = {}
    for each in worst:
        total[each.severity] = total.get(each.severity, 0) + 1
    if more:
        total[Severity.LOW] = total.get(Severity.LOW, 0) + more
    return Movement(total=total, worst=worst)


def coming(*names: str, **deviations: Any) -> Coming:  # noqa: ANN401  any field of it
    """Node groups that become superseded for too long in four days."""
    usual: dict[str, Any] = {
        "at": days_later(4),
        "turn": Turn.OPENS,
        "check_id": "AMI001",
        "severity": Severity.LOW,
        "kind": "managed",
        "names": names or ("web",),
        "count": max(len(names), 1),
    }
    return Coming(**usual | deviations)


def freshness(fresh: int = 46, **deviations: Any) -> Freshness:  # noqa: ANN401  any field of it
    """46 of 50 capacities meet the objective, and of two it is not known."""
    usual: dict[str, Any] = {"at": NOW, "fresh": fresh, "judged": 50, "unknown": 2}
    return Freshness(**usual | deviations)


def digest(**deviations: Any) -> Digest:  # noqa: ANN401  any field of it
    """A weekly digest with something in each part."""
    usual: dict[str, Any] = {
        "at": NOW,
        "since": days_ago(7),
        "period": Period.WEEKLY,
        "watched": Watched(
            clusters=2,
            oldest=Audited(cluster=OTHER, taken_at=days_ago(3)),
            unfinished=1,
            unfinished_names=(OTHER,),
        ),
        "open": Open(
            total={Severity.CRITICAL: 1, Severity.HIGH: 5},
            teams=(
                TeamOpen(team="payments", open={Severity.CRITICAL: 1, Severity.HIGH: 2}),
                TeamOpen(team=None, open={Severity.HIGH: 3}),
            ),
            teams_left=0,
            teams_left_open={},
            exempt={Severity.MEDIUM: 2},
        ),
        "opened": movement(
            moved(severity=Severity.CRITICAL, check_id="ZONE001", kind="cluster", name="shop"), moved(), more=1
        ),
        "closed": movement(moved("batch", cluster=OTHER, kind="self-managed")),
        "accepted": 1,
        "withdrawn": 2,
        "due": (
            Due(cluster=CLUSTER_ID, coming=coming("web", "batch", "tools", count=14)),
            Due(
                cluster=OTHER,
                coming=coming("index", at=days_later(9), turn=Turn.EXEMPTION_ENDS, severity=Severity.MEDIUM),
            ),
        ),
        "due_left": 0,
        "freshness": freshness(),
        "trend": (freshness(40, at=NOW - timedelta(days=14)), freshness(44, at=NOW - timedelta(days=7))),
    }
    return Digest(**usual | deviations)


def message(**deviations: Any) -> DigestMessage:  # noqa: ANN401  any field of the digest
    """The same as its message."""
    return DigestMessage(digest=digest(**deviations))
