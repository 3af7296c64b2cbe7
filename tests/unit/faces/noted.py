"""Steps that are noted when they run, for the workflows that the patterns document prints."""

# ruff: noqa: A002 - `input` is the document's word

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine import Orchestrator
from orchestrator.faces.patterns import WorkflowStep
from orchestrator.faces.running import known_step_types
from orchestrator.settings import Settings

CALLS: list[str] = []
"""The names of the steps that ran, in their order."""


@pytest.fixture(autouse=True)
def nothing_noted() -> None:
    CALLS.clear()


@pytest.fixture
async def baton(tmp_path: Path) -> AsyncIterator[Orchestrator]:
    settings = Settings(database=tmp_path / "baton.db", synchronous="off", log_level="error")
    async with Orchestrator.open(settings, step_types=known_step_types()) as running:
        yield running


class Noted(WorkflowStep):
    """A step that is noted when it runs."""

    async def execute(self, input: dict[str, Any]) -> dict[str, Any]:
        CALLS.append(self.name)
        return self.work(input)

    def work(self, input: dict[str, Any]) -> dict[str, Any]:
        return input


def adds(name: str, **facts: Any) -> type[Noted]:
    """A class of steps that add facts to what they are given."""
    return type(name, (Noted,), {"work": lambda self, given: {**given, **facts}})
