"""Places to act in: several limits taken together, in one order, so that they cannot block each other."""

import asyncio
from collections.abc import Sequence
from types import TracebackType


class Places:
    """`async with Places([group, execution, engine])`: one place under each limit, the outermost plan's first."""

    __slots__ = ("_limits", "_taken")

    def __init__(self, limits: Sequence[asyncio.Semaphore]) -> None:
        self._limits = limits
        self._taken: list[asyncio.Semaphore] = []

    async def __aenter__(self) -> None:
        try:
            for limit in self._limits:
                await limit.acquire()
                self._taken.append(limit)
        except BaseException:
            self._give_back()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()

    def _give_back(self) -> None:
        while self._taken:
            self._taken.pop().release()
