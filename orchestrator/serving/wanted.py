"""A run that a client wants, and what is kept of the wish."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.serving.served import Caller
from orchestrator.store.served.values import Multitask, Run
from orchestrator.tenancy import STARTED_BY


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A run a client wants.

    Attributes:
        assistant: An assistant's id, or a graph's name.
        thread_id: None for a run that gets a thread of its own.
        request: The rest of what was asked, as JSON values.
        make_thread: Make the thread where there is none.
        after: Seconds until it may begin.
        by: Who asks.
    """

    assistant: str
    by: Caller
    thread_id: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    multitask: Multitask = "enqueue"
    make_thread: bool = False
    after: float = 0.0
    priority: int = 0
    idempotency_key: str | None = None


def resumable(run: Run) -> bool:
    """Whether what the run says is kept for listeners who come back after a crash."""
    return bool(run.request.get("stream_resumable"))


def signature(by: Caller) -> dict[str, str]:
    """Who asks, as it is kept with the wish."""
    return {STARTED_BY: by.person.name} if by.person.name else {}


def over(config: Mapping[str, Any], context: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked, over what the assistant says."""
    asked = dict(request)
    own: Mapping[str, Any] = request.get("config") or {}
    if config:
        configurable = {**(config.get("configurable") or {}), **(own.get("configurable") or {})}
        asked["config"] = {**config, **own, **({"configurable": configurable} if configurable else {})}
    if context:
        asked["context"] = {**context, **(request.get("context") or {})}
    return asked
