"""Values as callers see them."""

from collections.abc import Sequence
from typing import Any

from orchestrator.cli.support.documents import published_document
from orchestrator.cli.support.story import Story
from orchestrator.ids import shown_id
from orchestrator.store.port import Execution, OpenWait, PublishedWorkflow, Record
from orchestrator.usage import Usage, costs_of

_BRIEF = (
    "id",
    "workflow",
    "version",
    "status",
    "compensation",
    "error",
    "metadata",
    "priority",
    "parent",
    "forked_at",
    "generation",
    "cancel_requested",
    "pause_requested",
    "created_at",
    "started_at",
    "ended_at",
    "updated_at",
    "active_seconds",
)
_WHOLE = (*_BRIEF, "digest", "changes", "input", "output", "user_context", "variables", "pins", "drives")


def brief(execution: Execution) -> dict[str, Any]:
    """An execution in a list: without what it works on."""
    return _document(execution, _BRIEF)


def whole(execution: Execution) -> dict[str, Any]:
    """An execution by itself. Secrets in its input are references already."""
    return _document(execution, _WHOLE)


def _document(execution: Execution, names: Sequence[str]) -> dict[str, Any]:
    ids = {"id": shown_id(execution.id), "parent": execution.parent and shown_id(execution.parent)}
    return {name: ids[name] if name in ids else getattr(execution, name) for name in names}


def told(story: Story, waits: Sequence[OpenWait], forks: Sequence[Execution], usage: Sequence[Usage]) -> dict[str, Any]:
    """An execution with its steps, its open waits, its forks and its costs."""
    return {
        "execution": whole(story.execution),
        "steps": [node.as_document() for node in story.root.children.values()],
        "waits": [wait_document(wait) for wait in waits],
        "forks": [brief(fork) for fork in forks],
        "usage": [one.as_document() for one in usage],
        "cost": costs_of(usage),
        "left_standing": story.left_standing,
    }


def wait_document(wait: OpenWait) -> dict[str, Any]:
    """An open wait: an approval, an awaited event, a timer."""
    return {
        "path": wait.path,
        "kind": wait.wait.kind,
        "status": wait.status,
        "question": wait.wait.question,
        "due": wait.wait.due,
        "opened_at": wait.opened_at,
    }


def record_document(record: Record) -> dict[str, Any]:
    """A record."""
    return {
        "seq": record.seq,
        "kind": record.kind,
        "path": record.path,
        "generation": record.generation,
        "at": record.at,
        "data": record.data,
    }


def workflow_document(workflow: PublishedWorkflow) -> dict[str, Any]:
    """A version in the catalogue."""
    return published_document(workflow)
