"""What is announced, how it is cut, and that every message keeps its contract."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.findings.diff import diff
from eks_auditor.ledger.outbox import BODY_LIMIT, Outbox, TransitionTooLargeError, compose
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Finding
from eks_auditor.model.history import Audit, Change, Record, State, Transition
from eks_auditor.model.verdict import Severity
from tests.ledger.build import (
    CLUSTER,
    CREATED_AGAIN,
    at,
    audit,
    deletion,
    finding,
    head,
    not_applicable,
    passed,
    record,
)

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "transitions-1.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def told(now: Audit, *records: Record, first: bool = False) -> tuple[Transition, ...]:
    past = None if first else head()
    return diff(past, {each.finding.id: each for each in records}, now, hub=True).transitions


def composed(now: Audit, transitions: Sequence[Transition]) -> list[Outbox]:
    return [outbox for outbox, _ in compose(now, transitions, saved_at=at(99))]


def bodies(now: Audit, transitions: Sequence[Transition]) -> list[dict[str, Any]]:
    documents = [json.loads(outbox.body) for outbox in composed(now, transitions)]
    for document in documents:
        VALIDATOR.validate(document)
    return documents


def test_a_message_says_what_happened_to_which_cluster() -> None:
    now = audit(10, finding(severity=Severity.CRITICAL), passed("api"))
    transitions = told(now, record(), record(finding("api")))
    (body,) = bodies(now, transitions)
    assert body == {
        "schema_version": 1,
        "type": "transitions",
        "class": "news",
        "audit_id": "audit-10",
        "taken_at": "2026-11-23T12:10:00.000000Z",
        "part": 1,
        "parts": 1,
        "cluster": {
            "arn": CLUSTER.arn,
            "partition": "aws",
            "account": "111122223333",
            "region": "eu-west-1",
            "name": "shop",
        },
        "counts": {
            "opened": 0,
            "reopened": 0,
            "worse": 1,
            "better": 0,
            "exempted": 0,
            "resolved": 1,
            "withdrawn": 0,
            "refreshed": 0,
        },
        "transitions": [
            {
                "change_id": transition.change_id,
                "change": change,
                "sequence": 1795435800000000,
                "first_seen": "2026-11-23T12:00:00.000000Z",
                "baseline": False,
                "previous_severity": previous,
                "finding": transition.finding.document(),
            }
            for transition, change, previous in zip(transitions, ("worse", "resolved"), ("HIGH", None), strict=True)
        ],
    }


def test_news_baseline_and_refreshes_are_never_mixed() -> None:
    now = audit(10, finding("new"), finding("first", check_id="ZONE003"), finding("old"), passed("mended"))
    past = head(checks=frozenset({"ZONE002"}))
    records = {each.finding.id: each for each in (record(finding("old")), record(finding("mended")))}
    documents = bodies(now, diff(past, records, now, hub=True).transitions)
    names = {
        document["class"]: [transition["finding"]["subject"]["name"] for transition in document["transitions"]]
        for document in documents
    }
    assert names == {"news": ["mended", "new"], "baseline": ["first"], "refresh": ["old"]}
    assert [(d["part"], d["parts"]) for d in documents] == [(1, 1)] * 3


def test_120_transitions_are_three_messages_the_worst_first() -> None:
    words = [finding(f"group-{n:03}", severity=Severity(n % 5)) for n in range(120)]
    documents = bodies(audit(10, *words), told(audit(10, *words)))
    assert [(d["part"], d["parts"], d["counts"]["opened"]) for d in documents] == [(1, 3, 50), (2, 3, 50), (3, 3, 20)]
    rungs = [Severity[t["finding"]["severity"]] for d in documents for t in d["transitions"]]
    assert rungs == sorted(rungs, reverse=True)
    assert len({t["change_id"] for d in documents for t in d["transitions"]}) == 120


@pytest.mark.parametrize("text", ["x" * 30_000, "\N{SNOWMAN}" * 6_000, '"' * 20_000, "\x00" * 6_000])
def test_a_message_is_bounded_whatever_people_put_into_names(text: str) -> None:
    words = [finding(f"group-{n:02}", evidence={"text": text}) for n in range(40)]
    outboxes = composed(audit(10, *words), told(audit(10, *words)))
    assert len(outboxes) > 4
    for outbox in outboxes:
        assert len(outbox.body.encode()) <= BODY_LIMIT
    assert sum(len(json.loads(outbox.body)["transitions"]) for outbox in outboxes) == 40


def test_the_longest_names_leave_room_for_the_envelope() -> None:
    cluster = ClusterId("aws-iso-b", "111122223333", "us-isob-east-1", "c" * 100)
    almost = 200 * 1024 - 4 * 1024 - 1_200
    now = audit(10, finding(evidence={"text": "x" * almost}), cluster=cluster, audit_id="a" * 200)
    (outbox,) = composed(now, told(now))
    assert almost < len(outbox.body) <= BODY_LIMIT


def test_a_transition_that_fits_no_message_is_refused_by_name() -> None:
    now = audit(10, finding(evidence={"text": "x" * BODY_LIMIT}))
    with pytest.raises(TransitionTooLargeError, match=r"opened transition of eks-auditor/.*/web takes .* bytes"):
        composed(now, told(now))


def test_numbers_that_json_lacks_are_refused() -> None:
    now = audit(10, finding(evidence={"share": float("nan")}))
    with pytest.raises(ValueError, match="not JSON compliant"):
        composed(now, told(now))


SCALARS = st.text(max_size=20) | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
FAILURES = st.lists(
    st.builds(
        lambda name, severity, reason, evidence: finding(name, severity=severity, reason=reason, evidence=evidence),
        st.text("abcdefgh\N{SNOWMAN}", min_size=1, max_size=3),
        st.sampled_from(Severity),
        st.text(max_size=40),
        st.dictionaries(st.text(min_size=1, max_size=8), SCALARS, max_size=3),
    ),
    unique_by=lambda each: each.id,
    max_size=8,
)
NEXT = st.sampled_from(
    [
        lambda words: audit(20, *words),
        lambda words: audit(20, *(passed(each.subject.name) for each in words)),
        lambda words: audit(20, *(not_applicable(each.subject.name) for each in words)),
        lambda words: audit(20, *(finding(each.subject.name, severity=Severity.MEDIUM) for each in words)),
        lambda words: audit(20, *words, created_at=CREATED_AGAIN),
        lambda _: audit(20),
        lambda _: audit(20, checks=frozenset()),
        lambda _: deletion(20),
    ]
)


@given(FAILURES, NEXT, st.booleans())
def test_every_message_keeps_the_contract(words: list[Finding], then: Any, first: bool) -> None:  # noqa: ANN401, FBT001  hypothesis gives them by position
    now = audit(10, *words)
    opened = diff(None if first else head(), {}, now, hub=True)
    records = {each.finding.id: each for each in opened.records}
    later = then(words)
    closed = diff(opened.head, records, later, hub=True)
    reopened = diff(
        closed.head, records | {each.finding.id: each for each in closed.records}, audit(30, *words), hub=True
    )
    for of, changes in ((now, opened), (later, closed), (audit(30, *words), reopened)):
        documents = bodies(of, changes.transitions)
        assert [t["change_id"] for d in documents for t in d["transitions"]] == [
            t.change_id for t in sorted(changes.transitions, key=_class_order)
        ]


def _class_order(transition: Transition) -> int:
    return 2 if transition.change is Change.REFRESHED else int(transition.baseline)


def test_the_schema_refuses_what_is_no_transition() -> None:
    now = audit(10, finding())
    (body,) = bodies(now, told(now))
    body["transitions"][0]["finding"]["status"] = "UNKNOWN"
    with pytest.raises(jsonschema.ValidationError, match="'UNKNOWN' is not one of"):
        VALIDATOR.validate(body)


def test_a_record_that_is_closed_is_no_refresh() -> None:
    assert told(audit(10, passed()), record(passed(), state=State.RESOLVED)) == ()
