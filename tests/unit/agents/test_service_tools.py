"""Tools that are endpoints of services."""

from collections.abc import Callable

import pytest

from agents import Call, Models, Script, Service, Services, Tools, Turn, service_tool
from graphs.errors import InputError, StepError
from graphs.steps import StepContext

from .conftest import Server, work

Make = Callable[..., StepContext]


@pytest.mark.capability("I06", "I02")
async def test_an_endpoint_is_a_tool(make_context: Make, server: Server) -> None:
    """Arguments go into the path, the query or the body; a call that changes something has its own key."""
    schema = {"type": "object", "properties": {"order_id": {"type": "integer"}, "why": {"type": "string"}}}
    tools = Tools(
        [
            service_tool("find", "Finds an order.", "orders", "/echo/orders/{order_id}"),
            service_tool("refund", "Pays back.", "orders", "/echo/{order_id}/refund", method="POST", schema=schema),
        ]
    )
    calls = (Call("find", {"order_id": "A 7"}), Call("refund", {"order_id": 7, "why": "broken"}), Call("refund", {}))
    models = Models(allow_real=False, scripts=[Script("s", turns=(Turn(calls=calls), Turn("Done.")))])
    services = Services([Service(name="orders", base_url=server.url)])
    context = make_context(models, tools, services)
    response = await work(context, {"model": "scripted:s", "message": "?", "tools": ["find", "refund"]})
    await services.aclose()
    found, refunded, refused = response["tool_calls"]
    assert (found["result"]["method"], found["result"]["path"]) == ("GET", "/echo/orders/A 7")
    assert (refunded["result"]["path"], refunded["result"]["body"]) == ("/echo/7/refund", '{"why":"broken"}')
    assert refunded["result"]["headers"]["idempotency-key"] == "exec-1:orders[3].charge[0].refund-1:0"
    assert "idempotency-key" not in found["result"]["headers"]
    assert refused["error"] == "Error: tool 'refund' cannot be called: arguments.order_id is missing."


async def test_what_a_model_writes_stays_one_part_of_the_path(make_context: Make, server: Server) -> None:
    tool = service_tool("find", "Finds.", "orders", "/echo/{id}")
    services = Services([Service(name="orders", base_url=server.url)])
    with pytest.raises(StepError, match="leaves its path"):
        await tool.run({"id": "../admin"}, make_context(services))
    said = await tool.run({"id": "a?b=c"}, make_context(services))
    await services.aclose()
    assert (said["path"], said["query"]) == ("/echo/a%3Fb=c", [])
    with pytest.raises(InputError, match="names 'id', which is no argument of its schema"):
        service_tool("x", "X.", "orders", "/{id}", schema={"type": "object", "properties": {}})
