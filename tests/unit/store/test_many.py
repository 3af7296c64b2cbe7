"""What stays fast when there is much of it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from graphs.state import ExecutionStatus
from graphs.steps import Answer
from orchestrator.store.port import ExecutionFilter, Inheritance, Record
from orchestrator.store.sqlite import SqliteStore
from tests.support.measuring import processor_time
from tests.unit.store.support import (
    START,
    Listener,
    answer,
    approval,
    event,
    execution,
    place,
    put_checkpoint,
    put_result,
)

WAITS = 10_000


async def in_batches(count: int, make: Callable[[int], Awaitable[None]]) -> None:
    for first in range(0, count, 1000):
        await asyncio.gather(*(make(number) for number in range(first, first + 1000)))


@pytest.mark.capability("R10")
async def test_an_event_finds_its_wait_among_ten_thousand_of_its_type(store: SqliteStore) -> None:
    async def wait(number: int) -> None:
        await store.create(execution(f"e{number}"), {})
        # One of two sets of fields, so that both ways are looked up.
        match = {"order": number} if number % 2 else {"order": number, "kind": "x"}
        await store.open_wait(f"e{number}", "w", 0, event(match=match), START)

    await in_batches(WAITS, wait)
    taken = []
    for number in range(1, 40, 4):
        with processor_time() as spent:
            published = await store.publish_event("paid", {"order": number, "kind": "x"}, key=None, source=None)
            taken.append(spent())
        assert published.matched == ((f"e{number}", "w"),)
    assert min(taken) < 0.05  # about 0.2 ms; looking at each wait takes more than 60
    assert len(await store.waits()) == WAITS - 10


async def test_a_wait_finds_its_event_among_ten_thousand_of_its_type(store: SqliteStore) -> None:
    async def publish(number: int) -> None:
        await store.publish_event("paid", {"order": number}, key=None, source=None)

    await store.create(execution(), {})
    await in_batches(WAITS, publish)
    with processor_time() as spent:
        opened = await store.open_wait("e1", "w", 0, event(match={"order": WAITS - 1}), START)
        assert spent() < 0.5  # about 30 ms, beside the writer, which goes on
    assert opened.status == "answered"


async def test_results_of_one_execution_are_not_slowed_by_those_of_others(store: SqliteStore) -> None:
    for number in range(20_000):
        store.append(Record(f"e{number % 2000}", "step.completed", START, "a", data={"status": "completed"}))
    await store.barrier()
    steps = store._reader.point("EXPLAIN QUERY PLAN SELECT data FROM records WHERE execution_id = 'e1' ORDER BY seq")
    assert [row[-1] for row in steps] == ["SEARCH records USING INDEX records_execution (execution_id=?)"]
    assert len(await store.records("e7")) == 10


# What may look at every row: lists of everything, and deleting what is old.
WHOLE_LISTS = (
    "FROM waits WHERE NOT superseded AND status = 'open' ORDER BY",
    "FROM executions WHERE 1 ORDER BY",
    "FROM workflows",
    "DELETE FROM signals",
    "DELETE FROM events",
    "FROM checkpoints\n",
)


async def test_no_question_looks_at_every_row(store: SqliteStore) -> None:
    """Every statement of a whole life is asked how it would be carried out."""
    said: set[str] = set()
    await store.unfinished()  # opens the reader's second connection
    connections = [store._writer._db, store._reader._here, store._reader._there]
    for db in connections:
        assert db
        db.set_trace_callback(said.add)
    await live(store)
    for db in connections:
        assert db
        db.set_trace_callback(None)
    asked = {sql for sql in said if sql.startswith(("SELECT", "UPDATE", "DELETE")) and "pragma" not in sql}
    assert len(asked) > 50
    slow = {}
    for sql in asked:
        plan = [row[-1] for row in store._reader.point(f"EXPLAIN QUERY PLAN {sql}")]
        scans = [step for step in plan if step.startswith("SCAN") and "CONSTANT ROW" not in step]
        if scans and not any(whole in sql for whole in WHOLE_LISTS):
            slow[sql] = scans
    assert slow == {}


async def test_rows_that_go_with_an_execution_are_found_by_an_index(store: SqliteStore) -> None:
    """Plans do not show what a deleted row takes along: without an index, each deletion would read whole tables."""
    ask = store._reader.point
    for (table,) in ask("SELECT name FROM sqlite_master WHERE type = 'table'"):
        whole = [row[1] for row in ask(f"PRAGMA index_list({table})") if not row[4]]
        indexed = {ask(f"PRAGMA index_info({name})")[0][2] for name in whole}
        cascading = {row[3] for row in ask(f"PRAGMA foreign_key_list({table})") if row[6] == "CASCADE"}
        assert cascading <= indexed, table


async def live(store: SqliteStore) -> None:
    """Everything that is done to executions, once."""
    saver = store.saver
    await store.create(execution("e1", idempotency_key="k"), {"s": b"x"})
    await store.begin_drive("e1", "start")
    saver.listen("e1", "", Listener())
    config = await put_checkpoint(saver, place())
    await put_result(saver, config, "a")
    await saver.saved("e1", "")
    await saver.aget_tuple(config)
    store.append(Record("e1", "step.retried", START, "a"))
    await store.open_wait("e1", "ask", 0, approval(), START)
    await store.open_wait("e1", "timer", 0, approval(due=START), START)
    await store.open_wait("e1", "paid", 0, event(match={"n": 1}), START)
    await answer(store, "e1", "ask", Answer("approved"))
    await store.close_wait("e1", "timer", 0, "elapsed")
    await store.publish_event("paid", {"n": 1}, key="k", source=None)
    await store.publish_event("paid", {"n": 1}, key="k", source=None)
    await store.request_cancel("e1", by=None, reason=None)
    await store.rest("e1", 0, ExecutionStatus.WAITING, 0)
    await store.next_due()
    await store.results("e1")
    await store.records("e1")
    await store.last_record("e1")
    await store.waits()
    await store.waits("e1", status="answered")
    await store.waits("e1")
    await store.signals(0)
    store.changed()
    await store.unfinished()
    await store.to_take_up()
    await store.secrets("e1")
    await store.executions(ExecutionFilter())
    await store.executions(ExecutionFilter(status=[ExecutionStatus.WAITING], before="e1"))
    await store.executions(ExecutionFilter(workflow="orders", id_prefix="e"))
    await store.executions(ExecutionFilter(parent="e1"))
    await store.rewind("e1", superseded=["a"], superseded_alone=["b"], generation=1, reason="retry")
    await store.create(execution("e2"), {}, inherits=Inheritance("e1"))
    await saver.acopy_thread("e1", "e3")
    await saver.compact("e1")
    await saver.adelete_thread("e3")
    await store.finish("e1", ExecutionStatus.COMPLETED, output=None, error=None, active_seconds=1)
    await store.prune(before=START + timedelta(days=1))
