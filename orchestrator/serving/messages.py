"""An execution as a conversation: what it was told, and what it answered. Chat clients read `messages` of every thread;
Agent Chat UI shows nothing at all of one without. Pure."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from graphs.state import ExecutionStatus
from orchestrator.ids import shown_id
from orchestrator.serving.served import Document
from orchestrator.serving.wording import answer_of
from orchestrator.store.port import Execution

_TYPES: Final = {"user": "human", "assistant": "ai"}


def told_to(execution: Execution) -> list[Document]:
    """The messages in its input, or else its input as one."""
    given = execution.input.get("messages") if isinstance(execution.input, Mapping) else None
    if isinstance(given, list) and given and all(_is_message(one) for one in given):
        return [_message(one, f"{shown_id(execution.id)}-{number}") for number, one in enumerate(given)]
    text = orjson.dumps(execution.input, default=str).decode() if execution.input else execution.workflow
    return [told(f"{shown_id(execution.id)}-0", text)]


def told(message_id: str, text: str) -> Document:
    """A message to it."""
    return {"type": "human", "id": message_id, "content": text}


def conversation_of(execution: Execution) -> list[Document]:
    """The same with its answer, once it has one."""
    told = told_to(execution)
    if execution.status is not ExecutionStatus.COMPLETED:
        return told
    answer = {"type": "ai", "id": f"{shown_id(execution.id)}-answer", "content": answer_of(execution.output)}
    return [*told, {**answer, "tool_calls": []}]


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and "content" in value and isinstance(value.get("type", value.get("role")), str)


def _message(given: Mapping[str, Any], otherwise: str) -> Document:
    kind = str(given.get("type", given.get("role")))
    rest = {key: value for key, value in given.items() if key != "role"}
    return {**rest, "type": _TYPES.get(kind, kind), "id": given.get("id") or otherwise}
