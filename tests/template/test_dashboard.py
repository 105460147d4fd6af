"""The dashboard shows what the code says and what the stack has, and no other metric."""

import ast
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from eks_auditor.model.verdict import Severity
from eks_auditor.wiring.telemetry import NAMESPACE
from tests.template.cloudformation import ROOT, TOLD, Stack, load

EVERYTHING = {**TOLD, "PolicyParameter": "/eks-auditor/policy"}
WIRING = ROOT / "layers" / "auditor" / "eks_auditor" / "wiring"
SEARCH = re.compile(
    r"SEARCH\('\{([\w,]+)\} MetricName=\"(\w+)\" Stack=\"eks-auditor\"(?: (\w+)=\"(\w+)\")?', '(\w+)', 3600\)"
)


def body(**parameters: object) -> dict[str, Any]:
    dashboard = Stack(**parameters).of_type("AWS::CloudWatch::Dashboard")["Dashboard"]
    parsed: dict[str, Any] = json.loads(dashboard["DashboardBody"])
    return parsed


def said() -> set[tuple[str, frozenset[str]]]:
    """Return every metric that the code says, with its dimensions."""
    found = set()
    for path in sorted(WIRING.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)) or not node.args:
                continue
            name, by = node.args[0], {keyword.arg for keyword in node.keywords if keyword.arg}
            if node.func.attr in ("count", "measure") and isinstance(name, ast.Constant):
                found.add((str(name.value), frozenset({"Stack", *by})))
                if node.func.attr == "count":
                    found.add((str(name.value), frozenset({"Stack"})))
    return found


def shown() -> Iterator[tuple[str, frozenset[str], dict[str, Any]]]:
    """Yield every metric of the code's own that a widget shows, with its dimensions and the widget."""
    for widget in body(**EVERYTHING)["widgets"]:
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], dict):
                search = SEARCH.search(metric[0]["expression"])
                assert search, metric
                namespace, *dimensions = search[1].split(",")
                assert namespace == NAMESPACE
                yield search[2], frozenset(dimensions), widget
            elif metric[0] == NAMESPACE:
                assert metric[2:4] == ["Stack", "eks-auditor"]
                yield metric[1], frozenset({"Stack"}), widget


def test_every_metric_that_is_shown_is_said_with_these_dimensions() -> None:
    assert {(name, dimensions) for name, dimensions, _ in shown()} <= said()


def test_every_metric_that_is_said_is_shown() -> None:
    assert {name for name, _ in said()} == {name for name, _, _ in shown()}


def test_every_severity_has_its_line() -> None:
    expressions = [metric[0] for widget in body()["widgets"] for metric in widget["properties"].get("metrics", [])]
    lines = [re.findall(r'Severity="(\w+)"', each["expression"]) for each in expressions if isinstance(each, dict)]
    assert sorted(rung for line in lines for rung in line) == sorted(rung.name for rung in Severity)


@pytest.mark.parametrize(
    "parameters", [{}, {"SecurityHub": "disabled"}, EVERYTHING], ids=["default", "no hub", "everything"]
)
def test_every_alarm_that_the_stack_has_is_shown_and_no_other(parameters: dict[str, str]) -> None:
    [widget] = [widget for widget in body(**parameters)["widgets"] if widget["type"] == "alarm"]
    alarms = list(Stack(**parameters).of_type("AWS::CloudWatch::Alarm"))
    assert sorted(widget["properties"]["alarms"]) == sorted(f"${{{alarm}.Arn}}" for alarm in alarms)


def test_what_else_is_shown_is_of_this_stack() -> None:
    resources = load()["Resources"]
    named = re.findall(r"\$\{(\w+)(?:\.\w+)?\}", json.dumps(body(**EVERYTHING)))
    assert {"AuditQueue", "AuditorLogs"} <= set(named) <= resources.keys()
    for widget in body()["widgets"]:
        properties = widget["properties"]
        assert widget["type"] == "alarm" or properties["region"] == "eu-west-1"


def test_widgets_do_not_lie_on_each_other() -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html."""
    taken = [
        (column, row)
        for widget in body()["widgets"]
        for column in range(widget["x"], widget["x"] + widget["width"])
        for row in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(set(taken)) == len(taken)
    assert {column for column, _ in taken} == set(range(24))


def test_expressions_of_a_widget_have_names_of_their_own() -> None:
    for widget in body()["widgets"]:
        ids = [metric[0]["id"] for metric in widget["properties"].get("metrics", []) if isinstance(metric[0], dict)]
        assert all(one != other for one, other in pairwise(sorted(ids)))
