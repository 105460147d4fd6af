"""Network interfaces of nodes, as the VPC CNI keeps them by its defaults.

Addresses one by one: all that the interfaces in use can hold, and one whole interface to spare (``WARM_ENI_TARGET=1``).
In prefixes: one on the first interface that pods are on (``WARM_PREFIX_TARGET=1``). With custom networking pods are on
none but the further interfaces, in subnets of their own. Source: "Amazon VPC CNI", "Prefix mode for Linux" and "Custom
networking" in EKS's best practices guide.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from ipaddress import IPv4Network

from local_aws.images import Document
from local_aws.instance_types import instance_types
from local_aws.place import Place
from local_aws.world import RegionState

_RESERVED = 4
"""AWS keeps the first four addresses of a subnet, and the last one."""
_PREFIX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeNetwork:
    """A node that gets interfaces.

    Attributes:
        key: Its names, that no other node of the cluster has.
        instance_type: What says how many interfaces and addresses it may have.
        subnet: Where it is launched.
        launched: When.
        prefixes: Whether it takes addresses in prefixes whatever the cluster does, as Auto Mode's nodes do.
    """

    key: tuple[str, ...]
    instance_type: str
    subnet: Document
    launched: datetime
    prefixes: bool


def interfaces_of(place: Place, node: NodeNetwork) -> list[Document]:
    """Make the interfaces of a node, its own one first, and give them addresses."""
    cluster = place.cluster
    custom, most = cluster.custom_networking, _interfaces_of_type(node.instance_type)
    if cluster.ip_family == "ipv6":
        return [_interface(place, node, 0, 1) | {"Ipv6Prefixes": [{"Ipv6Prefix": "2001:db8:0:1::/80"}]}]
    if cluster.prefix_delegation or node.prefixes:
        return [
            _interface(place, node, index, 1, prefixes=1 if index == int(custom) else 0)
            for index in range(min(most, 1 + int(custom)))
        ]
    full = _addresses_of_type(node.instance_type)
    return [
        _interface(place, node, index, 1 if custom and index == 0 else full)
        for index in range(min(most, 2 + int(custom)))
    ]


def _interfaces_of_type(instance_type: str) -> int:
    """Return how many interfaces a type may have; one if EC2 does not know the type."""
    return int(instance_types().get(instance_type, {}).get("NetworkInfo", {}).get("MaximumNetworkInterfaces", 1))


def _addresses_of_type(instance_type: str) -> int:
    """Return how many addresses an interface of a type may have; one if EC2 does not know the type."""
    return int(instance_types().get(instance_type, {}).get("NetworkInfo", {}).get("Ipv4AddressesPerInterface", 1))


def _interface(place: Place, node: NodeNetwork, index: int, addresses: int, *, prefixes: int = 0) -> Document:
    state = place.state
    subnet = node.subnet if index == 0 else place.subnet_for_pods(node.subnet)
    own, *further = _addresses(state, subnet, addresses)
    # The node's own interface has had its id since before there were others.
    name = node.key if index == 0 else (*node.key, str(index))
    return {
        "NetworkInterfaceId": place.id("eni", *name),
        "InterfaceType": "interface",
        "Description": "" if index == 0 else f"aws-K8S-{place.id('i', *node.key)}",
        "SubnetId": subnet["SubnetId"],
        "VpcId": subnet["VpcId"],
        "OwnerId": state.account,
        "Status": "in-use",
        "PrivateIpAddress": own,
        "PrivateIpAddresses": [
            {"Primary": True, "PrivateIpAddress": own},
            *({"Primary": False, "PrivateIpAddress": address} for address in further),
        ],
        "Ipv4Prefixes": [{"Ipv4Prefix": _prefix(state, subnet)} for _ in range(prefixes)],
        "Attachment": {
            "AttachTime": node.launched,
            "DeviceIndex": index,
            "Status": "attached",
            "NetworkCardIndex": 0,
            "DeleteOnTermination": True,
        },
    }


def _addresses(state: RegionState, subnet: Document, count: int) -> Iterator[str]:
    """Yield addresses that nobody has yet."""
    block = _block(subnet["CidrBlock"])
    for _ in range(count):
        yield str(block[_RESERVED + state.handed_out[subnet["SubnetId"]]])
        state.handed_out[subnet["SubnetId"]] += 1


def _prefix(state: RegionState, subnet: Document) -> str:
    """Return sixteen addresses, in line, that nobody has yet."""
    handed_out = state.handed_out[subnet["SubnetId"]]
    start = -(-(_RESERVED + handed_out) // _PREFIX) * _PREFIX
    state.handed_out[subnet["SubnetId"]] = start + _PREFIX - _RESERVED
    return f"{_block(subnet['CidrBlock'])[start]}/28"


@cache
def _block(block: str) -> IPv4Network:
    return IPv4Network(block)
