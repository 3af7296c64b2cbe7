"""A setting whose name is misspelt changes nothing, and might do so unseen: a database would be made elsewhere."""

from pathlib import Path

import pytest

from api.settings import GatewaySettings
from orchestrator.environment import misspelt
from orchestrator.settings import Settings


def test_what_looks_like_a_setting_is_told_with_the_one_that_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("BATON_MAX_BODDY=5\nOTHER_DATABSE=x\n")
    monkeypatch.setenv("BATON_DATABSE", "x.db")
    monkeypatch.setenv("BATON_PORT", "2024")
    monkeypatch.setenv("BATON_KEY", "of a script of somebody's")
    assert list(misspelt(Settings, GatewaySettings)) == [
        ("BATON_DATABSE", "BATON_DATABASE"),
        ("BATON_MAX_BODDY", "BATON_MAX_BODY"),
    ]
