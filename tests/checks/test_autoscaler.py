import json
import shlex
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.autoscaler.settings import AutoscalerSettings, Scales
from eks_auditor.autoscaler.tags import TAINT
from eks_auditor.check import Check
from eks_auditor.checks import autoscaler as checks
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import ManagedNodeGroup, SelfManagedGroup, Taint
from eks_auditor.model.finding import Finding
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Status
from tests.builders import (
    autoscaler_tags,
    cluster,
    eks_tags,
    fargate,
    gap,
    managed,
    node,
    node_pool,
    self_managed,
    snapshot,
)

CA = "k8s.io/cluster-autoscaler"
PROVEN = cluster(autoscaler_identity="kube-system/cluster-autoscaler")
OWN = {"kubernetes.io/cluster/shop": "owned"}
FIXED = {"min_size": 3, "max_size": 3}
EVERY = (checks.not_discoverable, checks.claimed_by_another_cluster, checks.taint_tag_ignored)


def judged(check: Check, *capacities: Any, name: str = "odd", **deviations: Any) -> Finding:  # noqa: ANN401  any capacity
    return next(f for f in judge(snapshot(*capacities, **deviations), [check]) if f.subject.name == name)


def word(finding: Finding) -> str:
    return finding.severity.name if finding.status is Status.FAILED else finding.status.name


def written(finding: Finding) -> list[dict[str, Any]]:
    """Return the tags of the first command."""
    listed: list[dict[str, Any]] = json.loads(shlex.split(finding.fix[0].command, comments=True)[-1])
    return listed


def odd(tags: dict[str, str], build: Any = self_managed, **group: Any) -> Any:  # noqa: ANN401  a builder, and its product
    return build("odd", group={"tags": tags} | group)


class TestWhoScales:
    """A cluster that Cluster Autoscaler does not scale is left alone; all three checks alike."""

    BROKEN = (OWN, eks_tags() | {f"{CA}/other": "owned"})

    @pytest.mark.parametrize("check", EVERY, ids=lambda check: check.id)
    @pytest.mark.parametrize("tags", BROKEN)
    @pytest.mark.parametrize(
        "others",
        [
            {"capacities": ()},
            {"capacities": (node_pool(),)},
            {"capacities": (node_pool(kind="auto-mode"),), "cluster": cluster(auto_mode=True)},
        ],
    )
    def test_nobody_or_somebody_else(self, check: Check, tags: dict[str, str], others: dict[str, Any]) -> None:
        capacities = others["capacities"]
        read = {key: value for key, value in others.items() if key != "capacities"}
        finding = judged(check, odd(tags, managed), *capacities, **read)
        assert word(finding) == "NOT_APPLICABLE"
        assert not finding.settling

    @pytest.mark.parametrize("check", EVERY, ids=lambda check: check.id)
    @pytest.mark.parametrize("fields", [{"autoscaler_identity": gap("eks:ListPodIdentityAssociations")}])
    def test_what_hides_it_is_named(self, check: Check, fields: dict[str, Any]) -> None:
        finding = judged(check, odd(OWN), cluster=cluster(**fields))
        assert word(finding) == "UNKNOWN"
        assert "ListPodIdentityAssociations" in finding.reason

    @pytest.mark.parametrize("check", EVERY, ids=lambda check: check.id)
    @pytest.mark.parametrize("scales", ["karpenter", "auto-mode", "none"])
    def test_people_say_that_it_does_not(self, check: Check, scales: Scales) -> None:
        read = snapshot(odd(OWN), cluster=PROVEN)
        (finding,) = judge(read, [check], AutoscalerSettings(scales=scales))
        assert word(finding) == "NOT_APPLICABLE"
        assert "the setting says" in finding.reason

    @pytest.mark.parametrize("check", EVERY, ids=lambda check: check.id)
    def test_groups_of_fixed_size_need_a_proof(self, check: Check) -> None:
        fixed = odd(autoscaler_tags(), **FIXED)
        assert word(judged(check, fixed)) == "NOT_APPLICABLE"
        assert word(judged(check, fixed, cluster=PROVEN)) == "PASSED"
        assert word(judged(check, fixed, cluster=cluster(autoscaler_identity=gap()))) == "UNKNOWN"

    @pytest.mark.parametrize("check", EVERY, ids=lambda check: check.id)
    @pytest.mark.parametrize("build", [managed, self_managed])
    def test_healthy_groups_pass_and_say_what_was_weighed(self, check: Check, build: Any) -> None:  # noqa: ANN401  a builder
        finding = judged(check, build("odd"), node_pool(), cluster=PROVEN)
        assert word(finding) == "PASSED"
        assert "Karpenter runs" in finding.reason
        assert "kube-system/cluster-autoscaler" in finding.reason

    @pytest.mark.parametrize("check", EVERY, ids=lambda check: check.id)
    def test_a_group_that_could_not_be_read(self, check: Check) -> None:
        assert word(judged(check, managed("odd", groups=gap()), cluster=PROVEN)) == "UNKNOWN"
        assert word(judged(check, managed("odd", groups=()), cluster=PROVEN)) == "NOT_APPLICABLE"

    @pytest.mark.parametrize("check", EVERY, ids=lambda check: check.id)
    def test_every_fix_has_a_command_for_the_auto_scaling_group(self, check: Check) -> None:
        tags = {f"{CA}/enabled": "true", f"{CA}/other": "owned", f"{TAINT}a": "true"}
        for build, group in ((managed, "eks-odd-0a1b2c3d"), (self_managed, "odd")):
            commands = [fix.command for fix in judged(check, odd(tags, build), cluster=PROVEN).fix if fix.tool == "aws"]
            assert any(f'"ResourceId": "{group}"' in command for command in commands)

    @pytest.mark.parametrize("check", EVERY, ids=lambda check: check.id)
    @pytest.mark.parametrize("name", ["a,b", "[x]", "it's; $(id)", 'a"b'])
    def test_any_name_stays_what_it_is(self, check: Check, name: str) -> None:
        """The AWS CLI's shorthand would take such names apart."""
        tags = {f"{CA}/enabled": "true", f"{CA}/other": "owned", f"{TAINT}a": "true"}
        group = self_managed(name, taints=gap(), group={"tags": tags})
        command = judged(check, group, name=name, cluster=PROVEN).fix[0].command
        (tag,) = json.loads(shlex.split(command)[-1])
        assert (tag["ResourceId"], tag.get("PropagateAtLaunch", False)) == (name, False)


class TestCas001:
    ENABLED, SHOP = f"{CA}/enabled", f"{CA}/shop"

    @pytest.mark.parametrize("build", [managed, self_managed])
    @pytest.mark.parametrize(
        ("keys", "sizes", "proof", "intent"),
        [
            ((ENABLED, SHOP), {}, "PASSED", "PASSED"),
            ((ENABLED,), {}, "HIGH", "MEDIUM"),
            ((SHOP,), {}, "HIGH", "MEDIUM"),
            ((), {}, "MEDIUM", "MEDIUM"),
            ((), FIXED, "PASSED", "NOT_APPLICABLE"),
            ((ENABLED,), FIXED, "HIGH", "NOT_APPLICABLE"),
        ],
    )
    def test_the_rungs(
        self,
        build: Any,  # noqa: ANN401  a builder
        keys: tuple[str, ...],
        sizes: dict[str, int],
        proof: str,
        intent: str,
    ) -> None:
        group = odd(OWN | dict.fromkeys(keys, "owned"), build, **sizes)
        assert word(judged(checks.not_discoverable, group, cluster=PROVEN)) == proof
        assert word(judged(checks.not_discoverable, group, self_managed("tagged"))) == intent

    def test_the_rung_is_not_guessed(self) -> None:
        unread = cluster(autoscaler_identity=gap())
        group = odd({self.ENABLED: "true"})
        assert word(judged(checks.not_discoverable, group, cluster=unread)) == "UNKNOWN"

    def test_a_cluster_named_enabled_has_one_key(self) -> None:
        named = replace(PROVEN, id=replace(PROVEN.id, name="enabled"))
        finding = judged(checks.not_discoverable, odd({}), cluster=named)
        assert f"lacks {CA}/enabled, so" in finding.reason
        assert finding.evidence["missing"] == 1

    def test_the_fix_sets_the_missing_key(self) -> None:
        finding = judged(checks.not_discoverable, odd({self.ENABLED: "true"}), cluster=PROVEN)
        (tag,) = written(finding)
        assert (tag["ResourceId"], tag["Key"], tag["Value"]) == ("odd", self.SHOP, "owned")
        assert "--nodes" in finding.reason

    def test_the_fix_sets_all_missing_keys(self) -> None:
        finding = judged(checks.not_discoverable, odd(OWN), cluster=PROVEN)
        assert {tag["Key"]: tag["Value"] for tag in written(finding)} == {self.ENABLED: "true", self.SHOP: "owned"}

    def test_a_value_counts_for_nothing(self) -> None:
        finding = judged(checks.not_discoverable, odd({self.ENABLED: "false", self.SHOP: ""}), cluster=PROVEN)
        assert word(finding) == "PASSED"
        assert "'false'" in finding.reason

    def test_keys_are_compared_exactly(self) -> None:
        group = odd({f"{CA}/Enabled": "true", self.SHOP: "owned"})
        assert word(judged(checks.not_discoverable, group, cluster=PROVEN)) == "HIGH"

    @pytest.mark.parametrize(
        ("tags", "expected"),
        [
            ({"team": "web", "autoscaled/shop": ""}, "PASSED"),
            ({"team": "db", "autoscaled/shop": ""}, "HIGH"),
            ({"team": "web"}, "HIGH"),
            (autoscaler_tags(), "MEDIUM"),
        ],
    )
    def test_the_setting_may_demand_other_tags(self, tags: dict[str, str], expected: str) -> None:
        said = AutoscalerSettings(scales="cluster-autoscaler", discovery=("team=web", "autoscaled/{cluster}"))
        (finding,) = judge(snapshot(odd(tags)), [checks.not_discoverable], said)
        assert word(finding) == expected
        if "team" not in tags or tags["team"] == "db":
            assert "lacks team=web" in finding.reason
            assert {"team": "web"}.items() <= {tag["Key"]: tag["Value"] for tag in written(finding)}.items()

    def test_a_value_that_is_demanded_is_no_news(self) -> None:
        said = AutoscalerSettings(scales="cluster-autoscaler", discovery=(f"{self.ENABLED}=yes",))
        (finding,) = judge(snapshot(odd({self.ENABLED: "yes"})), [checks.not_discoverable], said)
        assert word(finding) == "PASSED"
        assert "counts for nothing" not in finding.reason

    @pytest.mark.parametrize("status", ["CREATING", "DELETING"])
    def test_eks_may_still_be_tagging(self, status: str) -> None:
        group = managed("odd", status=status, group={"tags": {}})
        assert judged(checks.not_discoverable, group, cluster=PROVEN).settling


class TestCas003:
    CLAIMED = autoscaler_tags() | {f"{CA}/other": "owned"}

    @pytest.mark.parametrize("build", [managed, self_managed])
    @pytest.mark.parametrize(("live", "expected"), [({"shop", "other"}, "CRITICAL"), ({"shop"}, "LOW")])
    def test_a_claim_weighs_by_whether_its_cluster_lives(self, build: Any, live: set[str], expected: str) -> None:  # noqa: ANN401  a builder
        finding = judged(
            checks.claimed_by_another_cluster,
            odd(self.CLAIMED, build),
            cluster=PROVEN,
            live_clusters=frozenset(live),
        )
        assert word(finding) == expected
        assert finding.evidence["key"] == f"{CA}/other"
        assert ("stale" in finding.reason) is (expected == "LOW")

    def test_a_live_cluster_is_named_first(self) -> None:
        tags = self.CLAIMED | {f"{CA}/dead": "owned", f"{CA}/zoo": "owned"}
        live = frozenset({"shop", "zoo"})
        finding = judged(checks.claimed_by_another_cluster, odd(tags), live_clusters=live)
        assert finding.evidence["other"] == "zoo"
        assert "dead, other, zoo" in finding.reason

    def test_unread_clusters_matter_only_to_a_claim(self) -> None:
        lost = gap("eks:ListClusters")
        check = checks.claimed_by_another_cluster
        assert word(judged(check, odd(self.CLAIMED), live_clusters=lost)) == "UNKNOWN"
        assert word(judged(check, odd(autoscaler_tags()), live_clusters=lost)) == "PASSED"

    def test_a_key_alone_is_no_claim(self) -> None:
        tags = {f"{CA}/shop": "owned", f"{CA}/other": "owned"}
        assert (
            word(judged(checks.claimed_by_another_cluster, odd(tags), live_clusters=frozenset({"other"}))) == "PASSED"
        )

    @pytest.mark.parametrize(("value", "expected"), [("owned", "LOW"), ("shared", "PASSED")])
    def test_nodes_owned_by_another_cluster(self, value: str, expected: str) -> None:
        nodes = (node(1, tags=OWN), node(2, tags=OWN | {"kubernetes.io/cluster/other": value}))
        group = self_managed("odd", nodes=nodes)
        live = frozenset({"shop", "other"})
        finding = judged(checks.claimed_by_another_cluster, group, live_clusters=live)
        assert word(finding) == expected
        if expected == "LOW":
            assert "1 of 2 nodes" in finding.reason
            (fix,) = finding.fix
            assert fix.command.startswith(f"aws ec2 delete-tags --region eu-west-1 --resources {nodes[1].id} --tags")
            assert fix.command.endswith("Key=kubernetes.io/cluster/other")


class TestCas004:
    @pytest.mark.parametrize("value", ["NoSchedule", "true", "true:NO_SCHEDULE", "v:NoScheduleX", "a:b:NoSchedule", ""])
    @pytest.mark.parametrize(
        ("build", "min_size", "expected"),
        [(self_managed, 0, "HIGH"), (self_managed, 1, "LOW"), (managed, 0, "LOW"), (managed, 1, "LOW")],
    )
    def test_the_rungs(self, build: Any, min_size: int, expected: str, value: str) -> None:  # noqa: ANN401  a builder
        taint = Taint(key="dedicated", value="", effect="NoSchedule")
        own = {"tags": autoscaler_tags() | {f"{TAINT}dedicated": value}, "min_size": min_size}
        for taints in ((taint,), gap()):
            assert word(judged(checks.taint_tag_ignored, build("odd", group=own, taints=taints))) == expected
        group = build("odd", group=own)
        finding = judged(checks.taint_tag_ignored, group)
        assert word(finding) == "LOW"
        assert "no taint of its nodes needs it" in finding.reason

    def test_a_tag_that_no_taint_of_the_nodes_needs_is_removed(self) -> None:
        """Mended by a guess, it would be a taint that no node has."""
        tags = {f"{TAINT}old": "NoSchedule", TAINT: "v:NoSchedule"}
        finding = judged(checks.taint_tag_ignored, odd(autoscaler_tags() | tags, min_size=0))
        (command,) = (fix.command for fix in finding.fix if fix.tool == "aws")
        assert command.startswith("aws autoscaling delete-tags ")
        assert [tag["Key"] for tag in written(finding)] == sorted(tags)
        assert not any("NoSchedule" in fix.command for fix in finding.fix)

    def test_a_tag_that_matters_is_told_first(self) -> None:
        taint = Taint(key="z", value="x", effect="NoSchedule")
        tags = autoscaler_tags() | {f"{TAINT}old": "NoSchedule", f"{TAINT}z": "x"}
        finding = judged(checks.taint_tag_ignored, self_managed("odd", taints=(taint,), group={"tags": tags}))
        assert finding.evidence["key"] == f"{TAINT}z"
        adding, removing = (fix.command for fix in finding.fix if fix.tool == "aws")
        assert "x:NoSchedule" in adding
        assert f"{TAINT}old" in removing

    def test_a_soft_taint_costs_nothing(self) -> None:
        soft = Taint(key="dedicated", value="x", effect="PreferNoSchedule")
        own = {"tags": autoscaler_tags() | {f"{TAINT}dedicated": "x"}, "min_size": 0}
        finding = judged(checks.taint_tag_ignored, self_managed("odd", taints=(soft,), group=own))
        assert word(finding) == "LOW"
        assert written(finding)[0]["Value"] == "x:PreferNoSchedule"

    def test_a_taint_that_passes_needs_no_tag(self) -> None:
        passing = Taint(key="node.cilium.io/agent-not-ready", value="true", effect="NoExecute")
        own = {"tags": autoscaler_tags() | {TAINT + passing.key: "true"}, "min_size": 0}
        group = self_managed("odd", taints=(passing,), group=own)
        assert word(judged(checks.taint_tag_ignored, group)) == "PASSED"

    def test_a_group_that_launches_nothing(self) -> None:
        own = {"tags": autoscaler_tags() | {f"{TAINT}dedicated": "x"}, "min_size": 0, "max_size": 0}
        group = self_managed("odd", taints=gap(), group=own)
        assert word(judged(checks.taint_tag_ignored, group, cluster=PROVEN)) == "NOT_APPLICABLE"

    @pytest.mark.parametrize(("build", "propagates"), [(managed, "true"), (self_managed, "false")])
    def test_eksctl_writes_it_where_its_own_tag_does_not_win(self, build: Any, propagates: str) -> None:  # noqa: ANN401  a builder
        own = {"tags": eks_tags() | {f"{TAINT}dedicated": "x"}}
        finding = judged(checks.taint_tag_ignored, build("odd", taints=gap(), group=own))
        (command,) = (fix.command for fix in finding.fix if fix.tool == "eksctl")
        assert f"of a new node group, with propagateASGTags {propagates}" in command

    @pytest.mark.parametrize("value", ["v:NoSchedule", ":NoSchedule", "v:NoExecute", "v:PreferNoSchedule"])
    def test_what_the_autoscaler_reads_passes(self, value: str) -> None:
        group = odd(autoscaler_tags() | {f"{TAINT}dedicated": value}, min_size=0)
        assert word(judged(checks.taint_tag_ignored, group)) == "PASSED"

    def test_the_fix_writes_the_taint_that_the_nodes_have(self) -> None:
        taint = Taint(key="dedicated", value="runners", effect="NoExecute")
        tags = eks_tags() | {f"{TAINT}dedicated": "runners", f"{TAINT}zoo": "x"}
        finding = judged(checks.taint_tag_ignored, managed("odd", taints=(taint,), group={"tags": tags}))
        assert [tag["Value"] for tag in written(finding)] == ["runners:NoExecute"]
        assert "and 1 more" in finding.reason

    def test_the_fix_leaves_open_a_value_that_was_not_read(self) -> None:
        tags = autoscaler_tags() | {f"{TAINT}dedicated": "NoSchedule"}
        hidden = self_managed("odd", taints=gap(), group={"tags": tags})
        assert written(judged(checks.taint_tag_ignored, hidden))[0]["Value"] == "VALUE:NoSchedule"

    def test_a_hostile_tag_stays_one_word(self) -> None:
        group = odd(autoscaler_tags() | {f"{TAINT}$(reboot); x'": "`id`"})
        assert written(judged(checks.taint_tag_ignored, group))[0]["Key"] == f"{TAINT}$(reboot); x'"


ANY_TAGS = st.dictionaries(
    st.text() | st.builds("".join, st.lists(st.sampled_from([f"{CA}/", "enabled", "shop", TAINT, "kubernetes.io/"]))),
    st.text(),
)


@given(tags=ANY_TAGS, others=ANY_TAGS, proven=st.booleans())
def test_no_tags_break_a_check(*, tags: dict[str, str], others: dict[str, str], proven: bool) -> None:
    capacities: list[ManagedNodeGroup | SelfManagedGroup] = [
        odd(tags, managed),
        self_managed("batch", group={"tags": others}, nodes=(node(tags=tags),)),
    ]
    read = snapshot(*capacities, cluster=PROVEN if proven else cluster())
    assert len(judge(read, EVERY)) == 2 * len(EVERY)


@given(st.randoms(use_true_random=False))
def test_the_order_of_capacities_never_changes_a_word(random: Random) -> None:
    capacities = [
        odd(autoscaler_tags() | {f"{CA}/other": "owned", f"{TAINT}a": "b"}, managed),
        odd(OWN),
        self_managed("tagged", group={"hand_scalings": 1}),
        managed("web", group={"hand_scalings": gap()}),
        managed("broken", groups=gap("autoscaling:DescribeAutoScalingGroups")),
        node_pool(),
    ]
    expected = judge(snapshot(*capacities), EVERY)
    random.shuffle(capacities)
    assert judge(snapshot(*capacities), EVERY) == expected


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(snapshot(*(managed(f"web-{z}", zones=[f"euw1-az{z}"]) for z in (1, 2, 3))), id="eksctl"),
        pytest.param(snapshot(managed("default", size=2)), id="terraform-aws-eks"),
        pytest.param(snapshot(managed("default", size=2), cluster=PROVEN), id="terraform-aws-eks, autoscaled"),
        pytest.param(snapshot(fargate()), id="Fargate only"),
        pytest.param(snapshot(node_pool(kind="auto-mode"), cluster=cluster(auto_mode=True)), id="Auto Mode only"),
        pytest.param(snapshot(managed("bootstrap", size=2), node_pool()), id="Karpenter and a bootstrap group"),
    ],
)
def test_recommended_layouts_are_not_blamed(read: Snapshot) -> None:
    failed = [f for f in judge(read, EVERY) if f.status is Status.FAILED]
    assert [f.reason for f in failed if f.severity > Severity.LOW] == []
