"""What a workflow looks like to clients that know graphs."""

from collections.abc import Mapping, Sequence

from graphs.spec import Workflow
from orchestrator.serving.served import Document


def drawing_of(plan: Sequence[str], needs: Mapping[str, Sequence[str]]) -> Document:
    """Nodes and edges: the steps of a plan, and of each those it awaits."""
    ends = [name for name in plan if not any(name in others for others in needs.values())]
    edges = [{"source": need, "target": name} for name, others in needs.items() for need in others]
    edges += [{"source": "__start__", "target": name} for name, others in needs.items() if not others]
    edges += [{"source": name, "target": "__end__"} for name in ends]
    nodes = [{"id": name, "type": "runnable", "data": {"id": [name], "name": name}} for name in plan]
    outer = [{"id": name, "type": "schema", "data": name} for name in ("__start__", "__end__")]
    return {"nodes": [outer[0], *nodes, outer[1]], "edges": edges}


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
