"""AMI003: images that AWS gave up."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from eks_auditor.check import Check
from eks_auditor.checks import CATALOGUE
from eks_auditor.checks.ami import image_family_retired, kubelet_skew, release_superseded
from eks_auditor.findings.judge import judge
from eks_auditor.model.cluster import KubernetesVersion
from eks_auditor.model.finding import Finding
from eks_auditor.model.release import Pointer, PointerMove, Release, ReleaseHistory, ReleaseLine
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

MOMENT = timedelta(seconds=1)


def retired(capacity: Any = None, of: Any = None, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    releases = {"releases": {str(LINE): of}} if of else {}
    return finding(image_family_retired, capacity or managed(), **releases | deviations)


def own(**deviations: Any) -> dict[str, Any]:  # noqa: ANN401  any field of an image
    """The deviations of a group and a snapshot around an image of one's own."""
    foreign = image("20261001", owner_alias=None, **{"name": "ours", "description": ""} | deviations)
    return {"group": {"launch": launch(image_ids=(foreign.id,))}, "images": {foreign.id: foreign}}


def seen(of: Release, moved: float | None) -> PointerMove:
    """What the ledger saw of a recommendation, so many days ago."""
    at = None if moved is None else days_ago(moved)
    return PointerMove(version=of.version, image_id=of.image_id or "", at=at)


def aged(days: float, newest: Any) -> ReleaseHistory:  # noqa: ANN401  a release, a gap or none
    return history(days, family_newest=newest)


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


@pytest.mark.parametrize(
    ("types", "successor"),
    [
        (("g5.xlarge",), "NVIDIA"),
        (("p5.48xlarge", "g6.xlarge"), "NVIDIA"),
        (("inf2.xlarge",), "NEURON"),
        (("inf1.xlarge", "trn1n.32xlarge", "trn2.48xlarge"), "NEURON"),
        (("g5.xlarge", "inf2.xlarge"), "NVIDIA"),
    ],
)
@pytest.mark.parametrize("check", [image_family_retired, kubelet_skew])
def test_an_accelerated_image_is_followed_by_that_of_its_accelerator(
    check: Check, types: tuple[str, ...], successor: str
) -> None:
    old = managed(ami_type="AL2_x86_64_GPU", version="1.32", group={"launch": launch(instance_types=types)})

    found = finding(check, old, releases={})

    assert any(f"--ami-type AL2023_x86_64_{successor} " in way for way in commands(found))


def test_nodes_tell_the_accelerator_where_the_group_names_no_type() -> None:
    al2 = image("20251209", name="amazon-eks-gpu-node-1.32-v20251209")
    node_of = node(instance_type="trn1.2xlarge", image_id=al2.id)
    unnamed = {"launch": launch(instance_types=(), image_ids=(al2.id,))}

    for capacity in (self_managed(group=unnamed, nodes=(node_of,)), node_pool(nodes=(node_of,))):
        found = retired(capacity, images={al2.id: al2})
        assert "/amazon-linux-2023/x86_64/neuron/" in str(found.evidence["new_image_parameter"])
    unread = retired(managed(ami_type="AL2_x86_64_GPU", version="1.32", groups=gap(), nodes=(node_of,)), releases={})
    assert unread.evidence["successor"] == "AL2023_x86_64_NEURON"


@pytest.mark.parametrize("control_plane", ["1.32", "1.35"])
def test_the_new_image_is_for_the_control_planes_minor(control_plane: str) -> None:
    al2 = image("20251209", name="amazon-eks-node-1.32-v20251209")
    group = self_managed(group={"launch": launch(image_ids=(al2.id,))})

    found = retired(group, images={al2.id: al2}, cluster=cluster(version=control_plane))

    root = f"/aws/service/eks/optimized-ami/{control_plane}/amazon-linux-2023/x86_64/standard/recommended"
    parameter = f"{root}/image_id"
    assert found.evidence["new_image_parameter"] == parameter
    assert any(f"--name {parameter} " in way for way in commands(found))


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
    scratch: dict[str, Any] = {"images": passing["images"], "ancestors": dict.fromkeys(passing["images"], ())}
    assert retired(self_managed(group=passing["group"]), **scratch).status is Status.PASSED


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


def test_a_recommendation_that_moved_lately_is_in_no_doubt_however_old_its_release() -> None:
    """AWS took the newest release back a day ago, everywhere: the one before it is 70 days old."""
    old, newest = release(70), release(3)
    moves = (seen(old, None), seen(newest, 3), seen(old, 1))
    pointer = Pointer(line=LINE, watched_since=days_ago(65), moves=moves, revision=2)
    around = history(recommended=old, releases=(old,), family_newest=newest)

    assert retired(of=around).severity is Severity.HIGH
    found = retired(of=replace(around, pointer=pointer))
    assert (found.status, found.due_at) == (Status.PASSED, days_ago(1) + timedelta(days=60))
    assert found.evidence["recommended_days"] == 1
    still = replace(pointer, moves=moves[:1], revision=0)
    assert retired(of=replace(around, pointer=still)).severity is Severity.HIGH, "nothing moved while it was watched"


def test_a_clock_of_aws_s_that_is_ahead_makes_no_negative_days() -> None:
    ahead = release(5, published_at=NOW + timedelta(minutes=5))

    found = retired(of=history(recommended=ahead, releases=(ahead,)))

    assert found.evidence["recommended_days"] == 0
    assert "0 days old" in found.reason


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


NOBODY_KNOWS = replace(LINE, minor="1.99")
"""A line that neither the ledger nor the shipped table ever saw, as of a variant that is called otherwise at AWS's."""


def nowhere(capacity: Any, line: ReleaseLine, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    """A line without a parameter; its minor is in support."""
    versions = (*kubernetes_versions(), KubernetesVersion(minor="1.99", status="STANDARD_SUPPORT"))
    of = history(recommended=None, releases=(), **deviations.pop("history", {}))
    return retired(capacity, versions=versions, releases={str(line): of}, **deviations)


@pytest.mark.parametrize(
    ("age", "status"), [(5.0, Status.UNKNOWN), (59.0, Status.UNKNOWN), (61.0, Status.FAILED), (400.0, Status.FAILED)]
)
def test_a_parameter_that_nobody_ever_saw_is_not_gone_while_ours_is_young(age: float, status: Status) -> None:
    group = managed(version="1.99", release_version=f"1.99.1-{version(age)}")

    found = nowhere(group, NOBODY_KNOWS)

    assert found.status is status
    if status is Status.UNKNOWN:
        assert "nothing proves that there ever was" in found.reason
        assert found.due_at is not None
    else:
        assert found.severity is Severity.CRITICAL


def test_a_parameter_that_the_ledger_or_the_table_knows_is_gone() -> None:
    young = managed(version="1.99", release_version=f"1.99.1-{version(5)}")
    watched = Pointer(line=NOBODY_KNOWS, watched_since=days_ago(9), moves=(seen(release(9), None),))

    assert nowhere(young, NOBODY_KNOWS, history={"pointer": watched}).severity is Severity.CRITICAL
    assert nowhere(managed(), LINE).severity is Severity.CRITICAL, "the table names it"


def test_an_image_tells_how_old_its_release_is_where_its_version_does_not() -> None:
    rocket = ReleaseLine("bottlerocket", "standard", "x86_64", "1.99")
    group = managed(ami_type="BOTTLEROCKET_x86_64", version="1.99", release_version="1.90.0-ea1afdd6")
    name = "bottlerocket-aws-k8s-1.99-x86_64-v1.90.0-ea1afdd6"

    def found(**deviations: Any) -> Finding:  # noqa: ANN401  any field
        return nowhere(group, rocket, **deviations)

    for age, status in ((59, Status.UNKNOWN), (60, Status.FAILED)):
        built = image("1", name=name, created_at=days_ago(age))
        assert found(images={built.id: built}).status is status
    assert "of unknown age" in found().reason
    in_the_table = replace(group, release_version="1.24.0-ea1afdd6")
    assert nowhere(in_the_table, rocket).severity is Severity.CRITICAL


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
