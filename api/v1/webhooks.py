"""Webhooks: messages of services outside, signed as Standard Webhooks says, that become events."""

from datetime import timedelta
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Path
from pydantic import Field
from starlette.requests import Request

from api.gateway import gateway_of
from api.security import Right, everybodys, needs
from api.security.bodies import check_json
from api.v1.common import Body, Name, View
from graphs.errors import ConflictError
from orchestrator.store.port import DEFAULT_TENANT, Source
from orchestrator.store.sources import id_reused
from orchestrator.tenancy import TenantView
from orchestrator.webhooks.inbound import Webhooks, arrived

router = APIRouter(prefix="/v1/webhooks", tags=["events"])

_DAY: Final = 86_400
SourceId = Annotated[str, Path(max_length=100, description="The source's id.")]


class SourceBody(Body):
    """A service that may send messages, and the type of the events they become."""

    name: Name
    event_type: Name


class RotateBody(Body):
    """For how many seconds the old secret counts besides the new one."""

    overlap: int = Field(default=_DAY, ge=0, le=30 * _DAY)


def webhooks_of(view: View) -> Webhooks:
    """The webhooks of whoever asks; a dependency of routes."""
    return Webhooks(view)


Hooks = Annotated[Webhooks, Depends(webhooks_of)]


@router.post("", status_code=201, dependencies=[needs(Right.ADMIN)])
async def add(body: SourceBody, hooks: Hooks) -> dict[str, Any]:
    """Make a source of webhooks. Its secret is shown here only."""
    source, secret = await hooks.add(body.name, body.event_type)
    return _document(source) | {"secret": secret}


@router.get("", dependencies=[needs(Right.ADMIN)])
async def list_sources(hooks: Hooks) -> dict[str, Any]:
    """List the tenant's sources of webhooks."""
    return {"sources": [_document(one) for one in await hooks.list()]}


@router.post("/{source_id}/rotate", dependencies=[needs(Right.ADMIN)])
async def rotate(source_id: SourceId, hooks: Hooks, body: RotateBody | None = None) -> dict[str, Any]:
    """Give a source a new secret; the old one counts for a while besides, so that the sender can change over."""
    overlap = (body or RotateBody()).overlap
    return {"id": source_id, "secret": await hooks.rotate(source_id, timedelta(seconds=overlap))}


@router.delete("/{source_id}", status_code=204, dependencies=[needs(Right.ADMIN)])
async def remove(source_id: SourceId, hooks: Hooks) -> None:
    """Remove a source: nothing is taken from it any more."""
    await hooks.remove(source_id)


@router.post(
    "/{source_id}",
    dependencies=[everybodys()],
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}},
)
async def receive(source_id: SourceId, request: Request) -> dict[str, Any]:
    """Take a signed message, as an event. Sent again with a signature of its own, as senders do who had no answer, it
    changes nothing and is answered as the first time (`repeated`).

    409 for a replay, whose signature was taken before, and for another message under an id that is taken. 401 when its
    signature is missing, wrong, or more than five minutes old; the body is not looked into before.
    """
    gateway = gateway_of(request)
    anybody = TenantView(gateway.orchestrator, DEFAULT_TENANT)
    body = await request.body()
    source, message = arrived(anybody, source_id, request.headers, body)
    check_json(body, gateway.settings.max_depth)
    view = TenantView(gateway.orchestrator, source.tenant, f"webhook:{source.name}", quota=gateway.settings.quota)
    try:
        event = await view.publish_event(source.event_type, orjson.loads(body), id=f"{source.id}:{message.id}")
    except ConflictError as error:
        raise id_reused(message.id) from error
    await view.baton.store.heard(event.id, message)
    return {"id": message.id, "matched": len(event.matched), "repeated": event.repeated}


def _document(source: Source) -> dict[str, Any]:
    return {
        "id": source.id,
        "name": source.name,
        "event_type": source.event_type,
        "path": f"/v1/webhooks/{source.id}",
        "created_at": source.created_at,
        "created_by": source.created_by,
    }
