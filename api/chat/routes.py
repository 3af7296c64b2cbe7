"""The routes. A conversation is known by what was said in it, or by the client's name for it (`X-Thread-Id`)."""

import asyncio
import uuid
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.chat.bodies import ChatBody
from api.chat.shapes import ChatRoute, Completion, events, model_of
from api.gateway import Gateway, current_gateway
from api.security import Principal, Right, needs, principal
from api.security.custom import starts_runs
from api.v1.links import link_for
from api.v1.questions import question_link
from api.wire.callers import caller_of
from api.wire.sse import Gone, LastingResponse, client_left
from graphs.errors import NotFoundError
from orchestrator.approvals.values import Person
from orchestrator.chat.chats import CHAT, Chats
from orchestrator.chat.heard import Heard, Linking
from orchestrator.chat.questions import Question
from orchestrator.chat.turns import Turn
from orchestrator.ids import shown_id
from orchestrator.store.served.values import Search

router = APIRouter(prefix="/v1", tags=["chat"], route_class=ChatRoute)

At = Annotated[Gateway, Depends(current_gateway)]
By = Annotated[Principal, Depends(principal)]
ThreadName = Annotated[
    str | None, Header(min_length=1, max_length=128, description="The conversation's own name; it becomes its thread.")
]
_MOST_MODELS = 10_000
_CLIENT_LEFT = 499
"""What proxies write down for it; nobody reads it."""


@router.post("/chat/completions", dependencies=[needs(Right.RUN), starts_runs()], response_model=None)
async def complete(
    body: ChatBody,
    at: At,
    by: By,
    request: Request,
    x_thread_id: ThreadName = None,
    x_stainless_retry_count: Annotated[str | None, Header(include_in_schema=False)] = None,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> Response:
    """Let an agent, a workflow or a graph answer.

    What it asks people comes as the answer; the next message, or the link in it, decides. A run goes on when the client
    leaves, unless `on_disconnect` (or BATON_CHAT_ON_DISCONNECT) says `cancel`. `X-Thread-Id` of the answer says which
    thread it is.
    """
    heard = Heard(
        model=body.model,
        messages=[message.model_dump(exclude_none=True) for message in body.messages],
        by=caller_of(by),
        link=_linking(at, by, body.user, request),
        whose=f"{by.source} {body.user or ''}",
        thread=at.desk.threads.own(x_thread_id, by.tenant) if x_thread_id else None,
        again=x_stainless_retry_count not in (None, "0"),
        idempotency_key=idempotency_key,
        metadata={**(body.metadata or {}), "source": CHAT},
    )
    turn = await Chats(at.desk, at.orchestrator.store).turn(heard)
    created = int(at.orchestrator.clock.now().timestamp())
    completion = Completion(f"chatcmpl-{turn.run_id or uuid.uuid4()}", created, body.model, turn)
    headers = {"X-Thread-Id": shown_id(turn.thread_id)}
    heartbeat = at.settings.heartbeat
    cancels = (body.on_disconnect or at.settings.chat_on_disconnect) == "cancel"
    gone = partial(_abandon, at, by, turn) if cancels else None
    if body.stream:
        with_usage = body.stream_options is not None and body.stream_options.include_usage
        parts = events(completion, heartbeat=heartbeat, with_usage=with_usage)
        return LastingResponse(parts, media_type="text/event-stream", headers=headers, gone=gone)
    if not await _heard_out(turn, heartbeat, request, gone):
        return Response(status_code=_CLIENT_LEFT)
    return JSONResponse(completion.whole(), headers=headers)


async def _abandon(at: Gateway, by: Principal, turn: Turn) -> None:
    if turn.run_id is not None:
        await at.desk.abandon(at.desk.get(turn.run_id, turn.thread_id, by.tenant))


async def _heard_out(turn: Turn, heartbeat: float, request: Request, gone: Gone | None) -> bool:
    """Wait for the whole of an answer; False when the client left before, and its run is stopped for that."""

    async def hear() -> None:
        async for _ in turn.pieces(heartbeat):
            pass

    if gone is None:
        await hear()
        return True
    hearing, leaving = asyncio.create_task(hear()), asyncio.create_task(client_left(request.receive))
    try:
        await asyncio.wait({hearing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if hearing.done():
            hearing.result()
            return True
        await gone()
        return False
    finally:
        for task in (hearing, leaving):
            task.cancel()
        await asyncio.gather(hearing, leaving, return_exceptions=True)


@router.get("/models", dependencies=[needs(Right.READ)])
async def list_models(at: At, by: By) -> dict[str, Any]:
    """What can answer: agents, workflows, graphs, and assistants made of them."""
    which = Search(tenant=by.tenant, sort_by="name", descending=False, limit=_MOST_MODELS)
    found, _ = await at.desk.assistants.search(which)
    return {"object": "list", "data": [model_of(assistant) for assistant in found]}


@router.get("/models/{model}", dependencies=[needs(Right.READ)])
async def show_model(model: str, at: At, by: By) -> dict[str, Any]:
    """Show one of the models that can answer."""
    return model_of(await Chats(at.desk, at.orchestrator.store).model(model, by.tenant))


def _linking(at: Gateway, by: Principal, user: str | None, request: Request) -> Linking:
    async def link(thread_id: str, interrupt_id: str, asked: Any) -> str | None:
        """A link that answers a question for whoever asks, if they may."""
        question = Question(interrupt_id, asked)
        if not question.ours:
            return question_link(at, thread_id, interrupt_id, by, request)
        if Right.DECIDE not in by.rights or not question.answerable:
            return None
        person = Person(by.name or user or "chat", by.groups or frozenset())
        try:
            approval = await at.orchestrator.inbox.get(thread_id, asked["path"])
        except NotFoundError:  # it was decided just now: there is nothing to link to
            return None
        deciders = approval.deciders(at.orchestrator.clock.now())
        if deciders and not person.is_among(deciders):
            return None
        return link_for(at, approval, person, request, key=by.key).url

    return link
