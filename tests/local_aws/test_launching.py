"""What groups launch from, what their nodes were launched from, and what of it is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import AuditedAws, FleetError, load_fleet
from tests.local_aws.conftest import ACCOUNT, NOW, REGION, Client, client_of, fleet_of

OLD = {"superseded": "33d"}
"""The release of 47 days ago."""


@contextmanager
def serving(kind: str = "node_groups", page_size: int | None = None, **group: object) -> Iterator[AuditedAws]:
    described = fleet_of(clusters={"shop": {kind: {"web": group}}})
    with AuditedAws(load_fleet(described, now=NOW), page_size=page_size) as aws:
        yield aws
        assert aws.broken_answers == []


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    code: str = error.value.response["Error"]["Code"]
    return code


def group_of(aws: AuditedAws) -> dict[str, Any]:
    [group] = client_of(aws, "autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    found: dict[str, Any] = group
    return found


def specification_of(group: dict[str, Any]) -> dict[str, Any]:
    if "LaunchTemplate" in group:
        found: dict[str, Any] = group["LaunchTemplate"]
        return found
    mixed: dict[str, Any] = group["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"]
    return mixed


def content_of(aws: AuditedAws, version: str | None = None) -> dict[str, Any]:
    """What the template of the one group says, in the version in use or another."""
    specification = specification_of(group_of(aws))
    [found] = client_of(aws, "ec2").describe_launch_template_versions(
        LaunchTemplateId=specification["LaunchTemplateId"],
        Versions=[version or specification["Version"]],
        ResolveAlias=True,
    )["LaunchTemplateVersions"]
    content: dict[str, Any] = found["LaunchTemplateData"]
    return content


def nodes_of(aws: AuditedAws) -> list[tuple[str, str | None, datetime]]:
    """Image, template version and launch of every node."""
    answer = client_of(aws, "ec2").describe_instances()["Reservations"]
    nodes = [reservation["Instances"][0] for reservation in answer]
    tags = [{tag["Key"]: tag["Value"] for tag in node["Tags"]} for node in nodes]
    return [
        (node["ImageId"], each.get("aws:ec2launchtemplate:version"), node["LaunchTime"])
        for node, each in zip(nodes, tags, strict=True)
    ]


def test_nodes_left_behind_run_what_the_template_said_before() -> None:
    older = [{"nodes": 2, **OLD, "launched": "40d"}]
    with serving(older=older, updates=[{"status": "Failed", "started": "2d", "error": "PodEvictionFailure"}]) as aws:
        new, old = content_of(aws)["ImageId"], content_of(aws, "1")["ImageId"]
        assert specification_of(group_of(aws))["Version"] == "2"
        nodes = nodes_of(aws)
        assert [(image, version) for image, version, _ in nodes] == [(old, "1"), (old, "1"), (new, "2")]
        assert [launched for _, _, launched in nodes] == [
            *[NOW - timedelta(days=40)] * 2,
            NOW - timedelta(days=5),
        ]
        assert [each["LaunchTemplate"]["Version"] for each in group_of(aws)["Instances"]] == ["1", "1", "2"]
        assert old != new
        client_of(aws, "eks").update_nodegroup_version(clusterName="shop", nodegroupName="web")
        assert {(image, version) for image, version, _ in nodes_of(aws)} == {(new, "3")}
        assert content_of(aws)["ImageId"] == new


def test_nodes_may_only_come_from_another_version_or_only_be_old() -> None:
    older = [{"version": 1, "launched": "8d"}, {"launched": "9d"}]
    with serving("self_managed", versions={"used": 2}, older=older) as aws:
        image = content_of(aws)["ImageId"]
        nodes = nodes_of(aws)
    assert {found for found, _, _ in nodes} == {image}
    assert [version for _, version, _ in nodes] == ["1", "2", "2"]
    assert [(NOW - launched).days for _, _, launched in nodes] == [8, 8, 5]  # no node is older than its image


def test_a_pool_has_nodes_of_several_releases() -> None:
    with serving("pools", older=[OLD]) as aws:
        assert len({image for image, _, _ in nodes_of(aws)}) == 2
        assert {version for _, version, _ in nodes_of(aws)} == {None}


def test_a_users_template_has_its_default_and_its_latest_version() -> None:
    with serving(launch_template="acme", versions={"used": 1, "default": 3, "latest": 4}) as aws:
        nodegroup = client_of(aws, "eks").describe_nodegroup(clusterName="shop", nodegroupName="web")["nodegroup"]
        named = nodegroup["launchTemplate"]
        assert (named["name"], named["version"]) == ("acme", "1")
        [template] = client_of(aws, "ec2").describe_launch_templates(LaunchTemplateIds=[named["id"]])["LaunchTemplates"]
        assert (template["DefaultVersionNumber"], template["LatestVersionNumber"]) == (3, 4)
        assert specification_of(group_of(aws))["LaunchTemplateId"] != named["id"]


@pytest.mark.parametrize(("alias", "number"), [("$Default", "2"), ("$Latest", "3")])
def test_an_alias_is_resolved_when_a_node_starts(alias: str, number: str) -> None:
    with serving("self_managed", versions={"used": alias, "default": 2, "latest": 3}) as aws:
        assert specification_of(group_of(aws))["Version"] == alias
        assert {version for _, version, _ in nodes_of(aws)} == {number}


def test_a_template_may_name_its_image_by_parameter() -> None:
    with serving("self_managed", by_parameter=True) as aws:
        [(version,)] = aws.region(ACCOUNT, REGION).template_versions.values()
        assert version["LaunchTemplateData"]["ImageId"].endswith("/standard/recommended/image_id")
        first = content_of(aws)["ImageId"]
        assert {image for image, _, _ in nodes_of(aws)} == {first}
        [published] = aws.publish_release(ami_types=["AL2023_x86_64_STANDARD"], kubernetes=["1.35"])
        assert content_of(aws)["ImageId"] == published["image_id"] != first


def test_overrides_have_templates_and_images_of_their_own() -> None:
    overrides = [
        {"type": "m7g.large", "ami": "AL2023_ARM_64_STANDARD"},
        {"type": "m6i.large", **OLD, "by": "image"},
    ]
    with serving("self_managed", overrides=overrides) as aws:
        group = group_of(aws)
        by_template, by_image = group["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]
        assert by_template["LaunchTemplateSpecification"]["LaunchTemplateName"] == "eksctl-shop-nodegroup-web-0"
        first, second, third = group["Instances"]
        assert [each["InstanceType"] for each in (first, second, third)] == ["m7g.large", "m6i.large", "m7g.large"]
        assert first["LaunchTemplate"] == by_template["LaunchTemplateSpecification"]
        assert "ImageId" not in first
        assert second["ImageId"] == by_image["ImageId"]
        assert len({image for image, _, _ in nodes_of(aws)}) == 2
        assert client_of(aws, "ec2").describe_instances(InstanceIds=[first["InstanceId"]])["Reservations"][0][
            "Instances"
        ][0]["Architecture"] == ("arm64")


def test_a_launch_configuration_stands_in_for_a_template() -> None:
    with serving("self_managed", launch_configuration=True) as aws:
        group = group_of(aws)
        [found] = client_of(aws, "autoscaling").describe_launch_configurations(
            LaunchConfigurationNames=[group["LaunchConfigurationName"]]
        )["LaunchConfigurations"]
        assert {(image, version) for image, version, _ in nodes_of(aws)} == {(found["ImageId"], None)}
        assert group["Instances"][0]["LaunchConfigurationName"] == group["LaunchConfigurationName"]
        assert client_of(aws, "ec2").describe_launch_templates()["LaunchTemplates"] == []


def unknown_profile(iam: Client, name: str) -> bool:
    try:
        iam.get_instance_profile(InstanceProfileName=name)
    except iam.exceptions.NoSuchEntityException:
        return True
    return False


def missing_of(aws: AuditedAws) -> set[str]:
    """What the template in use names that AWS does not know, asked as EC2 and IAM can be asked."""
    content, ec2, iam = content_of(aws), client_of(aws, "ec2"), client_of(aws, "iam")
    interfaces = content.get("NetworkInterfaces", [{}])

    def known(operation: str, member: str, key: str, name: str, value: str) -> bool:
        found: list[dict[str, str]] = getattr(ec2, operation)(Filters=[{"Name": name, "Values": [value]}])[member]
        return [each[key] for each in found] == [value]

    gone = set()
    for group in content.get("SecurityGroupIds", []) + interfaces[0].get("Groups", []):
        if not known("describe_security_groups", "SecurityGroups", "GroupId", "group-id", group):
            gone.add("security-group")
            with pytest.raises(ClientError) as refused:
                ec2.describe_security_groups(GroupIds=[group])
            assert code_of(refused) == "InvalidGroup.NotFound"
    for name, operation, member, key, filtered, value in (
        ("key-pair", "describe_key_pairs", "KeyPairs", "KeyName", "key-name", content.get("KeyName")),
        (
            "placement-group",
            "describe_placement_groups",
            "PlacementGroups",
            "GroupName",
            "group-name",
            content.get("Placement", {}).get("GroupName"),
        ),
        ("subnet", "describe_subnets", "Subnets", "SubnetId", "subnet-id", interfaces[0].get("SubnetId")),
    ):
        if value is not None and not known(operation, member, key, filtered, value):
            gone.add(name)
    if unknown_profile(iam, content["IamInstanceProfile"]["Name"]):
        gone.add("instance-profile")
    return gone


@pytest.mark.parametrize("kind", ["node_groups", "self_managed"])
@pytest.mark.parametrize(
    "missing",
    [
        set(),
        {"security-group"},
        {"key-pair"},
        {"placement-group"},
        {"subnet"},
        {"instance-profile"},
        {"subnet", "security-group"},
    ],
)
def test_a_template_names_what_nobody_has_any_more(kind: str, missing: set[str]) -> None:
    with serving(kind, missing=sorted(missing)) as aws:
        assert missing_of(aws) == missing


def test_a_key_pair_or_placement_group_that_does_not_exist_refuses_the_call() -> None:
    with serving() as aws:
        ec2 = client_of(aws, "ec2")
        with pytest.raises(ClientError) as unknown:
            ec2.describe_key_pairs(KeyNames=["no"])
        assert code_of(unknown) == "InvalidKeyPair.NotFound"
        with pytest.raises(ClientError) as unknown:
            ec2.describe_placement_groups(GroupNames=["no"])
        assert code_of(unknown) == "InvalidPlacementGroup.Unknown"


@pytest.mark.parametrize("kind", ["node_groups", "self_managed"])
@pytest.mark.parametrize(
    ("missing", "code"),
    [("template", "InvalidLaunchTemplateId.NotFound"), ("template-version", "InvalidLaunchTemplateId.VersionNotFound")],
)
def test_a_deleted_template_or_version_is_refused_in_ec2s_words(kind: str, missing: str, code: str) -> None:
    with serving(kind, missing=[missing]) as aws:
        with pytest.raises(ClientError) as gone:
            content_of(aws)
        assert code_of(gone) == code
        aws.delete_cluster("shop")
        assert aws.region(ACCOUNT, REGION).security_groups == {}


def test_updates_come_in_pages_without_order_and_name_their_errors() -> None:
    updates = [{"started": f"{day}d"} for day in range(1, 8)]
    failed = {"status": "Failed", "started": "12h", "error": "PodEvictionFailure", "resources": ["ip-10-0-0-1"]}
    with serving(updates=[*updates, failed], max_unavailable_percentage=50, page_size=3) as aws:
        eks, named = client_of(aws, "eks"), {"name": "shop", "nodegroupName": "web"}
        pages = list(eks.get_paginator("list_updates").paginate(**named))
        assert len(pages) == 3
        ids = [each for page in pages for each in page["updateIds"]]
        found = [eks.describe_update(**named, updateId=each)["update"] for each in ids]
        created = [each["createdAt"] for each in found]
        assert len(set(created)) == 8
        assert created not in (sorted(created), sorted(created, reverse=True))
        [broken] = [each for each in found if each["errors"]]
        assert broken["errors"] == [
            {"errorCode": "PodEvictionFailure", "errorMessage": "PodEvictionFailure", "resourceIds": ["ip-10-0-0-1"]}
        ]
        assert broken["createdAt"] == NOW - timedelta(hours=12)
        nodegroup = eks.describe_nodegroup(clusterName="shop", nodegroupName="web")["nodegroup"]
        assert nodegroup["updateConfig"] == {"maxUnavailablePercentage": 50, "updateStrategy": "DEFAULT"}


@pytest.mark.parametrize(
    ("group", "sentence"),
    [
        ({"older": [{"nodes": 4}]}, "4 older nodes are more than the 3 desired"),
        ({"older": [{"release": "9d", "superseded": "9d"}]}, "say only one of release, superseded and image"),
        ({"versions": {"used": 2}}, "versions are those of a launch_template, and none is named"),
        ({"launch_template": "acme", "versions": {"used": "$Latest"}}, "EKS keeps the number of the version"),
        ({"missing": ["sense"]}, "Input should be 'template'"),
    ],
)
def test_what_cannot_be_is_refused(group: dict[str, Any], sentence: str) -> None:
    with pytest.raises(FleetError, match=sentence.replace("(", r"\(")):
        load_fleet(fleet_of(clusters={"shop": {"node_groups": {"web": group}}}), now=NOW)
