"""The queue in front of notify_slack, and the one that keeps what Slack cannot be told."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from eks_auditor.wiring.telemetry import Telemetry

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ACTIONS = frozenset({"sqs:ChangeMessageVisibility", "sqs:SendMessage"})

FLUSH = "flush"
"""The type of the message that ends a window."""

FLUSH_VERSION = 1

LONGEST_WAIT = timedelta(hours=11)
"""SQS hides a message for 12 hours after it was received, and no longer:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html."""


class SlackQueue:
    """What is asked of both queues."""

    def __init__(self, client: "SQSClient", url: str, failures_url: str, telemetry: Telemetry) -> None:
        """Take the queues' URLs, a client of their Region, and what says that a message was parked."""
        self._client = client
        self._telemetry = telemetry
        self._url = url
        self._failures_url = failures_url

    def flush_later(self, window: str, length: timedelta) -> None:
        """Send the message that ends a window, to arrive at its end (SQS delays by 15 minutes at most)."""
        body = json.dumps({"schema_version": FLUSH_VERSION, "type": FLUSH, "window": window})
        self._client.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=int(length.total_seconds()))

    def wait(self, receipt_handle: str, seconds: float) -> None:
        """Let a message that was received come back after some seconds."""
        bounded = min(max(int(-(-seconds // 1)), 1), int(LONGEST_WAIT.total_seconds()))
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=bounded
        )

    def park(self, body: str, why: str) -> None:
        """Keep a message whole where a person finds it, and say why in a sentence without its full stop."""
        self._client.send_message(QueueUrl=self._failures_url, MessageBody=body)
        self._telemetry.count("SlackParked")
        self._telemetry.warning(f"{why}; the message is kept whole in the Slack failure queue: mend that, redrive it")
