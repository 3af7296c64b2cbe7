"""A store in a file of its own, and other processes that use it."""

from collections.abc import AsyncIterator, Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from orchestrator.store.port import Record
from orchestrator.store.sqlite import SqliteStore
from tests.unit.store.support import START, processes


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "baton.db"


@pytest.fixture
def announced() -> list[Record]:
    return []


@pytest.fixture
async def store(path: Path, clock: ManualClock, announced: list[Record]) -> AsyncIterator[SqliteStore]:
    async with SqliteStore.open(path, clock=clock, synchronous="off", on_committed=announced.extend) as store:
        yield store


Start = Callable[..., tuple[Any, Connection]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts `target(path, pipe, *arguments)` in a process of its own; gives the process and our end of the pipe."""
    context, started = processes(), []

    def start(target: Callable[..., None], path: Path, *arguments: Any) -> tuple[Any, Connection]:
        ours, theirs = context.Pipe()
        process = context.Process(target=target, args=(path, theirs, *arguments))
        process.start()
        theirs.close()
        started.append((process, ours))
        return process, ours

    yield start
    for process, pipe in started:
        process.kill()
        process.join()
        process.close()
        pipe.close()
