"""What audits share, what that does to the instant they stand for, and how many reads are under way at once."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from threading import Barrier, Lock
from typing import Any

import pytest

from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Pointer, PointerMove, ReleaseHistory, ReleaseLine
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.snapshot.reader import WORKERS
from tests.snapshot.bench import BATCH, NOW, REGION, Bench, group_of

MINUTE = timedelta(minutes=1)
TWO: dict[str, Any] = {"clusters": {"shop": {"node_groups": {"web": {}}}, "bank": {"node_groups": {"web": {}}}}}
SHARED = ("ssm:GetParameters", "eks:DescribeClusterVersions", "ec2:GetAllowedImagesSettings")
RELEASES = ("ssm:GetParameters", "ec2:DescribeImages")
LINE = "al2023/standard/x86_64/1.35"
ROUTED = ("ec2:DescribeRouteTables", "ec2:DescribeNatGateways")
SCALED = ("autoscaling:DescribePolicies", "autoscaling:DescribeScheduledActions")
OF_A_REGION = ("ec2:DescribeSubnets", "ec2:DescribeInstanceTypeOfferings", *ROUTED, *SCALED)
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


@pytest.mark.parametrize("clusters", [1, 5])
def test_a_region_is_read_once_whatever_the_number_of_its_clusters(bench: Callable[..., Any], clusters: int) -> None:
    names = [f"shop-{number}" for number in range(clusters)]
    groups = {"node_groups": {"web": {}}, "self_managed": {"batch": {"types": ["m6i.large"]}}}
    with bench(clusters=dict.fromkeys(names, groups)) as started:
        for name in names:
            started.now += timedelta(seconds=10)
            assert started.read(name, not_before=NOW).gaps == ()
        assert {operation: started.count(operation) for operation in OF_A_REGION} == dict.fromkeys(OF_A_REGION, 1)


def test_clusters_in_vpcs_of_their_own_share_the_lists_too(bench: Callable[..., Any]) -> None:
    clusters: dict[str, Any] = {name: {"vpc": name, "node_groups": {"web": {}}} for name in ("shop", "bank", "mill")}
    with bench(clusters=clusters, vpcs={name: {"egress": ["b"]} for name in clusters}) as started:
        for name in clusters:
            started.now += timedelta(seconds=10)
            snapshot = started.read(name, not_before=NOW)
            assert not isinstance(snapshot.vpc_subnets, Gap)
            assert {subnet.vpc_id for subnet in snapshot.vpc_subnets} == {snapshot.cluster.vpc_id}
            assert len(snapshot.egress) == 3
            assert not any(isinstance(egress, Gap) for egress in snapshot.egress.values())
        assert {operation: started.count(operation) for operation in OF_A_REGION} == dict.fromkeys(OF_A_REGION, 1)


def test_an_event_pays_for_the_pages_of_its_region(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}}}, egress=["b"]) as started:
        tables = started.aws.region("111111111111", "eu-west-1").route_tables
        tables.update(
            {f"rtb-{n}": {"RouteTableId": f"rtb-{n}", "VpcId": "vpc-other"} for n in range(400 - len(tables))}
        )
        assert len(started.read().egress) == 3
        assert [started.count(operation) for operation in ROUTED] == [4, 1]


def free(snapshot: Snapshot) -> set[int]:
    assert not isinstance(snapshot.vpc_subnets, Gap)
    return {subnet.free_addresses for subnet in snapshot.vpc_subnets}


def test_free_addresses_are_shared_for_a_minute_only(bench: Callable[..., Any]) -> None:
    with bench(**TWO) as started:
        before = free(started.read("shop"))
        for subnet in started.aws.region("111111111111", "eu-west-1").subnets.values():
            subnet["AvailableIpAddressCount"] = 7
        started.now += timedelta(seconds=50)
        shared = started.read("bank", not_before=NOW - MINUTE)
        assert (free(shared), shared.taken_at) == (before, NOW)
        started.now += timedelta(seconds=11)
        assert free(started.read("bank", not_before=NOW - MINUTE)) == {7}
        # Routes are no older than subnets; what does not change as often is shared all the while.
        assert [started.count(each) for each in ROUTED] == [2, 2]
        assert [started.count(each) for each in SCALED] == [1, 1]
        assert started.count("ec2:DescribeInstanceTypeOfferings") == 1


def test_what_the_shared_list_does_not_know_yet_is_no_missing_subnet(bench: Callable[..., Any]) -> None:
    with bench(clusters={"shop": BATCH, "bank": BATCH}) as started:
        started.read("shop")
        there = started.aws.region("111111111111", "eu-west-1")
        some = next(iter(there.subnets.values()))
        there.subnets["subnet-new"] = {**some, "SubnetId": "subnet-new"}
        for group in there.groups.values():
            group["VPCZoneIdentifier"] = "subnet-new"
        started.now += timedelta(seconds=10)
        snapshot = started.read("bank", not_before=NOW - MINUTE)
        subnets = group_of(snapshot, "batch").subnets
        assert not isinstance(subnets, Gap)
        assert [subnet.id for subnet in subnets] == ["subnet-new"]
        assert snapshot.gaps == ()


def recommended(snapshot: Snapshot) -> str:
    history = snapshot.releases[LINE]
    assert isinstance(history, ReleaseHistory)
    assert history.recommended is not None
    return history.recommended.version


def test_a_release_event_that_reaches_a_warm_function_is_judged_by_the_new_catalogue(bench: Callable[..., Any]) -> None:
    with bench({"node_groups": {"web": {}}}) as started:
        old = recommended(started.read())
        started.aws.publish_release(ami_types=["AL2023_x86_64_STANDARD"], kubernetes=["1.35"], at=NOW + MINUTE)
        started.now += 2 * MINUTE
        swept = started.read(not_before=NOW - MINUTE)  # asked for before the release: what is there will do
        told = started.read(not_before=NOW + MINUTE)
        history = told.releases[LINE]
    assert recommended(swept) == old < recommended(told)
    assert isinstance(history, ReleaseHistory)
    assert history.releases[-1] == history.recommended
    assert (swept.taken_at, told.taken_at) == (NOW, NOW + 2 * MINUTE)


@pytest.mark.parametrize("clusters", [1, 5])
def test_releases_are_read_once_whatever_the_number_of_clusters(bench: Callable[..., Any], clusters: int) -> None:
    names = [f"shop-{number}" for number in range(clusters)]
    late = {"superseded": "20d"}
    groups = {"node_groups": {"web": late}, "self_managed": {"batch": late}}
    with bench(clusters=dict.fromkeys(names, groups)) as started:
        for name in names:
            started.now += MINUTE
            assert len(started.read(name, not_before=NOW).releases) == 1
        # The parameter; the images in use, the recommended one, and the releases by their name.
        assert [started.count(operation) for operation in RELEASES] == [1, 3]


def test_what_was_observed_of_a_line_is_part_of_its_history(bench: Callable[..., Any]) -> None:
    asked: list[tuple[str, str, list[str]]] = []

    def observed(partition: str, region: str, lines: Collection[ReleaseLine]) -> dict[ReleaseLine, Pointer]:
        asked.append((partition, region, sorted(str(line) for line in lines)))
        move = PointerMove(version=f"2026110{len(asked)}", image_id="ami-1", at=None)
        return {line: Pointer(line=line, watched_since=NOW, moves=(move,)) for line in lines if line.minor == "1.35"}

    def seen(snapshot: Snapshot) -> dict[str, str | None]:
        histories = {line: each for line, each in snapshot.releases.items() if isinstance(each, ReleaseHistory)}
        return {line: each.pointer.moves[0].version if each.pointer else None for line, each in histories.items()}

    with bench({"node_groups": {"web": {}, "old": {"kubernetes": "1.34"}}}) as started:
        started.start_anew(observed=observed)
        older, lines = "al2023/standard/x86_64/1.34", ["al2023/standard/x86_64/1.34", LINE]
        assert seen(started.read()) == {older: None, LINE: "20261101"}
        started.now += MINUTE
        assert seen(started.read(not_before=NOW - MINUTE)) == {older: None, LINE: "20261101"}  # shared with the history
        assert asked == [("aws", REGION, lines)]
        assert seen(started.read()) == {older: None, LINE: "20261102"}
        assert len(asked) == 2


def test_what_is_wrong_with_the_ledger_is_no_gap_of_the_cluster(bench: Callable[..., Any]) -> None:
    def broken(_partition: str, _region: str, _lines: Collection[ReleaseLine]) -> dict[ReleaseLine, Pointer]:
        message = "the table is gone"
        raise LookupError(message)

    with bench({"node_groups": {"web": {}}}) as started:
        started.start_anew(observed=broken)
        with pytest.raises(LookupError, match="the table is gone"):
            started.read()


def test_nothing_is_asked_of_the_ledger_where_no_line_is_in_use(bench: Callable[..., Any]) -> None:
    def unasked(_partition: str, _region: str, _lines: Collection[ReleaseLine]) -> dict[ReleaseLine, Pointer]:
        pytest.fail("asked")

    with bench({"fargate": {"default": {}}}) as started:
        started.start_anew(observed=unasked)
        assert started.read().releases == {}


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
            ("ec2", "DescribeSubnets"),
            ("ec2", "DescribeRouteTables"),
            ("ec2", "DescribeNatGateways"),
            ("ec2", "DescribeInstanceTypeOfferings"),
            ("autoscaling", "DescribePolicies"),
            ("autoscaling", "DescribeScheduledActions"),
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
