"""What the store costs a step. By hand: `python -m tests.unit.store.benchmark [full|normal|off] [FOLDER]`.

The first line is the disk's own: the same rows in the same transactions, without thread or loop. What a chain of steps
costs above it is ours.
"""

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from graphs.clock import SystemClock
from orchestrator.store.commits import KEEP_WRITE
from orchestrator.store.connect import Synchronous
from orchestrator.store.rows import INSERT_RECORD
from orchestrator.store.sqlite import SqliteStore
from tests.unit.store.support import Listener, place, put_checkpoint, result

STEPS = 1000


def say(what: str, count: int, wall: float, cpu: float) -> None:
    each = 1e6 / count
    sys.stdout.write(f"{what:<46}{wall * each:8.0f} µs each  {cpu * each:6.0f} µs CPU  {count / wall:8.0f}/s\n")


async def timed(what: str, count: int, work: Callable[[], Awaitable[Any]]) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    await work()
    say(what, count, time.perf_counter() - wall, time.process_time() - cpu)


def raw(folder: Path, like: Path, synchronous: str) -> None:
    """The rows of STEPS steps, one transaction each."""
    db = sqlite3.connect(folder / "raw.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {synchronous}")
    kept = sqlite3.connect(like)
    for (sql,) in kept.execute(
        "SELECT sql FROM sqlite_master WHERE tbl_name IN ('writes', 'records') AND sql NOT NULL"
    ):
        db.execute(sql)
    writes = kept.execute(f"SELECT * FROM writes LIMIT {2 * STEPS}").fetchall()
    columns = "execution_id, kind, path, generation, at, data"
    records = kept.execute(f"SELECT {columns} FROM records LIMIT {STEPS}").fetchall()
    kept.close()
    wall, cpu = time.perf_counter(), time.process_time()
    for number, record in enumerate(records):
        db.execute("BEGIN IMMEDIATE")
        db.execute(KEEP_WRITE, writes[2 * number])
        db.execute(KEEP_WRITE, writes[2 * number + 1])
        db.execute(INSERT_RECORD, record)
        db.execute("COMMIT")
    say(
        f"the disk alone (synchronous={synchronous})",
        len(records),
        time.perf_counter() - wall,
        time.process_time() - cpu,
    )
    db.close()


async def measure(folder: Path, synchronous: Synchronous) -> None:
    path = folder / "bench.db"
    async with SqliteStore.open(path, clock=SystemClock(), synchronous=synchronous) as store:
        saver = store.saver
        saver.listen("e1", "", Listener())
        config = await put_checkpoint(saver, place(), steps={f"s{n}": result("x" * 200) for n in range(100)})

        async def steps(count: int) -> None:
            for number in range(count):
                step = result("x" * 200)
                writes = [("steps", {f"s{number}": step}), ("branch:to:orchestrator", None)]
                await saver.aput_writes(config, writes, str(uuid4()), "~__pregel_push, 0000000001")

        async def together(callers: int) -> None:
            await asyncio.gather(*(steps(STEPS // 10) for _ in range(callers)))

        async def reads() -> None:
            for _ in range(STEPS):
                await saver.aget_tuple(place("e2"))

        await store.barrier()
        for _ in range(2):
            await timed("one step after the other", STEPS, lambda: steps(STEPS))
        for callers in (16, 64):
            await timed(f"{callers} at the same time", callers * STEPS // 10, lambda callers=callers: together(callers))  # type: ignore[misc]
        await put_checkpoint(saver, place("e2"), steps={f"s{n}": result("x" * 200) for n in range(100)})
        await timed("aget_tuple (100 results)", STEPS, reads)
        raw(folder, path, synchronous)
    async with AsyncSqliteSaver.from_conn_string(str(folder / "official.db")) as official:
        config = await put_checkpoint(official, place())
        await official.conn.execute(f"PRAGMA synchronous = {synchronous}")

        async def theirs() -> None:
            for number in range(STEPS):
                writes = [("steps", {f"s{number}": result("x" * 200)}), ("branch:to:orchestrator", None)]
                await official.aput_writes(config, writes, str(uuid4()), "~__pregel_push, 0000000001")

        await timed("the official saver, without records", STEPS, theirs)


if __name__ == "__main__":
    chosen = cast(Synchronous, sys.argv[1] if len(sys.argv) > 1 else "full")
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as temporary:
        asyncio.run(measure(Path(temporary), chosen))
