"""LangGraph's snapshots of a thread in the shape that clients of langgraph-sdk read."""

from collections.abc import Mapping
from typing import Any

import orjson
from langgraph.types import PregelTask, StateSnapshot

from orchestrator.ids import shown_id
from orchestrator.serving.encoding import to_bytes, to_value
from orchestrator.serving.served import Document
from orchestrator.store.served.values import Ended, Thread

_KEYS = ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint_map")


def empty_state(thread_id: str) -> Document:
    """The state of a thread on which nothing ran."""
    return {
        "values": {},
        "next": [],
        "tasks": [],
        "interrupts": [],
        "metadata": {},
        "created_at": None,
        "checkpoint": {"thread_id": shown_id(thread_id), "checkpoint_ns": "", "checkpoint_id": None},
        "parent_checkpoint": None,
        "checkpoint_id": None,
        "parent_checkpoint_id": None,
    }


def state_left(thread: Thread) -> Document:
    """The state of a thread on which nothing ran, or whose graph is not served now: what its last run left."""
    if thread.state is None:
        return empty_state(thread.id)
    asked = [each for group in thread.interrupts.values() for each in group]
    left = {"values": thread.state, "interrupts": asked, "created_at": thread.state_updated_at}
    return {**empty_state(thread.id), **left, "metadata": {"graph_id": thread.metadata.get("graph_id")}}


def state_of(snapshot: StateSnapshot, thread_id: str) -> Document:
    """One snapshot."""
    checkpoint = place_of(snapshot.config) or {
        "thread_id": shown_id(thread_id),
        "checkpoint_ns": "",
        "checkpoint_id": None,
    }
    parent = place_of(snapshot.parent_config)
    return {
        "values": snapshot.values,
        "next": list(snapshot.next),
        "tasks": [_task(task, thread_id) for task in snapshot.tasks],
        "interrupts": list(snapshot.interrupts),
        "metadata": snapshot.metadata or {},
        "created_at": snapshot.created_at,
        "checkpoint": checkpoint,
        "parent_checkpoint": parent,
        "checkpoint_id": checkpoint["checkpoint_id"],
        "parent_checkpoint_id": parent["checkpoint_id"] if parent else None,
    }


def interrupts_of(snapshot: StateSnapshot) -> Document:
    """What is asked, by task."""
    return {task.id: list(task.interrupts) for task in snapshot.tasks if task.interrupts}


def place_of(config: Mapping[str, Any] | None) -> Document | None:
    """A checkpoint as clients name it."""
    where = (config or {}).get("configurable") or {}
    if "checkpoint_id" not in where:
        return None
    place = {key: where[key] for key in _KEYS if where.get(key) is not None}
    if "thread_id" in place:
        place["thread_id"] = shown_id(place["thread_id"])
    return {"checkpoint_ns": "", **place}


def _task(task: PregelTask, thread_id: str) -> Document:
    inner = task.state
    return {
        "id": task.id,
        "name": task.name,
        "path": list(task.path),
        "error": None if task.error is None else repr(task.error) if isinstance(task.error, Exception) else task.error,
        "interrupts": list(task.interrupts),
        "checkpoint": place_of(inner) or (inner or {}).get("configurable") if isinstance(inner, dict) else None,
        "state": state_of(inner, thread_id) if isinstance(inner, StateSnapshot) else None,
        "result": task.result,
    }


def ended_with(snapshot: StateSnapshot) -> Ended:
    """What a graph left on its thread."""
    asked = interrupts_of(snapshot)
    failed = next((task.error for task in snapshot.tasks if task.error is not None), None)
    return Ended(
        status="interrupted" if asked else "success",
        thread="error" if failed is not None else "interrupted" if snapshot.next else "idle",
        state=orjson.Fragment(to_bytes(snapshot.values)),
        interrupts=to_value(asked) if asked else {},
    )
