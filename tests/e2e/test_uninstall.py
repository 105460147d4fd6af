"""Retiring the stack by the block of docs/deploy.md leaves nothing of it but the ledger. Deletes the shared stack: the
last of the tests that use it, by its file's name.
"""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.building import REGION
from local_aws.stage import Stage
from tests.docs.pages import DEPLOY, as_documented, blocks
from tests.e2e.conftest import Message

pytestmark = pytest.mark.e2e

MEMBER = "222222222222"


@pytest.fixture
def environment(audited: Stage, tmp_path: Path) -> dict[str, str]:
    """The shell of somebody who has a profile of the other account."""
    profiles = tmp_path / "config"
    profiles.write_text(f"[profile member]\naws_access_key_id = {MEMBER}\naws_secret_access_key = test\n")
    return {**audited.shell_environment(), "AWS_CONFIG_FILE": str(profiles), "SAM_CLI_TELEMETRY": "0"}


def active(stage: Stage) -> list[Message]:
    return [dict(found) for found in stage.hub() if found["RecordState"] == "ACTIVE"]


def test_a_retired_stack_leaves_its_ledger_and_nothing_else(
    audited: Stage, environment: dict[str, str], tmp_path: Path
) -> None:
    audited.audited.enable_security_hub(MEMBER, REGION)
    audited.settle(audited.fire_sweep(), seconds=120)
    assert {found["AwsAccountId"] for found in active(audited)} == {"111111111111", MEMBER}
    ledger = audited.outputs["LedgerTable"]
    known = audited.ledger()
    setup, [retire] = blocks(DEPLOY)[0], [block for block in blocks(DEPLOY) if "eks-auditor retire" in block]

    said = as_documented(f"{setup}\n{retire}", tmp_path, environment)

    assert f"findings archived; what remains is the table {ledger}" in said
    assert active(audited) == []
    assert left(audited) == {"dynamodb": [ledger]}
    assert [item["item"] for item in audited.ledger()] == [item["item"] for item in known]

    [delete_table] = [block for block in blocks(DEPLOY) if "delete-table" in block]
    as_documented(f"{setup}\nLEDGER={ledger}\n{delete_table}", tmp_path, environment)
    assert left(audited) == {}


def left(stage: Stage) -> dict[str, list[str]]:
    """Return what is left in the deployment's account of what a stack makes, by service."""
    with pytest.raises(ClientError, match="does not exist"):
        stage.deployment.client("cloudformation").describe_stacks(StackName=stage.deployment.stack)
    found = {
        "cloudwatch": names(stage, "cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        "dynamodb": stage.deployment.client("dynamodb").list_tables()["TableNames"],
        "events": names(stage, "events", "list_rules", "Rules", "Name")
        + [bus for bus in names(stage, "events", "list_event_buses", "EventBuses", "Name") if bus != "default"],
        "iam": [role for role in names(stage, "iam", "list_roles", "Roles", "RoleName") if "Role-" in role],
        "lambda": names(stage, "lambda", "list_functions", "Functions", "FunctionName"),
        "layers": names(stage, "lambda", "list_layers", "Layers", "LayerName"),
        "logs": names(stage, "logs", "describe_log_groups", "logGroups", "logGroupName"),
        "mappings": names(stage, "lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
        "scheduler": names(stage, "scheduler", "list_schedules", "Schedules", "Name"),
        "sns": names(stage, "sns", "list_topics", "Topics", "TopicArn"),
        # The witness and whatever else is a user's own has a name of its own choosing.
        "sqs": [
            url
            for url in stage.deployment.client("sqs").list_queues().get("QueueUrls", [])
            if url.rpartition("/")[2].startswith(stage.deployment.stack)
        ],
    }
    return {service: sorted(each) for service, each in found.items() if each}


def names(stage: Stage, service: str, operation: str, members: str, name: str) -> list[str]:
    answer: dict[str, Any] = getattr(stage.deployment.client(service), operation)()
    return [member[name] for member in answer.get(members, [])]
