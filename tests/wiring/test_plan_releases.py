"""What a release event, or one about an account's own image, causes: audits of whom it touches, and one notice."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from eks_auditor.events.errors import EventError
from eks_auditor.events.messages import ReleaseMessage, parse_audit_request, parse_message
from eks_auditor.ledger.documents import RELAYED_KEPT, runs_item
from eks_auditor.ledger.outbox import Outbox
from eks_auditor.ledger.runs import RunsWrite
from eks_auditor.ledger.table import Ledger
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Running
from eks_auditor.plan.targets import Place
from eks_auditor.wiring.audit_queue import AuditQueue, NotAskedError
from eks_auditor.wiring.plan_audits import REPLAYED_AFTER, Listed, PlanAudits, PlanLedger
from tests.builders import NOW, days_ago
from tests.ledger.conftest import TABLE, create
from tests.plan.releasing import runs
from tests.wiring.fakes import FakeHeads, FakeSqs, Heard
from tests.wiring.test_plan_audits import HERE, THERE, cluster, load

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OLD, NEW = (load("release")["detail"][each]["release"] for each in ("old", "new"))
LINE = "al2023/standard/x86_64/1.35"
NVIDIA = "al2023/nvidia/x86_64/1.35"
ELSEWHERE = Place("aws", "777788889999", "eu-west-1")
OTHER_ACCOUNT = Place("aws", "444455556666", "eu-west-1")


def release(**detail: Any) -> dict[str, Any]:  # noqa: ANN401  any member of the detail
    event = load("release")
    return event | {"detail": event["detail"] | detail}


ROLLBACK = release(
    old=load("release")["detail"]["new"],
    new=load("release")["detail"]["old"],
    rollback=True,
    move=4,
    event_id="ab" * 32,
)


def unlisted(place: Place) -> Listed:
    message = f"the clusters of {place} were listed for an event that names what they run"
    raise AssertionError(message)


class Planning:
    """The function among its neighbours, in two accounts and two Regions; it may list nothing."""

    def __init__(self, ledger: PlanLedger, sqs: FakeSqs | None = None, now: datetime = NOW) -> None:
        self.heard = Heard()
        self.sqs = sqs or FakeSqs()
        self.function = PlanAudits(
            own=HERE,
            places=(HERE, THERE, OTHER_ACCOUNT),
            lister=unlisted,
            ledger=ledger,
            queue=AuditQueue(self.sqs, "https://queue"),  # type: ignore[arg-type]  # a fake of its two calls
            clock=lambda: now,
            ids=lambda: "audit",
            telemetry=self.heard.telemetry,
        )

    def plan(self, event: Mapping[str, Any]) -> dict[str, int]:
        return self.function.plan(event)


def planning(
    runs_of: Mapping[ClusterId, tuple[Running, ...]], sqs: FakeSqs | None = None
) -> tuple[Planning, FakeHeads]:
    ledger = FakeHeads(known=[cluster("never")], runs=runs_of)
    return Planning(ledger, sqs), ledger


def messages(announced: Mapping[Any, Outbox]) -> list[ReleaseMessage]:
    parsed = [parse_message(each.body) for each in announced.values()]
    return [each for each in parsed if isinstance(each, ReleaseMessage)]


SHOP = {
    cluster("shop"): (runs(version=OLD), runs("gpu", key=NVIDIA, version=OLD)),
    cluster("bank", OTHER_ACCOUNT): (runs("batch", OLD, kind="self-managed"), runs("new", NEW)),
    cluster("gpu"): (runs("gpu", key=NVIDIA, version=OLD),),
    cluster("abroad", THERE): (runs(version=OLD),),
    cluster("foreign", ELSEWHERE): (runs(version=OLD),),
}


def test_a_release_audits_the_targets_that_run_its_line_in_its_region_and_nothing_else() -> None:
    planned, _ = planning(SHOP)
    assert planned.plan(release()) == {"audits": 2}
    assert planned.sqs.clusters == ["shop", "bank"]
    request = parse_audit_request(planned.sqs.bodies[0])
    assert request.cause == f"release {NEW} of {LINE}"
    assert request.not_before == NOW


def test_a_release_is_announced_once_with_what_it_supersedes() -> None:
    planned, ledger = planning(SHOP)
    planned.plan(release())
    (message,) = messages(ledger.announced)
    assert (message.running, message.concerned) == (2, 2)
    assert [(entry.cluster.name, [each.name for each in entry.capacities]) for entry in message.clusters] == [
        ("shop", ["web"]),
        ("bank", ["batch"]),
    ]
    assert "gave notice" in planned.heard.sentences[-1]


def test_a_release_that_was_built_again_is_audited_and_not_announced() -> None:
    planned, ledger = planning(SHOP)
    new = load("release")["detail"]["new"]
    assert planned.plan(release(old=new | {"image_id": "ami-0f0f0f0f0f0f0f0f0"})) == {"audits": 2}
    assert ledger.announced == {}


def test_an_event_that_comes_again_asks_again_and_announces_nothing() -> None:
    planned, ledger = planning(SHOP)
    planned.plan(release())
    before = dict(ledger.announced)
    ledger.runs |= {cluster(f"new-{number}"): (runs(version=OLD),) for number in range(3_000)}
    assert planned.plan(release()) == {"audits": 3_002}
    assert ledger.announced == before


AT = datetime.fromisoformat(load("release")["detail"]["observed_at"])


@pytest.mark.parametrize("event", [release(), ROLLBACK])
@pytest.mark.parametrize(("days", "notices"), [(28.9, 1), (29.1, 0), (400, 0)])
def test_an_event_replayed_after_its_notice_may_be_forgotten_asks_and_announces_nothing(
    event: dict[str, Any], days: float, notices: int
) -> None:
    ledger = FakeHeads(runs=SHOP)
    planned = Planning(ledger, now=AT + timedelta(days=days))
    assert planned.plan(event) == {"audits": 2}
    assert len(ledger.announced) == notices
    assert any("gave no notice" in sentence for sentence in planned.heard.sentences) == (notices == 0)


def test_a_notice_is_remembered_for_as_long_as_its_event_gives_it() -> None:
    assert REPLAYED_AFTER < RELAYED_KEPT


def test_a_release_that_nobody_runs_asks_for_nothing_and_tells_nobody() -> None:
    planned, ledger = planning({each: SHOP[each] for each in SHOP if each.name in ("gpu", "abroad", "foreign")})
    assert planned.plan(release()) == {"audits": 0}
    assert (planned.sqs.bodies, ledger.announced) == ([], {})


def test_a_rollback_audits_again_and_says_that_nothing_is_due() -> None:
    planned, ledger = planning({cluster("quick"): (runs(version=NEW),), cluster("shop"): (runs(version=OLD),)})
    assert planned.plan(ROLLBACK) == {"audits": 2}
    (message,) = messages(ledger.announced)
    assert parse_audit_request(planned.sqs.bodies[0]).cause == f"rollback to {OLD} of {LINE}"
    assert message.release.rollback
    assert [(entry.cluster.name, entry.capacities[0].first_rung_at) for entry in message.clusters] == [("quick", None)]


def test_a_release_and_its_rollback_are_two_notices() -> None:
    planned, ledger = planning(SHOP)
    for event in (release(), ROLLBACK, release(move=5), release(), ROLLBACK):
        planned.plan(event)
    assert [message.release.move for message in messages(ledger.announced)] == [3, 4, 5]


def test_a_notice_waits_for_its_audits() -> None:
    """Should the queue refuse some, the event is tried again, and tells people then."""
    planned, ledger = planning(SHOP, FakeSqs(refuse={"shop": 2}))
    with pytest.raises(NotAskedError):
        planned.plan(release())
    assert ledger.announced == {}
    planned.plan(release())
    assert len(ledger.announced) == 1


def test_a_release_of_no_such_version_is_said_and_kept_by_lambda() -> None:
    planned, ledger = planning(SHOP)
    with pytest.raises(EventError):
        planned.plan(release(new={"release": "newest", "image_id": "ami-0"}))
    assert len(planned.heard.warnings) == 1
    assert (planned.sqs.bodies, ledger.announced) == ([], {})


@pytest.mark.parametrize(
    ("event", "key"),
    [
        ("image_state_changed", "ami-0abcdef1234567890"),
        ("image_built", "imagebuilder/111111111111/hardened-al2023"),
    ],
)
def test_an_image_of_the_accounts_own_audits_who_runs_it_and_tells_nobody(event: str, key: str) -> None:
    own = runs("golden", key=key, version=None)
    planned, ledger = planning({cluster("golden"): (own,), cluster("shop"): (runs(),), cluster("far", THERE): (own,)})
    assert planned.plan(load(event)) == {"audits": 1}
    assert planned.sqs.clusters == ["golden"]
    assert load(event)["detail-type"] in parse_audit_request(planned.sqs.bodies[0]).cause
    assert ledger.announced == {}


MANY = 5_000


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> "Iterator[DynamoDBClient]":
    """A ledger of so many clusters with two capacities each, all of them on one line."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    runs_it = RunsWrite(f"RUNS#{LINE}", (runs(version=OLD), runs("batch", OLD, kind="self-managed")))
    with mock_aws():
        client: DynamoDBClient = boto3.client("dynamodb", region_name="eu-west-1")
        create(client, TABLE)
        items = (runs_item(cluster(f"c{number:04}"), runs_it) for number in range(MANY))
        for batch in batched(items, 25, strict=False):
            client.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": item}} for item in batch]})
        yield client


def test_many_clusters_cost_pages_of_the_index_and_parts_of_the_notice_and_no_call_each(
    dynamodb: "DynamoDBClient",
) -> None:
    calls: Counter[str] = Counter()

    def note(model: Any, **_: object) -> None:  # noqa: ANN401  botocore's
        calls[model.name] += 1

    dynamodb.meta.events.register("before-call.dynamodb", note)
    ledger = Ledger(dynamodb, TABLE, clock=lambda: NOW, sleep=lambda _: None)
    planned = Planning(ledger)
    assert planned.plan(release()) == {"audits": MANY}
    cost = dict(calls)
    assert planned.sqs.batches == [10] * (MANY // 10)
    told = [json.loads(part.body) for key in ledger.unrelayed(days_ago(-1)) if (part := ledger.outbox(key))]
    names = [entry["cluster"]["name"] for body in told for entry in body["clusters"]]
    assert sorted(names) == [f"c{number:04}" for number in range(MANY)]
    assert {body["totals"]["capacities"] for body in told} == {2 * MANY}
    pages = -(-len(json.dumps(runs_item(cluster("c0000"), RunsWrite("", (runs(), runs()))))) * MANY // 1_000_000)
    assert 1 < cost.pop("Query") <= pages
    assert cost == {"GetItem": 1, "PutItem": len(told)}
    assert len(told) < 20
