"""What a cluster runs: kept beside its findings, under the same fence, and found by what is run."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.findings.diff import diff
from eks_auditor.ledger.documents import NewerLedgerError, key, transact_items
from eks_auditor.ledger.runs import (
    RUNS_BYTES,
    Runs,
    RunsWrite,
    running_of_document,
    runs_document,
    runs_of,
    runs_writes,
    still_running,
)
from eks_auditor.ledger.saving import Saved
from eks_auditor.ledger.table import Ledger
from eks_auditor.ledger.transaction import Part, plan_parts
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Audit, Running
from tests.ledger.build import CLUSTER, CREATED_AGAIN, LINE, at, audit, deletion, finding, head, running, untargeting
from tests.ledger.conftest import TABLE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WEB, BATCH = running(), running("batch", kind="self-managed", version="20261019", superseded_since=at(-500))
IMAGE = running("batch", "ami-0f00", kind="self-managed", version=None)
UNREAD = frozenset({("self-managed", "batch")})
HERE = ("aws", "eu-west-1")


@pytest.fixture
def ledger(dynamodb: "DynamoDBClient") -> Ledger:
    return Ledger(dynamodb, TABLE, clock=lambda: at(1000), sleep=lambda _: None)


def save(ledger: Ledger, now: Audit) -> None:
    assert isinstance(ledger.save(now, hub=False), Saved)


def kept(ledger: Ledger) -> set[Running]:
    return {each for part in ledger.load(CLUSTER)[2].values() for each in part}


def items(client: "DynamoDBClient") -> dict[str, dict[str, Any]]:
    return {item["item"]["S"]: dict(item) for item in client.scan(TableName=TABLE)["Items"]}


class TestSave:
    def test_writes_an_item_for_each_key(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        save(ledger, audit(10, running=(WEB, BATCH, IMAGE)))
        assert set(items(dynamodb)) == {"HEAD", f"RUNS#{LINE}", "RUNS#ami-0f00"}
        item = items(dynamodb)[f"RUNS#{LINE}"]
        assert item["runs"] == {"S": f"aws/eu-west-1/{LINE}"}
        assert kept(ledger) == {WEB, BATCH, IMAGE}

    def test_of_the_same_writes_head_alone(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        save(ledger, audit(10, finding(), running=(WEB, BATCH, IMAGE)))
        written: list[list[str]] = []

        def note(params: dict[str, Any], **_: object) -> None:
            written.append([verb for action in params["TransactItems"] for verb in action])

        event = "provide-client-params.dynamodb.TransactWriteItems"
        dynamodb.meta.events.register(event, note)
        save(ledger, audit(20, finding(), running=(IMAGE, BATCH, WEB)))
        dynamodb.meta.events.unregister(event, note)
        assert written == [["Put"]]

    def test_writes_only_the_keys_that_changed(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        save(ledger, audit(10, running=(WEB, IMAGE)))
        before = items(dynamodb)
        save(ledger, audit(20, running=(replace(WEB, superseded_since=at(15)), IMAGE)))
        after = items(dynamodb)
        assert {name for name in after if after[name] != before[name]} == {"HEAD", f"RUNS#{LINE}"}

    def test_forgets_what_is_no_longer_run(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        save(ledger, audit(10, running=(WEB, BATCH, IMAGE)))
        save(ledger, audit(20, running=(WEB,)))
        assert kept(ledger) == {WEB}
        assert "RUNS#ami-0f00" not in items(dynamodb)

    def test_keeps_what_may_still_run_on_a_capacity_that_was_not_read(self, ledger: Ledger) -> None:
        save(ledger, audit(10, running=(WEB, BATCH, IMAGE)))
        newer = replace(WEB, version="20261123")
        save(ledger, audit(20, running=(newer,), unread=UNREAD))
        assert kept(ledger) == {newer, BATCH, IMAGE}
        newest = replace(BATCH, version="20261123")
        save(ledger, audit(30, running=(newer, newest), unread=UNREAD))
        assert kept(ledger) == {newer, newest, IMAGE}

    def test_forgets_what_runs_no_longer_though_something_else_is_never_read(self, ledger: Ledger) -> None:
        """Else a node group that was updated or deleted long ago would be told of its old line's releases for ever."""
        gone, updated = running("gone"), running(key="al2023/standard/x86_64/1.36")
        save(ledger, audit(10, running=(WEB, gone, BATCH)))
        save(ledger, audit(20, running=(updated,), unread=UNREAD))
        assert kept(ledger) == {updated, BATCH}

    def test_of_a_kind_that_was_not_listed_keeps_what_was_not_found(self, ledger: Ledger) -> None:
        other = running("other", kind="self-managed")
        save(ledger, audit(10, running=(WEB, BATCH, IMAGE, other)))
        save(ledger, audit(20, running=(BATCH,), complete={"managed": True, "self-managed": False}))
        assert kept(ledger) == {BATCH, other}

    @pytest.mark.parametrize("ending", [deletion, untargeting])
    def test_of_a_clusters_end_forgets_all(self, ledger: Ledger, dynamodb: "DynamoDBClient", ending: Any) -> None:  # noqa: ANN401  one of two builders
        save(ledger, audit(10, running=(WEB, BATCH, IMAGE)))
        save(ledger, ending(20))
        assert set(items(dynamodb)) == {"HEAD"}
        assert ledger.running(*HERE, LINE) == []

    def test_of_a_new_life_forgets_the_old_one_even_if_little_was_read(self, ledger: Ledger) -> None:
        save(ledger, audit(10, running=(WEB, IMAGE)))
        save(ledger, audit(20, running=(BATCH,), complete={}, unread=UNREAD, created_at=CREATED_AGAIN))
        assert kept(ledger) == {BATCH}

    def test_of_what_a_newer_release_wrote_is_refused(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        save(ledger, audit(10, running=(WEB,)))
        dynamodb.update_item(
            TableName=TABLE,
            Key=key(CLUSTER.arn, f"RUNS#{LINE}"),
            UpdateExpression="SET schema_version = :two",
            ExpressionAttributeValues={":two": {"N": "2"}},
        )
        before = items(dynamodb)
        with pytest.raises(NewerLedgerError, match="RUNS#"):
            ledger.save(audit(20), hub=False)
        with pytest.raises(NewerLedgerError, match="RUNS#"):
            ledger.running(*HERE, LINE)
        assert items(dynamodb) == before


class TestIndex:
    def test_finds_the_clusters_of_a_region_that_run_a_key(self, ledger: Ledger) -> None:
        places = [("aws", "eu-west-1", "a"), ("aws", "eu-west-1", "b"), ("aws", "us-east-1", "c")]
        for partition, region, name in (*places, ("aws-cn", "eu-west-1", "d")):
            save(ledger, audit(10, cluster=ClusterId(partition, "111122223333", region, name), running=(WEB, IMAGE)))
        save(ledger, audit(10, cluster=replace(CLUSTER, name="other"), running=(running(key="al2023/x"),)))
        found = ledger.running(*HERE, LINE)
        assert [(each.name, capacities) for each, capacities in found] == [("a", (WEB,)), ("b", (WEB,))]
        assert [each.name for each, _ in ledger.running(*HERE, "ami-0f00")] == ["a", "b"]
        assert ledger.running(*HERE, "ami-0") == []

    def test_finds_all_capacities_of_a_cluster_that_one_item_cannot_hold(
        self, ledger: Ledger, dynamodb: "DynamoDBClient"
    ) -> None:
        many = tuple(running(f"{number:04}{'x' * 250}") for number in range(700))
        save(ledger, audit(10, running=many))
        assert {f"RUNS#{LINE}", f"RUNS#{LINE}#2", f"RUNS#{LINE}#3"} <= set(items(dynamodb))
        ((found, capacities),) = ledger.running(*HERE, LINE)
        assert (found, set(capacities)) == (CLUSTER, set(many))
        save(ledger, audit(20, running=(WEB,)))
        assert set(items(dynamodb)) == {"HEAD", f"RUNS#{LINE}"}


class TestParts:
    @pytest.mark.parametrize("keys", [1, 95, 300])
    @pytest.mark.parametrize("name", ["x" * 60, "\N{SNOWMAN}" * 255])
    def test_no_transaction_is_more_than_dynamodb_takes(self, keys: int, name: str) -> None:
        all_of_it = [running(f"{name}{number}", f"ami-{key:017x}") for key in range(keys) for number in range(8)]
        parts = planned(audit(10, finding(), running=tuple(all_of_it)))
        for part in parts:
            actions = transact_items(part, "ledger")
            assert len(actions) <= 100
            assert len(str(actions)) < 4_000_000
        assert {each for part in parts for write in part.runs for each in write.running} == set(all_of_it)
        assert [part.head.saved_at is None for part in parts] == [True] * (len(parts) - 1) + [False]

    def test_what_is_told_stands_in_no_transaction_with_what_runs(self) -> None:
        first, second = planned(audit(10, finding(), running=(WEB,)))
        assert (first.outbox is None, first.runs) == (False, ())
        assert (second.outbox, second.runs) == (None, (RunsWrite(f"RUNS#{LINE}", (WEB,)),))


def planned(now: Audit) -> tuple[Part, ...]:
    writes = runs_writes({}, runs_of(still_running((), now)))
    return plan_parts(head(), diff(head(), {}, now, hub=False), now, now=at(99), runs=writes)


NAMES = st.text(min_size=1, max_size=6) | st.sampled_from(["x" * 255, "\N{SNOWMAN}" * 255])
RUNNING = st.lists(
    st.builds(
        lambda name, key, kind, version, deviations: running(name, key, kind=kind, version=version, **deviations),
        NAMES,
        st.sampled_from([LINE, "ami-1", "imagebuilder/111122223333/golden"]),
        st.sampled_from(["managed", "self-managed", "karpenter"]),
        st.sampled_from(["20261118", None]),
        st.sampled_from(
            [
                {},
                {"own_image": True},
                {"superseded_since": at(1), "judged_from": at(2)},
                {"first_rung": timedelta(days=21)},
                {"off": True},
            ]
        ),
    ),
    unique_by=lambda each: (each.key, each.kind, each.name),
)


@given(RUNNING, RUNNING)
def test_two_states_differ_by_what_is_written(before: list[Running], after: list[Running]) -> None:
    one, other = runs_of(before), runs_of(after)
    state: dict[str, tuple[Running, ...]] = dict(one)
    for write in runs_writes(one, other):
        state.pop(write.item, None)
        if write.running:
            state[write.item] = write.running
    assert state == other
    assert runs_writes(other, runs_of(reversed(after))) == ()


@given(RUNNING)
def test_items_hold_all_of_it_and_are_read_back(all_of_it: list[Running]) -> None:
    cut: Runs = runs_of(all_of_it)
    assert {each for part in cut.values() for each in part} == set(all_of_it)
    for part in cut.values():
        document = runs_document(part)
        assert running_of_document(document) == part
        assert len(document.encode()) < RUNS_BYTES + 10_000
        assert len({each.key for each in part}) == 1
