"""What the README shows is run: its files, its commands with their exit codes, its Python."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
_FILE = re.compile(r"<!-- file: (?P<name>[\w.]+) -->\n```\w+\n(?P<text>.*?)```", re.S)
_BLOCK = re.compile(r"```(?P<kind>\w+)\n(?P<text>.*?)```", re.S)
_COMMAND = re.compile(r"(?P<line>baton .*?)\s+# (?P<code>\d+)$")


def commands() -> Iterator[tuple[str, int]]:
    for block in _BLOCK.finditer(README):
        if block["kind"] == "console":
            for line in block["text"].splitlines():
                if found := _COMMAND.match(line):
                    yield found["line"], int(found["code"])


def snippets() -> list[str]:
    return [block["text"] for block in _BLOCK.finditer(README) if block["kind"] == "python"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for found in _FILE.finditer(README):
        (tmp_path / found["name"]).write_text(found["text"])
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


@pytest.mark.capability("C01", "C12", "C16", "O03")
def test_the_commands_of_the_readme_exit_as_it_says(folder: Path) -> None:
    """In their order, in one folder, as a reader would type them."""
    baton = Path(sys.executable).parent / "baton"
    said = list(commands())
    assert len(said) > 5
    for line, code in said:
        words = line.split()
        done = run(folder, str(baton), *words[1:])
        assert done.returncode == code, f"{line}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("number", range(len(snippets())))
def test_the_python_of_the_readme_runs(folder: Path, number: int) -> None:
    """As a file of its own, warnings being errors."""
    (folder / "snippet.py").write_text(snippets()[number])
    done = run(folder, sys.executable, "-W", "error", "snippet.py")
    assert done.returncode == 0, done.stderr
    if "print(" in snippets()[number]:
        assert "waiting Refund 500 for A-3?" in done.stdout and "completed" in done.stdout


def test_every_setting_is_in_the_example_of_the_environment() -> None:
    """And nothing that is no setting."""
    settings = "".join((ROOT / room / "settings.py").read_text() for room in ("orchestrator", "api"))
    fields = set(re.findall(r"^    (\w+): [^\n=]+ = ", settings, re.M)) - {"model_config"}
    shown = {
        name.removeprefix("BATON_").lower() for name in re.findall(r"BATON_\w+", (ROOT / ".env.example").read_text())
    }
    assert shown <= fields, shown - fields
    assert fields - shown <= {"partition_size", "short_wait", "poll"}, fields - shown
