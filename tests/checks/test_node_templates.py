"""CAS005 and CAS006: what the autoscaler simulates for an empty group, and the tags that it drops."""

import json
import shlex
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.autoscaler.compare import differences, mending_tags
from eks_auditor.autoscaler.node_template import believed
from eks_auditor.autoscaler.real_node import real
from eks_auditor.autoscaler.settings import AutoscalerSettings
from eks_auditor.check import Check
from eks_auditor.checks.autoscaler import taint_tag_ignored
from eks_auditor.checks.node_templates import resource_or_option_tag_ignored, template_disagrees
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import Taint
from eks_auditor.model.finding import Finding
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Status
from tests.builders import (
    autoscaler_tags,
    cluster,
    eks_tags,
    gap,
    instance_type,
    launch,
    managed,
    node_pool,
    self_managed,
)
from tests.builders import snapshot as read
from tests.checks.judged import commands, finding

PROVEN = cluster(autoscaler_identity="kube-system/cluster-autoscaler")
TEMPLATE = "k8s.io/cluster-autoscaler/node-template/"
LABEL, TAINT, RESOURCE = (f"{TEMPLATE}{kind}/" for kind in ("label", "taint", "resources"))
OPTION = f"{TEMPLATE}autoscaling-options/"
DEDICATED = Taint(key="dedicated", value="runners", effect="NoSchedule")
GPU = Taint(key="gpu", value="true", effect="NoSchedule")
VALUELESS = Taint(key="dedicated", value="", effect="NoSchedule", has_value=False)
EVERY = (template_disagrees, resource_or_option_tag_ignored)


def built(build: Any, tags: Any = (), group: Any = (), **deviations: Any) -> Any:  # noqa: ANN401  a builder, any field, and its product
    """A group of minimum size 0 with further tags."""
    own = eks_tags("odd") if build is managed else autoscaler_tags()
    return build("odd", group={"tags": own | dict(tags), "min_size": 0} | dict(group), **deviations)


def judged(check: Check, capacity: Any, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    return finding(check, capacity, **{"cluster": PROVEN} | deviations)


def word(found: Finding) -> str:
    return found.severity.name if found.status is Status.FAILED else found.status.name


both = pytest.mark.parametrize("build", [managed, self_managed])
every_check = pytest.mark.parametrize("check", EVERY, ids=lambda check: check.id)


class TestTemplateOfSelfManagedGroups:
    @pytest.mark.parametrize(
        ("labels", "taints", "tags", "expected"),
        [
            ({}, (), {}, "PASSED"),
            ({"tier": "web"}, (), {f"{LABEL}tier": "web"}, "PASSED"),
            ({}, (DEDICATED,), {f"{TAINT}dedicated": "runners:NoSchedule"}, "PASSED"),
            ({}, (VALUELESS,), {f"{TAINT}dedicated": ":NoSchedule"}, "PASSED"),
            ({"tier": "web"}, (), {}, "HIGH"),
            ({"tier": "web"}, (), {f"{LABEL}tier": "db"}, "HIGH"),
            ({"tier": "web"}, (), {f"{LABEL}Tier": "web"}, "HIGH"),
            ({}, (DEDICATED,), {}, "HIGH"),
            ({}, (VALUELESS,), {}, "HIGH"),
            ({}, (DEDICATED,), {f"{TAINT}dedicated": "runners"}, "PASSED"),
            ({"tier": "web"}, (DEDICATED,), {f"{TAINT}dedicated": "runners"}, "HIGH"),
            ({}, (DEDICATED, GPU), {f"{TAINT}dedicated": "runners"}, "HIGH"),
            ({}, (DEDICATED,), {f"{TAINT}dedicated": "other:NoSchedule"}, "HIGH"),
            ({}, (DEDICATED,), {f"{TAINT}dedicated": "runners:NoExecute"}, "HIGH"),
            # Another tool than the kubelet may add what tags promise.
            ({}, (), {f"{LABEL}tier": "web"}, "INFORMATIONAL"),
            ({}, (), {f"{TAINT}dedicated": "runners:NoSchedule"}, "INFORMATIONAL"),
        ],
    )
    def test_the_rungs(self, labels: dict[str, str], taints: tuple[Taint, ...], tags: Any, expected: str) -> None:  # noqa: ANN401  tags
        found = judged(template_disagrees, built(self_managed, tags, labels=labels, taints=taints))
        assert word(found) == expected

    @pytest.mark.parametrize(
        "labels",
        [
            {"alpha.eksctl.io/nodegroup-name": "odd", "alpha.eksctl.io/cluster-name": "shop"},
            {"eks.amazonaws.com/nodegroup": "odd", "eks.amazonaws.com/capacityType": "SPOT"},
            {"topology.kubernetes.io/zone": "eu-west-1b"},
            {"k8s.amazonaws.com/eniConfig": "eu-west-1b"},
        ],
    )
    def test_what_says_nothing_to_pods_is_no_difference(self, labels: dict[str, str]) -> None:
        assert word(judged(template_disagrees, built(self_managed, labels=labels))) == "PASSED"

    def test_a_label_that_balancing_ignores_is_one_that_pods_may_choose_by(self) -> None:
        found = judged(template_disagrees, built(self_managed, labels={"lifecycle": "Ec2Spot"}))
        assert (word(found), found.evidence["missing"]) == ("HIGH", "label lifecycle")

    def test_what_agents_remove_from_new_nodes_needs_no_tag(self) -> None:
        startup = Taint(key="node.cilium.io/agent-not-ready", value="true", effect="NoExecute")
        assert word(judged(template_disagrees, built(self_managed, taints=(startup,)))) == "PASSED"

    def test_a_tag_of_such_a_taint_is_a_promise_too_many(self) -> None:
        """The autoscaler strikes a few keys only, and takes any other to stay."""
        startup = Taint(key="node.cilium.io/agent-not-ready", value="true", effect="NoExecute")
        tag = {f"{TAINT}{startup.key}": "true:NoExecute"}
        for taints in ((startup,), ()):
            found = judged(template_disagrees, built(self_managed, tag, taints=taints))
            assert word(found) == "INFORMATIONAL"
            assert "lose once they are ready" in found.reason
            (command,) = commands(found)
            assert command.startswith("aws autoscaling delete-tags ")
            assert "--startup-taint" in command
        struck = {f"{TAINT}startup-taint.cluster-autoscaler.kubernetes.io/x": "true:NoExecute"}
        assert word(judged(template_disagrees, built(self_managed, struck))) == "PASSED"
        assert word(judged(template_disagrees, built(managed, taints=(startup,)))) == "PASSED"

    def test_a_key_that_is_too_long_for_a_tag_is_named(self) -> None:
        key = "x" * 100
        found = judged(template_disagrees, built(self_managed, labels={key: "a", "tier": "web"}))
        assert f"too long for a tag, and so to be shortened: {key})" in found.reason
        assert "too long" not in judged(template_disagrees, built(self_managed, labels={"tier": "web"})).reason

    def test_the_reason_names_the_first_few(self) -> None:
        labels = dict.fromkeys("abcde", "x")
        found = judged(template_disagrees, built(self_managed, labels=labels, taints=(DEDICATED,)))
        assert "without the labels a=x, b=x, c=x and 2 more and the taint dedicated=runners:NoSchedule" in found.reason
        assert "kube-system/cluster-autoscaler" in found.reason
        assert found.evidence["missing_count"] == 6
        assert found.evidence["missing"] == "label a, label b, label c and 3 more"
        assert (found.evidence["believed_taints"], found.evidence["real_taints"]) == (0, 1)
        assert int(found.evidence["real_labels"]) - int(found.evidence["believed_labels"]) == 5

    def test_a_taint_whose_tag_is_not_read_as_it_was_meant_is_one_finding(self) -> None:
        """CAS004 tells it, at the same rung; with its tag mended, nothing is left to tell."""
        tag = {f"{TAINT}dedicated": "runners"}
        group = built(self_managed, tag, taints=(DEDICATED,))
        assert word(judged(taint_tag_ignored, group)) == "HIGH"
        assert "CAS004 tells of the tags of taints: dedicated" in judged(template_disagrees, group).reason
        found = judged(template_disagrees, built(self_managed, tag, taints=(DEDICATED, GPU)))
        assert "without the taint gpu=true:NoSchedule, which its nodes have, but for what CAS004 tells" in found.reason
        assert [tag["Key"] for tag in json.loads(str(found.evidence["tags"]))] == [f"{TAINT}gpu"]

    @pytest.mark.parametrize("hidden", [{"labels": gap()}, {"taints": gap()}])
    def test_user_data_that_nobody_can_read(self, hidden: dict[str, Any]) -> None:
        found = judged(template_disagrees, built(self_managed, **hidden))
        assert word(found) == "UNKNOWN"
        assert "UnauthorizedOperation" in found.reason

    def test_a_resource_that_cannot_be_is_told(self) -> None:
        more = judged(template_disagrees, built(self_managed, {f"{RESOURCE}memory": "64Gi"}))
        assert word(more) == "INFORMATIONAL"
        assert "the resource memory" in more.reason
        for fine in ({f"{RESOURCE}memory": "7Gi"}, {f"{RESOURCE}ephemeral-storage": "100Gi"}, {f"{RESOURCE}a/b": "3"}):
            assert word(judged(template_disagrees, built(self_managed, fine))) == "PASSED"

    def test_neuron_devices_are_left_to_their_own_check(self) -> None:
        types = {"inf2.xlarge": instance_type("inf2.xlarge", neuron_devices=1, neuron_cores=2)}
        group = built(self_managed, group={"launch": launch(instance_types=("inf2.xlarge",))})
        assert word(judged(template_disagrees, group, instance_types=types)) == "PASSED"


class TestTemplateOfManagedGroups:
    @pytest.mark.parametrize(
        ("labels", "taints", "tags", "expected"),
        [
            ({}, (), {}, "PASSED"),
            ({"tier": "web"}, (), {}, "PASSED"),
            ({"tier": "web"}, (DEDICATED,), {}, "PASSED"),
            ({"tier": "web"}, (), {f"{LABEL}tier": "db"}, "PASSED"),
            ({}, (VALUELESS,), {f"{TAINT}dedicated": ":NoSchedule"}, "PASSED"),
            ({}, (VALUELESS,), {}, "HIGH"),
            ({}, (VALUELESS,), {f"{TAINT}dedicated": "NoSchedule"}, "HIGH"),
            ({}, (VALUELESS, DEDICATED), {}, "PASSED"),
            ({}, (), {f"{LABEL}tier": "web"}, "INFORMATIONAL"),
            ({}, (), {f"{TAINT}dedicated": "runners:NoSchedule"}, "INFORMATIONAL"),
        ],
    )
    def test_the_rungs(self, labels: dict[str, str], taints: tuple[Taint, ...], tags: Any, expected: str) -> None:  # noqa: ANN401  tags
        found = judged(template_disagrees, built(managed, tags, labels=labels, taints=taints))
        assert word(found) == expected

    def test_without_ekss_tags_the_autoscaler_asks_nobody(self) -> None:
        group = built(managed, group={"tags": autoscaler_tags()}, labels={"tier": "web"}, taints=(DEDICATED,))
        found = judged(template_disagrees, group)
        assert word(found) == "INFORMATIONAL"
        assert "the label tier=web and the taint dedicated=runners:NoSchedule" in found.reason

    def test_the_autoscalers_version_counts(self) -> None:
        """Before 1.31 it took the effects of EKS's API as they stand, which Kubernetes does not know."""
        group = built(managed, taints=(DEDICATED,))
        for version, expected in (("1.30", "INFORMATIONAL"), ("1.31", "PASSED")):
            told = AutoscalerSettings(scales="cluster-autoscaler", version=version)
            (found,) = judge(read(group), [template_disagrees], told)
            assert word(found) == expected, version

    def test_before_1_31_one_tag_mends_two_taints_of_a_key(self) -> None:
        both_of = (replace(DEDICATED, effect="NoExecute"), DEDICATED)
        told = AutoscalerSettings(scales="cluster-autoscaler", version="1.30")
        (found,) = judge(read(built(managed, taints=both_of)), [template_disagrees], told)
        tags = {tag["Key"]: tag["Value"] for tag in json.loads(str(found.evidence["tags"]))}
        (mended,) = judge(read(built(managed, tags, taints=both_of)), [template_disagrees], told)
        assert (word(found), word(mended)) == ("INFORMATIONAL", "PASSED")

    @pytest.mark.parametrize("status", ["CREATING", "DELETING"])
    def test_eks_may_still_be_tagging(self, status: str) -> None:
        group = built(managed, group={"tags": {}}, status=status, taints=(VALUELESS,))
        assert judged(template_disagrees, group).settling


class TestTemplateFix:
    def test_one_command_adds_every_tag(self) -> None:
        group = built(self_managed, labels={"tier": "it's; web"}, taints=(DEDICATED, VALUELESS))
        command = commands(judged(template_disagrees, group))[0]
        *start, tags = shlex.split(command)
        assert start == ["aws", "autoscaling", "create-or-update-tags", "--region", "eu-west-1", "--tags"]
        told = {tag["Key"]: tag["Value"] for tag in json.loads(tags)}
        assert told[f"{LABEL}tier"] == "it's; web"
        assert f"{TAINT}dedicated" in told
        assert {tag["ResourceId"] for tag in json.loads(tags)} == {"odd"}

    def test_a_promise_is_taken_back(self) -> None:
        group = built(self_managed, {f"{LABEL}tier": "web", f"{TAINT}zoo": "a:NoExecute"})
        (command,) = commands(judged(template_disagrees, group))
        assert command.startswith("aws autoscaling delete-tags --region eu-west-1 --tags ")
        keys = [tag["Key"] for tag in json.loads(shlex.split(command, comments=True)[-1])]
        assert keys == [f"{LABEL}tier", f"{TAINT}zoo"]

    @both
    def test_every_tool_is_told(self, build: Any) -> None:  # noqa: ANN401  a builder
        found = judged(template_disagrees, built(build, taints=(VALUELESS,)))
        tools = {fix.tool for fix in found.fix}
        assert {"aws", "eksctl", "terraform", "guide"} <= tools
        kind = "managed" if build is managed else "self-managed"
        assert any(
            f"eks-auditor template {kind}:odd --cluster shop --region eu-west-1 --autoscaler-version 1.35 " in command
            for command in commands(found, "guide")
        )


LABELS = st.dictionaries(
    st.sampled_from(["tier", "team", "example.com/pool", "workload"]), st.sampled_from(["a", "b", ""]), max_size=4
)
TAINTS = st.lists(
    st.builds(
        Taint,
        key=st.sampled_from(["dedicated", "gpu", "example.com/only"]),
        value=st.sampled_from(["a", "b", ""]),
        effect=st.sampled_from(["NoSchedule", "NoExecute"]),
    ),
    max_size=3,
    unique_by=lambda taint: taint.key,
).map(tuple)


@given(build=st.sampled_from([managed, self_managed]), labels=LABELS, taints=TAINTS)
def test_mended_groups_pass(build: Any, labels: dict[str, str], taints: tuple[Taint, ...]) -> None:  # noqa: ANN401  a builder
    group = built(build, labels=labels, taints=taints)
    snapshot = read(group, cluster=PROVEN)
    scaling = group.groups[0]
    told = differences(believed(group, scaling, snapshot, "1.35"), real(group, scaling, snapshot))
    mended = built(build, mending_tags(told), labels=labels, taints=taints)
    assert word(judged(template_disagrees, mended)) == "PASSED"
    before = judged(template_disagrees, group)
    assert (word(before) == "PASSED") is (mending_tags(told) == {})
    if word(before) == "HIGH":
        tags = {tag["Key"]: tag["Value"] for tag in json.loads(str(before.evidence["tags"]))}
        assert word(judged(template_disagrees, built(build, tags, labels=labels, taints=taints))) == "PASSED"


@given(
    labels=LABELS,
    taints=TAINTS,
    tags=st.dictionaries(st.sampled_from([f"{LABEL}tier", f"{TAINT}gpu", f"{RESOURCE}x", f"{OPTION}y"]), st.text()),
    random=st.randoms(use_true_random=False),
)
def test_the_order_of_tags_labels_and_taints_never_changes_a_finding(
    labels: dict[str, str], taints: tuple[Taint, ...], tags: dict[str, str], random: Random
) -> None:
    group = built(self_managed, tags, labels=labels, taints=taints)
    mixed = {name: shuffled(value, random) for name, value in (("labels", labels), ("tags", group.group.tags))}
    other = replace(
        group,
        labels=mixed["labels"],
        taints=tuple(random.sample(taints, len(taints))),
        group=replace(group.group, tags=mixed["tags"]),
    )
    for check in EVERY:
        assert judged(check, group) == judged(check, other)


def shuffled(mapping: Any, random: Random) -> dict[str, str]:  # noqa: ANN401  any mapping of texts
    pairs = list(mapping.items())
    random.shuffle(pairs)
    return dict(pairs)


class TestIgnoredTags:
    @both
    @pytest.mark.parametrize(
        ("tags", "expected"),
        [
            ({}, "PASSED"),
            ({f"{RESOURCE}ephemeral-storage": "100Gi"}, "PASSED"),
            ({f"{RESOURCE}nvidia.com/gpu": "1"}, "PASSED"),
            ({f"{OPTION}scaledownunneededtime": "10m0s"}, "PASSED"),
            ({f"{OPTION}scaledownutilizationthreshold": "0.5"}, "PASSED"),
            ({f"{OPTION}ignoredaemonsetsutilization": "true"}, "PASSED"),
            ({f"{RESOURCE}ephemeral-storage": "100GB"}, "MEDIUM"),
            ({f"{RESOURCE}nvidia.com/gpu": "one"}, "MEDIUM"),
            ({f"{OPTION}scaledownunneededtime": "10"}, "MEDIUM"),
            ({f"{OPTION}scaleDownUnneededTime": "10m"}, "MEDIUM"),
            ({f"{OPTION}zoo": "1"}, "MEDIUM"),
        ],
    )
    @pytest.mark.parametrize("min_size", [0, 1])
    def test_the_rungs(self, build: Any, tags: dict[str, str], expected: str, min_size: int) -> None:  # noqa: ANN401  a builder
        found = judged(resource_or_option_tag_ignored, built(build, tags, {"min_size": min_size}))
        assert word(found) == expected

    def test_a_node_groups_own_tags_tell_resources_only(self) -> None:
        own = {f"{RESOURCE}aws.amazon.com/neuron": "1 device", f"{OPTION}zoo": "1"}
        found = judged(resource_or_option_tag_ignored, managed("odd", tags=own))
        assert word(found) == "MEDIUM"
        assert found.evidence["tagged"] == "odd"
        assert found.evidence["ignored"] == 1
        (command,) = commands(found)
        assert command.startswith("aws eks untag-resource --region eu-west-1 --resource-arn arn:aws:eks:")

    def test_the_fix_of_a_node_groups_tag_writes_what_was_meant(self) -> None:
        found = judged(resource_or_option_tag_ignored, managed("odd", tags={f"{RESOURCE}ephemeral-storage": "100GB"}))
        (command,) = commands(found)
        assert json.loads(shlex.split(command)[-1]) == {f"{RESOURCE}ephemeral-storage": "100G"}

    def test_the_fix_writes_the_value_that_was_meant(self) -> None:
        found = judged(resource_or_option_tag_ignored, built(self_managed, {f"{RESOURCE}ephemeral-storage": "100GB"}))
        (command,) = commands(found)
        (tag,) = json.loads(shlex.split(command)[-1])
        assert (tag["Key"], tag["Value"]) == (f"{RESOURCE}ephemeral-storage", "100G")

    def test_a_tag_that_means_nothing_is_removed(self) -> None:
        found = judged(resource_or_option_tag_ignored, built(self_managed, {f"{OPTION}zoo": "$(reboot)"}))
        (command,) = commands(found)
        assert command.startswith("aws autoscaling delete-tags ")
        (tag,) = json.loads(shlex.split(command, comments=True)[-1])
        assert tag == {"ResourceId": "odd", "ResourceType": "auto-scaling-group", "Key": f"{OPTION}zoo"}

    def test_all_are_mended_at_once(self) -> None:
        tags = {f"{OPTION}zoo": "1", f"{OPTION}scaledownunneededtime": "5 minutes", f"{RESOURCE}a": "1 Gi"}
        group = replace(built(managed, tags), tags={f"{RESOURCE}b": "x"})
        found = judged(resource_or_option_tag_ignored, group)
        mending, removing, of_nodegroup = commands(found)
        told = {tag["Key"]: tag["Value"] for tag in json.loads(shlex.split(mending)[-1])}
        assert told == {f"{OPTION}scaledownunneededtime": "5m", f"{RESOURCE}a": "1Gi"}
        assert f"{OPTION}zoo" in removing
        assert json.loads(shlex.split(of_nodegroup)[-1]) == [f"{RESOURCE}b"]

    def test_the_reason_counts_the_others(self) -> None:
        tags = {f"{OPTION}zoo": "1", f"{RESOURCE}a": "x", f"{RESOURCE}b": "x"}
        found = judged(resource_or_option_tag_ignored, built(self_managed, tags))
        assert "and 2 more" in found.reason
        assert found.evidence["ignored"] == 3


class TestNotJudged:
    @both
    def test_a_template_counts_only_for_a_group_that_may_be_empty(self, build: Any) -> None:  # noqa: ANN401  a builder
        group = built(build, group={"min_size": 1}, taints=(VALUELESS,))
        assert word(judged(template_disagrees, group)) == "NOT_APPLICABLE"

    def test_a_group_that_launches_nothing(self) -> None:
        group = built(self_managed, group={"max_size": 0, "desired": 0}, taints=(VALUELESS,))
        assert word(judged(template_disagrees, group)) == "NOT_APPLICABLE"

    @every_check
    def test_groups_that_could_not_be_read(self, check: Check) -> None:
        assert word(judged(check, managed(groups=gap()))) == "UNKNOWN"
        assert word(judged(check, managed(groups=()))) == "NOT_APPLICABLE"

    @pytest.mark.parametrize("group", [{"launch": gap()}, {"launch": launch(instance_types=("x9.large",))}])
    @both
    def test_a_launch_that_could_not_be_read(self, build: Any, group: dict[str, Any]) -> None:  # noqa: ANN401  a builder
        assert word(judged(template_disagrees, built(build, group=group))) == "UNKNOWN"

    @every_check
    @pytest.mark.parametrize("others", [(), (node_pool(),), (node_pool(kind="auto-mode"),)])
    def test_a_cluster_that_the_autoscaler_does_not_scale(self, check: Check, others: tuple[Any, ...]) -> None:
        group = managed("odd", group={"min_size": 0}, taints=(VALUELESS,))
        (found,) = (f for f in judge(read(group, *others), [check]) if f.subject.name == "odd")
        assert word(found) == "NOT_APPLICABLE"
        assert word(finding(check, group, cluster=cluster(autoscaler_identity=gap()))) == "UNKNOWN"


@every_check
@pytest.mark.parametrize(
    "snapshot",
    [
        pytest.param(read(managed(), cluster=PROVEN), id="terraform-aws-eks"),
        pytest.param(read(built(managed), cluster=PROVEN), id="a managed group from zero"),
        pytest.param(
            read(built(managed, labels={"tier": "web"}, taints=(DEDICATED,)), cluster=PROVEN),
            id="a managed group from zero with a label and a taint",
        ),
        pytest.param(
            read(
                built(
                    managed,
                    {f"{LABEL}tier": "web", f"{TAINT}dedicated": "runners"},
                    labels={"tier": "web"},
                    taints=(DEDICATED,),
                ),
                cluster=PROVEN,
            ),
            id="eksctl, its tags propagated",
        ),
        pytest.param(
            read(
                built(
                    self_managed,
                    {f"{LABEL}tier": "web", f"{TAINT}dedicated": "runners:NoSchedule"},
                    labels={"alpha.eksctl.io/nodegroup-name": "odd", "tier": "web"},
                    taints=(DEDICATED,),
                ),
                cluster=PROVEN,
            ),
            id="eksctl, a self-managed group from zero, tagged by hand",
        ),
    ],
)
def test_recommended_layouts_are_not_blamed(check: Check, snapshot: Snapshot) -> None:
    (found,) = judge(snapshot, [check])
    assert found.status in {Status.PASSED, Status.NOT_APPLICABLE}
