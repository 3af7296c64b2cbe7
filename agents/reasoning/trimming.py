"""Leaving out the older part of a conversation that has become too long. Pure.

By whole turns: providers refuse a tool's result without the call it answers, and the other way round. (LangChain's
`trim_messages` would do, and would make planning a turn import LangChain.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.values import tokens_of

Message = Mapping[str, Any]
"""A message of the conversation: `{"role", "content"}`, `{"ai": …}` as LangChain keeps it, or a tool's result with
its `tool_call_id`."""


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """Messages that are told together or not at all."""

    messages: Sequence[Message]


def in_parts(messages: Sequence[Message]) -> list[Part]:
    """A conversation in what can be left out: a call goes with its results."""
    parts: list[list[Message]] = []
    for message in messages:
        if message.get("role") == "tool" and parts:
            parts[-1].append(message)
        else:
            parts.append([message])
    return [Part(part) for part in parts]


def trimmed(parts: Sequence[Part], stays: Sequence[Part], most: int) -> list[Message]:
    """The messages of the newest parts that fit.

    Args:
        stays: Parts that are told even if they do not fit.
        most: Tokens.
    """
    left_out: list[Part] = []
    size = sum(tokens_of(part.messages) for part in parts)
    for part in parts:
        if size <= most:
            break
        if part not in stays:
            left_out.append(part)
            size -= tokens_of(part.messages)
    told: list[Message] = []
    gap = False
    for part in parts:
        if part in left_out:
            gap = gap or bool(part.messages)
            continue
        if gap:  # the model should know that it does not know everything
            told.append({"role": "user", "content": "(Earlier messages were left out.)"})
            gap = False
        told += part.messages
    return told
