"""How values are read, by the tables of those whose code reads them in the autoscaler."""

import math
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eks_auditor.autoscaler.go_values import parse_bool, parse_duration, parse_float
from eks_auditor.autoscaler.quantity import parse_quantity, quantity_text

TABLES = yaml.safe_load(Path(__file__).with_name("upstream_values.yaml").read_text())
PARSERS: dict[str, Callable[[str], Any]] = {
    "quantity": parse_quantity,
    "float": parse_float,
    "duration": parse_duration,
    "bool": parse_bool,
}
NEARLY = st.text("0123456789.+-eEinumkKMGTPhsxp_ ", max_size=12) | st.text(max_size=8)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**15), max_value=10**15)


def rows(kind: str) -> list[Any]:
    return [
        pytest.param(text, value, id=f"{test}: {text!r}")
        for test, table in TABLES[kind].items()
        for text, value in table.items()
    ]


@pytest.mark.parametrize(("text", "value"), rows("quantity"))
def test_quantities(text: str, value: str | None) -> None:
    if value is None:
        with pytest.raises(ValueError, match="is no quantity"):
            parse_quantity(text)
    else:
        assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize(("text", "value"), [row for row in rows("quantity") if row.values[1] is not None])
def test_quantities_take_a_sign(text: str, value: str) -> None:
    """Upstream's test tries both on every row of its table."""
    if not text.startswith(("+", "-")):
        assert parse_quantity(f"-{text}") == -Decimal(value)
        assert parse_quantity(f"+{text}") == Decimal(value)


@pytest.mark.parametrize(("text", "value"), rows("float"))
def test_floats(text: str, value: float | None) -> None:
    if value is None:
        with pytest.raises(ValueError, match="is no number"):
            parse_float(text)
    else:
        assert parse_float(text) == value or (math.isnan(value) and math.isnan(parse_float(text)))


@pytest.mark.parametrize(("text", "value"), rows("duration"))
def test_durations(text: str, value: int | None) -> None:
    if value is None:
        with pytest.raises(ValueError, match="is no duration"):
            parse_duration(text)
    else:
        assert parse_duration(text) == timedelta(microseconds=value)


@pytest.mark.parametrize(("text", "value"), rows("bool"))
def test_truths(text: str, value: bool | None) -> None:  # noqa: FBT001  the value under test
    if value is None:
        with pytest.raises(ValueError, match="neither true nor false"):
            parse_bool(text)
    else:
        assert parse_bool(text) is value


@pytest.mark.parametrize("kind", PARSERS)
@given(text=NEARLY)
def test_any_text_is_read_or_refused(kind: str, text: str) -> None:
    """Nothing else is raised, and what Python would read is not read for that."""
    with suppress(ValueError):
        read = PARSERS[kind](text)
        assert text.isascii() or "s" in text  # microseconds may be written with a mu
        assert read == PARSERS[kind](text) or math.isnan(read)


@given(NUMBERS)
def test_a_written_quantity_is_read_back(number: Decimal) -> None:
    assert parse_quantity(quantity_text(number)) == number


@pytest.mark.parametrize("text", ["1e999999999999", "1e-999999999999", f"{'9' * 5000}.{'9' * 5000}Ei", "1" * 9999])
def test_numbers_beyond_all_bounds_end_at_once(text: str) -> None:
    assert len(quantity_text(parse_quantity(text))) <= max(len(text), 100)


@pytest.mark.parametrize(
    ("number", "text"), [("8589934592.000", "8589934592"), ("1E+3", "1000"), ("0.50", "0.5"), ("10", "10")]
)
def test_a_quantity_is_written_in_plain_digits(number: str, text: str) -> None:
    assert quantity_text(Decimal(number)) == text
