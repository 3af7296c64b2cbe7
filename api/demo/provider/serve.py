"""Serving the provider: in a thread, for as long as a block lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

from api.demo.provider.app import Provider
from api.demo.serving import in_a_thread


@contextmanager
def serving(provider: Provider, *, port: int = 0, log_level: str = "critical") -> Iterator[str]:
    """Serve it on loopback until the block ends.

    Args:
        port: 0 picks a free one.
        log_level: What uvicorn says on stderr: `info` for every request.

    Yields:
        The base URL for clients (`http://127.0.0.1:40123/v1`).

    Raises:
        BatonError: it does not start.
    """
    with in_a_thread(provider.app(), name="provider", port=port, log_level=log_level) as url:
        yield f"{url}/v1"
