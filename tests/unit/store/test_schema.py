"""The file's tables: made, adopted, refused; several processes at once; files of older and newer programs."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from graphs.clock import ManualClock
from graphs.errors import StoreError
from orchestrator.store import schema, sqlite
from orchestrator.store.port import ENGINE_FORMAT
from orchestrator.store.sqlite import SqliteStore
from tests.unit.store import children
from tests.unit.store.conftest import Start
from tests.unit.store.support import execution, place


@pytest.fixture(autouse=True)
def files_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """As everywhere but in most tests, where they are copies of one."""
    monkeypatch.setattr(sqlite, "prepare", schema.prepare)


def pragma(path: Path, name: str) -> object:
    db = sqlite3.connect(path)
    try:
        return db.execute(f"PRAGMA {name}").fetchone()[0]
    finally:
        db.close()


def change(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        db.execute(statement)
    db.close()


async def opened(path: Path, clock: ManualClock, *, read_only: bool = False) -> None:
    async with SqliteStore.open(path, clock=clock, read_only=read_only):
        pass


async def test_a_new_file_is_ours_and_ready(path: Path, clock: ManualClock) -> None:
    await opened(path, clock)
    assert pragma(path, "user_version") == schema.SCHEMA
    assert pragma(path, "journal_mode") == "wal"
    assert pragma(path, "auto_vacuum") == 2  # incremental
    assert pragma(path, "application_id") == 0x4241544F


def test_the_newest_migration_is_the_schema() -> None:
    numbers = [int(file.name[:4]) for file in sorted(schema._MIGRATIONS.glob("*.sql"))]
    assert numbers == list(range(1, schema.SCHEMA + 1))


async def test_opening_again_changes_nothing(path: Path, clock: ManualClock) -> None:
    async with SqliteStore.open(path, clock=clock) as store:
        await store.create(execution(), {})
    before = path.read_bytes()
    await opened(path, clock)
    assert path.read_bytes() == before


async def test_a_file_of_the_first_release_is_brought_up_to_date(path: Path, clock: ManualClock) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    for statement in schema._statements((schema._MIGRATIONS / "0001_initial.sql").read_text("utf-8")):
        db.execute(statement)
    db.execute("INSERT INTO meta VALUES ('engine_format', '1')")
    db.execute(f"PRAGMA application_id = {schema._APPLICATION}")
    db.execute("PRAGMA user_version = 1")
    db.close()
    async with SqliteStore.open(path, clock=clock) as store:
        await store.create(execution(), {})
        assert await store.execution("e1")


async def test_a_file_of_langgraphs_own_saver_is_taken_over(path: Path, clock: ManualClock) -> None:
    checkpoint = empty_checkpoint()
    async with AsyncSqliteSaver.from_conn_string(str(path)) as official:
        config = await official.aput(place(), checkpoint, {}, {})
        await official.aput_writes(config, [("x", 1)], "t1")
    async with SqliteStore.open(path, clock=clock) as store:
        found = await store.saver.aget_tuple(place())
        assert found and found.checkpoint == checkpoint and found.pending_writes == [("t1", "x", 1)]


async def test_a_file_of_an_old_saver_of_langgraphs_is_taken_over(path: Path, clock: ManualClock) -> None:
    """Before langgraph-checkpoint-sqlite 3.1 `writes` had no column task_path."""
    async with AsyncSqliteSaver.from_conn_string(str(path)) as official:
        config = await official.aput(place(), empty_checkpoint(), {}, {})
        await official.aput_writes(config, [("x", 1)], "t1")
    change(path, "ALTER TABLE writes DROP COLUMN task_path")
    async with SqliteStore.open(path, clock=clock) as store:
        found = await store.saver.aget_tuple(place())
        assert found and found.pending_writes == [("t1", "x", 1)]


async def test_a_newer_schema_is_refused(path: Path, clock: ManualClock) -> None:
    await opened(path, clock)
    change(path, "PRAGMA user_version = 99")
    with pytest.raises(StoreError) as caught:
        await opened(path, clock)
    assert str(caught.value) == (
        f"The database '{path}' has schema 99; this Baton knows schemas up to {schema.SCHEMA}. "
        "Use the newer Baton that wrote it, or a backup made before."
    )


async def test_a_newer_engine_format_is_refused(path: Path, clock: ManualClock) -> None:
    await opened(path, clock)
    change(path, "UPDATE meta SET value = '99' WHERE key = 'engine_format'")
    with pytest.raises(StoreError) as caught:
        await opened(path, clock)
    assert str(caught.value) == (
        f"The database '{path}' has engine format 99; this Baton knows formats up to {ENGINE_FORMAT}. "
        "Use the newer Baton that wrote it, or a backup made before."
    )


async def test_a_file_of_another_application_is_left_alone(path: Path, clock: ManualClock) -> None:
    """Also where it counts its own schema, which says nothing about ours."""
    change(path, "CREATE TABLE users (name)", "PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(StoreError) as caught:
        await opened(path, clock)
    assert caught.value.code == "store_foreign"
    assert str(caught.value) == (
        f"The database '{path}' is not Baton's: it holds the table 'users'. "
        "Name the file that Baton made, or a new one."
    )
    assert path.read_bytes() == before


async def test_a_file_that_is_only_read_is_not_brought_up_to_date(path: Path, clock: ManualClock) -> None:
    change(path, "PRAGMA journal_mode = WAL", "CREATE TABLE checkpoints (y)")
    with pytest.raises(StoreError) as caught:
        await opened(path, clock, read_only=True)
    assert str(caught.value) == (
        f"The database '{path}' has schema 0; this Baton needs {schema.SCHEMA}, and opened it only to read. "
        "Open it once with the engine (`baton serve` or `baton run`), which brings it up to date."
    )


async def test_a_migration_that_fails_leaves_nothing(
    path: Path, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    first = (schema._MIGRATIONS / "0001_initial.sql").read_text("utf-8")
    (folder / "0001_initial.sql").write_text(first)
    (folder / "0002_more.sql").write_text("CREATE TABLE more (x);\nCREATE TABLE meta (x);\n")
    monkeypatch.setattr(schema, "_MIGRATIONS", folder)
    monkeypatch.setattr(schema, "SCHEMA", 2)
    with pytest.raises(StoreError, match="table meta already exists"):
        await opened(path, clock)
    assert pragma(path, "user_version") == 1
    assert sqlite3.connect(path).execute("SELECT count(*) FROM sqlite_master WHERE name = 'more'").fetchone() == (0,)
    (folder / "0002_more.sql").write_text("CREATE TABLE more (x);\n")
    await opened(path, clock)
    assert pragma(path, "user_version") == 2


async def test_processes_that_make_the_file_at_the_same_time_agree(
    path: Path, clock: ManualClock, start: Start
) -> None:
    started = [start(children.make_file, path) for _ in range(4)]
    for _, pipe in started:
        assert pipe.recv() == "ready"
    for _, pipe in started:
        pipe.send("go")
    for _, pipe in started:
        assert await asyncio.to_thread(pipe.recv) == "made"
    async with SqliteStore.open(path, clock=clock) as store:
        assert {each.path for each in await store.records("e1")} == {str(process.pid) for process, _ in started}
