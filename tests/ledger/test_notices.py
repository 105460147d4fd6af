"""The notice of a release: what it says, how it is cut, and that it is written once for each event."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from eks_auditor.ledger.documents import outbox_of
from eks_auditor.ledger.outbox import BODY_LIMIT, MessageClass, Outbox, OutboxKey
from eks_auditor.ledger.table import Ledger
from tests.builders import CLUSTER_ID, NOW, days_ago
from tests.ledger.build import at
from tests.ledger.conftest import TABLE
from tests.plan.releasing import EVENT_ID, NEW, OLD, OLDER, cluster, notice, request, rollback, runs

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DOCS = Path(__file__).parents[2] / "docs"
VALIDATOR = jsonschema.Draft202012Validator(json.loads((DOCS / "schemas" / "release-notice-1.json").read_text()))
PLACE = "releases/aws/eu-west-1"


def bodies(parts: tuple[Outbox, ...]) -> list[dict[str, Any]]:
    documents = [json.loads(part.body) for part in parts]
    for part, document in zip(parts, documents, strict=True):
        VALIDATOR.validate(document)
        assert part.body.isascii()
        assert len(part.body) <= BODY_LIMIT
    return documents


class TestMessage:
    def test_says_what_was_released_and_what_that_supersedes(self) -> None:
        capacities = (runs(own_image=True), runs("batch", OLDER, days_ago(9), kind="self-managed"), runs("new", NEW))
        (body,) = bodies(notice(clusters={CLUSTER_ID: capacities, cluster(1): (runs("new", NEW),)}))
        assert body == {
            "schema_version": 1,
            "type": "release",
            "class": "release",
            "event_id": EVENT_ID,
            "move": 7,
            "part": 1,
            "parts": 1,
            "release": {
                "partition": "aws",
                "region": "eu-west-1",
                "family": "al2023",
                "variant": "standard",
                "architecture": "x86_64",
                "minor": "1.35",
                "parameter": "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended",
                "old": {"release": OLD, "image_id": "ami-0000000000000001d"},
                "new": {"release": NEW, "image_id": "ami-0000000000000002e"},
                "published_at": "2026-11-23T11:40:00.000000Z",
                "observed_at": "2026-11-23T12:00:00.000000Z",
                "rollback": False,
            },
            "totals": {"clusters": 2, "capacities": 2},
            "clusters": [
                {
                    "cluster": {
                        "arn": CLUSTER_ID.arn,
                        "partition": "aws",
                        "account": "111122223333",
                        "region": "eu-west-1",
                        "name": "shop",
                    },
                    "capacities": [
                        {
                            "kind": "self-managed",
                            "name": "batch",
                            "release": OLDER,
                            "own_image": False,
                            "superseded_since": "2026-11-14T12:00:00.000000Z",
                            "first_rung_at": "2026-11-28T12:00:00.000000Z",
                        },
                        {
                            "kind": "managed",
                            "name": "web",
                            "release": OLD,
                            "own_image": True,
                            "superseded_since": "2026-11-23T11:40:00.000000Z",
                            "first_rung_at": "2026-12-07T11:40:00.000000Z",
                        },
                    ],
                }
            ],
        }

    def test_of_a_rollback_names_no_day(self) -> None:
        (body,) = bodies(notice(rollback(), {CLUSTER_ID: (runs(version=NEW), runs("kept"))}))
        assert body["release"]["rollback"] is True
        assert [each["name"] for entry in body["clusters"] for each in entry["capacities"]] == ["web"]
        body["clusters"][0]["capacities"][0]["first_rung_at"] = "2026-12-07T11:40:00.000000Z"
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate(body)

    def test_is_one_even_where_nothing_is_superseded(self) -> None:
        (body,) = bodies(notice(clusters={CLUSTER_ID: (runs(version=NEW),)}))
        assert (body["totals"], body["clusters"]) == ({"clusters": 1, "capacities": 0}, [])

    def test_stands_where_the_stream_and_the_relay_look(self) -> None:
        (part,) = notice()
        assert part.key == OutboxKey(PLACE, f"OUTBOX#release#{EVENT_ID}#7#0001")
        assert (part.message_class, part.taken_at, part.audit_id) == (MessageClass.RELEASE, NOW, EVENT_ID)

    def test_of_another_move_to_the_same_release_is_another_notice(self) -> None:
        """AWS takes a release back and recommends it again: the event's id is the release's, the move is not."""
        assert notice(request(move=7))[0].key != notice(request(move=9))[0].key

    def test_is_an_example_in_the_docs(self) -> None:
        section = (DOCS / "messages.md").read_text().partition("## Releases")[2]
        VALIDATOR.validate(json.loads(section.partition("```json\n")[2].partition("\n```")[0]))


NAMES = st.text(min_size=1, max_size=4)
HOSTILE = st.sampled_from(["x" * 255, "\N{SNOWMAN}" * 255, '"' * 255, "\x00" * 255, "\U0001f600" * 255])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 90), NAMES | HOSTILE), min_size=1, max_size=40))
def test_every_capacity_is_told_once_in_parts_that_fit(drawn: list[tuple[int, str]]) -> None:
    clusters = {
        cluster(number): tuple(runs(f"{name}{each:03}") for each in range(count))
        for number, (count, name) in enumerate(drawn)
    }
    documents = bodies(notice(clusters=clusters))
    said = [
        (entry["cluster"]["name"], each["name"])
        for document in documents
        for entry in document["clusters"]
        for each in entry["capacities"]
    ]
    assert sorted(said) == sorted((of.name, each.name) for of, capacities in clusters.items() for each in capacities)
    assert [(document["part"], document["parts"]) for document in documents] == [
        (number, len(documents)) for number in range(1, len(documents) + 1)
    ]
    assert {document["totals"]["capacities"] for document in documents} == {len(said)}


@pytest.fixture
def ledger(dynamodb: "DynamoDBClient") -> Ledger:
    return Ledger(dynamodb, TABLE, clock=lambda: NOW, sleep=lambda _: None)


MANY = {cluster(number): tuple(runs(f"web-{each}") for each in range(20)) for number in range(300)}


def waiting(ledger: Ledger) -> list[Outbox]:
    """Every announcement that is to be published."""
    found = [ledger.outbox(key) for key in ledger.unrelayed(at(10_000))]
    return [each for each in found if each is not None]


class TestAnnounce:
    def test_writes_every_part_as_the_relay_finds_it(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        parts = notice(clusters=MANY)
        assert len(parts) > 3
        assert ledger.announce(parts)
        assert sorted(waiting(ledger), key=lambda each: each.part) == list(parts)
        assert [outbox_of(item) for item in dynamodb.scan(TableName=TABLE)["Items"]]

    def test_again_announces_nothing(self, ledger: Ledger) -> None:
        ledger.announce(notice())
        assert not ledger.announce(notice())
        assert waiting(ledger) == list(notice())

    def test_again_announces_nothing_even_if_it_were_longer_by_now(self, ledger: Ledger) -> None:
        ledger.announce(notice())
        assert not ledger.announce(notice(clusters=MANY))
        assert waiting(ledger) == list(notice())

    def test_again_after_it_was_published_announces_nothing(self, ledger: Ledger) -> None:
        (part,) = notice()
        ledger.announce([part])
        ledger.mark_relayed(part.key, NOW)
        assert not ledger.announce([part])
        assert waiting(ledger) == []

    def test_a_second_move_is_announced(self, ledger: Ledger) -> None:
        assert ledger.announce(notice(request(move=7)))
        assert ledger.announce(notice(request(move=9)))
        assert len(waiting(ledger)) == 2

    @pytest.mark.parametrize("written", range(4))
    def test_is_made_good_by_the_next_try(self, ledger: Ledger, dynamodb: "DynamoDBClient", written: int) -> None:
        parts = notice(clusters=MANY)
        client: Any = _Dying(dynamodb, written)
        with pytest.raises(ClientError):
            Ledger(client, TABLE, clock=lambda: NOW, sleep=lambda _: None).announce(parts)
        assert len(waiting(ledger)) == written
        assert ledger.announce(parts)
        assert sorted(waiting(ledger), key=lambda each: each.part) == list(parts)

    @pytest.mark.parametrize("written", range(1, 4))
    def test_composed_otherwise_by_the_next_try_leaves_nobody_out(
        self, ledger: Ledger, dynamodb: "DynamoDBClient", written: int
    ) -> None:
        """Audits go on in between, so it is cut otherwise: what was left of the first try stands in nobody's place."""
        client: Any = _Dying(dynamodb, written)
        with pytest.raises(ClientError):
            Ledger(client, TABLE, clock=lambda: NOW, sleep=lambda _: None).announce(notice(clusters=MANY))
        fewer = {each: MANY[each] for each in list(MANY)[60:]}
        again = notice(clusters=fewer)
        assert len(again) > 2
        assert ledger.announce(again)
        assert {part.key: part for part in waiting(ledger)}.items() >= {part.key: part for part in again}.items()
        assert [part.body for part in waiting(ledger) if part.part == 1] == [again[0].body]
        assert not ledger.announce(notice(clusters=MANY))

    def test_composed_the_same_by_the_next_try_is_the_same(self) -> None:
        assert [part.key for part in notice(clusters=MANY)] == [part.key for part in notice(clusters=MANY)]

    def test_by_two_at_the_same_time_writes_each_part_once(self, ledger: Ledger, dynamodb: "DynamoDBClient") -> None:
        parts = notice(clusters=MANY)
        client: Any = _Beside(dynamodb, lambda: ledger.announce(parts))
        Ledger(client, TABLE, clock=lambda: at(99), sleep=lambda _: None).announce(parts)
        assert sorted(waiting(ledger), key=lambda each: each.part) == list(parts)


class _Dying:
    """A client whose writes fail for good after so many."""

    def __init__(self, client: "DynamoDBClient", writes: int) -> None:
        self._client = client
        self._left = writes

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  any method of the client
        return getattr(self._client, name)

    def put_item(self, **item: Any) -> object:  # noqa: ANN401  the request
        if not self._left:
            raise ClientError({"Error": {"Code": "InternalServerError", "Message": "no"}}, "PutItem")
        self._left -= 1
        return self._client.put_item(**item)


class _Beside:
    """A client beside which somebody else does something before its first write."""

    def __init__(self, client: "DynamoDBClient", meanwhile: Any) -> None:  # noqa: ANN401  whatever it returns
        self._client = client
        self._meanwhile = [meanwhile]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  any method of the client
        return getattr(self._client, name)

    def put_item(self, **item: Any) -> object:  # noqa: ANN401  the request
        while self._meanwhile:
            self._meanwhile.pop()()
        return self._client.put_item(**item)
