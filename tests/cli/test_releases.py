"""``eks-auditor releases`` against the local AWS: what is read, what is printed, how it exits."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from local_aws import AuditedAws, load_fleet
from tests.builders import NOW
from tests.cli.conftest import ACCOUNT, Command

DOCS = Path(__file__).parents[2] / "docs"
ONE = ("--ami-type", "AL2023_x86_64_STANDARD", "--kubernetes", "1.35")


def lines(text: str, region: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["regions"][region]["releases"]
    return found


def test_the_configured_region_is_read_by_default(command: Command, aws: AuditedAws) -> None:
    result = command("releases", "--format", "json")
    assert (result.code, result.err) == (0, "")
    jsonschema.validate(json.loads(result.out), json.loads((DOCS / "schemas" / "releases-1.json").read_text()))
    assert [region["region"] for region in json.loads(result.out)["regions"]] == ["eu-west-1"]
    assert {line["ami_type"] for line in lines(result.out) if line["recommended"]} >= {"AL2023_x86_64_STANDARD"}
    assert not aws.broken_answers


def test_the_table_is_the_default_format(command: Command, aws: AuditedAws) -> None:
    result = command("releases")
    assert result.code == 0
    assert result.out.startswith("eu-west-1 (aws)\n\nK8S  RELEASE")
    assert max(map(len, result.out.splitlines())) <= 80
    assert "\x1b" not in result.out
    assert not aws.broken_answers


def test_one_question_gets_one_line(command: Command, aws: AuditedAws) -> None:
    result = command("releases", "--ami-type", "al2023_arm_64_standard", "--kubernetes", "1.35", "--format", "json")
    [line] = lines(result.out)
    assert (line["family"], line["architecture"], line["kubernetes_version"]) == ("al2023", "arm64", "1.35")
    assert line["recommended"]["version"] == "20261111", "AWS has taken back the newer one"
    assert line["recommended"]["published_at"] < line["recommended"]["parameter_modified_at"]
    assert aws.counts == {
        ("sts:GetCallerIdentity", "eu-west-1"): 1,
        ("ssm:GetParameters", "eu-west-1"): 1,
        ("ec2:DescribeImages", "eu-west-1"): 2,
    }


def test_regions_can_be_named_and_are_read_in_their_order(command: Command, aws: AuditedAws) -> None:
    result = command("releases", "--region", "us-east-1", "--region", "eu-west-1", *ONE, "--format", "json")
    there, here = (lines(result.out, region)[0]["recommended"] for region in (0, 1))
    assert [region["region"] for region in json.loads(result.out)["regions"]] == ["us-east-1", "eu-west-1"]
    assert there["version"] == here["version"]
    assert there["image_id"] != here["image_id"]
    assert aws.calls


def test_all_regions(command: Command, aws: AuditedAws) -> None:
    result = command("releases", "--region", "all", *ONE, "--format", "json")
    assert result.code == 0
    assert {"eu-west-1", "us-east-1"} <= {region["region"] for region in json.loads(result.out)["regions"]}
    assert aws.calls


def test_output_goes_to_a_file(command: Command, aws: AuditedAws, tmp_path: Path) -> None:
    file = tmp_path / "releases.json"
    result = command("releases", *ONE, "--format", "json", "--output", str(file))
    assert (result.code, result.out) == (0, "")
    assert lines(file.read_text())
    assert aws.calls


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--ami-type", "AL2023_x86_STANDARD"], "the nearest is AL2023_x86_64_STANDARD"),
        (["--ami-type", "CUSTOM"], "AWS publishes no releases of an AMI type 'CUSTOM'"),
        (["--kubernetes", "v1.35"], "--kubernetes 'v1.35' is no Kubernetes minor: write one such as 1.35"),
        (["--format", "xml"], "--format takes table or json, not 'xml'"),
        (["--region", "all", "--region", "eu-west-1"], "give it alone"),
        (["--region", "mars"], "'mars' is not the name of a Region"),
        (["--output", "/no/such/folder/releases.txt"], "in a folder that does not exist"),
        ([], "no Region is configured"),
    ],
)
def test_wrong_usage(command: Command, options: list[str], words: str) -> None:
    result = command("releases", *options)
    assert (result.code, result.out) == (2, "")
    [sentence] = result.err.splitlines()
    assert words in sentence


def test_a_failed_read_is_shown_and_the_rest_is_printed(command: Command, aws: AuditedAws) -> None:
    aws.fail("ec2", "DescribeImages", "UnauthorizedOperation", status=403)
    result = command("releases", *ONE)
    assert result.code == 0
    assert "1.35 20261119" in result.out
    assert "unknown: ec2:DescribeImages failed with UnauthorizedOperation" in result.out


def test_a_region_that_refuses_is_said_and_the_others_go_on(command: Command, aws: AuditedAws) -> None:
    aws.fail("eks", "DescribeClusterVersions", "AccessDeniedException", status=403, times=1)
    result = command("releases", "--region", "us-east-1", "--region", "eu-west-1", *ONE[:2], "--format", "json")
    regions = json.loads(result.out)["regions"]
    assert result.code == 0
    assert sorted(region["gap"] is None for region in regions) == [False, True]
    assert "allow eks:DescribeClusterVersions for these credentials" in result.err


@pytest.mark.parametrize(
    ("service", "operation", "options"),
    [("eks", "DescribeClusterVersions", ()), ("ssm", "GetParameters", ()), ("ssm", "GetParameters", ONE)],
)
def test_nothing_read_is_no_success(
    command: Command, aws: AuditedAws, service: str, operation: str, options: tuple[str, ...]
) -> None:
    aws.fail(service, operation, "AccessDeniedException", status=403)
    result = command("releases", *options)
    assert (result.code, result.out) == (3, "")
    [sentence] = result.err.splitlines()
    assert sentence.startswith("eks-auditor: nothing could be read: ")
    assert f"allow {service}:{operation} for these credentials" in sentence


def test_no_parameter_at_all_is_an_answer(command: Command, aws: AuditedAws) -> None:
    result = command("releases", "--kubernetes", "1.7")
    assert result.code == 0
    assert "0 recommended, 22 without a parameter, 0 unknown." in result.out
    assert aws.calls


# Other partitions


@pytest.fixture
def partitioned(
    request: pytest.FixtureRequest, command: Command, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AuditedAws]:
    """A fleet in the Region that the test is parametrized by, with the environment of somebody of it."""
    del command  # whose environment comes first
    fleet: dict[str, Any] = {"accounts": {ACCOUNT: {"regions": {request.param: {"clusters": {"shop": {}}}}}}}
    with AuditedAws(load_fleet(fleet, now=NOW)) as audited:
        for name, value in audited.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_REGION", request.param)
        yield audited
        assert audited.broken_answers == []


@pytest.mark.parametrize(
    ("partitioned", "partition", "linux_owner"),
    [("cn-north-1", "aws-cn", "918309763551"), ("us-gov-west-1", "aws-us-gov", "013241004608")],
    indirect=["partitioned"],
)
def test_the_catalogue_works_in_other_partitions(
    command: Command, partitioned: AuditedAws, partition: str, linux_owner: str
) -> None:
    result = command("releases", "--format", "json")
    assert (result.code, result.err) == (0, "")
    [region] = json.loads(result.out)["regions"]
    assert region["partition"] == partition
    known = [line for line in region["releases"] if line["recommended"]]
    assert {line["family"] for line in known} >= {"al2023", "bottlerocket", "windows-2022"}
    assert [line["gap"] for line in region["releases"] if line["gap"]] == []
    assert min(line["releases_in_12_months"] for line in known if line["family"] != "al2") >= 2
    asked = [call.params for call in partitioned.calls if call.operation == "DescribeImages"]
    owners = {params["Filters"][0]["Values"][0]: params["Owners"] for params in asked if "Owners" in params}
    assert owners["amazon-eks-node-al2023-*"] == [linux_owner]
    assert owners["bottlerocket-aws-k8s-*"] != [linux_owner]
    images = partitioned.region(ACCOUNT, region["region"]).public.images
    assert all(images[line["recommended"]["image_id"]]["OwnerId"] == linux_owner for line in known[:1])


# The documentation


def test_the_documented_output_is_what_it_prints(command: Command, aws: AuditedAws) -> None:
    page = (DOCS / "command-line.md").read_text()
    [block] = re.findall(r"^```\n(\$ eks-auditor releases .*?)```", page, re.MULTILINE | re.DOTALL)
    typed, _, printed = block.partition("\n")
    _, _, *arguments = typed.split()
    result = command(*shlex.split(" ".join(arguments)))
    assert result.out == printed
    assert aws.calls
