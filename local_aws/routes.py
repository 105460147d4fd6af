"""Where subnets lead: route tables, and the NAT gateways that they name."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from local_aws.fleet import Region
from local_aws.identity import resource_id
from local_aws.images import Document
from local_aws.network import BuiltVpc, Purpose, subnets_for, vpcs_of
from local_aws.world import RegionState

_EVERYWHERE = "0.0.0.0/0"
_AGE = timedelta(days=500)
_PRIVATE = (Purpose.PRIVATE, Purpose.PODS, Purpose.CONTROL_PLANE)


def add_routes(state: RegionState, region: Region, now: datetime) -> None:
    """Create the route tables and NAT gateways of a Region's VPCs.

    With NAT gateways in zones, every private subnet is associated with a table of its own zone, or of the first zone
    that has a gateway; else all are left to the main table.
    """
    for vpc in vpcs_of(state, region):
        created = now - _AGE
        internet = {"GatewayId": resource_id("igw", vpc.id)}
        _add_table(state, vpc, "main", _way_of_all(state, vpc, created), [], main=True)
        public = subnets_for(state, vpc.id, Purpose.PUBLIC)
        if public:
            _add_table(state, vpc, "public", internet, list(public.values()))
        for letter in vpc.gateway_zones:
            gateway = _add_gateway(state, vpc, created, public[letter])
            _add_table(state, vpc, f"private-{letter}", {"NatGatewayId": gateway}, _led_by(state, vpc, letter))


def _led_by(state: RegionState, vpc: BuiltVpc, letter: str) -> list[Document]:
    """Return the private subnets that the NAT gateway of a zone serves."""
    first, *_ = vpc.gateway_zones
    return [
        subnet
        for purpose in _PRIVATE
        for zone, subnet in subnets_for(state, vpc.id, purpose).items()
        if letter == (zone if zone in vpc.gateway_zones else first)
    ]


def _way_of_all(state: RegionState, vpc: BuiltVpc, created: datetime) -> Mapping[str, str] | None:
    """Return what the main table leads to by default, if anything."""
    match vpc.egress:
        case "regional":
            return {"NatGatewayId": _add_gateway(state, vpc, created, None)}
        case "transit-gateway":
            return {"TransitGatewayId": resource_id("tgw", state.account, state.region)}
        case _:
            return None


def _add_table(  # noqa: PLR0913 - a table is its VPC, its name, its way and its subnets
    state: RegionState,
    vpc: BuiltVpc,
    name: str,
    target: Mapping[str, str] | None,
    subnets: list[Document],
    *,
    main: bool = False,
) -> None:
    identifier = resource_id("rtb", vpc.id, name)
    blocks = sorted({each["CidrBlock"] for each in state.subnets.values() if each["VpcId"] == vpc.id})
    routes = [_route(block, {"GatewayId": "local"}, "CreateRouteTable") for block in blocks]
    if target is not None:
        routes.append(_route(_EVERYWHERE, target, "CreateRoute"))
    state.route_tables[identifier] = {
        "RouteTableId": identifier,
        "VpcId": vpc.id,
        "OwnerId": state.account,
        "Associations": [
            *([_association(identifier, {})] if main else []),
            *(_association(identifier, {"SubnetId": subnet["SubnetId"]}) for subnet in subnets),
        ],
        "PropagatingVgws": [],
        "Routes": routes,
        "Tags": [{"Key": "Name", "Value": name}],
    }


def _route(block: str, target: Mapping[str, str], origin: str) -> Document:
    return {"DestinationCidrBlock": block, **target, "Origin": origin, "State": "active"}


def _association(table: str, subnet: Mapping[str, str]) -> Document:
    return {
        "Main": not subnet,
        "RouteTableAssociationId": resource_id("rtbassoc", table, *subnet.values()),
        "RouteTableId": table,
        **subnet,
        "AssociationState": {"State": "associated"},
    }


def _add_gateway(state: RegionState, vpc: BuiltVpc, created: datetime, subnet: Document | None) -> str:
    """Create a NAT gateway in a public subnet, or a regional one, which has an address in each zone."""
    identifier = resource_id("nat", vpc.id, *([] if subnet is None else [subnet["AvailabilityZone"]]))
    zones = [f"{state.region}{letter}" for letter in vpc.zones]
    if subnet is None:
        where: Document = {"AvailabilityMode": "regional", "AutoProvisionZones": "enabled"}
        addresses = [
            {**_address(identifier, zone), "AvailabilityZone": zone, "AvailabilityZoneId": state.zones[zone]}
            for zone in zones
        ]
    else:
        where = {"AvailabilityMode": "zonal", "SubnetId": subnet["SubnetId"]}
        addresses = [_address(identifier, subnet["AvailabilityZone"]) | {"IsPrimary": True}]
    state.nat_gateways[identifier] = {
        "NatGatewayId": identifier,
        "VpcId": vpc.id,
        "State": "available",
        "ConnectivityType": "public",
        **where,
        "CreateTime": created,
        "NatGatewayAddresses": addresses,
        "Tags": [],
    }
    return identifier


def _address(gateway: str, zone: str) -> Document:
    return {
        "AllocationId": resource_id("eipalloc", gateway, zone),
        "AssociationId": resource_id("eipassoc", gateway, zone),
        "Status": "succeeded",
    }
