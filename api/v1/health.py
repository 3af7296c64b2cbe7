"""Whether the gateway lives, and whether it can do its work."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from api.gateway import gateway_of
from api.security import Right, everybodys, needs
from api.v1.common import View

router = APIRouter(prefix="/v1", tags=["health"], dependencies=[everybodys()])


@router.get("/health")
async def health() -> dict[str, str]:
    """Whether the process answers: 200 while it lives."""
    return {"status": "ok"}


@router.get("/ready")
async def ready(request: Request) -> dict[str, Any]:
    """Whether it can store what it is given: 200, or 503 with the reason."""
    await gateway_of(request).orchestrator.store.barrier()
    return {"status": "ready"}


servers = APIRouter(prefix="/v1/mcp-servers", tags=["health"], dependencies=[needs(Right.ADMIN)])


@servers.get("")
async def mcp_servers(view: View) -> dict[str, Any]:
    """The MCP servers of this engine: whether each was reached, since when, why not, and what its tools are called."""
    told = ("name", "reached", "tools", "error", "since", "tries")  # not `where`: a command's arguments may be secret
    return {"servers": [{key: getattr(one, key) for key in told} for one in view.baton.mcp_servers()]}
