"""A snapshot as a JSON file that a person can read, diff and attach to a bug report."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from eks_auditor.model.capacity import (
    AnyCapacity,
    FargateProfile,
    ManagedNodeGroup,
    NodePool,
    SelfManagedGroup,
    StandaloneNodes,
)
from eks_auditor.model.gap import Gap
from eks_auditor.model.snapshot import SCHEMA_VERSION, Snapshot
from eks_auditor.report.instants import text_of

CAPACITIES: Mapping[str, type[AnyCapacity]] = {
    "managed": ManagedNodeGroup,
    "self-managed": SelfManagedGroup,
    "karpenter": NodePool,
    "auto-mode": NodePool,
    "fargate": FargateProfile,
    "standalone": StandaloneNodes,
}


class SnapshotFileError(Exception):
    """A snapshot file that cannot be used, in one sentence that names the file and the place in it."""

    def __init__(self, source: str, place: str, what: str) -> None:
        """Word it."""
        where = f"{source}: {place}" if place else source
        super().__init__(f"{where}: {what}")


def write_snapshot(snapshot: Snapshot) -> str:
    """Return a snapshot as JSON text: sorted keys, sorted sets, instants in UTC; equal snapshots give equal text."""
    return json.dumps(_plain(snapshot), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def read_snapshot_file(path: Path) -> Snapshot:
    """Read a snapshot's file.

    Raises:
        SnapshotFileError: If it cannot be read or does not hold a snapshot.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SnapshotFileError(str(path), "", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SnapshotFileError(str(path), f"byte {error.start}", "is not UTF-8 text") from error
    return read_snapshot(text, source=str(path))


def read_snapshot(text: str, *, source: str) -> Snapshot:
    """Read :func:`write_snapshot` back.

    Args:
        text: The file's text.
        source: What to call it in an error.

    Raises:
        SnapshotFileError: If it does not hold a snapshot, or one of another schema version.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise SnapshotFileError(
            source, f"line {error.lineno} column {error.colno}", f"is not JSON: {error.msg}"
        ) from error
    except (RecursionError, ValueError) as error:
        raise SnapshotFileError(source, "", f"is not JSON that can be read: {error}") from error
    if not isinstance(document, dict) or "schema_version" not in document:
        raise SnapshotFileError(source, "", "is not a snapshot; make one with `eks-auditor snapshot`")
    if document["schema_version"] != SCHEMA_VERSION:
        found = document["schema_version"]
        what = f"is {found!r}, and this eks-auditor reads {SCHEMA_VERSION}; record the snapshot with this version"
        raise SnapshotFileError(source, "schema_version", what)
    snapshot: Snapshot = _validated(source, "", Snapshot, document | {"capacities": _capacities(source, document)})
    _refuse_unknown_keys(source, "", document, _plain(snapshot))
    _require_time_zones(source, "", snapshot)
    return snapshot


def snapshot_schema() -> dict[str, Any]:
    """Return the JSON Schema of a snapshot file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An eks-auditor snapshot",
    } | _adapter(Snapshot).json_schema()


def _plain(value: object) -> Any:  # noqa: ANN401  JSON values
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    match value:
        case datetime():
            return text_of(value)
        case frozenset():
            return sorted(value)
        case tuple():
            return [_plain(each) for each in value]
        case Mapping():
            return {key: _plain(each) for key, each in value.items()}
    return value


@cache
def _adapter(shape: type) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def _capacities(source: str, document: Mapping[str, Any]) -> tuple[AnyCapacity, ...]:
    """Read each capacity by its kind: an error then names the capacity, not every kind that it is not."""
    listed = document.get("capacities")
    if not isinstance(listed, list):
        raise SnapshotFileError(source, "capacities", "is not a list")
    return tuple(_capacity(source, f"capacities[{number}]", each) for number, each in enumerate(listed))


def _capacity(source: str, place: str, document: object) -> AnyCapacity:
    kind = document.get("kind") if isinstance(document, dict) else None
    if not isinstance(kind, str) or kind not in CAPACITIES:
        raise SnapshotFileError(source, f"{place}.kind", f"is {kind!r}, and none of {', '.join(CAPACITIES)}")
    capacity: AnyCapacity = _validated(source, place, CAPACITIES[kind], document)
    return capacity


def _validated(source: str, place: str, shape: type, document: object) -> Any:  # noqa: ANN401  an instance of shape
    try:
        return _adapter(shape).validate_python(document)
    except ValidationError as error:
        # Where a value or a Gap may stand, pydantic tells what is wrong with it as either.
        first = min(error.errors(), key=lambda found: Gap.__name__ in found["loc"])
        raise SnapshotFileError(source, _place(place, first), first["msg"]) from error


def _place(place: str, error: ErrorDetails) -> str:
    for step in error["loc"]:
        if isinstance(step, int):
            place += f"[{step}]"
        elif not _is_type(step):
            place += f".{step}" if place else step
    return place


def _is_type(step: str) -> bool:
    """Tell pydantic's names of a union's members (``tuple[Subnet, ...]``, ``Gap``) from keys of the file."""
    return step == Gap.__name__ or "[" in step or step in {"str", "int", "none"}


def _refuse_unknown_keys(source: str, place: str, document: object, read: object) -> None:
    """Refuse what would otherwise be dropped: a misspelt key must not become a default that is judged."""
    if isinstance(document, dict) and isinstance(read, dict):
        for key, value in document.items():
            there = f"{place}.{key}" if place else str(key)
            if key not in read:
                raise SnapshotFileError(source, there, "is no key of a snapshot")
            _refuse_unknown_keys(source, there, value, read[key])
    elif isinstance(document, list) and isinstance(read, list):
        for number, (value, each) in enumerate(zip(document, read, strict=False)):
            _refuse_unknown_keys(source, f"{place}[{number}]", value, each)


def _require_time_zones(source: str, place: str, value: object) -> None:
    """Refuse an instant without a time zone: no one knows what it means, and it cannot be compared."""
    if isinstance(value, datetime) and value.tzinfo is None:
        raise SnapshotFileError(source, place, f"has no time zone: write {value.isoformat()}Z if it is UTC")
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            _require_time_zones(source, f"{place}.{field.name}" if place else field.name, getattr(value, field.name))
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            _require_time_zones(source, f"{place}[{number}]", each)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            _require_time_zones(source, f"{place}.{key}", each)
