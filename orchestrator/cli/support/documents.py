"""What commands print as JSON, where it is not the facade's own value."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from orchestrator.ids import shown_id
from orchestrator.store.port import Execution, PublishedWorkflow


def as_called(execution: Execution) -> Execution:
    """An execution under the id that its tenant gave it."""
    parent = execution.parent and shown_id(execution.parent)
    return replace(execution, id=shown_id(execution.id), parent=parent)


def execution_document(execution: Execution, undriven_since: datetime | None) -> dict[str, Any]:
    """An execution, and since when nothing was heard of it, where it would go on and no engine drives it."""
    document = asdict(as_called(execution)) | {"undriven_since": undriven_since}
    del document["fingerprint"]
    return document


def published_document(workflow: PublishedWorkflow) -> dict[str, Any]:
    """A version in the catalogue, without its definition."""
    metadata = workflow.document.get("metadata", {})
    return {
        "name": workflow.name,
        "version": workflow.version,
        "status": workflow.status,
        "description": metadata.get("description", ""),
        "tags": metadata.get("tags", []),
        "digest": workflow.digest,
        "created_at": workflow.created_at,
        "created_by": workflow.created_by,
    }


def compared_document(compared: Mapping[str, Any]) -> dict[str, Any]:
    """A comparison under the ids that tenants gave."""
    facts = dict(compared["facts"])
    if parents := facts.get("parent"):
        facts["parent"] = {side: parent and shown_id(parent) for side, parent in parents.items()}
    return {**compared} | {"left": shown_id(compared["left"]), "right": shown_id(compared["right"]), "facts": facts}
