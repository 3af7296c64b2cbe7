"""A conversation as chat clients send it: all of its messages, every time. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

Message = Mapping[str, Any]
"""`{"role", "content"}`; the content is a text, or a list of parts."""

_APART: Final = frozenset({"system", "developer"})
"""Roles that say nothing of which conversation it is: some clients put the time of day there."""


def name_of(model: str, whose: str, messages: Sequence[Message]) -> str:
    """What a conversation is known by: a digest of who talks to which model, and of what was said.

    Clients trim what they show and send it back trimmed, so spaces at the ends do not count.
    """
    said = [[message.get("role"), text_of(message).strip()] for message in messages if message["role"] not in _APART]
    return hashlib.sha256(orjson.dumps([model, whose, said])).hexdigest()


def named(thread: str, user: str | None = None) -> str:
    """What a conversation is known by that its client has named. No digest looks like it.

    Args:
        user: Whose it is, where users have threads of their own: two of them may choose the same name.
    """
    return f"thread:{thread}" if user is None else f"thread of {orjson.dumps([user, thread]).decode()}"


def divided(messages: Sequence[Message]) -> tuple[Sequence[Message], Sequence[Message]]:
    """What was said up to the last answer, and what is new since."""
    answers = [place for place, message in enumerate(messages) if message.get("role") == "assistant"]
    new = answers[-1] + 1 if answers else 0
    return messages[:new], messages[new:]


def text_of(message: Message) -> str:
    """The words of a message; of parts that are none, a digest stands for them."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(_words(part) for part in parts)


def words_of(messages: Sequence[Message]) -> str:
    """What the user says last."""
    return next((text_of(one) for one in reversed(messages) if one.get("role") == "user"), "")


def _words(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return str(part["text"])
    return hashlib.sha256(orjson.dumps(part, option=orjson.OPT_SORT_KEYS)).hexdigest()
