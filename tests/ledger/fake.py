"""The table without DynamoDB: the same fence, nothing else. ``test_fake.py`` holds it against the real expressions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from eks_auditor.ledger.outbox import Outbox
from eks_auditor.ledger.runs import Runs
from eks_auditor.ledger.transaction import FencedError, Part
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Finding
from eks_auditor.model.history import Head, Record, Running


@dataclass
class FakeTable:
    """One cluster's part of the ledger; ``parts`` is every transaction that was written, in order."""

    head: Head | None = None
    records: dict[str, Record] = field(default_factory=dict)
    runs: dict[str, tuple[Running, ...]] = field(default_factory=dict)
    outbox: dict[str, Outbox] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()

    def load(self, cluster: ClusterId) -> tuple[Head | None, Mapping[str, Record], Runs]:
        assert self.head is None or self.head.cluster == cluster
        return self.head, dict(self.records), dict(self.runs)

    def write(self, part: Part) -> None:
        if not self.holds(part):
            raise FencedError
        self.head = part.head
        for write in part.writes:
            finding = Finding.from_document(write.record.finding.document())
            known = self.records.get(finding.id)
            hub_at = None if write.transition or known is None else known.hub_at
            self.records[finding.id] = replace(write.record, finding=finding, hub_at=hub_at)
        for each in part.runs:
            self.runs.pop(each.item, None)
            if each.running:
                self.runs[each.item] = each.running
        if part.outbox is not None:
            self.outbox[part.outbox.key.item] = part.outbox
        self.parts = (*self.parts, part)

    def holds(self, part: Part) -> bool:
        """Whether HEAD still is what the part was planned on."""
        if self.head is None or part.fence.revision is None:
            return self.head is None and part.fence.revision is None
        in_time = part.fence.before is None or self.head.taken_at < part.fence.before
        return self.head.revision == part.fence.revision and in_time

    def copy(self) -> Self:
        return replace(self, records=dict(self.records), runs=dict(self.runs), outbox=dict(self.outbox))


class Unfenced(FakeTable):
    """A mutant: every part is written."""

    def holds(self, part: Part) -> bool:  # noqa: ARG002  that is the mutation
        return True


class FencedOnTimeAlone(FakeTable):
    """A mutant: a newer audit is let on top of one that it did not see."""

    def holds(self, part: Part) -> bool:
        if self.head is None:
            return True
        if part.fence.revision is None or part.fence.before is not None:
            return self.head.taken_at < part.head.taken_at
        return self.head.taken_at == part.head.taken_at
