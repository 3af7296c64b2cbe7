"""Baton's packages have common names: somebody else's are noticed before they are imported."""

import sys
from pathlib import Path

import pytest

import orchestrator.cli
from orchestrator.cli.environment import OURS, clash


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks as if Baton were installed there, found before the real one."""
    for name, file in OURS.items():
        folder = tmp_path / "site" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("def step_types(): ...\n")
        (folder / file).touch()
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return tmp_path / "site"


def test_all_is_well_here() -> None:
    assert clash() is None


def test_all_is_well_where_the_packages_lie_side_by_side(home: Path) -> None:
    assert clash(home) is None


def test_a_package_found_elsewhere_is_somebody_elses(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with openai-agents in site-packages, and Baton from a checkout."""
    other = tmp_path / "other" / "agents"
    other.mkdir(parents=True)
    (other / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "other")
    found = clash(home)
    assert found is not None
    assert f"The package 'agents' that Python finds here ({other}) is not Baton's" in found
    assert "an environment of its own: make one in Baton's folder with `make demo`" in found


def test_a_package_that_was_installed_over_ours_is_noticed(home: Path) -> None:
    """Both wheels in one site-packages: the last one's `__init__` stays."""
    (home / "agents" / "__init__.py").write_text("from .agent import Agent\n")
    found = clash(home)
    assert found is not None
    assert "The package 'agents'" in found


def test_a_missing_package_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "api" / "__init__.py").unlink()
    (home / "api").rmdir()
    monkeypatch.setattr(sys, "path", [str(home)])
    found = clash(home)
    assert found is not None
    assert "Baton's package 'api' is missing" in found


def test_the_command_stops_before_anything_is_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(orchestrator.cli.environment, "clash", lambda: "The package 'agents' is not Baton's.")
    with pytest.raises(SystemExit) as ended:
        orchestrator.cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: The package 'agents' is not Baton's.\n"


def test_ctrl_c_while_python_loads_the_command_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(orchestrator.cli.environment, "clash", interrupted)
    with pytest.raises(SystemExit) as left:
        orchestrator.cli.main()
    assert left.value.code == 130
