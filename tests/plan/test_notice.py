"""Which capacities a release supersedes, and when the first finding would open."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.checks.lateness import LADDER, POOL_NODE_GRACE
from eks_auditor.events.errors import EventError
from eks_auditor.events.messages import NoticedCapacity
from eks_auditor.events.requests import Recommendation, ReleaseRequest
from eks_auditor.model.release import ReleaseLine
from eks_auditor.plan.notice import CAPACITIES_AN_ENTRY, FIRST_RUNG, is_rebuild, notice_of
from eks_auditor.releases.families import order
from tests.builders import CLUSTER_ID, LINE, days_ago
from tests.plan.releasing import NEW, OLD, OLDER, PUBLISHED, cluster, request, rollback, runs, told

FOURTEEN_DAYS = timedelta(days=14)
NEWER = "20261201"


def test_what_was_current_until_now_crosses_the_first_rung_fourteen_days_after_the_release() -> None:
    assert told(request(), runs()) == [
        NoticedCapacity(
            kind="managed",
            name="web",
            version=OLD,
            superseded_since=PUBLISHED,
            first_rung_at=PUBLISHED + FOURTEEN_DAYS,
        )
    ]


def test_what_was_superseded_before_keeps_its_day() -> None:
    (said,) = told(request(), runs(version=OLDER, since=days_ago(9)))
    assert (said.superseded_since, said.first_rung_at) == (days_ago(9), days_ago(9) + FOURTEEN_DAYS)


def test_what_was_superseded_before_by_an_audit_that_could_not_tell_has_no_day() -> None:
    (said,) = told(request(), runs(version=OLDER))
    assert (said.version, said.superseded_since, said.first_rung_at) == (OLDER, None, None)


@pytest.mark.parametrize(("launched", "first_rung"), [(days_ago(2), days_ago(-5)), (days_ago(60), days_ago(6))])
def test_a_pool_whose_nodes_are_too_young_to_be_judged_has_a_later_day(
    launched: datetime, first_rung: datetime
) -> None:
    pool = runs(version=OLDER, since=days_ago(20), kind="karpenter", judged_from=launched + POOL_NODE_GRACE)
    (said,) = told(request(), pool)
    assert (said.superseded_since, said.first_rung_at) == (days_ago(20), first_rung)


def test_the_day_is_by_what_the_last_audit_says_of_the_policy() -> None:
    longer = timedelta(days=21)
    (said,) = told(request(), runs(first_rung=longer))
    assert (said.superseded_since, said.first_rung_at) == (PUBLISHED, PUBLISHED + longer)
    (said,) = told(request(), runs(off=True))
    assert (said.superseded_since, said.first_rung_at) == (PUBLISHED, None)


def test_an_image_of_its_own_is_told_as_such() -> None:
    assert [each.own_image for each in told(request(), runs("golden", own_image=True), runs())] == [True, False]


def test_what_the_former_release_superseded_before_a_rollback_counts_anew() -> None:
    """The last audit saw a release that was taken back since: the one recommended now is the first that supersedes."""
    (said,) = told(request(), runs(version=OLD, since=days_ago(30)))
    assert said.superseded_since == PUBLISHED


@pytest.mark.parametrize("version", [NEW, NEWER])
def test_what_is_at_or_beyond_the_release_is_not_superseded(version: str) -> None:
    assert told(request(), runs(version=version)) == []


@pytest.mark.parametrize("version", [None, "2026-11"])
def test_a_release_that_cannot_be_read_is_named_without_a_day(version: str | None) -> None:
    (said,) = told(request(), runs(version=version))
    assert (said.name, said.first_rung_at) == ("web", None)


def test_a_release_that_was_built_again_is_no_news() -> None:
    again = request(old=Recommendation(version=NEW, image_id="ami-1"))
    assert told(again, runs("behind", OLDER, days_ago(9)), runs(), runs("x", None)) == []
    assert is_rebuild(again)
    assert not is_rebuild(request())
    assert not is_rebuild(rollback())


def test_a_rollback_supersedes_nobody_and_names_what_runs_what_was_taken_back() -> None:
    capacities = [runs("behind", OLDER), runs("kept", OLD), runs("quick", NEW), runs("quicker", NEWER), runs("x", None)]
    assert told(rollback(), *capacities) == [NoticedCapacity(kind="managed", name="quick", version=NEW)]


def test_the_first_to_cross_a_rung_comes_first() -> None:
    late = runs("late", OLDER, days_ago(12))
    entries = notice_of(
        request(),
        [
            (cluster(3), (runs("b"), runs("unknown", None), runs("a"))),
            (cluster(2), (runs("unknown", None),)),
            (cluster(1), (runs("c"), late)),
        ],
    )
    assert [(entry.cluster, [each.name for each in entry.capacities]) for entry in entries] == [
        (cluster(1), ["late", "c"]),
        (cluster(3), ["a", "b", "unknown"]),
        (cluster(2), ["unknown"]),
    ]


def test_a_cluster_of_many_capacities_has_several_entries() -> None:
    capacities = tuple(runs(f"web-{number:03}") for number in range(2 * CAPACITIES_AN_ENTRY + 1))
    entries = notice_of(request(), [(CLUSTER_ID, capacities)])
    assert [len(entry.capacities) for entry in entries] == [CAPACITIES_AN_ENTRY, CAPACITIES_AN_ENTRY, 1]


def test_the_first_rung_is_the_ladders() -> None:
    assert LADDER[0][0] == FIRST_RUNG == FOURTEEN_DAYS


@pytest.mark.parametrize(
    "broken",
    [
        request(new=Recommendation(version="latest", image_id="ami-1")),
        request(old=Recommendation(version="1.2.3", image_id="ami-1")),
        request(line=ReleaseLine("al2030", "standard", "x86_64", "1.35")),
    ],
)
def test_an_event_of_versions_that_are_none_gets_one_sentence(broken: ReleaseRequest) -> None:
    with pytest.raises(EventError, match="cannot be read") as raised:
        notice_of(broken, [(CLUSTER_ID, (runs(),))])
    assert "\n" not in str(raised.value)


DAYS = st.integers(20260101, 20261231).map(str)
CAPACITIES = st.lists(
    st.builds(runs, st.text(min_size=1, max_size=5), DAYS | st.none(), st.none() | st.just(days_ago(20))), max_size=8
)


@given(DAYS, DAYS, CAPACITIES)
def test_every_capacity_is_either_superseded_with_its_day_or_not_named(one: str, other: str, all_of_it: list) -> None:  # type: ignore[type-arg]  # of what CAPACITIES draws
    old, new = sorted([one, other])
    of = request(old=Recommendation(version=old, image_id="ami-1"), new=Recommendation(version=new, image_id="ami-2"))
    back = rollback(old=of.new, new=of.old)
    said = told(of, *all_of_it)
    older = [each for each in all_of_it if old != new and (each.version is None or each.version < new)]
    assert sorted(each.name for each in said) == sorted(each.name for each in older)
    for each in said:
        assert (each.first_rung_at is None) == (each.superseded_since is None)
        assert each.version is not None or each.first_rung_at is None or each.superseded_since == days_ago(20)
        if each.version is not None and order(LINE, each.version) >= order(LINE, old):
            assert each.superseded_since == of.published_at
    assert all(each.first_rung_at is None and old < (each.version or "") <= new for each in told(back, *all_of_it))
