from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.autoscaler.compare import LONGEST_KEY, Difference, differences, mending_tags
from eks_auditor.autoscaler.node_template import NodeTemplate, Source, believed
from eks_auditor.autoscaler.real_node import real
from eks_auditor.autoscaler.tags import LABEL, RESOURCE, TAINT
from eks_auditor.model.capacity import ManagedNodeGroup, SelfManagedGroup, Taint
from eks_auditor.model.gap import known
from tests.builders import eks_tags, instance_type, managed, self_managed, snapshot

MINOR = "1.35"


def taint(key: str = "dedicated", value: str = "gpu", effect: str = "NoSchedule") -> Taint:
    return Taint(key=key, value=value, effect=effect)


def node(
    labels: Mapping[str, str] | None = None,
    taints: tuple[Taint, ...] = (),
    resources: Mapping[str, str] | None = None,
    source: Source = Source.TAG,
) -> NodeTemplate:
    parts = [*(f"label:{key}" for key in labels or {}), *(f"resource:{name}" for name in resources or {})]
    return NodeTemplate(
        labels=labels or {},
        taints=taints,
        resources={name: Decimal(number) for name, number in (resources or {}).items()},
        sources=dict.fromkeys(parts, source),
    )


def counting(found: tuple[Difference, ...]) -> list[tuple[str, str, str | None, str | None]]:
    return [(each.kind, each.name, each.believed, each.real) for each in found if each.counts]


def of_taints(found: tuple[Difference, ...]) -> list[Difference]:
    return [each for each in found if each.kind == "taint"]


def of(
    capacity: ManagedNodeGroup | SelfManagedGroup, minor: str = MINOR, **deviations: object
) -> tuple[Difference, ...]:
    read, group = snapshot(capacity, **deviations), known(capacity.groups)[0]
    return differences(believed(capacity, group, read, minor), real(capacity, group, read))


class TestHealthyGroups:
    def test_nothing_that_eks_adds_counts(self) -> None:
        assert counting(of(managed())) == []

    def test_what_a_managed_group_declares_reaches_the_autoscaler_by_itself(self) -> None:
        assert counting(of(managed(labels={"team": "a"}, taints=(taint(),)))) == []

    def test_a_tag_that_the_api_overrides_does_not_count(self) -> None:
        tags = eks_tags() | {f"{LABEL}team": "old"}
        assert counting(of(managed(labels={"team": "new"}, group={"tags": tags}))) == []

    def test_a_self_managed_group_without_labels_needs_no_tags(self) -> None:
        assert of(self_managed()) == ()

    def test_the_region_of_a_local_zone_is_wrong_and_no_pod_minds(self) -> None:
        (found,) = of(self_managed(group={"zone_names": ("eu-west-1-ber-1a",)}))
        assert (found.name, found.believed, found.counts) == ("topology.kubernetes.io/region", "eu-west-1-ber-1", False)


class TestDefects:
    def test_a_taint_without_a_value_is_dropped_of_what_the_api_tells(self) -> None:
        found = of(managed(taints=(replace(taint(value=""), has_value=False),)))
        assert counting(found) == [("taint", "dedicated", None, ":NoSchedule")]
        assert mending_tags(found) == {f"{TAINT}dedicated": ":NoSchedule"}

    def test_a_taint_with_an_empty_value_is_not(self) -> None:
        assert of_taints(of(managed(taints=(taint(value=""),)))) == []

    def test_before_1_31_no_effect_of_the_api_is_understood(self) -> None:
        found = of(managed(taints=(taint(),)), "1.30")
        assert counting(found) == [("taint", "dedicated", "gpu:NO_SCHEDULE", "gpu:NoSchedule")]

    def test_labels_and_taints_of_user_data_need_tags(self) -> None:
        found = of(self_managed(labels={"team": "a"}, taints=(taint(),)))
        assert counting(found) == [("label", "team", None, "a"), ("taint", "dedicated", None, "gpu:NoSchedule")]
        assert mending_tags(found) == {f"{LABEL}team": "a", f"{TAINT}dedicated": "gpu:NoSchedule"}

    def test_a_label_that_only_a_tag_tells_starts_nodes_in_vain(self) -> None:
        found = of(self_managed(group={"tags": {f"{LABEL}team": "a"}}))
        assert counting(found) == [("label", "team", "a", None)]
        assert mending_tags(found) == {}

    def test_another_taint_of_a_key_that_is_right_counts(self) -> None:
        tags = eks_tags() | {f"{TAINT}dedicated": "cpu:NoSchedule"}
        found = of(managed(taints=(taint(),), group={"tags": tags}))
        assert counting(found) == [("taint", "dedicated", "cpu:NoSchedule", None)]

    def test_windows_is_believed_to_be_linux(self) -> None:
        found = of(self_managed(declared_in="EKSBootstrap.ps1"))
        assert counting(found) == [("label", "kubernetes.io/os", "linux", "windows")]
        assert mending_tags(found) == {f"{LABEL}kubernetes.io/os": "windows"}

    def test_neuron_devices_are_not_known_by_the_type(self) -> None:
        types = {"m7i.large": instance_type(neuron_devices=1, neuron_cores=2)}
        found = of(self_managed(), instance_types=types)
        assert mending_tags(found) == {
            f"{RESOURCE}aws.amazon.com/neuron": "1",
            f"{RESOURCE}aws.amazon.com/neuroncore": "2",
        }
        tagged = self_managed(group={"tags": {f"{RESOURCE}aws.amazon.com/neuroncore": "2"}})
        assert counting(of(tagged, instance_types=types)) == []

    def test_a_gpu_of_another_maker_is_believed_to_be_nvidias(self) -> None:
        found = of(self_managed(), instance_types={"m7i.large": instance_type(gpus=1, gpu_maker="AMD")})
        assert mending_tags(found) == {f"{RESOURCE}amd.com/gpu": "1", f"{RESOURCE}nvidia.com/gpu": "0"}


@pytest.mark.parametrize(
    "label",
    [
        "alpha.eksctl.io/nodegroup-name",
        "eks.amazonaws.com/nodegroup-image",
        "k8s.amazonaws.com/eniConfig",
        "kubernetes.io/hostname",
        "node.kubernetes.io/instance-type",
    ],
)
def test_labels_that_no_pod_is_meant_to_ask_for_do_not_count(label: str) -> None:
    for one, other in (
        (node({label: "a"}), node()),
        (node(), node({label: "a"})),
        (node({label: "a"}), node({label: "b"})),
    ):
        (found,) = differences(one, other)
        assert (found.name, found.counts) == (label, False)


@pytest.mark.parametrize("label", ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"])
def test_where_a_node_is_counts_where_a_tag_tells_it_wrong(label: str) -> None:
    for source in Source:
        (found,) = differences(node({label: "a"}, source=source), node({label: "b"}))
        assert found.counts == (source is Source.TAG), source


def test_a_tag_in_the_wrong_zone_counts() -> None:
    tags = {f"{LABEL}topology.kubernetes.io/zone": "eu-west-1z"}
    found = of(self_managed(group={"tags": tags, "zone_names": ("eu-west-1a",)}))
    assert counting(found) == [("label", "topology.kubernetes.io/zone", "eu-west-1z", "eu-west-1a")]
    right = tags | {f"{LABEL}topology.kubernetes.io/zone": "eu-west-1a"}
    assert of(self_managed(group={"tags": right, "zone_names": ("eu-west-1a",)})) == ()


@pytest.mark.parametrize("label", ["failure-domain.beta.kubernetes.io/zone", "topology.k8s.aws/zone-id"])
def test_a_place_that_is_told_of_one_side_only_does_not_count(label: str) -> None:
    for one, other in ((node({label: "a"}), node()), (node(), node({label: "a"}))):
        assert counting(differences(one, other)) == []


@pytest.mark.parametrize("label", ["amiType", "cluster-name", "diskSize", "k8sVersion", "nodegroup-name"])
def test_what_the_autoscaler_makes_up_counts_where_the_nodes_have_it_too(label: str) -> None:
    assert [each.counts for each in differences(node({label: "a"}), node())] == [False]
    assert [each.counts for each in differences(node(), node({label: "a"}))] == [True]


@pytest.mark.parametrize(
    "label",
    [
        "kops.k8s.io/instancegroup",
        "kubernetes.io/arch",
        "lifecycle",
        "node.kubernetes.io/lifecycle",
        "team",
        "example.com/eks",
    ],
)
def test_others_do(label: str) -> None:
    (found,) = differences(node(), node({label: "a"}))
    assert found.counts
    assert mending_tags([found]) == {LABEL + label: "a"}


def test_a_label_that_a_tag_of_eks_makes_up_does_not_count() -> None:
    (found,) = of(self_managed(group={"tags": {"eks:of-ours": "x"}}))
    assert (found.name, found.counts) == ("of-ours", False)


@pytest.mark.parametrize("label", ["nvidia.com/gpu.present", "node-role.kubernetes.io/worker"])
def test_a_label_that_a_controller_adds_later_may_well_be_told_by_a_tag(label: str) -> None:
    assert [found.counts for found in differences(node({label: "true"}), node())] == [False]


class TestTaints:
    @pytest.mark.parametrize(
        "passes",
        [
            taint("node.cilium.io/agent-not-ready", "true", "NoExecute"),
            taint("ebs.csi.aws.com/agent-not-ready", "", "NoExecute"),
            taint("startup-taint.cluster-autoscaler.kubernetes.io/ours"),
            taint("node.cloudprovider.kubernetes.io/uninitialized", "true"),
            taint(effect="PreferNoSchedule"),
        ],
    )
    def test_what_keeps_no_pod_off_for_long_does_not_count(self, passes: Taint) -> None:
        (found,) = differences(node(), node(taints=(passes,)))
        assert not found.counts
        assert mending_tags([found]) == {}

    @pytest.mark.parametrize(
        ("key", "effect", "counts"),
        [
            ("node.cilium.io/agent-not-ready", "NoExecute", True),
            ("node.cilium.io/agent-not-ready", "PreferNoSchedule", False),
            ("startup-taint.cluster-autoscaler.kubernetes.io/ours", "NoExecute", False),
        ],
    )
    def test_what_a_tag_tells_of_such_a_taint_is_taken_to_stay(self, key: str, effect: str, *, counts: bool) -> None:
        passes = taint(key, "true", effect)
        for taints in ((), (passes,)):
            found = of(self_managed(taints=taints, group={"tags": {TAINT + key: f"true:{effect}"}}))
            assert counting(found) == ([("taint", key, f"true:{effect}", None)] if counts else [])
        assert counting(of(managed(taints=(passes,)))) == [], "EKS tells of it, and its guides want it there"

    @pytest.mark.parametrize("effect", ["NO_SCHEDULE", "b:NoSchedule", "NoScheduleX"])
    def test_an_effect_that_kubernetes_does_not_know_keeps_nobody_off(self, effect: str) -> None:
        assert counting(differences(node(taints=(taint(effect=effect),)), node())) == []

    def test_of_two_taints_of_a_key_one_that_is_told_is_enough_for_a_tag_holds_one(self) -> None:
        both = (taint(), taint(effect="NoExecute"))
        assert counting(differences(node(taints=both[:1]), node(taints=both))) == []
        found = differences(node(), node(taints=both))
        assert mending_tags(found) == {f"{TAINT}dedicated": "gpu:NoExecute"}

    def test_a_wrong_value_stands_beside_the_right_one(self) -> None:
        (found,) = differences(node(taints=(taint(value="a"),)), node(taints=(taint(value="b"),)))
        assert (found.believed, found.real, found.counts) == ("a:NoSchedule", "b:NoSchedule", True)


class TestResources:
    @pytest.mark.parametrize(
        ("name", "one", "other", "source", "counts"),
        [
            ("cpu", "7.91", "8", Source.TAG, False),
            ("cpu", "16", "8", Source.TAG, True),
            ("memory", "1000", "2000", Source.NODEGROUP_TAG, False),
            ("nvidia.com/gpu", "8", "1", Source.TAG, False),
            ("nvidia.com/gpu", "4", "0", Source.TAG, True),
            ("nvidia.com/gpu", "4", "0", Source.NODEGROUP_TAG, True),
            ("nvidia.com/gpu", "1", "0", Source.INSTANCE_TYPE, True),
            ("example.com/fuse", "1", None, Source.TAG, False),
            ("amd.com/gpu", None, "1", Source.TAG, True),
        ],
    )
    def test_what_cannot_be_counts(
        self, name: str, one: str | None, other: str | None, source: Source, *, counts: bool
    ) -> None:
        sides = [node(resources={name: text} if text else {}, source=source) for text in (one, other)]
        (found,) = differences(*sides)
        assert (found.believed, found.real, found.counts) == (one, other, counts)

    def test_the_pods_of_every_node_say_nothing_of_this_one(self) -> None:
        assert differences(node(resources={"pods": "110"}, source=Source.GENERIC), node()) == ()
        (found,) = differences(node(resources={"pods": "250"}), node())
        assert (found.believed, found.counts) == ("250", False)

    def test_none_of_a_resource_is_no_difference_to_not_named(self) -> None:
        assert differences(node(resources={"nvidia.com/gpu": "0"}), node()) == ()


def test_what_a_tag_has_no_room_for_is_not_mended() -> None:
    longest = "x" * (LONGEST_KEY - len(LABEL))
    found = differences(node(), node({longest: "a", longest + "x": "b", "value": "v" * 257}))
    assert mending_tags(found) == {LABEL + longest: "a"}


def test_differences_are_in_order() -> None:
    one = node({"b": "1", "a": "1"}, (taint("z"), taint("y")), {"cpu": "4", "amd.com/gpu": "1"})
    assert [found.name for found in differences(one, node(resources={"cpu": "2"}))] == [
        *("a", "b", "y", "z", "amd.com/gpu", "cpu")
    ]


WORDS = st.text("ab.-/", min_size=1, max_size=6)
TAINTS = st.builds(
    Taint, key=WORDS, value=WORDS, effect=st.sampled_from(["NoSchedule", "NoExecute", "PreferNoSchedule"])
)
LABELS = st.dictionaries(WORDS, WORDS, max_size=4)


@given(labels=LABELS, taints=st.lists(TAINTS, max_size=4), told=LABELS)
def test_the_mending_tags_leave_nothing_that_counts(
    labels: dict[str, str], taints: list[Taint], told: dict[str, str]
) -> None:
    """But for what only a tag tells, which has to be removed."""
    batch = self_managed(labels=labels, taints=tuple(taints), group={"tags": {LABEL + k: v for k, v in told.items()}})
    tags = dict(batch.group.tags) | mending_tags(of(batch))
    mended = replace(batch, group=replace(batch.group, tags=tags))
    assert all(found.real is None for found in of(mended) if found.counts)
    assert mending_tags(of(mended)) == {}
