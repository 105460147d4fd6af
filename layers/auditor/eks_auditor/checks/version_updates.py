"""AMI010's rules: what became of a node group's newest version update."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from eks_auditor.checks.left_behind import LEFT_BEHIND_AFTER, demand_all_seen, left_behind
from eks_auditor.checks.node_group_issues import ISSUES
from eks_auditor.model.capacity import ManagedNodeGroup, NodegroupUpdate
from eks_auditor.model.gap import known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Scalar, Severity, Verdict, failed, passed, settling, unknown
from eks_auditor.policy.thresholds import Threshold, Thresholds, days, hours, minutes
from eks_auditor.releases.families import CUSTOM
from eks_auditor.spread.surge import most_at_once, size

VERSION_UPDATE = "VersionUpdate"

LIMITS: Mapping[str, Threshold] = {
    "recent": days(30, "for so long an update that failed or was cancelled counts by itself"),
    "left_behind": Threshold(LEFT_BEHIND_AFTER, "a roll-out may take so long before a node counts as left behind"),
    "shortest": hours(6, "no update is stuck before"),
    # EKS gives the pods of a node 15 minutes to leave.
    "step": minutes(20, "an update may take so long for the nodes that it replaces at once"),
}
"""AMI010's thresholds."""

SHOWN = 20
"""How many resources are named; the numbers count all."""

_EVICTION = "PodEvictionFailure"

FIXES: Mapping[str, str] = {
    "AccessDenied": ISSUES["AccessDenied"].fix,
    "AdmissionRequestDenied": "correct the admission webhook or policy that the message names",
    "ClusterUnreachable": ISSUES["ClusterUnreachable"].fix,
    "ConfigurationConflict": "settle who owns the fields that the message names",
    "EniLimitReached": "delete network interfaces that nothing uses, or ask for a higher quota",
    "InsufficientFreeAddresses": ISSUES["InsufficientFreeAddresses"].fix,
    "InsufficientNumberOfReplicas": "give the workload that the message names more replicas",
    "IpNotAvailable": "free addresses in the subnets of the group",
    "K8sResourceNotFound": "create the object that the message names again",
    "NodeCreationFailure": ISSUES["NodeCreationFailure"].fix,
    "OperationNotPermitted": "allow EKS what the message names: its service-linked role, service control policies",
    _EVICTION: "let the pod disruption budget of the workload allow a disruption (more replicas, or a smaller minimum),"
    " remove tolerations of every taint, or repeat the update with --force, which ends the pods all the same",
    "SecurityGroupNotFound": "create the security group again, or replace the node group",
    "SubnetNotFound": ISSUES["Ec2SubnetNotFound"].fix,
    "Unknown": ISSUES["Unknown"].fix,
    "UnsupportedAddonModification": "undo the change of the add-on that the message names",
    "VpcIdNotFound": "create the cluster again in a VPC that exists",
}
"""What mends each code of an update's errors: those of botocore's ``ErrorCode`` (a test holds the table against it).

AWS explains the eviction: https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html; the
others are read from their names and from what it says of a node group's issues of the same name.
"""

UNLISTED = "read the message: this version of eks-auditor does not know the code"


def judge_newest_update(group: ManagedNodeGroup, snapshot: Snapshot, limits: Thresholds) -> Verdict:
    """Judge the newest of a group's version updates, by when it began: EKS lists them in no order.

    Raises:
        UnreadableError: If the updates were not read, or the nodes that decide on an old failure.
    """
    updates = [update for update in known(group.updates) if update.kind == VERSION_UPDATE]
    if not updates:
        return passed("no version update of it is on record")
    newest = max(updates, key=lambda update: (update.created_at, update.id))
    match newest.status:
        case "Failed":
            return _failed(group, newest, snapshot, limits)
        case "Cancelled":
            return _cancelled(newest, snapshot.taken_at, limits.time("recent"))
        case "InProgress":
            return _in_progress(group, newest, snapshot.taken_at, limits)
        case "Successful":
            return passed(f"its newest version update, {newest.id}, succeeded on {newest.created_at:%Y-%m-%d}")
    return unknown(f"its newest version update, {newest.id}, is {newest.status}, which is no status known here")


def _failed(group: ManagedNodeGroup, update: NodegroupUpdate, snapshot: Snapshot, limits: Thresholds) -> Verdict:
    now, ends_at = snapshot.taken_at, update.created_at + limits.time("recent")
    reason = f"its newest version update, {update.id}, {_ago(update, now)}, failed"
    facts = _facts(update) | _causes(update) | _retry(group, update)
    if now < ends_at:
        told = failed(f"{reason}: {_told(update)}", severity=Severity.HIGH, due_at=ends_at)
        return replace(told, evidence=facts)
    left = left_behind(group, snapshot, limits.time("left_behind"))
    if left.by_image:
        count = f"it left nodes behind, {len(left.by_image)} of {left.in_service} in service"
        return replace(failed(f"{reason}, and {count}: {_told(update)}", severity=Severity.HIGH), evidence=facts)
    demand_all_seen(snapshot)
    if left.settles_at:
        return settling(f"{reason}; what its nodes should run has just changed", due_at=left.settles_at)
    return passed(f"{reason}, but no node was left behind", due_at=left.due_at)


def _cancelled(update: NodegroupUpdate, now: datetime, recent: timedelta) -> Verdict:
    ends_at = update.created_at + recent
    reason = f"its newest version update, {update.id}, {_ago(update, now)}, was cancelled"
    if now < ends_at:
        return replace(failed(reason, severity=Severity.LOW, due_at=ends_at), evidence=_facts(update))
    return passed(reason)


def _in_progress(group: ManagedNodeGroup, update: NodegroupUpdate, now: datetime, limits: Thresholds) -> Verdict:
    nodes, at_once = size(group), most_at_once(group)
    limit = max(limits.time("shortest"), limits.time("step") * -(-nodes // at_once))
    stuck_at = update.created_at + limit
    at_a_time = f"{nodes} node{'' if nodes == 1 else 's'}, {at_once} at once"
    running = f"its version update {update.id} has been in progress for {_hours(now - update.created_at)}"
    facts = _facts(update) | {"nodes": nodes, "max_unavailable": at_once, "limit_hours": limit / timedelta(hours=1)}
    if now < stuck_at:
        reason = f"{running}; it may take {_hours(limit)} ({at_a_time})"
        return replace(passed(reason, due_at=stuck_at), evidence=facts)
    reason = f"{running}, longer than the {_hours(limit)} that it may take ({at_a_time})"
    return replace(failed(reason, severity=Severity.MEDIUM), evidence=facts)


def _ago(update: NodegroupUpdate, now: datetime) -> str:
    age = (now - update.created_at).days
    return f"begun {age} day{'' if age == 1 else 's'} ago"


def _hours(time: timedelta) -> str:
    return f"{time / timedelta(hours=1):.1f} hours"


def _told(update: NodegroupUpdate) -> str:
    if not update.errors:
        return "EKS does not say why"
    shown = [f"{error.code}: {error.message or 'no message'}" for error in update.errors[:SHOWN]]
    more = [f"and {len(update.errors) - SHOWN} more errors"] if len(update.errors) > SHOWN else []
    resources = _resources(update)
    named = [f"resources: {', '.join(resources[:SHOWN])}"] if resources else []
    return "; ".join((*shown, *more, *named))


def _resources(update: NodegroupUpdate) -> tuple[str, ...]:
    return tuple(dict.fromkeys(resource for error in update.errors for resource in error.resource_ids))


def _facts(update: NodegroupUpdate) -> dict[str, Scalar]:
    return {"update": update.id, "status": update.status, "began_at": update.created_at.isoformat()}


def _causes(update: NodegroupUpdate) -> dict[str, Scalar]:
    codes = tuple(dict.fromkeys(error.code for error in update.errors))
    if not codes:
        return {}
    facts: dict[str, Scalar] = {
        "codes": ", ".join(codes),
        "advice": "; ".join(dict.fromkeys(FIXES.get(code, UNLISTED) for code in codes)),
    }
    resources = _resources(update)
    if resources:
        facts |= {"resources": ", ".join(resources[:SHOWN]), "resource_count": len(resources)}
    return facts


def _retry(group: ManagedNodeGroup, update: NodegroupUpdate) -> dict[str, Scalar]:
    """Return what repeating the update takes; by force only where a disruption budget stopped it."""
    prefix = "forced_" if any(error.code == _EVICTION for error in update.errors) else ""
    if group.ami_type != CUSTOM:
        return {f"{prefix}minor": group.version} if group.version else {}
    template = group.template
    if template is None:
        return {}
    return {f"{prefix}template": template.id, "template_version": template.version}
