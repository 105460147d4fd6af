import base64
import json
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import AuditedAws, load_fleet
from local_aws.services import OPERATIONS
from tests.local_aws.conftest import ACCOUNT, NOW, REGION, Client, Clients, client_of, fleet_of

PUBLIC = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard"


def every(client: Client, operation: str, member: str, **parameters: object) -> list[Any]:
    return [each for page in client.get_paginator(operation).paginate(**parameters) for each in page[member]]


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    code: str = error.value.response["Error"]["Code"]
    return code


def test_lists_come_in_pages_and_are_complete(shipped: AuditedAws) -> None:
    eks, autoscaling, ec2 = (client_of(shipped, service) for service in ("eks", "autoscaling", "ec2"))
    described = load_fleet(now=NOW).accounts[ACCOUNT].regions[REGION].clusters["shop"]
    before = len(shipped.calls)
    assert set(every(eks, "list_nodegroups", "nodegroups", clusterName="shop")) == set(described.node_groups)
    assert len(shipped.calls) - before == -(-len(described.node_groups) // 4)
    groups = every(autoscaling, "describe_auto_scaling_groups", "AutoScalingGroups")
    assert len(groups) == len(shipped.region(ACCOUNT, REGION).groups)
    assert len(every(ec2, "describe_instances", "Reservations")) == len(shipped.region(ACCOUNT, REGION).instances)


def test_sizes_and_tokens_are_aws_s(client: Clients) -> None:
    with pytest.raises(ClientError, match="is 101, more than 100") as too_many:
        client("eks").list_clusters(maxResults=101)
    assert code_of(too_many) == "InvalidParameterException"
    with pytest.raises(ClientError) as too_many:
        client("autoscaling").describe_auto_scaling_groups(MaxRecords=101)
    assert code_of(too_many) == "ValidationError"
    with pytest.raises(ClientError) as too_many:
        client("ssm").get_parameters(Names=[f"/p{index}" for index in range(11)])
    assert code_of(too_many) == "ValidationException"
    with pytest.raises(ClientError) as foreign:
        client("ec2").describe_subnets(NextToken="bm9uc2Vuc2U=")
    assert code_of(foreign) == "InvalidNextToken"


def test_a_token_belongs_to_its_request(shipped: AuditedAws) -> None:
    eks = client_of(shipped, "eks")
    token = eks.list_nodegroups(clusterName="shop")["nextToken"]
    with pytest.raises(ClientError):
        eks.list_nodegroups(clusterName="legacy", nextToken=token)


def test_a_managed_group_looks_as_eks_makes_it(shipped: AuditedAws) -> None:
    nodegroup = client_of(shipped, "eks").describe_nodegroup(clusterName="shop", nodegroupName="general")["nodegroup"]
    [name] = [group["name"] for group in nodegroup["resources"]["autoScalingGroups"]]
    autoscaling, ec2 = client_of(shipped, "autoscaling"), client_of(shipped, "ec2")
    [group] = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    assert {tag["Key"] for tag in group["Tags"]} == {
        "eks:cluster-name",
        "eks:nodegroup-name",
        "kubernetes.io/cluster/shop",
        "k8s.io/cluster-autoscaler/enabled",
        "k8s.io/cluster-autoscaler/shop",
    }
    template = group["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"]
    assert template["LaunchTemplateName"].startswith("eks-")
    filters = [{"Name": "tag:aws:autoscaling:groupName", "Values": [name]}]
    instances = [each["Instances"][0] for each in every(ec2, "describe_instances", "Reservations", Filters=filters)]
    assert {each["InstanceId"] for each in instances} == {each["InstanceId"] for each in group["Instances"]}
    tags = {tag["Key"]: tag["Value"] for tag in instances[0]["Tags"]}
    assert tags["aws:eks:cluster-name"] == "shop"
    assert tags["aws:ec2launchtemplate:id"] == template["LaunchTemplateId"]
    [version] = ec2.describe_launch_template_versions(
        LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Latest"], ResolveAlias=True
    )["LaunchTemplateVersions"]
    assert version["LaunchTemplateData"]["ImageId"] == instances[0]["ImageId"]
    [image] = ec2.describe_images(ImageIds=[instances[0]["ImageId"]])["Images"]
    assert image["ImageOwnerAlias"] == "amazon"
    assert nodegroup["releaseVersion"].rpartition("-")[2] in image["Name"]


def test_eks_answers_everything_it_offers(shipped: AuditedAws) -> None:
    eks, east = client_of(shipped, "eks"), client_of(shipped, "eks", region="us-east-1")
    assert eks.describe_cluster(name="shop")["cluster"]["zonalShiftConfig"] == {"enabled": True}
    [update] = every(eks, "list_updates", "updateIds", name="shop")
    assert eks.describe_update(name="shop", updateId=update)["update"]["type"] == "VersionUpdate"
    assert every(eks, "list_updates", "updateIds", name="shop", nodegroupName="general") == []
    assert every(east, "list_fargate_profiles", "fargateProfileNames", clusterName="serverless") == [
        "default",
        "system",
    ]
    profile = east.describe_fargate_profile(clusterName="serverless", fargateProfileName="system")["fargateProfile"]
    assert profile["selectors"] == [{"namespace": "kube-system", "labels": {}}]
    [association] = every(eks, "list_pod_identity_associations", "associations", clusterName="shop")
    found = eks.describe_pod_identity_association(clusterName="shop", associationId=association["associationId"])
    assert found["association"]["serviceAccount"] == "cluster-autoscaler"
    versions = {each["clusterVersion"]: each for each in every(eks, "describe_cluster_versions", "clusterVersions")}
    assert versions["1.33"]["versionStatus"] == "EXTENDED_SUPPORT"
    assert "1.30" not in versions
    gone = every(eks, "describe_cluster_versions", "clusterVersions", versionStatus="UNSUPPORTED")
    assert [each["clusterVersion"] for each in gone] == ["1.30"]


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("describe_cluster", {"name": "no"}),
        ("list_nodegroups", {"clusterName": "no"}),
        ("describe_nodegroup", {"clusterName": "shop", "nodegroupName": "no"}),
        ("describe_update", {"name": "shop", "updateId": "no"}),
        ("describe_fargate_profile", {"clusterName": "shop", "fargateProfileName": "no"}),
        ("describe_pod_identity_association", {"clusterName": "shop", "associationId": "no"}),
    ],
)
def test_eks_says_404_to_what_does_not_exist(shipped: AuditedAws, operation: str, parameters: dict[str, str]) -> None:
    with pytest.raises(ClientError) as missing:
        getattr(client_of(shipped, "eks"), operation)(**parameters)
    assert code_of(missing) == "ResourceNotFoundException"
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_eks_updates_a_node_group(client: Clients, aws: AuditedAws) -> None:
    eks, before = client("eks"), aws.nodegroup("shop", "web")["releaseVersion"]
    older = aws.region(ACCOUNT, REGION).public.releases["AL2023_x86_64_STANDARD", "1.35"][0].version
    eks.update_nodegroup_version(clusterName="shop", nodegroupName="web", releaseVersion=older)
    assert aws.nodegroup("shop", "web")["releaseVersion"] == older
    update = eks.update_nodegroup_version(clusterName="shop", nodegroupName="web")["update"]
    assert aws.nodegroup("shop", "web")["releaseVersion"] == before
    assert update["id"] in eks.list_updates(name="shop", nodegroupName="web")["updateIds"]
    eks.update_nodegroup_config(
        clusterName="shop",
        nodegroupName="web",
        scalingConfig={"minSize": 2, "maxSize": 9, "desiredSize": 3},
        labels={"addOrUpdateLabels": {"role": "web"}},
    )
    assert aws.group_of("shop", "web")["MaxSize"] == 9
    assert aws.nodegroup("shop", "web")["labels"] == {"role": "web"}
    with pytest.raises(ClientError) as unknown:
        eks.update_nodegroup_version(clusterName="shop", nodegroupName="web", releaseVersion="1.35.9-20200101")
    assert code_of(unknown) == "InvalidParameterException"


def test_auto_scaling_filters_and_changes(client: Clients, aws: AuditedAws) -> None:
    autoscaling, name = client("autoscaling"), aws.group_of("shop", "web")["AutoScalingGroupName"]

    def found(**condition: object) -> list[str]:
        answer = autoscaling.describe_auto_scaling_groups(Filters=[condition])["AutoScalingGroups"]
        return [group["AutoScalingGroupName"] for group in answer]

    assert found(Name="tag-key", Values=["k8s.io/cluster-autoscaler/enabled"]) == [name]
    assert found(Name="tag:eks:cluster-name", Values=["other"]) == []
    assert found(Name="tag-value", Values=["owned"]) == [name]
    tag = {
        "ResourceId": name,
        "ResourceType": "auto-scaling-group",
        "Key": "team",
        "Value": "x",
        "PropagateAtLaunch": False,
    }
    autoscaling.create_or_update_tags(Tags=[tag])
    assert autoscaling.describe_tags(Filters=[{"Name": "key", "Values": ["team"]}])["Tags"] == [tag]
    autoscaling.delete_tags(Tags=[{"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": "team"}])
    assert found(Name="tag-key", Values=["team"]) == []
    autoscaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["AZRebalance", "Launch"])
    autoscaling.resume_processes(AutoScalingGroupName=name, ScalingProcesses=["Launch"])
    assert [each["ProcessName"] for each in aws.group_of("shop", "web")["SuspendedProcesses"]] == ["AZRebalance"]
    autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=12)
    [group] = autoscaling.describe_auto_scaling_groups(IncludeInstances=False)["AutoScalingGroups"]
    assert group["MaxSize"] == 12
    assert group["Instances"] == []
    assert autoscaling.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"] == []
    assert autoscaling.describe_launch_configurations()["LaunchConfigurations"] == []
    assert autoscaling.describe_policies(AutoScalingGroupName=name)["ScalingPolicies"] == []
    with pytest.raises(ClientError) as unknown:
        autoscaling.describe_scaling_activities(AutoScalingGroupName="no")
    assert code_of(unknown) == "ValidationError"


def test_failed_launches_are_activities_with_their_zone(shipped: AuditedAws) -> None:
    name = shipped.group_of("shop", "catalogue")["AutoScalingGroupName"]
    activities = every(
        client_of(shipped, "autoscaling"), "describe_scaling_activities", "Activities", AutoScalingGroupName=name
    )
    failed = [each for each in activities if each["StatusCode"] == "Failed"]
    assert {json.loads(each["Details"])["Availability Zone"] for each in failed} == {"eu-west-1c"}
    assert sorted(each["Description"].split()[0] for each in failed) == ["Launching"] * 3 + ["Terminating"]
    assert len(activities) == len(failed) + 4


def test_a_self_managed_group_says_how_its_nodes_join(shipped: AuditedAws) -> None:
    ec2 = client_of(shipped, "ec2")
    [template] = ec2.describe_launch_templates(LaunchTemplateNames=["eksctl-shop-nodegroup-training"])[
        "LaunchTemplates"
    ]
    [version] = ec2.describe_launch_template_versions(LaunchTemplateId=template["LaunchTemplateId"])[
        "LaunchTemplateVersions"
    ]
    text = base64.b64decode(version["LaunchTemplateData"]["UserData"]).decode()
    assert "name: shop" in text
    assert "--register-with-taints=nvidia.com/gpu=present:NoSchedule" in text


def test_images_hide_what_aws_hides(client: Clients, aws: AuditedAws) -> None:
    ec2, images = client("ec2"), aws.region(ACCOUNT, REGION).public.images
    pattern = [{"Name": "name", "Values": ["amazon-eks-node-al2023-x86_64-standard-1.35-v*"]}]
    found = ec2.describe_images(Owners=["amazon"], Filters=pattern)["Images"]
    assert len(found) == 7
    first, second, *_ = (images[each["ImageId"]] for each in found)
    first["DeprecationTime"] = "2026-01-01T00:00:00.000Z"
    second["State"] = "disabled"
    assert len(ec2.describe_images(Owners=[first["OwnerId"]], Filters=pattern)["Images"]) == 5
    assert len(ec2.describe_images(Filters=pattern, IncludeDeprecated=True)["Images"]) == 6
    everything = ec2.describe_images(Filters=pattern, IncludeDeprecated=True, IncludeDisabled=True)["Images"]
    assert second["ImageId"] not in {each["ImageId"] for each in everything}  # disabling took it from all others
    assert ec2.describe_images(ImageIds=[second["ImageId"]], IncludeDisabled=True)["Images"] == []
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    with pytest.raises(ClientError, match="ami-no") as missing:
        ec2.describe_images(ImageIds=[first["ImageId"], "ami-no"])
    assert code_of(missing) == "InvalidAMIID.NotFound"


def test_ec2_refuses_ids_and_filters_it_does_not_know(client: Clients) -> None:
    ec2 = client("ec2")
    for call, code in (
        (lambda: ec2.describe_instances(InstanceIds=["i-no"]), "InvalidInstanceID.NotFound"),
        (lambda: ec2.describe_subnets(SubnetIds=["subnet-no"]), "InvalidSubnetID.NotFound"),
        (lambda: ec2.describe_route_tables(RouteTableIds=["rtb-no"]), "InvalidRouteTableID.NotFound"),
        (lambda: ec2.describe_nat_gateways(NatGatewayIds=["nat-no"]), "NatGatewayNotFound"),
        (lambda: ec2.describe_launch_templates(LaunchTemplateIds=["lt-no"]), "InvalidLaunchTemplateId.NotFound"),
        (lambda: ec2.describe_instance_types(InstanceTypes=["z9.huge"]), "InvalidInstanceType"),
        (lambda: ec2.describe_placement_groups(GroupNames=["no"]), "InvalidPlacementGroup.Unknown"),
        (
            lambda: ec2.describe_capacity_reservations(CapacityReservationIds=["cr-no"]),
            "InvalidCapacityReservationId.NotFound",
        ),
        (lambda: ec2.describe_subnets(Filters=[{"Name": "colour", "Values": ["x"]}]), "InvalidParameterValue"),
        (ec2.describe_launch_template_versions, "MissingParameter"),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert code_of(refused) == code


def test_launch_templates_resolve_aliases_and_parameters(client: Clients, aws: AuditedAws) -> None:
    ec2, state = client("ec2"), aws.region(ACCOUNT, REGION)
    [(identifier, [version])] = state.template_versions.items()
    image = version["LaunchTemplateData"]["ImageId"]
    version["LaunchTemplateData"]["ImageId"] = f"resolve:ssm:{PUBLIC}/recommended/image_id"

    def configured(**parameters: object) -> list[str]:
        answer = ec2.describe_launch_template_versions(**parameters)["LaunchTemplateVersions"]
        return [each["LaunchTemplateData"]["ImageId"] for each in answer]

    assert configured(LaunchTemplateId=identifier, Versions=["$Default"], ResolveAlias=True) == [image]
    assert configured(Versions=["$Latest"])[0].startswith("resolve:ssm:")
    with pytest.raises(ClientError) as missing:
        configured(LaunchTemplateId=identifier, Versions=["7"])
    assert code_of(missing) == "InvalidLaunchTemplateId.VersionNotFound"


def test_instance_types_and_where_they_are_offered() -> None:
    described = fleet_of(not_offered={"m6i.large": ["c"]}, zones={"a": {"id": "euw1-az2"}, "c": {"id": "euw1-az1"}})
    with AuditedAws(load_fleet(described, now=NOW)) as aws:
        ec2 = client_of(aws, "ec2")
        [one] = ec2.describe_instance_types(InstanceTypes=["m6i.large"])["InstanceTypes"]
        assert (one["VCpuInfo"]["DefaultVCpus"], one["MemoryInfo"]["SizeInMiB"]) == (2, 8192)
        filters = [{"Name": "instance-type", "Values": ["m6i.large"]}]
        for kind, places in (
            ("availability-zone-id", {"euw1-az2", "euw1-az3"}),
            ("availability-zone", {"eu-west-1a"}),
            ("region", {"eu-west-1"}),
        ):
            offered = every(
                ec2, "describe_instance_type_offerings", "InstanceTypeOfferings", LocationType=kind, Filters=filters
            )
            assert {each["Location"] for each in offered} == places
        assert len(every(ec2, "describe_instance_types", "InstanceTypes")) > 500


def test_parameters_lead_to_the_recommended_release_and_to_past_ones(shipped: AuditedAws) -> None:
    ssm, ec2 = client_of(shipped, "ssm"), client_of(shipped, "ec2")
    answer = ssm.get_parameters(Names=[f"{PUBLIC}/recommended", "/aws/service/no"])
    assert answer["InvalidParameters"] == ["/aws/service/no"]
    recommended = json.loads(answer["Parameters"][0]["Value"])
    assert answer["Parameters"][0]["LastModifiedDate"] == NOW.replace(day=22)
    [image] = ec2.describe_images(ImageIds=[recommended["image_id"]])["Images"]
    assert image["Name"] == recommended["image_name"]
    leaf = ssm.get_parameter(Name=f"{PUBLIC}/recommended/release_version")["Parameter"]
    assert leaf["Value"] == recommended["release_version"]
    history = every(ssm, "get_parameters_by_path", "Parameters", Path=PUBLIC, Recursive=True)
    assert len([each for each in history if each["Name"].endswith("/image_id")]) == 9 + 1
    bottlerocket = "/aws/service/bottlerocket/aws-k8s-1.35/x86_64/latest/image_version"
    assert ssm.get_parameter(Name=bottlerocket)["Parameter"]["Value"].startswith("1.62.0-")
    windows = "/aws/service/ami-windows-latest/Windows_Server-2022-English-Core-EKS_Optimized-1.35"
    assert json.loads(ssm.get_parameter(Name=windows)["Parameter"]["Value"])["release_version"].startswith("1.35-2026.")
    with pytest.raises(ClientError) as missing:
        ssm.get_parameter(Name="/no")
    assert code_of(missing) == "ParameterNotFound"


def test_a_rolled_back_pointer_leaves_newer_releases_behind(shipped: AuditedAws) -> None:
    nodegroup = shipped.nodegroup("shop", "search")
    name = f"{PUBLIC.replace('x86_64', 'arm64')}/recommended/release_version"
    pointer = client_of(shipped, "ssm").get_parameter(Name=name)["Parameter"]
    assert nodegroup["releaseVersion"] > pointer["Value"]
    assert pointer["LastModifiedDate"] == NOW.replace(day=21)


def test_regions_say_whether_they_are_opted_into(client: Clients) -> None:
    regions = {
        each["RegionName"]: each["OptInStatus"] for each in client("ec2").describe_regions(AllRegions=True)["Regions"]
    }
    assert (regions["eu-west-1"], regions["af-south-1"]) == ("opt-in-not-required", "not-opted-in")
    assert "af-south-1" not in {each["RegionName"] for each in client("ec2").describe_regions()["Regions"]}


def test_every_operation_offered_exists_in_botocore() -> None:
    from local_aws.protocol import wire_of  # noqa: PLC0415 - loads a large model, needed here only

    for service, operations in OPERATIONS.items():
        assert set(operations) <= set(wire_of(service).model.operation_names)


@pytest.mark.parametrize(
    ("service", "operation", "named"),
    [
        ("eks", "describe_addon_versions", "eks:DescribeAddonVersions"),
        ("ec2", "describe_vpcs", "ec2:DescribeVpcs"),
        ("sqs", "list_queues", "sqs"),
    ],
)
def test_an_operation_that_is_not_served_says_so(client: Clients, service: str, operation: str, named: str) -> None:
    with pytest.raises(ClientError, match=f"does not serve {named}") as refused:
        getattr(client(service), operation)()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_no_node_is_older_than_its_image(shipped: AuditedAws) -> None:
    for state in shipped.world.regions.values():
        for instance in state.instances.values():
            created = state.every_image()[instance["ImageId"]]["CreationDate"]
            assert instance["LaunchTime"] >= datetime.fromisoformat(created)
