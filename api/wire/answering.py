"""Requests that are nothing but an answer to what is asked. For them the right to decide does: whoever reviews may
answer through the clients of langgraph-sdk, and start, change and cut off nothing."""

from typing import Any, Final

_NOTHING_IN: Final = ("input", "config", "context", "webhook", "after_seconds", "interrupt_before", "interrupt_after")
"""Fields that must be empty: each would do more than answer."""


def is_answer(body: Any) -> bool:
    """Whether a run that is wanted only answers. What its thread asks is judged further inside."""
    if not isinstance(body, dict) or any(body.get(name) for name in _NOTHING_IN):
        return False
    command = body.get("command")
    if not isinstance(command, dict) or command.get("resume") is None:
        return False
    alone = all(given is None for name, given in command.items() if name != "resume")
    gentle = body.get("multitask_strategy") in (None, "enqueue", "reject")
    return alone and gentle and body.get("if_not_exists") != "create"


def is_response(body: Any) -> bool:
    """Whether a command of the agent protocol only answers."""
    if not isinstance(body, dict) or body.get("method") != "input.respond":
        return False
    params = body.get("params")
    return isinstance(params, dict) and not any(params.get(name) for name in ("update", "goto", "config"))
