"""What every test of faults shares."""

import pytest
from botocore.loaders import create_loader

from eks_auditor.wiring import accounts

LOADER = create_loader()
"""Of the services' models: the same for every client, and slow to parse."""


@pytest.fixture(autouse=True)
def _models_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.session.create_loader", lambda _paths=None: LOADER)
    monkeypatch.setattr(accounts, "create_loader", lambda: LOADER)
