"""What a store lives through: killed processes, full disks, files that cannot be written, other programs' locks."""

import os
import signal
import sqlite3
import stat
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from graphs.clock import ManualClock
from graphs.errors import CommitError, StoreError
from orchestrator.store.connect import cannot_open
from orchestrator.store.port import Record
from orchestrator.store.sqlite import SqliteStore
from tests.unit.store import children
from tests.unit.store.conftest import Start
from tests.unit.store.support import START, Listener, approval, execution, place, put_checkpoint, put_result, result


@pytest.mark.capability("D01", "D02", "R1")
@pytest.mark.parametrize("acknowledged", [1, 150, 400])
async def test_a_killed_process_loses_nothing_it_acknowledged(
    path: Path, clock: ManualClock, start: Start, acknowledged: int
) -> None:
    process, pipe = start(children.write_until_killed, path, 8)
    seen = [pipe.recv() for _ in range(acknowledged)]
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while pipe.poll():
        try:
            seen.append(pipe.recv())
        except EOFError:
            break
    async with SqliteStore.open(path, clock=clock) as store:
        told: dict[str, set[str]] = defaultdict(set)
        for thread, _, name in seen:
            told[thread].add(name)
        for thread, names in told.items():
            kept = await store.results(thread)
            assert names <= kept.keys()
            saved = await store.saver.saved(thread, "")
            assert saved
            # A result is in the plan exactly when its record is: in the newest superstep, nothing more, nothing less.
            newest = {name for name in kept if name.startswith(f"s{saved.values['superstep']}_")}
            assert saved.results.keys() == newest


async def test_a_full_disk_is_named_and_the_work_goes_on_when_there_is_room(
    path: Path, clock: ManualClock, start: Start
) -> None:
    _, pipe = start(children.fill_disk, path)
    acknowledged, errors, heard = pipe.recv()
    assert acknowledged and len(errors) == 1 and heard == ["CommitError"]
    assert errors[0]["code"] == "commit_failed" and errors[0]["file"] == str(path)
    assert errors[0]["message"].startswith(f"The database '{path}' cannot be written: ")
    async with SqliteStore.open(path, clock=clock) as store:
        assert list(await store.results("e1")) == [*acknowledged, "after"]


async def test_a_file_that_may_not_grow_refuses_whole_units(store: SqliteStore, path: Path) -> None:
    listener = Listener()
    store.saver.listen("e1", "", listener)
    config = await put_checkpoint(store.saver, place())
    await store.barrier()

    async def pages(limit: int) -> None:
        await store._writer.submit(lambda db: db.execute(f"PRAGMA max_page_count = {limit}").fetchall())

    await pages(1)  # SQLite takes what there is as the limit
    with pytest.raises(CommitError) as caught:
        await put_result(store.saver, config, "big", result("x" * 100_000))
    assert str(caught.value) == (
        f"The database '{path}' cannot be written: database or disk is full. Nothing of this was kept. "
        "Make room on its disk; the work goes on once there is some."
    )
    assert caught.value.details["cause"] == "SQLITE_FULL"
    assert listener.errors == [caught.value] and await store.results("e1") == {}
    await pages(1_000_000)
    await put_result(store.saver, config, "big", result("x" * 100_000))
    assert list(await store.results("e1")) == ["big"]
    assert store._reader.point("PRAGMA integrity_check") == [("ok",)]


async def test_a_store_opened_to_be_read_writes_nothing(store: SqliteStore, path: Path, clock: ManualClock) -> None:
    await store.create(execution(), {})
    config = await put_checkpoint(store.saver, place())
    async with SqliteStore.open(path, clock=clock, read_only=True) as reading:
        assert await reading.execution("e1") and await reading.saver.aget_tuple(place())
        assert [each async for each in reading.saver.alist(None)] and await reading.waits() == []
        await reading.barrier()
        message = f"^The database '{path}' was opened to be read only\\. Open it without read_only to write\\.$"
        with pytest.raises(StoreError, match=message):
            await reading.create(execution("e2"), {})
        with pytest.raises(StoreError, match=message):
            reading.append(Record("e1", "step.retried", START))
        with pytest.raises(StoreError, match=message):
            await put_result(reading.saver, config, "a")
        with pytest.raises(StoreError, match=message):
            async with reading.driving():
                pass


async def test_a_file_another_program_writes_is_waited_for(path: Path, clock: ManualClock, start: Start) -> None:
    async with SqliteStore.open(path, clock=clock, synchronous="off", patience=0.3) as store:
        _, pipe = start(children.hold_write_lock, path)
        pipe.recv()
        assert await store.unfinished() == []  # readers are not held up
        with pytest.raises(CommitError, match=r"database is locked.*Another process holds the file's lock"):
            await store.create(execution(), {})
        pipe.send("go on")
        while True:  # its commit is its own business; ours goes through once it is done
            try:
                await store.create(execution(), {})
                break
            except CommitError:
                continue


@pytest.mark.capability("R9")
async def test_processes_that_answer_the_same_waits_share_them_out(
    store: SqliteStore, path: Path, start: Start
) -> None:
    await store.create(execution(), {})
    for number in range(60):
        await store.open_wait("e1", f"ask{number}", 0, approval(), START)
    pipes = [start(children.answer_all, path, name)[1] for name in ("anna", "bob", "carl")]
    for pipe in pipes:
        assert pipe.recv() == "open"
    for pipe in pipes:
        pipe.send("go")
    won: dict[str, Any] = {}
    for name, pipe in zip(("anna", "bob", "carl"), pipes, strict=True):
        for each in pipe.recv():
            assert each not in won
            won[each] = name
    answered = {each.path: each.answer.by for each in await store.waits("e1", status="answered") if each.answer}
    assert answered == won and len(won) == 60
    assert store.changed()
    assert len([each for each in await store.signals(0) if each.kind == "answer"]) == 60


async def test_changed_sees_what_other_processes_store(store: SqliteStore, path: Path, clock: ManualClock) -> None:
    store.changed()
    assert not store.changed()
    async with SqliteStore.open(path, clock=clock, synchronous="off") as other:
        await other.create(execution(), {})
        assert store.changed() and not store.changed()
        other.append(Record("e1", "step.retried", START))
        await other.barrier()
        assert not store.changed()  # a commit, but nothing for the engine


# -- opening ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a b.db", "a?mode=memory.db", "a#b.db", "a%41.db", "ü.db", "-x.db"])
async def test_odd_paths_are_just_paths(tmp_path: Path, clock: ManualClock, name: str) -> None:
    async with SqliteStore.open(tmp_path / name, clock=clock, synchronous="off") as store:
        await store.create(execution(), {})
        assert [each async for each in store.saver.alist(None)] == []
        async with store.driving():
            pass
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([name, f"{name}.lock"])


async def test_what_cannot_be_opened_is_named(tmp_path: Path, clock: ManualClock) -> None:
    missing = tmp_path / "no" / "baton.db"
    with pytest.raises(StoreError) as caught:
        async with SqliteStore.open(missing, clock=clock):
            pass
    assert str(caught.value) == (
        f"The database '{missing}' cannot be opened: unable to open database file. "
        f"There is no folder '{missing.parent}': make it first."
    )
    text = tmp_path / "notes.txt"
    text.write_text("not a database, however long it is " * 50)
    with pytest.raises(StoreError) as caught:
        async with SqliteStore.open(text, clock=clock):
            pass
    assert str(caught.value) == (
        f"The database '{text}' cannot be opened: file is not a database. "
        "It is another kind of file: name the one Baton made, or a new one."
    )
    with pytest.raises(StoreError, match=r"unable to open database file\. Check that the file exists"):
        async with SqliteStore.open(tmp_path / "none.db", clock=clock, read_only=True):
            pass


def test_a_full_disk_is_named_when_a_file_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite calls it an I/O error, when there is no room for the files it makes beside the database."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    path = tmp_path / "baton.db"
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(total=3_000_000, used=2_990_000, free=10_000))
    assert str(cannot_open(path, error)) == (
        f"The database '{path}' cannot be opened: disk I/O error. Its disk is full: make room there."
    )
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(total=3_000_000, used=0, free=3_000_000))
    assert "Check that the file exists" in str(cannot_open(path, error))


async def test_in_memory_is_a_file_that_goes_away(clock: ManualClock) -> None:
    async with SqliteStore.open(":memory:", clock=clock) as store:
        await store.create(execution(), {})
        assert [each for each, _ in await store.unfinished()] == ["e1"]
        folder = store.path.parent
        assert folder.exists()
    assert not folder.exists()


async def test_a_damaged_file_is_named_when_it_is_read(path: Path, clock: ManualClock) -> None:
    async with SqliteStore.open(path, clock=clock) as store:
        for number in range(50):
            await store.create(execution(f"e{number}", input="x" * 3000), {})
    data = bytearray(path.read_bytes())
    pages = sqlite3.connect(path).execute("SELECT rootpage FROM sqlite_master WHERE name = 'executions'").fetchone()[0]
    size = 4096
    data[(pages - 1) * size : pages * size] = b"\xff" * size
    path.write_bytes(data)
    async with SqliteStore.open(path, clock=clock) as store:
        with pytest.raises(StoreError) as caught:
            await store.execution("e1")
        assert str(caught.value).startswith(f"The database '{path}' cannot be read: ")
        assert str(caught.value).endswith("and go back to a backup if it is damaged.")


async def test_files_are_made_for_this_user_alone_and_those_that_are_there_keep_their_rights(
    tmp_path: Path, clock: ManualClock
) -> None:
    def rights(name: str) -> int:
        return stat.S_IMODE((tmp_path / name).stat().st_mode)

    before = os.umask(0o022)
    try:
        async with SqliteStore.open(tmp_path / "new.db", clock=clock) as store:
            await store.create(execution(), {})
            await store.backup(tmp_path / "copy.db")
            made = {path.name for path in tmp_path.iterdir()}
            assert made == {"new.db", "new.db-wal", "new.db-shm", "copy.db"}
            assert {rights(name) for name in made} == {0o600}
        (tmp_path / "linked.db").symlink_to(tmp_path / "elsewhere.db")
        async with SqliteStore.open(tmp_path / "linked.db", clock=clock):
            assert rights("elsewhere.db") == 0o600
        (tmp_path / "copy.db").chmod(0o640)
        async with SqliteStore.open(tmp_path / "copy.db", clock=clock):
            assert rights("copy.db") == 0o640
    finally:
        os.umask(before)
