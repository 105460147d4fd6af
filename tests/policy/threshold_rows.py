"""For every threshold of every check: a value that a policy may give it, and a cluster that it changes the word on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from eks_auditor.model.capacity import Bounds, InstanceRequirements, Purchase
from eks_auditor.model.snapshot import Snapshot
from tests import builders as b

A, B, C = b.ZONES
HOUR = timedelta(hours=1)
PROVEN = b.cluster(autoscaler_identity="kube-system/cluster-autoscaler")
OLD = b.image(b.version(100))
OWN = b.own_image(created_at=b.days_ago(80))
WINDOWS = b.image(
    id="ami-0windows",
    name="Windows_Server-2022-English-Core-EKS_Optimized-1.35-2026.08.18",
    created_at=b.days_ago(95),
)
TYPES = {
    shape.name: shape
    for shape in (
        b.instance_type(),
        b.instance_type("m5.large", memory_mib=8100),
        b.instance_type("c7i.large", memory_mib=4096),
        b.instance_type("r7i.large", memory_mib=16384),
    )
}


@dataclass(frozen=True)
class Row:
    """A threshold, and what becomes of a cluster when a policy changes it.

    Attributes:
        check: Its id.
        threshold: The threshold's name.
        value: What the policy says.
        read: The cluster.
        before: The word by default: a rung, a status, or ``settling``.
        after: The word by the policy.
        told: What the reason says then.
    """

    check: str
    threshold: str
    value: str
    read: Snapshot
    before: str
    after: str
    told: str = ""

    def __str__(self) -> str:
        """Name the row in a test's id."""
        return f"{self.check}.{self.threshold}={self.value}"


def superseded(days: float, capacity: Any = None, **deviations: Any) -> Snapshot:  # noqa: ANN401  any capacity, any field
    """A capacity on a release that was superseded so many days ago."""
    images = {OLD.id: OLD, b.image().id: b.image()}
    releases = {str(b.LINE): b.history(100, *sorted({days, b.RECOMMENDED_AGE}, reverse=True))}
    read = b.managed(release_version=b.release_version(100)) if capacity is None else capacity
    return b.snapshot(read, **{"releases": releases, "images": images} | deviations)


def pool(days: float) -> Any:  # noqa: ANN401  a pool
    """A pool with one node that was launched so many days ago."""
    return b.node_pool(nodes=(b.node(image_id=OLD.id, launched_at=b.days_ago(days)),))


def left(age: timedelta) -> Any:  # noqa: ANN401  a group
    """A group with one node of that age on an image that it does not launch any more, from the template's version."""
    used = b.template_use()
    tags = {"aws:ec2launchtemplate:id": used.id, "aws:ec2launchtemplate:version": used.version}
    stays = b.node(image_id=OLD.id, launched_at=b.NOW - age, tags=tags)
    return b.managed(nodes=(stays,), group={"launch": b.launch(templates=(used,))})


def built_on(days: float) -> Snapshot:
    """A group on an image of its own, which was built on a release that was superseded so many days ago."""
    group = b.self_managed(group={"launch": b.launch(image_ids=(OWN.id,))})
    return superseded(days, group, images={OWN.id: OWN}, ancestors={OWN.id: (b.ancestor(OLD),)})


def aged(days: float) -> Snapshot:
    """A group on an image that is so old and descends from none of EKS's."""
    image = b.own_image(created_at=b.days_ago(days))
    group = b.self_managed(group={"launch": b.launch(image_ids=(image.id,))})
    return b.snapshot(group, images={image.id: image}, ancestors={image.id: ()})


def launching(image: Any, **deviations: Any) -> Snapshot:  # noqa: ANN401  an image, any field
    """A group that launches this image."""
    group = b.self_managed(group={"launch": b.launch(image_ids=(image.id,))})
    return b.snapshot(group, images={image.id: image}, **deviations)


def updated(status: str, age: timedelta, **deviations: Any) -> Snapshot:  # noqa: ANN401  any field
    """A group whose newest update began so long ago."""
    update = b.nodegroup_update(status=status, created_at=b.NOW - age)
    return b.snapshot(b.managed(updates=(update,), **deviations))


def over(*counts: int, **group: Any) -> Snapshot:  # noqa: ANN401  any field of a group
    """One group with so many nodes in each zone."""
    found = [zone for zone, count in zip(b.ZONES, counts, strict=True) for _ in range(count)]
    own = {"instances": b.instances(found), "desired": len(found), "max_size": 99}
    return b.snapshot(b.managed(group=own | group))


def bound(sizes: Mapping[str, int]) -> Snapshot:
    """A group for each zone, with so many nodes."""
    groups = [b.managed(f"web-{zone[-1]}", zones=[zone], size=size) for zone, size in sizes.items()]
    return b.snapshot(*groups)


def with_free(free: int) -> dict[str, Any]:
    """A group's own, with so many free addresses in the first zone."""
    return {"subnets": (b.subnet(free_addresses=free), b.subnet(B), b.subnet(C))}


def failing(count: int, hours: float = 1) -> Snapshot:
    """A group whose last launches failed in a zone, the last one so many hours ago."""
    failed = tuple(b.failed_launch(C, at=b.NOW - (hours + number) * HOUR) for number in range(count))
    return b.snapshot(b.managed(group={"failed_launches": failed}))


def reserved(days: float) -> Snapshot:
    """A group that launches into a reservation which ends in so many days."""
    found = b.reservation(ends_at=b.days_ago(-days))
    group = {"launch": b.launch(reservations=(found.id,))}
    return b.snapshot(b.managed(group=group), reservations={found.id: found})


def scaled(*capacities: Any, **deviations: Any) -> Snapshot:  # noqa: ANN401  any capacity, any field
    """A cluster that the autoscaler scales."""
    return b.snapshot(*capacities, **{"cluster": PROVEN, "instance_types": TYPES} | deviations)


def of_types(*names: str) -> Snapshot:
    """A group that launches these."""
    return scaled(b.managed(group={"launch": b.launch(instance_types=names)}))


def wanting(least: int, greatest: int) -> Snapshot:
    """A group that asks for that many vCPUs."""
    memory = Bounds(least=8192, greatest=8192)
    wanted = InstanceRequirements(vcpus=Bounds(least=least, greatest=greatest), memory_mib=memory)
    return scaled(b.self_managed(group={"launch": b.launch(instance_types=(), requirements=wanted)}))


def full(**group: Any) -> Snapshot:  # noqa: ANN401  any field of a group
    """A group at its maximum."""
    return scaled(b.managed(group={"max_size": 3} | group))


def unalike(*groups: dict[str, Any], **deviations: Any) -> Snapshot:  # noqa: ANN401  any field
    """A group in each zone."""
    made = [b.managed(f"web-{zone[-1]}", zones=[zone], **own) for zone, own in zip(b.ZONES, groups, strict=False)]
    return scaled(*made, **deviations)


def spot(count: int) -> Snapshot:
    """A Spot group over three zones with so many types."""
    names = ("m7i.large", "m6i.large", "m5.large")[:count]
    bought = b.launch(instance_types=names, purchase=Purchase(on_demand_percentage=0))
    types = {name: b.instance_type(name) for name in names}
    offered = {name: frozenset(b.ZONES) for name in names}
    group = b.managed(capacity_type="SPOT", group={"launch": bought})
    return scaled(group, instance_types=types, offered_zones=offered)


ROWS = (
    Row("AMI001", "low", "21d", superseded(20), "LOW", "PASSED", "within the grace of 21 days"),
    Row("AMI001", "medium", "45d", superseded(40), "MEDIUM", "LOW"),
    Row("AMI001", "high", "90d", superseded(70), "HIGH", "MEDIUM"),
    Row("AMI001", "node_grace", "3d", superseded(70, pool(5)), "PASSED", "HIGH", "launched more than 3 days ago"),
    Row("AMI001", "node_grace", "9d", superseded(70, pool(8)), "HIGH", "PASSED", "launched more than 9 days ago"),
    Row("AMI002", "left_behind", "36h", superseded(20, left(30 * HOUR)), "MEDIUM", "PASSED", "within 36 hours"),
    Row("AMI002", "grace", "3d", superseded(5, left(40 * 24 * HOUR)), "PASSED", "MEDIUM"),
    Row(
        "AMI002",
        "grace",
        "30d",
        superseded(20, left(40 * 24 * HOUR)),
        "MEDIUM",
        "PASSED",
        "within the grace of 30 days",
    ),
    Row("AMI002", "high", "90d", superseded(70, left(80 * 24 * HOUR)), "HIGH", "MEDIUM"),
    Row(
        "AMI003",
        "in_doubt",
        "90d",
        b.snapshot(releases={str(b.LINE): b.history(70, family_newest=b.release(5))}),
        "HIGH",
        "PASSED",
    ),
    Row(
        "AMI004",
        "grace",
        "10d",
        b.snapshot(b.managed(version="1.34"), cluster=b.cluster(version_updated_at=b.days_ago(20))),
        "PASSED",
        "LOW",
    ),
    Row(
        "AMI004",
        "grace",
        "40d",
        b.snapshot(b.managed(version="1.34"), cluster=b.cluster(version_updated_at=b.days_ago(35))),
        "LOW",
        "PASSED",
        "within the grace of 40 days",
    ),
    Row("AMI005", "low", "21d", built_on(20), "LOW", "PASSED", "within the grace of 21 days"),
    Row("AMI005", "medium", "45d", built_on(40), "MEDIUM", "LOW"),
    Row("AMI005", "high", "90d", built_on(70), "HIGH", "MEDIUM"),
    Row("AMI005", "age_low", "90d", aged(80), "LOW", "PASSED"),
    Row("AMI005", "age_medium", "150d", aged(130), "MEDIUM", "LOW"),
    Row(
        "AMI006",
        "windows_low",
        "100d",
        launching(WINDOWS, releases={"windows-2022/core/x86_64/1.35": b.history()}),
        "LOW",
        "PASSED",
    ),
    Row(
        "AMI009",
        "low",
        "30d",
        b.snapshot(b.managed(nodes=(b.node(launched_at=b.days_ago(40)),))),
        "PASSED",
        "LOW",
        "more than 30 days ago",
    ),
    Row("AMI010", "recent", "10d", updated("Cancelled", 20 * 24 * HOUR), "LOW", "PASSED"),
    Row(
        "AMI010", "left_behind", "36h", updated("Failed", 40 * 24 * HOUR, nodes=left(30 * HOUR).nodes), "HIGH", "PASSED"
    ),
    Row("AMI010", "shortest", "12h", updated("InProgress", 8 * HOUR), "MEDIUM", "PASSED", "may take 12.0 hours"),
    Row("AMI010", "step", "4h", updated("InProgress", 8 * HOUR), "MEDIUM", "PASSED", "may take 12.0 hours"),
    Row(
        "AMI011",
        "overdue",
        "30d",
        launching(b.own_image(scan=b.scan(high_fix_since=b.days_ago(20)))),
        "HIGH",
        "PASSED",
        "within the grace of 30 days",
    ),
    Row("AMI011", "scan", "3d", launching(b.own_image(scan=b.scan(scanned_at=b.days_ago(5)))), "PASSED", "UNKNOWN"),
    Row(
        "ZONE001",
        "minimum_zones",
        "3",
        b.snapshot(b.managed(zones=(A, B)), vpc_subnets=(b.subnet(A), b.subnet(B))),
        "PASSED",
        "CRITICAL",
        "the policy wants 3",
    ),
    Row("ZONE001", "enough_zones", "2", b.snapshot(b.managed(zones=(A, B))), "LOW", "PASSED"),
    Row("ZONE003", "nodes_per_zone", "4", over(5, 2, 2), "MEDIUM", "PASSED"),
    Row("ZONE003", "skew", "100%", over(5, 2, 2), "MEDIUM", "PASSED"),
    Row("ZONE003", "fair_share", "250%", bound({A: 20, B: 5, C: 5}), "LOW", "PASSED"),
    Row("ZONE004", "tolerance", "60%", over(20, 5, 5), "MEDIUM", "PASSED"),
    Row(
        "ZONE006",
        "growth",
        "100%",
        b.snapshot(b.managed(size=9, group=with_free(25) | {"max_size": 99})),
        "PASSED",
        "MEDIUM",
        "for 100% more nodes",
    ),
    Row(
        "ZONE010",
        "free_addresses",
        "8",
        b.snapshot(vpc_subnets=tuple(b.subnet(zone, free_addresses=6) for zone in b.ZONES)),
        "PASSED",
        "HIGH",
        "with 8, which the policy wants, are in no zone",
    ),
    Row("ZONE012", "enough", "5", failing(3), "MEDIUM", "PASSED"),
    Row("ZONE012", "window", "6h", failing(3, hours=8), "MEDIUM", "PASSED", "no launch failed in 6 hours"),
    Row("ZONE014", "medium", "14d", reserved(10), "PASSED", "MEDIUM"),
    Row("ZONE014", "high", "48h", reserved(1.5), "MEDIUM", "HIGH"),
    Row("CAS007", "least_memory", "40%", of_types("m7i.large", "c7i.large"), "MEDIUM", "PASSED"),
    Row("CAS007", "most_memory", "300%", of_types("m7i.large", "r7i.large"), "LOW", "PASSED"),
    Row("CAS007", "widest", "4", wanting(2, 8), "INFORMATIONAL", "PASSED"),
    Row(
        "CAS008",
        "asked",
        "1h",
        full(wished_at=b.NOW - 3 * HOUR, scaled_at=b.NOW - 3 * HOUR),
        "MEDIUM",
        "settling",
        "within 1 hour",
    ),
    Row("CAS008", "full", "10d", full(scaled_at=b.days_ago(8)), "MEDIUM", "settling", "less than 10 days ago"),
    Row(
        "CAS012",
        "asleep",
        "3d",
        unalike(
            {
                "group": {
                    "desired": 0,
                    "instances": (),
                    "min_size": 0,
                    "scaled_at": b.days_ago(5),
                    "launch": b.launch(instance_types=("m5.large",)),
                }
            },
            {},
            {},
        ),
        "LOW",
        "INFORMATIONAL",
    ),
    Row("CAS012", "rollout", "2d", unalike({"nodes": (b.node(1, A, image_id=OLD.id),)}, {}, {}), "settling", "LOW"),
    Row(
        "CAS012",
        "rollout",
        "5d",
        unalike({"nodes": (b.node(1, A, image_id=OLD.id),)}, {}, {}),
        "settling",
        "settling",
        "less than 5 days ago",
    ),
    Row("CAS014", "types", "2", spot(2), "MEDIUM", "PASSED"),
    Row("CAS014", "pools", "10", spot(3), "PASSED", "MEDIUM", "3 types and 10 pools"),
    Row(
        "CAS015",
        "medium",
        "10d",
        b.snapshot(
            b.self_managed(
                group={"max_size": 3, "tags": {"kubernetes.io/cluster/shop": "owned"}, "scaled_at": b.days_ago(8)}
            )
        ),
        "MEDIUM",
        "LOW",
    ),
)
