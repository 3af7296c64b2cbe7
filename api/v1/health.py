"""Whether the gateway lives, and whether it can do its work."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from api.gateway import gateway_of
from api.security import everybodys

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
