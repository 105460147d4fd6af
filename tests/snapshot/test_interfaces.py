"""The addresses of nodes: their network interfaces, what a type's interface can hold, and which family pods have."""

from collections.abc import Callable
from typing import Any

import pytest

from eks_auditor.model.capacity import InstanceType, Interface, Node
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import Snapshot
from tests.snapshot.bench import ACCOUNT, REGION, Bench, by_name

ONE_NODE: dict[str, Any] = {"node_groups": {"web": {"zones": ["a"], "desired": 1, "min": 1}}}


def instance(bench: Bench) -> dict[str, Any]:
    """The one instance, to be changed."""
    [found] = bench.aws.region(ACCOUNT, REGION).instances.values()
    assert isinstance(found, dict)
    return found


def interface(subnet: str, device: int, card: int = 0, **more: object) -> dict[str, Any]:
    return {
        "SubnetId": subnet,
        "Attachment": {"DeviceIndex": device, "NetworkCardIndex": card, "Status": "attached"},
        **more,
    }


def addresses(count: int) -> dict[str, Any]:
    return {"PrivateIpAddresses": [{"PrivateIpAddress": f"10.0.0.{number}"} for number in range(count)]}


def node(snapshot: Snapshot) -> Node:
    [found] = by_name(snapshot)["web"].nodes
    assert isinstance(found, Node)
    return found


def test_every_interface_with_what_it_holds_the_primary_one_first(bench: Callable[..., Any]) -> None:
    with bench(ONE_NODE) as started:
        home = instance(started)["SubnetId"]
        instance(started)["NetworkInterfaces"] = [
            interface("subnet-pods", 1, **addresses(1), Ipv4Prefixes=[{"Ipv4Prefix": "10.1.0.0/28"}] * 2),
            interface("subnet-second-card", 0, 1, **addresses(3)),
            interface(home, 0, **addresses(10)),
        ]
        found = node(started.read())
    assert found.interfaces == (
        Interface(subnet_id=home, primary=True, addresses=10),
        Interface(subnet_id="subnet-pods", primary=False, addresses=1, prefixes=2),
        Interface(subnet_id="subnet-second-card", primary=False, addresses=3),
    )
    assert [each.taken for each in found.interfaces] == [10, 33, 3]


def test_an_interface_for_efa_alone_has_no_address(bench: Callable[..., Any]) -> None:
    with bench(ONE_NODE) as started:
        home = instance(started)["SubnetId"]
        only = interface(home, 1, 1, InterfaceType="efa-only")
        instance(started)["NetworkInterfaces"] = [interface(home, 0, **addresses(4)), only]
        assert [each.taken for each in node(started.read()).interfaces] == [4, 0]


@pytest.mark.parametrize("told", [None, [], [{"NetworkInterfaceId": "eni-1", "Status": "detaching"}]])
def test_none_where_ec2_tells_none(bench: Callable[..., Any], told: list[dict[str, str]] | None) -> None:
    with bench(ONE_NODE) as started:
        del instance(started)["NetworkInterfaces"]
        if told is not None:
            instance(started)["NetworkInterfaces"] = told
        assert node(started.read()).interfaces == ()


@pytest.mark.parametrize(
    ("cluster", "primary", "others"),
    [({}, 0, set()), ({"custom_networking": True}, 0, {"pods"}), ({"prefix_delegation": True}, 1, set())],
)
def test_as_the_vpc_cni_fills_them(
    bench: Callable[..., Any], cluster: dict[str, bool], primary: int, others: set[str]
) -> None:
    with bench(ONE_NODE | cluster, zones={"a": {"pods": 900}}) as started:
        found = node(started.read()).interfaces
        subnets = started.aws.region(ACCOUNT, REGION).subnets
        named = {each.subnet_id: subnets[each.subnet_id]["Tags"][0]["Value"] for each in found}
    assert [each.primary for each in found] == [True] + [False] * (len(found) - 1)
    assert (found[0].prefixes > 0) is bool(primary)
    assert {named[each.subnet_id].removesuffix("-a") for each in found} == {"private"} | others


def test_interfaces_take_no_call_of_their_own(bench: Callable[..., Any]) -> None:
    with bench(ONE_NODE) as started:
        started.read()
        assert not [each for each in started.operations if "NetworkInterface" in each]


def test_how_many_addresses_an_interface_of_a_type_holds(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {"types": ["m6i.large", "m5.4xlarge"]}}}) as started:
        types = started.read().instance_types
    held = {name: found.addresses_per_interface for name, found in types.items() if isinstance(found, InstanceType)}
    assert held == {"m6i.large": 10, "m5.4xlarge": 30}


def test_a_type_that_does_not_tell_it(bench: Callable[..., Any]) -> None:
    with bench(ONE_NODE) as started:
        started.clients().ec2.meta.events.register("after-call.ec2.DescribeInstanceTypes", _silent)
        [found] = started.read().instance_types.values()
    assert not isinstance(found, Gap)
    assert (found.vcpus, found.addresses_per_interface) == (2, None)


def _silent(parsed: dict[str, Any], **_: object) -> None:
    for info in parsed["InstanceTypes"]:
        del info["NetworkInfo"]


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_the_family_of_pods_addresses(bench: Callable[..., Any], family: str) -> None:
    with bench(ONE_NODE | {"ip_family": family}) as started:
        assert started.read().cluster.ip_family == family


def test_a_cluster_that_tells_no_family_is_of_the_older_one(bench: Callable[..., Any]) -> None:
    with bench(ONE_NODE) as started:
        started.clients().eks.meta.events.register("after-call.eks.DescribeCluster", _without_family)
        assert started.read().cluster.ip_family == "ipv4"


def _without_family(parsed: dict[str, Any], **_: object) -> None:
    parsed["cluster"].pop("kubernetesNetworkConfig", None)
