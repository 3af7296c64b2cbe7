"""What a script says to a request in OpenAI's shape."""

import hashlib
import json
from typing import Any, Final

from agents.models.scripts import Script, Turn
from api.demo.provider.values import Asked, Fault
from api.demo.provider.wire import Completion
from api.demo.troupe import Troupe

_HUGE: Final = 10_000_000
_REFUSAL: Final = "I cannot help with that."


def turn_of(script: Script, body: dict[str, Any]) -> Turn | None:
    """What the script says next; None when it has nothing to say."""
    messages = body.get("messages") or []
    heard = [message for message in messages if message.get("role") not in ("system", "developer")]
    asked = _words(heard[-1].get("content")) if heard else ""
    spoken = sum(message.get("role") == "assistant" for message in messages)
    form = _form(body)
    if isinstance(script, Troupe):
        script = script.part_in("\n".join(_words(message.get("content")) for message in messages[:2]))
    return script.turn(spoken, asked, form["parameters"] if form is not None else None)


def _form(body: dict[str, Any]) -> dict[str, Any] | None:
    """The tool through which a structured answer is wanted: the one that is named, or the last when one must be
    called."""
    functions: list[dict[str, Any]] = [
        tool["function"] for tool in body.get("tools") or () if tool.get("type") == "function"
    ]
    choice = body.get("tool_choice")
    if not functions or choice in (None, "auto", "none"):
        return None
    named = choice.get("function", {}).get("name") if isinstance(choice, dict) else None
    return next((one for one in functions if one["name"] == named), functions[-1])


def completion_of(asked: Asked, body: dict[str, Any], turn: Turn, fault: Fault | None) -> Completion:
    """What it says as an answer, with what goes wrong in it."""
    spoken = sum(message.get("role") == "assistant" for message in body.get("messages") or ())
    calls = [(call.name, json.dumps(dict(call.args))) for call in turn.calls]
    form = _form(body)
    if form is not None and turn.structured is not None:
        calls.append((form["name"], json.dumps(turn.structured)))
    kind = fault.kind if fault is not None else None
    if kind == "wrong_tool":
        calls = [("no_such_tool", "{}")]
    if kind == "bad_arguments":
        calls = [(name, "{broken") for name, _ in calls]
    refusal = _REFUSAL if kind == "refusal" else turn.refusal
    if refusal:
        calls = []
    text = "" if kind == "empty" or refusal else "x" * _HUGE if kind == "huge" else turn.text
    finish: Any = kind if kind in ("length", "content_filter") else "tool_calls" if calls else "stop"
    return Completion(
        id=f"chatcmpl-{asked.number}",
        model=asked.model,
        text=text,
        refusal=refusal,
        calls=tuple((f"call_{spoken}_{index}", name, args) for index, (name, args) in enumerate(calls)),
        finish=finish,
        prompt_tokens=sum(len(_words(message.get("content"))) for message in body.get("messages") or ()) // 4 + 1,
    )


def _words(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return "" if content is None else str(content)


def digest_of(messages: Any) -> str:
    """The same for the same conversation."""
    return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()[:16]
