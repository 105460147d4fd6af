"""The ledger in DynamoDB, through a client that is given."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from eks_auditor.ledger.documents import (
    FINDING,
    HEAD,
    RELAYED_KEPT,
    SCHEMA_VERSION,
    expiry,
    finding_item,
    head_of,
    key,
    outbox_item,
    outbox_of,
    record_of,
    running_of,
    transact_items,
)
from eks_auditor.ledger.outbox import Outbox, OutboxKey
from eks_auditor.ledger.patience import refusal
from eks_auditor.ledger.runs import RUNS, Runs, runs_index_key
from eks_auditor.ledger.saving import FencedOut, Saved, save
from eks_auditor.ledger.transaction import FencedError, Part
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Audit, Head, Record, Running
from eks_auditor.model.instant import written

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HEADS_INDEX = "heads"
UNRELAYED_INDEX = "unrelayed"
RUNS_INDEX = "runs"

DUE_WINDOW = timedelta(days=1)
"""How long after its instant a cluster is due: what is older, sweeps have tried since, and it cannot be read."""


class Ledger:
    """Every cluster's history, and the announcements that are still to be published.

    A transaction needs the IAM actions of what is in it, ``dynamodb:PutItem``, ``dynamodb:UpdateItem`` and
    ``dynamodb:DeleteItem``; the indexes need ``dynamodb:Query`` on ``<table>/index/*``.
    """

    AUDIT_ACTIONS = frozenset(
        {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
    )
    """Of :meth:`head`, :meth:`load`, :meth:`write` and :meth:`save`, on the table."""

    PLAN_ACTIONS = frozenset({"dynamodb:Query", "dynamodb:GetItem", "dynamodb:PutItem"})
    """Of :meth:`known` and :meth:`due`, on the index ``heads``; of :meth:`running`, on the index ``runs``; and of
    :meth:`announce`, on the table."""

    RELAY_ACTIONS = frozenset({"dynamodb:Query", "dynamodb:GetItem", "dynamodb:UpdateItem"})
    """Of :meth:`unrelayed`, on its index, and of :meth:`outbox` and :meth:`mark_relayed`, on the table."""

    IMPORT_ACTIONS = frozenset({"dynamodb:UpdateItem"})
    """Of :meth:`mark_imported`, on the table."""

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
            table_name: The table.
            clock: What time it is, in UTC.
            sleep: Waits for some seconds.
        """
        self._client = client
        self._table = table_name
        self._clock = clock
        self._sleep = sleep

    def head(self, cluster: ClusterId) -> Head | None:
        """Return a cluster's HEAD, or None if the ledger does not know it.

        Raises:
            NewerLedgerError: If a newer release wrote it.
        """
        item = self._item(cluster.arn, HEAD)
        return None if item is None else head_of(item)

    def load(self, cluster: ClusterId) -> tuple[Head | None, dict[str, Record], Runs]:
        """Return a cluster's HEAD, and then its records by finding id and what it runs.

        In this order, and consistently: should another audit write in between, this HEAD is already out of date, and
        nothing that was compared with it can be saved.

        Raises:
            NewerLedgerError: If a newer release wrote any of them.
        """
        head = self.head(cluster)
        records = [record_of(item) for item in self._items(cluster, FINDING)]
        runs = {item["item"]["S"]: running_of(item) for item in self._items(cluster, RUNS)}
        return head, {record.finding.id: record for record in records}, runs

    def write(self, part: Part) -> None:
        """Write one part whole, or nothing of it.

        Raises:
            FencedError: If its fence does not hold.
            botocore.exceptions.ClientError: If DynamoDB refuses it for good, or busy beyond patience.
        """
        actions: list[Any] = transact_items(part, self._table)
        error = refusal(lambda: self._client.transact_write_items(TransactItems=actions), self._sleep)
        if error is not None:
            raise FencedError from error

    def save(self, audit: Audit, *, hub: bool) -> Saved | FencedOut:
        """Save what an audit changed, with its announcements, on top of exactly what it was compared with.

        Args:
            audit: What was found.
            hub: Whether Security Hub is told, and open findings so refreshed.

        Raises:
            NewerLedgerError: If a newer release wrote what is kept of the cluster; nothing is written.
            ContendedError, TransitionTooLargeError: See :func:`eks_auditor.ledger.saving.save`.
        """
        return save(self, audit, hub=hub, clock=self._clock)

    def known(self, *, account: str | None = None, region: str | None = None) -> list[ClusterId]:
        """Return every cluster that is there as far as the ledger knows, of one account or Region if named."""
        clusters = self._heads("#head = :head", {":head": {"S": HEAD}}, {"#head": "head"})
        return [each for each in clusters if account in (None, each.account) and region in (None, each.region)]

    def due(self, now: datetime) -> list[ClusterId]:
        """Return the clusters of which some verdict has changed by time alone, the longest due first.

        Only what has fallen due within :data:`DUE_WINDOW`: an audit moves a cluster's instant, and where none comes to
        its end, each run of the schedule would ask for it again for ever.
        """
        values = {":head": {"S": HEAD}, ":since": {"S": written(now - DUE_WINDOW)}, ":now": {"S": written(now)}}
        condition = "#head = :head AND #due_at BETWEEN :since AND :now"
        return list(self._heads(condition, values, {"#head": "head", "#due_at": "due_at"}))

    def running(self, partition: str, region: str, key: str) -> list[tuple[ClusterId, tuple[Running, ...]]]:
        """Return the clusters of a Region that run something, each with its capacities that do, as last audited.

        Args:
            partition: Such as ``aws``.
            region: The Region.
            key: What they run, as :class:`eks_auditor.model.history.Running` words it.

        Raises:
            NewerLedgerError: If a newer release wrote any of it.
        """
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=RUNS_INDEX,
            KeyConditionExpression="#runs = :runs",
            ExpressionAttributeNames={"#runs": "runs"},
            ExpressionAttributeValues={":runs": {"S": runs_index_key(partition, region, key)}},
        )
        found: dict[str, tuple[Running, ...]] = {}
        for page in pages:
            for item in page["Items"]:
                arn = item["cluster"]["S"]
                found[arn] = (*found.get(arn, ()), *running_of(item))
        return [(ClusterId.from_arn(arn), capacities) for arn, capacities in found.items()]

    def announce(self, messages: Sequence[Outbox]) -> bool:
        """Write the announcement that no audit makes, unless it was made before; return whether it was made now.

        The first part is written last: where it is, all of its composition are. So a call that came to no end is made
        good by the next one, and an event that comes again announces nothing, even if it would say more by now. The
        next one may be composed otherwise, so the other parts' keys are to be their composition's own: what was left
        of another one stands in nobody's place. It is published all the same, so machines may be told twice; people,
        who get the first part, are not. One transaction would spare them that, but it takes 4 MB, which a large
        fleet's notice exceeds: then all of this would be needed as well.

        Args:
            messages: Its parts, in order; at least one.
        """
        first, *others = messages
        if self._item(first.key.cluster, first.key.item) is not None:
            return False
        for message in (*others, first):
            self._put_new(message)
        return True

    def unrelayed(self, before: datetime) -> Iterator[OutboxKey]:
        """Yield the announcements not published, of audits taken before an instant, the oldest first."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=UNRELAYED_INDEX,
            KeyConditionExpression="#unrelayed = :yes AND #taken_at < :before",
            ExpressionAttributeNames={"#unrelayed": "unrelayed", "#taken_at": "taken_at"},
            ExpressionAttributeValues={":yes": {"S": "1"}, ":before": {"S": written(before)}},
        )
        for page in pages:
            for item in page["Items"]:
                yield OutboxKey(item["cluster"]["S"], item["item"]["S"])

    def outbox(self, outbox_key: OutboxKey) -> Outbox | None:
        """Return an announcement, or None if there is none (any more).

        Raises:
            NewerLedgerError: If a newer release wrote it.
        """
        item = self._item(outbox_key.cluster, outbox_key.item)
        return None if item is None else outbox_of(item)

    def mark_relayed(self, outbox_key: OutboxKey, at: datetime) -> None:
        """Note that an announcement was published; the first time counts, and one that has expired stays gone."""
        self._update(
            Key=key(outbox_key.cluster, outbox_key.item),
            UpdateExpression="SET #relayed_at = if_not_exists(#relayed_at, :at), "
            "#expires_at = if_not_exists(#expires_at, :expires_at) REMOVE #unrelayed",
            ConditionExpression="attribute_exists(#item)",
            ExpressionAttributeNames={f"#{name}": name for name in ("item", "relayed_at", "expires_at", "unrelayed")},
            ExpressionAttributeValues={":at": {"S": written(at)}, ":expires_at": expiry(at, RELAYED_KEPT)},
        )

    def mark_imported(self, cluster_arn: str, finding_id: str, sequence: int, hub_at: datetime) -> None:
        """Note the ``UpdatedAt`` that Security Hub took of a finding, unless the finding has moved on since."""
        self._update(
            Key=key(cluster_arn, finding_item(finding_id)),
            UpdateExpression="SET #hub_at = :hub_at",
            ConditionExpression="#sequence = :sequence AND #schema_version <= :schema_version "
            "AND (attribute_not_exists(#hub_at) OR #hub_at < :hub_at)",
            ExpressionAttributeNames={f"#{name}": name for name in ("hub_at", "sequence", "schema_version")},
            ExpressionAttributeValues={
                ":hub_at": {"S": written(hub_at)},
                ":sequence": {"N": str(sequence)},
                ":schema_version": {"N": str(SCHEMA_VERSION)},
            },
        )

    def _item(self, cluster_arn: str, item: str) -> Mapping[str, Any] | None:
        answer = self._client.get_item(TableName=self._table, Key=key(cluster_arn, item), ConsistentRead=True)
        return answer.get("Item")

    def _items(self, cluster: ClusterId, prefix: str) -> Iterator[Mapping[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="#cluster = :cluster AND begins_with(#item, :prefix)",
            ExpressionAttributeNames={"#cluster": "cluster", "#item": "item"},
            ExpressionAttributeValues={":cluster": {"S": cluster.arn}, ":prefix": {"S": prefix}},
        )
        for page in pages:
            yield from page["Items"]

    def _put_new(self, message: Outbox) -> None:
        """Write an announcement that is not there; one that is there stays as it is."""
        put = partial(
            self._client.put_item,
            TableName=self._table,
            Item=outbox_item(message),
            ConditionExpression="attribute_not_exists(#item)",
            ExpressionAttributeNames={"#item": "item"},
        )
        refusal(put, self._sleep)

    def _heads(self, condition: str, values: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[ClusterId]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=HEADS_INDEX,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )
        for page in pages:
            for item in page["Items"]:
                yield ClusterId.from_arn(item["cluster"]["S"])

    def _update(self, **update: Any) -> None:  # noqa: ANN401  the parameters of UpdateItem
        """Update an item if its condition holds; if not, what it was about is no more, and that is fine."""
        refusal(lambda: self._client.update_item(TableName=self._table, **update), self._sleep)
