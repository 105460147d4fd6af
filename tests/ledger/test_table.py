"""The ledger in DynamoDB: what its items say, what its expressions let through, and what they keep out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from eks_auditor.ledger.documents import NewerLedgerError, finding_item, key, outbox_of
from eks_auditor.ledger.patience import BACKOFF
from eks_auditor.ledger.saving import ContendedError, FencedOut, Saved
from eks_auditor.ledger.table import DUE_WINDOW, Ledger
from eks_auditor.ledger.transaction import Fence, FencedError, Part, RecordWrite
from eks_auditor.model.capacity import KINDS
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Audit, Change, State, sequence_of
from eks_auditor.model.instant import NEVER, written
from eks_auditor.model.verdict import Severity
from tests.ledger.build import (
    CLUSTER,
    CREATED_AGAIN,
    LINE,
    ONE_OPEN,
    at,
    audit,
    deletion,
    finding,
    head,
    passed,
    record,
    running,
    unknown,
)
from tests.ledger.conftest import TABLE
from tests.plan.releasing import notice

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SAVED_AT = at(1000)


@pytest.fixture
def ledger(dynamodb: "DynamoDBClient") -> Ledger:
    return Ledger(dynamodb, TABLE, clock=lambda: SAVED_AT, sleep=_never)


def _never(seconds: float) -> None:
    message = f"nothing was in the way, and yet it waited {seconds} s"
    raise AssertionError(message)


def saved(ledger: Ledger, now: Audit, *, hub: bool = False) -> Saved:
    result = ledger.save(now, hub=hub)
    assert isinstance(result, Saved)
    return result


def items(client: "DynamoDBClient") -> dict[str, dict[str, Any]]:
    """Every item of the table by its sort key."""
    return {item["item"]["S"]: dict(item) for item in client.scan(TableName=TABLE)["Items"]}


def seconds(instant: datetime) -> str:
    return str(int(instant.timestamp()))


FINDING = finding_item(finding().id)


class TestSave:
    def test_writes_head_findings_and_their_announcement(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        result = saved(ledger, audit(10, finding(), passed("api")))
        assert (result.parts, result.whole, result.counts) == (1, True, {Change.OPENED: 1})
        assert set(items(dynamodb)) == {"HEAD", FINDING, f"OUTBOX#{written(at(10))}#baseline#0001"}
        assert ledger.head(CLUSTER) == head(10, saved_at=SAVED_AT, revision=1, open=ONE_OPEN)
        assert ledger.load(CLUSTER) == (ledger.head(CLUSTER), {finding().id: record(minutes=10)}, {})

    def test_that_changes_nothing_still_moves_head(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        saved(ledger, audit(10, finding()))
        before = items(dynamodb)
        assert saved(ledger, audit(20, finding())).transitions == ()
        after = items(dynamodb)
        assert after.pop("HEAD") != before.pop("HEAD")
        assert after == before
        assert ledger.head(CLUSTER) == head(20, saved_at=SAVED_AT, revision=2, open=ONE_OPEN)

    @pytest.mark.parametrize("minutes", [5, 10])
    def test_drops_an_audit_that_is_not_newer_and_says_so(
        self, ledger: Ledger, dynamodb: "DynamoDBClient", minutes: float
    ) -> None:
        saved(ledger, audit(10, finding()))
        before = items(dynamodb)
        result = ledger.save(audit(minutes, passed()), hub=False)
        assert result == FencedOut(head=head(10, saved_at=SAVED_AT, open=ONE_OPEN), parts=0)
        assert items(dynamodb) == before

    def test_leaves_a_retryable_gap_unsaved(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        saved(ledger, audit(10, finding()))
        assert not saved(ledger, audit(20, passed(), retryable=True)).whole
        assert "saved_at" not in items(dynamodb)["HEAD"]
        assert ledger.load(CLUSTER)[1][finding().id].state is State.RESOLVED
        assert saved(ledger, audit(30, passed())).whole
        assert ledger.head(CLUSTER) == head(30, saved_at=SAVED_AT, revision=3)

    def test_knows_nothing_of_the_deletion_of_what_it_never_knew(
        self, ledger: Ledger, dynamodb: "DynamoDBClient"
    ) -> None:
        assert saved(ledger, deletion(10)) == Saved(transitions=(), parts=0, whole=True)
        assert items(dynamodb) == {}

    def test_goes_on_after_the_table_was_lost(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        (before,) = saved(ledger, audit(10, finding())).transitions
        for name in items(dynamodb):
            dynamodb.delete_item(TableName=TABLE, Key=key(CLUSTER.arn, name))
        (after,) = saved(ledger, audit(20, finding())).transitions
        assert after.finding.id == before.finding.id
        assert after.sequence > before.sequence
        assert after.baseline

    def test_takes_120_transitions_in_three_parts(self, ledger: Ledger) -> None:
        words = [finding(f"group-{number:03}") for number in range(120)]
        result = saved(ledger, audit(10, *words))
        assert (result.parts, len(result.transitions)) == (3, 120)
        keys = list(ledger.unrelayed(at(20)))
        announced = [ledger.outbox(each) for each in keys]
        assert [(o.part, o.parts, o.body.count('"change_id"')) for o in announced if o] == [
            (1, 3, 50),
            (2, 3, 50),
            (3, 3, 20),
        ]
        assert len(ledger.load(CLUSTER)[1]) == 120

    def test_remembers_when_the_autoscaler_was_seen(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        saved(ledger, audit(10))
        assert "autoscaler_seen_at" not in items(dynamodb)["HEAD"]
        saved(ledger, audit(20, autoscaler_seen_at=at(20)))
        saved(ledger, audit(30))
        known = ledger.head(CLUSTER)
        assert known is not None
        assert (known.autoscaler_seen_at, known.karpenter_seen_at) == (at(20), None)
        assert "karpenter_seen_at" not in items(dynamodb)["HEAD"]
        saved(ledger, audit(40, karpenter_seen_at=at(40)))
        known = ledger.head(CLUSTER)
        assert known is not None
        assert (known.autoscaler_seen_at, known.karpenter_seen_at) == (None, at(40))

    def test_keeps_findings_of_names_that_fit_no_key(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        names = ["\N{SNOWMAN}" * 400, "x" * 400, "\N{SNOWMAN}"]
        saved(ledger, audit(10, *(finding(name) for name in names)))
        assert {r.finding.subject.name for r in ledger.load(CLUSTER)[1].values()} == set(names)
        assert all(len(name.encode()) <= 1024 for name in items(dynamodb))
        saved(ledger, audit(20, *(passed(name) for name in names)))
        assert {r.state for r in ledger.load(CLUSTER)[1].values()} == {State.RESOLVED}

    def test_keeps_clusters_apart(self, ledger: Ledger) -> None:
        other = ClusterId("aws-cn", "111122223333", "cn-north-1", "shop")
        saved(ledger, audit(10, finding()))
        saved(ledger, audit(5, cluster=other))
        assert ledger.load(other)[1] == {}
        assert list(ledger.load(CLUSTER)[1]) == [finding().id]


class _Between:
    """A client that does something else just before the first transaction."""

    def __init__(self, client: "DynamoDBClient", meanwhile: Callable[[], object], times: int = 1) -> None:
        self._client = client
        self._meanwhile = meanwhile
        self._times = times

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  any method of the client
        return getattr(self._client, name)

    def transact_write_items(self, **request: Any) -> object:  # noqa: ANN401  the request
        if self._times:
            self._times -= 1
            self._meanwhile()
        return self._client.transact_write_items(**request)


def beside(dynamodb: "DynamoDBClient", meanwhile: Callable[[], object], times: int = 1) -> Ledger:
    client: Any = _Between(dynamodb, meanwhile, times)
    return Ledger(client, TABLE, clock=lambda: SAVED_AT, sleep=_never)


class TestAnotherAuditBetween:
    def test_that_is_older_is_compared_with_anew(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        late = beside(dynamodb, lambda: saved(ledger, audit(10, finding())))
        result = late.save(audit(20, passed()), hub=False)
        assert isinstance(result, Saved)
        assert [t.change for t in result.transitions] == [Change.RESOLVED]

    def test_that_is_newer_fences_this_one_out(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        saved(ledger, audit(0))
        late = beside(dynamodb, lambda: saved(ledger, audit(20, passed())))
        result = late.save(audit(10, finding()), hub=False)
        assert result == FencedOut(head=head(20, saved_at=SAVED_AT, revision=2), parts=0)
        assert ledger.load(CLUSTER)[1] == {}

    def test_that_comes_again_and_again_is_given_way(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        minutes = iter(range(1, 100))
        late = beside(dynamodb, lambda: saved(ledger, audit(next(minutes))), times=100)
        with pytest.raises(ContendedError, match="came between 5 times"):
            late.save(audit(200, finding()), hub=False)
        assert ledger.load(CLUSTER)[1] == {}

    def test_between_two_parts_ends_this_one_half_way(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        words = [finding(f"group-{number:03}") for number in range(60)]
        newer_ones = iter([[], [audit(20, *words)]])
        late = beside(dynamodb, lambda: [saved(ledger, each) for each in next(newer_ones)], times=2)
        result = late.save(audit(10, *words), hub=False)
        assert isinstance(result, FencedOut)
        assert (result.parts, result.head.taken_at) == (1, at(20))
        firsts = [r.first_seen for r in ledger.load(CLUSTER)[1].values()]
        assert (firsts.count(at(10)), firsts.count(at(20))) == (50, 10)


class TestFence:
    """DynamoDB's conditions, as each part carries them; that they are enforced is what all else rests on."""

    @pytest.mark.parametrize(
        "fence",
        [
            Fence(revision=None),
            Fence(revision=2),
            Fence(revision=0),
            Fence(revision=1, before=at(10)),
            Fence(revision=1, before=at(5)),
        ],
    )
    def test_that_does_not_hold_lets_nothing_through(
        self, ledger: Ledger, dynamodb: "DynamoDBClient", fence: Fence
    ) -> None:
        saved(ledger, audit(10))
        before = items(dynamodb)
        write = RecordWrite(record=record(), transition=True)
        with pytest.raises(FencedError):
            ledger.write(Part(fence=fence, head=head(20, revision=2), writes=(write,)))
        assert items(dynamodb) == before

    def test_that_holds_lets_all_through(self, ledger: Ledger) -> None:
        saved(ledger, audit(10))
        write = RecordWrite(record=record(), transition=True)
        ledger.write(Part(fence=Fence(revision=1, before=at(20)), head=head(20, revision=2), writes=(write,)))
        assert ledger.load(CLUSTER) == (head(20, revision=2), {finding().id: record()}, {})

    @pytest.mark.parametrize("fence", [Fence(revision=0), Fence(revision=1, before=at(20))])
    def test_asks_for_a_head_where_there_was_one(self, ledger: Ledger, fence: Fence) -> None:
        with pytest.raises(FencedError):
            ledger.write(Part(fence=fence, head=head()))
        assert ledger.head(CLUSTER) is None


class _Failing:
    """A client whose writes fail as told before they succeed."""

    def __init__(self, client: "DynamoDBClient", *failures: ClientError) -> None:
        self._client = client
        self._failures = list(failures)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  any method of the client
        if name not in ("transact_write_items", "update_item") or not self._failures:
            return getattr(self._client, name)
        return self._fail

    def _fail(self, **_: object) -> None:
        raise self._failures.pop(0)


def cancelled(*codes: str) -> ClientError:
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"},
        "CancellationReasons": [{"Code": code} for code in codes],
    }
    return ClientError(response, "TransactWriteItems")


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "UpdateItem")


def failing(dynamodb: "DynamoDBClient", *failures: ClientError) -> tuple[Ledger, list[float]]:
    client: Any = _Failing(dynamodb, *failures)
    pauses: list[float] = []
    return Ledger(client, TABLE, clock=lambda: SAVED_AT, sleep=pauses.append), pauses


class TestPatience:
    @pytest.mark.parametrize(
        "failure",
        [
            cancelled("None", "TransactionConflict"),
            cancelled("ThrottlingError"),
            cancelled("ProvisionedThroughputExceeded", "None"),
            refused("ThrottlingException"),
        ],
    )
    def test_waits_for_what_passes(self, dynamodb: "DynamoDBClient", failure: ClientError) -> None:
        ledger, pauses = failing(dynamodb, failure, failure)
        assert isinstance(ledger.save(audit(10, finding()), hub=False), Saved)
        assert pauses == list(BACKOFF[:2])

    def test_ends(self, dynamodb: "DynamoDBClient") -> None:
        ledger, pauses = failing(dynamodb, *[cancelled("TransactionConflict")] * 20)
        with pytest.raises(ClientError, match="Transaction cancelled"):
            ledger.save(audit(10, finding()), hub=False)
        assert pauses == list(BACKOFF)

    @pytest.mark.parametrize("codes", [("ConditionalCheckFailed",), ("ConditionalCheckFailed", "TransactionConflict")])
    def test_is_not_spent_on_a_condition_that_failed(self, dynamodb: "DynamoDBClient", codes: tuple[str, ...]) -> None:
        ledger, pauses = failing(dynamodb, cancelled(*codes))
        with pytest.raises(FencedError):
            ledger.write(Part(fence=Fence(revision=None), head=head()))
        assert pauses == []

    def test_is_not_spent_on_what_stays(self, dynamodb: "DynamoDBClient") -> None:
        ledger, pauses = failing(dynamodb, cancelled("None", "ItemCollectionSizeLimitExceeded"))
        with pytest.raises(ClientError):
            ledger.save(audit(10, finding()), hub=False)
        assert pauses == []

    def test_waits_while_an_audit_writes_what_the_hub_took(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        saved(ledger, audit(10, finding()))
        patient, pauses = failing(dynamodb, refused("TransactionConflictException"))
        patient.mark_imported(CLUSTER.arn, finding().id, sequence_of(at(10)), at(10))
        assert ledger.load(CLUSTER)[1][finding().id].hub_at == at(10)
        assert pauses == [BACKOFF[0]]


class TestHub:
    def test_what_it_took_is_noted_and_not_sent_again(self, ledger: Ledger) -> None:
        (opened,) = saved(ledger, audit(10, finding()), hub=True).transitions
        (refreshed,) = saved(ledger, audit(20, finding()), hub=True).transitions
        assert (refreshed.change, refreshed.sequence) == (Change.REFRESHED, opened.sequence)
        ledger.mark_imported(CLUSTER.arn, finding().id, refreshed.sequence, at(20))
        assert ledger.load(CLUSTER)[1] == {finding().id: record(minutes=10, hub_at=at(20))}
        assert saved(ledger, audit(30, finding()), hub=True).transitions == ()

    def test_outlives_a_silent_write(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        saved(ledger, audit(10, finding()))
        mark = (CLUSTER.arn, finding().id, sequence_of(at(10)), at(10))
        late = beside(dynamodb, lambda: ledger.mark_imported(*mark))
        late.save(audit(20, finding(reason="another reason")), hub=False)
        kept = ledger.load(CLUSTER)[1][finding().id]
        assert kept == record(finding(reason="another reason"), minutes=10, hub_at=at(10))

    def test_ends_with_a_transition(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        saved(ledger, audit(10, finding()))
        mark = (CLUSTER.arn, finding().id, sequence_of(at(10)), at(10))
        late = beside(dynamodb, lambda: ledger.mark_imported(*mark))
        late.save(audit(20, finding(severity=Severity.LOW)), hub=False)
        ledger.mark_imported(*mark)
        assert ledger.load(CLUSTER)[1][finding().id].hub_at is None

    def test_is_never_set_back(self, ledger: Ledger) -> None:
        saved(ledger, audit(10, finding()))
        for minutes in (20, 10):
            ledger.mark_imported(CLUSTER.arn, finding().id, sequence_of(at(10)), at(minutes))
        assert ledger.load(CLUSTER)[1][finding().id].hub_at == at(20)

    def test_makes_no_finding_that_is_not_kept(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        ledger.mark_imported(CLUSTER.arn, finding().id, 1, at(10))
        assert items(dynamodb) == {}


class TestNewerSchema:
    @pytest.mark.parametrize("name", ["HEAD", FINDING])
    def test_is_left_alone(self, ledger: Ledger, dynamodb: "DynamoDBClient", name: str) -> None:
        saved(ledger, audit(10, finding()))
        newer(dynamodb, name)
        before = items(dynamodb)
        with pytest.raises(NewerLedgerError, match=r"schema version 2.* knows up to 1"):
            ledger.save(audit(20, passed()), hub=False)
        ledger.mark_imported(CLUSTER.arn, finding().id, sequence_of(at(10)) + (name == "HEAD"), at(10))
        assert items(dynamodb) == before

    def test_is_not_published(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        saved(ledger, audit(10, finding()))
        (announcement,) = ledger.unrelayed(at(20))
        newer(dynamodb, announcement.item)
        with pytest.raises(NewerLedgerError, match="OUTBOX#"):
            ledger.outbox(announcement)


def newer(dynamodb: "DynamoDBClient", name: str) -> None:
    dynamodb.update_item(
        TableName=TABLE,
        Key=key(CLUSTER.arn, name),
        UpdateExpression="SET schema_version = :two",
        ExpressionAttributeValues={":two": {"N": "2"}},
    )


class TestExpiry:
    def test_is_only_for_findings_that_are_closed(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        saved(ledger, audit(10, finding()))
        assert "expires_at" not in items(dynamodb)[FINDING]
        saved(ledger, audit(20, passed()))
        assert items(dynamodb)[FINDING]["expires_at"] == {"N": seconds(at(20) + timedelta(days=180))}
        saved(ledger, audit(30, finding()))
        assert "expires_at" not in items(dynamodb)[FINDING]
        saved(ledger, audit(40, checks=frozenset()))
        assert items(dynamodb)[FINDING]["expires_at"] == {"N": seconds(at(40) + timedelta(days=180))}

    def test_of_head_begins_with_the_clusters_deletion(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        saved(ledger, audit(10, finding()))
        assert "expires_at" not in items(dynamodb)["HEAD"]
        saved(ledger, deletion(20))
        assert items(dynamodb)["HEAD"]["expires_at"] == {"N": seconds(at(20) + timedelta(days=180))}
        saved(ledger, audit(30, created_at=CREATED_AGAIN))
        assert "expires_at" not in items(dynamodb)["HEAD"]

    def test_of_an_announcement_begins_when_it_was_relayed(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        saved(ledger, audit(10, finding()))
        (announcement,) = ledger.unrelayed(at(20))
        assert "expires_at" not in items(dynamodb)[announcement.item]
        ledger.mark_relayed(announcement, at(20))
        ledger.mark_relayed(announcement, at(90))
        item = items(dynamodb)[announcement.item]
        assert item["relayed_at"] == {"S": written(at(20))}
        assert item["expires_at"] == {"N": seconds(at(20) + timedelta(days=30))}


class TestIndexes:
    def test_known_are_the_clusters_that_are_there(self, ledger: Ledger) -> None:
        other = replace(CLUSTER, name="other", region="us-east-1")
        gone = replace(CLUSTER, name="gone", account="444455556666")
        for cluster in (CLUSTER, other, gone):
            saved(ledger, audit(10, cluster=cluster))
        assert set(ledger.known()) == {CLUSTER, other, gone}
        assert ledger.known(region="us-east-1") == [other]
        assert ledger.known(account="444455556666") == [gone]
        assert ledger.known(account="444455556666", region="us-east-1") == []
        saved(ledger, replace(deletion(20), cluster=gone))
        assert set(ledger.known()) == {CLUSTER, other}
        saved(ledger, audit(30, cluster=gone, created_at=CREATED_AGAIN))
        assert set(ledger.known()) == {CLUSTER, other, gone}

    def test_due_are_the_clusters_whose_time_has_come(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        later = replace(CLUSTER, name="later")
        never = replace(CLUSTER, name="never")
        saved(ledger, audit(10, finding(due_at=at(60))))
        saved(ledger, audit(10, finding(due_at=at(61)), cluster=later))
        saved(ledger, audit(10, finding(), cluster=never))
        assert ledger.due(at(59)) == []
        assert ledger.due(at(60)) == [CLUSTER]
        assert ledger.due(at(120)) == [CLUSTER, later]
        assert {item["due_at"]["S"] for item in dynamodb.scan(TableName=TABLE)["Items"] if "due_at" in item} == {
            written(at(60)),
            written(at(61)),
            NEVER,
        }

    def test_due_no_longer_is_what_no_audit_has_moved_for_a_day(self, ledger: Ledger) -> None:
        saved(ledger, audit(10, finding(due_at=at(60))))
        assert ledger.due(at(60) + DUE_WINDOW) == [CLUSTER]
        assert ledger.due(at(60) + DUE_WINDOW + timedelta(microseconds=1)) == []

    def test_unrelayed_are_the_announcements_without_their_mark(self, ledger: Ledger) -> None:
        saved(ledger, audit(10, finding()))
        saved(ledger, audit(20, passed()))
        first, second = ledger.unrelayed(at(21))
        assert (first.item, second.item) == (
            f"OUTBOX#{written(at(10))}#baseline#0001",
            f"OUTBOX#{written(at(20))}#news#0001",
        )
        assert list(ledger.unrelayed(at(20))) == [first]
        ledger.mark_relayed(first, at(30))
        assert list(ledger.unrelayed(at(21))) == [second]

    def test_an_announcement_that_expired_stays_gone(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        saved(ledger, audit(10, finding()))
        (announcement,) = ledger.unrelayed(at(20))
        dynamodb.delete_item(TableName=TABLE, Key=key(announcement.cluster, announcement.item))
        ledger.mark_relayed(announcement, at(30))
        assert ledger.outbox(announcement) is None

    def test_all_pages_are_read(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        """DynamoDB answers 1 MB a page; these findings take more than two."""
        large = {"text": "x" * 60_000}
        words = [finding(f"group-{number:02}", evidence=large) for number in range(40)]
        assert saved(ledger, audit(10, *words)).parts > 10
        assert len(ledger.load(CLUSTER)[1]) == 40
        assert "LastEvaluatedKey" in dynamodb.query(
            TableName=TABLE,
            KeyConditionExpression="#cluster = :cluster",
            ExpressionAttributeNames={"#cluster": "cluster"},
            ExpressionAttributeValues={":cluster": {"S": CLUSTER.arn}},
        )


def test_an_announcement_reads_the_same_from_the_table_and_from_its_stream(
    ledger: Ledger, dynamodb: "DynamoDBClient"
) -> None:
    saved(ledger, audit(10, finding(), unknown("api")))
    (announcement,) = ledger.unrelayed(at(20))
    outbox = ledger.outbox(announcement)
    assert outbox is not None
    assert outbox == outbox_of(items(dynamodb)[announcement.item])
    assert (outbox.key, outbox.audit_id, outbox.saved_at) == (announcement, "audit-10", SAVED_AT)
    ledger.mark_relayed(announcement, at(30))
    assert ledger.outbox(announcement) == replace(outbox, relayed_at=at(30))


def test_head_is_read_before_all_else_and_all_of_it_consistently(dynamodb: "DynamoDBClient") -> None:
    """The other way round, an audit between the reads would be compared with findings older than its HEAD."""
    reads: list[tuple[str, object]] = []

    def note(params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401  botocore's
        reads.append((model.name, params.get("ConsistentRead")))

    dynamodb.meta.events.register("provide-client-params.dynamodb.*", note)
    Ledger(dynamodb, TABLE, clock=lambda: SAVED_AT, sleep=_never).load(CLUSTER)
    dynamodb.meta.events.unregister("provide-client-params.dynamodb.*", note)
    assert reads == [("GetItem", True), ("Query", True), ("Query", True)]


def test_every_kind_of_state_survives_the_table(ledger: Ledger) -> None:
    words = [finding("a"), finding("b", confirm=True), finding("c", due_at=at(99))]
    saved(ledger, audit(10, *words, complete=dict.fromkeys(KINDS, False)))
    past = ledger.head(CLUSTER)
    assert past is not None
    assert (past.sightings, past.due_at) == ({words[1].id: at(10)}, at(70))
    assert past.checks == {"ZONE003"}


def test_the_actions_declared_are_the_calls_made(dynamodb: "DynamoDBClient") -> None:
    """A transaction is authorised by the actions in it."""
    made: set[str] = set()
    client: Any = _Listening(dynamodb, made)
    ledger = Ledger(client, TABLE, clock=lambda: SAVED_AT, sleep=_never)

    def calls(use: Callable[[], object]) -> set[str]:
        made.clear()
        use()
        return {f"dynamodb:{name}" for name in made}

    ledger.save(audit(5, running=(running(),)), hub=True)
    assert calls(lambda: ledger.save(audit(10, finding()), hub=True)) == Ledger.AUDIT_ACTIONS
    (announcement,) = ledger.unrelayed(at(20))
    planning = calls(lambda: (ledger.known(), ledger.due(at(20)), ledger.running("aws", "eu-west-1", LINE)))
    planning |= calls(lambda: ledger.announce(notice()))
    assert planning == Ledger.PLAN_ACTIONS
    relay = calls(lambda: (list(ledger.unrelayed(at(20))), ledger.outbox(announcement)))
    relay |= calls(lambda: ledger.mark_relayed(announcement, at(20)))
    assert relay == Ledger.RELAY_ACTIONS
    imported = calls(lambda: ledger.mark_imported(CLUSTER.arn, finding().id, sequence_of(at(10)), at(10)))
    assert imported == Ledger.IMPORT_ACTIONS


class _Listening:
    """A client that notes the IAM actions of its calls."""

    def __init__(self, client: "DynamoDBClient", made: set[str]) -> None:
        client.meta.events.register("provide-client-params.dynamodb.*", self._note)
        self._client = client
        self._made = made

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  any method of the client
        return getattr(self._client, name)

    def _note(self, params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401  botocore's
        if model.name == "TransactWriteItems":
            self._made |= {f"{verb}Item" for action in params["TransactItems"] for verb in action}
        else:
            self._made.add(model.name)
