"""Assistants: graphs with a configuration, and what can be said of their graphs."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from api.gateway import Gateway, current_gateway
from api.security import Principal, principal
from api.security.custom import acts
from api.wire.bodies import AssistantBody, AssistantPatch, AssistantSearch, LatestBody, VersionsBody
from api.wire.callers import EDITS, READS
from api.wire.shapes import assistant_of, json, no_content, selected
from graphs.errors import InputError
from orchestrator.store.served.values import Assistant, Search

router = APIRouter(prefix="/assistants", tags=["assistants"])

At = Annotated[Gateway, Depends(current_gateway)]
By = Annotated[Principal, Depends(principal)]
_COLUMNS = {"assistant_id": "id", "graph_id": "graph"}


@router.post("", dependencies=[*EDITS, acts("assistants", "create")])
async def create(body: AssistantBody, at: At, by: By) -> Response:
    """Make an assistant of a graph."""
    now = at.orchestrator.clock.now()
    assistant = Assistant(
        id=body.assistant_id or str(uuid.uuid4()),
        tenant=by.tenant,
        graph=body.graph_id,
        name=body.name or "Untitled",
        description=body.description,
        config=body.config or {},
        context=body.context or {},
        metadata=body.metadata or {},
        created_at=now,
        updated_at=now,
    )
    return json(assistant_of(await at.desk.assistants.create(assistant, again=body.if_exists == "do_nothing")))


@router.post("/search", dependencies=[*READS, acts("assistants", "search")])
async def search(body: AssistantSearch, at: At, by: By) -> Response:
    """Assistants that fit."""
    found, total = await at.desk.assistants.search(_search(body, by))
    after = body.offset + len(found)
    headers = {"X-Pagination-Total": str(total), **({"X-Pagination-Next": str(after)} if after < total else {})}
    return json([selected(assistant_of(item), body.select) for item in found], headers=headers)


@router.post("/count", dependencies=[*READS, acts("assistants", "search")])
async def count(body: AssistantSearch, at: At, by: By) -> Response:
    """How many assistants fit."""
    return json((await at.desk.assistants.search(_search(body, by)))[1])


@router.get("/{assistant_id}", dependencies=[*READS, acts("assistants", "read")])
async def get(assistant_id: str, at: At, by: By) -> Response:
    """An assistant, by its id or its graph's name."""
    return json(assistant_of(await at.desk.assistants.get(assistant_id, by.tenant)))


@router.patch("/{assistant_id}", dependencies=[*EDITS, acts("assistants", "update")])
async def update(assistant_id: str, body: AssistantPatch, at: At, by: By) -> Response:
    """Make a new version of an assistant."""
    given = body.model_dump(exclude_none=True, exclude={"metadata", "graph_id"})
    changes: dict[str, Any] = {**given, **({"graph": body.graph_id} if body.graph_id else {})}
    return json(assistant_of(await at.desk.assistants.change(assistant_id, by.tenant, changes, body.metadata)))


@router.delete("/{assistant_id}", dependencies=[*EDITS, acts("assistants", "delete")])
async def delete(assistant_id: str, at: At, by: By, delete_threads: bool = False) -> Response:
    """Delete an assistant; with `delete_threads`, the threads that ran with it too."""
    found = await at.desk.assistants.get(assistant_id, by.tenant)
    if delete_threads:
        await at.desk.remove_threads_of(found.id, by.tenant)
    await at.desk.assistants.delete(found.id, by.tenant)
    return no_content()


@router.post("/{assistant_id}/versions", dependencies=[*READS, acts("assistants", "read")])
async def versions(assistant_id: str, body: VersionsBody, at: At, by: By) -> Response:
    """Versions of an assistant, newest first."""
    found = await at.desk.assistants.versions(
        assistant_id, by.tenant, limit=body.limit, offset=body.offset, metadata=body.metadata or {}
    )
    return json([assistant_of(item) for item in found])


@router.post("/{assistant_id}/latest", dependencies=[*EDITS, acts("assistants", "update")])
async def set_latest(assistant_id: str, body: LatestBody, at: At, by: By) -> Response:
    """Make a version the one that is used."""
    return json(assistant_of(await at.desk.assistants.set_latest(assistant_id, by.tenant, body.version)))


@router.get("/{assistant_id}/graph", dependencies=[*READS, acts("assistants", "read")])
async def graph(assistant_id: str, at: At, by: By, xray: Annotated[str | None, Query()] = None) -> Response:
    """Nodes and edges of an assistant's graph; with `xray`, of the graphs inside too."""
    served = await at.desk.assistants.served(assistant_id, by.tenant)
    return json(await served.drawing(_xray(xray)))


@router.get("/{assistant_id}/schemas", dependencies=[*READS, acts("assistants", "read")])
async def schemas(assistant_id: str, at: At, by: By) -> Response:
    """JSON Schemas of what an assistant's graph takes and gives."""
    return json(await (await at.desk.assistants.served(assistant_id, by.tenant)).schemas())


@router.get("/{assistant_id}/subgraphs", dependencies=[*READS, acts("assistants", "read")])
async def subgraphs(assistant_id: str, at: At, by: By, recurse: bool = False) -> Response:
    """Schemas of the graphs inside."""
    served = await at.desk.assistants.served(assistant_id, by.tenant)
    return json(await served.subgraphs(None, recurse=recurse))


@router.get("/{assistant_id}/subgraphs/{namespace}", dependencies=[*READS, acts("assistants", "read")])
async def subgraph(assistant_id: str, namespace: str, at: At, by: By, recurse: bool = False) -> Response:
    """Schemas of the graphs inside, below a namespace."""
    served = await at.desk.assistants.served(assistant_id, by.tenant)
    return json(await served.subgraphs(namespace, recurse=recurse))


def _search(body: AssistantSearch, by: Principal) -> Search:
    return Search(
        metadata=body.metadata or {},
        only=by.only,
        fields={"graph": body.graph_id} if body.graph_id else {},
        holding={"name": body.name} if body.name else {},
        tenant=by.tenant,
        sort_by=_COLUMNS.get(body.sort_by or "", body.sort_by or "created_at"),
        descending=body.sort_order != "asc",
        limit=body.limit,
        offset=body.offset,
    )


def _xray(given: str | None) -> bool | int:
    if given is None or given.lower() in ("false", ""):
        return False
    if given.lower() == "true":
        return True
    if given.isdecimal() and 0 < int(given) < 100:
        return int(given)
    raise InputError(f"'xray' is '{given}'.", hint="It takes true, false, or how deep to look.")
