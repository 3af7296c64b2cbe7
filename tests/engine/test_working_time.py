"""Time at work is what a timeout counts: pauses between attempts are, waiting for the world outside is not (X33)."""

from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from tests.support.engine.engines import (
    act,
    ask,
    engine,
    finished,
    rested,
    rings_in,
    turns,
    until,
    workflow,
)
from tests.support.engine.steps import Effects, Gates


@pytest.mark.capability("X33", "D05", "P09")
async def test_waiting_for_the_world_outside_does_not_count_against_the_timeout(database: Path, gates: Gates) -> None:
    """A wait of a day in a workflow of half an hour, as in the registration example."""
    clock = ManualClock()
    steps = [act("a", gate="a"), ask("q", "a"), act("b", "q", gate="b", timeout=10_000)]
    async with engine(database, clock=clock, gates=gates) as baton:
        execution = await baton.start(workflow("w", steps, config={"timeout": 1800}))
        await gates.reached("a")
        clock.advance(250)
        gates.open("a")
        await rested(baton, execution)
        clock.advance(24 * 3600)
        await baton.decide(execution.id, "q", "approve")
        await gates.reached("b")
        clock.advance(1500)
        await turns(baton)
        assert (await baton.get(execution.id)).status == "running"
        clock.advance(50)
        execution = await finished(baton, execution)
    assert execution.status == "timed_out" and execution.active_seconds == 1800


@pytest.mark.capability("X33", "T16")
async def test_short_waits_that_do_not_park_do_not_count_either(database: Path) -> None:
    """Nobody is at work while the only thing that is awaited is a timer, parked or not."""
    clock = ManualClock()
    delays = [
        {"name": f"d{i}", "type": "delay", "depends_on": [f"d{i - 1}"] if i else [], "config": {"seconds": 4}}
        for i in range(4)
    ]
    async with engine(database, clock=clock, short_wait=5) as baton:
        execution = await baton.start(workflow("w", delays, config={"timeout": 5}))
        for _ in delays:
            await until(rings_in(clock, 4))
            clock.advance(4)
        execution = await finished(baton, execution)
    assert execution.status == "completed" and execution.drives == 1 and execution.active_seconds == 0


async def test_a_slow_retry_does_not_take_a_place(database: Path, gates: Gates) -> None:
    """While a step waits for its next attempt another may act in its place."""
    clock = ManualClock()
    retrying = act("a", fail=1, retry={"max_attempts": 2, "initial_delay": 60, "jitter": 0})
    async with engine(database, clock=clock, gates=gates) as baton:
        execution = await baton.start(workflow("w", [retrying, act("b", gate="b")], config={"max_parallel_steps": 1}))
        await gates.reached("b")
        gates.open("b")
        await until(rings_in(clock, 60))
        clock.advance(60)
        execution = await finished(baton, execution)
    assert execution.status == "completed"


def _tries(delay: float, **more: Any) -> dict[str, Any]:
    retry = {"max_attempts": 9, "backoff": "fixed", "initial_delay": delay, "jitter": 0}
    return act("tries", **{"fail": 9, "retry": retry, **more})


@pytest.mark.capability("E08", "P01", "X33")
@pytest.mark.parametrize("linger", [0, 1000])
async def test_pauses_between_attempts_are_time_at_work(database: Path, effects: Effects, linger: float) -> None:
    """Parked or not: nobody outside is waited for. The limit ends the pause."""
    clock = ManualClock()
    definition = workflow("w", [_tries(40)], config={"timeout": 100})
    async with engine(database, clock=clock, effects=effects, linger=linger) as baton:
        execution = await baton.start(definition)
        for count in (1, 2):
            await until(lambda count=count: effects.counts["tries"] == count)
            await rested(baton, execution)
            clock.advance(40)
        await until(lambda: effects.counts["tries"] == 3)
        await rested(baton, execution)
        clock.advance(19)
        await turns(baton)
        assert (await baton.get(execution.id)).status == "waiting"
        clock.advance(1)
        execution = await finished(baton, execution)
    assert (execution.status, execution.active_seconds) == ("timed_out", 100)
    assert effects.counts["tries"] == 3


@pytest.mark.capability("E08", "P01", "X33", "D01")
async def test_of_a_pause_counts_what_is_left_of_it_and_not_how_long_nobody_was_there(
    database: Path, effects: Effects
) -> None:
    """An engine that was away for a day has not worked for a day."""
    clock = ManualClock()
    definition = workflow("w", [_tries(40)], config={"timeout": 100})
    async with engine(database, clock=clock, effects=effects) as baton:
        execution = await rested(baton, await baton.start(definition))
    clock.advance(24 * 3600)
    async with engine(database, clock=clock, effects=effects) as baton:
        await until(lambda: effects.counts["tries"] == 2)
        await rested(baton, execution)
        assert (await baton.get(execution.id)).active_seconds == 40
    clock.advance(10)
    async with engine(database, clock=clock, effects=effects) as baton:
        clock.advance(29)
        await turns(baton)
        assert effects.counts["tries"] == 2
        clock.advance(1)
        await until(lambda: effects.counts["tries"] == 3)
        await rested(baton, execution)
        clock.advance(20)
        execution = await finished(baton, execution)
    assert (execution.status, execution.active_seconds) == ("timed_out", 100)


@pytest.mark.capability("X33", "E08")
async def test_beside_a_question_only_the_pauses_count(database: Path, effects: Effects) -> None:
    """They are over when nobody tries any more, however long the answer takes."""
    clock = ManualClock()
    steps = [ask("q"), _tries(40, fail=1)]
    async with engine(database, clock=clock, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps, config={"timeout": 100})))
        clock.advance(40)
        await until(lambda: effects.counts["tries"] == 2)
        await rested(baton, execution)
        clock.advance(7 * 24 * 3600)
        await turns(baton)
        await baton.decide(execution.id, "q", "approve")
        execution = await finished(baton, execution)
    assert (execution.status, execution.active_seconds) == ("completed", 40)


@pytest.mark.capability("P06", "E08", "X33")
async def test_waiting_for_a_place_under_a_limit_is_time_at_work(
    database: Path, gates: Gates, effects: Effects
) -> None:
    """Its own colleagues hold it up, and nobody outside."""
    clock = ManualClock()
    steps = [act("a", gate="g", timeout=999), act("b", gate="g", timeout=999)]
    config = {"timeout": 50, "max_parallel_steps": 1}
    async with engine(database, clock=clock, gates=gates, effects=effects) as baton:
        execution = await baton.start(workflow("w", steps, config=config))
        await gates.reached("g")
        clock.advance(50)
        execution = await finished(baton, execution)
    assert (execution.status, execution.active_seconds) == ("timed_out", 50) and len(effects.began) == 1
