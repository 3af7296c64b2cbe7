"""The process: one loopback socket, one event loop, announced when it really accepts, stopped without loose ends."""

import asyncio
import contextlib
import ipaddress
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.demo.services.app import build_app
from api.demo.services.gate import TRANSPORT
from api.demo.services.seeds import plant
from api.demo.services.store import Store

GRACE_SECONDS = 3

# Longer than any pause of a pooled client: a connection that closes just as it is used again looks like a lost
# answer, and would be counted as a fault that nobody switched on.
KEEP_ALIVE_SECONDS = 600


class NotLoopbackError(Exception):
    """The services were asked to listen where other machines could reach them."""


class GateProtocol(H11Protocol):
    """uvicorn's HTTP protocol, which also hands its transport to the gate, so that it can hang up."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT: transport}


class ServicesServer(uvicorn.Server):
    """A uvicorn server that says when it accepts, and that ends with exit code 0 when it is told to stop."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()

    def stop(self) -> None:
        self._stopping.set()
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own way raises the signal again at the end, which makes an ordered stop look like a crash.
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


def serve(database: Path, host: str, port: int, *, ready_file: Path | None, exit_with_parent: bool) -> None:
    """Run until SIGTERM, SIGINT, or (if asked) the end of stdin.

    Raises:
        NotLoopbackError: The host is not this machine alone.
        StoreUnusableError: The database cannot be used.
        OSError: The port is taken, or the ready file cannot be written.
    """
    listener = listen(host, port)
    try:
        store = Store.open(database, plant)
        try:
            asyncio.run(_serve(store, listener, ready_file, exit_with_parent=exit_with_parent))
        finally:
            store.close()
            if ready_file is not None:
                ready_file.unlink(missing_ok=True)
    finally:
        listener.close()


async def _serve(store: Store, listener: socket.socket, ready_file: Path | None, *, exit_with_parent: bool) -> None:
    stopping = asyncio.Event()
    config = uvicorn.Config(
        build_app(store, stopping),
        http=GateProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = ServicesServer(config, stopping, lambda: _announce(_url(listener), ready_file))
    if exit_with_parent:
        _watch_parent(server.stop)
    await server.serve(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound already, so that a free port, once picked, is ours.

    Raises:
        NotLoopbackError: The host is not this machine alone.
        OSError: The name is unknown, or the port is taken.
    """
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not all(ipaddress.ip_address(address[4][0]).is_loopback for address in addresses):
        raise NotLoopbackError(f"{host} is not a loopback address. The demo services have no authentication.")
    # A name may stand for an IPv4 and an IPv6 address, of which this machine may have only one.
    failures: list[OSError] = []
    for family, kind, protocol, _, address in addresses:
        try:
            return _bound(socket.socket(family, kind, protocol), address)
        except OSError as error:
            failures.append(error)
    raise failures[0]


def _bound(listener: socket.socket, address: Any) -> socket.socket:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(url: str, ready_file: Path | None) -> None:
    line = json.dumps({"url": url}) + "\n"
    if ready_file is not None:
        # Renamed into place: whoever sees the file sees all of it.
        partial = ready_file.with_name(ready_file.name + ".partial")
        partial.write_text(line, encoding="utf-8")
        partial.replace(ready_file)
    sys.stdout.write(line)
    sys.stdout.flush()


def _watch_parent(stop: Callable[[], None]) -> None:
    """Stop when stdin ends: the parent holds its other end, and the kernel closes that even after a SIGKILL.

    A thread, as stdin may be something that an event loop cannot watch.
    """
    loop = asyncio.get_running_loop()

    def watch() -> None:
        with contextlib.suppress(OSError):  # no stdin at all is a stdin at its end
            while os.read(0, 1024):
                pass
        with contextlib.suppress(RuntimeError):  # the loop has ended: so has the process, nearly
            loop.call_soon_threadsafe(stop)
        # An orphan would hold its port for ever; leave even where the ordered way out is stuck.
        time.sleep(2 * GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()
