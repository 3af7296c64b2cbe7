"""An engine's first commits find the WAL as long as it will be, and the file as it was."""

import sqlite3
from contextlib import closing
from pathlib import Path

from graphs.clock import ManualClock
from orchestrator.store.room import make_room
from orchestrator.store.sqlite import SqliteStore
from tests.unit.store.support import execution


def _wal(path: Path) -> int:
    return path.with_name(f"{path.name}-wal").stat().st_size


async def test_the_wal_of_an_engine_is_not_made_longer_by_what_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with SqliteStore.open(path, clock=ManualClock()) as store:
        await store.create(execution("before"), {})
        async with store.driving():
            long, whole = _wal(path), path.stat().st_size
            assert long >= 1000 * 4096
            for index in range(100):
                await store.create(execution(f"e{index}"), {})
            assert _wal(path) == long
            assert whole < 1_000_000
            assert await store.execution("before") is not None and await store.execution("e99") is not None
    assert not path.with_name("a.db-wal").exists()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_store_that_is_never_synced_needs_none(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with SqliteStore.open(path, clock=ManualClock(), synchronous="off") as store, store.driving():
        assert _wal(path) < 1_000_000


async def test_it_is_left_where_somebody_else_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with SqliteStore.open(path, clock=ManualClock()) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        make_room(path)
        other.execute("ROLLBACK")
        other.close()
        await store.create(execution(), {})
        assert await store.execution("e1") is not None
