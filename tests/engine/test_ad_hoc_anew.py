"""What is left of a plan that fails is planned anew."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents import Tool, Tools
from agents.planning.bounds import AssistantBounds
from graphs.errors import ConflictError
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution
from tests.support.engine.assistant import World, open_question
from tests.support.engine.engines import engine, rested

BREAKS = """
apiVersion: workflow/v1
kind: Workflow
metadata: {name: breaks}
spec:
  steps:
    - {name: first, type: tool, config: {tool: write_to, args: {city: Oslo}}}
    - {name: second, type: tool, depends_on: [first], config: {tool: broken, args: {city: Rome}}}
    - {name: third, type: tool, depends_on: [second], config: {tool: write_to, args: {city: Bern}}}
"""
REPEATS = BREAKS.replace("broken", "look_up")
MENDED = """
apiVersion: workflow/v1
kind: Workflow
metadata: {name: mended}
spec:
  steps:
    - {name: second, type: tool, config: {tool: look_up, args: {city: Rome}}}
    - {name: third, type: tool, depends_on: [second], config: {tool: write_to, args: {city: Bern}}}
"""


class Breaking(World):
    """One of its tools never works; its drafts have no input."""

    def _draft(self, text: str) -> dict[str, Any]:
        return {"workflow": text, "summary": "Does it."}

    def resources(self) -> list[Any]:
        def broken(city: str) -> None:
            self.done.append(f"broken {city}")
            raise ValueError("the road is closed")

        def unwrite(wrote: str) -> None:
            self.done.append(f"unwrite {wrote}")

        models, tools = super().resources()
        broken_tool = Tool("broken", "Goes there.", broken, effect="none")
        write = replace(tools.get("write_to"), effect="reversible", undo="unwrite")
        return [models, Tools([tools.get("look_up"), write, broken_tool, Tool("unwrite", "Takes back.", unwrite)])]


async def _agreed(baton: Orchestrator, execution: Execution) -> tuple[Execution, list[Any]]:
    """Every plan is approved; what was asked."""
    asked = []
    execution = await rested(baton, execution)
    while not execution.status.final:
        wait = await open_question(baton, execution)
        asked.append(wait.wait.question)
        await baton.decide(execution.id, wait.path, "approve", by="ann")
        execution = await rested(baton, execution)
    return execution, asked


@pytest.mark.capability("F22", "I08", "O22")
async def test_what_is_left_of_a_plan_that_fails_is_planned_anew(database: Path) -> None:
    """The model sees what was done and what failed; a plan that would do it again is refused; the person who is asked
    about the new one is told; what was done is not done again, and is told with the results."""
    world = Breaking("plan", BREAKS, REPEATS, MENDED)
    async with engine(database, resources=world.resources()) as baton:
        execution, asked = await _agreed(baton, await baton.ask("Write to Oslo, see Rome, write to Bern"))
        results = await baton.results(execution.id)
        with pytest.raises(ConflictError, match="holds only what was left to do"):
            await baton.save_plan(execution.id, "trip")
    assert execution.status == "completed", execution.error
    assert world.done == ["write Oslo", "broken Rome", "look Rome", "write Bern"]
    told = results["route.draft[1].write"]["output"]["messages"][0]["content"]
    assert (
        "the road is closed" in told and '"done": {"first": {"wrote": "Oslo"}}' in told and "must not be done" in told
    )
    [problem] = results["route.draft[1].check"]["output"]["problems"]
    assert problem.startswith("step 'first' was carried out by the plan before this one: leave it out")
    assert [question["message"].partition(" May")[0] for question in asked] == [
        "May this plan run, which changes things in the world outside: Does it.",
        "The plan before failed at second, after first had been done.",
    ]
    assert asked[1]["payload"]["done_before"] == {"first": {"wrote": "Oslo"}}
    assert '"done_before": {"first": {"wrote": "Oslo"}}' in execution.output["answer"]
    assert world.asked.count("plan") == 3


@pytest.mark.capability("F22", "E11")
@pytest.mark.parametrize(("replans", "plans"), [(0, 1), (2, 3)])
async def test_plans_are_made_anew_so_often_and_then_all_is_undone(database: Path, replans: int, plans: int) -> None:
    again = BREAKS.replace("first", "other").replace("Oslo", "Bonn")
    world = Breaking("plan", BREAKS, again, again.replace("other", "another").replace("Bonn", "Graz"))
    async with engine(database, resources=world.resources()) as baton:
        execution, _ = await _agreed(baton, await baton.ask("Write", replans=replans))
    assert (execution.status, world.asked.count("plan")) == ("compensated", plans)
    assert "the road is closed" in execution.error["message"]
    cities = ["Oslo", "Bonn", "Graz"][:plans]
    assert [one for one in world.done if one.startswith("write")] == [f"write {city}" for city in cities]
    assert [one for one in world.done if one.startswith("un")] == [f"unwrite {city}" for city in reversed(cities)]
    assert world.done.count("broken Rome") == plans


async def test_an_application_may_say_that_plans_are_not_made_anew(database: Path) -> None:
    world = Breaking("plan", BREAKS, MENDED)
    async with engine(database, resources=[*world.resources(), AssistantBounds(replans=0)]) as baton:
        execution, _ = await _agreed(baton, await baton.ask("Write"))
    assert (execution.status, world.asked.count("plan")) == ("compensated", 1)


INSIDE = """
apiVersion: workflow/v1
kind: Workflow
metadata: {name: inside}
spec:
  steps:
    - name: trip
      type: sequence
      steps:
        - {name: first, type: tool, config: {tool: write_to, args: {city: Oslo}}}
        - {name: second, type: tool, config: {tool: broken, args: {city: Rome}}}
"""
MOVED = """
apiVersion: workflow/v1
kind: Workflow
metadata: {name: moved}
spec:
  steps:
    - name: other
      type: parallel
      branches:
        a: [{name: first, type: tool, config: {tool: write_to, args: {city: Oslo}}}]
        b: [{name: second, type: tool, config: {tool: look_up, args: {city: Rome}}}]
"""
LEFT = INSIDE.replace("- {name: first, type: tool, config: {tool: write_to, args: {city: Oslo}}}", "").replace(
    "broken", "look_up"
)


@pytest.mark.capability("F22", "I08", "O22")
async def test_what_was_done_inside_a_step_that_failed_is_not_done_again(database: Path) -> None:
    """Neither there, nor by a step of that name that stands somewhere else; the model is told what it gave."""
    world = Breaking("plan", INSIDE, INSIDE.replace("broken", "look_up"), MOVED, LEFT)
    async with engine(database, resources=world.resources()) as baton:
        execution, asked = await _agreed(baton, await baton.ask("Write to Oslo, see Rome"))
        results = await baton.results(execution.id)
    assert execution.status == "completed", execution.error
    assert world.done == ["write Oslo", "broken Rome", "look Rome"]
    told = results["route.draft[1].write"]["output"]["messages"][0]["content"]
    assert '"trip.first": {"wrote": "Oslo"}' in told
    for number, place in ((1, "trip"), (2, "other")):
        [problem] = results[f"route.draft[{number}].check"]["output"]["problems"]
        assert problem.startswith(f"step 'first' inside '{place}' was carried out by a plan before this one: leave it")
    assert len(asked) == 1, "what is left changes nothing"
