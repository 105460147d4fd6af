import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from eks_auditor.events.messages import TransitionsMessage, parse_transitions
from eks_auditor.model.finding import Exemption, Fix
from eks_auditor.model.history import Change, Transition
from eks_auditor.model.verdict import Severity
from eks_auditor.sinks.letter import GROUPS_SHOWN, letter, subject
from eks_auditor.sinks.wording import worst_open
from tests.builders import NOW
from tests.golden.compare import matches
from tests.sinks.transitions import bodies, body, finding, transition, transitions
from tests.sinks.transitions import subject as about

MAIL = Path(__file__).parents[1] / "golden" / "mail"
ACCEPTED = Exemption(reason="Replaced in spring", owner="team-a", until=date(2027, 3, 31), source="policy")


def message(*told: Transition, **members: object) -> TransitionsMessage:
    return parse_transitions(body(*told, **members))


ONE = (transition(finding(severity=Severity.HIGH, team="payments"), taken_at=NOW, first_seen=NOW),)
SEVERAL = (
    transition(finding(severity=Severity.HIGH), Change.WORSE, previous=Severity.MEDIUM),
    transition(finding(about("old"), reason="runs the recommended release", fix=()), Change.RESOLVED),
    transition(finding(about("spot"), exemption=ACCEPTED, severity=Severity.CRITICAL), Change.EXEMPTED),
)
LETTERS = {
    "one": message(*ONE),
    "several": message(*SEVERAL),
    "first-look": message(*transitions(25, baseline=True)),
    "policy": message(transition(by_policy=True), transition(finding(about("b")), Change.RESOLVED, by_policy=True)),
}


@pytest.mark.parametrize("name", LETTERS)
def test_a_letter_as_a_person_gets_it(name: str) -> None:
    told = LETTERS[name]
    text = f"Subject: {subject(told)}\n\n{letter(told)}"
    assert matches(text, MAIL / f"{name}.txt"), "UPDATE_GOLDENS=1 pytest tests/sinks writes it anew; read what changed"


@pytest.mark.parametrize("told", LETTERS.values(), ids=LETTERS)
def test_a_letter_reads_well_on_a_phone(told: TransitionsMessage) -> None:
    lines = letter(told).splitlines()
    assert len(subject(told)) <= 60
    first, *others = lines
    assert worst_open(told.transitions) in first
    assert told.cluster.name in first
    assert not [line for line in others if line.startswith(" ") or "  " in line], "columns break on a narrow screen"
    assert not [line for line in lines if len(line) > 80 and not line.startswith(("https://", "aws ", "The first "))]


def test_the_worst_come_first_and_the_rest_is_counted() -> None:
    told = (*transitions(30), transition(finding(about("worst"), severity=Severity.CRITICAL)))
    lines = letter(message(*told)).splitlines()
    assert lines[0] == "CRITICAL in cluster shop: 31 new."
    assert lines[2] == "CRITICAL, new: worst"
    assert sum(line.startswith("MEDIUM, ") for line in lines) == 19
    counted = lines.index("… and 11 more:")
    assert lines[counted + 1] == "11 MEDIUM AMI001 new"


def test_many_kinds_of_findings_are_counted_by_the_worst_kinds() -> None:
    told = [transition(finding(about("x"), check_id=f"AMI{number:03}")) for number in range(50)]
    lines = letter(message(*told)).splitlines()
    counted = lines.index("… and 30 more:")
    assert lines[counted + GROUPS_SHOWN + 1] == f"and {30 - GROUPS_SHOWN} more kinds"


def test_a_closed_finding_offers_no_fix() -> None:
    assert "To mend it:" in letter(message(transition()))
    for change in (Change.RESOLVED, Change.WITHDRAWN):
        assert "To mend it:" not in letter(message(transition(change=change)))


def test_half_a_command_is_never_shown() -> None:
    long = "aws eks " + "x" * 3_000
    text = letter(message(transition(finding(fix=(Fix(tool="aws", command=long),)))))
    assert "aws eks x" not in text
    assert (
        "too long for mail; this prints it:\neks-auditor audit --region eu-west-1 --cluster shop --check AMI001\n"
        in text
    )
    fits = "aws eks " + "x" * 1_900
    assert fits in letter(message(transition(finding(fix=(Fix(tool="aws", command=fits),))))).splitlines()


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(), "First seen in this audit"),
        (timedelta(minutes=1), "First seen 1 minute ago, on 2026-11-23 11:59 UTC"),
        (timedelta(minutes=119), "First seen 119 minutes ago, on 2026-11-23 10:01 UTC"),
        (timedelta(hours=47), "First seen 47 hours ago, on 2026-11-21 13:00 UTC"),
        (timedelta(days=2), "First seen 2 days ago, on 2026-11-21 12:00 UTC"),
    ],
)
def test_how_long_it_has_been_known(ago: timedelta, words: str) -> None:
    assert words in letter(message(transition(first_seen=NOW - ago))).splitlines()


def test_a_first_audit_is_a_summary() -> None:
    told = [transition(finding(about(f"ng-{number}")), baseline=True) for number in range(3)]
    assert subject(message(*told)) == "eks-auditor: MEDIUM in shop (eu-west-1): first look, 3 open"
    assert "From now on only changes are told." in letter(message(*told))


def test_parts_are_numbered() -> None:
    first = parse_transitions(bodies(*transitions(120, baseline=True))[0])
    assert "first look, at least 50 open" in subject(first)
    second = parse_transitions(bodies(*transitions(120))[1])
    assert subject(second).endswith("(2/3)")
    assert "part 2 of 3" in letter(second)


def test_a_long_name_gives_way_to_what_happened() -> None:
    long = {"arn": "", "partition": "aws", "account": "111122223333", "region": "eu-west-1", "name": "x" * 100}
    line = subject(message(*SEVERAL, cluster=long))
    assert line == f"eks-auditor: HIGH in {'x' * 13}...: 1 worse, 1 accepted, 1 resolved"


@pytest.mark.parametrize("name", ["x" * 100, "naïve ☃\n\r\x00", "a\u2028b"])
def test_a_subject_line_is_what_sns_takes_whatever_the_name(name: str) -> None:
    document_cluster = {
        "arn": "", "partition": "aws", "account": "111122223333", "region": "eu-west-1", "name": name
    }  # fmt: skip
    line = subject(message(transition(), cluster=document_cluster))
    assert re.fullmatch(r"[!-~][ -~]{0,98}", line)


def test_other_peoples_text_stays_on_its_line() -> None:
    hostile = finding(about("web\nCRITICAL, new: fake"), reason="a\r\nb" + "x" * 5000, team="a\u2028b")
    lines = letter(message(transition(hostile))).splitlines()
    assert len(lines) == len(letter(message(transition(finding(team="a")))).splitlines())
    assert max(map(len, lines)) <= 600
