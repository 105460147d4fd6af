"""What audits share, what that does to the instant they stand for, and how many reads are under way at once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Barrier, Lock
from typing import Any

import pytest

from eks_auditor.snapshot.reader import WORKERS
from tests.snapshot.bench import NOW, Bench

MINUTE = timedelta(minutes=1)
TWO: dict[str, Any] = {"clusters": {"shop": {"node_groups": {"web": {}}}, "bank": {"node_groups": {"web": {}}}}}
SHARED = ("ssm:GetParameters", "eks:DescribeClusterVersions")
LASTING = ("ec2:DescribeInstanceTypes", "eks:DescribeUpdate")


def test_the_instant_is_the_one_before_the_first_read(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}}}) as started:

        def later() -> None:
            started.now += MINUTE

        assert started.read(checkpoint=later).taken_at == NOW
        assert started.now > NOW


def test_an_audit_asked_for_earlier_shares_and_is_no_younger_than_what_it_shares(bench: Callable[..., Any]) -> None:
    with bench(**TWO) as started:
        started.read("shop")
        started.aws.calls.clear()
        started.now += 3 * MINUTE
        snapshot = started.read("bank", not_before=NOW - MINUTE)
        assert snapshot.taken_at == NOW
        assert snapshot.releases
        assert {started.count(operation) for operation in SHARED} == {0}


@pytest.mark.parametrize(
    ("after", "asked"),
    [
        (3 * MINUTE, NOW),  # at the very instant of the reading: it may not have seen what the audit was asked for
        (3 * MINUTE, NOW + MINUTE),  # after it
        (11 * MINUTE, NOW - MINUTE),  # before it, but it is too old by now
    ],
)
def test_any_other_audit_reads_for_itself(bench: Callable[..., Any], after: timedelta, asked: datetime) -> None:
    with bench(**TWO) as started:
        started.read("shop")
        started.aws.calls.clear()
        started.now += after
        assert started.read("bank", not_before=asked).taken_at == NOW + after
        assert {started.count(operation) for operation in SHARED} == {1}


def test_a_new_recommendation_is_seen_by_whoever_was_asked_after_it(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}}}) as started:
        before = started.read().releases
        started.aws.region("111111111111", "eu-west-1").public.parameters.clear()
        started.now += MINUTE
        assert started.read(not_before=NOW - MINUTE).releases == before
        assert started.read(not_before=NOW + MINUTE).releases != before


def test_what_cannot_change_is_read_once(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}, "old": {"kubernetes": "1.34"}}}) as started:
        first = started.read()
        assert all(started.count(operation) for operation in LASTING)
        started.aws.calls.clear()
        started.now += timedelta(days=1)
        second = started.read()
        assert {started.count(operation) for operation in LASTING} == {0}
        assert second.instance_types == first.instance_types
        assert second.images == first.images
        assert second.cluster == first.cluster
        assert second.taken_at == started.now  # what cannot change makes no snapshot older


def test_an_update_that_is_not_over_is_asked_for_again(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"old": {"kubernetes": "1.34"}}}) as started:
        [update] = started.aws.region("111111111111", "eu-west-1").updates["shop", None]
        done = update["createdAt"]
        update["status"] = "InProgress"
        assert started.read().cluster.version_updated_at is None
        update["status"] = "Successful"
        assert started.read().cluster.version_updated_at == done


def test_a_failure_is_not_shared(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}}}) as started:
        for service, operation in (
            ("ssm", "GetParameters"),
            ("ec2", "DescribeImages"),
            ("ec2", "DescribeInstanceTypes"),
        ):
            started.aws.fail(service, operation, "ThrottlingException", times=1)
        assert started.read().gaps
        started.now += MINUTE
        assert started.read(not_before=NOW - MINUTE).gaps == ()


def test_accounts_share_nothing(shipped: Bench) -> None:
    shipped.start_anew()
    shipped.read("shop", not_before=NOW - MINUTE)
    shipped.aws.calls.clear()
    shipped.read("sandbox", account="222222222222", not_before=NOW - MINUTE)
    assert {shipped.count(operation) for operation in ("ssm:GetParameters", "ec2:DescribeInstanceTypes")} == {1}


class HighWater:
    """Counts calls in flight, and holds the first ones until that many are."""

    def __init__(self, together: int) -> None:
        self.most = self.now = self.seen = 0
        self._lock = Lock()
        self._together = together
        self._barrier = Barrier(together, timeout=20)

    def begin(self, **_: object) -> None:
        with self._lock:
            self.now += 1
            self.seen += 1
            self.most = max(self.most, self.now)
            wait = self.seen <= self._together
        if wait:
            self._barrier.wait()

    def end(self, **_: object) -> None:
        with self._lock:
            self.now -= 1


def test_reads_run_side_by_side_and_never_more_than_the_workers(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {f"web-{index}": {} for index in range(6)}}) as started:
        started.start_anew(workers=4)
        water, clients = HighWater(4), started.clients()
        for client in (clients.eks, clients.autoscaling, clients.ec2, clients.ssm):
            client.meta.events.register("before-call", water.begin)
            client.meta.events.register("after-call", water.end)
        assert started.read().gaps == ()
    assert water.most == 4
    assert water.seen > 4


def test_sixteen_workers_unless_told_otherwise() -> None:
    assert WORKERS == 16
