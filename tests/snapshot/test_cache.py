from datetime import UTC, datetime, timedelta

import pytest

from eks_auditor.plan.targets import Place
from eks_auditor.snapshot.cache import LONGEST_SHARED, NETWORK_SHARED, Cache, Lasting, Passing

READ_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
HERE = Place("aws", "111111111111", "eu-west-1")
SECOND = timedelta(seconds=1)


def shared() -> Passing[str]:
    store: Passing[str] = Passing()
    store.put(HERE, "line", "history", READ_AT)
    return store


def test_an_answer_serves_audits_that_were_asked_for_before_it_was_read() -> None:
    found = shared().get(HERE, "line", not_before=READ_AT - SECOND, now=READ_AT + SECOND)
    assert found is not None
    assert (found.value, found.read_at) == ("history", READ_AT)


def test_an_answer_does_not_serve_an_audit_asked_for_at_or_after_its_reading() -> None:
    assert shared().get(HERE, "line", not_before=READ_AT, now=READ_AT + SECOND) is None
    assert shared().get(HERE, "line", not_before=READ_AT + SECOND, now=READ_AT + SECOND) is None


def test_an_answer_serves_ten_minutes_and_no_longer() -> None:
    before = READ_AT - SECOND
    assert shared().get(HERE, "line", not_before=before, now=READ_AT + LONGEST_SHARED) is not None
    assert shared().get(HERE, "line", not_before=before, now=READ_AT + LONGEST_SHARED + SECOND) is None


@pytest.mark.parametrize("name", ["subnets", "route_tables", "nat_gateways"])
def test_the_network_serves_one_minute_and_no_longer(name: str) -> None:
    store, before = getattr(Cache(), name), READ_AT - SECOND
    store.put(HERE, "eu-west-1", {}, READ_AT)
    assert store.get(HERE, "eu-west-1", not_before=before, now=READ_AT + NETWORK_SHARED) is not None
    assert store.get(HERE, "eu-west-1", not_before=before, now=READ_AT + NETWORK_SHARED + SECOND) is None
    assert timedelta(seconds=60) == NETWORK_SHARED < LONGEST_SHARED


def test_nothing_is_shared_between_accounts_regions_or_partitions() -> None:
    elsewhere = (
        Place("aws", "222222222222", "eu-west-1"),
        Place("aws", "111111111111", "us-east-1"),
        Place("aws-cn", "111111111111", "eu-west-1"),
    )
    lasting: Lasting[str] = Lasting()
    lasting.put(HERE, "ami-1", "image")
    assert lasting.get(HERE, "ami-1") == "image"
    for place in elsewhere:
        assert shared().get(place, "line", not_before=READ_AT - SECOND, now=READ_AT) is None
        assert lasting.get(place, "ami-1") is None


def test_a_slow_reader_does_not_replace_a_newer_answer() -> None:
    store = shared()
    store.put(HERE, "line", "older", READ_AT - SECOND)
    found = store.get(HERE, "line", not_before=READ_AT - timedelta(minutes=1), now=READ_AT)
    assert found is not None
    assert found.value == "history"


def test_old_answers_are_forgotten() -> None:
    store = shared()
    store.put(HERE, "other", "value", READ_AT + LONGEST_SHARED + SECOND)
    # Seen by an audit whose clock is behind: what is too old for anybody is not kept in memory.
    assert store.get(HERE, "line", not_before=READ_AT - SECOND, now=READ_AT) is None
