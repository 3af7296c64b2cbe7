"""What agents of workflows say reaches clients word by word, as langgraph-sdk has it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models.chat_model_stream import AsyncChatModelStream
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.stream.decoders import MessagesDecoder

from tests.support.gateway.agents import CLERK, TALKERS
from tests.support.gateway.calls import publish
from tests.support.gateway.people import caller
from tests.support.gateway.serving import serving

pytestmark = pytest.mark.capability("I05")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[LangGraphClient]:
    async with serving(tmp_path / "baton.db", modules=(TALKERS,), heartbeat=0.2) as served:
        async with caller(served.url) as http:
            await publish(http, CLERK)
        async with get_client(url=served.url, api_key=None) as sdk:
            yield sdk


async def said(client: LangGraphClient, mode: Any, **body: Any) -> list[Any]:
    thread = await client.threads.create()
    asked = body.pop("message", "Where is my order?")
    stream = client.runs.stream(thread["thread_id"], "clerk", input={"message": asked}, stream_mode=mode, **body)
    return [part async for part in stream]


async def test_pieces_of_each_message_come_one_by_one_with_what_they_cost(client: LangGraphClient) -> None:
    pieces = [part.data for part in await said(client, "messages-tuple") if part.event == "messages"]
    by_id: dict[str, list[dict[str, Any]]] = {}
    for piece, names in pieces:
        by_id.setdefault(piece["id"], []).append(piece)
        assert names["langgraph_node"] == "agent"
    first, last = by_id.values()
    assert [piece["content"] for piece in first] == ["I ", "look. ", ""]
    assert [call["name"] for call in first[-1]["tool_calls"]] == ["find_order"]
    assert [piece["content"] for piece in last] == ["It ", "is ", "on ", "its ", "way.", ""]
    assert last[-1]["usage_metadata"]["total_tokens"] > 0


async def test_messages_grow_in_the_mode_that_has_them_whole(client: LangGraphClient) -> None:
    parts = await said(client, "messages", message="hello")
    grown = [part.data[0]["content"] for part in parts if part.event == "messages/partial"]
    assert grown[:2] == ["You ", "You said: "]
    assert grown[-1] == "You said: hello"
    assert [part.event for part in parts].count("messages/metadata") == 1


async def test_a_model_is_not_streamed_for_whoever_does_not_listen_to_words(client: LangGraphClient) -> None:
    parts = await said(client, ["values", "custom"])
    assert [part for part in parts if part.event == "custom" and part.data["data"].get("data", {}).get("text")] == []
    assert parts[-1].data["output"]["answer"] == "It is on its way."


async def test_the_protocol_has_messages_block_by_block(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    command = {"id": 1, "method": "run.start", "params": {"assistant_id": "clerk", "input": {"message": "hello"}}}
    started = await client.http.post(f"/threads/{thread}/commands", json=command)
    await client.runs.join(thread, started["result"]["run_id"])
    seen = []
    wanted = {"channels": ["messages"], "since": 0}
    async for part in client.http.stream(f"/threads/{thread}/stream/events", "POST", json=wanted):
        seen.append(part.data)
        if part.data["params"]["data"]["event"] == "message-finish":
            break
    # What the client makes of them.
    decoder = MessagesDecoder([], lambda **facts: AsyncChatModelStream(**facts))
    [message] = [stream for event in seen for stream in decoder.feed(event)]
    assert [piece async for piece in message.text] == ["You ", "said: ", "hello"]
    assert (await message).usage_metadata["total_tokens"] > 0
