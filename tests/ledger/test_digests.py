import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from eks_auditor.findings.digest import Runs, digest_of
from eks_auditor.ledger.digests import TREND, Digests
from eks_auditor.ledger.documents import HEAD, NewerLedgerError, head_item, head_of, key
from eks_auditor.ledger.saving import Saved
from eks_auditor.ledger.table import Ledger
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.coming import Turn
from eks_auditor.model.digest import Digest, Period
from eks_auditor.model.finding import Worsening
from eks_auditor.model.instant import written
from eks_auditor.model.verdict import Severity
from tests.ledger.build import CLUSTER, START, at, audit, deletion, finding, head, passed, running
from tests.ledger.conftest import TABLE
from tests.sinks.digests import coming, digest, freshness

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from eks_auditor.model.history import Audit

SINCE = START - timedelta(days=7)


def save(client: "DynamoDBClient", of: "Audit", minutes: float | None = None) -> None:
    """Save an audit at its own instant, or another."""
    saved_at = of.taken_at if minutes is None else at(minutes)
    ledger = Ledger(client, TABLE, lambda: saved_at, lambda _: None)
    assert isinstance(ledger.save(of, hub=True), Saved)


def digests(client: "DynamoDBClient") -> Digests:
    return Digests(client, TABLE, lambda: START, lambda _: None)


def made(client: "DynamoDBClient", minutes: float = 60, since: float = -60) -> Digest:
    store = digests(client)
    facts = store.facts(at(since), at(minutes))
    return digest_of(store.heads(), facts, at=at(minutes), since=at(since), period=Period.DAILY, trend=store.trend())


def other(name: str = "search") -> ClusterId:
    return replace(CLUSTER, name=name)


def test_what_audits_saved_is_what_is_told(dynamodb: "DynamoDBClient") -> None:
    high, low = finding("web", team="payments"), finding("batch", severity=Severity.LOW)
    save(dynamodb, audit(-90, finding("old"), running=(running("web", superseded_since=START - timedelta(days=40)),)))
    seen = (
        running("web"),
        running("batch", superseded_since=START - timedelta(days=31)),
        running("x", since_known=False),
    )
    save(dynamodb, audit(0, high, low, passed("old"), running=seen))
    save(dynamodb, audit(10, high, passed("batch"), passed("old"), running=seen))
    told = made(dynamodb)
    assert (told.open.total, told.open.teams[0].team) == ({Severity.HIGH: 1}, "payments")
    assert told.opened.total == {Severity.HIGH: 1, Severity.LOW: 1}
    assert Counter(each.name for each in told.closed.worst) == {"old": 1, "batch": 1}
    assert (told.freshness.fresh, told.freshness.judged, told.freshness.unknown) == (1, 2, 1)
    assert told.watched.oldest is not None
    assert told.watched.oldest.taken_at == at(10)


def test_a_first_look_says_so_and_a_refresh_says_nothing(dynamodb: "DynamoDBClient") -> None:
    save(dynamodb, audit(0, finding()))
    save(dynamodb, replace(audit(0, finding()), taken_at=START + timedelta(days=31)))
    told = made(dynamodb, minutes=60 * 24 * 32)
    assert (told.opened.total, told.opened.first_looks) == ({Severity.HIGH: 1}, 1)


def test_a_day_begins_where_the_last_one_ended(dynamodb: "DynamoDBClient") -> None:
    """By when it was saved: what an audit read before a digest and saved after it belongs to the next one."""
    save(dynamodb, audit(0, finding("web"), passed("batch")), minutes=5)
    save(dynamodb, audit(10, finding("web"), finding("batch")), minutes=20)
    counts = [sum(made(dynamodb, until, since).opened.total.values()) for since, until in ((0, 5), (5, 20), (20, 30))]
    assert counts == [0, 1, 1]


def test_a_cluster_that_is_gone_counts_nowhere(dynamodb: "DynamoDBClient") -> None:
    save(dynamodb, audit(0, finding(), running=(running(),)))
    save(dynamodb, replace(audit(0, finding(), running=(running(),)), cluster=other()))
    save(dynamodb, deletion(10))
    told = made(dynamodb)
    assert told.watched.clusters == 1
    assert (sum(told.opened.total.values()), sum(told.closed.total.values()), told.freshness.judged) == (1, 0, 1)


def test_what_comes_is_kept_on_the_head(dynamodb: "DynamoDBClient") -> None:
    worsens = Worsening(at=START + timedelta(days=4), severity=Severity.MEDIUM)
    save(dynamodb, audit(0, passed("web", worsens=worsens), passed("batch", worsens=worsens)))
    (due,) = made(dynamodb).due
    assert (due.cluster, due.coming.turn, due.coming.severity) == (CLUSTER, Turn.OPENS, Severity.MEDIUM)
    assert (due.coming.at, due.coming.names, due.coming.count) == (worsens.at, ("batch", "web"), 2)


def test_a_large_ledger_is_read_page_by_page(dynamodb: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch) -> None:
    save(dynamodb, audit(0, *(finding(f"web-{number:02}", reason="x" * 30_000) for number in range(60))))
    calls: list[Any] = []
    scan = dynamodb.scan

    def counted(**request: Any) -> Any:  # noqa: ANN401  the parameters and the answer of Scan
        calls.append(request)
        return scan(**request | {"Limit": 10})

    monkeypatch.setattr(dynamodb, "scan", counted)
    told = made(dynamodb)
    assert told.open.total == told.opened.total == {Severity.HIGH: 60}
    assert (told.opened.left, len(calls) > 5) == (40, True)


def test_the_trend_is_of_the_last_digests(dynamodb: "DynamoDBClient") -> None:
    store, days = digests(dynamodb), range(TREND + 3)
    assert store.trend() == ()
    sent = [
        digest(at=START + timedelta(days=day), freshness=freshness(day, at=START + timedelta(days=day))) for day in days
    ]
    for each in sent:
        store.remember(each)
    assert store.trend() == tuple(each.freshness for each in sent[3:])


def test_of_a_digest_only_numbers_are_kept_and_not_for_ever(dynamodb: "DynamoDBClient") -> None:
    digests(dynamodb).remember(digest())
    (item,) = dynamodb.scan(TableName=TABLE)["Items"]
    assert item.keys() == {"cluster", "item", "schema_version", "fresh", "judged", "unknown", "expires_at"}
    assert int(item["expires_at"]["N"]) == int((digest().at + timedelta(days=400)).timestamp())


@pytest.mark.parametrize("item", ["FINDING#x", "RUNS#x", "OUTBOX#x"])
def test_what_a_newer_release_wrote_is_no_number(dynamodb: "DynamoDBClient", item: str) -> None:
    newer = {"schema_version": {"N": "99"}, "state": {"S": "OPEN"}, "class": {"S": "news"}}
    newer["saved_at"] = {"S": written(SINCE)}
    dynamodb.put_item(TableName=TABLE, Item=key(CLUSTER.arn, item) | newer)
    with pytest.raises(NewerLedgerError):
        list(digests(dynamodb).facts(SINCE, START))


class TestHead:
    @pytest.mark.parametrize("names", [("web",), ("größe", "web,[]"), ()])
    def test_what_comes_is_read_back_as_written(self, names: tuple[str, ...]) -> None:
        of = head(coming=(coming(*names, count=9), coming(turn=Turn.EXEMPTION_ENDS)), coming_left=3)
        assert head_of(head_item(of)) == of

    def test_a_head_of_an_older_release_says_nothing_of_it(self) -> None:
        item = head_item(head(coming=(coming(),), coming_left=1))
        del item["coming"], item["coming_left"]
        assert (head_of(item).coming, head_of(item).coming_left) == ((), 0)
        assert item.keys() == head_item(head()).keys()

    def test_fifty_entries_take_a_few_kilobytes(self) -> None:
        full = head(coming=tuple(coming("a" * 40, "b" * 40, "c" * 40) for _ in range(50)))
        assert len(json.dumps(head_item(full))) < 16 * 1024
        assert head_item(full)["item"] == {"S": HEAD}


def test_what_is_known_of_a_release_is_kept_with_it(dynamodb: "DynamoDBClient") -> None:
    """An item of before this was known stays as it is: nothing is said where nothing is in doubt."""
    save(dynamodb, audit(0, running=(running("web"), running("batch", since_known=False))))
    (item,) = (each for each in dynamodb.scan(TableName=TABLE)["Items"] if each["item"]["S"].startswith("RUNS#"))
    told = json.loads(item["document"]["S"])["capacities"]
    assert {each["name"]: each.get("since_known") for each in told} == {"web": None, "batch": False}
    runs = [fact.running for fact in digests(dynamodb).facts(SINCE, START) if isinstance(fact, Runs)]
    assert {each.name: each.since_known for each in runs} == {"web": True, "batch": False}
