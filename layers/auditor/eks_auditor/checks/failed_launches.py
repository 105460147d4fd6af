"""ZONE, by what Auto Scaling tried in vain: launches that fail in a zone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

from eks_auditor.check import check
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, ScalingGroup, SelfManagedGroup
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.gap import Gap, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Scalar, Severity, Verdict, failed, not_applicable, on_outpost, passed
from eks_auditor.spread.failed_launches import FailedIn, configuration_cause, failed_by_zone, lacks_addresses
from eks_auditor.spread.updating import updating

ENOUGH = 3
"""Failures in one zone that count whatever the group's size; Auto Scaling tries again when one launch fails."""

_SCALING_ROLE = (
    "arn:{}:iam::{}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"  # the default one
)


@check(
    id="ZONE012",
    title="Launches should not fail in a zone",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-instancelaunchfailure.html",
)
def launches_failing(capacity: ManagedNodeGroup | SelfManagedGroup, cluster: Cluster, snapshot: Snapshot) -> Verdict:
    """Counts the launches of the last 24 hours that failed or were cancelled, by group and zone.

    Three in a zone count, and any while the group has fewer nodes than it wants, those on their way included (which it
    may have during an update: then it takes three). HIGH where the message names a cause in the group's configuration
    (launch template, image, role, key pair, encryption key or quota), which does not mend itself: until the group has
    as many nodes as it wants and one of them came later. Else MEDIUM while nodes are missing, and LOW once the group
    has as many as it wants. Once a node came later in that very zone, the failures there are over: LOW if they were
    three. Spot interruptions of instances that start are no failures.

    Why: a zone in which nothing starts cannot take what another zone loses, and Auto Scaling tells nobody.

    Fix:
    aws: aws autoscaling describe-scaling-activities --region {region} --auto-scaling-group-name {group}
    aws: aws ec2 describe-launch-template-versions --region {region} --launch-template-id {template}
      --versions {template_version} # what it says of the {cause}
    aws: aws service-quotas list-service-quotas --region {region} --service-code {service} # which quota is used up?
    aws: aws kms create-grant --region {region} --key-id KEY_OF_THE_VOLUMES --grantee-principal {scaling_role}
      --operations Encrypt Decrypt ReEncryptFrom ReEncryptTo GenerateDataKey GenerateDataKeyWithoutPlaintext DescribeKey
      CreateGrant
    eksctl (managed): eksctl create nodegroup --region {region} --cluster {cluster} --name {name}-2
      --instance-types MORE_TYPES # if {scarce_zone} lacks capacity
    terraform: if {scarce_zone} lacks capacity, give {name} more instance types or zones
    cloudformation: if {scarce_zone} lacks capacity, give {name} more instance types or zones
    """
    if cluster.outpost:
        return on_outpost()
    groups = known(capacity.groups)
    if not groups:
        return not_applicable(f"{capacity.name} has no Auto Scaling group")
    every = [_Failing.of(failed, capacity) for group in groups for failed in failed_by_zone(group)]
    counting = [failing for failing in every if _counts(failing, capacity, snapshot)]
    if counting:
        return _failing(counting, cluster)
    return passed("; ".join(_told(every)) or "no launch failed in 24 hours")


@dataclass(frozen=True, slots=True)
class _Failing:
    """Failed launches with what became of them.

    Attributes:
        failed: Of one group in one zone.
        over: Whether a node came later where they failed, and is in service.
        short: Whether they may be why the group has fewer nodes than it wants, those on their way included.
        cause: What of its configuration the last one failed for, as long as nothing shows that it was mended.
    """

    failed: FailedIn
    over: bool
    short: bool
    cause: str | None

    @classmethod
    def of(cls, failed: FailedIn, capacity: GroupCapacity) -> Self:
        group = failed.group
        serving = {instance.id for instance in group.in_service}
        later = {node.zone_id for node in capacity.nodes if node.id in serving and node.launched_at > failed.last.at}
        over = failed.zone_id in later if failed.zone_id else bool(later)
        short = not over and len(serving) + _coming(group) < group.desired
        cause = configuration_cause(failed.last.message) if short or not later else None
        return cls(failed, over, short, cause)

    @property
    def severity(self) -> Severity:
        if self.cause is not None:
            return Severity.HIGH
        return Severity.MEDIUM if self.short else Severity.LOW


def _coming(group: ScalingGroup) -> int:
    return sum(instance.lifecycle_state.startswith("Pending") for instance in group.instances)


def _counts(failing: _Failing, capacity: GroupCapacity, snapshot: Snapshot) -> bool:
    if len(failing.failed.launches) >= ENOUGH:
        return True
    return failing.short and updating(capacity, snapshot) is None


def _failing(counting: list[_Failing], cluster: Cluster) -> Verdict:
    worst = max(counting, key=lambda failing: (failing.severity, len(failing.failed.launches)))
    # A zone is over when its last failure is too old, or its third where nothing is missing.
    due_at = min(each.failed.fewer_at(1 if each.short else ENOUGH) for each in counting)
    evidence: dict[str, Scalar] = {
        "group": worst.failed.group.name,
        "failures": sum(len(each.failed.launches) for each in counting),
    }
    if worst.failed.zone_id is not None:
        evidence["zone"] = worst.failed.zone_id
    evidence |= _way_on(worst, cluster)
    return replace(failed("; ".join(_told(counting)), severity=worst.severity, due_at=due_at), evidence=evidence)


def _told(failing: list[_Failing]) -> Iterator[str]:
    for each in failing:
        cause = f" (its configuration: {each.cause})" if each.cause else ""
        yield f"{each.failed}{cause}{' (over: a node came there since)' if each.over else ''}"
    groups: dict[str, ScalingGroup] = {each.failed.group.name: each.failed.group for each in failing}
    for group in groups.values():
        yield f"{group.name} has {len(group.in_service)} of {group.desired} nodes that it wants"


def _way_on(worst: _Failing, cluster: Cluster) -> dict[str, Scalar]:
    """Return what the fix of a cause takes."""
    if worst.cause is None:
        zone = worst.failed.zone_id
        return {"scarce_zone": zone} if zone and not lacks_addresses(worst.failed.last.message) else {}
    way: dict[str, Scalar] = {"cause": worst.cause}
    launch = worst.failed.group.launch
    if worst.cause == "quota":
        way["service"] = "ebs" if "volume" in worst.failed.message.lower() else "ec2"
    elif worst.cause == "encryption key":
        way["scaling_role"] = _SCALING_ROLE.format(cluster.id.partition, cluster.id.account)
    elif not isinstance(launch, Gap) and launch.templates:
        way |= {"template": launch.templates[0].id, "template_version": launch.templates[0].version}
    return way
