"""Where MCP servers are, and what is said here of their tools. Light: what speaks to them is `agents.tools.mcp`."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from agents.registry import Registry
from agents.tools.tool_use import ToolApproval
from agents.tools.undoing import Effect, undo_template
from graphs.durations import Duration
from graphs.errors import InputError
from graphs.spec import RetryPolicy
from graphs.steps import StepConfig

EVERY: Final = "*"
"""In place of a tool's name: all that are not named."""


class McpTool(StepConfig):
    """What is said of one tool of an MCP server. Its server's own word is taken for its name, its description and the
    form of its arguments, and for nothing else.

    Attributes:
        tool: Its name at the server; `*` for all that are not named.
        effect, undo, undo_args, approval, max_calls, timeout, retry: As in `agents.Tool`. `undo` names a tool of the
            same server, by the server's name for it, or any registered one.
    """

    tool: str = Field(min_length=1)
    effect: Effect | None = None
    undo: str | None = None
    undo_args: dict[str, Any] | None = None
    approval: ToolApproval | None = None
    max_calls: int | None = Field(default=None, ge=1)
    timeout: Duration | None = None
    retry: RetryPolicy | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_its_name(cls, value: Any) -> Any:
        return {"tool": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _undone_or_not(self) -> Self:
        if self.undo is not None and self.effect in ("none", "irreversible"):
            raise ValueError(f"'undo' says what undoes it, and its effect is '{self.effect}'")
        if self.undo_args is not None:
            if self.undo is None:
                raise ValueError("'undo_args' goes with 'undo'")
            try:
                undo_template(self.undo_args)
            except InputError as error:
                raise ValueError(error.message) from None
        return self


class McpServer(StepConfig):
    """Where an MCP server is, and what may be done with its tools.

    Attributes:
        name: What it is called: its tools are `NAME_TOOL`.
        command, args, env: For a server that is started here and spoken to over its standard input and output.
        url, headers: For one that is spoken to over HTTP.
        tools: Those that are offered, each by the server's name, or with what is said of it (`McpTool`); by their names
            as a mapping, too. `*` stands for all others. Without it, all.
        approval: When a person must approve a call, by tool; `*` for all others.
        timeout: Seconds one call may take.
        idle: Seconds after which a session that nobody asks anything is closed; the next call opens another.
        key_as: Under which name of `_meta` each call carries its idempotency key, the same however often it is made;
            over HTTP it is the header `Idempotency-Key` too.
    """

    name: str = ""
    transport: Literal["stdio", "http", "sse"] | None = None
    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] | None = None
    url: str | None = None
    headers: dict[str, str] | None = Field(default=None, repr=False)
    tools: tuple[McpTool, ...] | None = None
    approval: dict[str, ToolApproval] = Field(default_factory=dict)
    timeout: Duration = 60.0
    idle: Duration = 300.0
    key_as: str = Field(default="baton/idempotency-key", min_length=1)

    @field_validator("tools", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        if isinstance(value, str):
            return (value,)
        if isinstance(value, Mapping):
            return tuple({"tool": name, **(said or {})} for name, said in value.items())
        return value

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("give one of 'command' and 'url'")
        names = [one.tool for one in self.tools or ()]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"'tools' names '{twice[0]}' twice")
        return self

    def said_of(self, tool: str) -> McpTool:
        """What is said here of one of its tools."""
        by_name = {one.tool: one for one in self.tools or ()}
        said = by_name.get(tool) or by_name.get(EVERY) or McpTool(tool=tool)
        if said.approval is None and (approval := self.approval.get(tool, self.approval.get(EVERY))) is not None:
            return said.model_copy(update={"approval": approval})
        return said

    def connection(self) -> dict[str, Any]:
        """As the adapters want it."""
        if self.command is not None:
            return {"transport": "stdio", "command": self.command, "args": list(self.args), "env": self.env}
        kind = "sse" if self.transport == "sse" else "streamable_http"
        # The adapters' two transports want their limits in two ways.
        limit: Any = self.timeout if kind == "sse" else timedelta(seconds=self.timeout)
        return {"transport": kind, "url": self.url, "headers": {**(self.headers or {})}, "timeout": limit}


class McpServers(Registry[McpServer]):
    """The MCP servers of an application; a resource. Those in `BATON_MCP` are offered besides."""

    word = "mcp_server"
    remedy = "MCP servers are given: McpServers([McpServer(name=..., url=...)])."

    def __init__(self, servers: Iterable[McpServer] = ()) -> None:
        super().__init__(servers)

    def add(self, entry: McpServer) -> None:
        if not entry.name:
            raise InputError("an MCP server has no name.", hint="McpServer(name=..., url=...)", code="mcp_server_name")
        super().add(entry)
