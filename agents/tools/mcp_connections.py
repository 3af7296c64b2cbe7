"""The MCP servers of an engine: their tools are offered once they can be reached, and no server holds up the rest.

Light: what speaks to a server is handed in.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from agents.tools.mcp_servers import McpServer
from agents.tools.tools import Tool, Tools, marked, prefix_of
from graphs.clock import Clock
from graphs.errors import BatonError, SettingsError

PATIENCE: Final = 30.0
"""Seconds that an engine waits for its servers when it opens: one that is begun for it has much to load. It goes on
trying while it works."""

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
"""Seconds between two tries."""


class McpClient(Protocol):
    """Speaks to one server."""

    async def tools(self) -> Sequence[Tool]:
        """Its tools.

        Raises:
            SettingsError: `mcp_unreachable`; or what is said of the server does not fit it.
        """
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class McpStatus:
    """How it stands with a server.

    Attributes:
        reached: Whether its tools are known.
        tools: What they are called here.
        error: Why they are not known.
        since: From when on that is so.
        tries: How often it has been asked for them.
    """

    name: str
    where: str
    reached: bool
    tools: tuple[str, ...]
    error: str | None
    since: datetime
    tries: int


class McpConnections:
    """Asks servers for their tools, again and again until they answer; a resource. Close it at the end.

    Args:
        tools: Where their tools are offered, and are said to be missing. What is registered there under the name of
            such a tool is meant to stand in its place.
        connect: Makes what speaks to a server.
        heard: Told whenever it stands otherwise with a server.
    """

    def __init__(
        self,
        servers: Iterable[McpServer],
        tools: Tools,
        connect: Callable[[McpServer], McpClient],
        clock: Clock,
        heard: Callable[[McpStatus], None] = lambda status: None,
    ) -> None:
        self._servers = list(servers)
        self._tools = tools
        self._connect = connect
        self._clock = clock
        self._heard = heard
        self._clients: list[McpClient] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._statuses: dict[str, McpStatus] = {}
        self._wrong: list[BatonError] = []
        self._found: list[Tool] = []

    def statuses(self) -> list[McpStatus]:
        """How it stands with each server, in their order."""
        return [self._statuses[server.name] for server in self._servers]

    async def open(self) -> None:
        """Ask all of them at once; those that cannot be reached are asked again, while the engine works.

        Raises:
            SettingsError: what is said of a server does not fit it, or a tool is undone by one that nobody has.
        """
        await self.ask()
        if self._wrong:
            raise self._wrong[0]
        if all(status.reached for status in self.statuses()):
            self._check_undos()

    async def ask(self) -> None:
        """Ask all of them; return when each has answered, or has been waited for long enough."""
        firsts = []
        for server in self._servers:
            self._note(server, error="it has not answered yet", tries=0)
            first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._tasks.append(asyncio.create_task(self._reach(server, first), name=f"mcp {server.name}"))
            firsts.append(first)
        if firsts:
            await asyncio.wait(firsts, timeout=PATIENCE)
        for status in self.statuses():
            if not status.tries:  # it goes on without those, and somebody must know
                self._heard(status)

    def _check_undos(self) -> None:
        """Once all are known: a tool may be undone by another server's."""
        for tool in self._found:
            if isinstance(tool.undo, str) and tool.undo not in self._tools:
                raise SettingsError(
                    f"tool '{tool.name}' is to be undone by '{tool.undo}', and there is no such tool.",
                    hint=self._tools.suggestion(tool.undo),
                    code="tool_undo",
                )

    async def _reach(self, server: McpServer, first: asyncio.Future[None]) -> None:
        client = self._connect(server)
        self._clients.append(client)
        tries, pause = 0, _FIRST_PAUSE
        while True:
            tries += 1
            try:
                self._offer(server, await client.tools(), tries)
                return
            except BatonError as error:
                self._note(server, error=error.message, tries=tries)
                if error.code != "mcp_unreachable":  # asking again would not change that
                    self._wrong.append(error)
                    return
            finally:
                if not first.done():
                    first.set_result(None)
            await self._clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _offer(self, server: McpServer, found: Sequence[Tool], tries: int) -> None:
        others = [one.name for one in self._servers if one.name != server.name]
        own = _told_apart(server.name, found, others)
        for tool in own:
            if tool.name not in self._tools:
                self._tools.add(tool)
        self._found += own
        self._note(server, tools=tuple(tool.name for tool in own), tries=tries)

    def _note(self, server: McpServer, *, error: str | None = None, tools: tuple[str, ...] = (), tries: int) -> None:
        before = self._statuses.get(server.name)
        since = before.since if before is not None and before.error == error else self._clock.now()
        where = server.url or " ".join([server.command or "", *server.args])
        status = McpStatus(server.name, where, error is None, tools, error, since, tries)
        self._statuses[server.name] = status
        self._tools.awaits(server.name, error)
        if tries and (before is None or before.error != error):
            self._heard(status)

    async def aclose(self) -> None:
        """Ask no more, and close what is open."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(client.aclose() for client in self._clients))


def _told_apart(server: str, found: Sequence[Tool], others: Iterable[str]) -> list[Tool]:
    """`git`'s `hub_find` and `git_hub`'s `find` have two names: that of the one that looks like another server's is
    marked, whether that server has such a tool or not, so that it is the same every time."""
    prefixes = tuple(prefix_of(other) for other in others)
    prefixes = tuple(one for one in prefixes if one.startswith(prefix_of(server)))
    names = {one.name: marked(one.name, server, one.name) for one in found if one.name.startswith(prefixes)}

    def apart(tool: Tool) -> Tool:
        undo = names.get(tool.undo, tool.undo) if isinstance(tool.undo, str) else tool.undo
        return replace(tool, name=names.get(tool.name, tool.name), undo=undo)

    return [apart(one) for one in found]
