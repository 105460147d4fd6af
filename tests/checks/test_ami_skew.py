"""AMI004: kubelets that fell behind."""

from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.checks.ami import kubelet_skew
from eks_auditor.model.finding import Finding
from eks_auditor.model.verdict import Owner, Severity, Status
from tests.builders import (
    NOW,
    cluster,
    days_ago,
    gap,
    image,
    launch,
    managed,
    node,
    node_pool,
    self_managed,
)
from tests.checks.judged import commands, finding

MOMENT = timedelta(seconds=1)


def skew(capacity: Any, **control_plane: Any) -> Finding:  # noqa: ANN401  any capacity, any field of the cluster
    return finding(kubelet_skew, capacity, cluster=cluster(**control_plane))


def own(**deviations: Any) -> dict[str, Any]:  # noqa: ANN401  any field of an image
    """The deviations of a group and a snapshot around an image of one's own."""
    foreign = image("20261001", owner_alias=None, **{"name": "ours", "description": ""} | deviations)
    return {"group": {"launch": launch(image_ids=(foreign.id,))}, "images": {foreign.id: foreign}}


@pytest.mark.parametrize(
    ("kubelet", "control_plane", "severity"),
    [
        ("1.35", "1.35", None),
        ("1.34", "1.35", Severity.LOW),
        ("1.33", "1.35", Severity.LOW),
        ("1.32", "1.35", Severity.HIGH),
        ("1.31", "1.35", Severity.CRITICAL),
        ("1.36", "1.35", Severity.CRITICAL),
        ("1.25", "1.28", Severity.HIGH),
        ("1.24", "1.28", Severity.CRITICAL),
        ("1.26", "1.27", Severity.LOW),
        ("1.25", "1.27", Severity.HIGH),
        ("1.24", "1.27", Severity.CRITICAL),
        ("1.9", "1.10", Severity.LOW),
    ],
)
def test_each_rung_of_the_skew(kubelet: str, control_plane: str, severity: Severity | None) -> None:
    found = skew(managed(version=kubelet), version=control_plane)

    assert found.status is (Status.PASSED if severity is None else Status.FAILED)
    assert severity is None or found.severity is severity
    assert kubelet in found.reason
    assert bool(commands(found)) == (severity is not None)


@pytest.mark.parametrize(
    ("since", "status"), [(timedelta(days=30) - MOMENT, Status.PASSED), (timedelta(days=30), Status.FAILED)]
)
def test_one_minor_behind_passes_for_30_days_after_an_update(since: timedelta, status: Status) -> None:
    found = skew(managed(version="1.34"), version_updated_at=NOW - since)

    assert found.status is status
    assert found.due_at == (NOW + MOMENT if status is Status.PASSED else None)


def test_two_minors_behind_have_no_grace() -> None:
    assert skew(managed(version="1.33"), version_updated_at=days_ago(1)).status is Status.FAILED


def test_without_any_update_there_is_no_grace() -> None:
    assert skew(managed(version="1.34"), version_updated_at=None).severity is Severity.LOW


def test_the_time_of_the_update_matters_to_one_minor_behind_only() -> None:
    unread = gap("eks:ListUpdates")

    assert skew(managed(version="1.34"), version_updated_at=unread).status is Status.UNKNOWN
    assert skew(managed(version="1.35"), version_updated_at=unread).status is Status.PASSED
    assert skew(managed(version="1.31"), version_updated_at=unread).severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("told", "minor"),
    [
        ({"name": "amazon-eks-node-al2023-x86_64-standard-1.32-v20261001"}, "1.32"),
        ({"name": "ubuntu-eks/k8s_1.32/images/hvm-ssd/ubuntu-noble"}, "1.32"),
        ({"description": "EKS-optimized Kubernetes node, (k8s: 1.32.9, containerd: 2.1.*)"}, "1.32"),
        ({"description": "Windows Server 2022 for Kubernetes 1.32"}, "1.32"),
    ],
)
def test_the_minor_of_an_image_is_read_from_its_name_then_its_description(told: dict[str, str], minor: str) -> None:
    around = own(**told)

    for build in (self_managed, lambda **d: managed(ami_type="CUSTOM", version="1.35", **d)):
        found = finding(kubelet_skew, build(group=around["group"]), images=around["images"])
        assert found.evidence["kubelet"] == minor
        assert found.severity is Severity.HIGH


def test_a_custom_group_falls_back_on_what_eks_says_of_it() -> None:
    around = own()
    custom = managed(ami_type="CUSTOM", version="1.32", group=around["group"])

    assert finding(kubelet_skew, custom, images=around["images"]).severity is Severity.HIGH


@pytest.mark.parametrize(
    "capacity",
    [
        self_managed(group=own()["group"]),
        managed(ami_type="CUSTOM", version=None, group=own()["group"]),
        managed(version=None),
        managed(version="later"),
        managed(version="2.0"),
        self_managed(group={"launch": gap()}),
        managed(ami_type="CUSTOM", groups=gap()),
        self_managed(group={"launch": launch(image_ids=("ami-unread",))}),
    ],
)
def test_an_unreadable_minor_is_unknown(capacity: Any) -> None:  # noqa: ANN401  any capacity
    assert finding(kubelet_skew, capacity, images=own()["images"]).status is Status.UNKNOWN


def test_an_unmapped_ami_type_has_a_minor_all_the_same() -> None:
    assert skew(managed(ami_type="AL2029", version="1.32")).severity is Severity.HIGH


def test_the_worst_minor_of_a_pools_nodes_counts() -> None:
    old = image("20260101", name="amazon-eks-node-al2023-x86_64-standard-1.32-v20260101")
    pool = node_pool(nodes=(node(1), node(2, image_id=old.id)))

    found = finding(kubelet_skew, pool, images={image().id: image(), old.id: old})

    assert found.severity is Severity.HIGH
    assert old.id in found.reason


def test_what_has_no_kubelet_yet_is_not_judged() -> None:
    assert skew(node_pool(nodes=())).status is Status.NOT_APPLICABLE
    assert skew(managed(ami_type="CUSTOM", groups=())).status is Status.NOT_APPLICABLE
    assert skew(node_pool(kind="auto-mode")).owner is Owner.SHARED


def test_the_fix_moves_the_nodes_up_or_the_control_plane() -> None:
    behind = commands(skew(managed(version="1.32")))
    newer = commands(skew(managed(version="1.36")))

    update = "aws eks update-nodegroup-version --region eu-west-1 --cluster-name shop --nodegroup-name web"
    assert behind == [f"{update} --kubernetes-version 1.35"]
    assert newer == ["aws eks update-cluster-version --region eu-west-1 --name shop --kubernetes-version 1.36"]


@pytest.mark.parametrize(
    ("ami_type", "successor"),
    [("AL2_x86_64", "AL2023_x86_64_STANDARD"), ("AL2_ARM_64", "AL2023_ARM_64_STANDARD")],
)
def test_amazon_linux_2_is_replaced_and_not_updated_to_a_minor_that_it_has_no_image_for(
    ami_type: str, successor: str
) -> None:
    found = skew(managed(ami_type=ami_type, version="1.32"))

    assert found.severity is Severity.HIGH
    assert any("create-nodegroup" in c and f"--ami-type {successor}" in c for c in commands(found))
    assert not any("update-nodegroup-version" in c for c in commands(found))
