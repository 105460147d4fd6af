"""docs/deploy.md names every parameter, service and principal that the templates and the code have, and no other."""

import json
import re

from eks_auditor.wiring.permissions import ACTIONS
from tests.docs.pages import DEPLOY, parameter_table, rows, text
from tests.template.cloudformation import Stack, as_list, load
from tests.template.test_failure_queues import FULL


def test_the_table_of_parameters_is_the_templates() -> None:
    assert parameter_table() in text(DEPLOY), f"put this into {DEPLOY}:\n{parameter_table()}"


def test_every_parameter_of_the_member_template_has_its_row() -> None:
    named = [name.strip("`") for name, _ in rows(DEPLOY, "parameter of template-member.yaml")]
    assert named == list(load("template-member.yaml")["Parameters"])


def test_endpoints_are_those_of_the_services_that_are_called() -> None:
    documented = {function: set(services.split(", ")) for function, services in rows(DEPLOY, "function")}
    called = {function: {action.partition(":")[0] for action in actions} for function, actions in ACTIONS.items()}
    assert documented == called
    [loop] = re.findall(r"for SERVICE in ([a-z0-9 ]+);", text(DEPLOY))
    # DynamoDB and S3 have gateways; IAM has no endpoint in each Region.
    assert {*loop.split(), "dynamodb", "s3", "iam"} == set().union(*called.values())


def test_the_key_lets_every_service_that_the_stack_lets() -> None:
    [document] = re.findall(r"(?ms)^```json\n(.*?)^```$", text(DEPLOY))
    principals = {
        principal
        for statement in json.loads(document)
        for principal in as_list(statement["Principal"].get("Service", []))
    }
    stack = Stack(**FULL)
    writers = {
        statement["Principal"]["Service"]
        for policy in stack.of_type("AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    }
    assert writers == {"events.amazonaws.com", "sns.amazonaws.com"}
    assert principals == writers | {"logs.eu-west-1.amazonaws.com"}


def test_what_is_said_to_remain_is_all_that_is_kept() -> None:
    kept = {
        name for name, resource in load()["Resources"].items() if resource.get("DeletionPolicy", "Delete") != "Delete"
    }
    assert kept == {"Ledger"}
    assert "What remains is the ledger's table" in text(DEPLOY)
