from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.cli.support import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A folder of its own; processes that a test leaves behind are ended."""
    made = Place(tmp_path)
    try:
        yield made
    finally:
        made.close()
