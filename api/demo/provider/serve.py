"""Serving the provider: in a thread, for as long as a block lasts."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from api.demo.provider.app import Provider
from graphs.errors import BatonError

_START_SECONDS = 10.0


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
def serving(provider: Provider, *, port: int = 0) -> Iterator[str]:
    """Serve it on loopback until the block ends.

    Args:
        port: 0 picks a free one.

    Yields:
        The base URL for clients (`http://127.0.0.1:40123/v1`).

    Raises:
        BatonError: it does not start.
    """
    config = uvicorn.Config(
        provider.app(), host="127.0.0.1", port=port, log_level="critical", ws="none", lifespan="off"
    )
    server = _Telling(config)
    thread = threading.Thread(target=server.run, name="baton-provider", daemon=True)
    thread.start()
    if not server.listening.wait(_START_SECONDS) or not server.servers:
        raise BatonError(f"the provider does not listen on port {port}.", code="demo_provider_failed")
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)
