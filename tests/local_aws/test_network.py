"""VPCs, where they lead, what addresses nodes take in them, and what zones, subnets and groups lose."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from local_aws import AuditedAws, FleetError, load_fleet
from local_aws.expansion import expand
from local_aws.world import addresses_of
from tests.local_aws.conftest import ACCOUNT, NOW, REGION, client_of, fleet_of

RESERVED_BY_AWS = 5


@contextmanager
def serving(cluster: dict[str, Any] | None = None, **region: object) -> Iterator[AuditedAws]:
    described = fleet_of(clusters={"shop": {"node_groups": {"web": {}}} | (cluster or {})}, **region)
    with AuditedAws(load_fleet(described, now=NOW)) as aws:
        yield aws
        assert aws.broken_answers == []


def private_subnets(aws: AuditedAws) -> dict[str, dict[str, Any]]:
    """The subnets that the nodes of the one cluster may be launched in, by zone id."""
    cluster = client_of(aws, "eks").describe_cluster(name="shop")["cluster"]
    filters = [{"Name": "vpc-id", "Values": [cluster["resourcesVpcConfig"]["vpcId"]]}]
    found = client_of(aws, "ec2").describe_subnets(Filters=filters)["Subnets"]
    return {
        each["AvailabilityZoneId"]: each for each in found if {"Key": "Name", "Value": name_of(each)} in each["Tags"]
    }


def name_of(subnet: dict[str, Any]) -> str:
    return f"private-{subnet['AvailabilityZone'][-1]}"


def table_of(aws: AuditedAws, subnet: dict[str, Any]) -> dict[str, Any]:
    """The route table of a subnet as EC2 finds it: the associated one, or else the main one."""
    ec2 = client_of(aws, "ec2")
    explicit = [{"Name": "association.subnet-id", "Values": [subnet["SubnetId"]]}]
    main = [{"Name": "vpc-id", "Values": [subnet["VpcId"]]}, {"Name": "association.main", "Values": ["true"]}]
    found = ec2.describe_route_tables(Filters=explicit)["RouteTables"]
    [table] = found or ec2.describe_route_tables(Filters=main)["RouteTables"]
    single: dict[str, Any] = table
    return single


def way_of(aws: AuditedAws, subnet: dict[str, Any]) -> dict[str, Any] | None:
    """The default route of a subnet."""
    routes = table_of(aws, subnet)["Routes"]
    return next((route for route in routes if route["DestinationCidrBlock"] == "0.0.0.0/0"), None)


def gateway_zones(aws: AuditedAws) -> dict[str, str]:
    """The zone of each zonal NAT gateway, by zone id of the private subnet that leads there."""
    ec2, found = client_of(aws, "ec2"), {}
    for zone, subnet in private_subnets(aws).items():
        way = way_of(aws, subnet)
        assert way is not None
        [gateway] = ec2.describe_nat_gateways(NatGatewayIds=[way["NatGatewayId"]])["NatGateways"]
        assert gateway["AvailabilityMode"] == "zonal"
        [where] = ec2.describe_subnets(SubnetIds=[gateway["SubnetId"]])["Subnets"]
        assert where["MapPublicIpOnLaunch"]
        found[zone] = where["AvailabilityZoneId"]
    return found


def nodes_of(aws: AuditedAws) -> list[dict[str, Any]]:
    answer = client_of(aws, "ec2").describe_instances()["Reservations"]
    return [reservation["Instances"][0] for reservation in answer]


def interfaces_of(aws: AuditedAws) -> list[tuple[bool, int, int]]:
    """Of the first node's interfaces: whether it is in the node's subnet, addresses, prefixes."""
    node, *_ = nodes_of(aws)
    return [
        (each["SubnetId"] == node["SubnetId"], len(each["PrivateIpAddresses"]), len(each["Ipv4Prefixes"]))
        for each in node["NetworkInterfaces"]
    ]


def test_by_default_every_zone_has_its_own_way_out() -> None:
    with serving() as aws:
        assert gateway_zones(aws) == {zone: zone for zone in ("euw1-az1", "euw1-az2", "euw1-az3")}
        subnets = private_subnets(aws).values()
        assert [subnet["AvailableIpAddressCount"] for subnet in subnets] == [8000, 8000, 8000]
        vpc = [{"Name": "vpc-id", "Values": [next(iter(subnets))["VpcId"]]}]
        assert len(client_of(aws, "ec2").describe_nat_gateways(Filter=vpc)["NatGateways"]) == 3
        assert (
            client_of(aws, "ec2").describe_nat_gateways(Filter=[{"Name": "vpc-id", "Values": ["vpc-no"]}])[
                "NatGateways"
            ]
            == []
        )


def test_zones_without_a_gateway_share_the_first() -> None:
    with serving(egress=["b", "c"]) as aws:
        assert gateway_zones(aws) == {"euw1-az1": "euw1-az2", "euw1-az2": "euw1-az2", "euw1-az3": "euw1-az3"}


def test_a_regional_gateway_is_in_no_subnet_and_serves_the_main_table() -> None:
    with serving(egress="regional") as aws:
        ways = [way_of(aws, subnet) for subnet in private_subnets(aws).values()]
        [gateway] = client_of(aws, "ec2").describe_nat_gateways()["NatGateways"]
        assert {way and way["NatGatewayId"] for way in ways} == {gateway["NatGatewayId"]}
        assert (gateway["AvailabilityMode"], gateway.get("SubnetId")) == ("regional", None)
        assert len({each["AvailabilityZoneId"] for each in gateway["NatGatewayAddresses"]}) == 3
        [main] = client_of(aws, "ec2").describe_route_tables()["RouteTables"]
        assert [each["Main"] for each in main["Associations"]] == [True]


@pytest.mark.parametrize(("egress", "target"), [("transit-gateway", "tgw"), ("none", None)])
def test_other_ways_out_and_none(egress: str, target: str | None) -> None:
    with serving(egress=egress) as aws:
        for subnet in private_subnets(aws).values():
            way = way_of(aws, subnet)
            assert (way and way["TransitGatewayId"].partition("-")[0]) == target
        assert client_of(aws, "ec2").describe_nat_gateways()["NatGateways"] == []


def test_a_cluster_may_be_in_a_vpc_of_its_own() -> None:
    with serving({"vpc": "other"}, vpcs={"other": {"zones": {"a": {"free": 20}, "b": {}}, "egress": ["a"]}}) as aws:
        assert {zone: each["AvailableIpAddressCount"] for zone, each in private_subnets(aws).items()} == {
            "euw1-az1": 20,
            "euw1-az2": 8000,
        }
        assert gateway_zones(aws) == {"euw1-az1": "euw1-az1", "euw1-az2": "euw1-az1"}
        assert {node["Placement"]["AvailabilityZoneId"] for node in nodes_of(aws)} == {"euw1-az1", "euw1-az2"}
        [group] = client_of(aws, "ec2").describe_security_groups()["SecurityGroups"]
        assert {node["VpcId"] for node in nodes_of(aws)} == {group["VpcId"]}
        assert len({each["VpcId"] for each in client_of(aws, "ec2").describe_subnets()["Subnets"]}) == 2


def test_a_control_plane_has_subnets_of_its_own_where_there_are_some() -> None:
    with serving(zones={"a": {"control_plane": 3}, "b": {}}) as aws:
        named = client_of(aws, "eks").describe_cluster(name="shop")["cluster"]["resourcesVpcConfig"]["subnetIds"]
        found = client_of(aws, "ec2").describe_subnets(SubnetIds=named)["Subnets"]
        assert [each["AvailableIpAddressCount"] for each in found] == [3, 8000]
        assert named[0] not in {node["SubnetId"] for node in nodes_of(aws)}


PODS = {"zones": {"a": {"pods": 7}, "b": {"pods": 9}}}


@pytest.mark.parametrize(
    ("cluster", "region", "expected"),
    [
        # Two interfaces of ten addresses: the second is kept to spare.
        ({}, {}, [(True, 10, 0), (True, 10, 0)]),
        ({"node_groups": {"web": {"types": ["g5.xlarge"]}}}, {}, [(True, 15, 0), (True, 15, 0)]),
        ({"node_groups": {"web": {"types": ["cc1.4xlarge"]}}}, {}, [(True, 1, 0)]),
        ({"prefix_delegation": True}, {}, [(True, 1, 1)]),
        ({"ip_family": "ipv6"}, {}, [(True, 1, 0)]),
        ({"custom_networking": True}, PODS, [(True, 1, 0), (False, 10, 0), (False, 10, 0)]),
        ({"custom_networking": True, "prefix_delegation": True}, PODS, [(True, 1, 0), (False, 1, 1)]),
        ({"node_groups": {}, "pools": {"all": {"scaler": "auto-mode"}}}, {}, [(True, 1, 1)]),
        ({"node_groups": {}, "pools": {"all": {"scaler": "karpenter"}}}, {}, [(True, 10, 0), (True, 10, 0)]),
    ],
)
def test_nodes_take_addresses_as_the_vpc_cni_does(
    cluster: dict[str, Any], region: dict[str, Any], expected: list[tuple[bool, int, int]]
) -> None:
    with serving(cluster, **region) as aws:
        assert interfaces_of(aws) == expected
        devices = [each["Attachment"]["DeviceIndex"] for each in nodes_of(aws)[0]["NetworkInterfaces"]]
        assert devices == list(range(len(expected)))


def test_further_interfaces_are_in_the_subnet_for_pods_of_the_nodes_zone() -> None:
    with serving({"custom_networking": True}, **PODS) as aws:
        subnets = {each["SubnetId"]: each for each in client_of(aws, "ec2").describe_subnets()["Subnets"]}
        for node in nodes_of(aws):
            own, *further = (subnets[each["SubnetId"]] for each in node["NetworkInterfaces"])
            assert own["AvailableIpAddressCount"] == 8000
            assert {each["AvailableIpAddressCount"] for each in further} <= {7, 9}
            assert {each["AvailabilityZoneId"] for each in further} == {own["AvailabilityZoneId"]}


def test_the_family_of_addresses_is_told() -> None:
    for family, member in (("ipv4", "serviceIpv4Cidr"), ("ipv6", "serviceIpv6Cidr")):
        with serving({"ip_family": family}) as aws:
            network = client_of(aws, "eks").describe_cluster(name="shop")["cluster"]["kubernetesNetworkConfig"]
            assert network["ipFamily"] == family
            assert set(network) == {"ipFamily", member}


def test_no_address_of_the_shipped_fleet_is_given_twice_and_all_are_in_their_subnets() -> None:
    fleet = load_fleet(now=NOW)
    for state in expand(fleet, lambda: fleet.now).regions.values():
        taken: dict[str, int] = dict.fromkeys(state.subnets, 0)
        seen: set[tuple[str, str]] = set()
        for interface in (each for node in state.instances.values() for each in node["NetworkInterfaces"]):
            block = ip_network(state.subnets[interface["SubnetId"]]["CidrBlock"])
            taken[interface["SubnetId"]] += addresses_of(interface)
            single = [each["PrivateIpAddress"] for each in interface["PrivateIpAddresses"]]
            several = [ip_network(each["Ipv4Prefix"]) for each in interface["Ipv4Prefixes"]]
            given = {*map(ip_address, single), *(address for prefix in several for address in prefix)}
            assert len(given) == addresses_of(interface)
            assert all(address in block for address in given)
            named = {(interface["VpcId"], str(address)) for address in given}
            assert not seen & named
            seen |= named
        for identifier, subnet in state.subnets.items():
            room = ip_network(subnet["CidrBlock"]).num_addresses - RESERVED_BY_AWS
            assert subnet["AvailableIpAddressCount"] + taken[identifier] <= room


def test_types_tell_what_their_interfaces_hold() -> None:
    with serving() as aws:
        [one] = client_of(aws, "ec2").describe_instance_types(InstanceTypes=["m6i.large"])["InstanceTypes"]
    network = one["NetworkInfo"]
    assert (network["MaximumNetworkInterfaces"], network["Ipv4AddressesPerInterface"]) == (3, 10)


RESERVED = {
    "open-end": {"zone": "b"},
    "ending": {"ends_in": "3d"},
    "over": {"ended": "2d"},
    "called-off": {"state": "cancelled"},
    "block": {"capacity_block": True, "ends_in": "12h", "type": "p5.48xlarge"},
}


def test_reservations_say_when_they_end_and_where_they_are() -> None:
    with serving(reservations=RESERVED) as aws:
        found = client_of(aws, "ec2").describe_capacity_reservations()["CapacityReservations"]
        active = [{"Name": "state", "Values": ["active"]}]
        assert len(client_of(aws, "ec2").describe_capacity_reservations(Filters=active)["CapacityReservations"]) == 3
    shown = [
        (each["State"], each["AvailabilityZoneId"], (each["EndDate"] - NOW).days if "EndDate" in each else None)
        for each in found
    ]
    assert shown == [
        ("active", "euw1-az2", None),
        ("active", "euw1-az1", 3),
        ("expired", "euw1-az1", -2),
        ("cancelled", "euw1-az1", None),
        ("active", "euw1-az1", 0),
    ]
    assert [each["ReservationType"] for each in found] == ["default"] * 4 + ["capacity-block"]


@pytest.mark.parametrize("kind", ["node_groups", "self_managed"])
def test_a_template_names_the_reservation_it_launches_into(kind: str) -> None:
    with serving({"node_groups": {}, kind: {"web": {"reservation": "block"}}}, reservations=RESERVED) as aws:
        [version] = client_of(aws, "ec2").describe_launch_template_versions(Versions=["$Latest"])[
            "LaunchTemplateVersions"
        ]
        content = version["LaunchTemplateData"]
        named = content["CapacityReservationSpecification"]["CapacityReservationTarget"]["CapacityReservationId"]
        [reservation] = client_of(aws, "ec2").describe_capacity_reservations(CapacityReservationIds=[named])[
            "CapacityReservations"
        ]
        assert reservation["InstanceType"] == "p5.48xlarge"
        assert content["InstanceMarketOptions"]["MarketType"] == "capacity-block"
        if kind == "node_groups":
            assert aws.nodegroup("shop", "web")["capacityType"] == "CAPACITY_BLOCK"


@pytest.mark.parametrize("launch_configuration", [True, False])
def test_a_group_may_name_its_reservation_itself(launch_configuration: bool) -> None:  # noqa: FBT001  a parameter
    group = {"reservation": "ending", "reserved_by": "group", "launch_configuration": launch_configuration}
    with serving({"node_groups": {}, "self_managed": {"web": group}}, reservations=RESERVED) as aws:
        [shown] = client_of(aws, "autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        [named] = shown["CapacityReservationSpecification"]["CapacityReservationTarget"]["CapacityReservationIds"]
        assert client_of(aws, "ec2").describe_capacity_reservations(CapacityReservationIds=[named])
        for version in client_of(aws, "ec2").describe_launch_template_versions(Versions=["$Latest"])[
            "LaunchTemplateVersions"
        ]:
            assert "CapacityReservationSpecification" not in version["LaunchTemplateData"]


def test_a_lost_zone_takes_a_clusters_nodes_and_frees_their_addresses() -> None:
    clusters: dict[str, Any] = {name: {"node_groups": {"web": {}}} for name in ("shop", "other")}
    with AuditedAws(load_fleet(fleet_of(clusters=clusters), now=NOW)) as aws:
        before = {node["InstanceId"] for node in nodes_of(aws)}
        lost = aws.lose_zone("shop", "euw1-az2")
        assert before - {node["InstanceId"] for node in nodes_of(aws)} == set(lost)
        assert len(lost) == 1
        left = {name: len(aws.group_of(name, "web")["Instances"]) for name in ("shop", "other")}
        assert left == {"shop": 2, "other": 3}
        assert aws.group_of("shop", "web")["DesiredCapacity"] == 3
        free = {zone: each["AvailableIpAddressCount"] for zone, each in private_subnets(aws).items()}
        assert free == {"euw1-az1": 8000, "euw1-az2": 8020, "euw1-az3": 8000}
        assert aws.broken_answers == []


def test_subnets_fill_up() -> None:
    with serving({"custom_networking": True}, **PODS) as aws:
        aws.fill_subnet("shop", "euw1-az1", 2)
        aws.fill_subnet("shop", "euw1-az2", 0, "pods")
        found = client_of(aws, "ec2").describe_subnets()["Subnets"]
        private = [each["AvailableIpAddressCount"] for each in found if not each["MapPublicIpOnLaunch"]]
        assert private == [2, 7, 8000, 0]
        with pytest.raises(ValueError, match=r"^the VPC of shop has no control-plane subnet in euw1-az1$"):
            aws.fill_subnet("shop", "euw1-az1", 0, "control-plane")


def test_processes_are_suspended_once() -> None:
    with serving({"node_groups": {"web": {"suspended": ["AZRebalance"]}}}) as aws:
        aws.suspend_processes("shop", "web", ["Launch", "AZRebalance"])
        [group] = client_of(aws, "autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        assert [each["ProcessName"] for each in group["SuspendedProcesses"]] == ["Launch", "AZRebalance"]


def test_the_shipped_fleet_shows_what_it_says_of_zones() -> None:
    fleet = load_fleet(now=NOW)
    state = expand(fleet, lambda: fleet.now).region(ACCOUNT, REGION)
    casting = next(group for name, group in state.groups.items() if name.startswith("eks-casting-"))
    assert len(casting["AvailabilityZoneIds"]) == 3
    assert ("m6a.large", casting["AvailabilityZoneIds"][2]) in state.not_offered
    assert [name for name, each in state.clusters.items() if not each["zonalShiftConfig"]["enabled"]] == ["harbour"]
    vpcs = {name: cluster["resourcesVpcConfig"]["vpcId"] for name, cluster in state.clusters.items()}
    assert [name for name, vpc in vpcs.items() if vpc != vpcs["shop"]] == ["harbour"]


@pytest.mark.parametrize(
    ("region", "sentence"),
    [
        ({"egress": ["d"]}, "a NAT gateway is in one of the zones a, b, c, and each zone is named once"),
        ({"egress": ["a", "a"]}, "each zone is named once"),
        ({"egress": []}, "a NAT gateway is in one of the zones"),
        ({"vpcs": {"other": {"egress": ["d"]}}}, "a NAT gateway is in one of the zones"),
        ({"vpcs": {"other": {"zones": {"a": {"id": "euw1-az2"}}}}}, "vpcs.other.zones.a: unknown key 'id'"),
        ({"zones": {"a": {"control_plane": 12}}}, "Input should be less than or equal to 11"),
        ({"reservations": {"r": {"zone": "d"}}}, "no VPC has the zone d of a reservation"),
        ({"reservations": {"r": {"ends_in": "1d", "ended": "1d"}}}, "say only one of ends_in and ended"),
        ({"reservations": {"r": {"capacity_block": True}}}, "a Capacity Block has an end: say ends_in or ended"),
    ],
)
def test_what_a_region_says_wrongly_gets_one_clear_sentence(region: dict[str, Any], sentence: str) -> None:
    with pytest.raises(FleetError) as refused:
        load_fleet(fleet_of(**region), now=NOW)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("cluster", "sentence"),
    [
        ({"vpc": "other"}, "shop.vpc: the Region describes no VPC 'other'"),
        ({"custom_networking": True}, "shop.custom_networking: the VPC has no subnet for pods in zone a"),
        ({"node_groups": {"web": {"reservation": "r"}}}, "shop.web: the Region describes no reservation 'r'"),
    ],
)
def test_what_a_cluster_names_must_be_described(cluster: dict[str, Any], sentence: str) -> None:
    described = fleet_of(clusters={"shop": {"node_groups": {"web": {}}} | cluster})
    fleet = load_fleet(described, now=NOW)
    with pytest.raises(FleetError) as refused:
        expand(fleet, lambda: fleet.now)
    assert sentence in str(refused.value)
