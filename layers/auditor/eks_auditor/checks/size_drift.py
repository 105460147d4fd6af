"""CAS011: sizes of a managed group that EKS does not know of."""

from dataclasses import replace

from eks_auditor.autoscaler.scaler import Scaler
from eks_auditor.check import check
from eks_auditor.checks.scaled import no_group, not_scaled
from eks_auditor.checks.scheduled import coming
from eks_auditor.model.capacity import ManagedNodeGroup, ScalingGroup
from eks_auditor.model.gap import known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Scalar, Severity, Verdict, failed, passed, settling, unknown
from eks_auditor.spread.siblings import first_of
from eks_auditor.spread.updating import updating


@check(
    id="CAS011",
    title="Managed groups should have the sizes that EKS was told",
    severity=Severity.LOW,
    docs="https://docs.aws.amazon.com/eks/latest/userguide/update-managed-node-group.html",
)
def sizes_edited_behind_eks(capacity: ManagedNodeGroup, snapshot: Snapshot, scaler: Scaler) -> Verdict:
    """Compares the Auto Scaling group's minimum and maximum with the node group's, while it is active and settled.

    The desired size is never compared, for it is the autoscaler's. MEDIUM where the maximum is lower than EKS was told:
    then there is less room than people believe. It counts once seen in two audits. Sizes that a scheduled action sets
    pass, for the schedule is meant.

    Why: the autoscaler goes by the Auto Scaling group, people and their tools by EKS, and the next change of the node
    group's sizes by EKS undoes the edit without a word.

    Fix:
    aws: aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {group}
      --min-size {eks_min} --max-size {eks_max} # if what EKS was told is meant
    aws: aws eks update-nodegroup-config --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --scaling-config minSize={min},maxSize={max} # if the edit is meant
    eksctl: eksctl scale nodegroup --region {region} --cluster {cluster} --name {name} --nodes-min {min}
      --nodes-max {max} # if the edit is meant
    terraform: if the edit is meant, set min_size to {min} and max_size to {max} in the scaling_config of {name}
    cloudformation: if the edit is meant, set MinSize to {min} and MaxSize to {max} in the ScalingConfig of {name}
    """
    groups = known(capacity.groups)
    if not groups:
        return no_group(capacity)
    unjudged = next((said for group in groups if (said := not_scaled(capacity, group, scaler))), None)
    if unjudged is not None:
        return unjudged
    update = updating(capacity, snapshot)
    if update is not None:
        return settling(update.reason, due_at=update.due_at)
    if capacity.status != "ACTIVE":
        return settling(f"{capacity.name} is {capacity.status}")
    if capacity.min_size is None or capacity.max_size is None:
        return unknown(f"EKS does not tell the sizes of {capacity.name}")
    return _compared(capacity.min_size, capacity.max_size, groups, scaler, snapshot)


def _compared(
    eks_min: int, eks_max: int, groups: tuple[ScalingGroup, ...], scaler: Scaler, snapshot: Snapshot
) -> Verdict:
    least, most = sum(group.min_size for group in groups), sum(group.max_size for group in groups)
    sizes = f"{groups[0].name} has the sizes {least} to {most}"
    if (least, most) == (eks_min, eks_max):
        return passed(f"{sizes}, as EKS was told ({scaler.because})")
    actions = [action for group in groups for action in coming(group, snapshot.taken_at)]
    setting = [action.name for action in actions if (action.min_size, action.max_size) != (None, None)]
    if setting:
        return passed(f"{sizes} and not {eks_min} to {eks_max}, and follows the schedule {first_of(setting)}")
    # EKS takes no maximum of 0: that edit cannot be meant to stay.
    told: dict[str, Scalar] = {"min": least, "max": most} if most else {}
    verdict = failed(
        f"{sizes}, and EKS was told {eks_min} to {eks_max} ({scaler.because})",
        severity=Severity.MEDIUM if most < eks_max else Severity.LOW,
        # EKS and Auto Scaling are not read at one instant: an update may have begun in between.
        confirm=True,
        group=groups[0].name,
        eks_min=eks_min,
        eks_max=eks_max,
    )
    return replace(verdict, evidence={**verdict.evidence, **told})
