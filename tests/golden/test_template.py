"""The nodes of shipped groups, as the command line prints them."""

import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import TypeAdapter

from eks_auditor.report.template import TemplateDocument
from local_aws import AuditedAws
from tests.cli.conftest import Command
from tests.golden.compare import matches

HERE = Path(__file__).parent
SCHEMA = HERE.parents[1] / "docs" / "schemas" / "template-1.json"
STALE = "UPDATE_GOLDENS=1 pytest tests/golden writes it anew; read what has changed"


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_shipped_group(command: Command, aws: AuditedAws, form: str) -> None:
    result = command("template", "training", "--cluster", "shop", "--format", form)
    assert (result.code, result.err) == (0, "")
    assert matches(result.out, HERE / f"template.{'txt' if form == 'table' else form}"), STALE
    assert aws.broken_answers == []


def test_the_schema_is_fresh() -> None:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | TypeAdapter(TemplateDocument).json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert matches(json.dumps(schema, indent=2) + "\n", SCHEMA), STALE
