"""A permission that is refused moves no finding, in any of the clusters that ship with the project."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from eks_auditor.model.cluster import ClusterId
from eks_auditor.snapshot.reader import ACTIONS
from local_aws import load_fleet
from local_aws.expansion import expand
from tests.builders import NOW
from tests.faults.auditing import LATER, Auditing
from tests.faults.kinds import Kind
from tests.faults.transport import Transport
from tests.ledger.fake import FakeTable

CLUSTERS = {
    "foundry": ("111111111111", "eu-west-1"),
    "glasshouse": ("111111111111", "eu-west-1"),
    "hands-off": ("222222222222", "eu-west-1"),
    "kiosk": ("111111111111", "eu-west-1"),
    "legacy": ("111111111111", "eu-west-1"),
    "orchard": ("111111111111", "eu-west-1"),
    "pipeline": ("111111111111", "us-east-1"),
    "shop": ("111111111111", "eu-west-1"),
    "workshop": ("111111111111", "eu-west-1"),
}
EACH = 2
"""How many clusters a refusal is tried on: those with the most to move of those that make the call."""


@dataclass
class Fleet:
    """What the ledger holds of each cluster, and what reading it calls."""

    auditing: Auditing
    known: dict[ClusterId, FakeTable]
    calls: dict[ClusterId, frozenset[str]]

    def calling(self, action: str) -> list[ClusterId]:
        callers = [cluster for cluster, calls in self.calls.items() if action in calls]
        return sorted(callers, key=lambda each: -sum(record.fails for record in self.known[each].records.values()))


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    transport = Transport(expand(load_fleet(now=NOW), lambda: NOW))
    auditing = Auditing(transport)
    known, calls = {}, {}
    for name, (account, region) in CLUSTERS.items():
        cluster = ClusterId("aws", account, region, name)
        transport.start_anew()
        auditing.now = NOW
        known[cluster] = auditing.known(cluster)
        calls[cluster] = frozenset(transport.calls)
    auditing.now = NOW + 3 * LATER
    yield Fleet(auditing, known, calls)
    assert transport.broken_answers == []


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_a_refused_call_moves_nothing(fleet: Fleet, action: str) -> None:
    callers = fleet.calling(action)[:EACH]
    fleet.auditing.transport.fail(action, Kind.DENIED)
    for cluster in callers:
        saved = fleet.auditing.audit(cluster, fleet.known[cluster]).saved
        moved = [] if saved is None else [(each.change, each.finding.id) for each in saved.transitions]
        assert moved == []
    # What no cluster of the fleet needs is tried on the one that is made for faults.
    assert callers or action in {
        "autoscaling:DescribeLaunchConfigurations",
        "ec2:DescribeKeyPairs",
        "ec2:DescribePlacementGroups",
    }
