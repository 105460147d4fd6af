import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eks_auditor.events.errors import EventError, NewerMessageError
from eks_auditor.events.messages import parse_transitions
from eks_auditor.ledger.outbox import BODY_LIMIT
from eks_auditor.model.history import Change
from eks_auditor.model.verdict import Severity
from eks_auditor.sinks.amazon_q import transitions as transitions_for_chat
from eks_auditor.sinks.letter import letter
from eks_auditor.sinks.topic import LIMIT, MessageTooLargeError, Topic, publication
from tests.sinks.fakes import FakeSns, size_of
from tests.sinks.transitions import bodies, body, finding, transition, transitions
from tests.sinks.transitions import subject as about

ARN = "arn:aws:sns:eu-west-1:111122223333:topic"


def published(text: str) -> dict[str, Any]:
    sns = FakeSns()
    Topic(sns, ARN).publish(text)  # type: ignore[arg-type]  # a fake of the one call
    (message,) = sns.published
    return message


def words(message: dict[str, Any], attribute: str) -> Any:  # noqa: ANN401  whatever the JSON holds
    return json.loads(message["MessageAttributes"][attribute]["StringValue"])


def test_subscribers_get_the_body_as_it_is_and_mail_a_letter() -> None:
    text = body()
    message = published(text)
    assert message["TopicArn"] == ARN
    assert message["MessageStructure"] == "json"
    each = json.loads(message["Message"])
    assert set(each) == {"default", "email", "https"}
    assert each["default"] == text
    assert each["email"] == letter(parse_transitions(text))
    assert json.loads(each["https"]) == transitions_for_chat(parse_transitions(text))


def test_what_is_for_machines_only_goes_alone() -> None:
    for text in (body(transition(change=Change.REFRESHED)), body(transition(quiet=True))):
        message = published(text)
        assert message["Message"] == text
        assert "MessageStructure" not in message


def test_a_team_travels_where_a_tag_says_one() -> None:
    told = [transition(finding(about(f"{number}"), team=team)) for number, team in enumerate(("search", None, "pay"))]
    message = published(body(*told))
    assert message["MessageAttributes"]["team"] == {"DataType": "String.Array", "StringValue": '["pay", "search"]'}
    assert len(message["MessageAttributes"]) == 9
    assert "team" not in published(body())["MessageAttributes"]


TEAMS = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=256)


@settings(max_examples=30, deadline=None)
@given(st.lists(TEAMS, min_size=1, max_size=50))
def test_whatever_a_team_is_called_it_is_one_value_of_the_attribute(teams: list[str]) -> None:
    told = [transition(finding(about(f"{number}"), team=team)) for number, team in enumerate(teams)]
    message = published(body(*told))
    assert words(message, "team") == sorted(set(teams))


def test_fifty_teams_of_the_longest_names_leave_the_longest_body_its_room() -> None:
    told = [
        transition(finding(about(f"{number}"), team=f"{number:03}" + "\U0001f600" * 253, reason='"' * 1_450))
        for number in range(50)
    ]
    sizes = [len(text) for text in bodies(*told)]
    assert max(sizes) > 0.9 * BODY_LIMIT
    for text in bodies(*told):
        assert size_of(published(text)) <= LIMIT


def test_attributes_are_what_subscribers_filter_by() -> None:
    told = (
        transition(finding(severity=Severity.HIGH)),
        transition(finding(about("b"), check_id="ZONE002"), Change.RESOLVED),
        transition(finding(about("c"))),
    )
    message = published(body(*told))
    assert words(message, "severity") == ["HIGH", "MEDIUM"]
    assert words(message, "check") == ["AMI001", "ZONE002"]
    assert words(message, "transition") == ["opened", "resolved"]
    assert words(message, "audience") == ["machines", "people"]
    assert {name: value["DataType"] for name, value in message["MessageAttributes"].items()} == {
        "severity": "String.Array",
        "check": "String.Array",
        "transition": "String.Array",
        "class": "String",
        "audience": "String.Array",
        "cluster": "String",
        "account": "String",
        "region": "String",
    }
    one = ("class", "cluster", "account", "region")
    values = {name: message["MessageAttributes"][name]["StringValue"] for name in one}
    assert values == {"class": "news", "cluster": "shop", "account": "111122223333", "region": "eu-west-1"}


def test_a_first_audit_tells_people_one_summary() -> None:
    told = transitions(120, baseline=True)
    messages = [published(text) for text in bodies(*told)]
    assert [words(message, "audience") for message in messages] == [["machines", "people"], ["machines"], ["machines"]]
    assert all(words(message, "transition") == ["opened"] for message in messages)
    assert {message["MessageAttributes"]["class"]["StringValue"] for message in messages} == {"baseline"}


def test_a_refresh_is_for_security_hub_alone() -> None:
    message = published(body(transition(change=Change.REFRESHED)))
    assert words(message, "audience") == ["hub"]
    assert words(message, "transition") == ["refreshed"]
    assert message["MessageAttributes"]["class"]["StringValue"] == "refresh"


@pytest.mark.parametrize("change", Change)
def test_the_transition_is_the_word_of_the_change(change: Change) -> None:
    assert words(published(body(transition(change=change))), "transition") == [change.value]


def test_one_body_is_one_message_and_the_same_each_time() -> None:
    texts = bodies(*transitions(120))
    assert len(texts) == 3
    assert [published(text) for text in texts] == [published(text) for text in texts]


@settings(max_examples=30, deadline=None)
@given(
    st.text(st.sampled_from('"\\\n\x00é☃\U0001f600x '), min_size=1, max_size=40),
    st.integers(1, 200),
    st.integers(1, 50),
)
def test_every_body_that_the_ledger_writes_fits_the_topic(text: str, times: int, count: int) -> None:
    """The ledger stops at 200 KB; what escaping adds to that must never break the topic's limit."""
    hostile = [transition(finding(about(f"ng-{number}"), reason=text * times)) for number in range(count)]
    for each in bodies(*hostile):
        assert len(each.encode()) <= BODY_LIMIT
        assert size_of(published(each)) <= LIMIT


def test_a_letter_that_does_not_fit_shrinks_and_so_does_the_notification() -> None:
    told = transitions(30)
    room = LIMIT - size_of(published(body(*told)))
    text = body(*told, padding="x" * room)
    message = published(text)
    both = json.loads(message["Message"])
    assert both["default"] == text, "the body never shrinks"
    assert "… and 25 more" in both["email"]
    assert "and 27 more: 27 MEDIUM AMI001 new" in json.loads(both["https"])["content"]["description"]
    assert size_of(message) <= LIMIT


def test_mail_gets_the_body_where_not_even_the_head_of_a_letter_fits() -> None:
    text = body(padding='"' * 100_000)  # two bytes each in the body, four each beside a letter
    message = published(text)
    assert message["Message"] == text
    assert "MessageStructure" not in message
    assert "Subject" in message


def test_a_body_that_cannot_fit_is_refused_with_one_sentence() -> None:
    text = body(padding="x" * LIMIT)
    with pytest.raises(MessageTooLargeError, match=r"announces .* bytes and the topic takes"):
        publication(text, parse_transitions(text))


def test_nothing_is_published_of_what_cannot_be_read() -> None:
    sns = FakeSns()
    topic = Topic(sns, ARN)  # type: ignore[arg-type]  # a fake of the one call
    with pytest.raises(EventError):
        topic.publish("{}")
    with pytest.raises(NewerMessageError):
        topic.publish(body(schema_version=2))
    assert sns.published == []
