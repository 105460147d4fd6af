"""AMI003 and AMI004: images that AWS gave up, and kubelets that fell behind."""

from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.checks.ami import image_family_retired, kubelet_skew, release_superseded
from eks_auditor.findings.judge import judge
from eks_auditor.model.cluster import KubernetesVersion
from eks_auditor.model.finding import Finding
from eks_auditor.model.release import ReleaseHistory
from eks_auditor.model.verdict import Owner, Severity, Status
from tests.builders import (
    LINE,
    NOW,
    cluster,
    days_ago,
    gap,
    history,
    image,
    kubernetes_versions,
    launch,
    managed,
    node,
    node_pool,
    release,
    release_version,
    self_managed,
    snapshot,
    version,
)
from tests.checks.judged import commands, finding

AL2_LINE = "al2/standard/x86_64/1.32"
MOMENT = timedelta(seconds=1)


def retired(capacity: Any = None, of: Any = None, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    releases = {"releases": {str(LINE): of}} if of else {}
    return finding(image_family_retired, capacity or managed(), **releases | deviations)


def skew(capacity: Any, **control_plane: Any) -> Finding:  # noqa: ANN401  any capacity, any field of the cluster
    return finding(kubelet_skew, capacity, cluster=cluster(**control_plane))


def own(**deviations: Any) -> dict[str, Any]:  # noqa: ANN401  any field of an image
    """The deviations of a group and a snapshot around an image of one's own."""
    foreign = image("20261001", owner_alias=None, **{"name": "ours", "description": ""} | deviations)
    return {"group": {"launch": launch(image_ids=(foreign.id,))}, "images": {foreign.id: foreign}}


def aged(days: float, newest: Any) -> ReleaseHistory:  # noqa: ANN401  a release, a gap or none
    return history(days, family_newest=newest)


# AMI003


def test_a_family_that_aws_goes_on_to_build_passes_until_it_is_in_doubt() -> None:
    found = retired()

    assert found.status is Status.PASSED
    assert found.due_at == days_ago(5) + timedelta(days=60)


@pytest.mark.parametrize("ami_type", ["AL2_x86_64", "AL2_x86_64_GPU", "AL2_ARM_64"])
def test_amazon_linux_2_is_retired_at_its_newest_release_too(ami_type: str) -> None:
    found = retired(managed(ami_type=ami_type, version="1.32", release_version="1.32.9-20251209"), releases={})

    assert (found.status, found.severity) == (Status.FAILED, Severity.CRITICAL)
    assert "Amazon Linux 2" in found.reason
    assert any("--ami-type AL2023_" in command for command in commands(found))


def test_amazon_linux_2_in_a_self_managed_group_is_retired() -> None:
    al2 = image("20251209", name="amazon-eks-node-1.32-v20251209")
    group = self_managed(group={"launch": launch(image_ids=(al2.id,))})

    found = retired(group, images={al2.id: al2}, versions=gap("eks:DescribeClusterVersions"))

    assert (found.status, found.severity) == (Status.FAILED, Severity.CRITICAL)
    assert [way.split(":")[0] for way in commands(found, "guide")] == ["migrate", "in place"]
    assert any("amazon-linux-2023/x86_64/standard" in command for command in commands(found))


@pytest.mark.parametrize(
    ("versions", "told"),
    [
        (kubernetes_versions()[-1:], "does not know"),
        ((KubernetesVersion(minor="1.35", status="UNSUPPORTED"),), "does not support"),
    ],
)
@pytest.mark.parametrize("capacity", [managed(), self_managed(), node_pool()])
def test_a_minor_that_eks_gave_up_is_critical(capacity: Any, versions: Any, told: str) -> None:  # noqa: ANN401  any capacity
    found = retired(capacity, versions=versions)

    assert (found.status, found.severity) == (Status.FAILED, Severity.CRITICAL)
    assert f"Kubernetes 1.35, which EKS {told} any more" in found.reason
    assert commands(found)


@pytest.mark.parametrize("minors", [(), ("1.34",), ("1.34", "1.36"), ("1.9",)])
@pytest.mark.parametrize("capacity", [managed(), self_managed(), node_pool()])
def test_a_minor_that_eks_does_not_list_yet_is_unknown(capacity: Any, minors: tuple[str, ...]) -> None:  # noqa: ANN401  any capacity
    versions = tuple(KubernetesVersion(minor=minor, status="STANDARD_SUPPORT") for minor in minors)
    found = retired(capacity, versions=versions)

    assert found.status is Status.UNKNOWN
    assert "Kubernetes 1.35, which EKS does not list: it may be too new" in found.reason


@pytest.mark.parametrize("status", ["STANDARD_SUPPORT", "EXTENDED_SUPPORT"])
def test_a_minor_in_support_passes(status: str) -> None:
    assert retired(versions=(KubernetesVersion(minor="1.35", status=status),)).status is Status.PASSED


def test_the_minor_of_an_image_of_ones_own_is_judged_too() -> None:
    around = own(description="built for k8s: 1.29.4")
    images = around.pop("images")

    assert retired(self_managed(**around), images=images).severity is Severity.CRITICAL
    passing = own(description="built for k8s: 1.34.4")
    assert retired(self_managed(group=passing["group"]), images=passing["images"]).status is Status.PASSED


@pytest.mark.parametrize(
    ("age", "status"), [(timedelta(days=60) - MOMENT, Status.PASSED), (timedelta(days=60), Status.FAILED)]
)
def test_a_line_that_its_family_left_behind_fails_on_time(age: timedelta, status: Status) -> None:
    old = release(70, published_at=NOW - age)

    found = retired(of=history(recommended=old, releases=(old,), family_newest=release(3)))

    assert found.status is status
    if status is Status.FAILED:
        assert found.severity is Severity.HIGH
        assert "for 60 days" in found.reason
        assert found.evidence["family_newest"] == version(3)
    else:
        assert found.due_at == NOW + MOMENT


def test_at_the_latest_release_does_not_save_it() -> None:
    group = managed(release_version=release_version(70))

    assert finding(release_superseded, group, releases={str(LINE): history(70)}).status is Status.PASSED
    assert retired(group, of=aged(70, release(3))).severity is Severity.HIGH


def test_a_family_paused_as_a_whole_is_for_aws_to_mend() -> None:
    found = retired(of=aged(70, release(70)))

    assert (found.status, found.severity, found.owner) == (Status.FAILED, Severity.INFORMATIONAL, Owner.AWS)
    assert "paused" in found.reason


def test_a_line_that_aws_recommends_nothing_of_is_critical_and_silences_ami001() -> None:
    late = managed(release_version=release_version(90))
    gone = snapshot(late, releases={str(LINE): history(recommended=None)})

    found = {f.check_id: f for f in judge(gone, CATALOGUE) if f.subject.name == "web"}

    assert (found["AMI003"].status, found["AMI003"].severity) == (Status.FAILED, Severity.CRITICAL)
    assert found["AMI001"].status is Status.NOT_APPLICABLE


def test_it_silences_ami001_for_the_same_capacity() -> None:
    late = managed(release_version=release_version(100))
    left_behind = snapshot(late, releases={str(LINE): history(100, 80, family_newest=release(3))})

    found = {f.check_id: f for f in judge(left_behind, CATALOGUE) if f.subject.name == "web"}

    assert found["AMI001"].status is Status.NOT_APPLICABLE
    assert "AMI001" in found["AMI003"].reason


def test_the_worst_image_of_a_group_counts() -> None:
    al2 = image("20251209", name="amazon-eks-node-1.35-v20251209")
    both = self_managed(group={"launch": launch(image_ids=(image().id, al2.id))})

    found = retired(both, images={image().id: image(), al2.id: al2})

    assert found.severity is Severity.CRITICAL
    assert al2.id in found.reason


@pytest.mark.parametrize(
    ("capacity", "deviations"),
    [
        (managed(), {"versions": gap("eks:DescribeClusterVersions")}),
        (managed(), {"releases": {}}),
        (managed(), {"releases": {str(LINE): gap("ssm:GetParameters")}}),
        (managed(), {"releases": {str(LINE): aged(70, gap("ec2:DescribeImages"))}}),
        (managed(), {"releases": {str(LINE): aged(70, None)}}),
        (managed(), {"releases": {str(LINE): aged(70, release(version="v1"))}}),
        (managed(ami_type="AL2029"), {}),
        (self_managed(group={"launch": gap()}), {}),
        (node_pool(), {"images": {}}),
    ],
)
def test_what_cannot_be_read_is_not_judged_retired(capacity: Any, deviations: dict[str, Any]) -> None:  # noqa: ANN401  any capacity
    assert retired(capacity, **deviations).status is Status.UNKNOWN


def test_a_newer_control_plane_is_the_way_on() -> None:
    versions = kubernetes_versions()[-1:]

    behind = retired(versions=versions, cluster=cluster(version="1.36"))
    level = retired(versions=versions)

    assert any("--kubernetes-version 1.36" in c and "update-nodegroup-version" in c for c in commands(behind))
    assert any("update-cluster-version" in c and "--kubernetes-version 1.36" in c for c in commands(level))


def test_nothing_to_judge_is_not_judged() -> None:
    assert retired(node_pool(nodes=())).status is Status.NOT_APPLICABLE
    assert retired(managed(ami_type="CUSTOM", groups=())).status is Status.NOT_APPLICABLE
    auto = retired(node_pool(kind="auto-mode"))
    assert (auto.status, auto.owner) == (Status.NOT_APPLICABLE, Owner.SHARED)


# AMI004


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
