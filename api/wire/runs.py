"""Runs: on a thread, and without one. Streamed, waited for, or left alone."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query
from starlette.responses import Response

from api.gateway import Gateway, current_gateway
from api.security import Principal, Right, principal
from api.security.custom import acts, starts_runs
from api.wire.bodies import CancelBody, Json, RunBody, listed
from api.wire.callers import LOOKS, READS, RUNS, STARTS, caller_of
from api.wire.following import began, outcome_of, places, seen, stream_of
from api.wire.shapes import json, no_content, run_of, selected
from graphs.errors import BatonError, InputError
from orchestrator.serving.wanted import Wanted
from orchestrator.store.served.putting import refusal
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
RunStatus = Literal["pending", "running", "error", "success", "timeout", "interrupted"]
Action = Literal["interrupt", "rollback"]


@router.post("/threads/{thread_id}/runs/stream", dependencies=STARTS)
async def stream_run(thread_id: str, body: RunBody, at: At, by: By, asked: Asking) -> Response:
    """Start a run on a thread, and stream what it says."""
    run = await _put(at, by, body, thread_id, asked)
    return await stream_of(at, by, run, after=0, cancel=_leaving_cancels(body, by))


@router.post("/runs/stream", dependencies=[*RUNS, starts_runs()])
async def stream_stateless_run(body: RunBody, at: At, by: By, asked: Asking) -> Response:
    """Start a run on a thread of its own, and stream what it says."""
    run = await _put(at, by, body, None, asked)
    return await stream_of(at, by, run, after=0, cancel=_leaving_cancels(body, by))


@router.post("/threads/{thread_id}/runs/wait", dependencies=STARTS)
async def wait_for_run(thread_id: str, body: RunBody, at: At, by: By, asked: Asking) -> Response:
    """Start a run on a thread; the answer is what it left."""
    return outcome_of(at, by, await _put(at, by, body, thread_id, asked), cancel=_leaving_cancels(body, by))


@router.post("/runs/wait", dependencies=[*RUNS, starts_runs()])
async def wait_for_stateless_run(body: RunBody, at: At, by: By, asked: Asking) -> Response:
    """Start a run on a thread of its own; the answer is what it left."""
    return outcome_of(at, by, await _put(at, by, body, None, asked), cancel=_leaving_cancels(body, by))


@router.post("/threads/{thread_id}/runs", dependencies=STARTS)
async def create_run(thread_id: str, body: RunBody, at: At, by: By, asked: Asking) -> Response:
    """Start a run on a thread in the background."""
    run = await _put(at, by, body, thread_id, asked)
    return json(_told(by, run), headers=places(run))


@router.post("/runs", dependencies=[*RUNS, starts_runs()])
async def create_stateless_run(body: RunBody, at: At, by: By, asked: Asking) -> Response:
    """Start a run on a thread of its own in the background."""
    run = await _put(at, by, body, None, asked)
    return json(_told(by, run), headers=places(run))


@router.post("/runs/batch", dependencies=[*RUNS, starts_runs()])
async def create_runs(bodies: list[RunBody], at: At, by: By, asked: Asking) -> Response:
    """Start several runs, each on a thread of its own: all of them, or none, and then `problems` says why not."""
    refused: dict[int, BatonError] = {}
    for index, body in enumerate(bodies):
        try:
            if body.webhook is not None:
                refuse_address(body.webhook, at.settings.webhook_networks)
        except InputError as error:
            refused[index] = error
    if refused:
        raise refusal(refused, len(bodies))
    # Under one key the whole batch is one wish: with another run in it, it is another. No header holds a line end.
    whole = {"batch": [body.model_dump(exclude_none=True) for body in bodies]}
    keys = [asked.key and f"{asked.key}\n{index}" for index in range(len(bodies))]
    wanted = [_wanted(by, body, None, replace(asked, key=key), whole) for body, key in zip(bodies, keys, strict=True)]
    return json([_told(by, run) for run in await at.desk.put_all(wanted)])


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


@router.get("/threads/{thread_id}/runs/{run_id}", dependencies=[*LOOKS, acts("threads", "read")])
async def get_run(thread_id: str, run_id: str, at: At, by: By) -> Response:
    """Show a run and how it stands."""
    return json(run_of(seen(at, by, run_id, thread_id)))


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


def _told(by: Principal, run: Run) -> Json:
    """A run that was begun; of one that somebody else began under the same key, not what they keep there."""
    return run_of(run) if by.reads or began(by, run) else {**run_of(run), "metadata": {}, "kwargs": {}}


def _leaving_cancels(body: RunBody, by: Principal) -> bool:
    """Clients ask for this unasked, so of whoever may only answer it is not refused; it is not done."""
    return body.on_disconnect == "cancel" and Right.RUN in by.rights


async def _put(at: Gateway, by: Principal, body: RunBody, thread_id: str | None, asked: Asked) -> Run:
    if body.webhook is not None:
        refuse_address(body.webhook, at.settings.webhook_networks)
    return await at.desk.put(_wanted(by, body, thread_id, asked))


def _wanted(by: Principal, body: RunBody, thread_id: str | None, asked: Asked, meant: Json | None = None) -> Wanted:
    request = body.request()
    if thread_id is None:
        request.setdefault("on_completion", "delete")
    else:
        request.pop("on_completion", None)  # a thread that is there for more than this run stays
    return Wanted(
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


async def _runs_to_cancel(body: CancelBody, at: Gateway, by: Principal) -> list[Run]:
    thread_id = at.desk.threads.own(body.thread_id, by.tenant) if body.thread_id else None
    if body.run_ids is not None:
        return [at.desk.get(run_id, thread_id, by.tenant) for run_id in body.run_ids]
    wanted = ["pending", "running"] if body.status == "all" else [body.status]
    fields = {"thread_id": thread_id} if thread_id else {}
    which = Search(tenant=by.tenant, fields=fields, among={"status": wanted}, limit=10_000)
    return list(await at.desk.search(which))
