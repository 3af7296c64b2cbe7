"""The gateway in a process of its own, with clients in this one."""

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.benchmarks.case import Case, alone, at_least, at_most
from tests.support.gateway.process import Process, process
from tests.support.listening import free_port

_RUN: dict[str, Any] = {"assistant_id": "echo", "input": {"text": "x"}}
_STREAMS = 500
_PAGE = os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[Process, httpx.AsyncClient]]:
    """A warm gateway, and a client of it."""
    limits = httpx.Limits(max_connections=None)
    async with (
        process(folder / "baton.db", free_port(), BATON_DRAIN="1") as gateway,
        httpx.AsyncClient(base_url=gateway.url, timeout=60, limits=limits) as client,
    ):
        for _ in range(30):
            await wait(client)
        yield gateway, client


async def wait(client: httpx.AsyncClient) -> None:
    """One run of a graph with one node, from asking to its values."""
    answer = await client.post("/runs/wait", json=_RUN)
    assert answer.json()["said"] == ["echo: x"], answer.text


def waits(count: int, at_a_time: int) -> Any:
    """Runs a second."""

    async def side(folder: Path) -> float:
        places = asyncio.Semaphore(at_a_time)
        async with served(folder) as (_, client):

            async def one() -> None:
                async with places:
                    await wait(client)

            began = time.perf_counter()
            await asyncio.gather(*(one() for _ in range(count)))
            return count / (time.perf_counter() - began)

    return side


async def first_event(folder: Path) -> float:
    """Milliseconds from asking for a stream to its first event, the median."""
    took: list[float] = []
    async with served(folder) as (_, client):
        for _ in range(200):
            began = time.perf_counter()
            async with client.stream("POST", "/runs/stream", json=_RUN) as answer:
                async for _ in answer.aiter_raw():
                    took.append(time.perf_counter() - began)
                    break
    return statistics.median(took) * 1000


class Listeners:
    """Many readers of one thread's stream, each on a connection of its own."""

    def __init__(self) -> None:
        self._readers: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def open(self, gateway: Process, thread: str, count: int) -> None:
        """Connect them, and wait until each stream has begun."""
        host, _, port = gateway.url.removeprefix("http://").partition(":")
        request = f"GET /threads/{thread}/stream HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        for _ in range(count):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(request)
            await reader.readuntil(b": open\n\n")
            self._readers.append((reader, writer))

    async def hear(self, text: bytes) -> float:
        """Wait until all have heard it; when the last did."""
        await asyncio.gather(*(reader.readuntil(text) for reader, _ in self._readers))
        return time.perf_counter()

    async def close(self) -> None:
        """Send them away."""
        for _, writer in self._readers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in self._readers), return_exceptions=True)


@asynccontextmanager
async def listened(folder: Path) -> AsyncIterator[tuple[Process, httpx.AsyncClient, str, Listeners]]:
    """A gateway with a thread that many listen to."""
    async with served(folder) as (gateway, client):
        thread = (await client.post("/threads", json={})).json()["thread_id"]
        listeners = Listeners()
        try:
            yield gateway, client, thread, listeners
        finally:
            await listeners.close()


async def streams_memory(folder: Path) -> float:
    """Megabytes that so many open streams take, and a run that all of them hear."""
    async with listened(folder) as (gateway, client, thread, listeners):
        before = resident(gateway)
        await listeners.open(gateway, thread, _STREAMS)
        await heard_by_all(client, thread, listeners)
        return (resident(gateway) - before) / 1e6


async def streams_latency(folder: Path) -> float:
    """Milliseconds from asking for a run until all who listen have heard its end, the median."""
    async with listened(folder) as (gateway, client, thread, listeners):
        await listeners.open(gateway, thread, _STREAMS)
        return statistics.median([await heard_by_all(client, thread, listeners) for _ in range(9)]) * 1000


async def heard_by_all(client: httpx.AsyncClient, thread: str, listeners: Listeners) -> float:
    began = time.perf_counter()
    hearing = asyncio.create_task(listeners.hear(b"event: run_done"))
    await client.post(f"/threads/{thread}/runs", json=_RUN)
    return await hearing - began


def resident(gateway: Process) -> int:
    """Bytes of memory a process holds."""
    return int(Path(f"/proc/{gateway.pid}/statm").read_text().split()[1]) * _PAGE


ALL = [
    Case("waits-16-at-a-time", "runs/s", waits(800, 16), None, None, alone, ">= 150", at_least(150)),
    Case("waits-one-by-one", "runs/s", waits(200, 1), None, None, alone, ">= 60", at_least(60)),
    Case("first-event", "ms", first_event, None, None, alone, "<= 15 ms", at_most(15)),
    Case("streams-500-memory", "MB", streams_memory, None, None, alone, "<= 50 MB", at_most(50)),
    Case("streams-500-latency", "ms", streams_latency, None, None, alone, "<= 500 ms", at_most(500)),
]
