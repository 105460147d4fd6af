"""Fleets in China and in GovCloud."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import AuditedAws, FleetError, load_fleet
from tests.local_aws.conftest import ACCOUNT, NOW, client_of

PARAMETER = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended/image_id"


def fleet_in(*regions: str) -> dict[str, Any]:
    clusters: dict[str, Any] = {"shop": {"node_groups": {"web": {}}}}
    return {"accounts": {ACCOUNT: {"regions": {region: {"clusters": clusters} for region in regions}}}}


@pytest.mark.parametrize(
    ("region", "partition", "owner", "alias", "zone"),
    [
        ("cn-north-1", "aws-cn", "918309763551", None, "cnn1-az1"),
        ("us-gov-west-1", "aws-us-gov", "013241004608", "amazon", "usgw1-az1"),
    ],
)
def test_a_fleet_of_another_partition_answers_as_that_partition_does(
    region: str, partition: str, owner: str, alias: str | None, zone: str
) -> None:
    with AuditedAws(load_fleet(fleet_in(region), now=NOW)) as aws:
        eks, ec2, ssm, iam, sts = (
            client_of(aws, service, region=region) for service in ("eks", "ec2", "ssm", "iam", "sts")
        )
        cluster = eks.describe_cluster(name="shop")["cluster"]
        assert cluster["arn"] == f"arn:{partition}:eks:{region}:{ACCOUNT}:cluster/shop"
        parameter = ssm.get_parameter(Name=PARAMETER)["Parameter"]
        assert parameter["ARN"] == f"arn:{partition}:ssm:{region}::parameter{PARAMETER}"
        [image] = ec2.describe_images(ImageIds=[parameter["Value"]])["Images"]
        assert (image["OwnerId"], image.get("ImageOwnerAlias")) == (owner, alias)
        assert len(ec2.describe_images(Owners=[owner])["Images"]) > 1
        assert bool(ec2.describe_images(Owners=["amazon"])["Images"]) is (alias is not None)
        subnets = ec2.describe_subnets()["Subnets"]
        assert zone in {each["AvailabilityZoneId"] for each in subnets}
        assert {each["RegionName"].partition("-")[0] for each in ec2.describe_regions()["Regions"]} == {
            region.partition("-")[0]
        }
        [version] = ec2.describe_launch_template_versions(Versions=["$Latest"])["LaunchTemplateVersions"]
        profile = version["LaunchTemplateData"]["IamInstanceProfile"]["Name"]
        found = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]
        assert found["Arn"] == f"arn:{partition}:iam::{ACCOUNT}:instance-profile/{profile}"
        assert sts.get_caller_identity()["Arn"] == f"arn:{partition}:iam::{ACCOUNT}:root"
        filters = [{"Name": "instance-type", "Values": ["m6i.large"]}]
        offered = ec2.describe_instance_type_offerings(LocationType="availability-zone-id", Filters=filters)
        zones = {subnet["AvailabilityZoneId"] for subnet in subnets}
        assert {each["Location"] for each in offered["InstanceTypeOfferings"]} == zones
        assert aws.broken_answers == []


def test_partitions_are_apart() -> None:
    with AuditedAws(load_fleet(fleet_in("cn-north-1"), now=NOW)) as aws:
        for region in ("eu-west-1", "us-gov-west-1"):
            with pytest.raises(ClientError, match="security token"):
                client_of(aws, "eks", region=region).list_clusters()
        assert client_of(aws, "eks", region="cn-northwest-1").list_clusters()["clusters"] == []
        [moved] = [
            each
            for each in aws.publish_release(ami_types=["AL2023_x86_64_STANDARD"], kubernetes=["1.35"])
            if each["region"] == "cn-north-1"
        ]
        assert (
            moved["image_id"]
            == client_of(aws, "ssm", region="cn-north-1").get_parameter(Name=PARAMETER)["Parameter"]["Value"]
        )


def test_an_account_is_in_one_partition() -> None:
    with pytest.raises(FleetError, match="an account is in one partition, not in aws and aws-cn"):
        load_fleet(fleet_in("cn-north-1", "eu-west-1"), now=NOW)
