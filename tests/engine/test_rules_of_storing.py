"""The rules that keep the engine whole, 1 to 7: what is stored, when, and who hears of it."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langgraph.runtime import Runtime
from langgraph.types import Send

import graphs.compile
import graphs.flow
import graphs.nodes.orchestrator as planning
from graphs.clock import ManualClock
from graphs.flow.roll import RollCall
from graphs.graph_state import Planned
from graphs.nodes.body import PlanContext
from graphs.steps import Answer
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings
from orchestrator.store.port import Execution
from orchestrator.store.sqlite import SqliteStore
from tests.support.engine.engines import (
    act,
    ask,
    chain,
    engine,
    finished,
    hears,
    rested,
    run,
    turns,
    until,
    wind,
    workflow,
)
from tests.support.engine.steps import Effects, Gates
from tests.unit.store.support import answer


async def _pragma(baton: Orchestrator, sql: str) -> None:
    await baton.store._writer.submit(lambda db: db.execute(sql).fetchall())


async def test_a_full_disk_ends_the_drive_with_a_named_error_and_the_work_goes_on_when_there_is_room(
    database: Path, effects: Effects, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rule 1: a commit that fails is heard. Otherwise `b` would wait for ever; it must not begin either. A disk may be
    full for days: the log says so once, and not whenever it was tried again."""
    clock = ManualClock()
    steps = [act("a", value="{{ input.large }}"), act("b", "a", value=1)]
    async with engine(database, effects=effects, clock=clock) as baton:
        execution = await baton.start(workflow("w", steps), {"large": ""}, execution_id="small")
        await finished(baton, execution)
        failed = asyncio.create_task(hears(baton, "drive.failed"))
        [[pages]] = await baton.store._writer.submit(lambda db: db.execute("PRAGMA page_count").fetchall())
        steps[0] = act("a", weird="large")
        execution = await baton.start(workflow("w2", steps), execution_id="large")
        await _pragma(baton, f"PRAGMA max_page_count = {pages + 30}")
        record = await asyncio.wait_for(failed, 60)
        assert record.execution_id == "large" and record.data["code"] == "commit_failed"
        assert "full" in record.data["message"]
        assert effects.counts == {"a": 2, "b": 1}
        again = asyncio.create_task(hears(baton, "drive.failed"))
        await turns(baton)
        clock.advance(3600)
        assert (await asyncio.wait_for(again, 60)).data["code"] == "commit_failed"
        assert capsys.readouterr().err.count("drive.failed") == 1
        await _pragma(baton, "PRAGMA max_page_count = 1000000")
        clock.advance(3600)
        execution = await finished(baton, execution)
    assert execution.status == "completed" and effects.counts == {"a": 4, "b": 2}


async def test_a_result_that_the_file_refuses_is_not_half_kept(database: Path, effects: Effects) -> None:
    """Rule 6: result and record in one transaction. The record is refused, so LangGraph's write is not there either."""
    async with engine(database, effects=effects) as baton:
        await _pragma(
            baton,
            "CREATE TRIGGER no BEFORE INSERT ON records WHEN NEW.path = 'a' AND NEW.kind = 'step.completed' "
            "BEGIN SELECT RAISE(ABORT, 'refused'); END",
        )
        failed = asyncio.create_task(hears(baton, "drive.failed"))
        execution = await baton.start(workflow("w", [act("a"), act("b", "a")]))
        assert "refused" in (await asyncio.wait_for(failed, 60)).data["message"]
        with sqlite3.connect(database) as db:
            assert db.execute("SELECT count(*) FROM writes WHERE channel = 'steps'").fetchone() == (0,)
        assert await baton.results(execution.id) == {} and effects.began == ["a"]
        await _pragma(baton, "DROP TRIGGER no")
        await baton.resume(execution.id)
        assert (await finished(baton, execution)).status == "completed"
    assert effects.began == ["a", "a", "b"]


async def test_who_watches_hears_of_a_decision_in_another_process(database: Path) -> None:
    """With the number under which it was kept."""
    async with engine(database, poll=0.005) as baton, engine(database, drive=False) as other:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q")])))
        heard = asyncio.create_task(hears(baton, "approval.decided"))
        await turns(baton)
        await other.decide(execution.id, "q", "approve", by="ann")
        record = await asyncio.wait_for(heard, 60)
    assert record.data["by"] == "ann" and record.seq is not None


@pytest.mark.parametrize("while_others_work", [False, True], ids=["seen at the end", "seen at the roll call"])
async def test_a_dispatched_body_that_never_begins_is_noticed(
    while_others_work: bool, database: Path, gates: Gates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule 2: as many bodies must begin as were dispatched. Here one gets lost on the way."""
    original = planning.after_orchestrator

    async def loses_one(state: Planned, runtime: Runtime[PlanContext]) -> Any:
        [send] = await original(state, runtime)
        return [Send(send.node, {"steps": send.arg["steps"][:-1]})]

    monkeypatch.setattr(graphs.flow.roll, "_SECONDS", 0.02)
    monkeypatch.setattr(graphs.compile, "after_orchestrator", loses_one)
    first = act("s0", gate="never opened") if while_others_work else act("s0")
    async with engine(database, gates=gates) as baton:
        execution = await run(baton, workflow("w", [first, *chain(5)[1:]]))
    assert execution.status == "failed"
    assert execution.error is not None and execution.error["code"] == "steps_not_begun"
    assert "1 of 5 dispatched steps have not begun: ['s4']" in execution.error["message"]


async def test_a_foreign_hand_on_the_thread_repeats_nothing_and_is_named(database: Path, effects: Effects) -> None:
    """Rules 2 and 7: whoever has the saver can move the thread's checkpoint; the waiting tasks are gone with it. What
    was done is in the tables: it is not done again, the execution says what happened, and a retry goes on with it."""
    where: Any = {"configurable": {"thread_id": "e"}}
    steps = [act("a"), ask("q", "a"), act("b", "q")]
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps), execution_id="e"))
        graph = graphs.compile.compile_graph(baton.store.saver)
        await graph.aupdate_state(where, {"error_count": 1}, as_node="parallel_executor")
    async with engine(database, effects=effects) as baton:
        await baton.decide("e", "q", "approve")
        execution = await finished(baton, execution)
        assert execution.error is not None and execution.error["code"] == "steps_not_begun"
        assert "Only this engine may carry out a workflow's graph." in execution.error["hint"]
        await baton.retry("e", from_step="b")
        assert (await finished(baton, execution)).status == "completed"
    assert effects.began == ["a", "b"]


@pytest.mark.capability("F27", "X16")
async def test_steps_that_wait_for_one_that_nobody_sent_end_the_execution_by_name(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can go on, nothing from outside is awaited: a failure, and no execution that rests for ever."""
    original = planning._to_dispatch
    monkeypatch.setattr(planning, "_to_dispatch", lambda context: original(context)[1:])
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", chain(4)))
    assert execution.status == "failed"
    assert execution.error is not None and execution.error["code"] == "deadlock"
    assert execution.error["remaining"] == ["s1", "s2", "s3"]
    assert "s1, s2, s3 wait for each other" in execution.error["message"]


async def test_steps_that_take_long_are_not_missed_at_the_roll_call(
    database: Path, gates: Gates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beginning is what counts: to wait for others, or at work, is to have begun."""
    monkeypatch.setattr(graphs.flow.roll, "_SECONDS", 0.01)
    called, original = asyncio.Semaphore(0), RollCall._count

    def count(roll: RollCall, left: int, *, late: float) -> None:
        original(roll, left, late=late)
        called.release()

    monkeypatch.setattr(RollCall, "_count", count)
    steps = [
        act("a", gate="g"),
        act("b", "a"),
        ask("q"),
        {"name": "p", "type": "parallel", "steps": [act("x", gate="g")]},
    ]
    async with engine(database, gates=gates) as baton:
        execution = await baton.start(workflow("w", steps))
        await gates.reached("g")
        for _ in range(2):  # the workflow's, and that of the steps inside
            await asyncio.wait_for(called.acquire(), 60)
        gates.open("g")
        await rested(baton, execution)
        await baton.decide(execution.id, "q", "approve")
        assert (await finished(baton, execution)).status == "completed"


@pytest.mark.parametrize("linger", [0.0, 30.0])
async def test_an_answer_between_the_last_look_and_parking_is_not_lost(
    linger: float, database: Path, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule 4: going to rest is a compare-and-set. The answer comes from a process that tells nobody."""
    rests: list[bool] = []
    original = SqliteStore.rest

    async def rest(self: SqliteStore, execution_id: str, *args: Any, **more: Any) -> bool:
        if not rests:
            await answer(self, execution_id, "q", Answer("approved", by="ann"))
        rests.append(await original(self, execution_id, *args, **more))
        return rests[-1]

    monkeypatch.setattr(SqliteStore, "rest", rest)
    async with engine(database, effects=effects, poll=3600, linger=linger) as baton:
        execution = await baton.start(workflow("w", [act("before"), ask("q"), act("after", "q")]))
        execution = await finished(baton, execution)
    assert execution.status == "completed" and rests == [False]
    assert effects.counts == {"before": 1, "after": 1}


@pytest.mark.parametrize("linger", [0.0, 30.0])
async def test_an_event_between_the_last_look_and_parking_is_not_lost(
    linger: float, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule 4, for events."""
    original, rests = SqliteStore.rest, list[bool]()

    async def rest(self: SqliteStore, execution_id: str, *args: Any, **more: Any) -> bool:
        if not rests:
            await self.publish_event("go", {}, key=None, source=None)
        rests.append(await original(self, execution_id, *args, **more))
        return rests[-1]

    monkeypatch.setattr(SqliteStore, "rest", rest)
    wait = {"name": "e", "type": "wait_for_event", "config": {"event_type": "go"}}
    async with engine(database, poll=3600, linger=linger) as baton:
        assert (await run(baton, workflow("w", [wait]))).status == "completed"
    assert rests == [False]


@pytest.mark.parametrize("how", ["decide", "event", "cancel"])
async def test_what_another_process_stores_is_heard(how: str, database: Path) -> None:
    """Rule 4: the tables are the truth, and the driving engine looks at them."""
    wait = {"name": "e", "type": "wait_for_event", "config": {"event_type": "go"}}
    async with engine(database, poll=0.005) as baton, engine(database, drive=False) as other:
        execution = await rested(baton, await baton.start(workflow("w", [wait if how == "event" else ask("q")])))
        if how == "decide":
            await other.decide(execution.id, "q", "approve")
        elif how == "event":
            await other.publish_event("go", {})
        else:
            await other.cancel(execution.id)
        execution = await finished(baton, execution)
    assert execution.status == ("cancelled" if how == "cancel" else "completed")


async def test_what_others_store_is_looked_for_as_often_as_the_settings_say(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times a second unless they say otherwise."""
    pauses: list[float] = []
    original = asyncio.sleep

    async def sleep(seconds: float, *more: Any) -> Any:
        pauses.append(seconds)
        return await original(0, *more)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    async with engine(database, poll=77.0):
        for _ in range(100):
            await original(0)
    assert pauses.count(77.0) > 1
    assert Settings(_env_file=None).poll == 0.1  # type: ignore[call-arg]


async def test_an_answer_stored_while_nobody_was_there_is_read_before_anything_is_asked(
    database: Path, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule 4: `human_approval` reads the store before it interrupts; the next engine never rests."""
    async with engine(database, effects=effects) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q"), act("a", "q")])))
    async with engine(database, drive=False) as other:
        await other.decide(execution.id, "q", "approve", by="ann")
    rests: list[Execution] = []
    monkeypatch.setattr(SqliteStore, "rest", lambda *args: rests.append(args[1]))
    async with engine(database, effects=effects) as baton:
        assert (await finished(baton, execution)).status == "completed"
        assert (await baton.results(execution.id))["q"]["decided_by"] == "ann"
    assert rests == []


async def test_bodies_write_their_own_result_and_nothing_else(database: Path) -> None:
    """Rule 5: what a body has to say is kept under its step's own name, one by one, and there only: LangGraph is told,
    and keeps it in its next checkpoint."""
    steps = [*chain(3), {"name": "m", "type": "map", "config": {"items": [1, 2]}, "steps": [act("x")]}, ask("q")]
    async with engine(database) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
        saved = await baton.store.saver.aget_tuple({"configurable": {"thread_id": execution.id}})
        settled = [record.path for record in await baton.records(execution.id) if record.kind == "step.completed"]
    assert saved is not None
    assert not saved.pending_writes
    assert sorted(str(path) for path in settled) == ["m", "m[0].x", "m[1].x", "s0", "s1", "s2"]


async def test_a_send_carries_the_steps_name_and_little_else(database: Path) -> None:
    """§4, 1: never the state; a checkpoint with a million bytes of results sends none of them."""
    steps = [act("big", value="{{ input.text }}"), act("b", "big"), ask("q", "b")]
    async with engine(database) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps), {"text": "x" * 100_000}))
        with sqlite3.connect(database) as db:
            [(size,)] = db.execute("SELECT length(checkpoint) FROM checkpoints WHERE checkpoint_ns = ''").fetchall()
        assert (await baton.get(execution.id)).status == "waiting"
    assert size < 5_000


async def test_the_plan_inside_a_step_sends_names_only_too(database: Path) -> None:
    """What it was opened with is kept once, not once for each of its steps; also when it is planned again."""
    items = {"name": "m", "type": "map", "config": {"items": ["x" * 1000] * 50}, "steps": [ask("q")]}
    loop = {"name": "l", "type": "loop", "config": {"while": "true"}, "steps": [act("big", weird="large"), ask("q")]}
    async with engine(database) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [items, loop])))
        await baton.decide(execution.id, "l[0].q", "approve")
        await rested(baton, execution)
        assert "l[1].q" in {wait.path for wait in await baton.waits(execution.id)}
        saved = [each async for each in baton.store.saver.alist({"configurable": {"thread_id": execution.id}})]
    sends = [send for each in saved for send in each.checkpoint["channel_values"].get("__pregel_tasks", ())]
    assert len(sends) == 2 + 50 + 2, "the root's, the map's, and the loop's second iteration"
    carried = {name: value for send in sends for name, value in send.arg.items()}
    assert set(carried) == {"step", "steps"} and carried["steps"] == ["[1].big"]


async def test_compensation_goes_by_the_order_of_commits(database: Path, gates: Gates, effects: Effects) -> None:
    """Rule 5: LangGraph merges in the order of sending; what came last is undone first."""
    steps = [
        act("slow", gate="g", compensate=act("undo_slow")),
        act("quick", compensate=act("undo_quick")),
        act("bad", "slow", "quick", fail=True),
    ]
    async with engine(database, gates=gates, effects=effects) as baton:
        execution = await baton.start(workflow("w", steps))
        await until(lambda: "quick" in effects.done)
        await turns(baton)
        gates.open("g")
        execution = await finished(baton, execution)
    assert execution.status == "compensated"
    assert effects.began[-2:] == ["~compensation.undo_slow", "~compensation.undo_quick"]


async def test_there_is_one_child_plan_for_each_body(database: Path) -> None:
    """§4, recursion: a second one would get its namespace by the order of calls, and another's results."""
    loop = {"name": "l", "type": "loop", "config": {"while": "index < 3"}, "steps": [act("a"), ask("q")]}
    nested = {"name": "m", "type": "map", "config": {"items": [1, 2]}, "steps": [loop]}
    async with engine(database) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [nested])))
        for _ in range(2):
            for wait in await baton.waits(execution.id):
                await baton.decide(execution.id, wait.path, "approve")
            await rested(baton, execution)
        with sqlite3.connect(database) as db:
            namespaces = {ns for (ns,) in db.execute("SELECT checkpoint_ns FROM checkpoints")}
        assert len(namespaces) == 1 + 1 + 2, "the root, the map, and a loop for each item"
        await wind(baton, execution)
        with sqlite3.connect(database) as db:
            namespaces |= {ns for (ns,) in db.execute("SELECT checkpoint_ns FROM checkpoints")}
    assert len(namespaces) == 4 and not any(part.isdigit() for ns in namespaces for part in ns.split("|"))


async def test_a_start_that_is_cut_off_leaves_nothing_that_nobody_drives(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever starts it may be cancelled while it is being kept: what is kept is begun."""
    async with engine(database) as baton:
        create = baton.store.create

        async def cut_off(*given: Any, **more: Any) -> Execution:
            start.cancel()
            return await create(*given, **more)

        monkeypatch.setattr(baton.store, "create", cut_off)
        start = asyncio.create_task(baton.start(workflow("w", [act("a")]), execution_id="e"))
        with pytest.raises(asyncio.CancelledError):
            await start
        assert (await asyncio.wait_for(baton.wait("e"), 60)).status == "completed"
