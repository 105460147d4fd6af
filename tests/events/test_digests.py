import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.events.digests import DigestMessage, parse_digest
from eks_auditor.events.errors import EventError, NewerMessageError
from eks_auditor.model.digest import Freshness, Movement, Open, Watched
from eks_auditor.model.verdict import Severity
from tests.builders import NOW
from tests.sinks.digests import coming, digest, message, moved, movement

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "digest-1.json").read_text())

NOTHING: dict[str, Any] = {
    "watched": Watched(clusters=0, oldest=None, unfinished=0),
    "open": Open(total={}, teams=(), teams_left=0, teams_left_open={}, exempt={}),
    "opened": Movement(total={}, worst=()),
    "closed": Movement(total={}, worst=()),
    "accepted": 0,
    "withdrawn": 0,
    "due": (),
    "due_left": 0,
    "freshness": Freshness(at=NOW, fresh=0, judged=0, unknown=0),
    "trend": (),
}


@pytest.mark.parametrize("told", [message(), message(**NOTHING), message().at_most(0)])
def test_a_digest_is_read_back_as_written_and_follows_its_schema(told: DigestMessage) -> None:
    body = told.body()
    assert parse_digest(body) == told
    jsonschema.validate(json.loads(body), SCHEMA, jsonschema.Draft202012Validator)


def test_the_schema_demands_every_member() -> None:
    document = json.loads(message().body())
    assert set(SCHEMA["required"]) == set(document) == set(SCHEMA["properties"])


def test_the_share_is_none_where_nothing_is_judged() -> None:
    assert json.loads(message(**NOTHING).body())["freshness"]["share"] is None
    assert json.loads(message().body())["freshness"]["share"] == 0.92


def test_a_body_is_ascii_whatever_people_write() -> None:
    told = message(opened=movement(moved("größe\n<!here>\u202e")))
    assert told.body().isascii()
    assert parse_digest(told.body()) == told


def test_what_is_left_out_is_counted() -> None:
    whole = digest()
    less = message().at_most(1).digest
    assert [team.team for team in less.open.teams] == ["payments"]
    assert (less.open.teams_left, less.open.teams_left_open) == (1, {Severity.HIGH: 3})
    assert less.opened.total == whole.opened.total
    assert (len(less.opened.worst), less.opened.left) == (1, 2)
    assert (less.due, less.due_left) == (whole.due[:1], 1)
    assert message().at_most(0).digest.due_left == coming(count=14).count + 1


def test_a_newer_digest_is_told_apart_whatever_its_shape() -> None:
    with pytest.raises(NewerMessageError):
        parse_digest('{"schema_version": 2, "type": ["digest"]}')


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{", "not JSON"),
        ("[]", "a JSON list"),
        ('{"schema_version": 1, "type": "transitions"}', "has type 'transitions'"),
        ('{"schema_version": 1, "type": "digest"}', "'at' is missing"),
        (json.dumps(json.loads(message().body()) | {"at": "2026-11-23T12:00:00"}), "says no offset"),
        (json.dumps(json.loads(message().body()) | {"period": "hourly"}), "'hourly'"),
    ],
)
def test_what_is_no_digest_gets_one_sentence(body: str, says: str) -> None:
    with pytest.raises(EventError, match=says):
        parse_digest(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(SCHEMA["required"]), inner),
    ),
    st.sampled_from(SCHEMA["required"]),
)
def test_no_json_document_breaks_the_reader(value: object, member: str) -> None:
    document = json.loads(message().body()) | {member: value}
    try:
        read = parse_digest(json.dumps(document))
    except EventError:
        return
    assert isinstance(read, DigestMessage)
