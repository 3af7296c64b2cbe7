"""A message as the input of what is to answer it, by the JSON Schema of that input. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from graphs.errors import InputError
from orchestrator.chat.conversation import Message, text_of, words_of

_WORDS: Final = ("message", "question", "prompt", "query", "text", "input", "task", "request")
"""Names of fields that a message in plain words fits, the likeliest first."""


def input_of(name: str, schema: Mapping[str, Any] | None, messages: Sequence[Message], *, whole: bool) -> Any:
    """What is handed over.

    A field `messages` gets the conversation, `message` (or the like) the user's last words; a message that is a JSON
    object with fields of the input is taken as it is.

    Args:
        name: Of what answers, for the error.
        schema: Of its input; None where it takes anything.
        messages: The conversation, or what of it is new.
        whole: Whether a `message` beside `messages` is left out of them (an agent's input has both).

    Raises:
        InputError: it takes fields that a message in plain words does not give.
    """
    words = words_of(messages)
    fields = (schema or {}).get("properties") or {}
    if (given := _object(words)) is not None and (not fields or set(given) <= set(fields)):
        return given
    field = next((each for each in _WORDS if each in fields and _takes_text(fields[each])), None)
    if "messages" in fields:
        if whole and field is not None:
            return {"messages": [_plain(one) for one in messages[:-1] if one["role"] in _ROLES], field: words}
        return {"messages": [dict(one) for one in messages]}
    if field is None:
        required = (schema or {}).get("required", ())
        field = required[0] if len(required) == 1 and _takes_text(fields.get(required[0], {})) else None
    if field is not None or not fields:
        return {field or "message": words}
    raise InputError(
        f"'{name}' takes {', '.join(fields)}, and no message in plain words.",
        hint="Send a JSON object with these fields as the message.",
        code="message_does_not_fit",
    )


_ROLES: Final = frozenset({"user", "assistant", "system"})


def _plain(message: Message) -> dict[str, Any]:
    return {"role": message["role"], "content": text_of(message)}


def _takes_text(schema: Mapping[str, Any]) -> bool:
    kinds = schema.get("type", "string")
    return kinds == "string" or (isinstance(kinds, list) and "string" in kinds)


def _object(words: str) -> dict[str, Any] | None:
    if not words.lstrip().startswith("{"):
        return None
    try:
        found = orjson.loads(words)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
