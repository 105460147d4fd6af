"""Release events and what runs their line: a release that supersedes by default, each test states only what differs."""

from datetime import datetime, timedelta
from typing import Any

from eks_auditor.events.messages import NoticedCapacity, NoticedCluster, ReleaseMessage, parse_message
from eks_auditor.events.requests import Recommendation, ReleaseRequest
from eks_auditor.ledger.notices import compose_notice
from eks_auditor.ledger.outbox import Outbox
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Running
from eks_auditor.plan.notice import notice_of
from tests.builders import CLUSTER_ID, LINE, NOW

OLDER, OLD, NEW = "20261019", "20261110", "20261123"
PUBLISHED = NOW - timedelta(minutes=20)
EVENT_ID = "0f" * 32

type Clusters = dict[ClusterId, tuple[Running, ...]]


def request(**deviations: Any) -> ReleaseRequest:  # noqa: ANN401  any field of it
    """AWS recommends ``NEW`` instead of ``OLD``, seen just now."""
    usual: dict[str, Any] = {
        "event_id": EVENT_ID,
        "move": 7,
        "partition": "aws",
        "region": "eu-west-1",
        "line": LINE,
        "parameter": "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended",
        "old": Recommendation(version=OLD, image_id="ami-0000000000000001d"),
        "new": Recommendation(version=NEW, image_id="ami-0000000000000002e"),
        "published_at": PUBLISHED,
        "rollback": False,
        "at": NOW,
    }
    return ReleaseRequest(**usual | deviations)


def rollback(**deviations: Any) -> ReleaseRequest:  # noqa: ANN401  any field of it
    """AWS takes ``NEW`` back and recommends ``OLD`` again."""
    forth = request()
    usual: dict[str, Any] = {"old": forth.new, "new": forth.old, "rollback": True, "move": 8, "event_id": "1e" * 32}
    return request(**usual | deviations)


def runs(name: str = "web", version: str | None = OLD, since: datetime | None = None, **deviations: Any) -> Running:  # noqa: ANN401  any field of it
    """A managed node group that ran the recommended release until now."""
    usual: dict[str, Any] = {"key": str(LINE), "kind": "managed"}
    return Running(name=name, version=version, superseded_since=since, **usual | deviations)


def cluster(number: int) -> ClusterId:
    """One of many clusters."""
    return ClusterId("aws", "111122223333", "eu-west-1", f"cluster-{number:05}")


def told(of: ReleaseRequest, *capacities: Running) -> list[NoticedCapacity]:
    """What the notice says of the capacities of one cluster."""
    entries = notice_of(of, [(CLUSTER_ID, capacities)])
    assert all(entry.cluster == CLUSTER_ID for entry in entries)
    return [capacity for entry in entries for capacity in entry.capacities]


def notice(of: ReleaseRequest | None = None, clusters: Clusters | None = None) -> tuple[Outbox, ...]:
    """The parts of a notice as planning writes them; by default one node group is superseded."""
    of = of or request()
    clusters = {CLUSTER_ID: (runs(),)} if clusters is None else clusters
    entries: tuple[NoticedCluster, ...] = notice_of(of, clusters.items())
    return compose_notice(of, entries, running=len(clusters), saved_at=NOW)


def messages(of: ReleaseRequest | None = None, clusters: Clusters | None = None) -> list[ReleaseMessage]:
    """The same as their readers read them."""
    parsed = [parse_message(each.body) for each in notice(of, clusters)]
    return [each for each in parsed if isinstance(each, ReleaseMessage)]
