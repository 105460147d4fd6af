"""What every sweep measures, by the clusters' HEADs."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.ledger.documents import NewerLedgerError
from eks_auditor.ledger.heads import HeadsUnreadableError
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.history import Head
from eks_auditor.model.verdict import Severity
from eks_auditor.wiring.standing import Standing
from tests.builders import NOW
from tests.sinks.fakes import refused
from tests.wiring.fakes import Heard


def cluster(name: str) -> ClusterId:
    return ClusterId("aws", "111122223333", "eu-west-1", name)


def head(name: str, hours_ago: float = 1, **deviations: Any) -> Head:  # noqa: ANN401  any field of it
    taken_at = NOW - timedelta(hours=hours_ago)
    usual: dict[str, Any] = {"cluster": cluster(name), "created_at": taken_at, "taken_at": taken_at}
    return Head(**usual | deviations)


def measured(*heads: Head | Exception) -> Heard:
    """Measure the clusters of these HEADs, and one that has none."""
    heard = Heard()

    def heads_of(clusters: Iterable[ClusterId]) -> Iterable[Head]:
        asked = set(clusters)
        for each in heads:
            if isinstance(each, Exception):
                raise each
            assert each.cluster in asked
            yield each

    clusters = [each.cluster for each in heads if isinstance(each, Head)]
    Standing(heads_of, lambda: NOW, heard.telemetry).measure([*clusters, cluster("new")])
    return heard


def test_open_findings_of_all_clusters_are_one_number_for_each_check_and_severity() -> None:
    heard = measured(
        head("a", open={("AMI001", Severity.HIGH): 3, ("AMI001", Severity.LOW): 1}),
        head("b", open={("AMI001", Severity.HIGH): 2, ("ZONE001", Severity.CRITICAL): 1}),
    )
    assert heard.counts_by == {
        ("OpenFindings", "AMI001", "HIGH"): 5,
        ("OpenFindings", "AMI001", "LOW"): 1,
        ("OpenFindings", "ZONE001", "CRITICAL"): 1,
    }
    assert heard.counts["OpenFindings"] == 7


def test_the_age_is_that_of_the_oldest_audit_and_the_log_says_whose() -> None:
    heard = measured(head("fresh", 0.5), head("old", 26), head("ended", 900, deleted=True))
    assert heard.counts["OldestAuditAge"] == 26 * 3600
    (sentence,) = heard.sentences
    assert cluster("old").arn in sentence


def test_a_clock_that_is_behind_makes_no_negative_age() -> None:
    assert measured(head("ahead", -0.1)).counts["OldestAuditAge"] == 0


def test_a_fleet_without_clusters_has_nothing_open_and_no_oldest_audit() -> None:
    heard = measured()
    assert heard.counts == {"OpenFindings": 0}
    assert heard.counts_by == {}


@pytest.mark.parametrize(
    "trouble",
    [
        refused(error="ThrottlingException", call="BatchGetItem"),
        HeadsUnreadableError("DynamoDB left 3 HEADs unprocessed"),
        NewerLedgerError("HEAD has schema version 99"),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
def test_what_cannot_be_read_is_said_and_no_part_of_it_measured(trouble: Exception) -> None:
    heard = measured(head("a", open={("AMI001", Severity.HIGH): 3}), trouble)
    assert heard.counts == {}
    (sentence,) = heard.warnings
    assert str(trouble) in sentence
    assert "the next sweep measures again" in sentence
