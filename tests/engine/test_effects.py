"""Effects that steps write down: exactly what was really done is undone, whatever became of the step."""

import asyncio
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agents import Functions, Tools, tool
from graphs.clock import ManualClock
from graphs.errors import StepError
from graphs.steps import Action, StepConfig, StepContext
from tests.support.engine.engines import act, engine, finished, run, workflow
from tests.support.engine.steps import Effects, Gates, step_types


class SpreeConfig(StepConfig):
    """Buys `things`, one after the other; fails (or waits at a gate) after so many."""

    things: list[str]
    fail_after: int | None = None
    fail_attempts: int = 99
    gate_after: int | None = None
    undo: dict[str, Any] | None = None


class Spree(Action):
    """An action that does several things of which each is undone by itself."""

    name: ClassVar[str] = "spree"
    Config = SpreeConfig

    async def run(self, context: StepContext, config: SpreeConfig) -> Any:
        for number, thing in enumerate(config.things):
            if number == config.fail_after and context.attempt <= config.fail_attempts:
                raise StepError("no money", category="transient")
            if number == config.gate_after:
                await context.resource(Gates).pass_through("spree")
            undo = config.undo or {"type": "act", "config": {"value": thing}}
            await context.effect(undo, name="give_back", result={"bought": thing})
        return len(config.things)


TYPES = step_types(Spree())
BAD = act("bad", "spree", fail=True)


def _spree(*things: str, **more: Any) -> dict[str, Any]:
    config = {key: more.pop(key) for key in ("fail_after", "fail_attempts", "gate_after", "undo") if key in more}
    return {"name": "spree", "type": "spree", "config": {"things": list(things), **config}, **more}


async def _given_back(baton: Any, execution_id: str) -> list[Any]:
    results = await baton.results(execution_id)
    return [
        result["output"]["value"] for path, result in results.items() if ".give_back" in path and "output" in result
    ]


@pytest.mark.capability("E11", "D02")
async def test_what_was_written_down_is_undone_in_reverse(database: Path, effects: Effects) -> None:
    """By steps of their own, before what was done earlier; nothing in what was written down is an expression."""
    steps = [act("first", compensate=act("undo_first")), _spree("a", "{{ input.odd }}", "c", depends_on=["first"]), BAD]
    async with engine(database, effects=effects, types=TYPES) as baton:
        execution = await run(baton, workflow("w", steps), {"odd": "{{ 1 + 1 }}"})
        assert await _given_back(baton, execution.id) == ["c", "{{ 1 + 1 }}", "a"]
    assert execution.status == "compensated"
    undoing = [path for path in effects.began if path.startswith("~")]
    assert undoing == [
        *(f"~compensation.spree.give_back-{number}" for number in (3, 2, 1)),
        "~compensation.undo_first",
    ]


@pytest.mark.capability("E11", "X24")
async def test_a_step_that_failed_is_undone_as_far_as_it_came(database: Path) -> None:
    """An attempt that is made again tells the same again; that is one act."""
    again = _spree("a", "a", "b", "c", fail_after=3, retry={"max_attempts": 3, "initial_delay": 0, "jitter": 0})
    async with engine(database, types=TYPES) as baton:
        execution = await run(baton, workflow("w", [again]))
        assert await _given_back(baton, execution.id) == ["b", "a", "a"]
    assert execution.status == "compensated"


@pytest.mark.capability("X15", "E11")
async def test_a_step_that_ran_out_of_time_is_undone_too(database: Path, gates: Gates) -> None:
    clock = ManualClock()
    definition = workflow("w", [_spree("a", "b", gate_after=1)], config={"timeout": 60})
    async with engine(database, types=TYPES, gates=gates, clock=clock) as baton:
        execution = await baton.start(definition)
        await gates.reached("spree")
        clock.advance(61)
        execution = await finished(baton, execution)
        assert await _given_back(baton, execution.id) == ["a"]
    assert (execution.status, execution.compensation) == ("timed_out", "compensated")


@pytest.mark.capability("D01", "E11")
async def test_what_was_written_down_outlives_the_process(database: Path, gates: Gates) -> None:
    """It was done in a process that died; the next one does not do it twice, and undoes it once."""
    async with engine(database, types=TYPES, gates=gates) as baton:
        execution = await baton.start(workflow("w", [_spree("a", "b", gate_after=1), BAD]), execution_id="e")
        await gates.reached("spree")
    gates.open("spree")
    async with engine(database, types=TYPES, gates=gates) as baton:
        execution = await finished(baton, "e")
        assert await _given_back(baton, "e") == ["b", "a"]
    assert execution.status == "compensated"


@pytest.mark.capability("E11", "F08")
async def test_effects_inside_a_map_are_undone_with_the_rest(database: Path) -> None:
    """Though nothing of the definition says how."""
    items = {"name": "spree", "type": "map", "config": {"items": ["x", "y"], "max_concurrency": 1}}
    items["steps"] = [_spree("{{ item }}")]
    async with engine(database, types=TYPES) as baton:
        execution = await run(baton, workflow("w", [items, BAD]))
        assert sorted(await _given_back(baton, execution.id)) == ["x", "y"]
    assert execution.status == "compensated"


@pytest.mark.capability("E11", "I06")
async def test_a_tool_says_how_it_is_undone(database: Path) -> None:
    """The undoing tool picks what it takes from what the call gave and was given."""
    log: list[Any] = []

    @tool(undo="cancel_booking")
    def book(room: str, nights: int) -> dict[str, Any]:
        """Book a room."""
        log.append(("book", room, nights))
        return {"booking": f"{room}-1"}

    @tool
    def cancel_booking(booking: str, nights: int) -> None:
        """Cancel a booking."""
        log.append(("cancel", booking, nights))

    @tool(undo="cancel_booking", undo_args=lambda args, result: {"booking": result, "nights": 0} if result else None)
    def hold(room: str | None) -> str | None:
        """Hold a room."""
        return room

    steps = [
        {"name": "book", "type": "tool", "config": {"args": {"room": "blue", "nights": 2}}},
        {"name": "hold", "type": "tool", "depends_on": ["book"], "config": {"args": {"room": "red"}}},
        {"name": "none", "type": "tool", "depends_on": ["hold"], "config": {"tool": "hold", "args": {"room": None}}},
        act("bad", "none", fail=True),
    ]
    async with engine(database, resources=[Tools([book, cancel_booking, hold])]) as baton:
        execution = await run(baton, workflow("w", steps))
    assert execution.status == "compensated"
    assert log == [("book", "blue", 2), ("cancel", "red", 0), ("cancel", "blue-1", 2)]


@pytest.mark.capability("E11", "I01")
async def test_a_function_writes_down_what_it_does(database: Path) -> None:
    """It asks for the context."""
    log: list[str] = []

    async def charge(context: StepContext, amount: int) -> None:
        await context.effect({"function": "pay_back", "args": {"amount": amount}})

    def pay_back(amount: int) -> None:
        log.append(f"back {amount}")

    step = {"name": "charge", "type": "function", "config": {"function": "charge", "args": {"amount": 5}}}
    async with engine(database, resources=[Functions([charge, pay_back])]) as baton:
        execution = await run(baton, workflow("w", [step, act("bad", "charge", fail=True)]))
    assert (execution.status, log) == ("compensated", ["back 5"])


async def test_an_undo_that_is_no_step_is_the_steps_failure(database: Path) -> None:
    """It is said when it is written down, not when it is too late."""
    definition = workflow("w", [_spree("a", undo={"type": "act", "condition": "true"})])
    async with engine(database, types=TYPES) as baton:
        execution = await run(baton, definition)
    assert execution.status == "failed" and execution.error is not None
    assert execution.error["message"] == (
        "step 'spree' says how an effect is undone, and that is no step: it has condition."
    )


@pytest.mark.capability("E12")
async def test_an_undo_of_an_unknown_type_fails_and_the_others_run(database: Path) -> None:
    """The engine that undoes may know less than the one that did."""
    steps = [act("first", compensate=act("undo_first")), _spree("a", undo={"type": "gone"}, depends_on=["first"]), BAD]
    async with engine(database, types=TYPES) as baton:
        execution = await run(baton, workflow("w", steps))
        results = await baton.results(execution.id)
    assert execution.status == "compensation_failed"
    assert results["~compensation"]["output"] == {"compensated": ["undo_first"], "failed": ["spree.give_back-1"]}


@pytest.mark.capability("E11", "D03")
async def test_effects_undone_before_a_retry_are_done_and_undone_anew(database: Path) -> None:
    async with engine(database, types=TYPES) as baton:
        execution = await run(baton, workflow("w", [_spree("a"), BAD]))
        await baton.retry(execution.id, from_step="bad", again=True)
        execution = await asyncio.wait_for(baton.wait(execution.id), 60)
        records = await baton.records(execution.id)
    undone = [record for record in records if ".give_back" in (record.path or "") and record.kind == "step.completed"]
    done = [record for record in records if record.kind == "step.effect"]
    assert len(done) == len(undone) == 2 and execution.status == "compensated"
