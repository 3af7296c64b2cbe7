"""The path. What may be done is asked of each tool: whoever may read may look at the tools."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.gateway import gateway_of
from api.security import Right, needs

router = APIRouter(tags=["mcp"])


class _Handled(Response):
    """An answer that the SDK's transport sends itself."""

    def __init__(self, handler: ASGIApp) -> None:
        super().__init__()
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._handler(scope, receive, send)


@router.post(
    "/mcp",
    dependencies=[needs(Right.READ, narrowed=[Right.DECIDE])],
    response_class=Response,
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def mcp(request: Request) -> Response:
    """A message of the Model Context Protocol (JSON-RPC 2.0). Nothing is kept between two of them."""
    return _Handled(await gateway_of(request).mcp.handler())
