"""Threads: made, found, changed; their state and history."""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from starlette.responses import Response

from api.gateway import Gateway, current_gateway
from api.security import Principal, principal
from api.security.custom import acts
from api.wire.bodies import (
    CheckpointBody,
    HistoryBody,
    Json,
    PruneBody,
    StateBody,
    ThreadBody,
    ThreadPatch,
    ThreadSearch,
    listed,
)
from api.wire.callers import LOOKS, READS, REDRIVES, RUNS, addressed, caller_of
from api.wire.extracting import extracted
from api.wire.shapes import json, no_content, selected, thread_of
from graphs.errors import InputError
from orchestrator.ids import shown_id
from orchestrator.serving.served import Edit, Place, Window
from orchestrator.store.served.values import Search

router = APIRouter(prefix="/threads", tags=["threads"])

At = Annotated[Gateway, Depends(current_gateway)]
By = Annotated[Principal, Depends(principal)]
Select = Annotated[list[str] | None, Query()]


@router.post("", dependencies=[*RUNS, acts("threads", "create")])
async def create(body: ThreadBody, at: At, by: By) -> Response:
    """Make a thread; with supersteps, it begins with the state they give."""
    threads, again = at.desk.threads, body.if_exists == "do_nothing"
    thread_id = threads.own(body.thread_id, by.tenant) if body.thread_id else str(uuid.uuid4())
    new = threads.new(thread_id, by.tenant, body.metadata, _ttl(body.ttl))
    if not body.supersteps:
        return json(thread_of(await threads.create(new, again=again)))
    steps = [_superstep(item, by.name) for item in body.supersteps]
    return json(thread_of(await threads.begin(new, steps, again=again)))


@router.post("/search", dependencies=[*LOOKS, acts("threads", "search")])
async def search(body: ThreadSearch, at: At, by: By) -> Response:
    """Threads that fit, with their values and what is asked on them."""
    found = await (addressed(at, by) or at.desk.threads).search(_search(body, at, by))
    await at.desk.shown.threads(caller_of(by), found)
    documents = [(thread_of(thread), thread) for thread in found]
    return json(
        [
            {
                **selected(document, body.select),
                **({"extracted": extracted(document, body.extract)} if body.extract else {}),
            }
            for document, _ in documents
        ]
    )


@router.post("/count", dependencies=[*READS, acts("threads", "search")])
async def count(body: ThreadSearch, at: At, by: By) -> Response:
    """How many threads fit."""
    return json(await at.desk.threads.count(_search(body, at, by)))


@router.post("/prune", dependencies=[*RUNS, acts("threads", "delete")])
async def prune(body: PruneBody, at: At, by: By) -> Response:
    """Delete threads, or all of their history but the latest."""
    return json({"pruned_count": await at.desk.threads.prune(_own(body.thread_ids, at, by), by.tenant, body.strategy)})


@router.get("/{thread_id}", dependencies=[*LOOKS, acts("threads", "read")])
async def get(thread_id: str, at: At, by: By, include: Annotated[list[str] | None, Query()] = None) -> Response:
    """Show a thread with its values and what is asked on it."""
    wanted = {part for item in include or () for part in item.split(",")}
    mine = addressed(at, by)
    thread = await (mine.thread(thread_id) if mine else at.desk.threads.get(thread_id, by.tenant))
    await at.desk.shown.threads(caller_of(by), [thread])
    return json(thread_of(thread, ttl="ttl" in wanted))


@router.patch("/{thread_id}", dependencies=[*RUNS, acts("threads", "update")])
async def update(
    thread_id: str, body: ThreadPatch, at: At, by: By, prefer: Annotated[str | None, Header()] = None
) -> Response:
    """Merge metadata into a thread's."""
    thread = await at.desk.threads.change(thread_id, by.tenant, body.metadata or {}, _ttl(body.ttl))
    return no_content() if prefer == "return=minimal" else json(thread_of(thread))


@router.delete("/{thread_id}", dependencies=[*RUNS, acts("threads", "delete")])
async def delete(thread_id: str, at: At, by: By) -> Response:
    """Delete a thread with its history."""
    await at.desk.remove_thread(thread_id, by.tenant)
    return no_content()


@router.post("/{thread_id}/copy", dependencies=[*RUNS, acts("threads", "read")])
async def copy(thread_id: str, at: At, by: By) -> Response:
    """A new thread with the same history."""
    return json(thread_of(await at.desk.threads.copy(thread_id, str(uuid.uuid4()), by.tenant)))


@router.get("/{thread_id}/state", dependencies=[*LOOKS, acts("threads", "read")])
async def state(thread_id: str, at: At, by: By, subgraphs: bool = False, select: Select = None) -> Response:
    """A thread's state as it is now."""
    if (mine := addressed(at, by)) is not None:
        found = await mine.state(thread_id)
    else:
        found = await at.desk.threads.state(thread_id, by.tenant, Place(), subgraphs=subgraphs)
    await at.desk.shown.state(caller_of(by), thread_id, found)
    return json(selected(found, listed(select)))


@router.post("/{thread_id}/state/checkpoint", dependencies=[*READS, acts("threads", "read")])
async def state_at(thread_id: str, body: CheckpointBody, at: At, by: By) -> Response:
    """A thread's state at a checkpoint, which may be a subgraph's."""
    found = await at.desk.threads.state(
        thread_id, by.tenant, _place(body.checkpoint.model_dump()), subgraphs=body.subgraphs
    )
    return json(selected(found, body.select))


@router.get("/{thread_id}/state/{checkpoint_id}", dependencies=[*READS, acts("threads", "read")])
async def state_at_id(
    thread_id: str, checkpoint_id: str, at: At, by: By, subgraphs: bool = False, select: Select = None
) -> Response:
    """A thread's state at a checkpoint."""
    place = Place(checkpoint_id=checkpoint_id)
    return json(selected(await at.desk.threads.state(thread_id, by.tenant, place, subgraphs=subgraphs), listed(select)))


@router.post("/{thread_id}/state", dependencies=[*REDRIVES, acts("threads", "update")])
async def update_state(thread_id: str, body: StateBody, at: At, by: By) -> Response:
    """Change a thread's state, as if a node had."""
    edit = _edit(body.model_dump(), by.name)
    changes = (
        [[edit]]
        if not _is_list_of_updates(body.values)
        else [[_edit({**body.model_dump(), "values": item}, by.name)] for item in body.values]
    )
    place = await at.desk.edit(thread_id, by.tenant, changes)
    where: dict[str, Any] = place.configurable(thread_id)
    where["thread_id"] = shown_id(where["thread_id"])
    return json({"checkpoint": where, "configurable": where, "checkpoint_id": place.checkpoint_id})


@router.patch("/{thread_id}/state", dependencies=[*RUNS, acts("threads", "update")])
async def patch_state(thread_id: str, body: ThreadPatch, at: At, by: By) -> Response:
    """Merge metadata into the thread's, as the JavaScript client's `patchState` asks."""
    return json(thread_of(await at.desk.threads.change(thread_id, by.tenant, body.metadata or {}, None)))


@router.post("/{thread_id}/history", dependencies=[*LOOKS, acts("threads", "read")])
async def history(thread_id: str, body: HistoryBody, at: At, by: By) -> Response:
    """States of a thread, newest first; of whoever may only answer, the newest."""
    if (mine := addressed(at, by)) is not None:
        [newest] = await mine.history(thread_id)
        await at.desk.shown.state(caller_of(by), thread_id, newest)
        return json([selected(newest, body.select)])
    window = Window(
        limit=body.limit,
        before=_before(body.before),
        place=_place(body.checkpoint.model_dump()) if body.checkpoint else None,
        metadata=body.metadata or {},
    )
    found = await at.desk.threads.history(thread_id, by.tenant, window)
    if found and window.before is None and window.place is None:
        await at.desk.shown.state(caller_of(by), thread_id, found[0])
    return json([selected(item, body.select) for item in found])


@router.get("/{thread_id}/history", dependencies=[*LOOKS, acts("threads", "read")])
async def history_by_query(
    thread_id: str,
    at: At,
    by: By,
    limit: Annotated[int, Query(ge=1, le=1000)] = 10,
    before: str | None = None,
) -> Response:
    """States of a thread, newest first, for whoever cannot send a body."""
    return await history(thread_id, HistoryBody(limit=limit, before=before), at, by)


def _own(thread_ids: Sequence[str], at: Gateway, by: Principal) -> list[str]:
    return [at.desk.threads.own(each, by.tenant) for each in thread_ids]


def _search(body: ThreadSearch, at: Gateway, by: Principal) -> Search:
    columns = {"thread_id": "id"}
    return Search(
        tenant=by.tenant,
        metadata=body.metadata or {},
        only=by.only,
        state=body.values or {},
        fields={"status": body.status} if body.status else {},
        among={"id": _own(body.ids, at, by)} if body.ids is not None else {},
        sort_by=columns.get(body.sort_by or "", body.sort_by or "created_at"),
        descending=body.sort_order != "asc",
        limit=body.limit,
        offset=body.offset,
    )


def _ttl(given: Json | float | None) -> Json | None:
    if given is None:
        return None
    ttl = given if isinstance(given, dict) else {"ttl": given}
    minutes, strategy = ttl.get("ttl"), ttl.get("strategy", "delete")
    if not isinstance(minutes, int | float) or isinstance(minutes, bool) or not 0 < minutes <= 10 * 365 * 1440:
        raise InputError("'ttl' must be a number of minutes above 0.", hint='{"ttl": 60, "strategy": "delete"}')
    if strategy != "delete":
        raise InputError(f"'ttl.strategy' is '{strategy}'.", hint="There is one: delete.")
    return {"ttl": minutes, "strategy": strategy}


def _place(given: Json) -> Place:
    return Place(
        checkpoint_id=given.get("checkpoint_id"),
        checkpoint_ns=given.get("checkpoint_ns") or "",
        checkpoint_map=given.get("checkpoint_map"),
    )


def _before(given: str | Json | None) -> Place | None:
    if given is None:
        return None
    if isinstance(given, str):
        return Place(checkpoint_id=given)
    inner = given.get("configurable")
    return _place(inner if isinstance(inner, dict) else given)


def _edit(given: Json, by: str | None) -> Edit:
    place = _place(given.get("checkpoint") or {"checkpoint_id": given.get("checkpoint_id")})
    return Edit(values=given.get("values"), as_node=given.get("as_node"), place=place, by=by)


def _superstep(given: Json, by: str | None) -> list[Edit]:
    updates = given.get("updates")
    if not isinstance(updates, list) or not all(isinstance(item, dict) for item in updates):
        raise InputError('A superstep is {"updates": [{"values": …, "as_node": …}]}.')
    edits = []
    for item in updates:
        command = item.get("command")
        values = {"__command__": command} if command else item.get("values")
        edits.append(Edit(values=values, as_node=item.get("as_node"), by=by))
    return edits


def _is_list_of_updates(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(item, dict) for item in values)
