"""A run that a client wants, and what is kept of the wish."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from orchestrator.serving.served import Caller
from orchestrator.store.served.values import Assistant, Multitask, Run
from orchestrator.tenancy import STARTED_BY

AUTH_USER: Final = "auth_user"
"""The key of a request under which the application's own user is kept. No client can send it."""

WORKFLOW_VERSION: Final = "workflow_version"
"""The key of a request under which the version of the workflow is kept. No client can send it."""

_KWARGS: Final = ("input", "command", "config", "context", "checkpoint", "interrupt_before", "interrupt_after")
"""What LangGraph's handlers find inside `kwargs`."""

_OF_THE_WISH: Final = ("input", "command", "checkpoint", "checkpoint_id", "context")


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
        meant: What tells it from others with the same idempotency key, where that is not the request itself.
        only: Conditions on the metadata of a thread that is there already (see `consent.fits`).
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
    meant: Mapping[str, Any] | None = None
    only: Mapping[str, Any] = field(default_factory=dict)

    def wish(self) -> dict[str, Any]:
        """What has to be the same when the idempotency key is: not how the run is followed, nor what is kept beside."""
        if self.meant is not None:
            return dict(self.meant)
        asked = {name: self.request[name] for name in _OF_THE_WISH if self.request.get(name) is not None}
        configurable = (self.request.get("config") or {}).get("configurable")
        return {"assistant": self.assistant, "thread": self.thread_id, "configurable": configurable, **asked}


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


def value_of(wanted: Wanted) -> dict[str, Any]:
    """A run that is wanted, as LangGraph's `threads.create_run` handlers are shown it."""
    request = dict(wanted.request)
    return {
        "assistant_id": wanted.assistant,
        "thread_id": wanted.thread_id,
        "metadata": dict(wanted.metadata),
        "multitask_strategy": wanted.multitask,
        "if_not_exists": "create" if wanted.make_thread else "reject",
        "after_seconds": wanted.after,
        "kwargs": {name: request.pop(name) for name in _KWARGS if name in request},
        **request,
    }


def changed(wanted: Wanted, value: Mapping[str, Any], user: Mapping[str, Any]) -> Wanted:
    """The run as the handlers left it: what they changed in its metadata and its `kwargs` counts."""
    rest = {name: given for name, given in wanted.request.items() if name not in _KWARGS}
    request = {**rest, **(value.get("kwargs") or {}), AUTH_USER: dict(user)}
    return replace(wanted, request=request, metadata=value.get("metadata") or {})


def run_of(wanted: Wanted, assistant: Assistant, version: str | None, asked_for: str | None, now: datetime) -> Run:
    """The run to keep.

    Args:
        version: Of the workflow, where the assistant says which.
        asked_for: Of what its idempotency key came with.
    """
    return Run(
        id=str(uuid.uuid4()),
        thread_id=wanted.thread_id or str(uuid.uuid4()),
        tenant=wanted.by.tenant,
        assistant_id=assistant.id,
        graph=assistant.graph,
        request={
            **over(assistant.config, assistant.context, wanted.request),
            **signature(wanted.by),
            **({WORKFLOW_VERSION: version} if version is not None else {}),
        },
        metadata=wanted.metadata,
        multitask=wanted.multitask,
        priority=wanted.priority,
        idempotency_key=wanted.idempotency_key,
        fingerprint=asked_for,
        due_at=now + timedelta(seconds=wanted.after) if wanted.after > 0 else None,
        created_at=now,
        updated_at=now,
    )
