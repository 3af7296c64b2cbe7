"""Help, and the agreement between what is declared and what performs it."""

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

import graphs
from orchestrator.cli.app import make_app
from orchestrator.cli.exits import MEANINGS
from orchestrator.cli.lazy import load
from orchestrator.cli.options import shared
from tests.unit.cli.support import Cli

_LIBRARY = Path(graphs.__file__).parent / "library"
_LOOK = """
import sys
from typer.testing import CliRunner
from orchestrator.cli.app import make_app
for words in (["--help"], ["run", "--help"], ["show", "--help"], ["workflows", "--help"]):
    assert CliRunner().invoke(make_app(), words).exit_code == 0
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
_INVOKE = """
import sys
from typer.testing import CliRunner
from orchestrator.cli.app import make_app
done = CliRunner().invoke(make_app(), sys.argv[1:])
assert done.exit_code == 0, done.output
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def declared(app: typer.Typer, *above: str) -> Iterator[tuple[tuple[str, ...], Callable[..., None]]]:
    """Every command: its words, and its callback."""
    for info in app.registered_commands:
        assert info.callback is not None
        yield (*above, str(info.name)), info.callback
    for group in app.registered_groups:
        assert group.typer_instance is not None
        registered = group.typer_instance.registered_callback
        assert registered is not None
        assert registered.callback is not None
        yield (*above, str(group.name)), registered.callback
        yield from declared(group.typer_instance, *above, str(group.name))


ALL = dict(declared(make_app()))


def test_help_says_what_there_is_and_what_exit_codes_mean(cli: Cli) -> None:
    done = cli("--help")
    assert done.code == 0
    for words in ALL:
        assert words == ("work",) or f" {words[0]} " in done.out
    for meaning in MEANINGS.values():
        assert meaning[:40] in done.out


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_explains_itself(cli: Cli, words: tuple[str, ...]) -> None:
    """A sentence, examples that begin as they are typed, and no markup that was not understood."""
    done = cli(*words, "-h")
    assert done.code == 0
    if words != ("work",):  # the other name of `engine`
        assert "Examples" in done.out
        assert f"baton {words[0]}" in done.out
    assert "[/" not in done.out
    assert "--json" in done.out


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_what_is_declared_is_what_the_body_takes(words: tuple[str, ...]) -> None:
    """The two are written apart, so that help loads no body."""
    body: str = inspect.getclosurevars(ALL[words]).nonlocals["body"]
    common = {"context", *inspect.signature(shared).parameters}
    own = [name for name in inspect.signature(ALL[words]).parameters if name not in common]
    assert list(inspect.signature(load(body)).parameters)[1:] == own


def test_help_loads_no_engine() -> None:
    """LangGraph alone takes over a second to import."""
    done = subprocess.run([sys.executable, "-c", _LOOK], capture_output=True, text=True, check=True)
    assert not {"langgraph", "langchain_core", "agents", "sqlite3", "jsonschema"} & set(done.stdout.split())


@pytest.mark.parametrize(
    "words",
    [
        ("validate", *sorted(map(str, _LIBRARY.glob("*.yaml")))),
        ("draw", str(_LIBRARY / "process_orders.yaml")),
        ("schema",),
    ],
    ids=lambda words: words[0],
)
def test_looking_at_definitions_loads_no_engine(words: tuple[str, ...], tmp_path: Path) -> None:
    """Editors and pre-commit hooks call these again and again."""
    done = subprocess.run(
        [sys.executable, "-c", _INVOKE, *words], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    loaded = set(done.stdout.split())
    assert "graphs" in loaded
    assert not {"langgraph", "langchain", "langchain_core", "langsmith", "sqlite3", "httpx"} & loaded


def test_the_version_is_told(cli: Cli) -> None:
    assert cli("--version").out.startswith("baton 0.")
