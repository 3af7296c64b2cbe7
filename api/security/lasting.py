"""What is sent to whoever asked, for as long as they may hear it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any, Final

import orjson
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors
from api.security.keys import NotAuthenticatedError
from api.security.principal import Principal
from api.security.watch import Hearer, Watch
from graphs.clock import Clock
from graphs.errors import BatonError, NotAllowedError

_LONG: Final = 5.0
"""Seconds after which an answer is given only to whom it could still be given."""

_POLICY: Final = 1008
"""The close code of a WebSocket whose client may not go on."""


class Lasting:
    """One request or WebSocket, ended when whoever asked may hear it no longer.

    Args:
        again: Finds out once more who asks, and whether they may.
    """

    def __init__(
        self, who: Principal, again: Callable[[], Awaitable[Any]], watch: Watch, clock: Clock, scope: Scope
    ) -> None:
        self._hearer = Hearer(who, again, self._end)
        self._watch = watch
        self._clock = clock
        self._scope = scope
        self._task: asyncio.Task[Any] | None = None
        self._why: BatonError | None = None
        self._kind = ""
        """Of what lasts: the type of its content; empty before it begins and when it is complete."""

    async def serve(self, app: ASGIApp, receive: Receive, send: Send) -> None:
        """Let the app answer. What it sends after the end goes nowhere."""
        self._task = asyncio.current_task()
        began = self._clock.monotonic()
        with ExitStack() as hearing:

            async def sending(message: Message) -> None:
                if message["type"] in ("http.response.start", "websocket.accept"):
                    if _lasts(message):
                        self._kind = Headers(raw=message.get("headers", [])).get("content-type", "websocket")
                        hearing.enter_context(self._watch.hears(self._hearer))
                    elif self._clock.monotonic() - began > _LONG:
                        await self._still(receive, send)
                if self._why is None:
                    if message["type"] == "websocket.close" or message.get("more_body") is False:
                        self._kind = ""
                    await send(message)

            try:
                await app(self._scope, receive, sending)
            except asyncio.CancelledError:
                if self._why is None:
                    raise
        if self._why is not None:
            await self._say_why(self._why, send)

    async def _still(self, receive: Receive, send: Send) -> None:
        """An answer that took long goes to nobody who would not be let in any more."""
        try:
            await self._hearer.again()
        except (NotAuthenticatedError, NotAllowedError) as error:
            self._why = error
            await errors.answer(errors.document_of(error, self._scope["path"]))(self._scope, receive, send)

    def _end(self, why: BatonError) -> None:
        if self._kind and self._task is not None:
            self._why = why
            self._task.cancel()

    async def _say_why(self, why: BatonError, send: Send) -> None:
        if self._task is not None:
            self._task.uncancel()
        said = {"error": why.code, "message": str(why)}
        if self._kind == "websocket":
            text = orjson.dumps({"type": "error", "id": None, **said}).decode()
            await send({"type": "websocket.send", "text": text})
            await send({"type": "websocket.close", "code": _POLICY, "reason": str(why)[:100]})
        elif self._kind:
            await send({"type": "http.response.body", "body": _last(self._kind, said), "more_body": False})


def _lasts(begun: Message) -> bool:
    """Whether a socket, or a body of a length that is not known yet."""
    return begun["type"] == "websocket.accept" or "content-length" not in Headers(raw=begun.get("headers", []))


def _last(kind: str, said: dict[str, str]) -> bytes:
    if kind.startswith("text/event-stream"):
        return b"event: error\ndata: %b\n\n" % orjson.dumps(said)
    return orjson.dumps({"__error__": said}) if kind.startswith("application/json") else b""
