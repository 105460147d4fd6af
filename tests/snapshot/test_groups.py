"""Auto Scaling groups in depth: what activities, refreshes, subnets and instances tell."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.activities import MOST_ACTIVITIES
from tests.snapshot.bench import ACCOUNT, BATCH, REGION, Bench, ago, batch, by_name, group_of


def activity(cause: str, at: datetime, number: int = 0) -> dict[str, Any]:
    return {
        "ActivityId": f"{at:%d%H%M%S}-{number}",
        "Description": "Launching a new EC2 instance",
        "AutoScalingGroupName": "batch",
        "Cause": cause,
        "StartTime": at,
        "StatusCode": "Successful",
    }


def hand(at: datetime) -> str:
    return (
        f"At {at:%Y-%m-%dT%H:%M:%SZ} a user request explicitly set group desired capacity changing the desired "
        f"capacity from 3 to 5.  At {at:%Y-%m-%dT%H:%M:%SZ} an instance was started in response to a difference "
        "between desired and actual capacity, increasing the capacity from 3 to 5."
    )


UPDATED = (
    "At 2026-11-20T12:00:00Z a user request update of AutoScalingGroup constraints to min: 1, max: 7, desired: 5 "
    "changing the desired capacity from 3 to 5."
)
TERMINATED = "At 2026-11-20T12:00:00Z instance i-1 was taken out of service in response to a user request."


@pytest.mark.parametrize("page_size", [None, 1])
def test_hand_scalings_are_counted_by_request(bench: Callable[..., Any], page_size: int | None) -> None:
    first, second, old = ago(days=1), ago(days=13), ago(days=15)
    with bench(BATCH, page_size=page_size) as started:
        record(
            started,
            activity(hand(first), first, 1),
            activity(hand(first), first, 2),  # the same request's second instance
            activity(UPDATED, ago(days=3)),  # how EKS's own updates read
            activity(TERMINATED, ago(days=4)),
            activity(hand(second), second),
            activity(hand(old), old),  # beyond 14 days
        )
        assert group_of(started.read(), "batch").hand_scalings == 2


def record(bench: Bench, *activities: dict[str, Any]) -> None:
    bench.aws.region(ACCOUNT, REGION).activities[batch(bench)["AutoScalingGroupName"]] = list(activities)


def test_reading_stops_at_the_first_activity_that_is_too_old(bench: Callable[..., Any]) -> None:
    with bench(BATCH, page_size=1) as started:
        record(started, *(activity("x", ago(days=days)) for days in (1, 2, 15, 16, 17, 18, 19)))
        started.read()
        assert started.count("autoscaling:DescribeScalingActivities") == 3


def test_reading_stops_at_so_many(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        many = [activity("x", ago(hours=1) - timedelta(seconds=second)) for second in range(MOST_ACTIVITIES + 200)]
        record(started, *many)
        started.read()
        assert started.count("autoscaling:DescribeScalingActivities") == MOST_ACTIVITIES // 100


def test_one_group_that_fails_all_the_time_costs_the_others_no_call(bench: Callable[..., Any]) -> None:
    groups: dict[str, Any] = {f"batch-{number}": {} for number in range(10)}
    with bench({"self_managed": groups}) as started:
        told = started.aws.region(ACCOUNT, REGION).activities
        for name, each in zip(started.aws.region(ACCOUNT, REGION).groups, [2000] + [60] * 9, strict=True):
            told[name] = [activity("x", ago(minutes=minute)) for minute in range(each)]
        assert started.read().gaps == ()
        # At most ten pages of that one, and a page of each other; a list of the whole Region has 26 pages.
        assert started.count("autoscaling:DescribeScalingActivities") == 10 + 9


def test_failed_launches_of_the_last_day(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        subnet = batch(started)["VPCZoneIdentifier"].split(",")[1]
        failed = {"StatusCode": "Failed", "StatusMessage": "no\ncapacity"}
        record(
            started,
            activity("x", ago(hours=1)) | failed | {"Details": f'{{"Subnet ID":"{subnet}"}}'},
            activity("x", ago(hours=2)) | failed | {"Details": '{"Availability Zone":"eu-west-1c"}'},
            activity("x", ago(hours=3)) | failed | {"Details": "not JSON", "StatusCode": "Cancelled"},
            activity("x", ago(hours=4)),
            activity("x", ago(hours=25)) | failed,
        )
        found = group_of(started.read(), "batch").failed_launches
    assert not isinstance(found, Gap)
    assert [(launch.zone_id, launch.at) for launch in found] == [
        ("euw1-az2", ago(hours=1)),
        ("euw1-az3", ago(hours=2)),
        (None, ago(hours=3)),
    ]
    assert {launch.message for launch in found} == {"no capacity"}


def test_a_termination_that_failed_is_no_failed_launch(bench: Callable[..., Any]) -> None:
    message = "We currently do not have sufficient capacity."
    with bench({"self_managed": {"batch": {"failed_launches": {"c": message}}}}) as started:
        told = started.aws.region(ACCOUNT, REGION).activities[batch(started)["AutoScalingGroupName"]]
        found = group_of(started.read(), "batch").failed_launches
    assert "Terminating" in {each["Description"].split()[0] for each in told if each["StatusCode"] == "Failed"}
    assert not isinstance(found, Gap)
    assert [launch.message for launch in found] == [message] * 3


def test_an_instance_refresh_that_is_not_over(bench: Callable[..., Any]) -> None:
    refreshing = {"Pending", "InProgress", "Cancelling", "Baking", "RollbackInProgress"}
    over = {"Successful", "Failed", "Cancelled", "RollbackSuccessful", "RollbackFailed"}
    with bench(BATCH, page_size=1) as started:
        name = batch(started)["AutoScalingGroupName"]
        for status in refreshing | over:
            started.aws.region(ACCOUNT, REGION).refreshes[name] = [
                {"InstanceRefreshId": str(number), "AutoScalingGroupName": name, "Status": each}
                for number, each in enumerate(["Successful", status, "Failed"])
            ]
            expected = status if status in refreshing else None
            assert group_of(started.read(), "batch").refresh == expected


def test_subnets_of_another_vpc(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        subnets = started.aws.region(ACCOUNT, REGION).subnets
        some = next(iter(subnets.values()))
        subnets["subnet-peer"] = {**some, "SubnetId": "subnet-peer", "VpcId": "vpc-peer"}
        batch(started)["VPCZoneIdentifier"] = "subnet-peer"
        snapshot = started.read()
        batch(started)["VPCZoneIdentifier"] += ",subnet-gone"
        broken = group_of(started.read(), "batch").subnets
    found = group_of(snapshot, "batch").subnets
    assert not isinstance(found, Gap)
    assert [(subnet.id, subnet.vpc_id) for subnet in found] == [("subnet-peer", "vpc-peer")]
    assert not isinstance(snapshot.vpc_subnets, Gap)
    assert "subnet-peer" not in {subnet.id for subnet in snapshot.vpc_subnets}
    assert isinstance(broken, Gap)
    assert broken.resource == "subnet-gone"


def test_lifecycle_states_and_suspended_processes(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        batch(started)["Instances"][0]["LifecycleState"] = "Warmed:Stopped"
        batch(started)["SuspendedProcesses"] = [{"ProcessName": "AZRebalance", "SuspensionReason": "by hand"}]
        group = group_of(started.read(), "batch")
    assert len(group.instances) == 3
    assert len(group.in_service) == 2
    assert group.suspended == {"AZRebalance"}


def test_zones_of_groups_and_nodes_by_name_only(bench: Callable[..., Any]) -> None:
    with bench(BATCH) as started:
        for instance in batch(started)["Instances"]:
            del instance["AvailabilityZoneId"]
        for instance in started.aws.region(ACCOUNT, REGION).instances.values():
            del instance["Placement"]["AvailabilityZoneId"]
        snapshot = started.read()
    zones = {"euw1-az1", "euw1-az2", "euw1-az3"}
    assert {instance.zone_id for instance in group_of(snapshot, "batch").instances} == zones
    assert {node.zone_id for node in by_name(snapshot)["batch"].nodes} == zones


def test_an_unknown_instance_type_costs_no_other(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}}}) as started:
        policy = started.aws.group_of("shop", "web")["MixedInstancesPolicy"]["LaunchTemplate"]
        policy["Overrides"] = [{"InstanceType": "m6i.large"}, {"InstanceType": "m99.large"}]
        snapshot = started.read()
    assert not isinstance(snapshot.instance_types["m6i.large"], Gap)
    assert isinstance(snapshot.instance_types["m99.large"], Gap)
