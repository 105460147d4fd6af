"""``eks-auditor retire``: a stack's ledger in moto, its findings in the local AWS's Security Hub."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from eks_auditor.ledger.table import HEADS_INDEX, UNRELAYED_INDEX, Ledger
from eks_auditor.model.capacity import KINDS
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Finding
from eks_auditor.model.history import Audit, Change, Transition
from eks_auditor.sinks.asff import asff
from local_aws import AuditedAws
from tests import builders
from tests.cli.conftest import ACCOUNT, OTHER_ACCOUNT, Command
from tests.report.findings import finding

SHOP = ClusterId("aws", ACCOUNT, "eu-west-1", "shop")
SANDBOX = ClusterId("aws", OTHER_ACCOUNT, "eu-west-1", "sandbox")
YESTERDAY = builders.days_ago(1)
TEMPLATE = {
    "Resources": {
        "Ledger": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": name, "AttributeType": "S"}
                    for name in ("cluster", "item", "head", "due_at", "unrelayed", "taken_at")
                ],
                "KeySchema": [
                    {"AttributeName": "cluster", "KeyType": "HASH"},
                    {"AttributeName": "item", "KeyType": "RANGE"},
                ],
                "GlobalSecondaryIndexes": [
                    {
                        "IndexName": name,
                        "KeySchema": [
                            {"AttributeName": partition, "KeyType": "HASH"},
                            {"AttributeName": sort, "KeyType": "RANGE"},
                        ],
                        "Projection": {"ProjectionType": "KEYS_ONLY"},
                    }
                    for name, partition, sort in (
                        (HEADS_INDEX, "head", "due_at"),
                        (UNRELAYED_INDEX, "unrelayed", "taken_at"),
                    )
                ],
            },
        }
    },
    "Outputs": {"LedgerTable": {"Value": {"Ref": "Ledger"}}},
}


@dataclass
class Stack:
    """A stack ``auditor`` and one ``website``."""

    ledger: Ledger
    hub: AuditedAws

    def audited(self, cluster: ClusterId, *findings: Finding, at: datetime = YESTERDAY, told: bool = True) -> None:
        """Save an audit, and tell the hub what it changed."""
        saved = self.ledger.save(
            Audit(
                audit_id="a",
                cluster=cluster,
                created_at=builders.days_ago(400),
                taken_at=at,
                findings=findings,
                checks=frozenset(each.check_id for each in findings),
                complete=dict.fromkeys(KINDS, True),
            ),
            hub=True,
        )
        for transition in saved.transitions if told else ():  # type: ignore[union-attr]  # nobody else writes
            self._import(transition, cluster, at)

    def _import(self, transition: Transition, cluster: ClusterId, at: datetime) -> None:
        if transition.change is Change.REFRESHED:
            return
        client = boto3.client(
            "securityhub",
            region_name=cluster.region,
            aws_access_key_id=cluster.account,
            aws_secret_access_key="test",  # noqa: S106  the local AWS takes any
        )
        document: Any = asff(transition, cluster=cluster, audit_id="a", taken_at=at)
        client.batch_import_findings(Findings=[document])

    def shown(self, cluster: ClusterId = SHOP) -> dict[str, str]:
        """Return what the hub shows as a finding's state, by check."""
        held = self.hub.findings(cluster.account, cluster.region)
        return {each["GeneratorId"].rpartition("/")[2]: each["RecordState"] for each in held}


@pytest.fixture
def stack(aws: AuditedAws) -> Iterator[Stack]:
    config: Any = {"core": {"mock_credentials": False, "passthrough": {"urls": [r"http://127\.0\.0\.1.*"]}}}
    with mock_aws(config=config):
        client = boto3.client("cloudformation", region_name="eu-west-1")
        client.create_stack(StackName="auditor", TemplateBody=json.dumps(TEMPLATE))
        website = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
        client.create_stack(StackName="website", TemplateBody=json.dumps(website))
        [described] = client.describe_stacks(StackName="auditor")["Stacks"]
        table = described["Outputs"][0]["OutputValue"]
        dynamodb = boto3.client("dynamodb", region_name="eu-west-1")
        yield Stack(Ledger(dynamodb, table, lambda: builders.NOW, lambda _: None), aws)


def test_everything_active_is_archived(command: Command, stack: Stack) -> None:
    stack.audited(SHOP, finding("HEALTH001"), finding("CAS003"))
    assert set(stack.shown().values()) == {"ACTIVE"}
    result = command("retire", "--stack", "auditor", "--yes")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("2 findings archived; what remains is the table ")
    assert stack.shown() == {"HEALTH001": "ARCHIVED", "CAS003": "ARCHIVED"}
    [held, _] = stack.hub.findings(ACCOUNT, "eu-west-1")
    assert held["Compliance"]["Status"] == "NOT_AVAILABLE"
    assert held["Description"] == "eks-auditor was retired"


def test_a_second_time_changes_nothing(command: Command, stack: Stack) -> None:
    stack.audited(SHOP, finding())
    first = command("retire", "--stack", "auditor", "--yes")
    shown = stack.shown()
    assert command("retire", "--stack", "auditor", "--yes") == first
    assert stack.shown() == shown


def test_an_update_that_the_hub_has_from_the_future_is_overtaken(command: Command, stack: Stack) -> None:
    stack.audited(SHOP, finding(), at=builders.NOW + timedelta(minutes=5))
    command("retire", "--stack", "auditor", "--yes")
    assert stack.shown() == {"HEALTH001": "ARCHIVED"}


def test_an_end_that_the_hub_was_not_told_is_told(command: Command, stack: Stack) -> None:
    stack.audited(SHOP, finding())
    healthy = finding(status=type(finding().status).PASSED, fix=())
    stack.audited(SHOP, healthy, at=builders.days_ago(0.5), told=False)
    assert stack.shown() == {"HEALTH001": "ACTIVE"}
    command("retire", "--stack", "auditor", "--yes")
    assert stack.shown() == {"HEALTH001": "ARCHIVED"}


def test_nothing_found_is_nothing_to_do(command: Command, stack: Stack) -> None:
    result = command("retire", "--stack", "auditor")
    assert result.code == 0
    assert result.out.startswith("0 findings archived")
    assert stack.shown() == {}


def test_no_hub_is_an_answer(command: Command, stack: Stack) -> None:
    stack.audited(SHOP, finding(), told=False)
    stack.hub.disable_security_hub(ACCOUNT, "eu-west-1")
    result = command("retire", "--stack", "auditor", "--yes")
    assert result.code == 0
    assert f"Security Hub is not enabled in {ACCOUNT} eu-west-1" in result.err
    assert result.out.startswith("0 findings archived")


def test_other_accounts_need_a_profile_of_theirs(
    command: Command, stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stack.hub.enable_security_hub(OTHER_ACCOUNT, "eu-west-1")
    stack.audited(SHOP, finding())
    stack.audited(SANDBOX, finding())
    without = command("retire", "--stack", "auditor", "--yes")
    assert without.code == 3
    assert f"1 findings are in account {OTHER_ACCOUNT}" in without.err
    assert stack.shown(SANDBOX) == {"HEALTH001": "ACTIVE"}

    config = tmp_path / "config"
    config.write_text(f"[profile member]\naws_access_key_id = {OTHER_ACCOUNT}\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    result = command("retire", "--stack", "auditor", "--yes", "--member-profile", "member")
    assert result.code == 0
    assert stack.shown(SANDBOX) == {"HEALTH001": "ARCHIVED"}


def test_what_the_hub_refuses_is_left_and_said(command: Command, stack: Stack) -> None:
    stack.audited(SHOP, finding())
    stack.hub.fail("securityhub", "BatchImportFindings", "InvalidInputException", "no")
    result = command("retire", "--stack", "auditor", "--yes")
    assert result.code == 3
    assert "InvalidInputException: no; run the command again" in result.err
    assert stack.shown() == {"HEALTH001": "ACTIVE"}


def test_a_missing_permission_is_named(command: Command, stack: Stack) -> None:
    stack.audited(SHOP, finding())
    stack.hub.fail("securityhub", "BatchImportFindings", "AccessDeniedException", "no", status=403)
    result = command("retire", "--stack", "auditor", "--yes")
    assert result.code == 3
    assert "allow BatchImportFindings" in result.err


def test_nobody_to_ask(command: Command, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.audited(SHOP, finding())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    result = command("retire", "--stack", "auditor")
    assert result.code == 2
    assert "--yes" in result.err
    assert stack.shown() == {"HEALTH001": "ACTIVE"}


@pytest.mark.parametrize(("answer", "state"), [(True, "ARCHIVED"), (False, "ACTIVE")])
def test_somebody_is_asked(
    command: Command,
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    answer: bool,  # noqa: FBT001  a parameter
    state: str,
) -> None:
    stack.audited(SHOP, finding())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: answer)
    assert command("retire", "--stack", "auditor").code == 0
    assert stack.shown() == {"HEALTH001": state}


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [("auditr", 3, "there is no stack 'auditr' in eu-west-1"), ("website", 2, "it is no stack of eks-auditor")],
)
def test_the_wrong_stack(command: Command, stack: Stack, name: str, code: int, words: str) -> None:
    result = command("retire", "--stack", name, "--yes")
    assert (result.code, result.out) == (code, "")
    assert words in result.err
    assert stack.shown() == {}
