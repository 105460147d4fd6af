"""Which groups and instances are a cluster's, where tags lie, lag or are missing."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.snapshot.bench import ACCOUNT, NOW, REGION, Bench, by_name

EMPTY: dict[str, Any] = {"self_managed": {"batch": {"min": 0, "desired": 0}}}
TWO_CLUSTERS: dict[str, Any] = {
    "clusters": {"shop": {"node_groups": {"web": {}}}, "other": {"node_groups": {"api": {}}}}
}


def groups(bench: Bench) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = bench.aws.region(ACCOUNT, REGION).groups
    return found


def strip(bench: Bench) -> None:
    """Take the tags off all groups."""
    for group in groups(bench).values():
        group["Tags"] = []


def tag(document: dict[str, Any], key: str, value: str) -> None:
    kept = [each for each in document["Tags"] if each["Key"] != key]
    extra = {
        name: document["Tags"][0][name]
        for name in ("ResourceId", "ResourceType", "PropagateAtLaunch")
        if kept and name in kept[0]
    }
    document["Tags"] = [*kept, {"Key": key, "Value": value, **extra}]


def test_an_empty_untagged_group_is_found_by_its_user_data(bench: Callable[..., Any]) -> None:
    with bench(EMPTY) as started:
        strip(started)
        snapshot = started.read()
    assert set(by_name(snapshot)) == {"batch"}
    assert snapshot.gaps == ()


def test_an_empty_untagged_group_of_somebody_else_is_not(bench: Callable[..., Any]) -> None:
    with bench(EMPTY) as started:
        strip(started)
        [versions] = started.aws.region(ACCOUNT, REGION).template_versions.values()
        for text in ("#!/bin/bash\necho shop", "/etc/eks/bootstrap.sh other"):
            versions[0]["LaunchTemplateData"]["UserData"] = base64.b64encode(text.encode()).decode()
            started.start_anew()
            assert started.read().capacities == ()


def test_an_idle_group_whose_template_is_gone_is_nobodys_gap(bench: Callable[..., Any]) -> None:
    with bench(EMPTY) as started:
        strip(started)
        started.aws.region(ACCOUNT, REGION).launch_templates.clear()
        snapshot = started.read()
    assert snapshot.capacities == ()
    assert snapshot.gaps == ()
    assert snapshot.complete["self-managed"]


def test_user_data_that_may_not_be_read_leaves_self_managed_incomplete(bench: Callable[..., Any]) -> None:
    with bench(EMPTY) as started:
        strip(started)
        started.aws.fail("ec2", "DescribeLaunchTemplateVersions", "UnauthorizedOperation", status=403)
        snapshot = started.read()
    assert not snapshot.complete["self-managed"]
    assert [gap.action for gap in snapshot.gaps] == ["ec2:DescribeLaunchTemplateVersions"]


def test_what_a_numbered_version_joins_is_read_once(bench: Callable[..., Any]) -> None:
    with bench(EMPTY) as started:
        strip(started)
        started.read()
        before = started.count("ec2:DescribeLaunchTemplateVersions")
        started.read(not_before=NOW)
        # Once to learn whose it is, and once an audit to learn what it launches.
        assert (before, started.count("ec2:DescribeLaunchTemplateVersions")) == (2, 3)


def test_another_clusters_node_group_stays_its_own(bench: Callable[..., Any]) -> None:
    with bench(**TWO_CLUSTERS) as started:
        foreign = started.aws.group_of("other", "api")
        tag(foreign, "k8s.io/cluster-autoscaler/shop", "owned")
        tag(foreign, "kubernetes.io/cluster/shop", "owned")
        for member in foreign["Instances"]:
            tag(
                started.aws.region(ACCOUNT, REGION).instances[member["InstanceId"]],
                "kubernetes.io/cluster/shop",
                "owned",
            )
        snapshot = started.read("shop")
    assert set(by_name(snapshot)) == {"web"}


def test_a_self_managed_group_of_another_cluster_that_carries_our_tag(bench: Callable[..., Any]) -> None:
    described: dict[str, Any] = {"clusters": {"shop": {}, "other": {"self_managed": {"api": {}}}}}
    with bench(**described) as started:
        [foreign] = groups(started).values()
        foreign["Tags"] = [each for each in foreign["Tags"] if not each["Key"].startswith("alpha.eksctl.io/")]
        tag(foreign, "kubernetes.io/cluster/shop", "owned")
        for instance in started.aws.region(ACCOUNT, REGION).instances.values():
            tag(instance, "kubernetes.io/cluster/shop", "owned")
        assert started.read("shop").capacities == ()
        assert len(by_name(started.read("other"))["api"].nodes) == 3


def test_a_node_whose_cluster_tag_lags_is_a_node(bench: Callable[..., Any]) -> None:
    with bench({"self_managed": {"batch": {}}}) as started:
        for instance in started.aws.region(ACCOUNT, REGION).instances.values():
            instance["Tags"] = [each for each in instance["Tags"] if each["Key"] != "aws:eks:cluster-name"]
        assert len(by_name(started.read())["batch"].nodes) == 3


def test_an_instance_that_only_shares_the_cluster_is_a_node_with_an_eks_image_only(bench: Callable[..., Any]) -> None:
    pools = {"pets": {"scaler": "standalone", "desired": 2}}
    with bench({"pools": pools}, images={"bastion": {}}) as started:
        state = started.aws.region(ACCOUNT, REGION)
        node, bastion = state.instances.values()
        for instance in (node, bastion):
            instance["Tags"] = [{"Key": "kubernetes.io/cluster/shop", "Value": "shared"}]
        [bastion["ImageId"]] = state.images
        [standalone] = started.read().capacities
    assert [each.id for each in standalone.nodes] == [node["InstanceId"]]


def test_where_no_image_can_be_read_an_instance_that_only_shares_the_cluster_is_in_doubt(
    bench: Callable[..., Any],
) -> None:
    with bench({"pools": {"pets": {"scaler": "standalone", "desired": 1}}}) as started:
        [instance] = started.aws.region(ACCOUNT, REGION).instances.values()
        instance["Tags"] = [{"Key": "kubernetes.io/cluster/shop", "Value": "shared"}]
        started.aws.fail("ec2", "DescribeImages", "UnauthorizedOperation", status=403)
        snapshot = started.read()
    assert snapshot.capacities == ()
    assert {kind for kind, whole in snapshot.complete.items() if not whole} == {"self-managed", "standalone"}
    assert [gap.action for gap in snapshot.gaps] == ["ec2:DescribeImages"]


def test_an_instance_that_only_shares_the_cluster_and_whose_image_is_gone_is_no_node(bench: Callable[..., Any]) -> None:
    with bench({"pools": {"pets": {"scaler": "standalone", "desired": 1}}}) as started:
        [instance] = started.aws.region(ACCOUNT, REGION).instances.values()
        instance["Tags"] = [{"Key": "kubernetes.io/cluster/shop", "Value": "shared"}]
        instance["ImageId"] = "ami-0123456789abcdef0"
        snapshot = started.read()
    assert snapshot.capacities == ()
    assert all(snapshot.complete.values())


@pytest.mark.parametrize(
    "tag",
    [
        "aws:autoscaling:groupName",
        "eks:nodegroup-name",
        "alpha.eksctl.io/nodegroup-name",
        "karpenter.k8s.aws/ec2nodeclass",
    ],
)
def test_one_that_something_launched_as_a_node_is_in_doubt_while_its_image_is_gone(
    bench: Callable[..., Any], tag: str
) -> None:
    with bench({"pools": {"pets": {"scaler": "standalone", "desired": 1}}}) as started:
        [instance] = started.aws.region(ACCOUNT, REGION).instances.values()
        instance["Tags"] = [{"Key": "kubernetes.io/cluster/shop", "Value": "shared"}, {"Key": tag, "Value": "batch"}]
        instance["ImageId"] = "ami-0123456789abcdef0"
        snapshot = started.read()
    assert snapshot.capacities == ()
    assert {kind for kind, whole in snapshot.complete.items() if not whole} == {"self-managed", "standalone"}


def test_instances_that_are_not_running_are_no_nodes(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}}}) as started:
        states = iter(["terminated", "stopped", "pending"])
        for instance in started.aws.region(ACCOUNT, REGION).instances.values():
            instance["State"] = {"Code": 0, "Name": next(states)}
        assert len(by_name(started.read())["web"].nodes) == 1


def test_all_of_a_node_groups_scaling_groups(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}}}) as started:
        nodegroup, group = started.aws.nodegroup("shop", "web"), started.aws.group_of("shop", "web")
        groups(started)["second"] = {**group, "AutoScalingGroupName": "second", "Instances": []}
        nodegroup["resources"]["autoScalingGroups"].append({"name": "second"})
        snapshot = started.read()
    assert [each.name for each in by_name(snapshot)["web"].groups] == [group["AutoScalingGroupName"], "second"]
    assert set(by_name(snapshot)) == {"web"}


def test_a_node_group_that_is_being_created_has_no_group_yet(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {"status": "CREATING"}}}) as started:
        del started.aws.nodegroup("shop", "web")["resources"]
        snapshot = started.read()
    assert by_name(snapshot)["web"].groups == ()
    assert set(by_name(snapshot)) == {"web"}  # EKS's group is no self-managed one meanwhile
    assert snapshot.gaps == ()


def test_a_template_that_a_group_names_by_name(bench: Callable[..., Any]) -> None:
    with bench({"self_managed": {"batch": {}}}) as started:
        [group] = groups(started).values()
        del group["LaunchTemplate"]["LaunchTemplateId"]
        assert started.read().gaps == ()


def test_resources_that_aws_manages_are_asked_for_even_where_the_account_hides_them(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}}, "pools": {"general-purpose": {"scaler": "auto-mode"}}}) as started:
        started.read()
        hiding = {"DescribeInstances", "DescribeLaunchTemplateVersions"}
        asked = [call.params for call in started.aws.calls if call.operation in hiding]
    assert asked
    assert all(params["IncludeManagedResources"] for params in asked)
