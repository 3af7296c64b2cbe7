"""Blocking code beside the event loop."""

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar

from graphs.lasting import OUTLAST, Late

T = TypeVar("T")
P = ParamSpec("P")

MAX_IDLE: Final = 32
"""Threads kept for the next call; more exist only while more calls are under way."""


async def in_thread(function: Callable[[], T], late: Late | None = None) -> T:
    """The function's result; it runs in a thread, with the caller's context variables.

    When the caller is cancelled, the thread goes on. A step's is waited for by whoever performs the step, who also
    takes what comes late.

    Args:
        late: What is done with a value that comes late; gives what of it may be kept.

    Not `asyncio.to_thread`: its pool has a fixed size and is shared with name resolution. A thread cannot be stopped,
    so a few functions that hang past their step's time limit would fill that pool, stop every service call, and keep
    the process from ending. Here a call that finds no idle thread gets a new one, and all are daemons. How many run
    at once is bounded by the engine's limits on steps.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    work = partial(contextvars.copy_context().run, function)
    _free_worker().give(partial(_perform, work, loop, future))
    if (outlast := OUTLAST.get()) is None:
        return await future
    future.add_done_callback(_heard)  # else asyncio says, with all of it, what nobody is there any more to hear
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await outlast(future, late)
        raise


class Threads(ThreadPoolExecutor):
    """The same as an event loop's default executor: libraries put blocking code there that is not ours, LangGraph the
    nodes of graphs that are no coroutines. A few that hang would fill the usual pool (6 threads on two processors),
    hold up every other graph and the resolution of names, and keep the process from ending."""

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Call the function in a thread that is free, or in a new one."""
        future: Future[T] = Future()
        _free_worker().give(partial(_answer, future, partial(function, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, **kwargs: Any) -> None:
        """Nothing is waited for: what goes on in a thread nothing can stop."""
        super().shutdown(wait=False, **kwargs)


def _heard(future: "asyncio.Future[T]") -> None:
    if not future.cancelled():
        future.exception()


Settle = Callable[[], None]


class _Worker:
    """A daemon thread that does one job after another; a job gives what is to be done once the thread is free."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], Settle]] = SimpleQueue()
        threading.Thread(target=self._work, name="baton-step", daemon=True).start()

    def give(self, job: Callable[[], Settle]) -> None:
        self._jobs.put(job)

    def _work(self) -> None:
        while True:
            settle = self._jobs.get()()
            # Free before the answer is known, so that whoever asks next upon it finds this thread again.
            with _lock:
                stays = len(_idle) < MAX_IDLE
                if stays:
                    _idle.append(self)
            settle()
            del settle  # what the call came to is not kept until the next one
            if not stays:
                return


_idle: deque[_Worker] = deque()
_lock: Final = threading.Lock()


def _free_worker() -> _Worker:
    with _lock:
        return _idle.pop() if _idle else _Worker()


def _answer(future: "Future[T]", work: Callable[[], T]) -> Settle:
    if not future.set_running_or_notify_cancel():
        return _nothing
    try:
        value = work()
    except BaseException as error:  # noqa: BLE001 - handed on to the caller, whatever it is
        return partial(future.set_exception, error)
    return partial(future.set_result, value)


def _nothing() -> None:
    """Nobody is there any more to be told."""


def _perform(work: Callable[[], T], loop: asyncio.AbstractEventLoop, future: "asyncio.Future[T]") -> Settle:
    try:
        value = work()
    except BaseException as error:  # noqa: BLE001 - handed on to the caller, whatever it is
        return partial(_post, loop, future, partial(future.set_exception, _carried(error)))
    return partial(_post, loop, future, partial(future.set_result, value))


def _post(loop: asyncio.AbstractEventLoop, future: "asyncio.Future[T]", settle: Settle) -> None:
    try:
        loop.call_soon_threadsafe(lambda: None if future.done() else settle())
    except RuntimeError:  # The loop was closed meanwhile: nobody waits for this any more.
        return


def _carried(error: BaseException) -> BaseException:
    # A future refuses StopIteration, and the caller would wait for ever.
    return RuntimeError(f"the function raised {error!r}") if isinstance(error, StopIteration) else error
