"""LangChain's agent protocol on threads: commands in, events out."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from pydantic import Field, TypeAdapter, ValidationError
from starlette.responses import Response

from api.gateway import Gateway, current_gateway
from api.saying import sentence_of
from api.security import Principal, principal
from api.security.custom import acts
from api.v1.common import Priority
from api.wire.bodies import Body, Json
from api.wire.callers import COMMANDING, LOOKS, addressed, caller_of
from api.wire.shapes import json
from api.wire.sse import LastingResponse
from graphs.errors import BatonError, InputError
from orchestrator.serving.events import MODES, Subscription
from orchestrator.serving.streams import Said
from orchestrator.serving.wanted import Wanted
from orchestrator.store.served.threads import no_thread
from orchestrator.store.served.values import Thread
from orchestrator.urgency import HIGHEST, LOWEST

router = APIRouter(prefix="/threads", tags=["protocol"])

_PRIORITY: Final[TypeAdapter[int]] = TypeAdapter(Priority)

At = Annotated[Gateway, Depends(current_gateway)]
By = Annotated[Principal, Depends(principal)]


class CommandBody(Body):
    """A command: `run.start`, `input.respond`, `agent.getTree`."""

    id: int | str
    method: str
    params: Json = Field(default_factory=dict)


class SubscribeBody(Body):
    """Which events are wanted."""

    channels: list[str]
    namespaces: list[list[str]] | None = None
    depth: int | None = Field(default=None, ge=0, le=1000)
    since: int | None = Field(default=None, ge=0, le=2**53)

    def subscription(self) -> Subscription:
        """The same for the hub."""
        return Subscription(
            channels=frozenset(self.channels), namespaces=self.namespaces, depth=self.depth, since=self.since
        )


@router.post("/{thread_id}/commands", dependencies=COMMANDING)
async def command(thread_id: str, body: CommandBody, at: At, by: By) -> Response:
    """Carry a command out. What is wrong with it is said in the answer, whose status is 200: so the protocol has it."""
    return json(await answer_to(thread_id, body, at, by))


async def answer_to(thread_id: str, body: CommandBody, at: Gateway, by: Principal) -> Json:
    """Carry a command out; what came of it, in the protocol's words."""
    if body.method not in COMMANDS:
        known = ", ".join(COMMANDS)
        message = f"There is no command '{body.method}'. There are: {known}."
        return {"type": "error", "id": body.id, "error": "unknown_command", "message": message}
    seq = at.desk.hub.watch(thread_id).last
    try:
        result = await COMMANDS[body.method](thread_id, body.params, at, by)
    except BatonError as error:  # the protocol's own shape of an error, in place of ours
        return {"type": "error", "id": body.id, "error": error.code, "message": sentence_of(error)}
    return {"type": "success", "id": body.id, "result": result, "meta": {"applied_through_seq": seq}}


@router.post("/{thread_id}/stream/events", dependencies=[*LOOKS, acts("threads", "read")])
async def events(thread_id: str, body: SubscribeBody, at: At, by: By) -> Response:
    """Events of a thread as they happen, run after run. The stream stays open."""
    mine = addressed(at, by)
    thread = await (mine.thread(thread_id) if mine else at.desk.threads.get(thread_id, by.tenant))
    told = at.desk.hub.watch(thread_id).read(
        body.subscription(), quiet=at.settings.heartbeat, pending=pending_on(thread)
    )
    if mine is not None:
        told = mine.told(thread_id, told)
    return LastingResponse(_frames(told), media_type="text/event-stream", headers={})


def pending_on(thread: Thread) -> list[Json]:
    """What is asked on a thread where nothing runs; what a run asks it says itself."""
    return [each for group in thread.interrupts.values() for each in group] if thread.status == "interrupted" else []


async def _frames(told: AsyncIterator[Said | None]) -> AsyncIterator[bytes]:
    yield b": open\n\n"  # the client waits for the first byte before it goes on
    async for said in told:
        if said is None:
            yield b": heartbeat\n\n"
        else:
            yield b"event: %b\ndata: %b\nid: %d\n\n" % (said.event.encode(), said.data, said.seq)


async def _run_start(thread_id: str, params: Json, at: Gateway, by: Principal) -> Json:
    request = {name: params[name] for name in ("input", "config", "context") if params.get(name) is not None}
    configurable = _object(_object(params, "config"), "configurable")
    if configurable.get("checkpoint_id") is not None:  # a fork, as clients of the protocol say it
        request["checkpoint"] = {key: configurable.get(key) for key in ("checkpoint_id", "checkpoint_ns")}
    run = await at.desk.put(
        Wanted(
            assistant=_text(params, "assistant_id"),
            by=caller_of(by),
            thread_id=thread_id,
            request={**request, "stream_mode": list(MODES), "stream_subgraphs": True, "protocol": True},
            metadata=_object(params, "metadata"),
            multitask=params.get("multitask_strategy") or "enqueue",
            priority=_priority(params),
            make_thread=True,
        )
    )
    return {"run_id": run.id}


async def _input_respond(thread_id: str, params: Json, at: Gateway, by: Principal) -> Json:
    thread = await seen(thread_id, at, by)
    answers = _answers(params)
    asked = {each["id"] for group in thread.interrupts.values() for each in group}
    if thread.status == "busy":  # a question is told before the run that asks it has ended; the answer waits its turn
        asked |= at.desk.hub.watch(thread_id).asked
    if unknown := [each for each in answers if each not in asked]:
        raise InputError(
            f"Nothing with the id '{unknown[0]}' is asked on thread '{thread_id}'.", code="no_such_interrupt"
        )
    run = await at.desk.put(
        Wanted(
            assistant=str(thread.metadata.get("assistant_id") or thread.metadata.get("graph_id")),
            by=caller_of(by),
            thread_id=thread_id,
            request={
                "command": {"resume": answers, **_given(params, "update", "goto")},
                **_given(params, "config"),
                "stream_mode": list(MODES),
                "stream_subgraphs": True,
                "protocol": True,
            },
            metadata=_object(params, "metadata"),
            priority=_priority(params),
        )
    )
    return {"run_id": run.id}


def _priority(params: Json) -> int:
    try:
        return _PRIORITY.validate_python(params["priority"]) if params.get("priority") is not None else 0
    except ValidationError:
        raise InputError(f"'params.priority' must be a whole number from {LOWEST} to {HIGHEST}.") from None


def _answers(params: Json) -> Json:
    """Answers by what they answer: one, or several at once, as a list or by their ids."""
    given = params.get("responses")
    if isinstance(given, list):
        return {_text(_of_params(each), "interrupt_id"): each.get("response") for each in given}
    return given if isinstance(given, dict) else {_text(params, "interrupt_id"): params.get("response")}


def _of_params(value: Any) -> Json:
    if not isinstance(value, dict):
        raise InputError("'params.responses' must hold objects with 'interrupt_id' and 'response'.")
    return value


def _given(params: Json, *names: str) -> Json:
    return {name: params[name] for name in names if params.get(name) is not None}


def _object(params: Json, name: str) -> Json:
    value = params.get(name)
    if value is not None and not isinstance(value, dict):
        raise InputError(f"'params.{name}' must be an object.")
    return value or {}


async def _agent_tree(thread_id: str, params: Json, at: Gateway, by: Principal) -> Json:
    thread = await seen(thread_id, at, by)
    name = params.get("assistant_id") or thread.metadata.get("assistant_id") or thread.metadata.get("graph_id")
    served = await at.desk.assistants.served(str(name), by.tenant)
    return await served.drawing(bool(params.get("xray")))


async def seen(thread_id: str, at: Gateway, by: Principal) -> Thread:
    """A thread, as it is now.

    Raises:
        NotFoundError: there is none that whoever asks may see.
    """
    thread = await at.desk.threads.get(thread_id, by.tenant)
    if not await caller_of(by).sees(thread):
        raise no_thread(thread_id)
    return thread


def _text(params: Json, name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str):
        raise InputError(f"'params.{name}' must be a text.")
    return value


COMMANDS: dict[str, Any] = {
    "run.start": _run_start,
    "input.respond": _input_respond,
    "agent.getTree": _agent_tree,
}
