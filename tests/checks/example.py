"""What a check's examples are."""

from dataclasses import dataclass

from eks_auditor.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Snapshots on which some subject gets each word; no ``unknown`` for a check that needs no read of its own."""

    passed: Snapshot
    failed: tuple[Snapshot, ...]
    unknown: Snapshot | None
