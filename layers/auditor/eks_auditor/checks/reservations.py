"""ZONE, by reserved capacity: reservations that groups launch into by name, and that end."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from eks_auditor.check import check
from eks_auditor.checks.worst import worst
from eks_auditor.model.capacity import CapacityReservation, ManagedNodeGroup, ScalingGroup, SelfManagedGroup
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.gap import Gap, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import (
    Scalar,
    Severity,
    Verdict,
    failed,
    not_applicable,
    on_outpost,
    passed,
    settling,
    unknown,
)
from eks_auditor.policy.thresholds import Thresholds, days, hours
from eks_auditor.spread.launching import launching

ACTIVE = "active"
"""The only state in which a reservation gives capacity; its end is not what matters before, a block's least of all."""

OVER = frozenset({"expired", "cancelled", "cancelling", "failed", "payment-failed", "unsupported"})
"""States in which a reservation gives no capacity and never will again; the others it has, or may yet come to have.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CapacityReservation.html
"""

GONE = "InvalidCapacityReservationId.NotFound"
"""EC2's code for a reservation that does not exist any more: those that are over it tells for a while only."""


@check(
    id="ZONE014",
    title="Capacity reservations that groups launch into should not be about to end",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-reservations-using.html",
    thresholds={
        "medium": days(7, "a reservation that ends within that is MEDIUM"),
        "high": hours(24, "within that HIGH; another one that lasts longer will do"),
    },
)
def reservation_ends(
    capacity: ManagedNodeGroup | SelfManagedGroup, cluster: Cluster, snapshot: Snapshot, limits: Thresholds
) -> Verdict:
    """Looks at the capacity reservations and Capacity Blocks that a group launches into by name, and nowhere else.

    One that ends within 7 days is MEDIUM; HIGH within 24 hours, or once it is over or gone. One in a zone that is none
    of the group's is HIGH, too, for nothing can be launched into it. Where the group names another one that will do for
    24 hours, each of these is MEDIUM. One that has not begun is not judged by its end. Groups that launch nothing are
    left out: of maximum size 0, with their Launch process suspended, or being deleted. Resource groups of reservations
    are UNKNOWN: their members are not read.

    Why: a launch that targets a reservation goes nowhere else: when that ends, the group cannot grow or replace a node,
    and the instances of a Capacity Block are terminated.

    Fix:
    aws: aws ec2 modify-capacity-reservation --region {region} --capacity-reservation-id {reservation}
      --end-date-type unlimited # only its owner may, where another account shares it
    aws: aws ec2 describe-capacity-block-extension-offerings --region {region} --capacity-reservation-id {block}
      --capacity-block-extension-duration-hours HOURS # then purchase-capacity-block-extension: only its owner may
    aws: aws ec2 describe-capacity-reservations --region {region} --filters Name=state,Values=active,scheduled
      # name another one than {unusable} in a new version of the launch template of {group}
    terraform: change capacity_reservation_target of the aws_launch_template of {name}
    cloudformation: change CapacityReservationTarget of the AWS::EC2::LaunchTemplate of {name}
    """
    if cluster.outpost:
        return on_outpost()
    if isinstance(capacity, ManagedNodeGroup) and capacity.status == "DELETING":
        return settling(f"{capacity.name} is DELETING")
    groups = known(launching(capacity))
    judgements = [judge for group in groups for judge in _judgements(group, snapshot, limits)]
    if not judgements:
        doing = "launches into no capacity reservation by name" if groups else "launches nothing"
        return not_applicable(f"{capacity.name} {doing}")
    return worst(judgements)


def _judgements(group: ScalingGroup, snapshot: Snapshot, limits: Thresholds) -> Iterator[Callable[[], Verdict]]:
    """Yield the rules for all that a group names, the one that ends first before the others."""
    every = sorted(known(group.launch).reservations, key=lambda named: _end(_found(named, snapshot), snapshot))
    for named in every:
        spared = any(_may_do(other, group, snapshot, limits.time("high")) for other in every if other != named)
        for rule in _rules(named, group, snapshot, limits):
            yield partial(_eased, rule) if spared else rule


def _rules(named: str, group: ScalingGroup, snapshot: Snapshot, limits: Thresholds) -> Iterator[Callable[[], Verdict]]:
    if named.startswith("arn:"):
        yield partial(_members_not_read, named, group)
        return
    found = _found(named, snapshot)
    if isinstance(found, Gap) and found.error.startswith(GONE):
        yield partial(_unusable, "does not exist, or is not shared any more", f"reservation {named}", named, group)
        return
    yield partial(_in_time, found, group, snapshot, limits)
    yield partial(_in_place, found, group)


def _found(named: str, snapshot: Snapshot) -> CapacityReservation | Gap:
    return snapshot.reservations.get(named, Gap("ec2:DescribeCapacityReservations", named, "not read"))


def _end(found: CapacityReservation | Gap, snapshot: Snapshot) -> tuple[bool, datetime]:
    """Return what orders by the ends to come; those that have none, or are over, come last."""
    if isinstance(found, Gap) or found.ends_at is None or _is_over(found, snapshot):
        return True, snapshot.taken_at
    return False, found.ends_at


def _is_over(found: CapacityReservation, snapshot: Snapshot) -> bool:
    return found.state in OVER or (found.ends_at is not None and found.ends_at <= snapshot.taken_at)


def _may_do(named: str, group: ScalingGroup, snapshot: Snapshot, time: timedelta) -> bool:
    """Whether a group may launch into this for longer than some time; what could not be read may do."""
    found = _found(named, snapshot)
    if isinstance(found, Gap):
        return not found.error.startswith(GONE)
    there = isinstance(group.subnets, Gap) or found.zone_id in {subnet.zone_id for subnet in group.subnets}
    lasts = found.ends_at is None or found.ends_at - snapshot.taken_at > time
    return there and lasts and found.state == ACTIVE


def _eased(rule: Callable[[], Verdict]) -> Verdict:
    verdict = rule()
    return replace(verdict, severity=Severity.MEDIUM) if verdict.severity is Severity.HIGH else verdict


def _members_not_read(arn: str, group: ScalingGroup) -> Verdict:
    action = "resource-groups:ListGroupResources"
    return unknown(
        f"{group.name} launches into the resource group {arn}: its reservations are told by {action} only, "
        "which is not called",
        action=action,
    )


def _in_time(found: CapacityReservation | Gap, group: ScalingGroup, snapshot: Snapshot, limits: Thresholds) -> Verdict:
    reservation = known(found)
    name, ends_at = _words(reservation), reservation.ends_at
    if _is_over(reservation, snapshot):
        state = reservation.state if reservation.state in OVER else f"over since {ends_at:%Y-%m-%d %H:%M} UTC"
        return _unusable(f"is {state}", name, reservation.id, group)
    told = f"{group.name} launches into {name}, which is {reservation.state}"
    if ends_at is None:
        return passed(f"{told} and has no end", reservation=reservation.id)
    if reservation.state != ACTIVE:
        return passed(f"{told}: its end counts once it is {ACTIVE}", reservation=reservation.id)
    told = f"{told} and ends at {ends_at:%Y-%m-%d %H:%M} UTC, in {_duration(ends_at - snapshot.taken_at)}"
    soon, last = limits.time("medium"), limits.time("high")
    if ends_at - snapshot.taken_at > soon:
        return passed(told, due_at=ends_at - soon, reservation=reservation.id)
    evidence: dict[str, Scalar] = {
        "group": group.name,
        "block" if reservation.capacity_block else "reservation": reservation.id,
        "ends_at": f"{ends_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    if ends_at - snapshot.taken_at > last:
        return replace(failed(told, severity=Severity.MEDIUM, due_at=ends_at - last), evidence=evidence)
    return replace(failed(told, severity=Severity.HIGH), evidence=evidence)


def _in_place(found: CapacityReservation | Gap, group: ScalingGroup) -> Verdict:
    reservation = known(found)
    zones = sorted({subnet.zone_id for subnet in known(group.subnets)})
    if reservation.zone_id in zones:
        return passed(f"{_words(reservation)} is in {reservation.zone_id}, where {group.name} launches")
    elsewhere = f"is in {reservation.zone_id}, while {group.name} launches in {', '.join(zones)}"
    return _unusable(elsewhere, _words(reservation), reservation.id, group)


def _unusable(why: str, name: str, reservation_id: str, group: ScalingGroup) -> Verdict:
    reason = f"{group.name} launches into {name}, which {why}"
    return failed(reason, severity=Severity.HIGH, group=group.name, unusable=reservation_id)


def _words(reservation: CapacityReservation) -> str:
    return f"{'Capacity Block' if reservation.capacity_block else 'capacity reservation'} {reservation.id}"


def _duration(left: timedelta) -> str:
    whole = int(left / timedelta(hours=1))
    return f"{whole} h" if left <= timedelta(days=2) else f"{left.days} days"
