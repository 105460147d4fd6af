"""ZONE, by what Auto Scaling is told not to do: processes that somebody suspended."""

import json

from eks_auditor.check import check
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, ScalingGroup, SelfManagedGroup
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.gap import known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Verdict, failed, not_applicable, on_outpost, passed, settling
from eks_auditor.spread.updating import updating

WITHOUT = {
    "Launch": "no node is launched",
    "Terminate": "no node is removed, so that the autoscaler cannot scale in either, and unhealthy ones stay",
    "ReplaceUnhealthy": "unhealthy nodes are not replaced",
    "HealthCheck": "nodes that fail are not noticed",
    "AZRebalance": "nodes are not spread over the zones again",
}
"""What does not happen while a process is suspended; suspending any other harms neither nodes nor their spread.

Source: https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html. The autoscaler removes
nodes by ``TerminateInstanceInAutoScalingGroup``.
"""

REBALANCE = "AZRebalance"

ROLLING_UPDATE = frozenset({"HealthCheck", "ReplaceUnhealthy", REBALANCE, "AlarmNotification", "ScheduledActions"})
"""What CloudFormation suspends while it replaces the nodes of a group, as AWS recommends, and resumes at the end.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-updatepolicy.html
"""


@check(
    id="ZONE008",
    title="Scaling processes that keep nodes alive and spread should not be suspended",
    severity=Severity.HIGH,
    docs="https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html",
)
def processes_suspended(capacity: ManagedNodeGroup | SelfManagedGroup, cluster: Cluster, snapshot: Snapshot) -> Verdict:
    """Looks for suspended processes of a group, outside its updates and zonal shifts.

    Launch, Terminate, ReplaceUnhealthy and HealthCheck are HIGH; while Terminate is suspended, the autoscaler cannot
    scale in either. AZRebalance alone is MEDIUM in a managed group, whose updates rely on it to place new nodes in each
    zone, and INFORMATIONAL in a self-managed one, where people suspend it on purpose. Other processes do not count.
    What a rolling update of CloudFormation suspends in a self-managed group counts once two audits saw it.

    Why: the group looks as if it would mend and spread itself, and does not when a node or a zone fails.

    Fix:
    aws: aws autoscaling resume-processes --region {region} --auto-scaling-group-name {group}
      --scaling-processes {processes} # AZRebalance, ReplaceUnhealthy or Terminate may then end nodes at once
    terraform (self-managed): take {suspended!s} out of suspended_processes of {name}
    cloudformation (self-managed): a rolling update that failed may have left SuspendProcesses of its UpdatePolicy on
      {name}: resume them
    guide (self-managed): eksctl suspends what asgSuspendProcesses of its ClusterConfig lists: take {suspended!s} out of
      it for {name}
    """
    if cluster.outpost:
        return on_outpost()
    update = updating(capacity, snapshot)
    if update is not None:
        return settling(update.reason, due_at=update.due_at)
    return _suspended(capacity)


def _suspended(capacity: GroupCapacity) -> Verdict:
    groups = known(capacity.groups)
    if not groups:
        return not_applicable(f"{capacity.name} has no Auto Scaling group")
    found = [(group, stopped) for group in groups if (stopped := [each for each in WITHOUT if each in group.suspended])]
    if not found:
        return passed("none of the processes that keep nodes alive and spread is suspended")
    every = [process for _, stopped in found for process in stopped]
    # The worst group first: only one that rebalances no more is less than the others.
    group, stopped = min(found, key=lambda pair: (pair[1] == [REBALANCE], pair[0].name))
    told = "; ".join(
        f"{process} of {g.name} is suspended: {_loss(process, capacity)}" for g, own in found for process in own
    )
    return failed(
        told,
        confirm=isinstance(capacity, SelfManagedGroup) and _may_be_rolling(capacity.group),
        severity=Severity.HIGH if set(every) - {REBALANCE} else _rung_of_rebalance(capacity),
        group=group.name,
        suspended=", ".join(stopped),
        processes=stopped[0] if len(stopped) == 1 else json.dumps(stopped),
    )


def _may_be_rolling(group: ScalingGroup) -> bool:
    return group.suspended >= ROLLING_UPDATE and group.suspended.isdisjoint({"Launch", "Terminate"})


def _loss(process: str, capacity: GroupCapacity) -> str:
    relied_on = process == REBALANCE and isinstance(capacity, ManagedNodeGroup)
    return WITHOUT[process] + (", on which updates of managed groups rely" if relied_on else "")


def _rung_of_rebalance(capacity: GroupCapacity) -> Severity:
    return Severity.MEDIUM if isinstance(capacity, ManagedNodeGroup) else Severity.INFORMATIONAL
