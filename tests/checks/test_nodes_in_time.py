"""AMI002, AMI009 and AMI010: no verdict changes by time alone before it says so."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.checks.launches import update_failed_or_stuck
from eks_auditor.checks.nodes import long_lived_nodes, nodes_left_behind
from eks_auditor.findings.judge import judge
from eks_auditor.model.finding import Finding
from eks_auditor.model.snapshot import Snapshot
from tests.builders import (
    LINE,
    NOW,
    history,
    image,
    launch,
    managed,
    node,
    node_pool,
    nodegroup_update,
    snapshot,
    template_use,
    version,
)

HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)
CHECKS = (nodes_left_behind, long_lived_nodes, update_failed_or_stuck)
OLD = image(version(70))
ID_TAG, VERSION_TAG = "aws:ec2launchtemplate:id", "aws:ec2launchtemplate:version"

ages = st.integers(0, 24 * 200).map(lambda hours: hours * HOUR)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    template = template_use(created_at=NOW - draw(ages))
    used = {number: {ID_TAG: template.id, VERSION_TAG: number} for number in ("3", template.version)}
    nodes = tuple(
        node(
            n,
            image_id=draw(st.sampled_from((image().id, OLD.id))),
            launched_at=NOW - draw(ages),
            tags=used[draw(st.sampled_from(sorted(used)))],
        )
        for n in range(1, 4)
    )
    update = nodegroup_update(
        status=draw(st.sampled_from(("Failed", "Cancelled", "InProgress", "Successful"))), created_at=NOW - draw(ages)
    )
    of = {"launch": launch(templates=(template,))}
    group = managed(nodes=nodes, updates=(update,), modified_at=NOW - draw(ages), group=of)
    pool = node_pool(kind="auto-mode", nodes=nodes)
    superseded = draw(st.sampled_from((7.0, 13.5, 30.0, 59.5, 60.0, 65.0)))
    releases = {str(LINE): history(70.0, superseded, 5.0)}
    images = {OLD.id: OLD, image().id: image(created_at=NOW - draw(ages))}
    return snapshot(group, pool, images=images, releases=releases)


def at(later: timedelta, seen: Snapshot) -> tuple[Finding, ...]:
    """Judge the same cluster as if it had been read later."""
    return judge(replace(seen, taken_at=seen.taken_at + later), CHECKS)


@given(snapshots())
def test_a_verdict_stands_until_it_is_due(seen: Snapshot) -> None:
    for number, found in enumerate(at(timedelta(), seen)):
        due_in = found.due_at - NOW if found.due_at else timedelta(days=1000)
        assert due_in > timedelta()
        for later in (due_in / 2, due_in - MOMENT):
            then = at(later, seen)[number]
            assert (then.status, then.severity, then.settling) == (found.status, found.severity, found.settling)
