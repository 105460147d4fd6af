"""ZONE006, ZONE010 and ZONE011: subnets that run out of addresses, or that are all in one zone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from eks_auditor.check import check
from eks_auditor.model.capacity import ADDRESSES_OF_A_PREFIX, FargateProfile, ManagedNodeGroup, NodePool
from eks_auditor.model.cluster import Cluster, Subnet
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import (
    Scalar,
    Severity,
    Verdict,
    failed,
    not_applicable,
    on_outpost,
    passed,
    settling,
    unknown,
)
from eks_auditor.policy.thresholds import Thresholds, count, percent
from eks_auditor.spread.addresses import HALF, POOLS, STEPS, Demand, Demands, Step, Zone
from eks_auditor.spread.balance import zones_of
from eks_auditor.spread.reach import cluster_subnets
from eks_auditor.spread.shortage import Shortage, shortage
from eks_auditor.spread.subnets import PERHAPS

RUNGS: Mapping[Step, Severity] = {"node": Severity.CRITICAL, "surge": Severity.HIGH, "growth": Severity.MEDIUM}

CONTROL_PLANE_NEEDS = 5
"""Free addresses in the cluster's subnets without which EKS cannot update the control plane.

Source: https://docs.aws.amazon.com/eks/latest/best-practices/cluster-upgrades.html
"""

MOST_BY_PREFIXES = 1 + 2 * ADDRESSES_OF_A_PREFIX
"""What a node with prefixes holds as a rule: its own address, a prefix in use, and one to spare."""

FEWEST_ZONES = 2
SHOWN = 20


@check(
    id="ZONE006",
    title="Subnets should have addresses for the nodes that are launched next, in every zone by itself",
    severity=Severity.HIGH,
    docs="https://docs.aws.amazon.com/eks/latest/best-practices/ip-opt.html",
    thresholds={
        "growth": percent(50, "of today's nodes, so many more should find addresses, else it is MEDIUM", greatest=None)
    },
)
def subnets_nearly_out_of_addresses(zone: Zone, snapshot: Snapshot, limits: Thresholds) -> Verdict:
    """Compares the free addresses of a zone's subnets with what the nodes that are launched there next take.

    Two pools of subnets count: those that groups and pools launch in, with further ones that the VPC CNI uses beside
    them, and those of pods under custom networking, where a node's primary interface holds its own address alone. A
    node takes the median of what its group's nodes hold, those in service for ten minutes, addresses in reserve
    included, a prefix as 16; a first one what the cluster's nodes hold, but no more than two interfaces of the group's
    first type; with IPv6 it takes one. CRITICAL where no further node of some group fits; HIGH where the surge of an
    update of one managed group does not, in each zone max(2 x zones, maxUnavailable) / zones nodes, or none with its
    updateStrategy MINIMAL; MEDIUM where those of all groups at once do not, or half of today's nodes again, up to the
    maximum sizes. All but CRITICAL count once two audits an hour apart have seen them. Groups that cannot launch are
    left out. UNKNOWN where a pool alone lacks
    addresses that further subnets of the zone have: its NodeClass may select them. While a group that takes addresses
    of the full subnets is being updated, the last word stands: the surge gives its addresses back; so it does while
    nothing is launched in the zone. Local and Wavelength Zones are not judged.

    Why: where a subnet is full, nodes do not start or their pods get no address, and updates stop half way; other
    zones' free addresses are no help.

    Fix:
    aws: aws ec2 create-subnet --region {region} --vpc-id {vpc} --availability-zone-id {zone} --cidr-block FREE_BLOCK
      # at least {lacking} addresses are lacking
    aws: aws ec2 associate-vpc-cidr-block --region {region} --vpc-id {vpc} --cidr-block 100.64.0.0/16
      # first, where the VPC has no free block; pods need no addresses that other networks can reach
    aws: aws autoscaling update-auto-scaling-group --region {region} --auto-scaling-group-name {group}
      --vpc-zone-identifier {group_subnets},NEW_SUBNET
    aws: aws eks create-nodegroup --region {region} --cluster-name {cluster} --nodegroup-name {nodegroup}-2
      --node-role NODE_ROLE_ARN --subnets NEW_SUBNET OTHER_SUBNETS # a managed group keeps the subnets it was made with
    aws: aws ec2 create-tags --region {region} --resources NEW_SUBNET --tags Key=kubernetes.io/role/cni,Value=1
      # the VPC CNI, from 1.18 on and without custom networking, then uses it for pods beside {shared_subnet}
    eksctl: eksctl create nodegroup --region {region} --cluster {cluster} --name {nodegroup}-2
      --subnet-ids NEW_SUBNET,OTHER_SUBNETS
    kubectl: kubectl get nodepool {pool} -o yaml # let the NodeClass that it names select the new subnet, too
    kubectl: kubectl get eniconfig -o custom-columns=NAME:.metadata.name,SUBNET:.spec.subnet
      # let the one of {pod_subnet} name the new subnet; new nodes' pods then use it
    kubectl: kubectl set env daemonset aws-node -n kube-system AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG=true
      ENI_CONFIG_LABEL_DEF=topology.kubernetes.io/zone
      # pods of new nodes then leave {shared_subnet} to nodes; but first create an ENIConfig for each zone, named as the
      zone ({zone_name}, not its id), or they get no address
    kubectl: kubectl set env daemonset aws-node -n kube-system WARM_IP_TARGET=2 MINIMUM_IP_TARGET=PODS_OF_A_NODE
      # nodes keep fewer addresses in reserve; a node holds {held} now
    kubectl: kubectl set env daemonset aws-node -n kube-system ENABLE_PREFIX_DELEGATION=true WARM_PREFIX_TARGET=1
      # a new node then holds them by 16 at a time, not {by_interface} of whole interfaces; not for fragmented subnets
    terraform: add an aws_subnet in {zone}, on an aws_vpc_ipv4_cidr_block_association where the VPC is full, and list it
      where the full ones are listed
    cloudformation: add an AWS::EC2::Subnet in {zone}, on an AWS::EC2::VPCCidrBlock where the VPC is full, and list it
      where the full ones are listed
    """
    if snapshot.cluster.outpost:
        return on_outpost()
    found = Demands.of(zone.id, snapshot, limits.exactly("growth"))
    seen = shortage(found)
    if seen is None and found.gap is not None:
        raise UnreadableError(found.gap)
    if seen is None:
        return _enough(zone, found)
    lasting, update = found.lasting, found.update
    if update is not None and shortage(lasting) is None:
        return settling(update.reason, due_at=update.due_at)
    short = shortage(lasting.at_best)
    if short is None:
        return unknown(
            f"in {zone.id} there are no addresses for {_words(seen.step, found)} of {_names(seen.demands)} in subnets "
            f"of its nodes, but there are in {PERHAPS}"
        )
    # What could not be read only takes more addresses; and a change, or subnets of a pool, may hide a worse rung.
    partial = found.gap is not None or _rung(short) < _rung(seen)
    confirm = found.churn or short.step != "node"
    return replace(_short(zone, short, found, snapshot), partial=partial, confirm=confirm)


@check(
    id="ZONE010",
    title="Subnets of the control plane should have five free addresses in at least two Availability Zones",
    severity=Severity.HIGH,
    docs="https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html",
    thresholds={
        "free_addresses": count(
            CONTROL_PLANE_NEEDS, "a subnet of the control plane should have as many", least=CONTROL_PLANE_NEEDS
        )
    },
)
def control_plane_subnets_full(cluster: Cluster, snapshot: Snapshot, limits: Thresholds) -> Verdict:
    """Counts the Availability Zones in which a subnet of the cluster itself has at least five free addresses.

    Why: EKS needs up to five addresses in subnets of two zones to replace the control plane's interfaces: without them
    a version update, or another update of the cluster, fails.

    Fix:
    aws: aws ec2 create-subnet --region {region} --vpc-id {vpc} --availability-zone-id {full_zone}
      --cidr-block FREE_BLOCK # a /28 will do; it must be in a zone that the cluster was made with
    aws: aws eks update-cluster-config --region {region} --name {cluster}
      --resources-vpc-config subnetIds={roomy},NEW_SUBNET
    aws: aws eks update-cluster-config --region {region} --name {cluster}
      --resources-vpc-config subnetIds=NEW_SUBNET,NEW_SUBNET_IN_ANOTHER_ZONE # all of {full} are too full
    eksctl: eksctl utils update-cluster-vpc-config --region {region} --cluster {cluster}
      --control-plane-subnet-ids {roomy},NEW_SUBNET --approve
    terraform: list subnets of two zones with room in subnet_ids of the vpc_config of aws_eks_cluster
    cloudformation: list subnets of two zones with room in SubnetIds of ResourcesVpcConfig of AWS::EKS::Cluster
    """
    if cluster.outpost:
        return on_outpost()
    subnets = tuple(subnet for subnet in known(cluster_subnets(snapshot)) if subnet.regular)
    wanted = limits.number("free_addresses")
    roomy = [subnet for subnet in subnets if subnet.free_addresses >= wanted]
    zones = zones_of(roomy)
    told = f"free addresses of the cluster's subnets: {_free_in(subnets)}"
    where = f"{len(zones) or 'no'} zone{'s' if len(zones) > 1 else ''}{_listed(zones)}"
    if len(zones) >= FEWEST_ZONES:
        return passed(f"subnets with {wanted} or more are in {where}; {told}", zones=len(zones))
    if cluster.status == "UPDATING":
        return settling("the cluster is UPDATING, which takes addresses of its subnets for a while")
    full = [subnet for subnet in subnets if subnet not in roomy]
    evidence: dict[str, Scalar] = {"zones": len(zones), "subnets": _free_in(subnets), "vpc": cluster.vpc_id}
    evidence["full_zone"] = min(zones_of(full) - zones, default="ANOTHER_ZONE")
    if roomy:
        evidence["roomy"] = ",".join(sorted(subnet.id for subnet in roomy))
    else:
        evidence["full"] = ",".join(sorted(subnet.id for subnet in full)) or "none"
    needed = f"an update needs up to {CONTROL_PLANE_NEEDS} addresses in two zones"
    as_many = "as many" if wanted == CONTROL_PLANE_NEEDS else f"{wanted}, which the policy wants,"
    return replace(failed(f"{needed}, and subnets with {as_many} are in {where}; {told}"), evidence=evidence)


@check(
    id="ZONE011",
    title="Fargate profiles should start pods in more than one Availability Zone",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/eks/latest/userguide/fargate-profile.html",
)
def fargate_profile_in_one_zone(profile: FargateProfile, cluster: Cluster, snapshot: Snapshot) -> Verdict:
    """Counts the Availability Zones of a Fargate profile's subnets.

    Why: when that zone fails, or its Fargate capacity runs short, the profile's pods cannot start anywhere else.

    Fix:
    aws: aws eks create-fargate-profile --region {region} --cluster-name {cluster} --fargate-profile-name {name}-2
      --pod-execution-role-arn POD_ROLE_ARN --selectors namespace=NAMESPACE --subnets {subnet} SUBNET_IN_ANOTHER_ZONE
      # with the selectors of {name}, which cannot be changed: delete it then
    eksctl: eksctl get fargateprofile --region {region} --cluster {cluster} --name {name} -o yaml
      # add subnets of other zones to it in the config file, under another name, then create it and delete this one
    terraform: list private subnets of further zones in subnet_ids of {name} (this replaces it)
    cloudformation: list private subnets of further zones in Subnets of {name} (this replaces it)
    """
    if cluster.outpost:
        return on_outpost()
    if profile.status == "DELETING":
        return settling(f"{profile.name} is DELETING")
    subnets = known(profile.subnets)
    zones = sorted(zones_of(subnets))
    if len(zones) >= FEWEST_ZONES:
        return passed(f"its subnets are in {len(zones)} zones{_listed(zones)}", zones=len(zones))
    if not zones:
        return not_applicable("it has no subnets in Availability Zones")
    private = () if isinstance(snapshot.vpc_subnets, Gap) else (s for s in snapshot.vpc_subnets if not s.public)
    others = sorted(zones_of(private) - set(zones))
    further = f"; the VPC has private subnets in {', '.join(others)} too" if others else ""
    return failed(f"its subnets are all in {zones[0]}{further}", zone=zones[0], subnet=min(s.id for s in subnets))


def _enough(zone: Zone, found: Demands) -> Verdict:
    steps = [step for step in STEPS if any(demand.nodes[step] for demand in found.demands)]
    if not steps:
        return settling(f"no further nodes are launched in {zone.id} now: its groups are full, or launch nothing")
    reason = f"in {zone.id} there are addresses for {', '.join(_words(step, found) for step in steps)}"
    return replace(passed(f"{reason}; {_told(found.demands, steps, at_once=True)}"), evidence=_facts(found))


def _short(zone: Zone, short: Shortage, found: Demands, snapshot: Snapshot) -> Verdict:
    nodes = _some(f"{_name(demand)} {demand.nodes[short.step]}" for demand in short.demands)
    whose = f"of {_names(short.demands)}" if short.step == "node" else f"(nodes: {nodes})"
    full = _some(f"{name} {found.free[name]}" for name in short.subnets)
    pods = _some(f"{name} {found.free[name]}" for name in short.pod_subnets)
    free = "; ".join(part for part in (full, f"for pods {pods}" if pods else "") if part)
    wanted = f"in {zone.id} there are no addresses for {_words(short.step, found)} {whose}"
    evidence: dict[str, Scalar] = {
        "zone": zone.id,
        "zone_name": _zone_name(zone, short.demands[0], snapshot),
        "vpc": snapshot.cluster.vpc_id,
        "lacking": short.lacking,
        "nodes": nodes,
    }
    evidence |= _facts(found) | dict(_ways(short))
    assumed = _told(short.demands, [short.step], at_once=short.at_once)
    verdict = failed(f"{wanted}; free: {free}; {assumed}", severity=_rung(short))
    return replace(verdict, evidence=evidence)


def _zone_name(zone: Zone, demand: Demand, snapshot: Snapshot) -> str:
    """Return what this account calls a zone that a group or a pool launches in."""
    subnets = known(snapshot.vpc_subnets if demand.group is None else demand.group.subnets)
    return next(subnet.zone_name for subnet in subnets if subnet.zone_id == zone.id)


def _words(step: Step, found: Demands) -> str:
    match step:
        case "node":
            return "one more node"
        case "surge":
            return "the surge of an update"
        case "growth":
            return "half as many nodes again" if found.growth == HALF else f"{float(100 * found.growth):g}% more nodes"


def _rung(short: Shortage) -> Severity:
    """Return how bad it is; hardly anybody updates all groups at once."""
    return Severity.MEDIUM if short.at_once else RUNGS[short.step]


def _told(demands: tuple[Demand, ...], steps: Sequence[Step], *, at_once: bool) -> str:
    """Say what a node takes, and what is assumed."""
    needs = _some(f"{_name(demand)} {_need(demand)}" for demand in demands)
    return f"a node takes: {needs}; assumed: {', '.join(_assumed(demands, steps, at_once=at_once))}"


def _assumed(demands: tuple[Demand, ...], steps: Sequence[Step], *, at_once: bool) -> Iterator[str]:
    if any(demand.seen for demand in demands):
        yield "what the median node of its group holds, in reserve too"
    if not all(demand.seen for demand in demands):
        yield "what the cluster's nodes hold, but two whole interfaces of its type at most, for a first node"
    if any(demand.need.pods and not demand.pod_subnets for demand in demands):
        yield "pods find room, for where theirs come from in this zone is not seen"
    if any(len(subnets) > 1 for demand in demands for _, subnets in demand.pools):
        yield "any subnet of the zone will do"
    if any(demand.prefixes for demand in demands):
        yield "free addresses lie together in blocks of 16"
    if any(step != "node" for step in steps):
        yield "new nodes are shared out evenly over zones"
        if at_once and len(demands) > 1:
            yield "all groups are updated or grow at once"


def _facts(found: Demands) -> dict[str, Scalar]:
    """Return the capacities, what a node of each takes, and the free addresses, by the pool of subnets."""
    own = sorted({name for demand in found.demands for name in (*demand.subnets, *demand.further_subnets)})
    pods = sorted({name for demand in found.demands for name in demand.pod_subnets})
    facts = {
        "capacities": _names(found.demands),
        POOLS: _names(demand for demand in found.demands if isinstance(demand.capacity, NodePool)),
        "needs": _some(f"{_name(demand)}: {_need(demand)}" for demand in found.demands),
        "subnets": _some(f"{name}: {found.free[name]}" for name in own),
        "pod_subnets": _some(f"{name}: {found.free[name]}" for name in pods),
    }
    return {key: value for key, value in facts.items() if value}


def _ways(short: Shortage) -> Iterator[tuple[str, Scalar]]:
    """Yield what the fix takes, of the first that each way is open to."""
    tunable = [demand for demand in short.demands if demand.capacity.kind != "auto-mode" and not demand.prefixes]
    held = [demand for demand in tunable if demand.need.primary + demand.need.pods > 1]
    if held:
        addresses = held[0].need.primary + held[0].need.pods
        yield "held", addresses
        if addresses > MOST_BY_PREFIXES:
            yield "by_interface", addresses
    if short.pod_subnets:
        yield "pod_subnet", short.pod_subnets[0]
    for demand in reversed(short.demands):
        if not set(demand.subnets) & set(short.subnets):
            continue
        if demand in held and not demand.need.pods:
            yield "shared_subnet", demand.subnets[0]
        match demand.capacity:
            case ManagedNodeGroup():
                yield "nodegroup", demand.capacity.name
            case NodePool():
                yield "pool", demand.capacity.name
            case _ if demand.group is not None:
                yield "group", demand.group.name
                yield "group_subnets", ",".join(sorted(subnet.id for subnet in known(demand.group.subnets)))


def _need(demand: Demand) -> str:
    return f"{demand.need.primary} and {demand.need.pods} for pods" if demand.need.pods else str(demand.need.primary)


def _name(demand: Demand) -> str:
    return demand.capacity.name


def _names(demands: Iterable[Demand]) -> str:
    return _some(dict.fromkeys(map(_name, demands)))


def _some(words: Iterable[str]) -> str:
    told = tuple(words)
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return ", ".join(told[:SHOWN]) + more


def _free_in(subnets: Iterable[Subnet]) -> str:
    ordered = sorted(subnets, key=lambda subnet: (subnet.zone_id, subnet.id))
    return _some(f"{subnet.id} in {subnet.zone_id} {subnet.free_addresses}" for subnet in ordered) or "none was found"


def _listed(zones: Iterable[str]) -> str:
    names = ", ".join(sorted(zones))
    return f": {names}" if names else ""
