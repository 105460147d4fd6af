"""Each way to fail is an exit code and one sentence, and what can go on goes on."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions

from eks_auditor.cli import app
from eks_auditor.cli.errors import NothingReadError, UsageError, worded
from eks_auditor.cli.session import WORKERS, open_access, open_session, partition_of
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.gap import Gap
from eks_auditor.report.snapshot_file import write_snapshot
from eks_auditor.snapshot.clients import Clients
from eks_auditor.snapshot.listing import list_clusters
from local_aws import AuditedAws
from tests import builders
from tests.cli.conftest import ACCOUNT, OTHER_ACCOUNT, Command, Result, described


def sentence(result: Result, code: int) -> str:
    """Return the one sentence on standard error."""
    assert (result.code, result.out) == (code, "")
    [line] = result.err.splitlines()
    assert line.startswith("eks-auditor: ")
    assert line.endswith(".")
    return line


@pytest.fixture
def snapshot_file(tmp_path: Path) -> str:
    file = tmp_path / "snapshot.json"
    file.write_text(write_snapshot(builders.snapshot()))
    return str(file)


# Wrong usage or configuration: 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--check", "CAS03"], "'CAS03'; the nearest is CAS003"),
        (["--skip-check", "HELTH001"], "the nearest is HEALTH001"),
        (["--check", "NOPE"], "there is no check 'NOPE'; `eks-auditor checks` lists all"),
        (["--format", "xml"], "eks-auditor: --format takes table, json or asff, not 'xml'."),
        (["--check", "CAS003", "--skip-check", "CAS003"], "nothing to judge"),
        (["--cluster", "arn:aws:eks:eu-west-1:1:nodegroup/x"], "is not the ARN of an EKS cluster"),
        (["--cluster", ""], "--cluster is empty"),
        (["--region", "all", "--region", "eu-west-1"], "give it alone"),
        (["--region", "mars"], "'mars' is not the name of a Region"),
        (["--profile", "nobody"], "nobody"),
        (["--output", "/no/such/folder/report.txt"], "in a folder that does not exist"),
        (["--output", "/"], "is a folder"),
        ([], "no Region is configured"),
    ],
)
def test_wrong_usage(command: Command, options: list[str], words: str) -> None:
    assert words in sentence(command("audit", *options), 2)


@pytest.mark.parametrize("options", [["audit", "--fail-on", "HUGE"], ["audit", "--nonsense"], ["nonsense"]])
def test_options_that_do_not_exist(command: Command, options: list[str]) -> None:
    result = command(*options)
    assert (result.code, result.out) == (2, "")
    assert "Error: " in result.err
    assert result.err.isascii(), "no boxes"


def test_no_command_at_all(command: Command) -> None:
    assert "eks-auditor --help" in sentence(command(), 2)


@pytest.mark.parametrize("option", ["--region", "--cluster", "--profile"])
def test_a_recorded_snapshot_takes_no_option_of_aws(command: Command, snapshot_file: str, option: str) -> None:
    assert "leave out" in sentence(command("audit", "--from", snapshot_file, option, "x"), 2)


def test_a_broken_snapshot_file(command: Command, snapshot_file: str) -> None:
    file = Path(snapshot_file)
    document = json.loads(file.read_text())
    del document["capacities"][0]["groups"][0]["subnets"][1]["zone_id"]
    file.write_text(json.dumps(document))
    words = sentence(command("audit", "--from", snapshot_file), 2)
    assert f"{snapshot_file}: capacities[0].groups[0].subnets[1].zone_id: " in words


def test_a_snapshot_file_whose_values_make_no_sense(
    command: Command, snapshot_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judged(*_: object, **__: object) -> None:
        message = "no such minor"
        raise ValueError(message)

    monkeypatch.setattr("eks_auditor.cli.audit.audited", judged)
    words = sentence(command("audit", "--from", snapshot_file), 2)
    assert f"{snapshot_file}: holds what cannot be judged: no such minor" in words


def test_two_snapshots_of_one_cluster(command: Command, snapshot_file: str) -> None:
    assert "of the same cluster" in sentence(command("audit", "--from", snapshot_file, "--from", snapshot_file), 2)


def test_a_file_that_cannot_be_written(command: Command, snapshot_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    words = sentence(command("audit", "--from", snapshot_file, "--output", "report.txt"), 2)
    assert "report.txt cannot be written: No space left on device" in words


def test_a_broken_endpoint(command: Command, aws: AuditedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "localhost:1")
    assert "AWS_ENDPOINT_URL" in sentence(command("audit"), 2)
    assert aws.calls == []


# Nothing could be read: 3


def test_no_credentials(command: Command) -> None:
    assert "credentials" in sentence(command("audit", "--region", "eu-west-1"), 3)


def test_expired_credentials(command: Command, aws: AuditedAws) -> None:
    aws.fail("sts", "GetCallerIdentity", "ExpiredToken", "The security token included in the request is expired")
    assert "renew the credentials" in sentence(command("audit"), 3)


def test_refused_credentials(command: Command, aws: AuditedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAWRONG")
    assert "check the credentials" in sentence(command("audit"), 3)
    assert aws.calls is not None


def test_an_endpoint_that_nobody_listens_at(command: Command, aws: AuditedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)  # between botocore's tries
    assert "AWS_ENDPOINT_URL" in sentence(command("audit"), 3)
    assert aws.calls == []


def test_no_permission_to_list(command: Command, aws: AuditedAws) -> None:
    aws.fail("eks", "ListClusters", "AccessDeniedException", "not authorized", status=403)
    words = sentence(command("audit"), 3)
    assert "eks:ListClusters on eu-west-1: AccessDeniedException: not authorized; allow eks:ListClusters" in words


def test_no_permission_to_describe(command: Command, aws: AuditedAws) -> None:
    aws.fail("eks", "DescribeCluster", "AccessDeniedException", "not authorized", status=403)
    assert "allow eks:DescribeCluster" in sentence(command("audit", "--cluster", "shop"), 3)
    words = sentence(command("audit"), 3)
    assert f"(and {len(described(aws, 'eu-west-1')) - 1} more reads failed)" in words


def test_no_such_cluster(command: Command, aws: AuditedAws) -> None:
    assert "there is no cluster 'shopp' in eu-west-1" in sentence(command("audit", "--cluster", "shopp"), 3)
    arn = f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/shopp"
    assert f"there is no cluster {arn}" in sentence(command("audit", "--cluster", arn), 3)
    assert aws.calls


def test_another_accounts_cluster(command: Command, aws: AuditedAws) -> None:
    arn = f"arn:aws:eks:eu-west-1:{OTHER_ACCOUNT}:cluster/sandbox"
    words = sentence(command("audit", "--cluster", arn), 3)
    assert f"these credentials are of account {ACCOUNT}" in words
    assert words.endswith(f"; give --profile of account {OTHER_ACCOUNT}.")
    assert aws.calls


def test_a_region_that_is_not_enabled(command: Command, aws: AuditedAws) -> None:
    assert "the Region is enabled" in sentence(command("audit", "--region", "me-south-1"), 3)
    assert not aws.broken_answers


def test_regions_that_cannot_be_listed(command: Command, aws: AuditedAws) -> None:
    aws.fail("ec2", "DescribeRegions", "UnauthorizedOperation", "no", status=403)
    assert "allow ec2:DescribeRegions" in sentence(command("audit", "--region", "all"), 3)


# Something could be read: the rest goes on


def test_a_region_that_is_not_enabled_is_a_gap_beside_others(command: Command, aws: AuditedAws) -> None:
    result = command(
        "audit", "--region", "me-south-1", "--region", "eu-west-1", "--check", "CAS003", "--format", "json"
    )
    document = json.loads(result.out)
    assert result.code == 0
    assert [(gap["action"], gap["resource"]) for gap in document["gaps"]] == [("eks:ListClusters", "me-south-1")]
    assert [cluster["name"] for cluster in document["clusters"]] == described(aws, "eu-west-1")
    assert "me-south-1" in result.err
    assert aws.calls


def test_a_cluster_that_cannot_be_described_is_a_gap_beside_others(command: Command, aws: AuditedAws) -> None:
    aws.fail(
        "eks", "DescribeCluster", "AccessDeniedException", "no", status=403, when=lambda p: p.get("name") == "legacy"
    )
    result = command("audit", "--check", "CAS003", "--format", "json")
    document = json.loads(result.out)
    assert result.code == 0
    assert [gap["action"] for gap in document["gaps"]] == ["eks:DescribeCluster"]
    others = [name for name in described(aws, "eu-west-1") if name != "legacy"]
    assert [cluster["name"] for cluster in document["clusters"]] == others


def test_a_name_that_is_missing_is_said_beside_others(command: Command, aws: AuditedAws) -> None:
    result = command("audit", "--cluster", "shop", "--cluster", "shopp", "--check", "CAS003")
    assert result.code == 0
    assert "there is no cluster 'shopp' in eu-west-1" in result.err
    assert "1 cluster audited" in result.out
    assert aws.calls


def test_a_name_in_one_of_two_regions_is_enough(command: Command, aws: AuditedAws) -> None:
    result = command("audit", "--cluster", "pipeline", "--region", "eu-west-1", "--region", "us-east-1")
    assert (result.code, result.err) == (0, "")
    assert aws.calls


def test_a_cluster_deleted_after_it_was_listed(
    command: Command, aws: AuditedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed_and_deleted(clients: Clients) -> tuple[ClusterId, ...] | Gap:
        listed = list_clusters(clients)
        aws.delete_cluster("legacy")
        return listed

    monkeypatch.setattr("eks_auditor.cli.reading.list_clusters", listed_and_deleted)
    result = command("audit", "--check", "CAS003")
    assert result.code == 0
    assert "cluster 'legacy' in eu-west-1 was deleted while it was being read" in result.err
    assert f"{len(described(aws, 'eu-west-1'))} clusters audited" in result.out
    assert "legacy" not in described(aws, "eu-west-1")


def test_a_region_without_clusters_is_no_failure(command: Command, aws: AuditedAws) -> None:
    result = command("audit", "--region", "eu-central-1")
    assert (result.code, result.err) == (0, "")
    assert "0 clusters audited" in result.out
    assert aws.calls


def test_a_missing_permission_is_unknown_and_named(command: Command, aws: AuditedAws) -> None:
    aws.fail("eks", "DescribeNodegroup", "AccessDeniedException", "no", status=403)
    result = command("audit", "--cluster", "shop", "--format", "json", "--fail-on", "LOW", "--check", "HEALTH001")
    [cluster] = json.loads(result.out)["clusters"]
    assert result.code == 0
    assert cluster["complete"]["managed"] is False
    assert {gap["action"] for gap in cluster["gaps"]} == {"eks:DescribeNodegroup"}
    assert not [finding for finding in cluster["findings"] if finding["status"] == "FAILED"]


# A defect of ours


def test_a_defect_is_a_sentence_too(command: Command, snapshot_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def defective(*_: object, **__: object) -> str:
        message = "oops"
        raise AssertionError(message)

    monkeypatch.setattr("eks_auditor.cli.audit.render_json", defective)
    words = sentence(command("audit", "--from", snapshot_file, "--format", "json"), 3)
    assert "a defect of eks-auditor: AssertionError: oops" in words
    with pytest.raises(AssertionError, match="oops"):
        app.run(["--debug", "audit", "--from", snapshot_file, "--format", "json"])


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (exceptions.NoCredentialsError(), NothingReadError, "aws configure"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="X"), NothingReadError, "credentials"),
        (exceptions.SSOTokenLoadError(error_msg="expired"), NothingReadError, "aws sso login"),
        (exceptions.UnauthorizedSSOTokenError(), NothingReadError, "aws sso login"),
        (exceptions.ProfileNotFound(profile="x"), UsageError, "aws configure list-profiles"),
        (exceptions.NoRegionError(), UsageError, "--region"),
        (exceptions.ConfigParseError(path="x"), UsageError, "configuration"),
        (exceptions.EndpointConnectionError(endpoint_url="http://x"), NothingReadError, "network"),
        (exceptions.ConnectTimeoutError(endpoint_url="http://x"), NothingReadError, "network"),
        (exceptions.ReadTimeoutError(endpoint_url="http://x"), NothingReadError, "network"),
        (exceptions.SSLError(endpoint_url="http://x", error=OSError("e")), NothingReadError, "network"),
        (exceptions.DataNotFoundError(data_path="x"), NothingReadError, "DataNotFoundError"),
    ],
)
def test_every_error_of_the_client_has_words(
    error: exceptions.BotoCoreError, kind: type[Exception], words: str
) -> None:
    said = worded(error)
    assert isinstance(said, kind)
    assert words in str(said)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ExpiredTokenException", "renew"),
        ("UnrecognizedClientException", "Region is enabled"),
        ("AccessDenied", "allow DescribeStacks"),
        ("ThrottlingException", "again"),
    ],
)
def test_every_refusal_of_aws_has_words(code: str, words: str) -> None:
    error = exceptions.ClientError({"Error": {"Code": code, "Message": "no.\nreally"}}, "DescribeStacks")
    assert words in str(worded(error))
    assert "\n" not in str(worded(error))


def test_the_command_line_is_not_needed_to_import_the_package() -> None:
    """The layer carries neither typer nor rich: whoever starts the program without them is told so."""
    program = (
        "import sys; sys.modules['typer'] = None; import eks_auditor.cli; "
        "sys.argv = ['eks-auditor', 'checks']; eks_auditor.cli.main()"
    )
    path = Path(__file__).parents[2] / "layers" / "auditor"
    result = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", program], env={"PYTHONPATH": str(path)}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stderr == "eks-auditor: typer is missing: install the command line as eks-auditor[cli].\n"


def test_clients_keep_the_house_rules(aws: AuditedAws) -> None:
    session = open_session(None)
    config: Any = open_access(session, ["eu-west-1"]).clients("eu-west-1").eks.meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 5}
    assert config.user_agent.startswith("eks-auditor/")
    assert config.max_pool_connections == WORKERS
    assert aws.calls


def test_partitions_come_from_the_regions_name() -> None:
    session = open_session(None)
    assert partition_of(session, "cn-north-1") == "aws-cn"
    assert partition_of(session, "us-gov-west-1") == "aws-us-gov"
