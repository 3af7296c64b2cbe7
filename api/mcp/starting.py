"""The SDK's server, begun with the first request that needs it, and ended with the gateway."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp

from agents.tools.threads import in_thread
from graphs.errors import BatonError
from orchestrator.engine import Orchestrator
from orchestrator.whole import stopped


class NotInstalledError(BatonError):
    """This Baton was installed without the part that is asked for."""

    code = "not_installed"


class Mcp:
    """Use as `async with mcp.serving()`.

    Args:
        orchestrator: Whose workflows are offered.
    """

    def __init__(self, orchestrator: Orchestrator) -> None:
        self._orchestrator = orchestrator
        self._begun: asyncio.Future[ASGIApp] | None = None
        self._serving: asyncio.Task[None] | None = None

    async def handler(self) -> ASGIApp:
        """What answers a request.

        Raises:
            NotInstalledError: the SDK is not there.
        """
        if self._begun is None or (self._begun.done() and self._begun.exception() is not None):
            self._begun = asyncio.get_running_loop().create_future()
            self._serving = asyncio.create_task(self._serve(self._begun), name="mcp")
        return await asyncio.shield(self._begun)

    async def _serve(self, begun: asyncio.Future[ASGIApp]) -> None:
        try:
            server: Any = await in_thread(lambda: importlib.import_module("api.mcp.server"))
        except ImportError as error:
            problem = NotInstalledError(
                f"MCP is not served: {error}.", hint="In Baton's folder: .venv/bin/pip install -e '.[mcp]'."
            )
            begun.set_exception(problem)
            return
        async with server.served(self._orchestrator) as handler:
            begun.set_result(handler)
            await asyncio.Event().wait()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """What was begun is ended with the block."""
        try:
            yield
        finally:
            if self._serving is not None:
                await stopped(self._serving)
