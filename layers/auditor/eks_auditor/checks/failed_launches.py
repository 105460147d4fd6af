"""ZONE, by what Auto Scaling tried in vain: launches that fail in a zone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from eks_auditor.check import check
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, ScalingGroup, SelfManagedGroup
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Scalar, Severity, Verdict, failed, not_applicable, on_outpost, passed
from eks_auditor.policy.thresholds import Thresholds, count, hours, in_hours
from eks_auditor.spread.failed_launches import (
    FailedIn,
    configuration_cause,
    failed_by_zone,
    lacks_addresses,
    service_of_quota,
)
from eks_auditor.spread.updating import updating

LOOKED_BACK = 24
"""Hours in which a snapshot knows of launches that failed."""

_SCALING_ROLE = (
    "arn:{}:iam::{}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"  # the default one
)


@check(
    id="ZONE012",
    title="Launches should not fail in a zone",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-instancelaunchfailure.html",
    thresholds={
        # Auto Scaling tries again when one launch fails.
        "enough": count(3, "so many failures in one zone count whatever the group's size", least=1),
        "window": hours(24, "a failure that is older counts no more", least=1, greatest=LOOKED_BACK),
    },
)
def launches_failing(
    capacity: ManagedNodeGroup | SelfManagedGroup, cluster: Cluster, snapshot: Snapshot, limits: Thresholds
) -> Verdict:
    """Counts the launches of the last 24 hours that failed or were cancelled, by group and zone.

    Three in a zone count; and any while the group has fewer nodes than it wants, those on their way included (which it
    may have during an update: then it takes three), once two audits at least an hour apart have seen that. HIGH where
    the message names a cause in the group's configuration (launch template, image, role, key pair, encryption key or
    quota), which does not mend itself: until a node came later or, of three failures, until none is missing either.
    Else LOW once a node came later and none is missing, for a group that only wants fewer has not reached what it
    wanted; MEDIUM before. Once a node came later in that very zone, the failures there are over: LOW if they were
    three. Whether nodes are missing is not told of groups with weighted capacity, whose sizes are no numbers of nodes.
    Spot interruptions of instances that start are no failures.

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
    window, enough = limits.time("window"), limits.number("enough")
    lately = (zone.within(window, snapshot.taken_at) for group in groups for zone in failed_by_zone(group))
    every = [_Failing.of(failed, capacity, enough) for failed in lately if failed is not None]
    counting = [failing for failing in every if failing.many]
    few = [failing for failing in every if failing.short and not failing.many]
    partial = False
    try:
        if few and updating(capacity, snapshot) is None:
            counting += few
    except UnreadableError:
        if not counting:
            raise
        partial = True
    if counting:
        return replace(_failing(counting, cluster), partial=partial)
    return passed("; ".join(_told(every)) or f"no launch failed in {in_hours(window)}")


@dataclass(frozen=True, slots=True)
class _Failing:
    """Failed launches with what became of them.

    Attributes:
        failed: Of one group in one zone.
        later: Whether a node of the group came later, and is in service.
        over: Whether one came where they failed.
        short: Whether they may be why the group has fewer nodes than it wants, those on their way included.
        cause: What of its configuration the last one failed for, as long as nothing shows that it was mended.
        enough: How many of them count whatever the group's size.
    """

    failed: FailedIn
    later: bool
    over: bool
    short: bool
    cause: str | None
    enough: int

    @classmethod
    def of(cls, failed: FailedIn, capacity: GroupCapacity, enough: int) -> Self:
        group = failed.group
        serving = {instance.id for instance in group.in_service}
        later = {node.zone_id for node in capacity.nodes if node.id in serving and node.launched_at > failed.last.at}
        over = failed.zone_id in later if failed.zone_id else bool(later)
        short = not over and not _is_weighted(group) and len(serving) + _coming(group) < group.desired
        lasts = not later or (short and len(failed.launches) >= enough)
        cause = configuration_cause(failed.last.message) if lasts else None
        return cls(failed, bool(later), over, short, cause, enough)

    @property
    def many(self) -> bool:
        return len(self.failed.launches) >= self.enough

    @property
    def severity(self) -> Severity:
        if self.cause is not None:
            return Severity.HIGH
        return Severity.LOW if self.later and not self.short else Severity.MEDIUM

    @property
    def due_at(self) -> datetime:
        """When the last is too old; or the third, where fewer are nothing, or no longer lasting."""
        counting = 1 if self.short and not (self.later and self.cause) else self.enough
        return self.failed.fewer_at(counting)


def _is_weighted(group: ScalingGroup) -> bool:
    """Whether a group's sizes count units, of which a node may be several."""
    return not isinstance(group.launch, Gap) and any(weight != 1 for weight in group.launch.weights.values())


def _coming(group: ScalingGroup) -> int:
    return sum(instance.lifecycle_state.startswith("Pending") for instance in group.instances)


def _failing(counting: list[_Failing], cluster: Cluster) -> Verdict:
    worst = max(counting, key=lambda failing: (failing.severity, len(failing.failed.launches)))
    due_at = min(each.due_at for each in counting)
    evidence: dict[str, Scalar] = {
        "group": worst.failed.group.name,
        "failures": sum(len(each.failed.launches) for each in counting),
    }
    if worst.failed.zone_id is not None:
        evidence["zone"] = worst.failed.zone_id
    evidence |= _way_on(worst, cluster)
    reason = "; ".join(_told(counting))
    verdict = failed(reason, severity=worst.severity, due_at=due_at, confirm=not worst.many)
    return replace(verdict, evidence=evidence)


def _told(failing: list[_Failing]) -> Iterator[str]:
    for each in failing:
        cause = f" (its configuration: {each.cause})" if each.cause else ""
        yield f"{each.failed}{cause}{' (over: a node came there since)' if each.over else ''}"
    groups: dict[str, ScalingGroup] = {each.failed.group.name: each.failed.group for each in failing}
    for group in groups.values():
        count = len(group.in_service)
        weighted = f"{group.name} has {count} nodes and wants {group.desired} units of weighted capacity"
        yield weighted if _is_weighted(group) else f"{group.name} has {count} of {group.desired} nodes that it wants"


def _way_on(worst: _Failing, cluster: Cluster) -> dict[str, Scalar]:
    """Return what the fix of a cause takes."""
    if worst.cause is None:
        zone = worst.failed.zone_id
        return {"scarce_zone": zone} if zone and not lacks_addresses(worst.failed.last.message) else {}
    way: dict[str, Scalar] = {"cause": worst.cause}
    launch = worst.failed.group.launch
    if worst.cause == "quota":
        way["service"] = service_of_quota(worst.failed.last.message)
    elif worst.cause == "encryption key":
        way["scaling_role"] = _SCALING_ROLE.format(cluster.id.partition, cluster.id.account)
    elif not isinstance(launch, Gap) and launch.templates:
        way |= {"template": launch.templates[0].id, "template_version": launch.templates[0].version}
    return way
