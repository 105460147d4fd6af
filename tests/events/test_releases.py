"""The release event: its schema, its example, and what the code writes and reads are one contract."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from eks_auditor.events.errors import EventError
from eks_auditor.events.releases import DETAIL_TYPE, SCHEMA_VERSION, SOURCE, detail_of, event_id_of
from eks_auditor.events.requests import Recommendation, ReleaseRequest
from eks_auditor.events.sources import parse_event
from eks_auditor.releases.families import lines_of_minor, parameter_of

ROOT = Path(__file__).resolve().parents[2]
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "schemas" / "release-1.json").read_text())
EXAMPLE: dict[str, Any] = json.loads((ROOT / "events" / "release.json").read_text())

INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis adds the zone
RECOMMENDATIONS = st.builds(
    Recommendation,
    version=st.from_regex(r"20[0-9]{6}|[0-9]{1,2}\.[0-9]{1,3}\.[0-9]|2026\.[01][0-9]\.[0-2][0-9]", fullmatch=True),
    image_id=st.from_regex(r"ami-[0-9a-f]{8,17}", fullmatch=True),
)


@st.composite
def releases(draw: st.DrawFn) -> ReleaseRequest:
    line = draw(st.sampled_from(lines_of_minor("1.35")))
    new = draw(RECOMMENDATIONS)
    region = draw(st.sampled_from(["eu-west-1", "us-gov-west-1", "cn-northwest-1"]))
    parameter = parameter_of(line).name
    seen = draw(INSTANTS)
    return ReleaseRequest(
        event_id=event_id_of(region, parameter, new),
        move=draw(st.integers(1, 10_000)),
        partition=draw(st.sampled_from(["aws", "aws-us-gov", "aws-cn"])),
        region=region,
        line=line,
        parameter=parameter,
        old=draw(RECOMMENDATIONS),
        new=new,
        published_at=seen - timedelta(seconds=draw(st.integers(0, 10_000))),
        rollback=draw(st.booleans()),
        at=seen,
    )


def event(detail: dict[str, Any]) -> dict[str, Any]:
    return {"source": SOURCE, "detail-type": DETAIL_TYPE, "detail": detail}


@given(releases())
def test_what_is_written_is_in_the_schema_and_read_back(release: ReleaseRequest) -> None:
    detail = json.loads(json.dumps(detail_of(release)))
    Draft202012Validator(SCHEMA).validate(detail)
    assert parse_event(event(detail)) == release


def test_the_example_is_in_the_schema_and_what_the_code_writes() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(EXAMPLE["detail"])
    release = parse_event(EXAMPLE)
    assert isinstance(release, ReleaseRequest)
    assert detail_of(release) == EXAMPLE["detail"]
    assert release.event_id == event_id_of(release.region, release.parameter, release.new)


def test_the_schema_names_every_member_and_no_other() -> None:
    assert set(SCHEMA["required"]) == set(SCHEMA["properties"]) == set(EXAMPLE["detail"])
    assert SCHEMA["properties"]["schema_version"]["const"] == SCHEMA_VERSION
    assert SCHEMA["$id"] == f"release-{SCHEMA_VERSION}.json"
    for name, member in SCHEMA["properties"].items():
        assert "description" in member or "const" in member, name


@pytest.mark.parametrize(
    "wrong",
    [{"event_id": "x"}, {"move": 0}, {"minor": 1.35}, {"rollback": None}, {"new": {}}, {"observed_at": "today"}],
)
def test_the_schema_refuses_what_the_reader_refuses(wrong: dict[str, Any]) -> None:
    detail = EXAMPLE["detail"] | wrong
    assert not Draft202012Validator(SCHEMA).is_valid(detail)
    with pytest.raises(EventError, match="cannot be read"):
        parse_event(event(detail))


def test_an_id_is_of_region_parameter_and_value() -> None:
    new = Recommendation(version="20261117", image_id="ami-0")
    ids = {
        event_id_of("eu-west-1", "/a", new),
        event_id_of("eu-west-2", "/a", new),
        event_id_of("eu-west-1", "/b", new),
        event_id_of("eu-west-1", "/a", Recommendation(version="20261118", image_id="ami-0")),
        event_id_of("eu-west-1", "/a", Recommendation(version="20261117", image_id="ami-1")),
    }
    assert len(ids) == 5
