"""What a cluster runs, cut into items: one for each key, so that an event finds its clusters by one query."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from eks_auditor.ledger.outbox import compact, packed
from eks_auditor.model.capacity import Kind
from eks_auditor.model.history import Audit, Running
from eks_auditor.model.instant import read, written

RUNS = "RUNS#"

RUNS_BYTES = 100 * 1024
"""Bytes of capacities in one item at most: DynamoDB takes 400 KB an item and 4 MB a transaction."""

type Runs = Mapping[str, tuple[Running, ...]]
"""What a cluster runs, by sort key: ``RUNS#<key>``, and ``RUNS#<key>#2`` and so on where one item cannot hold it."""


@dataclass(frozen=True, slots=True)
class RunsWrite:
    """One item to write.

    Attributes:
        item: Its sort key.
        running: The capacities, all of one key; none at all deletes the item.
    """

    item: str
    running: tuple[Running, ...]


def still_running(known: Iterable[Running], audit: Audit) -> tuple[Running, ...]:
    """Return what is known to run once an audit is done.

    Args:
        known: What was known before it, of the same life of the cluster.
        audit: It replaces all of that, but for the capacities that it could not read, or not even find.
    """
    if audit.ended:
        return ()
    seen = {(running.kind, running.name) for running in audit.running}
    hidden = [running for running in known if _is_hidden(running, seen, audit)]
    return tuple({_identity(running): running for running in (*hidden, *audit.running)}.values())


def _is_hidden(running: Running, seen: set[tuple[Kind, str]], audit: Audit) -> bool:
    """Tell whether what is known of a capacity may be so still, for all that an audit saw."""
    capacity = running.kind, running.name
    return capacity in audit.unread or (capacity not in seen and not audit.complete.get(running.kind, False))


def runs_of(running: Iterable[Running]) -> Runs:
    """Cut what a cluster runs into items, the same way each time."""
    ordered = sorted(running, key=_identity)
    grouped = ((key, tuple(of_key)) for key, of_key in groupby(ordered, key=attrgetter("key")))
    return {
        f"{RUNS}{key}" if number == 1 else f"{RUNS}{key}#{number}": part
        for key, of_key in grouped
        for number, part in enumerate(packed(of_key, _size, count=len(of_key), size=RUNS_BYTES), 1)
    }


def runs_writes(before: Runs, after: Runs) -> tuple[RunsWrite, ...]:
    """Return what to write where two states differ, by sort key."""
    return tuple(
        RunsWrite(item, after.get(item, ()))
        for item in sorted(before.keys() | after.keys())
        if before.get(item) != after.get(item)
    )


def runs_index_key(partition: str, region: str, key: str) -> str:
    """Return what the index knows a key by: a line is of one Region, and releases come to each by themselves."""
    return f"{partition}/{region}/{key}"


def runs_document(running: tuple[Running, ...]) -> str:
    """Return an item's capacities as ASCII JSON: names are other people's input."""
    return compact({"key": running[0].key, "capacities": [_document(each) for each in running]})


def running_of_document(text: str) -> tuple[Running, ...]:
    """Read :func:`runs_document` back."""
    document = json.loads(text)
    return tuple(_running(document["key"], each) for each in document["capacities"])


def _identity(running: Running) -> tuple[str, str, str]:
    return running.key, running.kind, running.name


def _document(running: Running) -> dict[str, Any]:
    """Return one capacity; what is as usual is left out, so that items of before these members stay as they are."""
    unusual: dict[str, Any] = {} if running.since_known else {"since_known": False}
    if running.off:
        unusual["off"] = True
    if running.first_rung is not None:
        unusual["first_rung_seconds"] = int(running.first_rung.total_seconds())
    return {
        "kind": running.kind,
        "name": running.name,
        "version": running.version,
        "superseded_since": _written(running.superseded_since),
        "own_image": running.own_image,
        "judged_from": _written(running.judged_from),
        **unusual,
    }


def _running(key: str, document: Mapping[str, Any]) -> Running:
    first_rung = document.get("first_rung_seconds")
    return Running(
        key=key,
        kind=document["kind"],
        name=document["name"],
        version=document["version"],
        superseded_since=_read(document["superseded_since"]),
        own_image=document["own_image"],
        judged_from=_read(document["judged_from"]),
        since_known=document.get("since_known", True),
        first_rung=None if first_rung is None else timedelta(seconds=first_rung),
        off=document.get("off", False),
    )


def _written(instant: datetime | None) -> str | None:
    return None if instant is None else written(instant)


def _read(text: str | None) -> datetime | None:
    return None if text is None else read(text)


def _size(running: Running) -> int:
    return len(compact(_document(running)))
