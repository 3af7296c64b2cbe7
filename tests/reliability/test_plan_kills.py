"""`baton ask` killed with SIGKILL while a model plans and while it answers, over HTTP."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from api.demo.provider import Provider, serving
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings
from tests.integration.chat.test_assistant import PLANNER, REQUEST, Planner

pytestmark = pytest.mark.chaos


class Lives:
    """Processes of the command line on one database, each of which may be killed by the provider it asks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: asyncio.subprocess.Process | None = None
        self.kills = 0
        self._kill_at = {1, 4}
        """The first draft of the plan, and the answer that is put together in the end."""

    async def leaving(self, number: int) -> None:
        """The provider has its answer, and whoever asked dies before it is sent."""
        if number in self._kill_at and self.process is not None:
            self.kills += 1
            os.kill(self.process.pid, signal.SIGKILL)

    async def live(self, url: str, *words: str) -> int:
        environment = {**os.environ, "PROVIDER": url, "BOOKINGS": str(self.folder / "booked.txt")}
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "orchestrator.cli", *words, "--module", PLANNER, "--until-rest"),
            cwd=self.folder,
            stdout=asyncio.subprocess.DEVNULL,
            stdin=asyncio.subprocess.DEVNULL,
            env=environment,
        )
        return await asyncio.wait_for(self.process.wait(), 150)


async def _approve(folder: Path) -> None:
    settings = Settings(database=folder / "baton.db", _env_file=None)  # type: ignore[call-arg]
    async with Orchestrator.open(settings, drive=False) as baton:
        [wait] = await baton.waits("x")
        await baton.decide("x", wait.path, "approve", by="ann")


@pytest.mark.capability("D01", "D02", "F22", "I05")
async def test_no_plan_is_paid_for_twice(tmp_path: Path) -> None:
    """Four calls, two of them killed in flight: what was answered and heard is never asked again."""
    lives = Lives(tmp_path)
    provider = Provider([Planner("planner")], leaving=lives.leaving)
    with serving(provider) as url:
        code = await lives.live(url, "ask", REQUEST, "--id", "x")
        for _ in range(8):
            if code == 4:
                await _approve(tmp_path)
            if code == 0:
                break
            code = await lives.live(url, "resume", "x")
    assert code == 0 and lives.kills == 2
    assert [*provider.conversations.values()] == [1, 2, 1, 2], "the decision, two drafts, the answer"
    assert sorted((tmp_path / "booked.txt").read_text().split()) == ["Oslo", "Rome"]
    settings: Any = Settings(database=tmp_path / "baton.db", _env_file=None)  # type: ignore[call-arg]
    async with Orchestrator.open(settings, drive=False) as baton:
        execution = await baton.get("x")
    assert json.dumps(execution.output["answer"]) == '"Rooms are booked in Oslo and Rome."'
