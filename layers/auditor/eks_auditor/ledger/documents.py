"""The ledger's items, in DynamoDB's own notation.

Key: ``cluster`` (the cluster's ARN) and ``item`` (``HEAD``, ``FINDING#…``, ``RUNS#…``, ``OUTBOX#…``); the notices of
releases are ``OUTBOX#…`` items of ``releases/<partition>/<Region>``, and of ``pointers/<partition>/<Region>`` are those
of :mod:`eks_auditor.ledger.pointers`. Three sparse indexes: ``heads`` (``head``,
``due_at``) holds every cluster that is there, ``unrelayed`` (``unrelayed``, ``taken_at``) every announcement that was
not published, ``runs`` (``runs``, ``cluster``) what the clusters run. ``expires_at`` is the table's TTL attribute.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from eks_auditor.ledger.outbox import MessageClass, Outbox, OutboxKey, compact
from eks_auditor.ledger.runs import RunsWrite, running_of_document, runs_document, runs_index_key
from eks_auditor.ledger.transaction import Fence, Part, RecordWrite
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.coming import Coming, Turn
from eks_auditor.model.finding import Finding
from eks_auditor.model.history import DEFAULT_POLICY, Head, Record, Running, State
from eks_auditor.model.instant import NEVER, read, written
from eks_auditor.model.verdict import Severity

SCHEMA_VERSION = 1

HEAD = "HEAD"
FINDING = "FINDING#"
OUTBOX = "OUTBOX#"

CLOSED_KEPT = timedelta(days=180)
"""How long a resolved or withdrawn finding, or the HEAD of a deleted cluster, is kept."""

RELAYED_KEPT = timedelta(days=30)
"""How long a published announcement is kept."""

_KEY_LIMIT = 1000
"""DynamoDB's sort key holds 1,024 bytes, ``FINDING#`` included."""

type Item = dict[str, Any]


class NewerLedgerError(Exception):
    """An item that a newer release of the auditor wrote; it is left alone."""


def key(cluster_arn: str, item: str) -> Item:
    """Return an item's key."""
    return {"cluster": {"S": cluster_arn}, "item": {"S": item}}


def finding_item(finding_id: str) -> str:
    """Return a finding's sort key: its id as it is, or hashed where that might not fit (512 characters may be 2 KB)."""
    if finding_id.isascii() and len(finding_id) <= _KEY_LIMIT:
        return f"{FINDING}{finding_id}"
    digest = hashlib.sha256(finding_id.encode(errors="surrogatepass")).hexdigest()
    return f"{FINDING}sha256:{digest}"


def expiry(instant: datetime, kept: timedelta) -> Item:
    """Return a TTL value: seconds since 1970."""
    return {"N": str(int((instant + kept).timestamp()))}


def known_version(item: Mapping[str, Any]) -> None:
    """Let an item of this or an older release pass.

    Raises:
        NewerLedgerError: If a newer one wrote it.
    """
    version = int(item["schema_version"]["N"])
    if version > SCHEMA_VERSION:
        message = (
            f"{item['item']['S']} of {item['cluster']['S']} has schema version {version}, and this release of "
            f"eks-auditor knows up to {SCHEMA_VERSION}; nothing was changed, deploy the newer release again"
        )
        raise NewerLedgerError(message)


def head_item(head: Head) -> Item:
    """Return a cluster's HEAD; that of a deleted cluster leaves the index of clusters and expires."""
    item = {
        **key(head.cluster.arn, HEAD),
        "schema_version": {"N": str(SCHEMA_VERSION)},
        "created_at": {"S": written(head.created_at)},
        "taken_at": {"S": written(head.taken_at)},
        "revision": {"N": str(head.revision)},
        "checks": {"L": [{"S": check_id} for check_id in sorted(head.checks)]},
        "sightings": {"M": {each: {"S": written(head.sightings[each])} for each in sorted(head.sightings)}},
        "due_at": {"S": NEVER if head.due_at is None else written(head.due_at)},
        "deleted": {"BOOL": head.deleted},
        "open": {
            "M": {f"{check}/{rung.name}": {"N": str(head.open[check, rung])} for check, rung in sorted(head.open)}
        },
        "gaps": {"M": {action: {"S": written(head.gaps[action])} for action in sorted(head.gaps)}},
    }
    if head.saved_at is not None:
        item["saved_at"] = {"S": written(head.saved_at)}
    if head.autoscaler_seen_at is not None:
        item["autoscaler_seen_at"] = {"S": written(head.autoscaler_seen_at)}
    if head.karpenter_seen_at is not None:
        item["karpenter_seen_at"] = {"S": written(head.karpenter_seen_at)}
    if head.coming:
        item["coming"] = {"S": json.dumps([_coming_entry(each) for each in head.coming], separators=(",", ":"))}
    if head.coming_left:
        item["coming_left"] = {"N": str(head.coming_left)}
    if head.policy != DEFAULT_POLICY:
        item["policy"] = {"S": head.policy}
    if head.policy_since is not None:
        item["policy_since"] = {"S": written(head.policy_since)}
    if head.deleted:
        item["expires_at"] = expiry(head.taken_at, CLOSED_KEPT)
    else:
        item["head"] = {"S": HEAD}
    return item


def head_of(item: Mapping[str, Any]) -> Head:
    """Read :func:`head_item` back.

    Raises:
        NewerLedgerError: If a newer release wrote it.
    """
    known_version(item)
    due_at = item["due_at"]["S"]
    return Head(
        cluster=ClusterId.from_arn(item["cluster"]["S"]),
        created_at=read(item["created_at"]["S"]),
        taken_at=read(item["taken_at"]["S"]),
        saved_at=_instant(item, "saved_at"),
        revision=int(item["revision"]["N"]),
        checks=frozenset(check["S"] for check in item["checks"]["L"]),
        sightings={each: read(first["S"]) for each, first in item["sightings"]["M"].items()},
        due_at=None if due_at == NEVER else read(due_at),
        deleted=item["deleted"]["BOOL"],
        autoscaler_seen_at=_instant(item, "autoscaler_seen_at"),
        karpenter_seen_at=_instant(item, "karpenter_seen_at"),
        policy=item["policy"]["S"] if "policy" in item else DEFAULT_POLICY,
        policy_since=_instant(item, "policy_since"),
        # Releases before these attributes wrote none.
        open=_open(item["open"]["M"]) if "open" in item else {},
        gaps={action: read(began["S"]) for action, began in item["gaps"]["M"].items()} if "gaps" in item else {},
        coming=tuple(map(_coming, json.loads(item["coming"]["S"]))) if "coming" in item else (),
        coming_left=int(item["coming_left"]["N"]) if "coming_left" in item else 0,
    )


def _coming_entry(coming: Coming) -> list[Any]:
    """Return it by position: HEAD is written by every audit, and each of its kilobytes costs a write unit."""
    rung = coming.severity.name
    return [written(coming.at), coming.turn.value, coming.check_id, rung, coming.kind, coming.count, *coming.names]


def _coming(entry: list[Any]) -> Coming:
    at, turn, check_id, rung, kind, count, *names = entry
    return Coming(
        at=read(at),
        turn=Turn(turn),
        check_id=check_id,
        severity=Severity[rung],
        kind=kind,
        names=tuple(names),
        count=count,
    )


def _open(counts: Mapping[str, Any]) -> dict[tuple[str, Severity], int]:
    named = ((*name.split("/"), count["N"]) for name, count in counts.items())
    return {(check_id, Severity[rung]): int(count) for check_id, rung, count in named}


def record_of(item: Mapping[str, Any]) -> Record:
    """Read a record back.

    Raises:
        NewerLedgerError: If a newer release wrote it.
    """
    known_version(item)
    return Record(
        finding=Finding.from_document(json.loads(item["document"]["S"])),
        state=State(item["state"]["S"]),
        sequence=int(item["sequence"]["N"]),
        first_seen=read(item["first_seen"]["S"]),
        changed_at=read(item["changed_at"]["S"]),
        created_at=read(item["created_at"]["S"]),
        hub_at=_instant(item, "hub_at"),
    )


def outbox_item(outbox: Outbox) -> Item:
    """Return an announcement that is still to be published."""
    return {
        **key(outbox.key.cluster, outbox.key.item),
        "schema_version": {"N": str(SCHEMA_VERSION)},
        "audit_id": {"S": outbox.audit_id},
        "taken_at": {"S": written(outbox.taken_at)},
        "class": {"S": outbox.message_class.value},
        "part": {"N": str(outbox.part)},
        "parts": {"N": str(outbox.parts)},
        "body": {"S": outbox.body},
        "saved_at": {"S": written(outbox.saved_at)},
        "unrelayed": {"S": "1"},
    }


def outbox_of(item: Mapping[str, Any]) -> Outbox:
    """Read an announcement back, from the table or from a new image of its stream.

    Raises:
        NewerLedgerError: If a newer release wrote it.
    """
    known_version(item)
    return Outbox(
        key=OutboxKey(item["cluster"]["S"], item["item"]["S"]),
        audit_id=item["audit_id"]["S"],
        taken_at=read(item["taken_at"]["S"]),
        message_class=MessageClass(item["class"]["S"]),
        part=int(item["part"]["N"]),
        parts=int(item["parts"]["N"]),
        body=item["body"]["S"],
        saved_at=read(item["saved_at"]["S"]),
        relayed_at=_instant(item, "relayed_at"),
    )


def runs_item(cluster: ClusterId, write: RunsWrite) -> Item:
    """Return an item of what a cluster runs."""
    return {
        **key(cluster.arn, write.item),
        "schema_version": {"N": str(SCHEMA_VERSION)},
        "runs": {"S": runs_index_key(cluster.partition, cluster.region, write.running[0].key)},
        "document": {"S": runs_document(write.running)},
    }


def running_of(item: Mapping[str, Any]) -> tuple[Running, ...]:
    """Read :func:`runs_item` back, from the table or its index.

    Raises:
        NewerLedgerError: If a newer release wrote it.
    """
    known_version(item)
    return running_of_document(item["document"]["S"])


def transact_items(part: Part, table: str) -> list[Item]:
    """Return a part as the actions of one ``TransactWriteItems``.

    The fenced HEAD, the records, what the cluster runs, and the announcement.
    """
    actions: list[Item] = [{"Put": {"TableName": table, "Item": head_item(part.head), **_condition(part.fence)}}]
    actions += [{"Update": {"TableName": table, **_update(part.cluster, write)}} for write in part.writes]
    for runs in part.runs:
        if runs.running:
            actions.append({"Put": {"TableName": table, "Item": runs_item(part.cluster, runs)}})
        else:
            actions.append({"Delete": {"TableName": table, "Key": key(part.cluster.arn, runs.item)}})
    if part.outbox is not None:
        actions.append({"Put": {"TableName": table, "Item": outbox_item(part.outbox)}})
    return actions


def _condition(fence: Fence) -> Item:
    if fence.revision is None:
        return {"ConditionExpression": "attribute_not_exists(#item)", "ExpressionAttributeNames": {"#item": "item"}}
    terms = ["#revision = :revision"]
    names = {"#revision": "revision"}
    values = {":revision": {"N": str(fence.revision)}}
    if fence.before is not None:
        terms.append("#taken_at < :before")
        names["#taken_at"] = "taken_at"
        values[":before"] = {"S": written(fence.before)}
    return {
        "ConditionExpression": " AND ".join(terms),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def _update(cluster: ClusterId, write: RecordWrite) -> Item:
    """Write all that an audit knows of a record, by an update: what the hub took meanwhile outlives a silent write."""
    record = write.record
    values = {
        "schema_version": {"N": str(SCHEMA_VERSION)},
        "state": {"S": record.state.value},
        "sequence": {"N": str(record.sequence)},
        "first_seen": {"S": written(record.first_seen)},
        "changed_at": {"S": written(record.changed_at)},
        "created_at": {"S": written(record.created_at)},
        "document": {"S": compact(record.finding.document())},
    }
    gone = ["hub_at"] if write.transition else []
    if record.fails:
        gone.append("expires_at")
    else:
        values["expires_at"] = expiry(record.changed_at, CLOSED_KEPT)
    assignments = ", ".join(f"#{name} = :{name}" for name in values)
    removals = f" REMOVE {', '.join(f'#{name}' for name in gone)}" if gone else ""
    return {
        "Key": key(cluster.arn, finding_item(record.finding.id)),
        "UpdateExpression": f"SET {assignments}{removals}",
        "ExpressionAttributeNames": {f"#{name}": name for name in (*values, *gone)},
        "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
    }


def _instant(item: Mapping[str, Any], name: str) -> datetime | None:
    return read(item[name]["S"]) if name in item else None
