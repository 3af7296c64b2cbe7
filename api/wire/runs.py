"""Runs: on a thread, and without one. Streamed, waited for, or left alone."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Query
from starlette.responses import Response

from api.gateway import Gateway, current_gateway
from api.security import Principal, Right, principal
from api.security.custom import acts, starts_runs
from api.security.needs import Needs
from api.wire.bodies import CancelBody, Json, RunBody, listed
from api.wire.callers import READS, RUNS, STARTS, caller_of
from api.wire.shapes import json, no_content, run_of, selected
from api.wire.sse import LastingResponse, events, result, thread_events
from graphs.errors import InputError
from orchestrator.serving.wanted import Wanted
from orchestrator.store.served.values import Run, Search
from orchestrator.urgency import HIGHEST, LOWEST
from orchestrator.webhooks.posting import refuse_address

router = APIRouter(tags=["runs"])

At = Annotated[Gateway, Depends(current_gateway)]
By = Annotated[Principal, Depends(principal)]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the headers of a start say."""

    key: str | None = None
    priority: int | None = None


async def asked_for(
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
    baton_priority: Annotated[
        int | None, Header(ge=LOWEST, le=HIGHEST, description="The same as `priority` in the body.")
    ] = None,
) -> Asked:
    """A dependency of routes that start runs."""
    return Asked(idempotency_key, baton_priority)


Asking = Annotated[Asked, Depends(asked_for)]
Since = Annotated[str | None, Header(alias="Last-Event-ID")]
RunStatus = Literal["pending", "running", "error", "success", "timeout", "interrupted"]
Action = Literal["interrupt", "rollback"]
_MODES = {"messages-tuple": "messages"}
_THREAD_MODES = frozenset({"run_modes", "lifecycle", "state_update"})


@router.post("/threads/{thread_id}/runs/stream", dependencies=STARTS)
async def stream_run(thread_id: str, body: RunBody, at: At, by: By, asked: Asking) -> Response:
    """Start a run on a thread, and stream what it says."""
    return await _stream(at, await _put(at, by, body, thread_id, asked), after=0, cancel=_leaving_cancels(body, by))


@router.post("/runs/stream", dependencies=[*RUNS, starts_runs()])
async def stream_stateless_run(body: RunBody, at: At, by: By, asked: Asking) -> Response:
    """Start a run on a thread of its own, and stream what it says."""
    return await _stream(at, await _put(at, by, body, None, asked), after=0, cancel=_leaving_cancels(body, by))


@router.post("/threads/{thread_id}/runs/wait", dependencies=STARTS)
async def wait_for_run(thread_id: str, body: RunBody, at: At, by: By, asked: Asking) -> Response:
    """Start a run on a thread; the answer is what it left."""
    return _wait(at, await _put(at, by, body, thread_id, asked), cancel=_leaving_cancels(body, by))


@router.post("/runs/wait", dependencies=[*RUNS, starts_runs()])
async def wait_for_stateless_run(body: RunBody, at: At, by: By, asked: Asking) -> Response:
    """Start a run on a thread of its own; the answer is what it left."""
    return _wait(at, await _put(at, by, body, None, asked), cancel=_leaving_cancels(body, by))


@router.post("/threads/{thread_id}/runs", dependencies=STARTS)
async def create_run(thread_id: str, body: RunBody, at: At, by: By, asked: Asking) -> Response:
    """Start a run on a thread in the background."""
    run = await _put(at, by, body, thread_id, asked)
    return json(run_of(run), headers=_places(run))


@router.post("/runs", dependencies=[*RUNS, starts_runs()])
async def create_stateless_run(body: RunBody, at: At, by: By, asked: Asking) -> Response:
    """Start a run on a thread of its own in the background."""
    run = await _put(at, by, body, None, asked)
    return json(run_of(run), headers=_places(run))


@router.post("/runs/batch", dependencies=[*RUNS, starts_runs()])
async def create_runs(bodies: list[RunBody], at: At, by: By, asked: Asking) -> Response:
    """Start several runs, each on a thread of its own."""
    # Under one key the whole batch is one wish: with another run in it, it is another. No header holds a line end.
    whole = {"batch": [body.model_dump(exclude_none=True) for body in bodies]}
    runs = []
    for index, body in enumerate(bodies):
        own = asked if asked.key is None else replace(asked, key=f"{asked.key}\n{index}")
        runs.append(run_of(await _put(at, by, body, None, own, meant=whole)))
    return json(runs)


@router.post("/runs/cancel", dependencies=[*RUNS, acts("threads", "update")])
async def cancel_runs(body: CancelBody, at: At, by: By, action: Action = "interrupt") -> Response:
    """Cancel runs by id, or all that have not ended."""
    if body.run_ids is None and body.status is None:
        raise InputError(
            "It is not said which runs to cancel.", hint="Name run_ids, or a status: pending, running, all."
        )
    for run in await _runs_to_cancel(body, at, by):
        if run.open:
            await at.desk.stop(run, action)
    return no_content()


@router.get("/threads/{thread_id}/runs", dependencies=[*READS, acts("threads", "read")])
async def list_runs(
    thread_id: str,
    at: At,
    by: By,
    limit: Annotated[int, Query(ge=1, le=1000)] = 10,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    status: RunStatus | None = None,
    select: Annotated[list[str] | None, Query()] = None,
) -> Response:
    """Runs of a thread, newest first."""
    await at.desk.threads.kept(thread_id, by.tenant)
    fields: dict[str, Any] = {"thread_id": thread_id, **({"status": status} if status else {})}
    found = await at.desk.search(Search(tenant=by.tenant, fields=fields, sort_by="seq", limit=limit, offset=offset))
    return json([selected(run_of(run), listed(select)) for run in found])


@router.get("/threads/{thread_id}/runs/{run_id}", dependencies=[*READS, acts("threads", "read")])
async def get_run(thread_id: str, run_id: str, at: At, by: By) -> Response:
    """A run."""
    return json(run_of(at.desk.get(run_id, thread_id, by.tenant)))


@router.get("/threads/{thread_id}/runs/{run_id}/join", dependencies=[*READS, acts("threads", "read")])
async def join_run(thread_id: str, run_id: str, at: At, by: By, cancel_on_disconnect: bool = False) -> Response:
    """Wait for a run; the answer is what it left."""
    _may_cancel(by, cancel_on_disconnect)
    return _wait(at, at.desk.get(run_id, thread_id, by.tenant), cancel=cancel_on_disconnect)


@router.get("/threads/{thread_id}/runs/{run_id}/stream", dependencies=[*READS, acts("threads", "read")])
async def join_stream(
    thread_id: str,
    run_id: str,
    at: At,
    by: By,
    stream_mode: Annotated[list[str] | None, Query()] = None,
    cancel_on_disconnect: bool = False,
    last_event_id: Since = None,
) -> Response:
    """Stream what a run says: from now on, or after the event named by Last-Event-ID (-1: from the beginning)."""
    run = at.desk.get(run_id, thread_id, by.tenant)
    _may_cancel(by, cancel_on_disconnect)
    modes = listed(stream_mode)
    return await _stream(at, run, after=_after(last_event_id), cancel=cancel_on_disconnect, modes=modes)


@router.get("/threads/{thread_id}/stream", dependencies=[*READS, acts("threads", "read")])
async def join_thread(
    thread_id: str,
    at: At,
    by: By,
    stream_mode: Annotated[list[str] | None, Query()] = None,
    last_event_id: Since = None,
) -> Response:
    """Stream what the runs of a thread say, one after the other. The stream stays open."""
    await at.desk.threads.kept(thread_id, by.tenant)
    log = at.desk.hub.watch(thread_id).streams
    after = _after(last_event_id)
    modes = frozenset(listed(stream_mode) or ("run_modes",))
    if unknown := modes - _THREAD_MODES:
        raise InputError(
            f"'{min(unknown)[:60]}' is no stream mode of a thread.",
            hint=f"There are: {', '.join(sorted(_THREAD_MODES))}.",
        )
    return LastingResponse(
        thread_events(log, after=log.last if after is None else after, modes=modes, heartbeat=at.settings.heartbeat),
        media_type="text/event-stream",
        headers={},
    )


@router.post("/threads/{thread_id}/runs/{run_id}/cancel", dependencies=[*RUNS, acts("threads", "update")])
async def cancel_run(
    thread_id: str, run_id: str, at: At, by: By, wait: bool = False, action: Action = "interrupt"
) -> Response:
    """Cut a run off; with `rollback`, what it did to the thread goes with it."""
    run = at.desk.get(run_id, thread_id, by.tenant)
    await at.desk.stop(run, action)
    if wait:
        await at.desk.outcome(run)
    return json(None)


@router.delete("/threads/{thread_id}/runs/{run_id}", dependencies=[*RUNS, acts("threads", "delete")])
async def delete_run(thread_id: str, run_id: str, at: At, by: By) -> Response:
    """Forget a run that has ended."""
    await at.desk.delete(at.desk.get(run_id, thread_id, by.tenant))
    return no_content()


_CANCEL = Needs(Right.RUN)


def _may_cancel(by: Principal, cancel: bool) -> None:
    """Who joins a run with a look at it may not cut it off by leaving.

    Raises:
        NotAllowedError: that is asked for, and takes another right.
    """
    if cancel:
        _CANCEL.check(by)


def _leaving_cancels(body: RunBody, by: Principal) -> bool:
    """Clients ask for this unasked, so of whoever may only answer it is not refused; it is not done."""
    return body.on_disconnect == "cancel" and Right.RUN in by.rights


async def _put(
    at: Gateway, by: Principal, body: RunBody, thread_id: str | None, asked: Asked, *, meant: Json | None = None
) -> Run:
    request = body.request()
    if body.webhook is not None:
        refuse_address(body.webhook, at.settings.webhook_networks)
    if thread_id is None:
        request.setdefault("on_completion", "delete")
    else:
        request.pop("on_completion", None)  # a thread that is there for more than this run stays
    wanted = Wanted(
        assistant=body.assistant_id,
        by=caller_of(by),
        thread_id=thread_id,
        request=request,
        metadata=body.metadata or {},
        multitask=body.multitask_strategy or "enqueue",
        make_thread=body.if_not_exists == "create",
        after=body.after_seconds or 0.0,
        priority=body.priority if body.priority is not None else asked.priority or 0,
        idempotency_key=asked.key,
        meant=meant,
    )
    return await at.desk.put(wanted)


async def _stream(
    at: Gateway, run: Run, *, after: int | None, cancel: bool, modes: list[str] | None = None
) -> LastingResponse:
    log = await at.desk.log(run)
    begin = log.last if after is None else after
    kinds = frozenset(_MODES.get(mode, mode) for mode in modes) if modes else None
    return LastingResponse(
        events(log, after=begin, kinds=kinds, heartbeat=at.settings.heartbeat),
        media_type="text/event-stream",
        headers=_places(run, "stream"),
        gone=(lambda: at.desk.abandon(run)) if cancel else None,
    )


def _wait(at: Gateway, run: Run, *, cancel: bool) -> LastingResponse:
    return LastingResponse(
        result(at.desk.outcome(run), heartbeat=at.settings.heartbeat),
        media_type="application/json",
        headers=_places(run, "join"),
        gone=(lambda: at.desk.abandon(run)) if cancel else None,
    )


def _places(run: Run, way: str | None = None) -> dict[str, str]:
    place = f"/threads/{quote(run.thread_id, safe='')}/runs/{run.id}"
    return {"Content-Location": place, **({"Location": f"{place}/{way}"} if way else {})}


def _after(last_event_id: str | None) -> int | None:
    if last_event_id is None or not last_event_id.strip():
        return None
    try:
        return max(0, int(last_event_id))
    except ValueError:
        raise InputError(
            f"Last-Event-ID is '{last_event_id}', which is no id of an event here.", hint="Send -1 for all events."
        ) from None


async def _runs_to_cancel(body: CancelBody, at: Gateway, by: Principal) -> list[Run]:
    if body.run_ids is not None:
        return [at.desk.get(run_id, body.thread_id, by.tenant) for run_id in body.run_ids]
    wanted = ["pending", "running"] if body.status == "all" else [body.status]
    fields = {"thread_id": body.thread_id} if body.thread_id else {}
    which = Search(tenant=by.tenant, fields=fields, among={"status": wanted}, limit=10_000)
    return list(await at.desk.search(which))
