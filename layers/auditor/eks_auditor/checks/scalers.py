"""CAS, by what scales: two scalers on one group, or none on a cluster."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from eks_auditor.autoscaler.scaler import Scaler
from eks_auditor.check import check
from eks_auditor.checks.scaled import (
    at_max,
    at_rest_for,
    at_rest_since,
    fixed,
    left_out,
    no_group,
    switched_off,
)
from eks_auditor.checks.scheduled import coming, over_at
from eks_auditor.checks.worst import worst
from eks_auditor.model.capacity import (
    GroupCapacity,
    ManagedNodeGroup,
    ScalingGroup,
    ScalingPolicy,
    ScheduledAction,
    SelfManagedGroup,
)
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Scalar, Severity, Verdict, failed, not_applicable, passed, settling
from eks_auditor.policy.thresholds import Thresholds, words
from eks_auditor.spread.siblings import first_of
from eks_auditor.spread.updating import joined, updating

PREDICTIVE = "PredictiveScaling"
FORECAST_AND_SCALE = "ForecastAndScale"
ALARMS = "AlarmNotification"
"""The process by which alarms reach the policies that they drive: all but predictive ones.

Source: https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html
"""
SCALEDOWN_OF_EKS = "Amazon EKS Node Group Capacity Scaledown Before Reservation End"
"""The scheduled action that EKS makes for a group of a Capacity Block, and asks to leave as it is.

Source: Amazon EKS User Guide, "Create a managed node group with Capacity Blocks for ML".
"""


@check(
    id="CAS009",
    title="Groups that Cluster Autoscaler scales should have no other scaler",
    severity=Severity.HIGH,
    docs="https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scale-based-on-demand.html",
)
def two_scalers(capacity: ManagedNodeGroup | SelfManagedGroup, snapshot: Snapshot, scaler: Scaler) -> Verdict:
    """Looks for scaling policies and scheduled actions that set the size of a group beside Cluster Autoscaler.

    Enabled policies are HIGH: target tracking, step and simple ones, and predictive ones that forecast and scale.
    Scheduled actions that set the desired size, recurring or still to come, are LOW. Those that set the minimum or
    maximum alone pass, for the autoscaler keeps to these; so does what is suspended, policies of a fixed size, and the
    action by which EKS ends a group of a Capacity Block.

    Why: each of the two takes back what the other one did, and nodes are ended without their pods being moved first.

    Fix:
    aws: aws autoscaling delete-policy --region {region} --auto-scaling-group-name {group} --policy-name {policy}
    aws: aws autoscaling delete-scheduled-action --region {region} --auto-scaling-group-name {group}
      --scheduled-action-name {action} # or let it set the minimum size in place of the desired one
    terraform: remove the aws_autoscaling_policy {policy} of {group}
    terraform: remove the aws_autoscaling_schedule {action} of {group}, or set its desired_capacity to -1
    cloudformation: remove the AWS::AutoScaling::ScalingPolicy {policy} of {group}
    cloudformation: remove DesiredCapacity from the AWS::AutoScaling::ScheduledAction {action} of {group}
    """
    groups = known(capacity.groups)
    if not groups:
        return no_group(capacity)
    rules = (_policies, partial(_schedule, now=snapshot.taken_at))
    return worst(partial(rule, capacity, group, scaler) for group in groups for rule in rules)


@check(
    id="CAS015",
    title="Something should scale a cluster whose groups may grow",
    severity=Severity.LOW,
    docs="https://docs.aws.amazon.com/eks/latest/userguide/autoscaling.html",
    thresholds={"medium": at_rest_for("a group that has been at its maximum for so long makes it MEDIUM")},
)
def nothing_scales(cluster: Cluster, snapshot: Snapshot, scaler: Scaler, limits: Thresholds) -> Verdict:
    """Looks for whatever may change the number of nodes, where some group's minimum is below its maximum.

    That is Auto Mode, running Karpenter instances, a proof that Cluster Autoscaler runs, tags that say it shall,
    scaling policies, or recurring scheduled actions. It is MEDIUM once a group has been at its maximum for 7 days. A
    cluster whose groups are all of fixed size passes. An autoscaler that has had nothing to do for 14 days, and has its
    role by a way that AWS does not list, is not seen: the auditor's setting tells of it.

    Why: the sizes promise that the groups grow with their load, and nothing makes them.

    Fix:
    aws: aws eks create-pod-identity-association --region {region} --cluster-name {cluster} --namespace kube-system
      --service-account cluster-autoscaler --role-arn AUTOSCALER_ROLE_ARN # then install Cluster Autoscaler by it
    aws: aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {own_group}
      --min-size {desired} --max-size {desired} # if that size is meant
    aws: aws eks update-nodegroup-config --region {region} --cluster-name {cluster} --nodegroup-name {nodegroup}
      --scaling-config minSize={desired},maxSize={desired} # if that size is meant
    eksctl: eksctl create podidentityassociation --region {region} --cluster {cluster} --namespace kube-system
      --service-account-name cluster-autoscaler --well-known-policies=autoScaler # then install it
    terraform: set min_size and max_size of {elastic} to {desired} if that size is meant
    cloudformation: give {elastic} one minimum and maximum size, {desired}, if that size is meant
    guide: if something scales {cluster} that AWS does not show, say so by the auditor's setting of the autoscaler
    """
    del cluster  # its word is on the cluster; all that it looks at is in the snapshot
    if scaler.settings.scales not in ("auto", "cluster-autoscaler"):
        return not_applicable(f"nothing is judged here, for {scaler.because}")
    if scaler.rivals or scaler.certainty != "none":
        return passed(f"something scales it: {scaler.because}")
    return _by_its_groups(snapshot, scaler, limits.time("medium"))


def _policies(capacity: GroupCapacity, group: ScalingGroup, scaler: Scaler) -> Verdict:
    unjudged = left_out(capacity, group, scaler)
    if unjudged is not None:
        return unjudged
    acting = sorted(_acting(group), key=lambda policy: policy.name)
    if not acting:
        return passed(f"no scaling policy acts on {group.name} ({scaler.because})")
    names = first_of([policy.name for policy in acting])
    if fixed(capacity, group):
        return passed(f"{group.name} has the fixed size {group.max_size}, which neither {names} nor another changes")
    return failed(
        f"{group.name} is scaled by Cluster Autoscaler and by {len(acting)} scaling "
        f"{'policy' if len(acting) == 1 else 'policies'}: {names} ({scaler.because})",
        severity=Severity.HIGH,
        group=group.name,
        policy=acting[0].name,
        kind=acting[0].kind,
        policies=len(acting),
    )


def _acting(group: ScalingGroup) -> list[ScalingPolicy]:
    """Return the policies that set the group's size."""
    return [policy for policy in known(group.policies) if policy.enabled and _acts(policy, group)]


def _acts(policy: ScalingPolicy, group: ScalingGroup) -> bool:
    if policy.kind == PREDICTIVE:
        return policy.mode == FORECAST_AND_SCALE
    return ALARMS not in group.suspended


def _schedule(capacity: GroupCapacity, group: ScalingGroup, scaler: Scaler, *, now: datetime) -> Verdict:
    unjudged = left_out(capacity, group, scaler)
    if unjudged is not None:
        return unjudged
    setting = [each for each in coming(group, now) if each.desired is not None and each.name != SCALEDOWN_OF_EKS]
    if not setting:
        return passed(f"no scheduled action sets the desired size of {group.name} ({scaler.because})")
    first = setting[0]
    more = f", and {len(setting) - 1} more" if len(setting) > 1 else ""
    ends = [over_at(action) for action in setting]
    return failed(
        f"the scheduled action {first.name} sets the desired size of {group.name} to {first.desired}, {_when(first)}"
        f"{more} ({scaler.because})",
        severity=Severity.LOW,
        due_at=max((end for end in ends if end is not None), default=None) if None not in ends else None,
        group=group.name,
        action=first.name,
        actions=len(setting),
    )


def _when(action: ScheduledAction) -> str:
    if action.recurrence is not None:
        return f"recurring as {action.recurrence}"
    return "at a time not told" if action.starts_at is None else f"at {action.starts_at:%Y-%m-%d %H:%M} UTC"


def _by_its_groups(snapshot: Snapshot, scaler: Scaler, long: timedelta) -> Verdict:
    pairs = _groups(snapshot)
    hidden = _hidden_groups(snapshot)
    helpers = [word for _, group in pairs for word in _helpers(group, snapshot.taken_at)]
    if helpers:
        return passed(f"something scales it: {first_of(helpers)}")
    elastic = [(capacity, group) for capacity, group in pairs if not fixed(capacity, group)]
    if not elastic:
        if hidden is not None:
            raise UnreadableError(hidden)
        if not pairs:
            return not_applicable("it has no Auto Scaling group")
        whole = "one group is" if len(pairs) == 1 else f"{len(pairs)} groups are"
        return passed(f"nothing scales it, and its {whole} of fixed size on purpose", groups=len(pairs))
    for gap in (scaler.gap, hidden, snapshot.unseen(("karpenter",))):
        if gap is not None:
            raise UnreadableError(gap)
    for _, group in pairs:
        known(group.policies)
        known(group.scheduled)
    awake = [(capacity, group) for capacity, group in elastic if not switched_off(group)]
    if not awake:
        return settling(f"{first_of([group.name for _, group in elastic])} may have no node now: switched off")
    settled = [(capacity, group) for capacity, group in awake if updating(capacity, snapshot) is None]
    update = joined((capacity for capacity, _ in awake), snapshot)
    if update is not None and not settled:
        # EKS raises the maximum of a group that it updates.
        return settling(update.reason, due_at=update.due_at)
    return worst(partial(_unscaled, capacity, group, len(elastic), snapshot, long) for capacity, group in settled)


def _groups(snapshot: Snapshot) -> list[tuple[GroupCapacity, ScalingGroup]]:
    """Return every Auto Scaling group that was read with its capacity, by name."""
    capacities = [c for c in snapshot.capacities if isinstance(c, ManagedNodeGroup | SelfManagedGroup)]
    pairs = [(c, group) for c in capacities if not isinstance(c.groups, Gap) for group in c.groups]
    return sorted(pairs, key=lambda pair: pair[1].name)


def _hidden_groups(snapshot: Snapshot) -> Gap | None:
    capacities = sorted((c for c in snapshot.capacities if isinstance(c, ManagedNodeGroup)), key=lambda c: c.name)
    gaps = (c.groups for c in capacities if isinstance(c.groups, Gap))
    return snapshot.unseen(("managed", "self-managed")) or next(gaps, None)


def _helpers(group: ScalingGroup, now: datetime) -> Iterator[str]:
    """Yield what else is seen to scale a group; what could not be read of it is looked at where it decides."""
    if not isinstance(group.policies, Gap):
        yield from (f"the scaling policy {policy.name} of {group.name}" for policy in _acting(group))
    if not isinstance(group.scheduled, Gap):
        recurring = (action for action in coming(group, now) if action.recurrence is not None)
        yield from (f"the scheduled action {action.name} of {group.name}" for action in recurring)


def _unscaled(
    capacity: GroupCapacity, group: ScalingGroup, elastic: int, snapshot: Snapshot, long: timedelta
) -> Verdict:
    evidence: dict[str, Scalar] = {
        "elastic": capacity.name,
        "nodegroup" if isinstance(capacity, ManagedNodeGroup) else "own_group": capacity.name,
    }
    if group.desired:
        evidence["desired"] = group.desired  # of a group that sleeps, nobody knows which size is meant
    growing = "group may" if elastic == 1 else "groups may"
    reason = f"nothing that AWS shows scales it, and {elastic} {growing} grow"
    if not at_max(group):
        sizes = f"{group.name} wants {group.desired} of {group.min_size} to {group.max_size} nodes"
        return replace(failed(f"{reason}: {sizes}", severity=Severity.LOW), evidence=evidence)
    sizes = f"{group.name} is at its maximum of {group.max_size}"
    if isinstance(group.scaled_at, Gap):
        verdict = failed(f"{reason}: {sizes}, since when is not known: {group.scaled_at}", severity=Severity.LOW)
        return replace(verdict, evidence=evidence, partial=True)
    long_at = at_rest_since(group) + long
    if snapshot.taken_at < long_at:
        verdict = failed(f"{reason}: {sizes}", severity=Severity.LOW, due_at=long_at)
    else:
        verdict = failed(f"{reason}: {sizes}, and has been for {words(long)}", severity=Severity.MEDIUM)
    return replace(verdict, evidence=evidence)
