"""What a model says, as LangChain's agent protocol has it: block by block. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.serving.served import Document


def begun(message_id: str) -> list[Document]:
    """It begins to say words."""
    return [_start(message_id), _block("start", {"type": "text", "text": ""})]


def piece(text: str) -> Document:
    """Some of the words."""
    return {"event": "content-block-delta", "index": 0, "delta": {"type": "text-delta", "text": text}}


def finished(
    message_id: str, words: str | None, calls: Sequence[Mapping[str, Any]], usage: Mapping[str, int]
) -> list[Document]:
    """It has said everything.

    Args:
        words: All of them; None where there were none, so that it had not begun.
        calls: Of tools.
    """
    events = [_block("finish", {"type": "text", "text": words})] if words is not None else [_start(message_id)]
    for index, call in enumerate(calls, start=int(words is not None)):
        content = {"type": "tool_call", **{key: call.get(key) for key in ("id", "name", "args")}}
        events += [_block("start", content, index), _block("finish", content, index)]
    return [*events, {"event": "message-finish", "usage": usage}]


def _start(message_id: str) -> Document:
    return {"event": "message-start", "role": "ai", "id": message_id}


def _block(what: str, content: Document, index: int = 0) -> Document:
    return {"event": f"content-block-{what}", "index": index, "content": content}
