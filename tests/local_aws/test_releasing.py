import json
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any

import pytest

from local_aws import AuditedAws
from tests.local_aws.conftest import ACCOUNT, NOW, REGION, Client, Clients

LINUX, BOTTLEROCKET = "AL2023_x86_64_STANDARD", "BOTTLEROCKET_x86_64"
ROOT = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard"
WINDOWS = "/aws/service/ami-windows-latest/Windows_Server-2022-English-Core-EKS_Optimized-1.35"


def parameter(ssm: Client, name: str = f"{ROOT}/recommended/release_version") -> dict[str, Any]:
    found: dict[str, Any] = ssm.get_parameter(Name=name)["Parameter"]
    return found


def images_of(ec2: Client) -> set[str]:
    pattern = [{"Name": "name", "Values": ["amazon-eks-node-al2023-x86_64-standard-1.35-v*"]}]
    return {each["ImageId"] for each in ec2.describe_images(Owners=["amazon"], Filters=pattern)["Images"]}


def test_a_new_release_is_recommended_from_its_instant_on(client: Clients, aws: AuditedAws) -> None:
    ssm, ec2 = client("ssm"), client("ec2")
    before, images = parameter(ssm), images_of(ec2)
    aws.clock = lambda: NOW + timedelta(hours=6)
    [published] = aws.publish_release(ami_types=[LINUX], kubernetes=["1.35"])
    after = parameter(ssm)
    assert after["Value"] == published["release_version"] == "1.35.4-20261120"
    assert after["LastModifiedDate"] == NOW + timedelta(hours=6)
    assert after["Version"] == before["Version"] + 1
    assert images_of(ec2) - images == {published["image_id"]}
    recommended = json.loads(parameter(ssm, f"{ROOT}/recommended")["Value"])
    assert (recommended["image_id"], recommended["release_version"]) == (published["image_id"], after["Value"])
    assert parameter(ssm, f"{ROOT}/{recommended['image_name']}/image_id")["Value"] == published["image_id"]
    other = parameter(ssm, f"{ROOT.replace('1.35', '1.34')}/recommended/release_version")
    assert other["LastModifiedDate"] == before["LastModifiedDate"]
    update = client("eks").update_nodegroup_version(clusterName="shop", nodegroupName="web")["update"]
    assert {"type": "ReleaseVersion", "value": after["Value"]} in update["params"]


def test_every_family_moves_its_own_pointers(client: Clients, aws: AuditedAws) -> None:
    ssm = client("ssm")
    latest = "/aws/service/bottlerocket/aws-k8s-1.35/x86_64/latest/image_version"
    assert parameter(ssm, latest)["Value"].startswith("1.62.0-")
    aws.publish_release(ami_types=[BOTTLEROCKET, "WINDOWS_CORE_2022_x86_64"], at="2026-11-23T06:00:00Z")
    assert parameter(ssm, latest)["Value"].startswith("1.63.0-")
    assert json.loads(parameter(ssm, WINDOWS)["Value"])["release_version"] == "1.35-2026.11.20"
    assert parameter(ssm, f"{WINDOWS}/image_id")["LastModifiedDate"] == NOW - timedelta(hours=6)


def test_a_recommendation_goes_back_and_on_again(client: Clients, aws: AuditedAws) -> None:
    ssm, ec2 = client("ssm"), client("ec2")
    first = parameter(ssm)
    [published] = aws.publish_release(ami_types=[LINUX], kubernetes=["1.35"])
    [back] = aws.roll_back(ami_types=[LINUX], kubernetes=["1.35"], at=NOW + timedelta(days=1))
    assert back["release_version"] == first["Value"] == parameter(ssm)["Value"]
    assert parameter(ssm)["Version"] == first["Version"] + 2
    assert published["image_id"] in images_of(ec2)
    [further] = aws.roll_back(ami_types=[LINUX], kubernetes=["1.35"], by=2)
    assert further["release_version"] < first["Value"]
    [again] = aws.publish_release(ami_types=[LINUX], kubernetes=["1.35"], at=NOW + timedelta(days=2))
    assert parameter(ssm)["Value"] == again["release_version"] > published["release_version"]


def test_regions_move_alike_unless_one_is_named(client: Clients, aws: AuditedAws) -> None:
    east, unseen = client("ssm", region="us-east-1"), client("ssm", region="eu-north-1")
    before = parameter(east)["Value"]
    aws.publish_release(ami_types=[LINUX], at=NOW - timedelta(days=2), region=REGION)
    assert parameter(east)["Value"] == before
    assert {each["region"] for each in aws.publish_release(ami_types=[LINUX])} == {REGION, "us-east-1"}
    assert parameter(east)["Value"] == parameter(client("ssm"))["Value"] == parameter(unseen)["Value"] > before


def test_a_parameter_vanishes_with_all_below_it(client: Clients, aws: AuditedAws) -> None:
    ssm, gone = client("ssm"), f"{ROOT}/recommended"
    assert len(aws.withdraw_parameter(gone)) == 4
    names = [gone, f"{gone}/release_version"]
    assert ssm.get_parameters(Names=names)["InvalidParameters"] == names
    assert ssm.get_parameters_by_path(Path=ROOT, Recursive=True)["Parameters"]
    assert client("ssm", region="us-east-1").get_parameters(Names=names)["InvalidParameters"] == names


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"ami_types": ["AL3_x86_64"]}, "AL3_x86_64: no AMI type with published releases"),
        ({"ami_types": [LINUX], "region": "eu-west-9"}, "eu-west-9 is no Region"),
        ({"ami_types": [LINUX], "at": NOW - timedelta(days=10)}, "publish at a later day"),
        ({"ami_types": [LINUX], "at": "2026-11-23T12:00:00"}, "has no time zone"),
    ],
)
def test_what_cannot_be_published_is_refused(aws: AuditedAws, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        aws.publish_release(**arguments)


def test_nothing_goes_back_beyond_the_first_release_or_vanishes_twice(aws: AuditedAws) -> None:
    with pytest.raises(ValueError, match=r"has no release of AL2023_x86_64_STANDARD for Kubernetes 1\.35 that many"):
        aws.roll_back(ami_types=[LINUX], kubernetes=["1.35"], by=7)
    with pytest.raises(ValueError, match="no Region asked for has a public parameter /no"):
        aws.withdraw_parameter("/no")


def test_another_process_moves_releases_by_the_control_routes(client: Clients, aws: AuditedAws) -> None:
    def control(route: str, **arguments: object) -> tuple[int, Any]:
        connection = HTTPConnection(aws.url.removeprefix("http://"))
        connection.request("POST", f"/_local/{route}", json.dumps(arguments))
        response = connection.getresponse()
        status, answer = response.status, json.loads(response.read())
        connection.close()
        return status, answer

    line = {"ami_types": [LINUX], "kubernetes": ["1.35"]}
    before = parameter(client("ssm"))["Value"]
    status, [published] = control("publish_release", **line, at="2026-11-23T08:00:00+00:00")
    assert status == 200
    assert parameter(client("ssm"))["Value"] == published["release_version"] != before
    assert control("roll_back", **line)[0] == 200
    assert parameter(client("ssm"))["Value"] == before
    assert control("withdraw_parameter", name=f"{ROOT}/recommended", region=REGION)[0] == 200
    status, answer = control("publish_release", **line, at="2026-11-01T08:00:00+00:00")
    assert status == 400
    assert "publish at a later day" in answer["error"]


def test_calls_are_counted_by_operation_and_region(client: Clients, aws: AuditedAws) -> None:
    eks = client("eks")
    eks.describe_cluster(name="shop")
    eks.describe_cluster(name="shop")
    client("ec2", region="us-east-1").describe_regions()
    assert aws.counts == {("eks:DescribeCluster", REGION): 2, ("ec2:DescribeRegions", "us-east-1"): 1}
    assert aws.clusters_read == {"shop"}
    assert aws.calls[0].account == ACCOUNT
