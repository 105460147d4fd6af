"""CAS009 and CAS015: two scalers on one group, or none on a cluster."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.autoscaler.settings import AutoscalerSettings, Scales
from eks_auditor.checks.scalers import nothing_scales, two_scalers
from eks_auditor.findings.judge import judge
from eks_auditor.model.capacity import ScalingPolicy, ScheduledAction
from eks_auditor.model.finding import Finding
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Status
from tests.builders import (
    NOW,
    ZONES,
    cluster,
    days_ago,
    fargate,
    gap,
    managed,
    node_pool,
    self_managed,
    snapshot,
    standalone,
)
from tests.checks.judged import commands, finding

PROVEN = cluster(autoscaler_identity="kube-system/cluster-autoscaler")
TRACKING = ScalingPolicy(name="cpu", kind="TargetTrackingScaling")
FORECAST = ScalingPolicy(name="forecast", kind="PredictiveScaling", mode="ForecastOnly")
ACTING_FORECAST = ScalingPolicy(name="forecast", kind="PredictiveScaling", mode="ForecastAndScale")
NIGHTLY = ScheduledAction(name="night", recurrence="0 20 * * *", desired=0)
TOMORROW = ScheduledAction(name="sale", starts_at=NOW + timedelta(days=1), desired=9)
FIXED = {"min_size": 3, "max_size": 3}
OWN = {"tags": {"kubernetes.io/cluster/shop": "owned"}}


def word(found: Finding) -> str:
    if found.status is Status.FAILED:
        return found.severity.name
    return "settling" if found.settling else found.status.name


class TestTwoScalers:
    @staticmethod
    def judged(build: Any = managed, /, **group: Any) -> Finding:  # noqa: ANN401  a builder, any field
        return finding(two_scalers, build(group=group), cluster=PROVEN)

    @pytest.mark.parametrize("build", [managed, self_managed])
    @pytest.mark.parametrize(
        ("group", "expected"),
        [
            ({}, "PASSED"),
            ({"policies": (TRACKING,)}, "HIGH"),
            ({"policies": (ScalingPolicy(name="s", kind="StepScaling"),)}, "HIGH"),
            ({"policies": (ScalingPolicy(name="s", kind="SimpleScaling"),)}, "HIGH"),
            ({"policies": (ScalingPolicy(name="s", kind="StepScaling", enabled=False),)}, "PASSED"),
            ({"policies": (FORECAST,)}, "PASSED"),
            ({"policies": (ACTING_FORECAST,)}, "HIGH"),
            ({"policies": (TRACKING,), "suspended": frozenset({"AlarmNotification"})}, "PASSED"),
            ({"policies": (ACTING_FORECAST,), "suspended": frozenset({"AlarmNotification"})}, "HIGH"),
            ({"policies": (TRACKING,), **FIXED}, "PASSED"),
            ({"scheduled": (NIGHTLY,)}, "LOW"),
            ({"scheduled": (TOMORROW,)}, "LOW"),
            ({"scheduled": (NIGHTLY,), "suspended": frozenset({"ScheduledActions"})}, "PASSED"),
            ({"scheduled": (ScheduledAction(name="a", recurrence="0 8 * * *", min_size=2, max_size=9),)}, "PASSED"),
            ({"scheduled": (ScheduledAction(name="a", starts_at=days_ago(1), desired=2),)}, "PASSED"),
            (
                {"scheduled": (ScheduledAction(name="a", recurrence="0 8 * * *", ends_at=days_ago(1), desired=2),)},
                "PASSED",
            ),
            ({"policies": (TRACKING,), "scheduled": (NIGHTLY,)}, "HIGH"),
            ({"policies": gap()}, "UNKNOWN"),
            ({"scheduled": gap()}, "UNKNOWN"),
        ],
    )
    def test_the_rungs(self, build: Any, group: dict[str, Any], expected: str) -> None:  # noqa: ANN401  a builder
        assert word(self.judged(build, **group)) == expected

    def test_what_could_not_be_read_may_hide_a_worse_rung(self) -> None:
        assert self.judged(policies=gap(), scheduled=(NIGHTLY,)).partial
        assert self.judged(policies=(TRACKING,), scheduled=gap()).partial
        assert not self.judged(policies=(TRACKING,)).partial

    def test_a_schedule_that_ends_is_due_when_the_last_of_it_has(self) -> None:
        ending = ScheduledAction(name="a", recurrence="0 8 * * *", ends_at=NOW + timedelta(days=3), desired=2)
        assert self.judged(scheduled=(TOMORROW,)).due_at == TOMORROW.starts_at
        assert self.judged(scheduled=(TOMORROW, ending)).due_at == ending.ends_at
        assert self.judged(scheduled=(TOMORROW, NIGHTLY)).due_at is None

    def test_who_scales_decides_whether_it_is_judged(self) -> None:
        policed = managed(group={"policies": (TRACKING,)})
        assert word(finding(two_scalers, policed)) == "NOT_APPLICABLE"
        assert word(finding(two_scalers, policed, cluster=cluster(autoscaler_identity=gap()))) == "UNKNOWN"
        assert word(finding(two_scalers, managed(groups=gap()), cluster=PROVEN)) == "UNKNOWN"
        assert word(finding(two_scalers, managed(groups=()), cluster=PROVEN)) == "NOT_APPLICABLE"

    def test_what_eks_schedules_for_a_capacity_block_is_left_alone(self) -> None:
        name = "Amazon EKS Node Group Capacity Scaledown Before Reservation End"
        ends = ScheduledAction(name=name, starts_at=NOW + timedelta(days=3), desired=0)
        assert word(self.judged(scheduled=(ends,))) == "PASSED"
        assert "the scheduled action night sets" in self.judged(scheduled=(ends, NIGHTLY)).reason

    def test_a_fixed_size_is_the_one_that_eks_was_told(self) -> None:
        policed: dict[str, Any] = {"group": {"min_size": 3, "max_size": 9, "policies": (TRACKING,)}}
        told: dict[str, Any] = {"min_size": 3, "max_size": 3, "status": "UPDATING"}
        assert word(finding(two_scalers, managed(**policed, **told), cluster=PROVEN)) == "PASSED"
        assert word(finding(two_scalers, managed(**policed, min_size=1, max_size=9), cluster=PROVEN)) == "HIGH"

    @pytest.mark.parametrize("build", [managed, self_managed])
    def test_what_is_switched_off_keeps_its_last_word(self, build: Any) -> None:  # noqa: ANN401  a builder
        off: dict[str, Any] = {"min_size": 0, "max_size": 0, "desired": 0, "policies": (TRACKING,)}
        assert word(self.judged(build, **off)) == "settling"
        assert word(finding(two_scalers, self_managed(group=off))) == "settling"
        assert word(finding(two_scalers, managed(group=off))) == "NOT_APPLICABLE"

    def test_an_action_without_a_time_is_told(self) -> None:
        assert "at a time not told" in self.judged(scheduled=(ScheduledAction(name="a", desired=1),)).reason

    def test_what_karpenter_scales_needs_a_proof(self) -> None:
        meant = self_managed(group={"policies": (TRACKING,)})
        assert word(finding(two_scalers, meant)) == "HIGH"
        found = finding(two_scalers, meant, node_pool())
        assert word(found) == "NOT_APPLICABLE"
        assert "Karpenter runs instances; batch carries" in found.reason
        assert word(finding(two_scalers, meant, node_pool(), cluster=PROVEN)) == "HIGH"
        assert word(finding(two_scalers, meant, cluster=cluster(auto_mode=True))) == "NOT_APPLICABLE"
        unseen = {**snapshot().complete, "karpenter": False}
        assert word(finding(two_scalers, meant, complete=unseen)) == "UNKNOWN"
        assert word(finding(two_scalers, meant, node_pool(), cluster=cluster(autoscaler_identity=gap()))) == "UNKNOWN"

    def test_the_fix_removes_what_is_named(self) -> None:
        found = self.judged(policies=(TRACKING, ACTING_FORECAST))
        (command,) = commands(found)
        assert command.endswith("--auto-scaling-group-name eks-web-0a1b2c3d --policy-name cpu")
        assert "by 2 scaling policies: cpu, forecast" in found.reason
        (command,) = commands(self.judged(scheduled=(NIGHTLY,)))
        assert "--scheduled-action-name night" in command


def scaled(*capacities: Any, scales: Scales = "auto", **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    """The word on the cluster."""
    (found,) = judge(snapshot(*capacities, **deviations), [nothing_scales], AutoscalerSettings(scales=scales))
    return found


class TestNothingScales:
    @pytest.mark.parametrize(
        ("group", "expected"),
        [
            ({}, "LOW"),
            (FIXED, "PASSED"),
            ({"max_size": 3, "scaled_at": days_ago(8)}, "MEDIUM"),
            ({"max_size": 3}, "MEDIUM"),
            ({"max_size": 3, "scaled_at": days_ago(6)}, "LOW"),
            ({"max_size": 3, "created_at": days_ago(6)}, "LOW"),
            ({"policies": (TRACKING,)}, "PASSED"),
            ({"policies": (FORECAST,)}, "LOW"),
            ({"scheduled": (NIGHTLY,)}, "PASSED"),
            ({"scheduled": (TOMORROW,)}, "LOW"),
            ({"hand_scalings": 1}, "LOW"),
            ({"hand_scalings": 2}, "PASSED"),
        ],
    )
    @pytest.mark.parametrize("build", [managed, self_managed])
    def test_the_rungs(self, build: Any, group: dict[str, Any], expected: str) -> None:  # noqa: ANN401  a builder
        own = OWN if build is self_managed else {}
        assert word(scaled(build(group=own | group))) == expected

    @pytest.mark.parametrize(
        "read",
        [
            {"cluster": PROVEN},
            {"cluster": cluster(auto_mode=True)},
            {"capacities": (node_pool(),)},
            {"capacities": (self_managed(),)},
        ],
    )
    def test_whatever_scales_it_is_named(self, read: dict[str, Any]) -> None:
        others = read.get("capacities", ())
        found = scaled(managed(), *others, **{key: value for key, value in read.items() if key != "capacities"})
        assert word(found) == "PASSED"
        assert found.reason.startswith("something scales it: ")

    @pytest.mark.parametrize(
        ("scales", "expected"),
        [
            ("auto", "LOW"),
            ("cluster-autoscaler", "PASSED"),
            ("karpenter", "NOT_APPLICABLE"),
            ("auto-mode", "NOT_APPLICABLE"),
            ("none", "NOT_APPLICABLE"),
        ],
    )
    def test_the_setting_wins(self, scales: Scales, expected: str) -> None:
        assert word(scaled(managed(), scales=scales)) == expected

    @pytest.mark.parametrize(
        ("capacities", "expected"),
        [
            ((fargate(),), "NOT_APPLICABLE"),
            ((standalone(),), "NOT_APPLICABLE"),
            ((managed("a", group=FIXED), managed("b")), "LOW"),
            ((managed("a", group=FIXED), managed("b", group=FIXED)), "PASSED"),
            ((managed("a"), managed("b", group={"max_size": 3})), "MEDIUM"),
            ((managed(groups=()),), "NOT_APPLICABLE"),
        ],
    )
    def test_every_group_counts(self, capacities: tuple[Any, ...], expected: str) -> None:
        assert word(scaled(*capacities)) == expected

    @pytest.mark.parametrize("kind", ["managed", "self-managed", "karpenter"])
    def test_what_is_not_seen_may_scale_it(self, kind: str) -> None:
        missing: dict[str, Any] = {"complete": dict(snapshot().complete) | {kind: False}}
        assert word(scaled(managed(), **missing)) == "UNKNOWN"
        assert word(scaled(managed(group={"policies": (TRACKING,)}), **missing)) == "PASSED"
        assert word(scaled(managed(group=FIXED), **missing)) == ("PASSED" if kind == "karpenter" else "UNKNOWN")

    @pytest.mark.parametrize(
        ("group", "expected"),
        [
            ({"policies": gap()}, "UNKNOWN"),
            ({"scheduled": gap()}, "UNKNOWN"),
            ({"hand_scalings": gap()}, "UNKNOWN"),
            ({"policies": gap(), "scheduled": (NIGHTLY,)}, "PASSED"),
            ({"policies": gap(), "scheduled": gap(), **FIXED}, "PASSED"),
            ({"max_size": 3, "scaled_at": gap()}, "LOW"),
        ],
    )
    def test_what_could_not_be_read_counts_where_it_decides(self, group: dict[str, Any], expected: str) -> None:
        found = scaled(managed(group=group))
        assert word(found) == expected
        assert found.partial is (expected == "LOW")

    def test_a_group_that_could_not_be_read(self) -> None:
        assert word(scaled(managed("a", groups=gap()), managed("b", group=FIXED))) == "UNKNOWN"
        assert word(scaled(managed("a", groups=gap()), managed("b"))) == "UNKNOWN"

    def test_eks_raises_the_maximum_of_a_fixed_group_while_it_updates(self) -> None:
        updated = managed("a", status="UPDATING", group={"min_size": 3, "max_size": 9})
        assert word(scaled(updated)) == "settling"
        assert word(scaled(updated, managed("b"))) == "LOW"
        assert word(scaled(updated, managed("b", group=FIXED))) == "settling"

    def test_it_is_due_when_seven_days_have_passed(self) -> None:
        assert scaled(managed(group={"max_size": 3, "scaled_at": days_ago(6)})).due_at == NOW + timedelta(days=1)
        assert scaled(managed()).due_at is None

    def test_a_cluster_that_is_switched_off_keeps_its_last_word(self) -> None:
        off = managed(group={"min_size": 0, "max_size": 0, "desired": 0}, min_size=1, max_size=8)
        assert word(scaled(off)) == "settling"
        assert word(scaled(off, managed("b"))) == "LOW"

    def test_of_one_group_it_speaks_of_one(self) -> None:
        assert "its one group is of fixed size" in scaled(managed(group=FIXED)).reason
        assert "its 2 groups are of fixed" in scaled(managed("a", group=FIXED), managed("b", group=FIXED)).reason

    def test_no_size_is_meant_of_a_group_that_sleeps(self) -> None:
        found = scaled(managed(group={"min_size": 0, "desired": 0}))
        assert word(found) == "LOW"
        assert not any("maxSize" in command for command in commands(found))

    def test_the_fix_names_the_group(self) -> None:
        found = scaled(managed())
        assert any("--scaling-config minSize=3,maxSize=3" in command for command in commands(found))
        assert "1 group may grow: eks-web-0a1b2c3d wants 3 of 1 to 8 nodes" in found.reason

    @pytest.mark.parametrize(
        "read",
        [
            pytest.param(snapshot(managed("default", group={**FIXED, "max_size": 3})), id="fixed on purpose"),
            pytest.param(snapshot(managed("default"), node_pool()), id="Karpenter and a bootstrap group"),
            pytest.param(snapshot(managed("default"), cluster=cluster(auto_mode=True)), id="Auto Mode beside a group"),
            pytest.param(snapshot(fargate()), id="Fargate only"),
            pytest.param(
                snapshot(*(managed(z, zones=[z]) for z in ZONES), cluster=PROVEN), id="one a zone, autoscaled"
            ),
            pytest.param(snapshot(self_managed()), id="self-managed, discovered"),
        ],
    )
    def test_healthy_layouts_are_not_blamed(self, read: Snapshot) -> None:
        found = judge(read, [nothing_scales, two_scalers])
        assert [each.reason for each in found if each.status is Status.FAILED] == []


@given(st.randoms(use_true_random=False))
def test_the_order_of_capacities_never_changes_a_word(random: Random) -> None:
    capacities = [
        managed("a", group={"max_size": 3}),
        managed("b", group={"max_size": 3, "scaled_at": gap()}),
        managed("c", group={"scheduled": (TOMORROW,)}),
        managed("d", status="UPDATING"),
        self_managed("e", group=OWN),
    ]
    checks = [two_scalers, nothing_scales]
    expected = judge(snapshot(*capacities), checks)
    random.shuffle(capacities)
    assert judge(snapshot(*capacities), checks) == expected
