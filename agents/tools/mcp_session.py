"""A session with an MCP server that is kept open between calls. Loaded with `agents.tools.mcp`.

    McpSession      asks the server; opens a session when there is none, and another when that is broken
    _Open           one session: a task of its own opens and closes it, as what speaks MCP wants it

A call that was cut off, or took too long, retires the session it was made in: nobody else begins anything in it, and it
is closed (over stdio, the server's process ended) as soon as nobody waits for it any more.
"""

import asyncio
import contextvars
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from anyio import BrokenResourceError, ClosedResourceError
from langchain_mcp_adapters.sessions import create_session
from mcp import ClientSession, McpError
from mcp.shared._httpx_utils import create_mcp_http_client  # what the adapters use where nothing else is given
from mcp.types import CONNECTION_CLOSED

from agents.tools.mcp_servers import McpServer

T = TypeVar("T")
Question = Callable[[ClientSession], Awaitable[T]]

TOO_LATE: Final = 408
_NO_SUCH_SESSION: Final = 32600
"""Codes that the protocol's client gives by itself: no answer in time; a server, begun anew, knows no such session."""

_UNSENT: Final = (ClosedResourceError, BrokenResourceError)

_CLOSING_SECONDS: Final = 10.0


class McpSession:
    """Asks one server; close it at the end."""

    def __init__(self, server: McpServer) -> None:
        self._server = server
        self._opened: set[_Open] = set()
        self._newest: _Open | None = None

    async def ask(self, question: Question[T]) -> T:
        """What the server says.

        Raises:
            Exception: it cannot be reached, or says that it failed; `McpError` and whatever the transports raise.
        """
        try:
            return await self._open().ask(question)
        except Exception as error:  # of any transport; only what was never sent is tried once more
            if not _never_sent(error):
                raise
        return await self._open().ask(question)

    def _open(self) -> "_Open":
        if self._newest is None or not self._newest.usable:
            self._newest = _Open(self._server)
            self._opened.add(self._newest)
            self._newest.task.add_done_callback(self._over)
        return self._newest

    def _over(self, task: asyncio.Task[None]) -> None:
        self._opened = {one for one in self._opened if one.task is not task}
        if not task.cancelled():
            task.exception()  # whoever asked has been told

    async def aclose(self) -> None:
        """Close what is open. Questions under way fail."""
        tasks = [one.close() for one in self._opened]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_CLOSING_SECONDS)
            for task in late:
                task.cancel()


class _Open:
    """One session. It may fail to open: then whoever asks is told why."""

    def __init__(self, server: McpServer) -> None:
        self._server = server
        loop = asyncio.get_running_loop()
        self._session: asyncio.Future[ClientSession] = loop.create_future()
        self._session.add_done_callback(lambda session: session.cancelled() or session.exception())
        self._asking = 0
        self._retired = self._closing = False
        self._stirred = asyncio.Event()
        # It outlives whoever asks first, and knows nothing of what is around them.
        self.task = loop.create_task(self._live(), context=contextvars.Context())

    @property
    def usable(self) -> bool:
        return not self._retired and not self.task.done()

    async def ask(self, question: Question[T]) -> T:
        self._asking += 1
        self._stirred.set()
        try:
            session = await asyncio.shield(self._session)
            return await self._answered(asyncio.ensure_future(question(session)))
        except McpError as error:
            if error.error.code in (TOO_LATE, _NO_SUCH_SESSION, CONNECTION_CLOSED):
                self._retired = True
            raise
        except BaseException:
            self._retired = True
            raise
        finally:
            self._asking -= 1
            self._stirred.set()

    async def _answered(self, answer: asyncio.Future[T]) -> T:
        """Unless the session ends before."""
        try:
            both: list[asyncio.Future[Any]] = [answer, self.task]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise self._lost()
            return answer.result()
        finally:
            if not answer.done():
                answer.cancel()
                with suppress(Exception, asyncio.CancelledError):
                    await answer

    def _lost(self) -> Exception:
        """Why it has ended, for who waited for an answer in it.

        What could not be written was this question, when there was no other: its server was dead before.
        """
        why = None if self.task.cancelled() else innermost(self.task.exception())
        if isinstance(why, _UNSENT) and self._asking > 1:
            why = None
        return why if isinstance(why, Exception) else ConnectionError("the session was closed")

    def close(self) -> "asyncio.Task[None]":
        """End it, whoever asks."""
        self._retired = self._closing = True
        self._stirred.set()
        if not self._session.done():
            self.task.cancel()
        return self.task

    async def _live(self) -> None:
        try:
            async with create_session(_connection(self._server)) as session:
                async with asyncio.timeout(self._server.timeout):
                    await session.initialize()
                self._session.set_result(session)
                await self._wanted()
                self._retired = True
        except BaseException as error:
            self._retired = True
            if not self._session.done():
                self._session.set_exception(_reason(error))
                return
            raise

    async def _wanted(self) -> None:
        """Return when nobody asks any more, or nobody has for a while."""
        while not self._closing and (self._asking or not self._retired):
            self._stirred.clear()
            try:
                async with asyncio.timeout(None if self._asking else self._server.idle):
                    await self._stirred.wait()
            except TimeoutError:
                if not self._asking:
                    return


def _never_sent(error: Exception) -> bool:
    """Whether the server has surely not heard the question: the session had ended before."""
    if isinstance(error, McpError):
        return error.error.code == _NO_SUCH_SESSION
    return isinstance(error, _UNSENT)


def innermost(error: BaseException | None) -> BaseException | None:
    """The reason: what speaks MCP wraps it in groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _reason(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else ConnectionError("the session was closed before it was open")


def _connection(server: McpServer) -> Any:
    connection = server.connection()
    if connection["transport"] != "stdio":
        connection["httpx_client_factory"] = _factory(server.key_as)
    return connection


def _factory(key_as: str) -> Callable[..., Any]:
    """Clients whose requests carry the idempotency key of the call they make as a header, too."""

    async def with_key(request: Any) -> None:
        if request.method != "POST":
            return
        said = json.loads(await request.aread() or b"null")
        parameters = said.get("params") if isinstance(said, dict) else None
        if isinstance(parameters, dict) and (key := (parameters.get("_meta") or {}).get(key_as)) is not None:
            request.headers["Idempotency-Key"] = str(key)

    def make(headers: Any = None, timeout: Any = None, auth: Any = None) -> Any:
        client = create_mcp_http_client(headers, timeout, auth)
        client.event_hooks["request"].append(with_key)
        return client

    return make
