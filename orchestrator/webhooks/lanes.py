"""Work in lanes: one after the other in each, side by side among them, so that a slow one delays nobody else."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager


class Lanes:
    """Does what is asked for.

    Args:
        places: Pieces of work under way at the same time at most, for each owner.
        broken: Told of a lane whose work raised; it is done again when it is asked for again.
        over: Told that a lane has done its work.
    """

    def __init__(
        self, places: int, *, broken: Callable[[Exception], None], over: Callable[[], None] = lambda: None
    ) -> None:
        self._places: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(places))
        self._broken = broken
        self._over = over
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}
        self._again: set[Hashable] = set()

    def ask(self, lane: Hashable, work: Callable[[], Awaitable[None]]) -> None:
        """Have the lane's work done; where it is under way, once more after that."""
        if lane in self._tasks:
            self._again.add(lane)
        else:
            self._tasks[lane] = asyncio.create_task(self._carry(lane, work), name=f"lane {lane}")

    @asynccontextmanager
    async def place(self, owner: str) -> AsyncIterator[None]:
        """One of the owner's places, for a piece of work."""
        async with self._places[owner]:
            yield

    async def idle(self) -> None:
        """Return when nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def close(self) -> None:
        """Leave everything as it is."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, lane: Hashable, work: Callable[[], Awaitable[None]]) -> None:
        try:
            while True:
                self._again.discard(lane)
                await work()
                if lane not in self._again:
                    self._over()
                    return
        except Exception as error:  # noqa: BLE001 - the edge of a task: whatever broke one lane, the others go on
            self._broken(error)
        finally:
            self._again.discard(lane)
            del self._tasks[lane]
