"""What sets sizes beside EKS, what groups mix, and what Cluster Autoscaler finds to go by."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import AuditedAws, FleetError, load_fleet
from local_aws.user_data import PLANTED_SECRET
from tests.local_aws.conftest import ACCOUNT, NOW, REGION, Client, client_of, fleet_of

FORMS = ("bootstrap.sh", "NodeConfig", "Bottlerocket", "PowerShell")


@contextmanager
def serving(kind: str = "self_managed", page_size: int | None = None, **group: object) -> Iterator[AuditedAws]:
    described = fleet_of(clusters={"shop": {kind: {"web": group}}})
    with AuditedAws(load_fleet(described, now=NOW), page_size=page_size) as aws:
        yield aws
        assert aws.broken_answers == []


def every(client: Client, operation: str, member: str, **parameters: object) -> list[Any]:
    return [each for page in client.get_paginator(operation).paginate(**parameters) for each in page[member]]


def group_of(aws: AuditedAws) -> dict[str, Any]:
    [group] = client_of(aws, "autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    found: dict[str, Any] = group
    return found


def content_of(aws: AuditedAws) -> dict[str, Any]:
    [versions] = aws.region(ACCOUNT, REGION).template_versions.values()
    found: dict[str, Any] = versions[-1]["LaunchTemplateData"]
    return found


# -- policies, scheduled actions, requests

POLICIES = {
    "cpu": {},
    "ladder": {"type": "step", "enabled": False},
    "one": {"type": "simple"},
    "season": {"type": "predictive", "mode": "ForecastAndScale"},
}


def test_policies_of_the_whole_region_come_in_pages_as_auto_scaling_shows_them() -> None:
    with serving(policies=POLICIES, page_size=2) as aws:
        autoscaling, group = client_of(aws, "autoscaling"), group_of(aws)["AutoScalingGroupName"]
        found = {each["PolicyName"]: each for each in every(autoscaling, "describe_policies", "ScalingPolicies")}
        assert {call.operation for call in aws.calls} == {"DescribeAutoScalingGroups", "DescribePolicies"}
        assert aws.counts["autoscaling:DescribePolicies", REGION] == 2
        by_type = autoscaling.describe_policies(PolicyTypes=["SimpleScaling"])["ScalingPolicies"]
    assert {name: (each["PolicyType"], each["Enabled"]) for name, each in found.items()} == {
        "cpu": ("TargetTrackingScaling", True),
        "ladder": ("StepScaling", False),
        "one": ("SimpleScaling", True),
        "season": ("PredictiveScaling", True),
    }
    assert {each["AutoScalingGroupName"] for each in found.values()} == {group}
    assert found["season"]["PredictiveScalingConfiguration"]["Mode"] == "ForecastAndScale"
    assert found["season"]["Alarms"] == []
    assert [each["AlarmName"].rpartition("-")[2] for each in found["cpu"]["Alarms"]] == ["AlarmHigh", "AlarmLow"]
    assert [each["PolicyName"] for each in by_type] == ["one"]


SCHEDULES = {
    "evening": {"recurrence": "0 19 * * *", "min": 1, "max": 4},
    "fair": {"starts_in": "2d", "desired": 6},
    "season": {"recurrence": "0 6 * * *", "starts_in": "1d", "ends_in": "9d", "desired": 3},
}


def test_scheduled_actions_say_when_they_come_and_only_the_sizes_they_set() -> None:
    with serving(schedules=SCHEDULES, page_size=1) as aws:
        autoscaling, group = client_of(aws, "autoscaling"), group_of(aws)["AutoScalingGroupName"]
        found = every(autoscaling, "describe_scheduled_actions", "ScheduledUpdateGroupActions")
        assert aws.counts["autoscaling:DescribeScheduledActions", REGION] == 3
        tomorrow = autoscaling.describe_scheduled_actions(
            AutoScalingGroupName=group, StartTime=NOW + timedelta(hours=30)
        )["ScheduledUpdateGroupActions"]
        named = autoscaling.describe_scheduled_actions(
            AutoScalingGroupName=group, ScheduledActionNames=["season", "unknown"]
        )["ScheduledUpdateGroupActions"]
        aws.clock = lambda: NOW + timedelta(days=3)
        later = every(autoscaling, "describe_scheduled_actions", "ScheduledUpdateGroupActions")
        with pytest.raises(ClientError, match="AutoScalingGroupName is required"):
            autoscaling.describe_scheduled_actions(ScheduledActionNames=["season"])
    evening, fair, season = found
    assert (evening["Recurrence"], evening["MinSize"], evening["MaxSize"]) == ("0 19 * * *", 1, 4)
    assert evening.keys().isdisjoint({"StartTime", "EndTime", "DesiredCapacity"})
    assert (fair["StartTime"], fair["Time"], fair["DesiredCapacity"]) == (NOW + timedelta(days=2),) * 2 + (6,)
    assert "Recurrence" not in fair
    assert season["EndTime"] == NOW + timedelta(days=9)
    assert [each["ScheduledActionName"] for each in tomorrow] == ["fair"]
    assert [each["ScheduledActionName"] for each in named] == ["season"]
    assert [each["ScheduledActionName"] for each in later] == ["evening", "season"]  # the fair is over


def test_what_sets_the_size_of_a_group_goes_with_it() -> None:
    with serving(policies=POLICIES, schedules=SCHEDULES) as aws:
        aws.delete_cluster("shop")
        autoscaling = client_of(aws, "autoscaling")
        assert autoscaling.describe_policies()["ScalingPolicies"] == []
        assert autoscaling.describe_scheduled_actions()["ScheduledUpdateGroupActions"] == []


def test_a_request_is_an_activity_in_auto_scalings_words() -> None:
    with serving(asked_for=["5h", "3d"]) as aws:
        activities = every(client_of(aws, "autoscaling"), "describe_scaling_activities", "Activities")
    asked = [each for each in activities if "a user request explicitly set group desired capacity" in each["Cause"]]
    assert [each["EndTime"] for each in asked] == [NOW - timedelta(hours=5), NOW - timedelta(days=3)]
    assert "changing the desired capacity from 2 to 3.  At 2026-" in asked[0]["Cause"]
    assert all(each["StatusCode"] == "Successful" for each in asked)
    assert len(activities) == 3 + 2


# -- what a group may launch


def test_weights_are_shown_as_text_and_counted_in_units() -> None:
    mixed = {"weights": {"m6i.large": 1, "m6i.xlarge": 2}, "on_demand_base": 1, "on_demand_percentage": 50}
    with serving(types=["m6i.large", "m6i.xlarge"], mixed=mixed, desired=4) as aws:
        group = group_of(aws)
    policy = group["MixedInstancesPolicy"]
    assert policy["LaunchTemplate"]["Overrides"] == [
        {"InstanceType": "m6i.large", "WeightedCapacity": "1"},
        {"InstanceType": "m6i.xlarge", "WeightedCapacity": "2"},
    ]
    distribution = policy["InstancesDistribution"]
    assert distribution["OnDemandBaseCapacity"] == 1
    assert distribution["OnDemandPercentageAboveBaseCapacity"] == 50
    assert group["DesiredCapacity"] == 4
    assert [each["InstanceType"] for each in group["Instances"]] == ["m6i.large", "m6i.xlarge", "m6i.large"]
    assert "LaunchTemplate" not in group


def test_a_spot_group_buys_no_on_demand_instances_and_rebalances_unless_told_otherwise() -> None:
    mixed = {"spot_strategy": "lowest-price"}
    with serving(types=["m6i.large", "m5.large"], mixed=mixed, spot=True) as aws:
        group = group_of(aws)
        distribution = group["MixedInstancesPolicy"]["InstancesDistribution"]
        assert distribution["OnDemandPercentageAboveBaseCapacity"] == 0
        assert (distribution["SpotAllocationStrategy"], distribution["SpotInstancePools"]) == ("lowest-price", 2)
        assert group["CapacityRebalance"] is True
    with serving(spot=True, rebalance=False) as aws:
        assert group_of(aws)["CapacityRebalance"] is False


def test_a_policy_may_leave_the_type_to_the_template() -> None:
    with serving(types=["m6i.large", "m5.large"], mixed={"overrides": False}) as aws:
        group = group_of(aws)
        assert group["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"] == []
        assert {each["InstanceType"] for each in group["Instances"]} == {"m6i.large"}
        assert content_of(aws)["InstanceType"] == "m6i.large"


def test_requirements_stand_instead_of_types() -> None:
    requirements = {"vcpus": [2, 4], "memory_mib": [8192], "accelerators": [0, 0]}
    with serving(types=["m6i.large"], mixed={"requirements": requirements}) as aws:
        assert group_of(aws)["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"] == [
            {
                "InstanceRequirements": {
                    "VCpuCount": {"Min": 2, "Max": 4},
                    "MemoryMiB": {"Min": 8192},
                    "AcceleratorCount": {"Min": 0, "Max": 0},
                }
            }
        ]
        assert "InstanceType" not in content_of(aws)


def matching(aws: AuditedAws, *, architecture: str = "x86_64", **requirements: object) -> set[str]:
    wanted = {"VCpuCount": {"Min": 2}, "MemoryMiB": {"Min": 4096}, **requirements}
    found = every(
        client_of(aws, "ec2"),
        "get_instance_types_from_instance_requirements",
        "InstanceTypes",
        ArchitectureTypes=[architecture],
        VirtualizationTypes=["hvm"],
        InstanceRequirements=wanted,
    )
    return {each["InstanceType"] for each in found}


def test_requirements_are_matched_by_what_types_are() -> None:
    exactly: dict[str, Any] = {"VCpuCount": {"Min": 2, "Max": 2}, "MemoryMiB": {"Min": 8192, "Max": 8192}}
    described = fleet_of(not_offered={"m5.large": ["a", "b", "c"]})
    with AuditedAws(load_fleet(described, now=NOW), page_size=7) as aws:
        small = matching(aws, **exactly)
        assert {"m6i.large", "m6a.large", "m5a.large"} <= small
        assert not {"m7g.large", "m5.large", "t3.large", "c6i.xlarge", "m6i.xlarge"} & small  # m5: not offered here
        assert "m7g.large" in matching(aws, architecture="arm64", **exactly)
        assert "t3.large" in matching(aws, BurstablePerformance="included", **exactly)
        assert "m6i.metal" in matching(aws, BareMetal="required", CpuManufacturers=["intel"])
        nvidia = matching(aws, AcceleratorCount={"Min": 1, "Max": 1}, AcceleratorManufacturers=["nvidia"])
        assert "g5.xlarge" in nvidia
        assert not {"inf2.xlarge", "g5.12xlarge", "m6i.large"} & nvidia
        assert "inf2.xlarge" in matching(aws, AcceleratorTypes=["inference"])
        assert not {"g5.xlarge", "inf2.xlarge"} & matching(aws, AcceleratorCount={"Max": 0})
        assert matching(aws, AllowedInstanceTypes=["m6i.*"], ExcludedInstanceTypes=["*xlarge", "*metal"]) == {
            "m6i.large"
        }
        assert "r6i.large" not in matching(aws, MemoryGiBPerVCpu={"Max": 4})
        assert aws.broken_answers == []


@pytest.mark.parametrize(
    ("requirements", "words"),
    [
        ({"LocalStorage": "required"}, "LocalStorage is not served"),
        ({"VCpuCount": {"Min": 4, "Max": 2}}, "minimum of VCpuCount must not be greater"),
    ],
)
def test_a_requirement_that_cannot_be_judged_is_refused(requirements: dict[str, Any], words: str) -> None:
    with serving() as aws, pytest.raises(ClientError, match=words):
        matching(aws, **requirements)


def test_accelerated_types_tell_their_devices() -> None:
    names = ["g5.xlarge", "g4dn.12xlarge", "inf2.xlarge", "inf1.xlarge", "trn1.2xlarge", "trn1.32xlarge"]
    with serving() as aws:
        found = client_of(aws, "ec2").describe_instance_types(InstanceTypes=names)["InstanceTypes"]
    types = {each["InstanceType"]: each for each in found}
    gpus = {name: each["GpuInfo"]["Gpus"] for name, each in types.items() if "GpuInfo" in each}
    assert {name: [(each["Manufacturer"], each["Count"]) for each in some] for name, some in gpus.items()} == {
        "g5.xlarge": [("NVIDIA", 1)],
        "g4dn.12xlarge": [("NVIDIA", 4)],
    }
    neuron = {name: each["NeuronInfo"]["NeuronDevices"] for name, each in types.items() if "NeuronInfo" in each}
    assert {name: [(e["Count"], e["CoreInfo"]["Count"]) for e in some] for name, some in neuron.items()} == {
        "inf1.xlarge": [(1, 4)],
        "inf2.xlarge": [(1, 2)],
        "trn1.2xlarge": [(1, 2)],
        "trn1.32xlarge": [(16, 2)],
    }


# -- sizes, tags, user data, who scales


def test_eks_does_not_know_of_sizes_that_were_edited() -> None:
    with serving("node_groups", edited={"min": 0, "max": 4}, eks_tags={"team": "web"}) as aws:
        nodegroup = client_of(aws, "eks").describe_nodegroup(clusterName="shop", nodegroupName="web")["nodegroup"]
        group = group_of(aws)
    assert nodegroup["scalingConfig"] == {"minSize": 1, "maxSize": 6, "desiredSize": 3}
    assert (group["MinSize"], group["MaxSize"], group["DesiredCapacity"]) == (0, 4, 3)
    assert nodegroup["tags"] == {"team": "web"}
    assert "team" not in {tag["Key"] for tag in group["Tags"]}


@pytest.mark.parametrize("secret", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("launch_configuration", [False, True])
def test_user_data_may_be_in_any_form_and_hold_a_secret(form: str, secret: bool, launch_configuration: bool) -> None:  # noqa: FBT001  parameters
    group: dict[str, Any] = {
        "labels": {"tier": "web"},
        "taints": ["a=b:NoSchedule"],
        "launch_configuration": launch_configuration,
    }
    with serving(joins_by=form, secret=secret, **group) as aws:
        if launch_configuration:
            [found] = client_of(aws, "autoscaling").describe_launch_configurations()["LaunchConfigurations"]
        else:
            found = content_of(aws)
    text = base64.b64decode(found["UserData"]).decode()
    assert "shop" in text
    assert "tier" in text
    assert "NoSchedule" in text
    assert (PLANTED_SECRET in text) == secret
    assert {
        "bootstrap.sh": "/etc/eks/bootstrap.sh shop ",
        "NodeConfig": "kind: NodeConfig",
        "Bottlerocket": 'cluster-name = "shop"',
        "PowerShell": "-EKSClusterName shop ",
    }[form] in text


@pytest.mark.parametrize(
    ("cluster", "runs"),
    [
        ({"node_groups": {"web": {}}}, True),
        ({"self_managed": {"web": {}}}, True),
        ({"node_groups": {"web": {}}, "pools": {"by-hand": {"scaler": "standalone"}}}, True),
        ({"node_groups": {"web": {}}, "cluster_autoscaler": False}, False),
        ({"node_groups": {"web": {}}, "pools": {"burst": {}}}, False),
        ({"node_groups": {"web": {}}, "pools": {"burst": {}}, "cluster_autoscaler": True}, True),
        ({"node_groups": {"web": {}}, "auto_mode": True}, False),
        ({"fargate": {"default": {}}}, False),
    ],
)
def test_cluster_autoscaler_runs_where_nothing_else_scales_groups(cluster: dict[str, Any], *, runs: bool) -> None:
    with AuditedAws(load_fleet(fleet_of(clusters={"shop": cluster}), now=NOW)) as aws:
        found = every(client_of(aws, "eks"), "list_pod_identity_associations", "associations", clusterName="shop")
    assert bool(found) == runs


@pytest.mark.parametrize(
    ("kind", "group", "sentence"),
    [
        ("self_managed", {"schedules": {"no": {"desired": 1}}}, "a scheduled action needs a time"),
        ("self_managed", {"schedules": {"no": {"starts_in": "1d"}}}, "a scheduled action sets a size"),
        ("self_managed", {"mixed": {}, "launch_configuration": True}, "mixed types are launched from one template"),
        (
            "self_managed",
            {"mixed": {"overrides": False, "requirements": {"vcpus": [2], "memory_mib": [4096]}}},
            "requirements stand instead of types",
        ),
        ("node_groups", {"edited": {"max": 2}}, "desired 3 is not between the edited min 1 and max 2"),
        ("node_groups", {"mixed": {}}, "unknown key 'mixed'"),
    ],
)
def test_what_cannot_be_is_refused(kind: str, group: dict[str, Any], sentence: str) -> None:
    with pytest.raises(FleetError) as refused:
        load_fleet(fleet_of(clusters={"shop": {kind: {"web": group}}}), now=NOW)
    assert sentence in str(refused.value)
