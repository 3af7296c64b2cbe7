"""Routes that a model chooses, in an engine: kept with their reason, counted in the budget, never silent (F17, X25)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agents import Failure, Models, Script, Turn
from agents.models.router import Router
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import act, engine, finished, rested, run, workflow

CASES = [
    {"name": "billing", "description": "Money", "steps": [act("bill", value="billed")]},
    {"name": "support", "description": "Broken things", "steps": [act("help", value="helped")]},
]


def _switch(**more: Any) -> dict[str, Any]:
    config = {"model": "scripted:r", "on": "{{ input.wish }}", **more.pop("config", {})}
    return {"name": "route", "type": "switch", "config": config, "cases": CASES, **more}


def _says(*routes: str) -> list[Any]:
    turns = tuple(Turn(structured={"route": route, "explanation": f"it is {route}"}) for route in routes)
    return [Models(allow_real=False, scripts=[Script("r", turns=turns)]), Router()]


@pytest.mark.capability("F16", "F17", "X25")
async def test_the_route_and_its_reason_are_kept_and_the_calls_are_counted(database: Path) -> None:
    inside = {"name": "each", "type": "map", "config": {"items": [1, 2]}, "steps": [_switch()]}
    async with engine(database, resources=_says("sales", "support")) as baton:
        execution = await run(baton, workflow("w", [_switch(), inside]), {"wish": "my screen is broken"})
        result = (await baton.results(execution.id))["route"]
        usage = {one.step: one for one in await baton.usage(execution.id)}
    assert (result["route"], result["output"]["explanation"]) == ("support", "it is support")
    assert result["output"]["output"]["value"] == "helped"
    assert {step: one.calls for step, one in usage.items()} == {"route": 2, "each[0].route": 2, "each[1].route": 2}
    assert usage["route"].model == "scripted:r" and usage["route"].input_tokens > 0


@pytest.mark.capability("X25")
async def test_a_route_that_nobody_knows_fails_or_takes_the_default_and_says_so(database: Path) -> None:
    async with engine(database, resources=_says("sales", "legal", "press")) as baton:
        execution = await run(baton, workflow("w", [_switch()]), {"wish": "?"})
        assert (execution.status, execution.error["code"]) == ("failed", "route_unknown")
        execution = await run(baton, workflow("v", [_switch(default=[act("other", value="x")])]), {"wish": "?"})
        result = (await baton.results(execution.id))["route"]
    assert execution.status == "completed" and result["route"] == "default"
    assert result["output"]["explanation"] == "default: the model named no route; it last said 'press'"


@pytest.mark.capability("F17", "security-A19")
async def test_a_budget_that_is_used_up_asks_a_person(database: Path) -> None:
    """What was said before is not asked again."""
    config = {"budget": {"calls": 1}}
    async with engine(database, resources=_says("sales", "support")) as baton:
        for decision, data, ended in (("edit", {"raise_by": 5}, "completed"), ("reject", None, "failed")):
            execution = await rested(baton, await baton.start(workflow("w", [_switch()], config=config), {"wish": "?"}))
            assert execution.status == "budget_exceeded"
            (wait,) = await baton.waits(execution.id)
            assert (wait.path, wait.wait.question["message"]) == (
                "route[1].budget",
                "The model that chooses a route in 'route' cannot go on: the execution's budget of 1 calls does not "
                "allow another call (1 are spent). Raise it?",
            )
            await baton.decide(execution.id, wait.path, decision, by="ann", data=data)
            execution = await finished(baton, execution)
            (usage,) = await baton.usage(execution.id)
            assert (execution.status, usage.calls) == (ended, 2 if ended == "completed" else 1)
    assert execution.error["code"] == "budget_exceeded"


@pytest.mark.capability("F17", "D01", "D02")
async def test_what_was_said_before_a_crash_is_not_asked_again(tmp_path: Path) -> None:
    """After every commit in turn: no call whose answer was kept is made again."""

    async def live(database: Path, asked: list[int]) -> Any:
        class Heard(Script):
            def turn(self, spoken: int, said: str, form: Any) -> Any:
                asked.append(spoken)
                return Turn(structured={"route": ["sales", "legal", "support"][spoken], "explanation": "so"})

        given = [Models(allow_real=False, scripts=[Heard("r")]), Router()]
        async with engine(database, resources=given) as baton:
            if await baton.store.execution("e") is None:
                await baton.start(workflow("w", [_switch()]), {"wish": "?"}, execution_id="e")
            execution = await finished(baton, "e")
            return execution.status, (await baton.results("e"))["route"]["route"]

    point = 0
    while True:
        point += 1
        crash, asked = Crash(point), list[int]()
        database = tmp_path / f"{point}.db"
        with crashing(crash):
            await either(live(database, asked), crash)
        kept = {path for path, status in await _completed(database) if status == "completed"}
        again = list[int]()
        assert await asyncio.wait_for(live(database, again), 60) == ("completed", "support")
        assert not [spoken for spoken in again if f"route[{spoken}].model" in kept], f"after {point} commits"
        if not crash.happened.is_set():
            break
    assert asked == [0, 1, 2] and not again
    assert point > 5


async def _completed(database: Path) -> list[tuple[str, str]]:
    async with engine(database, drive=False) as baton:
        if await baton.store.execution("e") is None:
            return []
        return [(path, str(result["status"])) for path, result in (await baton.results("e")).items()]


async def test_a_model_that_fails_is_tried_again_as_the_switch_says(database: Path) -> None:
    turns = (Turn(structured={"route": "support", "explanation": "x"}, failures=(Failure("server"),) * 2),)
    given = [Models(allow_real=False, scripts=[Script("r", turns=turns)]), Router()]
    async with engine(database, resources=given) as baton:
        retry = {"max_attempts": 3, "initial_delay": 0, "jitter": 0}
        assert (await run(baton, workflow("w", [_switch(retry=retry)]), {"wish": "?"})).status == "completed"
        execution = await run(baton, workflow("v", [_switch(retry={"max_attempts": 1})]), {"wish": "!"})
    assert execution.status == "failed"
    assert execution.error["message"] == "model 'scripted:r' failed at its provider's: scripted failure"
