"""How many addresses one more node of a group takes: what its nodes are seen to take, or else what its type allows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median_high

from eks_auditor.model.capacity import AnyCapacity, LaunchConfig, ManagedNodeGroup, Node, SelfManagedGroup
from eks_auditor.model.gap import Gap, UnreadableError, known
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.spread.subnets import interfaces_of_pods, pods_apart

INTERFACES_EXPECTED = 2
"""The VPC CNI keeps a whole interface of addresses in reserve (``WARM_ENI_TARGET=1``): a node with pods has two.

Source: https://github.com/aws/amazon-vpc-cni-k8s/blob/master/docs/eni-and-ip-target.md
"""

FILLED_AFTER = timedelta(minutes=10)
"""A node that was just launched holds its own address alone: the VPC CNI takes the others once it runs there."""


@dataclass(frozen=True, slots=True)
class Need:
    """IPv4 addresses that one more node takes.

    Attributes:
        primary: From the subnet that it is launched in, its own address included; where the VPC CNI takes further
            subnets beside that one, all that it takes.
        pods: From other subnets, those of custom networking, for its pods.
    """

    primary: int
    pods: int


IPV6_NEED = Need(primary=1, pods=0)
"""With IPv6, pods take no IPv4 address of the VPC: the node's own is all."""


def settled(capacity: AnyCapacity, taken_at: datetime) -> tuple[Node, ...]:
    """Return the nodes that hold what a node takes: not warm, pending or just launched ones; all, if none else is."""
    groups = capacity.groups if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup) else ()
    listed = () if isinstance(groups, Gap) else groups
    idle = {each.id for group in listed for each in group.instances if each.lifecycle_state != "InService"}
    filled = (
        node
        for node in capacity.nodes
        if node.interfaces and node.id not in idle and taken_at - node.launched_at >= FILLED_AFTER
    )
    return tuple(filled) or capacity.nodes


def typical(nodes: Iterable[Node]) -> int | None:
    """Return the median of all that a cluster's nodes hold, of those with prefixes or those without: the more."""
    held: dict[bool, list[int]] = {False: [], True: []}
    for node in nodes:
        if node.interfaces:
            by_prefix = any(interface.prefixes for interface in node.interfaces)
            held[by_prefix].append(sum(interface.taken for interface in node.interfaces))
    more = max(held.values(), key=len)
    return median_high(more) if more else None


def addresses_per_node(
    nodes: Iterable[Node], launch: LaunchConfig | Gap | None, snapshot: Snapshot, *, otherwise: int | None = None
) -> Need:
    """Return the medians of what nodes take in both pools of subnets.

    Nodes of which EC2 tells no interface are left out. Where none is left, a node is expected to take ``otherwise``,
    what the cluster's other nodes do, but no more than two interfaces of its type hold; two whole interfaces where
    there are no others. All is then from its own subnet. Its type is the first that ``launch`` names, without a launch
    the first node's.

    Raises:
        UnreadableError: If that type, or how many addresses an interface of it holds, is not known.
    """
    if snapshot.cluster.ip_family == "ipv6":
        return IPV6_NEED
    found = tuple(nodes)
    seen = [_taken(node) for node in found if node.interfaces]
    if seen:
        return Need(median_high(need.primary for need in seen), median_high(need.pods for need in seen))
    name = _first_type(found, launch)
    unread = Gap("ec2:DescribeInstanceTypes", name, "how many addresses an interface holds was not read")
    per_interface = known(snapshot.instance_types.get(name, unread)).addresses_per_interface
    if per_interface is None:
        raise UnreadableError(unread)
    most = INTERFACES_EXPECTED * per_interface
    return Need(primary=most if otherwise is None else min(otherwise, most), pods=0)


def _taken(node: Node) -> Need:
    own = sum(each.taken for each in node.interfaces if each.subnet_id == node.interfaces[0].subnet_id)
    pods = sum(each.taken for each in interfaces_of_pods(node))
    return Need(primary=own, pods=pods) if pods_apart(node) else Need(primary=own + pods, pods=0)


def _first_type(nodes: tuple[Node, ...], launch: LaunchConfig | Gap | None) -> str:
    named = known(launch).instance_types if launch is not None else tuple(node.instance_type for node in nodes)
    if not named:
        action = "ec2:GetInstanceTypesFromInstanceRequirements"
        raise UnreadableError(Gap(action, "the group", "not asked: it names no types, only requirements"))
    return named[0]
