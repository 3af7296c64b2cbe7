"""The saver: results with their records, checkpoints handed over, what is kept and what is read."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Interrupt, Send

from graphs.checkpoints import Checkpoints
from graphs.errors import CommitError, StoreError
from graphs.state import Kept
from orchestrator.store.port import Record
from orchestrator.store.sqlite import SqliteStore
from tests.unit.store.support import Listener, execution, place, put_checkpoint, put_result, result


@pytest.fixture
def listener(store: SqliteStore) -> Listener:
    listener = Listener()
    checkpoints: Checkpoints = store.saver
    checkpoints.listen("e1", "", listener)
    return listener


def count(path: Path, table: str, where: str = "1") -> int:
    db = sqlite3.connect(path)
    try:
        return int(db.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0])
    finally:
        db.close()


# -- results and records ---------------------------------------------------------------------------------------


@pytest.mark.capability("D02")
async def test_a_result_and_its_record_commit_together_and_then_the_flow_is_told(
    store: SqliteStore, listener: Listener, announced: list[Record], path: Path
) -> None:
    listener.path, listener.generation = "orders[3]", 2
    config = await put_checkpoint(store.saver, place())
    seen: list[tuple[int, int]] = []
    tell = listener.committed

    def committed(results: Any) -> None:
        seen.append((count(path, "writes"), count(path, "records")))
        tell(results)

    listener.committed = committed  # type: ignore[method-assign]
    await put_result(store.saver, config, "charge", result({"paid": True}))
    assert seen == [(2, 1)]
    assert listener.told == [{"charge": result({"paid": True})}]
    (record,) = announced
    assert (record.kind, record.path, record.generation) == ("step.completed", "orders[3].charge", 2)
    assert record.at.isoformat() == "2026-01-01T12:00:00+00:00" and record.seq == 1
    assert record.data == result({"paid": True})
    assert await store.results("e1") == {"orders[3].charge": result({"paid": True})}


async def test_a_result_of_a_body_that_goes_on_is_in_its_record_and_told(
    store: SqliteStore, listener: Listener, announced: list[Record], path: Path
) -> None:
    config = await put_checkpoint(store.saver, place())
    await store.saver.keep("e1", listener, {"a": result(1)})
    assert listener.told == [{"a": result(1)}] and [each.path for each in announced] == ["a"]
    await store.saver.aput_writes(config, [("steps", Kept({"a": result(1)})), ("error_count", 1)], "t1")
    assert count(path, "writes") == 0 and len(await store.records("e1")) == 1
    assert await store.results("e1") == {"a": result(1)}


async def test_a_result_of_a_body_that_goes_on_is_heard_of_when_it_is_lost(
    store: SqliteStore, listener: Listener
) -> None:
    with pytest.raises(StoreError, match="cannot be kept as JSON"):
        store.saver.keep("e1", listener, {"a": result(object())})
    await break_table(store, "records")
    with pytest.raises(CommitError) as caught:
        await store.saver.keep("e1", listener, {"a": result()})
    assert listener.errors[1:] == [caught.value] and listener.told == []
    assert str(listener.errors[0]).startswith("A result of execution 'e1' cannot be kept: ")


async def test_partitions_and_helpers_have_no_records_of_their_own(
    store: SqliteStore, listener: Listener, announced: list[Record]
) -> None:
    config = await put_checkpoint(store.saver, place())
    inner: Any = {"status": "completed", "inner": {"a": result()}}
    await put_result(store.saver, config, "part", inner)
    await put_result(store.saver, config, "#recover", result())
    await put_result(store.saver, config, "b", result(status="failed"))
    assert [list(told) for told in listener.told] == [["part"], ["#recover"], ["b"]]
    assert [(each.kind, each.path) for each in announced] == [("step.failed", "b")]


async def test_writes_that_are_there_already_add_no_second_record(
    store: SqliteStore, listener: Listener, announced: list[Record]
) -> None:
    config = await put_checkpoint(store.saver, place())
    for output in (1, 2):
        await put_result(store.saver, config, "a", result(output))
    assert [each.data["output"] for each in announced] == [1]
    saved = await store.saver.saved("e1", "")
    assert saved and saved.results["a"] == result(1)


async def test_a_result_without_an_end_gets_the_time_of_its_commit(store: SqliteStore, listener: Listener) -> None:
    config = await put_checkpoint(store.saver, place())
    await put_result(store.saver, config, "a", {"status": "skipped"})
    assert (await store.records("e1"))[0].at == store._clock.now()


async def test_a_result_that_is_no_json_is_heard(store: SqliteStore, listener: Listener) -> None:
    config = await put_checkpoint(store.saver, place())
    with pytest.raises(TypeError):
        await put_result(store.saver, config, "a", result(object()))
    assert str(listener.errors[0]).startswith("A result of execution 'e1' cannot be kept: ")
    assert listener.told == [] and await store.records("e1") == []


async def test_without_a_listener_writes_are_only_writes(
    store: SqliteStore, announced: list[Record], path: Path
) -> None:
    config = await put_checkpoint(store.saver, place("graph of a user"))
    await put_result(store.saver, config, "a")
    assert count(path, "writes") == 2 and announced == []


@pytest.mark.parametrize("others", [[], [("steps", {"a": {"status": "completed"}})]])
async def test_a_cancelled_drive_marks_no_steps(
    store: SqliteStore, listener: Listener, others: Any, path: Path
) -> None:
    config = await put_checkpoint(store.saver, place())
    await store.saver.aput_writes(config, [*others, (ERROR, asyncio.CancelledError())], "t1")
    await store.barrier()
    assert count(path, "writes", f"channel = '{ERROR}'") == 0
    assert count(path, "writes") == len(others)  # a body that had returned keeps its result
    await store.saver.aput_writes(config, [(ERROR, ValueError("x"))], "t2")
    assert count(path, "writes", f"channel = '{ERROR}'") == 1


# -- a commit that fails is heard ------------------------------------------------------------------------------


async def break_table(store: SqliteStore, name: str) -> None:
    await store._writer.submit([(f"ALTER TABLE {name} RENAME TO {name}_away", ())])


async def mend_table(store: SqliteStore, name: str) -> None:
    await store._writer.submit([(f"ALTER TABLE {name}_away RENAME TO {name}", ())])


async def test_a_lost_result_is_told_to_the_flow(store: SqliteStore, listener: Listener, path: Path) -> None:
    config = await put_checkpoint(store.saver, place())
    await break_table(store, "records")
    with pytest.raises(CommitError) as caught:
        await put_result(store.saver, config, "a")
    assert listener.errors == [caught.value] and listener.told == []
    assert count(path, "writes") == 0  # neither without the other


async def test_a_lost_checkpoint_takes_later_results_with_it_until_the_next_drive(
    store: SqliteStore, listener: Listener, path: Path
) -> None:
    await store.create(execution(), {})
    child = Listener("orders")
    store.saver.listen("e1", "parallel_executor:1", child)
    other = Listener()
    store.saver.listen("e2", "", other)
    await break_table(store, "checkpoints")
    config = await put_checkpoint(store.saver, place())  # nobody waits for it
    with pytest.raises(CommitError, match="Not kept, because something execution 'e1' handed over before it was lost"):
        await put_result(store.saver, config, "a")
    assert len(listener.errors) == 2 and len(child.errors) == 1 and other.errors == []
    await mend_table(store, "checkpoints")
    with pytest.raises(CommitError):
        await put_result(store.saver, config, "a")
    await store.begin_drive("e1", "recover")
    config = await put_checkpoint(store.saver, place())
    await put_result(store.saver, config, "a")
    assert count(path, "writes") == 2


async def test_a_lost_record_is_told_to_the_live_plans(store: SqliteStore, listener: Listener) -> None:
    await break_table(store, "records")
    store.append(Record("e1", "step.waiting", store._clock.now(), "a"))
    with pytest.raises(CommitError):
        await store.barrier()
    assert len(listener.errors) == 1


# -- what is kept ----------------------------------------------------------------------------------------------


async def test_only_the_newest_checkpoint_of_a_listened_plan_is_kept(
    store: SqliteStore, listener: Listener, path: Path
) -> None:
    user = await put_checkpoint(store.saver, place("user"))
    await put_result(store.saver, user, "a")
    await put_checkpoint(store.saver, user)
    for superstep in range(3):
        config = await put_checkpoint(store.saver, place(), superstep=superstep)
        await put_result(store.saver, config, f"s{superstep}")
    assert count(path, "checkpoints", "thread_id = 'e1'") == 1
    assert count(path, "writes", "thread_id = 'e1'") == 2
    assert count(path, "checkpoints", "thread_id = 'user'") == 2 and count(path, "writes", "thread_id = 'user'") == 2
    assert len(await store.records("e1")) == 3


async def test_the_newest_is_the_one_put_last_even_after_the_clock_went_back(
    store: SqliteStore, listener: Listener
) -> None:
    checkpoint: Any = {"v": 4, "id": "9" * 8, "ts": "", "channel_values": {"dispatched": []}, "channel_versions": {}}
    await store.saver.aput(place(), checkpoint, {}, {})
    await store.saver.aput(place(), checkpoint | {"id": "1" * 8}, {}, {})
    found = await store.saver.aget_tuple(place())
    assert found and found.checkpoint["id"] == "1" * 8


async def test_a_new_checkpoint_ends_the_plans_below_it(store: SqliteStore, listener: Listener, path: Path) -> None:
    names = ["", "node:1", "node:1|node:2", "node:10", "node:1~"]
    for name in names:
        store.saver.listen("e1", name, Listener())
        await put_result(store.saver, await put_checkpoint(store.saver, place(namespace=name)), "a")
    await put_checkpoint(store.saver, place(namespace="node:1"))
    await store.barrier()
    left = {name: count(path, "checkpoints", f"checkpoint_ns = '{name}'") for name in names}
    assert left == {"": 1, "node:1": 1, "node:1|node:2": 0, "node:10": 1, "node:1~": 1}
    assert count(path, "writes", "checkpoint_ns = 'node:1|node:2'") == 0
    await put_checkpoint(store.saver, place())
    await store.barrier()
    assert count(path, "checkpoints") == 1 and count(path, "writes") == 0


async def test_compacting_keeps_the_newest_of_each_namespace(store: SqliteStore, path: Path) -> None:
    for name in ("", "node:1"):
        config = place(namespace=name)
        for _ in range(3):
            config = await put_checkpoint(store.saver, config | {})
            await put_result(store.saver, config, "a")
    await store.saver.compact("e1")
    assert count(path, "checkpoints") == 2 and count(path, "writes") == 4


async def test_the_official_saver_reads_the_file(store: SqliteStore, listener: Listener, path: Path) -> None:
    config = await put_checkpoint(store.saver, place(), dispatched=["a", "b"], sends=[Send("n", {"name": "a"})])
    await put_result(store.saver, config, "a")
    await store.saver.aput_writes(config, [(INTERRUPT, [Interrupt({"ask": 1}, id="i1")])], "t2")
    ours = await store.saver.aget_tuple(place())
    async with AsyncSqliteSaver.from_conn_string(str(path)) as official:
        theirs = await official.aget_tuple(place())
    assert theirs == ours and theirs
    assert theirs.checkpoint["channel_values"]["sends"] == [Send("n", {"name": "a"})]


async def test_a_plan_that_has_sent_nothing_yet_is_not_kept(store: SqliteStore, listener: Listener) -> None:
    """Nothing of it can be lost: a crash starts it from its beginning."""
    await store.saver.aput(place(), empty_checkpoint(), {}, {})
    assert await store.saver.aget_tuple(place()) is None


# -- reading ---------------------------------------------------------------------------------------------------


async def test_a_read_sees_a_checkpoint_that_was_only_handed_over(store: SqliteStore, listener: Listener) -> None:
    for superstep in range(20):
        config = await put_checkpoint(store.saver, place(), superstep=superstep)
        found = await store.saver.aget_tuple(place())
        assert found and found.config == config


class Counted:
    """Counts the reader's questions."""

    def __init__(self, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        point = store.saver._reader.point

        def counted(*arguments: Any) -> list[Any]:
            self.asked += 1
            return point(*arguments)

        monkeypatch.setattr(store.saver._reader, "point", counted)


async def test_a_new_plan_has_the_checkpoint_that_its_input_makes_once(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = Counted(store, monkeypatch)
    store.saver.expect_new("e1", "", {"path": "orders", "frame": {"items": [1]}})
    found = await store.saver.aget_tuple(place())
    assert found and found.config["configurable"]["thread_id"] == "e1" and reads.asked == 0
    assert found.checkpoint["channel_values"] == {
        "path": "orders",
        "frame": {"items": [1]},
        "branch:to:orchestrator": None,
    }
    assert await store.saver.aget_tuple(place()) is None and reads.asked == 1


async def test_what_was_loaded_serves_the_next_read_once(
    store: SqliteStore, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = await put_checkpoint(store.saver, place(), dispatched=["a", "b"], steps={"z": result(0)})
    await put_result(store.saver, config, "a", result(1))
    reads = Counted(store, monkeypatch)
    saved = await store.saver.saved("e1", "")
    assert saved and saved.dispatched == ["a", "b"]
    assert saved.results == {"z": result(0), "a": result(1)} and saved.values["dispatched"] == ["a", "b"]
    asked = reads.asked
    first = await store.saver.aget_tuple(place())
    assert first and first.config == config and reads.asked == asked
    assert await store.saver.aget_tuple(place()) == first and reads.asked > asked


@pytest.mark.parametrize("change", ["put", "writes", "delete", "forget"])
async def test_what_was_loaded_is_dropped_when_the_plan_changes(
    store: SqliteStore, listener: Listener, change: str
) -> None:
    config = await put_checkpoint(store.saver, place())
    await store.saver.saved("e1", "")
    match change:
        case "put":
            config = await put_checkpoint(store.saver, place())
        case "writes":
            await put_result(store.saver, config, "a")
        case "delete":
            await store.saver.adelete_thread("e1")
        case "forget":
            store.saver.forget("e1", "")
            await put_result(store.saver, config, "a")
    found = await store.saver.aget_tuple(place())
    if change == "delete":
        assert found is None
    else:
        assert found and found.config == config and len(found.pending_writes or ()) == (0 if change == "put" else 2)


async def test_a_copy_for_a_graph_shares_what_the_saver_knows(store: SqliteStore) -> None:
    """LangGraph copies a saver for the types a graph declares; listeners must reach the copy."""
    copy = store.saver.with_allowlist([("tests.unit.store.test_serializer", "Order")])
    assert copy is not store.saver
    listener = Listener()
    store.saver.listen("e1", "", listener)
    await put_result(copy, await put_checkpoint(copy, place()), "a")
    assert len(listener.told) == 1
