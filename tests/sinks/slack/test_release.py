from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eks_auditor.events.messages import NoticedCapacity, NoticedCluster, ReleaseMessage
from eks_auditor.events.requests import Recommendation, ReleaseRequest
from eks_auditor.model.release import ReleaseLine
from eks_auditor.sinks.slack_release import COMMANDS, SHOWN, render, render_many
from tests.builders import CLUSTER_ID, days_ago
from tests.golden.compare import matches
from tests.plan.releasing import NEW, OLDER, Clusters, cluster, messages, request, rollback, runs
from tests.sinks.slack.messages import faults, names, readable, texts

GOLDEN = Path(__file__).parents[2] / "golden" / "slack"
STALE = "UPDATE_GOLDENS=1 pytest tests/sinks/slack writes it anew; read what has changed"


def notice(of: ReleaseRequest | None = None, clusters: Clusters | None = None) -> ReleaseMessage:
    return messages(of, clusters)[0]


def other(number: int) -> ReleaseMessage:
    """The notice of another line's release."""
    line = ReleaseLine("al2023", "standard", "arm64", f"1.{number}")
    running = tuple(runs(f"ng-{n}", key=str(line)) for n in range(number))
    return notice(request(event_id=f"{number:064}", line=line), {CLUSTER_ID: running})


def released() -> ReleaseMessage:
    capacities = (
        runs(),
        runs("batch", OLDER, days_ago(9), kind="self-managed"),
        runs("late", OLDER, days_ago(30), kind="karpenter"),
        runs("blind", OLDER),
        runs("odd", None),
        runs("golden", own_image=True),
    )
    return notice(clusters={CLUSTER_ID: capacities, cluster(1): (runs("new", NEW),)})


MESSAGES = {
    "released.json": released(),
    "nothing-to-do.json": notice(clusters={CLUSTER_ID: (runs("new", NEW),)}),
    "taken-back.json": notice(rollback(), {CLUSTER_ID: (runs("web", NEW),)}),
}


@pytest.mark.parametrize("file", MESSAGES)
def test_a_notice_as_slack_gets_it(file: str) -> None:
    shown = render(MESSAGES[file])
    assert faults(shown) == []
    assert matches(readable(shown), GOLDEN / file), STALE


def test_several_notices_as_slack_gets_them() -> None:
    shown = render_many([released(), notice(rollback(), {CLUSTER_ID: (runs("web", NEW),)}), other(33), other(34)])
    assert faults(shown) == []
    assert matches(readable(shown), GOLDEN / "releases.json"), STALE


def test_commands_are_given_where_eks_chooses_the_image() -> None:
    (commands,) = [text for text in texts(render(released())) if text.startswith("aws eks")]
    command = "aws eks update-nodegroup-version --region eu-west-1 --cluster-name shop --nodegroup-name"
    assert commands.splitlines() == [f"{command} {name} --kubernetes-version 1.35" for name in ("web", "blind")]


def test_no_day_is_told_where_the_policy_switches_the_check_off() -> None:
    told = texts(render(notice(clusters={CLUSTER_ID: (runs(off=True),)})))
    assert "• managed `web` in `shop`, account `111122223333`: runs `20261110`; no finding opens, for the policy " in (
        "\n".join(told)
    )


def test_what_was_taken_back_asks_for_nothing() -> None:
    shown = texts(render(notice(rollback(), {CLUSTER_ID: (runs("web", NEW),)})))
    assert not any("update" in text or "would open" in text for text in shown)


@pytest.mark.parametrize("count", [1, 50, 5000])
def test_every_capacity_is_listed_or_counted(count: int) -> None:
    told = notice(clusters={CLUSTER_ID: tuple(runs(f"web-{number:04}") for number in range(count))})
    shown = render(told)
    assert faults(shown) == []
    listed = sum(text.count("• ") for text in texts(shown))
    assert listed == min(count, SHOWN)
    rest = [text for text in texts(shown) if text.startswith(f"and {count - listed} more: ")]
    assert len(rest) == (count > SHOWN)
    assert sum(text.count("update-nodegroup-version --region") for text in texts(shown)) == min(count, COMMANDS)


def test_a_notice_that_comes_again_is_told_once() -> None:
    assert render_many([released(), released()]) == render(released())
    parts = [replace(released(), part=2, parts=2, clusters=()), replace(released(), parts=2)]
    assert render_many(parts) == render(parts[1])


@pytest.mark.parametrize("count", [2, 40, 300])
def test_every_notice_is_listed_or_counted(count: int) -> None:
    notices = [replace(notice(), release=request(event_id=str(number), move=number)) for number in range(count)]
    shown = render_many(notices)
    assert faults(shown) == []
    listed = sum(text.count("• ") for text in texts(shown))
    assert listed == min(count, SHOWN)
    more = [text for text in texts(shown) if text.startswith("and ")]
    left = count - listed
    assert more == ([f"and {left} more, which concern {left} capacities"] if left else [])


def test_the_order_does_not_depend_on_which_came_first() -> None:
    notices = [other(33), released(), other(34)]
    assert render_many(notices) == render_many(notices[::-1])


capacities = st.builds(
    NoticedCapacity,
    kind=st.sampled_from(["managed", "self-managed", "karpenter"]),
    name=names,
    version=st.none() | names,
    own_image=st.booleans(),
    first_rung_at=st.none() | st.just(days_ago(-3)),
)
clusters = st.builds(
    NoticedCluster,
    cluster=names.map(lambda name: replace(CLUSTER_ID, name=name, account=name)),
    capacities=st.lists(capacities, max_size=20).map(tuple),
)


@settings(max_examples=100, deadline=None)
@given(
    clusters=st.lists(clusters, max_size=5).map(tuple), name=names, back=st.booleans(), concerned=st.integers(0, 9999)
)
def test_whatever_people_write_slack_takes_it(
    clusters: tuple[NoticedCluster, ...],
    name: str,
    back: bool,  # noqa: FBT001  hypothesis names it
    concerned: int,
) -> None:
    line = ReleaseLine(name, name, name, name)
    version = Recommendation(version=name, image_id=name)
    of = request(line=line, region=name, old=version, new=version, rollback=back)
    told = replace(notice(), release=of, clusters=clusters, concerned=concerned)
    assert faults(render(told)) == []
    assert faults(render_many([told, *(replace(told, release=replace(of, move=n)) for n in range(20))])) == []
