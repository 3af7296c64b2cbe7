"""A step names a capability, and the engine picks an agent by what the store knows of each."""

from pathlib import Path
from typing import Any

import pytest

from agents import Agent, Agents, Call, Failure, Models, Rule, Script, Turn
from agents.models.prices import Prices
from agents.reasoning.capability import AgentRouting
from graphs.loader import load_workflow
from graphs.spec import Workflow
from orchestrator.engine import Orchestrator
from tests.support.engine.engines import TYPES, act, ask, engine, finished, rested, run, until, workflow
from tests.support.engine.steps import Gates

NEVER = AgentRouting(exploration=0)
STEP = {"name": "ask", "type": "agent", "config": {"agent_capability": "refunds", "message": "?"}}
WORKFLOW = workflow("w", [{**STEP, "on_failure": {"action": "continue"}}])


def _resources(routing: AgentRouting = NEVER) -> list[Any]:
    scripts = [
        Script("bad", rules=(Rule(".", Turn(failures=(Failure("invalid"),) * 50)),)),
        Script("good", rules=(Rule(".", Turn("Done.")),)),
    ]
    agents = [
        Agent(name="first", model="scripted:bad", capabilities=("refunds",)),
        Agent(name="second", model="scripted:good", capabilities=("refunds", "orders")),
        Agent(name="other", model="scripted:good", capabilities=("orders",)),
    ]
    return [Models(allow_real=False, scripts=scripts), Agents(agents), routing]


async def _choice(baton: Orchestrator, execution_id: str) -> dict[str, Any]:
    [record] = [one for one in await baton.records(execution_id) if one.kind == "agent.chosen"]
    return dict(record.data)


@pytest.mark.capability("I10", "O17", "O20")
async def test_what_failed_before_is_not_chosen_again_also_by_the_next_process(database: Path) -> None:
    async with engine(database, resources=_resources()) as baton:
        first = await run(baton, WORKFLOW)
        assert (await _choice(baton, first.id))["agent"] == "first"
    async with engine(database, resources=_resources()) as baton:
        second = await run(baton, WORKFLOW)
        choice = await _choice(baton, second.id)
    assert choice == {
        "agent": "second",
        "capability": "refunds",
        "reason": "the best score of 2 (0.5; next is 'first' with 0.333): not tried yet, 0 at work",
        "explored": False,
        "scores": {"first": 0.333, "second": 0.5},
    }
    assert second.output["agent"] == "second"


@pytest.mark.capability("I10")
async def test_it_can_be_switched_off(database: Path) -> None:
    async with engine(database, resources=_resources(AgentRouting(adaptive=False))) as baton:
        executions = [await run(baton, WORKFLOW) for _ in range(3)]
        choices = [await _choice(baton, one.id) for one in executions]
    assert [one["agent"] for one in choices] == ["first"] * 3
    assert choices[-1]["reason"] == "adaptive routing is off: the first that has the capability"


@pytest.mark.capability("I10", "O17")
async def test_who_is_at_work_is_spared(database: Path, gates: Gates) -> None:
    """Both are equally good: the second execution gets the one that is free."""
    agents = Agents(
        [Agent(name=name, model="scripted:tools", capabilities=("refunds",)) for name in ("first", "second")]
    )
    models = Models(allow_real=False, scripts=[Script("tools", turns=(Turn(calls=(Call("hold"),)), Turn("Done.")))])
    held = {**STEP, "steps": [act("hold", gate="g")]}
    async with engine(database, resources=[models, agents, NEVER], gates=gates) as baton:
        busy = await baton.start(workflow("w", [held]))
        await gates.reached("g")
        other = await baton.start(workflow("w", [held]))
        await until(lambda: baton.driving(other.id))
        gates.open("g")
        done = [await finished(baton, one) for one in (busy, other)]
    assert [one.output["agent"] for one in done] == ["first", "second"]


async def test_published_agents_have_their_capabilities_too(database: Path) -> None:
    clerk = """
apiVersion: workflow/v1
kind: Agent
metadata: {name: clerk, version: "1.0"}
spec: {model: "scripted:good", capabilities: [returns]}
"""
    published = load_workflow(clerk, step_types=TYPES).workflow
    step = {**STEP, "config": {"agent_capability": "returns", "message": "?"}}
    async with engine(database, resources=_resources()) as baton:
        await baton.publish(published)
        execution = await run(baton, workflow("w", [step]))
        assert execution.output["agent"] == "clerk" and execution.pins["clerk"] == published.digest
        assert set(execution.pins) == {"clerk", "first", "second", "other"}, "whoever may come to be chosen"
        step = {**STEP, "config": {"agent_capability": "nothing", "message": "?"}}
        execution = await run(baton, workflow("v", [step]))
    assert execution.error["message"] == "no agent has the capability 'nothing'."
    assert execution.error["hint"] == "Capabilities here: orders, refunds, returns."


@pytest.mark.capability("I10")
async def test_the_cheaper_of_two_good_ones_is_chosen(database: Path) -> None:
    scripts = [Script(name, rules=(Rule(".", Turn("Done.")),)) for name in ("dear", "cheap")]
    agents = [Agent(name=name, model=f"scripted:{name}", capabilities=("refunds",)) for name in ("dear", "cheap")]
    prices = Prices.from_mapping(
        {"scripted:dear": {"input": 1000, "output": 1000}, "scripted:cheap": {"input": 1, "output": 1}}
    )
    given = [Models(allow_real=False, scripts=scripts), Agents(agents), prices, NEVER]
    chosen, costs = [], []
    async with engine(database, resources=given) as baton:
        for name in ("dear", "cheap", None, None):
            more = {"agent": name} if name else {"agent_capability": "refunds"}
            definition: Workflow = workflow("w", [{**STEP, "config": {"message": "?", **more}}])
            execution = await run(baton, definition)
            chosen.append(execution.output["agent"])
            if name is None:
                costs.append((await _choice(baton, execution.id))["costs"])
    assert chosen[2:] == ["cheap", "cheap"], "what was never tried is not free: its model has a price"
    # What a step would need is not known when the first is chosen, and is by the second.
    assert costs[0] == {"dear": {"each": 5.0, "by": "price"}, "cheap": {"each": 0.005, "by": "price"}}
    assert costs[1]["cheap"]["by"] == "past" and costs[1]["dear"]["by"] == "price"
    assert costs[1]["dear"]["each"] == pytest.approx(1000 * costs[1]["cheap"]["each"])


@pytest.mark.capability("I10", "O17")
async def test_whoever_comes_later_is_asked_only_where_nobody_else_can(database: Path) -> None:
    """An execution chooses among the agents that were there when it began; what it passed over is told."""
    model, _, routing = _resources(AgentRouting(adaptive=False))
    old = Agent(name="old", model="scripted:good", capabilities=("refunds",))
    new = Agent(name="new", model="scripted:good", capabilities=("refunds", "returns"))
    steps = [ask("first"), {**STEP, "depends_on": ["first"]}]
    also = {**STEP, "name": "also", "config": {"agent_capability": "returns", "message": "?"}, "depends_on": ["ask"]}
    async with engine(database, resources=[model, Agents([old]), routing]) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [*steps, also])))
    async with engine(database, resources=[model, Agents([new, old]), routing]) as baton:
        await baton.decide(execution.id, "first", "approve", by="ann")
        execution = await finished(baton, execution)
        results = await baton.results(execution.id)
        chosen = {one.path: one.data for one in await baton.records(execution.id) if one.kind == "agent.chosen"}
    assert [results[name]["output"]["agent"] for name in ("ask", "also")] == ["old", "new"]
    assert (chosen["ask"]["came_later"], "came_later" in chosen["also"]) == (["new"], False)
