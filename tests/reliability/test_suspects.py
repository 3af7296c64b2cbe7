"""Executions over which processes have died are taken up one after the other, and yet all of them soon."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from orchestrator.driving import suspects

PATIENCE = 90


class Drives:
    """Those that were taken up; each goes on until it is ended."""

    def __init__(self) -> None:
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._end = asyncio.Event()

    def take(self, name: str) -> asyncio.Task[None]:
        async def drive() -> None:
            await self._end.wait()

        self.tasks[name] = asyncio.create_task(drive())
        return self.tasks[name]

    async def reach(self, names: list[str]) -> None:
        """Wait until these have been taken up, in this order, and no others."""
        async with asyncio.timeout(PATIENCE):
            while len(self.tasks) < len(names):
                await asyncio.sleep(0.001)
        for _ in range(10):
            await asyncio.sleep(0)
        assert list(self.tasks) == names

    @asynccontextmanager
    async def taken_up(self, names: list[str]) -> AsyncIterator[None]:
        taking = asyncio.create_task(suspects.one_by_one(names, self.take))
        try:
            yield
        finally:
            self._end.set()
            await asyncio.wait_for(taking, PATIENCE)


@pytest.mark.capability("D01")
async def test_the_next_one_is_taken_up_when_the_one_before_it_has_been_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspects, "_SUSPECTED", 3600.0)
    monkeypatch.setattr(suspects, "_IN_ALL", 7200.0)
    drives = Drives()
    async with drives.taken_up(["first", "second"]):
        await drives.reach(["first"])
        drives.tasks["first"].cancel()
        await drives.reach(["first", "second"])


@pytest.mark.capability("D01")
async def test_however_many_there_are_nobody_waits_long_for_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them may be at work for hours."""
    monkeypatch.setattr(suspects, "_IN_ALL", 0.2)
    drives, names = Drives(), [f"e{number}" for number in range(40)]
    async with drives.taken_up(names):
        await drives.reach(names)
