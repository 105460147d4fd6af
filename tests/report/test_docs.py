from pathlib import Path

import pytest

from eks_auditor.check import Check
from eks_auditor.checks import CATALOGUE
from eks_auditor.report.docs import PAGE, SUBJECTS, main, render

ROOT = Path(__file__).parents[2]


def test_the_page_in_the_repository_is_fresh() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == render(CATALOGUE), "run python -m eks_auditor.report.docs"


@pytest.mark.parametrize("check", CATALOGUE, ids=lambda check: check.id)
def test_every_check_is_told_whole(check: Check) -> None:
    page = render([check])

    for text in (check.id, check.title, check.what, check.why, check.docs, check.severity.name):
        assert text in page
    assert all(fix.template in page for fix in check.fixes)
    assert all(SUBJECTS[subject] in page for subject in check.subjects)


def test_a_check_that_is_for_reports_only_says_so() -> None:
    for check in CATALOGUE:
        assert ("in reports of the command line only" in render([check])) == check.reports_only


def test_every_link_of_the_contents_leads_to_a_heading() -> None:
    page = render(CATALOGUE)

    for check in CATALOGUE:
        assert f"](#{check.id.lower()})" in page
        assert f"\n## {check.id}\n" in page


def test_check_fails_with_a_sentence_until_the_page_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()

    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0
    PAGE.write_text(PAGE.read_text(encoding="utf-8").replace("AMI001", "AMI999"), encoding="utf-8")
    assert main(["--check"]) == 1

    told = capsys.readouterr().err.splitlines()
    assert (
        told
        == ["docs/checks.md is not what the checks say now; run python -m eks_auditor.report.docs and commit it."] * 2
    )


def test_elsewhere_it_says_where_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main([]) == 2
    assert "root of the repository" in capsys.readouterr().err
