"""A budget holds though the process is killed at the very start of one call after the other: what was under way counts.

Nothing is waited for before a kill: a call that has reached its provider has been kept before.
"""

import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agents.models.scripts import Call, Rule, Script, Turn
from api.demo.provider import Fault, Provider, serving
from tests.reliability import agent_life
from tests.reliability.agent_world import FORKS

pytestmark = pytest.mark.chaos
ENDLESS = [Script(name, rules=(Rule(".", Turn(calls=(Call("nothing"),))),)) for name in ("spender", "spenders")]


def _lived(tmp_path: Path, provider: Provider, kills: Callable[[int], bool], script: str) -> int:
    """Lives until one ends by itself, for want of a budget; gives how many were killed."""
    pids = list[int]()
    killed = set[int]()

    async def arriving(number: int) -> None:
        if kills(number) and pids[-1] not in killed:
            killed.add(pids[-1])
            os.kill(pids[-1], signal.SIGKILL)

    provider.arriving = _after(provider.arriving, arriving)
    database, output = tmp_path / "baton.db", str(tmp_path / "ended.json")
    with serving(provider) as url:
        while True:
            life = FORKS.Process(target=agent_life.live, args=(str(database), url, url, output, script))
            life.start()
            assert life.pid is not None
            pids.append(life.pid)
            life.join(60)
            if life.exitcode != -signal.SIGKILL:
                break
    assert life.exitcode == 0, Path(f"{output}.log").read_text()
    assert json.loads(Path(output).read_text())["status"] == "budget_exceeded"
    return len(killed)


def _after(
    first: Callable[[int], Awaitable[None]] | None, then: Callable[[int], Awaitable[None]]
) -> Callable[[int], Awaitable[None]]:
    async def both(number: int) -> None:
        if first is not None:
            await first(number)
        await then(number)

    return both


@pytest.mark.capability("D01", "security-A19", "I05")
def test_calls_that_were_under_way_at_kills_are_spent(tmp_path: Path) -> None:
    """Four calls are allowed: three die with their process as they arrive; one more is made, and no other."""
    provider = Provider([*ENDLESS])
    assert _lived(tmp_path, provider, lambda number: number < 3, "spender") == 3
    assert len(provider.asked) == 4


@pytest.mark.capability("D01", "security-A19", "I05")
def test_a_budget_holds_under_retries_parallel_calls_and_kills_together(tmp_path: Path) -> None:
    """Three agents side by side at a provider that fails every other call: never one call more than the budget."""
    provider = Provider([*ENDLESS])

    async def failing(number: int) -> None:
        if number % 2:
            provider.fail(Fault("500"))

    provider.arriving = failing
    kills = _lived(tmp_path, provider, lambda number: number in (1, 6), "spenders")
    assert kills == 2
    # Of each life some calls may have been held for, and killed before they were sent; none was sent unheld.
    assert 12 - 2 * kills <= len(provider.asked) <= 12
