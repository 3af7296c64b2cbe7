"""The rules that keep the engine whole, 8 to 11: questions, timers, and what may happen before `interrupt()`."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from graphs.compile import compile_graph
from graphs.errors import ConflictError, InputError
from graphs.steps import Answer
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution, Record
from tests.support.engine.engines import (
    act,
    ask,
    engine,
    finished,
    rested,
    rings_in,
    turns,
    until,
    wind,
    workflow,
)
from tests.support.engine.steps import Effects, Gates
from tests.unit.store.support import answer


class Hook:
    """Counts how often each step is said to start and to complete."""

    def __init__(self) -> None:
        self.starts: list[str] = []
        self.completes: list[str] = []

    def on_step_start(self, step: str, state: Any) -> None:
        self.starts.append(step)

    def on_step_complete(self, step: str, result: Any, duration_ms: float) -> None:
        self.completes.append(step)


async def _interrupts(baton: Orchestrator, execution: Execution) -> dict[str, str]:
    state = await compile_graph(baton.store.saver).aget_state({"configurable": {"thread_id": execution.id}})
    return {interrupt.value["path"]: interrupt.id for interrupt in state.interrupts}


@pytest.mark.capability("I08", "O01")
async def test_an_open_question_is_visible_at_once_while_other_branches_run(database: Path, gates: Gates) -> None:
    """Rule 8: in the table, in the history and live, though nothing has parked yet; also from inside a composite."""
    inside = {"name": "p", "type": "parallel", "steps": [ask("deep")]}
    async with engine(database, gates=gates) as baton:
        seen: list[Record] = []

        async def watch() -> None:
            async for record in baton.watch():
                seen.append(record)

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        execution = await baton.start(workflow("w", [act("slow", gate="g"), ask("q"), inside]))
        await gates.reached("g")
        await until(lambda: {record.path for record in seen if record.kind == "step.waiting"} == {"q", "p.deep"})
        assert {wait.path for wait in await baton.waits(execution.id)} == {"q", "p.deep"}
        assert (await baton.get(execution.id)).status == "running"
        kept = await baton.records(execution.id)
        assert {record.path for record in kept if record.kind == "step.waiting"} == {"q", "p.deep"}
        watching.cancel()


async def test_answering_one_of_two_questions_does_not_make_the_other_act(database: Path) -> None:
    """Rule 11: the other's body is entered again. It asks nothing anew, starts nothing, and keeps its interrupt id."""
    hook = Hook()
    async with engine(database, hooks=[hook], linger=0.0) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("one"), ask("two"), act("a", "one")])))
        before = await _interrupts(baton, execution)
        assert set(before) == {"one", "two"}
        [two] = [wait for wait in await baton.waits(execution.id) if wait.path == "two"]
        await baton.decide(execution.id, "one", "approve")
        await rested(baton, execution)
        assert await _interrupts(baton, execution) == {"two": before["two"]}
        assert await baton.waits(execution.id) == [two]
        records = await baton.records(execution.id)
        assert [record.path for record in records if record.kind == "step.waiting"] == ["one", "two"]
        await baton.decide(execution.id, "two", "approve")
        await finished(baton, execution)
    assert sorted(hook.starts) == ["a", "one", "two"] and sorted(hook.completes) == ["a", "one", "two"]


async def test_hooks_hear_of_each_step_once_though_the_engine_is_reopened_again_and_again(
    database: Path, effects: Effects
) -> None:
    """What rests is entered by every engine, and starts in the first."""
    hook = Hook()
    steps = [act("a"), ask("q", "a"), {"name": "p", "type": "parallel", "steps": [ask("x"), act("y")]}]
    async with engine(database, hooks=[hook]) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
    for _ in range(3):
        async with engine(database, hooks=[hook]) as baton:
            await baton.resume(execution.id)
            await rested(baton, execution)
    async with engine(database, hooks=[hook]) as baton:
        await wind(baton, execution)
    assert sorted(set(hook.starts)) == ["a", "p", "p.x", "p.y", "q"]
    assert {path: hook.starts.count(path) for path in ("a", "q", "p.x", "p.y")} == dict.fromkeys(
        ("a", "q", "p.x", "p.y"), 1
    )
    assert sorted(hook.completes) == ["a", "p", "p.x", "p.y", "q"]


@pytest.mark.capability("T16", "X08")
async def test_short_timers_are_waited_for_and_long_ones_park(database: Path) -> None:
    """Rule 10: resuming re-enters every unfinished body, so half a second is no reason to park."""
    for seconds, drives in ((0.4, 1), (0.6, 2)):
        clock = ManualClock()
        delay = {"name": "d", "type": "delay", "config": {"seconds": seconds}}
        async with engine(database, clock=clock, short_wait=0.5, linger=0.0) as baton:
            execution = await baton.start(workflow("w", [delay, act("a", "d")]))
            await until(rings_in(clock, seconds))
            await turns(baton)
            assert (await baton.get(execution.id)).status == ("running" if drives == 1 else "waiting")
            clock.advance(seconds)
            execution = await finished(baton, execution)
        assert execution.status == "completed" and execution.drives == drives


@pytest.mark.capability("I08")
async def test_the_first_decision_wins_and_the_second_is_told_who_did(database: Path, gates: Gates) -> None:
    """Also while the execution runs: one answer, one result."""
    async with engine(database, gates=gates) as baton:
        execution = await baton.start(workflow("w", [act("slow", gate="g"), ask("q")]))
        await gates.reached("g")
        while not await baton.waits(execution.id):
            await turns(baton)
        both = await asyncio.gather(
            baton.decide(execution.id, "q", "approve", by="ann"),
            baton.decide(execution.id, "q", "reject", by="bob"),
            return_exceptions=True,
        )
        lost = [answer for answer in both if isinstance(answer, ConflictError)]
        assert len(lost) == 1 and "by ann" in str(lost[0]) and "not kept" in str(lost[0])
        gates.open("g")
        assert (await finished(baton, execution)).status == "completed"
        assert (await baton.results(execution.id))["q"]["decided_by"] == "ann"


@pytest.mark.parametrize("first", ["the answer", "the end", "neither"])
async def test_an_answer_and_the_end_of_its_time_at_the_same_moment(first: str, database: Path) -> None:
    """Only one of them wins, and the table says which: the step comes out as the one that was stored first, and whoever
    lost is told."""
    clock = ManualClock()
    async with engine(database, clock=clock) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q", timeout=60)])))
        if first == "the answer":  # stored, and nobody heard of it yet
            await answer(baton.store, execution.id, "q", Answer("approved", by="ann"))
        if first == "the end":
            clock.advance(60)
            await finished(baton, execution)
        deciding = asyncio.create_task(baton.decide(execution.id, "q", "approve"))
        await asyncio.sleep(0)
        if first != "the end":
            clock.advance(60)
        lost = isinstance((await asyncio.gather(deciding, return_exceptions=True))[0], ConflictError)
        execution = await finished(baton, execution)
    assert lost or first == "neither"
    assert execution.status == ("timed_out" if lost and first != "the answer" else "completed")


async def test_a_decision_that_is_not_allowed_changes_nothing(database: Path) -> None:
    """Refused before it is stored; the question stays open."""
    async with engine(database) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q")])))
        with pytest.raises(InputError, match="does not allow 'edit'"):
            await baton.decide(execution.id, "q", "edit", data={})
        wait = {"name": "e", "type": "wait_for_event", "config": {"event_type": "x"}}
        other = await rested(baton, await baton.start(workflow("w2", [wait])))
        with pytest.raises(ConflictError, match="waits for event, not for a decision"):
            await baton.decide(other.id, "e", "approve")
        assert len(await baton.waits()) == 2


@pytest.mark.capability("X07", "I04")
async def test_an_event_that_came_before_its_wait_answers_it_without_a_rest(database: Path, effects: Effects) -> None:
    """The verification link was clicked early."""
    wait = {"name": "e", "type": "wait_for_event", "depends_on": ["q"], "config": {"event_type": "x"}}
    async with engine(database, effects=effects, linger=0.0) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q"), wait])))
        await baton.publish_event("x", {"n": 1})
        await baton.decide(execution.id, "q", "approve")
        execution = await finished(baton, execution)
    assert execution.drives == 2 and execution.output == {"event_data": {"n": 1}}


async def test_one_event_answers_one_wait_of_an_execution(database: Path) -> None:
    """Items of a map that await the same event get one each, in the order in which they asked."""
    event = {"name": "e", "type": "wait_for_event", "config": {"event_type": "x"}}
    steps = [{"name": "m", "type": "map", "config": {"items": [1, 2]}, "steps": [event]}]
    async with engine(database) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
        await baton.publish_event("x", 1)
        await rested(baton, execution)
        assert [wait.path for wait in await baton.waits(execution.id)] == ["m[1].e"]
        await baton.publish_event("x", 2)
        execution = await finished(baton, execution)
    assert [result["event_data"] for result in execution.output["results"]] == [1, 2]
