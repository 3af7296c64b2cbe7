"""What models may cost, over crashes: what a call may take is held in the file before the call is sent."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from agents import Call, Failure, Models, Script, Tool, Tools, Turn
from graphs.budget import HELD
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import engine, rested, workflow


def _agent(name: str = "ask", **more: Any) -> dict[str, Any]:
    config = {"model": "scripted:s", "message": "Go", "tools": ["go"], "max_turns": 100}
    return {"name": name, "type": "agent", "config": config, **more}


def _held(database: Path) -> int:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
        (count,) = db.execute("SELECT count(*) FROM records WHERE kind = ?", (HELD,)).fetchone()
    return int(count)


GO = Tools([Tool("go", "Goes on.", lambda: "on")])


@pytest.mark.capability("D01", "security-A19")
async def test_what_a_call_may_take_is_in_the_file_before_it_is_sent(database: Path) -> None:
    """However soon after that its process dies. A second process looks at the moment the model is asked."""
    asked, held = 0, list[int]()

    class Looks(Script):
        def turn(self, spoken: int, said: str, form: Any) -> Any:
            nonlocal asked
            asked += 1
            held.append(_held(database) - asked)
            return Turn(calls=(Call("go"),))

    given = [Models(allow_real=False, scripts=[Looks("s")]), GO]
    steps = [_agent(f"a{number}") for number in range(3)]
    async with engine(database, resources=given) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps, config={"budget": {"calls": 12}})))
    assert (execution.status, asked) == ("budget_exceeded", 12)
    assert min(held) >= 0


@pytest.mark.capability("D01")
async def test_a_budget_holds_wherever_the_process_dies(tmp_path: Path) -> None:
    """After every commit in turn: no more calls than the budget, and at most one paid for nothing."""

    async def live(database: Path, asked: list[str]) -> str:
        class Heard(Script):
            def turn(self, spoken: int, said: str, form: Any) -> Any:
                asked.append(said)
                return Turn(calls=(Call("go"),))

        given = [Models(allow_real=False, scripts=[Heard("s")]), GO]
        async with engine(database, resources=given) as baton:
            if await baton.store.execution("e") is None:
                definition = workflow("w", [_agent()], config={"budget": {"calls": 3}})
                await baton.start(definition, {}, execution_id="e")
            return str((await rested(baton, "e")).status)

    point = 0
    while True:
        point += 1
        crash, asked = Crash(point), list[str]()
        with crashing(crash):
            await either(live(tmp_path / f"{point}.db", asked), crash)
        assert await asyncio.wait_for(live(tmp_path / f"{point}.db", asked), 60) == "budget_exceeded"
        assert 2 <= len(asked) <= 3, f"after {point} commits"
        if not crash.happened.is_set():
            break
    assert len(asked) == 3
    assert point > 5


@pytest.mark.capability("D01", "security-A19")
async def test_a_budget_holds_under_parallel_agents_retries_and_crashes(tmp_path: Path) -> None:
    """Three agents side by side at a provider that fails every other time, killed after a commit here and there: no
    more calls than the budget, and no fewer than what is left of it when those in flight then are paid for nothing."""
    limit, agents = 7, 3

    async def live(database: Path, asked: list[str]) -> str:
        class Shaky(Script):
            def turn(self, spoken: int, said: str, form: Any) -> Any:
                asked.append(said)
                if len(asked) % 2:
                    return Turn(failures=(Failure("server"),) * 1000)
                return Turn(calls=(Call("go"),))

        given = [Models(allow_real=False, scripts=[Shaky("s")]), GO]
        retry = {"max_attempts": 50, "initial_delay": 0, "max_delay": 0, "jitter": 0}
        steps = [_agent(f"a{n}", retry=retry) for n in range(agents)]
        async with engine(database, resources=given, limits={"scripted": {"breaker": False}}) as baton:
            if await baton.store.execution("e") is None:
                await baton.start(workflow("w", steps, config={"budget": {"calls": limit}}), {}, execution_id="e")
            return str((await rested(baton, "e")).status)

    for point in range(1, 40, 3):
        crash, asked = Crash(point), list[str]()
        with crashing(crash):
            await either(live(tmp_path / f"{point}.db", asked), crash)
        assert await asyncio.wait_for(live(tmp_path / f"{point}.db", asked), 60) == "budget_exceeded"
        assert limit - agents <= len(asked) <= limit, f"after {point} commits"
