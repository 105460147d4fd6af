"""How the fleet stands, measured at every sweep: open findings, and how long ago the oldest audit was."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from aws_lambda_powertools.metrics import MetricUnit

from eks_auditor.ledger.documents import NewerLedgerError
from eks_auditor.ledger.heads import HeadsUnreadableError
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Head
from eks_auditor.snapshot.unfinished import NO_ANSWER
from eks_auditor.wiring.clock import Clock
from eks_auditor.wiring.telemetry import Telemetry

type HeadsOf = Callable[[Iterable[ClusterId]], Iterable[Head]]
"""Returns the HEADs of those clusters that have one."""


class Standing:
    """Measures by the clusters' HEADs, which say how many findings stand open: no finding is read, no table scanned."""

    def __init__(self, heads_of: HeadsOf, clock: Clock, telemetry: Telemetry) -> None:
        """Take what reads the HEADs."""
        self._heads_of = heads_of
        self._clock = clock
        self._telemetry = telemetry

    def measure(self, clusters: Iterable[ClusterId]) -> None:
        """Measure some clusters; where any of them cannot be read nothing is said: a part would look like the whole."""
        try:
            heads = [head for head in self._heads_of(clusters) if not head.deleted]
        except (*NO_ANSWER, HeadsUnreadableError, NewerLedgerError) as error:
            self._telemetry.warning(
                f"open findings and the oldest audit cannot be measured: {error}; audits are asked for all the same, "
                f"and the next sweep measures again"
            )
            return
        self._measure_findings(heads)
        if heads:
            self._measure_age(min(heads, key=lambda head: head.taken_at), self._clock())

    def _measure_findings(self, heads: list[Head]) -> None:
        counts = Counter[tuple[str, str]]()
        for head in heads:
            counts.update({(check_id, severity.name): count for (check_id, severity), count in head.open.items()})
        for (check_id, severity), count in sorted(counts.items()):
            self._telemetry.measure("OpenFindings", count, Check=check_id, Severity=severity)
        self._telemetry.measure("OpenFindings", counts.total())

    def _measure_age(self, oldest: Head, now: datetime) -> None:
        age = max(0, round((now - oldest.taken_at).total_seconds()))
        self._telemetry.measure("OldestAuditAge", age, MetricUnit.Seconds)
        self._telemetry.info(f"the oldest audit is that of {oldest.cluster.arn}, taken at {oldest.taken_at}")
