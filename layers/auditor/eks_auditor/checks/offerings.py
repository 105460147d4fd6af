"""ZONE, by the zones that groups are configured for: whether their types can start there, and nodes suffice for all."""

from dataclasses import replace

from eks_auditor.check import check
from eks_auditor.model.capacity import GroupCapacity, ManagedNodeGroup, ScalingGroup, SelfManagedGroup
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Status, Verdict, failed, not_applicable, on_outpost, passed, settling
from eks_auditor.spread.balance import zones_of
from eks_auditor.spread.offerings import offers_none
from eks_auditor.spread.siblings import SiblingSet, Spread
from eks_auditor.spread.updating import joined

FEWEST_ZONES = 2
"""A set that is configured for fewer has nothing to spread; ZONE002 judges that."""


@check(
    id="ZONE005",
    title="Groups should have an instance type that each of their Availability Zones offers",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-instancelaunchfailure.html#ts-as-instancelaunchfailure-6",
)
def type_not_offered(capacity: ManagedNodeGroup | SelfManagedGroup, cluster: Cluster, snapshot: Snapshot) -> Verdict:
    """Finds Availability Zones of a group's subnets that offer none of its instance types.

    Zones are compared by their ids, by which EC2 tells its offerings. A group that asks for instances by requirements
    names no type: EC2 chooses from what each zone offers. Groups of maximum size 0 launch nothing.

    Why: a zone in which no node can ever start gives no room to pods when another zone fails, and each attempt there
    delays the launch of a node elsewhere.

    Fix:
    aws: aws ec2 describe-instance-type-offerings --region {region} --location-type availability-zone-id
      --filters Name=location,Values={zone} --query 'InstanceTypeOfferings[].InstanceType' # what {zone} offers
    aws (managed): aws eks create-nodegroup --region {region} --cluster-name {cluster} --nodegroup-name {name}-2
      --node-role NODE_ROLE_ARN --subnets SUBNETS --instance-types TYPES_OFFERED_IN_ALL_ZONES # like {name}
    eksctl (managed): eksctl create nodegroup --region {region} --cluster {cluster} --name {name}-2
      --instance-types TYPES_OFFERED_IN_ALL_ZONES # with the labels and taints of {name}
    terraform (managed): add a type that {zone} offers to instance_types of {name}, or take its subnets out of
      subnet_ids (either replaces the group)
    cloudformation (managed): add a type that {zone} offers to InstanceTypes of {name}, or take its subnets out of
      Subnets (either replaces the group)
    aws (self-managed): aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {name}
      --vpc-zone-identifier {other_subnets} # without {zones}; or add an override of a type offered there
    terraform (self-managed): add an override of a type that {zone} offers to mixed_instances_policy of {name}
    cloudformation (self-managed): add an override of a type that {zone} offers to MixedInstancesPolicy of {name}
    """
    if cluster.outpost:
        return on_outpost()
    groups = [group for group in known(capacity.groups) if group.max_size > 0]
    named = [group for group in groups if known(group.launch).instance_types]
    if not named:
        why = "asks for instances by requirements, and EC2 chooses the types" if groups else "launches nothing"
        return not_applicable(f"{capacity.name} {why}")
    return _offered(capacity, named, snapshot)


@check(
    id="ZONE007",
    title="Sibling groups should be able to have a node in each of their zones, and run more than one",
    severity=Severity.LOW,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/data-plane.html",
)
def too_few_nodes_to_spread(
    capacity: ManagedNodeGroup | SelfManagedGroup, cluster: Cluster, snapshot: Snapshot, spread: Spread
) -> Verdict:
    """Compares the maximum size of a sibling set with the number of zones it is configured for.

    It fails where the maximum is smaller, or where one node runs and one is wanted. A group is judged with its
    siblings: one node in each of three groups, each bound to a zone of its own, is enough. A set whose groups all have
    minimum size 0 may be scaled to zero on purpose, and one that is configured for a single zone has nothing to
    spread: neither is judged. A group whose siblings are not known is UNKNOWN where they might mend it.

    Why: with one node, or fewer than zones, the pods that need such nodes cannot be spread, and the zone that fails
    may take all of them.

    Fix:
    aws (managed): aws eks update-nodegroup-config --region {region} --cluster-name {cluster} --nodegroup-name {name}
      --scaling-config minSize={min_size},maxSize={max_size} # and desiredSize={min_size} if it wants fewer nodes now
    aws (self-managed): aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {name}
      --min-size {min_size} --max-size {max_size}
    eksctl (managed): eksctl scale nodegroup --region {region} --cluster {cluster} --name {name}
      --nodes-min {min_size} --nodes-max {max_size}
    terraform (managed): set min_size to {min_size} and max_size to {max_size} in scaling_config of {name}
    terraform (self-managed): set min_size to {min_size} and max_size to {max_size} of {name}
    cloudformation: set the minimum size of {name} to {min_size} and the maximum to {max_size}
    """
    if cluster.outpost:
        return on_outpost()
    if not isinstance(capacity.groups, Gap) and all(group.max_size == 0 for group in capacity.groups):
        return not_applicable(f"{capacity.name} has no Auto Scaling group that may launch a node")
    siblings = spread.set_of(capacity)
    # A group whose siblings are hidden is judged by itself: they may mend what it lacks, and not spoil what it has.
    doubt = siblings if isinstance(siblings, Gap) else spread.doubts.get(siblings.key)
    judged = SiblingSet("", capacity.name, (capacity,)) if isinstance(siblings, Gap) else siblings
    update = joined(judged.members, snapshot)
    if update is not None:
        return settling(update.reason, due_at=update.due_at)
    verdict = _sized(capacity, judged)
    if verdict.status is Status.FAILED and doubt is not None:
        raise UnreadableError(doubt)
    return verdict


def _offered(capacity: GroupCapacity, groups: list[ScalingGroup], snapshot: Snapshot) -> Verdict:
    lacking: list[tuple[ScalingGroup, str]] = []
    hidden: UnreadableError | None = None
    for group in groups:
        for zone in sorted(zones_of(known(group.subnets))):
            try:
                if offers_none(zone, known(group.launch).instance_types, snapshot):
                    lacking.append((group, zone))
            except UnreadableError as error:
                hidden = hidden or error
    if lacking:
        return _lacking(capacity, *lacking[0], sorted({zone for _, zone in lacking}))
    if hidden is not None:
        raise hidden
    types = ", ".join(sorted({name for group in groups for name in known(group.launch).instance_types}))
    return passed(f"each of its Availability Zones offers one of {types}")


def _lacking(capacity: GroupCapacity, group: ScalingGroup, zone: str, zones: list[str]) -> Verdict:
    types = known(group.launch).instance_types
    evidence = {"zone": zone, "zones": ", ".join(zones), "types": ", ".join(types)}
    others = [subnet.id for subnet in known(group.subnets) if subnet.zone_id not in zones]
    if others:
        evidence["other_subnets"] = ",".join(others)
    offers = "offers" if len(zones) == 1 else "offer"
    reason = f"{', '.join(zones)} {offers} none of the instance types of {capacity.name}: {', '.join(types)}"
    return replace(failed(reason), evidence=evidence)


def _sized(capacity: GroupCapacity, siblings: SiblingSet) -> Verdict:
    members = [member for member in siblings.members if isinstance(member, ManagedNodeGroup | SelfManagedGroup)]
    groups = [group for member in members for group in known(member.groups) if group.max_size > 0]
    zones = zones_of(subnet for group in groups for subnet in known(group.subnets))
    if len(zones) < FEWEST_ZONES:
        return not_applicable("its set is configured for fewer than two Availability Zones; ZONE002 judges that")
    if not any(group.min_size for group in groups):
        return not_applicable("it may be scaled to zero (minimum size 0)")
    most, desired = sum(group.max_size for group in groups), sum(group.desired for group in groups)
    running = sum(len(group.in_service) for group in groups)
    size = f"{siblings.name}: {len(zones)} zones, at most {most} nodes, {desired} wanted, {running} running"
    alone = desired == running == 1
    if most >= len(zones) and not alone:
        return passed(size, zones=len(zones), max=most, desired=desired)
    own = known(capacity.groups)[0]
    least = own.min_size + 1 if alone else own.min_size
    return failed(
        f"{'one node cannot be spread' if alone else 'fewer nodes than zones are allowed'}; {size}",
        zones=len(zones),
        max=most,
        min_size=least,
        max_size=max(own.max_size + max(len(zones) - most, 0), least),
    )
