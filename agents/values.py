"""Texts for people and models."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_CHARACTERS_OF_A_TOKEN: Final = 4
_FENCE: Final = re.compile(r"\A\s*```[a-z]*\n(.*?)\n?```\s*\Z", re.DOTALL)


def shorten(text: str, limit: int) -> str:
    """The text, cut where it is longer than `limit` characters; the cut says how much is missing."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"


def without_media(result: Any) -> Any:
    """What a tool gave, as a model is told it: of pictures, sounds and files, which MCP servers give as base64 among
    texts, that they are there. Spelled out they would cost as much as a book, and say nothing."""
    return [_named(block) for block in result] if isinstance(result, list) else result


def _named(block: Any) -> Any:
    if not isinstance(block, Mapping):
        return block
    if block.get("type") in ("image", "audio") and "mimeType" in block and isinstance(block.get("data"), str):
        return {**block, "data": _left_out(block["data"])}
    resource = block.get("resource")
    if block.get("type") == "resource" and isinstance(resource, Mapping) and isinstance(resource.get("blob"), str):
        return {**block, "resource": {**resource, "blob": _left_out(resource["blob"])}}
    return block


def _left_out(data: str) -> str:
    return f"({len(data)} characters of base64, which are not shown)"


def tokens_of(messages: Sequence[Any]) -> int:
    """About how many tokens messages (JSON values) are: counting exactly would take each provider's own counter."""
    return len(json.dumps([_sent(message) for message in messages])) // _CHARACTERS_OF_A_TOKEN


def _sent(message: Any) -> Any:
    """What of a message goes to a provider; of a model's own, what it said, and not what is kept with it."""
    said = message.get("ai") if isinstance(message, Mapping) else None
    if not isinstance(said, Mapping):
        return message
    calls = [[call.get("name"), call.get("args")] for call in said.get("tool_calls", ())]
    return [said.get("content"), *calls]


def unfenced(text: str) -> str:
    """What a model wrote as a block of code, without the fence around it; other text as it is."""
    block = _FENCE.match(text)
    return block[1] if block else text
