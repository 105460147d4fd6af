"""A check's numbers: how they are declared, written, read and bounded."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.check import Check, check
from eks_auditor.model.cluster import Cluster
from eks_auditor.model.verdict import Severity, Verdict, passed
from eks_auditor.policy.thresholds import (
    Threshold,
    Thresholds,
    count,
    days,
    hours,
    ladders,
    misplaced,
    percent,
    words,
    written,
)

LADDER = {"low": days(14, "LOW"), "medium": days(30, "MEDIUM"), "high": days(60, "HIGH")}
SOONER = {"medium": days(7, "ends in so long"), "high": hours(24, "ends in so long")}


@pytest.mark.parametrize(
    ("threshold", "text", "value"),
    [
        (days(14, ""), "21d", timedelta(days=21)),
        (days(14, ""), "36h", timedelta(hours=36)),
        (hours(6, ""), "90m", timedelta(minutes=90)),
        (days(14, ""), "0d", timedelta(0)),
        (count(3, ""), "5", 5),
        (percent(20, ""), "12.5%", 0.125),
        (percent(20, ""), "0 %", 0.0),
    ],
)
def test_values_are_read_in_their_own_form(threshold: Threshold, text: str, value: object) -> None:
    assert threshold.read(text) == value


@pytest.mark.parametrize(
    ("threshold", "text", "sentence"),
    [
        (days(14, ""), "14", "a duration such as 14d, 36h or 30m, not '14'"),
        (days(14, ""), "two weeks", "a duration such as 14d, 36h or 30m, not 'two weeks'"),
        (days(14, ""), "-1d", "a duration such as 14d, 36h or 30m, not '-1d'"),
        (count(3, ""), "3d", "a whole number such as 3, not '3d'"),
        (percent(20, ""), "0.2", "a share such as 20%, not '0.2'"),
        (percent(20, ""), "101%", "at least 0% and at most 100%, not 101%"),
        (count(2, "", least=1, greatest=6), "9", "at least 1 and at most 6, not 9"),
        (days(2, "", least=1), "12h", "at least 1d, not 12h"),
        (days(2, ""), "999999999999d", "a duration such as 14d, 36h or 30m, not '999999999999d'"),
    ],
)
def test_what_is_no_value_is_told(threshold: Threshold, text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        threshold.read(text)


@given(
    st.one_of(
        st.integers(0, 99999).map(lambda n: days(n, "")),
        st.integers(0, 99999).map(lambda n: hours(n, "")),
        st.integers(0, 10**8).map(lambda n: count(n, "")),
        st.integers(0, 100).map(lambda n: percent(n, "")),
    )
)
def test_a_default_can_be_written_into_a_policy(threshold: Threshold) -> None:
    assert threshold.read(written(threshold.default)) == threshold.default


@pytest.mark.parametrize(
    ("value", "said"),
    [(timedelta(days=1), "1 day"), (timedelta(hours=36), "36 hours"), (timedelta(minutes=90), "90 minutes")],
)
def test_durations_are_said_to_people(value: timedelta, said: str) -> None:
    assert words(value) == said


def test_ladders_are_names_of_rungs_after_one_prefix() -> None:
    declared = {
        **LADDER,
        "age_low": days(60, ""),
        "age_medium": days(120, ""),
        "node_low": days(1, ""),
        "grace": days(1, ""),
    }
    assert ladders(declared) == (("low", "medium", "high"), ("age_low", "age_medium"))
    assert Thresholds.of(declared).ladder("age_") == (
        (timedelta(days=60), Severity.LOW),
        (timedelta(days=120), Severity.MEDIUM),
    )


@pytest.mark.parametrize(
    ("declared", "said", "pair"),
    [
        (LADDER, {}, None),
        (LADDER, {"low": timedelta(days=30)}, None),
        (LADDER, {"low": timedelta(days=31)}, ("low", "medium")),
        (LADDER, {"high": timedelta(days=29)}, ("medium", "high")),
        (SOONER, {"high": timedelta(days=7)}, None),
        (SOONER, {"high": timedelta(days=8)}, ("medium", "high")),
    ],
)
def test_a_ladder_keeps_the_direction_of_its_defaults(
    declared: dict[str, Threshold], said: dict[str, timedelta], pair: tuple[str, str] | None
) -> None:
    assert misplaced(declared, {**Thresholds.of(declared).values, **said}) == pair


def test_asking_for_another_type_is_a_defect() -> None:
    limits = Thresholds.of({"time": days(1, ""), "number": count(2, ""), "share": percent(5, "")})
    assert (limits.time("time"), limits.number("number"), limits.share("share")) == (timedelta(days=1), 2, 0.05)
    for wrong in (lambda: limits.time("number"), lambda: limits.number("share"), lambda: limits.share("time")):
        with pytest.raises(TypeError, match="ask for it"):
            wrong()
    with pytest.raises(KeyError):
        limits.time("nothing")


def declared(*, takes: bool, thresholds: dict[str, Threshold] | None) -> Check:
    def bare(cluster: Cluster) -> Verdict:
        """Says nothing.

        Why: a test.

        Fix:
            aws: aws eks list-clusters
        """
        return passed(cluster.name)

    def limited(cluster: Cluster, limits: Thresholds) -> Verdict:
        return passed(f"{cluster.name} within {words(limits.time('low'))}")

    limited.__doc__ = bare.__doc__
    declare = check(id="ZONE001", title="t", severity=Severity.LOW, docs="d", thresholds=thresholds)
    return declare(limited if takes else bare)


@pytest.mark.parametrize(("takes", "thresholds"), [(True, None), (False, LADDER), (True, {})])
def test_thresholds_are_declared_and_taken_or_neither(*, takes: bool, thresholds: dict[str, Threshold] | None) -> None:
    with pytest.raises(TypeError, match="takes a parameter of type Thresholds"):
        declared(takes=takes, thresholds=thresholds)
    assert declared(takes=True, thresholds=LADDER).thresholds == LADDER
