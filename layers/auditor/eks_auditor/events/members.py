"""The members of messages: what every one of them is held to, and how their readers say what is wrong.

Read by hand: pydantic would cost every cold start of an audit 166 ms.
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from eks_auditor.events.errors import EventError, require_schema
from eks_auditor.model.cluster import ClusterId


def document_of(body: str, kinds: Collection[str], what: str, version: int) -> Mapping[str, Any]:
    """Read a message's document, and look at version and type before anything else: a newer one may have any shape.

    Args:
        body: The message.
        kinds: The types that its reader knows.
        what: What it is, in words that begin a sentence.
        version: The newest schema version that its reader knows.

    Raises:
        NewerMessageError: If a newer version wrote it.
        EventError: If it is no such message.
    """
    try:
        document = json.loads(body)
    except ValueError as error:
        message = f"{what} is not JSON ({error}); remove it"
        raise EventError(message) from None
    if not isinstance(document, dict):
        message = f"{what} is a JSON {type(document).__name__}, not an object; remove it"
        raise EventError(message)
    require_schema(document.get("schema_version"), version, what)
    if document.get("type") not in kinds:
        wanted = " or ".join(map(repr, kinds))
        message = f"{what} has type {str(document.get('type'))[:80]!r} instead of {wanted}; remove it"
        raise EventError(message)
    return document


def text(document: Mapping[str, Any], key: str) -> str:
    """Return a member that is a text, and not an empty one.

    Raises:
        KeyError, ValueError: If it is not there, or no such text.
    """
    value = document[key]
    if not isinstance(value, str) or not value:
        message = f"{key} is {str(value)[:80]!r}, not a text"
        raise ValueError(message)
    return value


def instant(document: Mapping[str, Any], key: str) -> datetime:
    """Return a member that is an instant.

    Raises:
        KeyError, ValueError: If it is not there, or none with its offset from UTC.
    """
    read = datetime.fromisoformat(text(document, key))
    if read.tzinfo is None:
        message = f"{key} says no offset from UTC"
        raise ValueError(message)
    return read


def cluster(entry: Mapping[str, Any]) -> ClusterId:
    """Read :func:`cluster_document` back.

    Raises:
        KeyError, ValueError: If it is no cluster.
    """
    return ClusterId(*(text(entry, key) for key in ("partition", "account", "region", "name")))


def cluster_document(named: ClusterId) -> dict[str, str]:
    """Return a cluster as every message names it."""
    return {
        "arn": named.arn,
        "partition": named.partition,
        "account": named.account,
        "region": named.region,
        "name": named.name,
    }


def why(error: Exception) -> str:
    """Say what a document lacks, or what is wrong in it."""
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
