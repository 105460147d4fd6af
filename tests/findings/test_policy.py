"""Judging under a policy: each subject by its own thresholds, and what somebody accepts."""

from dataclasses import replace
from typing import Any

import pytest

from eks_auditor.checks.ami import release_superseded
from eks_auditor.checks.zones import data_plane_in_too_few_zones, group_pinned_to_one_zone, nodes_unevenly_spread
from eks_auditor.findings.judge import audit_of, judge
from eks_auditor.model.finding import Finding
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Severity, Status
from eks_auditor.policy.reading import read_policy
from eks_auditor.policy.rules import Policy
from tests.builders import (
    NOW,
    cluster,
    days_ago,
    eks_tags,
    fargate,
    gap,
    history,
    image,
    instances,
    managed,
    node,
    node_pool,
    release_version,
    scaling_group,
    self_managed,
    snapshot,
    version,
)

CHECKS = (release_superseded, data_plane_in_too_few_zones, group_pinned_to_one_zone, nodes_unevenly_spread)
ACCEPTED = {
    "eks-auditor/exempt": "AMI001 ZONE002",
    "eks-auditor/exempt-until": "2027-03-31",
    "eks-auditor/exempt-reason": "Replaced in spring",
    "eks-auditor/exempt-owner": "team-a",
}


def policy(text: str) -> Policy:
    return read_policy(f"version: 1\n{text}", checks=CHECKS, now=NOW)[0]


def late(name: str = "web", **deviations: Any) -> Any:  # noqa: ANN401  a capacity
    """A node group whose release was superseded 40 days ago."""
    return managed(name, release_version=release_version(50), **deviations)


def seen(*capacities: Any, **deviations: Any) -> Snapshot:  # noqa: ANN401  any capacity, any field
    releases = {"al2023/standard/x86_64/1.35": history(50, 40, 5)}
    return snapshot(*(capacities or (late(),)), **{"releases": releases} | deviations)


def word(of: Snapshot, under: Policy, check_id: str = "AMI001", name: str = "web") -> Finding:
    return next(f for f in judge(of, CHECKS, policy=under) if (f.check_id, f.subject.name) == (check_id, name))


class TestThresholds:
    @pytest.mark.parametrize(
        ("ladder", "status", "severity"),
        [
            ("{}", Status.FAILED, Severity.MEDIUM),
            ("{high: 40d}", Status.FAILED, Severity.HIGH),
            ("{medium: 41d}", Status.FAILED, Severity.LOW),
            ("{low: 41d, medium: 50d}", Status.PASSED, Severity.MEDIUM),
        ],
    )
    def test_a_ladder_decides(self, ladder: str, status: Status, severity: Severity) -> None:
        found = word(seen(), policy(f"checks: {{AMI001: {ladder}}}"))
        assert (found.status, found.severity) == (status, severity)

    def test_the_reason_names_the_grace_that_holds(self) -> None:
        found = word(seen(), policy("checks: {AMI001: {low: 41d, medium: 50d}}"))
        assert found.reason.endswith("within the grace of 41 days")
        assert found.due_at == days_ago(40 - 41)

    def test_each_capacity_is_judged_by_its_own(self) -> None:
        found = policy("rules: [{clusters: [sh*], capacities: [batch-*], checks: {AMI001: {high: 35d}}}]")
        of = seen(late(), late("batch-1"))
        assert word(of, found).severity is Severity.MEDIUM
        assert word(of, found, name="batch-1").severity is Severity.HIGH

    @pytest.mark.parametrize(("low", "status"), [("39d", Status.FAILED), ("41d", Status.PASSED)])
    def test_a_pools_nodes_are_judged_by_the_policy_too(self, low: str, status: Status) -> None:
        old = image(version(50))
        pool = node_pool("default", nodes=(node(image_id=old.id, launched_at=days_ago(45)),))
        under = policy(f"checks: {{AMI001: {{low: {low}, medium: 50d}}}}")
        assert word(seen(pool, images={old.id: old}), under, name="default").status is status

    @pytest.mark.parametrize(("minimum", "severity"), [(1, Severity.LOW), (2, Severity.LOW), (3, Severity.CRITICAL)])
    def test_the_fewest_zones(self, minimum: int, severity: Severity) -> None:
        two = managed(groups=(scaling_group("web", zones=("euw1-az1", "euw1-az2")),))
        found = word(seen(two), policy(f"minimum_zones: {minimum}"), "ZONE001", "shop")
        assert (found.status, found.severity) == (Status.FAILED, severity)
        assert ("the policy wants 3" in found.reason) is (minimum == 3)

    def test_more_zones_than_three_can_be_wanted(self) -> None:
        found = word(seen(managed()), policy("minimum_zones: 4"), "ZONE001", "shop")
        assert (found.status, found.severity) == (Status.FAILED, Severity.CRITICAL)
        assert word(seen(managed()), Policy.DEFAULT, "ZONE001", "shop").status is Status.PASSED


class TestSwitches:
    def test_what_is_off_is_not_judged_and_says_so(self) -> None:
        found = policy("rules: [{capacities: [web], checks: {AMI001: off}}]")
        of = seen(late(), late("db"))
        assert word(of, found).status is Status.NOT_APPLICABLE
        assert word(of, found).reason == "the policy switches AMI001 off here"
        assert word(of, found, name="db").status is Status.FAILED

    def test_what_is_off_explains_nothing(self) -> None:
        of = seen(managed(groups=(scaling_group("web", zones=("euw1-az1",)),)))
        assert word(of, Policy.DEFAULT, "ZONE002").status is Status.NOT_APPLICABLE
        assert word(of, policy("checks: {ZONE001: off}"), "ZONE002").status is Status.FAILED


class TestVersion:
    def test_every_findings_evidence_names_it(self) -> None:
        for under in (Policy.DEFAULT, policy("minimum_zones: 3")):
            found = judge(seen(late(), fargate()), CHECKS, policy=under)
            assert {each.evidence["policy_version"] for each in found} == {under.version}
            assert audit_of(seen(), CHECKS, "a", policy=under).policy == under.version


EXEMPTION = "exemptions: [{{checks: [AMI001], reason: Replaced in spring, owner: team-a, until: {until}{more}}}]"


class TestExemptions:
    def test_a_policy_accepts_until_its_day_is_over(self) -> None:
        for until, accepted in (("2026-11-23", True), ("2026-11-22", False)):
            found = word(seen(), policy(EXEMPTION.format(until=until, more="")))
            assert (found.status, found.exemption is not None) == (Status.FAILED, accepted)

    @pytest.mark.parametrize(("severity", "accepted"), [("LOW", False), ("MEDIUM", True), ("HIGH", True)])
    def test_a_worse_rung_than_was_accepted_is_open(self, severity: str, *, accepted: bool) -> None:
        found = word(seen(), policy(EXEMPTION.format(until="2027-01-01", more=f", severity: {severity}")))
        assert (found.exemption is not None) is accepted
        assert len(found.exemptions) == 1

    def test_of_two_the_one_that_ends_last_is_told(self) -> None:
        both = "exemptions:\n" + "".join(
            f"  - {{checks: [AMI001], reason: {owner}, owner: {owner}, until: {until}}}\n"
            for owner, until in (("a", "2027-01-01"), ("b", "2027-02-01"), ("c", "2027-02-01"))
        )
        accepted = word(seen(), policy(both)).exemption
        assert accepted is not None
        assert accepted.owner == "b"

    def test_what_passes_is_accepted_by_nobody(self) -> None:
        found = word(seen(managed()), policy(EXEMPTION.format(until="2027-01-01", more="")))
        assert (found.status, found.exemption) == (Status.PASSED, None)

    def test_an_exempt_cause_still_explains(self) -> None:
        of = seen(managed(groups=(scaling_group("web", zones=("euw1-az1",)),)))
        text = EXEMPTION.format(until="2027-01-01", more="").replace("AMI001", "ZONE001")
        assert word(of, policy(text), "ZONE001", "shop").exemption is not None
        silenced = word(of, policy(text), "ZONE002")
        assert (silenced.status, silenced.exemption) == (Status.NOT_APPLICABLE, None)


class TestTags:
    def test_on_a_node_group(self) -> None:
        found = word(seen(late(tags=ACCEPTED), late("db")), Policy.DEFAULT)
        assert found.exemption is not None
        assert (found.exemption.source, found.exemption.severity) == ("tag of node group web", Severity.HIGH)
        assert word(seen(late(tags=ACCEPTED), late("db")), Policy.DEFAULT, name="db").exemption is None

    def test_on_an_auto_scaling_group(self) -> None:
        group = scaling_group("eks-web", tags=eks_tags() | ACCEPTED)
        found = word(seen(late(groups=(group,))), Policy.DEFAULT)
        assert found.exemption is not None
        assert found.exemption.source == "tag of Auto Scaling group eks-web"

    def test_on_a_self_managed_group(self) -> None:
        usual = self_managed("batch")
        of = seen(replace(usual, group=replace(usual.group, tags={**usual.group.tags, **ACCEPTED})))
        found = next(f for f in judge(of, CHECKS) if f.check_id == "AMI001")
        assert [each.source for each in found.exemptions] == ["tag of Auto Scaling group batch"]

    def test_on_the_cluster_for_all_that_is_in_it(self) -> None:
        of = seen(late(), late("db"), cluster=cluster(tags=ACCEPTED))
        assert {word(of, Policy.DEFAULT, name=name).exemption is None for name in ("web", "db")} == {False}
        assert word(of, Policy.DEFAULT, "ZONE001", "shop").exemptions == ()

    @pytest.mark.parametrize(("allowed", "accepted"), [("false", False), ("true", True)])
    def test_no_critical_finding_unless_the_policy_lets_it(self, allowed: str, *, accepted: bool) -> None:
        one = managed(groups=(scaling_group("web", zones=("euw1-az1",)),))
        of = seen(one, cluster=cluster(tags=ACCEPTED | {"eks-auditor/exempt": "ZONE001"}))
        found = word(of, policy(f"exemptions_by_tag: {{critical: {allowed}}}"), "ZONE001", "shop")
        assert (found.severity, found.exemption is not None) == (Severity.CRITICAL, accepted)

    def test_a_sibling_set_is_accepted_where_all_of_its_members_are(self) -> None:
        first = ACCEPTED | {"eks-auditor/exempt": "ZONE003"}
        second = first | {"eks-auditor/exempt-until": "2026-12-31"}

        def accepted(*tags: dict[str, str]) -> list[str]:
            groups = [
                managed(name, tags=own, groups=(scaling_group(name, zones=(zone,), instances=instances([zone])),))
                for name, own, zone in zip("ab", tags, ("euw1-az1", "euw1-az2"), strict=True)
            ]
            found = next(f for f in judge(seen(*groups), CHECKS) if f.subject.kind == "sibling-set")
            return [each.until.isoformat() for each in found.exemptions]

        assert accepted(first, {}) == []
        assert accepted(first, second) == ["2026-12-31"]

    def test_what_cannot_be_understood_is_told_and_accepts_nothing(self) -> None:
        of = seen(late(tags=ACCEPTED | {"eks-auditor/exempt-until": "soon"}))
        assert word(of, Policy.DEFAULT).exemption is None
        [note] = audit_of(of, CHECKS, "a").notes
        assert note.startswith("the tag eks-auditor/exempt-until of node group web is 'soon'")

    def test_tags_that_may_be_out_of_sight_are_said_to_be(self) -> None:
        assert word(seen(late(groups=gap())), Policy.DEFAULT).tags_hidden
        assert not word(seen(late()), Policy.DEFAULT).tags_hidden
