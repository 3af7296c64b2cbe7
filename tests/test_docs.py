"""What the documentation shows is run: its files, its commands with their exit codes, its Python."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.documents import DOCUMENTS, README, ROOT, Document

_WITH_COMMANDS = [document for document in DOCUMENTS if any(document.commands())]
_SNIPPETS = [(document, number) for document in DOCUMENTS for number in range(len(document.blocks("python")))]


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    own = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, env=own
    )


def folder_of(document: Document, folder: Path) -> Path:
    for name, text in document.files().items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.capability("C01", "C12", "C16", "O03")
@pytest.mark.parametrize("document", _WITH_COMMANDS, ids=lambda document: document.name)
def test_the_commands_of_a_document_exit_as_it_says(document: Document, tmp_path: Path) -> None:
    """In their order, in one folder, as a reader would type them."""
    baton = Path(sys.executable).parent / "baton"
    folder = folder_of(document, tmp_path)
    for line, code in document.commands():
        done = run(folder, str(baton), *shlex.split(line)[1:])
        assert done.returncode == code, f"{line}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize(("document", "number"), _SNIPPETS, ids=[f"{one.name}-{n}" for one, n in _SNIPPETS])
def test_the_python_of_a_document_runs(document: Document, number: int, tmp_path: Path) -> None:
    """As a file of its own, warnings being errors."""
    folder = folder_of(document, tmp_path)
    (folder / "snippet.py").write_text(document.blocks("python")[number])
    done = run(folder, sys.executable, "-W", "error", "snippet.py")
    assert done.returncode == 0, done.stderr
    if document is README:
        assert "waiting Refund 500 for A-3?" in done.stdout and "completed" in done.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_what_a_document_points_to_is_there(document: Document) -> None:
    assert [target for target in document.links() if not target.exists()] == []


def test_every_chapter_is_in_the_readme() -> None:
    assert {document.path for document in DOCUMENTS[1:]} <= set(README.links())


def test_every_setting_is_in_the_example_of_the_environment() -> None:
    """And nothing that is no setting."""
    settings = "".join((ROOT / room / "settings.py").read_text() for room in ("orchestrator", "api"))
    fields = set(re.findall(r"^    (\w+): [^\n=]+ = ", settings, re.M)) - {"model_config"}
    shown = {
        name.removeprefix("BATON_").lower() for name in re.findall(r"BATON_\w+", (ROOT / ".env.example").read_text())
    }
    assert shown == fields, shown ^ fields
