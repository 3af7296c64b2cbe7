"""The command line in this process: fast, and what it imports is shared by all tests."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestrator.cli.app import make_app
from tests.acceptance.cli.support import FUNCTIONS, workflow

TEMPLATE = """
kind: WorkflowTemplate
metadata: {name: "${{ params.name }}"}
parameters:
  name: {required: true, schema: {type: string}}
  seconds: {default: 0, schema: {type: integer, minimum: 0}}
spec:
  steps: [{name: nap, type: delay, config: {seconds: "${{ params.seconds }}"}}]
"""


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Cli:
    """Commands in a folder of their own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        for name in [name for name in os.environ if name.startswith("BATON_")]:
            monkeypatch.delenv(name)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("BATON_SYNCHRONOUS", "off")  # no test here cuts the power
        monkeypatch.setenv("BATON_MODULES", "functions.py")
        monkeypatch.setenv("BATON_GRACE", "100ms")
        self.write("functions.py", FUNCTIONS)
        self._runner = CliRunner()

    def __call__(self, *words: str, stdin: str | None = None) -> Outcome:
        result = self._runner.invoke(make_app(), words, input=stdin, catch_exceptions=False)
        return Outcome(result.exit_code, result.stdout, result.stderr)

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return name

    def flow(self, name: str, steps: str, more: str = "") -> str:
        return self.write(f"{name}.yaml", workflow(name, steps, more))

    def read(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []
