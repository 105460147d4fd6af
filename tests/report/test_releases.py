"""The catalogue as a document and as a table: what is known, what AWS has not, and what could not be read."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import TypeAdapter

from eks_auditor.events.requests import Recommendation
from eks_auditor.model.gap import Gap
from eks_auditor.model.release import Evidence, Release, ReleaseHistory, ReleaseLine
from eks_auditor.report.releases import (
    EntryDocument,
    Releases,
    ReleasesDocument,
    in_a_year,
    previous,
    releases_document,
    render_releases_json,
)
from eks_auditor.report.releases_table import render_releases_table
from eks_auditor.snapshot.catalogue import Catalogue, Entry
from eks_auditor.snapshot.pointers import Seen
from tests import builders
from tests.builders import NOW, days_ago
from tests.golden.compare import matches

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "releases-1.json"
LINE = ReleaseLine("al2023", "standard", "x86_64", "1.35")
WINDOWS = ReleaseLine("windows-2022", "core", "x86_64", "1.35")
DENIED = Gap("ec2:DescribeImages", "602401143452 amazon-eks-*", "UnauthorizedOperation: no.")


def entry(**deviations: Any) -> Entry:  # noqa: ANN401  any field of it
    """The standard Amazon Linux 2023, whose recommended release is some days old."""
    history = builders.history()
    assert history.recommended is not None
    version = history.recommended.version
    healthy: dict[str, Any] = {
        "ami_type": "AL2023_x86_64_STANDARD",
        "line": LINE,
        "pointer": Seen(
            recommended=Recommendation(version=version, image_id=builders.image_id(version)), modified_at=days_ago(1)
        ),
        "image": builders.image(),
        "history": history,
    }
    return Entry(**healthy | deviations)


NO_PARAMETER = entry(pointer=None, image=None, history=None)
UNKNOWN = entry(pointer=DENIED, image=None, history=None)
UNSEEN_IMAGE = entry(image=DENIED, history=None)
UNLISTED = entry(history=DENIED)


def releases(*entries: Entry, **deviations: Any) -> Releases:  # noqa: ANN401  any field of a catalogue
    healthy: dict[str, Any] = {"partition": "aws", "region": "eu-west-1", "entries": entries}
    return Releases(taken_at=NOW, catalogues=(Catalogue(**healthy | deviations),))


def document(of: Entry) -> EntryDocument:
    [region] = releases_document(releases(of))["regions"]
    [found] = region["releases"]
    return found


def at(day: str) -> Release:
    """A release whose image was created at noon of its day."""
    digits = day.replace(".", "")
    created = datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC, hour=12)
    return Release(version=day, image_id=builders.image_id(digits), published_at=created)


def history(*known: Release, recommended: Release) -> ReleaseHistory:
    return ReleaseHistory(parameter="/aws/service/x", recommended=recommended, releases=known)


# What came before


def test_the_previous_release_is_the_next_older_one() -> None:
    word = document(entry())["previous"]
    assert word is not None
    assert word["version"] == builders.version(20)
    assert word["superseded_at"] == document(entry())["recommended"]["published_at"]  # type: ignore[index]  # it has one


def test_an_abandoned_release_is_no_previous_one_and_does_not_count() -> None:
    old, abandoned, new = at("20260120"), at("20260128"), at("20260129")
    known = history(old, abandoned, new, recommended=new)
    assert previous(LINE, known) == (old, new.published_at)
    assert in_a_year(LINE, known, datetime(2026, 2, 1, tzinfo=UTC)) == in_a_year(
        LINE, history(old, new, recommended=new), datetime(2026, 2, 1, tzinfo=UTC)
    )


def test_a_release_that_aws_took_back_is_neither() -> None:
    old, recommended, withdrawn = at("20261001"), at("20261010"), at("20261020")
    known = history(old, recommended, withdrawn, recommended=recommended)
    assert previous(LINE, known) == (old, recommended.published_at)
    assert in_a_year(LINE, known, NOW) == in_a_year(LINE, history(old, recommended, recommended=recommended), NOW)


def test_what_aws_has_withdrawn_since_comes_from_the_shipped_table() -> None:
    line, new = replace(WINDOWS, minor="1.31"), at("2024.11.12")
    known = history(new, recommended=new)
    before = previous(line, known)
    assert before is not None
    assert (before[0].version, before[0].image_id, before[0].known_by) == ("2024.10.08", None, Evidence.TABLE)
    assert in_a_year(line, known, new.published_at) > 2


def test_where_releases_are_out_of_sight_none_is_called_the_previous_one() -> None:
    new = at("2026.11.10")
    assert previous(replace(WINDOWS, minor="1.31"), history(new, recommended=new)) is None


def test_a_first_release_has_none_before_it() -> None:
    line = ReleaseLine("al2023", "standard", "x86_64", "1.99")
    new = at("20261110")
    alone = entry(line=line, history=history(new, recommended=new))
    assert document(alone)["previous"] is None
    assert document(alone)["releases_in_12_months"] == 1
    assert document(alone)["gap"] is None


def test_a_year_ends() -> None:
    line = ReleaseLine("al2023", "standard", "x86_64", "1.99")
    long_ago, lately, new = at("20251122"), at("20251124"), at("20261110")
    assert in_a_year(line, history(long_ago, lately, new, recommended=new), NOW) == 2


# The document


@pytest.mark.parametrize("each", [entry(), NO_PARAMETER, UNKNOWN, UNSEEN_IMAGE, UNLISTED], ids=str)
def test_every_document_follows_the_schema(each: Entry) -> None:
    jsonschema.validate(json.loads(render_releases_json(releases(each))), json.loads(SCHEMA.read_text()))


def test_a_region_without_minors_follows_the_schema() -> None:
    text = render_releases_json(releases(gap=DENIED))
    jsonschema.validate(json.loads(text), json.loads(SCHEMA.read_text()))
    assert json.loads(text)["regions"][0]["gap"]["action"] == "ec2:DescribeImages"


def test_the_schema_is_fresh() -> None:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | TypeAdapter(ReleasesDocument).json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps(schema, indent=2) + "\n"
    assert matches(text, SCHEMA), f"UPDATE_GOLDENS=1 pytest {Path(__file__).name} writes it anew"


def test_a_release_tells_image_publication_evidence_and_age() -> None:
    word = document(entry())["recommended"]
    age = int(builders.RECOMMENDED_AGE)
    assert word == {
        "version": builders.version(),
        "image_id": builders.image_id(builders.version()),
        "parameter_modified_at": "2026-11-22T12:00:00Z",
        "published_at": f"{days_ago(age):%Y-%m-%dT%H:%M:%SZ}",
        "known_by": "its image was created in this Region",
        "age_days": age,
    }


def test_no_parameter_is_an_answer_and_a_failed_read_is_none() -> None:
    assert [document(each)["parameter_exists"] for each in (entry(), NO_PARAMETER, UNKNOWN)] == [True, False, None]
    assert [bool(document(each)["gap"]) for each in (entry(), NO_PARAMETER, UNKNOWN)] == [False, False, True]


def test_what_depends_on_a_failed_read_is_null_and_the_rest_is_told() -> None:
    unseen, unlisted = document(UNSEEN_IMAGE), document(UNLISTED)
    assert unseen["recommended"] is not None
    assert unlisted["recommended"] is not None
    assert (unseen["recommended"]["version"], unseen["recommended"]["published_at"]) == (builders.version(), None)
    assert unlisted["recommended"]["known_by"] == Evidence.IMAGE.value
    assert [each["releases_in_12_months"] for each in (unseen, unlisted)] == [None, None]
    assert [each["previous"] for each in (unseen, unlisted)] == [None, None]


# The table


def table(*entries: Entry, **options: Any) -> str:  # noqa: ANN401  the renderer's own
    return render_releases_table(releases(*entries), **options)


def test_a_row_tells_all_and_fits_80_columns() -> None:
    new = at("2026.11.10")
    widest = entry(
        ami_type="WINDOWS_CORE_2022_x86_64",
        line=replace(WINDOWS, minor="1.35"),
        pointer=Seen(
            recommended=Recommendation(version=new.version, image_id=new.image_id or ""), modified_at=days_ago(1)
        ),
        history=history(at("2026.10.13"), new, recommended=new),
    )
    text = table(widest)
    [row] = (line for line in text.splitlines() if line.startswith("1.35 "))
    assert row.split()[:-1] == [
        "1.35", "2026.11.10", new.image_id, "2026-11-10", "13d", "2026-11-22", "2026.10.13",
    ]  # fmt: skip
    assert max(map(len, text.splitlines())) <= 80
    assert "PUBLISHED: its image was created in this Region; " in text


def test_minors_without_a_parameter_share_a_line() -> None:
    text = table(NO_PARAMETER, replace(NO_PARAMETER, line=replace(LINE, minor="1.34")))
    assert "\n1.35, 1.34: AWS has no public parameter (any more)\n" in text
    assert "0 recommended, 2 without a parameter, 0 unknown." in text


@pytest.mark.parametrize("each", [UNKNOWN, UNSEEN_IMAGE, UNLISTED], ids=["parameter", "image", "listing"])
def test_what_could_not_be_read_is_unknown_and_says_why(each: Entry) -> None:
    text = table(each)
    assert "unknown: ec2:DescribeImages failed with UnauthorizedOperation" in text
    assert "UnauthorizedOperation: no." in text.partition("Could not be read")[2]
    assert "0 recommended, 0 without a parameter, 1 unknown." in text


def test_one_missing_permission_is_explained_once() -> None:
    lines = [replace(UNKNOWN, line=replace(LINE, minor=f"1.{minor}")) for minor in (35, 34, 33)]
    assert table(*lines).count("Operation: no.") == 1


def test_a_region_without_minors_says_why() -> None:
    text = render_releases_table(releases(gap=DENIED))
    assert "unknown: ec2:DescribeImages failed with UnauthorizedOperation" in text
    assert "Operation: no." in text


HOSTILE = "v\x1b[2J\x1b]0;owned\x07\u202e\n[bold]"


def test_other_peoples_words_cannot_break_the_terminal() -> None:
    pointer = Seen(recommended=Recommendation(version=HOSTILE, image_id=HOSTILE), modified_at=None)
    hostile = Gap(HOSTILE, HOSTILE, HOSTILE)
    image = builders.image(name=HOSTILE, description=HOSTILE)
    entries = (entry(pointer=pointer, image=image, history=hostile), entry(pointer=hostile, image=None, history=None))
    text = render_releases_table(releases(*entries, region=HOSTILE, partition=HOSTILE))
    assert all(character.isprintable() for character in text.replace("\n", ""))
    assert "[bold]" in text, "a name is no markup"


def test_colours_are_for_terminals() -> None:
    assert "\x1b[" in table(entry(), colour=True)
    assert "\x1b" not in table(entry())
