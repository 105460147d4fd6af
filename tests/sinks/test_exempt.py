"""What the world hears of a finding that somebody accepts, and of another policy."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from eks_auditor.events.messages import TransitionsMessage, parse_transitions
from eks_auditor.model.finding import Exemption
from eks_auditor.model.history import Change, Transition
from eks_auditor.model.verdict import Severity
from eks_auditor.sinks.asff import asff
from eks_auditor.sinks.letter import letter, subject
from eks_auditor.sinks.topic import attributes, audience
from tests.builders import CLUSTER_ID, NOW
from tests.sinks.fakes import complaints
from tests.sinks.transitions import AUDIT_ID, bodies, body, finding, transition, transitions
from tests.sinks.transitions import subject as about

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "transitions-1.json").read_text())
ACCEPTED = Exemption(reason="Replaced in spring", owner="team-a", until=date(2027, 3, 31), source="policy")


def exempted(**deviations: Any) -> Transition:  # noqa: ANN401  any field of it
    return transition(finding(exemption=ACCEPTED), Change.EXEMPTED, **deviations)


def message(*told: Transition) -> TransitionsMessage:
    return parse_transitions(body(*told))


class TestSecurityHub:
    @pytest.mark.parametrize("change", [Change.EXEMPTED, Change.REFRESHED])
    def test_it_is_archived_with_who_accepts_it_and_until_when(self, change: Change) -> None:
        told = transition(finding(exemption=ACCEPTED), change)
        made = asff(told, cluster=CLUSTER_ID, audit_id=AUDIT_ID, taken_at=NOW)
        assert complaints([made]) == []
        assert (made["Compliance"]["Status"], made["RecordState"]) == ("FAILED", "ARCHIVED")
        fields = made["ProductFields"]
        assert {name: fields[f"eks-auditor/exempt_{name}"] for name in ("reason", "owner", "until", "by")} == {
            "reason": "Replaced in spring",
            "owner": "team-a",
            "until": "2027-03-31",
            "by": "policy",
        }

    def test_it_is_active_again_with_nothing_of_that_when_it_comes_back(self) -> None:
        made = asff(transition(change=Change.REOPENED), cluster=CLUSTER_ID, audit_id=AUDIT_ID, taken_at=NOW)
        assert (made["Compliance"]["Status"], made["RecordState"]) == ("FAILED", "ACTIVE")
        assert not any("exempt" in name for name in made["ProductFields"])

    def test_numbers_never_crowd_out_who_accepts_it(self) -> None:
        many = finding(exemption=ACCEPTED, evidence={f"number_{n:02}": n for n in range(80)})
        made = asff(transition(many, Change.EXEMPTED), cluster=CLUSTER_ID, audit_id=AUDIT_ID, taken_at=NOW)
        assert made["ProductFields"]["eks-auditor/exempt_until"] == "2027-03-31"
        assert complaints([made]) == []


class TestMessages:
    def test_they_carry_who_accepts_it_and_follow_the_contract(self) -> None:
        (text,) = bodies(exempted())
        jsonschema.validate(json.loads(text), SCHEMA)
        (read,) = parse_transitions(text).transitions
        assert read.finding.exemption == ACCEPTED

    def test_what_nobody_accepts_has_no_such_member(self) -> None:
        (told,) = json.loads(body())["transitions"]
        assert "exemption" not in told["finding"]

    def test_each_class_has_its_audience(self) -> None:
        told = (exempted(quiet=True), exempted(), exempted(by_policy=True), transition(baseline=True))
        heard = {each.kind: audience(each) for each in map(parse_transitions, bodies(*told))}
        both = ("people", "machines")
        assert heard == {"news": both, "baseline": both, "policy": both, "quiet": ("machines",)}

    def test_of_another_policy_people_get_the_first_part(self) -> None:
        parts = [parse_transitions(text) for text in bodies(*transitions(120, by_policy=True))]
        assert [audience(part) for part in parts] == [("people", "machines"), ("machines",), ("machines",)]
        assert {attributes(part)["class"]["StringValue"] for part in parts} == {"policy"}


class TestLetters:
    def test_an_accepted_finding_is_told_with_who_accepts_it_and_offers_no_fix(self) -> None:
        text = letter(message(exempted()))
        assert "Accepted until 2027-03-31 by team-a: Replaced in spring" in text
        assert "To mend it:" not in text
        assert subject(message(exempted())) == "eks-auditor: MEDIUM AMI001 accepted in shop (eu-west-1)"

    def test_what_is_open_comes_before_what_is_accepted(self) -> None:
        accepted = replace(exempted(), finding=finding(about("a"), severity=Severity.CRITICAL, exemption=ACCEPTED))
        lines = letter(message(accepted, transition(finding(severity=Severity.LOW)))).splitlines()
        assert lines[0] == "LOW in cluster shop: 1 new, 1 accepted."
        assert lines[2] == "LOW, new: web"

    def test_another_policy_is_one_summary_that_says_so(self) -> None:
        told = message(transition(by_policy=True), replace(exempted(by_policy=True), finding=finding(about("b"))))
        assert subject(told) == "eks-auditor: MEDIUM in shop: new policy, 1 new, 1 accepted"
        assert "The first audit under another policy" in letter(told)
