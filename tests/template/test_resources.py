"""What the local AWS silently drops or ignores is asserted here, on the template: nothing else would notice."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from eks_auditor.autoscaler.settings import SCALES, AutoscalerSettings, Scales, discovery_of, version_of
from eks_auditor.settings import Settings
from eks_auditor.wiring.audit_cluster import autoscaler_of
from tests.template.cloudformation import ROOT, TOLD, Stack, load, logical_id

KEY = "arn:aws:kms:eu-west-1:111111111111:key/0"
COMMON = {"STACK_NAME", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"}


def functions(**parameters: object) -> dict[str, Any]:
    return Stack(**TOLD, **parameters).of_type("AWS::Serverless::Function")


def ledger(**parameters: object) -> Any:  # noqa: ANN401 - a resource's properties
    return Stack(**parameters).of_type("AWS::DynamoDB::Table")["Ledger"]


# -- ledger


def test_the_ledger_is_kept_unless_its_create_failed() -> None:
    resource = load()["Resources"]["Ledger"]
    assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
    assert resource["UpdateReplacePolicy"] == "Retain"


def test_the_ledger_expires_recovers_and_is_encrypted() -> None:
    assert ledger()["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert ledger()["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert ledger()["SSESpecification"] == {"SSEEnabled": True}
    assert ledger(KmsKeyArn=KEY)["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}


def test_the_ledger_s_keys_and_stream() -> None:
    table = ledger()
    indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    keys = {
        name: [key["AttributeName"] for key in index["KeySchema"]] for name, index in {"": table, **indexes}.items()
    }
    assert keys == {
        "": ["cluster", "item"],
        "heads": ["head", "due_at"],
        "unrelayed": ["unrelayed", "taken_at"],
        "runs": ["runs", "cluster"],
    }
    projections = {name: index["Projection"]["ProjectionType"] for name, index in indexes.items()}
    assert projections == {"heads": "KEYS_ONLY", "unrelayed": "KEYS_ONLY", "runs": "ALL"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}


def test_only_new_announcements_reach_the_publisher() -> None:
    """Expired items, findings and marks make stream records, too."""
    stream = functions()["PublishTransitions"]["Events"]["Announcements"]["Properties"]
    [pattern] = [json.loads(found["Pattern"]) for found in stream["FilterCriteria"]["Filters"]]
    assert pattern == {"eventName": ["INSERT"], "dynamodb": {"Keys": {"item": {"S": [{"prefix": "OUTBOX#"}]}}}}


def test_a_bad_record_of_the_stream_stops_nothing() -> None:
    stream = functions()["PublishTransitions"]["Events"]["Announcements"]["Properties"]
    assert stream["BisectBatchOnFunctionError"] is True
    assert stream["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert 1 <= stream["MaximumRetryAttempts"] <= 10
    assert stream["StartingPosition"] == "TRIM_HORIZON"


# -- queues


def test_queues_wait_six_timeouts_and_report_failures_one_by_one() -> None:
    stack = Stack(**TOLD)
    for name, function in stack.of_type("AWS::Serverless::Function").items():
        for event in function.get("Events", {}).values():
            if event["Type"] == "SQS":
                queue = stack.of_type("AWS::SQS::Queue")[logical_id(event["Properties"]["Queue"])]
                assert queue["VisibilityTimeout"] == 6 * function["Timeout"], name
                assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_audits_come_one_by_one_and_so_many_at_a_time() -> None:
    audits = functions(AuditConcurrency=42)["AuditCluster"]["Events"]["Audits"]["Properties"]
    assert audits["BatchSize"] == 1
    assert audits["ScalingConfig"] == {"MaximumConcurrency": 42}
    parameter = load()["Parameters"]["AuditConcurrency"]
    assert (parameter["MinValue"], parameter["MaxValue"], parameter["Default"]) == (2, 1000, 10)


def test_a_message_outlives_its_receives() -> None:
    for name, queue in Stack(**TOLD).of_type("AWS::SQS::Queue").items():
        if "RedrivePolicy" in queue:
            lifetime = queue["VisibilityTimeout"] * queue["RedrivePolicy"]["maxReceiveCount"]
            assert queue["MessageRetentionPeriod"] > lifetime, name


# -- encryption


def test_aws_keys_encrypt_by_default() -> None:
    stack = Stack(**TOLD)
    for name, queue in stack.of_type("AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"] is True, name
        assert "KmsMasterKeyId" not in queue
    for topic in stack.of_type("AWS::SNS::Topic").values():
        assert topic["KmsMasterKeyId"] == "alias/aws/sns"
    assert "KmsKeyArn" not in stack.function_globals


def test_your_key_encrypts_everything_that_is_stored() -> None:
    stack = Stack(**TOLD, KmsKeyArn=KEY)
    for name, queue in stack.of_type("AWS::SQS::Queue").items():
        assert queue["KmsMasterKeyId"] == KEY, name
        assert "SqsManagedSseEnabled" not in queue
    for topic in stack.of_type("AWS::SNS::Topic").values():
        assert topic["KmsMasterKeyId"] == KEY
    assert stack.of_type("AWS::Logs::LogGroup")["AuditorLogs"]["KmsKeyId"] == KEY
    assert stack.function_globals["KmsKeyArn"] == KEY


# -- functions


def test_each_function_gets_what_it_needs_and_no_more() -> None:
    own = {name: set(function["Environment"]["Variables"]) for name, function in functions().items()}
    assert own == {
        "WatchReleases": {"LEDGER_TABLE", "AUDIT_BUS", "TARGETS", "READ_ROLE_NAME"},
        "PlanAudits": {"LEDGER_TABLE", "AUDIT_QUEUE_URL", "TARGETS", "READ_ROLE_NAME"},
        "AuditCluster": {
            "LEDGER_TABLE",
            "SECURITY_HUB",
            "READ_ROLE_NAME",
            "AUTOSCALER",
            "AUTOSCALER_VERSION",
            "AUTOSCALER_DISCOVERY",
            "POLICY_PARAMETER",
            "POLICY_BUCKET",
            "POLICY_KEY",
            "TEAM_TAG",
        },
        "PublishTransitions": {"LEDGER_TABLE", "TOPIC_ARN"},
        "ImportFindings": {"LEDGER_TABLE", "IMPORT_ROLE_NAME"},
        "NotifySlack": {
            "LEDGER_TABLE",
            "SLACK_SECRET",
            "SLACK_QUEUE_URL",
            "SLACK_FAILURES_URL",
            "SLACK_WINDOW_SECONDS",
            "SECURITY_HUB",
        },
        "SendDigest": {"LEDGER_TABLE", "DIGEST", "DIGEST_TOPIC_ARN", "SECURITY_HUB"},
    }
    assert set(Stack().function_globals["Environment"]["Variables"]) == COMMON


@pytest.mark.parametrize("scales", SCALES)
def test_what_the_template_takes_of_the_autoscaler_the_function_takes_too(scales: Scales) -> None:
    variables = functions(Autoscaler=scales, AutoscalerVersion="1.34", AutoscalerDiscovery="a,b=c")["AuditCluster"][
        "Environment"
    ]["Variables"]
    said = autoscaler_of(Settings.from_environment(variables))
    assert said == AutoscalerSettings(scales=scales, version="1.34", discovery=("a", "b=c"))
    assert load()["Parameters"]["Autoscaler"]["AllowedValues"] == list(SCALES)


@pytest.mark.parametrize("version", ["", "1.34", "1.9", "1", "1.34.2", "v1.34", "1.345"])
def test_the_template_takes_the_versions_that_the_function_takes(version: str) -> None:
    pattern = load()["Parameters"]["AutoscalerVersion"]["AllowedPattern"]
    assert bool(re.search(pattern, version)) is _reads(version_of, version)


@pytest.mark.parametrize(
    ("discovery", "taken"),
    [
        *((said, True) for said in ("", "a", "a,b=c", "a, b", "asg:tag=a,b", "a=", "a=b c", "a=b=c", "my:label=x")),
        *((said, True) for said in ("k8s.io/x/{cluster}", "k8s.io/x/enabled, k8s.io/x/{cluster}", "a={cluster}")),
        *((said, False) for said in ("a,,b", "=v", ",a", "a,", ",", "asg:tag=", "asg:tag==x", "asg:tag=,a", "asg:=a")),
        *((said, False) for said in ("auto:asg:tag=a", "{clustername}/x", "{cluster", "a b", "-a", "mig:a", "x/<YOU>")),
    ],
)
def test_the_template_takes_the_tags_that_the_function_takes(discovery: str, taken: bool) -> None:  # noqa: FBT001  a case
    pattern = load()["Parameters"]["AutoscalerDiscovery"]["AllowedPattern"]
    assert bool(re.search(pattern, discovery)) is taken
    assert _reads(discovery_of, discovery) is taken


@pytest.mark.parametrize(
    "discovery", ["a,asg:tag=b", "asg:tag=a asg:tag=b", "--node-group-auto-discovery=asg:tag=a", " a"]
)
def test_the_template_asks_for_the_plain_form(discovery: str) -> None:
    assert not re.search(load()["Parameters"]["AutoscalerDiscovery"]["AllowedPattern"], discovery)


def _reads(reader: Callable[[str], object], text: str) -> bool:
    try:
        reader(text)
    except ValueError:
        return False
    return True


def test_functions_live_in_the_folder_of_their_name() -> None:
    snake = {"PlanAudits": "plan_audits", "AuditCluster": "audit_cluster"}
    snake |= {"WatchReleases": "watch_releases"}
    snake |= {"PublishTransitions": "publish_transitions", "ImportFindings": "import_findings"}
    snake |= {"NotifySlack": "notify_slack", "SendDigest": "send_digest"}
    assert {name: function["CodeUri"] for name, function in functions().items()} == {
        name: f"functions/{folder}" for name, folder in snake.items()
    }


def test_functions_are_set_up_alike() -> None:
    shared = Stack(Architecture="x86_64", LogRetentionDays=30).function_globals
    assert shared["Runtime"] == "python3.13"
    assert shared["Handler"] == "handler.handle"
    assert shared["Architectures"] == ["x86_64"]
    assert shared["LoggingConfig"]["LogGroup"] == {"Ref": "AuditorLogs"}
    assert shared["LoggingConfig"]["LogFormat"] == "JSON"
    assert shared["PropagateTags"] is True
    assert "VpcConfig" not in shared
    assert shared["Tracing"] == "PassThrough"
    assert Stack(Tracing="on").function_globals["Tracing"] == "Active"


def test_functions_join_a_vpc_if_asked() -> None:
    shared = Stack(VpcSubnetIds="subnet-0a,subnet-0b", VpcSecurityGroupIds="sg-0").function_globals
    assert shared["VpcConfig"] == {"SubnetIds": ["subnet-0a", "subnet-0b"], "SecurityGroupIds": ["sg-0"]}


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_lambda_keeps_the_lines_that_the_functions_write(level: str) -> None:
    shared = Stack(LogLevel=level).function_globals
    assert shared["LoggingConfig"]["ApplicationLogLevel"] == level
    assert shared["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] == level


def test_no_log_level_drops_the_metrics() -> None:
    """Lambda counts a line without a level, such as a metric's, as INFO."""
    assert load()["Parameters"]["LogLevel"]["AllowedValues"] == ["DEBUG", "INFO"]


# -- bus


def test_only_this_account_puts_events_on_the_bus() -> None:
    [statement] = [
        statement
        for statement in Stack().of_type("AWS::Events::EventBus")["AuditBus"]["Policy"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::111111111111:root"}
    assert statement["Action"] == "events:PutEvents"
    assert statement["Resource"] == "arn:aws:events:eu-west-1:111111111111:event-bus/eks-auditor"


# -- people


def test_mail_gets_what_people_should_know() -> None:
    assert "MailSubscription" not in Stack().resources
    mail = Stack(NotificationEmail="team@example.com").of_type("AWS::SNS::Subscription")["MailSubscription"]
    assert mail["FilterPolicy"] == {"audience": ["people"]}


# -- Security Hub


def test_slack_gets_what_people_should_know_and_the_digest() -> None:
    told = Stack(**TOLD).of_type("AWS::SNS::Subscription")
    assert told["SlackSubscription"]["TopicArn"] == {"Ref": "Topic"}
    assert told["DigestSlackSubscription"]["TopicArn"] == {"Ref": "DigestTopic"}
    for name in ("SlackSubscription", "DigestSlackSubscription"):
        assert told[name]["RawMessageDelivery"] is True
        assert logical_id(told[name]["Endpoint"]) == "SlackQueue"
    quiet = Stack(**{**TOLD, "Digest": "off"}).of_type("AWS::SNS::Subscription")
    assert set(told) - set(quiet) == {"DigestSlackSubscription", "DigestMailSubscription"}


@pytest.mark.parametrize(("often", "expression"), [("daily", "cron(0 7 ? * * *)"), ("weekly", "cron(0 7 ? * MON *)")])
def test_the_digest_goes_out_at_its_hour(often: str, expression: str) -> None:
    stack = Stack(Digest=often, DigestHour=7, TimeZone="Europe/Berlin")
    schedule = stack.of_type("AWS::Scheduler::Schedule")["DigestSchedule"]
    assert schedule["ScheduleExpression"] == expression
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert json.loads(schedule["Target"]["Input"]) == json.loads((ROOT / "events" / "digest.json").read_text())
    assert stack.of_type("AWS::Serverless::Function")["SendDigest"]["Environment"]["Variables"]["DIGEST"] == often


def test_slack_and_the_digest_leave_nothing_where_nobody_wants_them() -> None:
    extra = set(Stack(**TOLD).resources) - set(Stack(NotificationEmail="team@example.com").resources)
    assert all(name.startswith(("Slack", "NotifySlack", "Digest", "SendDigest")) for name in extra)
    assert not [name for name in Stack().resources if name.startswith(("Slack", "NotifySlack", "Digest", "SendDigest"))]


def test_no_queue_of_the_stack_depends_on_attributes() -> None:
    """Where a message has a text for each protocol, AWS's guide leaves open whether attributes are looked at."""
    for name, subscription in Stack(**TOLD).of_type("AWS::SNS::Subscription").items():
        assert ("FilterPolicy" in subscription) == (name == "MailSubscription"), name


def test_security_hub_disabled_leaves_everything_of_it_out() -> None:
    enabled, disabled = Stack(), Stack(SecurityHub="disabled")
    assert enabled.resources.keys() - disabled.resources.keys() == {
        "ImportFindings",
        "ImportFindingsRole",
        "ImportSubscription",
        "ImportQueue",
        "ImportQueuePolicy",
        "TopicFailures",
        "TopicFailuresPolicy",
        "TopicFailuresAlarm",
        "ImportFailures",
        "ImportFailuresAlarm",
    }
    left = json.dumps([disabled.resources, disabled.outputs])
    assert "securityhub" not in left
    for name in enabled.resources.keys() - disabled.resources.keys():
        assert f'"{name}"' not in left, name
    [audit] = [found for name, found in functions(SecurityHub="disabled").items() if name == "AuditCluster"]
    assert audit["Environment"]["Variables"]["SECURITY_HUB"] == "disabled"
