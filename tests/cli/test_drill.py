"""``eks-auditor drill`` against the local AWS and on recorded snapshots."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from eks_auditor.report.snapshot_file import write_snapshot
from local_aws import AuditedAws
from tests import builders
from tests.builders import ZONES
from tests.cli.conftest import ACCOUNT, Command

DOCS = Path(__file__).parents[2] / "docs"


def recorded(tmp_path: Path, *capacities: Any, **deviations: Any) -> str:  # noqa: ANN401  any capacity, any field
    file = tmp_path / "shop.json"
    file.write_text(write_snapshot(builders.snapshot(*capacities, **deviations)))
    return str(file)


def lost(text: str) -> list[str]:
    return [zone["id"] for zone in json.loads(text)["zones"]]


def test_each_zone_of_a_cluster_is_lost_by_default(command: Command, aws: AuditedAws) -> None:
    result = command("drill", "--cluster", "foundry", "--format", "json")
    assert (result.code, result.err) == (0, "")
    jsonschema.validate(json.loads(result.out), json.loads((DOCS / "schemas" / "drill-1.json").read_text()))
    assert lost(result.out) == list(ZONES)
    [press] = [each for each in json.loads(result.out)["sets"] if each["name"] == "press-a, press-b"]
    assert [(loss["lost"]["nodes"], loss["regrown"]["nodes"]) for loss in press["losses"]] == [(5, 0), (2, 0)]
    assert not aws.broken_answers


def test_the_table_is_the_default_format(command: Command, aws: AuditedAws) -> None:
    result = command("drill", "--cluster", f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/shop")
    assert result.code == 0
    assert result.out.startswith("shop in eu-west-1: what is left when an Availability Zone is lost\n")
    assert max(map(len, result.out.splitlines())) <= 80
    assert "\x1b" not in result.out
    assert not aws.broken_answers


@pytest.mark.parametrize("zones", [["euw1-az2"], ["eu-west-1b"], ["EU-WEST-1B", "euw1-az2"]])
def test_a_zone_is_named_by_id_or_name(command: Command, aws: AuditedAws, zones: list[str]) -> None:
    options = [word for zone in zones for word in ("--zone", zone)]
    result = command("drill", "--cluster", "foundry", "--format", "json", *options)
    document = json.loads(result.out)
    assert document["zones"] == [{"id": "euw1-az2", "name": "eu-west-1b"}]
    assert {loss["zone_id"] for each in document["sets"] for loss in each["losses"]} == {"euw1-az2"}
    assert [total["zone_id"] for total in document["totals"]] == ["euw1-az2"]
    assert aws.calls


def test_several_zones_are_each_lost_alone(command: Command, tmp_path: Path) -> None:
    spread = builders.managed(zones=ZONES, size=6)
    options = ("--zone", ZONES[2], "--zone", ZONES[0], "--format", "json")
    result = command("drill", "--from", recorded(tmp_path, spread), *options)
    assert lost(result.out) == [ZONES[0], ZONES[2]]
    assert [total["left"]["nodes"] for total in json.loads(result.out)["totals"]] == [4, 4]


def test_a_wrong_zone_is_answered_with_those_there_are(command: Command, aws: AuditedAws) -> None:
    result = command("drill", "--cluster", "legacy", "--zone", "eu-west-1b")
    assert (result.code, result.out) == (2, "")
    [sentence] = result.err.splitlines()
    assert "legacy has no nodes in a zone 'eu-west-1b'" in sentence
    assert sentence.endswith("its zones are euw1-az1 (eu-west-1a).")
    assert aws.calls


def test_a_zone_of_a_cluster_without_nodes(command: Command, tmp_path: Path) -> None:
    result = command("drill", "--from", recorded(tmp_path, builders.fargate()), "--zone", "euw1-az1")
    assert result.code == 2
    assert result.err.endswith("nothing that would launch any there: leave out --zone.\n")


def test_a_zone_may_be_out_of_sight(command: Command, tmp_path: Path) -> None:
    capacities = (builders.managed(), builders.managed("api", groups=builders.gap()))
    result = command("drill", "--from", recorded(tmp_path, *capacities), "--zone", "euw1-az9")
    assert result.code == 2
    assert "nothing that could be read that would launch any there" in result.err


def test_no_such_cluster(command: Command, aws: AuditedAws) -> None:
    result = command("drill", "--cluster", "shopp")
    assert (result.code, result.out) == (3, "")
    assert "there is no cluster 'shopp' in eu-west-1" in result.err
    assert aws.calls


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "name it with --cluster, or give a recorded snapshot with --from"),
        (["--cluster", "shop", "--from", "shop.json"], "leave out --region, --cluster and --profile"),
        (["--cluster", "shop", "--region", "all"], "name its Region, or give its ARN"),
        (["--cluster", "shop", "--format", "asff"], "--format takes table or json, not 'asff'"),
        (["--cluster", "shop", "--output", "/no/such/folder/drill.txt"], "in a folder that does not exist"),
        (["--from", "no-such-file.json"], "no-such-file.json"),
    ],
)
def test_wrong_usage(command: Command, options: list[str], words: str) -> None:
    result = command("drill", *options)
    assert (result.code, result.out) == (2, "")
    [sentence] = result.err.splitlines()
    assert words in sentence


def test_a_recorded_snapshot_drills_as_what_it_recorded(command: Command, aws: AuditedAws, tmp_path: Path) -> None:
    file = tmp_path / "harbour.json"
    live = command("drill", "--cluster", "harbour")
    command("snapshot", "--cluster", "harbour", "--output", str(file))
    aws.calls.clear()
    assert command("drill", "--from", str(file)).out == live.out
    assert "harbour in eu-west-1" in live.out
    assert aws.calls == []


def test_a_file_whose_values_make_no_sense(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def drilled(*_: object) -> None:
        message = "no such zone"
        raise ValueError(message)

    monkeypatch.setattr("eks_auditor.spread.drill.Drill.of", drilled)
    file = recorded(tmp_path)
    result = command("drill", "--from", file)
    assert result.code == 2
    assert f"{file}: holds what cannot be judged: no such zone" in result.err


def test_output_goes_to_a_file(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "drill.txt"
    result = command("drill", "--from", recorded(tmp_path), "--output", str(file))
    assert (result.code, result.out, result.err) == (0, "", "")
    assert file.read_text().startswith("shop in eu-west-1: ")


def test_a_failed_read_is_listed_and_the_rest_is_drilled(command: Command, aws: AuditedAws) -> None:
    aws.fail("autoscaling", "DescribeAutoScalingGroups", "AccessDenied", "not allowed", status=403)
    result = command("drill", "--cluster", "autopilot")
    assert result.code == 0
    assert "Could not be read, and is in no number" in result.out
    assert "general-purpose  3 nodes" in result.out


def test_nothing_read_is_no_success(command: Command, aws: AuditedAws) -> None:
    aws.fail("ec2", "DescribeInstances", "UnauthorizedOperation", "not allowed", status=403)
    aws.fail("autoscaling", "DescribeAutoScalingGroups", "AccessDenied", "not allowed", status=403)
    result = command("drill", "--cluster", "foundry")
    assert (result.code, result.out) == (3, "")
    [sentence] = result.err.splitlines()
    assert sentence.startswith("eks-auditor: nothing could be read: ")
    assert "for these credentials" in sentence


def test_the_documented_output_is_what_it_prints(command: Command, aws: AuditedAws) -> None:
    page = (DOCS / "command-line.md").read_text()
    [block] = re.findall(r"^```\n(\$ eks-auditor drill .*?)```", page, re.MULTILINE | re.DOTALL)
    typed, _, printed = block.partition("\n")
    _, _, *arguments = shlex.split(typed)
    assert command(*arguments).out == printed
    assert aws.calls
