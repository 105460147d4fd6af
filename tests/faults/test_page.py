from pathlib import Path

import pytest

from tests.faults.expected import WORDS, Row
from tests.faults.kinds import WORDS as SERVICES
from tests.faults.kinds import Kind
from tests.faults.page import PAGE, render, written
from tests.faults.rows import ROWS

ROOT = Path(__file__).parents[2]


def test_the_page_in_the_repository_is_fresh() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert page == written(page), "run python -m tests.faults.page"


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        written("# Faults\n")


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.part}-{row.action}" for row in ROWS])
def test_every_row_has_a_word_on_every_kind_that_it_can_meet(row: Row) -> None:
    assert row.action.partition(":")[0] in SERVICES
    for kind in Kind:
        expected = row.expected(kind)
        if kind in row.kinds:
            assert expected is not None, kind
            assert expected.word in WORDS
            assert expected.why or kind is not Kind.EMPTY
    assert f"`{row.action}`" in render()


def test_no_call_has_two_rows_of_one_part() -> None:
    assert len({(row.part, row.action) for row in ROWS}) == len(ROWS)
