"""The local AWS that the stack is deployed to leaves nothing behind, however it ends."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws.building import REGION, fingerprint
from local_aws.callers import Caller
from local_aws.deployment import ACCOUNT, DeploymentAws
from tests.template.cloudformation import ROOT

ANYBODY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
STARTER = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in a shell's background
from local_aws.deployment import DeploymentAws
with DeploymentAws() as aws:
    print(aws.endpoint, aws.directory, flush=True)
    time.sleep(600)
"""


def answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2):  # noqa: S310 - the loopback
            return True
    except OSError:  # refused, or reset while it ends
        return False


def gone(endpoint: str) -> bool:
    deadline = time.monotonic() + 15
    while answers(endpoint) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not answers(endpoint)


def test_it_knows_whose_keys_it_gave_away_and_what_they_may() -> None:
    with DeploymentAws() as aws:
        role = aws.client("iam").create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(ANYBODY))["Role"]
        keys = aws.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
        assert aws.caller_of(keys["AccessKeyId"]) == Caller(ACCOUNT, "reader", "test")
        assert aws.caller_of("ASIAUNKNOWNUNKNOWN01") is None
        assert aws.caller_of("../process") is None
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
        queues = session.client("sqs", endpoint_url=aws.endpoint)
        with pytest.raises(ClientError, match="AccessDenied"):
            queues.create_queue(QueueName="forbidden")
        queues.close()


WATCHER = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "events:PutEvents",
            "Resource": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/bus",
            "Condition": {"StringEquals": {"events:source": "ours", "events:detail-type": "Released"}},
        },
        {
            "Effect": "Allow",
            "Action": ["dynamodb:PutItem", "dynamodb:Query", "dynamodb:BatchGetItem"],
            "Resource": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/table",
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["pointers/*"]}},
        },
    ],
}


@pytest.fixture(scope="module")
def as_watcher() -> Iterator[Callable[[str], Any]]:
    """Makes clients with a role that may put one kind of event on a bus, and touch one part of a table."""
    with DeploymentAws() as aws:
        aws.client("events").create_event_bus(Name="bus")
        keys: list[Any] = [
            {"AttributeName": "cluster", "KeyType": "HASH"},
            {"AttributeName": "item", "KeyType": "RANGE"},
        ]
        attributes: list[Any] = [{"AttributeName": key["AttributeName"], "AttributeType": "S"} for key in keys]
        aws.client("dynamodb").create_table(
            TableName="table", KeySchema=keys, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST"
        )
        iam = aws.client("iam")
        role = iam.create_role(RoleName="watcher", AssumeRolePolicyDocument=json.dumps(ANYBODY))["Role"]
        iam.put_role_policy(RoleName="watcher", PolicyName="watch", PolicyDocument=json.dumps(WATCHER))
        given = aws.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
        session = boto3.Session(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=REGION
        )
        made: dict[str, Any] = {}

        def client(service: Any) -> Any:  # noqa: ANN401 - boto3's clients are made at run time
            return made.setdefault(service, session.client(service, endpoint_url=aws.endpoint))

        yield client
        for each in made.values():
            each.close()


def entry(source: str = "ours", detail_type: str = "Released", bus: str = "bus") -> dict[str, str]:
    return {"EventBusName": bus, "Source": source, "DetailType": detail_type, "Detail": "{}"}


def test_it_asks_what_an_event_says(as_watcher: Callable[[str], Any]) -> None:
    events = as_watcher("events")
    assert events.put_events(Entries=[entry(), entry()])["FailedEntryCount"] == 0
    for others in ([entry("theirs")], [entry(detail_type="Other")], [entry(), entry("theirs")], [entry(bus="default")]):
        with pytest.raises(ClientError, match="AccessDenied"):
            events.put_events(Entries=others)


def test_it_asks_which_items_a_request_is_about(as_watcher: Callable[[str], Any]) -> None:
    table = as_watcher("dynamodb")

    def requests(cluster: str) -> list[tuple[str, dict[str, Any]]]:
        key = {"cluster": {"S": cluster}, "item": {"S": "one"}}
        names, values = {"#cluster": "cluster"}, {":cluster": {"S": cluster}}
        condition = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
        return [
            ("put_item", {"TableName": "table", "Item": key}),
            ("query", {"TableName": "table", "KeyConditionExpression": "#cluster = :cluster", **condition}),
            ("batch_get_item", {"RequestItems": {"table": {"Keys": [key]}}}),
        ]

    for call, parameters in requests("pointers/aws/eu-west-1"):
        assert getattr(table, call)(**parameters)
    for call, parameters in requests("arn:aws:eks:eu-west-1:111111111111:cluster/shop"):
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(table, call)(**parameters)


def test_it_ends_after_an_error() -> None:
    aws = DeploymentAws()
    with pytest.raises(ZeroDivisionError), aws:
        raise ZeroDivisionError
    assert gone(aws.endpoint)
    assert not aws.directory.exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_it_ends_with_whoever_started_it(how: signal.Signals) -> None:
    starter = subprocess.Popen(  # noqa: S603 - written here
        [sys.executable, "-c", STARTER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, env={**os.environ}
    )
    with starter:
        assert starter.stdout
        endpoint, directory = starter.stdout.readline().decode().split()
        assert answers(endpoint)
        starter.send_signal(how)
    assert gone(endpoint)
    assert not Path(directory).exists()


def test_a_build_is_reused_until_something_in_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local_aws.building.ROOT", tmp_path)
    monkeypatch.setattr("local_aws.building.SOURCES", ("template.yaml", "functions"))
    (tmp_path / "functions" / "__pycache__").mkdir(parents=True)
    (tmp_path / "template.yaml").write_text("one")
    (tmp_path / "functions" / "handler.py").write_text("two")
    before = fingerprint("arm64")
    (tmp_path / "functions" / "__pycache__" / "handler.pyc").write_text("three")
    assert fingerprint("arm64") == before
    assert fingerprint("x86_64") != before
    (tmp_path / "functions" / "handler.py").write_text("changed")
    assert fingerprint("arm64") != before
