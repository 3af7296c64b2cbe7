"""Definitions for tests of the gateway, as text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson


def workflow(name: str, *steps: Mapping[str, Any], version: str = "1.0", **spec: Any) -> str:
    """A definition as JSON, which is YAML too."""
    document = {
        "apiVersion": "workflow/v1",
        "kind": "Workflow",
        "metadata": {"name": name, "version": version},
        "spec": {"steps": list(steps), **spec},
    }
    return orjson.dumps(document).decode()


def asks(name: str = "ask", **config: Any) -> dict[str, Any]:
    """A step that asks people."""
    return {"name": name, "type": "approval", "config": {"message": f"{name}?", **config}}


def announces(name: str, event_type: str, **data: Any) -> dict[str, Any]:
    """A step that publishes an event."""
    return {"name": name, "type": "emit_event", "config": {"event_type": event_type, "data": data}}


def awaits(name: str, event_type: str, **match: Any) -> dict[str, Any]:
    """A step that waits for an event."""
    return {"name": name, "type": "wait_for_event", "config": {"event_type": event_type, "filter": match}}


def lasts(name: str, file: Path, seconds: float = 60) -> dict[str, Any]:
    """A step that is at work for so long; needs the functions of `tests.support.gateway.serving.FUNCTIONS`."""
    args = {"file": str(file), "name": name, "seconds": seconds}
    return {"name": name, "type": "function", "config": {"function": "count", "args": args}}


REFUND = workflow(
    "refund",
    asks(
        payload={"amount": "{{ input.amount }}"},
        allow=["approve", "reject", "edit"],
        schema={
            "type": "object",
            "properties": {"amount": {"type": "number", "maximum": 100}},
            "required": ["amount"],
            "additionalProperties": False,
        },
    ),
    {**announces("announce", "refund.paid", amount="{{ steps.ask.output.data.amount }}"), "depends_on": ["ask"]},
    input={"schema": {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}},
    output={"values": {"paid": "{{ steps.ask.output.data.amount }}"}},
)
