from datetime import UTC, datetime

import pytest

from eks_auditor.model.capacity import Node
from eks_auditor.snapshot.assignment import assign, is_doubtful, is_foreign, is_own_group, is_unclaimed
from eks_auditor.snapshot.ec2 import Instance

SHARED, OWNED = "shared", "owned"


def node(**tags: str) -> Node:
    launched = datetime(2026, 11, 20, tzinfo=UTC)
    return Node(
        id="i-1", image_id="ami-1", instance_type="m6i.large", zone_id="euw1-az1", launched_at=launched, tags=tags
    )


def instance(tags: dict[str, str], *, run_by_eks: bool = False) -> Instance:
    return Instance(node=node(**tags), subnet_id="subnet-1", run_by_eks=run_by_eks)


AUTO = {"eks:kubernetes-node-pool-name": "general-purpose"}
KARPENTER = {"karpenter.sh/nodepool": "burst"}
PROVISIONER = {"karpenter.sh/provisioner-name": "default"}
MANAGED = {"aws:autoscaling:groupName": "eks-web-1"}
SELF = {"aws:autoscaling:groupName": "batch-asg"}


@pytest.mark.parametrize(
    ("found", "owner"),
    [
        (instance(AUTO), ("auto-mode", "general-purpose")),
        (instance(AUTO | KARPENTER | MANAGED), ("auto-mode", "general-purpose")),
        (instance(KARPENTER, run_by_eks=True), ("auto-mode", "burst")),
        (instance({}, run_by_eks=True), ("auto-mode", "unnamed")),
        (instance(KARPENTER | MANAGED), ("karpenter", "burst")),
        (instance(PROVISIONER), ("karpenter", "default")),  # Karpenter before v0.32
        (instance(PROVISIONER | KARPENTER), ("karpenter", "burst")),
        (instance(MANAGED), ("managed", "web")),
        (instance(SELF), ("self-managed", "batch-asg")),
        (instance({"kubernetes.io/cluster/shop": "owned"}), ("standalone", "standalone")),
    ],
)
def test_a_node_goes_to_the_first_that_claims_it(found: Instance, owner: tuple[str, str]) -> None:
    assert list(assign([found], {"eks-web-1": "web"}, frozenset()).nodes) == [owner]


@pytest.mark.parametrize("unread", [None, frozenset({"web"})])
def test_nodes_of_an_unread_node_group_are_nobodys_self_managed_nodes(unread: frozenset[str] | None) -> None:
    assert assign([instance(MANAGED | {"eks:nodegroup-name": "web"})], {}, unread).nodes == {}


def test_a_copied_node_group_tag_does_not_hide_a_self_managed_node() -> None:
    assigned = assign([instance(SELF | {"eks:nodegroup-name": "long-gone"})], {}, frozenset())
    assert assigned.names("self-managed") == ("batch-asg",)


def test_nodes_of_a_group_that_is_gone_stand_alone() -> None:
    assigned = assign([instance(SELF)], {}, frozenset()).orphan(frozenset({"batch-asg"}))
    assert assigned.names("self-managed") == ()
    assert [each.id for each in assigned.of("standalone", "standalone")] == ["i-1"]


def test_another_clusters_node_is_foreign_whatever_people_tagged() -> None:
    assert is_foreign(node(**{"aws:eks:cluster-name": "other", "kubernetes.io/cluster/shop": OWNED}), "shop")
    assert not is_foreign(node(**{"aws:eks:cluster-name": "shop", "kubernetes.io/cluster/other": OWNED}), "shop")
    assert not is_foreign(node(**{"kubernetes.io/cluster/shop": OWNED}), "shop")


def test_only_shared_and_nothing_else_is_doubtful() -> None:
    assert is_doubtful(node(**{"kubernetes.io/cluster/shop": SHARED}), "shop")
    assert not is_doubtful(node(**{"kubernetes.io/cluster/shop": OWNED}), "shop")
    assert not is_doubtful(node(**{"kubernetes.io/cluster/shop": SHARED, "aws:eks:cluster-name": "shop"}), "shop")
    assert not is_doubtful(node(**{"kubernetes.io/cluster/shop": SHARED} | KARPENTER), "shop")
    assert not is_doubtful(node(**{"kubernetes.io/cluster/shop": SHARED} | PROVISIONER), "shop")


@pytest.mark.parametrize(
    ("tags", "ours"),
    [
        ({"kubernetes.io/cluster/shop": OWNED}, True),
        ({"kubernetes.io/cluster/shop": OWNED, "kubernetes.io/cluster/other": OWNED}, True),
        ({"kubernetes.io/cluster/shop": SHARED}, False),
        ({"alpha.eksctl.io/cluster-name": "shop"}, True),
        ({"alpha.eksctl.io/cluster-name": "other", "k8s.io/cluster-autoscaler/shop": OWNED}, False),
        ({"eks:cluster-name": "other", "k8s.io/cluster-autoscaler/shop": OWNED}, False),
        ({"kubernetes.io/cluster/other": OWNED, "k8s.io/cluster-autoscaler/shop": OWNED}, False),
        ({"k8s.io/cluster-autoscaler/shop": OWNED}, True),
    ],
)
def test_a_tagged_group_belongs_to_whom_its_owner_tags_name(tags: dict[str, str], *, ours: bool) -> None:
    assert is_own_group(tags, "shop") is ours


def test_a_group_is_unclaimed_only_without_any_clusters_tag() -> None:
    assert is_unclaimed({"Name": "workers", "team": "a"})
    assert not is_unclaimed({"kubernetes.io/cluster/other": OWNED})
    assert not is_unclaimed({"k8s.io/cluster-autoscaler/enabled": "true"})
    assert not is_unclaimed({"alpha.eksctl.io/cluster-name": "other"})
