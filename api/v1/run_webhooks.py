"""Webhooks of runs (`webhook` of langgraph-sdk): what they are signed with, who was not told yet, and again."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import HTTPConnection

from api.gateway import gateway_of
from api.security import Right, needs
from api.v1.common import MAX_PAGE, View
from orchestrator.webhooks.outbound import Outbound

router = APIRouter(prefix="/v1/run-webhooks", tags=["events"], dependencies=[needs(Right.ADMIN)])


async def outbound_of(connection: HTTPConnection) -> Outbound:
    """The gateway's webhooks; a dependency of routes."""
    return gateway_of(connection).outbound


Sends = Annotated[Outbound, Depends(outbound_of)]


@router.get("")
async def list_untold(view: View, limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100) -> dict[str, Any]:
    """Ends of runs that could not be told yet, or were put aside after many attempts; newest first."""
    found = await view.baton.store.run_webhooks(view.tenant, limit)
    names = ("run_id", "url", "failures", "next_at", "error", "ended_at", "given_up_at")
    return {"run_webhooks": [{name: getattr(one, name) for name in names} for one in found]}


@router.post("/secret")
async def show_secret(view: View, outbound: Sends) -> dict[str, Any]:
    """The secret that messages are signed with (Standard Webhooks); made when it is first asked for."""
    return {"secret": await outbound.runs.secret(view.tenant)}


@router.post("/secret/rotate")
async def rotate(view: View, outbound: Sends) -> dict[str, Any]:
    """Sign run webhooks with another secret, from the next message on."""
    return {"secret": await outbound.runs.secret(view.tenant, anew=True)}


@router.post("/{run_id}/redrive", status_code=202)
async def redrive(run_id: Annotated[str, Path(max_length=100)], view: View, outbound: Sends) -> dict[str, Any]:
    """Tell again how a run ended, from the first attempt on."""
    await view.baton.store.tell_run_again(run_id, view.tenant)
    outbound.wake()
    return {"run_id": run_id}
