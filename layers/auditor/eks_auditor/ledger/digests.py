"""All that a digest is made of, and the few numbers that are kept of each."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from eks_auditor.events.messages import parse_transitions
from eks_auditor.findings.digest import Fact, Runs, Standing, Told
from eks_auditor.ledger.documents import FINDING, OUTBOX, SCHEMA_VERSION, expiry, key, known_version, running_of
from eks_auditor.ledger.heads import Heads
from eks_auditor.ledger.outbox import MessageClass
from eks_auditor.ledger.runs import RUNS
from eks_auditor.ledger.table import Ledger
from eks_auditor.model.digest import Digest, Freshness, Moved
from eks_auditor.model.history import Head, State
from eks_auditor.model.instant import read, written
from eks_auditor.model.verdict import Severity

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PARTITION = "digest"
"""The partition key of what is kept of digests."""

DIGEST = "DIGEST#"

KEPT = timedelta(days=400)
"""How long a digest's numbers are kept."""

TREND = 12
"""How many of the last digests are told."""

_TOLD = (MessageClass.NEWS, MessageClass.BASELINE, MessageClass.POLICY)
"""The announcements of what opened and closed; the others are of what people accept, or repeat."""


class Digests:
    """What the ledger holds, for a digest.

    It is read whole, by one Scan: every standing finding and every capacity counts, so there is nothing that an index
    would leave out, and a Query for each cluster would be 5,000 calls for 5,000 clusters. A Scan takes half a read unit
    for 4 KB, eventually consistent: 200 MB, which is a fleet of 100,000 findings, cost 25,000 units or about 0.3 US
    cents, once a day or a week. The filter spares the transfer, not the units.
    """

    ACTIONS = frozenset({"dynamodb:Scan", "dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:PutItem"})
    """Of :meth:`heads` (Query on the index ``heads``, BatchGetItem on the table), :meth:`facts` (Scan on the table),
    :meth:`trend` (Query on the table; the leading key is :data:`PARTITION`) and :meth:`remember` (PutItem likewise)."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table_name: str,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        """Use a table.

        Args:
            client: Of DynamoDB, in the table's Region.
            table_name: The ledger's table.
            clock: What time it is, in UTC.
            sleep: Waits for some seconds.
        """
        self._client = client
        self._table = table_name
        self._ledger = Ledger(client, table_name, clock, sleep)
        self._heads = Heads(client, table_name, sleep)

    def heads(self) -> tuple[Head, ...]:
        """Return the HEAD of every cluster that is there.

        Raises:
            ClientError: If DynamoDB refuses.
            HeadsUnreadableError: If it leaves some unprocessed at every try.
            NewerLedgerError: If a newer release wrote any of them.
        """
        return self._heads.of(self._ledger.known())

    def facts(self, since: datetime, until: datetime) -> Iterator[Fact]:
        """Yield what stands open or exempt, what runs, and what was announced between two instants, as it streams in.

        An announcement counts by when it was saved, which is stamped just before it is written: what is written in the
        second in which ``until`` falls may be in no digest. It is told by itself all the same.

        Args:
            since: The first instant that counts.
            until: The first instant that counts no more.

        Raises:
            ClientError: If DynamoDB refuses.
            NewerLedgerError, NewerMessageError: If a newer release wrote any of it.
            EventError: If an announcement cannot be read.
        """
        names = ("cluster", "item", "schema_version", "state", "class", "saved_at", "document", "body")
        classes = {f":{each}": {"S": each.value} for each in _TOLD}
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            ProjectionExpression=", ".join(f"#{name}" for name in names),
            FilterExpression="(begins_with(#item, :finding) AND #state IN (:open, :exempt)) "
            "OR begins_with(#item, :runs) "
            "OR (begins_with(#item, :outbox) AND #saved_at >= :since AND #saved_at < :until "
            f"AND #class IN ({', '.join(classes)}))",
            ExpressionAttributeNames={f"#{name}": name for name in names},
            ExpressionAttributeValues={
                ":finding": {"S": FINDING},
                ":open": {"S": State.OPEN.value},
                ":exempt": {"S": State.EXEMPT.value},
                ":runs": {"S": RUNS},
                ":outbox": {"S": OUTBOX},
                ":since": {"S": written(since)},
                ":until": {"S": written(until)},
                **classes,
            },
        )
        for page in pages:
            for item in page["Items"]:
                yield from _facts(item)

    def trend(self) -> tuple[Freshness, ...]:
        """Return the objective at the last digests, the oldest first.

        Raises:
            NewerLedgerError: If a newer release wrote any of them.
        """
        answer = self._client.query(
            TableName=self._table,
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=TREND,
            KeyConditionExpression="#cluster = :digest AND begins_with(#item, :prefix)",
            ExpressionAttributeNames={"#cluster": "cluster", "#item": "item"},
            ExpressionAttributeValues={":digest": {"S": PARTITION}, ":prefix": {"S": DIGEST}},
        )
        return tuple(_freshness(item) for item in reversed(answer["Items"]))

    def remember(self, digest: Digest) -> None:
        """Note that a digest was sent, with its numbers and nothing else."""
        now = digest.freshness
        self._client.put_item(
            TableName=self._table,
            Item={
                **key(PARTITION, f"{DIGEST}{written(digest.at)}"),
                "schema_version": {"N": str(SCHEMA_VERSION)},
                "fresh": {"N": str(now.fresh)},
                "judged": {"N": str(now.judged)},
                "unknown": {"N": str(now.unknown)},
                "expires_at": expiry(digest.at, KEPT),
            },
        )


def _facts(item: Mapping[str, Any]) -> Iterator[Fact]:
    known_version(item)
    arn, name = item["cluster"]["S"], item["item"]["S"]
    if name.startswith(FINDING):
        document = json.loads(item["document"]["S"])
        yield Standing(
            cluster=arn,
            state=State(item["state"]["S"]),
            severity=Severity[document["severity"]],
            team=document.get("team"),
        )
    elif name.startswith(RUNS):
        yield from (Runs(cluster=arn, running=running) for running in running_of(item))
    else:
        yield from _told(item)


def _told(item: Mapping[str, Any]) -> Iterator[Told]:
    message = parse_transitions(item["body"]["S"])
    for transition in message.transitions:
        finding = transition.finding
        yield Told(
            change=transition.change,
            first_look=message.kind == MessageClass.BASELINE,
            moved=Moved(
                at=message.taken_at,
                cluster=message.cluster,
                check_id=finding.check_id,
                severity=finding.severity,
                kind=finding.subject.kind,
                name=finding.subject.name,
                title=finding.title,
            ),
        )


def _freshness(item: Mapping[str, Any]) -> Freshness:
    known_version(item)
    return Freshness(
        at=read(item["item"]["S"].removeprefix(DIGEST)),
        **{name: int(item[name]["N"]) for name in ("fresh", "judged", "unknown")},
    )
