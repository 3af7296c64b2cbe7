"""Calls that go on after their step's time is over: a thread cannot be stopped, only waited for.

Whoever performs a step says through `OUTLAST` what is done then; whoever calls a function in a thread asks it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any, Protocol

from graphs.clock import Clock

Late = Callable[[Any], Awaitable[Any]]
"""What is done with a value that comes late (an effect is written down); gives what of it may be kept."""


class Outlast(Protocol):
    """What is done about a call that goes on."""

    async def __call__(self, call: "asyncio.Future[Any]", late: Late | None) -> None:
        """Wait for it, as long as that is wanted.

        Raises:
            StepTimeoutError: it is still at work, and nobody knows what it does.
        """
        ...


OUTLAST: ContextVar[Outlast | None] = ContextVar("OUTLAST", default=None)


async def within(clock: Clock, seconds: float, *calls: "asyncio.Future[Any]") -> bool:
    """Wait for some calls, so many seconds at most; whether all of them are done."""
    if seconds <= 0:
        return all(call.done() for call in calls)
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end() -> None:
        if not over.done():
            over.set_result(None)

    def look(_: Any = None) -> None:
        if all(call.done() for call in calls):
            end()

    alarm = clock.call_later(seconds, end)
    for call in calls:
        call.add_done_callback(look)
    try:
        look()
        await over
    finally:
        alarm.cancel()
        for call in calls:
            call.remove_done_callback(look)
    return all(call.done() for call in calls)


class Lasting:
    """The calls of a process that have outlasted their steps, by execution and path."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._given_up: set[asyncio.Task[None]] = set()

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, execution_id: str, path: str, arrival: Coroutine[Any, Any, None], *, given_up: bool) -> None:
        """A call goes on.

        Args:
            arrival: Waits for it, and keeps what it came to.
            given_up: It was waited for already, for as long as anybody waits.
        """
        key = (execution_id, path)
        task = self._calls[key] = asyncio.create_task(arrival, name=f"late {path}")
        if given_up:
            self._given_up.add(task)

        def forget(done: asyncio.Task[None]) -> None:
            self._given_up.discard(done)
            if self._calls.get(key) is done:
                del self._calls[key]

        task.add_done_callback(forget)

    def find(self, execution_id: str, path: str) -> "asyncio.Task[None] | None":
        """Done when the call has come back, and that is kept; None when there is none."""
        return self._calls.get((execution_id, path))

    async def quiet(self, execution_id: str, clock: Clock, seconds: float) -> None:
        """Return when the calls of an execution that nobody has given up have come back, or when so many seconds have
        passed."""
        calls = [call for (whose, _), call in self._calls.items() if whose == execution_id]
        if calls := [call for call in calls if call not in self._given_up]:
            await within(clock, seconds, *calls)

    async def close(self) -> None:
        """Nobody is there any more to whom they could come back."""
        if tasks := list(self._calls.values()):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
