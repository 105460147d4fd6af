"""Every asynchronous edge has a failure queue of its own, which keeps everything for 14 days and raises an alarm."""

from typing import Any

import pytest

from tests.template.cloudformation import SLACK, TOLD, Stack, as_list, load, logical_id

FULL = {**TOLD, "PolicyParameter": "/eks-auditor/policy"}


def edges(stack: Stack) -> dict[str, str]:  # noqa: C901 - one loop a kind of edge
    """Return every place where something is handed over and nobody waits, and the queue for what is not delivered."""
    found: dict[str, str] = {}
    for name, rule in stack.of_type("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            found[f"{name} -> {target['Id']}"] = logical_id(target["DeadLetterConfig"]["Arn"])
    for name, schedule in stack.of_type("AWS::Scheduler::Schedule").items():
        found[name] = logical_id(schedule["Target"]["DeadLetterConfig"]["Arn"])
    for name, subscription in stack.of_type("AWS::SNS::Subscription").items():
        found[name] = logical_id(subscription["RedrivePolicy"]["deadLetterTargetArn"])
    for name, queue in stack.of_type("AWS::SQS::Queue").items():
        if "RedrivePolicy" in queue:
            found[name] = logical_id(queue["RedrivePolicy"]["deadLetterTargetArn"])
    for name, function in stack.of_type("AWS::Serverless::Function").items():
        if "EventInvokeConfig" in function:
            found[name] = logical_id(function["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"])
        for event, source in function.get("Events", {}).items():
            if source["Type"] == "DynamoDB":
                failure = source["Properties"]["DestinationConfig"]["OnFailure"]
                assert failure["Type"] == "SQS"
                found[f"{name}.{event}"] = logical_id(failure["Destination"])
    return found


def failure_queues(stack: Stack) -> dict[str, Any]:
    return {name: queue for name, queue in stack.of_type("AWS::SQS::Queue").items() if name.endswith("Failures")}


@pytest.mark.parametrize("hub", ["enabled", "disabled"])
@pytest.mark.parametrize("mail", ["", "team@example.com"])
@pytest.mark.parametrize("slack", ["", SLACK])
@pytest.mark.parametrize("digest", ["off", "daily"])
def test_each_edge_has_its_own_queue_and_each_queue_its_edge(hub: str, mail: str, slack: str, digest: str) -> None:
    stack = Stack(SecurityHub=hub, NotificationEmail=mail, SlackSecretArn=slack, Digest=digest, DigestEmail=mail)
    queues = list(edges(stack).values())
    assert sorted(queues) == sorted(failure_queues(stack))


def test_functions_started_by_events_keep_what_they_could_not_do() -> None:
    stack = Stack(**FULL)
    started = {logical_id(schedule["Target"]["Arn"]) for schedule in stack.of_type("AWS::Scheduler::Schedule").values()}
    for rule in stack.of_type("AWS::Events::Rule").values():
        started |= {logical_id(target["Arn"]) for target in rule["Targets"]}
    functions = stack.of_type("AWS::Serverless::Function")
    assert {name for name, function in functions.items() if "EventInvokeConfig" in function} == started


def test_every_queue_that_feeds_a_function_has_a_redrive_policy() -> None:
    queues = Stack(**FULL).of_type("AWS::SQS::Queue")
    for name in ("AuditQueue", "ImportQueue"):
        assert queues[name]["RedrivePolicy"]["maxReceiveCount"] == 4
    # What waits for Slack is received again and again; the function itself says what has failed.
    assert queues["SlackQueue"]["RedrivePolicy"]["maxReceiveCount"] == 1000


def test_failure_queues_keep_14_days() -> None:
    for name, queue in failure_queues(Stack(**FULL)).items():
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600, name


def test_each_failure_queue_has_an_alarm() -> None:
    stack = Stack(**FULL)
    watched = [
        logical_id(dimension["Value"])
        for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()
        for dimension in alarm["Dimensions"]
        if dimension["Name"] == "QueueName"
    ]
    # What waits for Slack for hours is no failure yet, and worth a look.
    assert sorted(watched) == sorted([*failure_queues(stack), "SlackQueue"])


def test_retries_end_while_they_are_of_use() -> None:
    stack = Stack(**FULL)
    targets = [target for rule in stack.of_type("AWS::Events::Rule").values() for target in rule["Targets"]]
    targets += [schedule["Target"] for schedule in stack.of_type("AWS::Scheduler::Schedule").values()]
    for target in targets:
        assert 60 <= target["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 3600
        assert 1 <= target["RetryPolicy"]["MaximumRetryAttempts"] <= 185


def test_who_leaves_messages_may() -> None:
    """Scheduler and Lambda write in a role's name; EventBridge and SNS need the queue's own word."""
    stack = Stack(**FULL)
    policies = stack.of_type("AWS::SQS::QueuePolicy")
    services = {
        logical_id(queue): statement
        for policy in policies.values()
        for queue in policy["Queues"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    }
    by_role = {
        logical_id(resource)
        for role in stack.of_type("AWS::IAM::Role").values()
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "sqs:SendMessage" in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }
    # A message that was received too often is moved by SQS itself.
    moved = {
        logical_id(queue["RedrivePolicy"]["deadLetterTargetArn"])
        for queue in stack.of_type("AWS::SQS::Queue").values()
        if "RedrivePolicy" in queue
    }
    assert set(failure_queues(stack)) == (by_role | set(services) | moved) - {"AuditQueue", "ImportQueue", "SlackQueue"}
    for name, statement in services.items():
        assert statement["Condition"]["ArnEquals"].keys() == {"aws:SourceArn"}, name


def test_every_queue_refuses_what_is_not_tls() -> None:
    stack = Stack(**FULL)
    refusing = [
        logical_id(queue)
        for policy in stack.of_type("AWS::SQS::QueuePolicy").values()
        for queue in policy["Queues"]
        if any(is_tls_only(statement) for statement in policy["PolicyDocument"]["Statement"])
    ]
    assert sorted(refusing) == sorted(stack.of_type("AWS::SQS::Queue"))


def is_tls_only(statement: dict[str, Any]) -> bool:
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    return (statement["Effect"], statement["Principal"], statement.get("Condition")) == ("Deny", "*", condition)


def test_the_topic_takes_messages_of_the_auditor_only_and_by_tls() -> None:
    publishers = {"TopicPolicy": "PublishTransitionsRole", "DigestTopicPolicy": "SendDigestRole"}
    policies = Stack(**FULL).of_type("AWS::SNS::TopicPolicy")
    assert policies.keys() == publishers.keys()
    for name, policy in policies.items():
        only, tls = policy["PolicyDocument"]["Statement"]
        assert only["Effect"] == "Deny"
        assert only["Action"] == "sns:Publish"
        assert only["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": {"Fn::GetAtt": [publishers[name], "Arn"]}}}
        assert is_tls_only(tls)


def test_a_failure_queue_says_its_edge_in_the_outputs() -> None:
    outputs = load()["Outputs"]
    for name in failure_queues(Stack(**FULL)):
        assert outputs[f"{name}Url"]["Value"] == {"Ref": name}
        assert "->" in outputs[f"{name}Url"]["Description"] or "fails" in outputs[f"{name}Url"]["Description"]
