"""The fake that the order tests run on lets through, refuses and keeps what DynamoDB does."""

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eks_auditor.findings.diff import diff
from eks_auditor.ledger.runs import runs_of, runs_writes, still_running
from eks_auditor.ledger.table import Ledger
from eks_auditor.ledger.transaction import FencedError, Part, plan_parts
from eks_auditor.model.history import Audit, Head
from eks_auditor.model.verdict import Severity
from tests.ledger.build import CLUSTER, CREATED_AGAIN, at, audit, deletion, finding, passed, running
from tests.ledger.conftest import create
from tests.ledger.fake import FakeTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NUMBERS = count(1)

AUDITS = (
    st.tuples(
        st.integers(0, 5),
        st.lists(
            st.sampled_from(
                [
                    finding("a"),
                    finding("a", severity=Severity.LOW),
                    finding("b", confirm=True),
                    finding("b", reason="another reason", evidence={"share": 0.25, "count": 3, "on": False}),
                    passed("c"),
                    finding("c"),
                ]
            ),
            unique_by=lambda each: each.id,
        ),
        st.booleans(),
        st.lists(
            st.sampled_from(
                [
                    running(),
                    running("api", superseded_since=at(-90)),
                    running("api", "ami-0f00", version=None),
                    running("b\ud800\n", "imagebuilder/111122223333/golden", kind="self-managed", version=None),
                ]
            ),
            unique=True,
        ),
    ).map(lambda drawn: audit(drawn[0], *drawn[1], retryable=drawn[2], running=tuple(drawn[3])))
    | st.integers(0, 5).map(deletion)
    | st.integers(0, 5).map(lambda minutes: audit(minutes, finding("a"), created_at=CREATED_AGAIN))
)


def written(table: FakeTable | Ledger, part: Part) -> bool:
    try:
        table.write(part)
    except FencedError:
        return False
    return True


def planned(table: FakeTable | Ledger, now: Audit, off: int) -> tuple[Part, ...]:
    """What an audit would write now, or would have written at another revision, or on an empty table."""
    head, records, runs = table.load(CLUSTER)
    loaded: Head | None = None if head is None or off < -1 else replace(head, revision=head.revision + off)
    known = (each for part in runs.values() for each in part)
    changed = runs_writes(runs, runs_of(still_running(known, now)))
    return plan_parts(loaded, diff(loaded, records, now, hub=True), now, now=at(99), runs=changed)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(AUDITS, st.sampled_from([0, 0, 0, 0, -1, 1, -2])), max_size=8))
def test_the_fake_and_dynamodb_agree(moto: "DynamoDBClient", drawn: list[tuple[Audit, int]]) -> None:
    name = f"ledger-{next(NUMBERS)}"
    create(moto, name)
    fake, ledger = FakeTable(), Ledger(moto, name, clock=lambda: at(99), sleep=lambda _: None)
    for now, off in drawn:
        for part in planned(fake, now, off):
            assert written(fake, part) is written(ledger, part)
            assert ledger.load(CLUSTER) == fake.load(CLUSTER)
    announced = {key.item: ledger.outbox(key) for key in ledger.unrelayed(at(100))}
    assert announced == fake.outbox
