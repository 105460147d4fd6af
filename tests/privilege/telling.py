"""The runs that tell people: before each, ledger and Slack are made what it takes for its calls to be made."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from eks_auditor.events.messages import parse_message
from eks_auditor.ledger import digests
from eks_auditor.ledger import quiet as quieting
from eks_auditor.ledger.quiet import Quiet, digest_of
from eks_auditor.sinks.topic import audience
from eks_auditor.wiring.slack_queue import FLUSH, FLUSH_VERSION
from local_aws.building import ROOT
from local_aws.stage import Stage
from tests.privilege import needs
from tests.privilege.running import Ran, run

WINDOW = "a window that somebody opened"
NEWER = {"schema_version": 99, "type": "transitions"}


class Telling:
    """NotifySlack and SendDigest, each run as if it were the first."""

    def __init__(self, stage: Stage, announced: Callable[[], list[dict[str, Any]]]) -> None:
        """Take the stage, and what finds the announcements that its ledger holds."""
        self._stage = stage
        self._announced = announced
        self._ledger = stage.outputs["LedgerTable"]
        self._dynamodb = stage.deployment.client("dynamodb")
        self._quiet = Quiet(self._dynamodb, self._ledger, stage.clock, time.sleep)
        stage.slack.limit(on=False)
        self.of: Mapping[str, Callable[[], Ran]] = {
            needs.FIRST: self._first,
            needs.NEXT: self._next,
            needs.FLUSH: self._flush,
            needs.UNREADABLE: lambda: self._notify("nothing that anybody can read"),
            needs.NEWER: lambda: self._notify(json.dumps(NEWER)),
            needs.DIGEST: self._digest,
        }

    def _first(self) -> Ran:
        self._forget(quieting.PARTITION)
        return self._notify(self._news())

    def _next(self) -> Ran:
        self._forget(quieting.PARTITION)
        self._quiet.open(WINDOW, timedelta(hours=1))
        return self._notify(self._news())

    def _flush(self) -> Ran:
        self._forget(quieting.PARTITION)
        self._quiet.open(WINDOW, timedelta(hours=1))
        assert self._quiet.hold(WINDOW, digest_of("held"), self._news())
        return self._notify(json.dumps({"schema_version": FLUSH_VERSION, "type": FLUSH, "window": WINDOW}))

    def _digest(self) -> Ran:
        self._forget(digests.PARTITION)
        return run(self._stage, "SendDigest", json.loads((ROOT / "events" / "digest.json").read_text()))

    def _news(self) -> str:
        """Return an announcement that is for people."""
        bodies = (item["body"]["S"] for item in self._announced())
        news: str = next(body for body in bodies if "people" in audience(parse_message(body)))
        return news

    def _notify(self, body: str) -> Ran:
        """Give the function a message; its receipt is a real one, of whatever waits in the queue."""
        sqs, url = self._stage.deployment.client("sqs"), self._stage.outputs["SlackQueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=body)
        [received] = sqs.receive_message(QueueUrl=url)["Messages"]
        record = {
            "messageId": received["MessageId"],
            "receiptHandle": received["ReceiptHandle"],
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1"},
        }
        return run(self._stage, "NotifySlack", {"Records": [record]})

    def _forget(self, partition: str) -> None:
        """Delete what is kept of earlier runs, some of which broke off in between."""
        found = self._dynamodb.query(
            TableName=self._ledger,
            KeyConditionExpression="#cluster = :partition",
            ExpressionAttributeNames={"#cluster": "cluster"},
            ExpressionAttributeValues={":partition": {"S": partition}},
        )["Items"]
        for item in found:
            key = {name: item[name] for name in ("cluster", "item")}
            self._dynamodb.delete_item(TableName=self._ledger, Key=key)
