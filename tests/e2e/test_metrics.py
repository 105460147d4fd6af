"""Every alarm listens to something: a metric that a function really printed, or a queue that exists.

And what docs/operations.md tells people to run on each alarm runs on the deployed stack. The local AWS answers queries
of the logs without most of their filters; tests/docs holds these against what the code says.
"""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from local_aws.stage import Stage
from tests.docs.pages import OPERATIONS, as_documented, blocks
from tests.docs.test_operations import ALARMS, section
from tests.e2e.conftest import SECONDS

pytestmark = pytest.mark.e2e


def printed_metrics(stage: Stage) -> set[tuple[str, str, tuple[str, ...]]]:
    """Return (namespace, name, dimension names with values) of every metric in the logs."""
    found = set()
    for line in stage.deployment.logs():
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            for dimensions in directive["Dimensions"]:
                named = tuple(f"{name}={line[name]}" for name in sorted(dimensions))
                found |= {(directive["Namespace"], metric["Name"], named) for metric in directive["Metrics"]}
    return found


def alarms(stage: Stage) -> list[dict[str, Any]]:
    pages = stage.deployment.client("cloudwatch").get_paginator("describe_alarms").paginate()
    return [alarm for page in pages for alarm in page["MetricAlarms"]]


def poll(stage: Stage) -> None:
    """Let the watcher's schedule fire once, which no sweep does."""
    stage.fire("WatchScheduleName")
    deadline = time.monotonic() + SECONDS
    while not any("RegionsPolled" in line for line in stage.deployment.logs()):
        assert time.monotonic() < deadline, "the watcher has not come"
        time.sleep(0.5)


def test_every_alarm_has_something_to_listen_to(audited: Stage) -> None:
    poll(audited)
    printed = printed_metrics(audited)
    queues = {f"QueueName={url.rpartition('/')[2]}" for url in audited.outputs.values() if url.startswith("http")}
    deployed = alarms(audited)
    assert len(deployed) > 1
    deaf = [
        alarm["AlarmName"]
        for alarm in deployed
        if not (
            (
                (dimensions := tuple(f"{d['Name']}={d['Value']}" for d in alarm["Dimensions"]))
                and (alarm["Namespace"], alarm["MetricName"], dimensions) in printed
            )
            or (alarm["Namespace"] == "AWS/SQS" and set(dimensions) <= queues)
        )
    ]
    assert deaf == []


def measured(stage: Stage) -> dict[tuple[str, str], float]:
    """Return the open findings by check and severity, as the last sweep measured them."""
    found: dict[tuple[str, str], float] = {}
    for line in stage.deployment.logs():
        if "OpenFindings" in line:
            # The stack's own number ends what one sweep measures, or begins it: each sweep says all of them anew.
            found |= {(line["Check"], line["Severity"]): line["OpenFindings"][0]} if "Check" in line else {}
    return found


def test_every_metric_is_of_the_stack_and_few_are_told_by_anything_else(audited: Stage) -> None:
    audited.settle(audited.fire_sweep(), seconds=SECONDS)
    deadline = time.monotonic() + SECONDS
    while not measured(audited):
        assert time.monotonic() < deadline, "no sweep has measured anything"
        time.sleep(0.5)
    by: dict[tuple[str, ...], set[str]] = {}
    for _, metric, dimensions in printed_metrics(audited):
        assert f"Stack={audited.deployment.stack}" in dimensions
        names = tuple(sorted(each.partition("=")[0] for each in dimensions))
        by.setdefault(names, set()).add(metric)
    assert {"AuditsDone", "GapsRising", "OpenFindings"} <= by.pop(("Stack",))
    assert by.pop(("Check", "Severity", "Stack")) == {"OpenFindings"}
    assert by.keys() <= {("Action", "Stack"), ("Account", "Stack")}


def test_a_sweep_measures_what_the_ledger_holds(audited: Stage) -> None:
    audited.settle(audited.fire_sweep(), seconds=SECONDS)
    known = [item for item in audited.ledger() if item["item"].startswith("FINDING#")]
    held: dict[tuple[str, str], int] = {}
    for item in known:
        document = json.loads(item["document"])
        key = document["check_id"], document["severity"]
        held[key] = held.get(key, 0) + (item["state"] == "OPEN")
    assert sum(held.values()) > 0
    audited.fire_sweep()
    deadline = time.monotonic() + SECONDS
    expected = {key: count for key, count in held.items() if count}
    while not expected.items() <= (last := measured(audited)).items():
        assert time.monotonic() < deadline, (expected, last)
        time.sleep(0.5)


def test_the_dashboard_is_deployed(audited: Stage) -> None:
    dashboard = audited.deployment.client("cloudwatch").get_dashboard(DashboardName=audited.outputs["Dashboard"])
    body = json.loads(dashboard["DashboardBody"])
    assert "${" not in dashboard["DashboardBody"]
    deployed = {alarm["AlarmArn"] for alarm in alarms(audited)}
    assert set(body["widgets"][0]["properties"]["alarms"]) == deployed


@pytest.mark.parametrize("alarm", [alarm for alarm in ALARMS if not alarm.endswith("MailFailuresAlarm")])
def test_what_is_documented_for_an_alarm_runs(audited: Stage, tmp_path: Path, alarm: str) -> None:
    script = "\n".join(re.findall(r"(?ms)^```sh\n(.*?)^```$", section(alarm)))
    queue = re.findall(r"(?m)^look (\w+Url)$", script)
    missing = [name for name in queue if name not in audited.outputs]
    assert missing == (["PolicyChangedFailuresUrl"] if alarm == "PolicyChangedFailuresAlarm" else [])
    if missing:
        script = ""  # the stack of these tests has no policy, and so no such queue
    shown = as_documented(f"{blocks(OPERATIONS)[0]}\n{script}", tmp_path, audited.shell_environment())
    assert "trouble " not in script or shown


def test_no_line_of_the_functions_carries_a_trace_of_an_unexpected_error(audited: Stage) -> None:
    broken = [line for line in audited.deployment.logs() if "exception_name" in line]
    assert [json.dumps(line) for line in broken] == []
