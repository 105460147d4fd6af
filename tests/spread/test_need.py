from collections.abc import Sequence
from datetime import timedelta

import pytest

from eks_auditor.model.capacity import InstanceType, Interface, LaunchConfig, Node
from eks_auditor.model.gap import Gap, UnreadableError
from eks_auditor.spread.need import Need, addresses_per_node, settled, typical
from tests.builders import (
    NOW,
    cluster,
    gap,
    instance_type,
    instances,
    interface,
    launch,
    managed,
    node,
    node_pool,
    self_managed,
    snapshot,
    standalone,
)

READ = snapshot()


def nodes(*interfaces: Sequence[Interface]) -> list[Node]:
    return [node(number, interfaces=tuple(held)) for number, held in enumerate(interfaces)]


def pods(addresses: int = 0, prefixes: int = 0) -> Interface:
    return interface(subnet_id="subnet-pods", primary=False, addresses=addresses, prefixes=prefixes)


def test_all_interfaces_in_the_nodes_own_subnet_count_together() -> None:
    second = interface(primary=False, addresses=3, prefixes=1)
    assert addresses_per_node(nodes([interface(), second]), launch(), READ) == Need(primary=10 + 3 + 16, pods=0)


def test_what_is_taken_of_other_subnets_is_for_pods() -> None:
    own = interface(addresses=1)
    found = nodes([own, pods(addresses=5)], [own, pods(addresses=5), pods(addresses=1, prefixes=2)])
    assert addresses_per_node(found, launch(), READ) == Need(primary=1, pods=38)


@pytest.mark.parametrize("own", [interface(addresses=2), interface(addresses=1, prefixes=1)])
def test_a_node_with_pods_in_its_own_subnet_too_takes_all_from_one_pool(own: Interface) -> None:
    found = addresses_per_node(nodes([own, pods(addresses=7)]), launch(), READ)
    assert found == Need(primary=own.taken + 7, pods=0)


@pytest.mark.parametrize("state", ["Warmed:Running", "Pending:Wait", "Standby"])
def test_only_nodes_in_service_tell_what_a_node_takes(state: str) -> None:
    held = (*instances(["euw1-az1"]), *instances(["euw1-az1"], first=2, lifecycle_state=state))
    for group in (managed(group={"instances": held}), self_managed(group={"instances": held})):
        assert [each.id for each in settled(group, NOW)] == [held[0].id]
    idle = managed(group={"instances": held[1:]})
    assert settled(idle, NOW) == idle.nodes


@pytest.mark.parametrize(("minutes", "settles"), [(9, False), (10, True)])
def test_a_node_just_launched_says_nothing_unless_all_are(minutes: int, *, settles: bool) -> None:
    young, old = node(1, launched_at=NOW - timedelta(minutes=minutes)), node(2)
    assert (young in settled(node_pool(nodes=(young, old)), NOW)) is settles
    assert settled(node_pool(nodes=(young,)), NOW) == (young,)
    assert settled(standalone(), NOW)
    assert settled(managed(groups=gap()), NOW)


def test_a_typical_node_is_the_median_of_those_in_the_more_frequent_mode() -> None:
    single, prefix = [interface(addresses=5)], [interface(addresses=1, prefixes=2)]
    assert typical(nodes(single, single, prefix)) == 5
    assert typical(nodes(single, prefix, prefix, [])) == 33
    assert typical(nodes([])) is None


def test_without_nodes_what_others_take_is_expected_up_to_two_interfaces() -> None:
    assert [addresses_per_node([], launch(), READ, otherwise=held).primary for held in (6, 60)] == [6, 20]


@pytest.mark.parametrize(("taken", "median"), [((1, 2, 30), 2), ((1, 30), 30), ((4,), 4), ((1, 1, 30, 30), 30)])
def test_it_is_the_median_the_upper_one_of_two(taken: Sequence[int], median: int) -> None:
    found = nodes(*([interface(addresses=count)] for count in taken))
    assert addresses_per_node(found, None, READ) == Need(primary=median, pods=0)


def test_a_node_without_interfaces_says_nothing() -> None:
    assert addresses_per_node(nodes([], [interface(addresses=7)], []), launch(), READ).primary == 7


def test_without_nodes_two_interfaces_of_the_first_type_are_expected() -> None:
    read = snapshot(instance_types={"b.large": instance_type("b.large", addresses_per_interface=15)})
    assert addresses_per_node([], launch(instance_types=("b.large", "m7i.large")), read) == Need(primary=30, pods=0)
    assert addresses_per_node(nodes([]), None, READ) == Need(primary=20, pods=0)


def test_with_ipv6_a_node_takes_its_own_address_only() -> None:
    read = snapshot(cluster=cluster(ip_family="ipv6"), instance_types={})
    assert addresses_per_node(nodes([interface(prefixes=3)]), launch(), read) == Need(primary=1, pods=0)
    assert addresses_per_node([], gap(), read) == Need(primary=1, pods=0)


@pytest.mark.parametrize(
    "types", [{}, {"m7i.large": gap()}, {"m7i.large": instance_type(addresses_per_interface=None)}]
)
def test_a_type_that_was_not_read_is_no_zero(types: dict[str, InstanceType | Gap]) -> None:
    with pytest.raises(UnreadableError):
        addresses_per_node([], launch(), snapshot(instance_types=types))


@pytest.mark.parametrize("launched", [gap(), launch(instance_types=()), None])
def test_a_launch_without_a_type_is_no_zero(launched: LaunchConfig | Gap | None) -> None:
    with pytest.raises(UnreadableError):
        addresses_per_node([], launched, READ)
