"""The services as a child process, for the demo and for tests.

    async with running_services(tmp_path / "services.db") as services:
        services.url                            # http://127.0.0.1:40123
        services.service_url("user-service")    # http://127.0.0.1:40123/user-service

The child dies with its parent, even when that is killed with SIGKILL, unless `exit_with_parent=False` is said.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from api.demo.services.names import SERVICE_NAMES
from graphs.errors import BatonError

__all__ = ["SERVICE_NAMES", "Services", "ServicesError", "running_services"]

START_SECONDS = 20.0  # a start takes under one; a machine under load takes longer
STOP_SECONDS = 8.0  # longer than the child's own grace time
PACKAGE_ROOT = Path(__file__).resolve().parents[3]


class ServicesError(BatonError):
    """The demo services did not start."""

    code = "demo_services_failed"


@dataclass(frozen=True, slots=True)
class Services:
    """Running services: where they are."""

    url: str
    pid: int
    log: Path

    def service_url(self, name: str) -> str:
        """The base address of one service; its endpoints begin with `/api`."""
        if name not in SERVICE_NAMES:
            raise ServicesError(f"No service '{name}'.", hint=f"Known: {', '.join(SERVICE_NAMES)}.")
        return f"{self.url}/{name}"

    @property
    def service_urls(self) -> dict[str, str]:
        """Every service's base address by its name, as the engine's settings want them."""
        return {name: self.service_url(name) for name in SERVICE_NAMES}


@asynccontextmanager
async def running_services(
    database: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    exit_with_parent: bool = True,
    log: Path | None = None,
) -> AsyncIterator[Services]:
    """Start the services, wait until they accept connections, and stop them at the end.

    Args:
        database: Their SQLite file; what it holds already is kept.
        host: A loopback address.
        port: A fixed port, so that the services can be started again where callers expect them; 0 picks a free one.
        exit_with_parent: The child ends when this process does, however it does. Say False where the services must
            outlive their parent; then only leaving this context, or a signal, stops them.
        log: Where their stderr goes; beside the database by default.

    Raises:
        ServicesError: They ended, or took too long, before they were ready. The message holds their last words.
    """
    log = log if log is not None else database.with_name(f"{database.name}.log")
    process = await _start(database, host, port, exit_with_parent=exit_with_parent, log=log)
    try:
        yield Services(await _ready_url(process, log), process.pid, log)
    finally:
        await _stop(process)


async def _start(
    database: Path, host: str, port: int, *, exit_with_parent: bool, log: Path
) -> asyncio.subprocess.Process:
    arguments = ["--database", str(database), "--host", host, "--port", str(port)]
    if exit_with_parent:
        arguments.append("--exit-with-parent")
    # `-P` and our own root: a folder called `api` where the user happens to be must not be taken for ours.
    paths = [str(PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    log.parent.mkdir(parents=True, exist_ok=True)
    # A file and not a pipe: a pipe would break under services that outlive their parent.
    with log.open("ab") as stderr:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "api.demo.services", *arguments),
            stdin=asyncio.subprocess.PIPE if exit_with_parent else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            # Ctrl-C in a terminal reaches every process of the group; the engine shall drain while services answer.
            start_new_session=True,
        )


async def _ready_url(process: asyncio.subprocess.Process, log: Path) -> str:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
    except TimeoutError:
        raise ServicesError(f"The demo services were not ready after {START_SECONDS:g} s. See {log}.") from None
    if not line:
        raise ServicesError(f"The demo services did not start: {_last_words(log)}")
    url: str = json.loads(line)["url"]
    return url


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else f"they said nothing. See {log}."


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    if process.stdin is not None:
        process.stdin.close()
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
    finally:
        # Also when this wait is cancelled: whatever happens, no child is left.
        if process.returncode is None:
            process.kill()
            await process.wait()
        if process.stdout is not None:
            # To its end, so that the pipe's transport is closed before the event loop is.
            await process.stdout.read()
