import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eks_auditor.events.errors import EventError, NewerMessageError
from eks_auditor.events.requests import ClustersRequest, DueRequest, RelayRequest, SweepRequest
from eks_auditor.events.sources import parse_event

EVENTS = Path(__file__).resolve().parents[2] / "events"
SIX = datetime(2026, 11, 23, 6, tzinfo=UTC)


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def eks_call(**detail: Any) -> dict[str, Any]:  # noqa: ANN401  any member
    event = load("cluster_changed")
    event["detail"] |= detail
    return event


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("sweep", SweepRequest()),
        ("due", DueRequest()),
        ("relay", RelayRequest()),
        (
            "audit_requested",
            ClustersRequest(
                clusters=("arn:aws:eks:eu-west-1:111111111111:cluster/payments",), cause="Audit Requested", at=SIX
            ),
        ),
        (
            "cluster_changed",
            ClustersRequest(
                clusters=("arn:aws:eks:eu-west-1:111111111111:cluster/payments",),
                cause="UpdateNodegroupVersion",
                at=SIX,
            ),
        ),
    ],
)
def test_every_shipped_event_is_read(name: str, request_: object) -> None:
    assert parse_event(load(name)) == request_


@pytest.mark.parametrize(
    "detail",
    [
        {"requestParameters": {"clusterName": "payments"}},
        {"requestParameters": None, "responseElements": {"nodegroup": {"clusterName": "payments"}}},
        {"requestParameters": {"name": "payments", "clusterName": "other"}},
    ],
)
def test_a_call_names_its_cluster_in_any_of_three_places(detail: dict[str, Any]) -> None:
    request = parse_event(eks_call(**detail))
    assert isinstance(request, ClustersRequest)
    assert request.clusters == ("arn:aws:eks:eu-west-1:111111111111:cluster/payments",)


def test_chinas_words_and_partition_are_read() -> None:
    event = load("cluster_changed") | {"detail-type": "Amazon API Call via CloudTrail", "region": "cn-north-1"}
    request = parse_event(event, partition="aws-cn")
    assert isinstance(request, ClustersRequest)
    assert request.clusters == ("arn:aws-cn:eks:cn-north-1:111111111111:cluster/payments",)


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (None, "not a JSON object"),
        ([], "not a JSON object"),
        ({}, "none that is known"),
        ({"source": "aws.ec2", "detail-type": "EC2 Spot Instance Interruption Warning"}, "none that is known"),
        (load("sweep") | {"detail-type": "Sweep"}, "detail-type"),
        (load("sweep") | {"detail": {}}, "detail.schema_version"),
        (load("sweep") | {"detail": {"schema_version": 0}}, "schema_version 0"),
        (load("sweep") | {"detail": {"schema_version": True}}, "schema_version True"),
        (load("audit_requested") | {"detail": {"schema_version": 1, "clusters": []}}, "detail.clusters"),
        (load("audit_requested") | {"detail": {"schema_version": 1, "clusters": "payments"}}, "detail.clusters"),
        (load("audit_requested") | {"time": "yesterday"}, "time"),
        (eks_call(requestParameters={}, responseElements=None), "names no cluster"),
        (eks_call(eventSource="ec2.amazonaws.com"), "detail.eventSource"),
        (load("cluster_changed") | {"account": "me"}, "account"),
    ],
)
def test_what_is_no_event_of_ours_gets_one_sentence(event: object, says: str) -> None:
    with pytest.raises(EventError) as raised:
        parse_event(event)
    sentence = str(raised.value)
    assert says in sentence
    assert "\n" not in sentence
    assert ";" in sentence, "it says what to do"
    assert not isinstance(raised.value, NewerMessageError)


@pytest.mark.parametrize("name", ["sweep", "audit_requested"])
def test_a_newer_event_is_told_apart_whatever_its_shape(name: str) -> None:
    with pytest.raises(NewerMessageError, match="schema_version 2"):
        parse_event(load(name) | {"detail": {"schema_version": 2, "all": True}})
