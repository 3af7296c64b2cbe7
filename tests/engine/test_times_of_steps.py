"""`now()` is a step's own, once and for all: what was approved is what is handed on, what is sent again is the same."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from tests.support.engine.engines import act, ask, engine, finished, rested, values, workflow
from tests.support.engine.steps import Effects, Gates

pytestmark = pytest.mark.capability("X19", "I04", "D22")

AT = "{{ now() }}"


@pytest.mark.parametrize("linger", [0.0, 1000.0], ids=["parked", "in memory"])
@pytest.mark.parametrize("inside", [False, True], ids=["plain", "inside"])
async def test_what_was_approved_is_what_is_handed_on(linger: float, inside: bool, database: Path) -> None:
    question = {**ask("q"), "config": {"message": "pay?", "payload": {"at": AT}}}
    steps: list[Any] = [{"name": "s", "type": "sequence", "steps": [question]}] if inside else [question]
    clock = ManualClock()
    async with engine(database, clock=clock, linger=linger) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps), execution_id="e"))
        (wait,) = await baton.waits("e")
        clock.advance(3600)
        if linger:
            await baton.decide("e", wait.path, "approve")
            await finished(baton, execution)
    async with engine(database, clock=clock) as baton:
        if not linger:
            await baton.decide("e", wait.path, "approve")
            await finished(baton, execution)
        handed_on = (await baton.results("e"))[wait.path]["output"]["data"]
    assert handed_on == wait.wait.question["payload"]


async def test_what_is_sent_under_one_key_is_the_same_after_a_crash(database: Path) -> None:
    """The time at which it could begin, from what is durable: nothing is kept for it."""
    clock, effects, seen = ManualClock(), Effects(), list[tuple[str, Any]]()
    effects.watchers.append(lambda context: seen.append((context.idempotency_key, context.input)))
    given = {"at": AT, "id": "{{ uuid('k') }}"}
    steps = [act("a", sleep=5), {**act("b", "a", gate="g"), "input": given}, act("c", "b", value=AT)]
    gates = Gates()
    async with engine(database, clock=clock, effects=effects, gates=gates) as baton:
        await baton.start(workflow("w", steps), execution_id="e")
        while not effects.began:
            await asyncio.sleep(0)
        clock.advance(5)
        await gates.reached("g")
    clock.advance(3600)
    gates = Gates()
    async with engine(database, clock=clock, effects=effects, gates=gates) as baton:
        await gates.reached("g")
        clock.advance(60)
        ended = clock.now()
        gates.open("g")
        execution = await finished(baton, "e")
        assert datetime.fromisoformat((await values(baton, execution))["c"]) == ended, "time goes on, step by step"
    first, second = (each for each in seen if each[0].startswith("e:b:"))
    assert first == second


async def test_what_is_made_anew_is_made_later(database: Path) -> None:
    """Another act has another key and another time; the same one again has the same."""
    clock = ManualClock()
    begun = clock.now()
    async with engine(database, clock=clock) as baton:
        await finished(baton, await baton.start(workflow("w", [act("a", value=AT)]), execution_id="e"))
        for again in (False, True):
            clock.advance(3600)
            await baton.retry("e", from_step="a", again=again)
            execution = await finished(baton, "e")
            time = datetime.fromisoformat((await values(baton, execution))["a"])
            assert time == (clock.now() if again else begun)


async def test_an_undoing_has_a_time_of_its_own(database: Path) -> None:
    """After all that it undoes; and it sees the input of what it undoes as that was."""
    clock = ManualClock()
    undo = {**act("undo"), "input": {"at": AT, "then": "{{ input.at }}"}, "config": {"value": AT}}
    steps = [{**act("a", sleep=10, compensate=undo), "input": {"at": AT}}, act("bad", "a", fail=True)]
    seen: dict[str, Any] = {}
    effects = Effects()
    effects.watchers.append(lambda context: seen.update({context.path: context.input}))
    begun = clock.now()
    async with engine(database, clock=clock, effects=effects) as baton:
        await baton.start(workflow("w", steps), execution_id="e")
        while not effects.began:
            await asyncio.sleep(0)
        clock.advance(10)
        await finished(baton, "e")
    times = {key: datetime.fromisoformat(value) for key, value in seen["~compensation.undo"].items()}
    assert times == {"at": clock.now(), "then": begun}
