"""Where the policy is: a parameter or an object, read by one function and no other, and watched by a rule."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from moto.events.models import EventPattern

from eks_auditor.wiring.policy_source import ObjectSource, ParameterSource
from tests.template.cloudformation import Stack, actions, load, statements
from tests.template.test_failure_queues import edges

EVENTS = Path(__file__).resolve().parents[2] / "events"
PARAMETER = {"PolicyParameter": "/eks-auditor/policy"}
BUCKET = {"PolicyBucket": "platform-policies"}
PLACES = {"ReadPolicy": PARAMETER, "ReadPolicyObject": BUCKET}


def event(name: str) -> Any:  # noqa: ANN401  JSON
    return json.loads((EVENTS / f"{name}.json").read_text())


def read_by(stack: Stack) -> dict[str, tuple[str, Any]]:
    """Who may read a policy, by what, and which."""
    return {
        statement["Sid"]: (name, statement["Resource"])
        for name, statement in statements(stack)
        if statement["Sid"] in PLACES
    }


def test_a_stack_without_a_policy_has_nothing_of_it() -> None:
    stack = Stack()
    assert read_by(stack) == {}
    assert [name for name in stack.resources if "Policy" in name and name.startswith("PolicyC")] == []
    assert "PolicyInvalidAlarm" not in stack.resources


@pytest.mark.parametrize(
    ("place", "resource", "source"),
    [
        (PARAMETER, "arn:aws:ssm:eu-west-1:111111111111:parameter/eks-auditor/policy", ParameterSource),
        (BUCKET, "arn:aws:s3:::platform-policies/eks-auditor/policy.yaml", ObjectSource),
    ],
)
def test_one_function_may_read_the_one_policy_and_no_other(
    place: dict[str, str], resource: str, source: type[ParameterSource | ObjectSource]
) -> None:
    stack = Stack(**place)
    [(sid, (role, read))] = read_by(stack).items()
    assert (PLACES[sid], role) == (place, "AuditClusterRole")
    assert read == resource
    granted = {action for _, each in statements(stack) if each["Sid"] == sid for action in actions(each)}
    assert granted == source.ACTIONS


@pytest.mark.parametrize(("place", "name"), [(PARAMETER, "policy_parameter"), (BUCKET, "policy_object")])
def test_a_change_of_that_policy_starts_planning_and_no_other_change_does(place: dict[str, str], name: str) -> None:
    stack = Stack(**place)
    rule = stack.of_type("AWS::Events::Rule")["PolicyChanged"]
    written = json.dumps(rule["EventPattern"])
    for key, value in stack.parameters.items():
        written = written.replace(json.dumps({"Ref": key}), json.dumps(value))
    pattern = EventPattern(None, json.loads(written))
    assert pattern.matches_event(event(name))
    other = json.dumps(event(name)).replace("/eks-auditor/policy", "/other").replace("eks-auditor/policy.yaml", "other")
    assert not pattern.matches_event(json.loads(other))
    assert edges(stack)["PolicyChanged -> PlanAudits"] == "PolicyChangedFailures"


def test_the_alarm_changes_by_a_read_of_the_policy_alone() -> None:
    alarm = Stack(**PARAMETER).of_type("AWS::CloudWatch::Alarm")["PolicyInvalidAlarm"]
    assert (alarm["MetricName"], alarm["Statistic"], alarm["Threshold"]) == ("PolicyInvalid", "Maximum", 0)
    # No process need read it within each period: what none has read is as the last one found it.
    assert alarm["TreatMissingData"] == "ignore"


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("PolicyParameter", "", True),
        ("PolicyParameter", "/eks-auditor/policy", True),
        ("PolicyParameter", "policy", False),
        ("PolicyParameter", "/a/*", False),
        ("PolicyBucket", "platform-policies", True),
        ("PolicyBucket", "s3://platform-policies", False),
        ("PolicyKey", "a/b.yaml", True),
        ("PolicyKey", "/a", False),
        ("PolicyKey", "a/*", False),
    ],
)
def test_what_the_parameters_take(name: str, value: str, *, taken: bool) -> None:
    assert bool(re.search(load()["Parameters"][name]["AllowedPattern"], value)) is taken


def test_two_places_are_refused() -> None:
    rule = load()["Rules"]["OnePolicy"]
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "PolicyBucket"}, ""]}]}
    assert rule["Assertions"][0]["Assert"] == {"Fn::Equals": [{"Ref": "PolicyParameter"}, ""]}
