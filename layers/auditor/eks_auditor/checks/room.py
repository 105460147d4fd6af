"""CAS008: whether the autoscaler has room to grow the groups that it scales."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil

from eks_auditor.autoscaler.scaler import Scaler
from eks_auditor.check import check
from eks_auditor.checks.scaled import all_left_out, at_max, at_rest_for, at_rest_since, fixed, switched_off
from eks_auditor.checks.together import within_its_set
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, ScalingGroup, SelfManagedGroup
from eks_auditor.model.gap import UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Scalar, Severity, Status, Verdict, failed, not_applicable, passed, settling
from eks_auditor.policy.thresholds import Thresholds, hours, in_hours, words
from eks_auditor.spread.siblings import SiblingSet, Spread, first_of
from eks_auditor.spread.updating import joined

type _Pair = tuple[GroupCapacity, ScalingGroup]


@check(
    id="CAS008",
    title="Sibling groups should have room to scale",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/cas.html",
    thresholds={
        # To which size a group was asked to grow is read of a day.
        "asked": hours(24, "a request for capacity that is no older tells that more may be wanted", greatest=24),
        "full": at_rest_for("so long at its maximum, a set is not just at its peak"),
    },
)
def no_room_to_scale(
    subject: SiblingSet | ManagedNodeGroup | SelfManagedGroup,
    snapshot: Snapshot,
    spread: Spread,
    scaler: Scaler,
    limits: Thresholds,
) -> Verdict:
    """Finds sibling sets of which every group that the autoscaler scales wants as many nodes as it may have.

    It counts once seen in two audits, if a size was raised by request within 24 hours, or if none has changed for 7
    days. Between the two the last word stands, as it does for 24 hours after a request for the maximum: what is full
    every day is told once. Groups whose minimum is their maximum are of that size on purpose: a set of such groups
    alone is INFORMATIONAL.

    Why: the autoscaler starts nothing beyond a maximum size, and pods that only these groups can run stay pending.

    Fix:
    aws: aws eks update-nodegroup-config --region {region} --cluster-name {cluster} --nodegroup-name {nodegroup}
      --scaling-config maxSize={larger} # or as many as your quotas and budget allow
    aws: aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {own_group}
      --max-size {larger} # or as many as your quotas and budget allow
    eksctl: eksctl scale nodegroup --region {region} --cluster {cluster} --name {nodegroup} --nodes-max {larger}
    terraform: raise max_size of {full} to {larger}
    cloudformation: raise the maximum size of {full} to {larger}
    """
    members = _members(subject)
    if not members:
        return not_applicable("Cluster Autoscaler does not scale the nodes of a pool")
    pairs = [(member, group) for member in members for group in known(member.groups)]
    unjudged = all_left_out(pairs, scaler)
    if unjudged is not None:
        return unjudged
    if not isinstance(subject, SiblingSet):
        return within_its_set(subject, spread)
    update = joined(members, snapshot)
    if update is not None:
        return settling(update.reason, due_at=update.due_at)
    verdict = _room(pairs, snapshot, scaler, limits)
    if verdict.status is Status.FAILED and subject.key in spread.doubts:
        raise UnreadableError(spread.doubts[subject.key])
    return verdict


def _members(subject: SiblingSet | ManagedNodeGroup | SelfManagedGroup) -> tuple[GroupCapacity, ...]:
    members = subject.members if isinstance(subject, SiblingSet) else (subject,)
    return tuple(member for member in members if isinstance(member, ManagedNodeGroup | SelfManagedGroup))


def _room(pairs: Sequence[_Pair], snapshot: Snapshot, scaler: Scaler, limits: Thresholds) -> Verdict:
    groups = [group for _, group in pairs]
    wanted, most = sum(group.desired for group in groups), sum(group.max_size for group in groups)
    sizes = f"{wanted} of at most {most} nodes are wanted of {first_of(sorted({member.name for member, _ in pairs}))}"
    if all(map(at_max, groups)):
        return _without(pairs, sizes, snapshot, scaler, limits)
    asked = limits.time("asked")
    full_until = _full_until(groups, snapshot.taken_at, asked)
    if full_until is not None:
        return settling(f"{sizes}, and the most was asked for within {in_hours(asked)}", due_at=full_until)
    return passed(f"{sizes} ({scaler.because})", desired=wanted, max=most)


def _without(pairs: Sequence[_Pair], sizes: str, snapshot: Snapshot, scaler: Scaler, limits: Thresholds) -> Verdict:
    asked, full = limits.time("asked"), limits.time("full")
    groups = [group for _, group in pairs]
    if not any(_elastic(pair) for pair in pairs):
        if any(map(switched_off, groups)):
            return settling(f"{sizes}, and what is switched off for now may be what grows")
        return _full(f"{sizes}: a fixed size on purpose ({scaler.because})", pairs, Severity.INFORMATIONAL)
    wishes = [group.wished_at for group in groups]
    if any(isinstance(wish, datetime) and snapshot.taken_at - wish <= asked for wish in wishes):
        lately = f"by request within {in_hours(asked)}"
        return _full(f"{sizes}, and it reached its maximum {lately} ({scaler.because})", pairs)
    since = max(map(at_rest_since, groups))
    if snapshot.taken_at - since >= full:
        return _full(f"{sizes}, and these sizes have not changed for {words(full)} ({scaler.because})", pairs)
    for wish in wishes:
        known(wish)
    return settling(
        f"{sizes}; a size changed less than {words(full)} ago, and none was raised by request within {in_hours(asked)}",
        due_at=since + full,
    )


def _elastic(pair: _Pair) -> bool:
    capacity, group = pair
    return not (fixed(capacity, group) or switched_off(group))


def _full_until(groups: Sequence[ScalingGroup], now: datetime, lately: timedelta) -> datetime | None:
    """Return how long a set counts as full though it has room again: its day's peak took it to its maximum.

    None of one that has kept some room all the time, as after its maximum was raised.

    Raises:
        UnreadableError: If its activities could not be read.
    """
    asked = [group for group in groups if not at_max(group)]
    for group in asked:
        if group.wished_size is not None and group.wished_size < group.max_size:
            return None
    wishes = [known(group.wished_at) for group in asked]
    ends = [wish + lately for wish in wishes if wish is not None and now - wish < lately]
    return min(ends) if len(ends) == len(asked) else None


def _full(reason: str, pairs: Sequence[_Pair], severity: Severity = Severity.MEDIUM) -> Verdict:
    member, group = next((pair for pair in pairs if _elastic(pair)), pairs[0])
    evidence: dict[str, Scalar] = {
        "full": member.name,
        "max": group.max_size,
        "larger": group.max_size + ceil(group.max_size / 2),
        "nodegroup" if isinstance(member, ManagedNodeGroup) else "own_group": member.name,
    }
    # A fixed size is configuration, which no second look makes surer.
    verdict = failed(reason, severity=severity, confirm=severity is not Severity.INFORMATIONAL)
    return replace(verdict, evidence=evidence)
