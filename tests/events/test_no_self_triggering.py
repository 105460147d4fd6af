"""Nothing that our own calls cause may start us again: every such event against every rule of the template."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session
from moto.events.models import EventPattern

from eks_auditor.wiring.permissions import ACTIONS
from tests.template.cloudformation import Stack, logical_id

EVENTS = Path(__file__).resolve().parents[2] / "events"

type Event = dict[str, Any]


@cache
def rules() -> dict[str, EventPattern]:
    found = Stack().of_type("AWS::Events::Rule")
    return {name: EventPattern(None, rule["EventPattern"]) for name, rule in found.items()}


def matching(event: Event) -> list[str]:
    return [name for name, pattern in rules().items() if pattern.matches_event(event)]  # type: ignore[arg-type]  # an event has a dozen shapes


def event(source: str, detail_type: str, **detail: Any) -> Event:  # noqa: ANN401  any member
    return {
        "version": "0",
        "id": "6f87d04b-9f3c-4f5e-8f1a-0b9c2d9f1a11",
        "detail-type": detail_type,
        "source": source,
        "account": "111111111111",
        "time": "2026-11-23T06:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": detail,
    }


def calls() -> Iterator[tuple[str, str]]:
    """Every API call that a function makes: an IAM action is the call's name, but for three."""
    names = {
        "sqs:SendMessage": ["SendMessage", "SendMessageBatch"],
        "dynamodb:PutItem": ["TransactWriteItems"],
        "dynamodb:ConditionCheckItem": ["TransactWriteItems"],
    }
    for action in sorted(frozenset().union(*ACTIONS.values())):
        service, call = action.split(":")
        for name in names.get(action, [call]):
            yield service, name


def caused() -> Iterator[Event]:
    for service, name in calls():
        for detail_type in ("AWS API Call via CloudTrail", "Amazon API Call via CloudTrail"):
            yield event(
                f"aws.{service}",
                detail_type,
                eventSource=f"{service}.amazonaws.com",
                eventName=name,
                requestParameters={"name": "payments"},
            )
    yield event("aws.securityhub", "Security Hub Findings - Imported", findings=[{"ProductFields": {}}])
    yield event("aws.securityhub", "Security Hub Findings - Custom Action", findings=[])
    yield event("aws.scheduler", "Scheduled Event")
    for name in ("sweep", "due", "relay", "release_poll", "digest"):
        # Scheduler hands these to their functions; on a bus they would be somebody's.
        yield event("eks-auditor.schedule", json.loads((EVENTS / f"{name}.json").read_text())["detail-type"])


@pytest.mark.parametrize(
    "one", list(caused()), ids=lambda one: f"{one['source']} {one['detail'].get('eventName', one['detail-type'])}"
)
def test_what_we_cause_matches_no_rule(one: Event) -> None:
    assert matching(one) == []


def test_every_declared_call_exists() -> None:
    """Else the test above would prove nothing about it."""
    session = get_session()
    for service, name in calls():
        assert name in session.get_service_model(service).operation_names


def test_only_the_watcher_puts_events_and_none_starts_it() -> None:
    """Its event starts PlanAudits, and whatever comes of that puts no event: there is no way round."""
    putting = {name for name, allowed in ACTIONS.items() if any(action.startswith("events:") for action in allowed)}
    assert putting == {"WatchReleases"}
    started = {
        logical_id(target["Arn"])
        for rule in Stack().of_type("AWS::Events::Rule").values()
        for target in rule["Targets"]
    }
    assert started == {"PlanAudits"}


def test_the_rules_do_match_what_they_are_for() -> None:
    assert matching(json.loads((EVENTS / "cluster_changed.json").read_text())) == ["ClusterChanged"]
    assert matching(json.loads((EVENTS / "audit_requested.json").read_text())) == ["AuditRequested"]
    assert matching(json.loads((EVENTS / "release.json").read_text())) == ["ReleaseAnnounced"]
    assert matching(json.loads((EVENTS / "image_state_changed.json").read_text())) == ["ImageChanged"]
    assert matching(json.loads((EVENTS / "image_built.json").read_text())) == ["ImageBuilt"]


def test_a_call_that_failed_changes_nothing_and_starts_nothing() -> None:
    failed = json.loads((EVENTS / "cluster_changed.json").read_text())
    failed["detail"]["errorCode"] = "AccessDenied"
    assert matching(failed) == []
