"""`/metrics` in Prometheus' text format: the figures of the tenant of whoever asks."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import PlainTextResponse, Response

from api.gateway import Gateway, current_gateway
from api.security import Principal, Right, needs, principal
from orchestrator.metrics import CONTENT_TYPE

router = APIRouter(tags=["meta"], dependencies=[needs(Right.RUN)])


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(
    at: Annotated[Gateway, Depends(current_gateway)], who: Annotated[Principal, Depends(principal)]
) -> Response:
    """Executions and runs by status, the queue, open streams; steps, and what models have cost, since the gateway
    began. For operators; a tenant sees its own."""
    return Response(await at.metrics.text(who.tenant, at.streams[who.tenant]), media_type=CONTENT_TYPE)
