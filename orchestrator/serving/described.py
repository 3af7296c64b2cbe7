"""What a workflow takes and gives, for clients that know graphs."""

from graphs.spec import Workflow
from orchestrator.serving.served import Document


def schemas_of(workflow: Workflow) -> Document:
    """JSON Schemas of what it takes and gives."""
    return {
        "graph_id": workflow.name,
        "input_schema": workflow.spec.input.schema_,
        "output_schema": workflow.spec.output.schema_,
        "state_schema": None,
        "config_schema": None,
        "context_schema": None,
    }
