"""Where subnets' default routes lead, in each way that EC2 tells it; what cannot be seen is a gap, never no route."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.model.cluster import Egress
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from tests.snapshot.bench import ACCOUNT, BATCH, NOW, REGION, Bench, batch

NAT = "nat-0123456789abcdef0"
TABLE = "rtb-0123456789abcdef0"
DENIED, THROTTLED = "UnauthorizedOperation", "RequestLimitExceeded"
SECOND = timedelta(seconds=1)
GIVEN = [
    {"AllocationId": "eipalloc-1", "AvailabilityZone": "eu-west-1a", "AvailabilityZoneId": "euw1-az1"},
    {"AllocationId": "eipalloc-2", "AvailabilityZone": "eu-west-1a", "AvailabilityZoneId": "euw1-az1"},
    {"AllocationId": "eipalloc-3", "AvailabilityZone": "eu-west-1c"},
    {"PrivateIp": "10.0.0.9"},
]
ROUTED = {"ec2:DescribeRouteTables", "ec2:DescribeNatGateways"}


@pytest.fixture
def started(bench: Callable[..., Any]) -> Iterator[Bench]:
    with bench(BATCH) as one:
        yield one


def state(bench: Bench) -> Any:  # noqa: ANN401  the local AWS's own
    return bench.aws.region(ACCOUNT, REGION)


def route(bench: Bench, **target: str) -> None:
    """Leave all subnets of the VPC to its main table, with one default route beside the local one."""
    routes = [
        {"DestinationCidrBlock": "10.0.0.0/8", "GatewayId": "local", "State": "active"},
        {"DestinationCidrBlock": "0.0.0.0/0", "State": "active"} | target,
    ]
    state(bench).route_tables.clear()
    add_table(bench, {"VpcId": vpc_of(bench), "Associations": [{"Main": True}], "Routes": routes})


def vpc_of(bench: Bench) -> str:
    """Return the one VPC."""
    [vpc] = {subnet["VpcId"] for subnet in state(bench).subnets.values()}
    return str(vpc)


def add_gateway(bench: Bench, **described: object) -> None:
    state(bench).nat_gateways[NAT] = {"NatGatewayId": NAT, "VpcId": vpc_of(bench), **described}


def add_table(bench: Bench, table: dict[str, Any], name: str = TABLE) -> None:
    state(bench).route_tables[name] = {"RouteTableId": name} | table


def launched_in(bench: Bench) -> list[str]:
    """Return the subnets of the one group, in the order of their zones a, b, c."""
    subnets: list[str] = batch(bench)["VPCZoneIdentifier"].split(",")
    return subnets


def zones_of(snapshot: Snapshot) -> list[str | None]:
    """Return the zones of the NAT gateways that subnets lead to, in the order of their own zones."""
    assert not isinstance(snapshot.vpc_subnets, Gap)
    ordered = sorted(snapshot.vpc_subnets, key=lambda subnet: subnet.zone_id)
    leads = [egress for subnet in ordered if (egress := snapshot.egress.get(subnet.id)) is not None]
    assert not any(isinstance(egress, Gap) for egress in leads)
    return [egress.zone_id for egress in leads if not isinstance(egress, Gap)]


@pytest.mark.parametrize("page_size", [None, 1])
@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ("every-zone", ["euw1-az1", "euw1-az2", "euw1-az3"]),
        (["b"], ["euw1-az2", "euw1-az2", "euw1-az2"]),
        (["a", "c"], ["euw1-az1", "euw1-az1", "euw1-az3"]),
        ("regional", [None, None, None]),
        ("transit-gateway", [None, None, None]),
        ("none", [None, None, None]),
    ],
)
def test_the_zone_that_each_subnet_hangs_on(
    bench: Callable[..., Any], described: object, expected: list[str | None], page_size: int | None
) -> None:
    with bench(BATCH, egress=described, page_size=page_size) as started:
        snapshot = started.read()
        assert zones_of(snapshot) == expected
        assert set(snapshot.egress) == set(launched_in(started))
    assert snapshot.gaps == ()


@pytest.mark.parametrize(
    ("described", "kinds"),
    [("every-zone", {"nat"}), ("regional", {"nat"}), ("transit-gateway", {"tgw"}), ("none", {None})],
)
def test_what_it_leads_to(bench: Callable[..., Any], described: str, kinds: set[str | None]) -> None:
    with bench(BATCH, egress=described) as started:
        leads = started.read().egress.values()
        tables = set(state(started).route_tables)
    found = [egress for egress in leads if isinstance(egress, Egress)]
    assert {egress.target and egress.target.partition("-")[0] for egress in found} == kinds
    assert {egress.route_table for egress in found} <= tables


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"GatewayId": "igw-1"}, "igw-1"),
        ({"GatewayId": "vpce-1"}, "vpce-1"),  # the endpoint of a firewall
        ({"TransitGatewayId": "tgw-1"}, "tgw-1"),
        ({"VpcPeeringConnectionId": "pcx-1"}, "pcx-1"),
        ({"InstanceId": "i-1", "InstanceOwnerId": ACCOUNT, "NetworkInterfaceId": "eni-1"}, "i-1"),
        ({"NetworkInterfaceId": "eni-1"}, "eni-1"),
        (
            {"CoreNetworkArn": f"arn:aws:networkmanager::{ACCOUNT}:core-network/core-network-0123456789abcdef0"},
            "core-network-0123456789abcdef0",
        ),
        ({"IpAddress": "10.0.0.9"}, "unknown"),
    ],
)
def test_every_kind_of_target_is_told_by_its_id(started: Bench, target: dict[str, str], expected: str) -> None:
    route(started, **target)
    told = Egress(target=expected, route_table=TABLE)
    assert started.read().egress == dict.fromkeys(launched_in(started), told)


@pytest.mark.parametrize(
    "target",
    [
        {"NatGatewayId": NAT, "State": "blackhole"},
        {"GatewayId": "igw-1", "DestinationCidrBlock": "10.1.0.0/16"},
        {"EgressOnlyInternetGatewayId": "eigw-1", "DestinationCidrBlock": "", "DestinationIpv6CidrBlock": "::/0"},
        {"GatewayId": "vpce-1", "DestinationCidrBlock": "", "DestinationPrefixListId": "pl-1"},
    ],
)
def test_no_other_route_is_a_default_one(started: Bench, target: dict[str, str]) -> None:
    route(started, **target)
    assert set(started.read().egress.values()) == {Egress(target=None, route_table=TABLE)}


@pytest.mark.parametrize(
    ("association", "table"),
    [("associated", "rtb-own"), ("associating", "rtb-own"), ("disassociated", TABLE), ("failed", TABLE)],
)
def test_an_association_of_its_own_counts_before_the_main_table(started: Bench, association: str, table: str) -> None:
    route(started, GatewayId="igw-1")
    first, *others = launched_in(started)
    own = {"Main": False, "SubnetId": first, "AssociationState": {"State": association}}
    gateway = {"Main": False, "GatewayId": "igw-1", "AssociationState": {"State": "associated"}}
    add_table(started, {"VpcId": vpc_of(started), "Associations": [own, gateway], "Routes": []}, "rtb-own")
    found = started.read().egress
    assert {each: egress.route_table for each, egress in found.items() if isinstance(egress, Egress)} == {
        first: table,
        **dict.fromkeys(others, TABLE),
    }


@pytest.mark.parametrize(
    ("gateway", "told"),
    [
        ({"AvailabilityMode": "zonal"}, {"zone_id": "euw1-az2"}),
        ({}, {"zone_id": "euw1-az2"}),  # before there were others
        ({"ConnectivityType": "public"}, {"zone_id": "euw1-az2"}),
        ({"ConnectivityType": "private"}, {"zone_id": "euw1-az2", "private": True}),
        ({"AvailabilityMode": "regional"}, {}),
        ({"AvailabilityMode": "regional", "AutoProvisionZones": "enabled", "NatGatewayAddresses": GIVEN}, {}),
        (
            {"AvailabilityMode": "regional", "AutoProvisionZones": "disabled", "NatGatewayAddresses": GIVEN},
            {"given_zones": ("eu-west-1c", "euw1-az1")},
        ),
    ],
)
def test_a_nat_gateway_is_zonal_and_public_unless_it_says_otherwise(
    started: Bench, gateway: dict[str, object], told: dict[str, Any]
) -> None:
    route(started, NatGatewayId=NAT)
    add_gateway(started, SubnetId=launched_in(started)[1], **gateway)
    assert set(started.read().egress.values()) == {Egress(target=NAT, route_table=TABLE, **told)}


def test_a_gateway_that_is_told_oddly_costs_no_other(started: Bench) -> None:
    first, *others = launched_in(started)
    routes = [{"DestinationCidrBlock": "0.0.0.0/0", "State": "active", "NatGatewayId": NAT}]
    for table in state(started).route_tables.values():
        table["Associations"] = [each for each in table["Associations"] if each.get("SubnetId") != first]
    own = {"Main": False, "SubnetId": first}
    add_table(started, {"VpcId": vpc_of(started), "Associations": [own], "Routes": routes})
    add_gateway(started, AvailabilityMode="zonal")  # in no subnet
    snapshot = started.read()
    gap = Gap("ec2:DescribeNatGateways", NAT, "UnexpectedAnswer: the answer has no 'SubnetId'")
    assert snapshot.egress[first] == gap
    assert all(isinstance(snapshot.egress[each], Egress) for each in others)
    assert snapshot.gaps == (gap,)


def test_a_gateway_in_a_subnet_that_is_newer_than_the_shared_list(bench: Callable[..., Any]) -> None:
    clusters = {"empty": {"fargate": {"default": {}}}, "shop": BATCH}
    with bench(clusters=clusters) as started:
        started.read("empty")  # which needs subnets, and no routes
        some = next(iter(state(started).subnets.values()))
        state(started).subnets["subnet-new"] = {**some, "SubnetId": "subnet-new", "AvailabilityZoneId": "euw1-az9"}
        route(started, NatGatewayId=NAT)
        add_gateway(started, SubnetId="subnet-new")
        found = started.read(not_before=NOW - SECOND).egress
        assert set(found.values()) == {Egress(target=NAT, zone_id="euw1-az9", route_table=TABLE)}
        started.aws.fail("ec2", "DescribeSubnets", THROTTLED, "no", status=503)
        snapshot = started.read(not_before=NOW - SECOND)
        assert set(snapshot.egress.values()) == {Gap("ec2:DescribeSubnets", "subnet-new", f"{THROTTLED}: no")}
        assert snapshot.gaps


def test_a_subnet_that_is_newer_than_the_shared_tables_is_not_left_to_the_main_one(started: Bench) -> None:
    first, *others = launched_in(started)
    route(started, GatewayId="igw-1")
    own = {"Main": False, "SubnetId": first, "AssociationState": {"State": "associated"}}
    assert started.read(not_before=NOW - SECOND).egress[first] == Egress(target="igw-1", route_table=TABLE)
    add_table(started, {"VpcId": vpc_of(started), "Associations": [own], "Routes": []}, "rtb-own")
    started.aws.calls.clear()
    found = started.read(not_before=NOW - SECOND).egress
    assert found[first] == Egress(target=None, route_table="rtb-own")
    assert {found[each] for each in others} == {Egress(target="igw-1", route_table=TABLE)}
    assert started.count("ec2:DescribeRouteTables") == 1
    started.aws.fail("ec2", "DescribeRouteTables", THROTTLED, "no", status=503)
    snapshot = started.read(not_before=NOW - SECOND)
    assert snapshot.egress[first] == Gap("ec2:DescribeRouteTables", first, f"{THROTTLED}: no")


def test_shared_tables_that_name_a_subnet_are_enough(started: Bench) -> None:
    started.read(not_before=NOW - SECOND)
    started.aws.calls.clear()
    started.read(not_before=NOW - SECOND)
    assert not ROUTED & started.operations


@pytest.mark.parametrize("operation", ["DescribeRouteTables", "DescribeNatGateways"])
def test_no_audit_is_held_up_by_a_throttle(started: Bench, operation: str) -> None:
    started.aws.fail("ec2", operation, THROTTLED, "no", status=503)
    snapshot = started.read()
    gap = Gap(f"ec2:{operation}", REGION, f"{THROTTLED}: no", retryable=False)
    assert set(snapshot.egress.values()) == {gap}
    assert snapshot.gaps == (gap,)


def test_what_the_owner_of_a_shared_vpc_keeps_to_itself(started: Bench) -> None:
    route(started, NatGatewayId=NAT)
    snapshot = started.read()
    [gap] = set(snapshot.egress.values())
    assert isinstance(gap, Gap)
    assert (gap.action, gap.resource, gap.retryable) == ("ec2:DescribeNatGateways", NAT, False)
    assert gap.error.startswith("NotVisible: ")
    assert snapshot.gaps == (), "no read failed"


def test_without_any_table_in_sight_nothing_is_said(started: Bench) -> None:
    state(started).route_tables.clear()
    snapshot = started.read()
    for subnet, gap in snapshot.egress.items():
        assert isinstance(gap, Gap)
        assert (gap.action, gap.resource) == ("ec2:DescribeRouteTables", subnet)
        assert gap.error.startswith("NotVisible: ")
    assert snapshot.gaps == ()
    assert set(snapshot.egress) == set(launched_in(started))


def test_denied_route_tables_are_a_gap_of_every_subnet(started: Bench) -> None:
    started.aws.fail("ec2", "DescribeRouteTables", DENIED, "no", status=403)
    snapshot = started.read()
    gap = Gap("ec2:DescribeRouteTables", REGION, f"{DENIED}: no")
    assert snapshot.egress == dict.fromkeys(launched_in(started), gap)
    assert set(snapshot.gaps) == set(snapshot.egress.values())


def test_denied_nat_gateways_are_a_gap_of_the_subnets_that_lead_to_one(started: Bench) -> None:
    first, *others = launched_in(started)
    routes = [{"DestinationCidrBlock": "0.0.0.0/0", "State": "active", "GatewayId": "igw-1"}]
    for table in state(started).route_tables.values():
        table["Associations"] = [each for each in table["Associations"] if each.get("SubnetId") != first]
    own = {"Main": False, "SubnetId": first}
    add_table(started, {"VpcId": vpc_of(started), "Associations": [own], "Routes": routes})
    started.aws.fail("ec2", "DescribeNatGateways", DENIED, "no", status=403)
    gap = Gap("ec2:DescribeNatGateways", REGION, f"{DENIED}: no")
    assert started.read().egress == {
        first: Egress(target="igw-1", route_table=TABLE),
        **dict.fromkeys(others, gap),
    }


def test_denied_subnets_hide_only_what_needs_them(started: Bench) -> None:
    # Explicit associations need no subnet, the zone of a NAT gateway does; of groups' subnets nothing is known.
    started.aws.fail("ec2", "DescribeSubnets", DENIED, "no", status=403)
    gap = Gap("ec2:DescribeSubnets", REGION, f"{DENIED}: no")
    assert started.read().egress == dict.fromkeys(launched_in(started), gap)
    started.start_anew()
    for table in state(started).route_tables.values():
        table["Routes"] = []
    assert all(isinstance(egress, Egress) for egress in started.read().egress.values())


@pytest.mark.parametrize("scaler", ["karpenter", "standalone"])
def test_subnets_that_nodes_run_in_whoever_launched_them(bench: Callable[..., Any], scaler: str) -> None:
    with bench({"pools": {"burst": {"scaler": scaler, "zones": ["a", "c"], "desired": 2}}}) as started:
        assert zones_of(started.read()) == ["euw1-az1", "euw1-az3"]


def test_auto_mode_may_launch_in_all_of_the_clusters_unless_it_is_seen_elsewhere(bench: Callable[..., Any]) -> None:
    with bench({"pools": {"burst": {"scaler": "auto-mode", "zones": ["a"], "desired": 1}}}) as started:
        snapshot = started.read()
        assert zones_of(snapshot) == ["euw1-az1", "euw1-az2", "euw1-az3"]
        [instance] = state(started).instances.values()
        used = instance["SubnetId"]
        cluster = state(started).clusters["shop"]["resourcesVpcConfig"]
        cluster["subnetIds"] = [each for each in cluster["subnetIds"] if each != used]
        assert set(started.read(not_before=NOW - SECOND).egress) == {used}


@pytest.mark.parametrize(
    "parked",
    [{"MinSize": 0, "MaxSize": 0}, {"SuspendedProcesses": [{"ProcessName": "Launch", "SuspensionReason": ""}]}],
)
def test_a_group_that_launches_nothing_counts_where_its_nodes_are(started: Bench, parked: dict[str, Any]) -> None:
    assert set(started.read().egress) == set(launched_in(started))
    first, *_ = launched_in(started)
    batch(started).update(parked)
    for instance in state(started).instances.values():
        for interface in instance["NetworkInterfaces"]:
            interface["SubnetId"] = first
    started.start_anew()
    assert set(started.read().egress) == {first}


def test_no_subnet_for_pods_alone(bench: Callable[..., Any]) -> None:
    zones = {"a": {"pods": 500}, "b": {"pods": 500}}
    cluster = {"custom_networking": True, "pools": {"burst": {"scaler": "karpenter", "zones": ["a", "b"]}}}
    with bench(cluster, zones=zones) as started:
        snapshot = started.read()
    nodes = [node for capacity in snapshot.capacities for node in capacity.nodes]
    pods = {each.subnet_id for node in nodes for each in node.interfaces if not each.primary}
    assert len(pods) == 2
    assert set(snapshot.egress) == {each.subnet_id for node in nodes for each in node.interfaces if each.primary}


def test_nothing_is_asked_where_nothing_is_launched(bench: Callable[..., Any]) -> None:
    with bench({"fargate": {"default": {}}}) as started:
        assert started.read().egress == {}
        assert not ROUTED & started.operations


def test_subnets_of_another_vpc_follow_its_own_tables(started: Bench) -> None:
    route(started, GatewayId="igw-1")
    some = next(iter(state(started).subnets.values()))
    state(started).subnets["subnet-peer"] = {**some, "SubnetId": "subnet-peer", "VpcId": "vpc-peer"}
    batch(started)["VPCZoneIdentifier"] += ",subnet-peer"
    add_table(started, {"VpcId": "vpc-peer", "Associations": [{"Main": True}], "Routes": []}, "rtb-peer")
    assert started.read().egress["subnet-peer"] == Egress(target=None, route_table="rtb-peer")
    assert {started.count(operation) for operation in ROUTED} == {1}, "one call for both VPCs"


def test_a_main_table_of_another_vpc_is_none_of_this_one(started: Bench) -> None:
    route(started, GatewayId="igw-1")
    for table in state(started).route_tables.values():
        table["VpcId"] = "vpc-peer"
    found = started.read().egress
    assert set(found) == set(launched_in(started))
    assert all(isinstance(each, Gap) and each.error.startswith("NotVisible: ") for each in found.values())
