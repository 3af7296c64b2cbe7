"""What an engine cannot take up is left for one that can, as it was; and who watches is told why."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agents import Agent, Agents, Tools, tool
from agents.tools.functions import Functions
from graphs.errors import BatonError
from tests.support.engine.engines import act, ask, engine, finished, hears, rested, turns, workflow
from tests.support.engine.steps import Effects


async def test_an_execution_of_another_engine_format_is_left_alone(database: Path, effects: Effects) -> None:
    """Rule 2: the number is stored with the execution and checked before anything of it runs."""
    async with engine(database, effects=effects, linger=0.0) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q"), act("a", "q")])))
        await baton.store._writer.submit([("UPDATE executions SET engine_format = 99", ())])
        failed = asyncio.create_task(hears(baton, "drive.failed"))
        await baton.decide(execution.id, "q", "approve")
        record = await asyncio.wait_for(failed, 60)
        kept = [each.kind for each in await baton.records(execution.id)]
    assert record.data["code"] == "engine_format_foreign" and effects.began == []
    assert kept[-1] == "drive.failed", "another process can see why, too"


async def test_what_cannot_be_taken_up_is_put_back_and_says_why(database: Path) -> None:
    """Its definition has Python callables that this engine was not given."""

    def large(state: Any) -> bool:
        return True

    definition = workflow("w", [ask("q"), act("a", "q", condition=large)])
    async with engine(database, workflows=[definition]) as baton:
        execution = await rested(baton, await baton.start("w"))
    async with engine(database, linger=0.0) as baton:
        failed = asyncio.create_task(hears(baton, "drive.failed"))
        await baton.decide(execution.id, "q", "approve")
        assert (await asyncio.wait_for(failed, 60)).data["code"] == "definition_needs_python"
    async with engine(database, drive=False) as baton:
        assert (await baton.get(execution.id)).status == "queued"
        assert (await baton.records(execution.id))[-1].kind == "drive.failed"
    async with engine(database, workflows=[definition]) as baton:
        assert (await finished(baton, execution)).status == "completed"


async def test_what_this_engine_cannot_do_is_left_for_one_that_can(database: Path) -> None:
    """Another command on the same file, set up otherwise, must not end what it takes up."""

    async def hang() -> str:
        return "done"

    call = {"name": "call", "type": "function", "depends_on": ["q"], "config": {"function": "hang"}}
    async with engine(database, resources=[Functions([hang])]) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q"), call])))
    async with engine(database, resources=[Functions()]) as baton:
        failed = asyncio.create_task(hears(baton, "drive.failed"))
        await baton.decide(execution.id, "q", "approve")
        said = (await asyncio.wait_for(failed, 60)).data
        assert said["code"] == "resources_missing"
        assert said["message"] == (
            f"Execution '{execution.id}' of w@1.0 is not taken up here: "
            "step 'call', config.function: there is no function 'hang' in this engine's settings."
        )
        await turns(baton)
        assert (await baton.get(execution.id)).status == "queued"
        waiting = asyncio.create_task(baton.wait(execution.id))
        await turns(baton)
        await baton.resume(execution.id)
        with pytest.raises(BatonError, match="is not taken up here"):  # nobody here will ever end it
            await asyncio.wait_for(waiting, 60)
    async with engine(database, resources=[Functions([hang])]) as baton:
        execution = await finished(baton, execution)
    assert execution.status == "completed"


@pytest.mark.capability("I10", "X30")
@pytest.mark.parametrize("kind", ["tool", "agent"])
async def test_nor_does_it_fail_for_want_of_a_tool_or_an_agent(kind: str, database: Path) -> None:
    """Nothing is undone because a process was started without a module."""

    @tool
    def look() -> str:
        """Look."""
        return "seen"

    clerk = Agent(name="clerk", model="scripted:echo", tools=["look"])
    config = {"tool": {"tool": "look"}, "agent": {"agent": "clerk", "message": "hello"}}[kind]
    call = {"name": "call", "type": kind, "depends_on": ["q"], "config": config}
    async with engine(database, resources=[Tools([look]), Agents([clerk])]) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q"), call])))
    async with engine(database, resources=[Tools(), Agents()]) as baton:
        failed = asyncio.create_task(hears(baton, "drive.failed"))
        await baton.decide(execution.id, "q", "approve")
        said = (await asyncio.wait_for(failed, 60)).data
        # What an agent says is pinned; the tools it names are not.
        assert said["code"] == "resources_missing" and "there is no tool 'look'" in said["message"]
    async with engine(database, resources=[Tools([look]), Agents([clerk])]) as baton:
        execution = await finished(baton, execution)
    assert execution.status == "completed"
