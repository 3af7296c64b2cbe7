"""Commands of other packages: known by name, loaded when they are invoked, unable to break ours."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from orchestrator.cli import lazy
from orchestrator.cli.app import invoke
from orchestrator.cli.lazy import GROUP
from tests.unit.cli.support import Cli

GOOD = '''"""`baton good`: does what it says."""
import typer

def register(app):
    @app.command("good")
    def good(name: str):
        typer.echo(f"good {name}")
'''


@pytest.fixture
def offers(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packages that offer a good command, a broken one, one whose module is gone, and one called as ours."""
    package = cli.folder / "offering"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('packages around are not run to read a summary')\n")
    cli.write("good_offer.py", GOOD)
    cli.write("broken_offer.py", '"""Breaks."""\nraise RuntimeError("no such luck")\n')
    cli.write("offering/command.py", '"""A command in a package."""\n')
    monkeypatch.syspath_prepend(cli.folder)
    modules = {
        "good": "good_offer",
        "broken": "broken_offer",
        "deep": "offering.command",
        "gone": "gone_offer",
        "run": "good_offer",
    }
    found = [EntryPoint(name, f"{module}:register", GROUP) for name, module in modules.items()]
    monkeypatch.setattr(lazy, "entry_points", lambda group: found)
    return cli.folder


@pytest.mark.capability("I11")
def test_help_lists_them_without_loading_them(cli: Cli, offers: Path) -> None:
    done = cli("--help")
    assert done.code == 0
    for text in ("Does what it says.", "Breaks.", "A command in a package."):
        assert text in done.out
    assert "good_offer" not in sys.modules
    assert "offers the command 'gone', but there is no module gone_offer" in done.err


@pytest.mark.capability("I11")
def test_they_are_loaded_when_they_are_invoked(cli: Cli, offers: Path) -> None:
    done = cli("good", "Ada")
    assert (done.code, done.out) == (0, "good Ada\n")
    assert "good [OPTIONS]" in cli("good", "--help").out


def test_a_broken_one_is_an_error_of_its_own(
    cli: Cli, offers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["baton", "broken"])
    with pytest.raises(SystemExit) as ended:
        invoke()
    assert ended.value.code == 1
    assert "cannot be loaded: RuntimeError: no such luck" in capsys.readouterr().err


def test_ours_cannot_be_replaced(cli: Cli, offers: Path) -> None:
    assert "Start a workflow" in cli("run", "--help").out
