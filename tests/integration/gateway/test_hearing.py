"""Streams, waits and sockets end soon after the key they were opened with: with a last word, and nothing after it."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
import websockets

from graphs.clock import ManualClock
from tests.integration.gateway.test_sockets import connected
from tests.support.gateway.calls import publish, start
from tests.support.gateway.definitions import asks, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import Served

pytestmark = pytest.mark.capability("O21")

SOON = 60
"""Seconds for what takes two: the machine may be busy."""


async def last_words(answer: httpx.Response) -> str:
    """What a stream says until it ends."""
    async with asyncio.timeout(SOON):
        return (await answer.aread()).decode()


async def streams(of: httpx.AsyncClient, stack: AsyncExitStack) -> dict[str, httpx.Response]:
    """One of each kind, opened."""
    await publish(of, workflow("w", asks()))
    execution = (await start(of, workflow="w"))["id"]
    await of.post("/threads", json={"thread_id": "t"})
    slow = {"assistant_id": "slow", "input": {"text": "60"}}
    run = (await of.post("/threads/t/runs", json=slow)).json()["run_id"]
    sse = {"headers": {"Accept": "text/event-stream"}}
    wanted: dict[str, tuple[str, str, dict[str, Any]]] = {
        "records": ("GET", f"/v1/executions/{execution}/records", sse),
        "thread": ("GET", "/threads/t/stream", {}),
        "events": ("POST", "/threads/t/stream/events", {"json": {"channels": ["values"]}}),
        "run": ("GET", f"/threads/t/runs/{run}/stream", {}),
        "join": ("GET", f"/threads/t/runs/{run}/join", {}),
        "own run": ("POST", "/runs/stream", {"json": slow}),
        "wait": ("POST", "/runs/wait", {"json": slow}),
    }
    opened = {
        name: await stack.enter_async_context(of.stream(verb, path, **more))
        for name, (verb, path, more) in wanted.items()
    }
    assert {answer.status_code for answer in opened.values()} == {200}
    return opened


async def test_whatever_was_opened_with_a_key_ends_when_it_is_revoked(served: Served) -> None:
    baton = served.gateway.orchestrator
    key = await make_key(baton, "admin")
    kept = await make_key(baton, "admin", name="other")
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(caller(served.url, key))
        others = await stack.enter_async_context(caller(served.url, kept))
        opened = await streams(ours, stack)
        untouched = await stack.enter_async_context(others.stream("GET", "/threads/t/stream"))
        raw = await stack.enter_async_context(connected(served, "t", key))
        assert (await raw.do("subscription.subscribe", channels=["values"]))["type"] == "success"
        await baton.store.revoke_key(key.split("_")[1])
        for name, answer in opened.items():
            said = {"error": "not_authenticated", "message": "The key was revoked."}
            words = await last_words(answer)
            if name in ("join", "wait"):
                assert orjson.loads(words) == {"__error__": said}, name
            else:
                assert words.endswith(f"event: error\ndata: {orjson.dumps(said).decode()}\n\n"), name
        with pytest.raises(websockets.ConnectionClosed) as closed:
            async with asyncio.timeout(SOON):
                while True:
                    last = await raw.receive()
        assert (last["type"], last["error"]) == ("error", "not_authenticated")
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "The key was revoked.")
        # Another key's go on, and so does the run: it was asked for while the key was good.
        [run] = (await others.get("/threads/t/runs")).json()
        assert run["status"] == "running"
        await others.post(f"/threads/t/runs/{run['run_id']}/cancel")
        async with asyncio.timeout(SOON):
            async for line in untouched.aiter_lines():
                if line == "event: run_done":
                    break


async def test_a_key_that_expires_ends_what_it_opened(served: Served) -> None:
    baton = served.gateway.orchestrator
    await make_key(baton, "admin")
    over = baton.clock.now() + timedelta(hours=1)
    key = await make_key(baton, "admin", expires_at=over)
    async with caller(served.url, key) as ours:
        await ours.post("/threads", json={"thread_id": "t"})
        async with ours.stream("GET", "/threads/t/stream") as answer:
            served.gateway.door.watch._clock = ManualClock(over)
            assert "The key has expired." in await last_words(answer)


async def test_the_first_key_ends_what_an_open_gateway_was_telling(served: Served) -> None:
    async with caller(served.url) as anybody:
        await anybody.post("/threads", json={"thread_id": "t"})
        async with anybody.stream("GET", "/threads/t/stream") as answer:
            await make_key(served.gateway.orchestrator, "admin")
            assert "The gateway has keys now" in await last_words(answer)
