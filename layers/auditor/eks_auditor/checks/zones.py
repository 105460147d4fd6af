"""ZONE: does the data plane survive the loss of a zone?"""

from dataclasses import replace

from eks_auditor.check import check
from eks_auditor.checks.together import within_its_set
from eks_auditor.model.capacity import ManagedNodeGroup, NodePool, ScalingGroup, SelfManagedGroup
from eks_auditor.model.cluster import Cluster, is_availability_zone
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import (
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
from eks_auditor.policy.thresholds import Thresholds, count, percent
from eks_auditor.spread.balance import EVEN, Balance, Evenness, zones_of
from eks_auditor.spread.causes import STOPPING, causes, launches_failed
from eks_auditor.spread.launching import launching
from eks_auditor.spread.pins import accelerated, excuse
from eks_auditor.spread.reach import Reach, cluster_subnets
from eks_auditor.spread.siblings import SiblingSet, Spread, first_of
from eks_auditor.spread.updating import joined, updating

FEWEST_ZONES = 2


@check(
    id="ZONE001",
    title="The data plane should reach at least two Availability Zones, and three where the VPC does",
    severity=Severity.CRITICAL,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/data-plane.html",
    thresholds={
        "minimum_zones": count(FEWEST_ZONES, "in fewer zones a data plane is CRITICAL", least=1, greatest=6),
        "enough_zones": count(3, "in fewer zones it is LOW where the VPC has further ones", least=1, greatest=6),
    },
)
def data_plane_in_too_few_zones(cluster: Cluster, snapshot: Snapshot, limits: Thresholds) -> Verdict:
    """Counts the Availability Zones in which the cluster's nodes can be launched.

    They are the zones of the groups' subnets, those where Karpenter's and standalone nodes run, and with Auto Mode
    those of the cluster's subnets; without any EC2 capacity, those of the Fargate profiles. Local and Wavelength Zones
    do not count, nor do groups that cannot launch. Fewer than two zones are CRITICAL; with Karpenter, whose subnets are
    not visible, LOW once seen in two audits. Two are LOW where the VPC has subnets of the nodes' kind, private or
    public, in a third.

    Why: when a zone fails, whatever runs in it is gone, and only capacity in other zones can take its pods.

    Fix:
    aws: aws eks create-nodegroup --region {region} --cluster-name {cluster} --nodegroup-name NEW_GROUP
      --node-role NODE_ROLE_ARN --subnets SUBNET_IN_ANOTHER_ZONE # nodes are in {node_zones}
    aws: aws eks create-fargate-profile --region {region} --cluster-name {cluster} --fargate-profile-name NEW_PROFILE
      --pod-execution-role-arn POD_ROLE_ARN --selectors namespace=NAMESPACE
      --subnets SUBNET_IN_ANOTHER_ZONE # pods are in {fargate_zones}
    eksctl: eksctl create nodegroup --region {region} --cluster {cluster} --name NEW_GROUP
      --node-zones ZONE_NAMES # nodes are in {node_zones}
    terraform: list private subnets of three zones in subnet_ids of aws_eks_node_group
    cloudformation: list private subnets of three zones in Subnets of AWS::EKS::Nodegroup
    """
    if cluster.outpost:
        return on_outpost()
    reach, minimum, enough = Reach.of(snapshot), limits.number("minimum_zones"), limits.number("enough_zones")
    if len(reach.zones) < max(minimum, enough) and reach.gap is not None:
        raise UnreadableError(reach.gap)
    if len(reach.zones) < minimum:
        update = joined(reach.moving, snapshot)
        if update is not None:
            return settling(update.reason, due_at=update.due_at)
    if not (reach.zones or reach.apart):
        return not_applicable("it has no nodes and no capacity")
    return _enough(reach, minimum, enough, snapshot)


@check(
    id="ZONE002",
    title="Groups should launch in more than one zone, or have siblings in other zones",
    severity=Severity.HIGH,
    docs="https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html",
)
def group_pinned_to_one_zone(
    capacity: ManagedNodeGroup | SelfManagedGroup | NodePool, cluster: Cluster, snapshot: Snapshot, spread: Spread
) -> Verdict:
    """Finds groups that launch in one Availability Zone, and whose siblings cover no other.

    One group per zone is what AWS recommends for zonal volumes: siblings, whose labels, taints and shape are equal, are
    judged together. Siblings that cannot launch are no help: deleted or failed ones, those of maximum size 0, and those
    with Launch suspended. HIGH; MEDIUM with accelerators; INFORMATIONAL where there is a reason: a Capacity Block, a
    targeted reservation, a cluster placement group, EFA, a type that one zone only offers, or a maximum size of one.

    Why: when that zone fails, pods that need these nodes cannot run anywhere.

    Fix:
    aws (managed): aws eks create-nodegroup --region {region} --cluster-name {cluster} --nodegroup-name {name}-2
      --node-role NODE_ROLE_ARN --subnets SUBNET_IN_ANOTHER_ZONE # with the labels, taints and types of {name}
    aws (self-managed): aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {name}
      --vpc-zone-identifier {subnets},SUBNET_IN_ANOTHER_ZONE
    eksctl (managed): eksctl create nodegroup --region {region} --cluster {cluster} --name {name}-2
      --node-zones ANOTHER_ZONE_NAME # with the labels, taints and types of {name}
    terraform (managed): list subnets of further zones in subnet_ids of {name} (this replaces it), or add a like group
      for each zone
    terraform (self-managed): list subnets of further zones in vpc_zone_identifier of {name}
    cloudformation (managed): add an AWS::EKS::Nodegroup like {name} for each further zone
    cloudformation (self-managed): list subnets of further zones in VPCZoneIdentifier of {name}
    """
    if cluster.outpost:
        return on_outpost()
    if isinstance(capacity, NodePool):
        return unknown("the subnets that its NodeClass selects are in Kubernetes' API only, which is not read")
    update = updating(capacity, snapshot)
    if update is not None:
        return settling(update.reason, due_at=update.due_at)
    return _pinned(capacity, snapshot, spread)


@check(
    id="ZONE003",
    title="Nodes of sibling groups should be spread evenly over their zones",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/data-plane.html",
    thresholds={
        "nodes_per_zone": count(EVEN.nodes_per_zone, "with fewer nodes a zone, skew is not judged", least=1),
        "skew": percent(20, "so much of the mean zones may differ by, in a group that Auto Scaling rebalances"),
        "fair_share": percent(
            150, "of its fair share, the fullest zone of others holds so much at least", least=100, greatest=None
        ),
    },
)
def nodes_unevenly_spread(
    subject: SiblingSet | ManagedNodeGroup | SelfManagedGroup,
    cluster: Cluster,
    snapshot: Snapshot,
    spread: Spread,
    limits: Thresholds,
) -> Verdict:
    """Counts the nodes in service of a sibling set in each zone that its groups launch in.

    Empty zone: there are at least as many nodes as zones, and one has none. HIGH where launches failed in it or a
    group bound to it wants nodes, INFORMATIONAL where its groups are scaled to zero or it is a pool's, else MEDIUM.
    Skew: from two nodes a zone on, a group that Auto Scaling rebalances differs by more than one node and 20 % of the
    mean (MEDIUM), or the fullest zone holds half as much again as its fair share, and more than chance gives it (LOW
    for several groups). It counts once seen in two audits. A group whose siblings are not known is UNKNOWN.

    Why: the zone that holds most nodes takes most pods with it when it fails.

    Fix:
    aws: aws autoscaling resume-processes --region {region} --auto-scaling-group-name {suspended_group}
      --scaling-processes {suspended}
    aws: aws autoscaling describe-scaling-activities --region {region} --auto-scaling-group-name {group}
    aws: aws ec2 describe-subnets --region {region} --filters Name=vpc-id,Values={vpc}
      Name=availability-zone-id,Values={zone} # are there free addresses?
    helm: set extraArgs.balance-similar-node-groups=true on cluster-autoscaler, which then fills {siblings} evenly
    kubectl: kubectl get nodepool {pool} -o yaml # do its requirements and its NodeClass's subnets allow {zone}?
    terraform: do not suspend AZRebalance on {group} (suspended_processes), and give it and its siblings one min_size
    cloudformation: give {group} and its siblings one MinSize
    """
    if cluster.outpost:
        return on_outpost()
    if not isinstance(subject, SiblingSet):
        return within_its_set(subject, spread)
    update = joined(subject.members, snapshot)
    if update is not None:
        return settling(update.reason, due_at=update.due_at)
    (first, *_) = subject.members
    even = Evenness(limits.number("nodes_per_zone"), limits.exactly("skew"), limits.exactly("fair_share"))
    verdict = _pool(first, snapshot) if isinstance(first, NodePool) else _groups(subject, snapshot, even)
    if verdict.status is Status.FAILED and subject.key in spread.doubts:
        raise UnreadableError(spread.doubts[subject.key])
    return verdict


def _enough(reach: Reach, minimum: int, enough: int, snapshot: Snapshot) -> Verdict:
    zones = ", ".join(sorted(reach.zones)) or "none"
    count = len(reach.zones)
    apart = f"; not counted: {', '.join(sorted(reach.apart))}" if reach.apart else ""
    noun = "Availability Zone" if count == 1 else "Availability Zones"
    where = f"{'EC2' if reach.ec2 else 'Fargate'} capacity is in {count} {noun}: {zones}{apart}"
    few = count < minimum
    if not few and count >= enough:
        return passed(where, zones=count)
    further = [] if few else _further_zones(reach, snapshot)
    if not (few or further):
        others = "a third" if count == FEWEST_ZONES else "another"
        return passed(f"{where}; the VPC has no such subnets in {others}", zones=count)
    if further:
        where = f"{where}; the VPC has such subnets in {', '.join(further)} too"
    elif minimum > FEWEST_ZONES:
        where = f"{where}; the policy wants {minimum}"
    by_chance = few and reach.karpenter
    if by_chance:
        where = f"{where}; Karpenter's nodes count where they run, for the subnets of its NodeClass are not visible"
    severity = Severity.LOW if not few or by_chance else Severity.CRITICAL
    verdict = failed(where, severity=severity, confirm=by_chance)
    return replace(verdict, evidence={"zones": count, "node_zones" if reach.ec2 else "fargate_zones": zones})


def _further_zones(reach: Reach, snapshot: Snapshot) -> list[str]:
    """Return the further zones where the VPC has subnets of the nodes' kind, private or public."""
    alike = [subnet for subnet in known(snapshot.vpc_subnets) if subnet.public in reach.public]
    return sorted(zones_of(alike) - reach.zones)


def _pinned(capacity: ManagedNodeGroup | SelfManagedGroup, snapshot: Snapshot, spread: Spread) -> Verdict:
    groups = known(capacity.groups)
    if not groups:
        return not_applicable(f"{capacity.name} has no Auto Scaling group")
    zones = zones_of(subnet for group in groups for subnet in known(group.subnets))
    if not zones:
        return not_applicable(f"{capacity.name} launches in Local or Wavelength Zones only")
    if len(zones) > 1:
        return passed(f"{capacity.name} launches in {len(zones)} zones: {', '.join(sorted(zones))}")
    (zone,) = zones
    return _alone_in(zone, capacity, groups, snapshot, spread)


def _alone_in(
    zone: str,
    capacity: ManagedNodeGroup | SelfManagedGroup,
    groups: tuple[ScalingGroup, ...],
    snapshot: Snapshot,
    spread: Spread,
) -> Verdict:
    siblings = known(spread.set_of(capacity))
    others = [member for member in siblings.members if isinstance(member, ManagedNodeGroup | SelfManagedGroup)]
    subnets = [group.subnets for member in others for group in known(launching(member))]
    covered = {zone} | zones_of(subnet for part in subnets if not isinstance(part, Gap) for subnet in part)
    if len(covered) > 1:
        return passed(
            f"{capacity.name} launches in {zone} only; with its siblings, {siblings.name}, it covers "
            f"{len(covered)} zones: {', '.join(sorted(covered))}"
        )
    hidden = next((part for part in subnets if isinstance(part, Gap)), spread.doubts.get(siblings.key))
    if hidden is not None:
        raise UnreadableError(hidden)
    reason = excuse(groups, snapshot)
    because = f", on purpose it seems: {reason}" if reason else ""
    return failed(
        f"{capacity.name} launches in {zone} only, and no sibling covers another zone{because}",
        severity=Severity.INFORMATIONAL if reason else _weight(groups, snapshot),
        zone=zone,
        group=groups[0].name,
        subnets=",".join(subnet.id for group in groups for subnet in known(group.subnets)),
    )


def _weight(groups: tuple[ScalingGroup, ...], snapshot: Snapshot) -> Severity:
    return Severity.MEDIUM if accelerated(groups, snapshot) else Severity.HIGH


def _pool(pool: NodePool, snapshot: Snapshot) -> Verdict:
    running = {node.zone_id for node in pool.nodes if is_availability_zone(node.zone_id)}
    balance = Balance.of_pool(pool, running | zones_of(known(cluster_subnets(snapshot))))
    if len(balance.nodes) < FEWEST_ZONES:
        return not_applicable(f"{pool.name} has one zone to launch in")
    if not balance.empty:
        return passed(f"nodes by zone: {balance}", total=balance.total)
    return failed(
        f"{pool.name} has no node in {', '.join(balance.empty)}; nodes by zone of the cluster's subnets: {balance}. "
        "Its NodeClass may allow fewer zones, and consolidation may have emptied one",
        severity=Severity.INFORMATIONAL,
        confirm=True,
        pool=pool.name,
        zone=balance.empty[0],
        vpc=snapshot.cluster.vpc_id,
        total=balance.total,
        nodes=str(balance),
    )


def _groups(siblings: SiblingSet, snapshot: Snapshot, even: Evenness) -> Verdict:
    members = [member for member in siblings.members if isinstance(member, ManagedNodeGroup | SelfManagedGroup)]
    balance = Balance.of_groups(members, even)
    if len(balance.nodes) < FEWEST_ZONES:
        return not_applicable("its groups launch in fewer than two Availability Zones; ZONE002 judges that")
    empty = [zone for zone in balance.empty if not balance.idle(zone)]
    if empty:
        return _uneven(f"no node is in {', '.join(empty)}", empty[0], _rung_of_empty(empty, balance), balance, snapshot)
    if balance.skewed:
        counts = {zone: count for zone, count in balance.nodes.items() if not balance.idle(zone)}
        fullest, emptiest = max(counts, key=lambda zone: counts[zone]), min(counts, key=lambda zone: counts[zone])
        reason = f"{fullest} holds {counts[fullest]} of {balance.total} nodes, {emptiest} {counts[emptiest]}"
        severity = Severity.MEDIUM if len(balance.groups) == 1 else Severity.LOW
        return _uneven(reason, emptiest, severity, balance, snapshot)
    if balance.empty:
        reason = f"no node is in {', '.join(balance.empty)}, whose groups are scaled to zero"
        return _uneven(reason, balance.empty[0], Severity.INFORMATIONAL, balance, snapshot)
    return passed(f"nodes by zone: {balance}", total=balance.total)


def _rung_of_empty(zones: list[str], balance: Balance) -> Severity:
    wanted = any(balance.wanted(zone) for zone in zones)
    if wanted or any(launches_failed(zone, balance.groups_in(zone)) for zone in zones):
        return Severity.HIGH
    return Severity.MEDIUM


def _uneven(reason: str, zone: str, severity: Severity, balance: Balance, snapshot: Snapshot) -> Verdict:
    groups = balance.groups_in(zone)
    visible = "; ".join(causes(zone, groups, snapshot)) or "none is visible"
    evidence = {"zone": zone, "vpc": snapshot.cluster.vpc_id, "group": groups[0].name, "nodes": str(balance)}
    stopped = [(group.name, process) for group in groups for process in STOPPING if process in group.suspended]
    if stopped:
        evidence["suspended_group"], evidence["suspended"] = stopped[0]
    if len(balance.groups) > 1:
        evidence["siblings"] = first_of([group.name for group in balance.groups])
    verdict = failed(f"{reason}; nodes by zone: {balance}; cause: {visible}", severity=severity, confirm=True)
    return replace(verdict, evidence=evidence | {"total": balance.total})
