"""What commands print as JSON, where it is not the facade's own value."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from orchestrator.store.port import Execution, PublishedWorkflow


def execution_document(execution: Execution, undriven_since: datetime | None) -> dict[str, Any]:
    """An execution, and since when nothing was heard of it, where it would go on and no engine drives it."""
    document = asdict(execution) | {"undriven_since": undriven_since}
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
