"""Serving the provider: in a thread, for as long as a block lasts."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from api.demo.provider.app import Provider
from graphs.errors import BatonError

_START_SECONDS = 10.0


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
    server = uvicorn.Server(config)
    listening, startup = threading.Event(), server.startup

    async def told(sockets: Any = None) -> None:
        await startup(sockets)
        listening.set()

    server.startup = told  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, name="baton-provider", daemon=True)
    thread.start()
    if not listening.wait(_START_SECONDS) or not server.servers:
        raise BatonError(f"the provider does not listen on port {port}.", code="demo_provider_failed")
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)
