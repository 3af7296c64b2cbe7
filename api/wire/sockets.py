"""The agent protocol over one WebSocket: commands, their answers, and the events of every subscription."""

import asyncio
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.gateway import Gateway, current_gateway
from api.saying import sentence_of
from api.security import Principal, Right, principal
from api.security.bodies import check_body
from api.security.custom import CREATE_RUN, READ_THREAD, acts
from api.security.needs import Needs
from api.wire.answering import is_response
from api.wire.bodies import Json
from api.wire.callers import LOOKS, addressed
from api.wire.protocol import COMMANDS, CommandBody, SubscribeBody, answer_to, pending_on, seen
from graphs.errors import BatonError, InputError
from orchestrator.serving.addressed import Addressed
from orchestrator.serving.encoding import to_bytes
from orchestrator.serving.events import Subscription, ThreadEvents
from orchestrator.serving.streams import Said

router = APIRouter(prefix="/threads", tags=["protocol"])

At = Annotated[Gateway, Depends(current_gateway)]
By = Annotated[Principal, Depends(principal)]

_SUBSCRIPTIONS: Final = 100
"""Of one socket at most."""

_TRY_AGAIN: Final = 1012
"""The close code that tells clients to connect anew: what they watch is no longer told here."""

_TOGETHER: Final = 0.2
"""Seconds after a subscription in which another is waited for before the end of a run is told."""

_RUN = Needs(Right.RUN, is_response)
_READ = Needs(Right.READ, narrowed=frozenset({Right.DECIDE}))


@router.websocket("/{thread_id}/stream/events", dependencies=[*LOOKS, acts("threads", "read")])
async def events_and_commands(websocket: WebSocket, thread_id: str, at: At, by: By) -> None:
    """Each message is a command with an id, and is answered; events come in between, in the order they happened."""
    await websocket.accept()
    async with asyncio.TaskGroup() as tasks:
        socket = Socket(websocket, thread_id, at, by, tasks)
        with suppress(WebSocketDisconnect):
            await socket.serve()
        socket.close()


class Socket:
    """One client's connection to one thread. It may be there before the thread is."""

    def __init__(self, websocket: WebSocket, thread_id: str, at: Gateway, by: Principal, tasks: asyncio.TaskGroup):
        self._websocket = websocket
        self._thread_id = thread_id
        self._at = at
        self._by = by
        self._tasks = tasks
        self._subscriptions: dict[str, Subscription] = {}
        self._told: dict[str, tuple[Subscription, int]] = {}
        """Those who have heard what was said before they came, and after which event they begin."""
        self._all_here = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None
        self._watched: ThreadEvents | None = None
        self._mine: Addressed | None = None
        self._last = 0
        self._sending = asyncio.Lock()
        self._working: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Answer commands until the client has gone."""
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            await self._send(await self._answer(text.encode() if text is not None else message["bytes"]))

    def close(self) -> None:
        """Nobody listens any more."""
        for task in self._working:
            task.cancel()

    async def _answer(self, given: bytes) -> Json:
        number: Any = None
        try:
            self._at.door.rates.count(self._by)
            self._by = await self._at.door.admit(self._websocket)  # with the rights they have now, if any
            await check_body(given, self._at.settings.max_message, self._at.settings.max_depth)
            command = _read(CommandBody, given)
            number = command.id
            return await self._carried_out(command)
        except BatonError as error:
            return {"type": "error", "id": number, "error": error.code, "message": sentence_of(error)}

    async def _carried_out(self, command: CommandBody) -> Json:
        if command.method == "subscription.subscribe":
            with self._coming():
                result = await self._subscribe(command.params)
        elif command.method == "subscription.unsubscribe":
            result = self._unsubscribe(command.params)
        else:
            who = self._by
            if command.method in COMMANDS:
                who = replace(who, answering=_RUN.may_answer(who) and is_response(command.model_dump()))
                who = self._at.door.allowed(who, [_RUN], CREATE_RUN)
            answer = await answer_to(self._thread_id, command, self._at, who)
            label = f"WebSocket /threads/{{thread_id}}/stream/events {command.method[:60]}"
            self._at.door.note(self._by, label, self._websocket.scope, 200 if answer["type"] == "success" else 422)
            return answer
        return {"type": "success", "id": command.id, "result": result}

    async def _subscribe(self, params: Json) -> Json:
        who = self._at.door.allowed(self._by, [_READ], READ_THREAD)
        mine = self._mine = addressed(self._at, who)
        thread = await (mine.thread(self._thread_id) if mine else seen(self._thread_id, self._at, who))
        if len(self._subscriptions) >= _SUBSCRIPTIONS:
            raise InputError(f"A socket has {_SUBSCRIPTIONS} subscriptions at most.", code="subscriptions_too_many")
        wanted = _read(SubscribeBody, params).subscription()
        name = str(uuid.uuid4())
        self._subscriptions[name] = wanted
        self._work(self._begin(wanted, name, pending_on(thread)))
        return {"subscription_id": name}

    def _unsubscribe(self, params: Json) -> Json:
        name = str(params.get("subscription_id"))
        if self._subscriptions.pop(name, None) is None:
            raise InputError("This socket has no such subscription.", code="no_such_subscription")
        self._told.pop(name, None)
        return {}

    def _work(self, what: Coroutine[Any, Any, None]) -> None:
        task = self._tasks.create_task(what, name=f"tell {self._thread_id}")
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    # Of all subscriptions, each event is sent once, in the order in which they happened: clients take the end of a run
    # as a reason to listen no longer. They subscribe piece by piece, after the run was started: it may be over by then.

    async def _begin(self, wanted: Subscription, name: str, pending: list[Json]) -> None:
        """Tell a subscriber what the others have been told so far; from then on it is one of those who are told."""
        async with self._sending:
            watched = self._watched or self._at.desk.hub.watch(self._thread_id)
            start = watched.start(wanted)
            reminders = watched.reminders(wanted, start, pending)
            if self._watched is None:
                self._watched, self._last = watched, start
                self._work(self._tell(watched))
            with suppress(WebSocketDisconnect, RuntimeError):  # Starlette's word for a socket that is closed already
                for said in [*reminders, *watched.between(wanted, start, self._last)]:
                    await self._show(said)
            if name in self._subscriptions:
                self._told[name] = wanted, start

    async def _tell(self, watched: ThreadEvents) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            async for said in watched.everything(self._last):
                if said is None:
                    continue
                if said.seq == watched.ended:
                    await self._all_here.wait()
                async with self._sending:
                    self._last = said.seq
                    told = [wanted for wanted, start in self._told.values() if said.seq > start]
                    if any(watched.concerns(wanted, said) for wanted in told):
                        await self._show(said)
            await self._websocket.close(_TRY_AGAIN, "This thread's events are told no longer; connect anew.")

    @contextmanager
    def _coming(self) -> Iterator[None]:
        if self._soon is not None:
            self._soon.cancel()
        self._all_here.clear()
        try:
            yield
        finally:
            self._soon = asyncio.get_running_loop().call_later(_TOGETHER, self._all_here.set)

    async def _show(self, said: Said) -> None:
        """Send an event, as far as it is for whoever listens."""
        shown = said if self._mine is None else await self._mine.shown(self._thread_id, said)
        if shown is not None:
            await self._websocket.send_text(_frame(shown).decode())

    async def _send(self, answer: Json) -> None:
        await self._websocket.send_text(to_bytes(answer).decode())


def _frame(said: Said) -> bytes:
    """An event as it is kept; what was missed has no envelope yet."""
    if said.event != "gap":
        return said.data
    gap = b'{"type":"event","event_id":"%d","seq":%d,"method":"gap","params":{"namespace":[],"data":%b}}'
    return gap % (said.seq, said.seq, said.data)


def _read(kind: Any, given: Any) -> Any:
    try:
        return kind.model_validate_json(given) if isinstance(given, bytes) else kind.model_validate(given)
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(str(part) for part in wrong["loc"]) or "the command"
        raise InputError(f"{where}: {wrong['msg']}.", code="invalid_argument") from None
