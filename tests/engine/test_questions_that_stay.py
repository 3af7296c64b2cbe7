"""What was asked and is not made anew stays asked: once, with its answer and its time, whatever happens beside it."""

from pathlib import Path

import pytest

from graphs.clock import ManualClock
from graphs.errors import ConflictError
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import act, ask, engine, finished, rested, turns, workflow
from tests.support.engine.steps import Effects, Gates

DELAY = {"name": "d", "type": "delay", "config": {"seconds": 60}}
NEWS = {"name": "e", "type": "wait_for_event", "config": {"event_type": "news"}}


@pytest.mark.capability("D03", "I08")
async def test_effects_that_happen_again_ask_nothing_else_again(database: Path, effects: Effects) -> None:
    """A new generation of keys is for what is made anew: the question beside it is the same, and so is the timer."""
    definition, clock = workflow("w", [act("a"), ask("q"), DELAY, ask("after", "a")]), ManualClock()
    async with engine(database, effects=effects, clock=clock) as baton:
        execution = await rested(baton, await baton.start(definition))
        clock.advance(40)
        await baton.retry(execution.id, from_step="a", again=True)
        await rested(baton, execution)
        assert sorted(wait.path for wait in await baton.waits(execution.id)) == ["after", "d", "q"]
        await baton.decide(execution.id, "q", "approve", by="ann")
        with pytest.raises(ConflictError):
            await baton.decide(execution.id, "q", "approve", by="bob")
        await baton.decide(execution.id, "after", "approve")
        clock.advance(20)
        assert (await finished(baton, execution)).status == "completed"
    assert effects.keys["a"] == [f"{execution.id}:a:0", f"{execution.id}:a:1"]


@pytest.mark.capability("D03", "I08")
async def test_an_answer_given_before_the_new_generation_is_driven_counts(database: Path, effects: Effects) -> None:
    """Nobody drives when the execution is sent back, nor when somebody decides."""
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [act("a"), ask("q")])))
    async with engine(database, drive=False) as other:
        await other.retry(execution.id, from_step="a", again=True)
        await other.decide(execution.id, "q", "approve", by="ann")
    async with engine(database, effects=effects) as baton:
        assert (await finished(baton, execution)).status == "completed"


@pytest.mark.capability("I04", "X07")
async def test_an_event_between_a_start_and_its_first_drive_is_not_missed(database: Path) -> None:
    clock = ManualClock()
    async with engine(database, drive=False, clock=clock) as other:
        execution = await other.start(workflow("w", [NEWS]))
        clock.advance(10)
        await other.publish_event("news", {})
    clock.advance(10)
    async with engine(database, clock=clock) as baton:
        assert (await finished(baton, execution)).status == "completed"


@pytest.mark.capability("D01", "I08")
async def test_a_question_that_a_crash_left_open_is_closed_when_its_step_is_given_up(
    database: Path, gates: Gates
) -> None:
    """One step has failed for good; the process dies before the question beside it is withdrawn."""
    group = {"name": "group", "type": "parallel", "steps": [ask("inner"), ask("other")]}
    steps = [
        act("done", compensate=act("undo", gate="undo")),
        act("bad", "done", gate="go", fail=True),
        ask("q"),
        group,
    ]
    definition, crash = workflow("w", steps, config={"failure_policy": "cancel"}), Crash(1_000_000)

    async def live() -> None:
        async with engine(database, gates=gates) as baton:
            execution = await baton.start(definition, execution_id="e")
            await gates.reached("go")
            crash.left = 1
            gates.open("go")
            await baton.wait(execution.id)

    with crashing(crash):
        assert not await either(live(), crash)
    async with engine(database, gates=gates) as baton:
        await gates.reached("undo")
        await turns(baton)
        assert await baton.waits("e") == []
        gates.open("undo")
        assert (await finished(baton, "e")).status == "compensated"
