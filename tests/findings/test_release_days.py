"""A release opens no finding on its day: the re-audit notes the day, and only that day opens one."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from eks_auditor.checks.ami import release_superseded
from eks_auditor.findings.diff import Changes, diff
from eks_auditor.findings.judge import audit_of
from eks_auditor.model.history import Change, Head, Record
from eks_auditor.model.release import Image, ReleaseHistory
from eks_auditor.model.verdict import Severity
from eks_auditor.plan.notice import notice_of
from eks_auditor.policy.rules import Policy, Rule
from eks_auditor.policy.scope import Scope
from tests.builders import (
    CLUSTER_ID,
    LINE,
    NOW,
    days_ago,
    history,
    image,
    launch,
    managed,
    node,
    node_pool,
    release,
    self_managed,
    snapshot,
    version,
)
from tests.plan.releasing import request

RELEASED = NOW
"""When AWS recommends the new release; the one in use had been recommended for five days."""

BEFORE = history()
AFTER = history(40.0, 20.0, 5.0, 0.0)
BACK = replace(AFTER, recommended=release())
"""AWS took the new release back; its image is still to be seen."""

FIRST_RUNG = RELEASED + timedelta(days=14)

POOL = node_pool(nodes=tuple(node(number, launched_at=days_ago(30)) for number in range(3)))
CAPACITIES = {"managed": managed(), "self-managed": self_managed(group={"launch": launch()}), "karpenter": POOL}


class Ledger:
    """One cluster's ledger: what was kept of the audits so far."""

    def __init__(
        self,
        *capacities: Any,  # noqa: ANN401  any capacity
        images: tuple[Image, ...] = (),
        policy: Policy = Policy.DEFAULT,
    ) -> None:
        self._capacities = capacities
        self._policy = policy
        self._images = {each.id: each for each in (image(), *images)}
        self.head: Head | None = None
        self.records: dict[str, Record] = {}

    def audit(self, at: datetime, releases: ReleaseHistory) -> Changes:
        of = snapshot(*self._capacities, taken_at=at, releases={str(LINE): releases}, images=self._images)
        audit = audit_of(of, [release_superseded], f"audit of {at}", policy=self._policy)
        changes = diff(self.head, self.records, audit, hub=False)
        self.head, self.running = changes.head, audit.running
        self.records |= {record.finding.id: record for record in changes.records}
        return changes


@pytest.fixture(params=CAPACITIES)
def ledger(request: pytest.FixtureRequest) -> Ledger:
    known = Ledger(CAPACITIES[request.param])
    assert known.audit(days_ago(1), BEFORE).head.due_at is None
    return known


def test_on_its_day_no_finding_opens_and_the_day_of_the_first_rung_is_noted(ledger: Ledger) -> None:
    changes = ledger.audit(RELEASED + timedelta(minutes=5), AFTER)
    assert (changes.transitions, changes.records) == ((), ())
    assert changes.head.due_at == FIRST_RUNG


def test_the_audit_that_falls_due_opens_it_low(ledger: Ledger) -> None:
    """With no sweep between: what is due is asked for by the ledger's own day."""
    due_at = ledger.audit(RELEASED + timedelta(minutes=5), AFTER).head.due_at
    assert due_at is not None
    assert ledger.audit(due_at - timedelta(microseconds=1), AFTER).transitions == ()
    (opened,) = ledger.audit(due_at, AFTER).transitions
    assert (opened.change, opened.finding.check_id, opened.finding.severity) == (
        Change.OPENED,
        "AMI001",
        Severity.LOW,
    )


def test_the_notice_names_the_day_that_the_ledger_holds(ledger: Ledger) -> None:
    running = ledger.running
    of = request(
        old=replace(request().old, version=version()),
        new=replace(request().new, version=version(0.0)),
        published_at=RELEASED,
    )
    ((entry,),) = (notice_of(of, [(CLUSTER_ID, running)]),)
    due_at = ledger.audit(RELEASED + timedelta(minutes=5), AFTER).head.due_at
    assert [capacity.first_rung_at for capacity in entry.capacities] == [due_at]


LONGER = {"low": timedelta(days=21), "node_grace": timedelta(days=9)}
POLICY = Policy(version="0a1b2c3d4e5f", rules=(Rule(limits={"AMI001": LONGER}),))


@pytest.mark.parametrize("kind", CAPACITIES)
def test_another_ladder_moves_the_day_that_the_ledger_holds_and_the_notice_names(kind: str) -> None:
    known, later = Ledger(CAPACITIES[kind], policy=POLICY), RELEASED + timedelta(days=21)
    assert known.audit(days_ago(1), BEFORE).head.due_at is None
    of = request(
        old=replace(request().old, version=version()),
        new=replace(request().new, version=version(0.0)),
        published_at=RELEASED,
    )
    ((entry,),) = (notice_of(of, [(CLUSTER_ID, known.running)]),)
    assert [capacity.first_rung_at for capacity in entry.capacities] == [later]
    assert known.audit(RELEASED + timedelta(minutes=5), AFTER).head.due_at == later
    assert known.audit(FIRST_RUNG, AFTER).transitions == ()
    (opened,) = known.audit(later, AFTER).transitions
    assert (opened.change, opened.finding.severity) == (Change.OPENED, Severity.LOW)


def test_a_rule_for_one_capacity_moves_its_day_alone() -> None:
    rule = Rule(scope=Scope(capacities=("batch",)), limits={"AMI001": LONGER})
    groups = (CAPACITIES["managed"], CAPACITIES["self-managed"])
    known = Ledger(*groups, policy=Policy(version="0a1b2c3d4e5f", rules=(rule,)))
    known.audit(days_ago(1), BEFORE)
    assert {each.name: each.first_rung for each in known.running} == {"web": None, "batch": timedelta(days=21)}
    assert known.audit(RELEASED + timedelta(minutes=5), AFTER).head.due_at == FIRST_RUNG


def test_the_notice_waits_for_a_pools_nodes_as_long_as_the_policy_says() -> None:
    young = image(version(40.0))
    launched = days_ago(8)
    pool = node_pool(nodes=(node(1, image_id=young.id, launched_at=launched), node(2, launched_at=days_ago(30))))
    known = Ledger(pool, images=(young,), policy=POLICY)
    noted = known.audit(days_ago(0.01), BEFORE)
    judged_from = {each.judged_from for each in known.running}
    assert judged_from == {launched + timedelta(days=9)}
    assert noted.head.due_at == launched + timedelta(days=9)


@pytest.mark.parametrize("launched", [days_ago(2), days_ago(6.9), days_ago(7)])
def test_the_notice_names_the_day_that_a_pool_of_young_nodes_is_judged(launched: datetime) -> None:
    """Their release was superseded long ago, but AMI001 waits for nodes to be 7 days old."""
    young = image(version(40.0))
    pool = node_pool(nodes=(node(1, image_id=young.id, launched_at=launched), node(2, launched_at=days_ago(30))))
    known = Ledger(pool, images=(young,))
    noted = known.audit(days_ago(0.01), BEFORE)
    of = request(old=replace(request().old, version=version()), new=replace(request().new, version=version(0.0)))
    ((entry,),) = (notice_of(of, [(CLUSTER_ID, known.running)]),)
    (day,) = (capacity.first_rung_at for capacity in entry.capacities)
    assert day is not None
    assert noted.head.due_at == day
    assert known.audit(day - timedelta(microseconds=1), BEFORE).transitions == ()
    (opened,) = known.audit(day, BEFORE).transitions
    assert (opened.change, opened.finding.check_id) == (Change.OPENED, "AMI001")


@pytest.mark.parametrize("days", [1, 10, 13.9])
def test_a_rollback_before_it_clears_the_day_and_no_finding_ever_opens(ledger: Ledger, days: float) -> None:
    ledger.audit(RELEASED + timedelta(minutes=5), AFTER)
    changes = ledger.audit(RELEASED + timedelta(days=days), BACK)
    assert changes.head.due_at is None
    for later in (14, 15, 30, 60, 90):
        assert ledger.audit(RELEASED + timedelta(days=later), BACK).transitions == ()
    assert ledger.records == {}


def test_a_rollback_after_it_resolves_what_had_opened(ledger: Ledger) -> None:
    ledger.audit(RELEASED + timedelta(days=14), AFTER)
    (resolved,) = ledger.audit(RELEASED + timedelta(days=15), BACK).transitions
    assert resolved.change is Change.RESOLVED
