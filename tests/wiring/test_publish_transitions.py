import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import batched
from typing import Any

import pytest

from eks_auditor.ledger.documents import NewerLedgerError, outbox_item
from eks_auditor.ledger.outbox import Outbox, OutboxKey, compose
from eks_auditor.model.history import Change, Transition
from eks_auditor.sinks.topic import Topic
from eks_auditor.wiring.publish_transitions import PublishTransitions, RelayError
from tests.builders import CLUSTER_ID, NOW
from tests.plan.releasing import notice, runs
from tests.sinks.fakes import FakeSns, refused
from tests.sinks.transitions import AUDIT_ID, audit, days_later, transition, transitions
from tests.wiring.fakes import FakeAnnouncements, Heard, failures

ARN = "arn:aws:sns:eu-west-1:111122223333:topic"
LATER = NOW + timedelta(hours=1)


def items(*told: Transition, saved_at: datetime = NOW, **deviations: Any) -> list[Outbox]:  # noqa: ANN401  any field of the audit
    return [outbox for outbox, _ in compose(audit(**deviations), told or (transition(),), saved_at=saved_at)]


def record(item: Outbox, number: int = 0, **attributes: Any) -> dict[str, Any]:  # noqa: ANN401  any attribute
    """A record of the ledger's stream, as Lambda hands it over."""
    image = outbox_item(item) | attributes
    return {
        "eventID": f"event-{number}",
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "Keys": {"cluster": image["cluster"], "item": image["item"]},
            "NewImage": image,
            "SequenceNumber": f"{number:021}",
            "StreamViewType": "NEW_IMAGE",
        },
    }


def stored(item: Outbox, attributes: Mapping[str, Any]) -> Outbox:
    """The item as the ledger holds it, where it has the same unreadable body as its record."""
    return replace(item, body=attributes["body"].get("S", "")) if "body" in attributes else item


class Publishing:
    """The function among its neighbours."""

    def __init__(self, ledger: FakeAnnouncements | None = None, sns: FakeSns | None = None) -> None:
        self.heard = Heard()
        self.sns = sns or FakeSns()
        self.ledger = ledger or FakeAnnouncements()
        self.function = PublishTransitions(
            topic=Topic(self.sns, ARN),  # type: ignore[arg-type]  # a fake of the one call
            ledger=self.ledger,
            clock=lambda: LATER,
            telemetry=self.heard.telemetry,
        )

    def relay(self, left_ms: int = 60_000) -> dict[str, int]:
        return self.function.relay(lambda: left_ms)


def test_an_outbox_item_is_one_message_and_is_noted() -> None:
    (item,) = items()
    publishing = Publishing(FakeAnnouncements([item]))
    assert failures(publishing.function.take([record(item)])) == []
    assert [json.loads(message["Message"])["default"] for message in publishing.sns.published] == [item.body]
    assert publishing.ledger.relayed == [item.key]
    assert publishing.heard.lines[0]["audit_id"] == AUDIT_ID


@pytest.mark.parametrize("size", [1, 7, 100])
def test_however_the_stream_is_cut_the_messages_are_the_same(size: int) -> None:
    """Never grouped by what shares a batch: three parts of one audit, and others around them."""
    announced = [*items(*transitions(120)), *items(transition(change=Change.RESOLVED), taken_at=days_later(1))]
    records = [record(item, number) for number, item in enumerate(announced)]
    publishing = Publishing(FakeAnnouncements(announced))
    for batch in batched(records, size, strict=False):
        publishing.function.take(batch)
    told = [message["Message"] for message in publishing.sns.published]
    assert [json.loads(message)["default"] for message in told] == [item.body for item in announced]
    subjects = [message["Subject"] for message in publishing.sns.published]
    assert [subject_line.rpartition("(")[2] for subject_line in subjects[:3]] == [f"{part}/3)" for part in (1, 2, 3)]


def test_what_fails_is_returned_and_what_follows_waits_with_it() -> None:
    announced = items(*transitions(150))
    publishing = Publishing(FakeAnnouncements(announced), FakeSns(fail_on={"web-070"}))
    records = [record(item, number) for number, item in enumerate(announced)]
    assert failures(publishing.function.take(records)) == [f"{1:021}"]
    assert publishing.heard.counts == {"MessagesPublished": 1, "PublishesFailed": 1}
    assert publishing.ledger.relayed == [announced[0].key]
    publishing.sns.fail_on.clear()
    assert failures(publishing.function.take(records[1:])) == []
    assert len(publishing.sns.published) == 3


def test_a_note_that_cannot_be_made_is_a_failure_and_is_published_again() -> None:
    (item,) = items()
    announcements = FakeAnnouncements([item], fail_on={item.key})
    publishing = Publishing(announcements)
    assert failures(publishing.function.take([record(item)])) == [f"{0:021}"]
    announcements.fail_on.clear()
    assert failures(publishing.function.take([record(item)])) == []
    assert len(publishing.sns.published) == 2


def test_the_stream_leaves_what_the_relay_published() -> None:
    """A mapping that was disabled, and is enabled again, reads up to a day of records."""
    announced = items(*transitions(120))
    publishing = Publishing(FakeAnnouncements(announced))
    publishing.relay()
    late = [record(item, number) for number, item in enumerate(announced)]
    assert failures(publishing.function.take(late)) == []
    assert len(publishing.sns.published) == 3
    assert publishing.ledger.relayed == [item.key for item in announced]


def test_a_record_that_comes_twice_is_published_once() -> None:
    (item,) = items()
    publishing = Publishing(FakeAnnouncements([item]))
    assert failures(publishing.function.take([record(item, 0), record(item, 0)])) == []
    assert len(publishing.sns.published) == 1


def test_the_stream_leaves_what_is_gone_and_goes_on() -> None:
    gone, kept = (items(taken_at=days_later(day))[0] for day in range(2))
    publishing = Publishing(FakeAnnouncements([kept]))
    assert failures(publishing.function.take([record(gone, 0), record(kept, 1)])) == []
    assert publishing.ledger.relayed == [kept.key]
    assert len(publishing.sns.published) == 1


def test_an_item_that_cannot_be_read_is_a_failure_of_its_record() -> None:
    class Unreadable(FakeAnnouncements):
        def outbox(self, outbox_key: OutboxKey, /) -> Outbox | None:
            raise refused(error="InternalServerError", call="GetItem", message=outbox_key.item)

    (item,) = items()
    publishing = Publishing(Unreadable([item]))
    assert failures(publishing.function.take([record(item, 7)])) == [f"{7:021}"]
    assert publishing.sns.published == []


@pytest.mark.parametrize(
    "attributes",
    [{"body": {"S": "not json"}}, {"body": {"N": "1"}}, {"class": {"S": "gossip"}}],
)
def test_a_poisoned_record_gets_one_sentence_and_is_left_to_lambda(attributes: dict[str, Any]) -> None:
    (item,) = items()
    publishing = Publishing(FakeAnnouncements([stored(item, attributes)]))
    assert failures(publishing.function.take([record(item, 7, **attributes)])) == [f"{7:021}"]
    (sentence,) = publishing.heard.warnings
    assert f"{7:021}" in sentence
    assert publishing.sns.published == []


@pytest.mark.parametrize("attributes", [{"schema_version": {"N": "2"}}, {"body": {"S": '{"schema_version": 2}'}}])
def test_what_a_newer_release_wrote_is_left_alone_and_the_rest_is_published(attributes: dict[str, Any]) -> None:
    first, second = (items(taken_at=days_later(day))[0] for day in range(2))
    publishing = Publishing(FakeAnnouncements([stored(first, attributes), second]))
    assert failures(publishing.function.take([record(first, 0, **attributes), record(second, 1)])) == []
    assert publishing.ledger.relayed == [second.key]
    assert len(publishing.heard.warnings) == 1
    assert publishing.heard.counts["MessagesNewer"] == 1


def test_the_relay_publishes_what_the_stream_did_not() -> None:
    announced = items(*transitions(120))
    publishing = Publishing(FakeAnnouncements(announced))
    assert publishing.relay() == {"relayed": 3}
    assert publishing.ledger.relayed == [item.key for item in announced]
    assert publishing.relay() == {"relayed": 0}
    assert len(publishing.sns.published) == 3


NOTICE = notice(clusters={CLUSTER_ID: tuple(runs(f"{number:04}{'x' * 250}") for number in range(1_300))})


def test_a_notice_is_published_part_by_part_as_every_announcement() -> None:
    publishing = Publishing(FakeAnnouncements(NOTICE))
    records = [record(item, number) for number, item in enumerate(NOTICE)]
    assert failures(publishing.function.take([*records, *records])) == []
    first, *others = publishing.sns.published
    assert json.loads(first["Message"])["default"] == NOTICE[0].body
    assert [message["Message"] for message in others] == [item.body for item in NOTICE[1:]]
    assert publishing.ledger.relayed == [item.key for item in NOTICE]
    assert publishing.heard.lines[0]["audit_id"] == NOTICE[0].audit_id


def test_a_notice_that_the_stream_lost_is_relayed_once() -> None:
    publishing = Publishing(FakeAnnouncements(NOTICE))
    assert publishing.relay() == {"relayed": len(NOTICE)}
    assert publishing.relay() == {"relayed": 0}
    assert len(publishing.sns.published) == len(NOTICE)


def test_the_relay_leaves_the_newest_to_the_stream() -> None:
    """Measured from when it was saved: an audit may read for minutes, and only then does the stream bring it."""
    announced = items(taken_at=LATER - timedelta(minutes=4), saved_at=LATER - timedelta(seconds=59))
    publishing = Publishing(FakeAnnouncements(announced))
    assert publishing.relay() == {"relayed": 0}
    assert publishing.sns.published == []


def test_the_relay_takes_what_the_stream_had_time_for() -> None:
    announced = items(taken_at=LATER - timedelta(minutes=4), saved_at=LATER - timedelta(seconds=60))
    assert Publishing(FakeAnnouncements(announced)).relay() == {"relayed": 1}


def test_a_newer_releases_item_is_left_by_the_relay_too() -> None:
    class Newer(FakeAnnouncements):
        def outbox(self, outbox_key: OutboxKey, /) -> Outbox | None:
            raise NewerLedgerError(outbox_key.item)

    publishing = Publishing(Newer(items()))
    assert publishing.relay() == {"relayed": 0}
    assert publishing.heard.counts["MessagesNewer"] == 1


def test_the_relay_goes_on_past_what_it_cannot_publish_and_says_so_at_its_end() -> None:
    announced = items(*transitions(150))
    publishing = Publishing(FakeAnnouncements(announced), FakeSns(fail_on={"web-070"}))
    with pytest.raises(RelayError, match="1 announcements could not be relayed"):
        publishing.relay()
    assert publishing.ledger.relayed == [announced[0].key, announced[2].key]
    assert len(publishing.heard.warnings) == 1


def test_the_relay_stops_in_time() -> None:
    publishing = Publishing(FakeAnnouncements(items()))
    assert publishing.relay(left_ms=9_999) == {"relayed": 0}
    assert "the next relay takes the rest" in publishing.heard.warnings[0]


def test_an_item_that_is_gone_is_no_failure() -> None:
    class Expired(FakeAnnouncements):
        def outbox(self, outbox_key: object, /) -> None:
            assert outbox_key

    assert Publishing(Expired(items())).relay() == {"relayed": 0}
