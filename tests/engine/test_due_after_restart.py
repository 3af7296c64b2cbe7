"""When something is due does not depend on which process is there, nor on who sets the clock."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from graphs.errors import ConflictError
from graphs.spec import Workflow
from tests.support.engine.clocks import JumpingClock
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import PATIENCE, act, ask, engine, finished, rested, turns, workflow
from tests.support.engine.steps import Effects

PHASE: dict[str, Any] = {
    "name": "phase",
    "type": "sequence",
    "timeout": 40,
    "on_timeout": {"action": "continue", "output": {"late": True}},
    "steps": [ask("q")],
}
LATE = workflow("late", [PHASE, act("after", "phase", value="{{ steps.phase.output.late }}")])


@pytest.mark.capability("E07", "X08")
@pytest.mark.parametrize("linger", [0.0, 1000.0], ids=["parked", "lingering when it was killed"])
async def test_a_composite_steps_time_is_over_in_another_process_too(linger: float, database: Path) -> None:
    clock = ManualClock()

    async def first() -> None:
        async with engine(database, clock=clock, linger=linger) as baton:
            await rested(baton, await baton.start(LATE, execution_id="e"))
            if linger:
                crash.left = 0
                await baton.store.barrier()

    crash = Crash(10_000)
    with crashing(crash):
        assert await either(first(), crash) is not bool(linger)
    async with engine(database, clock=clock) as baton:
        await turns(baton)
        assert (await baton.get("e")).status == "waiting"
        clock.advance(40)
        execution = await finished(baton, "e")
        assert execution.status == "completed"
        assert (await baton.results("e"))["after"]["output"]["value"] is True


@pytest.mark.capability("E08", "X08")
async def test_a_deadline_is_over_in_another_process_too(database: Path) -> None:
    clock = ManualClock()
    async with engine(database, clock=clock) as baton:
        await rested(baton, await baton.start(workflow("w", [ask("q")], config={"deadline": 30}), execution_id="e"))
    async with engine(database, clock=clock) as baton:
        clock.advance(30)
        assert (await finished(baton, "e")).status == "timed_out"


@pytest.mark.capability("E08", "I08")
async def test_whoever_decides_after_the_deadline_is_told_so_though_no_engine_was_there(database: Path) -> None:
    """What its time has ended nobody decides any more; after a retry there is time again."""
    clock = ManualClock()
    async with engine(database, clock=clock) as baton:
        await rested(baton, await baton.start(workflow("w", [ask("q")], config={"deadline": 30}), execution_id="e"))
    clock.advance(30)
    async with engine(database, clock=clock, drive=False) as elsewhere:
        with pytest.raises(ConflictError) as late:
            await elsewhere.decide("e", "q", "approve", by="ann")
    assert late.value.code == "execution_time_over"
    assert str(late.value) == (
        "The deadline of execution 'e' was over at 2026-01-01T00:00:30.000000+00:00. This answer was not kept."
    )
    async with engine(database, clock=clock) as baton:
        assert (await finished(baton, "e")).status == "timed_out"
        await rested(baton, await baton.retry("e", from_step="q"))
        clock.advance(29)
        await baton.decide("e", "q", "approve", by="ann")
        assert (await finished(baton, "e")).status == "completed"


@pytest.mark.capability("E08")
async def test_a_deadline_that_was_over_before_a_retry_does_not_wake_it_again_and_again(database: Path) -> None:
    """It counts from the retry; between two looks nothing drives it."""
    clock = ManualClock()
    async with engine(database, clock=clock, linger=0.0) as baton:
        await rested(baton, await baton.start(workflow("w", [ask("q")], config={"deadline": 30}), execution_id="e"))
        clock.advance(30)
        assert (await finished(baton, "e")).status == "timed_out"
        await baton.retry("e", from_step="q")
        drives = (await rested(baton, "e")).drives
        await turns(baton, 50)
        assert (await baton.get("e")).drives == drives


DELAY = workflow("delay", [{"name": "d", "type": "delay", "config": {"seconds": 60}}])


@pytest.mark.capability("X08")
@pytest.mark.parametrize("linger", [0.0, 1000.0], ids=["parked", "in memory"])
@pytest.mark.parametrize("definition", [DELAY, LATE], ids=["delay", "composite"])
async def test_a_machine_that_was_asleep_finds_what_came_due(
    definition: Workflow, linger: float, database: Path
) -> None:
    """The wall clock has gone on by an hour, and no alarm has counted it."""
    clock = JumpingClock()
    async with engine(database, clock=clock, linger=linger) as baton:
        await rested(baton, await baton.start(definition, execution_id="e"))
        clock.jump(3600)
        async with asyncio.timeout(PATIENCE):
            while not (await baton.get("e")).status.final:
                await asyncio.sleep(0.01)  # it looks at the clock by itself
                clock.advance(0)


@pytest.mark.capability("X08")
async def test_a_clock_that_was_set_back_lets_nothing_end_early(database: Path) -> None:
    clock = JumpingClock()
    async with engine(database, clock=clock, linger=1000.0) as baton:
        await rested(baton, await baton.start(LATE, execution_id="e"))
        clock.jump(-30)
        clock.advance(45)
        await turns(baton)
        assert (await baton.get("e")).status == "waiting"
        clock.advance(30)
        assert (await finished(baton, "e")).status == "completed"


@pytest.mark.capability("E08", "X33")
async def test_time_at_work_before_a_kill_counts(database: Path, effects: Effects) -> None:
    """As far as records tell: to the last result that was kept. Not the time during which nobody was there."""
    clock = ManualClock()
    steps = [act("a", sleep=20), act("b", "a", sleep=20), act("c", "b", sleep=20)]
    definition = workflow("w", steps, config={"timeout": 50})

    async def first() -> None:
        async with engine(database, clock=clock, effects=effects) as baton:
            await baton.start(definition, execution_id="e")
            async with asyncio.timeout(PATIENCE):
                for step in ("a", "b"):
                    while step not in effects.began:
                        await asyncio.sleep(0)
                    clock.advance(20)
                while "c" not in effects.began:
                    await asyncio.sleep(0)
            crash.left = 0
            await baton.store.barrier()

    crash = Crash(10_000)
    with crashing(crash):
        assert not await either(first(), crash)
    clock.advance(3600)
    async with engine(database, clock=clock, effects=effects) as baton:
        async with asyncio.timeout(PATIENCE):
            while effects.counts["c"] < 2:
                await asyncio.sleep(0)
        assert (await baton.get("e")).active_seconds == pytest.approx(40)
        clock.advance(10)
        execution = await asyncio.wait_for(baton.wait("e"), PATIENCE)
    assert execution.status == "timed_out"
    assert execution.active_seconds == pytest.approx(50)
