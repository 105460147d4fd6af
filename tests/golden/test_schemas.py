"""The published schemas are those of the code."""

import json
from pathlib import Path
from typing import Any

import jsonschema
from pydantic import TypeAdapter

from eks_auditor.report.json_document import ReportDocument
from eks_auditor.report.snapshot_file import snapshot_schema, write_snapshot
from tests import builders
from tests.golden.compare import matches

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def text_of(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2) + "\n"


def test_the_reports_schema_is_fresh() -> None:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | TypeAdapter(ReportDocument).json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert matches(text_of(schema), SCHEMAS / "report-1.json"), "UPDATE_GOLDENS=1 pytest tests/golden writes it anew"


def test_the_snapshots_schema_is_fresh() -> None:
    schema = snapshot_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert matches(text_of(schema), SCHEMAS / "snapshot-1.json"), "UPDATE_GOLDENS=1 pytest tests/golden writes it anew"


def test_a_written_snapshot_follows_its_schema() -> None:
    everything = builders.snapshot(
        builders.managed(), builders.self_managed(), builders.node_pool(), builders.fargate(), builders.standalone()
    )
    jsonschema.validate(json.loads(write_snapshot(everything)), snapshot_schema())
