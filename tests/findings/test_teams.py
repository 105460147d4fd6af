"""Whose a finding is: by the tag of its resource, or else by its cluster's."""

from dataclasses import replace
from typing import Any

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.findings.diff import diff
from eks_auditor.findings.judge import audit_of, judge
from eks_auditor.findings.teams import team_of
from eks_auditor.model.capacity import AnyCapacity
from eks_auditor.model.history import Audit, Change, Head
from eks_auditor.report.audited import audited
from eks_auditor.spread.siblings import Spread
from tests.builders import cluster, days_ago, fargate, gap, managed, node_pool, self_managed, snapshot, standalone

PLATFORM = cluster(tags={"team": "platform"})


def tagged(team: str, key: str = "team") -> dict[str, Any]:
    return {"group": {"tags": {key: team}}}


@pytest.mark.parametrize(
    ("capacity", "team"),
    [
        (managed(tags={"team": "web"}), "web"),
        (managed(tags={"team": "web"}, **tagged("group")), "web"),
        (managed(**tagged("group")), "group"),
        (managed(tags={"team": " "}, **tagged("group")), "group"),
        (managed(), "platform"),
        (managed(groups=()), "platform"),
        (managed(groups=gap()), "platform"),
        (managed(tags={"team": "web"}, groups=gap()), "web"),
        (managed(tags={"Team": "web", "TEAM": "web"}), "platform"),
        (self_managed(**tagged("batch")), "batch"),
        (self_managed(), "platform"),
        (node_pool(), "platform"),
        (fargate(), "platform"),
        (standalone(), "platform"),
    ],
)
def test_a_capacity_is_whose_its_own_tag_says_or_else_whose_the_cluster_is(capacity: AnyCapacity, team: str) -> None:
    assert team_of(capacity, PLATFORM, "team") == team


def test_groups_of_several_teams_make_no_team_of_a_node_group() -> None:
    [group] = managed().groups  # type: ignore[misc]  # the builder's are readable
    two = tuple(replace(group, tags={"team": team}) for team in ("a", "b"))
    assert team_of(managed(groups=two), PLATFORM, "team") == "platform"
    assert team_of(managed(groups=(two[0], two[0])), PLATFORM, "team") == "a"


def test_the_cluster_is_whose_its_tag_says() -> None:
    assert team_of(PLATFORM, PLATFORM, "team") == "platform"
    assert team_of(cluster(), cluster(), "team") is None


def test_the_key_is_a_setting() -> None:
    group = managed(tags={"team": "web", "acme:owner": "shop"})
    assert team_of(group, PLATFORM, "acme:owner") == "shop"
    assert team_of(managed(tags={"": "x"}), cluster(), "") == "x"
    assert team_of(managed(tags={"team": "web"}), PLATFORM, "owner") is None


@pytest.mark.parametrize(
    ("value", "team"),
    [
        ("x" * 300, "x" * 256),
        ("  pay ments ", "pay ments"),
        ("a\nb\x1b[31m\u202e\ud800", "a b [31m"),
        ("<!channel>", "<!channel>"),
        ("", None),
        ("\n", None),
    ],
)
def test_a_hostile_value_is_one_printable_line(value: str, team: str | None) -> None:
    assert team_of(managed(tags={"team": value}), cluster(), "team") == team


@pytest.mark.parametrize(
    ("teams", "expected"),
    [(("web", "web"), "web"), (("web", "batch"), "platform"), (("web", None), "platform"), ((None, None), "platform")],
)
def test_a_sibling_set_is_whose_all_its_members_are(teams: tuple[str | None, ...], expected: str) -> None:
    members = [managed(f"web-{n}", tags={"team": team} if team else {}) for n, team in enumerate(teams)]
    [siblings] = Spread.of(snapshot(*members, cluster=PLATFORM)).sets
    assert len(siblings.members) == 2
    assert team_of(siblings, PLATFORM, "team") == expected


def test_every_finding_gets_its_team() -> None:
    read = snapshot(managed("web", tags={"team": "web"}), managed("batch"), cluster=PLATFORM)
    teams = {(each.subject.kind, each.subject.name): each.team for each in judge(read, CATALOGUE)}
    assert teams["managed", "web"] == "web"
    assert {team for (_, name), team in teams.items() if name != "web"} == {"platform"}
    assert {kind for kind, _ in teams} >= {"cluster", "managed", "zone", "sibling-set"}
    assert {each.team for each in judge(read, CATALOGUE, team_tag="owner")} == {None}
    assert {each.team for each in audited(read, CATALOGUE, team_tag="owner").findings} == {None}
    assert {each.team for each in audit_of(read, CATALOGUE, "a").findings} == {"web", "platform"}


def health(days: float, team: str, **deviations: Any) -> Audit:  # noqa: ANN401  any field of the node group
    """An audit of some days ago, of one node group."""
    of = snapshot(managed("web", tags={"team": team}, **deviations), taken_at=days_ago(days))
    return audit_of(of, [check for check in CATALOGUE if check.id == "HEALTH001"], f"{days}")


def test_another_team_is_no_news_and_the_next_transition_tells_it() -> None:
    first = diff(None, {}, health(3, "web", status="DEGRADED"), hub=True)
    [opened], [record] = first.transitions, first.records
    assert (opened.change, opened.finding.team) == (Change.OPENED, "web")
    known = {record.finding.id: replace(record, hub_at=days_ago(3))}
    second = diff(saved(first.head), known, health(2, "shop", status="DEGRADED"), hub=True)
    [rewritten] = second.records
    assert second.transitions == ()
    assert (rewritten.finding.team, rewritten.sequence) == ("shop", record.sequence)
    third = diff(saved(second.head), {rewritten.finding.id: rewritten}, health(1, "shop"), hub=True)
    [resolved] = third.transitions
    assert (resolved.change, resolved.finding.team) == (Change.RESOLVED, "shop")


def saved(head: Head) -> Head:
    return replace(head, saved_at=head.taken_at)


def test_a_cluster_without_tags_leaves_it_open() -> None:
    assert {each.team for each in judge(snapshot(), CATALOGUE)} == {None}
