import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eks_auditor.events.messages import TransitionsMessage
from eks_auditor.model.cluster import ClusterId
from eks_auditor.model.finding import Exemption, Finding, Fix
from eks_auditor.model.history import Change, Transition
from eks_auditor.model.verdict import Severity
from eks_auditor.sinks.slack_finding import FIX_LIMIT
from eks_auditor.sinks.slack_transitions import SHOWN, SHOWN_OF_SUMMARY, render
from tests.builders import CLUSTER_ID, NOW
from tests.golden.compare import matches
from tests.sinks.slack.messages import HOSTILE, faults, many, message, names, readable, texts
from tests.sinks.transitions import finding, subject, transition

GOLDEN = Path(__file__).parents[2] / "golden" / "slack"
STALE = "UPDATE_GOLDENS=1 pytest tests/sinks/slack writes it anew; read what has changed"

EXEMPTION = Exemption(
    reason="replaced in Q1 <https://wiki.example/x>", owner="payments", until=date(2027, 1, 31), source="policy"
)
NEWS = (
    transition(finding(subject("batch", kind="self-managed"), severity=Severity.LOW, team="data")),
    transition(finding(severity=Severity.HIGH), Change.WORSE, previous=Severity.MEDIUM),
    transition(finding(subject("old"), reason="runs the recommended release", fix=()), Change.RESOLVED),
    transition(finding(subject("pinned"), exemption=EXEMPTION), Change.EXEMPTED),
    transition(
        finding(subject("shop", kind="cluster"), check_id="ZONE001", severity=Severity.CRITICAL), first_seen=NOW
    ),
)
MESSAGES = {
    "news.json": message(*NEWS),
    "baseline.json": message(*many(12), kind="baseline", parts=2),
    "policy.json": message(*many(2), kind="policy"),
    "many.json": message(*many(30), *NEWS),
}


@pytest.mark.parametrize("file", MESSAGES)
def test_a_message_as_slack_gets_it(file: str) -> None:
    assert matches(readable(render(MESSAGES[file])), GOLDEN / file), STALE


def test_the_worst_comes_first_and_what_is_settled_last() -> None:
    heads = [text for text in texts(render(message(*NEWS))) if text.startswith(("🔴", "🟠", "🟡", "🔵", "⚪", "✅"))]
    assert [re.findall(r"`(?:AMI|ZONE)001` \S* ?\S* `(\S+)`", head) for head in heads] == [
        [name] for name in ("shop", "web", "batch", "old", "pinned")
    ]


def test_a_rung_that_moved_names_the_one_before() -> None:
    told = message(transition(finding(severity=Severity.HIGH), Change.WORSE, previous=Severity.MEDIUM))
    assert any("*HIGH (was MEDIUM)*" in text for text in texts(render(told)))


def test_an_accepted_finding_says_who_accepts_it_and_offers_no_fix() -> None:
    told = texts(render(message(transition(finding(exemption=EXEMPTION), Change.EXEMPTED))))
    assert any("2027-01-31" in text and "payments" in text and EXEMPTION.reason in text for text in told)
    assert not any("update-nodegroup-version" in text for text in told)


def fixes(*fix: Fix) -> list[str]:
    return texts(render(message(transition(finding(fix=fix)))))


def test_the_fix_to_copy_is_the_command_line_of_aws() -> None:
    shown = fixes(Fix(tool="eksctl", command="eksctl upgrade"), Fix(tool="aws", command="aws eks a && b <c>"))
    assert "aws eks a && b <c>" in shown
    assert not any("eksctl upgrade" in text for text in shown)


def test_half_a_command_is_never_shown() -> None:
    long = Fix(tool="aws", command="aws " + "x" * FIX_LIMIT)
    assert "eksctl upgrade" in fixes(long, Fix(tool="eksctl", command="eksctl upgrade"))
    assert any("eks-auditor audit --region eu-west-1 --cluster shop --check AMI001" in text for text in fixes(long))
    assert not any("xxx" in text for text in fixes(long))


def test_what_was_just_found_is_not_said_to_have_stood() -> None:
    *_, small_print, _ = texts(render(message(transition(first_seen=NOW))))
    assert "this audit" in small_print
    assert "ago" not in small_print


def test_parts_of_a_summary_that_people_do_not_get_are_mentioned() -> None:
    told = texts(render(message(kind="baseline", parts=3)))
    assert "first part of 3" in told[-1]
    assert "part 2 of 3" in texts(render(message(part=2, parts=3)))[1]


def test_where_there_is_no_console_the_command_is_left() -> None:
    iso = ClusterId("aws-iso", "111122223333", "us-iso-east-1", "shop")
    *_, last = texts(render(message(cluster=iso)))
    assert "`eks-auditor audit --region us-iso-east-1 --cluster shop`" in last
    assert "Security Hub" not in last


def test_nobody_is_sent_to_a_security_hub_that_is_not_told() -> None:
    *_, last = texts(render(message(), hub=False))
    assert last == "All that is open: `eks-auditor audit --region eu-west-1 --cluster shop`"


@pytest.mark.parametrize(
    ("parts", "said"),
    [(1, "First look: 2 open, worst MEDIUM in "), (2, "First look: at least 2 open, worst MEDIUM in ")],
)
def test_a_first_look_counts_what_is_open_and_does_not_pretend_to_be_whole(parts: int, said: str) -> None:
    assert render(message(*many(2), kind="baseline", parts=parts)).text.startswith(said)


COUNTED = re.compile(r"(?:and )?(\d+) (?:more|findings?): (.*)", re.DOTALL)


def counts(told: TransitionsMessage) -> tuple[int, int, int]:
    """How many findings are spelt out, how many are said to be left, and how many those that are counted add up to."""
    shown = render(told)
    assert faults(shown) == []
    spelt_out = sum(text.startswith(("🔴", "🟠", "🟡", "🔵", "⚪", "✅")) for text in texts(shown))
    said = [match for text in texts(shown) if (match := COUNTED.fullmatch(text))]
    if not said:
        return spelt_out, 0, 0
    (left,) = said
    return spelt_out, int(left[1]), sum(int(phrase.split()[0]) for phrase in left[2].split(", "))


@pytest.mark.parametrize("kind", ["news", "baseline", "policy"])
@pytest.mark.parametrize("count", [1, 50, 5000])
def test_every_finding_is_told_or_counted(count: int, kind: str) -> None:
    spelt_out, left, added = counts(message(*many(count), kind=kind))
    assert spelt_out == min(count, SHOWN if kind == "news" else SHOWN_OF_SUMMARY)
    assert left == added == count - spelt_out


def test_kinds_without_end_are_counted_too() -> None:
    told = tuple(
        transition(finding(subject(f"ng-{n}"), check_id=f"AMI{n % 997:03}", severity=Severity(n % 5)), change)
        for n in range(5000)
        for change in [list(Change)[n % 7]]
    )
    spelt_out, left, added = counts(message(*told))
    assert spelt_out + left == 5000
    assert added == left


def test_long_words_leave_room_for_fewer_findings_not_for_half_of_them() -> None:
    spelt_out, left, added = counts(message(*many(20, reason="r" * 5000, title="t" * 500)))
    assert 1 <= spelt_out < SHOWN
    assert spelt_out + left == 20
    assert added == left


exemptions = st.builds(
    Exemption, reason=names, owner=names, until=st.just(date(2027, 1, 31)), source=names.map("tag of {}".format)
)
findings = st.builds(
    replace,
    st.just(finding()),
    id=st.uuids().map(str),
    subject=st.builds(
        subject, names, kind=st.sampled_from(["managed", "self-managed", "karpenter", "cluster"]), key=st.just("k")
    ),
    severity=st.sampled_from(Severity),
    title=names,
    reason=names,
    team=st.none() | names,
    exemption=st.none() | exemptions,
    fix=st.lists(st.builds(Fix, tool=st.sampled_from(["aws", "eksctl"]) | names, command=names), max_size=3).map(tuple),
)
hostile = st.builds(
    transition,
    findings,
    st.sampled_from(Change),
    first_seen=st.datetimes(datetime(2020, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  it says its zone
    previous=st.none() | st.sampled_from(Severity),
)


@settings(max_examples=150, deadline=None)
@given(
    told=st.lists(hostile, min_size=1, max_size=30),
    name=names,
    kind=st.sampled_from(["news", "baseline", "policy", "quiet", "refresh"]),
)
def test_whatever_people_write_slack_takes_it_and_nobody_is_called(
    told: list[Transition], name: str, kind: str
) -> None:
    cluster = replace(CLUSTER_ID, name=name)
    assert faults(render(message(*told, cluster=cluster, kind=kind))) == []


def everywhere(hostile_text: str) -> Finding:
    return finding(
        subject(hostile_text, key="k"),
        title=hostile_text,
        reason=hostile_text,
        team=hostile_text,
        exemption=replace(EXEMPTION, reason=hostile_text, owner=hostile_text),
        fix=(Fix(tool="aws", command=hostile_text),),
    )


@pytest.mark.parametrize("text", [*HOSTILE, "<!channel>" * 50, "🧨" * 500, "x" * 5000])
def test_each_hostile_text_everywhere_and_many_times_still_fits(text: str) -> None:
    told = [transition(replace(everywhere(text), id=str(n)), taken_at=NOW + timedelta(1)) for n in range(50)]
    shown = render(message(*told, cluster=replace(CLUSTER_ID, name=text, region=text[:40])))
    assert faults(shown) == []
    assert any("`AMI001`" in each for each in texts(shown))
