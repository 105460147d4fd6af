"""What groups launch into by name, and what becomes of it: capacity reservations, Capacity Blocks, groups of them."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.model.capacity import CapacityReservation, LaunchConfig
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.reservations import NOT_FOUND
from tests.snapshot.bench import ACCOUNT, BATCH, NOW, REGION, Bench, ago, batch, group_of

RESOURCES = f"arn:aws:resource-groups:{REGION}:{ACCOUNT}:group/training"
ASKED = "ec2:DescribeCapacityReservations"


@pytest.fixture
def started(bench: Callable[..., Any]) -> Iterator[Bench]:
    with bench(BATCH) as one:
        yield one


def state(bench: Bench) -> Any:  # noqa: ANN401  the local AWS's own
    return bench.aws.region(ACCOUNT, REGION)


def reserve(bench: Bench, number: int, **more: object) -> str:
    """Make a capacity reservation without an end."""
    identifier = f"cr-{number:017x}"
    state(bench).capacity_reservations[identifier] = {
        "CapacityReservationId": identifier,
        "AvailabilityZone": "eu-west-1b",
        "AvailabilityZoneId": "euw1-az2",
        "State": "active",
        "EndDateType": "unlimited",
        "ReservationType": "default",
        **more,
    }
    return identifier


def by_template(bench: Bench, **target: str) -> None:
    for [version] in state(bench).template_versions.values():
        version["LaunchTemplateData"]["CapacityReservationSpecification"] = {"CapacityReservationTarget": target}


def by_group(bench: Bench, ids: list[str], groups: list[str] | None = None) -> None:
    target = {"CapacityReservationIds": ids} if groups is None else {"CapacityReservationResourceGroupArns": groups}
    batch(bench)["CapacityReservationSpecification"] = {
        "CapacityReservationPreference": "capacity-reservations-only",
        "CapacityReservationTarget": target,
    }


def launch(bench: Bench) -> LaunchConfig:
    found = group_of(bench.read(), "batch").launch
    assert isinstance(found, LaunchConfig)
    return found


def test_what_a_template_names(started: Bench) -> None:
    one = reserve(started, 1)
    by_template(started, CapacityReservationId=one)
    assert launch(started).reservations == (one,)


def test_what_the_group_names_comes_first_and_nothing_twice(started: Bench) -> None:
    one, two = reserve(started, 1), reserve(started, 2)
    by_template(started, CapacityReservationId=one)
    by_group(started, [two, one])
    found = launch(started)
    assert found.reservations == (two, one)
    assert found.pins == ("a targeted capacity reservation",)


@pytest.mark.parametrize("where", ["template", "group"])
def test_a_resource_group_is_named_and_not_looked_into(started: Bench, where: str) -> None:
    if where == "template":
        by_template(started, CapacityReservationResourceGroupArn=RESOURCES)
    else:
        by_group(started, [], [RESOURCES])
    snapshot = started.read()
    found = group_of(snapshot, "batch").launch
    assert isinstance(found, LaunchConfig)
    assert (found.reservations, snapshot.reservations) == ((RESOURCES,), {})
    assert ASKED not in started.operations


def test_a_group_with_a_launch_configuration_may_name_one_too(started: Bench) -> None:
    one = reserve(started, 1)
    by_group(started, [one])
    del batch(started)["LaunchTemplate"]
    batch(started)["LaunchConfigurationName"] = "old-way"
    state(started).launch_configurations["old-way"] = {
        "LaunchConfigurationName": "old-way",
        "ImageId": "ami-1",
        "InstanceType": "m5.large",
        "CreatedTime": ago(days=900),
    }
    assert launch(started).reservations == (one,)


@pytest.mark.parametrize(
    ("where", "preference", "only"),
    [
        ("group", None, True),
        ("group", "capacity-reservations-only", True),
        ("group", "capacity-reservations-first", False),
        ("group", "default", False),
        ("group", "none", False),
        ("template", None, True),
        ("template", "capacity-reservations-only", True),
        ("template", "open", False),
        ("template", "none", False),
    ],
)
def test_what_is_only_preferred_is_not_named(started: Bench, where: str, preference: str | None, *, only: bool) -> None:
    """With such a preference a launch that finds no room in its reservation goes elsewhere: nothing binds it."""
    one = reserve(started, 1)
    if where == "template":
        by_template(started, CapacityReservationId=one)
        [[version]] = state(started).template_versions.values()
        said = version["LaunchTemplateData"]["CapacityReservationSpecification"]
    else:
        by_group(started, [one])
        said = batch(started)["CapacityReservationSpecification"]
        del said["CapacityReservationPreference"]
    if preference is not None:
        said["CapacityReservationPreference"] = preference
    found = launch(started)
    assert found.reservations == ((one,) if only else ())
    assert found.pins == (("a targeted capacity reservation",) if only else ())


def test_a_reservation_as_it_is(started: Bench) -> None:
    ends = {"EndDateType": "limited", "EndDate": NOW + timedelta(days=3)}
    endless, block = (
        reserve(started, 1),
        reserve(started, 2, ReservationType="capacity-block", State="scheduled", **ends),
    )
    by_group(started, [endless, block])
    assert started.read().reservations == {
        endless: CapacityReservation(id=endless, zone_id="euw1-az2", state="active"),
        block: CapacityReservation(
            id=block, zone_id="euw1-az2", state="scheduled", ends_at=NOW + timedelta(days=3), capacity_block=True
        ),
    }


def test_a_capacity_block_as_a_template_launches_into_it(bench: Callable[..., Any]) -> None:
    with bench(
        {"self_managed": {"batch": {"zones": ["a"], "reservation": "block"}}},
        reservations={"block": {"zone": "a", "capacity_block": True, "ends_in": "5d"}},
    ) as started:
        snapshot = started.read()
    found = group_of(snapshot, "batch").launch
    assert isinstance(found, LaunchConfig)
    [reservation] = snapshot.reservations.values()
    assert isinstance(reservation, CapacityReservation)
    assert found.reservations == (reservation.id,)
    assert (reservation.capacity_block, reservation.ends_at) == (True, NOW + timedelta(days=5))
    assert "a Capacity Block" in found.pins


def test_one_call_for_all_groups(bench: Callable[..., Any]) -> None:
    with bench({"self_managed": {f"batch-{number}": {} for number in range(4)}}) as started:
        ids = [reserve(started, number) for number in range(20)]
        for group in state(started).groups.values():
            group["CapacityReservationSpecification"] = {"CapacityReservationTarget": {"CapacityReservationIds": ids}}
        assert set(started.read().reservations) == set(ids)
        assert started.count(ASKED) == 1


def test_one_that_does_not_exist_costs_no_other(started: Bench) -> None:
    ids = [reserve(started, number) for number in range(8)]
    gone = ids[5]
    del state(started).capacity_reservations[gone]
    by_group(started, ids)
    snapshot = started.read()
    gap = snapshot.reservations[gone]
    assert isinstance(gap, Gap)
    assert (gap.action, gap.resource, gap.retryable) == (ASKED, gone, False)
    assert gap.error.startswith(f"{NOT_FOUND}: ")
    assert {each for each, found in snapshot.reservations.items() if not isinstance(found, Gap)} == {*ids} - {gone}
    assert snapshot.gaps == (), "it is an answer: no read failed"


def test_one_that_is_told_oddly_costs_no_other(started: Bench) -> None:
    whole, odd = reserve(started, 1), reserve(started, 2)
    del state(started).capacity_reservations[odd]["AvailabilityZoneId"]
    by_group(started, [whole, odd])
    snapshot = started.read()
    gap = Gap(ASKED, odd, "UnexpectedAnswer: the answer has no 'AvailabilityZoneId'")
    assert snapshot.reservations == {
        whole: CapacityReservation(id=whole, zone_id="euw1-az2", state="active"),
        odd: gap,
    }
    assert snapshot.gaps == (gap,)


@pytest.mark.parametrize(("code", "retryable"), [("UnauthorizedOperation", False), ("RequestLimitExceeded", True)])
def test_another_refusal_is_a_gap_of_each_and_is_not_asked_again(started: Bench, code: str, *, retryable: bool) -> None:
    ids = [reserve(started, number) for number in range(3)]
    by_group(started, ids)
    started.aws.fail("ec2", "DescribeCapacityReservations", code, "no")
    assert started.read().reservations == {each: Gap(ASKED, each, f"{code}: no", retryable=retryable) for each in ids}
    assert started.count(ASKED) == 1


def test_nothing_named_nothing_asked(started: Bench) -> None:
    assert started.read().reservations == {}
    assert ASKED not in started.operations
