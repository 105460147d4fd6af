"""A read that fails moves no finding: none opens, none closes, none changes its rung, whatever call it was."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.findings.diff import Changes, diff
from eks_auditor.findings.judge import audit_of
from eks_auditor.model.history import Head, Record
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.snapshot.errors import ClusterUnreadableError
from eks_auditor.snapshot.reader import ACTIONS
from tests.snapshot.bench import NOW, Bench

CLUSTERS = {
    "shop": ("111111111111", "eu-west-1"),
    "legacy": ("111111111111", "eu-west-1"),
    "workshop": ("111111111111", "eu-west-1"),
    "pipeline": ("111111111111", "us-east-1"),
    "hands-off": ("222222222222", "eu-west-1"),
}
LATER = timedelta(hours=2)
FAULTS = [("AccessDeniedException", 403), ("ThrottlingException", 400)]


def read(shipped: Bench, cluster: str) -> Snapshot:
    account, region = CLUSTERS[cluster]
    return shipped.read(cluster, account=account, region=region)


def audited(snapshot: Snapshot, head: Head | None, records: dict[str, Record]) -> Changes:
    return diff(head, records, audit_of(snapshot, CATALOGUE, "audit"), hub=False)


type Known = dict[str, tuple[Head, dict[str, Record]]]


@pytest.fixture(scope="module")
def known(shipped: Bench) -> Known:
    """What the ledger holds of each cluster after two good audits, for what needs two."""
    remembered: Known = {}
    for cluster in CLUSTERS:
        head: Head | None = None
        records: dict[str, Record] = {}
        shipped.now = NOW
        for _ in range(2):
            shipped.start_anew()
            changes = audited(read(shipped, cluster), head, records)
            head, records = changes.head, records | {record.finding.id: record for record in changes.records}
            shipped.now += LATER
        assert head is not None
        remembered[cluster] = (head, records)
    assert any(
        record.finding.check_id == "ZONE003" for _, records in remembered.values() for record in records.values()
    )
    return remembered


@pytest.fixture
def rested(shipped: Bench, known: Known) -> Iterator[Bench]:
    assert known
    shipped.now = NOW + 2 * LATER
    yield shipped
    shipped.aws.mend()
    shipped.now = NOW
    shipped.start_anew()


@pytest.mark.parametrize("action", sorted(ACTIONS))
@pytest.mark.parametrize(("code", "status"), FAULTS, ids=[code for code, _ in FAULTS])
def test_a_failed_call_moves_nothing(rested: Bench, known: Known, action: str, code: str, status: int) -> None:
    service, _, operation = action.partition(":")
    rested.aws.fail(service, operation, code, "injected", status=status)
    for cluster, (head, records) in known.items():
        rested.start_anew()
        try:
            snapshot = read(rested, cluster)
        except ClusterUnreadableError:
            continue  # nothing is saved at all
        moved = audited(snapshot, head, records).transitions
        assert [(t.change, t.finding.check_id, t.finding.subject.name, t.finding.reason) for t in moved] == []
