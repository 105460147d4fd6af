"""EC2: subnets, route tables, NAT gateways."""

from collections.abc import Iterable, Mapping
from typing import Any

from local_aws.images import Document
from local_aws.paging import Paging
from local_aws.services.call import Call
from local_aws.services.filters import Reader, by_id, member, select

_PAGING = Paging("MaxResults", "NextToken", None, 5, 1000, "InvalidParameterValue", "InvalidNextToken")
_TABLE_PAGING = Paging("MaxResults", "NextToken", None, 5, 100, "InvalidParameterValue", "InvalidNextToken")


def _of_each(members: str, name: str) -> Reader:
    """Return a reader of one member of each element of a list."""

    def read(document: Document) -> Iterable[Any]:
        return [each[name] for each in document.get(members, []) if name in each]

    return read


_SUBNET_FILTERS: Mapping[str, Reader] = {
    "availability-zone": member("AvailabilityZone"),
    "availability-zone-id": member("AvailabilityZoneId"),
    "state": member("State"),
    "subnet-id": member("SubnetId"),
    "vpc-id": member("VpcId"),
}
_TABLE_FILTERS: Mapping[str, Reader] = {
    "association.main": _of_each("Associations", "Main"),
    "association.route-table-association-id": _of_each("Associations", "RouteTableAssociationId"),
    "association.route-table-id": _of_each("Associations", "RouteTableId"),
    "association.subnet-id": _of_each("Associations", "SubnetId"),
    "owner-id": member("OwnerId"),
    "route-table-id": member("RouteTableId"),
    "route.destination-cidr-block": _of_each("Routes", "DestinationCidrBlock"),
    "route.nat-gateway-id": _of_each("Routes", "NatGatewayId"),
    "route.transit-gateway-id": _of_each("Routes", "TransitGatewayId"),
    "vpc-id": member("VpcId"),
}
_GATEWAY_FILTERS: Mapping[str, Reader] = {
    "nat-gateway-id": member("NatGatewayId"),
    "state": member("State"),
    "subnet-id": member("SubnetId"),
    "vpc-id": member("VpcId"),
}


def describe_subnets(call: Call) -> Document:
    """Describe subnets by id or filter."""
    found = by_id(call, "SubnetIds", call.state.subnets, "InvalidSubnetID.NotFound", "subnet ID")
    return call.page("Subnets", select(found, call.params.get("Filters"), _SUBNET_FILTERS), _PAGING)


def describe_route_tables(call: Call) -> Document:
    """Describe route tables by id or filter; a subnet that no association names follows its VPC's main one."""
    found = by_id(call, "RouteTableIds", call.state.route_tables, "InvalidRouteTableID.NotFound", "routeTable ID")
    return call.page("RouteTables", select(found, call.params.get("Filters"), _TABLE_FILTERS), _TABLE_PAGING)


def describe_nat_gateways(call: Call) -> Document:
    """Describe NAT gateways by id or by `Filter`, as the parameter is called here alone."""
    found = by_id(call, "NatGatewayIds", call.state.nat_gateways, "NatGatewayNotFound", "NAT gateway")
    return call.page("NatGateways", select(found, call.params.get("Filter"), _GATEWAY_FILTERS), _PAGING)
