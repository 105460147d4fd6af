"""One real payload for each event source in events/: what tests, docs and `sam local invoke` use is what is taken."""

import json
from pathlib import Path
from typing import Any

import pytest

from eks_auditor.events.messages import parse_audit_request, parse_transitions
from eks_auditor.events.sources import parse_event
from eks_auditor.ledger.documents import outbox_item, outbox_of
from eks_auditor.wiring.send_digest import require_digest

EVENTS = Path(__file__).resolve().parents[2] / "events"
RECORDS = {"audit_message", "outbox_record", "transitions_message"}


def records(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((EVENTS / f"{name}.json").read_text())["Records"]
    assert found
    return found


def test_audit_messages_are_as_planning_writes_them() -> None:
    for record in records("audit_message"):
        assert parse_audit_request(record["body"]).body() == record["body"]


def test_outbox_records_are_as_the_ledger_writes_them() -> None:
    for record in records("outbox_record"):
        image = record["dynamodb"]["NewImage"]
        assert outbox_item(outbox_of(image)) == image


def test_transitions_messages_are_what_the_outbox_announces() -> None:
    announced = [outbox_of(record["dynamodb"]["NewImage"]).body for record in records("outbox_record")]
    assert [record["body"] for record in records("transitions_message")] == announced
    assert all(parse_transitions(body).transitions for body in announced)


def test_the_request_for_a_digest_is_one() -> None:
    require_digest(json.loads((EVENTS / "digest.json").read_text()))


@pytest.mark.parametrize("name", sorted(path.stem for path in EVENTS.glob("*.json") if path.stem not in RECORDS))
def test_every_other_payload_is_an_event_that_is_known(name: str) -> None:
    assert parse_event(json.loads((EVENTS / f"{name}.json").read_text()))
