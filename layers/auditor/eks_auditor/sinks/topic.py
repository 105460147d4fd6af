"""The one topic: exactly one message for each outbox item."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from eks_auditor.events.messages import TransitionsMessage, parse_transitions
from eks_auditor.sinks.letter import SHOWN, letter, subject

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

ACTIONS = frozenset({"sns:Publish"})

LIMIT = 256 * 1024
"""Bytes of a message with its attributes: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html."""

type Attributes = Mapping[str, Mapping[str, str]]


class MessageTooLargeError(Exception):
    """A message that the topic cannot take, in one sentence."""


class Topic:
    """Where transitions are published."""

    def __init__(self, client: "SNSClient", arn: str) -> None:
        """Take the topic's ARN and a client of its Region."""
        self._client = client
        self._arn = arn

    def publish(self, body: str) -> str:
        """Publish an outbox item's body; return the message's id.

        Subscribers get the body as it is; mail gets a letter.

        Raises:
            NewerMessageError: If a newer version wrote it.
            EventError: If it is no transitions message.
            MessageTooLargeError: If the topic cannot take it.
            ClientError: If SNS refuses it.
        """
        message = parse_transitions(body)
        return self._client.publish(TopicArn=self._arn, **publication(body, message))["MessageId"]


def publication(body: str, message: TransitionsMessage) -> dict[str, Any]:
    """Return the arguments of Publish, within the topic's limit.

    The letter for mail travels inside a JSON document beside the body, where every quote of the body costs a byte more.
    When both do not fit, the letter shrinks; when even its head does not, mail gets the body as well.

    Raises:
        MessageTooLargeError: If the body alone does not fit.
    """
    told = attributes(message)
    room = LIMIT - _size(told)
    if "people" in audience(message):
        for shown in (SHOWN, 5, 0):
            both = json.dumps({"default": body, "email": letter(message, shown)}, ensure_ascii=False)
            if len(both.encode()) <= room:
                return {
                    "Message": both,
                    "MessageStructure": "json",
                    "Subject": subject(message),
                    "MessageAttributes": told,
                }
    if len(body.encode()) > room:
        text = (
            f"audit {message.audit_id} announces {len(body.encode())} bytes and the topic takes {room}; "
            f"run an audit of {message.cluster.arn} again"
        )
        raise MessageTooLargeError(text)
    return {"Message": body, "Subject": subject(message), "MessageAttributes": told}


def attributes(message: TransitionsMessage) -> Attributes:
    """Return what subscribers filter by, as ``docs/messages.md`` says.

    Ten at most: with more SNS drops a message that goes to a queue raw
    (https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html).
    """
    findings = [transition.finding for transition in message.transitions]
    return {
        "severity": _array(finding.severity.name for finding in findings),
        "check": _array(finding.check_id for finding in findings),
        "transition": _array(transition.change.value for transition in message.transitions),
        "class": _string(message.kind),
        "audience": _array(audience(message)),
        "cluster": _string(message.cluster.name),
        "account": _string(message.cluster.account),
        "region": _string(message.cluster.region),
    }


def audience(message: TransitionsMessage) -> tuple[str, ...]:
    """Say who is meant: a first audit tells people once, and a refresh is for Security Hub alone."""
    match message.kind:
        case "refresh":
            return ("hub",)
        case "baseline" if message.part > 1:
            return ("machines",)
    return ("people", "machines")


def _array(words: Iterable[str]) -> Mapping[str, str]:
    return {"DataType": "String.Array", "StringValue": json.dumps(sorted(set(words)))}


def _string(word: str) -> Mapping[str, str]:
    return {"DataType": "String", "StringValue": word}


def _size(told: Attributes) -> int:
    """Count the bytes of names, types and values."""
    parts = (part for name, value in told.items() for part in (name, *value.values()))
    return sum(len(part.encode()) for part in parts)
