"""What other processes do in tests. Each is started by `support.processes()` and reports through a pipe."""

import asyncio
import os
import resource
import signal
import sqlite3
from multiprocessing.connection import Connection
from pathlib import Path

from graphs.clock import ManualClock, SystemClock
from graphs.errors import BatonError
from graphs.steps import Answer
from orchestrator.store.locking import engine_lock
from orchestrator.store.port import Record
from orchestrator.store.sqlite import SqliteStore
from tests.unit.store.support import START, Listener, answer, execution, place, put_checkpoint, put_result, result


def write_until_killed(path: Path, pipe: Connection, callers: int) -> None:
    """Several executions write step after step, and say each one that was acknowledged."""
    asyncio.run(_write_until_killed(path, pipe, callers))


async def _write_until_killed(path: Path, pipe: Connection, callers: int) -> None:
    async with SqliteStore.open(path, clock=SystemClock()) as store:

        async def write(thread: str) -> None:
            await store.create(execution(thread), {})
            listener = Listener()
            store.saver.listen(thread, "", listener)
            superstep = 0
            while True:
                config = await put_checkpoint(store.saver, place(thread), steps={}, superstep=superstep)
                for step in range(20):
                    name = f"s{superstep}_{step}"
                    await put_result(store.saver, config, name)
                    assert listener.told[-1].keys() == {name}
                    pipe.send((thread, superstep, name))
                superstep += 1

        await asyncio.gather(*(write(f"e{number}") for number in range(callers)))


def drive(path: Path, pipe: Connection) -> None:
    """Hold the engine's lock until told to end."""
    with engine_lock(path, ManualClock(START)):
        pipe.send(os.getpid())
        pipe.recv()


def hold_write_lock(path: Path, pipe: Connection) -> None:
    """Be a foreign program in the middle of a long write."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    pipe.send("held")
    pipe.recv()
    db.execute("COMMIT")
    db.close()


def answer_all(path: Path, pipe: Connection, name: str) -> None:
    """Answer every wait of `e1` as fast as possible, telling of each who won."""
    asyncio.run(_answer_all(path, pipe, name))


async def _answer_all(path: Path, pipe: Connection, name: str) -> None:
    async with SqliteStore.open(path, clock=ManualClock(START), synchronous="off") as store:
        pipe.send("open")
        pipe.recv()
        won = []
        for wait in await store.waits("e1"):
            try:
                await answer(store, "e1", wait.path, Answer("approved", by=name))
                won.append(wait.path)
            except BatonError as error:
                assert error.code == "wait_answered", error
        pipe.send(won)


def make_file(path: Path, pipe: Connection) -> None:
    """Open a file that is not there yet, at the same moment as others."""
    pipe.send("ready")
    pipe.recv()
    asyncio.run(_make_file(path))
    pipe.send("made")


async def _make_file(path: Path) -> None:
    async with SqliteStore.open(path, clock=ManualClock(START)) as store:
        store.append(Record("e1", "step.retried", START, str(os.getpid())))


def fill_disk(path: Path, pipe: Connection) -> None:
    """Write until the disk is full (a limit on the size of files), make room, and go on."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    asyncio.run(_fill_disk(path, pipe))


async def _fill_disk(path: Path, pipe: Connection) -> None:
    async with SqliteStore.open(path, clock=ManualClock(START)) as store:
        await store.create(execution(), {})
        listener = Listener()
        store.saver.listen("e1", "", listener)
        config = await put_checkpoint(store.saver, place())
        await store.barrier()
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
        acknowledged, errors = [], []
        for number in range(100):
            try:
                await put_result(store.saver, config, f"s{number}", result("x" * 20_000))
                acknowledged.append(f"s{number}")
            except BatonError as error:
                errors.append(error.as_dict())
                break
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        await put_result(store.saver, config, "after", result("x" * 20_000))
        pipe.send((acknowledged, errors, [type(error).__name__ for error in listener.errors]))
