"""How an audit is cut into transactions."""

from collections.abc import Sequence

import pytest

from eks_auditor.findings.diff import diff
from eks_auditor.ledger.documents import transact_items
from eks_auditor.ledger.outbox import BODY_LIMIT, MessageClass, TransitionTooLargeError
from eks_auditor.ledger.transaction import Fence, Part, RecordWrite, plan_parts
from eks_auditor.model.history import Audit, Head, Record
from eks_auditor.model.verdict import Severity
from tests.ledger.build import CREATED_AGAIN, at, audit, deletion, finding, head, passed, record

SAVED_AT = at(99)


def planned(past: Head | None, records: Sequence[Record], now: Audit, *, hub: bool = False) -> tuple[Part, ...]:
    changes = diff(past, {each.finding.id: each for each in records}, now, hub=hub)
    return plan_parts(past, changes, now, now=SAVED_AT)


def many(count: int, *, reason: str = "launches in 1 zone") -> list[Record]:
    return [record(finding(f"group-{number:03}", reason=reason)) for number in range(count)]


def test_an_audit_that_changes_nothing_is_one_part_that_moves_head() -> None:
    (part,) = planned(head(revision=7), [], audit(10))
    assert part == Part(fence=Fence(revision=7, before=at(10)), head=head(10, revision=8, saved_at=SAVED_AT))


def test_the_first_audit_of_all_asks_for_no_head() -> None:
    words = [each.finding for each in many(60)]
    first, second = planned(None, [], audit(10, *words))
    assert first.fence == Fence(revision=None, before=at(10))
    assert second.fence == Fence(revision=1)
    assert first.head == head(10, revision=1, saved_at=None, checks=frozenset())
    assert second.head == head(10, revision=2, saved_at=SAVED_AT, open={("ZONE002", Severity.HIGH): 60})


def test_each_part_asks_for_the_one_before_it() -> None:
    parts = planned(head(revision=7), [], audit(10, *(each.finding for each in many(120))))
    assert [part.fence for part in parts] == [
        Fence(revision=7, before=at(10)),
        Fence(revision=8),
        Fence(revision=9),
    ]
    assert [part.head.revision for part in parts] == [8, 9, 10]
    assert [part.head.saved_at for part in parts] == [None, None, SAVED_AT]
    assert {part.head.taken_at for part in parts} == {at(10)}


def test_what_the_cluster_is_moves_with_the_last_part_only() -> None:
    past = head(revision=7, deleted=True, checks=frozenset({"ZONE003"}), sightings={"x": at(0)}, due_at=at(30))
    words = [finding(f"group-{number:03}", due_at=at(50)) for number in range(60)]
    first, last = planned(past, [], audit(10, *words, created_at=CREATED_AGAIN))
    assert (first.head.created_at, first.head.checks) == (past.created_at, past.checks)
    assert (first.head.sightings, first.head.due_at, first.head.deleted) == (past.sightings, at(30), False)
    assert (last.head.created_at, last.head.sightings, last.head.due_at) == (CREATED_AGAIN, {}, at(50))


def test_a_deletion_counts_once_it_is_whole() -> None:
    first, last = planned(head(), many(60), deletion(10))
    assert (first.head.deleted, last.head.deleted) == (False, True)


def test_a_retryable_gap_leaves_even_the_last_part_unsaved() -> None:
    (part,) = planned(head(), [], audit(10, finding(), retryable=True))
    assert part.head.saved_at is None


def test_a_message_stands_in_the_transaction_of_what_it_announces() -> None:
    kept = [*many(2), record(finding("mended"))]
    now = audit(10, *(each.finding for each in kept[:2]), passed("mended"), finding("first", check_id="ZONE003"))
    parts = planned(head(checks=frozenset({"ZONE002"})), kept, now, hub=True)
    by_class = {
        part.outbox.message_class: [(w.record.finding.subject.name, w.transition) for w in part.writes]
        for part in parts
        if part.outbox is not None
    }
    assert by_class == {
        MessageClass.NEWS: [("mended", True)],
        MessageClass.BASELINE: [("first", True)],
        MessageClass.REFRESH: [],
    }


def test_a_refresh_stands_with_the_content_that_it_tells() -> None:
    now = audit(10, finding(reason="another reason"))
    (part,) = planned(head(), [record()], now, hub=True)
    assert part.writes == (RecordWrite(record=record(finding(reason="another reason")), transition=False),)
    assert part.outbox is not None
    assert part.outbox.message_class is MessageClass.REFRESH


def test_silent_writes_are_announced_by_nobody() -> None:
    now = audit(10, *(each.finding for each in many(200, reason="another reason")))
    parts = planned(head(), many(200), now)
    assert [len(part.writes) for part in parts] == [90, 90, 20]
    assert {part.outbox for part in parts} == {None}
    assert {write.transition for part in parts for write in part.writes} == {False}


@pytest.mark.parametrize("size", [10, 150_000])
def test_no_transaction_is_more_than_dynamodb_takes(size: int) -> None:
    old = many(100)
    evidence = {"text": "x" * size}
    now = audit(
        10,
        *(finding(f"group-{number:03}", evidence=evidence) for number in range(100)),
        *(finding(f"new-{number:03}", evidence=evidence) for number in range(100)),
    )
    parts = planned(head(), old, now)
    for part in parts:
        actions = transact_items(part, "ledger")
        assert len(actions) <= 100
        assert len(str(actions)) < 4_000_000
        keys = [str((action.get("Put", {}).get("Item") or action["Update"]["Key"])["item"]) for action in actions]
        assert len(set(keys)) == len(keys)
    assert sum(len(part.writes) for part in parts) == 200


def test_a_finding_too_large_to_tell_is_refused_even_when_nobody_is_told() -> None:
    now = audit(10, finding(evidence={"text": "x" * BODY_LIMIT}))
    with pytest.raises(TransitionTooLargeError, match=r"finding eks-auditor/.*/web takes .* bytes"):
        planned(head(), [record()], now)
