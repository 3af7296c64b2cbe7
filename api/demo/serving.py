"""Serving an ASGI application on loopback: in a thread, for as long as a block lasts."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from graphs.errors import BatonError

_START_SECONDS = 30.0


class _Telling(uvicorn.Server):
    """uvicorn that tells other threads once it listens.

    Attributes:
        listening: Set then.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        self.listening.set()


@contextmanager
def in_a_thread(
    app: Any, *, name: str, port: int = 0, lifespan: bool = False, log_level: str = "critical"
) -> Iterator[str]:
    """Serve it on loopback until the block ends.

    Args:
        name: What it is called in the thread's name and in errors.
        port: 0 picks a free one.
        lifespan: Whether the application is told that it starts and ends.
        log_level: What uvicorn says on stderr.

    Yields:
        Where it is (`http://127.0.0.1:40123`).

    Raises:
        BatonError: it does not start.
    """
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level=log_level, ws="none", lifespan="on" if lifespan else "off"
    )
    server = _Telling(config)
    thread = threading.Thread(target=server.run, name=f"baton-{name}", daemon=True)
    thread.start()
    if not server.listening.wait(_START_SECONDS) or not server.servers:
        raise BatonError(f"the {name} does not listen on port {port}.", code="demo_provider_failed")
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)
