"""CAS008: whether sibling groups have room to scale."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.checks.room import no_room_to_scale
from eks_auditor.findings.judge import judge
from eks_auditor.model.finding import Finding
from eks_auditor.model.snapshot import Snapshot
from eks_auditor.model.verdict import Status
from tests import builders as b
from tests.builders import NOW, cluster, days_ago, gap, managed, node_pool, self_managed, snapshot
from tests.checks.judged import commands

PROVEN = cluster(autoscaler_identity="kube-system/cluster-autoscaler")
FULL: dict[str, Any] = {"max_size": 3}
HOUR = timedelta(hours=1)
WISHED = FULL | {"wished_at": NOW - HOUR, "scaled_at": NOW - HOUR}
LONG = FULL | {"scaled_at": days_ago(8)}
RECENT = FULL | {"scaled_at": days_ago(2)}
FIXED = {"min_size": 3, "max_size": 3}
INCOMPLETE = {**snapshot().complete, "self-managed": False}


def of_set(*capacities: Any, **deviations: Any) -> Finding:  # noqa: ANN401  any capacity, any field
    """The word on the one sibling set."""
    read = snapshot(*capacities, **{"cluster": PROVEN} | deviations)
    (found,) = (each for each in judge(read, [no_room_to_scale]) if each.subject.kind == "sibling-set")
    return found


def word(found: Finding) -> str:
    if found.status is Status.FAILED:
        return found.severity.name
    return "settling" if found.settling else found.status.name


@pytest.mark.parametrize("build", [managed, self_managed])
@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ({}, "PASSED"),
        ({"max_size": 4, "wished_at": NOW - HOUR, "wished_size": 3}, "PASSED"),
        ({"max_size": 4, "wished_at": NOW - HOUR, "wished_size": 4}, "settling"),
        ({"max_size": 4, "wished_at": days_ago(1)}, "PASSED"),
        (WISHED, "MEDIUM"),
        (FULL | {"wished_at": days_ago(1)}, "MEDIUM"),
        (LONG, "MEDIUM"),
        (FULL | {"scaled_at": days_ago(7)}, "MEDIUM"),
        (FULL, "MEDIUM"),  # no activity in 14 days, and made 90 days ago
        (RECENT, "settling"),
        (RECENT | {"wished_at": days_ago(2)}, "settling"),
        (FULL | {"created_at": days_ago(2)}, "settling"),
        (FIXED, "INFORMATIONAL"),
        (FIXED | {"scaled_at": days_ago(1)}, "INFORMATIONAL"),
        ({"min_size": 0, "max_size": 0, "desired": 0}, "settling"),
    ],
)
def test_the_rungs(build: Any, group: dict[str, Any], expected: str) -> None:  # noqa: ANN401  a builder
    assert word(of_set(build(group=group))) == expected


def test_a_full_set_counts_once_two_audits_saw_it_and_a_fixed_size_at_once() -> None:
    assert of_set(managed(group=LONG)).confirm
    assert not of_set(managed(group=FIXED)).confirm


def test_room_in_one_member_is_room() -> None:
    assert word(of_set(managed("a", group=LONG), managed("b"))) == "PASSED"
    assert word(of_set(managed("a", group=LONG), managed("b", group=FIXED))) == "MEDIUM"
    assert word(of_set(managed("a", group=FIXED), managed("b", group=FIXED))) == "INFORMATIONAL"


def test_the_last_word_stands_until_the_seventh_day() -> None:
    assert of_set(managed(group=RECENT)).due_at == days_ago(2) + timedelta(days=7)
    two = (managed("a", group=LONG), managed("b", group=RECENT))
    assert word(of_set(*two)) == "settling"


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ({"wished_at": gap(), "scaled_at": gap()}, "UNKNOWN"),
        (FULL | {"wished_at": gap(), "scaled_at": gap()}, "UNKNOWN"),
        (LONG | {"wished_at": gap()}, "MEDIUM"),
        (WISHED | {"scaled_at": gap()}, "MEDIUM"),
        (RECENT | {"wished_at": gap()}, "UNKNOWN"),
        (FIXED | {"wished_at": gap(), "scaled_at": gap()}, "INFORMATIONAL"),
    ],
)
def test_what_could_not_be_read_counts_where_it_decides(group: dict[str, Any], expected: str) -> None:
    assert word(of_set(managed(group=group))) == expected


def test_a_wish_of_one_member_needs_nothing_of_the_other() -> None:
    unread = FULL | {"wished_at": gap(), "scaled_at": gap()}
    assert word(of_set(managed("a", group=WISHED), managed("b", group=unread))) == "MEDIUM"


def test_a_member_that_is_not_seen_may_have_room() -> None:
    assert word(of_set(managed(group=LONG), complete=INCOMPLETE)) == "UNKNOWN"
    assert word(of_set(managed(), complete=INCOMPLETE)) == "PASSED"


@pytest.mark.parametrize("fields", [{"status": "UPDATING"}, {"modified_at": NOW - timedelta(minutes=5)}])
def test_sizes_mean_nothing_while_eks_updates_a_member(fields: dict[str, Any]) -> None:
    assert word(of_set(managed(group=LONG, **fields), managed("b", group=LONG))) == "settling"


def test_only_what_the_autoscaler_scales_is_judged() -> None:
    nobody = cluster()
    assert word(of_set(managed(group=LONG), cluster=nobody)) == "NOT_APPLICABLE"
    assert word(of_set(managed(group=LONG), cluster=cluster(autoscaler_identity=gap()))) == "UNKNOWN"
    assert word(of_set(self_managed(group=FIXED), cluster=nobody)) == "NOT_APPLICABLE"
    assert word(of_set(self_managed(group=LONG), cluster=nobody)) == "MEDIUM"
    assert word(of_set(node_pool())) == "NOT_APPLICABLE"


def test_each_group_is_judged_with_its_set_or_is_unknown() -> None:
    found = judge(
        snapshot(managed(group=LONG), self_managed(labels=gap(), group=LONG), cluster=PROVEN), [no_room_to_scale]
    )
    assert {each.subject.name: each.status.name for each in found if each.subject.kind != "sibling-set"} == {
        "web": "NOT_APPLICABLE",
        "batch": "UNKNOWN",
    }
    unscaled = judge(snapshot(self_managed(labels=gap(), group={"tags": {}})), [no_room_to_scale])
    assert {each.status for each in unscaled} == {Status.NOT_APPLICABLE}


def test_the_fix_raises_the_maximum_of_a_member_that_may_grow() -> None:
    found = of_set(managed("a", group=FIXED), managed("b", group=LONG))
    (command,) = commands(found)
    assert command.startswith("aws eks update-nodegroup-config --region eu-west-1 --cluster-name shop ")
    assert "--nodegroup-name b --scaling-config maxSize=5" in command
    assert "6 of at most 6 nodes are wanted of a, b" in found.reason
    assert "kube-system/cluster-autoscaler" in found.reason
    (command,) = commands(of_set(self_managed(group=LONG)))
    assert "--auto-scaling-group-name batch --max-size 5" in command


@given(st.randoms(use_true_random=False))
def test_the_order_of_capacities_never_changes_a_word(random: Random) -> None:
    capacities = [
        managed("a", group=LONG),
        managed("b", group=WISHED),
        managed("c", group=RECENT, labels={"tier": "db"}),
        self_managed("d", group=FULL | {"scaled_at": gap()}, labels={"tier": "db"}),
        managed("broken", groups=gap("autoscaling:DescribeAutoScalingGroups")),
        node_pool(),
    ]
    expected = judge(snapshot(*capacities, cluster=PROVEN), [no_room_to_scale])
    random.shuffle(capacities)
    assert judge(snapshot(*capacities, cluster=PROVEN), [no_room_to_scale]) == expected


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(snapshot(cluster=PROVEN), id="one group over three zones"),
        pytest.param(
            snapshot(*(managed(f"w{zone[-1]}", zones=[zone]) for zone in b.ZONES), cluster=PROVEN), id="one a zone"
        ),
        pytest.param(
            snapshot(
                *(managed(n, zones=[z], group=LONG if n == "a" else {}) for n, z in zip("ab", b.ZONES, strict=False)),
                cluster=PROVEN,
            ),
            id="the first of two is full",
        ),
        pytest.param(snapshot(managed(group={"min_size": 0, "desired": 0}), cluster=PROVEN), id="scaled to zero"),
        pytest.param(snapshot(managed(group=RECENT), cluster=PROVEN), id="full for two days"),
        pytest.param(snapshot(managed(group=FIXED)), id="a fixed size, and no autoscaler"),
        pytest.param(snapshot(managed(group=LONG), node_pool()), id="Karpenter and a bootstrap group"),
    ],
)
def test_healthy_layouts_are_not_blamed(read: Snapshot) -> None:
    assert [each.reason for each in judge(read, [no_room_to_scale]) if each.status is Status.FAILED] == []
