"""Faults from outside upon whole engines, on every store: locks, clocks, events, branches, sizes.

Each test says that its fault has happened; otherwise it has shown nothing.
"""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from graphs.clock import ManualClock
from orchestrator.store.port import ExecutionFilter
from tests.reliability.stores import STORES, Store
from tests.support.engine.engines import act, ask, chain, finished, rested, turns, workflow
from tests.support.engine.steps import Effects, Gates

pytestmark = pytest.mark.parametrize("store", STORES, ids=lambda store: store.name)

HELD_SECONDS = 1.0
MANY = ExecutionFilter(limit=100_000)


@pytest.fixture
def effects() -> Effects:
    """What steps did."""
    return Effects()


@pytest.fixture
def gates() -> Gates:
    """Doors at which steps can be held."""
    return Gates()


@pytest.mark.capability("D01", "D02", "R5")
async def test_a_store_that_a_foreign_program_locks(
    store: Store, tmp_path: Path, effects: Effects, gates: Gates
) -> None:
    """Starts, results, answers and events wait for it, and nothing fails because of it."""
    news = {"name": "e", "type": "wait_for_event", "config": {"event_type": "news"}}
    definition = workflow("w", [act("a", gate="go"), act("b", "a"), act("c", "b"), ask("q"), news])
    async with store.engine(tmp_path, effects=effects, gates=gates) as baton:
        begun = [await baton.start(definition) for _ in range(20)]
        for execution in begun:
            while len(await baton.waits(execution.id)) < 2:
                await asyncio.sleep(0.002)
        async with store.held(tmp_path):
            gates.open("go")
            asked = [
                *(asyncio.ensure_future(baton.start(definition)) for _ in range(20)),
                *(asyncio.ensure_future(baton.decide(execution.id, "q", "approve")) for execution in begun),
                asyncio.ensure_future(baton.publish_event("news", {})),
            ]
            done, _ = await asyncio.wait(asked, timeout=HELD_SECONDS)
            assert not done, "it could be written, so nobody held it"
            assert [await baton.results(execution.id) for execution in begun] == [{}] * len(begun)
        async with asyncio.timeout(60):
            await asyncio.gather(*asked)
        for execution in await baton.list(MANY):
            if execution.id not in {one.id for one in begun}:
                await rested(baton, execution)
                await baton.decide(execution.id, "q", "approve")
        await baton.publish_event("news", {})
        ended = [await finished(baton, execution) for execution in await baton.list(MANY)]
        kinds = {record.kind for execution in ended for record in await baton.records(execution.id)}
    assert Counter(execution.status for execution in ended) == {"completed": 40}
    assert "drive.failed" not in kinds and Counter(effects.counts.values()) == {40: 3}


@pytest.mark.capability("D05", "T16", "X08", "R8")
async def test_many_timers_at_once_while_the_clock_jumps(store: Store, tmp_path: Path) -> None:
    """None is early, though the clock goes back; none is lost, though nobody is there when they come due."""
    count, clock, chance = 300, ManualClock(), random.Random(8)
    delay = {"name": "d", "type": "delay", "config": {"seconds": 3600}}
    definition = workflow("w", [delay, act("after", "d")])
    async with store.engine(tmp_path, clock=clock, linger=0) as baton:
        started = [await baton.start(definition) for _ in range(count)]
        for execution in started:
            await rested(baton, execution)
        due = clock.now() + timedelta(hours=1)
        for jump in (-3600, 1800, -1800, 7199):
            clock.advance(jump)
            await turns(baton, 3)
            assert not [one for one in await baton.list(MANY) if one.status.final], f"early by {due - clock.now()}"
        assert clock.now() == due - timedelta(seconds=1), "the clock has jumped"
    clock.advance(1 + chance.random())
    async with store.engine(tmp_path, clock=clock) as baton:
        for execution in started:
            await finished(baton, execution)
            records = await baton.records(execution.id)
            assert [record.seq for record in records] == sorted(record.seq or 0 for record in records)
            [over] = [record.at for record in records if record.kind == "step.completed" and record.path == "d"]
            assert over >= due


@pytest.mark.capability("I04", "X07", "D22", "R10")
async def test_events_in_every_order(store: Store, tmp_path: Path) -> None:
    """Early, in time, twice, in any order, too late, of another tenant: each wait gets its own, once."""
    count, clock, chance = 60, ManualClock(), random.Random(10)
    wait = {"event_type": "paid", "filter": {"order": "{{ input.order }}"}, "timeout": 60, "on_timeout": "continue"}
    pay = {"name": "pay", "type": "wait_for_event", "depends_on": ["gone"], "config": wait}
    definition = workflow("w", [act("gone", gate="go"), pay])
    gates, late = Gates(), set(range(0, count, 6))
    async with store.engine(tmp_path, clock=clock, gates=gates) as baton:
        started = [await baton.start(definition, {"order": number}) for number in range(count)]
        events = [(number, time) for number in range(count) if number not in late for time in range(2)]
        chance.shuffle(events)
        matched: dict[int, tuple[tuple[str, str], ...]] = {}
        early, rest = events[: len(events) // 2], events[len(events) // 2 :]
        for number, _ in early:
            await baton.publish_event("paid", {"order": number, "by": "us"}, key=f"order-{number}")
        gates.open("go")
        for execution in started:
            while not execution.status.final and not (await baton.waits(execution.id)):
                await asyncio.sleep(0.002)
                execution = await baton.get(execution.id)
        for number, _ in rest:
            await baton.publish_event("paid", {"order": number, "by": "them"}, key=f"order-{number}", tenant="other")
            published = await baton.publish_event("paid", {"order": number, "by": "us"}, key=f"order-{number}")
            assert matched.setdefault(number, published.matched) == published.matched, "the second one answers nobody"
        clock.advance(61)
        ended = [await finished(baton, execution) for execution in started]
        for number in late:
            assert (await baton.publish_event("paid", {"order": number})).matched == ()
        outputs = [(await baton.results(execution.id))["pay"]["output"] for execution in ended]
    assert set(map(len, matched.values())) == {1} and len(matched) > count // 4, "some came in time"
    assert len({number for number, _ in early}) > count // 4, "some came early"
    for number, output in enumerate(outputs):
        if number in late:
            assert output == {"event_data": None, "timed_out": True}
        else:
            assert output["event_data"] == {"order": number, "by": "us"}


@pytest.mark.capability("F29", "X17", "R11")
async def test_a_branch_that_waits_for_a_day_holds_up_no_other(store: Store, tmp_path: Path, effects: Effects) -> None:
    """Fifty steps beside it are done at once; when one branch goes on, no step of the other is begun again."""
    clock = ManualClock()
    day = {"name": "day", "type": "delay", "config": {"duration": "24h"}}
    steps = [day, act("left", "day"), *chain(50), ask("q", "s49"), act("right", "q")]
    async with store.engine(tmp_path, clock=clock, effects=effects, linger=0) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
        assert clock.now() == ManualClock().now(), "nobody moved the clock"
        assert effects.began == [f"s{number}" for number in range(50)]
        assert {wait.path for wait in await baton.waits(execution.id)} == {"day", "q"}
        await baton.decide(execution.id, "q", "approve")
        await rested(baton, execution)
        assert effects.began[50:] == ["right"]
        clock.advance(24 * 3600)
        assert (await finished(baton, execution)).status == "completed"
    assert effects.began[51:] == ["left"]


@pytest.mark.capability("P06", "R14")
async def test_a_thousand_steps_at_work_leave_room_for_others(
    store: Store, tmp_path: Path, effects: Effects, gates: Gates
) -> None:
    """It would take every place there is; a hundred small executions, most of them in a queue, are done meanwhile."""
    steps = [act(f"m{number}", gate="go") for number in range(1000)]
    wide, small = workflow("wide", steps, config={"max_parallel_steps": 1000}), workflow("small", [act("only")])
    async with store.engine(tmp_path, effects=effects, gates=gates, max_executions=4, max_steps=1000) as baton:
        first = await baton.start(wide)
        async with asyncio.timeout(60):
            while len(effects.began) < 900:
                await asyncio.sleep(0.002)
        others = [await baton.start(small) for _ in range(100)]
        ended = [await finished(baton, execution) for execution in others]
        assert not (await baton.get(first.id)).status.final
        assert len(effects.began) == 900 + 100, "a tenth of the places is for those who have none"
        gates.open("go")
        first = await finished(baton, first)
    assert {execution.status for execution in (*ended, first)} == {"completed"}
    assert effects.counts == {f"m{number}": 1 for number in range(1000)} | {"only": 100}
