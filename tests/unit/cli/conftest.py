from pathlib import Path

import pytest

from tests.unit.cli.support import Cli


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line, in a folder of its own."""
    return Cli(tmp_path, monkeypatch)
