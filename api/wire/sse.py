"""Bodies that last: server-sent events, and JSON that is waited for. Both show signs of life, and notice at once when
the client has gone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from orchestrator.serving.encoding import to_bytes
from orchestrator.serving.streams import RunLog, Said
from orchestrator.store.served.values import Ended

Gone = Callable[[], Awaitable[object]]


class LastingResponse(Response):
    """A body sent as it comes.

    Args:
        body: Its parts.
        gone: Called when the client left before the end.
    """

    def __init__(
        self, body: AsyncIterator[bytes], *, media_type: str, headers: Mapping[str, str], gone: Gone | None = None
    ) -> None:
        super().__init__(
            media_type=media_type, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", **headers}
        )
        del self.headers["content-length"]  # of the empty body a Response begins with
        self._body = body
        self._gone = gone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(client_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
            elif self._gone is not None:
                await self._gone()
        except asyncio.CancelledError:
            pass  # the server has stopped waiting for this stream: its connection is cut, and nothing is wrong here
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for part in self._body:
            await send({"type": "http.response.body", "body": part, "more_body": True})
            # Who has much to say never waits, and would not hear that nobody listens any more.
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def client_left(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def events(log: RunLog, *, after: int, kinds: frozenset[str] | None, heartbeat: float) -> AsyncIterator[bytes]:
    """What a run says, as server-sent events.

    Args:
        after: The number of the last event the client has.
        kinds: The stream modes it wants; None for all.
        heartbeat: Seconds of silence after which a comment is sent.
    """
    async for said in log.read(after, quiet=heartbeat):
        if said is None:
            yield b": heartbeat\n\n"
        elif kinds is None or said.kind in kinds or said.kind in ("metadata", "error", "gap"):
            yield frame(said)


async def answered_events(
    log: RunLog, outcome: Awaitable[Ended], *, after: int, heartbeat: float
) -> AsyncIterator[bytes]:
    """The stream of a run for whoever may answer, and not read: that it goes on, and how it ends."""
    ending = asyncio.ensure_future(outcome)
    try:
        async for said in log.read(after, quiet=heartbeat):
            if said is None:
                yield b": heartbeat\n\n"
            elif said.kind in ("metadata", "gap"):
                yield frame(said)
        ended = await ending
        if ended.error is not None:
            yield frame(Said(log.last, "error", to_bytes(ended.error)))
        else:
            yield frame(Said(log.last, "values", final(ended)))
    finally:
        ending.cancel()


async def thread_events(log: RunLog, *, after: int, modes: frozenset[str], heartbeat: float) -> AsyncIterator[bytes]:
    """What the runs of a thread say, as server-sent events; which of it goes by the modes of langgraph-sdk."""
    yield b": open\n\n"
    async for said in log.read(after, quiet=heartbeat):
        if said is None:
            yield b": heartbeat\n\n"
        elif _of_thread(said.event) & modes or said.event == "gap":
            yield frame(said)


def _of_thread(event: str) -> set[str]:
    if event == "state_update":
        return {"state_update"}
    return {"run_modes", "lifecycle"} if event in ("metadata", "run_done", "error") else {"run_modes"}


def frame(said: Said) -> bytes:
    """One event. The id comes last, as clients have seen it do."""
    return b"event: %b\ndata: %b\nid: %d\n\n" % (said.event.encode(), said.data, said.seq)


async def result(outcome: Awaitable[Ended], *, heartbeat: float) -> AsyncIterator[bytes]:
    """How a run ends, as JSON; line ends before it while it has not."""
    waiting = asyncio.ensure_future(outcome)
    try:
        while not (await asyncio.wait({waiting}, timeout=heartbeat))[0]:
            yield b"\n"
        yield final(waiting.result())
    finally:
        waiting.cancel()


def final(ended: Ended) -> bytes:
    """The values a run left, with what is asked; or what went wrong."""
    if ended.error is not None:
        return to_bytes({"__error__": ended.error})
    body = to_bytes(ended.state)
    asked = [each for group in ended.interrupts.values() for each in group]
    if asked and body.startswith(b"{"):
        extra = b'"__interrupt__":' + to_bytes(asked)
        body = b"{" + extra + (b"}" if body == b"{}" else b"," + body[1:])
    return body
