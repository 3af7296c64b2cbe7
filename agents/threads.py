"""Blocking code beside the event loop."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[[], T]) -> T:
    """The function's result; it runs in a thread of its own, with the caller's context variables.

    Not `asyncio.to_thread`: its pool is small and shared with name resolution. A thread cannot be stopped, so a
    few functions that hang past their step's time limit would fill the pool, stop every service call, and keep the
    process from ending. A daemon thread costs some 50 µs and harms nobody. How many run at once is bounded by the
    engine's limits on steps.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            value = context.run(function)
        except BaseException as error:  # noqa: BLE001 - handed on to the caller, whatever it is
            _post(loop, future, partial(future.set_exception, _carried(error)))
        else:
            _post(loop, future, partial(future.set_result, value))

    threading.Thread(target=work, name="baton-step", daemon=True).start()
    return await future


def _post(loop: asyncio.AbstractEventLoop, future: "asyncio.Future[T]", settle: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(lambda: None if future.done() else settle())
    except RuntimeError:  # The loop was closed meanwhile: nobody waits for this any more.
        return


def _carried(error: BaseException) -> BaseException:
    # A future refuses StopIteration, and the caller would wait for ever.
    return RuntimeError(f"the function raised {error!r}") if isinstance(error, StopIteration) else error
