"""ZONE, by the way out of the VPC: whether nodes of several zones leave it through one of them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from eks_auditor.check import check
from eks_auditor.model.capacity import ManagedNodeGroup, NodePool, ScalingGroup, SelfManagedGroup
from eks_auditor.model.cluster import Cluster, Egress, Subnet
from eks_auditor.model.gap import Gap, UnreadableError
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Verdict, failed, not_applicable, on_outpost, passed, settling
from eks_auditor.spread.launching import launching
from eks_auditor.spread.reach import EC2_KINDS

JUDGED = ("nat-", "igw-")
"""Beginnings of the targets of which it is known whether they are in one zone: NAT gateways say so, internet gateways
are in none."""


@check(
    id="ZONE013",
    title="Nodes in several zones should not all leave the VPC through one zone",
    severity=Severity.MEDIUM,
    docs="https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html",
)
def egress_hangs_on_one_zone(cluster: Cluster, snapshot: Snapshot) -> Verdict:
    """Follows the default IPv4 routes of the subnets that nodes run or may be launched in.

    It fails where those of subnets in several Availability Zones lead to zonal NAT gateways in one zone. Regional NAT
    gateways and internet gateways have no zone, and pass; the reason says if a regional one works only in zones that it
    was given by hand. Other targets (a transit gateway, the endpoint of a firewall, a NAT instance) lead to what is not
    read here, and subnets without a default route need none: where there is nothing else, this is not judged. Nor is it
    while pools of Karpenter or Auto Mode are seen in one zone only: they come and go, and what was said last stands.
    Of Auto Mode the cluster's own subnets count, unless its nodes are seen elsewhere. Groups that cannot launch count
    only where they have nodes.

    Why: when that zone fails, nodes of all of these zones can no longer reach registries, AWS's public endpoints and
    the internet.

    Fix:
    aws: aws ec2 create-nat-gateway --region {region} --vpc-id {vpc} --availability-mode regional
    aws: aws ec2 replace-route --region {region} --route-table-id {route_table} --destination-cidr-block 0.0.0.0/0
      --nat-gateway-id NEW_NAT_GATEWAY # and so the others of {route_tables}: nodes then leave from new addresses, which
      allow-lists elsewhere must know, and open connections break
    aws: aws ec2 create-nat-gateway --region {region} --connectivity-type private --subnet-id SUBNET_OF_ANOTHER_ZONE
      # so that each zone has a gateway and a route table of its own, private as {private_gateways}: a public one would
      lead past what filters the traffic behind them
    terraform: set availability_mode = "regional" and vpc_id = {vpc} in aws_nat_gateway (a new one), or give each zone a
      NAT gateway and a route table of its own (terraform-aws-modules/vpc: one_nat_gateway_per_az)
    terraform: give each zone a NAT gateway and a route table of its own, private as {private_gateways}
    cloudformation: give each zone an AWS::EC2::NatGateway and an AWS::EC2::RouteTable of its own
    guide: eksctl makes a NAT gateway for each zone (vpc.nat.gateway, HighlyAvailable) when it creates a cluster only
    """
    if cluster.outpost:
        return on_outpost()
    ways = tuple(_ways(snapshot))
    zones = sorted({egress.zone_id for _, egress in ways if egress.zone_id is not None})
    shared = max((_through(zone, ways) for zone in zones), key=_served, default=[])
    if _served(shared) > 1:
        return _hanging(shared)
    gap = _hidden(snapshot)
    if gap is not None:
        raise UnreadableError(gap)
    if _served(ways) <= 1 and _has_pools(snapshot):
        return settling("its pools are seen in no two zones now")
    return _spread(ways)


type _Way = tuple[Subnet, Egress]


def _ways(snapshot: Snapshot) -> Iterator[_Way]:
    """Yield the default routes that were read of the node subnets in Availability Zones."""
    subnets = {subnet.id: subnet for subnet in _subnets(snapshot)}
    for subnet_id, egress in sorted(snapshot.egress.items()):
        if subnet_id in subnets and subnets[subnet_id].regular and isinstance(egress, Egress):
            yield subnets[subnet_id], egress


def _subnets(snapshot: Snapshot) -> Iterator[Subnet]:
    for subnets in (snapshot.vpc_subnets, *(group.subnets for group in _groups(snapshot))):
        if not isinstance(subnets, Gap):
            yield from subnets


def _has_pools(snapshot: Snapshot) -> bool:
    """Whether nodes may come to zones that they are not seen in now."""
    return snapshot.cluster.auto_mode or any(isinstance(capacity, NodePool) for capacity in snapshot.capacities)


def _groups(snapshot: Snapshot) -> Iterator[ScalingGroup]:
    for capacity in snapshot.capacities:
        if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup) and not isinstance(capacity.groups, Gap):
            yield from capacity.groups


def _hidden(snapshot: Snapshot) -> Gap | None:
    """Return what may hide a subnet of nodes, its zone or its default route."""
    launchers = [launching(c) for c in snapshot.capacities if isinstance(c, ManagedNodeGroup | SelfManagedGroup)]
    subnets = [group.subnets for groups in launchers if not isinstance(groups, Gap) for group in groups]
    hidden = (part for part in (*launchers, *subnets, *snapshot.egress.values()) if isinstance(part, Gap))
    seen = {subnet.id for subnet in _subnets(snapshot)}
    gap = next(hidden, None) or snapshot.unseen(EC2_KINDS)
    if gap is None and isinstance(snapshot.vpc_subnets, Gap) and not snapshot.egress.keys() <= seen:
        return snapshot.vpc_subnets
    return gap


def _through(zone: str, ways: Iterable[_Way]) -> list[_Way]:
    return [(subnet, egress) for subnet, egress in ways if egress.zone_id == zone]


def _served(shared: Iterable[_Way]) -> int:
    """Return how many zones the subnets are in."""
    return len({subnet.zone_id for subnet, _ in shared})


def _hanging(shared: list[_Way]) -> Verdict:
    zones = ", ".join(sorted({subnet.zone_id for subnet, _ in shared}))
    gateways = ", ".join(sorted({str(egress.target) for _, egress in shared}))
    tables = sorted({egress.route_table for _, egress in shared})
    private = sorted({str(egress.target) for _, egress in shared if egress.private})
    subnet, egress = shared[0]
    verdict = failed(
        f"{len(shared)} subnets in {zones} have their default route to {gateways} in {egress.zone_id}",
        zone=str(egress.zone_id),
        zones=zones,
        gateways=gateways,
        route_tables=", ".join(tables),
    )
    # These choose the fixes: a public gateway in place of a private one would lead past what filters its traffic.
    public = {"route_table": tables[0], "vpc": subnet.vpc_id}
    return replace(
        verdict, evidence={**verdict.evidence, **({"private_gateways": ", ".join(private)} if private else public)}
    )


def _spread(ways: tuple[_Way, ...]) -> Verdict:
    targets = sorted({egress.target for _, egress in ways if egress.target is not None})
    spread = [target for target in targets if target.startswith(JUDGED)]
    if spread:
        by_hand = "".join(sorted({_by_hand(egress) for _, egress in ways if egress.given_zones}))
        return passed(f"the default routes of no two zones lead through one zone: {', '.join(spread)}{by_hand}")
    if targets:
        return not_applicable(f"the default routes lead to {', '.join(targets)}: what is behind that is not read")
    return not_applicable("no subnet that nodes run or are launched in has a default route")


def _by_hand(egress: Egress) -> str:
    """Say what a regional NAT gateway in manual mode does not do."""
    zones = ", ".join(egress.given_zones)
    return f"; {egress.target} works only in the zones that it was given, {zones} (AutoProvisionZones is disabled)"
