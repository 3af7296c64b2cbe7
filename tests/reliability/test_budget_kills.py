"""A budget holds though the process is killed in the middle of one call after the other: what was under way counts."""

import asyncio
import json
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from agents.models.scripts import Call, Rule, Script, Turn
from api.demo.provider import Provider, serving
from graphs.budget import HELD
from tests.reliability import agent_life
from tests.reliability.agent_world import FORKS

pytestmark = pytest.mark.chaos
ENDLESS = Script("spender", rules=(Rule(".", Turn(calls=(Call("nothing"),))),))


def _held(database: Path) -> int:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
        (count,) = db.execute("SELECT count(*) FROM records WHERE kind = ?", (HELD,)).fetchone()
    return int(count)


@pytest.mark.capability("D01", "security-A19", "I05")
def test_calls_that_were_under_way_at_kills_are_spent(tmp_path: Path) -> None:
    """Four calls are allowed: three die with their process before they are answered; one more is made, and no other."""
    database, pids = tmp_path / "baton.db", list[int]()

    async def leaving(number: int) -> None:
        if number < 3:
            async with asyncio.timeout(20):
                while _held(database) <= number:
                    await asyncio.sleep(0.005)
            os.kill(pids[-1], signal.SIGKILL)

    provider = Provider([ENDLESS], leaving=leaving)
    with serving(provider) as url:
        while True:
            output = str(tmp_path / "ended.json")
            life = FORKS.Process(target=agent_life.live, args=(str(database), url, url, output, "spender"))
            life.start()
            assert life.pid is not None
            pids.append(life.pid)
            life.join(60)
            if life.exitcode != -signal.SIGKILL:
                break
    assert life.exitcode == 0, Path(f"{output}.log").read_text()
    assert json.loads(Path(output).read_text())["status"] == "budget_exceeded"
    assert (len(pids), len(provider.asked)) == (4, 4)
