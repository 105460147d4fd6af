import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local_aws import AuditedAws, Caller, load_fleet
from tests.local_aws.conftest import ACCOUNT, NOW, OTHER_ACCOUNT, REGION, Clients, client_of, fleet_of

ROOT = Path(__file__).parents[2]


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    code: str = error.value.response["Error"]["Code"]
    return code


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("eks", "list_clusters", "UnrecognizedClientException"),
        ("securityhub", "get_findings", "UnrecognizedClientException"),
        ("ssm", "describe_parameters", "UnrecognizedClientException"),
        ("autoscaling", "describe_auto_scaling_groups", "InvalidClientTokenId"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("ec2", "describe_instances", "AuthFailure"),
    ],
)
def test_unknown_keys_and_disabled_regions_are_refused_in_the_words_of_the_service(
    client: Clients, service: str, operation: str, code: str
) -> None:
    for keywords in ({"key": "AKIAUNKNOWN"}, {"region": "af-south-1"}, {"region": "xx-nowhere-1"}):
        with pytest.raises(ClientError) as refused:
            getattr(client(service, **keywords), operation)()
        assert code_of(refused) == code


def test_accounts_and_regions_are_apart(client: Clients) -> None:
    assert client("eks").list_clusters()["clusters"] == ["shop"]
    assert client("eks", region="us-east-1").list_clusters()["clusters"] == []
    assert client("eks", key=OTHER_ACCOUNT).list_clusters()["clusters"] == []
    assert client("ec2", key=OTHER_ACCOUNT).describe_instances()["Reservations"] == []


def test_a_resolver_is_asked_about_foreign_keys_once() -> None:
    asked = []

    def resolver(key: str) -> Caller | None:
        asked.append(key)
        return Caller(ACCOUNT, "audit-cluster", "session") if key == "ASIAKNOWN" else None

    with AuditedAws(load_fleet(fleet_of(), now=NOW), resolver=resolver) as aws:
        for _ in range(2):
            arn = client_of(aws, "sts", key="ASIAKNOWN").get_caller_identity()["Arn"]
            assert arn.endswith(":assumed-role/audit-cluster/session")
        assert asked == ["ASIAKNOWN"]
        assert aws.calls[0].caller == Caller(ACCOUNT, "audit-cluster", "session")
        with pytest.raises(ClientError):
            client_of(aws, "sts", key="ASIAFOREIGN").get_caller_identity()


def test_a_role_of_another_account_is_assumed_if_it_trusts_the_caller() -> None:
    described = fleet_of()
    roles = {"read": {"trusts": [ACCOUNT], "external_id": "ours"}}
    described["accounts"][OTHER_ACCOUNT] = {"roles": roles, "regions": {REGION: {"clusters": {"theirs": {}}}}}
    arn = f"arn:aws:iam::{OTHER_ACCOUNT}:role/read"
    with AuditedAws(load_fleet(described, now=NOW)) as aws:
        sts = client_of(aws, "sts")
        keys = sts.assume_role(RoleArn=arn, RoleSessionName="audit", ExternalId="ours")["Credentials"]
        assert keys["Expiration"] == NOW + timedelta(hours=1)
        theirs = client_of(aws, "eks", key=keys["AccessKeyId"])
        assert theirs.list_clusters()["clusters"] == ["theirs"]
        for role, external in ((arn, "wrong"), (arn.replace("read", "write"), "ours")):
            with pytest.raises(ClientError) as refused:
                sts.assume_role(RoleArn=role, RoleSessionName="audit", ExternalId=external)
            assert code_of(refused) == "AccessDenied"


def test_unsigned_requests_are_refused(aws: AuditedAws) -> None:
    connection = HTTPConnection(aws.url.removeprefix("http://"))
    connection.request("GET", "/clusters")
    response = connection.getresponse()
    assert response.status == 403
    assert b"MissingAuthenticationToken" in response.read()
    connection.close()


def test_a_body_in_chunks_is_read_to_its_end(aws: AuditedAws) -> None:
    """As a proxy passes one on: what was left of it would be taken for the next request of the connection."""
    scope = f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20261123/{REGION}/eks/aws4_request, SignedHeaders=host, Signature=x"
    connection = HTTPConnection(aws.url.removeprefix("http://"), timeout=5)
    for chunks in ([], [b'{"a', b'": 1}'], []):
        connection.request("GET", "/clusters", iter(chunks), {"Authorization": scope}, encode_chunked=True)
        answer = connection.getresponse()
        assert answer.status == 200
        assert "clusters" in json.loads(answer.read())
    connection.close()


def test_calls_are_recorded_and_can_be_made_to_fail(client: Clients, aws: AuditedAws) -> None:
    eks = client("eks")
    aws.fail("eks", "DescribeNodegroup", "AccessDeniedException", "not you", status=403, times=1)
    aws.fail(
        "eks", "ListNodegroups", "ThrottlingException", status=429, when=lambda params: params["clusterName"] == "x"
    )
    with pytest.raises(ClientError, match="not you") as refused:
        eks.describe_nodegroup(clusterName="shop", nodegroupName="web")
    assert code_of(refused) == "AccessDeniedException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert eks.describe_nodegroup(clusterName="shop", nodegroupName="web")
    assert eks.list_nodegroups(clusterName="shop")["nodegroups"] == ["web"]
    with pytest.raises(ClientError, match="Throttling"):
        eks.list_nodegroups(clusterName="x")
    aws.mend()
    with pytest.raises(ClientError, match="No cluster found"):
        eks.list_nodegroups(clusterName="x")
    assert [(call.operation, call.account, call.region) for call in aws.calls[:1]] == [
        ("DescribeNodegroup", ACCOUNT, REGION)
    ]
    assert aws.calls[0].params == {"clusterName": "shop", "nodegroupName": "web"}


@pytest.mark.parametrize("service", ["autoscaling", "ec2", "ssm", "securityhub"])
def test_faults_are_worded_in_every_protocol(client: Clients, aws: AuditedAws, service: str) -> None:
    operation, call = {
        "autoscaling": ("DescribeTags", "describe_tags"),
        "ec2": ("DescribeInstances", "describe_instances"),
        "ssm": ("GetParametersByPath", "get_parameters_by_path"),
        "securityhub": ("GetFindings", "get_findings"),
    }[service]
    aws.fail(service, operation, "Throttling", "a < b", status=503)
    parameters = {"Path": "/aws"} if service == "ssm" else {}
    with pytest.raises(ClientError, match="a < b") as refused:
        getattr(client(service), call)(**parameters)
    assert code_of(refused) == "Throttling"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_an_answer_that_botocore_does_not_know_is_a_failure_that_says_so(client: Clients, aws: AuditedAws) -> None:
    aws.nodegroup("shop", "web")["nodeGroupColour"] = "red"
    with pytest.raises(ClientError, match=r"nodegroup\.nodeGroupColour is no member of Nodegroup"):
        client("eks").describe_nodegroup(clusterName="shop", nodegroupName="web")
    assert len(aws.broken_answers) == 1
    aws.broken_answers.clear()


def test_clusters_and_node_groups_vanish_and_come_back(client: Clients, aws: AuditedAws) -> None:
    eks = client("eks")
    created = eks.describe_cluster(name="shop")["cluster"]["createdAt"]
    aws.clock = lambda: NOW + timedelta(hours=1)
    aws.recreate_cluster("shop")
    assert eks.describe_cluster(name="shop")["cluster"]["createdAt"] == NOW + timedelta(hours=1) > created
    aws.delete_nodegroup("shop", "web")
    state = aws.region(ACCOUNT, REGION)
    assert eks.list_nodegroups(clusterName="shop")["nodegroups"] == []
    assert (state.groups, state.instances, state.launch_templates) == ({}, {}, {})
    aws.delete_cluster("shop")
    assert eks.list_clusters()["clusters"] == []


def test_the_control_route_mends_a_running_server(client: Clients, aws: AuditedAws) -> None:
    def control(route: str, **arguments: str) -> tuple[int, object]:
        connection = HTTPConnection(aws.url.removeprefix("http://"))
        connection.request("POST", f"/_local/{route}", json.dumps(arguments))
        response = connection.getresponse()
        status, answer = response.status, json.loads(response.read())
        connection.close()
        return status, answer

    def health() -> tuple[str, int]:
        nodegroup = client("eks").describe_nodegroup(clusterName="shop", nodegroupName="web")["nodegroup"]
        return nodegroup["status"], len(nodegroup["health"]["issues"])

    control("break_nodegroup", cluster="shop", name="web", code="NodeCreationFailure", message="did not join")
    assert health() == ("DEGRADED", 1)
    assert control("repair_nodegroup", cluster="shop", name="web") == (200, None)
    assert health() == ("ACTIVE", 0)
    assert control("findings", account=ACCOUNT, region=REGION) == (200, [])
    assert control("repair_nodegroup", cluster="no", name="web")[0] == 404
    assert control("repair_nodegroup", colour="red")[0] == 400
    assert control("explode")[0] == 404


def test_the_environment_leads_here(aws: AuditedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    for service, operation in (
        ("eks", "list_clusters"),
        ("ec2", "describe_instances"),
        ("autoscaling", "describe_tags"),
        ("securityhub", "get_findings"),
        ("sts", "get_caller_identity"),
    ):
        getattr(client_of(None, service), operation)()
    assert {call.service for call in aws.calls} == {"eks", "ec2", "autoscaling", "securityhub", "sts"}


def test_it_runs_as_a_command_and_stops_when_told() -> None:
    command = [sys.executable, "-m", "local_aws.audited"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ) as process:  # noqa: S603 - our own command
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert {"legacy", "shop", "workshop"} < set(client_of(url, "eks").list_clusters()["clusters"])
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_a_bad_fleet_stops_the_command_with_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("accounts: {}\nclusters: {}\n")
    command = [sys.executable, "-m", "local_aws.audited", "--fleet", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert (done.returncode, done.stderr.strip()) == (2, "bad.yaml: the top level: unknown key 'clusters'")
