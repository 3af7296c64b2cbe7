"""Following runs: what they say as it is said, or what they leave, for whoever may see which part of it."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Query
from starlette.responses import Response

from api.gateway import Gateway, current_gateway
from api.security import Principal, Right, principal
from api.security.custom import acts
from api.security.needs import Needs
from api.wire.bodies import listed
from api.wire.callers import LOOKS, READS, addressed
from api.wire.sse import LastingResponse, answered_events, events, result, thread_events
from graphs.errors import InputError
from orchestrator.ids import shown_id
from orchestrator.serving.addressed import Addressed
from orchestrator.store.served.values import Run
from orchestrator.tenancy import STARTED_BY

router = APIRouter(tags=["runs"])

At = Annotated[Gateway, Depends(current_gateway)]
By = Annotated[Principal, Depends(principal)]
Since = Annotated[str | None, Header(alias="Last-Event-ID")]
_MODES = {"messages-tuple": "messages"}
_THREAD_MODES = frozenset({"run_modes", "lifecycle", "state_update"})


@router.get("/threads/{thread_id}/runs/{run_id}/join", dependencies=[*LOOKS, acts("threads", "read")])
async def join_run(thread_id: str, run_id: str, at: At, by: By, cancel_on_disconnect: bool = False) -> Response:
    """Wait for a run; the answer is what it left."""
    _may_cancel(by, cancel_on_disconnect)
    return outcome_of(at, by, seen(at, by, run_id, thread_id), cancel=cancel_on_disconnect)


@router.get("/threads/{thread_id}/runs/{run_id}/stream", dependencies=[*LOOKS, acts("threads", "read")])
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
    run = seen(at, by, run_id, thread_id)
    _may_cancel(by, cancel_on_disconnect)
    modes = listed(stream_mode)
    return await stream_of(at, by, run, after=_after(last_event_id), cancel=cancel_on_disconnect, modes=modes)


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


_CANCEL = Needs(Right.RUN)


def _may_cancel(by: Principal, cancel: bool) -> None:
    """Who joins a run with a look at it may not cut it off by leaving.

    Raises:
        NotAllowedError: that is asked for, and takes another right.
    """
    if cancel:
        _CANCEL.check(by)


def seen(at: Gateway, by: Principal, run_id: str, thread_id: str) -> Run:
    """A run that whoever asks may see.

    Raises:
        NotFoundError: there is none.
    """
    mine = addressed(at, by)
    return mine.run(run_id, thread_id) if mine else at.desk.get(run_id, thread_id, by.tenant)


def _answerer(at: Gateway, by: Principal, run: Run) -> Addressed | None:
    """Whoever may start runs and not read is shown their own; not what came of one that somebody else began, whose
    idempotency key they know."""
    return None if began(by, run) else addressed(at, by)


def began(by: Principal, run: Run) -> bool:
    """Whether a run is of whoever asks, who may begin such."""
    return Right.RUN in by.rights and run.request.get(STARTED_BY) == by.name


async def stream_of(
    at: Gateway, by: Principal, run: Run, *, after: int | None, cancel: bool, modes: list[str] | None = None
) -> LastingResponse:
    """What a run says, as server-sent events.

    Args:
        after: The number of the last event the client has; None for what comes from now on.
        cancel: Cut it off when the client leaves.
        modes: The stream modes that are wanted; None for all.
    """
    log = await at.desk.log(run)
    begin = log.last if after is None else after
    kinds = frozenset(_MODES.get(mode, mode) for mode in modes) if modes else None
    heartbeat = at.settings.heartbeat
    if (mine := _answerer(at, by, run)) is not None:
        body = answered_events(log, mine.outcome(run), after=begin, heartbeat=heartbeat)
    else:
        body = events(log, after=begin, kinds=kinds, heartbeat=heartbeat)
    return LastingResponse(
        body,
        media_type="text/event-stream",
        headers=places(run, "stream"),
        gone=(lambda: at.desk.abandon(run)) if cancel else None,
    )


def outcome_of(at: Gateway, by: Principal, run: Run, *, cancel: bool) -> LastingResponse:
    """What a run leaves, once it has ended; `cancel` cuts it off when the client leaves."""
    return LastingResponse(
        result((_answerer(at, by, run) or at.desk).outcome(run), heartbeat=at.settings.heartbeat),
        media_type="application/json",
        headers=places(run, "join"),
        gone=(lambda: at.desk.abandon(run)) if cancel else None,
    )


def places(run: Run, way: str | None = None) -> dict[str, str]:
    """The headers by which clients find a run again."""
    place = f"/threads/{quote(shown_id(run.thread_id), safe='')}/runs/{run.id}"
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
