"""The values that steps ask for by type, gathered from settings, modules and the caller."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from os import environ
from typing import Any, Final

from agents import Agents, Functions, McpServer, McpServers, Models, Services, Tools
from agents.loading import load
from agents.models.models import Allowed
from agents.models.prices import Prices
from agents.models.router import Router
from graphs.clock import Clock
from graphs.errors import SettingsError
from orchestrator.secrets import EngineSecrets
from orchestrator.settings import Settings

_ALLOWED: Final[Mapping[str, Allowed]] = {"allow": True, "loopback": "loopback", "refuse": False}


async def gather(stack: AsyncExitStack, settings: Settings, given: Iterable[Any], clock: Clock) -> Mapping[type, Any]:
    """Resources by type; one that is given replaces the one that is there by default. What can be closed is closed
    in the end."""
    services = Services.from_mapping(settings.services, clock=clock)
    resources: dict[type, Any] = {}
    for value in (
        services,
        Functions(),
        Tools(),
        McpServers(),
        Agents(),
        Models(),
        Router(),
        Prices.from_mapping(settings.prices),
        settings.agent_routing,
        EngineSecrets.from_environment(settings.secrets, environ),
        settings.assistant,
        *given,
    ):
        for kind in type(value).__mro__[:-1]:
            resources[kind] = value
    resources[Models].default = resources[Models].default or settings.model
    resources[Models].narrow(_ALLOWED[settings.real_models])
    servers = [server.model_copy(update={"name": name}) for name, server in settings.mcp.items()]
    await _add_mcp_tools([*servers, *resources[McpServers]], resources[Tools])
    for value in {id(value): value for value in resources.values()}.values():
        if hasattr(value, "aclose"):
            stack.push_async_callback(value.aclose)
    return resources


async def _add_mcp_tools(servers: Sequence[McpServer], tools: Tools) -> None:
    """What is registered under the name of such a tool is meant to stand in its place."""
    if not servers:
        return
    try:
        mcp = await load("agents.tools.mcp")
    except ImportError as error:
        raise SettingsError(
            f"MCP servers are named, and what speaks to them is not installed ({error.name}).",
            hint="pip install 'baton[mcp]'",
            code="mcp_missing",
        ) from None
    found = [tool for server in servers for tool in await mcp.mcp_tools(server)]
    for tool in found:
        if tool.name not in tools:
            tools.add(tool)
    for tool in found:
        if tool.undo is not None and tool.undo not in tools:
            raise SettingsError(
                f"tool '{tool.name}' is to be undone by '{tool.undo}', and there is no such tool.",
                hint=tools.suggestion(tool.undo),
                code="tool_undo",
            )
