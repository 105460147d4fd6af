"""Weeks of ordinary autoscaling, audited every hour: what is as it was meant tells nothing, and a defect tells once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.findings.diff import diff
from eks_auditor.findings.judge import audit_of
from eks_auditor.model.capacity import KINDS, ManagedNodeGroup, Purchase, ScalingPolicy, ScheduledAction
from eks_auditor.model.snapshot import Snapshot
from tests import builders as b
from tests.builders import NOW, ZONES, cluster, eks_tags, gap, managed, node, node_pool, self_managed, snapshot

if TYPE_CHECKING:
    from eks_auditor.model.history import Head, Record

PROVEN = cluster(autoscaler_identity="kube-system/cluster-autoscaler")
CAS = [check for check in CATALOGUE if check.id.startswith("CAS")]
WEEK = 7 * 24
HOUR = timedelta(hours=1)
POLICY = ScalingPolicy(name="cpu", kind="TargetTrackingScaling")
NIGHT_AND_DAY = (
    ScheduledAction(name="night", recurrence="0 20 * * *", min_size=0, max_size=0),
    ScheduledAction(name="day", recurrence="0 8 * * *", min_size=1, max_size=8),
)

type Read = Callable[[int, datetime], Snapshot]
"""Returns the cluster at an hour, which is that instant."""


def told(read: Read, hours: int = WEEK) -> list[str]:
    """Audit every hour and return what was told, in order."""
    head: Head | None = None
    records: dict[str, Record] = {}
    said = []
    for hour in range(hours):
        now = NOW + hour * HOUR
        audit = audit_of(
            read(hour, now),
            CAS,
            f"audit-{hour}",
            autoscaler_seen_at=head.autoscaler_seen_at if head else None,
            karpenter_seen_at=head.karpenter_seen_at if head else None,
        )
        changes = diff(head, records, audit, hub=False)
        records |= {record.finding.id: record for record in changes.records}
        head = replace(changes.head, saved_at=now)
        said += [f"{each.finding.check_id} {each.change}" for each in changes.transitions]
    return said


def by_day(hour: int) -> bool:
    return 8 <= hour % 24 < 20


def changed_at(hour: int, now: datetime) -> datetime:
    """When the day or the night began."""
    return now - timedelta(hours=(hour - 8) % 12)


def read_of(*capacities: Any, taken_at: datetime, **deviations: Any) -> Snapshot:  # noqa: ANN401  any capacity, any field
    return snapshot(*capacities, taken_at=taken_at, **{"cluster": PROVEN} | deviations)


def test_a_group_that_is_full_every_day_is_told_once() -> None:
    def read(hour: int, now: datetime) -> Snapshot:
        wished_at = now - timedelta(hours=(hour - 9) % 24)
        desired = 8 if 9 <= hour % 24 < 17 else 3
        group = {"desired": desired, "wished_at": wished_at, "scaled_at": wished_at, "wished_size": 8}
        return read_of(managed(group=group), taken_at=now)

    assert told(read) == ["CAS008 opened"]


def test_a_maximum_that_was_raised_ends_it() -> None:
    def read(hour: int, now: datetime) -> Snapshot:
        most = 8 if hour < 24 else 16
        group = {"desired": 8, "max_size": most, "wished_at": now - HOUR, "scaled_at": now - HOUR, "wished_size": 8}
        return read_of(managed(group=group), taken_at=now)

    assert told(read) == ["CAS008 opened", "CAS008 resolved"]


def test_groups_that_sleep_at_night() -> None:
    def read(hour: int, now: datetime) -> Snapshot:
        size = 2 if by_day(hour) else 0
        group = {"min_size": 0, "max_size": 6, "scaled_at": changed_at(hour, now)}
        zonal = [
            managed(f"web-{z[-1]}", zones=[z], size=size, template=b.template_use(id=f"lt-{z[-1]}"), group=group)
            for z in ZONES
        ]
        return read_of(*zonal, taken_at=now)

    assert told(read) == ["CAS012 opened"]


def test_groups_that_are_updated_one_after_the_other() -> None:
    def read(hour: int, now: datetime) -> Snapshot:
        def zonal(number: int, zone: str) -> ManagedNodeGroup:
            since = (hour - 10 - 24 * number) % WEEK
            images = (b.image_id(b.version(1 if hour % WEEK >= 10 + 24 * number else 5)),)
            return managed(
                f"web-{zone[-1]}",
                zones=[zone],
                modified_at=now - since * HOUR,
                group={"launch": b.launch(image_ids=images)},
            )

        return read_of(*(zonal(number, zone) for number, zone in enumerate(ZONES)), taken_at=now)

    assert told(read, 3 * WEEK) == []


@pytest.mark.parametrize("build", [managed, self_managed])
def test_sizes_by_schedule(build: Any) -> None:  # noqa: ANN401  a builder
    def read(hour: int, now: datetime) -> Snapshot:
        most = 8 if by_day(hour) else 0
        group = {"min_size": min(1, most), "max_size": most, "scheduled": NIGHT_AND_DAY}
        told_eks = {"min_size": 1, "max_size": 8} if build is managed else {}
        size = 3 if by_day(hour) else 0
        return read_of(build(size=size, group=group | {"scaled_at": changed_at(hour, now)}, **told_eks), taken_at=now)

    assert told(read) == []


def test_a_defect_of_a_group_that_is_switched_off_at_night_is_told_once() -> None:
    spot = b.launch(purchase=Purchase(on_demand_percentage=0, spot_strategy="lowest-price"))
    tags = b.autoscaler_tags() | {"k8s.io/cluster-autoscaler/old": "owned"}

    def read(hour: int, now: datetime) -> Snapshot:
        most = 8 if by_day(hour) else 0
        group = {"min_size": min(1, most), "max_size": most, "tags": tags, "policies": (POLICY,), "launch": spot}
        batch = self_managed(size=3 if by_day(hour) else 0, group=group | {"scaled_at": changed_at(hour, now)})
        return read_of(batch, taken_at=now, cluster=cluster())

    assert sorted(told(read)) == ["CAS003 opened", "CAS009 opened", "CAS014 opened"]


@pytest.mark.parametrize(("proven", "expected"), [(True, ["CAS008 opened", "CAS014 opened"]), (False, [])])
def test_an_update_by_eks_of_a_fixed_group(proven: bool, expected: list[str]) -> None:  # noqa: FBT001  a case
    tags = eks_tags() | {"k8s.io/cluster-autoscaler/node-template/label/x": "y"}

    def read(hour: int, now: datetime) -> Snapshot:
        updating = 10 <= hour % WEEK < 12
        web = managed(
            capacity_type="SPOT",
            status="UPDATING" if updating else "ACTIVE",
            modified_at=now - ((hour - 12) % WEEK) * HOUR,
            min_size=3,
            max_size=3,
            group={"min_size": 3, "max_size": 9 if updating else 3, "tags": tags, "policies": (POLICY,)},
        )
        return read_of(web, taken_at=now, cluster=PROVEN if proven else cluster())

    assert sorted(told(read, 2 * WEEK)) == expected


def test_karpenter_that_is_idle_at_night() -> None:
    def read(hour: int, now: datetime) -> Snapshot:
        pools = [node_pool()] if by_day(hour + 12) else []
        return read_of(managed(size=2, group={"min_size": 2, "max_size": 3}), *pools, taken_at=now, cluster=cluster())

    assert told(read) == []


def test_karpenter_took_over_and_a_read_fails() -> None:
    lost = gap("ec2:DescribeInstances", "shop", "RequestLimitExceeded: slow")
    unseen = {**dict.fromkeys(KINDS, True), "karpenter": False, "auto-mode": False, "standalone": False}

    def read(hour: int, now: datetime) -> Snapshot:
        raised = 2 if hour == 0 else 0
        web = managed(group={"hand_scalings": raised, "hand_scaling_days": raised, "policies": (POLICY,)})
        if hour == 6:
            return read_of(web, taken_at=now, cluster=cluster(), complete=unseen, gaps=(lost,))
        return read_of(web, *([node_pool()] if hour > 1 else []), taken_at=now, cluster=cluster())

    assert told(read, 24) == ["CAS009 opened", "CAS009 withdrawn"]


def test_bootstrap_groups_of_karpenter() -> None:
    tags = eks_tags() | {"k8s.io/cluster-autoscaler/node-template/label/role": "bootstrap"}
    full = {"min_size": 1, "max_size": 2, "tags": tags}

    def read(_: int, now: datetime) -> Snapshot:
        own = self_managed(size=2, group={"min_size": 1, "max_size": 2})
        return read_of(managed(size=2, group=full), own, node_pool(), taken_at=now, cluster=cluster())

    assert told(read, 24) == []


def test_another_clusters_tag_on_nodes_that_come_and_go() -> None:
    def read(hour: int, now: datetime) -> Snapshot:
        marked = {"kubernetes.io/cluster/other": "owned"}
        nodes = tuple(node(n, zone, tags=marked) for n, zone in enumerate(ZONES)) if by_day(hour) else ()
        group = {"min_size": 0, "scaled_at": changed_at(hour, now)}
        return read_of(managed(size=len(nodes), nodes=nodes, group=group), taken_at=now)

    assert told(read) == ["CAS003 opened"]


def test_reasons_do_not_change_with_every_request() -> None:
    """A reason that changes is a record that is written, though nothing is told."""

    def reasons(requests: int, nodes: int) -> set[str]:
        pool = node_pool(nodes=tuple(node(100 + n) for n in range(nodes)))
        web = managed(group={"hand_scalings": requests, "policies": (POLICY,)})
        audit = audit_of(snapshot(web, pool), CAS, "an-audit")
        return {finding.reason for finding in audit.findings if finding.check_id == "CAS009"}

    assert reasons(2, 3) == reasons(9, 40)
