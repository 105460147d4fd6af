"""The subnets that nodes and their pods take addresses from, by zone, and how many are free in each."""

from collections.abc import Collection, Iterable

from eks_auditor.model.capacity import Interface, ManagedNodeGroup, Node, NodePool, SelfManagedGroup
from eks_auditor.model.cluster import Cluster, Subnet
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.spread.reach import cluster_subnets

PERHAPS = "further ones, which its NodeClass may select: that is in Kubernetes' API only"
"""Where a pool may find what the subnets of its nodes lack."""


def subnets_by_zone(subnets: Iterable[Subnet]) -> dict[str, tuple[str, ...]]:
    """Return the ids of subnets by their Availability Zones; those in Local and Wavelength Zones are left out."""
    by_zone: dict[str, set[str]] = {}
    for subnet in subnets:
        if subnet.regular:
            by_zone.setdefault(subnet.zone_id, set()).add(subnet.id)
    return {zone: tuple(sorted(names)) for zone, names in sorted(by_zone.items())}


def pods_apart(node: Node) -> bool:
    """Tell whether a node's pods take no address of its own subnet, as under custom networking.

    Its primary interface then holds the node's own address alone. Where it holds pods' too, interfaces in further
    subnets are those that the VPC CNI discovers by their tag, beside the node's own.
    Sources: https://docs.aws.amazon.com/eks/latest/best-practices/custom-networking.html and
    https://docs.aws.amazon.com/eks/latest/best-practices/subnets.html (enhanced subnet discovery).
    """
    if not node.interfaces:
        return False
    own = node.interfaces[0]
    alone = own.addresses == 1 and not own.prefixes
    return alone and any(interface.subnet_id != own.subnet_id for interface in node.interfaces)


def pod_subnets(nodes: Iterable[Node]) -> dict[str, tuple[str, ...]]:
    """Return the ids of the subnets that pods have to themselves under custom networking, by zone."""
    return _others(node for node in nodes if pods_apart(node))


def further_subnets(nodes: Iterable[Node]) -> dict[str, tuple[str, ...]]:
    """Return the ids of the subnets that pods use beside their node's own, by zone."""
    return _others(node for node in nodes if not pods_apart(node))


def interfaces_of_pods(node: Node) -> tuple[Interface, ...]:
    """Return a node's interfaces in other subnets than its own that the VPC CNI fills for pods.

    Beside an own interface that holds pods' addresses, too, one with a single address is none of them: so is an
    interface that Multus hands to a pod, or that is tagged ``node.k8s.amazonaws.com/no_manage``.
    """
    others = (each for each in node.interfaces if each.subnet_id != node.interfaces[0].subnet_id)
    apart = pods_apart(node)
    return tuple(each for each in others if apart or each.addresses > 1 or each.prefixes)


def _others(nodes: Iterable[Node]) -> dict[str, tuple[str, ...]]:
    by_zone: dict[str, set[str]] = {}
    for node in nodes:
        for interface in interfaces_of_pods(node):
            by_zone.setdefault(node.zone_id, set()).add(interface.subnet_id)
    return {zone: tuple(sorted(names)) for zone, names in by_zone.items()}


def in_cluster_subnets(pool: NodePool, cluster: Cluster) -> bool:
    """Tell whether a pool launches in all of the cluster's own subnets.

    Auto Mode's own NodeClass takes those. A pool with a node in another one has a NodeClass that names its own, and the
    cluster's may then be for the control plane alone.
    Source: https://docs.aws.amazon.com/eks/latest/userguide/create-node-class.html
    """
    seen = {node.interfaces[0].subnet_id for node in pool.nodes if node.interfaces}
    return pool.kind == "auto-mode" and seen <= set(cluster.subnet_ids)


def pool_subnets(pool: NodePool, snapshot: Snapshot) -> tuple[Subnet, ...]:
    """Return the subnets that a pool is seen to launch in; with Auto Mode, all of the cluster's where it uses those.

    Raises:
        UnreadableError: If the subnets could not be read.
    """
    subnets = {subnet.id: subnet for subnet in known(snapshot.vpc_subnets)}
    seen = {node.interfaces[0].subnet_id for node in pool.nodes if node.interfaces}
    if not seen <= subnets.keys():
        unread = min(seen - subnets.keys())
        raise UnreadableError(Gap("ec2:DescribeSubnets", unread, "a subnet that nodes run in was not read"))
    if in_cluster_subnets(pool, snapshot.cluster):
        seen |= {subnet.id for subnet in known(cluster_subnets(snapshot))}
    return tuple(subnets[name] for name in sorted(seen))


def perhaps_too(own: Collection[str], snapshot: Snapshot) -> tuple[Subnet, ...]:
    """Return the VPC's other subnets of the kinds, public or private, of those where a pool launches nodes.

    Raises:
        UnreadableError: If the subnets could not be read.
    """
    subnets = known(snapshot.vpc_subnets)
    kinds = {each.public for each in subnets if each.id in own}
    return tuple(each for each in subnets if each.public in kinds and each.id not in own)


def free_addresses(snapshot: Snapshot) -> dict[str, int]:
    """Return how many addresses are free in each subnet that was read, by its id; the fewer where two reads differ."""
    groups = [
        group
        for capacity in snapshot.capacities
        if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup) and not isinstance(capacity.groups, Gap)
        for group in capacity.groups
    ]
    free: dict[str, int] = {}
    for subnets in (snapshot.vpc_subnets, *(group.subnets for group in groups)):
        for subnet in () if isinstance(subnets, Gap) else subnets:
            free[subnet.id] = min(subnet.free_addresses, free.get(subnet.id, subnet.free_addresses))
    return free
