"""The one topic: exactly one message for each outbox item."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from eks_auditor.events.messages import ReleaseMessage, TopicMessage, TransitionsMessage, parse_message
from eks_auditor.sinks import amazon_q, letter, notice

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

ACTIONS = frozenset({"sns:Publish"})

LIMIT = 256 * 1024
"""Bytes of a message with its attributes: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html."""

SHRINKING = ((letter.SHOWN, amazon_q.SHOWN), (5, 3), (0, 1), (0, 0))
"""How many matters the letter and the chat notification spell out, until all fits beside the body."""

type Attributes = Mapping[str, Mapping[str, str]]


class MessageTooLargeError(Exception):
    """A message that the topic cannot take, in one sentence."""


class Topic:
    """Where transitions and the notices of releases are published."""

    def __init__(self, client: "SNSClient", arn: str) -> None:
        """Take the topic's ARN and a client of its Region."""
        self._client = client
        self._arn = arn

    def publish(self, body: str) -> str:
        """Publish an outbox item's body; return the message's id.

        Subscribers get the body as it is; mail gets a letter, and ``https`` what Amazon Q Developer shows in chat.

        Raises:
            NewerMessageError: If a newer version wrote it.
            EventError: If it is no message of the topic.
            MessageTooLargeError: If the topic cannot take it.
            ClientError: If SNS refuses it.
        """
        message = parse_message(body)
        return self._client.publish(TopicArn=self._arn, **publication(body, message))["MessageId"]


def publication(body: str, message: TopicMessage) -> dict[str, Any]:
    """Return the arguments of Publish, within the topic's limit.

    What is for people comes with a letter for mail and, for ``https``, with what Amazon Q Developer shows in chat. Both
    travel inside a JSON document beside the body, where every quote of the body costs a byte more. When that does not
    fit, they shrink; when not even their heads fit, everybody gets the body. What is for machines only goes alone.

    Raises:
        MessageTooLargeError: If the body alone does not fit.
    """
    told = attributes(message)
    room = LIMIT - _size(told)
    subject, texts = _for_people(message)
    if "people" in audience(message):
        for mail, chat in SHRINKING:
            each = json.dumps({"default": body, **texts(mail, chat)}, ensure_ascii=False)
            if len(each.encode()) <= room:
                return {
                    "Message": each,
                    "MessageStructure": "json",
                    "Subject": subject,
                    "MessageAttributes": told,
                }
    if len(body.encode()) > room:
        raise MessageTooLargeError(_too_large(message, len(body.encode()), room))
    return {"Message": body, "Subject": subject, "MessageAttributes": told}


def _for_people(message: TopicMessage) -> tuple[str, Callable[[int, int], Mapping[str, str]]]:
    """Return the subject, and what writes the texts by protocol that spell so many matters out in mail and in chat."""
    if isinstance(message, ReleaseMessage):
        return notice.subject(message), lambda mail, chat: {
            "email": notice.letter(message, mail),
            "https": amazon_q.written(amazon_q.release(message, chat)),
        }
    return letter.subject(message), lambda mail, chat: {
        "email": letter.letter(message, mail),
        "https": amazon_q.written(amazon_q.transitions(message, chat)),
    }


def attributes(message: TopicMessage) -> Attributes:
    """Return what subscribers filter by, as ``docs/messages.md`` says.

    The notice of a release has no finding and is of no one cluster: it carries no severity, no check, no cluster, no
    account and no team, so that no filter on one of these takes it for news. Where no tag says whose anything is, there
    is no team either.

    Ten at most: with more SNS drops a message that goes to a queue raw
    (https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html).
    """
    if isinstance(message, ReleaseMessage):
        return {
            "transition": _array(["release"]),
            "class": _string("release"),
            "audience": _array(audience(message)),
            "region": _string(message.release.region),
        }
    findings = [transition.finding for transition in message.transitions]
    teams = {finding.team for finding in findings if finding.team}
    return {
        "severity": _array(finding.severity.name for finding in findings),
        "check": _array(finding.check_id for finding in findings),
        "transition": _array(transition.change.value for transition in message.transitions),
        "class": _string(message.kind),
        "audience": _array(audience(message)),
        "cluster": _string(message.cluster.name),
        "account": _string(message.cluster.account),
        "region": _string(message.cluster.region),
        **({"team": _array(teams)} if teams else {}),
    }


def audience(message: TopicMessage) -> tuple[str, ...]:
    """Say who is meant.

    A first audit, another policy and a release tell people once; what people accept before and after tells none of
    them; and a refresh is for Security Hub alone.
    """
    told_once = isinstance(message, ReleaseMessage) or message.kind in ("baseline", "policy")
    if isinstance(message, TransitionsMessage) and message.kind == "refresh":
        return ("hub",)
    if isinstance(message, TransitionsMessage) and message.kind == "quiet":
        return ("machines",)
    return ("machines",) if told_once and message.part > 1 else ("people", "machines")


def _too_large(message: TopicMessage, size: int, room: int) -> str:
    said = f"announces {size} bytes and the topic takes {room}"
    if isinstance(message, ReleaseMessage):
        return f"release event {message.release.event_id} {said}; the audits that it asked for judge its clusters"
    return f"audit {message.audit_id} {said}; run an audit of {message.cluster.arn} again"


def _array(words: Iterable[str]) -> Mapping[str, str]:
    """Write a String.Array: not as ASCII, which takes more room, and 50 names of teams must leave the body enough."""
    return {"DataType": "String.Array", "StringValue": json.dumps(sorted(set(words)), ensure_ascii=False)}


def _string(word: str) -> Mapping[str, str]:
    return {"DataType": "String", "StringValue": word}


def _size(told: Attributes) -> int:
    """Count the bytes of names, types and values."""
    parts = (part for name, value in told.items() for part in (name, *value.values()))
    return sum(len(part.encode()) for part in parts)
