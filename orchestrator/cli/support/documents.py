"""What commands print as JSON, where it is not the facade's own value."""

from typing import Any

from orchestrator.store.port import PublishedWorkflow


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
