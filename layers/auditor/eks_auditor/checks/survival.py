"""ZONE004: what is left of a sibling set when a zone fails, and what grows again."""

from collections.abc import Iterator
from dataclasses import replace

from eks_auditor.check import check
from eks_auditor.checks.together import within_its_set
from eks_auditor.model.capacity import AnyCapacity, ManagedNodeGroup, NodePool, ScalingGroup, SelfManagedGroup
from eks_auditor.model.gap import UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import (
    Scalar,
    Severity,
    Status,
    Verdict,
    failed,
    not_applicable,
    on_outpost,
    passed,
    settling,
    unknown,
)
from eks_auditor.policy.thresholds import Thresholds, percent
from eks_auditor.spread.balance import beyond_chance, zones_of
from eks_auditor.spread.blockers import DESIRED, LAUNCH_SUSPENDED, MAX_SIZE, NO_ADDRESS, NOT_OFFERED, STATUS
from eks_auditor.spread.drill import UNSEEN_ZONES, Amount, Drill, Loss, SetDrill
from eks_auditor.spread.fleet import groups_of
from eks_auditor.spread.pins import excuse
from eks_auditor.spread.siblings import SiblingSet, Spread, first_of
from eks_auditor.spread.subnets import PERHAPS
from eks_auditor.spread.updating import joined

SHOWN = 6
"""How many of what blocks is told; the drill has all of it."""

_ROUNDING = 1e-9
_NO_ADDRESS = NO_ADDRESS.format("")
_NOT_OFFERED = NOT_OFFERED.format("", "")


@check(
    id="ZONE004",
    title="Sibling groups should survive the loss of one Availability Zone",
    severity=Severity.HIGH,
    docs="https://docs.aws.amazon.com/eks/latest/userguide/zone-shift.html",
    thresholds={"tolerance": percent(10, "so much more than its ideal share of a set a zone may hold")},
)
def cannot_survive_the_loss_of_a_zone(
    subject: SiblingSet | ManagedNodeGroup | SelfManagedGroup,
    snapshot: Snapshot,
    spread: Spread,
    drill: Drill,
    limits: Thresholds,
) -> Verdict:
    """Drills the loss of each zone that a sibling set runs in: what is lost, left, and grows again in the others.

    A set does not regrow if fewer nodes can be launched again than were lost: Auto Scaling brings a group that spans
    other zones back to its desired size, and the autoscaler grows other members for a group wholly in the lost zone,
    up to their maximum sizes; free addresses and the types offered bind both. Nodes above a desired size are not
    missed. CRITICAL where a zone takes all nodes and none comes back. HIGH where it takes over 10 points more of the
    vCPUs or memory than the ideal, ceil(n / z) / n of n nodes in the z zones in use, and the set does not regrow;
    MEDIUM where one of the two is so, unless all regrows and chance explains the zone's share (see docs/zones.md). Of
    a pool, whose placement changes all the time, only the second counts; it is UNKNOWN where further subnets of the VPC
    have the addresses, for its NodeClass may select them. Where groups of fixed size (minimum =
    maximum) are too small, and the share is no more than that, INFORMATIONAL; so are sets whose groups all have a
    reason to be bound to a zone, as in ZONE002. Unless configuration alone is in the way, it counts once seen in two
    audits. Sets that may be scaled to zero, have no nodes or one zone are not judged.

    Why: when a zone fails, the pods in it need room elsewhere at once, and what cannot grow then leaves them pending.

    Fix:
    aws: aws eks update-nodegroup-config --region {region} --cluster-name {cluster} --nodegroup-name {nodegroup}
      --scaling-config maxSize={max_size} # and so its siblings in other zones
    aws: aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {own_group}
      --max-size {max_size} # and so its siblings in other zones
    aws: aws autoscaling resume-processes --region {region} --auto-scaling-group-name {suspended_group}
      --scaling-processes Launch
    aws: aws ec2 describe-subnets --region {region} --subnet-ids {subnet} # it has too few free addresses
    aws: aws ec2 describe-instance-type-offerings --region {region} --location-type availability-zone-id
      --filters Name=location,Values={type_zone} # give the groups a type that is offered there, too
    aws: aws autoscaling describe-scaling-activities --region {region} --auto-scaling-group-name {group}
      # why are so many nodes in {zone}?
    kubectl: kubectl get nodepool {pool} -o yaml # does its NodeClass select further subnets outside {zone}?
    terraform: raise max_size of {short_group} to {max_size}, and so of its siblings in other zones
    cloudformation: raise the maximum size of {short_group} to {max_size}, and so of its siblings in other zones
    """
    if snapshot.cluster.outpost:
        return on_outpost()
    if not isinstance(subject, SiblingSet):
        return within_its_set(subject, spread)
    update = joined(subject.members, snapshot)
    if update is not None:
        return settling(update.reason, due_at=update.due_at)
    part = drill.of_set(subject)
    if part.note is not None:
        return unknown(part.note) if part.note == UNSEEN_ZONES else not_applicable(part.note)
    hidden = snapshot.unseen({member.kind for member in subject.members if isinstance(member, NodePool)})
    if hidden is not None:
        raise UnreadableError(hidden)
    tolerance = limits.share("tolerance")
    verdict = _survival(subject, part, snapshot, tolerance)
    if verdict.status is Status.FAILED and subject.key in spread.doubts:
        raise UnreadableError(spread.doubts[subject.key])
    if verdict.status is Status.FAILED and isinstance(subject.members[0], NodePool):
        again = Drill.of(snapshot, spread, perhaps=True).of_set(subject)
        return _of_pool(verdict, _survival(subject, again, snapshot, tolerance))
    return verdict


def _of_pool(verdict: Verdict, best: Verdict) -> Verdict:
    """Return a failed pool's verdict; UNKNOWN where it may find the addresses in subnets that its nodes are not in."""
    if best.status is Status.PASSED:
        return unknown(f"{verdict.reason}; but there are addresses in {PERHAPS}")
    return verdict if best.severity == verdict.severity else replace(best, partial=True)


def _survival(siblings: SiblingSet, drill: SetDrill, snapshot: Snapshot, tolerance: float) -> Verdict:
    heavy = frozenset(loss.zone_id for loss in drill.losses if _is_heavy(loss, drill, tolerance))
    rungs = {loss.zone_id: _rung(loss, siblings, drill, heavy=loss.zone_id in heavy) for loss in drill.losses}
    failing = [loss for loss in drill.losses if rungs[loss.zone_id] is not None]
    worst = max(failing or drill.losses, key=lambda loss: (rungs[loss.zone_id] or Severity.INFORMATIONAL, _share(loss)))
    severity = rungs[worst.zone_id]
    evidence: dict[str, Scalar] = {"nodes": drill.nodes, **{loss.zone_id: _told(loss) for loss in drill.losses}}
    reason = f"without {worst.zone_id}, {_gone(worst, drill)}"
    if severity is None:
        return replace(passed(reason), evidence=evidence)
    if worst.blocked_by:
        reason = f"{reason}; blocked by: {first_of(worst.blocked_by, SHOWN)}"
    pins = _pins(siblings, snapshot)
    if pins:
        severity, reason = Severity.INFORMATIONAL, f"{reason}; on purpose it seems: {pins}"
    elif severity is Severity.INFORMATIONAL:
        reason = f"{reason}; fixed size on purpose"
    way_on = _way_on(worst, siblings, drill, heavy=worst.zone_id in heavy)
    verdict = failed(reason, severity=severity, confirm=not _configured(worst, siblings))
    return replace(verdict, evidence=evidence | {"zone": worst.zone_id} | way_on)


def _rung(loss: Loss, siblings: SiblingSet, drill: SetDrill, *, heavy: bool) -> Severity | None:
    """Return how bad a loss is; None is no failure."""
    heavy &= not isinstance(siblings.members[0], NodePool)
    if not loss.stuck:
        by_chance = not beyond_chance(loss.lost.nodes, drill.nodes, drill.used)
        return Severity.MEDIUM if heavy and not by_chance else None
    if loss.lost.nodes == drill.nodes and loss.regrown.nodes == 0:
        return Severity.CRITICAL
    if _fixed(loss, siblings):
        return Severity.MEDIUM if heavy else Severity.INFORMATIONAL
    return Severity.HIGH if heavy else Severity.MEDIUM


def _fixed(loss: Loss, siblings: SiblingSet) -> bool:
    """Whether only the sizes of groups keep nodes from growing again, and each group is of one size on purpose."""
    groups = [group for member in siblings.members for group in groups_of(member)]
    sizes = {form.format(group.name) for group in groups for form in (MAX_SIZE, DESIRED)}
    return sizes.issuperset(loss.blocked_by) and all(group.min_size == group.max_size for group in groups)


def _pins(siblings: SiblingSet, snapshot: Snapshot) -> str | None:
    """Return what ties every group of a set to its place on purpose, in words, or None."""
    pins = [_pin(group, snapshot) for member in siblings.members for group in groups_of(member)]
    return ", ".join(sorted({pin for pin in pins if pin})) if all(pins) and pins else None


def _pin(group: ScalingGroup, snapshot: Snapshot) -> str | None:
    """Return what ties a group to one zone; the one node of a group that spans zones can be launched in another."""
    if group.max_size <= 1 and len(zones_of(known(group.subnets))) > 1:
        return None
    return excuse([group], snapshot)


def _configured(loss: Loss, siblings: SiblingSet) -> bool:
    """Whether all that blocks is configuration: how nodes lie, sizes and free addresses change by themselves."""
    members = siblings.members
    lasting = {LAUNCH_SUSPENDED.format(group.name) for member in members for group in groups_of(member)}
    lasting |= {STATUS.format(each.name, each.status) for each in members if isinstance(each, ManagedNodeGroup)}
    return loss.stuck and all(word in lasting or _NOT_OFFERED in word for word in loss.blocked_by)


def _is_heavy(loss: Loss, drill: SetDrill, tolerance: float) -> bool:
    return drill.ideal is not None and _share(loss) - drill.ideal > tolerance + _ROUNDING


def _share(loss: Loss) -> float:
    """Return the share of the set that is lost, of vCPUs or of memory, whichever is more."""
    whole = loss.lost + loss.left
    return max(loss.lost.vcpus / whole.vcpus, loss.lost.memory_mib / whole.memory_mib)


def _gone(loss: Loss, drill: SetDrill) -> str:
    ideal = f", at best {drill.ideal:.0%}" if drill.ideal is not None else ""
    again = "all of them" if loss.regrown == loss.lost else f"{loss.regrown.nodes or 'none'} of them"
    again = again if loss.stuck or loss.regrown == loss.lost else f"{again}, which is all that is desired"
    return f"{loss.lost.nodes} of {drill.nodes} nodes are lost ({_share(loss):.0%}{ideal}); regrowable: {again}"


def _told(loss: Loss) -> str:
    blocked = first_of(loss.blocked_by, SHOWN) or "nothing"
    parts = (f"lost {_size(loss.lost)}", f"left {_size(loss.left)}", f"regrowable {_size(loss.regrown)}")
    return f"{'; '.join(parts)}; blocked by {blocked}"


def _size(amount: Amount) -> str:
    return f"{amount.nodes} node{'' if amount.nodes == 1 else 's'}, {amount.vcpus} vCPU, {amount.memory_mib} MiB"


def _way_on(loss: Loss, siblings: SiblingSet, drill: SetDrill, *, heavy: bool) -> dict[str, Scalar]:
    """Return what the fix takes."""
    pairs = [(member, group) for member in siblings.members for group in groups_of(member)]
    way = dict(_to_unblock(loss, pairs, drill))
    if not pairs:
        return way | {"pool": siblings.members[0].name}
    if heavy or not way:
        way["group"] = max((_nodes_in(loss.zone_id, group), group.name) for _, group in pairs)[1]
    return way


def _to_unblock(
    loss: Loss, pairs: list[tuple[AnyCapacity, ScalingGroup]], drill: SetDrill
) -> Iterator[tuple[str, Scalar]]:
    for member, group in pairs:
        if MAX_SIZE.format(group.name) in loss.blocked_by:
            yield "short_group", member.name
            yield ("nodegroup", member.name) if isinstance(member, ManagedNodeGroup) else ("own_group", group.name)
            yield "max_size", group.max_size + loss.lost.nodes - loss.surplus - loss.regrown.nodes
            break
    for _, group in pairs:
        if LAUNCH_SUSPENDED.format(group.name) in loss.blocked_by:
            yield "suspended_group", group.name
    for word in loss.blocked_by:
        if word.startswith(_NO_ADDRESS):
            yield "subnet", word.removeprefix(_NO_ADDRESS)
    for other in drill.losses:
        if any(word.endswith(NOT_OFFERED.format("", other.zone_id)) for word in loss.blocked_by):
            yield "type_zone", other.zone_id


def _nodes_in(zone_id: str, group: ScalingGroup) -> int:
    return sum(instance.zone_id == zone_id for instance in group.in_service)
