"""Resting in memory: what waits for the world outside is kept as waiting, and goes on at once when it is answered."""

import asyncio
from pathlib import Path

import pytest

from graphs.clock import ManualClock
from graphs.compile import compile_graph
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution
from tests.support.engine.engines import act, ask, engine, finished, rested, rings_in, statuses, turns, until, workflow
from tests.support.engine.steps import Effects, Gates

QUESTION = workflow("w", [act("before"), ask("q", "before"), act("after", "q")])


async def _parked(baton: Orchestrator, execution: Execution) -> bool:
    """Whether LangGraph's thread is parked: only then its interrupt is kept."""
    state = await compile_graph(baton.store.saver).aget_state({"configurable": {"thread_id": execution.id}})
    return bool(state.interrupts)


@pytest.mark.capability("X08", "I08")
async def test_an_answer_finds_it_in_memory(database: Path, effects: Effects) -> None:
    """One drive and one graph run; meanwhile everybody sees that it waits, and its time at work stands still."""
    clock = ManualClock()
    async with engine(database, effects=effects, clock=clock) as baton:
        execution = await rested(baton, await baton.start(QUESTION))
        assert execution.status == "waiting" and not baton.driving(execution.id)
        assert not await _parked(baton, execution)
        clock.advance(20)
        await baton.decide(execution.id, "q", "approve", by="ann")
        execution = await finished(baton, execution)
    assert (execution.status, execution.drives, execution.active_seconds) == ("completed", 1, 0)
    assert effects.counts == {"before": 1, "after": 1}


async def test_after_a_while_it_is_only_in_the_database(database: Path) -> None:
    """The time counts from each rest; an answer takes it up again."""
    clock = ManualClock()
    definition = workflow("w", [ask("one"), ask("two", "one")])
    async with engine(database, clock=clock, linger=30) as baton:
        execution = await rested(baton, await baton.start(definition))
        clock.advance(29)
        await baton.decide(execution.id, "one", "approve")
        await until(lambda: baton.driving(execution.id))
        await rested(baton, execution)
        clock.advance(29)
        await turns(baton)
        assert not await _parked(baton, execution)
        clock.advance(1)
        while not await _parked(baton, execution):
            await turns(baton)
        assert (await baton.get(execution.id)).status == "waiting"
        await baton.decide(execution.id, "two", "approve")
        execution = await finished(baton, execution)
    assert (execution.status, execution.drives) == ("completed", 2)


async def test_only_so_many_linger(database: Path) -> None:
    """The one that rests longest goes first."""
    async with engine(database, max_lingering=2) as baton:
        executions = [await rested(baton, await baton.start(QUESTION)) for _ in range(3)]
        while not await _parked(baton, executions[0]):
            await turns(baton)
        assert [await _parked(baton, execution) for execution in executions] == [True, False, False]
        for execution in executions:
            await baton.decide(execution.id, "q", "approve")
        ends = [await finished(baton, execution) for execution in executions]
    assert [end.drives for end in ends] == [2, 1, 1]


@pytest.mark.capability("P06")
async def test_it_takes_no_place_of_those_at_work(database: Path, gates: Gates) -> None:
    """And when it is answered it does not queue: it has waited already."""
    async with engine(database, gates=gates, max_executions=1) as baton:
        waiting = await rested(baton, await baton.start(QUESTION))
        working = await baton.start(workflow("busy", [act("slow", gate="g")]))
        queued = await baton.start(workflow("later", [act("x")]))
        await gates.reached("g")
        await baton.decide(waiting.id, "q", "approve")
        assert (await finished(baton, waiting)).status == "completed"
        await turns(baton)
        assert (await baton.get(queued.id)).status == "queued"
        gates.open("g")
        assert [(await finished(baton, each)).status for each in (working, queued)] == ["completed"] * 2


@pytest.mark.capability("T16")
async def test_a_timer_ends_the_rest(database: Path) -> None:
    clock = ManualClock()
    delay = {"name": "d", "type": "delay", "config": {"seconds": 10}}
    async with engine(database, clock=clock) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [delay, act("a", "d")])))
        await until(rings_in(clock, 10))
        clock.advance(10)
        execution = await finished(baton, execution)
    assert (execution.status, execution.drives) == ("completed", 1)


async def test_a_timer_that_rings_while_it_lies_down_is_no_rest(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is stored when a timer rings, so a crash after it must find the execution at work, not waiting."""
    clock = ManualClock()
    seen: list[str] = []
    async with engine(database, clock=clock, short_wait=0) as baton:
        original = baton.store.rest

        async def rest(*given: object, **more: object) -> bool:
            resting = asyncio.ensure_future(original(*given, **more))  # type: ignore[arg-type]
            await asyncio.sleep(0)
            clock.advance(10)
            rested = await resting
            await baton.store.barrier()
            seen.append((await baton.get("e")).status)
            return rested

        monkeypatch.setattr(baton.store, "rest", rest)
        delay = {"name": "d", "type": "delay", "config": {"seconds": 10}}
        await baton.start(workflow("w", [delay, act("a", "d")]), execution_id="e")
        assert (await finished(baton, "e")).status == "completed"
    assert len(seen) == 1 and seen[0] != "waiting"


@pytest.mark.capability("F26")
async def test_a_cancel_ends_the_rest(database: Path) -> None:
    async with engine(database) as baton:
        execution = await rested(baton, await baton.start(QUESTION))
        await baton.cancel(execution.id, by="ann")
        execution = await finished(baton, execution)
    assert (execution.status, execution.drives) == ("cancelled", 1)


@pytest.mark.parametrize("from_another_process", [False, True])
async def test_it_is_started_anew_under_its_own_feet(
    from_another_process: bool, database: Path, effects: Effects
) -> None:
    """What rested in memory knows nothing of it and must not go on: it is taken up as it stands now."""
    async with engine(database, effects=effects, poll=0.005) as baton, engine(database, drive=False) as other:
        execution = await rested(baton, await baton.start(QUESTION))
        await (other if from_another_process else baton).retry(execution.id, from_step="before")
        while effects.counts["before"] < 2:
            await turns(baton)
        await rested(baton, execution)
        await baton.decide(execution.id, "q", "approve")
        execution = await finished(baton, execution)
        assert await statuses(baton, execution) == dict.fromkeys(("before", "q", "after"), "completed")
    assert execution.status == "completed" and effects.counts == {"before": 2, "after": 1}


async def test_a_timer_right_after_another_process_started_it_anew_changes_nothing(
    database: Path, effects: Effects
) -> None:
    """Before the engine has heard of it, the old question is closed; a timer may still stir what rests."""
    clock = ManualClock()
    delay = {"name": "d", "type": "delay", "config": {"seconds": 10}}
    definition = workflow("w", [act("before"), {**delay, "depends_on": ["before"]}, act("after", "d")])
    async with (
        engine(database, effects=effects, clock=clock, poll=0.2) as baton,
        engine(database, drive=False) as other,
    ):
        execution = await rested(baton, await baton.start(definition))
        await other.retry(execution.id, from_step="before")
        clock.advance(10)
        while effects.counts["before"] < 2:
            await turns(baton)
        await rested(baton, execution)
        clock.advance(10)
        execution = await finished(baton, execution)
        records = [record.path for record in await baton.records(execution.id) if record.kind == "step.completed"]
    assert execution.status == "completed" and effects.counts == {"before": 2, "after": 1}
    assert records.count("after") == 1


async def test_an_engine_that_stops_leaves_it_waiting(database: Path) -> None:
    """Not queued: there is nothing to do before it is answered."""
    async with engine(database, grace=10) as baton:
        execution = await rested(baton, await baton.start(QUESTION))
    async with engine(database, drive=False) as baton:
        assert (await baton.get(execution.id)).status == "waiting"
    async with engine(database) as baton:
        await turns(baton)
        assert (await baton.get(execution.id)).drives == 1
        await baton.decide(execution.id, "q", "approve")
        assert (await finished(baton, execution)).status == "completed"


async def test_what_is_cut_at_the_end_of_the_grace_time_is_queued(database: Path, gates: Gates) -> None:
    """Its step runs again when an engine opens; the time it was at work counts."""
    clock = ManualClock()
    async with engine(database, gates=gates, clock=clock) as baton:
        execution = await baton.start(workflow("w", [act("slow", gate="g")]))
        await gates.reached("g")
        clock.advance(5)
    async with engine(database, drive=False) as baton:
        left = await baton.get(execution.id)
    assert (left.status, left.active_seconds) == ("queued", 5)
