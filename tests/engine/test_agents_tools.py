"""What agents call besides functions: workflows, the steps written inside them; and what bounds such calls."""

import asyncio
import json
from pathlib import Path

import pytest

from agents import Call, Tool, Turn
from graphs.clock import ManualClock
from tests.support.engine.desk import DONE, Desk, agent, resources
from tests.support.engine.engines import act, engine, finished, run, workflow
from tests.support.engine.steps import Gates


@pytest.mark.capability("F24", "I05", "I27")
async def test_a_workflow_is_a_tool(database: Path) -> None:
    """It runs as part of this execution; what is wrong with its input is told to the model."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    sub = workflow("double", [act("x", value="{{ input.n * 2 }}")], version="2.0", input={"schema": schema})
    turn = Turn(calls=(Call("twice", {"n": 4}), Call("twice", {"n": "four"})))
    use = {"workflow": "double", "version": "2.0", "name": "twice", "description": "Doubles."}
    async with engine(database, resources=resources(Desk(), turn, DONE), workflows=[sub]) as baton:
        execution = await run(baton, workflow("w", [agent(tools=[use])]))
        found = await baton.results(execution.id)
    first, second = execution.output["tool_calls"]
    assert first["result"]["value"] == 8
    assert "does not take this input" in second["error"]
    assert "ask[0].twice-0.x" in found


async def test_a_workflow_that_was_never_published_is_no_tool(database: Path) -> None:
    async with engine(database, resources=resources(Desk(), DONE)) as baton:
        execution = await run(baton, workflow("w", [agent(tools=[{"workflow": "gone"}])]))
    assert execution.status == "failed"
    assert execution.error["code"] == "workflow_unknown"


async def test_calls_of_a_tool_are_limited(database: Path) -> None:
    desk = Desk()
    turns = (Turn(calls=(Call("look"), Call("look"))), Turn(calls=(Call("look"),)), DONE)
    async with engine(database, resources=resources(desk, *turns, tools=[desk.tool("look", max_calls=1)])) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["look"])]))
    assert desk.names == ["look"]
    told = "Error: tool 'look' may be called 1 times here, and it was."
    assert [call.get("error") for call in execution.output["tool_calls"]] == [None, told, told]


async def test_a_tool_that_takes_too_long_is_told_to_the_model(database: Path) -> None:
    began = asyncio.Event()

    async def hang() -> None:
        began.set()
        await asyncio.Event().wait()

    slow = Tool("slow", "Hangs.", hang, timeout=60)
    clock = ManualClock()
    given = resources(Desk(), Turn(calls=(Call("slow"),)), DONE, tools=[slow])
    async with engine(database, resources=given, clock=clock) as baton:
        execution = await baton.start(workflow("w", [agent(tools=["slow"])]))
        await asyncio.wait_for(began.wait(), 60)
        clock.advance(60)
        execution = await finished(baton, execution)
        assert (await baton.results(execution.id))["ask[0].slow-0"]["status"] == "timed_out"
    assert "took longer than its 60 s" in execution.output["tool_calls"][0]["error"]


@pytest.mark.capability("I05", "security-A19")
async def test_calls_that_are_not_made_are_counted(database: Path) -> None:
    turn = Turn(calls=(Call("wipe"), Call("look", {"amount": 1}), Call("look", {"amount": 2})))
    desk = Desk()
    async with engine(database, resources=resources(desk, turn, DONE, tools=[desk.tool("look", max_calls=1)])) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["look"])]))
        records = [record for record in await baton.records(execution.id) if record.kind == "tool.refused"]
        (usage,) = await baton.usage(execution.id)
    assert (execution.output["refused"], usage.refused, usage.calls) == (2, 2, 2)
    assert [(record.path, record.data["tool"], record.data["why"]) for record in records] == [
        ("ask[0].model", "wipe", "Error: there is no tool 'wipe'. Tools: look."),
        ("ask[0].model", "look", "Error: tool 'look' may be called 1 times here, and it was."),
    ]


@pytest.mark.capability("I05", "I06")
async def test_a_workflows_own_steps_are_tools(database: Path) -> None:
    """Each runs as any other step would, with the call's arguments as `args`; what it gives is told to the model."""
    turn = Turn(calls=(Call("double", {"n": 4}), Call("double", {"n": "{{ 1 }}"}), Call("fails"), Call("saved")))
    step = agent() | {
        "steps": [
            act("double", value="{{ args.n }}", description="Doubles.")
            | {"input_schema": {"type": "object", "properties": {"n": {"type": ["integer", "string"]}}}},
            act("fails", fail=True),
            act("saved", fail=True, on_failure={"action": "fallback", "fallback": act("instead", value="saved")}),
        ]
    }
    async with engine(database, resources=resources(Desk(), turn, DONE)) as baton:
        execution = await run(baton, workflow("w", [act("before", value=1), step | {"depends_on": ["before"]}]))
        found = await baton.results(execution.id)
    first, second, failed, saved = execution.output["tool_calls"]
    assert (first["result"]["value"], second["result"]["value"]) == (4, "{{ 1 }}"), "arguments are no templates"
    assert failed["error"] == "Error: asked to fail"
    assert saved["result"]["value"] == "saved"
    assert {"ask[0].double-0", "ask[0].double-1", "ask[0].saved-3~fallback"} <= set(found)


@pytest.mark.capability("I05", "D01")
async def test_such_a_step_has_its_arguments_after_a_restart_too(database: Path) -> None:
    turns, gates = (Turn(calls=(Call("double", {"n": 4}),)), DONE), (Gates(), Gates())
    step = agent() | {"steps": [act("double", value="{{ args.n }}", gate="go", description="Doubles.")]}
    async with engine(database, resources=resources(Desk(), *turns), gates=gates[0]) as baton:
        execution = await baton.start(workflow("w", [step]))
        await gates[0].reached("go")
    gates[1].open("go")
    async with engine(database, resources=resources(Desk(), *turns), gates=gates[1]) as baton:
        execution = await finished(baton, execution)
    assert execution.output["tool_calls"] == [
        {"name": "double", "args": {"n": 4}, "result": {"value": 4, "attempt": 1}}
    ]


@pytest.mark.capability("I06", "security-A19")
@pytest.mark.parametrize("own", [None, 3])
async def test_a_model_that_asks_for_hundreds_of_calls_at_once_is_stopped(database: Path, own: int | None) -> None:
    """It is told so, calls again what it still wants, and what was not made is counted."""
    most = 32 if own is None else own
    turns = (Turn(calls=tuple(Call("look", {"amount": one}) for one in range(300))), Turn(calls=(Call("look"),)), DONE)
    desk, said = Desk(), {} if own is None else {"max_calls_per_turn": own}
    async with engine(database, resources=resources(desk, *turns, tools=[desk.tool("look")])) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["look"], **said)]))
        (usage,) = await baton.usage(execution.id)
    assert len(desk.names) == most + 1 and (execution.output["refused"], usage.refused) == (300 - most, 300 - most)
    assert execution.output["tool_calls"][most]["error"] == (
        f"Error: no more than {most} tools are called in one turn, and this is one too many. "
        "Call it again, once you have heard of the others."
    )


@pytest.mark.capability("I06")
async def test_a_model_is_told_of_pictures_and_not_their_bytes(database: Path) -> None:
    """MCP servers give them as base64 among texts: who takes a screenshot would pay for 50,000 characters a turn."""
    given = [
        {"type": "text", "text": "See:"},
        {"type": "image", "data": "aGk=" * 10, "mimeType": "image/png"},
        {"type": "resource", "resource": {"uri": "file:///a.pdf", "blob": "aGk=" * 5}},
    ]
    tool = Tool("look", "Looks.", lambda: given)
    async with engine(database, resources=resources(Desk(), Turn(calls=(Call("look"),)), DONE, tools=[tool])) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["look"])]))
    assert execution.output["tool_calls"][0]["result"] == given, "whoever goes on with the step has them"
    told = json.loads(execution.output["messages"][2]["content"])
    assert [told[0], told[1]["data"], told[2]["resource"]["blob"]] == [
        {"type": "text", "text": "See:"},
        "(40 characters of base64, which are not shown)",
        "(20 characters of base64, which are not shown)",
    ]
