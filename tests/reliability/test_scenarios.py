"""Faults from outside upon whole engines, on every store: locks, clocks, events, branches, sizes.

Each test says that its fault has happened; otherwise it has shown nothing.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from graphs.clock import ManualClock
from graphs.spec import Workflow
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution, ExecutionFilter
from tests.reliability.sizes import IS_LONG, SIZES
from tests.reliability.stores import Store
from tests.support.engine.engines import act, ask, chain, turns, workflow
from tests.support.engine.steps import Effects, Gates

MANY = ExecutionFilter(limit=100_000)
LATE_AT_MOST = timedelta(seconds=5)


async def finished(baton: Orchestrator, execution: Execution) -> Execution:
    """The execution when it has ended; many thousands may come before it."""
    return await asyncio.wait_for(baton.wait(execution.id), SIZES.patience)


async def rested(baton: Orchestrator, execution: Execution) -> Execution:
    """The execution when it has ended or waits for the world outside."""
    return await asyncio.wait_for(baton.wait(execution.id, until="rest"), SIZES.patience)


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
    # All of them are at work, at a closed gate, when the store is locked.
    room = {"max_executions": 2 * SIZES.locked, "max_steps": 4 * SIZES.locked}
    async with store.engine(tmp_path, effects=effects, gates=gates, **room) as baton:
        begun = [await baton.start(definition) for _ in range(SIZES.locked)]
        async with asyncio.timeout(SIZES.patience):
            for execution in begun:
                while len(await baton.waits(execution.id)) < 2:
                    await asyncio.sleep(0.002)
        async with store.held(tmp_path):
            gates.open("go")
            asked = [
                *(asyncio.ensure_future(baton.start(definition)) for _ in range(SIZES.locked)),
                *(asyncio.ensure_future(baton.decide(execution.id, "q", "approve")) for execution in begun),
                asyncio.ensure_future(baton.publish_event("news", {})),
            ]
            done, _ = await asyncio.wait(asked, timeout=SIZES.locked_seconds)
            assert not done, "it could be written, so nobody held it"
            some = begun[:: max(1, len(begun) // 100)]  # in all, the lock is to be over before anybody's patience
            assert [await baton.results(execution.id) for execution in some] == [{}] * len(some)
        async with asyncio.timeout(SIZES.patience):
            await asyncio.gather(*asked)
        for execution in await baton.list(MANY):
            if execution.id not in {one.id for one in begun}:
                await rested(baton, execution)
                await baton.decide(execution.id, "q", "approve")
        await baton.publish_event("news", {})
        ended = [await finished(baton, execution) for execution in await baton.list(MANY)]
        kinds = {record.kind for execution in ended for record in await baton.records(execution.id)}
    count = 2 * SIZES.locked
    assert Counter(execution.status for execution in ended) == {"completed": count}
    assert "drive.failed" not in kinds and Counter(effects.counts.values()) == {count: 3}


@pytest.mark.capability("D05", "T16", "X08", "R8")
async def test_many_timers_at_once_while_the_clock_jumps(store: Store, tmp_path: Path) -> None:
    """None is early, though the clock goes back; none is lost or late, whether somebody is there when they come due.

    Nobody moves the clock while they are carried out. So queueing takes no time, and what is late by the clock is so
    because somebody did not look.
    """
    clock, chance = ManualClock(), random.Random(8)
    start, hour = clock.now(), 3600
    definitions = [_after_delay(seconds) for seconds in (hour - 1, hour)]
    async with store.engine(tmp_path, clock=clock, linger=0) as baton:
        started = [await baton.start(definitions[number % 2]) for number in range(SIZES.timers)]
        for execution in started:
            await rested(baton, execution)
        for jump in (-3600, 1800, -1800, 7198):
            clock.advance(jump)
            await turns(baton, 3)
            assert not [one for one in await baton.list(MANY) if one.status.final], f"early, at {clock.now()}"
        assert clock.now() == start + timedelta(seconds=hour - 2), "the clock has jumped"
        clock.advance(1)
        await _over_in_time(baton, started[::2], due=clock.now())
    clock.advance(1 + chance.random())
    async with store.engine(tmp_path, clock=clock) as baton:
        await _over_in_time(baton, started[1::2], due=start + timedelta(seconds=hour))


def _after_delay(seconds: int) -> Workflow:
    delay = {"name": "d", "type": "delay", "config": {"seconds": seconds}}
    return workflow(f"after_{seconds}", [delay, act("after", "d")])


async def _over_in_time(baton: Orchestrator, executions: Sequence[Execution], *, due: datetime) -> None:
    async with asyncio.timeout(SIZES.patience):
        for execution in executions:
            assert (await finished(baton, execution)).status == "completed"
            records = await baton.records(execution.id)
            assert [record.seq for record in records] == sorted(record.seq or 0 for record in records)
            [over] = [record.at for record in records if record.kind == "step.completed" and record.path == "d"]
            assert due <= over <= due + LATE_AT_MOST


@pytest.mark.capability("D05", "T16", "X08", "R8")
@pytest.mark.parametrize("switch", ["2026-03-29T00:30", "2026-10-25T00:30"], ids=["spring", "autumn"])
async def test_timers_in_the_night_in_which_the_clocks_are_changed(
    store: Store, tmp_path: Path, switch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour is an hour, and a day is a day, wherever the machine stands: not one more, and not one less."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        start = datetime.fromisoformat(switch).replace(tzinfo=UTC)
        clock, hours = ManualClock(start), (1, 2, 3, 24)
        assert start.astimezone().utcoffset() != (start + timedelta(hours=3)).astimezone().utcoffset(), "they change"
        steps = [{"name": f"d{hour}", "type": "delay", "config": {"duration": f"{hour}h"}} for hour in hours]
        async with store.engine(tmp_path, clock=clock, linger=0) as baton:
            execution = await rested(baton, await baton.start(workflow("w", steps)))
            for hour in hours:
                clock.advance((start + timedelta(hours=hour) - clock.now()).total_seconds() - 1)
                await turns(baton, 3)
                assert f"d{hour}" not in await baton.results(execution.id), "early"
                clock.advance(1)
                async with asyncio.timeout(SIZES.patience):
                    while f"d{hour}" not in await baton.results(execution.id):
                        await asyncio.sleep(0.002)
            assert (await finished(baton, execution)).status == "completed"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.capability("I04", "X07", "D22", "R10")
async def test_events_in_every_order(store: Store, tmp_path: Path) -> None:
    """Early, in time, twice, in any order, too late, of another tenant: each wait gets its own, once."""
    count, clock, chance = SIZES.awaiting, ManualClock(), random.Random(10)
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
            await baton.publish_event("paid", {"order": number, "by": "us"}, id=f"order-{number}")
        gates.open("go")
        async with asyncio.timeout(SIZES.patience):
            for execution in started:
                while not execution.status.final and not (await baton.waits(execution.id)):
                    await asyncio.sleep(0.002)
                    execution = await baton.get(execution.id)
        for number, _ in rest:
            await baton.publish_event("paid", {"order": number, "by": "them"}, id=f"other-{number}", tenant="other")
            published = await baton.publish_event("paid", {"order": number, "by": "us"}, id=f"order-{number}")
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


@pytest.mark.capability("P06", "R14")
async def test_a_crowd_keeps_nobody_who_is_in_a_hurry_and_takes_no_memory_without_end(store: Store) -> None:
    """A hundred thousand in the queue, a thousand steps side by side, a result of a hundred megabytes."""
    asked = ("--executions", str(SIZES.crowd), "--megabytes", str(SIZES.megabytes), "--store", store.name)
    command = (sys.executable, "-m", "tests.reliability.crowd", *asked)
    crowd = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(SIZES.patience):
        told, _ = await crowd.communicate()
    assert crowd.returncode == 0
    found = json.loads(told)
    print(found)
    for queue in (found["few"], found["many"]):
        assert (queue["completed"], queue["large"], queue["wide"]) == (
            queue["executions"],
            "result_too_large",
            "completed",
        )
    assert found["many"]["left"] > 0, "the queue was over before those who were in a hurry came"
    assert found["peak_mb"] < 512
    if IS_LONG:  # otherwise it is a matter of milliseconds
        assert found["many"]["urgent_p95_ms"] < 2 * found["few"]["urgent_p95_ms"]
