"""Stopping in order: draining, being cut off, cancelling; nothing is lost and nothing is marked as failed."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from graphs.errors import ConflictError, StoreError
from orchestrator.driving.dues import Dues
from tests.support.engine.engines import (
    act,
    ask,
    chain,
    engine,
    finished,
    rested,
    run,
    statuses,
    turns,
    until,
    workflow,
)
from tests.support.engine.steps import Effects, Gates


def _rows(database: Path, sql: str) -> list[Any]:
    with sqlite3.connect(database) as db:
        return db.execute(sql).fetchall()


async def test_drain_lets_running_steps_finish_and_starts_nothing_new(
    database: Path, effects: Effects, gates: Gates
) -> None:
    """Within the grace time; the next engine goes on behind them (rule 9)."""
    steps = [act("a", gate="g"), act("b", "a"), ask("q")]
    async with engine(database, effects=effects, gates=gates, grace=20) as baton:
        execution = await baton.start(workflow("w", steps))
        await gates.reached("g")
        draining = asyncio.create_task(baton.drain())
        await turns(baton)
        gates.open("g")
        await draining
        assert await statuses(baton, execution) == {"a": "completed"}
        assert (await baton.get(execution.id)).status == "queued"
    assert effects.began == ["a"]
    async with engine(database, effects=effects) as baton:
        await rested(baton, execution)
        await baton.decide(execution.id, "q", "approve")
        assert (await finished(baton, execution)).status == "completed"
    assert effects.began == ["a", "b"]


@pytest.mark.parametrize("inside", [False, True], ids=["plain", "inside a composite"])
async def test_a_step_that_ends_while_the_engine_drains_is_no_deadlock(
    inside: bool, database: Path, gates: Gates
) -> None:
    """Whoever rests for it has been sent home already, so nobody waits for anybody."""
    bad = act("bad", gate="g", fail=True)
    bad["on_failure"] = {"action": "fallback", "fallback": act("instead", value=5)}
    steps = [{"name": "p", "type": "parallel", "steps": [bad]}] if inside else [bad]
    async with engine(database, gates=gates, grace=20) as baton:
        execution = await baton.start(workflow("w", steps))
        await gates.reached("g")
        draining = asyncio.create_task(baton.drain())
        await turns(baton)
        gates.open("g")
        await draining
        assert not (await baton.get(execution.id)).status.final
    async with engine(database, gates=gates) as baton:
        execution = await finished(baton, execution)
    assert execution.status == "completed"


async def test_drain_inside_a_loop_begins_no_further_iteration(database: Path, effects: Effects, gates: Gates) -> None:
    """The iteration that runs is finished; the next one is the next engine's."""
    loop = {"name": "l", "type": "loop", "config": {"while": "index < 3"}, "steps": [act("a", gate="g{{ index }}")]}
    async with engine(database, effects=effects, gates=gates, grace=20) as baton:
        execution = await baton.start(workflow("w", [loop]))
        await gates.reached("g0")
        draining = asyncio.create_task(baton.drain())
        await turns(baton)
        for index in range(3):
            gates.open(f"g{index}")
        await draining
    assert effects.began == ["l[0].a"]
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await finished(baton, execution)
    assert execution.status == "completed" and effects.began == ["l[0].a", "l[1].a", "l[2].a"]


@pytest.mark.capability("D01")
@pytest.mark.parametrize("between", range(12))
async def test_however_often_an_engine_is_cancelled_no_step_outlives_it(
    between: int, database: Path, effects: Effects, gates: Gates
) -> None:
    """Another engine may be on the file by then, and do the step itself."""
    begun = asyncio.Event()
    others = asyncio.all_tasks()

    async def live() -> None:
        async with engine(database, effects=effects, gates=gates, grace=0.2) as baton:
            await baton.start(workflow("w", [act("a", gate="g"), act("b", gate="g")]), execution_id="e")
            await until(lambda: len(effects.began) == 2)
            begun.set()
            await asyncio.Event().wait()

    life = asyncio.create_task(live())
    await begun.wait()
    life.cancel()
    for _ in range(between):
        await asyncio.sleep(0)
    life.cancel()
    life.cancel()
    await asyncio.wait({life})
    await until(lambda: asyncio.all_tasks() <= others)
    gates.open("g")
    async with engine(database, effects=effects, gates=gates) as baton:
        assert (await finished(baton, "e")).status == "completed"
    assert effects.counts == {"a": 2, "b": 2}


@pytest.mark.capability("D01", "D02")
async def test_a_step_that_is_cut_off_is_run_again_and_leaves_no_error(
    database: Path, effects: Effects, gates: Gates
) -> None:
    """A cancelled LangGraph task would write an error row; ours leaves nothing (§4, "a step body never raises")."""
    steps = [act("done"), {"name": "m", "type": "map", "config": {"items": [1, 2]}, "steps": [act("a", gate="g")]}]
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await baton.start(workflow("w", steps))
        await until(lambda: len(effects.began) == 3 and effects.done == ["done"])
        await turns(baton)
    assert _rows(database, "SELECT * FROM writes WHERE channel = '__error__'") == []
    assert [path for (path,) in _rows(database, "SELECT path FROM records WHERE kind = 'step.completed'")] == ["done"]
    assert _rows(database, "SELECT * FROM records WHERE kind IN ('step.failed', 'step.cancelled')") == []
    gates.open("g")
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await finished(baton, execution)
    assert execution.status == "completed"
    assert effects.counts == {"done": 1, "m[0].a": 2, "m[1].a": 2}
    assert all(len(set(keys)) == 1 for keys in effects.keys.values()), "the same key again"


@pytest.mark.capability("O23", "ST1")
async def test_cancel_stops_what_runs_and_skips_what_has_not_begun(database: Path, gates: Gates) -> None:
    """What is done stays done; nothing is compensated unasked."""
    steps = [*chain(2), act("runs", "s1", gate="g"), act("never", "runs"), ask("q")]
    async with engine(database, gates=gates) as baton:
        execution = await baton.start(workflow("w", steps))
        await gates.reached("g")
        await baton.cancel(execution.id, by="ann", reason="not needed")
        execution = await finished(baton, execution)
        settled = await statuses(baton, execution)
        assert await baton.waits(execution.id) == []
    assert execution.status == "cancelled"
    assert execution.error is not None and execution.error["message"] == "cancelled by ann: not needed"
    assert {name: settled[name] for name in ("s0", "s1", "runs", "never")} == {
        "s0": "completed",
        "s1": "completed",
        "runs": "cancelled",
        "never": "skipped",
    }


INSIDE: dict[str, dict[str, Any]] = {
    "map": {"name": "c", "type": "map", "config": {"items": [1, 2]}, "steps": [act("a", gate="g"), act("b")]},
    "parallel": {"name": "c", "type": "parallel", "branches": {"x": [act("a", gate="g"), act("b")]}},
    "loop": {"name": "c", "type": "loop", "config": {"while": "true"}, "steps": [act("a", gate="g"), act("b")]},
    "sub-workflow": {"name": "c", "type": "workflow", "config": {"workflow": "sub"}},
}


@pytest.mark.parametrize("kind", INSIDE)
async def test_cancel_reaches_the_steps_inside_composites(
    kind: str, database: Path, effects: Effects, gates: Gates
) -> None:
    """However deep; the composite step itself is cancelled, not failed."""
    sub = workflow("sub", [act("a", gate="g"), act("b", "a")])
    async with engine(database, effects=effects, gates=gates, workflows=[sub]) as baton:
        execution = await baton.start(workflow("w", [INSIDE[kind], act("after", "c")]))
        await gates.reached("g")
        await baton.cancel(execution.id)
        execution = await finished(baton, execution)
        settled = await statuses(baton, execution)
    assert execution.status == "cancelled"
    assert settled["c"] == "cancelled" and settled["after"] == "skipped"
    assert not any(path.endswith("b") for path in effects.began)


async def test_cancel_of_an_execution_that_rests(database: Path, effects: Effects) -> None:
    """It is taken up only to be ended."""
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [act("a"), ask("q", "a"), act("b", "q")])))
        await baton.cancel(execution.id, reason="enough")
        execution = await finished(baton, execution)
        assert (await statuses(baton, execution))["b"] == "skipped"
        with pytest.raises(ConflictError):
            await baton.decide(execution.id, "q", "approve")
    assert execution.status == "cancelled" and effects.began == ["a"]


async def test_cancel_before_anything_began(database: Path, effects: Effects, gates: Gates) -> None:
    """An execution that waits for its turn is cancelled without a step."""
    async with engine(database, effects=effects, gates=gates, max_executions=1) as baton:
        first = await baton.start(workflow("w", [act("a", gate="g")]))
        await gates.reached("g")
        second = await baton.start(workflow("w", [act("a", gate="g")]))
        await baton.cancel(second.id)
        gates.open("g")
        assert (await finished(baton, second)).status == "cancelled"
        assert (await finished(baton, first)).status == "completed"
    assert effects.began == ["a"]


async def test_cancel_that_nobody_heard_is_carried_out_by_the_next_engine(database: Path, effects: Effects) -> None:
    """It was stored before anything else (rule 4)."""
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q"), act("a", "q")])))
    async with engine(database, drive=False) as looker:
        await looker.cancel(execution.id, by="ann")
    async with engine(database, effects=effects) as baton:
        assert (await finished(baton, execution)).status == "cancelled"


async def test_an_execution_that_has_ended_cannot_be_cancelled(database: Path) -> None:
    """And says how it ended."""
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", [act("a")]))
        with pytest.raises(ConflictError, match=r"has ended \(completed"):
            await baton.cancel(execution.id)


async def test_a_step_that_will_not_be_cancelled_keeps_its_result(database: Path, gates: Gates) -> None:
    """Policy `stop` lets running siblings finish, and records both outcomes (X18)."""
    steps = [act("bad", fail=True), act("slow", gate="g"), act("never", "slow")]
    async with engine(database, gates=gates) as baton:
        execution = await baton.start(workflow("w", steps))
        await gates.reached("g")
        await turns(baton)
        gates.open("g")
        execution = await finished(baton, execution)
        settled = await statuses(baton, execution)
    assert settled == {"bad": "failed", "slow": "completed", "never": "skipped"}
    assert execution.status == "failed"


@pytest.mark.capability("X18")
async def test_policy_cancel_stops_running_siblings(database: Path, gates: Gates) -> None:
    """They are recorded as cancelled, and the failure decides."""
    steps = [act("slow", gate="g"), act("bad", fail=True, yields=50), act("never", "slow")]
    async with engine(database, gates=gates) as baton:
        execution = await run(baton, workflow("w", steps, config={"failure_policy": "cancel"}))
        settled = await statuses(baton, execution)
    assert settled == {"bad": "failed", "slow": "cancelled", "never": "skipped"}
    assert execution.status == "failed" and execution.error is not None and execution.error["step"] == "bad"


async def test_an_engine_that_cannot_be_opened_leaves_nothing_running(
    database: Path, gates: Gates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had taken up is let go in order, for the next engine."""
    async with engine(database, gates=gates) as baton:
        execution = await baton.start(workflow("w", [act("a", gate="g")]))
        await gates.reached("g")

    async def broken(self: Dues) -> None:
        await turns_of_the_loop()
        raise StoreError("a page is torn")

    with monkeypatch.context() as patch, pytest.raises(StoreError, match="torn"):
        patch.setattr(Dues, "remember_all", broken)
        async with engine(database, gates=gates):
            raise AssertionError("it was opened")
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("drive")] == []
    gates.open("g")
    async with engine(database, gates=gates) as baton:
        assert (await finished(baton, execution)).status == "completed"


async def turns_of_the_loop(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
