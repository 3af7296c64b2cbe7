"""A whole message told word by word, as a model that streams would. Loaded through `agents.loading`."""

import json
import re
from collections.abc import Iterator

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk


def spoken(message: AIMessage) -> Iterator[ChatGenerationChunk]:
    """Its words, then its calls with what was counted."""
    for word in re.findall(r"\S+\s*|\s+", str(message.text)):
        yield ChatGenerationChunk(message=AIMessageChunk(content=word))
    calls = [
        tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=index)
        for index, call in enumerate(message.tool_calls)
    ]
    last = AIMessageChunk(
        content="",
        additional_kwargs=message.additional_kwargs,
        tool_call_chunks=calls,
        usage_metadata=message.usage_metadata,
    )
    yield ChatGenerationChunk(message=last)
