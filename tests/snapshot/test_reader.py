"""The shipped fleet, read whole: one look at each kind of capacity, and the house's rules about calls."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest

from eks_auditor.model.capacity import (
    FargateProfile,
    InstanceType,
    ManagedNodeGroup,
    NodePool,
    SelfManagedGroup,
    StandaloneNodes,
)
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.gap import Gap
from eks_auditor.model.release import ReleaseHistory
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.snapshot.reader import ACTIONS
from tests.snapshot.bench import ACCOUNT, NOW, Bench, ago, by_name, group_of, managed

EVERY_KIND: dict[str, Any] = {
    "cluster_autoscaler": True,
    "node_groups": {"web": {}, "one-zone": {"zones": ["b"]}},
    "self_managed": {"batch": {"taints": ["dedicated=batch:NoSchedule"]}},
    "pools": {
        "burst": {"scaler": "karpenter"},
        "general-purpose": {"scaler": "auto-mode"},
        "pets": {"scaler": "standalone", "desired": 2},
    },
    "fargate": {"default": {"zones": ["a", "b"]}},
}
CALLS_A_GROUP = 6
"""Of a node group its description and updates, its template's version and profile, the group's activities and instance
refreshes: none of them has a batch form."""
CALLS_A_CLUSTER = 37
"""Everything else of a cluster, whatever its size: lists, instances, subnets and routes, what scales groups, images,
types, parameters, histories."""


@pytest.fixture(scope="module")
def shop(shipped: Bench) -> Snapshot:
    return shipped.read("shop")


def test_a_cluster(shop: Snapshot) -> None:
    cluster = shop.cluster
    assert cluster.id == ClusterId("aws", ACCOUNT, "eu-west-1", "shop")
    assert (cluster.version, cluster.status, cluster.created_at) == ("1.35", "ACTIVE", ago(days=400))
    assert cluster.autoscaler_identity == "kube-system/cluster-autoscaler"
    assert not cluster.auto_mode
    assert not cluster.outpost
    assert cluster.version_updated_at is None  # nothing lags behind it, so nobody asks
    assert not isinstance(shop.live_clusters, Gap)
    assert {"shop", "legacy"} <= shop.live_clusters
    assert "pipeline" not in shop.live_clusters  # of another Region
    assert not isinstance(shop.versions, Gap)
    assert {version.minor: version.status for version in shop.versions}["1.30"] == "UNSUPPORTED"
    assert not isinstance(shop.vpc_subnets, Gap)
    assert {subnet.zone_id for subnet in shop.vpc_subnets} == {"euw1-az1", "euw1-az2", "euw1-az3"}


def test_a_snapshot_without_gaps_is_complete(shop: Snapshot) -> None:
    assert shop.gaps == ()
    assert all(shop.complete.values())
    assert set(shop.complete) == {"managed", "self-managed", "karpenter", "auto-mode", "fargate", "standalone"}
    assert shop.taken_at == NOW


def test_a_managed_node_group(shop: Snapshot) -> None:
    checkout = by_name(shop)["checkout"]
    assert isinstance(checkout, ManagedNodeGroup)
    assert (checkout.status, checkout.ami_type, checkout.version) == ("DEGRADED", "AL2023_x86_64_STANDARD", "1.35")
    assert [issue.code for issue in checkout.health_issues] == ["NodeCreationFailure"]
    assert checkout.labels == {"workload": "purchases"}
    assert len(checkout.nodes) == 3
    group = group_of(shop, "checkout")
    assert (group.min_size, group.desired, group.max_size) == (1, 3, 6)
    assert group.tags["eks:nodegroup-name"] == "checkout"
    assert [instance.zone_id for instance in group.in_service] == ["euw1-az1", "euw1-az2", "euw1-az3"]
    assert not isinstance(group.launch, Gap)
    assert group.launch.instance_types == ("m6i.large",)
    [image_id] = group.launch.image_ids
    image = shop.images[image_id]
    assert not isinstance(image, Gap)
    assert image.name.startswith("amazon-eks-node-al2023-x86_64-standard-1.35-v")


def test_the_capacity_type_of_a_managed_group(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}, "cheap": {"spot": True}}}) as started:
        groups = {name: group.capacity_type for name, group in managed(started.read()).items()}
    assert groups == {"web": "ON_DEMAND", "cheap": "SPOT"}


def test_taints_in_kubernetes_words(shop: Snapshot) -> None:
    [taint] = by_name(shop)["sessions"].taints
    assert (taint.key, taint.value, taint.effect) == ("dedicated", "sessions", "NoSchedule")


def test_failed_launches_and_their_zone(shop: Snapshot) -> None:
    failed = group_of(shop, "catalogue").failed_launches
    assert not isinstance(failed, Gap)
    assert {launch.zone_id for launch in failed} == {"euw1-az3"}
    assert "do not have sufficient m6i.large capacity" in failed[0].message
    assert all(launch.at > ago(days=1) for launch in failed)


def test_a_self_managed_group(shop: Snapshot) -> None:
    batch = by_name(shop)["batch"]
    assert isinstance(batch, SelfManagedGroup)
    assert batch.arn == batch.group.arn
    assert len(batch.nodes) == 3
    assert (batch.labels, batch.taints, batch.declared_in) == ({"workload": "jobs"}, (), "NodeConfig")


def test_a_self_managed_group_without_nodes_is_found_by_its_tags(shop: Snapshot) -> None:
    training = by_name(shop)["training"]
    assert training.nodes == ()
    assert training.group.tags["k8s.io/cluster-autoscaler/node-template/taint/nvidia.com/gpu"] == "NoSchedule"
    assert shop.instance_types["g5.xlarge"] == InstanceType(
        name="g5.xlarge",
        architecture="x86_64",
        vcpus=4,
        memory_mib=16384,
        accelerators=1,
        addresses_per_interface=15,
        gpus=1,
        gpu_maker="NVIDIA",
    )


def test_another_clusters_discovery_tag_takes_no_group_away(shipped: Bench, shop: Snapshot) -> None:
    assert "k8s.io/cluster-autoscaler/legacy" in group_of(shop, "events").tags
    assert set(by_name(shipped.read("legacy"))) == {"monolith", "archive", "golden"}


def test_histories_of_the_lines_in_use(shop: Snapshot) -> None:
    history = shop.releases["al2023/standard/x86_64/1.35"]
    assert isinstance(history, ReleaseHistory)
    assert history.recommended is not None
    assert history.recommended == history.releases[-1]
    assert [release.published_at for release in history.releases] == sorted(r.published_at for r in history.releases)
    assert len(history.releases) == 9
    assert history.family_newest is None  # it is young: nobody doubts the family


def test_a_rolled_back_recommendation_leaves_the_newer_release_in_sight(shop: Snapshot) -> None:
    history = shop.releases["al2023/standard/arm64/1.35"]
    assert isinstance(history, ReleaseHistory)
    assert history.recommended is not None
    assert history.recommended.version < history.releases[-1].version


def test_a_family_in_doubt(shipped: Bench) -> None:
    legacy = shipped.read("legacy")
    living, dead = legacy.releases["al2023/standard/x86_64/1.31"], legacy.releases["al2/standard/x86_64/1.32"]
    assert isinstance(living, ReleaseHistory)
    assert isinstance(dead, ReleaseHistory)
    assert not isinstance(living.family_newest, Gap | None)
    assert living.family_newest.published_at == ago(days=1)
    assert dead.family_newest == dead.recommended


def test_the_last_version_update_is_read_where_a_capacity_lags_behind(shipped: Bench) -> None:
    pipeline = shipped.read("pipeline", region="us-east-1")
    assert pipeline.cluster.version_updated_at == ago(days=21)


def test_offered_zones_of_all_types_that_groups_name(shop: Snapshot) -> None:
    every = frozenset({"euw1-az1", "euw1-az2", "euw1-az3"})
    named = {
        name
        for capacity in shop.capacities
        if isinstance(capacity, ManagedNodeGroup | SelfManagedGroup) and not isinstance(capacity.groups, Gap)
        for group in capacity.groups
        if not isinstance(group.launch, Gap)
        for name in group.launch.instance_types
    }
    assert len(named) > 3
    assert shop.offered_zones == dict.fromkeys(sorted(named), every)


def test_they_are_asked_for_in_one_call(bench: Callable[..., Any]) -> None:
    several = {"zones": ["a"], "types": ["r6i.xlarge", "r5.xlarge"]}
    pool = {"scaler": "karpenter", "types": ["c5.large"]}
    region = {"not_offered": {"r5.xlarge": ["b"]}}
    with bench({"node_groups": {"several": several, "web": {}}, "pools": {"burst": pool}}, **region) as started:
        snapshot = started.read()
        assert started.count("ec2:DescribeInstanceTypeOfferings") == 1
    assert set(snapshot.offered_zones) == {"r6i.xlarge", "r5.xlarge", "m6i.large"}  # no group names the pool's type
    assert snapshot.offered_zones["r5.xlarge"] == {"euw1-az1", "euw1-az3"}


def test_zones_have_the_same_ids_under_other_names(shipped: Bench) -> None:
    sandbox = shipped.read("sandbox", account="222222222222")
    assert {instance.zone_id for instance in group_of(sandbox, "tools").instances} == {
        "euw1-az1",
        "euw1-az2",
        "euw1-az3",
    }


def test_auto_mode(shipped: Bench) -> None:
    snapshot = shipped.read("hands-off", account="222222222222")
    pool = by_name(snapshot)["general-purpose"]
    assert snapshot.cluster.auto_mode
    assert isinstance(pool, NodePool)
    assert (pool.kind, pool.arn) == ("auto-mode", f"{snapshot.cluster.id.arn}/auto-mode/general-purpose")
    assert snapshot.releases == {}  # AWS chooses its images


def test_fargate_only(shipped: Bench) -> None:
    snapshot = shipped.read("serverless", region="us-east-1")
    assert {capacity.kind for capacity in snapshot.capacities} == {"fargate"}
    assert (snapshot.images, snapshot.releases, snapshot.instance_types) == ({}, {}, {})


def test_every_kind_in_one_cluster(bench: Callable[..., Any]) -> None:
    with bench(EVERY_KIND) as started:
        snapshot = started.read()
    found = by_name(snapshot)
    assert isinstance(found["burst"], NodePool)
    assert found["burst"].kind == "karpenter"
    assert isinstance(found["standalone"], StandaloneNodes)
    assert len(found["standalone"].nodes) == 2
    profile = found["default"]
    assert isinstance(profile, FargateProfile)
    assert not isinstance(profile.subnets, Gap)
    assert [subnet.zone_id for subnet in profile.subnets] == ["euw1-az1", "euw1-az2"]
    assert set(found) == {"web", "one-zone", "batch", "burst", "general-purpose", "standalone", "default"}


@pytest.mark.parametrize("page_size", [1, 2])
def test_pages_change_nothing(bench: Callable[..., Any], page_size: int) -> None:
    with bench(EVERY_KIND) as whole, bench(EVERY_KIND, page_size=page_size) as paged:
        assert paged.read() == whole.read()


def test_actions_are_the_calls_and_the_calls_are_the_actions(bench: Callable[..., Any]) -> None:
    own = {"ami": "CUSTOM", "image": "golden", "launch_template": "own", "missing": ["key-pair"]}
    groups = {"node_groups": {**EVERY_KIND["node_groups"], "old": {"kubernetes": "1.34"}, "own": own}}
    with bench(EVERY_KIND | groups, images={"golden": {}}) as started:
        use_launch_configuration(started)
        use_placement_group(started)
        use_reservation(started)
        use_requirements(started)
        assert started.read().gaps == ()
        assert started.operations == ACTIONS


def use_launch_configuration(bench: Bench) -> None:
    state = bench.aws.region(ACCOUNT, "eu-west-1")
    group = next(group for name, group in state.groups.items() if "batch" in name)
    template = group.pop("LaunchTemplate")
    content = state.template_versions[template["LaunchTemplateId"]][0]["LaunchTemplateData"]
    group["LaunchConfigurationName"] = "batch-1"
    state.launch_configurations["batch-1"] = {
        "LaunchConfigurationName": "batch-1",
        "ImageId": content["ImageId"],
        "InstanceType": "m5.large",
        "CreatedTime": ago(days=100),
    }


def use_placement_group(bench: Bench) -> None:
    state = bench.aws.region(ACCOUNT, "eu-west-1")
    bench.aws.group_of("shop", "one-zone")["PlacementGroup"] = "tight"
    state.placement_groups["pg-1"] = {
        "GroupId": "pg-1",
        "GroupName": "tight",
        "Strategy": "cluster",
        "State": "available",
    }


def use_requirements(bench: Bench) -> None:
    wanted = {"VCpuCount": {"Min": 2, "Max": 4}, "MemoryMiB": {"Min": 8192}}
    policy = bench.aws.group_of("shop", "web")["MixedInstancesPolicy"]["LaunchTemplate"]
    policy["Overrides"] = [{"InstanceRequirements": wanted}]


def use_reservation(bench: Bench) -> None:
    state = bench.aws.region(ACCOUNT, "eu-west-1")
    target = {"CapacityReservationTarget": {"CapacityReservationIds": ["cr-1"]}}
    bench.aws.group_of("shop", "one-zone")["CapacityReservationSpecification"] = target
    state.capacity_reservations["cr-1"] = {
        "CapacityReservationId": "cr-1",
        "AvailabilityZoneId": "euw1-az2",
        "State": "active",
    }


def test_calls_are_bounded(shipped: Bench) -> None:
    for name, groups in (("shop", 15), ("legacy", 3)):
        shipped.start_anew()
        shipped.aws.calls.clear()
        shipped.read(name)
        assert len(shipped.aws.calls) <= CALLS_A_GROUP * groups + CALLS_A_CLUSTER


def test_names_are_batched(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {f"web-{index}": {} for index in range(30)}}) as started:
        untag(started)
        snapshot = started.read()
        assert len(snapshot.capacities) == 30
        # Three searches by tag, one over the Region, one for all thirty names.
        assert started.count("autoscaling:DescribeAutoScalingGroups") == 5


def untag(bench: Bench) -> None:
    """Take every tag off every group: they can be found by name only."""
    for group in bench.aws.region(ACCOUNT, "eu-west-1").groups.values():
        group["Tags"] = []


def test_user_data_and_foreign_tags_stay_outside(bench: Callable[..., Any]) -> None:
    secret, note = "c2VjcmV0LXRva2Vu", "rack 7, key under the mat"
    with bench(EVERY_KIND) as started:
        state = started.aws.region(ACCOUNT, "eu-west-1")
        for versions in state.template_versions.values():
            versions[0]["LaunchTemplateData"]["UserData"] = secret
        for instance in state.instances.values():
            instance["Tags"].append({"Key": "note", "Value": note})
        snapshot = started.read()
    text = json.dumps(asdict(replace(snapshot, live_clusters=frozenset())), default=str)
    assert "web" in text
    assert secret not in text
    assert "secret-token" not in text
    assert note not in text
