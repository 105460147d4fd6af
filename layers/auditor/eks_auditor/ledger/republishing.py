"""What tells every failure of a cluster again as the ledger holds it: announcements of the class ``refresh``."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from eks_auditor.findings.transitions import refresh
from eks_auditor.ledger.outbox import Outbox, OutboxKey, compose
from eks_auditor.model.history import Audit, Head, Record
from eks_auditor.model.instant import written


def compose_again(head: Head, records: Iterable[Record], at: datetime) -> tuple[Outbox, ...]:
    """Compose the announcement of a cluster's failures, open and exempt; none if there are none.

    Its instant is that of the cluster's last audit, not of now: an audit that was begun before and is saved after it
    is the later word for Security Hub, which goes by the instant, and each finding keeps its own ``sequence``.

    Args:
        head: The cluster's HEAD.
        records: Its findings, loaded after HEAD.
        at: The time of writing; it names what is told together.
    """
    run = f"republish-{written(at)}"
    last = Audit(
        audit_id=run,
        cluster=head.cluster,
        created_at=head.created_at,
        taken_at=head.taken_at,
        findings=(),
        checks=frozenset(),
        complete={},
    )
    failures = sorted((record for record in records if record.fails), key=lambda record: record.finding.id)
    messages = compose(last, [refresh(record, last) for record in failures], saved_at=at)
    # That audit may have announced refreshes itself.
    return tuple(replace(each, key=OutboxKey(each.key.cluster, f"{each.key.item}#{run}")) for each, _ in messages)
