"""Tools of MCP servers, through `langchain-mcp-adapters` (the extra `baton[mcp]`). Loaded through `agents.loading`.

Calls share a session (`agents.tools.mcp_session`), and each carries its idempotency key, so a server that honours it
acts once, however often a crash makes us call again.
What a server says of its tools (their names, what they do) is told to models as it is, and trusted with nothing else:
which of them an agent has, what undoes them and when a person must approve is said by whoever configures the server.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from langchain_core.tools import BaseTool
from langchain_mcp_adapters.tools import load_mcp_tools
from mcp import ClientSession, McpError
from mcp.types import (
    CONNECTION_CLOSED,
    CallToolResult,
    CancelledNotification,
    CancelledNotificationParams,
    ClientNotification,
    TextContent,
)

from agents.models.apart import apart
from agents.tools.mcp_servers import EVERY, McpServer
from agents.tools.mcp_session import TOO_LATE, McpSession, innermost
from agents.tools.tools import LONGEST_NAME, Tool, marked, prefix_of
from agents.tools.undoing import Effect
from agents.values import shorten
from graphs.errors import SettingsError, StepError
from graphs.loading.names import nearest
from graphs.steps import StepContext

_TELLING_SECONDS: Final = 2.0

_NOT_ANSWERED: Final = frozenset({TOO_LATE, CONNECTION_CLOSED})
"""Codes of errors that the protocol's client gives by itself, and no server."""


class Client:
    """Speaks to one server."""

    def __init__(self, server: McpServer) -> None:
        self._server = server
        self._session = McpSession(server)

    async def tools(self) -> list[Tool]:
        """See `McpClient`."""
        return await mcp_tools(self._server, self._session)

    async def aclose(self) -> None:
        """Close its session."""
        await self._session.aclose()


async def mcp_tools(server: McpServer, session: McpSession) -> list[Tool]:
    """The tools of a server, each called `SERVER_TOOL`; those that undo others are among them, named or not.

    Raises:
        SettingsError: it cannot be reached (`mcp_unreachable`), or has not what was asked for.
    """
    try:
        found = {tool.name: tool for tool in await apart(session.ask(load_mcp_tools))}
    except Exception as error:  # the SDK and its transports raise kinds of their own
        raise SettingsError(
            f"the tools of MCP server '{server.name}' cannot be listed: {shorten(_why(error), 300)}.",
            hint="See that it runs, or take it out of BATON_MCP.",
            code="mcp_unreachable",
        ) from error
    wanted = _wanted(server, found)
    undoing = [undo for name in wanted if (undo := server.said_of(name).undo) in found]
    return [_tool(server, session, found[name], found) for name in dict.fromkeys([*wanted, *undoing])]


def _wanted(server: McpServer, found: Mapping[str, BaseTool]) -> list[str]:
    named = [one.tool for one in server.tools] if server.tools is not None else [EVERY]
    spoken_of = [*named, *server.approval]
    if missing := [name for name in spoken_of if name != EVERY and name not in found]:
        near = nearest(missing[0], found)
        raise SettingsError(
            f"MCP server '{server.name}' has no tool '{missing[0]}'.",
            hint=f"Did you mean '{near}'?" if near else f"It has {', '.join(found) or 'none'}.",
            code="mcp_tool_unknown",
        )
    return list(found) if EVERY in named else named


def _name(server: McpServer, tool: str) -> str:
    """What a tool is called here: the same whatever else its server has, and like no other of it."""
    name = prefix_of(f"{server.name}_{tool}")[:-1]
    return name if len(name) <= LONGEST_NAME and name.endswith(f"_{tool}") else marked(name, server.name, tool)


def _tool(server: McpServer, session: McpSession, found: BaseTool, others: Mapping[str, BaseTool]) -> Tool:
    said = server.said_of(found.name)
    seconds = said.timeout or server.timeout
    undo = _name(server, said.undo) if said.undo is not None and said.undo in others else said.undo

    async def call(context: StepContext, /, **arguments: Any) -> Any:
        # Not by the adapters' own tool, which has no way to say `_meta`.
        said, limit, sent = {server.key_as: context.idempotency_key}, timedelta(seconds=seconds), asyncio.Event()

        def question(asked: ClientSession) -> Awaitable[CallToolResult]:
            sent.set()
            return _cancelled_there_too(asked, asked.call_tool(found.name, arguments, limit, meta=said))

        try:
            answer = await apart(session.ask(question))
        except Exception as error:  # as above
            raise StepError(
                f"MCP server '{server.name}' failed: {shorten(_why(error), 300)}.",
                category="dependency",
                code="mcp_failed",
                outcome="unknown" if sent.is_set() and _unheard(error) else "none",
            ) from error
        return _result(answer)

    schema: Any = found.args_schema if isinstance(found.args_schema, dict) else found.get_input_jsonschema()
    return Tool(
        _name(server, found.name),
        found.description or f"The tool '{found.name}' of '{server.name}'.",
        call,
        {"type": "object", "properties": {}, **schema},
        effect=said.effect or ("reversible" if undo is not None else _effect(found.metadata or {})),
        undo=undo,
        undo_args=said.undo_args,
        approval=said.approval,
        max_calls=said.max_calls,
        timeout=seconds,
        retry=said.retry,
        uses=server.name,
    )


async def _cancelled_there_too(session: ClientSession, call: Awaitable[CallToolResult]) -> CallToolResult:
    """A call whose end nobody waits for any more is taken back, as the protocol has it; its client does not do so."""
    number: int | None = getattr(session, "_request_id", None)  # what the next request is sent as
    try:
        return await call
    except (asyncio.CancelledError, McpError) as error:
        too_late = not isinstance(error, McpError) or error.error.code == TOO_LATE
        if too_late and number is not None:
            with suppress(Exception):  # whoever is cancelled is told, and what becomes of that is not waited for
                async with asyncio.timeout(_TELLING_SECONDS):
                    await session.send_notification(_cancelled(number))
        raise


def _cancelled(number: int) -> ClientNotification:
    said = CancelledNotificationParams(requestId=number, reason="nobody waits for it any more")
    return ClientNotification(CancelledNotification(params=said))


def _unheard(error: Exception) -> bool:
    """Whether nobody heard how a call ended that was sent."""
    return not isinstance(error, McpError) or error.error.code in _NOT_ANSWERED


def _effect(said: Mapping[str, Any]) -> Effect | None:
    """What the server says its tool does, where that makes us more careful: "changes nothing" is only its own word."""
    return "irreversible" if said.get("destructiveHint") else None


def _result(answer: CallToolResult) -> Any:
    """What a tool gave.

    Raises:
        StepError: the tool has answered, and the answer is that it failed: its server is well.
    """
    texts = [block.text for block in answer.content if isinstance(block, TextContent)]
    if answer.isError:
        raise StepError(
            "\n".join(texts) or "the tool failed and does not say why.",
            category="logic",
            retryable=False,
            code="tool_failed",
        )
    if answer.structuredContent is not None:
        return answer.structuredContent
    if len(texts) == len(answer.content):
        return "\n".join(texts)
    return [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in answer.content]


def _why(error: BaseException) -> str:
    reason = innermost(error)
    return f"{type(reason).__name__}: {reason}"
