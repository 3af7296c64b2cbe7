"""A file for each test, and what its steps do."""

from pathlib import Path

import pytest

from tests.support.engine.ledger import Ledger
from tests.support.engine.steps import Effects, Gates


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the engine keeps everything."""
    return tmp_path / "baton.db"


@pytest.fixture
def effects() -> Effects:
    """What steps did, over all engines of the test."""
    return Effects()


@pytest.fixture
def gates() -> Gates:
    """Doors at which steps can be held."""
    return Gates()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()
