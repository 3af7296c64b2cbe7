"""Values of ours in the shapes that clients of langgraph-sdk read."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from orchestrator.ids import shown_id
from orchestrator.serving.configured import masked
from orchestrator.serving.encoding import to_bytes
from orchestrator.serving.secrets import shown
from orchestrator.store.served.values import Assistant, Run, Thread


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response; values of graphs in it are written as streams write them."""
    return Response(to_bytes(value), status_code=status, headers=headers, media_type="application/json")


def no_content() -> Response:
    """Done, and nothing to say."""
    return Response(status_code=204)


def assistant_of(assistant: Assistant) -> dict[str, Any]:
    """An assistant."""
    return {
        "assistant_id": assistant.id,
        "graph_id": assistant.graph,
        "name": assistant.name,
        "description": assistant.description,
        "version": assistant.version,
        **masked({"config": assistant.config, "context": assistant.context}),
        "metadata": assistant.metadata,
        "created_at": assistant.created_at,
        "updated_at": assistant.updated_at,
    }


def thread_of(thread: Thread, *, ttl: bool = False) -> dict[str, Any]:
    """A thread."""
    document = {
        "thread_id": shown_id(thread.id),
        "created_at": thread.created_at,
        "updated_at": thread.updated_at,
        "state_updated_at": thread.state_updated_at,
        "metadata": thread.metadata,
        "status": thread.status,
        "config": masked(thread.config),
        "values": thread.state,
        "interrupts": thread.interrupts,
        "error": thread.error,
    }
    if ttl:
        given = thread.ttl
        document["ttl"] = {**given, "expires_at": thread.expires_at} if given else None
    return document


def run_of(run: Run) -> dict[str, Any]:
    """A run."""
    return {
        "run_id": run.id,
        "thread_id": shown_id(run.thread_id),
        "assistant_id": run.assistant_id,
        "created_at": run.created_at,
        "updated_at": run.updated_at,
        "status": run.status,
        "metadata": run.metadata,
        "kwargs": shown(run.request),
        "multitask_strategy": run.multitask,
    }


def selected(document: Mapping[str, Any], select: Sequence[str] | None) -> Mapping[str, Any]:
    """The fields that were asked for; `values.NAME` is one of the values."""
    if not select:
        return document
    chosen = {name: document[name] for name in select if name in document}
    for name in select:
        field, _, inner = name.partition(".")
        if inner and isinstance(document.get(field), Mapping) and inner in document[field]:
            chosen.setdefault(field, {})[inner] = document[field][inner]
    return chosen
