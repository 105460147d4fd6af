"""The simulation that the ladder was chosen by, and its table in the documentation."""

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest

from eks_auditor.checks.lateness import LADDER
from tests.releases import cadence

PAGE = Path(__file__).resolve().parents[2] / "docs" / "releases.md"
BLOCK = re.compile(r"(?s)(?<=<!-- simulation: begin -->\n).*?(?=\n<!-- simulation: end -->)")


@pytest.fixture(scope="module")
def simulated() -> str:
    return cadence.table(cadence.of_the_table())


def shares(simulated: str) -> dict[str, list[int]]:
    """The percentages of each team, a column a rule."""
    rows = [line.strip("| ").split(" | ") for line in simulated.splitlines() if line.startswith("| every")]
    return {team: [int(share.removesuffix("%")) for share in percents] for team, *percents in rows}


def test_the_documentation_shows_what_the_simulation_says(simulated: str) -> None:
    if os.environ.get("UPDATE_GOLDENS"):
        PAGE.write_text(BLOCK.sub(lambda _: simulated, PAGE.read_text(encoding="utf-8")), encoding="utf-8")

    assert BLOCK.findall(PAGE.read_text(encoding="utf-8")) == [simulated]


def test_a_team_is_never_alarmed_by_a_rung_no_shorter_than_its_cadence(simulated: str) -> None:
    found = shares(simulated)

    for every in cadence.EVERY:
        alarmed = found["every day" if every == 1 else f"every {every} days"][-len(LADDER) :]
        assert [share == 0 for share in alarmed] == [age >= timedelta(days=every) for age, _ in LADDER]


def test_the_other_rules_alarm_who_does_all_there_is_to_do(simulated: str) -> None:
    not_latest, older_than_14, older_than_30 = range(3)
    found = shares(simulated)

    assert found["every day"][older_than_14] > 5, "the newest image itself is older than 14 days"
    assert found["every 7 days"][not_latest] > 20
    assert found["every 30 days"][not_latest] > 50
    assert found["every 30 days"][older_than_30] > 10


def test_the_simulation_is_over_two_years_of_releases_without_a_hole() -> None:
    of = cadence.of_the_table()
    seen = [release.published_at for release in of.releases if release.published_at.date() >= of.first]

    assert of.days() == 731
    assert len(seen) > 60
    assert of.newest(of.first - timedelta(days=max(cadence.EVERY))) >= 0, "each team runs a release on the first day"
    assert of.newest(of.last) == len(of.releases) - 1
