"""Reports show what somebody accepts apart, with who and until when, and never fail for it."""

import json
from datetime import date

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.checks.health import node_group_unhealthy
from eks_auditor.model.finding import Exemption
from eks_auditor.model.verdict import Severity
from eks_auditor.report.asff_document import render_asff
from eks_auditor.report.audited import audited
from eks_auditor.report.docs import render
from eks_auditor.report.json_document import render_json
from eks_auditor.report.redaction import redacted
from eks_auditor.report.table import render_table
from tests import builders
from tests.report.findings import finding, report

ACCEPTED = Exemption(reason="Replaced in spring", owner="team-a", until=date(2027, 3, 31), source="policy")
BOTH = report(finding(), finding(name="old", severity=Severity.CRITICAL, exemption=ACCEPTED))
TAGS = {
    "eks-auditor/exempt": "AMI001 ZONE002",
    "eks-auditor/exempt-until": "2027-03-31",
    "eks-auditor/exempt-reason": "Replaced in spring by Project Moonshot",
    "eks-auditor/exempt-owner": "jane@example.com",
}


def test_the_table_lists_it_below_what_is_to_be_mended() -> None:
    text = render_table(BOTH, width=100)
    failures, mark, accepted = text.partition("\nAccepted\n")
    assert mark
    assert ("web (managed)" in failures, "old (managed)" in failures) == (True, False)
    assert "accepted until 2027-03-31 by team-a (policy): Replaced in spring" in accepted
    assert "1 failed, 0 unknown, 0 passed, 1 accepted." in text


def test_sums_count_what_nobody_accepts() -> None:
    [row] = [line for line in render_table(BOTH, width=100).splitlines() if line.startswith("shop ")]
    assert row.split()[3:5] == ["0", "1"]


def test_a_report_without_such_a_finding_says_nothing_of_it() -> None:
    assert "ccepted" not in render_table(report(finding()))
    assert "exemption" not in render_json(report(finding()))


def test_json_has_it_as_a_member() -> None:
    [cluster] = json.loads(render_json(BOTH))["clusters"]
    assert [each.get("exemption") for each in cluster["findings"]] == [
        {
            "reason": "Replaced in spring",
            "owner": "team-a",
            "until": "2027-03-31",
            "source": "policy",
            "severity": "CRITICAL",
        },
        None,
    ]


def test_asff_has_it_archived() -> None:
    states = {each["Id"][-3:]: each for each in json.loads(render_asff(BOTH))}
    assert {name: each["RecordState"] for name, each in states.items()} == {"old": "ARCHIVED", "web": "ACTIVE"}
    assert states["old"]["ProductFields"]["eks-auditor/exempt_owner"] == "team-a"


@pytest.mark.parametrize(("severity", "fails"), [(Severity.HIGH, True), (Severity.CRITICAL, False)])
def test_it_never_fails_a_report(severity: Severity, *, fails: bool) -> None:
    assert BOTH.fails_at(severity) is fails


def test_notes_on_tags_are_kept_for_the_program_to_say() -> None:
    of = builders.snapshot(cluster=builders.cluster(tags={"eks-auditor/exempt": "AMI001"}))
    [note] = audited(of, (node_group_unhealthy,)).notes
    assert note.startswith("the tags of cluster shop accept nothing")


def test_a_redacted_snapshot_accepts_the_same_and_names_nobody() -> None:
    shown = redacted(builders.snapshot(cluster=builders.cluster(tags=TAGS))).cluster.tags
    assert {key: shown[key] for key in list(TAGS)[:2]} == {key: TAGS[key] for key in list(TAGS)[:2]}
    assert "jane" not in str(shown)
    assert "Moonshot" not in str(shown)
    assert shown.keys() == TAGS.keys()


def test_the_page_of_checks_lists_thresholds_with_their_defaults() -> None:
    section = render(CATALOGUE).partition("\n## AMI001\n")[2].partition("\n## ")[0]
    assert "`low`: `14d`, superseded for so long, a release is LOW; `medium`: `30d`" in section
    assert "(policy.md)" in section
