"""Bodies that last (`api.wire.sse`), and who reads them."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

from api.wire.sse import LastingResponse

PARTS = 5_000


async def test_who_has_left_is_sent_nothing_more_however_much_there_is_to_say() -> None:
    sent: list[MutableMapping[str, Any]] = []
    gone, told = asyncio.Event(), asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(PARTS):
            yield b"event: values\n\n"

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)
        if len(sent) == 3:
            gone.set()

    async def receive() -> MutableMapping[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def left() -> None:
        told.set()

    response = LastingResponse(parts(), media_type="text/event-stream", headers={}, gone=left)
    await response({"type": "http"}, receive, send)
    assert told.is_set() and len(sent) < 20
