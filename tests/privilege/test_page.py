"""docs/permissions.md is what the templates and the tests say."""

import pytest

from tests.privilege import page
from tests.privilege.grants import grants
from tests.privilege.needs import NEEDS


def test_the_page_is_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert page.main(["--check"]) == 0, capsys.readouterr().err


def test_the_page_leaves_no_role_and_no_need_out() -> None:
    written = page.render()
    assert page.TITLES.keys() == {grant.carrier for grant in grants()}
    assert all(f"{need.run}: {need.what}" in written for need in NEEDS)
    assert "111111111111" not in written
