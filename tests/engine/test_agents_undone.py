"""Agents inside sagas: the calls an agent really made are undone, the last first, and no others."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agents import Call, Failure, Functions, Models, Script, Tool, Tools, Turn
from graphs.steps import StepContext
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.desk import DONE, Desk, agent, resources
from tests.support.engine.engines import act, engine, finished, run, workflow
from tests.support.engine.steps import Effects


@pytest.mark.capability("E11", "E13", "I05", "I07")
async def test_the_calls_that_an_agent_made_are_undone(database: Path, effects: Effects) -> None:
    """Tools by what undoes them, workflows by what their steps say; what it could have called is not touched."""
    desk = Desk()
    turns = (
        Turn(calls=(Call("book", {"amount": 1}), Call("book", {"amount": 2}), Call("look", {"amount": 9}))),
        Turn(calls=(Call("sub", {"n": 3}),)),
        DONE,
    )
    tools = [desk.tool("book", undo="unbook"), desk.tool("unbook"), desk.tool("look"), desk.tool("other", undo="look")]
    sub = workflow(
        "sub",
        [act("x", value="{{ input.n }}", compensate=act("undo_x", value="{{ [input.n, output.value] }}"))],
        input={"schema": {"type": "object", "properties": {"n": {"type": "integer"}}}},
    )
    steps = [
        agent(tools=["book", "look", "other", {"workflow": "sub"}]),
        act("bad", "ask", fail=True),
    ]
    given = resources(desk, *turns, tools=tools)
    async with engine(database, effects=effects, resources=given, workflows=[sub]) as baton:
        execution = await run(baton, workflow("w", steps))
        results = await baton.results(execution.id)
    assert execution.status == "compensated"
    assert sorted(desk.names[:3]) == ["book", "book", "look"]
    undone = [(name, args["amount"]) for name, args, _ in desk.calls[3:]]
    booked = [args["amount"] for name, args, _ in desk.calls if name == "book"]
    assert sorted(undone) == [("unbook", 1), ("unbook", 2)] and sorted(booked) == [1, 2]
    (undo,) = [result for path, result in results.items() if path.endswith("undo_x")]
    assert undo["output"]["value"] == [3, 3]
    assert next(path for path in results if path.startswith("~compensation.")).endswith("undo_x")


@pytest.mark.capability("E11", "I07")
async def test_a_workflow_that_failed_when_an_agent_called_it_is_undone(database: Path, effects: Effects) -> None:
    """The agent was told so, and went on; what another call did stays."""
    desk = Desk()
    broken = workflow("broken", [act("x", compensate=act("undo_x")), act("y", "x", fail=True)])
    whole = workflow("whole", [act("x", compensate=act("undo_x"))])
    given = resources(desk, Turn(calls=(Call("broken", {}), Call("whole", {}))), DONE)
    async with engine(database, effects=effects, resources=given, workflows=[broken, whole]) as baton:
        execution = await run(baton, workflow("w", [agent(tools=[{"workflow": "broken"}, {"workflow": "whole"}])]))
    assert (execution.status, execution.compensation) == ("completed", "compensated")
    assert [path for path in effects.began if path[0] == "~"] == ["~compensation.ask[0].broken-0.undo_x"]


@pytest.mark.capability("E11", "E19")
async def test_what_was_written_down_in_an_item_that_failed_is_undone(database: Path, effects: Effects) -> None:
    """Also where no step says how it is undone."""

    async def book(context: StepContext, item: int) -> int:
        await context.effect({"type": "act", "config": {"value": item}}, name="unbook")
        return item

    step = {"name": "book", "type": "function", "config": {"function": "book", "args": {"item": "{{ item }}"}}}
    group = {"name": "map", "type": "map", "config": {"items": [1, 2, 3], "min_success": 1}}
    group["steps"] = [step, act("charge", fail="{{ item == 2 }}")]
    async with engine(database, effects=effects, resources=[Functions([book])]) as baton:
        execution = await run(baton, workflow("w", [group]))
        results = await baton.results(execution.id)
    assert (execution.status, execution.compensation) == ("completed", "compensated")
    undone = {path: result for path, result in results.items() if path.startswith("~compensation.")}
    assert {path: result["output"]["value"] for path, result in undone.items()} == {
        "~compensation.map[1].book.unbook-1": 2
    }


async def test_what_such_a_step_did_is_undone(database: Path) -> None:
    turns = (Turn(calls=(Call("book", {"what": "flight"}),)), Turn(failures=(Failure("authentication"),) * 9))
    booked = act("book", value="{{ args.what }}", compensate=act("cancel", value="{{ output.value }}"))
    async with engine(database, resources=resources(Desk(), *turns)) as baton:
        execution = await run(baton, workflow("w", [agent() | {"steps": [booked]}]))
        found = await baton.results(execution.id)
    assert execution.status == "compensated"
    assert [result["output"]["value"] for path, result in found.items() if path.endswith("cancel")] == ["flight"]


class Bookings:
    """A travel agency: what is booked, and what was cancelled, in order."""

    def __init__(self) -> None:
        self.booked: dict[str, str] = {}
        self.cancelled: list[str] = []

    def tools(self) -> Tools:
        def book(what: str, context: StepContext) -> dict[str, str]:
            if what == "nothing":
                raise ValueError("there is no such thing")
            number = self.booked.setdefault(context.idempotency_key, f"B{len(self.booked)}")
            return {"booking": number, "what": what}

        def cancel(booking: str, what: str) -> str:
            self.cancelled.append(f"{what} {booking}")
            return "cancelled"

        return Tools(
            [Tool("book", "Books.", book, effect="reversible", undo="cancel"), Tool("cancel", "Cancels.", cancel)]
        )

    @staticmethod
    def models() -> Models:
        turns = (
            Turn(calls=(Call("book", {"what": "flight"}),)),
            Turn(calls=(Call("book", {"what": "nothing"}), Call("book", {"what": "hotel"}))),
            Turn(calls=(Call("book", {"what": "car"}),)),
            Turn(failures=(Failure("authentication"),) * 100),
        )
        return Models(allow_real=False, scripts=[Script("s", turns)])


async def _booked(database: Path, bookings: Bookings) -> Any:
    async with engine(database, resources=[bookings.tools(), bookings.models()]) as baton:
        if await baton.store.execution("e") is None:
            await baton.start(workflow("w", [agent(tools=["book"])]), {}, execution_id="e")
        return (await finished(baton, "e")).status


@pytest.mark.capability("E10", "E11", "E12", "I05")
async def test_what_an_agents_tools_did_is_undone_in_reverse_wherever_it_dies(tmp_path: Path) -> None:
    """Exactly what was booked, the last first, once; also when the process dies while booking or undoing."""
    bookings = Bookings()
    assert await _booked(tmp_path / "once.db", bookings) == "compensated"
    assert bookings.cancelled == ["car B2", "hotel B1", "flight B0"]
    point = 0
    while True:
        point += 1
        bookings, crash = Bookings(), Crash(point)
        with crashing(crash):
            await either(_booked(tmp_path / f"{point}.db", bookings), crash)
        assert await asyncio.wait_for(_booked(tmp_path / f"{point}.db", bookings), 60) == "compensated"
        once = list(dict.fromkeys(bookings.cancelled))
        assert once == ["car B2", "hotel B1", "flight B0"], f"after {point} commits"
        assert len(bookings.cancelled) <= 4, "only the one in flight is asked for again"
        if not crash.happened.is_set():
            break
    assert point > 15


async def test_what_undoes_a_tool_must_be_there(database: Path) -> None:
    given = resources(Desk(), DONE, tools=[Desk().tool("look", undo="unlook")])
    async with engine(database, resources=given) as baton:
        execution = await run(baton, workflow("w", [agent(tools=["look"])]))
    assert (execution.status, execution.error["code"]) == ("failed", "tool_unknown")
