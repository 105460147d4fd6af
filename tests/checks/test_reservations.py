"""ZONE014: capacity reservations that end."""

from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.checks import reservations
from eks_auditor.model.capacity import CapacityReservation
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Severity, Status
from tests import builders as b
from tests.checks.judged import commands, finding

A, B, C = b.ZONES
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
GROUP_OF_THEM = "arn:aws:resource-groups:eu-west-1:111122223333:group/gpu"


def launching_into(*named: str, **group: Any) -> dict[str, Any]:  # noqa: ANN401  any field of a group
    return {"launch": b.launch(reservations=named)} | group


def reserved(*found: CapacityReservation, build: Any = b.managed, **group: Any) -> Finding:  # noqa: ANN401  a builder, any field
    """Judge a group that launches into these."""
    capacity = build(group=launching_into(*(each.id for each in found), **group))
    return finding(reservations.reservation_ends, capacity, reservations={each.id: each for each in found})


def ending(left: timedelta, **deviations: Any) -> CapacityReservation:  # noqa: ANN401  any field
    return b.reservation(ends_at=b.NOW + left, **deviations)


@pytest.mark.parametrize("build", [b.managed, b.self_managed])
@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (7 * DAY + SECOND, "PASSED"),
        (7 * DAY, "MEDIUM"),
        (DAY + SECOND, "MEDIUM"),
        (DAY, "HIGH"),
        (SECOND, "HIGH"),
        (-SECOND, "HIGH"),
    ],
)
def test_the_ladder(build: Any, left: timedelta, expected: str) -> None:  # noqa: ANN401  a builder
    found = reserved(ending(left), build=build)
    assert (found.severity.name if found.status is Status.FAILED else found.status.name) == expected


@pytest.mark.parametrize(("left", "due_in"), [(30 * DAY, 23 * DAY), (7 * DAY, 6 * DAY), (DAY, None), (-DAY, None)])
def test_it_is_due_when_the_next_rung_begins(left: timedelta, due_in: timedelta | None) -> None:
    assert reserved(ending(left)).due_at == (None if due_in is None else b.NOW + due_in)


def test_due_is_exact() -> None:
    """At the instant that a verdict names, the next rung is there."""
    found = reserved(ending(30 * DAY))
    assert found.due_at is not None
    assert reserved(ending(30 * DAY - (found.due_at - b.NOW))).severity is Severity.MEDIUM


@pytest.mark.parametrize("state", ["expired", "cancelled", "cancelling", "failed", "payment-failed", "unsupported"])
def test_one_that_is_over(state: str) -> None:
    found = reserved(b.reservation(state=state))
    assert (found.status, found.severity) == (Status.FAILED, Severity.HIGH)
    assert f"which is {state}" in found.reason


TO_COME = ["scheduled", "pending", "assessing", "delayed", "payment-pending"]


@pytest.mark.parametrize("state", ["active", *TO_COME])
def test_one_that_has_or_will_have_capacity(state: str) -> None:
    assert reserved(b.reservation(state=state)).status is Status.PASSED


@pytest.mark.parametrize("state", TO_COME)
def test_one_that_has_not_begun_is_not_judged_by_its_end(state: str) -> None:
    """A block of a day is bought weeks ahead, and is on its last day all its life."""
    found = reserved(ending(3 * DAY, state=state, capacity_block=True))
    assert (found.status, found.due_at) == (Status.PASSED, None)
    assert reserved(ending(-HOUR, state=state)).severity is Severity.HIGH
    assert reserved(ending(3 * DAY, state=state, zone_id=C), subnets=(b.subnet(A),)).severity is Severity.HIGH


def test_one_that_ec2_does_not_know_any_more() -> None:
    gone = b.gap("ec2:DescribeCapacityReservations", "cr-1", "InvalidCapacityReservationId.NotFound: gone")
    found = finding(reservations.reservation_ends, b.managed(group=launching_into("cr-1")), reservations={"cr-1": gone})
    assert (found.status, found.severity) == (Status.FAILED, Severity.HIGH)
    assert "cr-1, which does not exist" in found.reason


def test_one_that_could_not_be_read() -> None:
    group = b.managed(group=launching_into("cr-1"))
    assert finding(reservations.reservation_ends, group).status is Status.UNKNOWN
    denied = {"cr-1": b.gap("ec2:DescribeCapacityReservations")}
    assert finding(reservations.reservation_ends, group, reservations=denied).status is Status.UNKNOWN
    assert finding(reservations.reservation_ends, b.managed(group={"launch": b.gap()})).status is Status.UNKNOWN


def test_one_in_a_zone_that_is_none_of_the_groups() -> None:
    found = reserved(b.reservation(zone_id=C), subnets=(b.subnet(A), b.subnet(B)))
    assert (found.status, found.severity) == (Status.FAILED, Severity.HIGH)
    assert f"is in {C}, while eks-web-0a1b2c3d launches in {A}, {B}" in found.reason
    assert reserved(b.reservation(zone_id=C)).status is Status.PASSED
    assert reserved(b.reservation(), subnets=b.gap()).status is Status.UNKNOWN
    assert reserved(ending(HOUR), subnets=b.gap()).status is Status.FAILED


def test_the_worst_of_several_counts_and_the_first_that_is_due() -> None:
    late, soon = ending(30 * DAY, id="cr-1"), ending(3 * DAY, id="cr-2")
    found = reserved(late, soon)
    assert (found.severity, found.due_at) == (Severity.MEDIUM, b.NOW + 2 * DAY)
    assert "cr-2" in found.reason


def of_two(one: CapacityReservation, **group: Any) -> Severity:  # noqa: ANN401  any field of a group
    """Judge beside one that is over."""
    return reserved(b.reservation(id="cr-0", state="expired"), one, **group).severity


def test_one_that_is_over_beside_one_that_will_do() -> None:
    assert of_two(b.reservation()) is Severity.MEDIUM
    assert of_two(ending(DAY + SECOND)) is Severity.MEDIUM
    assert of_two(ending(DAY)) is Severity.HIGH
    assert of_two(b.reservation(state="scheduled")) is Severity.HIGH
    assert of_two(b.reservation(state="cancelled")) is Severity.HIGH
    assert of_two(b.reservation(zone_id=C), subnets=(b.subnet(A),)) is Severity.HIGH


def test_what_could_not_be_read_may_do() -> None:
    """So a worse rung may be hidden, and the finding is partial."""
    group = b.managed(group=launching_into("cr-0", "cr-1"))
    over = {"cr-0": b.reservation(id="cr-0", state="expired")}
    found = finding(reservations.reservation_ends, group, reservations=over)
    assert (found.severity, found.partial) == (Severity.MEDIUM, True)
    gone = over | {"cr-1": b.gap("ec2:DescribeCapacityReservations", "cr-1", "InvalidCapacityReservationId.NotFound")}
    lost = finding(reservations.reservation_ends, group, reservations=gone)
    assert (lost.severity, lost.evidence["unusable"]) == (Severity.HIGH, "cr-0"), "one that is gone eases no other"


@pytest.mark.parametrize("left", [HOUR, 2 * DAY])
def test_the_one_that_ends_first_is_named(left: timedelta) -> None:
    over = b.reservation(id="cr-0", state="expired")
    later, first = ending(left + 2 * HOUR, id="cr-1"), ending(left, id="cr-2")
    found = reserved(over, b.reservation(id="cr-3", zone_id=C), later, first, subnets=(b.subnet(A),))
    assert f"cr-2, which is {first.state} and ends at" in found.reason
    assert found.due_at == (b.NOW + DAY if left > DAY else None)


def test_a_group_of_maximum_size_0_launches_nothing() -> None:
    retired = {"min_size": 0, "max_size": 0, "desired": 0, "instances": ()}
    assert reserved(b.reservation(state="expired"), **retired).status is Status.NOT_APPLICABLE


def test_a_group_that_may_not_launch_launches_nothing() -> None:
    found = reserved(b.reservation(state="expired"), suspended=frozenset({"Launch"}))
    assert (found.status, found.reason) == (Status.NOT_APPLICABLE, "web launches nothing")


@pytest.mark.parametrize("hidden", [{}, {"groups": b.gap()}])
def test_a_group_that_is_being_deleted(hidden: dict[str, Any]) -> None:
    leaving = b.managed(status="DELETING", group=launching_into("cr-1"), **hidden)
    found = finding(reservations.reservation_ends, leaving, reservations={"cr-1": b.reservation(state="expired")})
    assert (found.status, found.settling) == (Status.NOT_APPLICABLE, True)


def test_the_members_of_a_resource_group_are_not_read() -> None:
    group = b.managed(group=launching_into(GROUP_OF_THEM))
    found = finding(reservations.reservation_ends, group)
    assert found.status is Status.UNKNOWN
    assert "resource-groups:ListGroupResources" in found.reason
    both = b.managed(group=launching_into(GROUP_OF_THEM, "cr-1"))
    beside = finding(reservations.reservation_ends, both, reservations={"cr-1": ending(HOUR, id="cr-1")})
    assert (beside.status, beside.partial) == (Status.FAILED, True)


def test_a_capacity_block_is_extended_and_a_reservation_unlimited() -> None:
    block = reserved(ending(3 * DAY, capacity_block=True))
    assert "Capacity Block cr-" in block.reason
    assert "describe-capacity-block-extension-offerings" in commands(block)[0]
    assert "modify-capacity-reservation" in commands(reserved(ending(3 * DAY)))[0]
    assert all("only its owner may" in commands(each)[0] for each in (block, reserved(ending(3 * DAY))))
    assert "modify-capacity-reservation" not in str(commands(reserved(b.reservation(state="expired"))))


def test_not_applicable() -> None:
    assert reserved().status is Status.NOT_APPLICABLE
    assert finding(reservations.reservation_ends, b.managed(groups=())).status is Status.NOT_APPLICABLE
    over = b.managed(group=launching_into("cr-1"))
    outpost = finding(reservations.reservation_ends, over, cluster=b.cluster(outpost=True))
    assert outpost.status is Status.NOT_APPLICABLE
