"""``eks-auditor snapshot`` against the local AWS."""

import json
from pathlib import Path

from eks_auditor.report.snapshot_file import read_snapshot
from local_aws import AuditedAws
from tests.cli.conftest import ACCOUNT, Command


def test_a_cluster_is_recorded(command: Command, aws: AuditedAws, tmp_path: Path) -> None:
    file = tmp_path / "shop.json"
    result = command("snapshot", "--cluster", "shop", "--output", str(file))
    assert (result.code, result.out, result.err) == (0, "", "")
    assert read_snapshot(file.read_text(), source="shop.json").cluster.name == "shop"
    assert not aws.broken_answers


def test_standard_output_and_another_region(command: Command, aws: AuditedAws) -> None:
    result = command("snapshot", "--cluster", "pipeline", "--region", "us-east-1", "--output", "-")
    assert json.loads(result.out)["cluster"]["id"]["region"] == "us-east-1"
    assert aws.calls


def test_redacted_it_names_nobody(command: Command, aws: AuditedAws) -> None:
    result = command("snapshot", "--cluster", f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/shop", "--redact")
    assert result.code == 0
    assert not [name for name in (ACCOUNT, "shop", "checkout", "legacy", "batch") if f'"{name}' in result.out]
    assert aws.calls


def test_no_such_cluster(command: Command, aws: AuditedAws) -> None:
    result = command("snapshot", "--cluster", "shopp")
    assert (result.code, result.out) == (3, "")
    assert "there is no cluster 'shopp' in eu-west-1" in result.err
    assert aws.calls


def test_one_region_only(command: Command) -> None:
    result = command("snapshot", "--cluster", "shop", "--region", "all")
    assert result.code == 2
    assert "name its Region" in result.err


def test_a_cluster_must_be_named(command: Command) -> None:
    result = command("snapshot")
    assert result.code == 2
    assert "--cluster" in result.err
