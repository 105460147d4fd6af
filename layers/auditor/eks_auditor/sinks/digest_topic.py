"""The digest's own topic: one message for each digest, for machines, mail and chat."""

import json
from typing import TYPE_CHECKING, Any

from eks_auditor.events.digests import TYPE, DigestMessage
from eks_auditor.sinks import amazon_q, digest_chat, digest_letter

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

ACTIONS = frozenset({"sns:Publish"})

LIMIT = 250 * 1024
"""Bytes of a message, less than the 256 KiB of https://docs.aws.amazon.com/sns/latest/api/API_Publish.html by what the
attributes take."""

_LISTED = (300, 50, 20, 5, 0)
"""How long a list may be, until the message fits."""


class DigestTopic:
    """Where digests are published."""

    def __init__(self, client: "SNSClient", arn: str, *, hub: bool = True) -> None:
        """Take the topic's ARN, a client of its Region, and whether Security Hub is told."""
        self._client = client
        self._arn = arn
        self._hub = hub

    def publish(self, message: DigestMessage) -> str:
        """Publish a digest; return the message's id.

        Raises:
            ClientError: If SNS refuses it.
        """
        return self._client.publish(TopicArn=self._arn, **publication(message, hub=self._hub))["MessageId"]


def publication(message: DigestMessage, *, hub: bool = True) -> dict[str, Any]:
    """Return the arguments of Publish: the lists of the JSON are as long as the topic takes, the rest is counted."""
    told = {
        "email": digest_letter.letter(message, hub=hub),
        "https": amazon_q.written(digest_chat.notification(message)),
    }
    tried = (json.dumps({"default": message.at_most(shown).body(), **told}) for shown in _LISTED)
    return {
        "Message": next(text for text in tried if len(text) <= LIMIT),
        "MessageStructure": "json",
        "Subject": digest_letter.subject(message),
        "MessageAttributes": {
            "type": {"DataType": "String", "StringValue": TYPE},
            "period": {"DataType": "String", "StringValue": message.digest.period.value},
        },
    }
