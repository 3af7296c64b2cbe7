"""Every method of langgraph-sdk, and what its options promise, against a gateway in a process of its own."""

import asyncio
import inspect
from typing import Any

import pytest
from langgraph_sdk import get_client, get_sync_client
from langgraph_sdk.client import LangGraphClient, SyncLangGraphClient

from tests.acceptance.sdk import assistants, kept, protocol, runs, threads
from tests.acceptance.sdk.registry import CHECKS

assert assistants and kept and protocol and runs and threads, "they register their checks"

pytestmark = pytest.mark.capability("I21")


@pytest.mark.parametrize("name", sorted(CHECKS))
@pytest.mark.sdk("langgraph-sdk (Python)")
async def test_a_method_works(name: str, url: str) -> None:
    async with get_client(url=url, api_key=None, timeout=30) as client:
        await CHECKS[name](client)


async def test_no_method_is_forgotten() -> None:
    async with get_client(url="http://127.0.0.1:1", api_key=None) as client:
        offered = methods_of(client)
    assert offered == {name for name in CHECKS if ":" not in name}


def test_the_other_client_has_the_same_methods() -> None:
    """The one that does not await: what it sends is the same."""
    both = [
        {name: set(methods(kind)) for name, kind in inspect.get_annotations(client.__init__).items()}
        for client in (LangGraphClient, SyncLangGraphClient)
    ]
    assert both[0] == both[1]


@pytest.mark.parametrize("transport", ["sse", "websocket"])
async def test_a_stream_of_a_thread_that_blocks_shows_the_same(url: str, transport: Any) -> None:
    """The one other client whose way over the wire is a way of its own."""

    def follow() -> tuple[Any, ...]:
        with get_sync_client(url=url, api_key=None, timeout=60) as client:
            there = str(client.threads.create()["thread_id"])
            with client.threads.stream(there, assistant_id="crew", transport=transport) as thread:
                calls = thread.tool_calls
                thread.run.start(input=protocol.WORD)
                return [call.name for call in calls], thread.output, thread.interrupted

    calls, output, interrupted = await asyncio.wait_for(asyncio.to_thread(follow), 90)
    assert (calls, interrupted) == (["look_up"], False)
    assert len(output["messages"]) == 6


PROJECTIONS = {"values", "messages", "tool_calls", "subgraphs", "subagents", "extensions", "events", "output"}
OF_A_STREAM = PROJECTIONS | {
    "run",
    "agent",
    "interrupts",
    "interrupted",
    "subscribe",
    "interleave_projections",
    "close",
}
"""What a stream of a thread offers. `subagents` are its `subgraphs` by another name."""


async def test_nothing_that_a_stream_of_a_thread_offers_is_forgotten() -> None:
    """See `tests.acceptance.sdk.protocol`."""
    async with get_client(url="http://127.0.0.1:1", api_key=None) as client:
        stream = client.threads.stream(assistant_id="echo")
        told = {"thread_id", "assistant_id", "observe_applied_through_seq"}  # what it is, and what it does for itself
        offered = set(vars(stream)) | {name for name, _ in inspect.getmembers(type(stream))}
        assert {name for name in offered if not name.startswith("_")} - told == OF_A_STREAM
        assert methods(type(stream.run)) == {"start", "respond"}
        assert methods(type(stream.agent)) == {"get_tree"}


def methods_of(client: LangGraphClient) -> set[str]:
    parts = ("assistants", "threads", "runs", "store", "crons")
    return {f"{part}.{name}" for part in parts for name in methods(type(getattr(client, part)))}


def methods(kind: type) -> set[str]:
    return {name for name, member in inspect.getmembers(kind, callable) if not name.startswith("_")}
