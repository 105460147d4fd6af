from typing import Any

import pytest

from eks_auditor.autoscaler.scaler import Certainty, Scaler, lacking
from eks_auditor.autoscaler.settings import AUTO, AutoscalerSettings, Scales
from eks_auditor.autoscaler.tags import TEMPLATE
from tests.builders import cluster, days_ago, eks_tags, gap, managed, node_pool, self_managed, snapshot

UNTAGGED: dict[str, Any] = {"tags": {"kubernetes.io/cluster/shop": "owned"}}


@pytest.mark.parametrize(
    ("read", "certainty", "evidence"),
    [
        (snapshot(managed()), "none", ""),
        (snapshot(self_managed(group=UNTAGGED)), "none", ""),
        (snapshot(managed(), cluster=cluster(auto_mode=True)), "none", "Auto Mode is enabled"),
        (snapshot(managed(), node_pool()), "none", "Karpenter runs instances"),
        (snapshot(managed(), node_pool(kind="auto-mode")), "none", ""),
        (snapshot(cluster=cluster(autoscaler_identity="kube-system/cluster-autoscaler")), "proof", "Pod Identity"),
        (snapshot(managed(group={"hand_scalings": 2})), "proof", "again and again"),
        (snapshot(managed(group={"hand_scalings": 1})), "none", ""),
        (snapshot(*(managed(n, group={"hand_scalings": 1}) for n in "ab")), "proof", "again and again"),
        (snapshot(self_managed()), "intent", "batch carries discovery tags"),
        (snapshot(self_managed("a"), self_managed("b")), "intent", "a and 1 more group carries"),
        (snapshot(self_managed("a"), self_managed("b"), self_managed("c")), "intent", "a and 2 more groups carry"),
        (
            snapshot(managed(group={"tags": eks_tags() | {f"{TEMPLATE}label/tier": "web"}})),
            "intent",
            "node-template tags",
        ),
        (snapshot(self_managed(group={"hand_scalings": 9}), node_pool()), "proof", "Karpenter runs instances"),
    ],
)
def test_what_scales_a_cluster(read: Any, certainty: Certainty, evidence: str) -> None:  # noqa: ANN401  a snapshot
    scaler = Scaler.of(read, AUTO)
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
    assert Scaler.of(read, AUTO).gap == gap()
    assert Scaler.of(read, AUTO).certainty == "none"


def test_a_proof_needs_nothing_more() -> None:
    read = snapshot(managed(group={"hand_scalings": 2}), cluster=cluster(autoscaler_identity=gap()))
    assert Scaler.of(read, AUTO).certainty == "proof"
    assert Scaler.of(read, AUTO).gap is None


def test_an_incomplete_kind_may_hide_a_proof() -> None:
    healthy = snapshot()
    read = snapshot(complete={**healthy.complete, "self-managed": False})
    hidden = Scaler.of(read, AUTO).gap
    assert hidden is not None
    assert hidden.action == "autoscaling:DescribeAutoScalingGroups"


WEIGHED = snapshot(managed(group={"hand_scalings": 2, "hand_scaling_days": 2}), node_pool())


@pytest.mark.parametrize(
    ("scales", "certainty", "said"),
    [
        ("cluster-autoscaler", "proof", "the setting says that Cluster Autoscaler scales it"),
        ("karpenter", "none", "the setting says that Karpenter scales it"),
        ("auto-mode", "none", "the setting says that EKS Auto Mode scales it"),
        ("none", "none", "the setting says that nothing scales it"),
    ],
)
def test_the_setting_wins_and_what_was_weighed_is_told_all_the_same(
    scales: Scales, certainty: Certainty, said: str
) -> None:
    for read in (WEIGHED, snapshot(managed(groups=gap()))):
        scaler = Scaler.of(read, AutoscalerSettings(scales=scales))
        assert scaler.certainty == certainty
        assert scaler.because.startswith(said)
        assert scaler.gap is None
    assert (
        "Karpenter runs instances; capacity was raised by request again and again"
        in Scaler.of(WEIGHED, AutoscalerSettings(scales=scales)).because
    )


def test_rivals_are_told_apart() -> None:
    assert Scaler.of(WEIGHED, AUTO).rivals == ("Karpenter runs instances",)
    assert Scaler.of(snapshot(), AUTO).rivals == ()


class TestOwnDiscovery:
    SETTINGS = AutoscalerSettings(discovery=("team=web", "autoscaled/{cluster}"))

    @pytest.mark.parametrize(
        ("tags", "certainty"),
        [
            ({"team": "web", "autoscaled/shop": ""}, "intent"),
            ({"team": "db", "autoscaled/shop": ""}, "none"),
            ({"team": "web"}, "none"),
            ({"k8s.io/cluster-autoscaler/enabled": ""}, "intent"),
        ],
    )
    def test_all_of_them_are_an_intent(self, tags: dict[str, str], certainty: Certainty) -> None:
        read = snapshot(self_managed(group={"tags": tags}))
        assert Scaler.of(read, self.SETTINGS).certainty == certainty

    def test_on_managed_groups_they_say_nothing(self) -> None:
        tags = {"team": "web", "autoscaled/shop": ""}
        assert Scaler.of(snapshot(managed(group={"tags": tags})), self.SETTINGS).certainty == "none"

    def test_what_is_lacking(self) -> None:
        demanded = (("team", "web"), ("owner", None))
        assert lacking({"team": "db", "owner": ""}, demanded) == (("team", "web"),)
        assert lacking({"team": "web"}, demanded) == (("owner", None),)
        assert lacking({"team": "web", "owner": "x"}, demanded) == ()


class TestAQuietFortnight:
    @pytest.mark.parametrize(
        ("days", "certainty"), [(1, "proof"), (89, "proof"), (90, "proof"), (90.1, "none"), (None, "none")]
    )
    def test_it_was_at_work_lately(self, days: float | None, certainty: Certainty) -> None:
        scaler = Scaler.of(snapshot(), AUTO, None if days is None else days_ago(days))
        assert scaler.certainty == certainty
        assert not scaler.seen

    def test_the_reason_says_since_when_it_is_quiet(self) -> None:
        assert "last on 2026-11-03" in Scaler.of(snapshot(), AUTO, days_ago(20)).because

    def test_a_rival_has_taken_over(self) -> None:
        assert Scaler.of(snapshot(managed(), node_pool()), AUTO, days_ago(1)).certainty == "none"

    def test_only_requests_for_capacity_are_being_at_work(self) -> None:
        proven = snapshot(cluster=cluster(autoscaler_identity="kube-system/cluster-autoscaler"))
        assert not Scaler.of(proven, AUTO).seen
        assert Scaler.of(WEIGHED, AUTO).seen

    def test_two_requests_of_one_day_may_be_a_persons(self) -> None:
        once = snapshot(managed(group={"hand_scalings": 2, "hand_scaling_days": 1}))
        assert Scaler.of(once, AUTO).certainty == "proof"
        assert not Scaler.of(once, AUTO).seen

    def test_what_hides_karpenter_hides_whether_the_memory_counts(self) -> None:
        scaler = Scaler.of(snapshot(**UNSEEN), AUTO, days_ago(1))
        assert scaler.certainty == "none"
        assert scaler.gap == LOST


LOST = gap("ec2:DescribeInstances", "shop", "RequestLimitExceeded: slow")
UNSEEN: dict[str, Any] = {"complete": {**snapshot().complete, "karpenter": False}, "gaps": (LOST,)}


class TestKarpenter:
    def test_it_scales_the_cluster_at_night_too(self) -> None:
        scaler = Scaler.of(snapshot(), AUTO, days_ago(1), days_ago(89))
        assert scaler.certainty == "none"
        assert scaler.rivals == ("Karpenter ran instances within 90 days",)
        assert not scaler.karpenter
        assert Scaler.of(snapshot(), AUTO, days_ago(1), days_ago(91)).certainty == "proof"

    def test_it_is_seen_by_its_nodes(self) -> None:
        assert Scaler.of(WEIGHED, AUTO).karpenter
        assert not Scaler.of(snapshot(node_pool(nodes=())), AUTO).karpenter

    def test_what_may_hide_it_is_kept_where_it_matters(self) -> None:
        assert Scaler.of(snapshot(self_managed(), **UNSEEN), AUTO).rival_gap == LOST
        assert Scaler.of(snapshot(self_managed(), **UNSEEN), AUTO, None, days_ago(1)).rival_gap is None
        assert Scaler.of(snapshot(cluster=cluster(auto_mode=True), **UNSEEN), AUTO).rival_gap is None
        said = AutoscalerSettings(scales="cluster-autoscaler")
        assert Scaler.of(snapshot(self_managed(), **UNSEEN), said).rival_gap is None

    def test_it_needs_nothing_more(self) -> None:
        assert Scaler.of(snapshot(managed(groups=gap())), AUTO, days_ago(1)).gap is None
