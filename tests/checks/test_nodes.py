"""AMI002: nodes that a roll-out left behind."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.checks.left_behind import LEFT_BEHIND_AFTER
from eks_auditor.checks.nodes import nodes_left_behind
from eks_auditor.model.capacity import KINDS, GroupInstance
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Owner, Severity, Status
from tests.builders import (
    LINE,
    NOW,
    days_ago,
    gap,
    history,
    image,
    instances,
    launch,
    managed,
    node,
    node_pool,
    own_image,
    release,
    self_managed,
    template_use,
    version,
)
from tests.checks.judged import commands, finding

MOMENT = timedelta(seconds=1)
DAY = timedelta(days=1)
OLD = image(version(40))
IMAGES = {"images": {image().id: image(), OLD.id: OLD}}
GROUPS = pytest.mark.parametrize("group", [managed, self_managed])


def old_node(number: int = 1, **deviations: Any) -> Any:  # noqa: ANN401  any field of a node
    return node(number, **{"image_id": OLD.id} | deviations)


def judged(capacity: Any, *releases: float, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    of = {str(LINE): history(*(releases or (40.0, 20.0, 5.0)))}
    return finding(nodes_left_behind, capacity, **{"releases": of} | IMAGES | deviations)


# What is left behind


@GROUPS
def test_nodes_that_run_what_their_group_launches_pass(group: Any) -> None:  # noqa: ANN401  a builder
    found = judged(group())

    assert found.status is Status.PASSED
    assert found.due_at is None
    assert found.evidence["in_service"] == 3


@GROUPS
def test_a_node_on_another_image_is_left_behind(group: Any) -> None:  # noqa: ANN401  a builder
    found = judged(group(nodes=(old_node(1, launched_at=days_ago(41)), node(2), node(3))))

    assert (found.status, found.severity) == (Status.FAILED, Severity.MEDIUM)
    assert f"nodes in service on images that it does not launch now ({OLD.id}): 1 of 3, the oldest" in found.reason
    assert "the oldest launched 41 days ago; the worst of them was superseded 20 days ago" in found.reason
    assert found.evidence["node_ids"] == found.evidence["oldest_node"] == node(1).id
    assert found.evidence["oldest_days"] == 41
    assert found.evidence["superseded_days"] == 20
    assert not found.partial


@GROUPS
@pytest.mark.parametrize(
    ("age", "status"), [(LEFT_BEHIND_AFTER - MOMENT, Status.PASSED), (LEFT_BEHIND_AFTER, Status.FAILED)]
)
def test_a_node_counts_once_it_is_24_hours_old(group: Any, age: timedelta, status: Status) -> None:  # noqa: ANN401  a builder
    found = judged(group(nodes=(old_node(launched_at=NOW - age),)))

    assert found.status is status
    if status is Status.PASSED:
        assert found.due_at == NOW + MOMENT


@pytest.mark.parametrize(
    ("since", "severity"),
    [(timedelta(days=60) - MOMENT, Severity.MEDIUM), (timedelta(days=60), Severity.HIGH)],
)
def test_it_is_high_from_60_superseded_days_on(since: timedelta, severity: Severity) -> None:
    superseding = release(30, published_at=NOW - since)
    of = {str(LINE): history(releases=(release(40), superseding, release(5)))}

    found = judged(managed(nodes=(old_node(),)), releases=of)

    assert found.severity is severity
    assert found.due_at == (NOW + MOMENT if severity is Severity.MEDIUM else None)


def test_what_comes_first_is_due_first() -> None:
    young = old_node(2, launched_at=NOW - LEFT_BEHIND_AFTER + MOMENT)

    found = judged(managed(nodes=(old_node(1), young)))

    assert found.evidence["nodes"] == 1
    assert found.due_at == NOW + MOMENT


def test_the_worst_image_sets_the_rung_and_not_the_oldest_node() -> None:
    older = image(version(100))
    nodes = (old_node(1, launched_at=days_ago(90)), node(2, image_id=older.id, launched_at=days_ago(3)))
    images = {image().id: image(), OLD.id: OLD, older.id: older}

    found = judged(managed(nodes=nodes), 100.0, 70.0, 40.0, 20.0, 5.0, images=images)

    assert found.severity is Severity.HIGH
    assert found.evidence["superseded_days"] == 70
    assert found.evidence["oldest_node"] == node(1).id


def test_an_image_that_nothing_supersedes_is_left_behind_all_the_same() -> None:
    newer = image(version(2))

    found = judged(managed(nodes=(node(image_id=newer.id),)), images={newer.id: newer})

    assert (found.severity, found.evidence["superseded_days"]) == (Severity.MEDIUM, 0)
    assert "none of them is superseded" in found.reason


def test_a_custom_image_counts_by_number_and_says_so() -> None:
    ours = own_image()

    found = judged(self_managed(nodes=(node(1, image_id=ours.id), node(2))), images={ours.id: ours})

    assert found.severity is Severity.MEDIUM
    assert "since when images that EKS does not publish are superseded is not known" in found.reason
    assert "superseded_days" not in found.evidence
    assert not found.partial


@pytest.mark.parametrize(
    "unread",
    [
        {"images": {}},
        {"images": {OLD.id: gap()}},
        {"releases": {}},
        {"releases": {str(LINE): gap("ssm:GetParameters")}},
    ],
)
def test_what_hides_a_worse_rung_makes_it_partial(unread: dict[str, Any]) -> None:
    found = judged(managed(nodes=(old_node(),)), **unread)

    assert (found.status, found.severity, found.partial) == (Status.FAILED, Severity.MEDIUM, True)
    assert "could not be read" in found.reason


@pytest.mark.parametrize(
    ("oldest_seen", "severity", "partial"), [(20.0, Severity.MEDIUM, True), (60.0, Severity.HIGH, False)]
)
def test_a_lower_bound_proves_its_rung_and_may_hide_a_worse_one(
    oldest_seen: float,
    severity: Severity,
    partial: bool,  # noqa: FBT001  a column of the table
) -> None:
    # No shipped history knows this minor: what came before the oldest image to be seen stays out of sight.
    unheard_of = replace(LINE, minor="1.99")
    ancient = image(name="amazon-eks-node-al2023-x86_64-standard-1.99-v20251019", id="ami-0a")
    around = {"images": {ancient.id: ancient}, "releases": {str(unheard_of): history(oldest_seen, 5.0)}}

    found = judged(managed(nodes=(node(image_id=ancient.id),)), **around)

    assert (found.severity, found.partial) == (severity, partial)
    assert f"was superseded at least {oldest_seen:.0f} days ago" in found.reason


@pytest.mark.parametrize(
    "state",
    ["Pending", "Pending:Wait", "Terminating", "Terminating:Wait", "Standby", "EnteringStandby", "Warmed:Running"],
)
def test_only_nodes_in_service_count(state: str) -> None:
    leaving = GroupInstance(id=node(1).id, zone_id="euw1-az1", lifecycle_state=state)
    group = {"instances": (leaving, *instances(["euw1-az2"], first=2))}

    found = judged(managed(group=group, nodes=(old_node(1), node(2))))

    assert found.status is Status.PASSED
    assert found.evidence["in_service"] == 1


def test_a_node_that_its_group_does_not_list_is_not_counted() -> None:
    assert judged(managed(nodes=(old_node(77), node(1)))).status is Status.PASSED
    assert judged(managed(nodes=(old_node(77),))).status is Status.NOT_APPLICABLE


def test_every_configured_image_is_one_of_the_groups_own() -> None:
    several = {"launch": launch(image_ids=(image().id, OLD.id))}

    assert judged(self_managed(group=several, nodes=(old_node(1), node(2)))).status is Status.PASSED


def test_20_nodes_are_named_and_all_are_counted() -> None:
    nodes = tuple(old_node(n) for n in range(1, 26))

    found = judged(managed(size=25, nodes=nodes))

    assert found.evidence["nodes"] == 25
    assert len(str(found.evidence["node_ids"]).split(", ")) == 20
    assert ": 25 of 25," in found.reason


# What is not judged


@pytest.mark.parametrize(
    "capacity",
    [
        managed(status="UPDATING", nodes=(old_node(),)),
        managed(modified_at=NOW - timedelta(minutes=29), nodes=(old_node(),)),
        managed(group={"refresh": "InProgress"}, nodes=(old_node(),)),
        self_managed(group={"refresh": "Baking"}, nodes=(old_node(),)),
    ],
)
def test_two_images_coexist_while_an_update_runs(capacity: Any) -> None:  # noqa: ANN401  any capacity
    found = judged(capacity)

    assert (found.status, found.settling) == (Status.NOT_APPLICABLE, True)


@pytest.mark.parametrize("kind", ["karpenter", "auto-mode"])
def test_pools_replace_their_nodes_by_themselves(kind: str) -> None:
    found = judged(node_pool(kind=kind, nodes=(old_node(),)))

    assert found.status is Status.NOT_APPLICABLE
    assert found.owner is (Owner.SHARED if kind == "auto-mode" else Owner.CUSTOMER)


@GROUPS
def test_without_nodes_there_is_nothing_to_judge(group: Any) -> None:  # noqa: ANN401  a builder
    assert judged(group(nodes=(), group={"launch": gap()})).status is Status.NOT_APPLICABLE


RESOLVE = "resolve:ssm:/shop/image"


@pytest.mark.parametrize(
    ("capacity", "images"),
    [
        (managed(groups=gap()), {}),
        (managed(group={"launch": gap()}, nodes=(node(),)), {}),
        (self_managed(group={"launch": gap()}, nodes=(node(),)), {}),
        (self_managed(group={"refresh": gap()}), {}),
        (self_managed(group={"launch": launch(image_ids=())}, nodes=(node(),)), {}),
        (self_managed(group={"launch": launch(image_ids=(RESOLVE,))}, nodes=(node(),)), {}),
        (
            self_managed(group={"launch": launch(image_ids=(RESOLVE,))}, nodes=(node(),)),
            {RESOLVE: gap("ssm:GetParameters", RESOLVE)},
        ),
        (self_managed(group={"launch": launch(image_ids=(image().id, RESOLVE))}, nodes=(old_node(),)), {}),
    ],
)
def test_what_a_group_launches_must_be_known(capacity: Any, images: dict[str, Any]) -> None:  # noqa: ANN401  any capacity
    found = judged(capacity, images=images)

    assert found.status is Status.UNKNOWN
    assert found.evidence["action"]


def test_an_unresolved_image_does_not_matter_to_nodes_on_a_resolved_one() -> None:
    of = {"launch": launch(image_ids=(image().id, RESOLVE))}

    assert judged(self_managed(group=of, nodes=(node(),))).status is Status.PASSED


# Fixes


def test_a_managed_groups_fix_is_an_update_or_to_replace_the_node() -> None:
    custom = managed(ami_type="CUSTOM", template=template_use(), nodes=(old_node(),))

    ways = commands(judged(managed(nodes=(old_node(),))))
    of_template = commands(judged(custom))

    end = "aws autoscaling terminate-instance-in-auto-scaling-group --region eu-west-1"
    assert any(way.startswith(f"{end} --instance-id {node(1).id} --no-should-decrement") for way in ways)
    assert any("update-nodegroup-version" in way and "--kubernetes-version 1.35" in way for way in ways)
    assert any(f"--launch-template id={template_use().id},version=4" in way for way in of_template)
    assert not any("--kubernetes-version" in way for way in of_template)


def test_a_self_managed_groups_fix_offers_both_ways() -> None:
    found = judged(self_managed(nodes=(old_node(),)))

    assert [way.split(":")[0] for way in commands(found, "guide")] == ["migrate", "in place"]
    assert any("start-instance-refresh" in way for way in commands(found))


IN_USE = template_use()
FROM_ANOTHER, FROM_THIS = (
    {"aws:ec2launchtemplate:id": IN_USE.id, "aws:ec2launchtemplate:version": number} for number in ("3", "4")
)


@pytest.mark.parametrize(
    ("tags", "launches", "skips"),
    [
        ((FROM_ANOTHER, FROM_ANOTHER), {"templates": (IN_USE,)}, True),
        ((FROM_THIS, FROM_THIS), {"templates": (IN_USE,)}, False),
        ((FROM_ANOTHER, FROM_THIS), {"templates": (IN_USE,)}, False),
        (({}, {}), {"templates": (IN_USE,)}, False),
        ((FROM_ANOTHER, FROM_ANOTHER), {"configuration": "old"}, False),
    ],
    ids=["another version", "a parameter moved", "both", "no word", "a launch configuration"],
)
def test_a_refresh_skips_what_matches_only_where_that_tells_the_nodes_apart(
    tags: Any,  # noqa: ANN401  of each node
    launches: dict[str, Any],
    skips: bool,  # noqa: FBT001  a column of the table
) -> None:
    nodes = tuple(old_node(number, tags=each) for number, each in enumerate(tags, start=1))

    found = judged(self_managed(group={"launch": launch(**launches)}, nodes=nodes))

    (refresh,) = (way for way in commands(found) if "start-instance-refresh" in way)
    gently = "MinHealthyPercentage=100,MaxHealthyPercentage=110"
    assert refresh.endswith(f"--preferences SkipMatching=true,{gently}" if skips else f"--preferences {gently}")


# Nodes that may have been overlooked

UNSEEN = {"complete": dict.fromkeys(KINDS, True) | {"standalone": False}}


@GROUPS
@pytest.mark.parametrize("nodes", [{}, {"nodes": ()}], ids=["all well", "none"])
def test_nothing_passes_while_nodes_may_be_overlooked(group: Any, nodes: dict[str, Any]) -> None:  # noqa: ANN401  a builder
    found = judged(group(**nodes), **UNSEEN)

    assert found.status is Status.UNKNOWN
    assert "ec2:DescribeInstances" in found.reason


@GROUPS
def test_what_is_left_behind_fails_whatever_else_was_overlooked(group: Any) -> None:  # noqa: ANN401  a builder
    found = judged(group(nodes=(old_node(1, launched_at=days_ago(41)), node(2))), **UNSEEN)

    assert (found.status, found.severity, found.partial) == (Status.FAILED, Severity.MEDIUM, True)
