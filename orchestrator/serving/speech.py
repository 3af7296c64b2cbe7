"""What a running graph emits, in the events and the order that clients of langgraph-sdk expect."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, BaseMessageChunk, convert_to_messages, message_chunk_to_message

from orchestrator.serving.configured import untold
from orchestrator.serving.served import Say

_OURS = {"messages-tuple": "messages", "lifecycle": None, "tools": "tools", "events": None, "feedback": None}
"""Modes that LangGraph calls otherwise, or does not know."""

_ABOUT_RUNS = frozenset({"debug", "checkpoints", "tasks"})
"""Modes that tell how a run is configured."""


class Speech:
    """Says what a graph emits.

    Args:
        modes: What the client asked for.
        subgraphs: Whether events of graphs inside are wanted, with their place in the event's name.
    """

    def __init__(self, modes: Sequence[str], *, subgraphs: bool, say: Say) -> None:
        self.subgraphs = subgraphs
        self._modes = frozenset(modes)
        self._say = say
        self._messages: dict[str, BaseMessage] = {}
        # An interrupt must not be missed, whatever was asked for.
        self._only_interrupts = not self._modes & {"updates", "values"}
        wanted = {_OURS.get(mode, mode) for mode in modes} - {None}
        self.modes: list[Any] = sorted(wanted | ({"updates"} if self._only_interrupts else set()))

    async def follow(self, parts: AsyncIterator[Any]) -> None:
        """Say every part that LangGraph streams."""
        async for part in parts:
            namespace, mode, chunk = part if self.subgraphs else ((), *part)
            self.part(namespace, mode, chunk)

    async def follow_v2(self, parts: AsyncIterator[Any]) -> None:
        """The same where LangGraph streams in its second form, in which models say messages block by block."""
        async for part in parts:
            chunk = part["data"]
            if part.get("interrupts") and isinstance(chunk, dict):
                chunk = {**chunk, "__interrupt__": list(part["interrupts"])}
            self.part(part["ns"], part["type"], chunk)

    async def follow_events(self, events: AsyncIterator[Any], run_id: str) -> None:
        """The same where LangChain's own events are wanted: the parts are in them."""
        async for event in events:
            data = event.get("data") or {}
            chunk = data.get("chunk")
            if event["event"] == "on_chain_stream" and event.get("run_id") == run_id and isinstance(chunk, tuple):
                namespace, mode, inner = chunk if len(chunk) == 3 else ((), *chunk)
                self.part(namespace, mode, inner)
            self._say("events", untold(event))

    def part(self, namespace: Sequence[str], mode: str, chunk: Any) -> None:
        """Say one part."""
        place = "".join(f"|{name}" for name in namespace)
        if mode == "messages":
            message, metadata = chunk
            self._message(place, message, untold({"metadata": metadata})["metadata"])
        elif mode == "updates" and self._only_interrupts:
            if isinstance(chunk, dict) and chunk.get("__interrupt__"):
                self._say(f"values{place}", chunk)
        else:
            self._say(f"{mode}{place}", untold(chunk) if mode in _ABOUT_RUNS else chunk)

    def _message(self, place: str, chunk: Any, metadata: Any) -> None:
        if "messages-tuple" in self._modes:
            self._say(f"messages{place}", [chunk, metadata])
        if "messages" not in self._modes:
            return
        message: BaseMessage = convert_to_messages([chunk])[0] if isinstance(chunk, dict) else chunk
        known = self._messages.get(message.id or "")
        if known is None:
            self._messages[message.id or ""] = message
            self._say(f"messages/metadata{place}", {message.id: {"metadata": metadata}})
        elif isinstance(message, BaseMessageChunk) and isinstance(known, BaseMessageChunk):
            self._messages[message.id or ""] = known + message
        else:
            self._messages[message.id or ""] = message
        whole = self._messages[message.id or ""]
        partial = isinstance(message, BaseMessageChunk)
        said = message_chunk_to_message(whole) if isinstance(whole, BaseMessageChunk) else whole
        self._say(f"messages/{'partial' if partial else 'complete'}{place}", [said])


def modes_of(asked: str | Iterable[str] | None) -> list[str]:
    """Stream modes as a list; `values` where none is named."""
    if isinstance(asked, str):
        return [asked]
    return list(dict.fromkeys(asked or ())) or ["values"]
