"""The autoscaler's comparator, against the cases that its own project publishes."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.autoscaler.similar import IGNORED_LABELS, MEMORY_TOLERANCE, Difference, Template, differences
from eks_auditor.model.labels import TOOL_PREFIXES
from eks_auditor.spread import siblings

SIMILAR, DISSIMILAR = "similar", "dissimilar"
HIDDEN = "dissimilar by allocatable or free resources, which are not visible"


def node(
    cpu: int = 1000, memory: int = 2000, labels: Mapping[str, str] | None = None, gpus: int | None = None
) -> Template:
    """A node as the autoscaler's tests make it, with CPU in thousandths."""
    devices = {} if gpus is None else {"nvidia.com/gpu": gpus}
    return Template(labels=labels or {}, capacity={"pods": 100, "cpu": cpu, "memory": memory, **devices})


def pooh(**labels: str) -> Template:
    """A node with the labels of TestNodesSimilarVariousLabels, and more."""
    return node(labels={"test-label": "test-value", "character": "winnie the pooh", **labels})


def kib(memory: int) -> Template:
    return node(memory=memory * 1024)


ZONE, READY = "failure-domain.beta.kubernetes.io/zone", "beta.kubernetes.io/fluentd-ds-ready"
OWN = "example.com/ready"

PUBLISHED: Mapping[str, list[tuple[str, Template, Template, str]]] = {
    "TestIdenticalNodesSimilar": [("equal", node(), node(), SIMILAR)],
    "TestNodesSimilarVariousRequirements": [
        ("another CPU capacity", node(), node(cpu=1001), DISSIMILAR),
        ("slightly different allocatable CPU", node(), node(), SIMILAR),
        ("significantly different allocatable CPU", node(), node(), HIDDEN),
        ("one with GPU, one without", node(), node(gpus=1), DISSIMILAR),
    ],
    "TestNodesSimilarVariousRequirementsAndPods": [
        ("different allocatable, but same free", node(), node(), HIDDEN),
        ("same requests of pods", node(), node(), SIMILAR),
        ("similar allocatable, similar pods", node(), node(), SIMILAR),
    ],
    "TestNodesSimilarVariousMemoryRequirements": [
        ("within tolerance", node(memory=1000), node(memory=986), SIMILAR),
        ("exceeds tolerance", node(memory=1000), node(memory=984), DISSIMILAR),
    ],
    "TestNodesSimilarVariousLargeMemoryRequirementsM5XLarge": [
        ("m5.xlarge in another zone", kib(16116152), kib(15944120), SIMILAR),
        ("2 % more", kib(16116152), kib(16438475), DISSIMILAR),
    ],
    "TestNodesSimilarVariousLargeMemoryRequirementsM516XLarge": [
        ("m5.16xlarge in another zone", kib(259970052), kib(257217528), SIMILAR),
        ("2 % more", kib(259970052), kib(265169453), DISSIMILAR),
    ],
    "TestNodesSimilarVariousLabels": [
        ("missing label", pooh(), node(labels={"test-label": "test-value"}), DISSIMILAR),
        ("equal labels", pooh(), pooh(), SIMILAR),
        (
            "different host names",
            pooh(**{"kubernetes.io/hostname": "node1"}),
            pooh(**{"kubernetes.io/hostname": "node2"}),
            SIMILAR,
        ),
        ("different zones", pooh(**{ZONE: "mars-olympus-mons1-b"}), pooh(**{ZONE: "us-houston1-a"}), SIMILAR),
        ("different ignored label", pooh(**{READY: "true"}), pooh(**{READY: "false"}), SIMILAR),
        ("missing ignored label", pooh(**{READY: "true"}), pooh(), SIMILAR),
        ("different label of a flag", pooh(**{OWN: "true"}), pooh(**{OWN: "false"}), SIMILAR),
    ],
    "TestFindSimilarNodeGroupsAwsBasic": [
        ("n1 and n2", node(1000, 1000), node(1000, 1000), SIMILAR),
        ("n1 and n3", node(1000, 1000), node(2000, 2000), DISSIMILAR),
        ("n2 and n3", node(1000, 1000), node(2000, 2000), DISSIMILAR),
    ],
    "TestFindSimilarNodeGroupsCustomLabels": [
        ("n1 and n2", node(1000, 1000, {OWN: "true"}), node(1000, 1000, {OWN: "false"}), SIMILAR),
        ("n1 and n3", node(1000, 1000, {OWN: "true"}), node(2000, 2000), DISSIMILAR),
        ("n2 and n3", node(1000, 1000, {OWN: "false"}), node(2000, 2000), DISSIMILAR),
    ],
    "TestIsAwsNodeInfoSimilar": [
        (f"{label} {about}", node(labels=one), node(labels=other), SIMILAR)
        for label in (
            "alpha.eksctl.io/instance-id",
            "alpha.eksctl.io/nodegroup-name",
            "eks.amazonaws.com/nodegroup",
            "k8s.amazonaws.com/eniConfig",
            "lifecycle",
            "topology.ebs.csi.aws.com/zone",
            "topology.k8s.aws/zone-id",
        )
        for about, one, other in (
            ("empty value", {label: ""}, {label: ""}),
            ("different values", {label: "foo"}, {label: "bar"}),
            ("one node labeled", {label: "foo"}, {}),
        )
    ],
}
"""What the tests of kubernetes-sigs/cluster-autoscaler, ``pkg/processors/nodegroupset``, say of two nodes, by test.

Those of other providers' comparators are left out, and ``TestNodeLabelComparison``, which is ``--balancing-label``'s.
All run with ``--balancing-ignore-label=example.com/ready`` here, which matters to those that have that label only.
"""


@pytest.mark.parametrize(
    ("one", "other", "word"),
    [
        pytest.param(one, other, word, id=f"{test}: {about}")
        for test, cases in PUBLISHED.items()
        for about, one, other, word in cases
    ],
)
def test_a_published_case(one: Template, other: Template, word: str) -> None:
    for pair in ((one, other), (other, one)):
        told_apart = bool(differences(*pair, balancing_ignore_labels=[OWN]))
        assert told_apart == (word == DISSIMILAR)


def test_a_label_of_ones_own_matters_without_its_flag() -> None:
    (difference,) = differences(pooh(**{OWN: "true"}), pooh())
    assert difference == Difference(kind="label", name=OWN, one="true", other=None)
    assert difference.flag == "--balancing-ignore-label=example.com/ready"


@pytest.mark.parametrize(
    "label",
    [
        "node.kubernetes.io/instance-type",
        "eks.amazonaws.com/sourceLaunchTemplateId",
        "eks.amazonaws.com/sourceLaunchTemplateVersion",
        "eks.amazonaws.com/nodegroup-image",
        "eks.amazonaws.com/capacityType",
        "alpha.eksctl.io/cluster-name",
    ],
)
def test_labels_that_eks_and_tools_set_and_the_autoscaler_compares(label: str) -> None:
    assert [found.name for found in differences(node(labels={label: "a"}), node(labels={label: "b"}))] == [label]


def test_every_difference_is_told_capacity_first() -> None:
    one = node(4000, 16000, {"b": "1", "a": "1"}, gpus=0)
    found = differences(one, node(2000, 8000, {"b": "2"}))
    assert [(each.kind, each.name, each.one, each.other) for each in found] == [
        ("capacity", "cpu", 4000, 2000),
        ("capacity", "memory", 16000, 8000),
        ("capacity", "nvidia.com/gpu", 0, None),
        ("label", "a", "1", None),
        ("label", "b", "1", "2"),
    ]
    assert [each.flag for each in found][:3] == [None] * 3


def test_what_the_autoscaler_ignores_makes_no_other_sibling_set_either() -> None:
    """Else ZONE would part groups that the autoscaler fills evenly. No EKS node has the two labels left out here."""
    elsewhere = {"beta.kubernetes.io/fluentd-ds-ready", "kops.k8s.io/instancegroup"}
    apart = IGNORED_LABELS - siblings.IGNORED_LABELS - elsewhere
    assert all(label.startswith(TOOL_PREFIXES) for label in apart)
    assert siblings.MEMORY_TOLERANCE == MEMORY_TOLERANCE


LABELS = st.dictionaries(st.sampled_from(["a", "b", "lifecycle"]), st.sampled_from(["", "1"]))
TEMPLATES = st.builds(
    Template,
    labels=LABELS,
    capacity=st.dictionaries(st.sampled_from(["cpu", "memory", "pods"]), st.integers(0, 300)),
)


def mirrored(difference: Difference) -> Difference:
    values: dict[str, Any] = {"one": difference.other, "other": difference.one}
    return Difference(kind=difference.kind, name=difference.name, **values)


@given(TEMPLATES, TEMPLATES)
def test_the_order_of_two_does_not_matter_and_flags_mend_all_labels(one: Template, other: Template) -> None:
    found = differences(one, other)
    assert tuple(map(mirrored, differences(other, one))) == found
    flags = [each.flag.removeprefix("--balancing-ignore-label=") for each in found if each.flag is not None]
    left = differences(one, other, balancing_ignore_labels=flags)
    assert left == tuple(each for each in found if each.kind == "capacity")


@given(TEMPLATES)
def test_nothing_differs_from_itself(one: Template) -> None:
    assert differences(one, one) == ()


def test_similar_is_not_transitive() -> None:
    """Where a sibling set's chain of near memories goes on, the autoscaler's does not."""
    small, middle, large = node(memory=9800), node(memory=9900), node(memory=10000)
    assert [bool(differences(*pair)) for pair in combinations((small, middle, large), 2)] == [False, True, False]
