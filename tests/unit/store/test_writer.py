"""The writer: order, groups, failures, the committed prefix."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from graphs.errors import BatonError, CommitError, ConflictError, StoreError
from orchestrator.store.sqlite import SqliteStore
from orchestrator.store.units import Work
from orchestrator.store.writer import Writer
from tests.unit.store.support import execution

INSERT = "INSERT INTO t VALUES (?)"


@pytest.fixture
async def writer(path: Path) -> AsyncIterator[Writer]:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (x UNIQUE)")
    db.close()
    writer = Writer(path, synchronous="off", patience=5)
    yield writer
    await writer.close()


def rows(path: Path) -> list[Any]:
    db = sqlite3.connect(path)
    try:
        return [x for (x,) in db.execute("SELECT x FROM t ORDER BY rowid")]
    finally:
        db.close()


class Gate:
    """Work that holds the writer's thread until it is opened, so that what comes after it becomes one group."""

    def __init__(self) -> None:
        self._reached, self._opened = threading.Event(), threading.Event()

    def __call__(self, db: sqlite3.Connection) -> None:
        self._reached.set()
        assert self._opened.wait(10)

    async def reached(self) -> None:
        await asyncio.to_thread(self._reached.wait, 10)

    def open(self) -> None:
        self._opened.set()


async def grouped(writer: Writer, submit: Callable[[], list[asyncio.Future[Any]]]) -> list[Any]:
    """Submit several units so that they are committed as one group; gives their values or errors."""
    gate = Gate()
    first = writer.submit(gate)
    await gate.reached()
    futures = submit()
    gate.open()
    await first
    return await asyncio.gather(*futures, return_exceptions=True)


def fail(db: sqlite3.Connection) -> None:
    db.execute(INSERT, ("from the failing one",))
    raise sqlite3.OperationalError("no")


def last_id(x: object, db: sqlite3.Connection) -> int | None:
    return db.execute(INSERT, (x,)).lastrowid


async def test_a_unit_is_statements_or_a_callable(writer: Writer, path: Path) -> None:
    await writer.submit([(INSERT, (1,)), (INSERT, [(2,), (3,)])])
    assert await writer.submit(partial(last_id, 4)) == 4
    assert rows(path) == [1, 2, 3, 4]


async def test_what_is_queued_is_committed_together_and_answered_in_order(writer: Writer, path: Path) -> None:
    commits: list[Any] = []
    told: list[int] = []

    def seen(number: int, db: sqlite3.Connection) -> int:
        db.execute(INSERT, (number,))
        commits.append(rows(path))  # what another connection sees while the transaction is open
        return number

    await grouped(
        writer,
        lambda: [writer.submit(partial(seen, number), on_commit=told.append) for number in range(10)],
    )
    assert commits == [[]] * 10 and rows(path) == told == list(range(10))


async def test_callbacks_come_before_their_future_and_after_the_commit(writer: Writer, path: Path) -> None:
    order: list[Any] = []
    future = writer.submit([(INSERT, (1,))], on_commit=lambda _: order.append(rows(path)))
    future.add_done_callback(lambda _: order.append("future"))
    await future
    await asyncio.sleep(0)
    assert order == [[1], "future"]


async def test_a_failing_unit_hurts_only_itself(writer: Writer, path: Path) -> None:
    works: list[Work] = [partial(last_id, 1), fail, partial(last_id, 2), partial(last_id, 1), partial(last_id, 3)]
    ends = await grouped(writer, lambda: [writer.submit(work) for work in works])
    assert [type(end).__name__ for end in ends] == ["int", "CommitError", "int", "CommitError", "int"]
    assert rows(path) == [1, 2, 3]
    assert str(ends[3]) == (
        f"The database '{path}' cannot be written: UNIQUE constraint failed: t.x. Nothing of this was kept. "
        "The work goes on once the store can write again."
    )
    assert ends[3].details == {"cause": "SQLITE_CONSTRAINT_UNIQUE", "file": str(path)}


async def test_a_refusal_is_returned_and_leaves_its_group_alone(writer: Writer, path: Path) -> None:
    runs: list[int] = []

    def counted(db: sqlite3.Connection) -> None:
        runs.append(1)

    refusal = ConflictError("no")
    ends = await grouped(writer, lambda: [writer.submit(counted), writer.submit(lambda db: refusal)])
    assert ends == [None, refusal] and runs == [1]


async def test_a_defect_is_named_as_one(writer: Writer, path: Path) -> None:
    def defect(db: sqlite3.Connection) -> None:
        raise KeyError("seq")

    with pytest.raises(CommitError) as caught:
        await writer.submit(defect)
    assert str(caught.value) == (
        f"A write to '{path}' was given up: KeyError: 'seq'. Nothing of this was kept. "
        "This is a defect in Baton: please report it."
    )
    assert await writer.submit(partial(last_id, 1)) == 1


async def test_a_defect_of_the_writer_itself_answers_everybody_and_is_survived(
    writer: Writer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> sqlite3.Connection:
        raise RuntimeError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr(writer, "_begin", broken)
        with pytest.raises(CommitError, match="was given up: RuntimeError: a defect"):
            await writer.submit(partial(last_id, 1))
    assert await writer.submit(partial(last_id, 1)) == 1


async def test_a_failing_listener_silences_nobody_else(writer: Writer, path: Path) -> None:
    def broken(_: Any) -> None:
        raise ValueError("a defect in a listener")

    seen: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context["exception"]))
    ends = await grouped(
        writer, lambda: [writer.submit(partial(last_id, 1), on_commit=broken), writer.submit(partial(last_id, 2))]
    )
    assert isinstance(ends[0], ValueError) and ends[1] == 2
    assert seen == [ends[0]] and rows(path) == [1, 2]


async def test_cancelling_who_asked_does_not_undo_what_was_asked(writer: Writer, path: Path) -> None:
    told: list[Any] = []

    def submit() -> list[asyncio.Future[Any]]:
        future = writer.submit(partial(last_id, 1), on_commit=told.append)
        future.cancel()
        return [future]

    ends = await grouped(writer, submit)
    assert isinstance(ends[0], asyncio.CancelledError)
    await writer.barrier()
    assert told == [1] and rows(path) == [1]


# -- the committed prefix --------------------------------------------------------------------------------------


async def test_after_a_lost_hand_over_the_same_execution_keeps_nothing_until_reset(writer: Writer, path: Path) -> None:
    lost: list[BatonError] = []

    def submit() -> list[asyncio.Future[Any]]:
        writer.hand_over([(INSERT, ("e1 first",))], thread="e1")
        writer.hand_over(fail, thread="e1", on_lost=lost.append)
        return [
            writer.submit([(INSERT, ("e1 second",))], thread="e1", on_lost=lost.append),
            writer.submit([(INSERT, ("e2",))], thread="e2"),
            writer.submit([(INSERT, ("e1 third",))], thread="e1"),
        ]

    ends = await grouped(writer, submit)
    assert [type(end).__name__ for end in ends] == ["CommitError", "NoneType", "CommitError"]
    assert rows(path) == ["e1 first", "e2"]
    assert len(lost) == 2 and lost[1] is ends[0]
    assert str(ends[0]) == (
        "Not kept, because something execution 'e1' handed over before it was lost: "
        f"The database '{path}' cannot be written: no. Nothing of this was kept. "
        "The work goes on once the store can write again."
    )
    with pytest.raises(CommitError):
        await writer.submit([(INSERT, ("e1 fourth",))], thread="e1")
    await writer.submit([(INSERT, ("e1 again",))], thread="e1", reset=True)
    await writer.submit([(INSERT, ("e1 and on",))], thread="e1")
    assert rows(path) == ["e1 first", "e2", "e1 again", "e1 and on"]


async def test_a_reset_in_a_group_that_fails_does_not_reach_backwards(writer: Writer, path: Path) -> None:
    """The group is tried, rolled back and tried one by one: what stood before the reset must be refused again."""
    writer.hand_over(fail, thread="e1")
    await writer.submit(())
    ends = await grouped(
        writer,
        lambda: [
            writer.submit([(INSERT, ("before",))], thread="e1"),
            writer.submit([(INSERT, ("reset",))], thread="e1", reset=True),
            writer.submit(fail),
            writer.submit([(INSERT, ("after",))], thread="e1"),
        ],
    )
    assert [type(end).__name__ for end in ends] == ["CommitError", "NoneType", "CommitError", "NoneType"]
    assert rows(path) == ["reset", "after"]


async def test_a_failed_unit_that_was_awaited_stops_nobody(writer: Writer, path: Path) -> None:
    with pytest.raises(CommitError):
        await writer.submit(fail, thread="e1")
    await writer.submit([(INSERT, (1,))], thread="e1")
    assert rows(path) == [1]


async def test_a_barrier_waits_for_all_and_tells_once_what_was_lost(writer: Writer, path: Path) -> None:
    for number in range(20):
        writer.hand_over([(INSERT, (number,))], thread="e1")
    await writer.barrier()
    assert rows(path) == list(range(20))
    writer.hand_over(fail, thread="e1")
    with pytest.raises(CommitError):
        await writer.barrier()
    await writer.barrier()


# -- locks and closing -----------------------------------------------------------------------------------------


async def test_a_foreign_lock_is_waited_for(writer: Writer, path: Path) -> None:
    foreign = sqlite3.connect(path, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    future = writer.submit([(INSERT, (1,))])
    done, _ = await asyncio.wait([future], timeout=0.6)  # longer than SQLite itself waits
    assert not done
    foreign.execute("COMMIT")
    foreign.close()
    await future
    assert rows(path) == [1]


async def test_a_foreign_lock_that_stays_is_named(path: Path) -> None:
    foreign = sqlite3.connect(path, isolation_level=None)
    foreign.execute("PRAGMA journal_mode = WAL")
    foreign.execute("CREATE TABLE t (x)")
    writer = Writer(path, patience=0.1)
    foreign.execute("BEGIN IMMEDIATE")
    gate = [writer.submit([(INSERT, (number,))]) for number in range(3)]
    ends = await asyncio.gather(*gate, return_exceptions=True)
    assert {str(end) for end in ends} == {
        f"The database '{path}' cannot be written: database is locked. Nothing of this was kept. "
        "Another process holds the file's lock: end it, or wait until it is done."
    }
    foreign.execute("ROLLBACK")
    await writer.submit([(INSERT, ("later",))])
    assert rows(path) == ["later"]
    foreign.close()
    await writer.close()


async def test_closing_commits_what_is_queued(writer: Writer, path: Path) -> None:
    told: list[Any] = []
    for number in range(1500):  # more than one group
        writer.hand_over([(INSERT, (number,))], thread=None, on_commit=told.append)
    await writer.close()
    assert len(told) == 1500 and rows(path) == list(range(1500))
    with pytest.raises(StoreError) as caught:
        writer.submit([(INSERT, (1,))])
    assert str(caught.value) == f"The database '{path}' is closed. Open the store again."
    await writer.close()


async def test_what_nobody_waits_for_goes_with_what_comes_next(
    writer: Writer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit of its own would only keep the next one waiting."""
    monkeypatch.setattr("orchestrator.store.writer._COMPANY_SECONDS", 60.0)
    seen: list[Any] = []
    writer.hand_over([(INSERT, (1,))], thread=None, on_commit=lambda _: seen.append("committed"))
    await asyncio.to_thread(lambda: seen.append(rows(path)))
    await writer.submit(lambda db: seen.append([x for (x,) in db.execute("SELECT x FROM t")]))
    assert seen == [[], [1], "committed"] and rows(path) == [1]


async def test_what_nobody_waits_for_is_committed_soon_though_nothing_else_comes(writer: Writer, path: Path) -> None:
    committed = asyncio.Event()
    writer.hand_over([(INSERT, (1,))], thread=None, on_commit=lambda _: committed.set())
    await asyncio.wait_for(committed.wait(), 10)
    assert rows(path) == [1]


async def test_what_nobody_waits_for_is_committed_when_the_writer_is_closed(
    writer: Writer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.store.writer._COMPANY_SECONDS", 60.0)
    writer.hand_over([(INSERT, (1,))], thread=None)
    await asyncio.wait_for(writer.close(), 10)
    assert rows(path) == [1]


async def test_many_callers_keep_their_own_order(writer: Writer, path: Path) -> None:
    async def call(caller: int) -> None:
        for number in range(50):
            await writer.submit([(INSERT, (caller * 1000 + number,))])

    await asyncio.gather(*(call(caller) for caller in range(20)))
    kept = rows(path)
    assert len(kept) == 1000
    for caller in range(20):
        assert [x for x in kept if x // 1000 == caller] == [caller * 1000 + number for number in range(50)]


async def test_who_asks_a_closed_store_is_told_that_it_is_closed(path: Path) -> None:
    """By reading as by writing, here and in the other thread: nothing is wrong with the file."""
    async with SqliteStore.open(path, clock=ManualClock()) as store:
        await store.create(execution(), {})
    for asked in (store.execution("e1"), store.waits(), store.request_cancel("e1", by=None, reason=None)):
        with pytest.raises(StoreError, match="is closed") as told:
            await asked
        assert (told.value.code, told.value.hint) == ("closed", "Open the store again.")
