"""Reads of EC2's capacity reservations, Capacity Blocks among them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eks_auditor.model.capacity import CapacityReservation
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.ec2 import batches
from eks_auditor.snapshot.reading import code_of, known_or_gaps, read, utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import CapacityReservationTypeDef

    from eks_auditor.snapshot.reads import Answers, Reads

ACTIONS = frozenset({"ec2:DescribeCapacityReservations"})
"""The IAM actions that the calls in here need."""

NOT_FOUND = "InvalidCapacityReservationId.NotFound"
"""EC2's code for one that does not exist; those that are over it tells for a while, and then no more."""

_BAD_ID = "InvalidCapacityReservationId"


def read_reservations(reads: Reads, named: Iterable[str]) -> Callable[[], Answers[CapacityReservation]]:
    """Start to describe capacity reservations, as other audits lately found them; call what is returned for all.

    Args:
        reads: The audit's reads.
        named: What groups launch into by name; resource groups, by their ARNs, are left out.

    Returns:
        By id. The gap of one that does not exist is an answer, and none of the audit's gaps: no read failed.
    """
    client, ids = reads.clients.ec2, {each for each in named if not each.startswith("arn:")}
    described = reads.passing(reads.cache.reservations, ids, batches, lambda some: describe_reservations(client, some))

    def answers() -> Answers[CapacityReservation]:
        found = described()
        for each in found.values():
            if isinstance(each, Gap) and code_of(each) == NOT_FOUND:
                reads.forgive(each)
        return found

    return answers


def describe_reservations(client: EC2Client, ids: tuple[str, ...]) -> dict[str, CapacityReservation | Gap]:
    """Describe capacity reservations by id; one that does not exist is its own gap, with EC2's code for it."""
    return known_or_gaps(partial(_by_id, client), ids, unknown=_BAD_ID, absent=_absent)


def _absent(reservation_id: str) -> Gap:
    said = f"{NOT_FOUND}: the capacity reservation does not exist, or is not shared with this account any more"
    return Gap("ec2:DescribeCapacityReservations", reservation_id, said)


def _by_id(client: EC2Client, ids: tuple[str, ...]) -> dict[str, CapacityReservation | Gap] | Gap:
    """Ask for all at once; one that is told in a way that is not understood is its own gap."""

    def call() -> dict[str, CapacityReservation | Gap]:
        pages = client.get_paginator("describe_capacity_reservations").paginate(CapacityReservationIds=ids)
        described = (each for page in pages for each in page["CapacityReservations"])
        return {
            each["CapacityReservationId"]: read(
                "ec2:DescribeCapacityReservations", each["CapacityReservationId"], partial(_reservation, each)
            )
            for each in described
        }

    return read("ec2:DescribeCapacityReservations", ", ".join(ids), call)


def _reservation(described: CapacityReservationTypeDef) -> CapacityReservation:
    ends_at = described.get("EndDate")
    return CapacityReservation(
        id=described["CapacityReservationId"],
        zone_id=described["AvailabilityZoneId"],
        state=described["State"],
        ends_at=utc(ends_at) if ends_at else None,
        capacity_block=described.get("ReservationType") == "capacity-block",
    )
