"""A workflow that runs as a step keeps the limits that it says itself (E08, P06)."""

from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from graphs.spec import Workflow
from orchestrator.engine import Orchestrator
from tests.support.engine.crashes import Crash, crashing, either
from tests.support.engine.engines import act, ask, engine, finished, rested, rings_in, run, turns, until, workflow
from tests.support.engine.steps import Effects

OUTER = workflow("outer", [{"name": "s", "type": "workflow", "config": {"workflow": "sub"}}])


def _sub(steps: list[Any], **config: Any) -> Workflow:
    return workflow("sub", steps, config=config)


async def _begun(effects: Effects, path: str) -> None:
    await until(lambda: path in effects.began)


async def _error(baton: Orchestrator) -> str:
    execution = await finished(baton, "e")
    assert execution.status == "timed_out"
    return (await baton.results("e"))["s"]["error"]["message"]


async def _worked_and_asked(baton: Orchestrator, clock: ManualClock, effects: Effects, step: str) -> None:
    """The step worked for 20 s; then somebody was asked, an hour ago."""
    await baton.start(OUTER, execution_id="e")
    await _begun(effects, step)
    clock.advance(20)
    await rested(baton, "e")
    clock.advance(3600)


async def _over_after(baton: Orchestrator, clock: ManualClock, seconds: float) -> None:
    """So many more seconds, and not one fewer, end it."""
    clock.advance(seconds - 1)
    await turns(baton)
    assert not (await baton.get("e")).status.final
    clock.advance(1)
    assert "at work for longer than its 30 s" in await _error(baton)


@pytest.mark.capability("P06", "F24")
async def test_so_many_steps_at_once_as_it_says(database: Path, effects: Effects) -> None:
    sub = _sub([act(f"x{number}", yields=20) for number in range(4)], max_parallel_steps=1)
    async with engine(database, effects=effects, workflows=[sub]) as baton:
        assert (await run(baton, OUTER)).status == "completed"
    assert effects.most["s/"] == 1


@pytest.mark.capability("E08", "F24", "X08")
@pytest.mark.parametrize("again", [False, True], ids=["", "in another process"])
async def test_its_deadline_counts_from_its_own_start(again: bool, database: Path) -> None:
    """Waiting included, whoever is there."""
    clock = ManualClock()
    sub = _sub([ask("q")], deadline=30)
    async with engine(database, clock=clock, workflows=[sub]) as baton:
        await rested(baton, await baton.start(OUTER, execution_id="e"))
        if not again:
            clock.advance(30)
            assert "deadline of 30 s of workflow 'sub'" in await _error(baton)
    if again:
        async with engine(database, clock=clock) as baton:
            clock.advance(30)
            assert "deadline of 30 s of workflow 'sub'" in await _error(baton)


@pytest.mark.capability("E08", "F24", "X33")
async def test_its_timeout_is_time_at_work(database: Path, effects: Effects) -> None:
    """Waiting does not count; what earlier processes did, does."""
    clock = ManualClock()
    sub = _sub([act("a", sleep=20), ask("q", "a"), act("b", "q", sleep=20)], timeout=30)
    async with engine(database, clock=clock, effects=effects, workflows=[sub], linger=0.0) as baton:
        await _worked_and_asked(baton, clock, effects, "s.a")
    async with engine(database, clock=clock, effects=effects) as baton:
        await baton.decide("e", "s.q", "approve")
        await _begun(effects, "s.b")
        await _over_after(baton, clock, 10)


@pytest.mark.capability("E08", "X33")
async def test_its_timeout_does_not_count_a_wait_in_memory(database: Path, effects: Effects) -> None:
    clock = ManualClock()
    sub = _sub([act("a", sleep=20), ask("q", "a"), act("b", "q", sleep=9)], timeout=30)
    async with engine(database, clock=clock, effects=effects, workflows=[sub], linger=10_000.0) as baton:
        await _worked_and_asked(baton, clock, effects, "s.a")
        await baton.decide("e", "s.q", "approve")
        await _begun(effects, "s.b")
        clock.advance(9)
        assert (await finished(baton, "e")).status == "completed"


@pytest.mark.capability("E08", "X33", "D01")
async def test_its_timeout_counts_what_was_done_deeper_inside(database: Path, effects: Effects) -> None:
    """Before it was parked, by another process."""
    clock = ManualClock()
    deep = {"name": "deep", "type": "sequence", "steps": [act("a", sleep=20), ask("q"), act("b", sleep=20)]}
    async with engine(
        database, clock=clock, effects=effects, workflows=[_sub([deep], timeout=30)], linger=0.0
    ) as baton:
        await _worked_and_asked(baton, clock, effects, "s.deep.a")
    async with engine(database, clock=clock, effects=effects) as baton:
        await baton.decide("e", "s.deep.q", "approve")
        await _begun(effects, "s.deep.b")
        await _over_after(baton, clock, 10)


@pytest.mark.capability("E08", "X33", "E03")
@pytest.mark.parametrize("again", [False, True], ids=["", "in another process"])
@pytest.mark.parametrize("inside", [False, True], ids=["plain", "deep"])
async def test_its_timeout_counts_pauses_between_attempts(
    again: bool, inside: bool, database: Path, effects: Effects
) -> None:
    """Also when it is over in the middle of one, and nobody is there."""
    clock, retry = ManualClock(), {"max_attempts": 3, "backoff": "fixed", "initial_delay": 20, "jitter": 0}
    step = act("a", fail=True, retry=retry)
    steps = [{"name": "deep", "type": "sequence", "steps": [step]}] if inside else [step]
    path = "s.deep.a" if inside else "s.a"
    async with engine(database, clock=clock, effects=effects, workflows=[_sub(steps, timeout=30)]) as baton:
        await baton.start(OUTER, execution_id="e")
        await until(rings_in(clock, 20))
        clock.advance(20)
        await until(lambda: effects.counts[path] == 2)
        await until(rings_in(clock, 20))
        await turns(baton)
        if not again:
            clock.advance(10)
            assert "at work for longer than its 30 s" in await _error(baton)
    if again:
        async with engine(database, clock=clock, effects=effects) as baton:
            await rested(baton, "e")
            await _over_after(baton, clock, 10)
    assert effects.counts[path] == 2


@pytest.mark.capability("E08", "X33", "D01")
async def test_its_timeout_counts_what_a_process_did_that_died(database: Path, effects: Effects) -> None:
    """Though nothing had settled by then; the time until another process came does not count."""
    clock, crash = ManualClock(), Crash(10_000)
    sub = _sub([act("a", sleep=100)], timeout=30)

    async def live() -> None:
        async with engine(database, clock=clock, effects=effects, workflows=[sub]) as baton:
            await baton.start(OUTER, execution_id="e")
            await _begun(effects, "s.a")
            for _ in range(9):
                clock.advance(3)
                await turns(baton)
            crash.left = 0
            await baton.cancel("e")  # of which nobody ever hears

    with crashing(crash):
        assert not await either(live(), crash)
    clock.advance(3600)
    async with engine(database, clock=clock, effects=effects) as baton:
        await until(lambda: effects.counts["s.a"] == 2)
        await _over_after(baton, clock, 3)
