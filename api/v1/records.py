"""The history of an execution: a page of it, or as it happens (SSE), without a gap after a reconnect."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.gateway import gateway_of
from api.v1 import observed
from api.v1.common import MAX_PAGE, ExecutionId, View, Who, page
from api.v1.observed import OBSERVED
from api.v1.shapes import record_document
from graphs.errors import InputError
from orchestrator.store.port import Record
from orchestrator.tenancy import TenantView

router = APIRouter(prefix="/v1/executions", tags=["executions"])
_MAX_SEQ = 2**53


@router.get(
    "/{execution_id}/records",
    dependencies=[OBSERVED],
    response_model=None,
    responses={200: {"content": {"application/json": {}, "text/event-stream": {}}}},
)
async def records(
    request: Request,
    execution_id: ExecutionId,
    view: View,
    who: Who,
    after: Annotated[int, Query(ge=0, le=_MAX_SEQ, description="Only records after this `seq`.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response | dict[str, Any]:
    """The history, oldest first. With `Accept: text/event-stream` it goes on as it happens, until the execution ends.

    Every record that is kept has its `seq` as the event's id: `Last-Event-ID` goes on behind it. Records of what is
    only seen live (`step.started`, `step.progress`) have none, and are not repeated. Without the right to read, `data`
    is null.
    """
    shown = record_document if who.reads else _observed
    await view.get(execution_id)
    if "text/event-stream" in request.headers.get("accept", ""):
        start = after if last_event_id is None else _seq(last_event_id)
        heartbeat = gateway_of(request).settings.heartbeat
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        stream = _stream(view, execution_id, start, heartbeat, shown)
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)
    found = await view.records(execution_id, after=after, limit=limit + 1)
    more = str(found[limit - 1].seq) if len(found) > limit else None
    return page("records", [shown(record) for record in found[:limit]], more)


def _observed(record: Record) -> dict[str, Any]:
    return observed.record(record_document(record))


async def _stream(
    view: TenantView, execution_id: str, seen: int, heartbeat: float, shown: Callable[[Record], dict[str, Any]]
) -> AsyncIterator[bytes]:
    # The tables say what happened; the live records only say "look". So nothing is missed when a listener is slow, or
    # when another process decides something.
    with view.baton.listen(execution_id) as live:
        news = _News(aiter(live))
        try:
            while True:
                execution = await view.get(execution_id)  # before the records: its last one comes with its end
                while found := await view.records(execution_id, after=seen, limit=MAX_PAGE):
                    for record in found:
                        seen = record.seq or seen
                        yield _event(record, shown)
                if execution.status.final:
                    yield b"event: end\ndata: " + orjson.dumps({"status": execution.status}) + b"\n\n"
                    return
                async for passing in news.until_kept(heartbeat):
                    yield b": alive\n\n" if passing is None else _event(passing, shown)
                if news.over:
                    return
        finally:
            news.close()


class _News:
    """Live records. The one that is awaited stays awaited when it does not come in time."""

    def __init__(self, live: AsyncIterator[Record]) -> None:
        self._live = live
        self._next: asyncio.Task[Record] | None = None
        self.over = False

    async def until_kept(self, seconds: float) -> AsyncIterator[Record | None]:
        """Records that are not kept, as they come, until one is that is kept; None, and the end, after so long."""
        while True:
            self._next = self._next or asyncio.ensure_future(anext(self._live))
            done, _ = await asyncio.wait({self._next}, timeout=seconds)
            if not done:
                yield None
                return
            try:
                record = self._next.result()
            except StopAsyncIteration:  # the engine was closed
                self.over = True
                return
            finally:
                self._next = None
            if record.seq is not None or record.kind == "execution.rested":
                return
            yield record

    def close(self) -> None:
        if self._next is not None:
            self._next.cancel()


def _event(record: Record, shown: Callable[[Record], dict[str, Any]]) -> bytes:
    number = b"" if record.seq is None else b"id: %d\n" % record.seq
    return b"event: %s\n%sdata: %s\n\n" % (record.kind.encode(), number, orjson.dumps(shown(record)))


def _seq(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text[:17]) <= _MAX_SEQ:
        return int(text[:17])
    raise InputError(f"Last-Event-ID '{text[:50]}' is no record's number.", code="last_event_id_wrong")
