"""The clusters as AWS has them at one moment, and what can be read of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from eks_auditor.model.capacity import KINDS, HealthIssue, ManagedNodeGroup
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.plan.targets import Place
from eks_auditor.snapshot.errors import ClusterGoneError, ClusterUnreadableError
from eks_auditor.wiring.plan_audits import Listed
from tests.builders import NOW, ZONES, cluster, instances, managed, snapshot
from tests.pipeline.deployed_policy import DeployedPolicy
from tests.pipeline.troubles import Run

HERE = Place("aws", "111122223333", "eu-west-1")
THERE = Place("aws", "444455556666", "us-east-1")
CLUSTERS = tuple(
    ClusterId(place.partition, place.account, place.region, name)
    for place, name in ((HERE, "shop"), (HERE, "bank"), (THERE, "shop"))
)
GROUPS = ("web", "batch")

HEALTH = {
    "well": (),
    "AWS's trouble": (HealthIssue(code="InternalFailure", message="try again"),),
    "unwell": (HealthIssue(code="AccessDenied", message="the role is gone"),),
}
EXEMPT = {"its health counts": None, "its health is exempt for two days": 2, "its health is exempt for a month": 30}
SPREAD = ("even", "all nodes in one zone", "one zone")
COMES = ("the group goes or comes", "the cluster goes or comes", "the cluster is created again")
# Health twice: it alone moves over every rung, and exemptions are of it.
CHANGES = (*HEALTH, *HEALTH, *SPREAD, *EXEMPT, *COMES)

UNREAD = ("everything is read", "the groups' Auto Scaling groups", "the list of groups", "the list of groups, for now")
UNREADABLE = ("the cluster", "the cluster, for now")
GAPS = UNREAD + UNREADABLE
_DENIED = "AccessDenied: no"


@dataclass
class Group:
    """A managed node group, in the words of :data:`CHANGES`."""

    health: str = "well"
    spread: str = "even"
    exempt_until: date | None = None
    exists: bool = True


@dataclass
class Shape:
    """A cluster; its first group is unwell at first, so that the first audit of it has something to announce."""

    created_at: datetime = NOW - timedelta(days=400)
    exists: bool = True
    unread: str = UNREAD[0]
    groups: dict[str, Group] = field(default_factory=lambda: {GROUPS[0]: Group(health="unwell"), GROUPS[1]: Group()})


class World:
    """What is there now, and the true time: it goes on by a millisecond at each look."""

    def __init__(self) -> None:
        self.now = NOW
        self.clusters = {each: Shape() for each in CLUSTERS}
        self.unlistable: set[Place] = set()
        self.places = [HERE, THERE]
        self.policy = DeployedPolicy()
        self.policy.write("decides nothing", self.now)

    def clock(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def change(self, cluster: ClusterId, name: str, change: str) -> None:
        """Change one of :data:`CHANGES`."""
        shape = self.clusters[cluster]
        group = shape.groups[name]
        if change in HEALTH:
            group.health = change
        elif change in SPREAD:
            group.spread = change
        elif change in EXEMPT:
            days = EXEMPT[change]
            group.exempt_until = None if days is None else (self.now + timedelta(days=days)).date()
        elif change == COMES[0]:
            group.exists = not group.exists
        else:
            shape.exists = change == COMES[2] or not shape.exists
            shape.created_at = self.clock() if shape.exists else shape.created_at

    def retarget(self, place: Place) -> None:
        """Make a place a target, or none."""
        self.places = [each for each in (HERE, THERE) if (each in self.places) is not (each == place)]

    def heal_reads(self) -> None:
        """Let everything be read: what is there stays as it is."""
        self.unlistable.clear()
        for shape in self.clusters.values():
            shape.unread = UNREAD[0]

    def list(self, place: Place) -> Listed:
        """What ListClusters says."""
        if place in self.unlistable:
            return Gap("eks:ListClusters", place.region, _DENIED)
        return tuple(each for each, shape in self.clusters.items() if shape.exists and Place.of(each) == place)

    def snapshot(self, of: ClusterId, taken_at: datetime) -> Snapshot:
        """What a read shows that began at an instant.

        Raises:
            ClusterGoneError, ClusterUnreadableError: As the reader does.
        """
        shape = self.clusters[of]
        if shape.unread in UNREADABLE:
            passing = shape.unread.endswith("for now")
            raise ClusterUnreadableError(of, Gap("eks:DescribeCluster", of.arn, _DENIED, retryable=passing))
        if not shape.exists:
            raise ClusterGoneError(of)
        listed = not shape.unread.startswith("the list of groups")
        groups = [_managed(name, group, shape) for name, group in shape.groups.items() if group.exists and listed]
        return snapshot(
            taken_at=taken_at,
            cluster=cluster(id=of, created_at=shape.created_at),
            capacities=tuple(groups),
            complete=dict.fromkeys(KINDS, True) | {"managed": listed},
            gaps=() if shape.unread == UNREAD[0] else (_gap(shape),),
            live_clusters=frozenset(each.name for each in self.clusters),
        )


class WorldReader:
    """Stands where the reader does: what it finds began to be read before."""

    def __init__(self, world: World, run: Run) -> None:
        self._world = world
        self._run = run

    def read(self, cluster: ClusterId, *, not_before: datetime, checkpoint: Callable[[], None]) -> Snapshot:  # noqa: ARG002  nothing is cached here
        taken_at = self._run.clock()
        found = self._run.call("the reads", lambda: self._world.snapshot(cluster, taken_at))
        checkpoint()
        return found


def _gap(shape: Shape) -> Gap:
    return Gap("eks:ListNodegroups", "shop", _DENIED, retryable=shape.unread.endswith("for now"))


def _managed(name: str, group: Group, shape: Shape) -> ManagedNodeGroup:
    zones = ZONES[: 1 if group.spread == "one zone" else 3]
    scaling: dict[str, Any] = {}
    if group.spread == "all nodes in one zone":
        scaling["instances"] = instances([ZONES[0]] * 6)
    deviations: dict[str, Any] = {"groups": _gap(shape)} if shape.unread == UNREAD[1] else {}
    return managed(
        name,
        zones=zones,
        size=6,
        group=scaling,
        labels={"app": name},
        health_issues=HEALTH[group.health],
        tags=_tags(group),
        **deviations,
    )


def _tags(group: Group) -> dict[str, str]:
    if group.exempt_until is None:
        return {}
    return {
        "eks-auditor/exempt": "HEALTH001",
        "eks-auditor/exempt-until": group.exempt_until.isoformat(),
        "eks-auditor/exempt-reason": "known",
        "eks-auditor/exempt-owner": "platform",
    }
