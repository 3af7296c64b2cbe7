"""An endpoint of a configured service as a tool."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from agents.services.service_call import WITH_BODY, Method, call_headers
from agents.services.services import Request, Services
from agents.tools.tools import Tool
from graphs.errors import InputError
from graphs.steps import StepContext

_HOLE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


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

    Arguments that the endpoint names in braces go into its path; the others into the query, or, for methods that have
    one, into the body. Calls that change something carry the call's idempotency key.

    Args:
        name, description: What the model is told.
        service: A configured service's name.
        endpoint: A path under its base URL: `/api/orders/{order_id}`.
        schema: JSON Schema of the arguments; without it, those in the endpoint, as texts.
        more: As in `Tool`: `effect`, `approval`, `undo` … `uses` is the service.

    Raises:
        InputError: the endpoint names an argument that the schema does not have.
    """
    holes = _HOLE.findall(endpoint)

    async def call(context: StepContext, /, **arguments: Any) -> Any:
        # Quoted whole: an argument is one part of the path, whatever a model writes into it.
        path = _HOLE.sub(lambda hole: quote(str(arguments[hole[1]]), safe=""), endpoint)
        rest = {key: value for key, value in arguments.items() if key not in holes}
        request = Request(
            method=method,
            path=path,
            query={} if method in WITH_BODY else {key: value for key, value in rest.items() if value is not None},
            headers=call_headers(context, method, context.idempotency_key),
            body=rest,
            has_body=method in WITH_BODY,
        )
        return (await context.resource(Services).send(service, request)).body

    return Tool(name, description, call, _with_holes(name, endpoint, holes, schema), **{"uses": service, **more})


def _with_holes(name: str, endpoint: str, holes: Sequence[str], schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """The schema of the arguments; what the endpoint names is required."""
    given = dict(schema or {"type": "object", "properties": {hole: {"type": "string"} for hole in holes}})
    if missing := [hole for hole in holes if hole not in given.get("properties", {})]:
        raise InputError(
            f"tool '{name}': endpoint '{endpoint}' names '{missing[0]}', which is no argument of its schema.",
            code="tool_endpoint",
        )
    return {**given, "required": list(dict.fromkeys([*given.get("required", ()), *holes]))}
