from typing import Any

import pytest

from eks_auditor.autoscaler.scaler import Certainty, scaler_of
from eks_auditor.autoscaler.tags import TEMPLATE
from tests.builders import cluster, eks_tags, gap, managed, node_pool, self_managed, snapshot

UNTAGGED: dict[str, Any] = {"tags": {"kubernetes.io/cluster/shop": "owned"}}


@pytest.mark.parametrize(
    ("read", "certainty", "evidence"),
    [
        (snapshot(managed()), "none", ""),
        (snapshot(self_managed(group=UNTAGGED)), "none", ""),
        (snapshot(managed(), cluster=cluster(auto_mode=True)), "none", "Auto Mode is enabled"),
        (snapshot(managed(), node_pool()), "none", "Karpenter runs 3 instances"),
        (snapshot(managed(), node_pool(kind="auto-mode")), "none", ""),
        (snapshot(cluster=cluster(autoscaler_identity="kube-system/cluster-autoscaler")), "proof", "Pod Identity"),
        (snapshot(managed(group={"hand_scalings": 2})), "proof", "2 times"),
        (snapshot(managed(group={"hand_scalings": 1})), "none", ""),
        (snapshot(*(managed(n, group={"hand_scalings": 1}) for n in "ab")), "proof", "2 times"),
        (snapshot(self_managed()), "intent", "batch carries discovery tags"),
        (snapshot(self_managed("a"), self_managed("b")), "intent", "a and 1 more group carries"),
        (snapshot(self_managed("a"), self_managed("b"), self_managed("c")), "intent", "a and 2 more groups carry"),
        (
            snapshot(managed(group={"tags": eks_tags() | {f"{TEMPLATE}label/tier": "web"}})),
            "intent",
            "node-template tags",
        ),
        (snapshot(self_managed(group={"hand_scalings": 9}), node_pool()), "proof", "Karpenter runs 3 instances"),
    ],
)
def test_what_scales_a_cluster(read: Any, certainty: Certainty, evidence: str) -> None:  # noqa: ANN401  a snapshot
    scaler = scaler_of(read)
    assert scaler.certainty == certainty
    assert evidence in scaler.because
    assert scaler.gap is None


@pytest.mark.parametrize(
    "read",
    [
        snapshot(cluster=cluster(autoscaler_identity=gap())),
        snapshot(managed(group={"hand_scalings": gap()})),
        snapshot(managed(groups=gap())),
    ],
)
def test_what_may_hide_a_proof_is_kept(read: Any) -> None:  # noqa: ANN401  a snapshot
    assert scaler_of(read).gap == gap()
    assert scaler_of(read).certainty == "none"


def test_a_proof_needs_nothing_more() -> None:
    read = snapshot(managed(group={"hand_scalings": 2}), cluster=cluster(autoscaler_identity=gap()))
    assert scaler_of(read).certainty == "proof"
    assert scaler_of(read).gap is None


def test_an_incomplete_kind_may_hide_a_proof() -> None:
    healthy = snapshot()
    read = snapshot(complete={**healthy.complete, "self-managed": False})
    hidden = scaler_of(read).gap
    assert hidden is not None
    assert hidden.action == "autoscaling:DescribeAutoScalingGroups"
