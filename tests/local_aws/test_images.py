from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import AuditedAws, FleetError, load_fleet
from local_aws.expansion import expand
from tests.local_aws.conftest import ACCOUNT, NOW, OTHER_ACCOUNT, REGION, Client, client_of, fleet_of

WEB: dict[str, Any] = {"shop": {"node_groups": {"web": {"ami": "CUSTOM", "image": "golden"}}}}


def serving(image: dict[str, Any] | None = None, **region: Any) -> AuditedAws:  # noqa: ANN401  whatever a Region may say
    """An AWS whose account has one image, ``golden``, that a node group runs."""
    described = fleet_of(images={"golden": image or {}} | region.pop("images", {}), clusters=WEB, **region)
    return AuditedAws(load_fleet(described, now=NOW))


def golden_of(aws: AuditedAws) -> str:
    [identifier] = [key for key, each in aws.region(ACCOUNT, REGION).images.items() if each["Name"] == "golden"]
    return identifier


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    code: str = error.value.response["Error"]["Code"]
    return code


def test_a_disabled_image_is_its_owners_alone_and_only_when_asked_for() -> None:
    with serving({"state": "disabled"}) as aws:
        ec2, ids = client_of(aws, "ec2"), [golden_of(aws)]
        assert ec2.describe_images(ImageIds=ids)["Images"] == []
        [image] = ec2.describe_images(ImageIds=ids, IncludeDisabled=True)["Images"]
        assert image["State"] == "disabled"
        with pytest.raises(ClientError) as foreign:
            client_of(aws, "ec2", key=OTHER_ACCOUNT).describe_images(ImageIds=ids, IncludeDisabled=True)
        assert code_of(foreign) == "InvalidAMIID.NotFound"


def test_a_deregistered_image_has_no_answer_while_nodes_run_it_and_then_no_id() -> None:
    with serving({"state": "deregistered"}) as aws:
        ec2, ids = client_of(aws, "ec2"), [golden_of(aws)]
        assert ec2.describe_images(ImageIds=ids, IncludeDisabled=True, IncludeDeprecated=True)["Images"] == []
        aws.delete_nodegroup("shop", "web")
        with pytest.raises(ClientError) as gone:
            ec2.describe_images(ImageIds=ids)
        assert code_of(gone) == "InvalidAMIID.NotFound"


def test_a_deprecated_image_is_hidden_from_others() -> None:
    with serving({"deprecated": "3d", "owner": OTHER_ACCOUNT}) as aws:
        ec2, ids = client_of(aws, "ec2"), [golden_of(aws)]
        assert ec2.describe_images(ImageIds=ids)["Images"] == []
        [image] = ec2.describe_images(ImageIds=ids, IncludeDeprecated=True)["Images"]
        assert image["DeprecationTime"] == "2026-11-20T12:00:00.000Z"
    with serving({"deprecated": "3d"}) as aws:
        assert len(client_of(aws, "ec2").describe_images(ImageIds=[golden_of(aws)])["Images"]) == 1


def test_a_scan_names_since_when_there_are_fixes() -> None:
    with serving({"scanned": "1d", "critical_fix": "20d"}) as aws:
        [image] = client_of(aws, "ec2").describe_images(ImageIds=[golden_of(aws)])["Images"]
    assert image["ScanResults"] == {
        "HighestFindingSeverityLabel": "critical",
        "FindingScanDate": NOW - timedelta(days=1),
        "CriticalFixAvailableSince": NOW - timedelta(days=20),
    }


def ancestry(ec2: Client, identifier: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = ec2.get_image_ancestry(ImageId=identifier)["ImageAncestryEntries"]
    return entries


def test_an_image_is_traced_to_its_root_across_regions() -> None:
    base = {"created": "40d", "built_on": {"kubernetes": "1.34", "superseded": "47d", "region": "us-east-1"}}
    with serving({"built_on": "base"}, images={"base": base}) as aws:
        mine, middle, root = ancestry(client_of(aws, "ec2"), golden_of(aws))
        assert mine["SourceImageId"] == middle["ImageId"]
        assert middle["CreationDate"] == NOW - timedelta(days=40)
        assert (middle["SourceImageId"], middle["SourceImageRegion"]) == (root["ImageId"], "us-east-1")
        assert root["CreationDate"] == NOW - timedelta(days=61)
        assert root["ImageOwnerAlias"] == "amazon"
        assert "SourceImageId" not in root
        [named] = client_of(aws, "ec2", region="us-east-1").describe_images(ImageIds=[root["ImageId"]])["Images"]
        assert named["Name"].startswith("amazon-eks-node-al2023-x86_64-standard-1.34-v")
        assert "ImageOwnerAlias" not in mine


def test_an_ancestor_that_is_gone_keeps_its_place_and_its_date() -> None:
    releases = [
        {
            "ami_types": ["AL2023_x86_64_STANDARD"],
            "kubernetes": ["1.35"],
            "published": ["90d", "9d"],
            "withdrawn": ["90d"],
        }
    ]
    described = fleet_of(images={"golden": {"built_on": {"release": "90d"}}}) | {"releases": releases}
    with AuditedAws(load_fleet(described, now=NOW)) as aws:
        ec2 = client_of(aws, "ec2")
        _, gone = ancestry(ec2, golden_of(aws))
        assert gone["CreationDate"] == NOW - timedelta(days=90)
        with pytest.raises(ClientError) as missing:
            ec2.describe_images(ImageIds=[gone["ImageId"]])
        assert code_of(missing) == "InvalidAMIID.NotFound"
        pattern = [{"Name": "name", "Values": ["amazon-eks-node-al2023-*"]}]
        assert len(ec2.describe_images(Filters=pattern, IncludeDeprecated=True)["Images"]) == 1
        path = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard"
        found = client_of(aws, "ssm").get_parameters_by_path(Path=path, Recursive=True)["Parameters"]
        assert len({each["Name"].split("/")[9] for each in found}) == 2  # recommended, and the release it recommends


def test_an_image_without_an_ancestor_is_its_own_root() -> None:
    with serving() as aws:
        [entry] = ancestry(client_of(aws, "ec2"), golden_of(aws))
        assert entry == {"ImageId": golden_of(aws), "CreationDate": NOW - timedelta(days=20)}
        with pytest.raises(ClientError) as missing:
            ancestry(client_of(aws, "ec2"), "ami-0123456789abcdef0")
        assert code_of(missing) == "InvalidAMIID.NotFound"


def test_windows_images_that_are_withdrawn_become_private() -> None:
    releases = [
        {
            "ami_types": ["WINDOWS_CORE_2022_x86_64"],
            "kubernetes": ["1.35"],
            "published": ["130d", "9d"],
            "withdrawn": ["130d"],
        }
    ]
    with AuditedAws(load_fleet(fleet_of() | {"releases": releases}, now=NOW)) as aws:
        old, new = aws.region(ACCOUNT, REGION).public.images
        ec2 = client_of(aws, "ec2")
        assert ec2.describe_images(ImageIds=[old], IncludeDeprecated=True)["Images"] == []
        assert len(ec2.describe_images(ImageIds=[new])["Images"]) == 1


def test_allowed_amis_hides_others_images_and_in_audit_mode_only_says_so() -> None:
    shared = {"shared": {"owner": OTHER_ACCOUNT}}

    def seen(aws: AuditedAws) -> dict[str, bool | None]:
        pattern = [{"Name": "name", "Values": ["golden", "shared", "amazon-eks-node-1.3?-v20261111"]}]
        found = client_of(aws, "ec2").describe_images(Filters=pattern)["Images"]
        return {each["Name"]: each.get("ImageAllowed") for each in found}

    with serving(images=shared) as aws:
        assert set(seen(aws).values()) == {None}
        assert client_of(aws, "ec2").get_allowed_images_settings()["State"] == "disabled"
    with serving(images=shared, allowed_images={"state": "audit-mode"}) as aws:
        assert (seen(aws)["golden"], seen(aws)["shared"]) == (True, False)
    with serving(
        images=shared, allowed_images={"state": "enabled", "providers": [], "names": ["bottlerocket-*"]}
    ) as aws:
        assert seen(aws) == {"golden": True}
        setting = client_of(aws, "ec2").get_allowed_images_settings()
        assert (setting["State"], setting["ImageCriteria"]) == ("enabled", [{"ImageNames": ["bottlerocket-*"]}])


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        ({"built_on": "nothing"}, r"images\.golden: the Region describes no image 'nothing'"),
        ({"built_on": {"release": "5d"}}, r"images\.golden: no such release of AL2023_x86_64_STANDARD"),
    ],
)
def test_an_image_built_on_nothing_is_refused(image: dict[str, Any], sentence: str) -> None:
    fleet = load_fleet(fleet_of(images={"golden": image}), now=NOW)
    with pytest.raises(FleetError, match=sentence):
        expand(fleet, lambda: NOW)
