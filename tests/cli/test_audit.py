"""``eks-auditor audit`` against the local AWS: what is read, what is printed, how it exits."""

import json
from pathlib import Path
from typing import Any

import pytest

from eks_auditor.report.snapshot_file import write_snapshot
from local_aws import AuditedAws
from tests import builders
from tests.cli.conftest import ACCOUNT, OTHER_ACCOUNT, Command, described

SHOP = f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/shop"
PIPELINE = f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/pipeline"


def names(text: str) -> list[str]:
    return [cluster["name"] for cluster in json.loads(text)["clusters"]]


def findings(text: str) -> list[dict[str, Any]]:
    return [finding for cluster in json.loads(text)["clusters"] for finding in cluster["findings"]]


def recorded(tmp_path: Path, *capacities: Any, **deviations: Any) -> str:  # noqa: ANN401  as for builders.snapshot
    file = tmp_path / "snapshot.json"
    file.write_text(write_snapshot(builders.snapshot(*capacities, **deviations)))
    return str(file)


def test_the_configured_region_is_audited_by_default(command: Command, aws: AuditedAws) -> None:
    result = command("audit", "--format", "json")
    assert (result.code, result.err) == (0, "")
    assert names(result.out) == described(aws, "eu-west-1")
    assert not aws.broken_answers


def test_the_table_is_the_default_format(command: Command, aws: AuditedAws) -> None:
    result = command("audit", "--cluster", "shop")
    assert result.code == 0
    assert result.out.startswith("SEVERITY")
    assert "1 cluster audited at 2026-11-23T12:00:00Z" in result.out
    assert "\x1b" not in result.out
    assert not aws.broken_answers


def test_regions_can_be_named_and_repeated(command: Command, aws: AuditedAws) -> None:
    result = command(
        "audit", "--region", "us-east-1", "--region", "eu-west-1", "--check", "HEALTH001", "--format", "json"
    )
    assert names(result.out) == described(aws, "eu-west-1", "us-east-1")
    assert aws.calls


def test_all_regions(command: Command, aws: AuditedAws) -> None:
    result = command("audit", "--region", "all", "--check", "HEALTH001", "--format", "json")
    assert result.code == 0
    assert names(result.out) == described(aws, "eu-west-1", "us-east-1")
    assert aws.calls


def test_all_regions_need_no_configured_one(command: Command, aws: AuditedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    assert names(command("audit", "--region", "all", "--check", "HEALTH001", "--format", "json").out)
    assert aws.calls


def test_clusters_by_name_and_arn(command: Command, aws: AuditedAws) -> None:
    result = command("audit", "--cluster", "legacy", "--cluster", PIPELINE, "--check", "HEALTH001", "--format", "json")
    assert (result.code, names(result.out)) == (0, ["legacy", "pipeline"])
    assert aws.calls


def test_an_arn_needs_no_region(command: Command, aws: AuditedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    assert names(command("audit", "--cluster", SHOP, "--format", "json").out) == ["shop"]
    assert {call.region for call in aws.calls} == {"eu-west-1"}


def test_a_cluster_named_twice_is_read_once(command: Command, aws: AuditedAws) -> None:
    result = command("audit", "--cluster", "shop", "--cluster", SHOP, "--check", "HEALTH001", "--format", "json")
    assert names(result.out) == ["shop"]
    assert aws.calls


def test_a_profile_brings_credentials_and_region(
    command: Command, aws: AuditedAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"[profile other]\nregion = eu-west-1\naws_access_key_id = {OTHER_ACCOUNT}\naws_secret_access_key = x\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    for name in ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    result = command("audit", "--profile", "other", "--check", "HEALTH001", "--format", "json")
    assert names(result.out) == ["hands-off", "sandbox"]
    assert aws.calls


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--check", "HEALTH001"], {"HEALTH001"}),
        (["--check", "health001", "--check", "AMI001"], {"HEALTH001", "AMI001"}),
        (["--check", "HEALTH001", "--check", "AMI001", "--skip-check", "AMI001"], {"HEALTH001"}),
    ],
)
def test_checks_can_be_chosen(command: Command, tmp_path: Path, options: list[str], ids: set[str]) -> None:
    result = command("audit", "--from", recorded(tmp_path), "--format", "json", *options)
    assert {finding["check_id"] for finding in findings(result.out)} == ids


@pytest.mark.parametrize(
    ("options", "team"), [([], "web"), (["--team-tag", "owner"], "payments"), (["--team-tag", "Team"], None)]
)
def test_the_tag_that_says_whose_a_resource_is_can_be_named(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], team: str | None
) -> None:
    monkeypatch.setenv("TEAM_TAG", "owner")  # the functions' alone
    group = builders.managed(tags={"team": "web", "owner": "payments"})
    result = command("audit", "--from", recorded(tmp_path, group), "--check", "HEALTH001", "--format", "json", *options)
    assert [finding.get("team") for finding in findings(result.out)] == [team]


def test_a_check_can_be_left_out(command: Command, tmp_path: Path) -> None:
    ids = {
        finding["check_id"]
        for finding in findings(
            command("audit", "--from", recorded(tmp_path), "--skip-check", "ZONE003", "--format", "json").out
        )
    }
    assert "ZONE003" not in ids
    assert len(ids) > 1


def test_asff_is_what_the_hub_takes(command: Command, aws: AuditedAws) -> None:
    result = command("audit", "--cluster", "shop", "--format", "asff")
    assert {finding["Compliance"]["Status"] for finding in json.loads(result.out)} == {"FAILED"}
    assert aws.calls


def test_output_goes_to_a_file(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    result = command("audit", "--from", recorded(tmp_path), "--format", "json", "--output", str(file))
    assert (result.code, result.out) == (0, "")
    assert names(file.read_text()) == ["shop"]


def test_not_applicable_is_shown_on_request(command: Command, aws: AuditedAws) -> None:
    def statuses(*options: str) -> set[str]:
        result = command("audit", "--cluster", "legacy", "--format", "json", *options)
        return {finding["status"] for finding in findings(result.out)}

    assert "NOT_APPLICABLE" not in statuses()
    assert "NOT_APPLICABLE" in statuses("--all")
    assert aws.calls


@pytest.mark.parametrize(("threshold", "code"), [("CRITICAL", 0), ("HIGH", 1), ("medium", 1), ("INFORMATIONAL", 1)])
def test_fail_on_sets_the_exit_code(command: Command, tmp_path: Path, threshold: str, code: int) -> None:
    degraded = builders.managed(status="DEGRADED")
    result = command("audit", "--from", recorded(tmp_path, degraded), "--check", "HEALTH001", "--fail-on", threshold)
    assert result.code == code
    assert "HEALTH001" in result.out


def test_without_fail_on_a_failure_exits_well(command: Command, tmp_path: Path) -> None:
    result = command("audit", "--from", recorded(tmp_path, builders.managed(status="DEGRADED")))
    assert result.code == 0
    assert "HEALTH001" in result.out


def test_unknown_is_no_failure(command: Command, tmp_path: Path) -> None:
    result = command(
        "audit", "--from", recorded(tmp_path, builders.managed(groups=builders.gap())), "--fail-on", "INFORMATIONAL"
    )
    assert result.code == 0
    assert "UNKNOWN" in result.out


def test_a_recorded_snapshot_needs_neither_aws_nor_credentials(command: Command, tmp_path: Path) -> None:
    result = command("audit", "--from", recorded(tmp_path))
    assert (result.code, result.err) == (0, "")
    assert "1 cluster audited at 2026-11-23T12:00:00Z" in result.out


def test_recorded_snapshots_judge_as_what_they_recorded(command: Command, aws: AuditedAws, tmp_path: Path) -> None:
    shop, legacy = tmp_path / "shop.json", tmp_path / "legacy.json"
    live = command("audit", "--cluster", "shop", "--cluster", "legacy", "--format", "json")
    command("snapshot", "--cluster", "shop", "--output", str(shop))
    command("snapshot", "--cluster", "legacy", "--output", str(legacy))
    aws.calls.clear()
    again = command("audit", "--from", str(shop), "--from", str(legacy), "--format", "json")
    assert again.out == live.out
    assert aws.calls == []


def test_what_needs_two_audits_is_shown_as_a_first_sighting(command: Command, tmp_path: Path) -> None:
    uneven = builders.managed(
        zones=builders.ZONES,
        group={"instances": builders.instances([builders.ZONES[0]] * 6), "desired": 6, "max_size": 9},
    )
    options = ("--from", recorded(tmp_path, uneven), "--check", "ZONE003", "--fail-on", "LOW", "--format", "json")
    result = command("audit", *options)
    [finding] = findings(result.out)
    assert result.code == 0
    assert (finding["status"], finding["severity"]) == ("FAILED", "INFORMATIONAL")
    assert "the command line has no ledger" in finding["reason"]


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ((), "NOT_APPLICABLE"),
        (("--autoscaler", "none"), "NOT_APPLICABLE"),
        (("--autoscaler", "cluster-autoscaler"), "PASSED"),
        (("--autoscaler", "cluster-autoscaler", "--autoscaler-discovery", "team,of/{cluster}"), "FAILED"),
        (("--autoscaler", "cluster-autoscaler", "--autoscaler-version", "1.34"), "PASSED"),
    ],
)
def test_people_say_what_scales_the_clusters(
    command: Command, tmp_path: Path, options: tuple[str, ...], status: str
) -> None:
    common = ("--from", recorded(tmp_path), "--check", "CAS001", "--format", "json", "--all")
    [finding] = findings(command("audit", *common, *options).out)
    assert finding["status"] == status
    if status == "FAILED":
        assert "lacks team and of/shop" in finding["reason"]


@pytest.mark.parametrize("option", ["--autoscaler", "--autoscaler-version", "--autoscaler-discovery"])
def test_what_makes_no_sense_of_the_autoscaler_is_wrong_usage(command: Command, tmp_path: Path, option: str) -> None:
    result = command("audit", "--from", recorded(tmp_path), option, ",,")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"eks-auditor: {option} takes ") or result.err.startswith(f"{option} takes ")
