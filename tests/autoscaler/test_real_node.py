from typing import Any

import pytest

from eks_auditor.autoscaler.node_template import NodeTemplate, Source
from eks_auditor.autoscaler.real_node import real
from eks_auditor.model.capacity import ManagedNodeGroup, SelfManagedGroup, Taint
from eks_auditor.model.gap import UnreadableError, known
from tests.builders import gap, image, image_id, instance_type, managed, self_managed, snapshot, version

SPOT = Taint(key="spot", value="true", effect="NoSchedule")


def came_up(capacity: ManagedNodeGroup | SelfManagedGroup, **deviations: Any) -> NodeTemplate:  # noqa: ANN401  any field
    return real(capacity, known(capacity.groups)[0], snapshot(capacity, **deviations))


def of_type(**shape: Any) -> NodeTemplate:  # noqa: ANN401  any field of it
    return came_up(self_managed(), instance_types={"m7i.large": instance_type(**shape)})


def test_a_managed_groups_node_has_what_the_group_declares_and_eks_adds() -> None:
    node = came_up(managed(labels={"team": "a"}, taints=(SPOT,), capacity_type="SPOT"))
    assert node.labels == {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "m7i.large",
        "topology.kubernetes.io/region": "eu-west-1",
        "topology.kubernetes.io/zone": "eu-west-1a",
        "topology.ebs.csi.aws.com/zone": "eu-west-1a",
        "eks.amazonaws.com/nodegroup": "web",
        "eks.amazonaws.com/capacityType": "SPOT",
        "team": "a",
    }
    assert node.taints == (SPOT,)
    assert (node.sources["label:team"], node.sources["taint:spot"]) == (Source.EKS, Source.EKS)


def test_a_self_managed_groups_node_has_what_its_user_data_says() -> None:
    node = came_up(self_managed(labels={"team": "a"}, taints=(SPOT,)))
    assert (node.labels["team"], node.taints) == ("a", (SPOT,))
    assert (node.sources["label:team"], node.sources["taint:spot"]) == (Source.USER_DATA, Source.USER_DATA)
    assert not any(key.startswith("eks.amazonaws.com/") for key in node.labels)


@pytest.mark.parametrize("part", ["labels", "taints"])
def test_user_data_that_is_not_readable_is_a_gap(part: str) -> None:
    hidden: dict[str, Any] = {part: gap(error="Unreadable: no words")}
    with pytest.raises(UnreadableError, match="no words"):
        came_up(self_managed(**hidden))


@pytest.mark.parametrize(
    ("shape", "resources"),
    [
        ({}, {"nvidia.com/gpu": 0}),
        ({"gpus": 4, "gpu_maker": "NVIDIA"}, {"nvidia.com/gpu": 4}),
        ({"gpus": 1, "gpu_maker": "AMD"}, {"nvidia.com/gpu": 0, "amd.com/gpu": 1}),
        ({"gpus": 8, "gpu_maker": "Habana"}, {"nvidia.com/gpu": 0, "habana.ai/gaudi": 8}),
        ({"gpus": 1, "gpu_maker": "someone"}, {"nvidia.com/gpu": 0}),
        (
            {"neuron_devices": 6, "neuron_cores": 12},
            {"nvidia.com/gpu": 0, "aws.amazon.com/neuron": 6, "aws.amazon.com/neuroncore": 12},
        ),
    ],
)
def test_a_device_plugin_offers_what_the_type_has(shape: dict[str, Any], resources: dict[str, int]) -> None:
    assert of_type(**shape).resources == {"cpu": 2, "memory": 8 * 2**30} | resources


@pytest.mark.parametrize(
    "capacity",
    [
        managed(ami_type="WINDOWS_CORE_2022_x86_64"),
        self_managed(declared_in="EKSBootstrap.ps1"),
        managed(ami_type="CUSTOM"),
        self_managed(),
    ],
)
def test_windows_is_told_by_the_group_or_by_its_image(capacity: ManagedNodeGroup | SelfManagedGroup) -> None:
    windows = image(name="Windows_Server-2022-English-Core-EKS_Optimized-1.35-2026.11.11")
    assert came_up(capacity, images={image_id(version()): windows}).labels["kubernetes.io/os"] == "windows"
    told = isinstance(capacity, ManagedNodeGroup) and capacity.ami_type.startswith("WINDOWS")
    told = told or (isinstance(capacity, SelfManagedGroup) and bool(capacity.declared_in))
    for unread in ({}, {image_id(version()): gap()}):
        system = came_up(capacity, images=unread).labels["kubernetes.io/os"]
        assert system == ("windows" if told else "linux")
