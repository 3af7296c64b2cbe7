"""An endpoint of a configured service as a tool."""

from collections.abc import Iterable, Mapping
from typing import Any

from agents.services.service_call import Method
from agents.tools.endpoint_call import call_endpoint
from agents.tools.endpoint_use import EndpointUndo, UndoUse, holes_of, schema_of
from agents.tools.tool_use import ToolUse
from agents.tools.tools import Tool
from graphs.errors import InputError
from graphs.steps import StepContext


def service_tool(
    name: str,
    description: str,
    service: str,
    endpoint: str,
    *,
    method: Method = "GET",
    schema: Mapping[str, Any] | None = None,
    **more: Any,
) -> Tool:
    """A tool that asks a service.

    Where its arguments go, `call_endpoint` says.

    Args:
        name, description: What the model is told.
        service: A configured service's name.
        endpoint: A path under its base URL: `/api/orders/{order_id}`.
        schema: JSON Schema of the arguments; without it, those in the endpoint, as texts.
        more: As in `Tool`: `effect`, `approval`, `undo` … `uses` is the service.

    Raises:
        InputError: the endpoint names an argument that the schema does not have.
    """

    async def call(context: StepContext, /, **arguments: Any) -> Any:
        return await call_endpoint(context, service, endpoint, method, arguments)

    return Tool(name, description, call, schema_of(name, endpoint, schema), **{"uses": service, **more})


def endpoint_tool(use: ToolUse) -> Tool:
    """The tool that an agent's definition makes of an endpoint; what bounds it there is for whoever offers it.

    Raises:
        InputError: it cannot be one.
    """
    if use.service is None or use.endpoint is None:
        raise InputError("it is no endpoint of a service.", code="tool_endpoint")
    undo = use.undo
    return service_tool(
        use.name or "",
        use.description or "",
        use.service,
        use.endpoint,
        method=use.method,
        schema=use.input_schema,
        effect=use.effect or ("reversible" if undo is not None else None),
        undo=None if undo is None else undo.tool or _undoing(use.name or "", use.service, undo),
        undo_args=undo.templates if undo is not None else None,
        retry=use.retry,
    )


def undone_by_each_other(uses: Iterable[ToolUse]) -> dict[str, ToolUse]:
    """Endpoints by name, and what undoes each as an endpoint, where it is another of them."""
    named = {use.name or "": use for use in uses if use.service is not None}
    return {name: _undone_by(use, named) for name, use in named.items()}


def _undone_by(use: ToolUse, named: Mapping[str, ToolUse]) -> ToolUse:
    if use.undo is None or use.undo.tool is None or (other := named.get(use.undo.tool)) is None:
        return use
    how = {"service": other.service, "method": other.method, "input_schema": other.input_schema}
    return use.model_copy(update={"undo": UndoUse(endpoint=other.endpoint, args=use.undo.args, **how)})


def _undoing(tool: str, service: str, undo: UndoUse) -> EndpointUndo:
    endpoint = undo.endpoint or ""
    names = [*holes_of(endpoint), *(undo.input_schema or {}).get("properties", {}), *(undo.args or {})]
    return EndpointUndo(tool, undo.service or service, endpoint, undo.method, tuple(dict.fromkeys(names)))
