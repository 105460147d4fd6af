"""ZONE012: launches that fail in a zone."""

from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.checks import failed_launches
from eks_auditor.model.capacity import FailedLaunch
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Status
from tests import builders as b
from tests.checks.judged import commands, finding

A, B, C = b.ZONES
HOUR = timedelta(hours=1)
QUOTA = "You have requested more vCPU capacity than your current vCPU limit of 8 allows. Launching EC2 instance failed."
KEY = "Termination Reason: Client.InternalError: Client error on launch"


def launches(*failed: FailedLaunch, build: Any = b.managed, missing: int = 0, **deviations: Any) -> Finding:  # noqa: ANN401  a builder, any field
    """Judge a group of three nodes that wants ``missing`` more."""
    group = {"failed_launches": failed, "desired": 3 + missing}
    return finding(failed_launches.launches_failing, build(group=group, **deviations))


def times(count: int, zone: str | None = C, **deviations: Any) -> tuple[FailedLaunch, ...]:  # noqa: ANN401  any field
    """Launches that failed one hour after the other, the last one an hour ago."""
    return tuple(b.failed_launch(zone, **{"at": b.NOW - n * HOUR} | deviations) for n in range(count, 0, -1))


def word(found: Finding) -> str:
    return found.severity.name if found.status is Status.FAILED else found.status.name


def node_launched(ago: timedelta, number: int = 1) -> Any:  # noqa: ANN401  a node
    return b.node(number, launched_at=b.NOW - ago)


@pytest.mark.parametrize("build", [b.managed, b.self_managed])
@pytest.mark.parametrize(
    ("count", "missing", "message", "expected"),
    [
        (0, 0, "", "PASSED"),
        (0, 1, "", "PASSED"),
        (2, 0, "InsufficientInstanceCapacity", "PASSED"),
        (2, 0, QUOTA, "PASSED"),
        (3, 0, "InsufficientInstanceCapacity", "MEDIUM"),
        (1, 1, "InsufficientInstanceCapacity", "MEDIUM"),
        (3, 1, "InsufficientInstanceCapacity", "MEDIUM"),
        (1, 1, QUOTA, "HIGH"),
        (3, 1, QUOTA, "HIGH"),
        (3, 0, QUOTA, "HIGH"),
    ],
)
def test_the_ladder(build: Any, count: int, missing: int, message: str, expected: str) -> None:  # noqa: ANN401  a builder
    assert word(launches(*times(count, message=message), build=build, missing=missing)) == expected


def test_low_is_for_a_group_that_got_what_it_wanted() -> None:
    """An autoscaler that asks for a node and gives up, again and again, is no news each time."""
    failed = times(3)
    assert [word(launches(*failed, missing=missing)) for missing in (1, 0, 1)] == ["MEDIUM"] * 3
    elsewhere = (node_launched(HOUR / 2),)
    assert word(launches(*failed, nodes=elsewhere)) == "LOW"
    assert word(launches(*failed, nodes=elsewhere, missing=1)) == "MEDIUM"


def test_few_failures_count_once_two_audits_have_seen_nodes_missing() -> None:
    for count, waits in ((1, True), (2, True), (3, False)):
        assert launches(*times(count), missing=1).confirm is waits
    assert not launches(*times(3, A), *times(1, B), missing=1).confirm


def test_one_failure_is_mended_by_any_node_that_came_later() -> None:
    """A node that leaves today is no news of a quota that was full yesterday."""
    instances = (*b.instances(b.ZONES), *b.instances([B], first=4, lifecycle_state="Terminating:Wait"))
    group = {"failed_launches": times(1, B, at=b.NOW - 20 * HOUR, message=QUOTA), "desired": 4, "instances": instances}
    for ago, expected in ((2, "MEDIUM"), (21, "HIGH")):
        found = finding(failed_launches.launches_failing, b.managed(group=group, nodes=(node_launched(ago * HOUR),)))
        assert word(found) == expected
        assert found.confirm


def test_what_was_mended_is_low() -> None:
    """A configuration cause does not mend itself: it is over when a node came after it, and none is missing."""
    failed = times(3, message=QUOTA)
    later = (node_launched(HOUR / 2),)
    assert word(launches(*failed, nodes=later)) == "LOW"
    assert word(launches(*failed, nodes=later, missing=1)) == "HIGH"
    assert word(launches(*failed, nodes=(node_launched(HOUR / 2, number=99),))) == "HIGH", "not in service"
    assert word(launches(*failed, nodes=(node_launched(HOUR * 2),))) == "HIGH", "before the last failure"


@pytest.mark.parametrize("message", ["InsufficientInstanceCapacity", "InvalidAMIID.NotFound", QUOTA])
@pytest.mark.parametrize(("count", "expected"), [(1, "PASSED"), (3, "LOW")])
def test_a_node_that_came_later_in_the_zone_ends_it(count: int, expected: str, message: str) -> None:
    """Whatever is missing today is not missing for a failure after which the zone launched again."""
    failed = times(count, A, message=message)
    found = launches(*failed, nodes=(node_launched(HOUR / 2),), missing=1)
    assert word(found) == expected
    assert "(over: a node came there since)" in found.reason
    assert word(launches(*failed, nodes=(node_launched(HOUR * 2),), missing=1)) != expected
    assert word(launches(*times(count, None, message=message), nodes=(node_launched(HOUR / 2),), missing=1)) == expected


def test_what_is_over_leaves_at_the_third() -> None:
    found = launches(*times(3, A), nodes=(node_launched(HOUR / 2),), missing=1)
    assert found.due_at == b.NOW + 21 * HOUR


@pytest.mark.parametrize(
    ("lifecycle_state", "expected"),
    [("Pending", "PASSED"), ("Pending:Wait", "PASSED"), ("Pending:Proceed", "PASSED"), ("Terminating", "MEDIUM")],
)
def test_a_node_on_its_way_is_not_missing(lifecycle_state: str, expected: str) -> None:
    instances = (*b.instances(b.ZONES), *b.instances([A], first=4, lifecycle_state=lifecycle_state))
    group = {"failed_launches": times(1), "desired": 4, "instances": instances}
    assert word(finding(failed_launches.launches_failing, b.managed(group=group))) == expected


def test_a_spot_interruption_while_starting_is_no_failure() -> None:
    message = "Termination Reason: Server.SpotInstanceTermination: Spot instance termination"
    assert launches(*times(3, message=message), missing=1).reason == "no launch failed in 24 hours"


def test_the_last_message_counts() -> None:
    first, *others = times(3)
    mended = b.failed_launch(C, at=first.at, message=QUOTA)
    assert word(launches(mended, *others, missing=1)) == "MEDIUM"


def test_zones_are_counted_apart() -> None:
    assert word(launches(*times(2, A), *times(2, B), *times(2, C))) == "PASSED"
    found = launches(*times(2, A), *times(3, B))
    assert word(found) == "MEDIUM"
    assert found.evidence["zone"] == B
    assert A not in found.reason


def test_the_reason_names_zone_count_last_message_and_size() -> None:
    *_, last = times(2)
    found = launches(b.failed_launch(C, at=last.at - HOUR, message="before"), last, missing=2)
    assert found.reason == (
        f"2 launches of eks-web-0a1b2c3d failed in {C} in 24 hours, the last with: We currently do not have sufficient "
        "m7i.large capacity in the Availability Zone you requested; eks-web-0a1b2c3d has 3 of 5 nodes that it wants"
    )


def test_a_failure_without_a_zone_counts_too() -> None:
    found = launches(*times(1, None, message=QUOTA), missing=1)
    assert word(found) == "HIGH"
    assert "in no zone that is named" in found.reason
    assert "zone" not in found.evidence


def test_the_worst_of_several_zones_is_the_evidence() -> None:
    found = launches(*times(5, A), *times(1, B, message=QUOTA), missing=1)
    assert word(found) == "HIGH"
    assert (found.evidence["zone"], found.evidence["failures"], found.evidence["cause"]) == (B, 6, "quota")


def test_it_is_due_when_a_cause_no_longer_lasts() -> None:
    """At the instant that it names, the third is too old, and nodes came after the other two."""
    later = (node_launched(HOUR / 2),)
    found = launches(*times(3, message=QUOTA), nodes=later, missing=1)
    assert (word(found), found.due_at) == ("HIGH", b.NOW + 21 * HOUR)
    assert word(launches(*times(2, message=QUOTA), nodes=later, missing=1)) == "MEDIUM"


@pytest.mark.parametrize(("missing", "hours"), [(0, 21), (1, 23)])
def test_it_is_due_when_too_few_are_left(missing: int, hours: int) -> None:
    """Of three, an hour apart: the first leaves the day after 21 hours, the last after 23."""
    assert launches(*times(3), missing=missing).due_at == b.NOW + hours * HOUR


def test_the_zone_that_is_over_first_is_due_first() -> None:
    assert launches(*times(1, A), *times(1, B, at=b.NOW - 20 * HOUR), missing=1).due_at == b.NOW + 4 * HOUR


@pytest.mark.parametrize(("count", "expected"), [(2, "PASSED"), (3, "MEDIUM")])
def test_during_an_update_nodes_are_missing_on_purpose(count: int, expected: str) -> None:
    assert word(launches(*times(count), missing=1, status="UPDATING")) == expected


def test_what_is_known_to_fail_fails_whatever_of_the_rest_is_hidden() -> None:
    hidden = {"refresh": b.gap("autoscaling:DescribeInstanceRefreshes"), "desired": 4}

    def judged(*failed: FailedLaunch) -> Finding:
        return finding(failed_launches.launches_failing, b.managed(group=hidden | {"failed_launches": failed}))

    alone, beside = judged(*times(3, A)), judged(*times(3, A), *times(1, B))
    assert (word(alone), alone.partial) == ("MEDIUM", False)
    assert (word(beside), beside.partial) == ("MEDIUM", True)
    assert word(judged(*times(1, B))) == "UNKNOWN"


def test_weighted_capacity_is_no_number_of_nodes() -> None:
    def judged(count: int, weights: dict[str, int]) -> Finding:
        group = {"failed_launches": times(count), "desired": 12, "launch": b.launch(weights=weights)}
        return finding(failed_launches.launches_failing, b.managed(group=group))

    assert word(judged(1, {"m7i.large": 4})) == "PASSED"
    assert judged(1, {"m7i.large": 4}).reason.endswith("has 3 nodes and wants 12 units of weighted capacity")
    assert word(judged(1, {"m7i.large": 1})) == "MEDIUM"
    assert word(judged(3, {"m7i.large": 4})) == "MEDIUM"


@pytest.mark.parametrize(
    ("message", "command"),
    [
        (
            QUOTA,
            "aws service-quotas list-service-quotas --region eu-west-1 --service-code ec2 # which quota is used up?",
        ),
        ("Client.VolumeLimitExceeded: Volume limit exceeded", "--service-code ebs "),
        (f"MaxIOPSLimitExceeded: {'x' * 160}. You have reached the limit on your IOPS usage", "--service-code ebs "),
        (f"LimitExceeded: {'x' * 160}, which is the most for volumes", "--service-code ebs "),
        ("NetworkInterfaceLimitExceeded: the maximum number of network interfaces", "--service-code vpc "),
        (KEY, "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"),
    ],
)
def test_the_fix_is_of_the_cause(message: str, command: str) -> None:
    found = launches(*times(1, message=message), missing=1)
    assert "describe-scaling-activities" in commands(found)[0]
    assert command in commands(found)[1]
    assert not commands(found, "eksctl"), "more types are no help"


def test_the_fix_of_missing_capacity_is_more_types() -> None:
    found = launches(*times(1), missing=1)
    assert len(commands(found)) == 1
    assert commands(found, "eksctl")[0].endswith(f"--instance-types MORE_TYPES # if {C} lacks capacity")


@pytest.mark.parametrize(
    "message",
    [
        "InsufficientFreeAddressesInSubnet - no",
        "There are not enough free addresses in subnet 'subnet-1' to satisfy the requested number of instances.",
    ],
)
def test_more_types_find_no_addresses(message: str) -> None:
    found = launches(*times(1, message=message), missing=1)
    assert word(found) == "MEDIUM"
    assert [fix.tool for fix in found.fix] == ["aws"]


def test_the_fix_of_the_template_names_its_version() -> None:
    group = {
        "failed_launches": times(3, message="InvalidAMIID.NotFound"),
        "launch": b.launch(templates=(b.template_use(),)),
    }
    found = finding(failed_launches.launches_failing, b.managed(group=group))
    assert "--launch-template-id lt-0a1b2c3d4e5f60718 --versions 4 # what it says of the image" in commands(found)[1]


def test_unknown_and_not_applicable() -> None:
    def judged(capacity: Any, **deviations: Any) -> Status:  # noqa: ANN401  any capacity, any field
        return finding(failed_launches.launches_failing, capacity, **deviations).status

    assert judged(b.managed(group={"failed_launches": b.gap()})) is Status.UNKNOWN
    assert judged(b.managed(groups=())) is Status.NOT_APPLICABLE
    failing = b.managed(group={"failed_launches": times(3)})
    assert judged(failing, cluster=b.cluster(outpost=True)) is Status.NOT_APPLICABLE
