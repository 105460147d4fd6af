import json
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.events.errors import EventError, NewerMessageError
from eks_auditor.events.messages import (
    AuditRequest,
    ReleaseMessage,
    parse_audit_request,
    parse_message,
    parse_transitions,
)
from eks_auditor.model.history import Change
from eks_auditor.model.verdict import Severity
from tests.builders import CLUSTER_ID, NOW
from tests.plan.releasing import notice, request, runs
from tests.sinks.transitions import AUDIT_ID, bodies, body, transition

REQUEST = AuditRequest(audit_id=AUDIT_ID, cluster=CLUSTER_ID, not_before=NOW, cause="sweep")


def changed(**members: Any) -> str:  # noqa: ANN401  any member
    return json.dumps(json.loads(REQUEST.body()) | members)


def test_an_audit_request_is_read_back_as_written() -> None:
    assert parse_audit_request(REQUEST.body()) == REQUEST
    changed_policy = replace(REQUEST, policy_changed=True)
    assert parse_audit_request(changed_policy.body()) == changed_policy


def test_transitions_are_read_as_the_ledger_writes_them() -> None:
    told = transition(change=Change.WORSE, previous=Severity.LOW)
    message = parse_transitions(bodies(told)[0])
    assert message.transitions == (told,)
    assert (message.kind, message.part, message.parts) == ("news", 1, 1)
    assert (message.cluster, message.audit_id, message.taken_at) == (CLUSTER_ID, AUDIT_ID, NOW)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not an object"),
        ("{}", "schema_version None"),
        (changed(schema_version="1"), "schema_version '1'"),
        (changed(type="transitions"), "type 'transitions'"),
        (changed(audit_id=""), "audit_id"),
        (changed(cluster_arn="arn:aws:s3:::bucket"), "not the ARN of an EKS cluster"),
        (changed(not_before="soon"), "soon"),
        (changed(not_before="2026-11-23T12:00:00"), "offset"),
        (changed(cause=None), "cause"),
    ],
)
def test_a_message_that_is_no_audit_request_gets_one_sentence(text: str, says: str) -> None:
    with pytest.raises(EventError) as raised:
        parse_audit_request(text)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "members", [{"class": "gossip"}, {"cluster": {}}, {"cluster": "shop"}, {"transitions": [{}]}, {"part": "one"}]
)
def test_a_message_that_is_no_transitions_gets_one_sentence(members: dict[str, Any]) -> None:
    with pytest.raises(EventError, match="cannot be read") as raised:
        parse_transitions(body(**members))
    assert "\n" not in str(raised.value)


def test_a_notice_is_read_as_the_ledger_writes_it() -> None:
    (told,) = notice()
    message = parse_message(told.body)
    assert isinstance(message, ReleaseMessage)
    assert message.release == request()
    assert (message.part, message.parts, message.running, message.concerned) == (1, 1, 1, 1)
    ((entry,),) = (message.clusters,)
    assert (entry.cluster, [each.name for each in entry.capacities]) == (CLUSTER_ID, [runs().name])


def test_either_type_of_the_topics_messages_is_read() -> None:
    assert parse_message(body()) == parse_transitions(body())
    with pytest.raises(EventError, match="type 'release' instead of 'transitions'"):
        parse_transitions(notice()[0].body)
    with pytest.raises(EventError, match="type 'audit' instead of 'transitions' or 'release'"):
        parse_message(REQUEST.body())


@pytest.mark.parametrize(
    "members",
    [
        {"release": {}},
        {"release": None},
        {"event_id": ""},
        {"move": "first"},
        {"totals": {"clusters": 1}},
        {"clusters": [{"cluster": "shop", "capacities": []}]},
        {"clusters": [{"cluster": {}, "capacities": [{"kind": "pet"}]}]},
    ],
)
def test_a_message_that_is_no_notice_gets_one_sentence(members: dict[str, Any]) -> None:
    with pytest.raises(EventError, match="the release message cannot be read") as raised:
        parse_message(json.dumps(json.loads(notice()[0].body) | members))
    assert "\n" not in str(raised.value)


def test_newer_messages_are_told_apart_whatever_their_shape() -> None:
    for parse in (parse_audit_request, parse_transitions, parse_message):
        with pytest.raises(NewerMessageError, match="schema_version 7"):
            parse('{"schema_version": 7, "wholly": "new"}')


MEMBERS = [*json.loads(body()), *json.loads(notice()[0].body), "capacities", "old", "new", "partition", "region"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(MEMBERS), inner),
    )
)
def test_no_json_document_breaks_the_readers(document: object) -> None:
    for kind, parse in (("audit", parse_audit_request), ("transitions", parse_message), ("release", parse_message)):
        whole = {"schema_version": 1, "type": kind} | document if isinstance(document, dict) else document
        with pytest.raises(EventError):
            parse(json.dumps(whole))


def test_an_offset_is_kept_as_the_same_instant() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=9)))
    assert parse_audit_request(changed(not_before=local.isoformat())).not_before == NOW
