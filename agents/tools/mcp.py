"""Tools of MCP servers, through `langchain-mcp-adapters` (the extra `baton[mcp]`). Loaded through `agents.loading`.

Each call opens a session of its own: nothing that a crash, or a server that is started again, could leave half open.
What a server says of its tools (their names, what they do) is told to models as it is, and trusted with nothing else:
which of them an agent has, and when a person must approve, is said by whoever configures the server.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal

from langchain_core.tools import BaseTool, ToolException
from langchain_mcp_adapters.tools import load_mcp_tools
from pydantic import Field

from agents.models.apart import apart
from agents.tools.tool_use import ToolApproval
from agents.tools.tools import Effect, Tool
from agents.values import shorten
from graphs.durations import Duration
from graphs.errors import SettingsError, StepError
from graphs.steps import StepConfig

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]")


class McpServer(StepConfig):
    """Where an MCP server is, and what may be done with its tools.

    Attributes:
        command, args, env: For a server that is started here and spoken to over its standard input and output.
        url, headers: For one that is spoken to over HTTP.
        tools: Those that are offered, by the server's names; without it, all.
        approval: When a person must approve a call, by tool; `*` for all others.
        timeout: Seconds one call may take.
    """

    transport: Literal["stdio", "http", "sse"] | None = None
    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] | None = None
    url: str | None = None
    headers: dict[str, str] | None = Field(default=None, repr=False)
    tools: tuple[str, ...] | None = None
    approval: dict[str, ToolApproval] = Field(default_factory=dict)
    timeout: Duration = 60.0

    def connection(self) -> dict[str, Any]:
        """As the adapters want it.

        Raises:
            ValueError: it is neither started here nor anywhere else.
        """
        if (self.command is None) == (self.url is None):
            raise ValueError("give one of 'command' and 'url'")
        if self.command is not None:
            return {"transport": "stdio", "command": self.command, "args": list(self.args), "env": self.env}
        kind = "sse" if self.transport == "sse" else "streamable_http"
        # The adapters' two transports want their limits in two ways.
        limit: Any = self.timeout if kind == "sse" else timedelta(seconds=self.timeout)
        return {"transport": kind, "url": self.url, "headers": self.headers, "timeout": limit}


async def mcp_tools(name: str, server: McpServer | Mapping[str, Any]) -> list[Tool]:
    """The tools of a server, each called `SERVER_TOOL`.

    Raises:
        SettingsError: it cannot be reached, or has not what was asked for.
    """
    try:
        where = server if isinstance(server, McpServer) else McpServer.model_validate(server)
        connection: Any = where.connection()
        found = {tool.name: tool for tool in await apart(load_mcp_tools(None, connection=connection))}
    except Exception as error:
        raise SettingsError(
            f"the tools of MCP server '{name}' cannot be listed: {shorten(_why(error), 300)}.",
            hint="See that it runs, or take it out of BATON_MCP.",
            code="mcp_unreachable",
        ) from error
    wanted = where.tools if where.tools is not None else tuple(found)
    if missing := [one for one in wanted if one not in found]:
        raise SettingsError(
            f"MCP server '{name}' has no tool '{missing[0]}'.", hint=f"It has {', '.join(found) or 'none'}."
        )
    return [_tool(name, found[one], where) for one in wanted]


def _tool(server: str, found: BaseTool, where: McpServer) -> Tool:
    async def call(**arguments: Any) -> Any:
        asked = {"name": found.name, "args": arguments, "id": "call", "type": "tool_call"}
        try:
            answer = await apart(found.ainvoke(asked))
        except ToolException as error:
            raise _refused(error) from error
        except Exception as error:
            raise StepError(
                f"MCP server '{server}' failed: {shorten(_why(error), 300)}.", category="dependency", code="mcp_failed"
            ) from error
        if getattr(answer, "status", None) == "error":
            raise _refused(answer.text)
        return _result(answer)

    schema: Any = found.args_schema if isinstance(found.args_schema, dict) else found.get_input_jsonschema()
    return Tool(
        _NOT_IN_NAMES.sub("_", f"{server}_{found.name}")[:64],
        found.description or f"The tool '{found.name}' of '{server}'.",
        call,
        {"type": "object", "properties": {}, **schema},
        effect=_effect(found.metadata or {}),
        approval=where.approval.get(found.name, where.approval.get("*")),
        timeout=where.timeout,
        uses=server,
    )


def _refused(said: object) -> StepError:
    """The tool has answered, and the answer is that it failed: its server is well."""
    return StepError(str(said), category="logic", retryable=False, code="tool_failed")


def _effect(said: Mapping[str, Any]) -> Effect | None:
    """What the server says its tool does, where that makes us more careful: "changes nothing" is only its own word."""
    return "irreversible" if said.get("destructiveHint") else None


def _result(answer: Any) -> Any:
    artifact = answer.artifact if isinstance(answer.artifact, Mapping) else {}
    if artifact.get("structured_content") is not None:
        return artifact["structured_content"]
    blocks = answer.content
    if isinstance(blocks, list) and all(isinstance(one, dict) and one.get("type") == "text" for one in blocks):
        return "\n".join(str(one["text"]) for one in blocks)
    return blocks


def _why(error: BaseException) -> str:
    """The innermost reason: what speaks MCP wraps them in groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
