"""The gate before all services: writes down who arrives, lets faults strike, and writes down what was answered.

    arrival committed ⊃ wait, fail (before the effect) ⊃ the service ⊃ wait, fail (after the effect) ⊃ outcome

The answer is held back until it is complete, so that a fault can still take it away. Plain ASGI, because closing a
connection without a response is below what FastAPI can say.
"""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.demo.services.calls import Arrival, error_body
from api.demo.services.faults import FaultBoard, Trip
from api.demo.services.names import SERVICE_NAMES
from api.demo.services.store import Store, utc_now

MAX_BODY_BYTES = 8 * 1024 * 1024

# Where `server.GateProtocol` puts the connection's transport in the ASGI state.
TRANSPORT = "transport"

CUT_OFF_BODY = b'{"status": "ok", "data": {"id": "'


class TooLargeError(Exception):
    """A request body is larger than is taken."""


@dataclass
class Reply:
    """A complete HTTP response that is not sent yet."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""

    @classmethod
    def of_json(cls, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()) -> "Reply":
        kind = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        return cls(status, [*kind, *headers], body)

    @classmethod
    def of_error(cls, status: int, code: str, message: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> "Reply":
        return cls.of_json(status, json.dumps(error_body(code, message)).encode(), headers)

    @property
    def replayed(self) -> bool:
        return (b"idempotent-replayed", b"true") in self.headers

    async def send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


class Gate:
    """ASGI middleware around the services.

    Args:
        app: The services.
        store: Where arrivals and outcomes are written.
        faults: What is switched on.
        stopping: Set when the process shuts down; waits end then, or a hanging request would hold the process.
    """

    def __init__(self, app: ASGIApp, store: Store, faults: FaultBoard, stopping: asyncio.Event) -> None:
        self._app = app
        self._store = store
        self._faults = faults
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service, _, rest = scope.get("path", "").lstrip("/").partition("/")
        if scope["type"] != "http" or service not in SERVICE_NAMES:
            await self._app(scope, receive, send)
            return
        try:
            body = await _read_body(receive)
            if body is None:
                return  # the caller left before the request was complete: nothing has arrived
            arrival = self._write_down(scope, service, f"/{rest}", body)
        except TooLargeError:
            await Reply.of_error(413, "body_too_large", f"At most {MAX_BODY_BYTES} bytes are taken.").send(send)
            return
        except sqlite3.Error as error:
            await Reply.of_error(503, "store_unavailable", f"The request cannot be written down: {error}.").send(send)
            return
        scope["state"] = {**scope.get("state", {}), "arrival": arrival}
        await self._serve(scope, arrival, body, receive, send)

    def _write_down(self, scope: Scope, service: str, path: str, body: bytes) -> Arrival:
        headers = dict(scope["headers"])
        key = headers.get(b"idempotency-key", b"").decode("latin-1").strip() or None
        query, digest = scope["query_string"].decode("latin-1"), hashlib.sha256(body).hexdigest()
        place = {"service": service, "method": scope["method"], "path": path, "query": query}
        row = {"at": utc_now(), **place, "idempotency_key": key, "body_digest": digest}
        return Arrival(self._store.insert("requests", row), **place, key=key, digest=digest)

    async def _serve(self, scope: Scope, arrival: Arrival, body: bytes, receive: Receive, send: Send) -> None:
        trip = self._faults.trip(arrival.service, arrival.method, arrival.path)
        reply: Reply | None = None
        if trip.after_effect:
            reply = await _called(self._app, scope, body)
        alive = await self._wait(trip.latency)
        if trip.manner is not None or not alive:
            await self._fail(trip, arrival, reply, scope, receive, send)
            return
        if reply is None:
            reply = await _called(self._app, scope, body)
        self._note_outcome(arrival, status=reply.status, replayed=int(reply.replayed))
        await reply.send(send)

    async def _wait(self, seconds: float) -> bool:
        """Wait; returns False when the process is being stopped before the time is over."""
        if seconds <= 0:
            return True
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return True
        return False

    async def _fail(
        self, trip: Trip, arrival: Arrival, reply: Reply | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        label = trip.label if trip.manner else "stopped"
        told = {"fault": label, "replayed": int(reply is not None and reply.replayed)}
        if trip.manner == "malformed":
            self._note_outcome(arrival, status=200, **told)
            whole = reply.body if reply is not None else b""
            await Reply.of_json(200, whole[: len(whole) // 2] or CUT_OFF_BODY).send(send)
        elif trip.manner == "status" and not self._stopping.is_set():
            self._note_outcome(arrival, status=trip.status, **told)
            wait = [] if trip.retry_after is None else [(b"retry-after", f"{trip.retry_after:g}".encode())]
            await Reply.of_error(trip.status, "injected_fault", "A fault is switched on here.", wait).send(send)
        else:
            self._note_outcome(arrival, **told)
            if trip.manner == "hang":
                await self._until_gone(receive)
            await _close_connection(scope, receive)

    async def _until_gone(self, receive: Receive) -> None:
        """Wait until the caller gives up, or the process is stopped."""
        gone = asyncio.create_task(_disconnected(receive))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({gone, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            stopping.cancel()

    def _note_outcome(self, arrival: Arrival, **outcome: object) -> None:
        # Before the answer is sent: whoever has it may look into the log at once. No status: there was no answer.
        answered = {"answered_at": utc_now()} if "status" in outcome else {}
        self._store.update("requests", arrival.request_id, {**outcome, **answered})


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body, or None when the caller left before it was complete."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise TooLargeError
        if not message.get("more_body", False):
            return bytes(body)


async def _called(app: ASGIApp, scope: Scope, body: bytes) -> Reply:
    """Let the services answer. They see a caller who stays: one that was killed does not undo what it asked for."""
    reply = Reply(500, [])

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            reply.status, reply.headers = message["status"], list(message.get("headers", ()))
        else:
            reply.body += message.get("body", b"")

    await app(scope, receive, send)
    return reply


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _close_connection(scope: Scope, receive: Receive) -> None:
    scope["state"][TRANSPORT].abort()
    # Only after it noticed the lost connection does uvicorn accept that there is no response.
    await _disconnected(receive)
