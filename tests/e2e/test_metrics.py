"""Every alarm listens to something: a metric that a function really printed, or a queue that exists."""

import json
import time
from typing import Any

import pytest

from local_aws.stage import Stage
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


def test_metrics_have_the_stack_as_their_only_dimension(audited: Stage) -> None:
    assert {dimensions for _, _, dimensions in printed_metrics(audited)} == {(f"Stack={audited.deployment.stack}",)}


def test_no_line_of_the_functions_carries_a_trace_of_an_unexpected_error(audited: Stage) -> None:
    broken = [line for line in audited.deployment.logs() if "exception_name" in line]
    assert [json.dumps(line) for line in broken] == []
