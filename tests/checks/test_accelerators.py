"""CAS016: whether a group of accelerated instances can grow from nothing."""

import json
import shlex
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.checks.accelerators import GPU_LABEL, accelerator_cannot_scale_from_zero
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import Bounds, InstanceRequirements
from eks_auditor.model.finding import Finding
from eks_auditor.model.release import Image
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Status
from eks_auditor.releases.families import ami_types
from tests.builders import (
    ancestor,
    autoscaler_tags,
    cluster,
    eks_tags,
    gap,
    image,
    instance_type,
    launch,
    managed,
    own_image,
    self_managed,
)
from tests.builders import snapshot as read
from tests.checks.judged import commands, finding

CHECK = accelerator_cannot_scale_from_zero
PROVEN = cluster(autoscaler_identity="kube-system/cluster-autoscaler")
RESOURCES = "k8s.io/cluster-autoscaler/node-template/resources/"
NEURON = f"{RESOURCES}aws.amazon.com/neuron"
LABELLED = {GPU_LABEL: "l4"}

TYPES = {
    shape.name: shape
    for shape in (
        instance_type(),
        instance_type("g6.xlarge", vcpus=4, memory_mib=16384, gpus=1, gpu_maker="NVIDIA"),
        instance_type("g6.12xlarge", vcpus=48, memory_mib=196608, gpus=4, gpu_maker="NVIDIA"),
        instance_type("g5g.xlarge", architecture="arm64", vcpus=4, memory_mib=8192, gpus=1, gpu_maker="NVIDIA"),
        instance_type("g4ad.xlarge", vcpus=4, memory_mib=16384, gpus=1, gpu_maker="AMD"),
        instance_type("dl1.24xlarge", vcpus=96, memory_mib=786432, gpus=8, gpu_maker="Habana"),
        instance_type("inf2.24xlarge", vcpus=96, memory_mib=393216, neuron_devices=6, neuron_cores=12),
    )
}


def eks_image(variant: str, family: str = "al2023") -> Image:
    """An image of EKS by the name of its line."""
    names = {
        "al2023": f"amazon-eks-node-al2023-x86_64-{variant}-1.35-v20261118",
        "al2": f"amazon-eks{variant}-node-1.32-v20251209",
        "bottlerocket": f"bottlerocket-aws-k8s-1.35{variant}-x86_64-v1.62.1-ea1afdd6",
        "windows": f"Windows_Server-2022-English-{variant}-EKS_Optimized-1.35-2026.11.10",
    }
    return image(name=names[family], id="ami-0000000000000e45")


def built(build: Any, kind: str, sort: str | None = None, group: Any = None, **deviations: Any) -> Any:  # noqa: ANN401  a builder, any field, and its product
    """A group of minimum size 0 of one instance type; ``sort`` is a managed group's AMI type."""
    own = {"ami_type": sort or "AL2023_x86_64_NVIDIA"} if build is managed else {}
    tags = eks_tags("odd") if build is managed else autoscaler_tags()
    healthy = {
        "launch": launch(instance_types=(kind,), image_ids=("ami-0000000000000e45",)),
        "tags": tags,
        "min_size": 0,
    }
    return build("odd", group=healthy | (group or {}), **own | deviations)


def judged(capacity: Any, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    healthy = {"cluster": PROVEN, "instance_types": TYPES, "images": {"ami-0000000000000e45": eks_image("nvidia")}}
    return finding(CHECK, capacity, **healthy | deviations)


def word(found: Finding) -> str:
    return found.severity.name if found.status is Status.FAILED else found.status.name


both = pytest.mark.parametrize("build", [managed, self_managed])


class TestNeuron:
    KIND = "inf2.24xlarge"

    @both
    def test_its_devices_have_to_be_told(self, build: Any) -> None:  # noqa: ANN401  a builder
        found = judged(built(build, self.KIND))
        assert word(found) == "HIGH"
        assert "inf2.24xlarge has 6" in found.reason
        assert "kube-system/cluster-autoscaler" in found.reason
        told = next(command for command in commands(found) if "create-or-update-tags" in command)
        (tag,) = json.loads(shlex.split(told)[-1])
        assert (tag["Key"], tag["Value"], tag["PropagateAtLaunch"]) == (NEURON, "6", False)

    @both
    @pytest.mark.parametrize("name", ["neuron", "neuroncore", "neurondevice"])
    def test_one_of_their_names_is_enough(self, build: Any, name: str) -> None:  # noqa: ANN401  a builder
        tags = (eks_tags("odd") if build is managed else autoscaler_tags()) | {f"{RESOURCES}aws.amazon.com/{name}": "6"}
        assert word(judged(built(build, self.KIND, group={"tags": tags}))) == "PASSED"

    def test_the_tags_of_a_node_group_count_as_well(self) -> None:
        assert word(judged(built(managed, self.KIND, tags={NEURON: "6"}))) == "PASSED"
        found = judged(built(managed, self.KIND))
        assert any(command.startswith("aws eks tag-resource ") for command in commands(found))

    @pytest.mark.parametrize("value", ["six", "", "0", "6 devices"])
    def test_a_tag_that_is_dropped_tells_nothing(self, value: str) -> None:
        assert word(judged(built(self_managed, self.KIND, group={"tags": {NEURON: value}}))) == "HIGH"

    @both
    def test_nodes_that_stay_tell_of_their_devices(self, build: Any) -> None:  # noqa: ANN401  a builder
        assert word(judged(built(build, self.KIND, group={"min_size": 1}))) == "PASSED"

    def test_requirements_count_where_they_demand_accelerators(self) -> None:
        for accelerators, expected in ((Bounds(least=1), "HIGH"), (Bounds(least=0), "NOT_APPLICABLE")):
            wanted = InstanceRequirements(
                vcpus=Bounds(least=4), memory_mib=Bounds(least=8192), accelerators=accelerators, types=(self.KIND,)
            )
            asks = {"launch": launch(instance_types=(), requirements=wanted)}
            assert word(judged(built(self_managed, self.KIND, group=asks))) == expected


class TestNvidia:
    @pytest.mark.parametrize("sort", ami_types())
    def test_a_managed_group_needs_nvidias_ami_type(self, sort: str) -> None:
        found = judged(built(managed, "g6.xlarge", sort, labels=LABELLED))
        fine = "NVIDIA" in sort or sort.endswith("GPU") or sort.startswith("WINDOWS")
        assert word(found) == ("PASSED" if fine else "MEDIUM")

    @pytest.mark.parametrize(
        ("sort", "kind", "expected"),
        [
            ("AL2023_x86_64_STANDARD", "g6.xlarge", "AL2023_x86_64_NVIDIA"),
            ("AL2023_ARM_64_STANDARD", "g5g.xlarge", "AL2023_ARM_64_NVIDIA"),
            ("AL2023_x86_64_NEURON", "g6.xlarge", "AL2023_x86_64_NVIDIA"),
            ("AL2_x86_64", "g6.xlarge", "AL2023_x86_64_NVIDIA"),
            ("BOTTLEROCKET_x86_64", "g6.xlarge", "BOTTLEROCKET_x86_64_NVIDIA"),
            ("BOTTLEROCKET_ARM_64_FIPS", "g5g.xlarge", "BOTTLEROCKET_ARM_64_NVIDIA_FIPS"),
        ],
    )
    def test_the_fix_names_it(self, sort: str, kind: str, expected: str) -> None:
        found = judged(built(managed, kind, sort, labels=LABELLED))
        assert found.evidence["ami_type"] == expected
        assert any(f"--ami-type {expected} --instance-types {kind}" in command for command in commands(found))

    @pytest.mark.parametrize(
        ("launched", "expected"),
        [
            (eks_image("nvidia"), "PASSED"),
            (eks_image("nvidia-560"), "PASSED"),
            (eks_image("-gpu", "al2"), "PASSED"),
            (eks_image("-nvidia", "bottlerocket"), "PASSED"),
            (eks_image("-nvidia-fips", "bottlerocket"), "PASSED"),
            (eks_image("Core", "windows"), "PASSED"),
            (eks_image("standard"), "MEDIUM"),
            (eks_image("neuron"), "MEDIUM"),
            (eks_image("", "al2"), "MEDIUM"),
            (eks_image("", "bottlerocket"), "MEDIUM"),
            (own_image(), "UNKNOWN"),
            (own_image(name="ubuntu-eks/k8s_1.35/images/hvm-ssd-gp3/ubuntu-noble-24.04"), "UNKNOWN"),
        ],
    )
    def test_the_rungs_by_image(self, launched: Image, expected: str) -> None:
        images = {"ami-0000000000000e45": launched}
        ancestors: dict[str, Any] = {launched.id: ()}
        for build, sort in ((self_managed, None), (managed, "CUSTOM")):
            group = built(build, "g6.xlarge", sort, labels=LABELLED)
            assert word(judged(group, images=images, ancestors=ancestors)) == expected

    def test_an_own_image_has_the_driver_of_what_it_was_built_on(self) -> None:
        own = own_image()
        for base, expected in ((eks_image("nvidia"), "PASSED"), (eks_image("standard"), "UNKNOWN")):
            found = judged(
                built(self_managed, "g6.xlarge", labels=LABELLED),
                images={"ami-0000000000000e45": own},
                ancestors={own.id: (ancestor(base),)},
            )
            assert word(found) == expected

    def test_a_managed_group_with_an_image_of_its_own_gets_another_image(self) -> None:
        group = built(managed, "g6.xlarge", "CUSTOM", labels=LABELLED)
        told = commands(judged(group, images={"ami-0000000000000e45": eks_image("standard")}))
        assert [command.split()[1:3] for command in told] == [
            ["ssm", "get-parameter"],
            ["eks", "update-nodegroup-version"],
        ]

    def test_of_several_images_one_with_the_driver_is_enough(self) -> None:
        both_images = {"ami-1": image(id="ami-1"), "ami-2": eks_image("nvidia")}
        mixed = launch(instance_types=("m7i.large", "g6.xlarge"), image_ids=tuple(both_images))
        group = built(self_managed, "g6.xlarge", labels=LABELLED, group={"launch": mixed})
        assert word(judged(group, images=both_images)) == "PASSED"

    def test_gpus_of_others_need_no_such_driver(self) -> None:
        group = built(managed, "g4ad.xlarge", "AL2023_x86_64_STANDARD")
        assert word(judged(group)) == "NOT_APPLICABLE"

    def test_the_image_counts_whatever_the_size(self) -> None:
        group = built(managed, "g6.xlarge", "AL2023_x86_64_STANDARD", labels=LABELLED, group={"min_size": 2})
        assert word(judged(group)) == "MEDIUM"

    def test_an_ami_type_of_the_future_is_not_judged(self) -> None:
        found = judged(built(managed, "g6.xlarge", "AL2030_x86_64", labels=LABELLED))
        assert word(found) == "UNKNOWN"
        assert "AL2030_x86_64" in found.reason

    def test_an_image_that_could_not_be_read(self) -> None:
        group = built(self_managed, "g6.xlarge", labels=LABELLED)
        found = judged(group, images={"ami-0000000000000e45": gap()})
        assert word(found) == "UNKNOWN"
        assert "UnauthorizedOperation" in found.reason

    def test_a_self_managed_fix_names_the_parameter(self) -> None:
        group = built(self_managed, "g6.xlarge", labels=LABELLED)
        (command,) = commands(judged(group, images={"ami-0000000000000e45": eks_image("standard")}))
        assert "/amazon-linux-2023/x86_64/nvidia/recommended/image_id" in command


class TestLabel:
    @both
    @pytest.mark.parametrize("kind", ["g6.xlarge", "g6.12xlarge"])
    def test_nodes_with_gpus_should_have_it(self, build: Any, kind: str) -> None:  # noqa: ANN401  a builder
        found = judged(built(build, kind))
        assert word(found) == "INFORMATIONAL"
        assert GPU_LABEL in found.reason
        assert word(judged(built(build, kind, labels=LABELLED))) == "PASSED"

    @both
    @pytest.mark.parametrize("kind", ["g4ad.xlarge", "dl1.24xlarge"])
    def test_those_of_other_makers_must_not_be_told_to(self, build: Any, kind: str) -> None:  # noqa: ANN401  a builder
        """Up to 1.34.2, the autoscaler would take such nodes never to be ready."""
        found = judged(built(build, kind))
        assert word(found) == "NOT_APPLICABLE"
        assert not found.fix

    def test_a_tag_of_it_is_kept(self) -> None:
        tags = autoscaler_tags() | {f"k8s.io/cluster-autoscaler/node-template/label/{GPU_LABEL}": "l4"}
        found = judged(built(self_managed, "g6.xlarge", group={"tags": tags}))
        assert word(found) == "INFORMATIONAL"
        assert found.evidence["label"] == f"{GPU_LABEL}=l4"
        assert not commands(found)
        (tag,) = json.loads(shlex.split(commands(judged(built(self_managed, "g6.xlarge")))[0], comments=True)[-1])
        assert (tag["Key"], tag["Value"]) == (list(tags)[-1], "nvidia")

    def test_neuron_devices_need_none(self) -> None:
        tags = autoscaler_tags() | {NEURON: "6"}
        assert word(judged(built(self_managed, "inf2.24xlarge", group={"tags": tags}))) == "PASSED"

    def test_the_managed_fix_adds_it(self) -> None:
        (command,) = commands(judged(built(managed, "g6.xlarge")))
        words = shlex.split(command, comments=True)
        assert "MIG" in command
        assert json.loads(words[-1]) == {"addOrUpdateLabels": {GPU_LABEL: "nvidia"}}

    def test_labels_that_could_not_be_read(self) -> None:
        assert word(judged(built(self_managed, "g6.xlarge", labels=gap()))) == "UNKNOWN"
        hidden = built(self_managed, "g6.xlarge", labels=gap())
        found = judged(hidden, images={"ami-0000000000000e45": eks_image("standard")})
        assert word(found) == "MEDIUM"
        assert found.partial


class TestNotJudged:
    @both
    def test_groups_without_accelerators(self, build: Any) -> None:  # noqa: ANN401  a builder
        assert word(judged(built(build, "m7i.large", "AL2023_x86_64_STANDARD"))) == "NOT_APPLICABLE"

    def test_a_group_that_launches_nothing(self) -> None:
        group = built(self_managed, "inf2.24xlarge", group={"max_size": 0, "desired": 0})
        assert word(judged(group)) == "NOT_APPLICABLE"

    @both
    def test_what_could_not_be_read(self, build: Any) -> None:  # noqa: ANN401  a builder
        assert word(judged(built(build, "x9.large"))) == "UNKNOWN"
        assert word(judged(built(build, "m7i.large", group={"launch": gap()}))) == "UNKNOWN"
        assert word(judged(managed(groups=gap()))) == "UNKNOWN"
        assert word(judged(managed(groups=()))) == "NOT_APPLICABLE"

    def test_a_cluster_that_the_autoscaler_does_not_scale(self) -> None:
        group = built(managed, "inf2.24xlarge")
        assert word(judged(group, cluster=cluster())) == "NOT_APPLICABLE"
        assert word(judged(group, cluster=cluster(autoscaler_identity=gap()))) == "UNKNOWN"

    @pytest.mark.parametrize("status", ["CREATING", "DELETING"])
    def test_eks_may_still_be_tagging(self, status: str) -> None:
        assert judged(built(managed, "inf2.24xlarge", status=status)).settling


@given(st.permutations(["g6.xlarge", "inf2.24xlarge", "m7i.large", "g4ad.xlarge"]), st.randoms(use_true_random=False))
def test_the_order_of_types_and_tags_never_changes_a_word(kinds: list[str], random: Random) -> None:
    tags = list((autoscaler_tags() | {NEURON: "x", f"{RESOURCES}aws.amazon.com/neuroncore": "12"}).items())
    random.shuffle(tags)
    launched = launch(instance_types=tuple(kinds), image_ids=("ami-0000000000000e45",))
    group = built(self_managed, "m7i.large", group={"launch": launched, "tags": dict(tags)})
    assert word(judged(group)) == "INFORMATIONAL"


@pytest.mark.parametrize(
    "snapshot",
    [
        pytest.param(read(managed(), cluster=PROVEN), id="no accelerators"),
        pytest.param(
            read(built(managed, "g6.xlarge"), cluster=PROVEN, instance_types=TYPES), id="eksctl: one GPU type"
        ),
        pytest.param(
            read(built(managed, "inf2.24xlarge", tags={NEURON: "6"}), cluster=PROVEN, instance_types=TYPES),
            id="terraform-aws-eks: Neuron, tagged",
        ),
        pytest.param(read(built(managed, "inf2.24xlarge"), instance_types=TYPES), id="Neuron without an autoscaler"),
    ],
)
def test_recommended_layouts_are_not_blamed(snapshot: Snapshot) -> None:
    (found,) = judge(snapshot, [CHECK])
    assert word(found) in {"PASSED", "NOT_APPLICABLE", "INFORMATIONAL"}
