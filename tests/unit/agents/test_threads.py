"""Blocking code runs in daemon threads that are used again and never run out."""

import asyncio
import gc
import subprocess
import sys
import threading
from contextvars import ContextVar
from typing import Any

import pytest

from agents.tools.threads import MAX_IDLE, Threads, in_thread
from graphs.lasting import OUTLAST


async def test_a_free_thread_is_used_again() -> None:
    first = await in_thread(threading.get_ident)
    assert [await in_thread(threading.get_ident) for _ in range(20)] == [first] * 20


async def test_threads_beyond_those_kept_end_when_they_are_done() -> None:
    release = threading.Event()
    many = [asyncio.create_task(in_thread(lambda: release.wait(10))) for _ in range(MAX_IDLE * 2)]
    await asyncio.sleep(0)
    release.set()
    assert all(await asyncio.gather(*many))
    # Whoever is told to go ends by himself; one answer comes after he is counted out, so this ends too.
    async with asyncio.timeout(10):
        while sum(thread.name == "baton-step" for thread in threading.enumerate()) > MAX_IDLE:
            await asyncio.sleep(0)
    assert await in_thread(lambda: "still works") == "still works"


async def test_context_variables_do_not_stay_with_a_thread() -> None:
    tenant: ContextVar[str] = ContextVar("tenant", default="none")
    tenant.set("acme")
    assert await in_thread(lambda: tenant.get()) == "acme"
    await in_thread(lambda: tenant.set("changed in the thread"))
    assert tenant.get() == "acme"
    tenant.set("other")
    assert await in_thread(lambda: tenant.get()) == "other"


def test_a_hanging_function_does_not_keep_the_process_from_ending() -> None:
    code = """
import asyncio, threading
from agents.tools.threads import in_thread
from graphs.lasting import OUTLAST
async def main():
    try:
        await asyncio.wait_for(in_thread(threading.Event().wait), 0.05)
    except TimeoutError:
        print("given up")
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "given up"


async def test_an_event_loop_with_such_threads_never_runs_out_of_them_and_hears_what_they_raise() -> None:
    asyncio.get_running_loop().set_default_executor(Threads())
    together = threading.Barrier(40)
    assert len(set(await asyncio.gather(*(asyncio.to_thread(together.wait, 60) for _ in range(40))))) == 40
    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(lambda: 1 / 0)


async def test_what_a_call_raises_that_nobody_waits_for_is_not_told_by_asyncio() -> None:
    """With its traceback, and all that its message says, on standard error."""
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    began, go = threading.Event(), threading.Event()

    def fails() -> None:
        began.set()
        go.wait(20)
        raise ValueError("quite private")

    calls: list[asyncio.Future[Any]] = []

    async def outlast(call: asyncio.Future[Any], _: Any) -> None:
        calls.append(call)

    token = OUTLAST.set(outlast)
    task = asyncio.create_task(in_thread(fails))
    OUTLAST.reset(token)
    await asyncio.to_thread(began.wait, 20)
    task.cancel()
    await asyncio.wait([task])
    go.set()
    await asyncio.wait(calls, timeout=20)
    assert calls[0].done()
    calls.clear()
    del task
    async with asyncio.timeout(10):
        while any(isinstance(one, asyncio.Future) and "ValueError" in repr(one) for one in gc.get_objects()):
            await asyncio.sleep(0)
            gc.collect()
    assert told == []
