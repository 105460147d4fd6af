"""What scales an Auto Scaling group, and when it last did: policies, scheduled actions, activities, its settings."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.model.capacity import ScalingPolicy, ScheduledAction
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.activities import MOST_ACTIVITIES
from tests.snapshot.bench import ACCOUNT, BATCH, NOW, REGION, Bench, ago, batch, group_of, managed

LISTED = ("autoscaling:DescribePolicies", "autoscaling:DescribeScheduledActions")
DENIED, THROTTLED = "AccessDenied", "Throttling"


@pytest.fixture
def started(bench: Callable[..., Any]) -> Iterator[Bench]:
    with bench(BATCH) as one:
        yield one


def name_of(bench: Bench) -> str:
    return str(batch(bench)["AutoScalingGroupName"])


def policy(group: str, name: str, kind: str, **more: object) -> dict[str, Any]:
    return {"AutoScalingGroupName": group, "PolicyName": name, "PolicyType": kind, **more}


def action(group: str, name: str, **more: object) -> dict[str, Any]:
    return {"AutoScalingGroupName": group, "ScheduledActionName": name, **more}


def add_policies(bench: Bench, group: str, *policies: dict[str, Any]) -> None:
    bench.aws.region(ACCOUNT, REGION).policies[group] = list(policies)


def add_actions(bench: Bench, group: str, *actions: dict[str, Any]) -> None:
    bench.aws.region(ACCOUNT, REGION).scheduled_actions[group] = list(actions)


@pytest.mark.parametrize("page_size", [None, 1])
def test_policies_of_every_kind(bench: Callable[..., Any], page_size: int | None) -> None:
    with bench(BATCH, page_size=page_size) as started:
        name, both = name_of(started), {"MetricSpecifications": [], "Mode": "ForecastAndScale"}
        add_policies(
            started,
            name,
            policy(name, "cpu", "TargetTrackingScaling", Enabled=True),
            policy(name, "steps", "StepScaling", Enabled=False),
            policy(name, "by-one", "SimpleScaling"),
            policy(name, "ahead", "PredictiveScaling", PredictiveScalingConfiguration=both),
            policy(name, "watch", "PredictiveScaling", PredictiveScalingConfiguration={"MetricSpecifications": []}),
        )
        add_policies(started, "another", policy("another", "cpu", "TargetTrackingScaling"))
        snapshot = started.read()
    assert group_of(snapshot, "batch").policies == (
        ScalingPolicy(name="ahead", kind="PredictiveScaling", mode="ForecastAndScale"),
        ScalingPolicy(name="by-one", kind="SimpleScaling"),
        ScalingPolicy(name="cpu", kind="TargetTrackingScaling"),
        ScalingPolicy(name="steps", kind="StepScaling", enabled=False),
        ScalingPolicy(name="watch", kind="PredictiveScaling", mode="ForecastOnly"),
    )
    assert snapshot.gaps == ()


@pytest.mark.parametrize("page_size", [None, 1])
def test_scheduled_actions_and_the_sizes_they_set(bench: Callable[..., Any], page_size: int | None) -> None:
    with bench(BATCH, page_size=page_size) as started:
        name, soon = name_of(started), NOW + timedelta(days=2)
        add_actions(
            started,
            name,
            action(name, "nightly", Recurrence="0 20 * * *", EndTime=soon, MinSize=0, DesiredCapacity=0),
            action(name, "launch-day", StartTime=soon, Time=soon, MaxSize=40),
        )
        add_actions(started, "another", action("another", "nightly", Recurrence="0 20 * * *", DesiredCapacity=0))
        found = group_of(started.read(), "batch").scheduled
    assert found == (
        ScheduledAction(name="launch-day", starts_at=soon, max_size=40),
        ScheduledAction(name="nightly", recurrence="0 20 * * *", ends_at=soon, min_size=0, desired=0),
    )


def test_a_group_with_neither(started: Bench) -> None:
    group = group_of(started.read(), "batch")
    assert (group.policies, group.scheduled) == ((), ())


def test_pages_are_as_large_as_they_may_be(started: Bench) -> None:
    add_policies(started, "another", *(policy("another", f"p-{n}", "StepScaling") for n in range(201)))
    add_actions(started, "another", *(action("another", f"a-{n}", Recurrence="0 1 * * *") for n in range(201)))
    assert started.read().gaps == ()
    assert [started.count(operation) for operation in LISTED] == [3, 3]


@pytest.mark.parametrize("code", [DENIED, THROTTLED])
@pytest.mark.parametrize(
    ("operation", "failed", "answered"),
    [("DescribePolicies", "policies", "scheduled"), ("DescribeScheduledActions", "scheduled", "policies")],
)
def test_one_list_that_fails_is_a_gap_of_each_group_and_holds_up_no_audit(
    bench: Callable[..., Any], operation: str, failed: str, answered: str, code: str
) -> None:
    with bench({"self_managed": {"batch": {}, "other": {}}, "node_groups": {"web": {}}}) as started:
        started.aws.fail("autoscaling", operation, code, "no", status=400)
        snapshot = started.read()
    gap = Gap(f"autoscaling:{operation}", REGION, f"{code}: no", retryable=False)
    for name in ("batch", "other", "web"):
        group = group_of(snapshot, name)
        assert (getattr(group, failed), getattr(group, answered)) == (gap, ())
    assert snapshot.gaps == (gap,)


def test_nothing_is_listed_where_there_is_no_group(bench: Callable[..., Any]) -> None:
    with bench({"fargate": {"default": {}}}) as started:
        started.read()
        assert not started.operations & set(LISTED)


def test_what_was_listed_before_is_shared_for_ten_minutes_and_makes_the_snapshot_as_old(
    bench: Callable[..., Any],
) -> None:
    with bench(clusters={"shop": BATCH, "bank": BATCH}) as started:
        started.read("shop")
        started.now += timedelta(minutes=9)
        assert started.read("bank", not_before=NOW - timedelta(minutes=1)).taken_at == NOW
        assert [started.count(operation) for operation in LISTED] == [1, 1]
        started.read("bank")  # an event that came after the lists were read
        assert [started.count(operation) for operation in LISTED] == [2, 2]


def launched(at: Any, word: str = "Launching", status: str = "Successful", **more: object) -> dict[str, Any]:  # noqa: ANN401  a time
    return {
        "ActivityId": f"{at:%d%H%M%S}-{word}",
        "Description": f"{word} a new EC2 instance",
        "AutoScalingGroupName": "batch",
        "Cause": "At 2026-11-20T12:00:00Z an instance was started in response to a difference",
        "StartTime": at,
        "StatusCode": status,
        **more,
    }


def requested(at: Any, status: str = "Successful", to: int = 4) -> dict[str, Any]:  # noqa: ANN401  a time
    sizes = f"changing the desired capacity from 3 to {to}"
    cause = f"At {at:%Y-%m-%dT%H:%M:%SZ} a user request explicitly set group desired capacity {sizes}."
    return launched(at, status=status, Cause=cause)


SHORT = (
    "At 2026-11-20T12:00:00Z an instance was started in response to a difference between desired and actual capacity"
)
TAKEN = "At 2026-11-20T12:00:00Z instance i-1 was taken out of service in response to a user request"
CONSTRAINTS = "At 2026-11-20T12:00:00Z a scheduled action update of AutoScalingGroup constraints to min: 0, max: 3."


def record(bench: Bench, *activities: dict[str, Any]) -> None:
    bench.aws.region(ACCOUNT, REGION).activities[name_of(bench)] = list(activities)


@pytest.mark.parametrize(
    ("activities", "expected"),
    [
        ((), (None, None)),
        # What is replaced, by Spot, its health or the balance of the zones, changes no size.
        ((launched(ago(days=3)), launched(ago(days=5), word="Terminating")), (None, None)),
        ((launched(ago(days=3), Cause=f"{SHORT}, increasing the capacity from 2 to 3."),), (None, None)),
        ((launched(ago(days=3), Cause=f"{TAKEN}, shrinking the capacity from 3 to 2."),), (ago(days=3), None)),
        ((launched(ago(days=3), Cause=CONSTRAINTS),), (ago(days=3), None)),
        ((requested(ago(days=1)), requested(ago(days=2))), (ago(days=1), ago(days=1))),
        ((requested(ago(days=1), to=2), requested(ago(days=2))), (ago(days=1), ago(days=2))),
        ((requested(ago(days=1), to=3),), (ago(days=1), None)),
        ((requested(ago(days=1), status="Failed"), requested(ago(days=4))), (ago(days=1), ago(days=1))),
        ((launched(ago(days=15)), requested(ago(days=16))), (None, None)),
    ],
)
def test_when_it_last_scaled_and_was_last_asked_to(
    started: Bench, activities: tuple[dict[str, Any], ...], expected: tuple[Any, Any]
) -> None:
    record(started, *activities)
    group = group_of(started.read(), "batch")
    assert (group.scaled_at, group.wished_at) == expected


def test_how_high_and_on_how_many_days_it_was_raised(started: Bench) -> None:
    raised = [requested(ago(hours=hours), to=to) for hours, to in ((1, 2), (2, 5), (3, 6), (60, 9))]
    record(started, *raised)
    group = group_of(started.read(), "batch")
    assert (group.hand_scalings, group.hand_scaling_days, group.wished_size) == (3, 2, 6)
    record(started, requested(ago(hours=60)))
    assert group_of(started.read(), "batch").wished_size is None


def test_what_too_many_activities_hide_is_not_said_not_to_have_been(started: Bench) -> None:
    failing = [launched(ago(minutes=minute + 1), status="Failed") for minute in range(MOST_ACTIVITIES)]
    record(started, *failing, requested(ago(days=3)))
    snapshot = started.read()
    group = group_of(snapshot, "batch")
    assert isinstance(group.scaled_at, Gap)
    assert group.scaled_at == group.wished_at
    assert (group.scaled_at.resource, group.scaled_at.retryable) == (group.name, False)
    assert str(MOST_ACTIVITIES) in group.scaled_at.error
    assert snapshot.gaps == (), "no read failed"
    record(started, *failing[1:], requested(ago(hours=20), to=2), requested(ago(days=3)))
    assert group_of(started.read(), "batch").scaled_at == ago(hours=20)


def test_zones_in_auto_scalings_own_order(started: Bench) -> None:
    batch(started)["AvailabilityZones"] = ["eu-west-1c", "eu-west-1a"]
    assert group_of(started.read(), "batch").zone_names == ("eu-west-1c", "eu-west-1a")


@pytest.mark.parametrize("rebalances", [True, False])
def test_capacity_rebalance(started: Bench, *, rebalances: bool) -> None:
    batch(started)["CapacityRebalance"] = rebalances
    assert group_of(started.read(), "batch").capacity_rebalance is rebalances
    del batch(started)["CapacityRebalance"]
    assert group_of(started.read(), "batch").capacity_rebalance is False


def test_tags_and_sizes_as_eks_was_told_them(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}, "bare": {}}}) as started:
        web = started.aws.nodegroup("shop", "web")
        web["tags"] = {"team": "shop"}
        web["scalingConfig"] = {"minSize": 0, "maxSize": 7, "desiredSize": 3}
        bare = started.aws.nodegroup("shop", "bare")
        bare.pop("tags", None)
        del bare["scalingConfig"]
        found = managed(started.read())
    assert (found["web"].tags, found["web"].min_size, found["web"].max_size) == ({"team": "shop"}, 0, 7)
    assert (found["bare"].tags, found["bare"].min_size, found["bare"].max_size) == ({}, None, None)
