"""Clusters and capacities that go away while, or before, they are read."""

from collections.abc import Callable
from typing import Any

import pytest

from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.gap import Gap
from eks_auditor.snapshot.listing import enabled_regions, list_clusters
from eks_auditor.snapshot.reader import ClusterGoneError, ClusterUnreadableError, Reader
from tests.snapshot.bench import ACCOUNT, NOW, REGION, Bench, by_name

CLUSTER: dict[str, Any] = {"node_groups": {"web": {}, "old": {}}, "self_managed": {"batch": {}}, "fargate": {"f": {}}}


def test_a_deleted_cluster_is_gone(bench: Callable[..., Any]) -> None:
    with bench(CLUSTER) as started:
        started.aws.delete_cluster("shop")
        with pytest.raises(ClusterGoneError, match="arn:aws:eks:eu-west-1:111111111111:cluster/shop") as gone:
            started.read()
    assert gone.value.cluster.name == "shop"


@pytest.mark.parametrize(
    ("code", "status", "retryable"),
    [("AccessDeniedException", 403, False), ("ThrottlingException", 400, True), ("ServerException", 500, True)],
)
def test_no_list_no_evidence(bench: Callable[..., Any], code: str, status: int, *, retryable: bool) -> None:
    with bench(CLUSTER) as started:
        started.aws.delete_cluster("shop")
        started.aws.fail("eks", "ListClusters", code, status=status)
        with pytest.raises(ClusterUnreadableError):
            started.read()
        started.aws.mend()
        started.aws.fail("eks", "DescribeCluster", code, status=status)
        with pytest.raises(ClusterUnreadableError) as unreadable:
            started.read()
    assert unreadable.value.gap.action == "eks:DescribeCluster"
    assert unreadable.value.gap.retryable is retryable


def test_a_cluster_that_is_listed_but_not_found_is_not_gone(bench: Callable[..., Any]) -> None:
    with bench(CLUSTER) as started:
        started.aws.fail("eks", "DescribeCluster", "ResourceNotFoundException", status=404)
        with pytest.raises(ClusterUnreadableError, match="could not be read: eks:DescribeCluster"):
            started.read()


def test_a_region_that_is_not_enabled_says_nothing_about_its_clusters(bench: Callable[..., Any]) -> None:
    with bench(CLUSTER) as started, pytest.raises(ClusterUnreadableError) as unreadable:
        started.read(region="me-south-1")
    assert unreadable.value.gap.error.startswith("UnrecognizedClientException")
    assert not unreadable.value.gap.retryable


def test_clients_of_another_account_prove_nothing(bench: Callable[..., Any]) -> None:
    with bench(CLUSTER) as started:
        reader = Reader(lambda _, region: started.clients("222222222222", region), lambda: NOW)
        shop = ClusterId("aws", ACCOUNT, REGION, "shop")
        with pytest.raises(ClusterUnreadableError, match="of 222222222222/eu-west-1"):
            reader.read(shop, not_before=NOW, checkpoint=lambda: None)


def test_a_registered_external_cluster_is_left_out(bench: Callable[..., Any]) -> None:
    with bench(CLUSTER) as started:
        started.aws.cluster("shop")["connectorConfig"] = {"provider": "GKE"}
        with pytest.raises(ClusterUnreadableError, match="ExternalCluster"):
            started.read()


def test_a_node_group_deleted_after_it_was_listed_is_absent_and_its_kind_complete(bench: Callable[..., Any]) -> None:
    with bench(CLUSTER) as started:
        delete_before(started, "DescribeNodegroup", lambda: started.aws.delete_nodegroup("shop", "old"))
        snapshot = started.read()
    assert set(by_name(snapshot)) == {"web", "batch", "f"}
    assert snapshot.complete["managed"]
    assert snapshot.gaps == ()


def test_a_profile_deleted_after_it_was_listed_is_absent_too(bench: Callable[..., Any]) -> None:
    with bench(CLUSTER) as started:
        profiles = started.aws.region(ACCOUNT, REGION).fargate_profiles["shop"]
        delete_before(started, "DescribeFargateProfile", lambda: profiles.pop("f"))
        snapshot = started.read()
    assert set(by_name(snapshot)) == {"web", "old", "batch"}
    assert snapshot.complete["fargate"]


def test_a_node_group_that_is_still_listed_is_not_taken_for_deleted(bench: Callable[..., Any]) -> None:
    with bench(CLUSTER) as started:
        started.aws.fail("eks", "DescribeNodegroup", "ResourceNotFoundException", status=404)
        snapshot = started.read()
    assert not snapshot.complete["managed"]
    assert [gap.resource for gap in snapshot.gaps] == ["shop/old", "shop/web"]


def test_an_unconfirmed_deletion_is_not_evidence(bench: Callable[..., Any]) -> None:
    with bench(CLUSTER) as started:

        def deny_lists() -> None:
            started.aws.delete_nodegroup("shop", "old")
            started.aws.fail("eks", "ListNodegroups", "AccessDeniedException", status=403)

        delete_before(started, "DescribeNodegroup", deny_lists)
        snapshot = started.read()
    assert not snapshot.complete["managed"]
    assert {gap.action for gap in snapshot.gaps} == {"eks:DescribeNodegroup", "eks:ListNodegroups"}


def delete_before(bench: Bench, operation: str, delete: Callable[[], object]) -> None:
    """Do something once, just before the first call of an operation is sent."""
    pending = [delete]

    def hook(**_: object) -> None:
        if pending:
            pending.pop()()

    # With one worker nothing else of that round is under way yet.
    bench.clients().eks.meta.events.register(f"before-call.eks.{operation}", hook)


def test_a_self_managed_group_deleted_while_its_nodes_remain_leaves_them_alone(bench: Callable[..., Any]) -> None:
    with bench(CLUSTER) as started:
        groups = started.aws.region(ACCOUNT, REGION).groups
        del groups[next(name for name in groups if "batch" in name)]
        snapshot = started.read()
    assert len(by_name(snapshot)["standalone"].nodes) == 3
    assert "batch" not in by_name(snapshot)
    assert snapshot.gaps == ()


def test_the_time_is_asked_for_between_rounds(bench: Callable[..., Any]) -> None:
    class OutOfTimeError(Exception):
        pass

    asked = []

    def checkpoint() -> None:
        asked.append(len(started.aws.calls))

    with bench(CLUSTER) as started:
        started.read(checkpoint=checkpoint)
        assert len(set(asked)) >= 5  # each after further calls
        calls = len(started.aws.calls)

        def stop() -> None:
            raise OutOfTimeError

        with pytest.raises(OutOfTimeError):
            started.read(checkpoint=stop)
        assert len(started.aws.calls) < calls * 2


def test_listing(bench: Callable[..., Any]) -> None:
    with bench(CLUSTER, page_size=1) as started:
        listed = list_clusters(started.clients())
        assert not isinstance(listed, Gap)
        assert [cluster.arn for cluster in listed] == ["arn:aws:eks:eu-west-1:111111111111:cluster/shop"]
        regions = enabled_regions(started.clients())
        assert not isinstance(regions, Gap)
        assert REGION in regions
        assert "me-south-1" not in regions
        refused = list_clusters(started.clients(region="me-south-1"))
        assert isinstance(refused, Gap)
        assert (refused.action, refused.resource) == ("eks:ListClusters", "me-south-1")
