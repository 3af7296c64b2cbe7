"""Answers and errors in OpenAI's shape."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from fastapi.routing import APIRoute

from api.errors import document_of
from graphs.errors import BatonError
from orchestrator.chat.turns import Tokens, Turn
from orchestrator.ids import shown_id
from orchestrator.store.served.values import Assistant

_TYPES: Final[Mapping[int, str]] = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ChatRoute(APIRoute):
    """A route whose errors hold `error` as well, which is where clients of OpenAI look."""

    @staticmethod
    def also(document: Mapping[str, Any]) -> dict[str, Any]:
        """An error in the one shape, with OpenAI's beside it."""
        status = int(document["status"])
        kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
        problems = document.get("problems") or [{}]
        where = problems[0].get("where", "") if isinstance(problems[0], Mapping) else ""
        param = "model" if document["code"] == "model_not_found" else where.removeprefix("body.") or None
        return {
            **document,
            "error": {"message": document["detail"], "type": kind, "param": param, "code": document["code"]},
        }


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer's frame: what every part of it says besides."""

    id: str
    created: int
    model: str
    turn: Turn

    def whole(self) -> dict[str, Any]:
        """The answer, once it is complete."""
        message = {"role": "assistant", "content": self.turn.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return self._frame("chat.completion", [choice], usage=usage_of(self.turn.tokens))

    def chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> bytes:
        """A part of the answer, as an event."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event(self._frame("chat.completion.chunk", [choice]))

    def cost(self) -> bytes:
        """What the answer cost, as an event."""
        return event(self._frame("chat.completion.chunk", [], usage=usage_of(self.turn.tokens)))

    def _frame(self, kind: str, choices: list[Any], **more: Any) -> dict[str, Any]:
        frame = {"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": choices}
        place = {"thread_id": shown_id(self.turn.thread_id), "run_id": self.turn.run_id, "asked": self.turn.asked}
        return {**frame, **more, "baton": place}


async def events(completion: Completion, *, heartbeat: float, with_usage: bool) -> AsyncIterator[bytes]:
    """An answer as server-sent events. What goes wrong after its beginning is told as one, and ends it."""
    yield completion.chunk({"role": "assistant", "content": ""})
    try:
        async for piece in completion.turn.pieces(heartbeat):
            yield b": heartbeat\n\n" if piece is None else completion.chunk({"content": piece})
    except BatonError as error:  # the head has gone out: there is no other place left to say it
        yield event({"error": ChatRoute.also(document_of(error, "/v1/chat/completions"))["error"]})
        return
    yield completion.chunk({}, "stop")
    if with_usage:
        yield completion.cost()
    yield b"data: [DONE]\n\n"


def event(document: Mapping[str, Any]) -> bytes:
    """One event."""
    return b"data: " + orjson.dumps(document, default=str) + b"\n\n"


def usage_of(tokens: Tokens) -> dict[str, int]:
    """What an answer cost, as models counted it."""
    return {
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.completion,
        "total_tokens": tokens.prompt + tokens.completion,
    }


def model_of(assistant: Assistant) -> dict[str, Any]:
    """An assistant as a model: a graph's own by the graph's name, others by their id."""
    own = assistant.metadata.get("created_by") == "system"
    return {
        "id": assistant.graph if own else assistant.id,
        "object": "model",
        "created": int(assistant.created_at.timestamp()),
        "owned_by": "baton",
        "name": assistant.name,
        "description": assistant.description,
    }
