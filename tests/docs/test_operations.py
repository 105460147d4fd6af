"""docs/operations.md has every alarm, every failure queue and every metric, and no other."""

import re

import pytest

from eks_auditor.wiring.telemetry import NAMESPACE
from tests.docs.pages import OPERATIONS, ROOT, redrives, rows, text
from tests.template.cloudformation import Stack, load, logical_id
from tests.template.test_dashboard import said
from tests.template.test_failure_queues import FULL, edges, failure_queues
from tests.wiring.fakes import Heard

ALARMS = [name for name, resource in load()["Resources"].items() if resource["Type"] == "AWS::CloudWatch::Alarm"]
HANDED_OVER = {
    "AuditFailures",
    "DigestSlackFailures",
    "ImportFailures",
    "SlackFailures",
    "SlackTopicFailures",
    "TopicFailures",
}
PACKAGE = ROOT / "layers" / "auditor" / "eks_auditor"


def section(alarm: str) -> str:
    found = re.search(rf"(?ms)^### {alarm}\n(.*?)(?=^##)", text(OPERATIONS))
    assert found, f"{OPERATIONS} has no section {alarm}"
    return found[1]


def test_each_alarm_has_its_section_and_each_section_its_alarm() -> None:
    assert re.findall(r"(?m)^### (\w+)$", text(OPERATIONS)) == ALARMS


@pytest.mark.parametrize("alarm", [alarm for alarm in ALARMS if alarm.endswith("FailuresAlarm")])
def test_alarm_table_and_section_say_the_same_to_do(alarm: str) -> None:
    queue = alarm.removesuffix("Alarm")
    description = load()["Resources"][alarm]["Properties"]["AlarmDescription"]["Fn::Sub"]
    command = redrives()[queue]
    deed = {"aws sqs start-message-move-task": "hand the message", "make redrive": "hand the message"}
    begin = re.match(r"(aws sqs [a-z-]+|make [a-z]+)", command)
    assert begin
    assert begin[1] in description
    assert deed.get(begin[1], "purge the queue") in section(alarm).replace("hand them", "hand the").replace("\n", " ")


def test_each_failure_queue_has_its_row_with_its_edge() -> None:
    stack = Stack(**FULL)
    assert [row[0] for row in rows(OPERATIONS, "queue")] == list(failure_queues(stack))
    outputs = load()["Outputs"]
    for queue, edge, _, _ in rows(OPERATIONS, "queue"):
        assert outputs[f"{queue}Url"]["Description"] == f"Failure queue of: {edge.replace('→', '->')}"
    assert sorted(edges(stack).values()) == sorted(redrives())


def test_what_is_the_work_itself_is_handed_over_and_the_rest_purged() -> None:
    for queue, command in redrives().items():
        assert f"output {queue}Url" in command or f"queue_arn {queue}Url" in command
        assert (queue in HANDED_OVER) != command.startswith("aws sqs purge-queue"), queue


def test_messages_are_moved_by_sqs_only_out_of_queues_that_sqs_filled() -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html."""
    queues = Stack(**FULL).of_type("AWS::SQS::Queue").values()
    filled = {logical_id(queue["RedrivePolicy"]["deadLetterTargetArn"]) for queue in queues if "RedrivePolicy" in queue}
    assert {queue for queue, command in redrives().items() if "start-message-move-task" in command} == filled


def test_metrics_and_what_they_are_told_by_are_those_of_the_code() -> None:
    documented = set()
    for name, says in rows(OPERATIONS, "metric"):
        by = re.search(r"by (`\w+`(?: and `\w+`)?)", says)
        documented |= {(name.strip("`"), frozenset({"Stack"}))}
        documented |= {(name.strip("`"), frozenset({"Stack", *re.findall(r"`(\w+)`", by[1])}))} if by else set()
    assert documented == said()
    assert f"namespace `{NAMESPACE}`" in text(OPERATIONS)


def query() -> str:
    [found] = re.finditer(r"(?ms)^```\n(fields .*?)^```$", text(OPERATIONS))
    return found[1]


def test_the_query_asks_for_fields_that_are_logged() -> None:
    heard = Heard()
    with heard.telemetry.invocation("1-2-3"), heard.telemetry.about(audit_id="abc", cluster="arn"):
        heard.telemetry.info("audited")
    [line] = heard.lines
    asked = re.findall(r"\b(?<!@)([a-z_]+)\b(?=[,\n ])", query().split("|")[0].removeprefix("fields"))
    assert set(asked) == {"level", "service", "cluster", "message", "request_id"}
    assert set(asked) | set(re.findall(r"filter (\w+)", query())) <= line.keys()


def test_the_query_is_the_same_in_the_shell() -> None:
    joined = " ".join(query().split()).replace('"AUDIT_ID"', r"\"$AUDIT_ID\"")
    assert f'insights 24 "{joined}"' in text(OPERATIONS)


@pytest.mark.parametrize(
    "words",
    [*re.findall(r"\*([^*]+)\*", "\n".join(row[0] for row in rows(OPERATIONS, "words")))],
)
def test_the_words_that_are_explained_are_said(words: str) -> None:
    code = " ".join(re.sub(r'"\n\s*f?"', "", path.read_text()) for path in sorted(PACKAGE.rglob("*.py")))
    pattern = r"\{?[^\"]{0,60}".join(re.escape(part.strip()) for part in words.split("…"))
    assert re.search(pattern, code), words
