"""What holds for all tests: no test asserts seconds, and what shares a fixture that is dear stays in one process."""

from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

HERE = Path(__file__).parent
PRIVILEGE = "test_privilege.py"
"""It rewrites the roles of a stack of its own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests for parallel runs: those on the deployed stack together, all others by file."""
    for item in items:
        file = item.path.relative_to(HERE)
        group = "the deployed stack" if file.parts[0] == "e2e" and file.name != PRIVILEGE else str(file)
        item.add_marker(pytest.mark.xdist_group(group))
