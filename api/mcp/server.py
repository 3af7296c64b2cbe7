"""Between the official SDK and us. Loaded by `api.mcp.starting`.

Its handlers are set by hand, not by its decorators: those remember the tools of whoever listed them last, and judge the
calls of others by them.
"""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import Any, Final

import orjson
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared import session
from starlette.types import ASGIApp

from api.errors import document_of
from api.gateway import gateway_of
from api.mcp.tools import Offered, Workbench
from api.security import Principal
from graphs.errors import BatonError, InputError
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Record

KEY: Final = "baton/idempotency-key"
"""Under which the `_meta` of a call holds its idempotency key."""

_LONGEST_KEY: Final = 255
_INSTRUCTIONS = (
    "Each tool but two starts a workflow and waits a while for its end. What has not ended then is waited for with "
    "baton_wait; what it asks is decided with baton_decide. A call whose _meta holds 'baton/idempotency-key' (or whose "
    "request has the header Idempotency-Key) starts once, however often it is sent."
)


@asynccontextmanager
async def served(orchestrator: Orchestrator) -> AsyncIterator[ASGIApp]:
    """Serve until the block ends. Sessions are not kept, so that a client goes on with a gateway that was restarted."""
    server: Server[Any, Any] = Server("baton", version=version("baton"), instructions=_INSTRUCTIONS)

    async def list_tools(_: types.ListToolsRequest) -> types.ServerResult:
        tools = [_tool(tool) for tool in await _workbench(server, orchestrator).offered()]
        return types.ServerResult(types.ListToolsResult(tools=tools))

    async def call_tool(request: types.CallToolRequest) -> types.ServerResult:
        return types.ServerResult(await _called(server, _workbench(server, orchestrator), request.params))

    server.request_handlers[types.ListToolsRequest] = list_tools
    server.request_handlers[types.CallToolRequest] = call_tool
    manager = StreamableHTTPSessionManager(server, stateless=True)
    with _unsaid():
        async with manager.run():
            yield manager.handle_request


@contextmanager
def _unsaid() -> Iterator[None]:
    """Of requests that it cannot read the SDK tells the root logger, with what is in them: secrets, perhaps. Clients
    are told what is wrong with theirs; nobody else needs to know."""

    def is_said(record: logging.LogRecord) -> bool:
        return record.pathname != session.__file__

    root = logging.getLogger()
    if not root.handlers and logging.lastResort is not None:
        root.addHandler(logging.lastResort)  # else the SDK's first word there changes how everything else is said
    root.addFilter(is_said)
    try:
        yield
    finally:
        root.removeFilter(is_said)


def _workbench(server: Server[Any, Any], orchestrator: Orchestrator) -> Workbench:
    request: Any = server.request_context.request
    who: Principal = request.scope["baton.principal"]
    return Workbench(orchestrator, who, gateway_of(request).settings.quota)


async def _called(
    server: Server[Any, Any], workbench: Workbench, params: types.CallToolRequestParams
) -> types.CallToolResult:
    progress = _Progress(server)
    try:
        document = await workbench.call(params.name, params.arguments or {}, progress.tell, _key(server, params))
    except BatonError as error:  # the protocol's own shape of an error, which the model reads
        return _result(document_of(error, "/mcp"), failed=True)
    return _result(document, failed=document["error"] is not None)


def _key(server: Server[Any, Any], params: types.CallToolRequestParams) -> str | None:
    """The idempotency key of a call: in its `_meta`, or the header of its request.

    Raises:
        InputError: it is none.
    """
    request: Any = server.request_context.request
    named = (params.meta.model_extra or {}).get(KEY) if params.meta is not None else None
    key = request.headers.get("idempotency-key") if named is None else named
    if key is not None and (not isinstance(key, str) or not 0 < len(key) <= _LONGEST_KEY):
        raise InputError(f"The idempotency key is no text of 1 to {_LONGEST_KEY} characters.", code="argument_wrong")
    return key


def _result(document: dict[str, Any], *, failed: bool) -> types.CallToolResult:
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2, default=str)
    content: list[Any] = [types.TextContent(type="text", text=text.decode())]
    return types.CallToolResult(content=content, structuredContent=orjson.loads(text), isError=failed)


def _tool(tool: Offered) -> types.Tool:
    hints = types.ToolAnnotations(readOnlyHint=not tool.effect)
    return types.Tool(name=tool.name, description=tool.description, inputSchema=dict(tool.schema), annotations=hints)


class _Progress:
    """Tells a client that wants to know which steps have settled while it waits."""

    def __init__(self, server: Server[Any, Any]) -> None:
        context = server.request_context
        self._session, self._request = context.session, str(context.request_id)
        self._token = context.meta.progressToken if context.meta is not None else None
        self._count = 0

    async def tell(self, record: Record) -> None:
        if self._token is None or record.kind != "step.completed":
            return
        self._count += 1
        await self._session.send_progress_notification(
            self._token, self._count, message=f"{record.path} completed", related_request_id=self._request
        )
