"""The stores every test of this folder runs over."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from graphs.clock import ManualClock
from orchestrator.store.port import Record, Store
from orchestrator.store.sqlite import SqliteStore
from tests.unit.store.support import START

Opener = Callable[..., AbstractAsyncContextManager[Store]]
"""Opens the same database again and again: as another process would, or after an end."""


def _sqlite(folder: Path, clock: ManualClock) -> Opener:
    def opener(**options: Any) -> AbstractAsyncContextManager[Store]:
        # The laws of a store do not depend on the disk; what does is tested in tests/unit/store/test_faults.py.
        return SqliteStore.open(folder / "baton.db", clock=clock, synchronous="off", **options)

    return opener


STORES = {"sqlite": _sqlite}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture(params=STORES)
def opener(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Opener:
    return STORES[request.param](tmp_path, clock)


@pytest.fixture
def announced() -> list[Record]:
    """Records the store told of, in order."""
    return []


@pytest.fixture
async def store(opener: Opener, announced: list[Record]) -> AsyncIterator[Store]:
    def hear(records: Sequence[Record]) -> None:
        announced.extend(records)

    async with opener(on_committed=hear) as store:
        yield store
