"""Routes that a model chooses, in an engine: kept with their reason, counted in the budget, never silent (F17, X25)."""

from pathlib import Path
from typing import Any

import pytest

from agents import Models, Script, Turn
from agents.models.router import Router
from tests.support.engine.engines import act, engine, run, workflow

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
async def test_a_budget_that_is_used_up_allows_no_choice(database: Path) -> None:
    config = {"budget": {"calls": 1}}
    async with engine(database, resources=_says("sales", "support")) as baton:
        execution = await run(baton, workflow("w", [_switch()], config=config), {"wish": "?"})
        usage = await baton.usage(execution.id)
    assert (execution.error["category"], execution.error["code"]) == ("budget", "budget_exceeded")
    assert "the execution's budget of 1 calls does not allow another call of a model." in execution.error["message"]
    assert [one.calls for one in usage] == [1]
