"""Asks for audits: one message a cluster."""

from collections.abc import Iterable
from itertools import batched
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from eks_auditor.events.messages import AuditRequest

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

ACTIONS = frozenset({"sqs:SendMessage"})

BATCH_LIMIT = 10
"""Messages a SendMessageBatch takes."""


class NotAskedError(Exception):
    """Audits that the queue did not take, in one sentence."""


class AuditQueue:
    """The queue in front of audit_cluster."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        """Take the queue's URL and a client of its Region."""
        self._client = client
        self._url = url

    def ask(self, audits: Iterable[AuditRequest]) -> None:
        """Send every request; what a batch refuses is sent once more by itself.

        Raises:
            NotAskedError: If some were refused twice; all others are sent.
            ClientError: If a whole batch is refused.
        """
        lost = [error for batch in batched(audits, BATCH_LIMIT, strict=False) for error in self._send(batch)]
        if lost:
            message = f"the audit queue refused {len(lost)} audits, the first with {lost[0]}; planning is tried again"
            raise NotAskedError(message)

    def _send(self, audits: tuple[AuditRequest, ...]) -> Iterable[str]:
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(index), "MessageBody": audit.body()} for index, audit in enumerate(audits)
        ]
        answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        # What the answer says nothing of may not have been taken: an audit that is asked for twice is done once.
        taken = {each["Id"] for each in answer.get("Successful", [])}
        for entry in entries:
            if entry["Id"] in taken:
                continue
            try:
                self._client.send_message(QueueUrl=self._url, MessageBody=entry["MessageBody"])
            except ClientError as error:
                yield str(error)
