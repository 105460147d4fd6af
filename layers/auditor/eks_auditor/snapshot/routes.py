"""Reads of EC2's routing: where the default route of a subnet leads, and which zone a NAT gateway is in.

Route tables and NAT gateways are listed for the account and Region at once, as subnets are, and shared by its clusters:
two calls for a sweep, however many VPCs they are in, where EC2 tells them in a page each. An event is answered by what
was read after it, and pays for the lists alone: a call for every 100 route tables of the Region, and one for every
1,000 NAT gateways.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from eks_auditor.model.cluster import Egress
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.ec2 import batches, find_subnets
from eks_auditor.snapshot.network import with_subnets
from eks_auditor.snapshot.reading import for_each, known_only, not_again, read
from eks_auditor.snapshot.reads import singly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import FilterTypeDef, NatGatewayTypeDef, RouteTableTypeDef, RouteTypeDef

    from eks_auditor.model.cluster import Subnet
    from eks_auditor.snapshot.network import Network
    from eks_auditor.snapshot.reads import Reads

ACTIONS = frozenset({"ec2:DescribeNatGateways", "ec2:DescribeRouteTables"})
"""The IAM actions that the calls in here need."""

type NatGateways = Mapping[str, NatGateway | Gap]
"""By id; a gap for one that is told in a way that is not understood."""

_TABLES_A_PAGE = 100
_GATEWAYS_A_PAGE = 1000
_EVERYWHERE = "0.0.0.0/0"
_OVER = frozenset({"disassociated", "failed"})

NOT_VISIBLE = "NotVisible"
"""How the gap begins of what another account owns: those whom it shares subnets with cannot see its NAT gateways.

No read failed there, and no permission mends it: the verdict tells it, the audit's gaps do not.
https://docs.aws.amazon.com/vpc/latest/userguide/vpc-share-limitations.html
"""


@dataclass(frozen=True, slots=True)
class NatGateway:
    """A NAT gateway.

    Attributes:
        subnet_id: The one that a zonal gateway is in; None for a regional one.
        private: Whether it leads to other networks only, and not to the internet.
        given_zones: The zones that a regional one was given by hand; none where it provides for all by itself.
    """

    subnet_id: str | None
    private: bool = False
    given_zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Default:
    """A route table by its id, and the target of its default route."""

    table: str
    target: str | None


@dataclass(frozen=True, slots=True)
class RouteTables:
    """Route tables.

    Attributes:
        explicit: By the id of a subnet that is associated with one.
        main: By the id of a VPC, for all of its other subnets; none for a VPC whose main table is not visible.
    """

    explicit: Mapping[str, _Default]
    main: Mapping[str, _Default]


def read_egress(reads: Reads, network: Network, subnet_ids: Iterable[str]) -> Callable[[], dict[str, Egress | Gap]]:
    """Start to read where subnets' default routes lead; call what is returned for all of them."""
    client, cache, region = reads.clients.ec2, reads.cache, reads.clients.region
    asked = tuple(sorted(set(subnet_ids)))
    lists = {region} if asked else set()
    tables = reads.passing(cache.route_tables, lists, singly, lambda _: {region: list_route_tables(client, region)})
    gateways = reads.passing(cache.nat_gateways, lists, singly, lambda _: {region: list_nat_gateways(client, region)})
    shared = reads.shared(cache.route_tables, region) is not None

    def egress() -> dict[str, Egress | Gap]:
        if not asked:
            return {}
        routes, nat = tables()[region], gateways()[region]
        anew = _associated(reads, _unlisted(asked, routes)) if shared else {}
        ways = {each: anew.get(each) or _default(each, network, routes) for each in asked}
        whole = with_subnets(reads, network, _gateways_subnets(ways, nat), _find_subnets)
        found = {each: _egress(way, whole, nat) for each, way in ways.items()}
        for one in found.values():
            if isinstance(one, Gap) and not one.error.startswith(NOT_VISIBLE):
                reads.note(one)
        return found

    return egress


def _unlisted(subnet_ids: Iterable[str], tables: RouteTables | Gap) -> tuple[str, ...]:
    """Return the subnets that no listed table names."""
    return () if isinstance(tables, Gap) else tuple(each for each in subnet_ids if each not in tables.explicit)


def _associated(reads: Reads, subnet_ids: Iterable[str]) -> dict[str, _Default | Gap]:
    """Ask for subnets' own route tables: a list that is older than a subnet would leave it to the main one."""
    started = [reads.start(_find_associated, reads.clients.ec2, batch) for batch in batches(subnet_ids)]
    return {each: found for future in started for each, found in future.result().items()}


def _find_associated(client: EC2Client, subnet_ids: tuple[str, ...]) -> dict[str, _Default | Gap]:
    found = _find_route_tables(client, subnet_ids)
    if isinstance(found, Gap):
        return {**for_each(found, subnet_ids)}
    return {each: found.explicit[each] for each in subnet_ids if each in found.explicit}


def _default(subnet_id: str, network: Network, tables: RouteTables | Gap) -> _Default | Gap:
    if isinstance(tables, Gap):
        return tables
    if subnet_id in tables.explicit:
        return tables.explicit[subnet_id]
    subnet = network.subnet(subnet_id)
    if isinstance(subnet, Gap):
        return subnet
    said = f"{NOT_VISIBLE}: neither a route table of the subnet nor the main one of {subnet.vpc_id}"
    return tables.main.get(subnet.vpc_id) or Gap("ec2:DescribeRouteTables", subnet_id, said)


def _gateways_subnets(ways: Mapping[str, _Default | Gap], gateways: NatGateways | Gap) -> Iterator[str]:
    """Yield the subnets of the NAT gateways that ways lead to."""
    if isinstance(gateways, Gap):
        return
    targets = {way.target for way in ways.values() if not isinstance(way, Gap)}
    for name, gateway in known_only(gateways).items():
        if name in targets and gateway.subnet_id is not None:
            yield gateway.subnet_id


def _find_subnets(client: EC2Client, ids: tuple[str, ...]) -> Mapping[str, Subnet | Gap]:
    found = not_again(find_subnets(client, ids))
    return for_each(found, ids) if isinstance(found, Gap) else found


def _egress(way: _Default | Gap, network: Network, gateways: NatGateways | Gap) -> Egress | Gap:
    if isinstance(way, Gap):
        return way
    if way.target is None or not way.target.startswith("nat-"):
        return Egress(target=way.target, route_table=way.table)
    gateway = _gateway(way.target, gateways)
    if isinstance(gateway, Gap):
        return gateway
    subnet = None if gateway.subnet_id is None else network.subnet(gateway.subnet_id)
    if isinstance(subnet, Gap):
        return subnet
    return Egress(
        target=way.target,
        zone_id=None if subnet is None else subnet.zone_id,
        route_table=way.table,
        private=gateway.private,
        given_zones=gateway.given_zones,
    )


def _gateway(name: str, gateways: NatGateways | Gap) -> NatGateway | Gap:
    if isinstance(gateways, Gap):
        return gateways
    said = f"{NOT_VISIBLE}: a route leads to it, but this account cannot see it, as where another one owns the VPC"
    return gateways.get(name) or Gap("ec2:DescribeNatGateways", name, said)


def list_route_tables(client: EC2Client, region: str) -> RouteTables | Gap:
    """Return all route tables of the account and Region, those of VPCs that are shared with it too."""
    return _route_tables(client, region, [])


def _find_route_tables(client: EC2Client, subnet_ids: tuple[str, ...]) -> RouteTables | Gap:
    return _route_tables(client, ", ".join(subnet_ids), [{"Name": "association.subnet-id", "Values": subnet_ids}])


def _route_tables(client: EC2Client, resource: str, filters: list[FilterTypeDef]) -> RouteTables | Gap:
    def call() -> RouteTables:
        pages = client.get_paginator("describe_route_tables").paginate(
            Filters=filters, PaginationConfig={"PageSize": _TABLES_A_PAGE}
        )
        explicit: dict[str, _Default] = {}
        main: dict[str, _Default] = {}
        for page in pages:
            for table in page["RouteTables"]:
                default = _Default(table["RouteTableId"], _default_target(table.get("Routes", [])))
                explicit |= dict.fromkeys(_subnets_of(table), default)
                if any(association.get("Main") for association in table.get("Associations", [])):
                    main[table["VpcId"]] = default
        return RouteTables(explicit, main)

    return not_again(read("ec2:DescribeRouteTables", resource, call))


def _subnets_of(table: RouteTableTypeDef) -> Iterator[str]:
    for association in table.get("Associations", []):
        if "SubnetId" in association and association.get("AssociationState", {}).get("State") not in _OVER:
            yield association["SubnetId"]


def _default_target(routes: Iterable[RouteTypeDef]) -> str | None:
    """Return where the active default IPv4 route leads; one by a prefix list would have to be read apart, and is not.

    A route whose target is gone is a blackhole: then there is none.
    """
    for route in routes:
        if route.get("DestinationCidrBlock") == _EVERYWHERE and route.get("State") == "active":
            return _target(route)
    return None


def _target(route: RouteTypeDef) -> str:
    """Return the one target of a route, by its id where EC2 gives an ARN; a NAT instance has an interface as well."""
    targets = (
        route.get("NatGatewayId"),
        route.get("GatewayId"),  # internet gateways, virtual private gateways, endpoints of firewalls
        route.get("TransitGatewayId"),
        route.get("LocalGatewayId"),
        route.get("CarrierGatewayId"),
        route.get("VpcPeeringConnectionId"),
        route.get("CoreNetworkArn"),
        route.get("OdbNetworkArn"),
        route.get("InstanceId"),
        route.get("NetworkInterfaceId"),
    )
    return next((target.rpartition("/")[2] for target in targets if target), "unknown")


def list_nat_gateways(client: EC2Client, region: str) -> NatGateways | Gap:
    """Return all NAT gateways of the account and Region; one that is told in a way not understood is its own gap."""

    def call() -> dict[str, NatGateway | Gap]:
        pages = client.get_paginator("describe_nat_gateways").paginate(PaginationConfig={"PageSize": _GATEWAYS_A_PAGE})
        described = (gateway for page in pages for gateway in page["NatGateways"])
        return {
            each["NatGatewayId"]: read("ec2:DescribeNatGateways", each["NatGatewayId"], partial(_nat_gateway, each))
            for each in described
        }

    return not_again(read("ec2:DescribeNatGateways", region, call))


def _nat_gateway(described: NatGatewayTypeDef) -> NatGateway:
    regional = described.get("AvailabilityMode") == "regional"
    return NatGateway(
        subnet_id=None if regional else described["SubnetId"],
        private=described.get("ConnectivityType") == "private",
        given_zones=tuple(sorted(_given_zones(described))) if regional else (),
    )


def _given_zones(regional: NatGatewayTypeDef) -> set[str]:
    """Return the zones that a regional NAT gateway in manual mode has addresses in.

    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateways-regional.html
    """
    if regional.get("AutoProvisionZones") != "disabled":
        return set()
    zones = (
        address.get("AvailabilityZoneId") or address.get("AvailabilityZone")
        for address in regional.get("NatGatewayAddresses", [])
    )
    return {zone for zone in zones if zone}
