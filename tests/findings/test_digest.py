from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eks_auditor.findings.digest import DUE, TEAMS, WORST, Fact, Runs, Standing, Told, digest_of
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.coming import Coming, Turn
from eks_auditor.model.digest import Digest, Period
from eks_auditor.model.history import Change, Head, Running, State
from eks_auditor.model.verdict import Severity
from tests.builders import CLUSTER_ID, NOW, days_ago
from tests.sinks.digests import coming, freshness, moved
from tests.sinks.transitions import days_later

GONE = ClusterId("aws", "111122223333", "eu-west-1", "gone")
CLUSTERS = (CLUSTER_ID, ClusterId("aws", "111122223333", "eu-west-1", "search"), GONE)
LINE = "al2023/standard/x86_64/1.35"


def head(cluster: ClusterId = CLUSTER_ID, **deviations: Any) -> Head:  # noqa: ANN401  any field of it
    usual: dict[str, Any] = {"cluster": cluster, "created_at": days_ago(400), "taken_at": days_ago(1)}
    return Head(**usual | {"saved_at": days_ago(1)} | deviations)


def standing(severity: Severity = Severity.HIGH, **deviations: Any) -> Standing:  # noqa: ANN401  any field of it
    usual: dict[str, Any] = {"cluster": CLUSTER_ID.arn, "state": State.OPEN, "severity": severity, "team": None}
    return Standing(**usual | deviations)


def runs(name: str = "web", days: float | None = None, **deviations: Any) -> Runs:  # noqa: ANN401  any field of it
    since = None if days is None else days_ago(days)
    usual: dict[str, Any] = {"key": LINE, "kind": "managed", "name": name, "version": "1", "superseded_since": since}
    return Runs(cluster=CLUSTER_ID.arn, running=Running(**usual | deviations))


def told(facts: Iterable[Fact] = (), heads: Iterable[Head] = (head(),), **deviations: Any) -> Digest:  # noqa: ANN401  any argument
    usual: dict[str, Any] = {"at": NOW, "since": days_ago(7), "period": Period.WEEKLY}
    return digest_of(heads, facts, **usual | deviations)


def fresh(*facts: Fact) -> tuple[int, int, int]:
    now = told(facts).freshness
    return now.fresh, now.judged, now.unknown


_KIND = st.sampled_from(["managed", "self-managed"])
_CLUSTER = st.sampled_from(CLUSTERS)
_SEVERITY = st.sampled_from(Severity)
_FACTS = st.lists(
    st.builds(
        Standing,
        cluster=_CLUSTER.map(lambda cluster: cluster.arn),
        state=st.sampled_from(State),
        severity=_SEVERITY,
        team=st.sampled_from([None, "", "payments", "search"]),
    )
    | st.builds(
        Told,
        change=st.sampled_from(Change),
        first_look=st.booleans(),
        moved=st.builds(
            moved,
            st.sampled_from("abcdefgh"),
            cluster=_CLUSTER,
            severity=_SEVERITY,
            at=st.integers(0, 6).map(days_ago),
        ),
    )
    | st.builds(
        Runs,
        cluster=_CLUSTER.map(lambda cluster: cluster.arn),
        running=st.builds(
            Running,
            key=st.sampled_from([LINE, "bottlerocket/standard/x86_64/1.35", "ami-1", "imagebuilder/111122223333/ours"]),
            kind=_KIND,
            name=st.sampled_from("ab"),
            version=st.sampled_from([None, "1"]),
            superseded_since=st.sampled_from([None, days_ago(29.9), days_ago(30), days_ago(90)]),
            since_known=st.booleans(),
        ),
    ),
    max_size=300,
)


def _word(entries: list[Running]) -> str:
    """The objective, said once more and from the other end: one capacity, by all that it runs."""
    releases = [each for each in entries if not each.key.startswith(("ami-", "imagebuilder/"))]
    if any(each.superseded_since and each.superseded_since <= days_ago(30) for each in releases):
        return "stale"
    known = [each for each in releases if each.version and each.since_known]
    return "fresh" if releases and known == releases else "unknown"


@settings(max_examples=200)
@given(_FACTS, st.randoms())
def test_every_number_is_what_counting_one_by_one_gives(facts: list[Fact], random: Any) -> None:  # noqa: ANN401  a random.Random
    heads = [head(CLUSTERS[0]), head(CLUSTERS[1]), head(GONE, deleted=True)]
    made = told(facts, heads)
    open_ = [f for f in facts if isinstance(f, Standing) and f.cluster != GONE.arn and f.state is State.OPEN]
    assert Counter(made.open.total) == Counter(f.severity for f in open_)
    by_team = {(each.team, rung): count for each in made.open.teams for rung, count in each.open.items()}
    assert by_team == Counter((f.team or None, f.severity) for f in open_)
    exempt = [f for f in facts if isinstance(f, Standing) and f.cluster != GONE.arn and f.state is State.EXEMPT]
    assert Counter(made.open.exempt) == Counter(f.severity for f in exempt)

    news = [f for f in facts if isinstance(f, Told) and f.moved.cluster != GONE]
    for movement, changes in (
        (made.opened, (Change.OPENED, Change.REOPENED)),
        (made.closed, (Change.RESOLVED,)),
    ):
        moves = [f for f in news if f.change in changes]
        assert Counter(movement.total) == Counter(f.moved.severity for f in moves)
        worst = sorted((f.moved for f in moves), key=lambda m: (-m.severity, -m.at.timestamp(), m.cluster, m.name))
        assert list(movement.worst) == worst[:WORST]
        assert movement.left == max(0, len(moves) - WORST)
    assert made.opened.first_looks == sum(f.first_look for f in news if f.change in (Change.OPENED, Change.REOPENED))
    assert made.accepted == sum(f.change is Change.EXEMPTED for f in news)
    assert made.withdrawn == sum(f.change is Change.WITHDRAWN for f in news)

    capacities: dict[tuple[str, ...], list[Running]] = {}
    for fact in facts:
        if isinstance(fact, Runs) and fact.cluster != GONE.arn:
            capacities.setdefault((fact.cluster, fact.running.kind, fact.running.name), []).append(fact.running)
    words = Counter(map(_word, capacities.values()))
    now = made.freshness
    assert (now.fresh, now.judged - now.fresh, now.unknown) == (words["fresh"], words["stale"], words["unknown"])

    shuffled = list(facts)
    random.shuffle(shuffled)
    assert told(shuffled, heads[::-1]) == made


def test_what_opened_and_closed_within_the_period_counts_in_both() -> None:
    both = [Told(change=change, moved=moved(), first_look=False) for change in (Change.OPENED, Change.RESOLVED)]
    made = told(both)
    assert (made.opened.total, made.closed.total) == ({Severity.HIGH: 1}, {Severity.HIGH: 1})


def test_of_very_many_the_worst_are_named() -> None:
    many = [moved(f"web-{number}", severity=Severity.LOW) for number in range(5000)]
    worst = [moved(f"worst-{number:02}", severity=Severity.CRITICAL) for number in range(WORST)]
    made = told(Told(change=Change.OPENED, moved=each, first_look=False) for each in (*many, *worst))
    assert made.opened.worst == tuple(worst)
    assert made.opened.left == 5000


def test_of_very_many_teams_the_rest_is_counted() -> None:
    teams = [standing(Severity.LOW, team=f"team-{number:03}") for number in range(TEAMS + 14)]
    open_ = told([*teams, standing(Severity.CRITICAL, team="worst")]).open
    assert (open_.teams[0].team, len(open_.teams)) == ("worst", TEAMS)
    assert (open_.teams_left, open_.teams_left_open) == (15, {Severity.LOW: 15})


@pytest.mark.parametrize(
    ("facts", "counts"),
    [
        ([], (0, 0, 0)),
        ([runs()], (1, 1, 0)),
        ([runs(days=29.99)], (1, 1, 0)),
        ([runs(days=30)], (0, 1, 0)),
        ([runs(days=29.99, since_known=False)], (0, 0, 1)),
        ([runs(days=30, since_known=False)], (0, 1, 0)),
        ([runs(version=None)], (0, 0, 1)),
        ([runs(key="ami-1", version=None)], (0, 0, 1)),
        ([runs(), runs(key="ami-1", version=None)], (1, 1, 0)),
        ([runs(), runs(days=40)], (0, 1, 0)),
        ([runs("web"), runs("batch", 40), runs("tools", version=None)], (1, 2, 1)),
    ],
)
def test_a_capacity_is_fresh_as_long_as_all_it_runs_is(facts: list[Fact], counts: tuple[int, int, int]) -> None:
    assert fresh(*facts) == counts


def due(at: float, *names: str, **deviations: Any) -> Coming:  # noqa: ANN401  any field of it
    return coming(*names, **{"at": days_later(at)} | deviations)


def test_what_becomes_due_within_14_days_the_earliest_first() -> None:
    heads = [head(coming=(due(9), due(14), due(14.001))), head(CLUSTERS[1], coming=(due(-0.1), due(0), due(1)))]
    made = told(heads=heads)
    assert [(each.coming.at, each.cluster.name) for each in made.due] == [
        (days_later(1), "search"),
        (days_later(9), "shop"),
        (days_later(14), "shop"),
    ]
    assert made.due_left == 0


def test_of_very_much_that_is_due_the_rest_is_counted() -> None:
    heads = [head(coming=tuple(due(number / 10, count=2) for number in range(1, DUE + 11)), coming_left=7)]
    made = told(heads=heads)
    assert (len(made.due), made.due_left) == (DUE, 2 * 10 + 7)


def test_what_a_head_left_out_for_later_is_not_due() -> None:
    assert told(heads=[head(coming=(due(15),), coming_left=7)]).due_left == 0


def test_at_one_instant_the_worst_comes_first() -> None:
    at_once = (due(2, check_id="AMI001"), due(2, check_id="ZONE001", severity=Severity.CRITICAL, turn=Turn.WORSE))
    assert [each.coming.check_id for each in told(heads=[head(coming=at_once)]).due] == ["ZONE001", "AMI001"]


def test_a_stale_digest_says_so() -> None:
    old = head(CLUSTERS[1], taken_at=days_ago(9), saved_at=None)
    watched = told(heads=[head(), old, head(GONE, deleted=True, taken_at=days_ago(50))]).watched
    assert (watched.clusters, watched.unfinished, watched.unfinished_names) == (2, 1, (CLUSTERS[1],))
    assert watched.oldest is not None
    assert (watched.oldest.cluster, watched.oldest.taken_at) == (CLUSTERS[1], days_ago(9))


def test_of_no_clusters_there_is_nothing_to_say() -> None:
    made = told([standing(), runs()], heads=[])
    assert (made.watched.clusters, made.watched.oldest, made.open.total) == (0, None, {})
    assert made.freshness.share is None


def test_the_trend_is_carried_on() -> None:
    before = (freshness(at=NOW - timedelta(days=14)), freshness(at=NOW - timedelta(days=7)))
    assert told(trend=before).trend == before
