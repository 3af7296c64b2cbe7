"""Chat completions as OpenAI writes them: whole, and as a stream of server-sent events."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Finish = Literal["stop", "tool_calls", "length", "content_filter"]
_CREATED = 1_760_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What the model says once. `calls` are names with arguments as text, as models write them."""

    id: str
    model: str
    text: str
    refusal: str = ""
    """What it says in place of an answer."""
    calls: tuple[tuple[str, str, str], ...]
    """Id, name, arguments."""
    finish: Finish
    prompt_tokens: int

    @property
    def usage(self) -> dict[str, int]:
        """Four characters count as a token, so numbers are the same on every machine."""
        spoken = (
            len(self.text) + len(self.refusal) + sum(len(name) + len(args) for _, name, args in self.calls)
        ) // 4 + 1
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": spoken,
            "total_tokens": self.prompt_tokens + spoken,
        }

    def whole(self) -> dict[str, Any]:
        """The body of an answer in one piece."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None}
        if self.refusal:
            message["refusal"] = self.refusal
        if self.calls:
            message["tool_calls"] = [_call(*call) for call in self.calls]
        choice = {"index": 0, "message": message, "finish_reason": self.finish, "logprobs": None}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self.usage}

    def events(self, *, with_usage: bool) -> Iterator[str]:
        """The same, word by word."""
        yield self._event({"role": "assistant", "content": ""})
        for word in _words(self.text):
            yield self._event({"content": word})
        for word in _words(self.refusal):
            yield self._event({"refusal": word})
        for index, call in enumerate(self.calls):
            begun = _call(call[0], call[1], "")
            yield self._event({"tool_calls": [{"index": index, **begun}]})
            for piece in _pieces(call[2]):
                yield self._event({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        yield self._event({}, self.finish)
        if with_usage:
            yield _line({**self._head("chat.completion.chunk"), "choices": [], "usage": self.usage})
        yield "data: [DONE]\n\n"

    def _event(self, delta: Mapping[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _line({**self._head("chat.completion.chunk"), "choices": [choice]})

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": _CREATED, "model": self.model}


def _words(text: str) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text)


def _call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _pieces(text: str, size: int = 12) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def _line(body: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(body)}\n\n"  # as ASCII: half characters travel escaped


def failure(message: str, code: str | None = None, kind: str = "error") -> dict[str, Any]:
    """The body of an error."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
