import re

import pytest

from eks_auditor.events.messages import TransitionsMessage, parse_transitions
from eks_auditor.model.history import Change, Transition
from eks_auditor.model.verdict import Severity
from eks_auditor.sinks.letter import letter, subject
from tests.sinks.transitions import AUDIT_ID, bodies, body, finding, transition, transitions
from tests.sinks.transitions import subject as about


def message(*told: Transition, **members: object) -> TransitionsMessage:
    return parse_transitions(body(*told, **members))


def test_a_letter_as_a_person_gets_it() -> None:
    told = (
        transition(finding(severity=Severity.HIGH), Change.WORSE, previous=Severity.MEDIUM),
        transition(finding(about("old"), reason="runs the recommended release", fix=()), Change.RESOLVED),
    )
    assert letter(message(*told)) == (
        "Cluster shop in eu-west-1, account 111122223333\n"
        f"Audit {AUDIT_ID} of 2026-11-23 12:00:00 UTC\n"
        "\n"
        "HIGH (was MEDIUM)  worse  AMI001  web\n"
        "  Node groups should run a current release\n"
        "  superseded 34 days ago by 1.35.6-20261020\n"
        "  fix: aws eks update-nodegroup-version --nodegroup-name web\n"
        "\n"
        "MEDIUM  resolved  AMI001  old\n"
        "  Node groups should run a current release\n"
        "  runs the recommended release\n"
    )
    assert subject(message(*told)) == "eks-auditor: 1 worse, 1 resolved, worst HIGH in shop (eu-west-1)"


def test_the_worst_come_first_and_the_rest_is_counted() -> None:
    told = (*transitions(30), transition(finding(about("worst"), severity=Severity.CRITICAL)))
    lines = letter(message(*told)).splitlines()
    assert lines[3].startswith("CRITICAL  opened")
    assert sum(line.startswith("MEDIUM") for line in lines) == 19
    assert lines[-1].startswith("… and 11 more: ")


def test_a_closed_finding_offers_no_fix() -> None:
    for change in (Change.RESOLVED, Change.WITHDRAWN):
        assert "fix:" not in letter(message(transition(change=change)))


def test_a_first_audit_is_a_summary() -> None:
    told = [transition(finding(about(f"ng-{number}")), baseline=True) for number in range(3)]
    assert subject(message(*told)) == "eks-auditor: first look, 3 open, worst MEDIUM in shop (eu-west-1)"
    assert "from now on only changes are told" in letter(message(*told))


def test_parts_are_numbered() -> None:
    second = parse_transitions(bodies(*transitions(120))[1])
    assert subject(second).endswith("(part 2 of 3)")
    assert "part 2 of 3" in letter(second)


@pytest.mark.parametrize("name", ["x" * 100, "naïve ☃\n\r\x00", "a\u2028b"])
def test_a_subject_line_is_what_sns_takes_whatever_the_name(name: str) -> None:
    document_cluster = {
        "arn": "", "partition": "aws", "account": "111122223333", "region": "eu-west-1", "name": name
    }  # fmt: skip
    line = subject(message(transition(), cluster=document_cluster))
    assert re.fullmatch(r"[!-~][ -~]{0,98}", line)


def test_other_peoples_text_stays_on_its_line() -> None:
    hostile = finding(about("web\nCRITICAL  opened  FAKE001"), reason="a\r\nb" + "x" * 5000)
    lines = letter(message(transition(hostile))).splitlines()
    assert len(lines) == 7
    assert max(map(len, lines)) <= 602
