"""docs/policy.md shows a policy that is valid, and names every key, tag and parameter that there is."""

import re
from datetime import UTC, datetime

import pytest

from eks_auditor.checks import CATALOGUE
from eks_auditor.policy.document import ExemptionDocument, PolicyDocument
from eks_auditor.policy.reading import read_policy
from eks_auditor.policy.tags import KEYS, LONGEST
from eks_auditor.policy.yaml_text import LARGEST
from eks_auditor.wiring.policy_in_force import READ_AFTER
from tests.docs.pages import rows, text

PAGE = "docs/policy.md"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_the_example_is_valid_and_shows_every_key() -> None:
    [example] = re.findall(r"(?ms)^```yaml\n(.*?)^```$", text(PAGE))
    policy, warnings = read_policy(example, checks=CATALOGUE, now=NOW)
    assert warnings == ()
    assert [len(policy.rules), len(policy.exemptions)] == [3, 1]
    for key in {*PolicyDocument.model_fields, *ExemptionDocument.model_fields}:
        assert re.search(rf"\b{key}:", example), key


@pytest.mark.parametrize("key", sorted(PolicyDocument.model_fields))
def test_every_key_has_its_row(key: str) -> None:
    assert any(f"`{key}`" in row[0] for row in rows(PAGE, "key"))


def test_every_tag_has_its_row() -> None:
    assert [row[0].strip("`") for row in rows(PAGE, "tag")] == list(KEYS)


def test_the_bounds_are_the_codes() -> None:
    page = text(PAGE)
    assert f"at most {LONGEST.days} days ahead" in page
    assert f"up to {LARGEST // 1024} KB" in page
    assert (READ_AFTER.seconds, "every five minutes" in page) == (300, True)
