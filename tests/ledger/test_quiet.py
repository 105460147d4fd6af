"""Windows, held messages, sequences, threads and turns: on moto's DynamoDB, and on the one that crash tests use."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from eks_auditor.ledger import quiet as module
from eks_auditor.ledger.outbox import BODY_LIMIT
from eks_auditor.ledger.patience import BACKOFF
from eks_auditor.ledger.quiet import FORGOTTEN_LIMIT, Held, Quiet, Thread, UnreadableError
from tests.ledger.conftest import TABLE
from tests.ledger.in_memory import InMemory
from tests.sinks.fakes import refused

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WINDOW = timedelta(seconds=60)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["moto", "memory"])
def client(request: pytest.FixtureRequest) -> "DynamoDBClient | InMemory":
    return InMemory() if request.param == "memory" else request.getfixturevalue("dynamodb")


@pytest.fixture
def quiet(client: Any, clock: Clock) -> Quiet:  # noqa: ANN401  either client
    return Quiet(client, TABLE, clock, lambda _: None)


def bodies(held: tuple[Held, ...]) -> list[str]:
    return [each.body for each in held]


def test_who_opens_a_window_first_has_it(quiet: Quiet, clock: Clock) -> None:
    assert quiet.open("a", WINDOW) == "a"
    assert quiet.open("b", WINDOW) == "a"
    assert quiet.open("a", WINDOW) == "a"
    clock.now += WINDOW - timedelta(microseconds=1)
    assert quiet.open("b", WINDOW) == "a", "opening it again makes it no longer"
    clock.now += timedelta(microseconds=1)
    assert quiet.open("b", WINDOW) == "b"


def test_a_closed_window_is_open_to_anybody(quiet: Quiet) -> None:
    quiet.open("a", WINDOW)
    quiet.close("b")
    assert quiet.is_open("a")
    assert quiet.open("b", WINDOW) == "a"
    quiet.close("a")
    assert not quiet.is_open("a")
    assert quiet.open("b", WINDOW) == "b"
    assert (quiet.is_open("a"), quiet.is_open("b")) == (False, True)


def test_what_is_held_is_read_once_its_window_is_closed(quiet: Quiet) -> None:
    quiet.open("a", WINDOW)
    assert quiet.hold("a", "1", "one")
    assert quiet.hold("a", "2", "two")
    assert quiet.hold("a", "2", "two")
    assert quiet.held() == ()
    quiet.close("a")
    held = quiet.held()
    assert bodies(held) == ["one", "two"]
    quiet.forget(held[:1])
    assert bodies(quiet.held()) == ["two"]


def test_nothing_is_held_in_a_window_that_is_closed_or_another_ones(quiet: Quiet) -> None:
    assert not quiet.hold("a", "1", "one")
    quiet.open("b", WINDOW)
    assert not quiet.hold("a", "1", "one")
    quiet.close("b")
    assert quiet.held() == ()


def test_what_a_lost_flush_left_is_found_by_any_later_one(quiet: Quiet, clock: Clock) -> None:
    quiet.open("a", WINDOW)
    quiet.hold("a", "1", "one")
    clock.now += WINDOW
    quiet.open("b", WINDOW)
    quiet.hold("b", "2", "two")
    assert bodies(quiet.held()) == ["one"]
    quiet.close("b")
    assert bodies(quiet.held()) == ["one", "two"]


def test_windows_whose_names_begin_alike_are_told_apart(quiet: Quiet, clock: Clock) -> None:
    quiet.open("ab", WINDOW)
    quiet.hold("ab", "1", "one")
    clock.now += WINDOW
    quiet.open("a", WINDOW)
    assert bodies(quiet.held()) == ["one"]


def test_reading_stops_at_its_limit_and_finds_the_rest_the_next_time(
    quiet: Quiet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_LIMIT", 1)
    quiet.open("a", WINDOW)
    for number in range(150):
        quiet.hold("a", f"{number:03}", f"{number} {'x' * 20_000}")
    quiet.close("a")
    found: list[str] = []
    while held := quiet.held():
        found += bodies(held)
        quiet.forget(held)
    assert [int(each.split(" ")[0]) for each in found] == list(range(150))


def test_a_sequence_that_was_shown_never_goes_back(quiet: Quiet) -> None:
    assert quiet.shown(["a", "b"]) == {}
    quiet.mark_shown({"a": 2, "b": 5})
    quiet.mark_shown({"a": 3, "b": 4, "c": 1})
    assert quiet.shown(["a", "b", "c", "d"]) == {"a": 3, "b": 5, "c": 1}


def test_many_are_marked_and_read(quiet: Quiet) -> None:
    many = {f"finding-{number} \u202e<!channel>": number for number in range(1, 251)}
    quiet.mark_shown(many)
    assert quiet.shown(list(many)) == many


def test_a_thread_is_of_one_cluster_and_day(quiet: Quiet) -> None:
    today = date(2026, 11, 23)
    assert quiet.thread("arn:shop", today) is None
    quiet.keep_thread("arn:shop", today, Thread("C1", "1.000001"))
    quiet.keep_thread("arn:shop", today, Thread("C2", "2.000001"))
    assert quiet.thread("arn:shop", today) == Thread("C2", "2.000001")
    assert quiet.thread("arn:shop", date(2026, 11, 24)) is None
    assert quiet.thread("arn:other", today) is None


def test_one_has_the_turn_until_it_ends_or_its_time_is_over(quiet: Quiet, clock: Clock) -> None:
    assert quiet.take_turn("a", WINDOW)
    assert not quiet.take_turn("b", WINDOW)
    assert not quiet.take_turn("a", WINDOW), "the same message may be delivered twice at once"
    quiet.end_turn("b")
    assert not quiet.take_turn("b", WINDOW)
    quiet.end_turn("a")
    assert quiet.take_turn("b", WINDOW)
    clock.now += WINDOW
    assert quiet.take_turn("a", WINDOW)
    quiet.end_turn("b")
    assert not quiet.take_turn("b", WINDOW)


def test_every_item_is_known_by_its_key_and_most_expire(quiet: Quiet, client: Any) -> None:  # noqa: ANN401  either client
    quiet.open("a", WINDOW)
    quiet.hold("a", "1", "one")
    quiet.mark_shown({"finding": 1})
    quiet.keep_thread("arn", date(2026, 11, 23), Thread("C1", "1.0"))
    quiet.take_turn("a", WINDOW)
    items = client.scan(TableName=TABLE)["Items"]
    assert {item["cluster"]["S"] for item in items} == {"slack"}
    assert {item["schema_version"]["N"] for item in items} == {"1"}
    days = {
        item["item"]["S"].partition("#")[0]: (int(item["expires_at"]["N"]) - NOW.timestamp()) / 86_400
        for item in items
        if "expires_at" in item
    }
    assert days == {"HELD": 14, "SHOWN": 30, "THREAD": 3}


def test_what_a_newer_release_holds_is_left_alone_and_keeps_nobody_waiting(
    quiet: Quiet,
    client: Any,  # noqa: ANN401  either client
) -> None:
    item = {"cluster": {"S": "slack"}, "item": {"S": "HELD#a#1"}, "schema_version": {"N": "2"}, "body": {"S": "?"}}
    client.put_item(TableName=TABLE, Item=item)
    quiet.open("b", WINDOW)
    quiet.hold("b", "2", "two")
    quiet.close("b")
    held = quiet.held()
    assert bodies(held) == ["two"]
    quiet.forget(held)
    assert quiet.held() == ()
    assert "HELD#a#1" in {each["item"]["S"] for each in client.scan(TableName=TABLE)["Items"]}


def test_what_is_held_takes_little_room(quiet: Quiet, client: Any) -> None:  # noqa: ANN401  either client
    body = json.dumps([{"name": f"web-{number}", "reason": "superseded 34 days ago"} for number in range(1_000)])
    quiet.open("a", WINDOW)
    quiet.hold("a", "1", body)
    (kept,) = (each["body"]["B"] for each in client.scan(TableName=TABLE)["Items"] if "body" in each)
    assert len(bytes(kept)) < len(body) / 5
    quiet.close("a")
    assert bodies(quiet.held()) == [body]


class Contended(InMemory):
    """Somebody else is in the way of the first few writes."""

    def __init__(self, times: int, code: str = "TransactionConflict") -> None:
        super().__init__()
        self.times = times
        self.code = code

    def _do(self, name: str, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if not self.times or name not in ("transact_write_items", "put_item", "delete_item"):
            return super()._do(name, call)
        self.times -= 1
        if name != "transact_write_items":
            raise refused(error=f"{self.code}Exception", call=name)
        error = refused(error="TransactionCanceledException", call="TransactWriteItems")
        error.response["CancellationReasons"] = [{"Code": "None"}, {"Code": self.code}]
        raise error


WRITES: dict[str, Callable[[Quiet], object]] = {
    "open": lambda quiet: quiet.open("a", WINDOW),
    "close": lambda quiet: quiet.close("a"),
    "hold": lambda quiet: quiet.hold("a", "1", "one"),
    "forget": lambda quiet: quiet.forget([Held("HELD#a#1", "one")]),
    "mark_shown": lambda quiet: quiet.mark_shown({"a": 1}),
    "keep_thread": lambda quiet: quiet.keep_thread("arn", date(2026, 11, 23), Thread("C1", "1.0")),
    "take_turn": lambda quiet: quiet.take_turn("a", WINDOW),
    "end_turn": lambda quiet: quiet.end_turn("a"),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_write_that_meets_others_is_tried_again_and_any_other_error_is_none_of_it(
    clock: Clock, write: str, code: str
) -> None:
    slept: list[float] = []

    def meeting(times: int, code: str) -> Quiet:
        return Quiet(Contended(times, code), TABLE, clock, slept.append)  # type: ignore[arg-type]  # a fake of its calls

    WRITES[write](meeting(3, code if write in TRANSACTIONS else code.replace("Error", "")))
    assert slept == list(BACKOFF[:3])
    with pytest.raises(ClientError):
        WRITES[write](meeting(99, "TransactionConflict"))
    assert slept[3:] == list(BACKOFF)
    with pytest.raises(ClientError):
        WRITES[write](meeting(1, "Validation"))
    assert len(slept) == 3 + len(BACKOFF)


TRANSACTIONS = ("hold", "forget", "mark_shown")


def test_a_window_that_is_open_is_not_written(clock: Clock) -> None:
    client = InMemory()
    quiet = Quiet(client, TABLE, clock, lambda _: None)  # type: ignore[arg-type]  # a fake of its calls
    quiet.open("a", WINDOW)
    client.calls.clear()
    assert quiet.open("b", WINDOW) == "a"
    assert client.calls == ["get_item"]


def test_messages_are_forgotten_within_the_size_of_a_transaction(clock: Clock) -> None:
    client = InMemory()
    quiet = Quiet(client, TABLE, clock, lambda _: None)  # type: ignore[arg-type]  # a fake of its calls
    quiet.forget([Held(f"HELD#a#{number}", "") for number in range(41)])
    assert client.calls == ["transact_write_items"] * 3
    assert FORGOTTEN_LIMIT * BODY_LIMIT <= 4 * 1024 * 1024


def test_what_dynamodb_never_reads_is_an_error_and_not_unshown(clock: Clock) -> None:
    class Throttled(InMemory):
        def batch_get_item(self, **call: Any) -> dict[str, Any]:  # noqa: ANN401  botocore's arguments
            return {"Responses": {}, "UnprocessedKeys": call["RequestItems"]}

    with pytest.raises(UnreadableError, match="1 items"):
        Quiet(Throttled(), TABLE, clock, lambda _: None).shown(["a"])  # type: ignore[arg-type]  # a fake of its calls


def meanwhile(other: Callable[[Quiet], object], at: int, clock: Clock) -> Quiet:
    """A ledger of which somebody else makes use just before our call of a number."""
    items: dict[tuple[str, str], Any] = {}
    ours, theirs = InMemory(items), InMemory(items)
    quiet = Quiet(theirs, TABLE, clock, lambda _: None)  # type: ignore[arg-type]  # a fake of its calls
    ours.before[at] = partial(other, quiet)
    return Quiet(ours, TABLE, clock, lambda _: None)  # type: ignore[arg-type]  # the same


@pytest.mark.parametrize("at", [0, 1])
def test_of_two_openers_one_wins(clock: Clock, at: int) -> None:
    quiet = meanwhile(lambda other: other.open("b", WINDOW), at, clock)
    assert quiet.open("a", WINDOW) == "b"


def test_a_flush_between_losing_and_holding_is_seen(clock: Clock) -> None:
    quiet = meanwhile(lambda other: other.close("a"), 2, clock)
    assert quiet.open("a", WINDOW) == "a"
    assert not quiet.hold("a", "1", "one")


@pytest.mark.parametrize("at", range(7))
def test_a_hold_at_any_moment_of_a_flush_is_read_by_it_or_refused(clock: Clock, at: int) -> None:
    held: list[bool] = []
    quiet = meanwhile(lambda other: held.append(other.hold("a", "1", "one")), at, clock)
    quiet.open("a", WINDOW)
    quiet.close("a")
    read = bodies(quiet.held())
    assert read == (["one"] if held == [True] else [])


@pytest.mark.parametrize("at", range(3, 7))
def test_a_window_that_opens_while_another_is_read_keeps_what_it_holds(clock: Clock, at: int) -> None:
    def opens_and_holds(other: Quiet) -> None:
        other.open("b", WINDOW)
        assert other.hold("b", "2", "two")

    quiet = meanwhile(opens_and_holds, at, clock)
    quiet.open("a", WINDOW)
    quiet.close("a")
    assert quiet.held() == ()
    quiet.close("b")
    assert bodies(quiet.held()) == ["two"]
