from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.model.capacity import UNDECLARED, ManagedNodeGroup, SelfManagedGroup, Taint
from eks_auditor.model.gap import Gap
from eks_auditor.spread.siblings import SiblingSet, Spread
from tests.builders import (
    ZONES,
    fargate,
    gap,
    image,
    instance_type,
    launch,
    managed,
    node_pool,
    self_managed,
    snapshot,
    standalone,
)

type Group = ManagedNodeGroup | SelfManagedGroup


def per_zone(**deviations: Any) -> list[ManagedNodeGroup]:  # noqa: ANN401  any field of it
    return [managed(f"web-{zone[-1]}", zones=[zone], size=2, **deviations) for zone in ZONES]


def sets_of(*groups: object, **deviations: object) -> list[list[str]]:
    spread = Spread.of(snapshot(*groups, **deviations))
    return sorted([member.name for member in sibling_set.members] for sibling_set in spread.sets)


def shaped(name: str, memory_mib: int) -> ManagedNodeGroup:
    return managed(name, group={"launch": launch(instance_types=(f"type-{memory_mib}",))})


def types_of(*memories: int) -> dict[str, object]:
    return {f"type-{m}": instance_type(f"type-{m}", memory_mib=m) for m in memories}


def test_one_group_per_zone_is_one_set() -> None:
    assert sets_of(*per_zone()) == [["web-1", "web-2", "web-3"]]


def test_managed_and_self_managed_groups_are_siblings_when_the_same_pods_can_use_them() -> None:
    assert sets_of(managed("web"), self_managed("batch")) == [["web", "batch"]]


@pytest.mark.parametrize(
    "labels",
    [
        {"topology.kubernetes.io/zone": "anything"},
        {"failure-domain.beta.kubernetes.io/zone": "anything"},
        {"kubernetes.io/hostname": "anything"},
        {"k8s.amazonaws.com/eniConfig": "anything"},
        {"lifecycle": "anything"},
        {"topology.ebs.csi.aws.com/zone": "anything"},
        {"topology.k8s.aws/zone-id": "anything"},
        {"eks.amazonaws.com/nodegroup": "anything"},
        {"alpha.eksctl.io/nodegroup-name": "anything"},
        {"group": "blue"},
        {"asg": "eks-blue-0a1b2c3d"},
        {"zone": "eu-west-1b"},
        {"zone": "euw1-az2"},
        {"zone": "eu-west-1-lon-1a"},
    ],
)
def test_labels_that_differ_between_siblings_by_nature_are_ignored(labels: dict[str, str]) -> None:
    assert sets_of(managed("blue", labels=labels), managed("web")) == [["blue", "web"]]


def test_a_label_that_repeats_the_name_before_terraform_makes_it_unique_is_ignored() -> None:
    blue = managed("blue-202608041015001234000000ab", labels={"group": "blue"})
    web = managed("web-20260804101500123400000001", labels={"group": "web"})
    assert sets_of(blue, web) == [[blue.name, web.name]]
    assert sets_of(managed("blue-2026", labels={"group": "blue"}), web) == [["blue-2026"], [web.name]]


@pytest.mark.parametrize(
    "labels",
    [
        {"tier": "a"},
        {"eks.amazonaws.com/capacityType": "SPOT"},
        {"zone": "us-east-1b"},
        {"group": "web"},
        {"zone": "b"},
    ],
)
def test_other_labels_part(labels: dict[str, str]) -> None:
    assert sets_of(managed("blue", labels=labels), managed("web")) == [["blue"], ["web"]]


WINDOWS_IMAGE = image(id="ami-windows", name="Windows_Server-2022-English-Core-EKS_Optimized-1.35-2026.11.11")


@pytest.mark.parametrize(
    "windows",
    [
        managed("win", ami_type="WINDOWS_CORE_2022_x86_64"),
        managed("win", ami_type="CUSTOM", group={"launch": launch(image_ids=(WINDOWS_IMAGE.id,))}),
        self_managed("win", declared_in="EKSBootstrap.ps1"),
        self_managed("win", group={"launch": launch(image_ids=(WINDOWS_IMAGE.id,))}),
    ],
)
def test_no_pod_can_use_nodes_of_both_operating_systems(windows: Group) -> None:
    images = {**snapshot().images, WINDOWS_IMAGE.id: WINDOWS_IMAGE}
    assert sets_of(managed("web"), windows, images=images) == [["web"], ["win"]]
    both, alone = (Spread.of(snapshot(*groups, images=images)) for groups in ((managed(), windows), (managed(),)))
    keys = {each.name: each.key for each in both.sets}
    assert keys["web"] == alone.sets[0].key
    assert keys["web"] != keys["win"]
    if isinstance(windows, SelfManagedGroup):
        hidden = replace(windows, labels=gap())
        assert Spread.of(snapshot(managed(), hidden, images=images)).doubts == {}


def test_an_image_that_was_not_read_makes_no_windows_set_a_linux_one() -> None:
    named = launch(image_ids=(WINDOWS_IMAGE.id,))
    own, of_eks = (
        self_managed("win", group={"launch": named}),
        managed("win", ami_type="CUSTOM", group={"launch": named}),
    )
    for group in (own, of_eks):
        spread = Spread.of(snapshot(group, images={WINDOWS_IMAGE.id: gap()}))
        assert (spread.sets, spread.whole, spread.set_of(group)) == ((), False, gap())
    told = managed("web", group={"launch": named}), replace(own, declared_in="NodeConfig")
    for group in told:
        assert Spread.of(snapshot(group, images={WINDOWS_IMAGE.id: gap()})).unreadable == {}


def test_windows_groups_are_siblings() -> None:
    groups = [managed(name, ami_type="WINDOWS_CORE_2022_x86_64") for name in ("a", "b")]
    assert sets_of(*groups, self_managed("c", declared_in="EKSBootstrap.ps1")) == [["a", "b", "c"]]


def test_the_capacity_type_is_a_label_that_eks_sets() -> None:
    spot = managed("spot", capacity_type="SPOT")
    assert sets_of(spot, managed("web")) == [["spot"], ["web"]]
    assert sets_of(spot, self_managed("batch", labels={"eks.amazonaws.com/capacityType": "SPOT"})) == [
        ["spot", "batch"]
    ]
    assert sets_of(managed("web", labels={"eks.amazonaws.com/capacityType": "ON_DEMAND"}), self_managed("batch")) == [
        ["web", "batch"]
    ]
    (one, other) = (Spread.of(snapshot(group)).sets[0].key for group in (spot, managed("spot")))
    assert one != other


@pytest.mark.parametrize(
    "taint",
    [Taint(key="k", value="v", effect="NoSchedule"), Taint(key="k", value="", effect="NoExecute")],
)
def test_taints_part_and_their_order_does_not(taint: Taint) -> None:
    other = Taint(key="a", value="b", effect="NoSchedule")
    assert sets_of(managed("blue", taints=(taint,)), managed("web")) == [["blue"], ["web"]]
    both = (managed("blue", taints=(taint, other)), managed("web", taints=(other, taint)))
    assert sets_of(*both) == [["blue", "web"]]


@pytest.mark.parametrize("deviation", [{"architecture": "arm64"}, {"vcpus": 4}, {"accelerators": 1}])
def test_shape_parts(deviation: dict[str, object]) -> None:
    types = {"m7i.large": instance_type(), "other": instance_type("other", **deviation)}
    other = managed("blue", group={"launch": launch(instance_types=("other", "m7i.large"))})
    assert sets_of(other, managed("web"), instance_types=types) == [["blue"], ["web"]]


@pytest.mark.parametrize(("memory", "together"), [(9850, True), (9849, False), (10000, True), (5000, False)])
def test_memory_may_differ_by_one_and_a_half_percent_of_the_larger(memory: int, *, together: bool) -> None:
    groups = [shaped("a", memory), shaped("b", 10000)]
    expected = [["a", "b"]] if together else [["a"], ["b"]]
    assert sets_of(*groups, instance_types=types_of(memory, 10000)) == expected


def test_memory_is_joined_transitively() -> None:
    groups = [shaped("a", 9800), shaped("b", 9900), shaped("c", 10000)]
    types = types_of(9800, 9900, 10000)
    assert sets_of(*groups, instance_types=types) == [["a", "b", "c"]]
    assert sets_of(groups[0], groups[2], instance_types=types) == [["a"], ["c"]]


@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=12, unique=True))
def test_two_sets_never_share_a_key(memories: list[int]) -> None:
    groups = [shaped(f"g{m}", m) for m in memories]
    sets = Spread.of(snapshot(*groups, instance_types=types_of(*memories))).sets
    assert len({s.key for s in sets}) == len(sets)
    assert sum(len(s.members) for s in sets) == len(groups)


def test_the_key_says_nothing_of_members() -> None:
    whole = per_zone(labels={"tier": "web"})
    keys = {
        Spread.of(snapshot(*part)).sets[0].key
        for part in (whole, whole[1:], whole[:1], [*whole, managed("x", labels={"tier": "web"})])
    }
    assert len(keys) == 1
    assert all(len(key) == 16 for key in keys)


def test_a_sibling_of_nearly_equal_memory_that_leaves_does_not_rename_the_set() -> None:
    types = types_of(10000, 10010)
    both = Spread.of(snapshot(shaped("a", 10000), shaped("b", 10010), instance_types=types)).sets[0]
    for left in (shaped("a", 10000), shaped("b", 10010)):
        assert Spread.of(snapshot(left, instance_types=types)).sets[0].key == both.key


def test_the_key_does_not_depend_on_what_else_was_read() -> None:
    labels = {"zone": "eu-west-1a", "tier": "web"}
    seen = Spread.of(snapshot(managed(labels=labels))).sets[0].key
    assert Spread.of(snapshot(managed(labels=labels), vpc_subnets=gap())).sets[0].key == seen


def test_the_name_is_its_members_and_capped() -> None:
    assert Spread.of(snapshot(*per_zone())).sets[0].name == "web-1, web-2, web-3"
    many = [managed(f"g{n}") for n in range(5)]
    assert Spread.of(snapshot(*many)).sets[0].name == "g0, g1, g2 and 2 more"


def test_every_pool_is_its_own_set_and_what_has_no_labels_is_in_none() -> None:
    pools = [node_pool("a"), node_pool("b"), node_pool("a", kind="auto-mode")]
    spread = Spread.of(snapshot(*pools, fargate(), standalone()))
    assert sorted(s.name for s in spread.sets) == ["a", "a", "b"]
    assert len({s.key for s in spread.sets}) == 3
    assert spread.set_of(pools[0]) == SiblingSet(key=spread.set_of(pools[0]).key, name="a", members=(pools[0],))  # type: ignore[union-attr]  # a set, as the comparison shows


@pytest.mark.parametrize(
    "group",
    [
        self_managed("odd", labels=gap("ec2:DescribeLaunchTemplateVersions")),
        self_managed("odd", taints=gap("ec2:DescribeLaunchTemplateVersions")),
        managed("odd", groups=gap("ec2:DescribeLaunchTemplateVersions")),
        managed("odd", group={"launch": gap("ec2:DescribeLaunchTemplateVersions")}),
    ],
)
def test_a_group_whose_traits_are_hidden_is_in_no_set_and_casts_doubt(group: Group) -> None:
    spread = Spread.of(snapshot(group, managed("web")))
    found = spread.set_of(group)
    assert isinstance(found, Gap)
    assert found.action == "ec2:DescribeLaunchTemplateVersions"
    assert [s.name for s in spread.sets] == ["web"]
    assert spread.doubts == {spread.sets[0].key: found}


@pytest.mark.parametrize(
    ("error", "whole"),
    [(f"{UNDECLARED}: its user data does not say how its nodes join", True), ("RequestLimitExceeded: no", False)],
)
def test_a_group_that_a_failed_read_hides_may_have_been_in_a_set_that_is_absent(error: str, *, whole: bool) -> None:
    hidden = gap("ec2:DescribeLaunchTemplateVersions", "lt-1:1", error)
    spread = Spread.of(snapshot(self_managed("odd", labels=hidden, taints=hidden), managed("web")))
    assert spread.whole is whole
    assert spread.undeclared == (frozenset({"odd"}) if whole else frozenset())
    assert spread.doubts == {spread.sets[0].key: hidden}


@pytest.mark.parametrize(
    ("group", "action"),
    [
        (managed("odd", groups=()), "eks:DescribeNodegroup"),
        (managed("odd", group={"launch": launch(instance_types=("unread",))}), "ec2:DescribeInstanceTypes"),
    ],
)
def test_a_group_of_unknown_shape_is_in_no_set(group: Group, action: str) -> None:
    found = Spread.of(snapshot(group)).set_of(group)
    assert isinstance(found, Gap)
    assert found.action == action


def test_what_names_no_types_is_a_set_of_its_own_and_casts_no_doubt() -> None:
    chosen = [managed(name, group={"launch": launch(instance_types=())}) for name in ("odd-1", "odd-2")]
    spread = Spread.of(snapshot(*chosen, managed("web")))
    assert sorted(each.name for each in spread.sets) == ["odd-1, odd-2", "web"]
    assert len({each.key for each in spread.sets}) == 2
    assert (spread.whole, spread.doubts, spread.unreadable) == (True, {}, {})
    apart = [chosen[0], managed("odd-2", labels={"tier": "a"}, group={"launch": launch(instance_types=())})]
    assert sets_of(*apart) == [["odd-1"], ["odd-2"]]


@pytest.mark.parametrize(
    "deviation",
    [
        {"taints": (Taint(key="k", value="v", effect="NoSchedule"),)},
        {"group": {"launch": launch(instance_types=("other",))}},
    ],
)
def test_what_was_read_clears_the_doubt(deviation: dict[str, Any]) -> None:
    types = {"m7i.large": instance_type(), "other": instance_type("other", vcpus=64)}
    hidden = self_managed("odd", labels=gap(), **deviation)
    assert Spread.of(snapshot(hidden, managed("web"), instance_types=types)).doubts == {}


def test_an_incomplete_kind_casts_doubt_on_every_set() -> None:
    lost = gap("eks:DescribeNodegroup", "web-2", "ThrottlingException: slow down")
    healthy = snapshot(managed("web-1"))
    spread = Spread.of(replace(healthy, complete={**healthy.complete, "managed": False}, gaps=(gap(), lost)))
    assert list(spread.doubts.values()) == [lost]


@given(st.permutations([*per_zone(), managed("x", labels={"a": "b"}), self_managed("y", labels=gap()), node_pool()]))
def test_the_order_of_capacities_does_not_matter(capacities: list[Group]) -> None:
    assert Spread.of(snapshot(*capacities)) == Spread.of(snapshot(*sorted(capacities, key=lambda c: c.name)))
