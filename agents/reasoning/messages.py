"""Messages as LangChain takes and gives them. Loaded with `agents.reasoning.react` and `agents.reasoning.summing`."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from agents.models.accepted import accepted_id, accepted_name
from agents.reasoning.trimming import Message
from agents.values import shorten
from graphs.errors import InputError, StepError
from graphs.values import json_object

MAX_WORDS: Final = 1_000_000
"""Characters of one message that are kept; a model that says more has lost its way."""

_MOST_KEPT: Final = 4 * MAX_WORDS
"""Bytes of one message, with all that its provider says beside the words."""

_MOST_COUNTED: Final = 10**12
"""Tokens of one call; a provider that counts more has lost count."""


def keep(message: AIMessage) -> dict[str, Any]:
    """The message as it goes back to the provider with the next turn: all of it, reasoning and signatures too."""
    data = message.model_dump(mode="json", exclude={"usage_metadata", "invalid_tool_calls", "type"}, exclude_none=True)
    data = {key: value for key, value in data.items() if value not in ({}, [], "") or key == "content"}
    if str(data.get("id", "")).startswith("lc_"):
        del data["id"]  # LangChain's own, and another one every time
    if isinstance(data["content"], str):
        data["content"] = shorten(data["content"], MAX_WORDS)
    try:
        return json_object(data, most=_MOST_KEPT)
    except InputError:  # something of a provider's that no JSON holds; what was said is all that is needed
        return json_object({key: data[key] for key in ("content", "tool_calls", "id") if key in data})
    except StepError:  # blocks of a provider's hold the arguments of calls once more, also of those that are not made
        data["content"] = shorten(str(message.text), MAX_WORDS)
        return json_object({key: data[key] for key in ("content", "tool_calls", "id") if key in data})


def usage_of(message: BaseMessage) -> dict[str, int]:
    """The tokens a provider says it counted; nothing below none, which would fill a budget up again."""
    usage: Any = getattr(message, "usage_metadata", None) or {}
    names = ("input_tokens", "output_tokens", "total_tokens")
    return {name: min(max(int(usage.get(name) or 0), 0), _MOST_COUNTED) for name in names}


def messages_of(
    conversation: Sequence[Message], read: dict[int, tuple[Message, AnyMessage]] | None = None
) -> list[AnyMessage]:
    """A conversation as LangChain takes it.

    Args:
        read: Messages that were read before, by identity; those that are read now are added.
    """
    known = read if read is not None else {}
    for message in conversation:
        if id(message) not in known:
            known[id(message)] = message, _for_model(message)  # with the message, whose id must stay its own
    return [known[id(message)][1] for message in conversation]


def _for_model(message: Message) -> AnyMessage:
    if "ai" in message:
        said = AIMessage.model_validate(message["ai"])
        for call in said.tool_calls:
            call["name"], call["id"] = accepted_name(call["name"]), accepted_id(call["id"] or "")
        return said
    if message["role"] == "tool":
        keys = ("content", "tool_call_id", "name", "status")
        result = ToolMessage.model_validate({key: message[key] for key in keys})
        result.tool_call_id = accepted_id(result.tool_call_id)
        return result
    return _ROLES[message["role"]](message["content"])


_ROLES: Final[dict[str, Callable[[Any], AnyMessage]]] = {
    "user": HumanMessage,
    "assistant": AIMessage,
    "system": SystemMessage,
}
